/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Descriptors for processes: Linux pidfd, by its raw numbers.  glibc has
 * wrappers since 2.36 and musl none.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/syscall.h>

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

#include "procfd.h"

int
procfd_open(pid_t pid)
{
	int fd;

	/* Close-on-exec without being asked.  Linux 5.3. */
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	/*
	 * The number of a thread that does not lead a process: EINVAL up to
	 * Linux 6.8, ENOENT after.  There is no such process, then.
	 */
	if (fd == -1 && pid > 0 && (errno == EINVAL || errno == ENOENT))
		errno = ESRCH;
	return (fd);
}

int
procfd_signal(int fd, int signo)
{
	return ((int)syscall(SYS_pidfd_send_signal, fd, signo, NULL, 0));
}
