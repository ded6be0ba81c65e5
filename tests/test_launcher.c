/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The launcher of a daemon: steps that fail, the daemon's word or its end
 * without one, and signals in between.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "deny.h"
#include "daemonize_fixture.h"

/*
 * Steps that fail
 */

static void
test_failing_steps_are_named(void **state)
{
	char want[160];

	(void)state;
	scene.opt.cwd = "/nonexistent";
	expect_failure(1, "chdir /nonexistent: No such file or directory\n");
	scene.opt.flags = DW_DAEMON_LEADER;
	expect_failure(1, "chdir /nonexistent: No such file or directory\n");
	scene.opt.flags = 0;
	scene.opt.cwd = NULL;
	scene.opt.in = "/nonexistent/in";
	expect_failure(1, "open /nonexistent/in: No such file or directory\n");
	scene.opt.in = NULL;
	scene.opt.out = dir;
	(void)snprintf(want, sizeof(want), "open %s: Is a directory\n", dir);
	expect_failure(1, want);
	scene.opt.out = NULL;
	scene.opt.err = "/nonexistent/err";
	expect_failure(1, "open /nonexistent/err: No such file or directory\n");
}

/* A FIFO that nobody reads is an error, not a daemon that hangs. */
static void
test_fifo_without_reader(void **state)
{
	char want[160];

	(void)state;
	assert_int_equal(mkfifo(file, 0600), 0);
	scene.opt.out = file;
	(void)snprintf(
	    want, sizeof(want), "open %s: %s\n", file, strerror(ENXIO));
	expect_failure(1, want);
}

static void
deny_setsid(void)
{
	if (deny(SYS_setsid, EPERM) == -1)
		_exit(SKIPPED);
}

static void
test_setsid_fails(void **state)
{
	(void)state;
	scene.before = deny_setsid;
	launch();
	if (await_launcher() == SKIPPED) {
		lower();
		skip();
	}
	assert_string_equal(printed(), "setsid: Operation not permitted\n");
	lower();
}

/* A user with no other processes, not even of this test run elsewhere. */
static uid_t
lone_user(void)
{
	return ((uid_t)(200000 + getpid()));
}

/* A user who may have two processes: the launcher and its first child. */
static void
limit_processes(void)
{
	struct rlimit limit = {2, 2};

	if (geteuid() != 0)
		_exit(SKIPPED);
	must(setrlimit(RLIMIT_NPROC, &limit) == 0);
	must(setuid(lone_user()) == 0);
}

static void
test_second_fork_fails(void **state)
{
	int status;

	(void)state;
	scene.before = limit_processes;
	launch();
	status = await_launcher();
	if (status != SKIPPED) {
		assert_int_equal(status, 1);
		assert_string_equal(
		    printed(), "fork: Resource temporarily unavailable\n");
	}
	lower();
	if (status == SKIPPED)
		skip();
}

static void
note(int signo)
{
	(void)signo;
}

/* The caller has all it had: descriptors, dispositions, mask. */
static void
fail_first_fork(void)
{
	struct dw_daemonize opt = {.flags = 0};
	struct rlimit limit = {1, 1};
	struct sigaction sa;
	sigset_t set;
	int before, ready, signo;

	if (geteuid() != 0)
		_exit(SKIPPED);
	must(setrlimit(RLIMIT_NPROC, &limit) == 0);
	must(setuid(lone_user()) == 0);
	must(signal(SIGCHLD, note) != SIG_ERR);
	before = count_fds();
	must(dw_daemonize(&opt, &ready) == -1 && errno == EAGAIN);
	must(count_fds() == before);
	must(sigaction(SIGCHLD, NULL, &sa) == 0 && sa.sa_handler == note);
	must(sigprocmask(SIG_SETMASK, NULL, &set) == 0);
	for (signo = 1; signo < 32; signo++)
		must(sigismember(&set, signo) == 0);
}

static void
test_first_fork_fails(void **state)
{
	(void)state;
	in_child(fail_first_fork);
}

