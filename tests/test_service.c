/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The state machine of a service by example: starting it, and starting it
 * again.  Checks are in test_service_check.c, stopping in test_service_stop.c.
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
 * Starting
 */

static void
test_child_starts_and_is_up(void **state)
{
	static const struct model_conf conf = {.type = SERVICE_CHILD};
	static const struct line lines[] = {
	    WHY(0, START, ">starting spawn", NONE, "asked to start"),
	    WHY(1, SPAWNED, ">up", NONE, "started"),
	};

	(void)state;
	PLAY(&conf, lines);
}

static void
test_before_start_runs_first(void **state)
{
	static const struct model_conf conf = {.hooks = true};
	static const struct line lines[] = {
	    AT(0, START, ">starting run:before-start", 3000),
	    AT(500, DONE, "spawn", NONE),
	    AT(501, SPAWNED, ">up", NONE),
	};

	(void)state;
	PLAY(&conf, lines);
}

static void
test_detached_is_looked_for_first(void **state)
{
	static const struct model_conf conf = {.type = SERVICE_DETACHED};
	static const struct line lines[] = {
	    AT(0, START, ">waiting scan", 10000),
	    WHY(5, PROCS(0), ">starting run:start", 10005, "no process found"),
	    AT(900, DONE, "scan", 10005),
	    AT(905, PROCS(0), "", 10005),
	    WHY(950, PROCS(1), ">up", NONE, "started"),
	};

	(void)state;
	PLAY(&conf, lines);
}

/* What was found while the start command ran may have been part of it. */
static void
test_processes_are_counted_after_the_start_command(void **state)
{
	static const struct model_conf conf = {.type = SERVICE_DETACHED};
	static const struct line lines[] = {
	    AT(0, START, ">waiting scan", 10000),
	    AT(0, PROCS(0), ">starting run:start", 10000),
	    AT(100, PROCS(1), "", 10000),
	    AT(200, DONE, "scan", 10000),
	    AT(201, PROCS(0), "", 10000),
	    AT(300, PROCS(1), ">up", NONE),
	};

	(void)state;
	PLAY(&conf, lines);
}

static void
test_detached_is_found_running(void **state)
{
	static const struct model_conf conf = {
	    .type = SERVICE_DETACHED, .nchecks = 1};
	static const struct line lines[] = {
	    AT(0, START, ">waiting scan check", 10000),
	    WHY(5, PROCS(2), ">up check", NONE, "found running"),
	};

	(void)state;
	PLAY(&conf, lines);
}

static void
test_ready_by_check(void **state)
{
	static const struct model_conf conf = {
	    .nchecks = 1, .ready = READY_CHECK, .rise = 2};
	static const struct line lines[] = {
	    AT(0, START, ">starting spawn", NONE),
	    AT(0, SPAWNED, "check", 10000),
	    AT(20, ILL(0), "", 10000), /* it is given its time */
	    AT(40, SILENT(0), "", 10000),
	    AT(60, WELL(0), "", 10000),
	    AT(80, WELL(0), ">up", NONE),
	};

	(void)state;
	PLAY(&conf, lines);
}

static void
test_ready_by_check_needs_the_process(void **state)
{
	static const struct model_conf conf = {
	    .type = SERVICE_DETACHED, .nchecks = 1, .ready = READY_CHECK};
	static const struct line lines[] = {
	    AT(0, START, ">waiting scan check", 10000),
	    AT(0, PROCS(0), ">starting run:start", 10000),
	    AT(100, DONE, "check scan", 10000),
	    AT(110, WELL(0), "", 10000),
	    AT(120, PROCS(1), ">up check", NONE),
	};

	(void)state;
	PLAY(&conf, lines);
}

static void
test_ready_by_delay(void **state)
{
	static const struct model_conf child = {
	    .ready = READY_DELAY, .nchecks = 1};
	static const struct line child_lines[] = {
	    AT(0, START, ">starting spawn", NONE),
	    AT(0, SPAWNED, "", 2000),
	    AT(1999, TIMER, "", 2000),
	    AT(2000, TIMER, ">up check", NONE),
	};
	static const struct model_conf detached = {
	    .type = SERVICE_DETACHED, .ready = READY_DELAY};
	static const struct line detached_lines[] = {
	    AT(0, START, ">waiting scan", 10000),
	    AT(0, PROCS(0), ">starting run:start", 10000),
	    AT(500, DONE, "scan", 2000),
	    AT(2000, TIMER, "", 10000), /* nobody is there yet */
	    AT(3000, PROCS(1), ">up", NONE),
	};

	(void)state;
	PLAY(&child, child_lines);
	PLAY(&detached, detached_lines);
}

