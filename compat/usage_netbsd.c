/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What a process uses, from NetBSD's sysctl(3).  How many descriptors it has
 * would have to be counted in a table of all of them: that is left out.
 */
#include "config.h"

#include <sys/param.h>
#include <sys/types.h>
#include <sys/sysctl.h>

#include <errno.h>
#include <unistd.h>

#include "usage.h"

int
usage_get(pid_t pid, struct usage *u)
{
	struct kinfo_proc2 k;
	int mib[] = {
	    CTL_KERN, KERN_PROC2, KERN_PROC_PID, pid, (int)sizeof(k), 1};
	size_t len = sizeof(k);

	*u = (struct usage) {-1, -1, -1, -1};
	if (sysctl(mib, 6, &k, &len, NULL, 0) == -1)
		return (-1);
	if (len < sizeof(k)) {
		errno = ESRCH;
		return (-1);
	}
	u->cpu = (int64_t)k.p_rtime_sec * INT64_C(1000000000) +
	    (int64_t)k.p_rtime_usec * 1000;
	u->memory = (int64_t)k.p_vm_rssize * getpagesize();
	u->threads = (int64_t)k.p_nlwps;
	return (0);
}
