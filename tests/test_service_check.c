/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The state machine of a service by example: which answers of its checks
 * count, and when restart-when holds; the jobs of the samples, rule by rule.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "service_script.h"

/*
 * Checks
 */

static void
test_failures_count_after_a_success(void **state)
{
	static const struct model_conf conf = {.nchecks = 1, .fall = 3};
	static const struct line lines[] = {
	    AT(0, START, ">starting spawn", NONE),
	    AT(0, SPAWNED, ">up check", NONE),
	    AT(100, ILL(0), "", NONE),
	    AT(1000, ILL(0), "", NONE),
	    AT(2000, ILL(0), "", NONE),
	    AT(3000, ILL(0), "", NONE),
	    AT(4000, WELL(0), "", NONE),
	    WHY(5000, ILL(0), ">failing", NONE, "port: refused"),
	    AT(6000, ILL(0), "", NONE),
	    /* Three in a row they must be. */
	    WHY(7000, WELL(0), ">up", NONE, "well again"),
	    AT(8000, ILL(0), ">failing", NONE),
	    AT(8500, SILENT(0), "", NONE),
	    AT(9000, ILL(0), "", NONE),
	    WHY(9900, ILL(0), ">stopping signal:TERM", 13900,
		"port: refused (3 in a row)"),
	    AT(9950, EXITED, ">starting spawn", NONE),
	};

	(void)state;
	PLAY(&conf, lines);
}

static void
test_failures_are_told_with_their_number(void **state)
{
	static const struct model_conf conf = {
	    .nchecks = 1, .fall = 2, .rule = RULE_BOTH};
	static const struct line lines[] = {
	    AT(0, START, ">starting spawn", NONE),
	    AT(0, SPAWNED, ">up check", NONE),
	    AT(10, WELL(0), "", NONE),
	    AT(1000, ILL(0), ">failing", NONE),
	};
	static const struct line gone[] = {
	    AT(2000, EXITED, ">failing check", NONE),
	    AT(2010, ILL(0), ">starting spawn", NONE),
	};
	struct model m;

	(void)state;
	script_begin(&m, &conf);
	GO_ON(&m, lines);
	assert_string_equal(m.sv.cause, "port: refused");
	GO_ON(&m, gone);
	assert_string_equal(m.sv.cause, "killed by signal 9; port: refused");
}

static void
test_failures_count_after_start_timeout(void **state)
{
	static const struct model_conf conf = {.nchecks = 1, .fall = 2};
	static const struct line lines[] = {
	    AT(0, START, ">starting spawn", NONE),
	    AT(0, SPAWNED, ">up check", NONE),
	    AT(9999, ILL(0), "", NONE),
	    AT(10000, ILL(0), ">failing", NONE),
	    AT(11000, ILL(0), ">stopping signal:TERM", 15000),
	    AT(11500, EXITED, ">starting spawn", NONE),
	    AT(11500, SPAWNED, ">up check", NONE),
	    /* What was before the start counts no more. */
	    AT(11600, ILL(0), "", NONE),
	    AT(21500, ILL(0), ">failing", NONE),
	};

	(void)state;
	PLAY(&conf, lines);
}

static void
test_it_must_rise(void **state)
{
	/* Only then is a failed check well again. */
	static const struct model_conf conf = {
	    .nchecks = 1, .rise = 2, .rule = RULE_PROCESS};
	static const struct line lines[] = {
	    AT(0, START, ">starting spawn", NONE),
	    AT(0, SPAWNED, ">up check", NONE),
	    AT(1000, WELL(0), "", NONE),
	    AT(2000, ILL(0), ">failing", NONE),
	    AT(3000, WELL(0), "", NONE),
	    AT(4000, ILL(0), "", NONE),
	    AT(5000, WELL(0), "", NONE),
	    AT(6000, WELL(0), ">up", NONE),
	};

	(void)state;
	PLAY(&conf, lines);
}

