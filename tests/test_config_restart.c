/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The keys about what comes of an end: restart, lists of ends, and others.
 */
#include "config.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "config_same.h"

static bool
has_code(const struct end_set *set, unsigned n)
{
	return ((set->codes[n / 64] >> n % 64 & 1) != 0);
}

static bool
has_signal(const struct end_set *set, int signo)
{
	return ((set->signals >> (signo - 1) & 1) != 0);
}

static void
test_defaults(void **state)
{
	struct config *c = parse_ok(CHILD(""));
	const struct service_conf *s = &c->services[0];

	(void)state;
	assert_int_equal(s->restart, RESTART_ALWAYS);
	assert_true(has_code(&s->success_exit, 0));
	assert_false(has_code(&s->success_exit, 1));
	assert_true(has_signal(&s->success_exit, SIGTERM));
	assert_true(has_signal(&s->success_exit, SIGPIPE));
	assert_false(has_signal(&s->success_exit, SIGKILL));
	assert_false(s->restart_on.given || s->no_restart_on.given);
	assert_false(s->start_timeout_fails || s->critical);
	assert_round(c);
	config_free(c);
}

static void
test_values(void **state)
{
	struct config *c = parse_ok(CHILD("restart = on-failure\n"
					  "success-exit = {3, SIGSEGV}\n"
					  "restart-on = 255 critical = yes\n"
					  "no-restart-on = {63, 64, KILL,}\n"
					  "on-start-timeout = fail"));
	const struct service_conf *s = &c->services[0];

	(void)state;
	assert_int_equal(s->restart, RESTART_ON_FAILURE);
	assert_true(has_code(&s->success_exit, 3));
	assert_false(has_code(&s->success_exit, 0));
	assert_true(has_signal(&s->success_exit, SIGSEGV));
	assert_false(has_signal(&s->success_exit, SIGTERM));
	assert_true(has_code(&s->restart_on, 255));
	assert_true(has_code(&s->no_restart_on, 63));
	assert_true(has_code(&s->no_restart_on, 64));
	assert_true(has_signal(&s->no_restart_on, SIGKILL));
	assert_true(s->start_timeout_fails && s->critical);
	assert_round(c);
	config_free(c);
	c = parse_ok(CHILD("success-exit = {} restart = never"));
	assert_false(has_code(&c->services[0].success_exit, 0));
	assert_round(c);
	config_free(c);
}

static void
test_defaults_block(void **state)
{
	struct config *c = parse_ok("defaults { restart = never\n"
				    "no-restart-on = 78 critical = yes }\n"
				    "service a { start = \"x\" }\n"
				    "service b { start = \"x\"\n"
				    "restart = always critical = no }");

	(void)state;
	assert_int_equal(c->services[0].restart, RESTART_NEVER);
	assert_true(c->services[0].critical);
	assert_true(has_code(&c->services[1].no_restart_on, 78));
	assert_int_equal(c->services[1].restart, RESTART_ALWAYS);
	assert_false(c->services[1].critical);
	assert_round(c);
	config_free(c);
}

static void
test_stop_sequence(void **state)
{
	struct config *c = parse_ok(CHILD(
	    "stop-sequence = {INT, 1m30s, 10, 5s, KILL}\n"
	    "kill = process stop-timeout = 7s") "service b { start = \"x\" stop-timeout = 3s }\n"
						"service c { start = \"x\" stop-signal = KILL }\n"
						"service d { start = \"x\" stop-sequence = QUIT }\n"
						"defaults { stop-sequence = {HUP, 2s, KILL} kill = group }\n"
						"service e { start = \"x\" }\n"
						"service f { start = \"x\" stop-signal = USR1 }\n"
						"service g { type = detached match = q start = \"x\" }\n");
	const struct service_conf *s = c->services;

	(void)state;
	assert_int_equal(s[0].nstop_steps, 3);
	assert_int_equal(s[0].stop_steps[0].signo, SIGINT);
	assert_true(s[0].stop_steps[0].wait == INT64_C(90000000000));
	assert_int_equal(s[0].stop_steps[1].signo, 10);
	assert_int_equal(s[0].stop_steps[2].signo, SIGKILL);
	assert_int_equal(s[0].stop_steps[2].wait, 0);
	assert_int_equal(s[0].kill_scope, KILL_PROCESS);
	assert_int_equal(s[1].nstop_steps, 2);
	assert_int_equal(s[1].stop_steps[0].signo, SIGTERM);
	assert_true(s[1].stop_steps[0].wait == INT64_C(3000000000));
	assert_int_equal(s[1].kill_scope, KILL_GROUP);
	assert_int_equal(s[2].nstop_steps, 1);
	assert_int_equal(s[3].nstop_steps, 1);
	assert_int_equal(s[3].stop_steps[0].signo, SIGQUIT);
	assert_int_equal(s[4].stop_steps[0].signo, SIGHUP);
	assert_int_equal(s[5].stop_steps[0].signo, SIGUSR1);
	assert_int_equal(s[6].kill_scope, KILL_PROCESS);
	assert_round(c);
	config_free(c);
}

