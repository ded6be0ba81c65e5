/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The poller on the BSDs' kqueue(2).  Level-triggered: no EV_CLEAR, EV_ONESHOT
 * but for processes.
 *
 * A watch is named by filter and ident: a pid and a descriptor may be the same
 * number, and a descriptor that is both read and written is two watches.  What
 * they report of one descriptor is put together into one event here.
 *
 * Changes are told in calls of their own, with EV_RECEIPT and as much room for
 * answers as there are changes: each error is known to be that change's, and
 * no event comes in between.  What begins or ends a watch is told at once; the
 * changes of interests that go on, of all descriptors in one call, before the
 * next sleep.
 *
 * On Linux there is libkqueue, which emulates it, to try this file with; where
 * it differs is said at each LIBKQUEUE, which its <sys/event.h> defines.
 */

#include "config.h"

#include <sys/types.h>
#include <sys/event.h>
#include <sys/socket.h>
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

#ifdef LIBKQUEUE
#include "libkqueue.h"
#define kevent(...) libkqueue_kevent(__VA_ARGS__)
#endif

#define NEVENTS 512
#define NCHANGES 256

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
	bool once; /* a change that was refused, not a lasting state */
};

struct poller {
	int kq;
	pid_t owner;
	bool renew; /* LIBKQUEUE: say POLLER_RENEW */
	struct kevent changes[NCHANGES];
	int nchanges;
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
#if defined(HAVE_KQUEUEX) && defined(KQUEUE_CLOEXEC) /* FreeBSD 14 */
	return (kqueuex(KQUEUE_CLOEXEC));
#elif defined(HAVE_KQUEUE1) /* NetBSD 6, OpenBSD 7.6 */
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

/*
 * libkqueue's own thread closes what belongs to a queue, some time after its
 * descriptor: wait for that, or descriptors come and go behind our back.
 */
static void
close_queue(int kq)
{

	(void)close(kq);
#ifdef HAVE_LIBKQUEUE_DRAIN_PENDING_CLOSE
	libkqueue_drain_pending_close();
#endif
}

static void
close_kqueue(struct poller *p)
{

	if (p->kq != -1)
		close_queue(p->kq);
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
		close_queue(p->kq);
	p->ngone = 0;
	p->nchanges = 0;
	p->renew = false;
	p->owner = getpid();
	p->kq = new_queue();
	return (p->kq == -1 ? -1 : 0);
}

/* A change of one watch.  udata was an integer on NetBSD before 10. */
static struct kevent
change(uintptr_t ident, short filter, unsigned short flags, unsigned fflags,
    uint32_t gen)
{
	struct kevent kev;

	EV_SET(&kev, ident, filter, flags | EV_RECEIPT, fflags, 0,
	    (void *)(uintptr_t)gen);
	return (kev);
}

/* Changes of fd's watches, those in bits; returns how many. */
static int
io_changes(struct kevent kev[2], int fd, unsigned bits, unsigned short flags,
    uint32_t gen)
{
	int n = 0;

	if ((bits & POLLER_READ) != 0)
		kev[n++] = change((uintptr_t)fd, EVFILT_READ, flags, 0, gen);
	if ((bits & POLLER_WRITE) != 0)
		kev[n++] = change((uintptr_t)fd, EVFILT_WRITE, flags, 0, gen);
	return (n);
}

/*
 * Tell n changes; data of each is then an errno, or 0.  -1: the queue itself
 * is of no use, and errno is that of all.
 */
static int
tell(const struct poller *p, struct kevent *kev, int n)
{
	static const struct timespec at_once = {0, 0};
	int i, told;

	told = kevent(p->kq, kev, n, kev, n, &at_once);
	if (told == n)
		return (0);
	if (told != -1)
		errno = EIO;
	for (i = 0; i < n; i++)
		kev[i].data = errno;
	return (-1);
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

/* Room for n more. */
static int
grow_gone(struct poller *p, size_t n)
{
	struct gone *gone;
	size_t size = p->gone_size == 0 ? 8 : p->gone_size;

	if (p->gone_size - p->ngone >= n)
		return (0);
	while (size - p->ngone < n)
		size *= 2;
	gone = reallocarray(p->gone, size, sizeof(*gone));
	if (gone == NULL)
		return (-1);
	p->gone = gone;
	p->gone_size = size;
	return (0);
}

/* There is room, by grow_gone(). */
static void
add_gone(struct poller *p, int fd, uint32_t gen, unsigned bit, bool once)
{
	struct gone *gone;

	if ((gone = find_gone(p, fd)) != NULL) {
		gone->asked |= bit;
		gone->once = gone->once && once;
		return;
	}
	gone = &p->gone[p->ngone++];
	gone->fd = fd;
	gone->gen = gen;
	gone->asked = bit;
	gone->once = once;
}

static void
del_gone(struct poller *p, int fd, unsigned bits)
{
	struct gone *gone = find_gone(p, fd);

	if (gone == NULL)
		return;
	gone->asked &= ~bits;
	if (gone->asked == 0)
		*gone = p->gone[--p->ngone];
}

static unsigned
bit_of(const struct kevent *kev)
{

	return (kev->filter == EVFILT_READ ? POLLER_READ : POLLER_WRITE);
}

/* Begin to watch fd for bits: all of it or nothing. */
static int
begin(struct poller *p, int fd, unsigned bits, uint32_t gen)
{
	struct kevent kev[2];
	unsigned done = 0;
	int error = 0, i, n;

	if (grow_gone(p, 1) == -1)
		return (-1);
	n = io_changes(kev, fd, bits, EV_ADD, gen);
	if (tell(p, kev, n) == -1)
		return (-1);
	for (i = 0; i < n; i++) {
		if (kev[i].data == 0)
			done |= bit_of(&kev[i]);
		else if (peer_gone(fd, (int)kev[i].data))
			add_gone(p, fd, gen, bit_of(&kev[i]), false);
		else
			error = (int)kev[i].data;
	}
	if (error == 0)
		return (0);
	del_gone(p, fd, bits);
	n = io_changes(kev, fd, done, EV_DELETE, 0);
	if (n > 0)
		(void)tell(p, kev, n);
	/* EINVAL, ENODEV: a device that has no such filter. */
	if (error == EINVAL || error == ENODEV || error == EOPNOTSUPP)
		error = EPERM;
	errno = error;
	return (-1);
}

/* Tell the changes that were put off. */
static void
tell_changes(struct poller *p)
{
	const struct kevent *kev;
	int error, i, n = p->nchanges;

	p->nchanges = 0;
	if (n > 0)
		(void)tell(p, p->changes, n);
	for (i = 0; i < n; i++) {
		kev = &p->changes[i];
		error = (int)kev->data;
		/* No udata: EV_DELETE.  (The receipt has other flags.) */
		if (error == 0 || kev->udata == NULL)
			continue;
		add_gone(p, (int)kev->ident, (uint32_t)(uintptr_t)kev->udata,
		    bit_of(kev), !peer_gone((int)kev->ident, error));
	}
}

/* It goes on to be watched, for other things. */
static int
modify(struct poller *p, int fd, unsigned add, unsigned del, uint32_t gen)
{

	if (p->nchanges + 4 > NCHANGES)
		tell_changes(p);
	/* Each may be refused, and be a descriptor of its own. */
	if (grow_gone(p, (size_t)p->nchanges + 4) == -1)
		return (-1);
	del_gone(p, fd, del);
	p->nchanges +=
	    io_changes(p->changes + p->nchanges, fd, del, EV_DELETE, 0);
	p->nchanges +=
	    io_changes(p->changes + p->nchanges, fd, add, EV_ADD, gen);
	return (0);
}

/*
 * The kernel may have dropped the watches with the descriptor (ENOENT, EBADF).
 *
 * libkqueue frees what stands for them, while the epoll beneath goes on
 * reporting a descriptor that was closed while a copy of it lives, and so
 * points to freed memory: such a queue must not be asked any more.
 */
static void
end(struct poller *p, int fd, unsigned bits)
{
	struct kevent kev[2];
	int error = errno;

	if (p->nchanges > 0)
		tell_changes(p);
	del_gone(p, fd, POLLER_READ | POLLER_WRITE);
	(void)tell(p, kev, io_changes(kev, fd, bits, EV_DELETE, 0));
#ifdef LIBKQUEUE
	if (fcntl(fd, F_GETFD) == -1)
		p->renew = true;
#endif
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

	if (want == 0) {
		if (have != 0)
			end(p, fd, have);
		return (0);
	}
	if (have != 0)
		return (modify(p, fd, want & ~have, have & ~want, gen));
	if (poller_pollable(fd) == -1 ||
	    ((size_t)fd >= p->nplaces && grow_places(p, fd) == -1))
		return (-1);
	return (begin(p, fd, want, gen));
}

/*
 * ESRCH is what NetBSD and OpenBSD say of a zombie, too; FreeBSD takes it and
 * reports it at once.  EACCES (NetBSD, OpenBSD): only root may watch processes
 * of others.  The kernel forgets the watch when it has reported it.
 */
static int
proc_add_kqueue(struct poller *p, pid_t pid, uint32_t gen)
{
#ifdef LIBKQUEUE
	/*
	 * It takes any process and reports those that are not our children
	 * over and over, without an event.  procfd_linux.c knows them.
	 */
	(void)p;
	(void)pid;
	(void)gen;
	errno = ENOTSUP;
	return (-1);
#else
	struct kevent kev;

	if (pid <= 0) {
		errno = EINVAL;
		return (-1);
	}
	kev = change(
	    (uintptr_t)pid, EVFILT_PROC, EV_ADD | EV_ONESHOT, NOTE_EXIT, gen);
	if (tell(p, &kev, 1) == -1)
		return (-1);
	if (kev.data == 0)
		return (0);
	errno = (int)kev.data;
	return (errno == ESRCH ? 1 : -1);
#endif
}

static void
proc_del_kqueue(struct poller *p, pid_t pid)
{
	struct kevent kev;
	int error = errno;

	kev = change((uintptr_t)pid, EVFILT_PROC, EV_DELETE, 0, 0);
	(void)tell(p, &kev, 1);
	errno = error;
}

/*
 * EV_EOF says that one direction has ended: a socket's peer that only shut
 * down its sending, too.  poll(2) knows whether it is gone altogether, so that
 * DW_HUP means the same on all pollers; but NetBSD's never says POLLHUP of a
 * socket.  There it has no peer any more; and what is no socket has one
 * direction only.
 */
static bool
hung_up(int fd)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN | POLLOUT};
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);

	return ((poll(&pfd, 1, 0) == 1 &&
		    (pfd.revents & (POLLHUP | POLLERR)) != 0) ||
	    getpeername(fd, (struct sockaddr *)&peer, &len) == -1);
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

