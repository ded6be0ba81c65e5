/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The state machine of a service by example: stopping it, and what operators
 * ask of it at any moment.
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
 * Stopping
 */

static const struct line child_up[] = {
    AT(0, START, ">starting spawn", NONE),
    AT(0, SPAWNED, ">up", NONE),
};

static const struct line detached_up[] = {
    AT(0, START, ">waiting scan", 10000),
    AT(0, PROCS(2), ">up", NONE),
};

static void
stop_child(const struct model_conf *conf, const struct line *lines, size_t n)
{
	struct model m;

	script_begin(&m, conf);
	GO_ON(&m, child_up);
	script_go_on(&m, lines, n);
}

static void
stop_detached(const struct model_conf *conf, const struct line *lines, size_t n)
{
	struct model m;

	script_begin(&m, conf);
	GO_ON(&m, detached_up);
	script_go_on(&m, lines, n);
}

static void
test_stop_sequence(void **state)
{
	static const struct model_conf conf = {.sequence = true};
	static const struct line lines[] = {
	    AT(1000, STOP, ">stopping signal:INT", 5000),
	    AT(5000, TIMER, "note signal:TERM", 8000),
	    AT(8000, TIMER, "note signal:KILL", 13000),
	    AT(8001, EXITED, ">stopped", NONE),
	};

	(void)state;
	stop_child(&conf, lines, NITEMS(lines));
}

/* A database is not killed, whatever it takes. */
static void
test_stop_sequence_without_kill(void **state)
{
	static const struct model_conf conf = {.type = SERVICE_DETACHED};
	static const struct line lines[] = {
	    AT(0, START, ">waiting scan", 10000),
	    AT(1, PROCS(1), ">up", NONE),
	    AT(1000, STOP, ">stopping signal:TERM", 61000),
	    AT(61000, TIMER, "note scan", 121000),
	    AT(121000, TIMER, "note scan", 181000),
	    AT(121001, PROCS(0), ">stopped", NONE),
	};
	struct model m;

	(void)state;
	script_begin(&m, &conf);
	m.conf.stop_steps[0].wait = 0;
	m.conf.nstop_steps = 1;
	GO_ON(&m, lines);
}

static void
test_stop_signal(void **state)
{
	static const struct model_conf conf = {.type = SERVICE_CHILD};
	static const struct line lines[] = {
	    WHY(1000, STOP_AS("bye"), ">stopping signal:TERM", 5000, "bye"),
	    AT(1500, TIMER, "", 5000),
	    WHY(2000, EXITED, ">stopped", NONE, "bye"),
	    /* And so it stays. */
	    AT(3000, TIMER, "", NONE),
	    AT(3000, EXITED, "", NONE),
	    AT(3000, SPAWNED, "", NONE),
	    AT(3000, DONE, "", NONE),
	    AT(3000, STOP, "", NONE),
	};

	(void)state;
	stop_child(&conf, lines, NITEMS(lines));
}

static void
test_term_ignored(void **state)
{
	static const struct model_conf conf = {.type = SERVICE_CHILD};
	static const struct line lines[] = {
	    AT(1000, STOP, ">stopping signal:TERM", 5000),
	    AT(4999, TIMER, "", 5000),
	    AT(5000, TIMER, "note signal:KILL", 10000),
	    AT(10000, TIMER, "note", 70000),
	    AT(70000, TIMER, "note", 130000),
	    AT(70001, EXITED, ">stopped", NONE),
	};

	(void)state;
	stop_child(&conf, lines, NITEMS(lines));
}

static void
test_all_processes_must_end(void **state)
{
	static const struct model_conf conf = {.type = SERVICE_DETACHED};
	static const struct line lines[] = {
	    AT(1000, STOP, ">stopping signal:TERM", 5000),
	    AT(1100, PROCS(1), "signal:TERM", 5000),
	    AT(1200, PROCS(3), "signal:TERM", 5000), /* two more came */
	    AT(5000, TIMER, "note signal:KILL", 10000),
	    AT(5100, PROCS(1), "signal:KILL", 10000),
	    AT(5200, PROCS(0), ">stopped", NONE),
	};

	(void)state;
	stop_detached(&conf, lines, NITEMS(lines));
}

