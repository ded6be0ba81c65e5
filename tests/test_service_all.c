/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Every state of a service that can be reached, times every event, for all
 * kinds of configuration.  service_search.c does the work.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "service_search.h"

/* With and without commands, restarting for ever, giving up, holding. */
static void
explore_commands(struct model_conf conf)
{
	for (int i = 0; i < 4; i++) {
		conf.hooks = (i & 1) != 0;
		conf.post = (i == 1 || i == 2);
		conf.stop = (i & 2) != 0;
		conf.sequence = (i == 3);
		search_explore(&conf);
	}
	conf.give_up = 1;
	search_explore(&conf);
	conf.hold = true;
	search_explore(&conf);
	conf.hooks = false;
	conf.stop = false;
	conf.give_up = 2;
	search_explore(&conf);
}

/* Ways to count answers and to be ready. */
static const struct counting {
	size_t nchecks;
	unsigned fall, rise;
	enum ready_kind ready;
	bool commands;
} countings[] = {
    {1, 1, 1, READY_DEFAULT, true},
    {1, 2, 2, READY_CHECK, false},
    {1, 1, 1, READY_DELAY, false},
    {1, 1, 1, READY_NOTIFY, false},
    {1, 2, 1, READY_DEFAULT, true},
    {1, 1, 2, READY_CHECK, true},
    {2, 1, 1, READY_CHECK, false},
};

static void
explore_countings(struct model_conf conf, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		conf.nchecks = countings[i].nchecks;
		conf.fall = countings[i].fall;
		conf.rise = countings[i].rise;
		conf.ready = countings[i].ready;
		conf.hooks = conf.stop = countings[i].commands;
		if (i == 0 && n == NITEMS(countings))
			explore_commands(conf);
		else
			search_explore(&conf);
	}
}

/* A child, a detached service, one of exactly one process. */
static void
explore_rule(enum model_rule rule, size_t n)
{
	struct model_conf conf = {.rule = rule};

	conf.type = SERVICE_CHILD;
	explore_countings(conf, n);
	conf.type = SERVICE_DETACHED;
	explore_countings(conf, n);
	conf.count_max = 1;
	conf.count_set = true;
	explore_countings(conf, n);
}

static void
test_no_checks(void **state)
{
	struct model_conf conf = {.rule = RULE_DEFAULT};

	(void)state;
	explore_commands(conf);
	conf.ready = READY_DELAY;
	explore_commands(conf);
	conf.ready = READY_FD;
	explore_commands(conf);
	conf.type = SERVICE_DETACHED;
	explore_commands(conf);
	conf.ready = READY_NOTIFY;
	explore_commands(conf);
	conf.ready = READY_AT_ONCE;
	explore_commands(conf);
	conf.count_max = 1;
	conf.count_set = true;
	explore_commands(conf);
	conf.rule = RULE_NOT_READY;
	explore_commands(conf);
}

/* Of no use to any other rule: it waits for others before all that. */
static void
explore_ends(struct model_conf conf)
{
	for (int i = 0; i < 6; i++) {
		conf.restart = (enum restart_policy)(i % 3);
		conf.ends = (i == 3 || i == 4);
		conf.late_fails = (i > 3);
		conf.hooks = conf.stop = (i % 2 == 0);
		search_explore(&conf);
	}
}

static void
test_ends(void **state)
{
	struct model_conf conf = {.rule = RULE_DEFAULT};

	(void)state;
	explore_ends(conf);
	conf.give_up = 1;
	conf.hold = true;
	conf.ready = READY_DELAY;
	explore_ends(conf);
	conf.type = SERVICE_DETACHED;
	explore_ends(conf);
	conf.count_max = 1;
	conf.count_set = true;
	conf.give_up = 0;
	conf.ready = READY_DEFAULT;
	explore_ends(conf);
	conf.nchecks = 1;
	conf.rule = RULE_BOTH;
	conf.restart = RESTART_NEVER;
	search_explore(&conf);
	conf.restart = RESTART_ON_FAILURE;
	conf.type = SERVICE_CHILD;
	conf.count_max = 0;
	conf.count_set = false;
	conf.rule = RULE_DEFAULT;
	search_explore(&conf);
	conf.restart = RESTART_NEVER;
	conf.ready = READY_CHECK;
	search_explore(&conf);
}

