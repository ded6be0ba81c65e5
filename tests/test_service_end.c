/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The state machine of a service by example: what comes of its end, and of
 * other services.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "service_script.h"

#define ENDED(code)                                            \
	{                                                      \
		.kind = SE_EXITED, .status = MODEL_EXIT(code), \
		.text = "exited"                               \
	}
#define HELD(why)                                             \
	{                                                     \
		.kind = SE_ORDER, .hold = true, .text = (why) \
	}
#define NEEDED                                   \
	{                                        \
		.kind = SE_ORDER, .needed = true \
	}
#define FREE(why)                               \
	{                                       \
		.kind = SE_ORDER, .text = (why) \
	}
#define YIELD                                                     \
	{                                                         \
		.kind = SE_YIELD, .text = "db, which it requires" \
	}

static void
test_work_is_done(void **state)
{
	static const struct model_conf conf = {
	    .restart = RESTART_ON_FAILURE, .hooks = true};
	static const struct line lines[] = {
	    AT(0, START, ">starting run:before-start", 3000),
	    AT(1, DONE, "spawn", NONE),
	    AT(2, SPAWNED, ">up", NONE),
	    WHY(900, ENDED(0), ">stopping run:after-stop", 3900,
		"exited; it is not started again"),
	    WHY(950, DONE, ">stopped", NONE, "exited; it is not started"),
	    AT(2000, TIMER, "", NONE),
	    WHY(3000, START, ">starting run:before-start", 6000, "asked to"),
	};
	struct model m;

	(void)state;
	script_begin(&m, &conf);
	script_go_on(&m, lines, NITEMS(lines) - 1);
	assert_true(m.sv.finished && service_is_over(&m.sv) && !m.sv.want);
	assert_int_equal(service_exit_status(&m.sv), 0);
	script_go_on(&m, lines + NITEMS(lines) - 1, 1);
	assert_false(m.sv.finished || service_is_over(&m.sv));
}

static void
test_a_wish_while_it_ends_counts(void **state)
{
	static const struct model_conf conf = {
	    .restart = RESTART_NEVER, .hooks = true};
	static const struct line lines[] = {
	    AT(0, START, ">starting run:before-start", 3000),
	    AT(1, DONE, "spawn", NONE),
	    AT(2, SPAWNED, ">up", NONE),
	    AT(900, ENDED(1), ">stopping run:after-stop", 3900),
	    AT(910, START, "", 3900),
	    WHY(950, DONE, ">starting run:before-start", 3950, "asked to"),
	    AT(951, DONE, "spawn", NONE),
	    AT(952, SPAWNED, ">up", NONE),
	    AT(990, ENDED(1), ">stopping run:after-stop", 3990),
	    AT(991, STOP, "", 3990),
	    WHY(999, DONE, ">stopped", NONE, "asked to stop"),
	};

	(void)state;
	PLAY(&conf, lines);
}

static void
test_exit_statuses(void **state)
{
	static const struct {
		int status, want;
	} ends[] = {{MODEL_EXIT(3), 3}, {MODEL_EXIT(255), 255}, {9, 137},
	    {DW_STATUS_NONE, 1}};
	static const struct model_conf conf = {.restart = RESTART_NEVER};
	static const struct line lines[] = {
	    AT(0, START, ">starting spawn", NONE),
	    AT(2, SPAWNED, ">up", NONE),
	};

	(void)state;
	for (size_t i = 0; i < NITEMS(ends); i++) {
		struct service_event ev = {.kind = SE_EXITED, .text = "x"};
		struct model m;

		script_begin(&m, &conf);
		GO_ON(&m, lines);
		ev.status = ends[i].status;
		script_step(&m, 10, ev);
		assert_int_equal(m.sv.state, SV_FAILED);
		assert_int_equal(service_exit_status(&m.sv), ends[i].want);
	}
}