static void
test_unknown_never_restarts(void **state)
{
	static const struct model_conf conf = {
	    .type = SERVICE_DETACHED, .nchecks = 1, .rule = RULE_BOTH};
	static const struct line lines[] = {
	    AT(0, START, ">waiting scan check", 10000),
	    AT(0, PROCS(1), ">up check", NONE),
	    AT(10, WELL(0), "", NONE),
	    AT(1000, SILENT(0), "", NONE),
	    WHY(2000, LOST(0), ">failing check", NONE,
		"pid 7 is gone; asking its checks"),
	    AT(2010, SILENT(0), "", NONE),
	    AT(99000, SILENT(0), "", NONE),
	    AT(99500, PROCS(0), "", NONE),
	    AT(100000, ILL(0), "scan", NONE),
	    AT(100001, PROCS(0), ">starting run:start", 110001),
	};

	(void)state;
	PLAY(&conf, lines);
}

static void
test_second_check_alone_restarts(void **state)
{
	static const struct model_conf conf = {.nchecks = 2};
	static const struct line lines[] = {
	    AT(0, START, ">starting spawn", NONE),
	    AT(0, SPAWNED, ">up check", NONE), AT(10, WELL(0), "", NONE),
	    AT(10, ILL(1), "", NONE), AT(20, WELL(1), "", NONE),
	    WHY(1010, ILL(1), ">stopping signal:TERM", 5010, "web: refused"),
	    AT(1020, ILL(2), "", 5010), /* there is none */
	};

	(void)state;
	PLAY(&conf, lines);
}

/*
 * J3: restart-when = not process and not port
 */

static const struct model_conf j3 = {
    .type = SERVICE_DETACHED,
    .nchecks = 1,
    .rule = RULE_BOTH,
    .stop = true,
};
static const struct line j3_up[] = {
    AT(0, START, ">waiting scan check", 10000),
    AT(0, PROCS(0), "", 10000),
    AT(10, ILL(0), "scan", 10000),
    AT(11, PROCS(0), ">starting run:start", 10011),
    AT(20, DONE, "scan", 10011),
    AT(30, PROCS(1), ">up check", NONE),
    AT(40, WELL(0), "", NONE),
};

static void
test_j3_process_lives_port_dead_is_failing(void **state)
{
	static const struct line lines[] = {
	    WHY(1000, ILL(0), ">failing", NONE, "port: refused"),
	    AT(2000, ILL(0), "", NONE),
	    AT(3600000, ILL(0), "", NONE),
	    AT(3600000, PROCS(1), "", NONE),
	    AT(3601000, WELL(0), ">up", NONE),
	};
	struct model m;

	(void)state;
	script_begin(&m, &j3);
	GO_ON(&m, j3_up);
	GO_ON(&m, lines);
}

static void
test_j3_process_gone_port_alive_is_failing(void **state)
{
	static const struct line lines[] = {
	    AT(1000, LOST(0), ">failing check", NONE),
	    WHY(1010, WELL(0), ">failing", NONE,
		"pid 7 is gone; restart-when does not hold"),
	    AT(2000, WELL(0), "", NONE),
	    AT(2500, PROCS(0), "", NONE),
	    /* Someone else starts it. */
	    AT(3000, PROCS(1), ">up check", NONE),
	    /* That the first ended is no cause for this. */
	    WHY(4000, PROCS(0), ">failing check", NONE, "no process found"),
	};
	struct model m;

	(void)state;
	script_begin(&m, &j3);
	GO_ON(&m, j3_up);
	GO_ON(&m, lines);
}

static void
test_j3_both_gone_restarts(void **state)
{
	static const struct line lines[] = {
	    /* It answered just now: that does not count any more. */
	    AT(999, WELL(0), "", NONE),
	    AT(1000, LOST(0), ">failing check", NONE),
	    AT(1010, ILL(0), "scan", NONE),
	    WHY(1011, PROCS(0), ">starting run:start", 11011,
		"pid 7 is gone; port: refused"),
	    AT(1020, DONE, "scan", 11011),
	    AT(1030, PROCS(1), ">up check", NONE),
	};
	struct model m;

	(void)state;
	script_begin(&m, &j3);
	GO_ON(&m, j3_up);
	GO_ON(&m, lines);
}

