/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Limits: how they are written, and when they are exceeded.
 */
#include "config.h"

#include <sys/types.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../bin/limit.h"

#define SEC INT64_C(1000000000)

static struct limit
parsed(enum limit_id id, const char *text)
{
	const char *why = "";
	struct limit l;

	if (limit_parse(id, text, &l, &why) == -1)
		fail_msg("%s: %s", text, why);
	return (l);
}

static void
test_read_and_written(void **state)
{
	static const struct {
		enum limit_id id;
		const char *text, *again;
		int64_t value, hold;
	} good[] = {
	    {LIMIT_CPU, "> 90% for 5m", "> 90.0% for 5m", 900, 300 * SEC},
	    {LIMIT_CPU, ">0.5%", "> 0.5%", 5, 0},
	    {LIMIT_MEMORY, "> 500M", "> 500M", INT64_C(500) << 20, 0},
	    {LIMIT_MEMORY, "> 1536K", "> 1536K", 1536 << 10, 0},
	    {LIMIT_MEMORY, "> 1024", "> 1K", 1024, 0},
	    {LIMIT_MEMORY, "< 0", "< 0", 0, 0},
	    {LIMIT_THREADS, "  >  7  ", "> 7", 7, 0},
	    {LIMIT_UPTIME, "> 7d", "> 7d", 7 * 86400 * SEC, 0},
	    {LIMIT_AGE, "> 90s", "> 1m30s", 90 * SEC, 0},
	    {LIMIT_FREE, "< 5%", "< 5.0%", 50, 0},
	    {LIMIT_FREE, "< 2G", "< 2G", INT64_C(2) << 30, 0},
	    {LIMIT_INODES, "< 1000", "< 1000", 1000, 0},
	    {LIMIT_SIZE, "> 8T", "> 8T", INT64_C(8) << 40, 0},
	};
	char text[LIMIT_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct limit l = parsed(good[i].id, good[i].text), again;

		assert_int_equal(l.value, good[i].value);
		assert_int_equal(l.hold, good[i].hold);
		limit_text(text, good[i].id, &l);
		assert_string_equal(text, good[i].again);
		again = parsed(good[i].id, text);
		assert_int_equal(again.value, l.value);
		assert_int_equal(again.share, l.share);
		assert_int_equal(again.op, l.op);
		assert_int_equal(again.hold, l.hold);
	}
}

static void
test_bad(void **state)
{
	static const struct {
		enum limit_id id;
		const char *text;
	} bad[] = {
	    {LIMIT_CPU, ""},
	    {LIMIT_CPU, "90%"},
	    {LIMIT_CPU, ">"},
	    {LIMIT_CPU, "> "},
	    {LIMIT_CPU, "> 90"},
	    {LIMIT_CPU, "> %"},
	    {LIMIT_CPU, "> 90.%"},
	    {LIMIT_CPU, "> 90.55%"},
	    {LIMIT_CPU, "> -1%"},
	    {LIMIT_CPU, ">= 90%"},
	    {LIMIT_CPU, "> 90% for"},
	    {LIMIT_CPU, "> 90% for 5"},
	    {LIMIT_CPU, "> 90% 5m"},
	    {LIMIT_CPU, "> 90% for 5m more"},
	    {LIMIT_MEMORY, "> 50%"},
	    {LIMIT_MEMORY, "> 5Q"},
	    {LIMIT_MEMORY, "> K"},
	    {LIMIT_MEMORY, "> 99999999T"},
	    {LIMIT_THREADS, "> 5K"},
	    {LIMIT_THREADS, "> 99999999999999999999"},
	    {LIMIT_UPTIME, "> 5"},
	};
	struct limit l;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *why = NULL;

		if (limit_parse(bad[i].id, bad[i].text, &l, &why) == 0)
			fail_msg("'%s' is let through", bad[i].text);
		assert_non_null(why);
	}
}

static void
clear(struct limit l[LIMITS], struct measure m[LIMITS], int64_t since[LIMITS])
{
	memset(l, 0, LIMITS * sizeof(*l));
	for (size_t i = 0; i < LIMITS; i++) {
		m[i] = (struct measure) {-1, -1};
		since[i] = INT64_MIN;
	}
}

