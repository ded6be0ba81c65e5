/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The loop itself: how one is made, deferred calls, the order of a turn, how
 * runs begin and end.  Not what it reports: test_io.c, test_timer.c …
 */

#include "config.h"

#include <sys/types.h>

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

static struct dw_loop *loop;

static int
setup(void **state)
{

	(void)state;
	(void)alarm(DEADLINE_S);
	loop = dw_loop_new(getenv("TEST_POLLER"));
	return (loop == NULL ? -1 : 0);
}

static int
teardown(void **state)
{

	(void)state;
	dw_loop_free(loop);
	return (0);
}

/*
 * Making a loop
 */
static void
pollers_are_named(void **state)
{
	const char *const *names = dw_loop_pollers();
	struct dw_loop *l;

	(void)state;
	assert_non_null(names[0]);
	for (; *names != NULL; names++) {
		l = dw_loop_new(*names);
		assert_non_null(l);
		assert_string_equal(dw_loop_poller(l), *names);
		dw_loop_free(l);
	}
	errno = 0;
	assert_null(dw_loop_new("select"));
	assert_int_equal(errno, EINVAL);
	dw_loop_free(NULL);
}

static void
the_poller_is_close_on_exec(void **state)
{
	struct dw_loop *l;
	int before, fd, flags, n = 0;

	(void)state;
	before = open("/", O_RDONLY | O_CLOEXEC);
	assert_true(before >= 0);
	assert_int_equal(close(before), 0);
	l = dw_loop_new(getenv("TEST_POLLER"));
	assert_non_null(l);
	for (fd = before; fd < before + 4; fd++) {
		if ((flags = fcntl(fd, F_GETFD)) == -1)
			continue;
		assert_true((flags & FD_CLOEXEC) != 0);
		n++;
	}
	assert_int_equal(n > 0, strcmp(dw_loop_poller(l), "poll") != 0);
	dw_loop_free(l);
	assert_int_equal(fcntl(before, F_GETFD), -1);
}

/*
 * Deferred calls
 */
static char order[16];
static size_t norder;

struct letter {
	struct dw_defer defer; /* first: callbacks get its address */
	char letter;
	struct letter *start, *stop;
};

static void
note(struct dw_defer *defer)
{
	struct letter *l = (struct letter *)defer;

	assert_true(norder < sizeof(order) - 1);
	order[norder++] = l->letter;
	order[norder] = '\0';
	if (l->start != NULL)
		dw_defer_start(loop, &l->start->defer);
	if (l->stop != NULL)
		dw_defer_stop(&l->stop->defer);
}

static void
defer_all(struct letter *l, size_t n)
{
	size_t i;

	norder = 0;
	order[0] = '\0';
	for (i = 0; i < n; i++) {
		l[i].defer.cb = note;
		l[i].letter = (char)('a' + i);
		dw_defer_start(loop, &l[i].defer);
	}
}

static void
deferred_calls_in_order_and_once(void **state)
{
	struct letter l[4] = {{.letter = 0}};

	(void)state;
	defer_all(l, 4);
	/* Started again: the last one.  Stopped: not at all. */
	dw_defer_start(loop, &l[0].defer);
	dw_defer_stop(&l[2].defer);
	dw_defer_stop(&l[2].defer);
	/* However long it might sleep, it doesn't. */
	assert_int_equal(dw_loop_step(loop, -1), 0);
	assert_string_equal(order, "bda");
	assert_int_equal(dw_loop_run(loop), 0);
	assert_string_equal(order, "bda");
}

static void
stopping_the_last_deferred_call(void **state)
{
	struct letter l[3] = {{.letter = 0}};

	(void)state;
	defer_all(l, 2);
	dw_defer_stop(&l[1].defer);
	l[2].defer.cb = note;
	l[2].letter = 'c';
	dw_defer_start(loop, &l[2].defer);
	assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_string_equal(order, "ac");
}

static void
deferred_calls_start_and_stop_others(void **state)
{
	struct letter l[4] = {{.letter = 0}};

	(void)state;
	/* a starts itself, b starts c again, c stops d. */
	l[0].start = &l[0];
	l[1].start = &l[2];
	l[2].stop = &l[3];
	defer_all(l, 4);
	assert_int_equal(dw_loop_step(loop, -1), 0);
	assert_string_equal(order, "abd");
	l[0].start = NULL;
	assert_int_equal(dw_loop_step(loop, -1), 0);
	assert_string_equal(order, "abdac");
	assert_int_equal(dw_loop_run(loop), 0);
	assert_string_equal(order, "abdac");
}

static void
note_io(struct dw_io *io, unsigned events)
{
	struct letter *l = io->arg;

	(void)events;
	order[norder++] = 'I';
	order[norder] = '\0';
	dw_io_stop(io);
	dw_defer_start(loop, &l->defer);
}

static void
note_timer(struct dw_timer *timer)
{

	(void)timer;
	order[norder++] = 'T';
	order[norder] = '\0';
}

/* Descriptors, timers, deferred calls: also one deferred in this turn. */
static void
order_of_a_turn(void **state)
{
	struct dw_io io = {.cb = note_io};
	struct dw_timer timer = {.cb = note_timer};
	struct letter l[2] = {{.letter = 0}};
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(write(p[1], "x", 1), 1);
	defer_all(l, 1);
	l[1].defer.cb = note;
	l[1].letter = 'b';
	io.arg = &l[1];
	dw_timer_start(loop, &timer, 0);
	assert_int_equal(dw_io_start(loop, &io, p[0], DW_READ), 0);
	assert_int_equal(dw_loop_step(loop, -1), 0);
	assert_string_equal(order, "ITab");
	(void)close(p[0]);
	(void)close(p[1]);
}

