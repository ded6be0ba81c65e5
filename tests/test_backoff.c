/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Backoff: the series itself, and what must hold for any numbers at all.
 */
#include "config.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "daemonwatch.h"

static const uint32_t randoms[] = {
    0, 1, 0x7fffffff, 0x80000000, 0xfffffffe, UINT32_MAX};
#define NRANDOMS (sizeof(randoms) / sizeof(randoms[0]))

static void
test_first_is_immediate_then_doubles_to_max(void **state)
{
	struct dw_backoff b = {.min = 100, .max = 1000};
	static const int64_t want[] = {0, 100, 200, 400, 800, 1000, 1000};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_int_equal(dw_backoff_next(&b, 12345), want[i]);
	assert_int_equal(b.failures, 7);
}

static void
test_reset_starts_again(void **state)
{
	struct dw_backoff b = {.min = 5, .max = 50};
	int i;

	(void)state;
	for (i = 0; i < 9; i++)
		(void)dw_backoff_next(&b, 0);
	dw_backoff_reset(&b);
	assert_int_equal(dw_backoff_next(&b, 0), 0);
	assert_int_equal(dw_backoff_next(&b, 0), 5);
	assert_int_equal(dw_backoff_next(&b, 0), 10);
}

static void
test_jitter_covers_its_range(void **state)
{
	struct dw_backoff b = {.min = 1000, .max = 100000, .jitter = 10};

	(void)state;
	b.failures = 1;
	assert_int_equal(dw_backoff_next(&b, 0), 900);
	b.failures = 1;
	assert_in_range(dw_backoff_next(&b, 0x80000000), 999, 1001);
	b.failures = 1;
	assert_in_range(dw_backoff_next(&b, UINT32_MAX), 1099, 1100);
}

/* At the limit the delays must still differ, or all come back together. */
static void
test_jitter_at_max_spreads_below_it(void **state)
{
	struct dw_backoff b = {.min = 1000, .max = 1000, .jitter = 20};
	int64_t last, now;
	unsigned i;

	(void)state;
	last = -1;
	for (i = 0; i < 100; i++) {
		b.failures = 1000;
		now = dw_backoff_next(&b, (uint32_t)i * (UINT32_MAX / 100));
		assert_true(now > last);
		assert_in_range(now, 800, 1000);
		last = now;
	}
}

static void
check_one(struct dw_backoff b)
{
	unsigned failures = b.failures;
	int64_t delay;
	size_t i;

	for (i = 0; i < NRANDOMS; i++) {
		b.failures = failures;
		delay = dw_backoff_next(&b, randoms[i]);
		assert_true(delay >= 0);
		assert_true(delay <= (b.max > 0 ? b.max : 0));
		if (failures == 0)
			assert_int_equal(delay, 0);
		assert_true(b.failures ==
		    (failures == UINT_MAX ? UINT_MAX : failures + 1));
	}
}

static void
test_bounds_hold_for_extreme_numbers(void **state)
{
	static const int64_t values[] = {INT64_MIN, -1, 0, 1, 2, 3, 99, 100,
	    101, DW_SEC, INT64_MAX / 2 - 1, INT64_MAX / 2, INT64_MAX / 2 + 1,
	    INT64_MAX - 1, INT64_MAX};
	static const unsigned jitters[] = {0, 1, 50, 99, 100, 101, UINT_MAX};
	static const unsigned failures[] = {0, 1, 2, 3, 31, 32, 33, 62, 63, 64,
	    65, 1000, UINT_MAX - 1, UINT_MAX};
	const size_t n = sizeof(values) / sizeof(values[0]);
	size_t f, j, max, min;

	(void)state;
	for (min = 0; min < n; min++)
		for (max = 0; max < n; max++)
			for (j = 0; j < sizeof(jitters) / sizeof(jitters[0]);
			     j++)
				for (f = 0;
				     f < sizeof(failures) / sizeof(failures[0]);
				     f++)
					check_one((struct dw_backoff) {
					    values[min], values[max],
					    jitters[j], failures[f]});
}

/* More failures never mean a shorter wait, nor does a larger number. */
static void
test_is_monotonic(void **state)
{
	struct dw_backoff b = {.jitter = 0};
	int64_t delay, last;
	int round, step;

	(void)state;
	srandom(20260729);
	for (round = 0; round < 2000; round++) {
		b.min = random();
		b.max = (int64_t)random() * (random() % 1000 + 1);
		dw_backoff_reset(&b);
		last = 0;
		for (step = 0; step < 80; step++) {
			delay = dw_backoff_next(&b, (uint32_t)random());
			assert_true(delay >= last);
			last = delay;
		}
		assert_int_equal(last, b.min > 0 ? b.max : 0);
	}
}

/* Against the plain formula, with numbers small enough for it. */
static void
test_agrees_with_the_formula(void **state)
{
	struct dw_backoff b;
	int64_t base, high, low, delay;
	unsigned f, jitter, min;
	size_t i;

	(void)state;
	for (min = 1; min < 300; min += 7)
		for (jitter = 0; jitter <= 100; jitter += 5)
			for (f = 1; f < 12; f++)
				for (i = 0; i < NRANDOMS; i++) {
					b = (struct dw_backoff) {
					    min, 5000, jitter, f};
					base = (int64_t)min << (f - 1);
					if (base > 5000)
						base = 5000;
					low = base - base * jitter / 100;
					high = base + base * jitter / 100;
					if (high > 5000)
						high = 5000;
					delay = dw_backoff_next(&b, randoms[i]);
					assert_true(delay >= low);
					assert_true(delay <= high);
					if (randoms[i] == 0)
						assert_int_equal(delay, low);
					if (randoms[i] == UINT32_MAX)
						assert_true(delay >= high - 1);
				}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_first_is_immediate_then_doubles_to_max),
	    cmocka_unit_test(test_reset_starts_again),
	    cmocka_unit_test(test_jitter_covers_its_range),
	    cmocka_unit_test(test_jitter_at_max_spreads_below_it),
	    cmocka_unit_test(test_bounds_hold_for_extreme_numbers),
	    cmocka_unit_test(test_is_monotonic),
	    cmocka_unit_test(test_agrees_with_the_formula),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