static void
test_judged(void **state)
{
	struct limit l[LIMITS];
	struct measure m[LIMITS];
	int64_t since[LIMITS];
	char text[128];

	(void)state;
	clear(l, m, since);
	assert_int_equal(
	    limits_judge(l, m, since, 0, text, sizeof(text)), LIMITS_OK);
	l[LIMIT_MEMORY] = parsed(LIMIT_MEMORY, "> 1M");
	assert_int_equal(
	    limits_judge(l, m, since, 0, text, sizeof(text)), LIMITS_UNKNOWN);
	m[LIMIT_MEMORY].value = 1 << 20; /* at the limit is not over it */
	assert_int_equal(
	    limits_judge(l, m, since, 0, text, sizeof(text)), LIMITS_OK);
	assert_string_equal(text, "memory 1.0M");
	m[LIMIT_MEMORY].value++;
	assert_int_equal(
	    limits_judge(l, m, since, 0, text, sizeof(text)), LIMITS_EXCEEDED);
	assert_string_equal(text, "memory 1.0M (> 1M)");
	/* Exceeded counts for more than unknown. */
	l[LIMIT_THREADS] = parsed(LIMIT_THREADS, "> 1");
	assert_int_equal(
	    limits_judge(l, m, since, 0, text, sizeof(text)), LIMITS_EXCEEDED);
	m[LIMIT_THREADS].value = 2;
	assert_int_equal(
	    limits_judge(l, m, since, 0, text, sizeof(text)), LIMITS_EXCEEDED);
	assert_string_equal(text, "memory 1.0M (> 1M), threads 2 (> 1)");
	/* A text that is too short is cut, not run over. */
	assert_int_equal(
	    limits_judge(l, m, since, 0, text, 8), LIMITS_EXCEEDED);
	assert_string_equal(text, "memory ");
}

static void
test_held_for_a_time(void **state)
{
	struct limit l[LIMITS];
	struct measure m[LIMITS];
	int64_t since[LIMITS];
	char text[128];

	(void)state;
	clear(l, m, since);
	l[LIMIT_CPU] = parsed(LIMIT_CPU, "> 90% for 10s");
	m[LIMIT_CPU].share = 950;
	assert_int_equal(
	    limits_judge(l, m, since, 100 * SEC, text, 128), LIMITS_OK);
	assert_int_equal(
	    limits_judge(l, m, since, 110 * SEC - 1, text, 128), LIMITS_OK);
	assert_int_equal(
	    limits_judge(l, m, since, 110 * SEC, text, 128), LIMITS_EXCEEDED);
	assert_string_equal(text, "cpu 95.0% (> 90.0% for 10s)");
	/* Not knowing takes nothing back. */
	m[LIMIT_CPU].share = -1;
	assert_int_equal(
	    limits_judge(l, m, since, 111 * SEC, text, 128), LIMITS_UNKNOWN);
	m[LIMIT_CPU].share = 950;
	assert_int_equal(
	    limits_judge(l, m, since, 112 * SEC, text, 128), LIMITS_EXCEEDED);
	/* A moment below begins anew. */
	m[LIMIT_CPU].share = 900;
	assert_int_equal(
	    limits_judge(l, m, since, 113 * SEC, text, 128), LIMITS_OK);
	m[LIMIT_CPU].share = 950;
	assert_int_equal(
	    limits_judge(l, m, since, 114 * SEC, text, 128), LIMITS_OK);
}

static void
test_metrics(void **state)
{
	struct limit l[LIMITS];
	struct measure m[LIMITS];
	int64_t since[LIMITS];
	char text[128];

	(void)state;
	clear(l, m, since);
	limits_metrics(m, text, sizeof(text));
	assert_string_equal(text, "");
	m[LIMIT_CPU].share = 15;
	m[LIMIT_MEMORY].value = 4096;
	m[LIMIT_THREADS].value = 3;
	m[LIMIT_UPTIME].value = 90 * SEC + 5;
	limits_metrics(m, text, sizeof(text));
	assert_string_equal(text, "cpu=1.5% memory=4096B threads=3 uptime=90s");
}

/* Amounts near the end of their type overflowed when they were shown. */
static void
test_great_amounts_overflowed(void **state)
{
	char buf[LIMIT_TEXT];

	(void)state;
	assert_string_equal(
	    limit_amount(buf, LIMIT_SIZE, false, INT64_MAX), "8388607.9T");
	assert_string_equal(
	    limit_amount(buf, LIMIT_AGE, false, INT64_MAX), "106751d23h47m16s");
	assert_string_equal(
	    limit_amount(buf, LIMIT_SIZE, false, 1024 * 1024 - 1), "1023.9K");
	assert_string_equal(limit_amount(buf, LIMIT_SIZE, false, 1536), "1.5K");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_read_and_written),
	    cmocka_unit_test(test_bad),
	    cmocka_unit_test(test_judged),
	    cmocka_unit_test(test_held_for_a_time),
	    cmocka_unit_test(test_metrics),
	    cmocka_unit_test(test_great_amounts_overflowed),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
