/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Clocks that are set while a loop runs.  The date must not matter at all, and
 * a monotonic clock that has gone on while the machine was suspended must make
 * due what is due, once.  The clocks are faked by a clock_gettime(2) of our
 * own, as nobody may set those of a machine that runs tests.
 */

#include "config.h"

#include <sys/types.h>
#include <sys/syscall.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemonwatch.h"
#include "forked.h"

#define YEARS (INT64_C(86400) * 365 * DW_SEC)

/* How wrong the clocks are. */
static int64_t date_step;
static int64_t monotonic_step;
static int date_asked;

/* The kernel's answer, not the C library's. */
static int64_t
ask_kernel(clockid_t id)
{
	struct {
		long sec;
		long nsec;
	} ts = {0, 0};

#ifdef SYS___clock_gettime50
	(void)syscall(SYS___clock_gettime50, id, &ts);
#else
	(void)syscall(SYS_clock_gettime, id, &ts);
#endif
	return ((int64_t)ts.sec * DW_SEC + ts.nsec);
}

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	int64_t now = ask_kernel(id);

	if (id == CLOCK_REALTIME) {
		/* Never the same twice: there and back at every look. */
		date_asked++;
		date_step = -date_step;
		now += date_step;
	} else {
		now += monotonic_step;
	}
	ts->tv_sec = (time_t)(now / DW_SEC);
	ts->tv_nsec = (long)(now % DW_SEC);
	return (0);
}

time_t
time(time_t *result)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	if (result != NULL)
		*result = ts.tv_sec;
	return (ts.tv_sec);
}

static struct dw_loop *loop;

static int
setup(void **state)
{

	(void)state;
	(void)alarm(DEADLINE_S);
	date_step = monotonic_step = 0;
	loop = dw_loop_new(getenv("TEST_POLLER"));
	return (loop == NULL ? -1 : 0);
}

static int
teardown(void **state)
{

	(void)state;
	date_step = monotonic_step = 0;
	dw_loop_free(loop);
	return (0);
}

static void
count(struct dw_timer *timer)
{

	++*(int *)timer->arg;
}

static void
count_again(struct dw_timer *timer)
{

	count(timer);
	/* Somebody sets the date meanwhile, to and fro. */
	date_step += DW_SEC;
	dw_timer_start(loop, timer, 5 * DW_MS);
}

/* The real time that has passed, whatever the clocks say. */
static int64_t
since(int64_t begin)
{

	return (ask_kernel(CLOCK_MONOTONIC) - begin);
}

static void
the_date_is_set(void **state)
{
	struct dw_timer often = {.cb = count_again}, far = {.cb = count};
	int64_t begin = ask_kernel(CLOCK_MONOTONIC);
	int n = 0, m = 0;

	(void)state;
	often.arg = &n;
	far.arg = &m;
	dw_timer_start(loop, &often, 5 * DW_MS);
	dw_timer_start(loop, &far, 3600 * DW_SEC);
	date_step = 10 * YEARS;
	while (n < 20)
		assert_int_equal(dw_loop_step(loop, -1), 0);
	assert_true(since(begin) >= 20 * 5 * DW_MS);
	assert_true(since(begin) < DEADLINE_S * DW_SEC);
	assert_int_equal(m, 0);
	/* Nor does it cut a sleep short. */
	dw_timer_stop(&often);
	begin = ask_kernel(CLOCK_MONOTONIC);
	assert_int_equal(dw_loop_step(loop, 20 * DW_MS), 0);
	assert_true(since(begin) >= 20 * DW_MS);
	assert_int_equal(m, 0);
	dw_timer_stop(&far);
	/* The fake was there to be seen. */
	date_asked = 0;
	(void)time(NULL);
	assert_int_equal(date_asked, 1);
}

/* Two hours pass in a moment, while nobody looks. */
static void
the_machine_was_suspended(void **state)
{
	struct dw_timer timers[4];
	static const int64_t delays[4] = {
	    3600 * DW_SEC, 7200 * DW_SEC, 7201 * DW_SEC, 10 * DW_MS};
	int64_t begin;
	int i, n[4] = {0, 0, 0, 0};

	(void)state;
	memset(timers, 0, sizeof(timers));
	for (i = 0; i < 4; i++) {
		timers[i].cb = count;
		timers[i].arg = &n[i];
		dw_timer_start(loop, &timers[i], delays[i]);
	}
	monotonic_step = 7200 * DW_SEC + 500 * DW_MS;
	assert_int_equal(dw_loop_step(loop, -1), 0);
	assert_int_equal(n[0], 1);
	assert_int_equal(n[1], 1);
	assert_int_equal(n[2], 0);
	assert_int_equal(n[3], 1);
	/* And on as before: the last one has half a second left. */
	begin = ask_kernel(CLOCK_MONOTONIC);
	dw_timer_start(loop, &timers[3], 10 * DW_MS);
	while (n[3] < 2)
		assert_int_equal(dw_loop_step(loop, -1), 0);
	assert_true(since(begin) >= 10 * DW_MS);
	assert_int_equal(n[0] + n[1], 2);
	dw_timer_stop(&timers[2]);
	assert_int_equal(dw_loop_run(loop), 0);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(the_date_is_set),
	    TEST(the_machine_was_suspended),
	};

	return (cmocka_run_group_tests_name("clock", tests, NULL, NULL));
}
