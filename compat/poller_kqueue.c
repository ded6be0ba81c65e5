/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The poller on the BSDs' kqueue(2).  Level-triggered: no EV_CLEAR, EV_ONESHOT
 * but for processes.  Changes are applied one at a time and without an event
 * list, so that each error is known at once and is that change's.
 *
 * A watch is named by filter and ident: a pid and a descriptor may be the same
 * number, and a descriptor that is both read and written is two watches.  What
 * they report of one descriptor is put together into one event here.
 */

#include "config.h"

#include <sys/types.h>
#include <sys/event.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "poller.h"

#define NEVENTS 512

/* Longer sleeps are refused with EINVAL by some (NetBSD, OpenBSD). */
#define LONGEST (24 * 60 * 60)

/*
 * A descriptor that the kernel refuses to watch because its other end is gone
 * (EPIPE, FreeBSD; EBADF, NetBSD; EPERM, OpenBSD).  To be told of just that is
 * what is asked, so we say it ourselves until the watcher goes.
 */
struct gone {
	int fd;
	uint32_t gen;
	unsigned asked;
};

struct poller {
	int kq;
	pid_t owner;
	struct gone *gone;
	size_t ngone;
	size_t gone_size;
	size_t gone_first; /* whose turn it is to be told first */
	int *places; /* by descriptor: where its event may stand in the array */
	size_t nplaces;
	struct kevent events[NEVENTS];
};

/* Close-on-exec from birth where the system can. */
static int
new_queue(void)
{
#if defined(KQUEUE_CLOEXEC) /* FreeBSD 14 */
	return (kqueuex(KQUEUE_CLOEXEC));
#elif defined(HAVE_KQUEUE1) /* NetBSD 6 */
	return (kqueue1(O_CLOEXEC));
#else
	int error, kq;

	if ((kq = kqueue()) == -1)
		return (-1);
	if (fcntl(kq, F_SETFD, FD_CLOEXEC) == -1) {
		error = errno;
		(void)close(kq);
		errno = error;
		return (-1);
	}
	return (kq);
#endif
}

static struct poller *
open_kqueue(void)
{
	struct poller *p;
	int error;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		return (NULL);
	if ((p->kq = new_queue()) == -1) {
		error = errno;
		free(p);
		errno = error;
		return (NULL);
	}
	p->owner = getpid();
	return (p);
}

static void
close_kqueue(struct poller *p)
{

	if (p->kq != -1)
		(void)close(p->kq);
	free(p->gone);
	free(p->places);
	free(p);
}

/*
 * A kqueue is not inherited through fork: in the child its number is free, or
 * another descriptor has it by now.  So it is closed only by who opened it.
 */
static int
forked_kqueue(struct poller *p)
{

	if (p->kq != -1 && p->owner == getpid())
		(void)close(p->kq);
	p->ngone = 0;
	p->owner = getpid();
	p->kq = new_queue();
	return (p->kq == -1 ? -1 : 0);
}

static int
change(const struct poller *p, uintptr_t ident, short filter,
    unsigned short flags, unsigned fflags, uint32_t gen)
{
	struct kevent kev;

	/* udata is a pointer on FreeBSD, OpenBSD, DragonFly and NetBSD 10. */
	EV_SET(&kev, ident, filter, flags, fflags, 0, (void *)(uintptr_t)gen);
	return (kevent(p->kq, &kev, 1, NULL, 0, NULL));
}

/* Was fd refused with this error because nobody is at its other end? */
static bool
peer_gone(int fd, int error)
{
	struct stat st;

	if (error == EPIPE)
		return (true);
	return ((error == EBADF || error == EPERM) && fstat(fd, &st) == 0 &&
	    (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)));
}

static struct gone *
find_gone(const struct poller *p, int fd)
{
	size_t i;

	for (i = 0; i < p->ngone; i++) {
		if (p->gone[i].fd == fd)
			return (&p->gone[i]);
	}
	return (NULL);
}

static int
add_gone(struct poller *p, int fd, uint32_t gen, unsigned bit)
{
	struct gone *gone;
	size_t n;

	if ((gone = find_gone(p, fd)) != NULL) {
		gone->asked |= bit;
		return (0);
	}
	if (p->ngone == p->gone_size) {
		n = p->gone_size == 0 ? 8 : p->gone_size * 2;
		gone = reallocarray(p->gone, n, sizeof(*gone));
		if (gone == NULL)
			return (-1);
		p->gone = gone;
		p->gone_size = n;
	}
	gone = &p->gone[p->ngone++];
	gone->fd = fd;
	gone->gen = gen;
	gone->asked = bit;
	return (0);
}

static int
add(struct poller *p, int fd, unsigned bit, uint32_t gen)
{

	if (change(p, (uintptr_t)fd,
		bit == POLLER_READ ? EVFILT_READ : EVFILT_WRITE, EV_ADD, 0,
		gen) == 0)
		return (0);
	if (peer_gone(fd, errno))
		return (add_gone(p, fd, gen, bit));
	/* EINVAL, ENODEV: a device that has no such filter. */
	if (errno == EINVAL || errno == ENODEV || errno == EOPNOTSUPP)
		errno = EPERM;
	return (-1);
}

/* The kernel may have dropped it with the descriptor (ENOENT, EBADF). */
static void
del(struct poller *p, int fd, unsigned bit)
{
	struct gone *gone = find_gone(p, fd);
	int error = errno;

	if (gone != NULL && (gone->asked & bit) != 0) {
		gone->asked &= ~bit;
		if (gone->asked == 0)
			*gone = p->gone[--p->ngone];
	} else {
		(void)change(p, (uintptr_t)fd,
		    bit == POLLER_READ ? EVFILT_READ : EVFILT_WRITE, EV_DELETE,
		    0, 0);
	}
	errno = error;
}