/* How long it was gone is no part of a healthy run. */
static void
test_j3_time_without_process_is_not_healthy(void **state)
{
	static const struct line lines[] = {
	    AT(59000, LOST(0), ">failing check", NONE),
	    AT(59010, WELL(0), ">failing", NONE),
	    AT(70000, ILL(0), "scan", NONE),
	    AT(70000, PROCS(0), ">starting run:start", 80000),
	    AT(70010, DONE, "scan", 80000),
	    AT(70020, PROCS(1), ">up check", NONE),
	    /* And not how it ended the last time. */
	    WHY(129000, PROCS(0), ">failing check", NONE, "no process found"),
	    AT(140000, ILL(0), "scan", NONE),
	    WHY(140000, PROCS(0), ">waiting", 141000, "next try in 1s"),
	};
	struct model m;

	(void)state;
	script_begin(&m, &j3);
	GO_ON(&m, j3_up);
	GO_ON(&m, lines);
}

static void
test_j3_first_the_port_then_the_process(void **state)
{
	/* An old failure is not enough either: the port is asked anew. */
	static const struct line lines[] = {
	    AT(1000, ILL(0), ">failing", NONE),
	    WHY(2000, LOST(0), ">failing check", NONE,
		"pid 7 is gone; asking its checks"),
	    AT(2010, ILL(0), "scan", NONE),
	    AT(2011, PROCS(0), ">starting run:start", 12011),
	};
	struct model m;

	(void)state;
	script_begin(&m, &j3);
	GO_ON(&m, j3_up);
	GO_ON(&m, lines);
}

static void
test_j3_port_taken_at_first_start(void **state)
{
	static const struct line lines[] = {
	    AT(0, START, ">waiting scan check", 10000),
	    AT(0, PROCS(0), "", 10000),
	    WHY(10, WELL(0), ">failing", NONE, "restart-when does not hold"),
	    AT(5000, ILL(0), "scan", NONE),
	    AT(5001, PROCS(0), ">starting run:start", 15001),
	};

	(void)state;
	PLAY(&j3, lines);
}

/*
 * J4: the same with count = 1 and a clean-up before each start
 */

static void
test_j4_data_is_wiped_only_when_nothing_lives(void **state)
{
	static const struct model_conf conf = {.type = SERVICE_DETACHED,
	    .count_min = 1,
	    .count_max = 1,
	    .count_set = true,
	    .nchecks = 1,
	    .rule = RULE_BOTH,
	    .hooks = true};
	static const struct line lines[] = {
	    AT(0, START, ">waiting scan check", 10000),
	    AT(0, PROCS(1), ">up check", NONE),
	    AT(10, WELL(0), "", NONE),
	    /* Two are as wrong as none, but the port is alive. */
	    WHY(2000, PROCS(2), ">failing check", NONE, "2 processes found"),
	    AT(2010, WELL(0), ">failing", NONE),
	    AT(4000, PROCS(1), ">up check", NONE),
	    AT(4010, WELL(0), "", NONE),
	    AT(6000, PROCS(2), ">failing check", NONE),
	    AT(6010, ILL(0), "scan", NONE),
	    /* Now both must end before the data may be wiped. */
	    WHY(6011, PROCS(2), ">stopping signal:TERM", 10011,
		"2 processes found; port: refused"),
	    AT(6100, PROCS(1), "signal:TERM", 10011),
	    AT(6200, PROCS(0), "run:after-stop", 9200),
	    AT(6300, DONE, ">starting run:before-start", 9300),
	    AT(6400, DONE, "run:start", 16400),
	    AT(6500, DONE, "scan", 16400),
	    AT(6600, PROCS(1), ">up check", NONE),
	};

	(void)state;
	PLAY(&conf, lines);
}

