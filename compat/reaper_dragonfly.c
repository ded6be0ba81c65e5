/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Adopting orphans: procctl(2) of DragonFly, which has less of
 * it than FreeBSD.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/procctl.h>
#include <sys/wait.h>

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

#include "system.h"

int
reaper_acquire(void)
{
	/* EBUSY: we are one already, which is what was asked for. */
	if (procctl(P_PID, getpid(), PROC_REAP_ACQUIRE, NULL) == -1 &&
	    errno != EBUSY)
		return (-1);
	return (0);
}
