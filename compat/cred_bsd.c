/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Changing identity on the BSDs: credentials belong to the process, and the
 * functions are the system calls, so a vforked child may use them.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/param.h>

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "system.h"

int
cred_setgroups(size_t n, const gid_t *groups)
{
	if (n > INT_MAX) {
		errno = EINVAL;
		return (-1);
	}
	return (setgroups((int)n, groups));
}

/* For root these set the real, the effective and the saved id. */
int
cred_setgid(gid_t gid)
{
	return (setgid(gid));
}

int
cred_setuid(uid_t uid)
{
	return (setuid(uid));
}

int
cred_save(void)
{
	return (0);
}

void
cred_restore(int saved)
{
	(void)saved;
}
