/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * closefrom(2) for C libraries without it.  How it is done without counting
 * up to RLIMIT_NOFILE, which may be a billion, is closefds_linux.c's affair;
 * closefds_bsd.c is not for systems that lack closefrom.
 */
#include "config.h"

#include <limits.h>

#include "system.h"

void
closefrom(int low)
{
	closefds(low < 0 ? 0 : low, INT_MAX);
}
