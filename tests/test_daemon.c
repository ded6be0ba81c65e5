/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * start, restart, status and run: what they print, what they exit with, and
 * whom they leave alone.  test_daemon_stop.c has stop.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon_fixture.h"

static int
deaf_and_never_ready(struct dw_daemon *d, int *ready)
{
	(void)signal(SIGTERM, SIG_IGN);
	return (never_ready(d, ready));
}

/* Being told to stop is taken for a reason to be ready. */
static int *late_ready;

static void
be_ready_late(int signo)
{
	(void)signo;
	(void)dw_ready(late_ready);
}

static int
ready_too_late(struct dw_daemon *d, int *ready)
{
	late_ready = ready;
	(void)signal(SIGTERM, be_ready_late);
	(void)alarm(DEADLINE_S);
	/* Interrupted by it once, then deaf to it. */
	while (pause() == -1)
		(void)d;
	return (70);
}

static int
fail_to_serve(struct dw_daemon *d, int *ready)
{
	(void)dw_ready_fail(ready, 5, "port %d: in use", *(int *)d->arg);
	return (5);
}

static int
return_early(struct dw_daemon *d, int *ready)
{
	(void)d;
	(void)ready;
	return (6);
}

static void
test_start_status_stop(void **state)
{
	struct dw_proc_id id;

	(void)state;
	expect("status", 3, "testd: not running\n", "");
	start_daemon(&id);
	expect("stop", 0, "", "");
	/* Gone when stop returns, and its file with it. */
	assert_false(dw_proc_alive(&id));
	assert_int_equal(access(file, F_OK), -1);
	expect("status", 3, "testd: not running\n", "");
}

static void
test_second_start_is_refused(void **state)
{
	struct dw_proc_id id;
	char text[64];

	(void)state;
	start_daemon(&id);
	(void)snprintf(text, sizeof(text), "testd: already running, pid %ld\n",
	    (long)id.pid);
	expect("start", 1, "", text);
	expect("run", 1, "", text);
	expect_running(&id);
	expect("stop", 0, "", "");
}

static void
test_stop_of_nothing(void **state)
{
	(void)state;
	expect("stop", 0, "", "testd: not running\n");
	assert_int_equal(access(file, F_OK), -1);
}

static void
test_restart(void **state)
{
	struct dw_proc_id first, second;

	(void)state;
	/* Nothing runs: no error. */
	expect("restart", 0, "", "testd: not running\n");
	assert_int_equal(dw_pidfile_owner(file, &first), 0);
	expect("restart", 0, "", "");
	assert_int_equal(dw_pidfile_owner(file, &second), 0);
	assert_int_not_equal(first.pid, second.pid);
	assert_false(dw_proc_alive(&first));
	assert_true(dw_proc_alive(&second));
	expect("stop", 0, "", "");
}

static void
test_usage(void **state)
{
	static const char *const calls[][4] = {{NULL}, {"", NULL},
	    {"reload", NULL}, {"Start", NULL}, {"startx", NULL},
	    {"start", "now", NULL}, {"-h", NULL}};
	struct outcome o;
	struct call c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		begin(&c, calls[i], 0);
		end(&c, &o);
		assert_int_equal(o.status, 2);
		assert_string_equal(o.out, "");
		assert_string_equal(
		    o.err, "usage: testd start|stop|restart|status|run\n");
	}
	assert_int_equal(access(file, F_OK), -1);
}

/* Whatever is in a file that nobody has locked, nobody is meant by it. */
static void
test_stale_pidfile(void **state)
{
	char self[32], text[128];
	const char *left[] = {"", "garbage\n", "0\n", "-1\n", "1\n", self};
	struct dw_proc_id id;
	size_t i;

	(void)state;
	/* The last: a live program, that must come to no harm. */
	(void)snprintf(self, sizeof(self), "%ld\n", (long)getpid());
	(void)snprintf(
	    text, sizeof(text), "testd: dead, but %s exists\n", file);
	for (i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
		put(left[i]);
		expect("status", 1, text, "");
		expect("stop", 0, "", "testd: not running\n");
		expect("status", 3, "testd: not running\n", "");
		put(left[i]);
		start_daemon(&id);
		expect("stop", 0, "", "");
	}
}

static void
test_killed_daemon(void **state)
{
	struct dw_proc_id id;
	char text[128];

	(void)state;
	start_daemon(&id);
	assert_int_equal(kill(id.pid, SIGKILL), 0);
	while (dw_proc_alive(&id))
		(void)usleep(1000);
	(void)snprintf(
	    text, sizeof(text), "testd: dead, but %s exists\n", file);
	expect("status", 1, text, "");
	start_daemon(&id);
	expect("stop", 0, "", "");
}

