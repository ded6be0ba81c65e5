/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Closing a range of descriptors on the BSDs, where closefrom(2) is the
 * kernel's.  A range with an end is closed one by one: not all of them have
 * close_range(2), and such ranges are short.
 */
#include "config.h"

#include <limits.h>
#include <unistd.h>

#include "system.h"

void
closefds(int low, int high)
{
	if (high == INT_MAX) {
		closefrom(low);
		return;
	}
	for (; low <= high; low++)
		(void)close(low);
}