static void
test_ready_by_its_word(void **state)
{
	static const struct model_conf conf = {
	    .ready = READY_NOTIFY, .nchecks = 1};
	static const struct line lines[] = {
	    AT(0, START, ">starting spawn", NONE),
	    AT(0, SPAWNED, "", 10000),
	    AT(20, WELL(0), "", 10000), /* no check can say it */
	    WHY(40, READY, ">up check", NONE, "started"),
	    AT(50, READY, "", NONE),
	    AT(60, EXITED, ">starting spawn", NONE),
	    AT(60, SPAWNED, "", 10060), /* the old word does not count */
	    WHY(10060, TIMER, ">stopping signal:TERM", 14060,
		"not ready within 10s: it has not said so"),
	    AT(10061, READY, "", 14060),
	};
	static const struct model_conf detached = {
	    .ready = READY_FD, .type = SERVICE_DETACHED};
	static const struct line detached_lines[] = {
	    AT(0, START, ">waiting scan", 10000),
	    AT(0, PROCS(0), ">starting run:start", 10000),
	    AT(100, READY, "", 10000), /* before its command returns */
	    AT(200, DONE, "scan", 10000),
	    AT(300, PROCS(1), ">up", NONE),
	};

	(void)state;
	PLAY(&conf, lines);
	PLAY(&detached, detached_lines);
}

static void
test_after_start(void **state)
{
	static const struct model_conf conf = {
	    .ready = READY_CHECK, .nchecks = 1, .post = true};
	static const struct line lines[] = {
	    AT(0, START, ">starting spawn", NONE),
	    AT(0, SPAWNED, "check", 10000),
	    AT(20, WELL(0), "run:after-start", 3020),
	    AT(30, ILL(0), "", 3020), /* it is asked again when it is up */
	    WHY(40, DONE, ">up check", NONE, "started"),
	    AT(50, EXITED, ">starting spawn", NONE),
	    AT(50, SPAWNED, "check", 10050),
	    AT(60, WELL(0), "run:after-start", 3060),
	    WHY(70, FAILED, ">stopping signal:TERM", 4070, "after-start: "),
	    AT(80, EXITED, ">waiting", 1080),
	    AT(1080, TIMER, ">starting spawn", NONE),
	    AT(1080, SPAWNED, "check", 11080),
	    AT(1090, WELL(0), "run:after-start", 4090),
	    WHY(1100, EXITED, ">stopping kill-cmd:TERM", 5100,
		"ended before it was ready"),
	};

	(void)state;
	PLAY(&conf, lines);
}

static void
test_hang_at_start(void **state)
{
	static const struct model_conf conf = {
	    .nchecks = 1, .ready = READY_CHECK};
	static const struct line lines[] = {
	    AT(0, START, ">starting spawn", NONE),
	    AT(0, SPAWNED, "check", 10000),
	    AT(1010, ILL(0), "", 10000),
	    WHY(10000, TIMER, ">stopping signal:TERM", 14000,
		"not ready within 10s: port: refused"),
	    AT(10100, EXITED, ">waiting", 10200),
	    AT(10200, TIMER, ">starting spawn", NONE),
	    AT(10200, SPAWNED, "check", 20200),
	    AT(10300, SILENT(0), "", 20200),
	    WHY(20200, TIMER, ">stopping signal:TERM", 24200,
		"not ready within 10s: its check gives no answer"),
	};

	(void)state;
	PLAY(&conf, lines);
}

static void
test_start_command_hangs(void **state)
{
	static const struct model_conf conf = {.type = SERVICE_DETACHED};
	static const struct line lines[] = {
	    AT(0, START, ">waiting scan", 10000),
	    AT(0, PROCS(0), ">starting run:start", 10000),
	    AT(10000, TIMER, "kill-cmd:KILL", 15000),
	    /* It may have left something behind. */
	    WHY(10001, FAILED, ">stopping scan", 15001,
		"start command: did not end in time and was killed"),
	    AT(10002, PROCS(1), "signal:TERM", 14002),
	    AT(10003, PROCS(0), ">waiting", 10103),
	    AT(10103, TIMER, ">waiting scan", 20103),
	    AT(10104, PROCS(0), ">starting run:start", 20104),
	};

	(void)state;
	PLAY(&conf, lines);
}