/*
 * Runs
 */
static void
stop_now(struct dw_defer *defer)
{

	dw_loop_stop(loop, *(int *)defer->arg);
}

static void
how_a_run_ends(void **state)
{
	struct dw_defer defer = {.cb = stop_now};
	struct letter l = {.letter = 'a'};
	int code = 42;

	(void)state;
	assert_int_equal(dw_loop_run(loop), 0);
	defer.arg = &code;
	dw_defer_start(loop, &defer);
	/* The turn is finished first. */
	defer_all(&l, 1);
	assert_int_equal(dw_loop_run(loop), 42);
	assert_string_equal(order, "a");
	assert_int_equal(dw_loop_run(loop), 0);
	/* Before a run it ends that run; 0 is a code, too. */
	defer_all(&l, 1);
	dw_loop_stop(loop, 7);
	dw_loop_stop(loop, 0);
	assert_int_equal(dw_loop_run(loop), 0);
	assert_string_equal(order, "");
	assert_int_equal(dw_loop_run(loop), 0);
	assert_string_equal(order, "a");
}

static void
nest(struct dw_defer *defer)
{

	errno = 0;
	assert_int_equal(dw_loop_step(loop, 0), -1);
	assert_int_equal(errno, EBUSY);
	errno = 0;
	assert_int_equal(dw_loop_run(loop), -1);
	assert_int_equal(errno, EBUSY);
	++*(int *)defer->arg;
}

static void
nested_turns_are_refused(void **state)
{
	struct dw_defer defer = {.cb = nest};
	int n = 0;

	(void)state;
	defer.arg = &n;
	dw_defer_start(loop, &defer);
	assert_int_equal(dw_loop_run(loop), 0);
	assert_int_equal(n, 1);
	/* But not for ever. */
	assert_int_equal(dw_loop_step(loop, 0), 0);
}

static struct dw_loop *inner;

static void
run_inner(struct dw_defer *defer)
{

	(void)defer;
	assert_int_equal(dw_loop_step(inner, 0), 0);
}

static void
another_loop_may_turn_in_a_callback(void **state)
{
	struct dw_defer defer = {.cb = run_inner};
	struct letter l = {.letter = 'x'};

	(void)state;
	inner = dw_loop_new(getenv("TEST_POLLER"));
	assert_non_null(inner);
	norder = 0;
	l.defer.cb = note;
	dw_defer_start(inner, &l.defer);
	dw_defer_start(loop, &defer);
	assert_int_equal(dw_loop_run(loop), 0);
	assert_string_equal(order, "x");
	dw_loop_free(inner);
}

static void
a_step_sleeps_as_long_as_asked(void **state)
{
	struct dw_timer timer = {.cb = note_timer};
	int64_t begin;

	(void)state;
	norder = 0;
	begin = dw_clock();
	assert_int_equal(dw_loop_step(loop, 10 * DW_MS + 1), 0);
	assert_true(dw_clock() - begin > 10 * DW_MS);
	/* No longer than that for a timer, no longer than to a timer. */
	dw_timer_start(loop, &timer, 3600 * DW_SEC);
	assert_int_equal(dw_loop_step(loop, DW_MS), 0);
	dw_timer_start(loop, &timer, DW_MS);
	assert_int_equal(dw_loop_step(loop, 3600 * DW_SEC), 0);
	assert_int_equal(norder, 1);
}

static void
free_stops_all(void **state)
{
	struct dw_loop *l;
	struct dw_defer defer = {.cb = note};
	struct dw_timer timer = {.cb = note_timer};
	struct dw_signal sig = {.cb = NULL};
	struct dw_io io = {.cb = note_io};
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	l = dw_loop_new(getenv("TEST_POLLER"));
	assert_non_null(l);
	dw_defer_start(l, &defer);
	dw_timer_start(l, &timer, 0);
	assert_int_equal(dw_io_start(l, &io, p[0], DW_READ), 0);
	assert_int_equal(dw_signal_start(l, &sig, SIGUSR1), 0);
	errno = EXDEV;
	dw_loop_free(l);
	assert_int_equal(errno, EXDEV);
	assert_null(defer.loop);
	assert_null(timer.loop);
	assert_null(io.loop);
	assert_null(sig.loop);
	(void)close(p[0]);
	(void)close(p[1]);
}

/* It still counts as started: the run ends by the timer's stop only. */
static void
end_run(struct dw_timer *timer)
{

	dw_loop_stop(loop, *(int *)timer->arg);
}

static void
a_paused_watcher_is_started(void **state)
{
	struct dw_timer timer = {.cb = end_run};
	struct dw_io io = {.cb = NULL};
	int code = 5, p[2];

	(void)state;
	timer.arg = &code;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(dw_io_start(loop, &io, p[0], 0), 0);
	dw_timer_start(loop, &timer, 5 * DW_MS);
	assert_int_equal(dw_loop_run(loop), 5);
	dw_io_stop(&io);
	assert_int_equal(dw_loop_run(loop), 0);
	(void)close(p[0]);
	(void)close(p[1]);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(pollers_are_named),
	    TEST(the_poller_is_close_on_exec),
	    TEST(a_paused_watcher_is_started),
	    TEST(deferred_calls_in_order_and_once),
	    TEST(stopping_the_last_deferred_call),
	    TEST(deferred_calls_start_and_stop_others),
	    TEST(order_of_a_turn),
	    TEST(how_a_run_ends),
	    TEST(nested_turns_are_refused),
	    TEST(another_loop_may_turn_in_a_callback),
	    TEST(a_step_sleeps_as_long_as_asked),
	    TEST(free_stops_all),
	};

	return (cmocka_run_group_tests_name("loop", tests, NULL, NULL));
}
