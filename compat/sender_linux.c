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

#include <string.h>

#include "system.h"

int
sender_ask(int fd)
{
	int on = 1;

	return (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
}

static void
credentials(struct cmsghdr *c, struct sender *s)
{
	struct ucred cred;

	if (c->cmsg_type != SCM_CREDENTIALS ||
	    c->cmsg_len != CMSG_LEN(sizeof(cred)))
		return;
	memcpy(&cred, CMSG_DATA(c), sizeof(cred));
	/* 0: of a pid namespace that we cannot see. */
	s->pid = cred.pid > 0 ? cred.pid : -1;
	s->uid = cred.uid;
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

	return (sender_receive(
	    fd, buf, len, &control, sizeof(control), s, credentials));
}