static void
expect_unknown(const char *why, const char *start)
{
	char text[192];

	(void)snprintf(
	    text, sizeof(text), "testd: unknown: %s: %s\n", file, why);
	expect("status", 4, text, "");
	(void)snprintf(text, sizeof(text), "testd: %s: %s\n", file, why);
	expect("stop", 1, "", text);
	expect("restart", 1, "", text);
	(void)snprintf(text, sizeof(text), "testd: %s: %s\n", file, start);
	expect("start", 1, "", text);
	expect("run", 1, "", text);
}

static void
test_no_pidfile_at_all(void **state)
{
	(void)state;
	assert_int_equal(mkdir(file, 0755), 0);
	expect_unknown("it is no pidfile", "Is a directory");
	assert_int_equal(rmdir(file), 0);
	assert_int_equal(mkfifo(file, 0644), 0);
	expect_unknown("it is no pidfile", "it is no pidfile");
}

static void
test_symbolic_link(void **state)
{
	char text[128];

	(void)state;
	assert_int_equal(symlink("/etc/passwd", file), 0);
	(void)snprintf(text, sizeof(text),
	    "testd: %s: it is a symbolic "
	    "link\n",
	    file);
	expect("start", 1, "", text);
	expect("run", 1, "", text);
	/* Nothing locks what it names. */
	expect("stop", 0, "", "testd: not running\n");
}

static void
test_failed_start_is_told(void **state)
{
	int port = 80;

	(void)state;
	daemon_.run = fail_to_serve;
	daemon_.arg = &port;
	expect("start", 5, "", "testd: port 80: in use\n");
	assert_int_equal(access(file, F_OK), -1);
	/* In the foreground too; there the text is all. */
	expect("run", 5, "", "port 80: in use\n");
	assert_int_equal(access(file, F_OK), -1);
	daemon_.run = return_early;
	expect("start", 1, "",
	    "testd: died before it was ready (exit status 6)\n");
	assert_int_equal(access(file, F_OK), -1);
}

static void
test_steps_and_places_that_fail(void **state)
{
	(void)state;
	daemon_.daemonize.cwd = "/nonexistent";
	expect("start", 1, "",
	    "testd: chdir /nonexistent: No such file or directory\n");
	daemon_.daemonize.cwd = NULL;
	daemon_.daemonize.flags = 0x1000;
	expect("start", 1, "",
	    "testd: cannot become a daemon: Invalid argument\n");
	daemon_.daemonize.flags = 0;
	daemon_.pidfile = "/nonexistent/pid";
	expect("start", 1, "",
	    "testd: /nonexistent/pid: No such file or directory\n");
	expect("run", 1, "",
	    "testd: /nonexistent/pid: No such file or directory\n");
	expect("status", 3, "testd: not running\n", "");
}

static void
test_start_timeout(void **state)
{
	static const char text[] =
	    "testd: not ready after 0.2 s, stopping it\n";

	(void)state;
	daemon_.start_timeout = 200 * DW_MS;
	daemon_.run = never_ready;
	expect("start", 1, "", text);
	/* Nobody is left: it has died before start returned. */
	expect("stop", 0, "", "testd: not running\n");

	daemon_.run = deaf_and_never_ready;
	daemon_.stop_timeout = 200 * DW_MS;
	expect("start", 1, "", text);
	expect("stop", 0, "", "testd: not running\n");
	daemon_.daemonize.flags = DW_DAEMON_LEADER;
	expect("start", 1, "", text);
	expect("stop", 0, "", "testd: not running\n");

	daemon_.daemonize.flags = 0;
	daemon_.run = ready_too_late;
	expect("start", 1, "", text);
	expect("stop", 0, "", "testd: not running\n");

	/* One that is in time does not notice. */
	daemon_.run = serve;
	daemon_.start_timeout = DEADLINE_S * DW_SEC;
	expect("start", 0, "", "");
	expect("stop", 0, "", "");
}

static void
race(int n)
{
	static const char *const args[] = {"start", NULL};
	struct dw_proc_id id;
	struct outcome o[20];
	struct call c[20];
	char text[64];
	int i, won;

	for (i = 0; i < n; i++)
		begin(&c[i], args, 0);
	for (i = 0; i < n; i++)
		end(&c[i], &o[i]);
	assert_int_equal(dw_pidfile_owner(file, &id), 0);
	(void)snprintf(text, sizeof(text), "testd: already running, pid %ld\n",
	    (long)id.pid);
	for (i = won = 0; i < n; i++) {
		if (o[i].status == 0) {
			won++;
			assert_string_equal(o[i].err, "");
			continue;
		}
		assert_int_equal(o[i].status, 1);
		/* The pid is left out if the winner is slow to write it. */
		if (strcmp(o[i].err, "testd: already running\n") != 0)
			assert_string_equal(o[i].err, text);
	}
	assert_int_equal(won, 1);
	expect_running(&id);
	assert_int_equal(kill(id.pid, SIGKILL), 0);
	while (dw_proc_alive(&id))
		(void)usleep(1000);
}

