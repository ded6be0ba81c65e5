/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The process table: what every system says of processes that we know.
 */
#include "config.h"

#include <sys/types.h>
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
#include "deny.h"
#include "forked.h"
#include "proctab_fixture.h"

static void
ourselves(void)
{
	struct dw_proc_info info, again;
	struct dw_proc_id id;
	struct found f;
	char buf[4096], small[8];

	must(dw_proc_info(getpid(), &info, buf, sizeof(buf)) == 0);
	must(info.id.pid == getpid());
	must(info.ppid == getppid());
	must(info.pgid == getpgrp());
	must(info.sid == getsid(0));
	must(info.uid == geteuid());
	must(!info.zombie);
	must(info.args == buf);
	must(info.args_len == strlen(buf));
	must(strstr(buf, "test_proctab") != NULL);
	/* Just forked, on a machine that is up for longer than that. */
	must(info.age >= 0);
	must(info.age < DEADLINE_S * DW_SEC);
	must(dw_proc_info(getppid(), &again, NULL, 0) == 0);
	must(strcmp(again.args, "") == 0);
	must(again.args_len == 0);
	must(again.id.start <= info.id.start);
	must(again.age >= info.age);

	must(dw_proc_identify(getpid(), &id) == 0);
	must(id.pid == info.id.pid);
	must(id.start == info.id.start);
	must(dw_proc_alive(&id));
	id.start++;
	must(!dw_proc_alive(&id));

	scan(&f, getpid(), DW_PROCS_ARGS);
	must(f.times == 1);
	must(f.info.id.start == info.id.start);
	must(f.info.ppid == info.ppid);
	must(f.info.pgid == info.pgid);
	must(f.info.sid == info.sid);
	must(f.info.uid == info.uid);
	must(strncmp(f.args, buf, sizeof(f.args) - 1) == 0);
	must(f.info.args_len == info.args_len);
	scan(&f, getpid(), 0);
	must(f.times == 1);
	must(strcmp(f.args, "") == 0);

	must(dw_proc_info(getpid(), &info, small, sizeof(small)) == 0);
	must(info.args_len == 7);
	must(strncmp(small, buf, 7) == 0 && small[7] == '\0');
	must(dw_proc_info(getpid(), &info, small, 1) == 0);
	must(info.args_len == 0);
}

static void
of_ourselves(void **state)
{
	(void)state;
	in_child(ourselves);
}

static int
stop_at_once(const struct dw_proc_info *info, void *arg)
{
	(void)info;
	++*(int *)arg;
	return (42);
}

static void
scan_ends_when_told(void **state)
{
	int calls, fds;

	(void)state;
	calls = 0;
	fds = count_fds();
	assert_int_equal(dw_procs_each(0, stop_at_once, &calls), 42);
	assert_int_equal(calls, 1);
	assert_int_equal(count_fds(), fds);
}

static void
no_such_process(void)
{
	struct dw_proc_info info;
	struct dw_proc_id id, old;
	struct found f;
	int ends[2];
	pid_t pid;

	must(pipe2(ends, O_CLOEXEC) == 0);
	pid = fork_waiting(ends[0], ends[1], 0);
	must(dw_proc_identify(pid, &old) == 0);
	(void)close(ends[1]);
	await_zombie(pid);
	/* A zombie: in the table, but no more somebody. */
	must(dw_proc_info(pid, &info, NULL, 0) == 0);
	must(info.zombie);
	/* NetBSD has forgotten it. */
	must(info.id.start == old.start || info.id.start == 0);
	must(info.ppid == getpid());
	scan(&f, pid, DW_PROCS_ARGS);
	must(f.times == 1);
	must(f.info.zombie);
	must(strcmp(f.args, "") == 0);
	must(dw_proc_identify(pid, &id) == -1);
	must(errno == ESRCH);
	must(!dw_proc_alive(&old));
	must(waitpid(pid, NULL, 0) == pid);
	must(dw_proc_info(pid, &info, NULL, 0) == -1);
	must(errno == ESRCH);
	must(dw_proc_identify(pid, &id) == -1);
	must(errno == ESRCH);
	scan(&f, pid, 0);
	must(f.times == 0);
	must(dw_proc_info(0, &info, NULL, 0) == -1);
	must(errno == ESRCH);
	must(dw_proc_info(-1, &info, NULL, 0) == -1);
	must(errno == ESRCH);
	must(dw_proc_info(INT_MAX, &info, NULL, 0) == -1);
	must(errno == ESRCH);
	old.pid = 0;
	must(!dw_proc_alive(&old));
}

static void
zombies_and_the_absent(void **state)
{
	(void)state;
	in_child(no_such_process);
}

/* Child and grandchild, each in a place of its own, one after the other. */
static void
family(void)
{
	struct dw_proc_info me, child, grandchild;
	int hold[2], said[2];
	pid_t pid, below;
	struct found f;

	must(pipe2(hold, O_CLOEXEC) == 0 && pipe2(said, O_CLOEXEC) == 0);
	if ((pid = fork()) == 0) {
		(void)alarm(DEADLINE_S);
		must(setsid() == getpid());
		below = fork_waiting(hold[0], hold[1], 7);
		must(below != -1 && setpgid(below, below) == 0);
		must(write(said[1], &below, sizeof(below)) == sizeof(below));
		(void)close(hold[1]);
		must(finish(below) == 7 << 8);
		_exit(0);
	}
	must(pid != -1);
	must(read(said[0], &below, sizeof(below)) == sizeof(below));
	must(dw_proc_info(getpid(), &me, NULL, 0) == 0);
	must(dw_proc_info(pid, &child, NULL, 0) == 0);
	must(dw_proc_info(below, &grandchild, NULL, 0) == 0);
	must(child.ppid == getpid() && grandchild.ppid == pid);
	must(child.sid == pid && grandchild.sid == pid);
	must(child.pgid == pid && grandchild.pgid == below);
	must(child.uid == geteuid() && grandchild.uid == geteuid());
	must(me.id.start <= child.id.start);
	must(child.id.start <= grandchild.id.start);
	must(child.age >= 0 && child.age < DEADLINE_S * DW_SEC);
	scan(&f, below, 0);
	must(f.times == 1);
	must(f.info.id.start == grandchild.id.start);
	must(f.info.ppid == pid && f.info.sid == pid && f.info.pgid == below);
	(void)close(hold[1]);
	must(finish(pid) == 0);
	must(!dw_proc_alive(&child.id) && !dw_proc_alive(&grandchild.id));
}