static void
test_pause(void **state)
{
	struct model_conf conf = {.rule = RULE_DEFAULT, .pause = true};

	(void)state;
	explore_commands(conf);
	conf.restart = RESTART_ON_FAILURE;
	conf.ready = READY_DELAY;
	explore_commands(conf);
	conf.order = true;
	search_explore(&conf);
	conf.order = false;
	conf.restart = RESTART_ALWAYS;
	explore_countings(conf, 2);
	conf.rule = RULE_BOTH;
	conf.type = SERVICE_DETACHED;
	explore_countings(conf, 2);
	conf.nchecks = 0;
	conf.rule = RULE_DEFAULT;
	conf.ready = READY_DEFAULT;
	explore_commands(conf);
	conf.count_max = 1;
	conf.count_set = true;
	conf.restart = RESTART_NEVER;
	search_explore(&conf);
}

static void
test_when(void **state)
{
	struct model_conf conf = {.rule = RULE_PROCESS, .when = true};

	(void)state;
	explore_countings(conf, 5);
	conf.pause = true;
	explore_countings(conf, 1);
	conf.pause = false;
	conf.type = SERVICE_DETACHED;
	explore_countings(conf, 3);
}

static void
test_order(void **state)
{
	struct model_conf conf = {.rule = RULE_DEFAULT, .order = true};

	(void)state;
	explore_commands(conf);
	conf.ready = READY_DELAY;
	search_explore(&conf);
	conf.rule = RULE_BOTH;
	explore_countings(conf, 2);
	conf.type = SERVICE_DETACHED;
	explore_countings(conf, 2);
	conf.nchecks = 0;
	conf.rule = RULE_DEFAULT;
	conf.ready = READY_DEFAULT;
	explore_commands(conf);
}

static void
test_default_rule(void **state)
{
	(void)state;
	explore_rule(RULE_DEFAULT, NITEMS(countings));
}

static void
test_both_rule(void **state)
{
	(void)state;
	explore_rule(RULE_BOTH, NITEMS(countings));
}

static void
test_both_failed_rule(void **state)
{
	(void)state;
	explore_rule(RULE_BOTH_FAILED, 3);
}

static void
test_port_rule(void **state)
{
	(void)state;
	explore_rule(RULE_PORT, 3);
}

static void
test_not_port_rule(void **state)
{
	(void)state;
	explore_rule(RULE_NOT_PORT, 3);
}

static void
test_process_rule(void **state)
{
	(void)state;
	explore_rule(RULE_PROCESS, 3);
}

static void
test_not_ready_rule(void **state)
{
	(void)state;
	explore_rule(RULE_NOT_READY, 3);
}

static void
test_odd_rule(void **state)
{
	(void)state;
	explore_rule(RULE_ODD, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_no_checks),
	    cmocka_unit_test(test_ends),
	    cmocka_unit_test(test_pause),
	    cmocka_unit_test(test_when),
	    cmocka_unit_test(test_order),
	    cmocka_unit_test(test_default_rule),
	    cmocka_unit_test(test_both_rule),
	    cmocka_unit_test(test_both_failed_rule),
	    cmocka_unit_test(test_port_rule),
	    cmocka_unit_test(test_not_port_rule),
	    cmocka_unit_test(test_process_rule),
	    cmocka_unit_test(test_not_ready_rule),
	    cmocka_unit_test(test_odd_rule),
	};

	/* Some of them, as in SERVICE_TEST='test_p*'. */
	cmocka_set_test_filter(getenv("SERVICE_TEST"));
	return (cmocka_run_group_tests(tests, NULL, search_print));
}