/* Those that we speak for, in turn, at most up to max in ev. */
static int
put_gone(struct poller *p, struct poller_event *ev, int max)
{
	struct gone *gone;
	size_t left;
	int n = 0;

	for (left = p->ngone; left > 0 && n < max; left--) {
		if (p->gone_first >= p->ngone)
			p->gone_first = 0;
		gone = &p->gone[p->gone_first];
		n = put(p, ev, n, gone->fd, gone->gen, POLLER_HUP);
		if (gone->once)
			*gone = p->gone[--p->ngone];
		else
			p->gone_first++;
	}
	return (n);
}

static int
wait_kqueue(struct poller *p, int64_t timeout, struct poller_event *ev, int max)
{
	struct timespec ts = {0, 0};
	int i, n, nkev;

	if (p->renew) {
		ev[0] = (struct poller_event) {.events = POLLER_RENEW};
		return (1);
	}
	tell_changes(p);
	/* Half of the room at least is the kernel's, half the others'. */
	n = put_gone(p, ev, (max + 1) / 2);
	if (max - n < 1)
		return (n);
	if (n == 0 && timeout / 1000000000 >= LONGEST) {
		ts.tv_sec = LONGEST;
	} else if (n == 0 && timeout > 0) {
		ts.tv_sec = (time_t)(timeout / 1000000000);
		ts.tv_nsec = (long)(timeout % 1000000000);
	}
	nkev = kevent(p->kq, NULL, 0, p->events,
	    max - n < NEVENTS ? max - n : NEVENTS,
	    n == 0 && timeout < 0 ? NULL : &ts);
	if (nkev == -1)
		return (errno == EINTR ? n : -1);
	for (i = 0; i < nkev; i++)
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
