/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Giving up, for good, what exec could gain by set-user-ID bits: procctl(2) of
 * FreeBSD.  Inherited by children, and never taken back.  Not Capsicum: in
 * capability mode nothing can be connected to by its address.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/procctl.h>
#include <sys/wait.h>

#include <errno.h>
#include <unistd.h>

#include "system.h"

int
confine_no_new_privs(void)
{
	int arg;

	arg = PROC_NO_NEW_PRIVS_ENABLE;
	if (procctl(P_PID, getpid(), PROC_NO_NEW_PRIVS_CTL, &arg) == 0)
		return (0);
	/* EINVAL: a kernel older than the headers has no such thing. */
	return (errno == EINVAL ? 0 : -1);
}