static void
test_nothing_appears_after_the_start_command(void **state)
{
	static const struct model_conf conf = {.type = SERVICE_DETACHED};
	static const struct line lines[] = {
	    AT(0, START, ">waiting scan", 10000),
	    AT(0, PROCS(0), ">starting run:start", 10000),
	    AT(100, DONE, "scan", 10000),
	    AT(105, PROCS(0), "", 10000),
	    WHY(10000, TIMER, ">stopping scan", 15000,
		"not ready within 10s: 0 processes found"),
	    AT(10001, PROCS(0), ">waiting", 10101),
	};

	(void)state;
	PLAY(&conf, lines);
}

static void
test_failed_starts_are_delayed(void **state)
{
	static const struct model_conf conf = {.type = SERVICE_CHILD};
	static const struct line lines[] = {
	    AT(0, START, ">starting spawn", NONE),
	    WHY(0, NOT_SPAWNED, ">waiting", 100,
		"cannot start: no such file; next try in 100ms"),
	    AT(100, TIMER, ">starting spawn", NONE),
	    WHY(100, NOT_SPAWNED, ">waiting", 1100, "next try in 1s"),
	    AT(1100, TIMER, ">starting spawn", NONE),
	    AT(1100, NOT_SPAWNED, ">waiting", 3100),
	    AT(3100, TIMER, ">starting spawn", NONE),
	    AT(3100, NOT_SPAWNED, ">waiting", 7100),
	    AT(7100, TIMER, ">starting spawn", NONE),
	    AT(7100, NOT_SPAWNED, ">waiting", 15100),
	    AT(15100, TIMER, ">starting spawn", NONE),
	    AT(15100, NOT_SPAWNED, ">waiting", 23100),
	    /* Asked for, it need not wait, and begins anew. */
	    AT(16000, START, ">starting spawn", NONE),
	    AT(16000, NOT_SPAWNED, ">waiting", 16100),
	};

	(void)state;
	PLAY(&conf, lines);
}

/* Whatever backoff says. */
static void
test_failed_starts_are_never_tried_too_soon(void **state)
{
	static const struct model_conf conf = {.type = SERVICE_CHILD};
	static const struct line lines[] = {
	    AT(0, START, ">starting spawn", NONE),
	    AT(0, NOT_SPAWNED, ">waiting", 100),
	    AT(100, TIMER, ">starting spawn", NONE),
	    AT(100, NOT_SPAWNED, ">waiting", 200), /* not 10 */
	    AT(200, TIMER, ">starting spawn", NONE),
	    AT(200, SPAWNED, ">up", NONE),
	    AT(210, EXITED, ">waiting", 230), /* that is another matter */
	};
	struct model m;

	(void)state;
	script_begin(&m, &conf);
	m.sv.backoff.min = 10 * DW_MS;
	GO_ON(&m, lines);
}

/* The first start has had an outcome: who waits for it may go on. */
static void
test_first_start_is_settled(void **state)
{
	static const struct model_conf confs[] = {
	    {.type = SERVICE_CHILD},
	    {.type = SERVICE_CHILD},
	    {.hooks = true},
	    {.type = SERVICE_DETACHED, .nchecks = 1, .rule = RULE_BOTH},
	};
	static const struct line lines[][3] = {
	    {AT(0, START, ">starting spawn", NONE),
		AT(0, SPAWNED, ">up", NONE)},
	    {AT(0, START, ">starting spawn", NONE),
		AT(0, NOT_SPAWNED, ">waiting", 100)},
	    {AT(0, START, ">starting run:before-start", 3000),
		AT(0, FAILED, ">waiting", 100)},
	    {AT(0, START, ">waiting scan check", 10000),
		AT(0, PROCS(0), "", 10000), AT(10, WELL(0), ">failing", NONE)},
	};

	(void)state;
	for (size_t i = 0; i < NITEMS(confs); i++) {
		size_t n = (lines[i][2].actions != NULL) ? 3 : 2;
		struct model m;

		script_begin(&m, &confs[i]);
		script_go_on(&m, lines[i], n - 1);
		assert_false(m.sv.settled);
		script_go_on(&m, &lines[i][n - 1], 1);
		assert_true(m.sv.settled);
	}
}

