/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Where libkqueue, which emulates kqueue(2) on Linux, has to be put right
 * before poller_kqueue.c can be tried on it.  Compiled only with it.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/event.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <stdbool.h>
#include <unistd.h>

#include "libkqueue.h"

/* This thread is in kevent(). */
static _Thread_local bool asking;

/*
 * libkqueue (2.7) takes a socket's pending error to report it in fflags, where
 * the BSDs' kernels only look at it: who was waiting for a connection found
 * nothing wrong with it.  This takes the place of libc's function in programs,
 * and tells libkqueue that there is none.
 */
int
getsockopt(
    int fd, int level, int name, void *restrict value, socklen_t *restrict len)
{

	if (asking && level == SOL_SOCKET && name == SO_ERROR) {
		*(int *)value = 0;
		return (0);
	}
	return ((int)syscall(SYS_getsockopt, fd, level, name, value, len));
}

int
libkqueue_kevent(int kq, const struct kevent *changes, int nchanges,
    struct kevent *events, int nevents, const struct timespec *timeout)
{
	int n;

	asking = true;
	n = kevent(kq, changes, nchanges, events, nevents, timeout);
	asking = false;
	return (n);
}
