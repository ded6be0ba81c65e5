/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The state machine of a service: one test for each bug that was found in it.
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
 * An operator's start took effect until the program was started, so that a
 * before-start that failed was tried again without delay, for ever.
 */
static void
test_failing_before_start_was_tried_without_end(void **state)
{
	static const struct model_conf conf = {.hooks = true, .give_up = 2};
	static const struct line lines[] = {
	    AT(0, START, ">starting run:before-start", 3000),
	    AT(0, FAILED, ">waiting", 100),
	    AT(100, TIMER, ">starting run:before-start", 3100),
	    AT(100, FAILED, ">waiting", 1100),
	    AT(1100, TIMER, ">starting run:before-start", 4100),
	    AT(1100, FAILED, ">failed", NONE),
	};

	(void)state;
	PLAY(&conf, lines);
}

/* SA_SPAWN's answer came after the stop, and nobody knew the child. */
static void
test_child_was_lost_by_stop_during_spawn(void **state)
{
	static const struct model_conf conf = {.type = SERVICE_CHILD};
	static const struct line stopped[] = {
	    AT(0, START, ">starting spawn", NONE),
	    AT(0, STOP, ">stopping", NONE),
	    AT(0, SPAWNED, "signal:TERM", 4000),
	    AT(10, EXITED, ">stopped", NONE),
	};
	static const struct line failed[] = {
	    AT(0, START, ">starting spawn", NONE),
	    AT(0, RESTART, ">stopping", NONE),
	    AT(0, NOT_SPAWNED, ">starting spawn", NONE),
	};

	(void)state;
	PLAY(&conf, stopped);
	PLAY(&conf, failed);
}

/*
 * Before its first answer `port.failed' was taken for false: failing, then
 * restart, then delay, then the look again and no answer yet, without end.
 */
static void
test_failed_in_the_rule_never_started_after_a_delay(void **state)
{
	static const struct model_conf conf = {
	    .type = SERVICE_DETACHED, .nchecks = 1, .rule = RULE_BOTH_FAILED};
	static const struct line lines[] = {
	    AT(0, START, ">waiting scan check", 10000),
	    AT(0, PROCS(0), "", 10000),
	    AT(10, ILL(0), "scan", 10000),
	    AT(10, PROCS(0), ">starting run:start", 10010),
	    AT(20, FAILED, ">stopping scan", 5020),
	    AT(20, PROCS(0), ">waiting", 120),
	    AT(120, TIMER, ">waiting scan check", 10120),
	    AT(120, PROCS(0), "", 10120),
	    AT(130, ILL(0), "scan", 10120),
	    AT(130, PROCS(0), ">starting run:start", 10130),
	};

	(void)state;
	PLAY(&conf, lines);
}

/*
 * While the processes of a detached service were not yet found, a failure
 * counted at once, and was held against the service when it was up.
 */
static void
test_failure_before_the_process_was_there_counted(void **state)
{
	static const struct model_conf conf = {
	    .type = SERVICE_DETACHED, .nchecks = 2, .ready = READY_CHECK};
	static const struct line lines[] = {
	    AT(0, START, ">waiting scan check", 10000),
	    AT(0, PROCS(0), ">starting run:start", 10000),
	    AT(100, DONE, "check scan", 10000),
	    AT(110, ILL(0), "", 10000),
	    AT(110, ILL(1), "", 10000),
	    AT(120, PROCS(1), "", 10000),
	    AT(130, WELL(0), ">up", NONE),
	    AT(140, ILL(1), "", NONE),
	    AT(150, WELL(0), "", NONE),
	};

	(void)state;
	PLAY(&conf, lines);
}

/* The start command ran beside a process that was known by then. */
static void
test_start_beside_what_came_during_before_start(void **state)
{
	static const struct model_conf conf = {.type = SERVICE_DETACHED,
	    .hooks = true,
	    .count_max = 1,
	    .count_set = true};
	static const struct line found[] = {
	    AT(0, START, ">waiting scan", 10000),
	    AT(0, PROCS(0), ">starting run:before-start", 3000),
	    AT(10, PROCS(1), "", 3000),
	    WHY(20, DONE, ">up", NONE, "found running"),
	};
	static const struct line too_many[] = {
	    AT(0, START, ">waiting scan", 10000),
	    AT(0, PROCS(0), ">starting run:before-start", 3000),
	    AT(10, PROCS(2), "", 3000),
	    AT(20, DONE, ">stopping signal:TERM", 4020),
	    AT(30, PROCS(0), ">waiting", 130),
	};

	(void)state;
	PLAY(&conf, found);
	PLAY(&conf, too_many);
}

/* before-start, which may delete data, ran beside it. */
static void
test_start_beside_what_came_during_after_stop(void **state)
{
	static const struct model_conf conf = {
	    .type = SERVICE_DETACHED, .hooks = true};
	static const struct line lines[] = {
	    AT(0, START, ">waiting scan", 10000),
	    AT(0, PROCS(1), ">up", NONE),
	    AT(1000, PROCS(0), ">stopping run:after-stop", 4000),
	    AT(1010, PROCS(1), "", 4000),
	    AT(1020, DONE, ">waiting scan", 11020),
	    AT(1020, PROCS(1), ">up", NONE),
	};

	(void)state;
	PLAY(&conf, lines);
}

