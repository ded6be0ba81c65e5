/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Changing identity by raw system calls.  The C libraries' functions carry
 * the change to every thread of the process, and in a vforked child "the
 * process" is, by the memory they look at, the parent (glibc nptl(7) signals
 * them; musl's __synccall does too).
 */
#include "config.h"

#include <sys/types.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <unistd.h>

#include "system.h"

/* Where the plain calls still take 16-bit ids, the wide ones have a name. */
#ifdef SYS_setgroups32
#define CRED_SETGROUPS SYS_setgroups32
#else
#define CRED_SETGROUPS SYS_setgroups
#endif
#ifdef SYS_setresgid32
#define CRED_SETRESGID SYS_setresgid32
#else
#define CRED_SETRESGID SYS_setresgid
#endif
#ifdef SYS_setresuid32
#define CRED_SETRESUID SYS_setresuid32
#else
#define CRED_SETRESUID SYS_setresuid
#endif

int
cred_setgroups(gid_t gid, size_t n, const gid_t *groups)
{
	(void)gid;
	return ((int)syscall(CRED_SETGROUPS, n, groups));
}

/* All three ids, so that none is left to go back to. */
int
cred_setgid(gid_t gid)
{
	return ((int)syscall(CRED_SETRESGID, gid, gid, gid));
}

int
cred_setuid(uid_t uid)
{
	return ((int)syscall(CRED_SETRESUID, uid, uid, uid));
}

int
cred_save(void)
{
	return (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
}

void
cred_restore(int saved)
{
	/* 2, of a set-user-id program, cannot be set and need not be. */
	if (saved == 1)
		(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}
