/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The loop: descriptors and their watchers, the one place where events are
 * dispatched, deferred calls, and what has to be done after fork.  How the
 * kernel is asked is the poller's business (compat/poller.h).
 *
 * Stale events.  The kernel's events are an array that is worked through while
 * callbacks stop, free and start watchers.  Each start gives the descriptor's
 * slot a new number (gen), which the event carries; they are compared when the
 * event's turn comes, so a watcher that was stopped is not called, nor is one
 * that got the same descriptor number since.
 *
 * Interests.  What a watcher asks more of the kernel is told at once, since
 * that can fail, if the kernel knows nothing of the descriptor yet; all else
 * once before the next sleep, since it is often taken back in the same turn.
 * Only a stop is always told at once: the descriptor is closed next.
 */

#include "config.h"

#include <sys/types.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemonwatch.h"
#include "loop.h"

static const struct poller_ops *
find_poller(const char *name)
{
	const struct poller_ops *const *ops;

	if (name == NULL)
		name = DEFAULT_POLLER;
	for (ops = poller_table; *ops != NULL; ops++) {
		if (strcmp(name, (*ops)->name) == 0)
			return (*ops);
	}
	return (NULL);
}

struct dw_loop *
dw_loop_new(const char *poller)
{
	struct dw_loop *loop;
	int error;

	if ((loop = calloc(1, sizeof(*loop))) == NULL)
		return (NULL);
	if ((loop->ops = find_poller(poller)) == NULL) {
		free(loop);
		errno = EINVAL;
		return (NULL);
	}
	if ((loop->poller = loop->ops->open()) == NULL) {
		error = errno;
		free(loop);
		errno = error;
		return (NULL);
	}
	loop->owner = getpid();
	loop->now = dw_clock();
	loop->stop_code = -1;
	loop->defers_tail = &loop->defers;
	loop->signal_pipe[0] = loop->signal_pipe[1] = -1;
	return (loop);
}

const char *
dw_loop_poller(const struct dw_loop *loop)
{

	return (loop->ops->name);
}

const char *const *
dw_loop_pollers(void)
{

	return (poller_names);
}

int64_t
dw_loop_now(const struct dw_loop *loop)
{

	return (loop->turning ? loop->now : dw_clock());
}

/*
 * Descriptors
 */

/* Room for fd's slot, and for as many changes as there are slots. */
static int
grow_slots(struct dw_loop *loop, int fd)
{
	struct loop_slot *slots;
	size_t n = loop->nslots == 0 ? 64 : loop->nslots;
	int *changes;

	while (n <= (size_t)fd)
		n *= 2;
	changes = reallocarray(loop->changes, n, sizeof(*changes));
	if (changes == NULL)
		return (-1);
	loop->changes = changes;
	slots = reallocarray(loop->slots, n, sizeof(*slots));
	if (slots == NULL)
		return (-1);
	memset(slots + loop->nslots, 0, (n - loop->nslots) * sizeof(*slots));
	loop->slots = slots;
	loop->nslots = n;
	return (0);
}

static void
note_change(struct dw_loop *loop, int fd)
{

	if (loop->slots[fd].changed)
		return;
	loop->slots[fd].changed = true;
	loop->changes[loop->nchanges++] = fd;
}

/* Tell the kernel what is wanted of fd now. */
static int
tell(struct dw_loop *loop, int fd, unsigned want)
{
	struct loop_slot *slot = &loop->slots[fd];

	if (loop->ops->io_set(loop->poller, fd, slot->have, want, slot->gen) ==
	    -1)
		return (-1);
	slot->have = (uint8_t)want;
	return (0);
}

int
dw_io_start(struct dw_loop *loop, struct dw_io *io, int fd, unsigned events)
{
	struct loop_slot *slot;

	if ((events & ~(DW_READ | DW_WRITE)) != 0) {
		errno = EINVAL;
		return (-1);
	}
	if (fd < 0) {
		errno = EBADF;
		return (-1);
	}
	if (io->loop != NULL ||
	    ((size_t)fd < loop->nslots && loop->slots[fd].io != NULL)) {
		errno = EEXIST;
		return (-1);
	}
	if ((size_t)fd >= loop->nslots && grow_slots(loop, fd) == -1)
		return (-1);
	slot = &loop->slots[fd];
	if (++loop->last_gen == 0)
		loop->last_gen = 1;
	slot->gen = loop->last_gen;
	slot->have = 0;
	if (events != 0 && tell(loop, fd, events) == -1) {
		slot->gen = 0;
		return (-1);
	}
	slot->io = io;
	io->loop = loop;
	io->fd = fd;
	io->events = events;
	loop->active++;
	return (0);
}

