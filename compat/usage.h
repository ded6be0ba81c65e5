/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What a process uses: usage_linux.c, …
 */
#ifndef COMPAT_USAGE_H
#define COMPAT_USAGE_H

#include <sys/types.h>

#include <stdint.h>

/* -1: the system does not tell, or not us. */
struct usage {
	int64_t cpu;	/* nanoseconds of processor time, all threads */
	int64_t memory; /* bytes resident */
	int64_t threads;
	int64_t descriptors;
};

/*
 * 0, or -1 with errno: ESRCH, ENOTSUP.  Whose pid it is, is the caller's to
 * make sure of, before and after.
 */
int usage_get(pid_t pid, struct usage *u);

#endif
