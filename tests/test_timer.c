/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Timers: order against a sorted reference, the extremes of delay, and what
 * callbacks do to other timers.  Nothing here measures speed.
 */

#include "config.h"

#include <sys/types.h>
#include <sys/time.h>

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

#define MANY 100000

static struct dw_loop *loop;

/* What fired, in order. */
static size_t fired[MANY];
static size_t nfired;

struct numbered {
	struct dw_timer timer; /* first: callbacks get its address */
	size_t number;
	bool started;
};

static int
setup(void **state)
{

	(void)state;
	(void)alarm(60);
	loop = dw_loop_new(getenv("TEST_POLLER"));
	nfired = 0;
	return (loop == NULL ? -1 : 0);
}

static int
teardown(void **state)
{

	(void)state;
	dw_loop_free(loop);
	return (0);
}

static void
record(struct dw_timer *timer)
{

	assert_true(nfired < MANY);
	fired[nfired++] = ((struct numbered *)timer)->number;
}

static void
count(struct dw_timer *timer)
{

	++*(int *)timer->arg;
}

static struct numbered *
make_many(size_t n)
{
	struct numbered *many;
	size_t i;

	many = calloc(n, sizeof(*many));
	assert_non_null(many);
	for (i = 0; i < n; i++) {
		many[i].timer.cb = record;
		many[i].number = i;
	}
	return (many);
}

static void
zero_fires_in_the_first_turn(void **state)
{
	struct dw_timer timer = {.cb = count};
	int n = 0;

	(void)state;
	timer.arg = &n;
	dw_timer_start(loop, &timer, 0);
	assert_true(dw_timer_active(&timer));
	assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_int_equal(n, 1);
	assert_false(dw_timer_active(&timer));
	assert_int_equal(dw_loop_run(loop), 0);
	assert_int_equal(n, 1);
}

static void
negative_is_zero(void **state)
{
	struct numbered *many = make_many(3);

	(void)state;
	/* So they do not overtake one that was started before. */
	dw_timer_start(loop, &many[0].timer, 0);
	dw_timer_start(loop, &many[1].timer, -DW_SEC);
	dw_timer_at(loop, &many[2].timer, INT64_MIN);
	assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_int_equal(nfired, 3);
	assert_int_equal(fired[0], 2);
	assert_int_equal(fired[1], 0);
	assert_int_equal(fired[2], 1);
	free(many);
}

/* Run until n is 1; how many turns that took. */
static int
turns_until(const int *n)
{
	int turns = 0;

	while (*n == 0) {
		assert_int_equal(dw_loop_step(loop, -1), 0);
		turns++;
		assert_true(turns < 100);
	}
	return (turns);
}

static void
never_early_and_without_spinning(void **state)
{
	static const int64_t delays[] = {1, 999, DW_US, DW_MS - 1, DW_MS,
	    DW_MS + 1, 3 * DW_MS + 500 * DW_US, 20 * DW_MS};
	struct dw_timer timer = {.cb = count};
	int64_t begin;
	size_t i;
	int n;

	(void)state;
	timer.arg = &n;
	for (i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
		n = 0;
		begin = dw_clock();
		dw_timer_start(loop, &timer, delays[i]);
		/* One turn, or two if the kernel wakes just before it. */
		assert_true(turns_until(&n) <= 2);
		assert_true(dw_clock() - begin >= delays[i]);
	}
}

static void
on_alarm(int signo)
{

	(void)signo;
}

/*
 * A hundred days are more milliseconds than an int holds.  That the loop
 * sleeps at all is shown by the alarm that has to end it.
 */
static void
a_hundred_days(void **state)
{
	/* Also what a cut to 32 bits would make a millisecond of. */
	static const int64_t delays[] = {INT64_MAX,
	    ((INT64_C(1) << 32) + 1) * DW_MS, 100 * INT64_C(86400) * DW_SEC};
	struct itimerval in_20ms = {.it_value.tv_usec = 20000};
	struct sigaction act, old;
	struct dw_timer far, never, soon;
	int64_t begin;
	size_t i;
	int n = 0, m = 0;

	(void)state;
	memset(&act, 0, sizeof(act));
	act.sa_handler = on_alarm;
	assert_int_equal(sigaction(SIGALRM, &act, &old), 0);
	memset(&far, 0, sizeof(far));
	far.cb = count;
	far.arg = &n;
	never = soon = far;
	soon.arg = &m;
	dw_timer_start(loop, &never, INT64_MAX);
	dw_timer_at(loop, &soon, INT64_MAX);
	for (i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
		dw_timer_start(loop, &far, delays[i]);
		begin = dw_clock();
		assert_int_equal(setitimer(ITIMER_REAL, &in_20ms, NULL), 0);
		assert_int_equal(dw_loop_step(loop, -1), 0);
		assert_true(dw_clock() - begin >= 20 * DW_MS);
	}

	begin = dw_clock();
	assert_int_equal(dw_loop_step(loop, 5 * DW_MS), 0);
	assert_true(dw_clock() - begin >= 5 * DW_MS);

	dw_timer_start(loop, &soon, DW_MS);
	assert_true(turns_until(&m) <= 2);
	assert_int_equal(n, 0);
	assert_true(dw_timer_active(&far));
	assert_true(dw_timer_active(&never));
	assert_int_equal(sigaction(SIGALRM, &old, NULL), 0);
	dw_timer_stop(&far);
	dw_timer_stop(&never);
	assert_int_equal(dw_loop_run(loop), 0);
}

