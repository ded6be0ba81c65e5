/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Becoming a daemon: the steps, their options, and all that may have been
 * inherited.  test_launcher.c has what the process that is left behind says.
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

#include "daemonize_fixture.h"

static void
test_all_seven_steps(void **state)
{
	struct facts after, before, later;

	(void)state;
	raise_daemon(&before, &after);
	/* 1 */
	assert_int_equal(after.mask, 0);
	/* 2 and 3: a session and a group of its own */
	assert_int_not_equal(after.pid, scene.launcher);
	assert_int_not_equal(after.sid, getsid(0));
	assert_int_equal(after.pgid, after.sid);
	assert_int_equal(after.tty, ENXIO);
	/* 4: not its leader */
	assert_int_not_equal(after.pid, after.sid);
	/* 5 */
	assert_string_equal(after.cwd, "/");
	/* 6 */
	assert_int_equal(after.above, 0);
	/* 7 */
	assert_true(after.null[0] && after.null[1] && after.null[2]);
	/* stderr was the launcher's until it was ready. */
	assert_true(before.null[0] && before.null[1] && !before.null[2]);

	assert_false(after.blocked);
	assert_int_equal(after.handled, 0);
	assert_int_equal(after.ready, -1);

	/*
	 * The leader is gone, completely, and the daemon is not: neither by
	 * SIGHUP nor otherwise.
	 */
	assert_int_equal(kill(after.sid, 0), -1);
	assert_int_equal(errno, ESRCH);
	ask(&later);
	assert_int_equal(later.pid, after.pid);
	assert_int_equal(later.sid, after.sid);
	assert_int_not_equal(later.ppid, after.sid);
	lower();
}

static void
test_leader(void **state)
{
	struct facts after, before;

	(void)state;
	scene.opt.flags = DW_DAEMON_LEADER;
	raise_daemon(&before, &after);
	assert_int_equal(after.sid, after.pid);
	assert_int_equal(after.pgid, after.pid);
	assert_int_equal(before.ppid, scene.launcher);
	assert_int_equal(after.tty, ENXIO);
	assert_int_equal(after.mask, 0);
	assert_string_equal(after.cwd, "/");
	assert_int_equal(after.above, 0);
	assert_true(after.null[0] && after.null[1] && after.null[2]);
	lower();
}

static void
test_ready_descriptor(void **state)
{
	struct facts after, before;

	(void)state;
	raise_daemon(&before, &after);
	assert_true(before.ready > 2);
	assert_int_equal(before.ready_flags, FD_CLOEXEC);
	assert_int_equal(before.above, 0);
	lower();
}

static void
set_umask(void)
{
	(void)umask(027);
}

static void
test_umask(void **state)
{
	struct facts after, before;

	(void)state;
	scene.before = set_umask;
	raise_daemon(&before, &after);
	assert_int_equal(after.mask, 0);
	lower();
	scene.opt.umask = 077;
	raise_daemon(&before, &after);
	assert_int_equal(after.mask, 077);
	lower();
	scene.opt.flags = DW_DAEMON_NOUMASK;
	raise_daemon(&before, &after);
	assert_int_equal(after.mask, 027);
	lower();
}

static void
go_to_dir(void)
{
	must(chdir(dir) == 0);
}

static void
test_directory(void **state)
{
	struct facts after, before;

	(void)state;
	scene.opt.cwd = dir;
	raise_daemon(&before, &after);
	assert_string_equal(after.cwd, dir);
	lower();
	scene.opt.cwd = NULL;
	scene.before = go_to_dir;
	raise_daemon(&before, &after);
	assert_string_equal(after.cwd, "/");
	lower();
	scene.opt.flags = DW_DAEMON_NOCHDIR;
	raise_daemon(&before, &after);
	assert_string_equal(after.cwd, dir);
	lower();
}

static void
open_ten(void)
{
	int i;

	for (i = 0; i < 10; i++)
		must(dup(scene.control[0]) != -1);
}

static void
test_noclose(void **state)
{
	struct facts after, before;

	(void)state;
	scene.before = open_ten;
	raise_daemon(&before, &after);
	assert_int_equal(after.above, 0);
	lower();
	scene.opt.flags = DW_DAEMON_NOCLOSE;
	raise_daemon(&before, &after);
	/* The ten and what the test itself inherited, none of dw's own. */
	assert_true(after.above >= 10);
	assert_int_equal(after.above, before.above);
	lower();
}

