/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Who is listening, on NetBSD: sysctl(3)'s lists of protocol control blocks,
 * and kern.file2 for whose they are.  The kernel does not tell how long the
 * queues are, nor which of the unix sockets listen; and the addresses by which
 * a socket's owner is found only to whom kern.expose_address lets it.
 */
#include "config.h"

#include <sys/param.h>
#include <sys/types.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/sysctl.h>

#include <netinet/in.h>
#include <netinet/in_pcb.h>
#include <netinet/tcp_fsm.h>

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "listening.h"
#include "sysctl_bsd.h"

static const char *const lists[] = {
    "net.inet.tcp.pcblist",
    "net.inet6.tcp6.pcblist",
};
#define NLISTS (sizeof(lists) / sizeof(lists[0]))

struct listening_table {
	size_t list; /* of lists: the one that is read next */
	void *buf;
	size_t size;
	size_t at; /* how many of them have been looked at */
	size_t n;
};

/* A kernel without IPv6 has no such list. */
static int
next_list(struct listening_table *t)
{
	int mib[CTL_MAXNAME];
	size_t n, len;

	n = CTL_MAXNAME - 4;
	t->at = t->n = 0;
	if (sysctlnametomib(lists[t->list++], mib, &n) == -1)
		return (errno == ENOENT && t->list > 1 ? 0 : -1);
	mib[n++] = PCB_ALL;
	mib[n++] = 0;
	mib[n++] = (int)sizeof(struct kinfo_pcb);
	mib[n++] = INT_MAX;
	if (sysctl_read(mib, (unsigned)n, &t->buf, &t->size, &len) == -1)
		return (-1);
	t->n = len / sizeof(struct kinfo_pcb);
	return (0);
}

struct listening_table *
listening_open(void)
{
	struct listening_table *t;
	int saved;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		return (NULL);
	if (next_list(t) == -1) {
		saved = errno;
		listening_close(t);
		errno = saved;
		return (NULL);
	}
	return (t);
}

void
listening_close(struct listening_table *t)
{
	if (t == NULL)
		return;
	free(t->buf);
	free(t);
}

static bool
fill(const struct kinfo_pcb *k, struct listening *l)
{
	if (k->ki_tstate != TCPS_LISTEN)
		return (false);
	memset(l, 0, sizeof(*l));
	l->addrlen = k->ki_src.sa_len;
	if (l->addrlen > sizeof(l->addr))
		l->addrlen = sizeof(l->addr);
	memcpy(&l->addr, &k->ki_s, l->addrlen);
	l->v4_too = l->addr.ss_family == AF_INET6 &&
	    (k->ki_pflags & IN6P_IPV6_V6ONLY) == 0;
	l->queue = l->limit = -1;
	l->socket = k->ki_sockaddr;
	return (true);
}

int
listening_next(struct listening_table *t, struct listening *l)
{
	const struct kinfo_pcb *k;

	for (;;) {
		k = t->buf;
		while (t->at < t->n) {
			if (fill(&k[t->at++], l))
				return (1);
		}
		if (t->list == NLISTS)
			return (0);
		if (next_list(t) == -1)
			return (-1);
	}
}

int
listening_owner(uint64_t socket, pid_t first, pid_t *owner)
{
	const int mib[] = {CTL_KERN, KERN_FILE2, KERN_FILE_BYPID, 0,
	    (int)sizeof(struct kinfo_file), INT_MAX};
	const struct kinfo_file *k;
	size_t i, size, len;
	void *buf;
	pid_t pid, found;
	int saved;

	if (socket == 0) {
		errno = ENOTSUP;
		return (-1);
	}
	buf = NULL;
	size = 0;
	if (sysctl_read(mib, 6, &buf, &size, &len) == -1) {
		saved = errno;
		free(buf);
		errno = saved;
		return (-1);
	}
	k = buf;
	found = 0;
	for (i = 0; i < len / sizeof(*k); i++) {
		if (k[i].ki_ftype != DTYPE_SOCKET || k[i].ki_fdata != socket)
			continue;
		pid = (pid_t)k[i].ki_pid;
		if (found == 0 || pid == first ||
		    (found != first && pid < found))
			found = pid;
	}
	free(buf);
	if (found == 0) {
		errno = ESRCH;
		return (-1);
	}
	*owner = found;
	return (0);
}