static void
equal_deadlines_fire_in_order_of_start(void **state)
{
	struct numbered *many = make_many(1000);
	int64_t deadline = dw_clock();
	size_t i;

	(void)state;
	for (i = 0; i < 1000; i++)
		dw_timer_at(loop, &many[i].timer, deadline);
	/* Started again: now it is the last one. */
	dw_timer_at(loop, &many[0].timer, deadline);
	assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_int_equal(nfired, 1000);
	for (i = 0; i < 999; i++)
		assert_int_equal(fired[i], i + 1);
	assert_int_equal(fired[999], 0);
	free(many);
}

static uint32_t
draw(uint32_t *seed)
{

	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 8);
}

/* What the heap has to agree with. */
struct expected {
	int64_t deadline;
	uint64_t start;
	size_t number;
};

static int
by_deadline_and_start(const void *a, const void *b)
{
	const struct expected *x = a, *y = b;

	if (x->deadline != y->deadline)
		return (x->deadline < y->deadline ? -1 : 1);
	return (x->start < y->start ? -1 : 1);
}

static void
random_ones_fire_sorted(void **state)
{
	struct numbered *many = make_many(MANY);
	struct expected *expected;
	uint32_t seed = 20261122;
	int64_t base = dw_clock() - DW_SEC;
	size_t i, n, who;

	(void)state;
	expected = calloc(MANY, sizeof(*expected));
	assert_non_null(expected);
	/* Starts, restarts and stops, of deadlines that are often equal. */
	for (i = 0; i < 4 * (size_t)MANY; i++) {
		who = i < MANY ? i : draw(&seed) % MANY;
		if (i >= MANY && draw(&seed) % 4 == 0) {
			dw_timer_stop(&many[who].timer);
			expected[who].start = 0;
			continue;
		}
		expected[who].deadline = base + draw(&seed) % 50000;
		expected[who].start = i + 1;
		expected[who].number = who;
		dw_timer_at(loop, &many[who].timer, expected[who].deadline);
	}
	for (i = n = 0; i < MANY; i++) {
		assert_int_equal(
		    dw_timer_active(&many[i].timer), expected[i].start != 0);
		if (expected[i].start != 0)
			expected[n++] = expected[i];
	}
	assert_true(n > MANY / 4 && n < MANY);
	qsort(expected, n, sizeof(*expected), by_deadline_and_start);
	assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_int_equal(nfired, n);
	for (i = 0; i < n; i++)
		assert_int_equal(fired[i], expected[i].number);
	assert_int_equal(dw_loop_run(loop), 0);
	free(expected);
	free(many);
}

/* Shapes that a recursive heap would overflow the stack with. */
static void
rising_and_falling(void **state)
{
	struct numbered *many = make_many(MANY);
	int64_t base = dw_clock() - DW_SEC;
	size_t i;

	(void)state;
	for (i = 0; i < MANY; i++)
		dw_timer_at(loop, &many[i].timer, base + (int64_t)i);
	assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_int_equal(nfired, MANY);
	for (i = 0; i < MANY; i++)
		assert_int_equal(fired[i], i);
	nfired = 0;
	for (i = 0; i < MANY; i++)
		dw_timer_at(loop, &many[i].timer, base - (int64_t)i);
	/* One out of the middle of the chain that this makes. */
	dw_timer_stop(&many[MANY / 2].timer);
	dw_timer_at(loop, &many[MANY / 2].timer, base - MANY / 2);
	assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_int_equal(nfired, MANY);
	for (i = 0; i < MANY; i++)
		assert_int_equal(fired[i], MANY - 1 - i);
	free(many);
}

static void
free_stops_all(void **state)
{
	struct numbered *many = make_many(MANY);
	struct dw_loop *other;
	size_t i;

	(void)state;
	other = dw_loop_new(getenv("TEST_POLLER"));
	assert_non_null(other);
	for (i = 0; i < MANY; i++)
		dw_timer_start(
		    other, &many[i].timer, (int64_t)(i * 7919 % MANY));
	dw_loop_free(other);
	for (i = 0; i < MANY; i++)
		assert_false(dw_timer_active(&many[i].timer));
	/* And they are good for another loop. */
	dw_timer_start(loop, &many[0].timer, 0);
	assert_int_equal(dw_loop_run(loop), 0);
	assert_int_equal(nfired, 1);
	free(many);
}

static void
restart(struct dw_timer *timer)
{

	if (++*(int *)timer->arg < 5)
		dw_timer_start(loop, timer, 0);
}