static void
test_before_start_fails_and_hangs(void **state)
{
	static const struct model_conf conf = {.hooks = true};
	static const struct line lines[] = {
	    AT(0, START, ">starting run:before-start", 3000),
	    /* Never started: after-stop is not due. */
	    WHY(10, FAILED, ">waiting", 110,
		"before-start: exited with status 1"),
	    AT(110, TIMER, ">starting run:before-start", 3110),
	    AT(3110, TIMER, "kill-cmd:KILL", 8110),
	    WHY(3120, DONE, ">waiting", 4120,
		"before-start: did not end in time and was killed"),
	    AT(4120, TIMER, ">starting run:before-start", 7120),
	    AT(7120, TIMER, "kill-cmd:KILL", 12120),
	    AT(12120, TIMER, "drop-cmd note >waiting", 14120),
	    /* It is dropped: its end means nothing. */
	    AT(12200, DONE, "", 14120),
	};

	(void)state;
	PLAY(&conf, lines);
}

static void
test_ends_before_ready(void **state)
{
	static const struct model_conf conf = {
	    .ready = READY_DELAY, .hooks = true};
	static const struct line lines[] = {
	    AT(0, START, ">starting run:before-start", 3000),
	    AT(0, DONE, "spawn", NONE),
	    AT(0, SPAWNED, "", 2000),
	    WHY(700, EXITED, ">stopping run:after-stop", 3700,
		"ended before it was ready: killed by signal 9"),
	    AT(800, DONE, ">waiting", 900),
	};

	(void)state;
	PLAY(&conf, lines);
}

static void
test_adopted_child(void **state)
{
	static const struct model_conf conf = {.nchecks = 1};
	static const struct line lines[] = {
	    WHY(0, ADOPTED, ">up check", NONE, "found running, pid 7"),
	    AT(10, ADOPTED, "", NONE),
	    WHY(5000, EXITED, ">starting spawn", NONE, "killed by signal 9"),
	    AT(5000, SPAWNED, ">up check", NONE),
	};

	(void)state;
	PLAY(&conf, lines);
}

/*
 * Restarting
 */

static void
test_first_restart_is_at_once_then_delays_double(void **state)
{
	static const struct model_conf conf = {.type = SERVICE_CHILD};
	static const struct line lines[] = {
	    AT(0, START, ">starting spawn", NONE),
	    AT(0, SPAWNED, ">up", NONE),
	    WHY(1000, EXITED, ">starting spawn", NONE, "killed by signal 9"),
	    AT(1000, SPAWNED, ">up", NONE),
	    WHY(2000, EXITED, ">waiting", 3000,
		"killed by signal 9; next try in 1s"),
	    AT(3000, TIMER, ">starting spawn", NONE),
	    AT(3000, SPAWNED, ">up", NONE),
	    AT(4000, EXITED, ">waiting", 6000),
	    AT(6000, TIMER, ">starting spawn", NONE),
	    AT(6000, SPAWNED, ">up", NONE),
	    AT(7000, EXITED, ">waiting", 11000),
	    AT(11000, TIMER, ">starting spawn", NONE),
	    AT(11000, SPAWNED, ">up", NONE),
	    AT(12000, EXITED, ">waiting", 20000),
	    AT(20000, TIMER, ">starting spawn", NONE),
	    AT(20000, SPAWNED, ">up", NONE),
	    /* A little short of stable. */
	    AT(79999, EXITED, ">waiting", 87999),
	    AT(87999, TIMER, ">starting spawn", NONE),
	    AT(87999, SPAWNED, ">up", NONE),
	    /* A run of stable: all is forgotten. */
	    AT(147999, EXITED, ">starting spawn", NONE),
	    AT(147999, SPAWNED, ">up", NONE),
	    AT(148000, EXITED, ">waiting", 149000),
	};

	(void)state;
	PLAY(&conf, lines);
}