int
dw_io_modify(struct dw_io *io, unsigned events)
{
	struct dw_loop *loop = io->loop;

	if (loop == NULL || (events & ~(DW_READ | DW_WRITE)) != 0) {
		errno = EINVAL;
		return (-1);
	}
	if (loop->slots[io->fd].have == 0) {
		if (events != 0 && tell(loop, io->fd, events) == -1)
			return (-1);
	} else if (events != io->events) {
		note_change(loop, io->fd);
	}
	io->events = events;
	return (0);
}

void
dw_io_stop(struct dw_io *io)
{
	struct dw_loop *loop = io->loop;
	struct loop_slot *slot;
	int error;

	if (loop == NULL)
		return;
	slot = &loop->slots[io->fd];
	if (slot->have != 0) {
		error = errno;
		(void)tell(loop, io->fd, 0);
		errno = error;
	}
	slot->io = NULL;
	slot->gen = 0;
	slot->have = 0;
	io->loop = NULL;
	loop->stops++;
	loop->active--;
}

/*
 * The kernel knows nothing any more; let it be told all before the next sleep,
 * and let nothing be called that it said before.
 */
static void
forget(struct dw_loop *loop)
{
	size_t i;

	for (i = 0; i < loop->nslots; i++) {
		loop->slots[i].have = 0;
		if (loop->slots[i].io != NULL)
			note_change(loop, (int)i);
	}
	loop->nready = loop->next_ready = 0;
}

/*
 * Tell the kernel what has changed.  There is nobody to give an error to (and
 * none but for a descriptor that was closed too early, or ENOMEM after a fork):
 * its watcher hears of it as DW_HUP.  How many such events were put into
 * loop->events is returned.
 */
static int
tell_changes(struct dw_loop *loop)
{
	struct loop_slot *slot;
	int failed = 0, fd;

	/* One place is left, as no poller can wait for none. */
	while (loop->nchanges > 0 && failed < LOOP_EVENTS - 1) {
		fd = loop->changes[--loop->nchanges];
		slot = &loop->slots[fd];
		slot->changed = false;
		if (slot->io == NULL || slot->have == slot->io->events ||
		    tell(loop, fd, slot->io->events) == 0)
			continue;
		(void)tell(loop, fd, 0);
		loop->events[failed++] = (struct poller_event) {
		    .gen = slot->gen, .events = POLLER_HUP, .ident = fd};
	}
	return (failed);
}

/*
 * Returns whether the poller has to be renewed: it says so itself, or there
 * were events that no watcher answers to and no stop in this turn explains.
 */
static bool
dispatch(struct dw_loop *loop)
{
	const struct poller_event *ev;
	const struct loop_slot *slot;
	unsigned events, stops = loop->stops;
	bool renewal = false, stale = false;

	/* A callback may empty the array (dw_loop_forked) or grow the slots. */
	while (loop->next_ready < loop->nready) {
		ev = &loop->events[loop->next_ready++];
		if ((ev->events & POLLER_RENEW) != 0) {
			renewal = true;
			continue;
		}
		if ((ev->events & POLLER_EXIT) != 0) {
			proc_ended(loop, ev->ident, ev->gen);
			continue;
		}
		slot = &loop->slots[ev->ident];
		if (slot->gen != ev->gen) {
			stale = true;
			continue;
		}
		/* It may have been modified in this turn. */
		events = slot->io->events;
		if ((ev->events & POLLER_HUP) != 0 && events != 0)
			events |= DW_HUP;
		else
			events &= ev->events;
		if (events != 0)
			slot->io->cb(slot->io, events);
	}
	return (renewal || (stale && loop->stops == stops));
}

/*
 * Deferred calls
 */
void
dw_defer_start(struct dw_loop *loop, struct dw_defer *defer)
{

	dw_defer_stop(defer);
	defer->loop = loop;
	defer->next = NULL;
	defer->prev = loop->defers_tail;
	*loop->defers_tail = defer;
	loop->defers_tail = &defer->next;
	loop->active++;
}

void
dw_defer_stop(struct dw_defer *defer)
{
	struct dw_loop *loop = defer->loop;

	if (loop == NULL)
		return;
	*defer->prev = defer->next;
	if (defer->next != NULL)
		defer->next->prev = defer->prev;
	else if (loop->defers_tail == &defer->next)
		loop->defers_tail = defer->prev;
	defer->loop = NULL;
	loop->active--;
}

/* Those that a deferred call starts are for the next turn, which won't sleep.
 */
static void
call_deferred(struct dw_loop *loop)
{
	struct dw_defer *defer;

	if ((loop->calling = loop->defers) == NULL)
		return;
	loop->calling->prev = &loop->calling;
	loop->defers = NULL;
	loop->defers_tail = &loop->defers;
	while ((defer = loop->calling) != NULL) {
		dw_defer_stop(defer);
		defer->cb(defer);
	}
}