/* With room for none, one … of the four: always the same answer. */
static void
fail_channels(void)
{
	struct dw_daemonize opt = {.flags = 0};
	struct rlimit limit;
	int fd, fds[4], full, i, ready, room;

	must(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	limit.rlim_cur = 128;
	must(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	for (i = 0; (fd = dup(0)) != -1; i++)
		fds[i % 4] = fd;
	must(errno == EMFILE && i >= 4);
	full = count_fds();
	for (room = 0; room < 4; room++) {
		must(dw_daemonize(&opt, &ready) == -1 && errno == EMFILE);
		must(count_fds() == full - room);
		(void)close(fds[room]);
	}
}

static void
test_no_descriptors_left(void **state)
{
	(void)state;
	in_child(fail_channels);
}

/*
 * The daemon's word, or its end without one
 */

static void
say_failed(int *ready)
{
	must(dw_ready_fail(ready, 3, "cannot serve: %d%% %s\n", 100, "x") == 0);
	must(*ready == -1);
	_exit(3);
}

static void
say_long(int *ready)
{
	char text[5000];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	must(dw_ready_fail(ready, 255, "%s", text) == 0);
	_exit(0);
}

static void
say_nothing_but_fail(int *ready)
{
	must(dw_ready_fail(ready, 5, "%s", "") == 0);
}

static void
test_word_of_failure(void **state)
{
	const char *text;

	(void)state;
	scene.daemon = say_failed;
	expect_failure(3, "cannot serve: 100% x\n");
	scene.opt.flags = DW_DAEMON_LEADER;
	expect_failure(3, "cannot serve: 100% x\n");
	scene.daemon = say_long;
	launch();
	assert_int_equal(await_launcher(), 255);
	text = printed();
	assert_int_equal(strspn(text, "x"), 1023);
	assert_string_equal(text + 1023, "\n");
	lower();
	/* No text, no line; and the daemon may live on. */
	scene.daemon = say_nothing_but_fail;
	launch();
	assert_int_equal(await_launcher(), 5);
	lower();
}

static void
exit_7(int *ready)
{
	(void)ready;
	_exit(7);
}

static void
exit_0(int *ready)
{
	(void)ready;
	_exit(0);
}

static void
die_of_abort(int *ready)
{
	struct rlimit none = {0, 0};

	(void)ready;
	(void)setrlimit(RLIMIT_CORE, &none);
	abort();
}

static void
test_death_before_ready(void **state)
{
	static const struct {
		void (*daemon)(int *);
		const char *text;
	} t[] = {
	    {exit_7, "died before it was ready (exit status 7)\n"},
	    {exit_0, "died before it was ready (exit status 0)\n"},
	    {die_of_9, "died before it was ready (signal 9)\n"},
	    {die_of_abort, "died before it was ready (signal 6)\n"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		scene.daemon = t[i].daemon;
		scene.opt.flags = 0;
		expect_failure(1, t[i].text);
		scene.opt.flags = DW_DAEMON_LEADER;
		expect_failure(1, t[i].text);
	}
}

/* A child of the daemon's holds its descriptors: no end of file comes. */
static void
fork_and_die(int *ready)
{
	pid_t pid;

	(void)ready;
	must((pid = fork()) != -1);
	if (pid == 0) {
		(void)alarm(DEADLINE_S);
		while (await_test())
			;
		_exit(0);
	}
	_exit(9);
}

static void
block_all(void)
{
	sigset_t set;

	must(sigfillset(&set) == 0);
	must(sigprocmask(SIG_SETMASK, &set, NULL) == 0);
}

static void
test_death_with_a_child_that_lives(void **state)
{
	int64_t start;

	(void)state;
	scene.before = block_all;
	scene.daemon = fork_and_die;
	start = clock_now();
	launch();
	/* stderr is the child's too: only the daemon's end is asked for. */
	assert_int_equal(await_launcher(), 1);
	lower();
	scene.opt.flags = DW_DAEMON_LEADER;
	launch();
	assert_int_equal(await_launcher(), 1);
	lower();
	/* And not the child's, which gives up after DEADLINE_S. */
	assert_true(clock_now() - start < DEADLINE_S * DW_SEC);
}

/* Says it is there, and waits for the test or a signal. */
static void
linger(int *ready)
{
	send_facts(*ready, 0);
	(void)await_test();
}

static void
test_interrupt_is_handed_on(void **state)
{
	static const struct {
		int signo;
		const char *text;
	} t[] = {
	    {SIGINT, "died before it was ready (signal 2)\n"},
	    {SIGTERM, "died before it was ready (signal 15)\n"},
	};
	struct facts f;
	unsigned flags;
	size_t i;

	(void)state;
	scene.daemon = linger;
	for (flags = 0; flags <= DW_DAEMON_LEADER; flags += DW_DAEMON_LEADER)
		for (i = 0; i < 2; i++) {
			scene.opt.flags = flags;
			launch();
			get_facts(&f);
			assert_int_equal(kill(scene.launcher, t[i].signo), 0);
			assert_int_equal(await_launcher(), 1);
			assert_string_equal(printed(), t[i].text);
			lower();
		}
}

/* Not handed to a daemon that has not been born: it waits for it. */
static void
interrupt_self(void)
{
	sigset_t set;

	must(sigemptyset(&set) == 0 && sigaddset(&set, SIGTERM) == 0);
	must(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	must(raise(SIGTERM) == 0);
}

static void
test_interrupt_before_there_is_a_daemon(void **state)
{
	(void)state;
	scene.before = interrupt_self;
	scene.daemon = linger;
	launch();
	assert_int_equal(await_launcher(), 1);
	assert_string_equal(
	    printed(), "died before it was ready (signal 15)\n");
	(void)close(scene.control[1]);
	(void)close(scene.report[0]);
	(void)close(scene.err[0]);
}

/* The daemon may catch it and have its say. */
static int *fail_on_signal;

static void
refuse(int signo)
{
	(void)dw_ready_fail(fail_on_signal, 4, "told to stop by %d", signo);
	_exit(4);
}

static void
catch_interrupt(int *ready)
{
	fail_on_signal = ready;
	must(signal(SIGINT, refuse) != SIG_ERR);
	linger(ready);
}

static void
test_daemon_answers_an_interrupt(void **state)
{
	struct facts f;

	(void)state;
	scene.daemon = catch_interrupt;
	launch();
	get_facts(&f);
	assert_int_equal(kill(scene.launcher, SIGINT), 0);
	assert_int_equal(await_launcher(), 4);
	assert_string_equal(printed(), "told to stop by 2\n");
	lower();
}

/* A launcher in the background of a script has SIGINT ignored. */
static void
ignore_interrupt(void)
{
	must(signal(SIGINT, SIG_IGN) != SIG_ERR);
}

static void
catch_both(int *ready)
{
	must(signal(SIGTERM, refuse) != SIG_ERR);
	fail_on_signal = ready;
	catch_interrupt(ready);
}

static void
test_ignored_interrupt_stays_ignored(void **state)
{
	struct facts f;

	(void)state;
	scene.before = ignore_interrupt;
	scene.daemon = catch_both;
	launch();
	get_facts(&f);
	assert_int_equal(kill(scene.launcher, SIGINT), 0);
	assert_int_equal(kill(scene.launcher, SIGTERM), 0);
	assert_int_equal(await_launcher(), 4);
	assert_string_equal(printed(), "told to stop by 15\n");
	lower();
}

/* ^C on a real terminal: once, though launcher and daemon both wait. */
static void
test_control_c_on_the_terminal(void **state)
{
	struct facts f;
	int fd;

	(void)state;
	fd = open_terminal(terminal, sizeof(terminal));
	scene.before = get_terminal;
	scene.daemon = catch_interrupt;
	launch();
	get_facts(&f);
	assert_int_equal(write(fd, "\003", 1), 1);
	assert_int_equal(await_launcher(), 4);
	assert_string_equal(printed(), "told to stop by 2\n");
	lower();
	(void)close(fd);
}

static void
wait_then_ready(int *ready)
{
	send_facts(*ready, 0);
	must(await_test());
	must(dw_ready(ready) == 0);
}

/* The launcher is killed: the daemon goes on, the attendant does not. */
static void
test_launcher_killed(void **state)
{
	struct facts f;
	int64_t deadline;
	int status;

	(void)state;
	scene.daemon = wait_then_ready;
	launch();
	get_facts(&f);
	assert_int_equal(kill(scene.launcher, SIGKILL), 0);
	status = finish(scene.launcher);
	assert_true(WIFSIGNALED(status));
	/* A zombie until whoever adopted it has reaped it. */
	deadline = clock_now() + DEADLINE_S * DW_SEC;
	while (kill(f.sid, 0) == 0) {
		struct dw_proc_info info;

		if (dw_proc_info(f.sid, &info, NULL, 0) == 0 && info.zombie)
			break;
		assert_true(clock_now() < deadline);
		(void)usleep(1000);
	}
	assert_int_equal(write(scene.control[1], "!", 1), 1);
	ask(&f);
	assert_true(f.null[2]);
	assert_int_equal(f.ready, -1);
	lower();
}

/* The attendant is killed: the daemon's word still counts. */
static void
test_attendant_killed(void **state)
{
	struct facts f;

	(void)state;
	scene.daemon = wait_then_ready;
	launch();
	get_facts(&f);
	assert_int_equal(kill(f.sid, SIGKILL), 0);
	assert_int_equal(write(scene.control[1], "!", 1), 1);
	assert_int_equal(await_launcher(), 0);
	lower();
	/* And so does that there is none. */
	launch();
	get_facts(&f);
	assert_int_equal(kill(f.sid, SIGKILL), 0);
	assert_int_equal(kill(f.pid, SIGKILL), 0);
	assert_int_equal(await_launcher(), 1);
	assert_string_equal(printed(), "broke off before it was ready\n");
	lower();
}

static void
close_ready(int *ready)
{
	(void)close(*ready);
	(void)close(STDERR_FILENO);
	while (await_test())
		;
	_exit(0);
}

static void
test_daemon_breaks_off(void **state)
{
	(void)state;
	scene.daemon = close_ready;
	expect_failure(1, "broke off before it was ready\n");
	scene.opt.flags = DW_DAEMON_LEADER;
	expect_failure(1, "broke off before it was ready\n");
}

static void
ready_twice(int *ready)
{
	must(dw_ready(ready) == 0 && *ready == -1);
	must(dw_ready(ready) == 0);
	send_facts(*ready, 0);
}

static void
test_ready_twice(void **state)
{
	struct facts f;

	(void)state;
	scene.daemon = ready_twice;
	launch();
	get_facts(&f);
	assert_true(f.null[2]);
	assert_int_equal(await_launcher(), 0);
	lower();
}

static void
stay_in_foreground(void)
{
	char buf[64];
	int p[2], ready = -1;
	ssize_t n;

	must(dw_ready(&ready) == 0 && ready == -1);
	must(pipe(p) == 0);
	must(dup2(p[1], STDERR_FILENO) == STDERR_FILENO);
	/* A newline is added where there is none. */
	if (dw_ready_fail(&ready, 3, "port %d: %s", 80, "in use") == -1 ||
	    dw_ready_fail(&ready, 3, "host: %s\n", "unknown") == -1 ||
	    dw_ready_fail(&ready, 3, "%s", "") == -1)
		_exit(1);
	n = read(p[0], buf, sizeof(buf));
	if (n != 30 || memcmp(buf, "port 80: in use\nhost: unknown\n", 30) != 0)
		_exit(2);
}

static void
test_foreground(void **state)
{
	(void)state;
	in_child(stay_in_foreground);
}

/* Many at once, and none takes another's word or end for its own. */
static void
test_twenty_at_once(void **state)
{
	struct scene scenes[20];
	struct facts f;
	int i;

	(void)state;
	for (i = 0; i < 20; i++) {
		memset(&scene, 0, sizeof(scene));
		scene.daemon = i % 3 == 0 ? be_ready :
		    i % 3 == 1		  ? say_failed :
					    exit_7;
		launch();
		scenes[i] = scene;
	}
	for (i = 0; i < 20; i++) {
		scene = scenes[i];
		assert_int_equal(await_launcher(),
		    i % 3 == 0	   ? 0 :
			i % 3 == 1 ? 3 :
				     1);
		if (i % 3 == 0) {
			get_facts(&f);
			get_facts(&f);
		}
		(void)close(scene.control[1]);
	}
	for (i = 0; i < 20; i++) {
		(void)close(scenes[i].report[0]);
		(void)close(scenes[i].err[0]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    t(test_failing_steps_are_named),
	    t(test_fifo_without_reader),
	    t(test_setsid_fails),
	    t(test_second_fork_fails),
	    t(test_first_fork_fails),
	    t(test_no_descriptors_left),
	    t(test_word_of_failure),
	    t(test_death_before_ready),
	    t(test_death_with_a_child_that_lives),
	    t(test_interrupt_is_handed_on),
	    t(test_interrupt_before_there_is_a_daemon),
	    t(test_daemon_answers_an_interrupt),
	    t(test_ignored_interrupt_stays_ignored),
	    t(test_control_c_on_the_terminal),
	    t(test_launcher_killed),
	    t(test_attendant_killed),
	    t(test_daemon_breaks_off),
	    t(test_ready_twice),
	    t(test_foreground),
	    t(test_twenty_at_once),
	};

	(void)alarm(4 * DEADLINE_S);
	return (cmocka_run_group_tests(tests, make_dir, remove_dir));
}
