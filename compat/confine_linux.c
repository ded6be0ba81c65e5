/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Giving up, for good, what exec could gain: set-user-ID bits and file
 * capabilities.  Inherited by children, and never taken back.
 */
#include "config.h"

#include <sys/prctl.h>

#include <errno.h>

#include "system.h"

int
confine_no_new_privs(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) == 0)
		return (0);
	/* EINVAL: Linux before 3.5 has no such thing. */
	return (errno == EINVAL ? 0 : -1);
}