/*
 * Turns
 */

/* How long may be slept, if at most max (-1: for ever). */
static int64_t
sleep_time(const struct dw_loop *loop, int64_t max)
{
	int64_t left, next;

	if (loop->defers != NULL)
		return (0);
	if (max == 0 || (next = loop_timer_next(loop)) == -1)
		return (max);
	/* loop->now is older than the callbacks; it saves a look at the clock.
	 */
	if (next <= loop->now || (left = next - dw_clock()) <= 0)
		return (0);
	return (max < 0 || left < max ? left : max);
}

/*
 * The kernel reports a descriptor that nobody watches: one that was closed
 * before it was stopped while a copy of it lives on, here or in a child.
 * epoll(7) goes on reporting it, and refuses to remove it (EBADF); only a new
 * epoll descriptor ends that.
 */
static int
renew(struct dw_loop *loop)
{

	if (loop->ops->forked(loop->poller) == -1)
		return (-1);
	forget(loop);
	proc_renew(loop);
	return (0);
}

static int
turn(struct dw_loop *loop, int64_t max)
{
	bool renewal;
	int failed, n;

	failed = tell_changes(loop);
	n = loop->ops->wait(loop->poller,
	    failed > 0 ? 0 : sleep_time(loop, max), loop->events + failed,
	    LOOP_EVENTS - failed);
	if (n == -1)
		return (-1);
	loop->nready = failed + n;
	loop->next_ready = 0;
	loop->now = dw_clock();
	loop->turning = true;
	renewal = dispatch(loop);
	loop_timer_run(loop);
	call_deferred(loop);
	loop->turning = false;
	return (renewal ? renew(loop) : 0);
}

int
dw_loop_step(struct dw_loop *loop, int64_t max)
{

	if (loop->turning) {
		errno = EBUSY;
		return (-1);
	}
	return (turn(loop, max));
}

int
dw_loop_run(struct dw_loop *loop)
{
	int code;

	if (loop->turning) {
		errno = EBUSY;
		return (-1);
	}
	while (loop->stop_code == -1) {
		if (loop->active == 0)
			return (0);
		if (turn(loop, -1) == -1)
			return (-1);
	}
	code = loop->stop_code;
	loop->stop_code = -1;
	return (code);
}

void
dw_loop_stop(struct dw_loop *loop, int code)
{

	loop->stop_code = code < 0 ? 0 : code;
}

/*
 * Fork, and the end
 */
static void
clear_io(struct dw_loop *loop)
{
	struct dw_io *io;
	size_t i;

	for (i = 0; i < loop->nslots; i++) {
		io = loop->slots[i].io;
		if (io != NULL && io != &loop->signal_io)
			dw_io_stop(io);
	}
}

static void
clear_defers(struct dw_loop *loop)
{

	while (loop->calling != NULL)
		dw_defer_stop(loop->calling);
	while (loop->defers != NULL)
		dw_defer_stop(loop->defers);
}

int
dw_loop_forked(struct dw_loop *loop, unsigned keep)
{
	int error = 0;

	if ((keep & ~(DW_KEEP_IO | DW_KEEP_TIMERS | DW_KEEP_SIGNALS)) != 0) {
		errno = EINVAL;
		return (-1);
	}
	/* From here on nothing that is stopped reaches the parent's kernel. */
	if (loop->ops->forked(loop->poller) == -1)
		error = errno;
	loop->owner = getpid();
	forget(loop);
	child_clear(loop);
	proc_clear(loop);
	clear_defers(loop);
	if ((keep & DW_KEEP_IO) == 0)
		clear_io(loop);
	if ((keep & DW_KEEP_TIMERS) == 0)
		loop_timer_clear(loop);
	if (loop_signal_forked(loop, (keep & DW_KEEP_SIGNALS) != 0) == -1 &&
	    error == 0)
		error = errno;
	/* In a callback of the parent's: the turn it is in was the parent's. */
	loop->turning = false;
	if (error == 0)
		return (0);
	errno = error;
	return (-1);
}

void
dw_loop_free(struct dw_loop *loop)
{
	int error = errno;

	if (loop == NULL)
		return;
	/* A child that never said dw_loop_forked() must not stop the parent's.
	 */
	if (loop->owner != getpid())
		(void)loop->ops->forked(loop->poller);
	forget(loop);
	child_clear(loop);
	proc_clear(loop);
	clear_defers(loop);
	clear_io(loop);
	loop_timer_clear(loop);
	loop_signal_clear(loop);
	loop->ops->close(loop->poller);
	free(loop->changes);
	free(loop->slots);
	free(loop);
	errno = error;
}