static void
test_late_start_fails(void **state)
{
	static const struct model_conf conf = {
	    .nchecks = 1, .ready = READY_CHECK, .late_fails = true};
	static const struct line lines[] = {
	    AT(0, START, ">starting spawn", NONE),
	    AT(0, SPAWNED, "check", 10000),
	    AT(10000, TIMER, ">stopping signal:TERM", 14000),
	    WHY(10001, EXITED, ">failed", NONE, "not ready within 10s"),
	};

	(void)state;
	PLAY(&conf, lines);
}

static void
test_held_before_its_start(void **state)
{
	static const struct model_conf conf = {.hooks = true};
	static const struct line lines[] = {
	    AT(0, HELD("waits for db"), "", NONE),
	    WHY(1, START, ">waiting", NONE, "waits for db"),
	    AT(2, START, "", NONE),
	    AT(3, HELD("waits for db"), "", NONE),
	    WHY(4, HELD("waits for web"), ">waiting", NONE, "waits for web"),
	    WHY(9, FREE("web is up"), ">starting run:before-start", 3009,
		"web is up"),
	    /* What has begun goes on. */
	    AT(10, HELD("waits for db"), "", 3009),
	    AT(11, DONE, "spawn", NONE),
	    AT(12, SPAWNED, ">up", NONE),
	};

	(void)state;
	PLAY(&conf, lines);
}

static void
test_held_detached_service_is_looked_for(void **state)
{
	static const struct model_conf conf = {.type = SERVICE_DETACHED};
	static const struct line lines[] = {
	    AT(0, HELD("waits for db"), "", NONE),
	    AT(1, START, ">waiting scan", 10001),
	    WHY(2, PROCS(0), ">waiting", NONE, "waits for db"),
	    AT(900, PROCS(0), "", NONE),
	    WHY(1900, PROCS(1), ">up", NONE, "found running"),
	};

	(void)state;
	PLAY(&conf, lines);
}

static void
test_makes_way_without_delay(void **state)
{
	static const struct model_conf conf = {.give_up = 1};
	static const struct line lines[] = {
	    AT(0, START, ">starting spawn", NONE),
	    AT(2, SPAWNED, ">up", NONE),
	    WHY(5, YIELD, ">stopping signal:TERM", 4005, "db, which it"),
	    AT(6, EXITED, ">starting spawn", NONE),
	    AT(7, SPAWNED, ">up", NONE),
	    AT(8, YIELD, ">stopping signal:TERM", 4008),
	    AT(8, HELD("waits for db"), "", 4008),
	    WHY(9, EXITED, ">waiting", NONE, "waits for db"),
	    AT(10, FREE("db is up"), ">starting spawn", NONE),
	    AT(11, SPAWNED, ">up", NONE),
	};

	(void)state;
	PLAY(&conf, lines);
}

static void
test_others_are_stopped_first(void **state)
{
	static const struct model_conf conf = {.stop = true};
	static const struct line lines[] = {
	    AT(0, START, ">starting spawn", NONE),
	    AT(2, SPAWNED, ">up", NONE),
	    AT(3, NEEDED, "", NONE),
	    WHY(5, STOP, ">stopping", NONE, "asked to stop"),
	    AT(9, FREE(NULL), "run:stop", 4009),
	    AT(10, DONE, "", 4010),
	    AT(11, ENDED(0), ">stopped", NONE),
	    AT(20, START, ">starting spawn", NONE),
	    AT(22, SPAWNED, ">up", NONE),
	    AT(23, NEEDED, "", NONE),
	    AT(25, RESTART, ">stopping", NONE),
	    /* It need not be stopped any more. */
	    AT(29, ENDED(0), ">starting spawn", NONE),
	};

	(void)state;
	PLAY(&conf, lines);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_work_is_done),
	    cmocka_unit_test(test_a_wish_while_it_ends_counts),
	    cmocka_unit_test(test_exit_statuses),
	    cmocka_unit_test(test_late_start_fails),
	    cmocka_unit_test(test_held_before_its_start),
	    cmocka_unit_test(test_held_detached_service_is_looked_for),
	    cmocka_unit_test(test_makes_way_without_delay),
	    cmocka_unit_test(test_others_are_stopped_first),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
