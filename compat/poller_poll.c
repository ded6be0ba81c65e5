/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The poller on POSIX poll(2), for systems without a better one; it also shows
 * that nothing above leans on epoll or kqueue.  Its cost grows with the number
 * of descriptors, not with that of events.
 */

#include "config.h"

#include <sys/types.h>

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "poller.h"

struct poller {
	struct pollfd *fds; /* fd is ~fd of one that was closed too early */
	uint32_t *gens;	    /* beside fds */
	size_t nfds;
	size_t size;
	size_t first;	/* where the next search for events begins */
	size_t *places; /* by descriptor: its place in fds, plus 1; 0: none */
	size_t nplaces;
};

static struct poller *
open_poll(void)
{

	return (calloc(1, sizeof(struct poller)));
}

static void
close_poll(struct poller *p)
{

	free(p->fds);
	free(p->gens);
	free(p->places);
	free(p);
}

/* The kernel holds nothing. */
static int
forked_poll(struct poller *p)
{

	p->nfds = p->first = 0;
	if (p->nplaces > 0)
		memset(p->places, 0, p->nplaces * sizeof(*p->places));
	return (0);
}

static int
grow(struct poller *p, int fd)
{
	struct pollfd *fds;
	uint32_t *gens;
	size_t *places;
	size_t n;

	if (p->nfds == p->size) {
		n = p->size == 0 ? 64 : p->size * 2;
		fds = reallocarray(p->fds, n, sizeof(*fds));
		if (fds == NULL)
			return (-1);
		p->fds = fds;
		gens = reallocarray(p->gens, n, sizeof(*gens));
		if (gens == NULL)
			return (-1);
		p->gens = gens;
		p->size = n;
	}
	if ((size_t)fd >= p->nplaces) {
		n = p->nplaces == 0 ? 64 : p->nplaces;
		while (n <= (size_t)fd)
			n *= 2;
		places = reallocarray(p->places, n, sizeof(*places));
		if (places == NULL)
			return (-1);
		memset(
		    places + p->nplaces, 0, (n - p->nplaces) * sizeof(*places));
		p->places = places;
		p->nplaces = n;
	}
	return (0);
}

static void
drop(struct poller *p, int fd)
{
	size_t last = p->nfds - 1, place = p->places[fd] - 1;
	int moved = p->fds[last].fd;

	p->fds[place] = p->fds[last];
	p->gens[place] = p->gens[last];
	p->places[moved < 0 ? ~moved : moved] = place + 1;
	p->places[fd] = 0;
	p->nfds--;
}

static int
io_set_poll(
    struct poller *p, int fd, unsigned have, unsigned want, uint32_t gen)
{
	struct pollfd *pfd;
	bool known = (size_t)fd < p->nplaces && p->places[fd] != 0;

	(void)have;
	if (want == 0) {
		if (known)
			drop(p, fd);
		return (0);
	}
	if (!known) {
		if (poller_pollable(fd) == -1 || grow(p, fd) == -1)
			return (-1);
		p->places[fd] = ++p->nfds;
	}
	pfd = &p->fds[p->places[fd] - 1];
	pfd->fd = fd;
	pfd->events = (short)(((want & POLLER_READ) != 0 ? POLLIN : 0) |
	    ((want & POLLER_WRITE) != 0 ? POLLOUT : 0));
	p->gens[p->places[fd] - 1] = gen;
	return (0);
}

static int
proc_add_poll(struct poller *p, pid_t pid, uint32_t gen)
{

	(void)p;
	(void)pid;
	(void)gen;
	errno = ENOTSUP;
	return (-1);
}

static void
proc_del_poll(struct poller *p, pid_t pid)
{

	(void)p;
	(void)pid;
}

static unsigned
translate(short revents)
{

	return (((revents & POLLIN) != 0 ? POLLER_READ : 0) |
	    ((revents & POLLOUT) != 0 ? POLLER_WRITE : 0) |
	    ((revents & (POLLHUP | POLLERR)) != 0 ? POLLER_HUP : 0));
}

static int
wait_poll(struct poller *p, int64_t timeout, struct poller_event *ev, int max)
{
	size_t i, seen;
	int left, n = 0;

	left = poll(p->fds, (nfds_t)p->nfds, poller_milliseconds(timeout));
	if (left == -1)
		return (errno == EINTR ? 0 : -1);
	/* Begin where the last full array ended, so that nobody is starved. */
	i = p->first < p->nfds ? p->first : 0;
	for (seen = 0; left > 0 && n < max && seen < p->nfds; seen++) {
		if (p->fds[i].revents != 0)
			left--;
		if ((p->fds[i].revents & POLLNVAL) != 0) {
			/* epoll and kqueue drop it in silence, too. */
			p->fds[i].fd = ~p->fds[i].fd;
		} else if (p->fds[i].revents != 0) {
			ev[n].gen = p->gens[i];
			ev[n].ident = p->fds[i].fd;
			ev[n++].events = translate(p->fds[i].revents);
		}
		if (++i == p->nfds)
			i = 0;
	}
	p->first = n == max ? i : 0;
	return (n);
}

const struct poller_ops poller_poll = {
    .name = "poll",
    .open = open_poll,
    .close = close_poll,
    .forked = forked_poll,
    .io_set = io_set_poll,
    .proc_add = proc_add_poll,
    .proc_del = proc_del_poll,
    .wait = wait_poll,
};
