/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The poller on Linux' epoll(7).  Level-triggered; a descriptor that nothing
 * is asked of is removed, because epoll reports a hangup even with an empty
 * mask.  Processes are watched by pidfd (procfd.h), not here.
 */

#include "config.h"

#include <sys/types.h>
#include <sys/epoll.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "poller.h"

#define NEVENTS 512

struct poller {
	int fd;
	struct epoll_event events[NEVENTS];
};

static struct poller *
open_epoll(void)
{
	struct poller *p;
	int error;

	if ((p = malloc(sizeof(*p))) == NULL)
		return (NULL);
	if ((p->fd = epoll_create1(EPOLL_CLOEXEC)) == -1) {
		error = errno;
		free(p);
		errno = error;
		return (NULL);
	}
	return (p);
}

static void
close_epoll(struct poller *p)
{

	if (p->fd != -1)
		(void)close(p->fd);
	free(p);
}

/*
 * The parent and a forked child share one epoll instance.  Closing our
 * descriptor leaves it be; EPOLL_CTL_DEL would not.
 */
static int
forked_epoll(struct poller *p)
{

	if (p->fd != -1)
		(void)close(p->fd);
	p->fd = epoll_create1(EPOLL_CLOEXEC);
	return (p->fd == -1 ? -1 : 0);
}

static int
set(const struct poller *p, int op, int fd, unsigned want, uint32_t gen)
{
	struct epoll_event ev;

	ev.events = ((want & POLLER_READ) != 0 ? (uint32_t)EPOLLIN : 0) |
	    ((want & POLLER_WRITE) != 0 ? (uint32_t)EPOLLOUT : 0);
	ev.data.u64 = (uint64_t)gen << 32 | (uint32_t)fd;
	return (epoll_ctl(p->fd, op, fd, &ev));
}

/*
 * The kernel may know more or less than have says, if the descriptor was
 * closed while it was watched: then ADD becomes MOD and the other way round.
 */
static int
io_set_epoll(
    struct poller *p, int fd, unsigned have, unsigned want, uint32_t gen)
{

	if (want == 0) {
		if (have != 0)
			(void)set(p, EPOLL_CTL_DEL, fd, 0, gen);
		return (0);
	}
	if (set(p, have != 0 ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, want, gen) ==
	    0)
		return (0);
	if (have != 0 && errno == ENOENT)
		return (set(p, EPOLL_CTL_ADD, fd, want, gen));
	if (have == 0 && errno == EEXIST)
		return (set(p, EPOLL_CTL_MOD, fd, want, gen));
	return (-1);
}

static int
proc_add_epoll(struct poller *p, pid_t pid, uint32_t gen)
{

	(void)p;
	(void)pid;
	(void)gen;
	errno = ENOTSUP;
	return (-1);
}

static void
proc_del_epoll(struct poller *p, pid_t pid)
{

	(void)p;
	(void)pid;
}

static int
wait_epoll(struct poller *p, int64_t timeout, struct poller_event *ev, int max)
{
	const struct epoll_event *from;
	int i, n;

	n = epoll_wait(p->fd, p->events, max < NEVENTS ? max : NEVENTS,
	    poller_milliseconds(timeout));
	if (n == -1)
		return (errno == EINTR ? 0 : -1);
	for (i = 0; i < n; i++) {
		from = &p->events[i];
		ev[i].gen = (uint32_t)(from->data.u64 >> 32);
		ev[i].ident = (int)(uint32_t)from->data.u64;
		ev[i].events =
		    ((from->events & EPOLLIN) != 0 ? POLLER_READ : 0) |
		    ((from->events & EPOLLOUT) != 0 ? POLLER_WRITE : 0) |
		    ((from->events & (EPOLLHUP | EPOLLERR)) != 0 ? POLLER_HUP :
								   0);
	}
	return (n);
}

const struct poller_ops poller_epoll = {
    .name = "epoll",
    .open = open_epoll,
    .close = close_epoll,
    .forked = forked_epoll,
    .io_set = io_set_epoll,
    .proc_add = proc_add_epoll,
    .proc_del = proc_del_epoll,
    .wait = wait_epoll,
};
