/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Adopting orphans: Linux' child subreaper.  Not inherited by children, kept
 * over exec.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/prctl.h>

#include <errno.h>

#include "system.h"

int
reaper_acquire(void)
{
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == -1) {
		if (errno == EINVAL) /* before Linux 3.4 */
			errno = ENOTSUP;
		return (-1);
	}
	return (0);
}