static void
test_stop_command(void **state)
{
	static const struct model_conf conf = {
	    .type = SERVICE_DETACHED, .stop = true, .hooks = true};
	static const struct line lines[] = {
	    AT(1000, STOP, ">stopping run:stop", 5000),
	    AT(1100, PROCS(1), "", 5000),
	    AT(1200, DONE, "", 5200),
	    AT(1300, PROCS(0), "run:after-stop", 4300),
	    AT(1400, DONE, ">stopped", NONE),
	};

	(void)state;
	stop_detached(&conf, lines, NITEMS(lines));
}

static void
test_stop_command_has_no_effect(void **state)
{
	static const struct model_conf conf = {.stop = true};
	static const struct line lines[] = {
	    AT(1000, STOP, ">stopping run:stop", 5000),
	    AT(1200, DONE, "", 5200),
	    AT(5200, TIMER, "note signal:TERM", 9200),
	    AT(9200, TIMER, "note signal:KILL", 14200),
	    AT(9201, EXITED, ">stopped", NONE),
	};

	(void)state;
	stop_child(&conf, lines, NITEMS(lines));
}

static void
test_stop_command_fails(void **state)
{
	static const struct model_conf conf = {.stop = true};
	static const struct line lines[] = {
	    AT(1000, STOP, ">stopping run:stop", 5000),
	    AT(1200, FAILED, "note signal:TERM", 5200),
	    AT(1300, EXITED, ">stopped", NONE),
	};

	(void)state;
	stop_child(&conf, lines, NITEMS(lines));
}

static void
test_stop_command_hangs(void **state)
{
	static const struct model_conf conf = {.stop = true};
	static const struct line killed[] = {
	    AT(1000, STOP, ">stopping run:stop", 5000),
	    AT(5000, TIMER, "kill-cmd:KILL", 10000),
	    AT(5001, DONE, "note signal:TERM", 9001),
	    AT(5002, EXITED, ">stopped", NONE),
	};
	static const struct line stuck[] = {
	    AT(1000, STOP, ">stopping run:stop", 5000),
	    AT(5000, TIMER, "kill-cmd:KILL", 10000),
	    AT(10000, TIMER, "drop-cmd note note signal:TERM", 14000),
	    AT(10001, EXITED, ">stopped", NONE),
	};
	static const struct line did_its_work[] = {
	    AT(1000, STOP, ">stopping run:stop", 5000),
	    AT(1100, EXITED, "", 5000),
	    AT(5000, TIMER, "kill-cmd:KILL", 10000),
	    AT(5001, FAILED, "note >stopped", NONE),
	};

	(void)state;
	stop_child(&conf, killed, NITEMS(killed));
	stop_child(&conf, stuck, NITEMS(stuck));
	stop_child(&conf, did_its_work, NITEMS(did_its_work));
}

static void
test_after_stop_fails_and_hangs(void **state)
{
	static const struct model_conf conf = {.hooks = true};
	static const struct line up[] = {
	    AT(0, START, ">starting run:before-start", 3000),
	    AT(0, DONE, "spawn", NONE),
	    AT(0, SPAWNED, ">up", NONE),
	};
	static const struct line fails[] = {
	    AT(1000, STOP, ">stopping signal:TERM", 5000),
	    AT(1001, EXITED, "run:after-stop", 4001),
	    AT(1002, FAILED, "note >stopped", NONE),
	};
	static const struct line hangs[] = {
	    AT(1000, EXITED, ">stopping run:after-stop", 4000),
	    AT(4000, TIMER, "kill-cmd:KILL", 9000),
	    AT(4001, DONE, "note >starting run:before-start", 7001),
	};
	struct model m;

	(void)state;
	script_begin(&m, &conf);
	GO_ON(&m, up);
	GO_ON(&m, fails);
	script_begin(&m, &conf);
	GO_ON(&m, up);
	GO_ON(&m, hangs);
}

/* As in the sample of J3, stopping also runs the stop command of nobody. */
static void
test_stop_runs_the_stop_command_anyway(void **state)
{
	static const struct model_conf conf = {
	    .type = SERVICE_DETACHED, .stop = true};
	static const struct line lines[] = {
	    AT(0, START, ">waiting scan", 10000),
	    AT(1, STOP, ">stopping scan", 5001),
	    AT(2, PROCS(0), "run:stop", 4002),
	    AT(3, DONE, ">stopped", NONE),
	};

	(void)state;
	PLAY(&conf, lines);
}

/* A restart does not: there is nothing to stop. */
static void
test_restart_of_nobody_runs_no_stop_command(void **state)
{
	static const struct model_conf conf = {.stop = true};
	static const struct line lines[] = {
	    AT(1000, EXITED, ">starting spawn", NONE),
	};

	(void)state;
	stop_child(&conf, lines, NITEMS(lines));
}