/* backoff = 0s: no delay at all, but for starts that fail. */
static void
test_without_backoff(void **state)
{
	static const struct model_conf conf = {.type = SERVICE_CHILD};
	static const struct line lines[] = {
	    AT(0, START, ">starting spawn", NONE),
	    AT(0, SPAWNED, ">up", NONE),
	    AT(10, EXITED, ">starting spawn", NONE),
	    AT(10, SPAWNED, ">up", NONE),
	    AT(20, EXITED, ">starting spawn", NONE),
	    AT(20, NOT_SPAWNED, ">waiting", 120),
	    AT(120, TIMER, ">starting spawn", NONE),
	    AT(120, NOT_SPAWNED, ">waiting", 220),
	};
	struct model m;

	(void)state;
	script_begin(&m, &conf);
	m.sv.backoff.min = m.sv.backoff.max = 0;
	GO_ON(&m, lines);
}

static void
test_delays_are_spread(void **state)
{
	static const struct model_conf conf = {.type = SERVICE_CHILD};
	const uint32_t randoms[] = {0, UINT32_MAX / 2, UINT32_MAX};
	int64_t delays[3];

	(void)state;
	for (size_t i = 0; i < NITEMS(randoms); i++) {
		struct model m;
		struct service_event exited = EXITED;

		model_init(&m, &conf);
		script_step(&m, 0, (struct service_event)START);
		script_step(&m, 0, (struct service_event)SPAWNED);
		script_step(&m, 0, exited);
		script_step(&m, 0, (struct service_event)SPAWNED);
		exited.random = randoms[i];
		script_step(&m, 0, exited);
		delays[i] = m.sv.deadline - m.sv.since;
		assert_in_range(
		    delays[i], MODEL_BACKOFF / 10 * 9, MODEL_BACKOFF / 10 * 11);
	}
	assert_true(delays[0] < delays[1] && delays[1] < delays[2]);
}

static void
test_starts_are_counted(void **state)
{
	static const struct model_conf conf = {.type = SERVICE_CHILD};
	static const struct line lines[] = {
	    AT(0, START, ">starting spawn", NONE),
	    AT(0, SPAWNED, ">up", NONE),
	    AT(1000, EXITED, ">starting spawn", NONE),
	    AT(1000, SPAWNED, ">up", NONE),
	    AT(1500, RESTART, ">stopping signal:TERM", 5500),
	    AT(1600, EXITED, ">starting spawn", NONE),
	};
	struct model m;

	(void)state;
	script_begin(&m, &conf);
	assert_int_equal(m.sv.starts, 0);
	GO_ON(&m, lines);
	assert_int_equal(m.sv.starts, 3);
	assert_int_equal(m.sv.restarts, 2);
}

static void
test_gives_up(void **state)
{
	static const struct model_conf conf = {.give_up = 2};
	static const struct line lines[] = {
	    AT(0, START, ">starting spawn", NONE),
	    AT(0, SPAWNED, ">up", NONE),
	    AT(1000, EXITED, ">starting spawn", NONE),
	    AT(1000, SPAWNED, ">up", NONE),
	    AT(2000, EXITED, ">waiting", 3000),
	    AT(3000, TIMER, ">starting spawn", NONE),
	    AT(3000, SPAWNED, ">up", NONE),
	    WHY(4000, EXITED, ">failed", NONE,
		"gave up: 2 restarts within 600s; last: killed by signal 9"),
	    AT(5000, TIMER, "", NONE),
	    /* An operator begins anew. */
	    AT(5000, START, ">starting spawn", NONE),
	    AT(5000, SPAWNED, ">up", NONE),
	    AT(5001, EXITED, ">starting spawn", NONE),
	};

	(void)state;
	PLAY(&conf, lines);
}

static void
test_old_restarts_do_not_count_for_giving_up(void **state)
{
	static const struct model_conf conf = {.give_up = 2};
	static const struct line lines[] = {
	    AT(0, START, ">starting spawn", NONE), AT(0, SPAWNED, ">up", NONE),
	    AT(100000, EXITED, ">starting spawn", NONE), /* 1 */
	    AT(100000, SPAWNED, ">up", NONE),
	    AT(200000, EXITED, ">starting spawn", NONE), /* 2 */
	    AT(200000, SPAWNED, ">up", NONE),
	    AT(700001, EXITED, ">starting spawn", NONE), /* 1 is too old */
	    AT(700001, SPAWNED, ">up", NONE),
	    AT(800000, EXITED, ">failed", NONE), /* 2 is not, exactly */
	};

	(void)state;
	PLAY(&conf, lines);
}

