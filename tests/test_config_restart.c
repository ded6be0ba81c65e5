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
	    cmocka_unit_test(test_what_is_refused),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
