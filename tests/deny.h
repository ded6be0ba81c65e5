/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * A kernel that refuses a system call, as containers' filters do: seccomp(2)
 * by a filter of four instructions.  It cannot be taken back, so this is for
 * forked children only.  With it, what else Linux knows about a process.
 */
#ifndef TESTS_DENY_H
#define TESTS_DENY_H

#include <sys/types.h>
#include <sys/syscall.h>

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#if __has_include(<linux/seccomp.h>)
#include <sys/prctl.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#define DENY_KILL (-1)

/* Let the call fail with error, or (DENY_KILL) kill whoever makes it. */
static inline int
deny(long call, int error)
{
	struct sock_filter code[] = {
	    BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K,
		error == DENY_KILL ? SECCOMP_RET_KILL_PROCESS :
				     SECCOMP_RET_ERRNO | (uint32_t)error),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {
	    .len = sizeof(code) / sizeof(code[0]),
	    .filter = code,
	};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return (-1);
	return (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0));
}

/* May this process dump core?  And it shall not. */
static inline int
may_dump(void)
{
	return (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1);
}

static inline int
no_dump(void)
{
	return (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
}

#else

#define DENY_KILL (-1)

static inline int
deny(long call, int error)
{
	(void)call;
	(void)error;
	errno = ENOTSUP;
	return (-1);
}

static inline int
may_dump(void)
{
	return (1);
}

static inline int
no_dump(void)
{
	return (0);
}

/* What a system has no number for. */
#ifndef SYS_chdir
#define SYS_chdir 0
#endif
#ifndef SYS_close_range
#define SYS_close_range 0
#endif
#ifndef SYS_openat
#define SYS_openat 0
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 0
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 0
#endif
#ifndef SYS_setsid
#define SYS_setsid 0
#endif

#endif

#endif
