/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Children: each end told exactly once, whoever noticed it, and nobody
 * signalled who was not meant.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemonwatch.h"
#include "forked.h"

#define MANY 1000

static struct dw_loop *loop;

/* A child, and what was told of it. */
struct told {
	struct dw_child child; /* first: callbacks get its address */
	int times;
	int status;
};

static int total;

static void
note(struct dw_child *child, int status)
{
	struct told *t = (struct told *)child;

	t->times++;
	t->status = status;
	total++;
}

static int
setup(void **state)
{
	(void)state;
	(void)alarm(DEADLINE_S);
	loop = dw_loop_new(getenv("TEST_POLLER"));
	total = 0;
	return (loop == NULL ? -1 : 0);
}

static int
teardown(void **state)
{
	(void)state;
	dw_loop_free(loop);
	(void)alarm(0);
	return (0);
}

/* Turn until total is n, or the deadline has passed. */
static void
turn_until(int n)
{
	int64_t end;

	end = clock_now() + DEADLINE_S * DW_SEC;
	while (total < n && clock_now() < end)
		must(dw_loop_step(loop, 100 * DW_MS) == 0);
}

/* Turn until the process cannot even be waited for: it was reaped. */
static void
turn_until_reaped(pid_t pid)
{
	siginfo_t si;
	int64_t end;

	end = clock_now() + DEADLINE_S * DW_SEC;
	while (
	    waitid(P_PID, (id_t)pid, &si, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	    clock_now() < end)
		must(dw_loop_step(loop, 50 * DW_MS) == 0);
	must(waitid(P_PID, (id_t)pid, &si, WEXITED | WNOHANG | WNOWAIT) == -1);
	must(errno == ECHILD);
}

static pid_t
fork_exiting(int code)
{
	pid_t pid;

	if ((pid = fork()) == 0)
		_exit(code);
	return (pid);
}

static void
make_pipe(int ends[2])
{
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
}

/* Spawned: a shell that does as told. */
static int
spawn_shell(struct told *t, const char *command, unsigned flags)
{
	char sh[] = "/bin/sh", c[] = "-c", text[128];
	char *argv[] = {sh, c, text, NULL};
	struct dw_spawn s = {.argv = argv, .umask = -1, .flags = flags};

	(void)snprintf(text, sizeof(text), "%s", command);
	memset(t, 0, sizeof(*t));
	t->child.cb = note;
	return (dw_child_spawn(loop, &t->child, &s, NULL));
}

static void
spawned_child_is_told_with_status(void **state)
{
	struct told t[2];

	(void)state;
	assert_int_equal(spawn_shell(&t[0], "exit 3", 0), 0);
	assert_int_equal(spawn_shell(&t[1], "kill -TERM $$", 0), 0);
	assert_true(t[0].child.pid > 1);
	/* Ends by itself: nothing is left to wait for. */
	assert_int_equal(dw_loop_run(loop), 0);
	assert_int_equal(t[0].times, 1);
	assert_true(WIFEXITED(t[0].status));
	assert_int_equal(WEXITSTATUS(t[0].status), 3);
	assert_int_equal(t[1].times, 1);
	assert_true(WIFSIGNALED(t[1].status));
	assert_int_equal(WTERMSIG(t[1].status), SIGTERM);
	assert_int_equal(t[0].child.pid, 0);
	assert_int_equal(dw_child_kill(&t[0].child, SIGKILL), -1);
	assert_int_equal(errno, ESRCH);
	assert_int_equal(dw_child_killpg(&t[0].child, SIGKILL), -1);
	assert_int_equal(errno, ESRCH);
}

static void
failed_spawn_is_no_child(void **state)
{
	char absent[] = "/nonexistent/program";
	char *argv[] = {absent, NULL};
	struct dw_spawn s = {.argv = argv, .umask = -1};
	struct dw_spawn_error e;
	struct told t;

	(void)state;
	memset(&t, 0, sizeof(t));
	t.child.cb = note;
	assert_int_equal(dw_child_spawn(loop, &t.child, &s, &e), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(e.stage, DW_SPAWN_EXEC);
	assert_int_equal(dw_loop_run(loop), 0);
	assert_int_equal(t.times, 0);
	dw_child_stop(&t.child);
	assert_int_equal(dw_child_kill(&t.child, 0), -1);
	assert_int_equal(errno, ESRCH);
}

static void
ended_before_watch(void **state)
{
	struct told t[2];
	pid_t pid;
	int i;

	(void)state;
	/* The first starts SIGCHLD's handler, the second finds it there. */
	for (i = 0; i < 2; i++) {
		memset(&t[i], 0, sizeof(t[i]));
		t[i].child.cb = note;
		/* With its SIGCHLD come and gone. */
		pid = fork_exiting(5 + i);
		await_zombie(pid);
		assert_int_equal(dw_child_watch(loop, &t[i].child, pid), 0);
		assert_int_equal(dw_loop_run(loop), 0);
		assert_int_equal(t[i].times, 1);
		assert_int_equal(WEXITSTATUS(t[i].status), 5 + i);
	}
}

static void
a_thousand_at_once(void **state)
{
	static struct told t[MANY];
	int ends[2], i;

	(void)state;
	memset(t, 0, sizeof(t));
	make_pipe(ends);
	for (i = 0; i < MANY; i++) {
		t[i].child.cb = note;
		assert_int_equal(dw_child_watch(loop, &t[i].child,
				     fork_waiting(ends[0], ends[1], i % 251)),
		    0);
	}
	assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_int_equal(total, 0);
	(void)close(ends[1]);
	turn_until(MANY);
	assert_int_equal(dw_loop_run(loop), 0);
	assert_int_equal(total, MANY);
	for (i = 0; i < MANY; i++) {
		assert_int_equal(t[i].times, 1);
		assert_true(WIFEXITED(t[i].status));
		assert_int_equal(WEXITSTATUS(t[i].status), i % 251);
	}
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	(void)close(ends[0]);
}

/* Ten that have ended in one turn; the first callback stops all others. */
static struct told *ten[10];

static void
stop_others(struct dw_child *child, int status)
{
	size_t i;

	note(child, status);
	for (i = 0; i < 10; i++) {
		if (ten[i] == NULL || &ten[i]->child == child)
			continue;
		dw_child_stop(&ten[i]->child);
		free(ten[i]);
		ten[i] = NULL;
	}
}

static void
a_callback_stops_and_frees_others(void **state)
{
	int ends[2], left;
	size_t i;

	(void)state;
	make_pipe(ends);
	for (i = 0; i < 10; i++) {
		ten[i] = calloc(1, sizeof(*ten[i]));
		assert_non_null(ten[i]);
		ten[i]->child.cb = stop_others;
		assert_int_equal(dw_child_watch(loop, &ten[i]->child,
				     fork_waiting(ends[0], ends[1], 0)),
		    0);
	}
	(void)close(ends[1]);
	for (i = 0; i < 10; i++)
		await_zombie(ten[i]->child.pid);
	assert_int_equal(dw_loop_run(loop), 0);
	assert_int_equal(total, 1);
	for (i = 0, left = 0; i < 10; i++) {
		left += ten[i] != NULL;
		free(ten[i]);
		ten[i] = NULL;
	}
	assert_int_equal(left, 1);
	/* Told of or not, all were reaped. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	(void)close(ends[0]);
}

static void
free_itself(struct dw_child *child, int status)
{
	(void)status;
	total++;
	dw_child_stop(child);
	memset(child, 0xa5, sizeof(*child));
	free(child);
}

static void
a_callback_frees_its_own(void **state)
{
	struct dw_child *child;

	(void)state;
	child = calloc(1, sizeof(*child));
	assert_non_null(child);
	child->cb = free_itself;
	assert_int_equal(dw_child_watch(loop, child, fork_exiting(0)), 0);
	assert_int_equal(dw_loop_run(loop), 0);
	assert_int_equal(total, 1);
}

static void
start_again(struct dw_child *child, int status)
{
	struct told *t = (struct told *)child;

	note(child, status);
	if (t->times < 5)
		assert_int_equal(
		    dw_child_watch(loop, child, fork_exiting(t->times)), 0);
}

static void
a_callback_starts_the_next(void **state)
{
	struct told t;

	(void)state;
	memset(&t, 0, sizeof(t));
	t.child.cb = start_again;
	assert_int_equal(dw_child_watch(loop, &t.child, fork_exiting(0)), 0);
	assert_int_equal(dw_loop_run(loop), 0);
	assert_int_equal(t.times, 5);
	assert_int_equal(WEXITSTATUS(t.status), 4);
}

static void
stopped_child_is_reaped(void **state)
{
	struct told t;
	int ends[2];
	pid_t pid;

	(void)state;
	make_pipe(ends);
	memset(&t, 0, sizeof(t));
	t.child.cb = note;
	pid = fork_waiting(ends[0], ends[1], 0);
	assert_int_equal(dw_child_watch(loop, &t.child, pid), 0);
	dw_child_stop(&t.child);
	dw_child_stop(&t.child);
	assert_int_equal(dw_child_kill(&t.child, SIGKILL), -1);
	assert_int_equal(errno, ESRCH);
	(void)close(ends[1]);
	turn_until_reaped(pid);
	assert_int_equal(t.times, 0);
	(void)close(ends[0]);
}

static void
strangers_are_reaped(void **state)
{
	struct told t;
	pid_t pid;
	int ends[2];

	(void)state;
	make_pipe(ends);
	memset(&t, 0, sizeof(t));
	t.child.cb = note;
	assert_int_equal(
	    dw_child_watch(loop, &t.child, fork_waiting(ends[0], ends[1], 0)),
	    0);
	pid = fork_exiting(1);
	turn_until_reaped(pid);
	assert_int_equal(total, 0);
	(void)close(ends[1]);
	assert_int_equal(dw_loop_run(loop), 0);
	assert_int_equal(t.times, 1);
	(void)close(ends[0]);
}

static void
what_cannot_be_watched(void **state)
{
	struct dw_child a, b;
	int ends[2];
	pid_t pid;

	(void)state;
	make_pipe(ends);
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	a.cb = b.cb = note;
	assert_int_equal(dw_child_watch(loop, &a, 1), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(dw_child_watch(loop, &a, 0), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(dw_child_watch(loop, &a, -1), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(dw_child_watch(loop, &a, getppid()), -1);
	assert_int_equal(errno, ECHILD);
	pid = fork_waiting(ends[0], ends[1], 0);
	assert_int_equal(dw_child_watch(loop, &a, pid), 0);
	assert_int_equal(dw_child_watch(loop, &b, pid), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(dw_child_watch(loop, &a, pid), -1);
	assert_int_equal(errno, EBUSY);
	dw_child_stop(&a);
	(void)close(ends[0]);
	(void)close(ends[1]);
	turn_until_reaped(pid);
}

static void
kill_reaches_the_child(void **state)
{
	struct told t;
	int ends[2];

	(void)state;
	make_pipe(ends);
	memset(&t, 0, sizeof(t));
	t.child.cb = note;
	assert_int_equal(
	    dw_child_watch(loop, &t.child, fork_waiting(ends[0], ends[1], 0)),
	    0);
	assert_int_equal(dw_child_kill(&t.child, 0), 0);
	/* It leads no group, and ours is none of its business. */
	assert_int_equal(dw_child_killpg(&t.child, SIGKILL), -1);
	assert_int_equal(errno, ESRCH);
	assert_int_equal(dw_child_kill(&t.child, SIGKILL), 0);
	/* A zombie may still be signalled; it holds its pid. */
	await_zombie(t.child.pid);
	assert_int_equal(dw_child_kill(&t.child, SIGKILL), 0);
	assert_int_equal(dw_loop_run(loop), 0);
	assert_int_equal(WTERMSIG(t.status), SIGKILL);
	assert_int_equal(
	    spawn_shell(&t, "exec sleep 1000", DW_SPAWN_SETSID), 0);
	assert_int_equal(dw_child_killpg(&t.child, SIGTERM), 0);
	assert_int_equal(dw_loop_run(loop), 0);
	assert_int_equal(WTERMSIG(t.status), SIGTERM);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

/* Has every write end of the pipe been closed? */
static bool
closed(int fd, int timeout)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char c;

	return (poll(&p, 1, timeout) == 1 && read(fd, &c, 1) == 0);
}

/* A leader whose own child stays behind, with the pipe's write end. */
static pid_t
fork_group(int ends[2], bool lead)
{
	pid_t pid;

	if ((pid = fork()) != 0)
		return (pid);
	(void)alarm(DEADLINE_S);
	if (lead && setsid() == -1)
		_exit(1);
	if (fork() == 0) {
		(void)alarm(DEADLINE_S);
		(void)write(ends[1], "x", 1);
		for (;;)
			(void)pause();
	}
	_exit(0);
}

static void
rest_of_the_group_is_killed(void **state)
{
	struct told t;
	int mine[2], other[2];
	pid_t stranger, pid;
	char c;

	(void)state;
	/* Someone else's group, which has lost its leader as well. */
	make_pipe(other);
	stranger = fork_group(other, true);
	(void)close(other[1]);
	make_pipe(mine);
	assert_int_equal(finish(stranger), 0);
	assert_int_equal(read(other[0], &c, 1), 1);

	memset(&t, 0, sizeof(t));
	t.child.cb = note;
	t.child.flags = DW_CHILD_KILLPG;
	pid = fork_group(mine, true);
	(void)close(mine[1]);
	assert_int_equal(read(mine[0], &c, 1), 1);
	assert_false(closed(mine[0], 0));
	assert_int_equal(dw_child_watch(loop, &t.child, pid), 0);
	assert_int_equal(dw_loop_run(loop), 0);
	assert_int_equal(t.times, 1);
	assert_int_equal(t.status, 0);
	assert_true(closed(mine[0], DEADLINE_S * 1000));
	assert_false(closed(other[0], 0));
	assert_int_equal(killpg(stranger, SIGKILL), 0);
	assert_true(closed(other[0], DEADLINE_S * 1000));
	(void)close(mine[0]);
	(void)close(other[0]);
}

/* In a group of its own, so that a mistake would kill only this. */
static void
not_a_leader(void)
{
	struct told t;
	int ends[2];
	pid_t pid;
	char c;

	must(setpgid(0, 0) == 0);
	must(setup(NULL) == 0);
	must(pipe2(ends, O_CLOEXEC) == 0);
	memset(&t, 0, sizeof(t));
	t.child.cb = note;
	t.child.flags = DW_CHILD_KILLPG;
	pid = fork_group(ends, false);
	(void)close(ends[1]);
	must(read(ends[0], &c, 1) == 1);
	must(dw_child_watch(loop, &t.child, pid) == 0);
	must(dw_loop_run(loop) == 0);
	must(t.times == 1);
	must(!closed(ends[0], 0));
	dw_loop_free(loop);
	(void)signal(SIGTERM, SIG_IGN);
	(void)killpg(0, SIGTERM);
}

static void
killpg_of_no_leader_kills_nobody(void **state)
{
	(void)state;
	in_child(not_a_leader);
}

/* What cron, nohup and careless parents leave behind. */
static void
inherited_badly(void)
{
	struct told t;
	sigset_t all;
	pid_t pid;

	(void)signal(SIGCHLD, SIG_IGN);
	(void)sigfillset(&all);
	must(sigprocmask(SIG_SETMASK, &all, NULL) == 0);
	must(setup(NULL) == 0);
	must(spawn_shell(&t, "exit 7", 0) == 0);
	must(dw_loop_run(loop) == 0);
	must(t.times == 1);
	must(WEXITSTATUS(t.status) == 7);
	must((pid = fork_exiting(8)) != -1);
	memset(&t, 0, sizeof(t));
	t.child.cb = note;
	must(dw_child_watch(loop, &t.child, pid) == 0);
	must(dw_loop_run(loop) == 0);
	must(WEXITSTATUS(t.status) == 8);
	dw_loop_free(loop);
}

static void
sigchld_ignored_and_all_blocked(void **state)
{
	(void)state;
	in_child(inherited_badly);
}

/* Is there a child at all, dead or alive? */
static bool
childless(void)
{
	siginfo_t si;

	return (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) == -1 &&
	    errno == ECHILD);
}

static void
adopt(void)
{
	int ends[2];
	int64_t end;
	pid_t pid;

	must(setup(NULL) == 0);
	if (dw_reaper_acquire(loop) == -1) {
		must(errno == ENOTSUP);
		(void)dprintf(2, "orphans cannot be adopted here\n");
		_exit(SKIPPED);
	}
	must(dw_reaper_acquire(loop) == 0);
	must(pipe2(ends, O_CLOEXEC) == 0);
	if ((pid = fork()) == 0) {
		must(fork_waiting(ends[0], ends[1], 0) != -1);
		_exit(0);
	}
	turn_until_reaped(pid);
	/* The orphan is ours, alive, and keeps no loop running. */
	must(!childless());
	must(dw_loop_run(loop) == 0);
	(void)close(ends[1]);
	end = clock_now() + DEADLINE_S * DW_SEC;
	while (!childless() && clock_now() < end)
		must(dw_loop_step(loop, 50 * DW_MS) == 0);
	must(childless());
	dw_loop_free(loop);
}

static void
orphans_are_adopted_and_reaped(void **state)
{
	(void)state;
	in_child(adopt);
}

/* A callback forks, and the copy goes on with the loop. */
static pid_t copy;

static void
fork_in_callback(struct dw_child *child, int status)
{
	note(child, status);
	if (copy != 0)
		return;
	copy = fork();
	if (copy == 0) {
		must(dw_loop_forked(loop, 0) == 0);
		/* What is left to be told is the parent's. */
		total = 0;
		copy = -1;
	}
}

static void
copied(void)
{
	struct told t[3];
	int i, status;
	pid_t pid;

	must(setup(NULL) == 0);
	memset(t, 0, sizeof(t));
	for (i = 0; i < 3; i++) {
		t[i].child.cb = fork_in_callback;
		must((pid = fork_exiting(0)) != -1);
		await_zombie(pid);
		must(dw_child_watch(loop, &t[i].child, pid) == 0);
	}
	must(dw_loop_run(loop) == 0);
	if (copy == -1) {
		must(total == 0);
		/* And it can have children of its own. */
		must(spawn_shell(&t[0], "exit 4", 0) == 0);
		must(dw_loop_run(loop) == 0);
		must(WEXITSTATUS(t[0].status) == 4);
		dw_loop_free(loop);
		_exit(0);
	}
	must(total == 3);
	dw_loop_free(loop);
	must(waitpid(copy, &status, 0) == copy);
	must(status == 0);
}

static void
forked_in_a_callback(void **state)
{
	(void)state;
	in_child(copied);
}

/* One loop has the children. */
static void
second_loop_is_refused(void **state)
{
	struct dw_loop *first;
	struct told t[2];

	(void)state;
	assert_int_equal(spawn_shell(&t[0], "exit 0", 0), 0);
	first = loop;
	loop = dw_loop_new(getenv("TEST_POLLER"));
	assert_non_null(loop);
	assert_int_equal(spawn_shell(&t[1], "exit 0", 0), -1);
	assert_int_equal(errno, EBUSY);
	dw_loop_free(loop);
	loop = first;
	assert_int_equal(dw_loop_run(loop), 0);
	assert_int_equal(total, 1);
}

static void
loop_freed_with_children(void **state)
{
	struct told t;
	int ends[2];
	pid_t pid;
	int status;

	(void)state;
	make_pipe(ends);
	memset(&t, 0, sizeof(t));
	t.child.cb = note;
	pid = fork_waiting(ends[0], ends[1], 6);
	assert_int_equal(dw_child_watch(loop, &t.child, pid), 0);
	dw_loop_free(loop);
	loop = NULL;
	assert_null(t.child.loop);
	dw_child_stop(&t.child);
	/* It is the caller's again. */
	(void)close(ends[0]);
	(void)close(ends[1]);
	status = finish(pid);
	assert_int_equal(WEXITSTATUS(status), 6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		spawned_child_is_told_with_status, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		failed_spawn_is_no_child, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		ended_before_watch, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_thousand_at_once, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_callback_stops_and_frees_others, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_callback_frees_its_own, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_callback_starts_the_next, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		stopped_child_is_reaped, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		strangers_are_reaped, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		what_cannot_be_watched, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		kill_reaches_the_child, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		rest_of_the_group_is_killed, setup, teardown),
	    cmocka_unit_test(killpg_of_no_leader_kills_nobody),
	    cmocka_unit_test(sigchld_ignored_and_all_blocked),
	    cmocka_unit_test(orphans_are_adopted_and_reaped),
	    cmocka_unit_test(forked_in_a_callback),
	    cmocka_unit_test_setup_teardown(
		second_loop_is_refused, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		loop_freed_with_children, setup, teardown),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
