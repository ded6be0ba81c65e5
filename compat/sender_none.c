/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Datagrams where the kernel does not tell whose they are: who may send them
 * has to be a matter of the socket's mode.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <string.h>

#include "system.h"

int
sender_ask(int fd)
{
	(void)fd;
	errno = ENOTSUP;
	return (-1);
}

/* Without room for descriptors, the kernel closes those that are sent. */
ssize_t
sender_recv(int fd, void *buf, size_t len, struct sender *s)
{
	struct iovec iov = {.iov_base = buf, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	memset(s, 0, sizeof(*s));
	s->pid = -1;
	s->uid = (uid_t)-1;
	n = recvmsg(fd, &msg, MSG_DONTWAIT);
	s->cut = n != -1 && (msg.msg_flags & MSG_TRUNC) != 0;
	return (n);
}
