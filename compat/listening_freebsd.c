/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Who is listening, on FreeBSD: sysctl(3)'s lists of protocol control blocks,
 * and kern.file for whose they are.  A socket's name is its address in the
 * kernel, which is the same in both.
 */
#include "config.h"

#include <sys/param.h>
#include <sys/types.h>
#include <sys/file.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/sysctl.h>
#include <sys/un.h>
#include <sys/unpcb.h>

#include <netinet/in.h>
#include <netinet/in_pcb.h>
#include <netinet/tcp_fsm.h>
#include <netinet/tcp_var.h>

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "listening.h"
#include "sysctl_bsd.h"

/*
 * Each list begins and ends with a structure of its own, and each structure
 * with its length.
 */
static const char *const lists[] = {
    "net.inet.tcp.pcblist",
    "net.local.stream.pcblist",
    "net.local.seqpacket.pcblist",
};
#define NLISTS (sizeof(lists) / sizeof(lists[0]))
#define LIST_TCP 0

struct listening_table {
	size_t list; /* of lists: the one that is read next */
	void *buf;
	size_t size;
	size_t at; /* in buf */
	size_t len;
};

static int
read_name(const char *name, struct listening_table *t)
{
	int mib[CTL_MAXNAME];
	size_t n;

	n = CTL_MAXNAME;
	if (sysctlnametomib(name, mib, &n) == -1)
		return (-1);
	return (sysctl_read(mib, (unsigned)n, &t->buf, &t->size, &t->len));
}

/* The length of the structure at t->at: 0 if there is none any more. */
static size_t
piece(const struct listening_table *t)
{
	ksize_t len;

	if (t->at > t->len || t->len - t->at < sizeof(len))
		return (0);
	memcpy(&len, (const char *)t->buf + t->at, sizeof(len));
	return (len >= sizeof(len) && len <= t->len - t->at ? (size_t)len : 0);
}

static int
next_list(struct listening_table *t)
{
	if (read_name(lists[t->list], t) == -1)
		return (-1);
	t->list++;
	t->at = 0;
	t->at = piece(t); /* the head */
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

/* A connection is dropped when there are more than half as many again. */
static void
fill_socket(const struct xsocket *so, struct listening *l)
{
	l->queue = so->so_qlen;
	l->limit = so->so_qlimit;
	l->full = so->so_qlen > 3 * (uint64_t)so->so_qlimit / 2;
	l->socket = so->xso_so;
}

static bool
fill_tcp(const struct xtcpcb *x, struct listening *l)
{
	const struct in_endpoints *ie;
	struct sockaddr_in *sin;
	struct sockaddr_in6 *sin6;

	if (x->t_state != TCPS_LISTEN)
		return (false);
	memset(l, 0, sizeof(*l));
	ie = &x->xt_inp.inp_inc.inc_ie;
	if ((x->xt_inp.inp_vflag & INP_IPV6) != 0) {
		sin6 = (struct sockaddr_in6 *)&l->addr;
		sin6->sin6_len = sizeof(*sin6);
		sin6->sin6_family = AF_INET6;
		sin6->sin6_port = ie->ie_lport;
		sin6->sin6_addr = ie->ie6_laddr;
		sin6->sin6_scope_id = ie->ie6_zoneid;
		l->addrlen = sizeof(*sin6);
		l->v4_too = (x->xt_inp.inp_vflag & INP_IPV4) != 0;
	} else {
		sin = (struct sockaddr_in *)&l->addr;
		sin->sin_len = sizeof(*sin);
		sin->sin_family = AF_INET;
		sin->sin_port = ie->ie_lport;
		sin->sin_addr = ie->ie_laddr;
		l->addrlen = sizeof(*sin);
	}
	fill_socket(&x->xt_inp.xi_socket, l);
	return (true);
}

static bool
fill_unix(const struct xunpcb *x, struct listening *l)
{
	if ((x->xu_socket.so_options & SO_ACCEPTCONN) == 0)
		return (false);
	memset(l, 0, sizeof(*l));
	l->addrlen = x->xu_addr.sun_len;
	if (l->addrlen > sizeof(x->xu_addr))
		l->addrlen = sizeof(x->xu_addr);
	memcpy(&l->addr, &x->xu_addr, l->addrlen);
	l->addr.ss_family = AF_UNIX;
	fill_socket(&x->xu_socket, l);
	return (true);
}

int
listening_next(struct listening_table *t, struct listening *l)
{
	const void *p;
	size_t len;
	bool tcp;

	for (;;) {
		if ((len = piece(t)) == 0) {
			if (t->list == NLISTS)
				return (0);
			if (next_list(t) == -1)
				return (-1);
			continue;
		}
		p = (const char *)t->buf + t->at;
		t->at += len;
		tcp = t->list == LIST_TCP + 1;
		if (len ==
		    (tcp ? sizeof(struct xinpgen) : sizeof(struct xunpgen)))
			continue; /* the tail */
		if (len <
		    (tcp ? sizeof(struct xtcpcb) : sizeof(struct xunpcb))) {
			/* A kernel whose structures we do not know. */
			errno = ENOTSUP;
			return (-1);
		}
		if (tcp ? fill_tcp(p, l) : fill_unix(p, l))
			return (1);
	}
}

int
listening_owner(uint64_t socket, pid_t first, pid_t *owner)
{
	struct listening_table t = {.buf = NULL};
	const struct xfile *x;
	size_t i, n;
	pid_t found;
	int saved;

	if (read_name("kern.file", &t) == -1) {
		saved = errno;
		free(t.buf);
		errno = saved;
		return (-1);
	}
	x = t.buf;
	n = t.len / sizeof(*x);
	found = 0;
	for (i = 0; i < n && (first <= 0 || found != first); i++) {
		if (x[i].xf_type != DTYPE_SOCKET || x[i].xf_data != socket)
			continue;
		if (x[i].xf_pid == first || found == 0 || x[i].xf_pid < found)
			found = x[i].xf_pid;
	}
	free(t.buf);
	if (found == 0) {
		errno = ESRCH;
		return (-1);
	}
	*owner = found;
	return (0);
}
