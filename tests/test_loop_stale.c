/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Stale events: whatever a callback stops, frees, closes or starts, nobody is
 * called for what happened to somebody else.  All of it in one batch of
 * events, as that is where loops go wrong; a use after free is left to the
 * sanitizers and valgrind.
 */

#include "config.h"

#include <sys/types.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemonwatch.h"
#include "forked.h"

/* How many watchers are ready in one turn. */
#define BATCH 50

/* How many turns show that the loop does not spin. */
#define TURNS 5

static struct dw_loop *loop;
static int ends[BATCH][2];
static struct dw_io *watchers[BATCH];
static int calls;

static int
setup(void **state)
{

	(void)state;
	(void)alarm(DEADLINE_S);
	loop = dw_loop_new(getenv("TEST_POLLER"));
	calls = 0;
	return (loop == NULL ? -1 : 0);
}

static int
teardown(void **state)
{

	(void)state;
	dw_loop_free(loop);
	return (0);
}

/* BATCH pipes that can be read, each with a watcher of its own. */
static void
all_ready(dw_io_cb *cb)
{
	int i;

	for (i = 0; i < BATCH; i++) {
		assert_int_equal(pipe(ends[i]), 0);
		assert_int_equal(write(ends[i][1], "x", 1), 1);
		watchers[i] = calloc(1, sizeof(*watchers[i]));
		assert_non_null(watchers[i]);
		watchers[i]->cb = cb;
		watchers[i]->arg = &watchers[i];
		assert_int_equal(
		    dw_io_start(loop, watchers[i], ends[i][0], DW_READ), 0);
	}
}

static void
free_all(void)
{
	int i;

	for (i = 0; i < BATCH; i++) {
		if (watchers[i] != NULL) {
			dw_io_stop(watchers[i]);
			free(watchers[i]);
			watchers[i] = NULL;
		}
		(void)close(ends[i][0]);
		(void)close(ends[i][1]);
	}
}

static void
never(struct dw_io *io, unsigned events)
{

	(void)io;
	(void)events;
	fail_msg("an event that is not this watcher's");
}

/* The first one that is called ends all others, and itself. */
static void
stop_and_free_all(struct dw_io *io, unsigned events)
{
	int i;

	(void)io;
	(void)events;
	calls++;
	for (i = 0; i < BATCH; i++) {
		dw_io_stop(watchers[i]);
		free(watchers[i]);
		watchers[i] = NULL;
	}
}

static void
stopped_and_freed_by_the_first(void **state)
{

	(void)state;
	all_ready(stop_and_free_all);
	assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_int_equal(calls, 1);
	assert_int_equal(dw_loop_run(loop), 0);
	assert_int_equal(calls, 1);
	free_all();
}

static void
stop_and_free_self(struct dw_io *io, unsigned events)
{
	struct dw_io **owner = io->arg;

	(void)events;
	calls++;
	dw_io_stop(io);
	free(io);
	*owner = NULL;
}

static void
each_frees_itself(void **state)
{

	(void)state;
	all_ready(stop_and_free_self);
	assert_int_equal(dw_loop_run(loop), 0);
	assert_int_equal(calls, BATCH);
	free_all();
}

static struct dw_io fresh[BATCH];
static int fresh_ends[BATCH][2];

/*
 * The first one closes all descriptors, then opens as many, which get the same
 * numbers: empty pipes, of which nothing is to be told.
 */
static void
close_and_reuse_all(struct dw_io *io, unsigned events)
{
	int i;

	(void)io;
	(void)events;
	if (calls++ > 0)
		return;
	for (i = 0; i < BATCH; i++) {
		dw_io_stop(watchers[i]);
		assert_int_equal(close(ends[i][0]), 0);
		assert_int_equal(close(ends[i][1]), 0);
	}
	for (i = 0; i < BATCH; i++) {
		assert_int_equal(pipe(fresh_ends[i]), 0);
		memset(&fresh[i], 0, sizeof(fresh[i]));
		fresh[i].cb = never;
		assert_int_equal(
		    dw_io_start(loop, &fresh[i], fresh_ends[i][0], DW_READ), 0);
	}
}

static void
count(struct dw_io *io, unsigned events)
{
	char b;

	assert_int_equal(events, DW_READ);
	assert_int_equal(read(io->fd, &b, 1), 1);
	calls++;
}

static void
closed_and_reused_in_one_turn(void **state)
{
	int i, same = 0;

	(void)state;
	all_ready(close_and_reuse_all);
	assert_int_equal(dw_loop_step(loop, 0), 0);
	for (i = 0; i < BATCH; i++)
		same += fresh_ends[i][0] == ends[i][0];
	assert_int_equal(same, BATCH);
	assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_int_equal(calls, 1);
	/* And the new ones hear what is theirs. */
	for (i = 0; i < BATCH; i++) {
		fresh[i].cb = count;
		assert_int_equal(write(fresh_ends[i][1], "y", 1), 1);
	}
	calls = 0;
	assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_int_equal(calls, BATCH);
	for (i = 0; i < BATCH; i++)
		dw_io_stop(&fresh[i]);
	free_all();
}