static void
test_tries_again_after_hold(void **state)
{
	static const struct model_conf conf = {.give_up = 1, .hold = true};
	static const struct line lines[] = {
	    AT(0, START, ">starting spawn", NONE),
	    AT(0, NOT_SPAWNED, ">waiting", 100),
	    AT(100, TIMER, ">starting spawn", NONE),
	    AT(100, NOT_SPAWNED, ">failed", 300100),
	    AT(300100, TIMER, ">starting spawn", NONE),
	    AT(300100, NOT_SPAWNED, ">waiting", 300200),
	    AT(300200, TIMER, ">starting spawn", NONE),
	    AT(300200, NOT_SPAWNED, ">failed", 600200),
	    WHY(300300, STOP, ">stopped", NONE, "asked to stop"),
	    AT(600200, TIMER, "", NONE),
	};

	(void)state;
	PLAY(&conf, lines);
}

/*
 * What is asked for between events
 */

static void
test_paces(void **state)
{
	static const struct model_conf conf = {.type = SERVICE_DETACHED,
	    .nchecks = 1,
	    .ready = READY_CHECK,
	    .stop = true};
	static const struct {
		struct line line;
		enum service_pace checks, scans;
	} lines[] = {
	    {AT(0, START, ">waiting scan check", 10000), PACE_QUICK,
		PACE_INTERVAL},
	    {AT(1, PROCS(0), ">starting run:start", 10001), PACE_NONE,
		PACE_NONE},
	    {AT(2, DONE, "check scan", 10001), PACE_QUICK, PACE_QUICK},
	    {AT(3, PROCS(1), "", 10001), PACE_QUICK, PACE_QUICK},
	    {AT(4, WELL(0), ">up", NONE), PACE_INTERVAL, PACE_NONE},
	    {AT(2000, STOP, ">stopping run:stop", 6000), PACE_NONE, PACE_NONE},
	    {AT(2001, DONE, "", 6001), PACE_NONE, PACE_NONE},
	    {AT(2002, PROCS(0), ">stopped", NONE), PACE_NONE, PACE_NONE},
	};
	struct model m;

	(void)state;
	script_begin(&m, &conf);
	for (size_t i = 0; i < NITEMS(lines); i++) {
		script_go_on(&m, &lines[i].line, 1);
		assert_int_equal(service_wants_checks(&m.sv), lines[i].checks);
		assert_int_equal(service_wants_scans(&m.sv), lines[i].scans);
	}
}

static void
test_nothing_is_left_of_what_was_in_memory(void **state)
{
	static const struct model_conf conf = {.nchecks = 2};
	struct model m;
	struct service clean;

	(void)state;
	script_begin(&m, &conf);
	memcpy(&clean, &m.sv, sizeof(clean));
	clean.backoff.jitter = 10;
	memset(&m.sv, 0x5a, sizeof(m.sv));
	memset(m.checks, 0x5a, sizeof(m.checks));
	memset(m.answers, 0, sizeof(m.answers));
	memset(m.failed, 1, sizeof(m.failed));
	service_init(&m.sv, &m.conf, m.checks, m.answers, m.failed, m.tries);
	assert_memory_equal(&m.sv, &clean, sizeof(clean));
	assert_int_equal(m.sv.state, SV_STOPPED);
	assert_int_equal(m.sv.deadline, SERVICE_NEVER);
	for (size_t i = 0; i < conf.nchecks; i++) {
		assert_int_equal(m.checks[i].fails, 0);
		assert_int_equal(m.checks[i].oks, 0);
		assert_false(m.checks[i].armed);
		assert_int_equal(m.answers[i], UNKNOWN);
		assert_false(m.failed[i]);
	}
}

