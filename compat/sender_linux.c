/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Datagrams with their senders: Linux' SO_PASSCRED.  The kernel has checked
 * what SCM_CREDENTIALS says: only root can name another process than itself.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <string.h>

#include "system.h"

int
sender_ask(int fd)
{
	int on = 1;

	return (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
}

ssize_t
sender_recv(int fd, void *buf, size_t len, struct sender *s)
{
	/*
	 * The credentials come first, whatever else there is; the kernel
	 * closes the descriptors that do not fit.
	 */
	union {
		char space[CMSG_SPACE(sizeof(struct ucred)) +
		    CMSG_SPACE(SENDER_FDS * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {.iov_base = buf, .iov_len = len};
	struct msghdr msg = {
	    .msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof(control),
	};
	struct ucred cred;
	ssize_t n;

	memset(s, 0, sizeof(*s));
	s->pid = -1;
	s->uid = (uid_t)-1;
	n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n == -1)
		return (-1);
	s->cut = (msg.msg_flags & MSG_TRUNC) != 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c != NULL;
	     c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_CREDENTIALS &&
		    c->cmsg_len == CMSG_LEN(sizeof(cred))) {
			memcpy(&cred, CMSG_DATA(c), sizeof(cred));
			/* 0: of a pid namespace that we cannot see. */
			s->pid = cred.pid > 0 ? cred.pid : -1;
			s->uid = cred.uid;
		} else if (c->cmsg_type == SCM_RIGHTS)
			sender_take(s, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
	}
	return (n);
}
