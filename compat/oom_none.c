/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Systems on which nobody can be picked to be killed for memory.
 */
#include "config.h"

#include <errno.h>

#include "system.h"

int
oom_set(int score)
{
	(void)score;
	errno = ENOTSUP;
	return (-1);
}