static void
test_durations_in_words(void **state)
{
	static const struct model_conf conf = {.type = SERVICE_CHILD};
	static const struct {
		int64_t delay;
		const char *words;
	} tests[] = {
	    {100 * DW_MS, "next try in 100ms"},
	    {999 * DW_MS, "next try in 999ms"},
	    {1500 * DW_MS, "next try in 1.5s"},
	    {30 * DW_SEC, "next try in 30s"},
	};

	(void)state;
	for (size_t i = 0; i < NITEMS(tests); i++) {
		struct model m;

		script_begin(&m, &conf);
		m.sv.backoff.min = tests[i].delay;
		m.sv.backoff.max = 60 * DW_SEC;
		script_step(&m, 0, (struct service_event)START);
		script_step(&m, 0, (struct service_event)SPAWNED);
		script_step(&m, 0, (struct service_event)EXITED);
		script_step(&m, 0, (struct service_event)SPAWNED);
		script_step(&m, 0, (struct service_event)EXITED);
		assert_non_null(strstr(m.sv.cause, tests[i].words));
	}
}

static void
test_longest_times(void **state)
{
	static const struct model_conf conf = {.hooks = true};
	struct service_event start = START;
	struct service_actions out = {0};
	struct model m;

	(void)state;
	script_begin(&m, &conf);
	m.conf.hook_timeout = CONFIG_DURATION_MAX;
	script_step(&m, 0, start);
	assert_int_equal(m.sv.deadline, m.sv.since + CONFIG_DURATION_MAX);
	/* Should it ever not fit: never, rather than in the past. */
	script_begin(&m, &conf);
	m.conf.hook_timeout = INT64_MAX;
	start.now = DW_SEC;
	service_step(&m.sv, &start, &out);
	assert_int_equal(m.sv.deadline, SERVICE_NEVER);
}

static void
test_names(void **state)
{
	(void)state;
	for (int i = 0; i < SV_NSTATES; i++)
		for (int j = 0; j < i; j++)
			assert_string_not_equal(
			    service_state_name((enum service_state)i),
			    service_state_name((enum service_state)j));
	for (int i = 0; i < PH_NPHASES; i++)
		assert_non_null(service_phase_name((enum service_phase)i));
	assert_string_equal(service_state_name(SV_NSTATES), "?");
	assert_string_equal(service_phase_name(PH_NPHASES), "?");
	assert_string_equal(
	    service_command_name(CMD_BEFORE_START), "before-start");
	assert_string_equal(service_command_name(CMD_START), "start");
	assert_string_equal(service_command_name(CMD_STOP), "stop");
	assert_string_equal(service_command_name(CMD_AFTER_STOP), "after-stop");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_child_starts_and_is_up),
	    cmocka_unit_test(test_before_start_runs_first),
	    cmocka_unit_test(test_detached_is_looked_for_first),
	    cmocka_unit_test(
		test_processes_are_counted_after_the_start_command),
	    cmocka_unit_test(test_detached_is_found_running),
	    cmocka_unit_test(test_ready_by_check),
	    cmocka_unit_test(test_ready_by_check_needs_the_process),
	    cmocka_unit_test(test_ready_by_delay),
	    cmocka_unit_test(test_ready_by_its_word),
	    cmocka_unit_test(test_after_start),
	    cmocka_unit_test(test_hang_at_start),
	    cmocka_unit_test(test_start_command_hangs),
	    cmocka_unit_test(test_nothing_appears_after_the_start_command),
	    cmocka_unit_test(test_failed_starts_are_delayed),
	    cmocka_unit_test(test_failed_starts_are_never_tried_too_soon),
	    cmocka_unit_test(test_first_start_is_settled),
	    cmocka_unit_test(test_before_start_fails_and_hangs),
	    cmocka_unit_test(test_ends_before_ready),
	    cmocka_unit_test(test_adopted_child),
	    cmocka_unit_test(test_first_restart_is_at_once_then_delays_double),
	    cmocka_unit_test(test_without_backoff),
	    cmocka_unit_test(test_delays_are_spread),
	    cmocka_unit_test(test_starts_are_counted),
	    cmocka_unit_test(test_gives_up),
	    cmocka_unit_test(test_old_restarts_do_not_count_for_giving_up),
	    cmocka_unit_test(test_tries_again_after_hold),
	    cmocka_unit_test(test_paces),
	    cmocka_unit_test(test_nothing_is_left_of_what_was_in_memory),
	    cmocka_unit_test(test_durations_in_words),
	    cmocka_unit_test(test_longest_times),
	    cmocka_unit_test(test_names),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