/* Unsorted, twice the same, a standard one: all may stand in keep. */
static int many_keep[12];

static void
keep_some(void)
{
	static const int at[] = {900, 17, 400, 17, 23, 24, 2, 0};
	size_t i, n;
	int fd;

	for (fd = 10; fd < 1000; fd++)
		if (fd != scene.control[0] && fd != scene.report[1])
			must(dup2(scene.control[0], fd) == fd);
	for (i = n = 0; i < sizeof(at) / sizeof(at[0]); i++)
		many_keep[n++] = at[i];
	many_keep[n++] = scene.report[1];
	many_keep[n++] = scene.control[0];
	scene.opt.keep = many_keep;
	scene.opt.nkeep = n;
}

static void
test_keep(void **state)
{
	struct facts after, before;

	(void)state;
	scene.before = keep_some;
	raise_daemon(&before, &after);
	assert_int_equal(after.above, 5);
	assert_true(after.null[0] && after.null[2]);
	lower();
}

static void
keep_closed(void)
{
	many_keep[0] = scene.report[1];
	many_keep[1] = 77;
	(void)close(77);
	scene.opt.keep = many_keep;
	scene.opt.nkeep = 2;
}

static void
refuse_arguments(void)
{
	struct dw_daemonize opt = {.flags = 0x80000000u};
	int bad[] = {0, -1}, before, ready;

	before = count_fds();
	ready = 5;
	must(dw_daemonize(&opt, &ready) == -1 && errno == EINVAL);
	opt.flags = 0;
	opt.keep = bad;
	opt.nkeep = 2;
	must(dw_daemonize(&opt, &ready) == -1 && errno == EBADF);
	must(ready == 5);
	must(count_fds() == before);
}

static void
test_bad_arguments(void **state)
{
	(void)state;
	in_child(refuse_arguments);
	scene.before = keep_closed;
	expect_failure(99, "");
}

/*
 * Terminals
 */

static char second[64];

/* System V: a leader gets the first terminal that it opens. */
static void
open_second(int *ready)
{
	int fd;

	must(tty_errno() == ENXIO);
	must((fd = open(second, O_RDWR)) != -1);
	(void)close(fd);
	be_ready(ready);
}

static void
test_terminal_is_lost_for_good(void **state)
{
	struct facts after, before;
	int one, two;

	(void)state;
	one = open_terminal(terminal, sizeof(terminal));
	two = open_terminal(second, sizeof(second));
	scene.before = get_terminal;
	scene.daemon = open_second;
	raise_daemon(&before, &after);
	assert_int_equal(before.tty, ENXIO);
	assert_int_equal(after.tty, ENXIO);
	lower();
	(void)close(one);
	(void)close(two);
}

/* A leader that opens one without O_NOCTTY: so the test above can fail. */
static void
test_leader_can_get_a_terminal(void **state)
{
	struct facts after, before;
	int one, two;

	(void)state;
	one = open_terminal(terminal, sizeof(terminal));
	two = open_terminal(second, sizeof(second));
	scene.opt.flags = DW_DAEMON_LEADER;
	scene.before = get_terminal;
	scene.daemon = open_second;
	launch();
	get_facts(&before);
	get_facts(&after);
	assert_int_equal(await_launcher(), 0);
	lower();
	(void)close(one);
	(void)close(two);
	/* On a BSD it takes TIOCSCTTY. */
	if (before.tty != 0)
		skip();
	assert_int_equal(after.tty, 0);
}

static void
test_output_to_a_terminal_does_not_control(void **state)
{
	struct facts after, before;
	int one, two;

	(void)state;
	one = open_terminal(terminal, sizeof(terminal));
	two = open_terminal(second, sizeof(second));
	scene.before = get_terminal;
	scene.opt.flags = DW_DAEMON_LEADER;
	scene.opt.in = second;
	scene.opt.out = second;
	raise_daemon(&before, &after);
	assert_true(after.open[0] && after.open[1] && after.open[2]);
	assert_false(after.null[0] || after.null[1] || after.null[2]);
	assert_int_equal(before.tty, ENXIO);
	assert_int_equal(after.tty, ENXIO);
	lower();
	(void)close(one);
	(void)close(two);
}

/*
 * Files for 0, 1 and 2
 */