static void
test_other_conditions(void **state)
{
	struct config *c = parse_ok("defaults { warn-when = not p }\n"
				    "service a { start = \"x\"\n"
				    "tcp p { address = h:1 }\n"
				    "up-when = ready and (p or not p.failed)\n"
				    "}\n"
				    "service b { start = \"x\"\n"
				    "tcp q { address = h:1 }\n"
				    "tcp p { address = h:1 }\n"
				    "restart-when = not process }");
	const struct service_conf *s = c->services;

	(void)state;
	assert_int_equal(s[0].up_when.len, 6);
	assert_int_equal(s[0].up_when.items[2].op, COND_FAILED);
	assert_int_equal(s[0].warn_when.len, 2);
	assert_int_equal(s[1].warn_when.items[0].arg, 1);
	assert_int_equal(s[1].up_when.len, 0);
	assert_int_equal(s[1].restart_when.len, 2);
	assert_round(c);
	config_free(c);
}

static void
test_what_is_refused(void **state)
{
	static const struct bad bad[] = {
	    {CHILD("restart = no"), "2:11 restart cannot be 'no'"},
	    {CHILD("restart = on-failur"),
		"2:11 restart cannot be 'on-failur': did you mean"},
	    {CHILD("critical = true"), "2:12 critical cannot be 'true'"},
	    {CHILD("success-exit = 256"), "2:16 '256' is neither an exit"},
	    {CHILD("success-exit = -1"), "2:16 '-1' is neither an exit"},
	    {CHILD("restart-on = {1, FOO}"), "2:14 'FOO' is neither an exit"},
	    {CHILD("restart-on = {1 2}"), "2:17 ',' or '}' is needed here"},
	    {CHILD("no-restart-on = SIG9"), "2:17 'SIG9' is neither an exit"},
	    {CHILD("stop-sequence = {5s, TERM}"), "2:17 a signal is needed"},
	    {CHILD("stop-sequence = {TERM, KILL}"), "2:17 a duration is"},
	    {CHILD("stop-sequence = {TERM, 5s}"), "2:17 stop-sequence must"},
	    {CHILD("stop-sequence = {TERM, 5s, 5s, KILL}"),
		"2:17 a signal is needed in front of '5s'"},
	    {CHILD("stop-sequence = {KILL, 5s, TERM}"), "2:17 nothing can"},
	    {CHILD("stop-sequence = {}"), "2:17 stop-sequence must end"},
	    {CHILD("stop-sequence = {TERM, 0s, KILL}"), "2:17 bad duration"},
	    {CHILD("stop-sequence = {FOO}"), "2:17 'FOO' is neither"},
	    {CHILD("stop-sequence = {1,1s,1,1s,1,1s,1,1s,1,1s,1,1s,1,1s,1,"
		   "1s,1}"),
		"2:17 stop-sequence has at most 8 signals"},
	    {CHILD("stop-sequence = TERM stop-signal = HUP"),
		"2:1 a service has either 'stop-signal' or"},
	    {CHILD("up-when = ready and port"), "2:21 service 'a' has no"},
	    {CHILD("warn-when = (process"), "2:13 this '(' is not closed"},
	    {CHILD("kill = tree"), "2:8 kill cannot be 'tree'"},
	    {DETACHED("kill = group"), "2:1 'group' is for services with"},
	    {CHILD("on-start-timeout = never"),
		"2:20 on-start-timeout cannot be 'never'"},
	};

	(void)state;
	REFUSE(bad);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_defaults),
	    cmocka_unit_test(test_values),
	    cmocka_unit_test(test_defaults_block),
	    cmocka_unit_test(test_stop_sequence),
	    cmocka_unit_test(test_other_conditions),
	    cmocka_unit_test(test_what_is_refused),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