/*
 * A check's answer led to a start on the word of the last scan, which may be
 * as old as the interval: someone may have started the service since.
 */
static void
test_start_on_an_old_count(void **state)
{
	static const struct model_conf conf = {.type = SERVICE_DETACHED,
	    .hooks = true,
	    .nchecks = 1,
	    .rule = RULE_BOTH};
	static const struct line lines[] = {
	    AT(0, START, ">waiting scan check", 10000),
	    AT(0, PROCS(1), ">up check", NONE),
	    AT(1000, PROCS(0), ">failing check", NONE),
	    AT(1010, WELL(0), ">failing", NONE),
	    AT(31000, ILL(0), "scan", NONE),
	    WHY(31000, PROCS(1), ">up check", NONE, "found running"),
	};

	(void)state;
	PLAY(&conf, lines);
}

/* The same of `stopped'. */
static void
test_stopped_on_an_old_count(void **state)
{
	static const struct model_conf conf = {
	    .type = SERVICE_DETACHED, .give_up = 1};
	static const struct line delay[] = {
	    AT(0, START, ">waiting scan", 10000),
	    AT(0, PROCS(0), ">starting run:start", 10000),
	    AT(0, FAILED, ">stopping scan", 5000),
	    AT(0, PROCS(0), ">waiting", 100),
	    AT(50, STOP, ">stopping scan", 5050),
	    AT(50, PROCS(1), "signal:TERM", 4050),
	};
	static const struct line failed[] = {
	    AT(0, START, ">waiting scan", 10000),
	    AT(0, PROCS(0), ">starting run:start", 10000),
	    AT(0, FAILED, ">stopping scan", 5000),
	    AT(0, PROCS(0), ">waiting", 100),
	    AT(100, TIMER, ">waiting scan", 10100),
	    AT(100, PROCS(0), ">starting run:start", 10100),
	    AT(100, FAILED, ">stopping scan", 5100),
	    AT(100, PROCS(0), ">failed", NONE),
	    AT(90000, STOP, ">stopping scan", 95000),
	    AT(90000, PROCS(1), "signal:TERM", 94000),
	};
	static const struct line ready[] = {
	    AT(0, START, ">waiting scan", 10000),
	    AT(0, PROCS(0), ">starting run:start", 10000),
	    AT(10, DONE, "scan", 10000),
	    AT(10, PROCS(0), "", 10000),
	    AT(20, STOP, ">stopping scan", 5020),
	    AT(20, PROCS(1), "signal:TERM", 4020),
	};

	(void)state;
	PLAY(&conf, delay);
	PLAY(&conf, failed);
	PLAY(&conf, ready);
}

/* No answer from the process table was taken for "no process". */
static void
test_unreadable_process_table_led_to_a_start(void **state)
{
	static const struct model_conf conf = {
	    .type = SERVICE_DETACHED, .hooks = true, .stop = true};
	static const struct line start_failed[] = {
	    AT(0, START, ">waiting scan", 10000),
	    AT(0, PROCS(0), ">starting run:before-start", 3000),
	    AT(0, DONE, "run:start", 10000),
	    AT(10, FAILED, ">stopping scan", 5010),
	    AT(5010, TIMER, "note scan", 10010),
	    AT(10010, TIMER, "note scan", 15010),
	    AT(10020, PROCS(1), "run:stop", 14020),
	    AT(10030, DONE, "", 14030),
	    AT(10040, PROCS(0), "run:after-stop", 13040),
	};
	static const struct line stop_then_start[] = {
	    AT(0, START, ">waiting scan", 10000),
	    AT(1, STOP, ">stopping scan", 5001),
	    AT(5001, TIMER, "note run:stop", 9001),
	    AT(5002, START, "", 9001),
	    AT(5010, DONE, ">waiting scan", 15010),
	    AT(5020, PROCS(1), ">up", NONE),
	};

	(void)state;
	PLAY(&conf, start_failed);
	PLAY(&conf, stop_then_start);
}

/* "not ready" stayed false when the process was gone. */
static void
test_dead_instance_stayed_ready(void **state)
{
	static const struct model_conf conf = {.rule = RULE_NOT_READY};
	static const struct line lines[] = {
	    AT(0, START, ">starting spawn", NONE),
	    AT(0, SPAWNED, ">up", NONE),
	    AT(10, EXITED, ">starting spawn", NONE),
	};

	(void)state;
	PLAY(&conf, lines);
}

/*
 * That the first start has come to nothing was no change of state, so that
 * who waited for it was not told.
 */
