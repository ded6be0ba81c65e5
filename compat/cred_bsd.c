/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Changing identity on the BSDs: credentials belong to the process, and the
 * functions are the system calls, so a vforked child may use them.  Not so
 * setusercontext(3) and initgroups(3), which read databases and allocate; and
 * a login class is not what a service gets from rc(8) either: it keeps that
 * of who starts it (class "daemon").
 */
#include "config.h"

#include <sys/types.h>
#include <sys/param.h>

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "system.h"

/*
 * Before FreeBSD 15 the first of these groups is the effective one, which
 * setgid() then replaces: a group in that place would be lost.  So it is the
 * one that will be there anyway.  Elsewhere it does no harm to have it twice.
 */
int
cred_setgroups(gid_t gid, size_t n, const gid_t *groups)
{
	gid_t list[NGROUPS_MAX + 1];
	size_t i, have;

	have = 0;
	list[have++] = gid;
	for (i = 0; i < n; i++) {
		if (groups[i] == gid)
			continue;
		if (have == sizeof(list) / sizeof(list[0])) {
			errno = EINVAL;
			return (-1);
		}
		list[have++] = groups[i];
	}
	if (setgroups((int)have, list) == 0)
		return (0);
	/* NetBSD and OpenBSD count to 16, and without the effective one. */
	if (errno != EINVAL || have <= n || n > INT_MAX)
		return (-1);
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