static void
test_j4_exact_count_is_watched(void **state)
{
	struct model_conf conf = {.type = SERVICE_DETACHED, .count_set = true};
	static const struct line lines[] = {
	    AT(0, START, ">waiting scan", 10000),
	    AT(0, PROCS(1), ">up", NONE),
	};
	struct model m;

	(void)state;
	script_begin(&m, &conf);
	GO_ON(&m, lines);
	assert_int_equal(service_wants_scans(&m.sv), PACE_INTERVAL);
	/* Without it, only the end of those known matters. */
	conf.count_set = false;
	script_begin(&m, &conf);
	GO_ON(&m, lines);
	assert_int_equal(service_wants_scans(&m.sv), PACE_NONE);
}

static void
test_count_has_a_range(void **state)
{
	static const struct model_conf conf = {.type = SERVICE_DETACHED,
	    .count_min = 2,
	    .count_max = 3,
	    .count_set = true};
	static const struct line lines[] = {
	    AT(0, START, ">waiting scan", 10000),
	    /* One is wrong, and is ended before the start. */
	    AT(0, PROCS(1), ">stopping signal:TERM", 4000),
	    AT(10, PROCS(0), ">starting run:start", 10010),
	    AT(20, DONE, "scan", 10010),
	    AT(30, PROCS(1), "", 10010),
	    AT(40, PROCS(2), ">up", NONE),
	    AT(50, PROCS(3), "", NONE),
	    AT(60, PROCS(4), ">stopping signal:TERM", 4060),
	};

	(void)state;
	PLAY(&conf, lines);
}

/*
 * Other rules
 */

static void
test_process_rule_ignores_the_port(void **state)
{
	static const struct model_conf conf = {
	    .nchecks = 1, .rule = RULE_PROCESS};
	static const struct line lines[] = {
	    AT(0, START, ">starting spawn", NONE),
	    AT(0, SPAWNED, ">up check", NONE),
	    AT(10, WELL(0), "", NONE),
	    AT(1000, ILL(0), ">failing", NONE),
	    AT(2000, ILL(0), "", NONE),
	    AT(3000, EXITED, ">starting spawn", NONE),
	};

	(void)state;
	PLAY(&conf, lines);
}

static void
test_port_rule_ignores_the_process(void **state)
{
	static const struct model_conf conf = {.nchecks = 1, .rule = RULE_PORT};
	static const struct line lines[] = {
	    AT(0, START, ">starting spawn", NONE),
	    AT(0, SPAWNED, ">up check", NONE),
	    AT(10, WELL(0), "", NONE),
	    WHY(1000, EXITED, ">failing check", NONE,
		"killed by signal 9; asking its checks"),
	    AT(1010, WELL(0), ">failing", NONE),
	    /* Nobody is there: one failure is enough. */
	    WHY(2010, ILL(0), ">starting spawn", NONE,
		"killed by signal 9; port: refused"),
	};

	(void)state;
	PLAY(&conf, lines);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_failures_count_after_a_success),
	    cmocka_unit_test(test_failures_are_told_with_their_number),
	    cmocka_unit_test(test_failures_count_after_start_timeout),
	    cmocka_unit_test(test_it_must_rise),
	    cmocka_unit_test(test_unknown_never_restarts),
	    cmocka_unit_test(test_second_check_alone_restarts),
	    cmocka_unit_test(test_j3_process_lives_port_dead_is_failing),
	    cmocka_unit_test(test_j3_process_gone_port_alive_is_failing),
	    cmocka_unit_test(test_j3_both_gone_restarts),
	    cmocka_unit_test(test_j3_time_without_process_is_not_healthy),
	    cmocka_unit_test(test_j3_first_the_port_then_the_process),
	    cmocka_unit_test(test_j3_port_taken_at_first_start),
	    cmocka_unit_test(test_j4_data_is_wiped_only_when_nothing_lives),
	    cmocka_unit_test(test_j4_exact_count_is_watched),
	    cmocka_unit_test(test_count_has_a_range),
	    cmocka_unit_test(test_process_rule_ignores_the_port),
	    cmocka_unit_test(test_port_rule_ignores_the_process),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