/* What a command of ours has done, is seen only when it has ended. */
static void
test_looks_after_a_command_was_ended(void **state)
{
	static const struct model_conf conf = {.type = SERVICE_DETACHED};
	static const struct line lines[] = {
	    AT(0, START, ">waiting scan", 10000),
	    AT(0, PROCS(0), ">starting run:start", 10000),
	    AT(10, STOP, ">stopping kill-cmd:TERM", 4010),
	    AT(20, PROCS(0), "", 4010),
	    AT(30, DONE, "scan", 5030),
	    AT(40, PROCS(1), "signal:TERM", 4040),
	    AT(50, PROCS(0), ">stopped", NONE),
	};

	(void)state;
	PLAY(&conf, lines);
}

static void
note_is(struct model *m, int64_t ms, struct service_event ev, const char *text)
{
	struct service_actions out;

	ev.now = m->sv.since + ms * DW_MS;
	assert_int_equal(model_step(m, &ev, &out), 0);
	for (size_t i = 0; i < out.n; i++)
		if (out.a[i].kind == SA_NOTE) {
			assert_string_equal(out.a[i].text, text);
			return;
		}
	fail_msg("no note");
}

static void
test_what_goes_wrong_is_told(void **state)
{
	static const struct model_conf conf = {.hooks = true, .stop = true};
	static const struct line up[] = {
	    AT(0, START, ">starting run:before-start", 3000),
	    AT(0, DONE, "spawn", NONE),
	    AT(0, SPAWNED, ">up", NONE),
	    AT(0, STOP, ">stopping run:stop", 4000),
	};
	struct model m;

	(void)state;
	script_begin(&m, &conf);
	GO_ON(&m, up);
	note_is(&m, 10, (struct service_event)FAILED,
	    "stop command: exited with status 1");
	note_is(&m, 4010, (struct service_event)TIMER,
	    "still runs 4s after signal 15: killing it");
	note_is(&m, 9010, (struct service_event)TIMER,
	    "does not end even by SIGKILL: still waiting");
	script_step(&m, 9020, (struct service_event)EXITED);
	note_is(&m, 9030, (struct service_event)FAILED,
	    "after-stop: exited with status 1");
	assert_int_equal(m.sv.state, SV_STOPPED);

	script_begin(&m, &conf);
	GO_ON(&m, up);
	script_step(&m, 10, (struct service_event)DONE);
	note_is(&m, 4010, (struct service_event)TIMER,
	    "still runs 4s after its stop command");
	script_begin(&m, &conf);
	GO_ON(&m, up);
	script_step(&m, 4000, (struct service_event)TIMER);
	note_is(&m, 9000, (struct service_event)TIMER,
	    "a command does not end even by SIGKILL: left alone");
}

/* The words of an earlier run are not those of this one. */
static void
test_stop_forgets_how_it_ended(void **state)
{
	static const struct model_conf conf = {.type = SERVICE_DETACHED};
	static const struct line lines[] = {
	    AT(0, START, ">waiting scan", 10000),
	    AT(0, PROCS(1), ">up", NONE),
	    AT(10, STOP, ">stopping signal:TERM", 4010),
	    AT(20, LOST(0), ">stopped", NONE),
	    AT(30, START, ">waiting scan", 10030),
	    WHY(30, PROCS(0), ">starting run:start", 10030, "no process found"),
	};

	(void)state;
	PLAY(&conf, lines);
}

/*
 * Stop and restart at any moment
 */

/* How a service comes into a phase, and what the operator's wish does then. */
struct moment {
	const struct model_conf conf;
	struct line way[8];
	const char *stop;    /* the actions of SE_STOP */
	const char *restart; /* of SE_RESTART */
};

#define CHILD .type = SERVICE_CHILD
#define DETACHED .type = SERVICE_DETACHED

