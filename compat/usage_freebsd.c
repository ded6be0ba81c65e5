/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What a process uses, from FreeBSD's sysctl(3).
 */
#include "config.h"

#include <sys/param.h>
#include <sys/types.h>
#include <sys/sysctl.h>
#include <sys/user.h>

#include <errno.h>
#include <unistd.h>

#include "usage.h"

/* Only of one's own processes, unless one is root. */
static int64_t
count_descriptors(pid_t pid)
{
	int mib[] = {CTL_KERN, KERN_PROC, KERN_PROC_NFDS, pid}, n;
	size_t len = sizeof(n);

	return (sysctl(mib, 4, &n, &len, NULL, 0) == -1 ? -1 : n);
}

int
usage_get(pid_t pid, struct usage *u)
{
	int mib[] = {CTL_KERN, KERN_PROC, KERN_PROC_PID, pid};
	struct kinfo_proc k;
	size_t len = sizeof(k);

	*u = (struct usage) {-1, -1, -1, -1};
	if (sysctl(mib, 4, &k, &len, NULL, 0) == -1)
		return (-1);
	if (len < sizeof(k)) {
		errno = ESRCH;
		return (-1);
	}
	u->cpu = (int64_t)k.ki_runtime * 1000; /* microseconds */
	u->memory = (int64_t)k.ki_rssize * getpagesize();
	u->threads = k.ki_numthreads;
	u->descriptors = count_descriptors(pid);
	return (0);
}
