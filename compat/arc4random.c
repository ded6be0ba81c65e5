/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * arc4random(3): a random number that never fails, from the kernel each time.
 * Not fast; for jitter and names.
 */
#include "config.h"

#include <sys/random.h>

#include <errno.h>
#include <stdlib.h>

uint32_t
arc4random(void)
{
	uint32_t value;
	ssize_t n;

	/* So few bytes come whole; only a signal before boot's end delays. */
	do {
		n = getrandom(&value, sizeof(value), 0);
	} while (n == -1 && errno == EINTR);
	/* As on the BSDs: no randomness is no reason to go on. */
	if (n != (ssize_t)sizeof(value))
		abort();
	return (value);
}