static const struct moment moments[] = {
    {{DETACHED}, {AT(0, START, ">waiting scan", 10000)}, ">stopping scan",
	">stopping scan"},
    {{CHILD, .hooks = true}, {AT(0, START, ">starting run:before-start", 3000)},
	">stopping kill-cmd:TERM", ">stopping kill-cmd:TERM"},
    {{CHILD, .ready = READY_DELAY},
	{AT(0, START, ">starting spawn", NONE), AT(0, SPAWNED, "", 2000)},
	">stopping signal:TERM", ">stopping signal:TERM"},
    {{CHILD}, {AT(0, START, ">starting spawn", NONE)}, ">stopping",
	">stopping"},
    {{DETACHED},
	{AT(0, START, ">waiting scan", 10000),
	    AT(0, PROCS(0), ">starting run:start", 10000)},
	">stopping kill-cmd:TERM", ">stopping kill-cmd:TERM"},
    {{DETACHED},
	{AT(0, START, ">waiting scan", 10000),
	    AT(0, PROCS(0), ">starting run:start", 10000),
	    AT(0, DONE, "scan", 10000)},
	">stopping scan", ">stopping scan"},
    {{CHILD},
	{AT(0, START, ">starting spawn", NONE),
	    AT(0, NOT_SPAWNED, ">waiting", 100)},
	">stopped", ">starting spawn"},
    {{DETACHED},
	{AT(0, START, ">waiting scan", 10000),
	    AT(0, PROCS(0), ">starting run:start", 10000),
	    AT(0, FAILED, ">stopping scan", 5000),
	    AT(0, PROCS(0), ">waiting", 100)},
	">stopping scan", ">stopping scan"},
    {{CHILD},
	{AT(0, START, ">starting spawn", NONE), AT(0, SPAWNED, ">up", NONE)},
	">stopping signal:TERM", ">stopping signal:TERM"},
    {{CHILD, .nchecks = 1, .rule = RULE_BOTH},
	{AT(0, START, ">starting spawn", NONE),
	    AT(0, SPAWNED, ">up check", NONE),
	    AT(0, EXITED, ">failing check", NONE)},
	">stopped", ">starting spawn"},
    {{DETACHED, .nchecks = 1, .rule = RULE_BOTH},
	{AT(0, START, ">waiting scan check", 10000),
	    AT(0, PROCS(1), ">up check", NONE),
	    AT(0, PROCS(0), ">failing check", NONE)},
	">stopping scan", ">stopping scan"},
    {{CHILD, .give_up = 1},
	{AT(0, START, ">starting spawn", NONE),
	    AT(0, NOT_SPAWNED, ">waiting", 100),
	    AT(100, TIMER, ">starting spawn", NONE),
	    AT(100, NOT_SPAWNED, ">failed", NONE)},
	">stopped", ">starting spawn"},
};

/* A world without faults. */
static void
go_to_the_end(struct model *m, int64_t ms)
{
	struct service_event ev = {.ok = true};
	bool child = (m->conf.type == SERVICE_CHILD);
	int turns;

	for (turns = 0; turns < 20; turns++) {
		if (m->sv.state == (m->sv.want ? SV_UP : SV_STOPPED))
			return;
		if (m->shadow.cmd)
			ev.kind = SE_CMD_DONE;
		else if (m->shadow.spawning)
			ev.kind = SE_SPAWNED;
		else if (m->sv.deadline != SERVICE_NEVER &&
		    m->sv.state == SV_STARTING && child) {
			ev.kind = SE_TIMER;
			ms += 2000;
		} else
			ev.kind = child ? SE_EXITED : SE_PROCS;
		ev.count = (m->sv.phase == PH_READY);
		script_step(m, ms, ev);
	}
	fail_msg("it stays in state %s", service_state_name(m->sv.state));
}

static size_t
come_to(struct model *m, const struct moment *mo)
{
	size_t n = 0;

	script_begin(m, &mo->conf);
	while (n < NITEMS(mo->way) && mo->way[n].actions != NULL)
		n++;
	script_go_on(m, mo->way, n);
	return (n);
}

static void
step_is(struct model *m, const struct moment *mo, struct service_event ev,
    const char *actions)
{
	struct service_actions out;
	char acts[MODEL_TEXT];

	ev.now = m->sv.since + DW_MS;
	if (model_step(m, &ev, &out) == -1)
		fail_msg("moment of line %d: %s", mo->way[0].no, m->why);
	model_actions(&out, acts, sizeof(acts));
	if (strcmp(acts, actions) != 0)
		fail_msg("moment of line %d: [%s] instead of [%s]",
		    mo->way[0].no, acts, actions);
}

static void
test_stop_at_any_moment(void **state)
{
	const struct service_event stop = STOP;
	struct model m;

	(void)state;
	for (size_t i = 0; i < NITEMS(moments); i++) {
		come_to(&m, &moments[i]);
		step_is(&m, &moments[i], stop, moments[i].stop);
		go_to_the_end(&m, 1000);
		assert_int_equal(m.sv.state, SV_STOPPED);
		assert_string_equal(m.sv.cause, "asked to stop");
	}
}