static void
put_file(const char *path, const char *text)
{
	int fd;

	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd != -1);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	(void)close(fd);
}

static const char *
get_file(const char *path)
{
	static char buf[4096];
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY);
	assert_true(fd != -1);
	n = read(fd, buf, sizeof(buf) - 1);
	assert_true(n >= 0);
	buf[n] = '\0';
	(void)close(fd);
	return (buf);
}

static void
copy_and_speak(int *ready)
{
	char buf[16];
	ssize_t n;

	n = read(0, buf, sizeof(buf));
	must(n > 0 && write(1, buf, (size_t)n) == n);
	must((fcntl(1, F_GETFL) & O_NONBLOCK) == 0);
	must(dprintf(2, "before\n") > 0);
	must(dw_ready(ready) == 0);
	must(dprintf(2, "after\n") > 0);
	send_facts(*ready, 0);
}

static void
run_with_files(const char *err)
{
	struct facts f;

	put_file(other, "input\n");
	scene.opt.in = other;
	scene.opt.out = file;
	scene.opt.err = err;
	scene.daemon = copy_and_speak;
	launch();
	get_facts(&f);
	assert_int_equal(await_launcher(), 0);
	assert_string_equal(printed(), "before\n");
	lower();
}

static void
test_files(void **state)
{
	struct stat st;
	char err[80];

	(void)state;
	run_with_files(NULL);
	assert_string_equal(get_file(file), "input\nafter\n");
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	/* Appended to, and apart when so asked. */
	(void)snprintf(err, sizeof(err), "%s/err", dir);
	scene.opt.mode = 0604;
	run_with_files(err);
	assert_string_equal(get_file(file), "input\nafter\ninput\n");
	assert_string_equal(get_file(err), "after\n");
	assert_int_equal(stat(err, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0604);
	assert_int_equal(unlink(err), 0);
}

/* Names without a slash are the daemon's directory's, and its umask counts. */
static void
test_files_are_of_the_daemons_directory(void **state)
{
	struct facts after, before;
	struct stat st;

	(void)state;
	scene.opt.cwd = dir;
	scene.opt.out = "file";
	scene.opt.mode = 0666;
	scene.opt.umask = 077;
	raise_daemon(&before, &after);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	lower();
}

/*
 * What is inherited
 */

static int close_set;

static void
close_std(void)
{
	int fd;

	for (fd = 0; fd <= 2; fd++)
		if (close_set & (1 << fd))
			(void)close(fd);
}

static void
test_std_descriptors_closed_at_entry(void **state)
{
	struct facts after, before;
	unsigned flags;
	int fd;

	(void)state;
	scene.before = close_std;
	for (flags = 0; flags <= DW_DAEMON_LEADER; flags += DW_DAEMON_LEADER)
		for (close_set = 1; close_set < 8; close_set++) {
			scene.opt.flags = flags;
			raise_daemon(&before, &after);
			assert_true(before.ready > 2);
			for (fd = 0; fd <= 2; fd++) {
				assert_true(before.open[fd]);
				assert_true(after.null[fd]);
			}
			assert_int_equal(before.above, 0);
			assert_int_equal(after.above, 0);
			lower();
		}
}

/* All is said that can be, and with 2 closed nothing goes astray. */
static void
test_failure_with_std_closed(void **state)
{
	(void)state;
	scene.before = close_std;
	scene.opt.cwd = "/nonexistent";
	for (close_set = 1; close_set < 8; close_set++)
		expect_failure(1,
		    close_set & 4 ?
			"" :
			"chdir /nonexistent: No such file or directory\n");
}

static void
open_thousand(void)
{
	struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
	int i;

	/* Linux has no infinity here; then as many as it lets us have. */
	if (setrlimit(RLIMIT_NOFILE, &limit) == -1) {
		limit.rlim_cur = limit.rlim_max = 1 << 30;
		while (limit.rlim_max > 4096 &&
		    setrlimit(RLIMIT_NOFILE, &limit) == -1)
			limit.rlim_cur = limit.rlim_max /= 2;
		must(getrlimit(RLIMIT_NOFILE, &limit) == 0);
		limit.rlim_cur = limit.rlim_max;
		must(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	}
	/* FreeBSD makes of infinity what it allows (kern.maxfilesperproc). */
	must(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	for (i = 0; i < 1000; i++)
		must(dup(scene.control[0]) != -1);
	/* And one as high as can be. */
	if (limit.rlim_cur > INT_MAX)
		limit.rlim_cur = INT_MAX;
	must(dup2(scene.control[0], (int)limit.rlim_cur - 1) != -1);
	must(dup2(scene.report[1], (int)limit.rlim_cur - 2) != -1);
	many_keep[0] = (int)limit.rlim_cur - 2;
	many_keep[1] = scene.control[0];
	scene.opt.keep = many_keep;
	scene.opt.nkeep = 2;
}

/* The report goes through the kept one, as high as descriptors go. */
static void
report_high(int *ready)
{
	scene.report[1] = many_keep[0];
	be_ready(ready);
}

static void
test_thousand_descriptors_without_limit(void **state)
{
	struct facts after, before;
	int64_t start;

	(void)state;
	scene.before = open_thousand;
	scene.daemon = report_high;
	start = clock_now();
	raise_daemon(&before, &after);
	/* A close(2) for every number there might be takes minutes. */
	assert_true(clock_now() - start < 20 * DW_SEC);
	assert_int_equal(after.above, 0);
	lower();
}

static void
spoil_signals(void)
{
	sigset_t set;
	int signo;

	for (signo = 1; signo < 65; signo++)
		(void)signal(signo, SIG_IGN);
	must(sigfillset(&set) == 0);
	must(sigprocmask(SIG_SETMASK, &set, NULL) == 0);
}

static void
test_signals_blocked_and_ignored(void **state)
{
	struct facts after, before;
	unsigned flags;

	(void)state;
	scene.before = spoil_signals;
	for (flags = 0; flags <= DW_DAEMON_LEADER; flags += DW_DAEMON_LEADER) {
		scene.opt.flags = flags;
		raise_daemon(&before, &after);
		assert_false(before.blocked);
		assert_int_equal(before.handled, 0);
		assert_false(after.blocked);
		lower();
	}
}

static void
ignore_chld(void)
{
	must(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
}

static void
test_sigchld_ignored_loses_no_status(void **state)
{
	(void)state;
	scene.before = ignore_chld;
	scene.daemon = die_of_9;
	expect_failure(1, "died before it was ready (signal 9)\n");
	scene.opt.flags = DW_DAEMON_LEADER;
	expect_failure(1, "died before it was ready (signal 9)\n");
	/* Blocked as well, with all others. */
	scene.before = spoil_signals;
	expect_failure(1, "died before it was ready (signal 9)\n");
	scene.opt.flags = 0;
	expect_failure(1, "died before it was ready (signal 9)\n");
}

/* Text that waits in a buffer is printed by one process only. */
static void
print_unflushed(void)
{
	must(freopen(file, "w", stdout) != NULL);
	must(printf("once\n") == 5);
}

static void
flush_and_be_ready(int *ready)
{
	must(fflush(NULL) == 0);
	be_ready(ready);
}

static void
test_stdio_is_flushed_once(void **state)
{
	struct facts after, before;

	(void)state;
	scene.before = print_unflushed;
	scene.opt.flags = DW_DAEMON_NOCLOSE;
	scene.opt.out = file;
	raise_daemon(&before, &after);
	/* Nor is it lost, though nobody flushes after the fork. */
	lower();
	assert_string_equal(get_file(file), "once\n");
	assert_int_equal(unlink(file), 0);
	scene.daemon = flush_and_be_ready;
	raise_daemon(&before, &after);
	lower();
	assert_string_equal(get_file(file), "once\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    t(test_all_seven_steps),
	    t(test_leader),
	    t(test_ready_descriptor),
	    t(test_umask),
	    t(test_directory),
	    t(test_noclose),
	    t(test_keep),
	    t(test_bad_arguments),
	    t(test_terminal_is_lost_for_good),
	    t(test_leader_can_get_a_terminal),
	    t(test_output_to_a_terminal_does_not_control),
	    t(test_files),
	    t(test_files_are_of_the_daemons_directory),
	    t(test_std_descriptors_closed_at_entry),
	    t(test_failure_with_std_closed),
	    t(test_thousand_descriptors_without_limit),
	    t(test_signals_blocked_and_ignored),
	    t(test_sigchld_ignored_loses_no_status),
	    t(test_stdio_is_flushed_once),
	};

	(void)alarm(4 * DEADLINE_S);
	return (cmocka_run_group_tests(tests, make_dir, remove_dir));
}
