/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What all systems share of datagrams with senders: receiving them, and the
 * descriptors in them.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <string.h>
#include <unistd.h>

#include "system.h"

static void
take(struct sender *s, const unsigned char *data, size_t len)
{
	int fd;

	for (; len >= sizeof(fd); data += sizeof(fd), len -= sizeof(fd)) {
		memcpy(&fd, data, sizeof(fd));
		if (s->nfds < SENDER_FDS)
			s->fds[s->nfds++] = fd;
		else
			(void)close(fd);
	}
}

ssize_t
sender_receive(int fd, void *buf, size_t len, void *control, size_t control_len,
    struct sender *s, sender_cred *cred)
{
	struct iovec iov = {.iov_base = buf, .iov_len = len};
	struct msghdr msg = {
	    .msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control,
	    .msg_controllen = control_len,
	};
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
		if (c->cmsg_type == SCM_RIGHTS)
			take(s, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
		else if (cred != NULL)
			cred(c, s);
	}
	return (n);
}

void
sender_done(struct sender *s)
{
	while (s->nfds > 0)
		(void)close(s->fds[--s->nfds]);
}
