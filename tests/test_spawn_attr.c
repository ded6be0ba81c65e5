/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * dw_spawn(): a program's standing with the kernel (priority, who is killed
 * for memory, privileges that exec could gain), and its pid in a variable.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/resource.h>

#include <errno.h>
#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemonwatch.h"
#include "../compat/system.h"
#include "forked.h"
#include "spawn_fixture.h"

static const struct dw_spawn plain = {.umask = -1};

static void
fails(struct dw_spawn *s, enum dw_spawn_stage stage, int error)
{
	char *argv[] = {self, report_arg, NULL};
	struct dw_spawn_error e;

	s->argv = argv;
	must(dw_spawn(s, &e) == -1);
	must(errno == error);
	must(e.stage == stage);
	must(e.error == error);
}

static void
nicer(void)
{
	struct dw_spawn s = plain;
	char want[16];
	int mine;

	errno = 0;
	mine = getpriority(PRIO_PROCESS, 0);
	must(errno == 0);
	/* Without the flag nothing is changed, whatever the number is. */
	s.priority = 19;
	(void)snprintf(want, sizeof(want), "%d", mine);
	must(strcmp(report_says(run_report(&s, 1), "nice"), want) == 0);
	s = plain;
	s.priority = 19;
	s.flags = DW_SPAWN_NICE;
	must(strcmp(report_says(run_report(&s, 1), "nice"), "19") == 0);
	must(getpriority(PRIO_PROCESS, 0) == mine);
	if (geteuid() != 0)
		return;
	s = plain;
	s.priority = -5;
	s.flags = DW_SPAWN_NICE;
	must(strcmp(report_says(run_report(&s, 1), "nice"), "-5") == 0);
	/* As a user, one cannot. */
	must(setgroups(0, NULL) == 0 && setgid(65534) == 0);
	must(setuid(65534) == 0);
	s = plain;
	s.priority = -5;
	s.flags = DW_SPAWN_NICE;
	fails(&s, DW_SPAWN_PRIORITY, EACCES);
}

static void
priority(void **state)
{
	(void)state;
	in_child(nicer);
}

static void
scored(void)
{
	static const int scores[] = {1000, 999, 17};
	struct dw_spawn s = plain;
	const char *text;
	char want[16];

	if (access("/proc/self/oom_score_adj", W_OK) == -1) {
		s.flags = DW_SPAWN_OOM;
		fails(&s, DW_SPAWN_OOM_SCORE, ENOTSUP);
		return;
	}
	for (size_t i = 0; i < sizeof(scores) / sizeof(scores[0]); i++) {
		s = plain;
		s.flags = DW_SPAWN_OOM;
		s.oom_score = scores[i];
		text = run_report(&s, 1);
		(void)snprintf(want, sizeof(want), "%d", scores[i]);
		must(strcmp(report_says(text, "oom"), want) == 0);
	}
	s = plain;
	s.flags = DW_SPAWN_OOM;
	s.oom_score = 5000;
	fails(&s, DW_SPAWN_OOM_SCORE, EINVAL);
	/* Less than what one has needs a privilege that root may lack. */
	must(oom_set(500) == 0);
	s = plain;
	s.flags = DW_SPAWN_OOM;
	s.oom_score = -17;
	if (oom_set(-18) == -1)
		fails(&s, DW_SPAWN_OOM_SCORE, EACCES);
	else
		must(strcmp(report_says(run_report(&s, 1), "oom"), "-17") == 0);
}

static void
oom_score(void **state)
{
	(void)state;
	in_child(scored);
}

static void
confined(void)
{
	struct dw_spawn s = plain;
	const char *text;

	text = run_report(&s, 1);
	if (strcmp(report_says(text, "nnp"), "") == 0)
		_exit(SKIPPED);
	must(strcmp(report_says(text, "nnp"), "0") == 0);
	s = plain;
	s.flags = DW_SPAWN_NO_PRIVS;
	must(strcmp(report_says(run_report(&s, 1), "nnp"), "1") == 0);
	/* It is the child's alone. */
	s = plain;
	must(strcmp(report_says(run_report(&s, 1), "nnp"), "0") == 0);
}

static void
no_new_privileges(void **state)
{
	(void)state;
	in_child(confined);
}

static void
told_its_pid(void)
{
	char variable[4 + DW_SPAWN_PID_TEXT] = "PID=0";
	char *envp[] = {variable, NULL};
	struct dw_spawn s = plain;
	const char *text;
	char want[32];

	s.envp = envp;
	s.pid_text = variable + 4;
	text = run_report(&s, 1);
	(void)snprintf(want, sizeof(want), "PID=%s", report_says(text, "pid"));
	must(strlen(want) > 4);
	must(strcmp(report_says(text, "env0"), want) == 0);
}

static void
pid_in_the_environment(void **state)
{
	(void)state;
	in_child(told_its_pid);
}

int
main(int argc, char *argv[], char *envp[])
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(priority),
	    cmocka_unit_test(oom_score),
	    cmocka_unit_test(no_new_privileges),
	    cmocka_unit_test(pid_in_the_environment),
	};
	int failed;

	if (argc > 1 && strcmp(argv[1], "report") == 0)
		return (report_print(argv, envp));
	if (find_self(argv[0]) == -1) {
		perror(argv[0]);
		return (1);
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	clean_up();
	return (failed);
}