static void
test_restart_at_any_moment(void **state)
{
	const struct service_event restart = RESTART;
	struct model m;

	(void)state;
	for (size_t i = 0; i < NITEMS(moments); i++) {
		come_to(&m, &moments[i]);
		step_is(&m, &moments[i], restart, moments[i].restart);
		go_to_the_end(&m, 1000);
		assert_int_equal(m.sv.state, SV_UP);
	}
}

/* While it stops, a stop undoes a restart and a start undoes a stop. */
static void
test_the_last_wish_wins(void **state)
{
	const struct service_event stop = STOP, start = START;
	struct model m;

	(void)state;
	for (size_t i = 0; i < NITEMS(moments); i++) {
		come_to(&m, &moments[i]);
		script_step(&m, 500, (struct service_event)RESTART);
		script_step(&m, 500, stop);
		go_to_the_end(&m, 1000);
		assert_int_equal(m.sv.state, SV_STOPPED);
		script_step(&m, 2000, start);
		script_step(&m, 2000, stop);
		script_step(&m, 2000, start);
		go_to_the_end(&m, 3000);
		assert_int_equal(m.sv.state, SV_UP);
	}
}

static void
test_restart_of_a_stopped_service_starts_it(void **state)
{
	static const struct model_conf conf = {.type = SERVICE_CHILD};
	static const struct line lines[] = {
	    WHY(0, RESTART, ">starting spawn", NONE, "asked to restart"),
	};

	(void)state;
	PLAY(&conf, lines);
}

static void
test_start_of_a_running_service_does_nothing(void **state)
{
	static const struct model_conf conf = {.type = SERVICE_CHILD};
	static const struct line lines[] = {
	    AT(10, START, "", NONE),
	    AT(20, STOP, ">stopping signal:TERM", 4020),
	    AT(30, START, "", 4020),
	    WHY(40, EXITED, ">starting spawn", NONE, "asked to start"),
	};

	(void)state;
	stop_child(&conf, lines, NITEMS(lines));
}

/* An operator's restart is neither delayed nor counted. */
static void
test_operator_restart_is_free(void **state)
{
	static const struct model_conf conf = {.give_up = 1};
	struct model m;
	int64_t ms = 0;

	(void)state;
	script_begin(&m, &conf);
	script_step(&m, 0, (struct service_event)START);
	for (int i = 0; i < 10; i++) {
		script_step(&m, ms, (struct service_event)SPAWNED);
		assert_int_equal(m.sv.state, SV_UP);
		script_step(&m, ++ms, (struct service_event)RESTART);
		script_step(&m, ++ms, (struct service_event)EXITED);
		assert_int_equal(m.sv.phase, PH_SPAWN);
	}
	script_step(&m, ms, (struct service_event)SPAWNED);
	script_step(&m, ++ms, (struct service_event)EXITED);
	assert_int_equal(m.sv.phase, PH_SPAWN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_stop_signal),
	    cmocka_unit_test(test_stop_sequence),
	    cmocka_unit_test(test_stop_sequence_without_kill),
	    cmocka_unit_test(test_term_ignored),
	    cmocka_unit_test(test_all_processes_must_end),
	    cmocka_unit_test(test_stop_command),
	    cmocka_unit_test(test_stop_command_has_no_effect),
	    cmocka_unit_test(test_stop_command_fails),
	    cmocka_unit_test(test_stop_command_hangs),
	    cmocka_unit_test(test_after_stop_fails_and_hangs),
	    cmocka_unit_test(test_stop_runs_the_stop_command_anyway),
	    cmocka_unit_test(test_restart_of_nobody_runs_no_stop_command),
	    cmocka_unit_test(test_looks_after_a_command_was_ended),
	    cmocka_unit_test(test_what_goes_wrong_is_told),
	    cmocka_unit_test(test_stop_forgets_how_it_ended),
	    cmocka_unit_test(test_stop_at_any_moment),
	    cmocka_unit_test(test_restart_at_any_moment),
	    cmocka_unit_test(test_the_last_wish_wins),
	    cmocka_unit_test(test_restart_of_a_stopped_service_starts_it),
	    cmocka_unit_test(test_start_of_a_running_service_does_nothing),
	    cmocka_unit_test(test_operator_restart_is_free),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