/* Stopped and started again with the same descriptor: its event was the old
 * watcher's, though the new one would get the like in the next turn. */
static void
restart_all(struct dw_io *io, unsigned events)
{
	int i;

	(void)io;
	(void)events;
	if (calls++ > 0)
		return;
	for (i = 0; i < BATCH; i++) {
		dw_io_stop(watchers[i]);
		assert_int_equal(
		    dw_io_start(loop, watchers[i], ends[i][0], DW_READ), 0);
	}
}

static void
restarted_in_one_turn(void **state)
{

	(void)state;
	all_ready(restart_all);
	assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_int_equal(calls, 1);
	assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_int_equal(calls, 1 + BATCH);
	free_all();
}

static void
pause_all(struct dw_io *io, unsigned events)
{
	int i;

	(void)io;
	(void)events;
	calls++;
	for (i = 0; i < BATCH; i++) {
		assert_int_equal(dw_io_modify(watchers[i], 0), 0);
		/* Also one that has more to tell by now. */
		(void)close(ends[i][1]);
	}
}

static void
paused_in_one_turn(void **state)
{
	int i;

	(void)state;
	all_ready(pause_all);
	for (i = 0; i < TURNS; i++)
		assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_int_equal(calls, 1);
	free_all();
}

/* The same with a hangup, which is reported whatever is asked. */
static void
paused_with_a_hangup(void **state)
{
	int i;

	(void)state;
	all_ready(pause_all);
	for (i = 0; i < BATCH; i++) {
		assert_int_equal(close(ends[i][1]), 0);
		ends[i][1] = -1;
	}
	for (i = 0; i < TURNS; i++)
		assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_int_equal(calls, 1);
	free_all();
}

static void
ask_other_things(struct dw_io *io, unsigned events)
{
	int i;

	(void)io;
	assert_int_equal(events, DW_READ);
	if (calls++ > 0)
		return;
	for (i = 0; i < BATCH; i++) {
		assert_int_equal(dw_io_modify(watchers[i], DW_WRITE), 0);
		watchers[i]->cb = never;
	}
}

static void
modified_in_one_turn(void **state)
{

	(void)state;
	all_ready(ask_other_things);
	assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_int_equal(calls, 1);
	free_all();
}

/* A timer's and a signal's callback find nothing left of the batch. */
static struct dw_timer timer;
static struct dw_defer defer;
static struct dw_signal sig;

static void
never_timer(struct dw_timer *t)
{

	(void)t;
	fail_msg("a timer that was stopped");
}

static void
never_defer(struct dw_defer *d)
{

	(void)d;
	fail_msg("a deferred call that was stopped");
}

static void
never_signal(struct dw_signal *s)
{

	(void)s;
	fail_msg("a signal that was stopped");
}

static void
stop_all_kinds(struct dw_io *io, unsigned events)
{

	(void)events;
	calls++;
	dw_io_stop(io);
	dw_timer_stop(&timer);
	dw_defer_stop(&defer);
	dw_signal_stop(&sig);
}

static void
other_kinds_stopped_by_a_descriptor(void **state)
{
	struct dw_io io = {.cb = stop_all_kinds};
	int p[2];

	(void)state;
	memset(&timer, 0, sizeof(timer));
	memset(&defer, 0, sizeof(defer));
	memset(&sig, 0, sizeof(sig));
	timer.cb = never_timer;
	defer.cb = never_defer;
	sig.cb = never_signal;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(write(p[1], "x", 1), 1);
	/* First, so that it stands before the pipe of signals. */
	assert_int_equal(dw_io_start(loop, &io, p[0], DW_READ), 0);
	assert_int_equal(dw_signal_start(loop, &sig, SIGWINCH), 0);
	dw_timer_start(loop, &timer, 0);
	dw_defer_start(loop, &defer);
	assert_int_equal(kill(getpid(), SIGWINCH), 0);
	assert_int_equal(dw_loop_run(loop), 0);
	assert_int_equal(calls, 1);
	(void)close(p[0]);
	(void)close(p[1]);
}

static struct dw_signal *two[2];

static void
free_both(struct dw_signal *s)
{
	int i;

	(void)s;
	calls++;
	for (i = 0; i < 2; i++) {
		dw_signal_stop(two[i]);
		free(two[i]);
	}
}

static void
signals_stopped_by_a_signal(void **state)
{
	static const int signos[2] = {SIGWINCH, SIGURG};
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		two[i] = calloc(1, sizeof(*two[i]));
		assert_non_null(two[i]);
		two[i]->cb = free_both;
		assert_int_equal(dw_signal_start(loop, two[i], signos[i]), 0);
	}
	for (i = 0; i < 2; i++)
		assert_int_equal(kill(getpid(), signos[i]), 0);
	assert_int_equal(dw_loop_run(loop), 0);
	assert_int_equal(calls, 1);
}

