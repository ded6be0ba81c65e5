/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Where the system has nothing like no_new_privs: nothing is given up, and
 * nobody is told otherwise than by system.h.
 */
#include "config.h"

#include "system.h"

int
confine_no_new_privs(void)
{
	return (0);
}
