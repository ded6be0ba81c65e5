/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The process table of FreeBSD where it is its own: threads that have numbers
 * as processes have, jails, and time as the kernel counts it.
 */
#include "config.h"

#include <sys/param.h>
#include <sys/types.h>
#include <sys/jail.h>
#include <sys/thr.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemonwatch.h"
#include "forked.h"
#include "proctab_fixture.h"

static void
thread(void)
{
	struct dw_proc_info info;
	long tid;

	must(thr_self(&tid) == 0);
	must(tid > 0 && tid <= INT_MAX && (pid_t)tid != getpid());
	must(dw_proc_info((pid_t)tid, &info, NULL, 0) == -1);
	must(errno == ESRCH);
}

static void
threads_are_not_processes(void **state)
{
	(void)state;
	in_child(thread);
}

/* In a jail of its own, which ends with it. */
static pid_t
fork_jailed(int hold[2], int ready)
{
	char path[] = "/", name[] = "daemonwatch-test";
	struct jail j = {
	    .version = JAIL_API_VERSION,
	    .path = path,
	    .hostname = name,
	    .jailname = name,
	};
	pid_t pid;
	int error;
	char c;

	if ((pid = fork()) != 0)
		return (pid);
	(void)alarm(DEADLINE_S);
	(void)close(hold[1]);
	error = jail(&j) == -1 ? errno : 0;
	must(write(ready, &error, sizeof(error)) == (ssize_t)sizeof(error));
	while (read(hold[0], &c, 1) == -1 && errno == EINTR)
		continue;
	_exit(0);
}

static void
jailed(void)
{
	int hold[2], ready[2], error;
	struct dw_proc_info info;
	struct dw_proc_id id;
	struct found f;
	pid_t pid;

	must(pipe2(hold, O_CLOEXEC) == 0 && pipe2(ready, O_CLOEXEC) == 0);
	must((pid = fork_jailed(hold, ready[1])) != -1);
	must(read(ready[0], &error, sizeof(error)) == (ssize_t)sizeof(error));
	if (error != 0) {
		(void)dprintf(2, "no jail: %s\n", strerror(error));
		_exit(SKIPPED);
	}
	/* None of ours by its looks, but there is no denying it. */
	scan(&f, pid, DW_PROCS_ARGS);
	must(f.times == 0);
	scan(&f, getpid(), 0);
	must(f.times == 1);
	must(dw_proc_info(pid, &info, NULL, 0) == 0);
	must(info.ppid == getpid());
	must(dw_proc_identify(pid, &id) == 0 && dw_proc_alive(&id));
	(void)close(hold[1]);
	must(finish(pid) == 0);
	must(!dw_proc_alive(&id));
}

static void
jailed_processes_are_not_listed(void **state)
{
	(void)state;
	in_child(jailed);
}

/* In the jail itself everything is as it is outside. */
static void
inside(void)
{
	char path[] = "/", name[] = "daemonwatch-inside";
	struct jail j = {
	    .version = JAIL_API_VERSION,
	    .path = path,
	    .hostname = name,
	    .jailname = name,
	};
	struct dw_proc_info info;
	struct found f;
	pid_t outside;

	outside = getppid();
	if (jail(&j) == -1) {
		(void)dprintf(2, "no jail: %s\n", strerror(errno));
		_exit(SKIPPED);
	}
	scan(&f, getpid(), DW_PROCS_ARGS);
	must(f.times == 1);
	must(f.info.args_len > 0);
	scan(&f, outside, 0);
	must(f.times == 0);
	must(dw_proc_info(outside, &info, NULL, 0) == -1);
	must(errno == ESRCH);
}

static void
in_a_jail(void **state)
{
	(void)state;
	in_child(inside);
}

/* A start is the time since boot, so no clock set today can change it. */
static void
since_boot(void)
{
	struct dw_proc_info info;
	struct timespec ts;
	uint64_t now;

	must(dw_proc_info(getpid(), &info, NULL, 0) == 0);
	must(clock_gettime(CLOCK_MONOTONIC, &ts) == 0);
	now = (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
	must(info.id.start <= now);
	must(now - info.id.start < UINT64_C(1000000) * DEADLINE_S);
}

static void
start_is_since_boot(void **state)
{
	(void)state;
	in_child(since_boot);
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(threads_are_not_processes),
	    cmocka_unit_test(jailed_processes_are_not_listed),
	    cmocka_unit_test(in_a_jail),
	    cmocka_unit_test(start_is_since_boot),
	};

	wait_if_told(argc, argv);
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