/* Are turns over at once, though nothing is to be told? */
static void
demand_sleep(void)
{
	int64_t begin = dw_clock();
	int i;

	for (i = 0; i < TURNS; i++)
		assert_int_equal(dw_loop_step(loop, 10 * DW_MS), 0);
	/* One of them may have been woken, to find out. */
	assert_true(dw_clock() - begin >= (TURNS - 1) * 10 * DW_MS);
}

/*
 * Closed before it is stopped, which is not allowed, while a copy of it lives
 * on: epoll goes on reporting it and refuses to remove it (EBADF).  The loop
 * must neither call anybody nor spin, and must lose nothing else.
 */
static void
closed_too_early_with_a_copy(void **state)
{
	struct dw_io io = {.cb = never}, other = {.cb = count};
	int copy, p[2], q[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(pipe(q), 0);
	assert_int_equal(dw_io_start(loop, &io, p[0], DW_READ), 0);
	assert_int_equal(dw_io_start(loop, &other, q[0], DW_READ), 0);
	copy = dup(p[0]);
	assert_true(copy >= 0);
	assert_int_equal(close(p[0]), 0);
	dw_io_stop(&io);
	assert_int_equal(write(p[1], "x", 1), 1);
	demand_sleep();
	assert_int_equal(write(q[1], "x", 1), 1);
	assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_int_equal(calls, 1);
	/* The number is good for another watcher, too. */
	assert_int_equal(dup2(copy, p[0]), p[0]);
	io.cb = count;
	assert_int_equal(dw_io_start(loop, &io, p[0], DW_READ), 0);
	assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_int_equal(calls, 2);
	dw_io_stop(&io);
	dw_io_stop(&other);
	(void)close(copy);
	(void)close(p[0]);
	(void)close(p[1]);
	(void)close(q[0]);
	(void)close(q[1]);
}

/* Closed and never stopped: silence, and another stop is still allowed. */
static void
closed_while_it_is_watched(void **state)
{
	struct dw_io io = {.cb = never}, again = {.cb = count};
	int p[2], q[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(pipe(q), 0);
	assert_int_equal(dw_io_start(loop, &again, q[0], DW_READ), 0);
	assert_int_equal(dw_io_start(loop, &io, p[0], DW_READ), 0);
	assert_int_equal(close(p[0]), 0);
	demand_sleep();
	/* The slot is taken until it is stopped. */
	errno = 0;
	dw_io_stop(&again);
	assert_int_equal(dup2(q[0], p[0]), p[0]);
	assert_int_equal(dw_io_start(loop, &again, p[0], DW_READ), -1);
	assert_int_equal(errno, EEXIST);
	dw_io_stop(&io);
	assert_int_equal(dw_io_start(loop, &again, p[0], DW_READ), 0);
	assert_int_equal(write(q[1], "x", 1), 1);
	assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_int_equal(calls, 1);
	dw_io_stop(&again);
	(void)close(p[0]);
	(void)close(p[1]);
	(void)close(q[0]);
	(void)close(q[1]);
}

static void
heard_of_end(struct dw_io *io, unsigned events)
{

	assert_true((events & DW_HUP) != 0);
	calls++;
	dw_io_stop(io);
}

/* A change that can no longer be told to the kernel is not lost in silence. */
static void
changed_after_it_was_closed(void **state)
{
	struct dw_io io = {.cb = heard_of_end};
	int p[2];

	(void)state;
	if (strcmp(dw_loop_poller(loop), "poll") == 0)
		skip(); /* the kernel is told nothing there */
	assert_int_equal(pipe(p), 0);
	assert_int_equal(dw_io_start(loop, &io, p[0], DW_READ), 0);
	assert_int_equal(dw_io_modify(&io, DW_READ | DW_WRITE), 0);
	assert_int_equal(close(p[0]), 0);
	assert_int_equal(dw_loop_step(loop, -1), 0);
	assert_int_equal(calls, 1);
	assert_int_equal(dw_loop_run(loop), 0);
	(void)close(p[1]);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(stopped_and_freed_by_the_first),
	    TEST(each_frees_itself),
	    TEST(closed_and_reused_in_one_turn),
	    TEST(restarted_in_one_turn),
	    TEST(paused_in_one_turn),
	    TEST(paused_with_a_hangup),
	    TEST(modified_in_one_turn),
	    TEST(other_kinds_stopped_by_a_descriptor),
	    TEST(signals_stopped_by_a_signal),
	    TEST(closed_too_early_with_a_copy),
	    TEST(closed_while_it_is_watched),
	    TEST(changed_after_it_was_closed),
	};

	return (cmocka_run_group_tests_name("stale", tests, NULL, NULL));
}
