/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Who is listening, on Linux: sock_diag(7) lists the sockets, proc(5) tells
 * whose descriptors they are.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>

#include <netinet/in.h>

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "listening.h"

/* A state's number (TCP_LISTEN) is the kernel's own, for unix sockets too. */
#define STATE_LISTEN (1u << 10)

static const int families[] = {AF_INET, AF_INET6, AF_UNIX};
#define NFAMILIES (sizeof(families) / sizeof(families[0]))

struct listening_table {
	int fd;
	size_t family; /* of families: the one that is being read */
	bool asked;
	size_t at;  /* in buf */
	size_t len; /* of what is in it */
	_Alignas(struct nlmsghdr) char buf[32 * 1024];
};

static int
ask_inet(int fd, int family)
{
	struct {
		struct nlmsghdr h;
		struct inet_diag_req_v2 r;
	} m;

	memset(&m, 0, sizeof(m));
	m.h.nlmsg_len = sizeof(m);
	m.h.nlmsg_type = SOCK_DIAG_BY_FAMILY;
	m.h.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	m.r.sdiag_family = (uint8_t)family;
	m.r.sdiag_protocol = IPPROTO_TCP;
	m.r.idiag_states = STATE_LISTEN;
	return (send(fd, &m, sizeof(m), 0) == -1 ? -1 : 0);
}

static int
ask_unix(int fd)
{
	struct {
		struct nlmsghdr h;
		struct unix_diag_req r;
	} m;

	memset(&m, 0, sizeof(m));
	m.h.nlmsg_len = sizeof(m);
	m.h.nlmsg_type = SOCK_DIAG_BY_FAMILY;
	m.h.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	m.r.sdiag_family = AF_UNIX;
	m.r.udiag_states = STATE_LISTEN;
	m.r.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_RQLEN;
	return (send(fd, &m, sizeof(m), 0) == -1 ? -1 : 0);
}

struct listening_table *
listening_open(void)
{
	struct listening_table *t;
	int fd, saved;

	fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    NETLINK_SOCK_DIAG);
	if (fd == -1) {
		if (errno == EPROTONOSUPPORT)
			errno = ENOTSUP;
		return (NULL);
	}
	if ((t = malloc(sizeof(*t))) == NULL) {
		saved = errno;
		(void)close(fd);
		errno = saved;
		return (NULL);
	}
	t->fd = fd;
	t->family = 0;
	t->asked = false;
	t->at = t->len = 0;
	return (t);
}

void
listening_close(struct listening_table *t)
{
	if (t == NULL)
		return;
	(void)close(t->fd);
	free(t);
}

static void
fill_inet(const struct inet_diag_msg *d, struct listening *l)
{
	struct sockaddr_in *sin;
	struct sockaddr_in6 *sin6;

	if (d->idiag_family == AF_INET) {
		sin = (struct sockaddr_in *)&l->addr;
		sin->sin_family = AF_INET;
		sin->sin_port = d->id.idiag_sport;
		memcpy(&sin->sin_addr, d->id.idiag_src, sizeof(sin->sin_addr));
		l->addrlen = sizeof(*sin);
	} else {
		sin6 = (struct sockaddr_in6 *)&l->addr;
		sin6->sin6_family = AF_INET6;
		sin6->sin6_port = d->id.idiag_sport;
		memcpy(
		    &sin6->sin6_addr, d->id.idiag_src, sizeof(sin6->sin6_addr));
		if (IN6_IS_ADDR_LINKLOCAL(&sin6->sin6_addr))
			sin6->sin6_scope_id = d->id.idiag_if;
		l->addrlen = sizeof(*sin6);
	}
	l->queue = d->idiag_rqueue;
	l->limit = d->idiag_wqueue;
	l->socket = d->idiag_inode;
}

static void
inet_attribute(struct rtattr *a, struct listening *l)
{
	uint8_t only;

	/* Linux 4.3.  Without it: not known to take IPv4. */
	if (a->rta_type == INET_DIAG_SKV6ONLY &&
	    RTA_PAYLOAD(a) >= sizeof(only)) {
		memcpy(&only, RTA_DATA(a), sizeof(only));
		l->v4_too = only == 0;
	}
}

static void
unix_attribute(struct rtattr *a, struct listening *l)
{
	struct unix_diag_rqlen q;
	struct sockaddr_un *sun;
	size_t n;

	n = RTA_PAYLOAD(a);
	if (a->rta_type == UNIX_DIAG_NAME) {
		sun = (struct sockaddr_un *)&l->addr;
		if (n > sizeof(sun->sun_path))
			n = sizeof(sun->sun_path);
		memcpy(sun->sun_path, RTA_DATA(a), n);
		l->addrlen =
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	} else if (a->rta_type == UNIX_DIAG_RQLEN && n >= sizeof(q)) {
		memcpy(&q, RTA_DATA(a), sizeof(q));
		l->queue = q.udiag_rqueue;
		l->limit = q.udiag_wqueue;
	}
}

