/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Descriptors for processes, where the kernel has none for a process that is
 * not ours: the BSDs tell by EVFILT_PROC, which is the poller's.
 */
#include "config.h"

#include <sys/types.h>

#include <errno.h>

#include "procfd.h"

int
procfd_open(pid_t pid)
{
	(void)pid;
	errno = ENOTSUP;
	return (-1);
}

int
procfd_signal(int fd, int signo)
{
	(void)fd;
	(void)signo;
	errno = ENOTSUP;
	return (-1);
}