static void
test_racing_starts(void **state)
{
	int round;

	(void)state;
	for (round = 0; round < 10; round++)
		race(2); /* from the second on, over a stale file */
	race(20);
}

static void
test_run_in_the_foreground(void **state)
{
	static const char *const args[] = {"run", NULL};
	struct dw_proc_id id;
	struct outcome o;
	struct call c;
	int p[2], status = 42;
	char byte;

	(void)state;
	assert_int_equal(pipe(p), 0);
	up = p[1];
	daemon_.arg = &status;
	begin(&c, args, 0);
	(void)close(p[1]);
	assert_int_equal(read(p[0], &byte, 1), 1);
	(void)close(p[0]);
	/* The very process that was called. */
	assert_int_equal(dw_pidfile_owner(file, &id), 0);
	assert_int_equal(id.pid, c.pid);
	expect("stop", 0, "", "");
	end(&c, &o);
	assert_string_equal(o.err, "");
	assert_int_equal(o.status, 42);
	assert_int_equal(access(file, F_OK), -1);
}

/* Messages and the pidfile keep apart with 0, 1 and 2 closed. */
static void
run_with_std_closed(void)
{
	char *argv[] = {strdup("testd"), strdup("start"), NULL};
	int fd;

	for (fd = 0; fd <= 2; fd++)
		(void)close(fd);
	_exit(dw_daemon_main(&daemon_, 2, argv));
}

static void
test_std_descriptors_closed(void **state)
{
	struct dw_proc_id id;
	char buf[64], want[64];
	ssize_t n;
	int fd;

	(void)state;
	in_child(run_with_std_closed);
	assert_int_equal(dw_pidfile_owner(file, &id), 0);
	fd = open(file, O_RDONLY);
	n = read(fd, buf, sizeof(buf) - 1);
	assert_true(n > 0);
	buf[n] = '\0';
	(void)close(fd);
	(void)snprintf(want, sizeof(want), "%ld", (long)id.pid);
	assert_string_equal(buf, want);
	expect("stop", 0, "", "");
}

static int
look_at_std(struct dw_daemon *d, int *ready)
{
	int fd;

	(void)ready;
	for (fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) == -1)
			return (1);
	}
	return (d->arg == NULL ? 0 : 2);
}

static void
run_in_foreground_with_std_closed(void)
{
	char *argv[] = {strdup("testd"), strdup("run"), NULL};
	int fd;

	daemon_.run = look_at_std;
	for (fd = 0; fd <= 2; fd++)
		(void)close(fd);
	_exit(dw_daemon_main(&daemon_, 2, argv));
}

/* What the program opens does not become its stderr. */
static void
test_run_with_std_closed(void **state)
{
	(void)state;
	in_child(run_in_foreground_with_std_closed);
}

static void
start_in_dir(void)
{
	char *argv[] = {strdup("testd"), strdup("start"), NULL};

	must(chdir(dir) == 0);
	daemon_.pidfile = "pid";
	_exit(dw_daemon_main(&daemon_, 2, argv));
}

/* The daemon goes to "/", its pidfile stays where it was meant to be. */
static void
test_relative_pidfile(void **state)
{
	(void)state;
	in_child(start_in_dir);
	assert_int_equal(access(file, F_OK), 0);
	expect("stop", 0, "", "");
	assert_int_equal(access(file, F_OK), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    t(test_start_status_stop),
	    t(test_second_start_is_refused),
	    t(test_stop_of_nothing),
	    t(test_restart),
	    t(test_usage),
	    t(test_stale_pidfile),
	    t(test_killed_daemon),
	    t(test_no_pidfile_at_all),
	    t(test_symbolic_link),
	    t(test_failed_start_is_told),
	    t(test_steps_and_places_that_fail),
	    t(test_start_timeout),
	    t(test_racing_starts),
	    t(test_run_in_the_foreground),
	    t(test_std_descriptors_closed),
	    t(test_run_with_std_closed),
	    t(test_relative_pidfile),
	};

	(void)alarm(4 * DEADLINE_S);
	return (cmocka_run_group_tests(tests, make_dir, remove_dir));
}
