/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What a process uses, where nobody says.
 */
#include "config.h"

#include <errno.h>

#include "usage.h"

int
usage_get(pid_t pid, struct usage *u)
{
	(void)pid;
	*u = (struct usage) {-1, -1, -1, -1};
	errno = ENOTSUP;
	return (-1);
}