/* Is it one that listens?  The head of the message, then its attributes. */
static bool
parse(struct nlmsghdr *h, struct listening *l)
{
	const struct inet_diag_msg *d;
	const struct unix_diag_msg *u;
	struct rtattr *a;
	size_t head;
	bool local;
	int left;

	memset(l, 0, sizeof(*l));
	l->queue = l->limit = -1;
	u = NLMSG_DATA(h);
	local = h->nlmsg_len >= NLMSG_LENGTH(sizeof(*u)) &&
	    u->udiag_family == AF_UNIX;
	head = local ? sizeof(*u) : sizeof(*d);
	if (h->nlmsg_len < NLMSG_LENGTH(head))
		return (false);
	if (local) {
		l->addr.ss_family = AF_UNIX;
		l->addrlen = offsetof(struct sockaddr_un, sun_path);
		l->socket = u->udiag_ino;
	} else {
		d = NLMSG_DATA(h);
		fill_inet(d, l);
	}
	left = (int)(h->nlmsg_len - NLMSG_LENGTH(head));
	a = (void *)((char *)NLMSG_DATA(h) + NLMSG_ALIGN(head));
	for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (local)
			unix_attribute(a, l);
		else
			inet_attribute(a, l);
	}
	/* One more than was asked for goes in. */
	l->full = l->limit != -1 && l->queue > l->limit;
	return (true);
}

/* The next piece of the answer. */
static int
receive(struct listening_table *t)
{
	ssize_t n;

	do {
		n = recv(t->fd, t->buf, sizeof(t->buf), MSG_TRUNC);
	} while (n == -1 && errno == EINTR);
	if (n == -1)
		return (-1);
	if (n == 0 || (size_t)n > sizeof(t->buf)) {
		errno = EMSGSIZE;
		return (-1);
	}
	t->at = 0;
	t->len = (size_t)n;
	return (0);
}

static void
next_family(struct listening_table *t)
{
	t->family++;
	t->asked = false;
	t->at = t->len = 0;
}

/* A kernel without IPv6 or without unix_diag has no such sockets to show. */
static int
refused(struct listening_table *t, struct nlmsghdr *h)
{
	const struct nlmsgerr *e;

	e = NLMSG_DATA(h);
	errno = h->nlmsg_len >= NLMSG_LENGTH(sizeof(*e)) && e->error < 0 ?
	    -e->error :
	    EPROTO;
	if (errno == ENOENT && families[t->family] == AF_INET)
		errno = ENOTSUP;
	if (errno != ENOENT)
		return (-1);
	next_family(t);
	return (0);
}

/* There is something in the buffer, or nothing left to be asked: 1, 0, -1. */
static int
more(struct listening_table *t)
{
	int family;

	if (t->at < t->len)
		return (1);
	if (t->family == NFAMILIES)
		return (0);
	family = families[t->family];
	if (!t->asked) {
		if ((family == AF_UNIX ? ask_unix(t->fd) :
					 ask_inet(t->fd, family)) == -1)
			return (-1);
		t->asked = true;
	}
	return (receive(t) == -1 ? -1 : 1);
}

int
listening_next(struct listening_table *t, struct listening *l)
{
	struct nlmsghdr *h;
	size_t left;
	int rv;

	while ((rv = more(t)) == 1) {
		h = (void *)(t->buf + t->at);
		left = t->len - t->at;
		if (left < sizeof(*h) || h->nlmsg_len < sizeof(*h) ||
		    h->nlmsg_len > left) {
			errno = EPROTO;
			return (-1);
		}
		t->at += NLMSG_ALIGN(h->nlmsg_len);
		if (h->nlmsg_type == NLMSG_DONE)
			next_family(t);
		else if (h->nlmsg_type == NLMSG_ERROR) {
			if (refused(t, h) == -1)
				return (-1);
		} else if (h->nlmsg_type == SOCK_DIAG_BY_FAMILY && parse(h, l))
			return (1);
	}
	return (rv);
}

/* Is a descriptor of this process the socket?  Not, if we may not look. */
static bool
has_socket(pid_t pid, const char *name)
{
	char path[64], to[64];
	const struct dirent *d;
	ssize_t n;
	bool found;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "/proc/%jd/fd", (intmax_t)pid);
	if ((dir = opendir(path)) == NULL)
		return (false);
	found = false;
	/* cppcheck-suppress readdirCalled ; the stream is ours alone */
	while (!found && (d = readdir(dir)) != NULL) {
		n = readlinkat(dirfd(dir), d->d_name, to, sizeof(to) - 1);
		if (n == -1)
			continue;
		to[n] = '\0';
		found = strcmp(to, name) == 0;
	}
	(void)closedir(dir);
	return (found);
}

/* proc(5) lists processes from the lowest pid upwards. */
static int
find_owner(const char *name, pid_t *owner)
{
	const struct dirent *d;
	DIR *dir;
	pid_t pid;

	if ((dir = opendir("/proc")) == NULL)
		return (-1);
	/* cppcheck-suppress readdirCalled ; the stream is ours alone */
	while ((d = readdir(dir)) != NULL) {
		if (d->d_name[0] < '1' || d->d_name[0] > '9')
			continue;
		pid = (pid_t)strtol(d->d_name, NULL, 10);
		if (has_socket(pid, name)) {
			*owner = pid;
			(void)closedir(dir);
			return (0);
		}
	}
	(void)closedir(dir);
	errno = ESRCH;
	return (-1);
}

int
listening_owner(uint64_t socket, pid_t first, pid_t *owner)
{
	char name[40];

	/* 0: it belongs to no file, but to the kernel. */
	if (socket == 0) {
		errno = ESRCH;
		return (-1);
	}
	(void)snprintf(name, sizeof(name), "socket:[%" PRIu64 "]", socket);
	if (first > 0 && has_socket(first, name)) {
		*owner = first;
		return (0);
	}
	return (find_owner(name, owner));
}
