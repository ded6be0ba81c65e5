/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Timers: a pairing heap whose links are in the caller's structures, so that
 * starting one can neither fail nor allocate.  Nothing here recurses, however
 * many there are.  The kernel knows nothing of them; the loop sleeps until the
 * first deadline.
 *
 * child is a timer's first child, next the following sibling, prev the
 * preceding one or, of a first child, the parent.  Inserting is O(1), removing
 * O(log n) amortised.
 */

#include "config.h"

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "daemonwatch.h"
#include "loop.h"

static bool
before(const struct dw_timer *a, const struct dw_timer *b)
{
	if (a->deadline != b->deadline)
		return (a->deadline < b->deadline);
	return (a->seq < b->seq);
}

/* Make one heap of two.  The winner's own next and prev are left alone. */
static struct dw_timer *
meld(struct dw_timer *a, struct dw_timer *b)
{
	struct dw_timer *t;

	if (before(b, a)) {
		t = a;
		a = b;
		b = t;
	}
	b->prev = a;
	b->next = a->child;
	if (b->next != NULL)
		b->next->prev = b;
	a->child = b;
	return (a);
}

/*
 * Make one heap of a list of siblings: meld them in pairs from the left, then
 * the pairs from the right, which is what makes the cost logarithmic.
 */
static struct dw_timer *
combine(struct dw_timer *first)
{
	struct dw_timer *a, *b, *pairs = NULL, *root;

	while ((a = first) != NULL) {
		if ((b = a->next) == NULL) {
			first = NULL;
		} else {
			first = b->next;
			a = meld(a, b);
		}
		a->next = pairs;
		pairs = a;
	}
	if ((root = pairs) == NULL)
		return (NULL);
	pairs = root->next;
	while ((a = pairs) != NULL) {
		pairs = a->next;
		root = meld(root, a);
	}
	root->next = root->prev = NULL;
	return (root);
}

static void
insert(struct dw_loop *loop, struct dw_timer *timer)
{

	timer->child = timer->next = timer->prev = NULL;
	loop->timers = loop->timers == NULL ? timer : meld(loop->timers, timer);
}

static void
take(struct dw_loop *loop, struct dw_timer *timer)
{
	struct dw_timer *rest = combine(timer->child);

	if (timer == loop->timers) {
		loop->timers = rest;
		return;
	}
	if (timer->prev->child == timer)
		timer->prev->child = timer->next;
	else
		timer->prev->next = timer->next;
	if (timer->next != NULL)
		timer->next->prev = timer->prev;
	if (rest != NULL)
		loop->timers = meld(loop->timers, rest);
}

int64_t
dw_clock(void)
{
	struct timespec ts;

	/* Cannot fail: POSIX.1-2008 systems of ours all have this clock. */
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((int64_t)ts.tv_sec * DW_SEC + ts.tv_nsec);
}

void
dw_timer_at(struct dw_loop *loop, struct dw_timer *timer, int64_t deadline)
{

	dw_timer_stop(timer);
	if (deadline < 0)
		deadline = 0;
	/*
	 * One that a callback starts waits for the next turn, else a timer that
	 * starts itself again at once would keep all else from running.
	 */
	if (loop->turning && deadline <= loop->now)
		deadline = loop->now + 1;
	timer->loop = loop;
	timer->deadline = deadline;
	timer->seq = ++loop->timer_seq;
	insert(loop, timer);
	loop->active++;
}

void
dw_timer_start(struct dw_loop *loop, struct dw_timer *timer, int64_t delay)
{
	int64_t now = dw_loop_now(loop);

	if (delay < 0)
		delay = 0;
	dw_timer_at(
	    loop, timer, delay > INT64_MAX - now ? INT64_MAX : now + delay);
}

void
dw_timer_stop(struct dw_timer *timer)
{

	if (timer->loop == NULL)
		return;
	take(timer->loop, timer);
	timer->loop->active--;
	timer->loop = NULL;
}

bool
dw_timer_active(const struct dw_timer *timer)
{

	return (timer->loop != NULL);
}

int64_t
loop_timer_next(const struct dw_loop *loop)
{

	return (loop->timers == NULL ? -1 : loop->timers->deadline);
}

void
loop_timer_run(struct dw_loop *loop)
{
	const uint64_t last = loop->timer_seq;
	struct dw_timer *timer;

	/*
	 * The test of seq is for a forked child only, whose dw_loop_forked() in
	 * a callback ends the turn that dw_timer_at() goes by.
	 */
	while ((timer = loop->timers) != NULL && timer->deadline <= loop->now &&
	    timer->seq <= last) {
		dw_timer_stop(timer);
		timer->cb(timer);
	}
}

void
loop_timer_clear(struct dw_loop *loop)
{
	struct dw_timer *end, *timer, *todo = loop->timers;

	/* Flat, level by level: no order is wanted, and no depth. */
	while ((timer = todo) != NULL) {
		todo = timer->next;
		if (timer->child != NULL) {
			for (end = timer->child; end->next != NULL;)
				end = end->next;
			end->next = todo;
			todo = timer->child;
		}
		timer->loop = NULL;
		loop->active--;
	}
	loop->timers = NULL;
}