static void
restarted_in_its_callback_waits_for_the_next_turn(void **state)
{
	struct dw_timer timer = {.cb = restart};
	int i, n = 0;

	(void)state;
	timer.arg = &n;
	dw_timer_start(loop, &timer, 0);
	for (i = 1; i <= 5; i++) {
		assert_int_equal(dw_loop_step(loop, -1), 0);
		assert_int_equal(n, i);
	}
	assert_false(dw_timer_active(&timer));
}

static struct dw_timer other, third;

static void
start_other(struct dw_timer *timer)
{

	(void)timer;
	/* Long past, yet not in this turn, and not in front of third. */
	dw_timer_at(loop, &other, 0);
}

static void
started_in_a_callback_waits_for_the_next_turn(void **state)
{
	struct dw_timer timer = {.cb = start_other};
	int n = 0, m = 0;
	int64_t deadline = dw_clock();

	(void)state;
	memset(&other, 0, sizeof(other));
	memset(&third, 0, sizeof(third));
	other.cb = third.cb = count;
	other.arg = &n;
	third.arg = &m;
	dw_timer_at(loop, &timer, deadline);
	dw_timer_at(loop, &third, deadline);
	assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_int_equal(m, 1);
	assert_int_equal(n, 0);
	assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_int_equal(n, 1);
}

static void
stop_and_free_other(struct dw_timer *timer)
{
	struct dw_timer *victim = timer->arg;

	dw_timer_stop(victim);
	free(victim);
	free(timer);
}

static void
stopped_and_freed_in_a_callback(void **state)
{
	struct dw_timer *a = calloc(1, sizeof(*a)), *b = calloc(1, sizeof(*b));
	int64_t deadline = dw_clock();

	(void)state;
	assert_non_null(a);
	assert_non_null(b);
	/* b would fail if it were called: it has no cb. */
	a->cb = stop_and_free_other;
	a->arg = b;
	dw_timer_at(loop, a, deadline);
	dw_timer_at(loop, b, deadline);
	assert_int_equal(dw_loop_run(loop), 0);
}

static void
postpone_other(struct dw_timer *timer)
{

	(void)timer;
	dw_timer_start(loop, &other, INT64_MAX);
}

static void
postponed_in_a_callback(void **state)
{
	struct dw_timer timer = {.cb = postpone_other};
	int64_t deadline = dw_clock();
	int n = 0;

	(void)state;
	memset(&other, 0, sizeof(other));
	other.cb = count;
	other.arg = &n;
	dw_timer_at(loop, &timer, deadline);
	dw_timer_at(loop, &other, deadline);
	assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_int_equal(n, 0);
	assert_true(dw_timer_active(&other));
	dw_timer_stop(&other);
}

static void
stop_is_always_allowed(void **state)
{
	struct dw_timer timer = {.cb = count};

	(void)state;
	dw_timer_stop(&timer);
	dw_timer_start(loop, &timer, DW_SEC);
	dw_timer_stop(&timer);
	dw_timer_stop(&timer);
	assert_false(dw_timer_active(&timer));
	assert_int_equal(dw_loop_run(loop), 0);
}

static int64_t seen;

static void
look_at_the_time(struct dw_timer *timer)
{
	int64_t begin = dw_clock();

	(void)timer;
	seen = dw_loop_now(loop);
	while (dw_clock() - begin < DW_MS)
		continue;
	/* It stands still in a turn: delays of one turn add up exactly. */
	assert_true(dw_loop_now(loop) == seen);
	dw_timer_start(loop, &other, 5 * DW_MS);
	assert_true(other.deadline == seen + 5 * DW_MS);
}

static void
now_stands_still_in_a_turn_and_runs_between(void **state)
{
	struct dw_timer timer = {.cb = look_at_the_time};
	int64_t begin, now;
	int n = 0;

	(void)state;
	memset(&other, 0, sizeof(other));
	other.cb = count;
	other.arg = &n;
	dw_timer_start(loop, &timer, 0);
	begin = dw_clock();
	assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_true(seen >= begin);
	now = dw_loop_now(loop);
	assert_true(now >= seen + DW_MS);
	dw_timer_stop(&other);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(zero_fires_in_the_first_turn),
	    TEST(negative_is_zero),
	    TEST(never_early_and_without_spinning),
	    TEST(a_hundred_days),
	    TEST(equal_deadlines_fire_in_order_of_start),
	    TEST(random_ones_fire_sorted),
	    TEST(rising_and_falling),
	    TEST(free_stops_all),
	    TEST(restarted_in_its_callback_waits_for_the_next_turn),
	    TEST(started_in_a_callback_waits_for_the_next_turn),
	    TEST(stopped_and_freed_in_a_callback),
	    TEST(postponed_in_a_callback),
	    TEST(stop_is_always_allowed),
	    TEST(now_stands_still_in_a_turn_and_runs_between),
	};

	return (cmocka_run_group_tests_name("timer", tests, NULL, NULL));
}
