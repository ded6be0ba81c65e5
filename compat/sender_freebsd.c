/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Datagrams with their senders: FreeBSD's LOCAL_CREDS_PERSISTENT (13.1),
 * which tells the pid, as LOCAL_CREDS does not.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <string.h>

#include "system.h"

#ifndef SOL_LOCAL
#define SOL_LOCAL 0 /* its name came later than the option */
#endif

int
sender_ask(int fd)
{
	int on = 1;

	return (
	    setsockopt(fd, SOL_LOCAL, LOCAL_CREDS_PERSISTENT, &on, sizeof(on)));
}

static void
credentials(struct cmsghdr *c, struct sender *s)
{
	struct sockcred2 cred;

	if (c->cmsg_type != SCM_CREDS2 || c->cmsg_len < CMSG_LEN(sizeof(cred)))
		return;
	memcpy(&cred, CMSG_DATA(c), sizeof(cred));
	s->pid = cred.sc_pid > 0 ? cred.sc_pid : -1;
	s->uid = cred.sc_euid;
}

ssize_t
sender_recv(int fd, void *buf, size_t len, struct sender *s)
{
	union {
		char space[CMSG_SPACE(SOCKCRED2SIZE(CMGROUP_MAX)) +
		    CMSG_SPACE(SENDER_FDS * sizeof(int))];
		struct cmsghdr align;
	} control;

	return (sender_receive(
	    fd, buf, len, &control, sizeof(control), s, credentials));
}