static void
test_look_without_answers_was_not_told(void **state)
{
	static const struct model_conf conf = {
	    .type = SERVICE_DETACHED, .nchecks = 1, .rule = RULE_BOTH};
	static const struct line checks[] = {
	    AT(0, START, ">waiting scan check", 10000),
	    AT(0, PROCS(0), "", 10000),
	    WHY(10000, TIMER, ">waiting", NONE, "its checks give no answer"),
	    AT(20000, ILL(0), "scan", NONE),
	    AT(20000, PROCS(0), ">starting run:start", 30000),
	};
	static const struct line table[] = {
	    AT(0, START, ">waiting scan check", 10000),
	    AT(10, ILL(0), "", 10000),
	    WHY(10000, TIMER, ">waiting", NONE,
		"the process table gives no answer"),
	};
	struct model m;

	(void)state;
	PLAY(&conf, checks);
	script_begin(&m, &conf);
	assert_false(m.sv.settled);
	GO_ON(&m, table);
	assert_true(m.sv.settled);
}

/* If the scan after their end failed, nobody asked again. */
static void
test_end_after_sigkill_was_missed_for_ever(void **state)
{
	static const struct model_conf conf = {.type = SERVICE_DETACHED};
	static const struct line lines[] = {
	    AT(0, START, ">waiting scan", 10000),
	    AT(0, PROCS(1), ">up", NONE),
	    AT(1000, STOP, ">stopping signal:TERM", 5000),
	    AT(5000, TIMER, "note signal:KILL", 10000),
	    AT(10000, TIMER, "note scan", 70000),
	    AT(10010, PROCS(0), ">stopped", NONE),
	};

	(void)state;
	PLAY(&conf, lines);
}

/* `status' went on telling of the port when the process was gone too. */
static void
test_loss_while_failing_was_not_told(void **state)
{
	static const struct model_conf conf = {.nchecks = 1, .rule = RULE_BOTH};
	static const struct line lines[] = {
	    AT(0, START, ">starting spawn", NONE),
	    AT(0, SPAWNED, ">up check", NONE),
	    AT(10, WELL(0), "", NONE),
	    WHY(1000, ILL(0), ">failing", NONE, "port: refused"),
	    WHY(2000, EXITED, ">failing check", NONE, "killed by signal 9"),
	};

	(void)state;
	PLAY(&conf, lines);
}

/* It was stopped because it had exited, not because it was asked to. */
static void
test_stop_during_a_restart_had_the_wrong_cause(void **state)
{
	static const struct model_conf conf = {.hooks = true};
	static const struct line lines[] = {
	    AT(0, START, ">starting run:before-start", 3000),
	    AT(0, DONE, "spawn", NONE),
	    AT(0, SPAWNED, ">up", NONE),
	    WHY(1000, EXITED, ">stopping run:after-stop", 4000, "signal 9"),
	    AT(1010, STOP, "", 4000),
	    WHY(1020, DONE, ">stopped", NONE, "asked to stop"),
	};

	(void)state;
	PLAY(&conf, lines);
}

/* A rule that holds of a service without a fault gave no cause at all. */
static void
test_odd_rule_had_no_cause(void **state)
{
	static const struct model_conf conf = {.nchecks = 1, .rule = RULE_ODD};
	static const struct line lines[] = {
	    AT(0, START, ">starting spawn", NONE),
	    AT(0, SPAWNED, ">up check", NONE),
	    WHY(10, WELL(0), ">stopping signal:TERM", 4010,
		"restart-when holds"),
	};

	(void)state;
	PLAY(&conf, lines);
}

/* One of several ended long ago: that is not why there is none now. */
static void
test_old_end_was_told_as_the_cause(void **state)
{
	static const struct model_conf conf = {.type = SERVICE_DETACHED};
	static const struct line lines[] = {
	    AT(0, START, ">waiting scan", 10000),
	    AT(0, PROCS(2), ">up", NONE),
	    AT(1000, LOST(1), "", NONE),
	    WHY(9000, PROCS(0), ">starting run:start", 19000,
		"no process found"),
	};

	(void)state;
	PLAY(&conf, lines);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_failing_before_start_was_tried_without_end),
	    cmocka_unit_test(test_child_was_lost_by_stop_during_spawn),
	    cmocka_unit_test(
		test_failed_in_the_rule_never_started_after_a_delay),
	    cmocka_unit_test(test_failure_before_the_process_was_there_counted),
	    cmocka_unit_test(test_start_beside_what_came_during_before_start),
	    cmocka_unit_test(test_start_beside_what_came_during_after_stop),
	    cmocka_unit_test(test_start_on_an_old_count),
	    cmocka_unit_test(test_stopped_on_an_old_count),
	    cmocka_unit_test(test_unreadable_process_table_led_to_a_start),
	    cmocka_unit_test(test_dead_instance_stayed_ready),
	    cmocka_unit_test(test_look_without_answers_was_not_told),
	    cmocka_unit_test(test_end_after_sigkill_was_missed_for_ever),
	    cmocka_unit_test(test_loss_while_failing_was_not_told),
	    cmocka_unit_test(test_stop_during_a_restart_had_the_wrong_cause),
	    cmocka_unit_test(test_odd_rule_had_no_cause),
	    cmocka_unit_test(test_old_end_was_told_as_the_cause),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