static void
of_a_family(void **state)
{
	(void)state;
	in_child(family);
}

/* Many times what FreeBSD keeps at hand; what NetBSD's execve(2) takes. */
static void
long_line(void)
{
	static char arg[10 * 1000 + 1], whole[256 * 1024];
	char *argv[19], wait_arg[] = "wait";
	struct dw_proc_info info;
	struct found f;
	size_t want, i;
	pid_t pid;
	int hold;

	memset(arg, 'x', sizeof(arg) - 1);
	argv[0] = self;
	argv[1] = wait_arg;
	want = strlen(self) + 1 + strlen(wait_arg);
	for (i = 2; i < 18; i++) {
		argv[i] = arg;
		want += 1 + strlen(arg);
	}
	argv[18] = NULL;
	must(want > 160 * 1000);
	pid = start_waiting(argv, &hold);

	must(dw_proc_info(pid, &info, whole, sizeof(whole)) == 0);
	must(info.args_len == want);
	must(strncmp(whole, self, strlen(self)) == 0);
	must(whole[want - 1] == 'x' && whole[want] == '\0');
	must(dw_proc_info(pid, &info, whole, 5001) == 0);
	must(info.args_len == 5000 && whole[4999] == 'x');
	scan(&f, pid, DW_PROCS_ARGS);
	must(f.times == 1);
	must(f.info.args_len == want);
	(void)close(hold);
	must(finish(pid) == 0);
}

static void
command_line_is_long(void **state)
{
	(void)state;
	in_child(long_line);
}

static void
empty_args(void)
{
	char wait_arg[] = "wait", none[] = "", last[] = "end", blank[] = "a b";
	char *argv[] = {self, wait_arg, none, blank, last, none, NULL};
	char buf[PATH_MAX + 64], want[PATH_MAX + 64];
	struct dw_proc_info info;
	pid_t pid;
	int hold;

	pid = start_waiting(argv, &hold);
	must(dw_proc_info(pid, &info, buf, sizeof(buf)) == 0);
	(void)snprintf(want, sizeof(want), "%s wait  a b end", self);
	must(strcmp(buf, want) == 0);
	must(info.args_len == strlen(want));
	(void)close(hold);
	must(finish(pid) == 0);
}

static void
arguments_are_joined_and_trimmed(void **state)
{
	(void)state;
	in_child(empty_args);
}

/* On Linux its files in /proc are then root's; it is not. */
static void
not_dumpable(void)
{
	const struct passwd *pw;
	struct dw_proc_info info;
	struct found f;

	pw = nobody();
	must(seteuid(pw->pw_uid) == 0);
	must(no_dump() == 0);
	must(seteuid(0) == 0);
	must(dw_proc_info(getpid(), &info, NULL, 0) == 0);
	must(info.uid == 0);
	must(seteuid(pw->pw_uid) == 0);
	must(dw_proc_info(getpid(), &info, NULL, 0) == 0);
	must(info.uid == pw->pw_uid);
	scan(&f, getpid(), 0);
	must(f.info.uid == pw->pw_uid);
}

static void
effective_user(void **state)
{
	(void)state;
	in_child(not_dumpable);
}

/* Processes come and go while the table is read. */
static void
churn(void)
{
	struct found f;
	pid_t busy, pid;
	int i;

	if ((busy = fork()) == 0) {
		(void)alarm(DEADLINE_S);
		for (;;) {
			if ((pid = fork()) == 0)
				_exit(0);
			(void)waitpid(pid, NULL, 0);
		}
	}
	must(busy != -1);
	for (i = 0; i < 200; i++) {
		scan(&f, getpid(), DW_PROCS_ARGS);
		must(f.times == 1);
	}
	must(kill(busy, SIGKILL) == 0);
	must(waitpid(busy, NULL, 0) == busy);
}

static void
processes_vanish_in_mid_scan(void **state)
{
	(void)state;
	in_child(churn);
}

static void
boot_id(void **state)
{
	char a[64], b[64];

	(void)state;
	assert_int_equal(dw_boot_id(a, sizeof(a)), 0);
	assert_true(strlen(a) > 8);
	assert_int_equal(strcspn(a, " \n"), strlen(a));
	assert_int_equal(dw_boot_id(b, strlen(a) + 1), 0);
	assert_string_equal(a, b);
	assert_int_equal(dw_boot_id(b, strlen(a)), -1);
	assert_int_equal(errno, ERANGE);
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(of_ourselves),
	    cmocka_unit_test(scan_ends_when_told),
	    cmocka_unit_test(zombies_and_the_absent),
	    cmocka_unit_test(of_a_family),
	    cmocka_unit_test(command_line_is_long),
	    cmocka_unit_test(arguments_are_joined_and_trimmed),
	    cmocka_unit_test(effective_user),
	    cmocka_unit_test(processes_vanish_in_mid_scan),
	    cmocka_unit_test(boot_id),
	};

	wait_if_told(argc, argv);
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