static int
grow_places(struct poller *p, int fd)
{
	size_t n = p->nplaces == 0 ? 64 : p->nplaces;
	int *places;

	while (n <= (size_t)fd)
		n *= 2;
	places = reallocarray(p->places, n, sizeof(*places));
	if (places == NULL)
		return (-1);
	memset(places + p->nplaces, 0, (n - p->nplaces) * sizeof(*places));
	p->places = places;
	p->nplaces = n;
	return (0);
}

static int
io_set_kqueue(
    struct poller *p, int fd, unsigned have, unsigned want, uint32_t gen)
{
	static const unsigned bits[] = {POLLER_READ, POLLER_WRITE};
	unsigned added = 0;
	size_t i;

	if (have == 0 && want != 0 && poller_pollable(fd) == -1)
		return (-1);
	if (want != 0 && (size_t)fd >= p->nplaces && grow_places(p, fd) == -1)
		return (-1);
	for (i = 0; i < 2; i++) {
		if ((bits[i] & want & ~have) == 0)
			continue;
		if (add(p, fd, bits[i], gen) == -1) {
			if (added != 0)
				del(p, fd, added);
			return (-1);
		}
		added = bits[i];
	}
	for (i = 0; i < 2; i++) {
		if ((bits[i] & have & ~want) != 0)
			del(p, fd, bits[i]);
	}
	return (0);
}

/*
 * NetBSD, OpenBSD: ESRCH also for a zombie; FreeBSD takes it and reports at
 * once.
 */
static int
proc_add_kqueue(struct poller *p, pid_t pid, uint32_t gen)
{

	if (pid <= 0) {
		errno = EINVAL;
		return (-1);
	}
	if (change(p, (uintptr_t)pid, EVFILT_PROC, EV_ADD | EV_ONESHOT,
		NOTE_EXIT, gen) == 0)
		return (0);
	return (errno == ESRCH ? 1 : -1);
}

static void
proc_del_kqueue(struct poller *p, pid_t pid)
{
	int error = errno;

	(void)change(p, (uintptr_t)pid, EVFILT_PROC, EV_DELETE, 0, 0);
	errno = error;
}

/*
 * EV_EOF says that one direction has ended: a socket's peer that only shut
 * down its sending, too.  poll(2) knows whether it is gone altogether; with it
 * DW_HUP means the same on all pollers.
 */
static bool
hung_up(int fd)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN | POLLOUT};

	return (
	    poll(&pfd, 1, 0) == 1 && (pfd.revents & (POLLHUP | POLLERR)) != 0);
}

/* Add bits to the event of fd among the n in ev; returns their new number. */
static int
put(struct poller *p, struct poller_event *ev, int n, int fd, uint32_t gen,
    unsigned bits)
{
	int place = p->places[fd];

	/* places is not cleared between turns, so it may speak of another. */
	if (place < n && ev[place].ident == fd &&
	    (ev[place].events & POLLER_EXIT) == 0) {
		ev[place].events |= bits;
		return (n);
	}
	p->places[fd] = n;
	ev[n].gen = gen;
	ev[n].ident = fd;
	ev[n].events = bits;
	return (n + 1);
}

static int
put_kevent(
    struct poller *p, struct poller_event *ev, int n, const struct kevent *kev)
{
	uint32_t gen = (uint32_t)(uintptr_t)kev->udata;
	int ident = (int)kev->ident;
	unsigned bits;

	if (kev->filter == EVFILT_PROC) {
		if ((kev->fflags & NOTE_EXIT) == 0)
			return (n);
		ev[n].gen = gen;
		ev[n].ident = ident;
		ev[n].events = POLLER_EXIT;
		return (n + 1);
	}
	bits = kev->filter == EVFILT_READ ? POLLER_READ : POLLER_WRITE;
	if ((kev->flags & EV_ERROR) != 0 ||
	    ((kev->flags & EV_EOF) != 0 && hung_up(ident)))
		bits |= POLLER_HUP;
	return (put(p, ev, n, ident, gen, bits));
}

static int
wait_kqueue(struct poller *p, int64_t timeout, struct poller_event *ev, int max)
{
	struct timespec ts = {0, 0}, *tsp = &ts;
	size_t i;
	int n = 0, nkev;

	if (p->ngone == 0 && timeout < 0) {
		tsp = NULL;
	} else if (p->ngone == 0) {
		ts.tv_sec = (time_t)(timeout / 1000000000);
		ts.tv_nsec = (long)(timeout % 1000000000);
		if (timeout / 1000000000 >= LONGEST) {
			ts.tv_sec = LONGEST;
			ts.tv_nsec = 0;
		}
	}
	/* Half of the room at least is the kernel's, half the others'. */
	for (i = 0; i < p->ngone && n < (max + 1) / 2; i++) {
		if (p->gone_first >= p->ngone)
			p->gone_first = 0;
		n = put(p, ev, n, p->gone[p->gone_first].fd,
		    p->gone[p->gone_first].gen, POLLER_HUP);
		p->gone_first++;
	}
	if (max - n < 1)
		return (n);
	nkev = kevent(p->kq, NULL, 0, p->events,
	    max - n < NEVENTS ? max - n : NEVENTS, tsp);
	if (nkev == -1)
		return (errno == EINTR ? n : -1);
	for (i = 0; i < (size_t)nkev; i++)
		n = put_kevent(p, ev, n, &p->events[i]);
	return (n);
}

const struct poller_ops poller_kqueue = {
    .name = "kqueue",
    .open = open_kqueue,
    .close = close_kqueue,
    .forked = forked_kqueue,
    .io_set = io_set_kqueue,
    .proc_add = proc_add_kqueue,
    .proc_del = proc_del_kqueue,
    .wait = wait_kqueue,
};
