/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Becoming a daemon, looked at from outside: a launcher is forked, its
 * daemon sends what it finds about itself through a pipe that it keeps, and
 * lives until the test closes another.  Included after cmocka.h.
 */
#ifndef TESTS_DAEMONIZE_FIXTURE_H
#define TESTS_DAEMONIZE_FIXTURE_H

#include <sys/types.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "daemonwatch.h"
#include "forked.h"
#include "temp_dir.h"

/* What a daemon finds. */
struct facts {
	pid_t pid, ppid, pgid, sid;
	mode_t mask;
	char cwd[PATH_MAX];
	int above;    /* descriptors above 2, the two pipes left out */
	bool null[3]; /* 0, 1, 2 on /dev/null */
	bool open[3];
	int tty;      /* errno of opening /dev/tty */
	bool blocked; /* some signal is */
	int handled;  /* signals that have not the default disposition */
	int ready;    /* the descriptor, while there is one */
	int ready_flags;
	int ret;
};

static struct scene {
	struct dw_daemonize opt;
	void (*before)(void);	    /* in the launcher */
	void (*daemon)(int *ready); /* instead of dw_ready() */
	int report[2];		    /* kept by the daemon: facts */
	int control[2];		    /* kept by the daemon: its life line */
	int err[2];		    /* the launcher's stderr */
	pid_t launcher;
	int keep[2];
} scene;

static char dir[TEMP_DIR];
static char file[64], other[64];

static inline int
make_dir(void **state)
{
	(void)state;
	if (temp_dir(dir, "dw-daemonize") == -1 || chmod(dir, 0755) == -1)
		return (-1);
	(void)snprintf(file, sizeof(file), "%s/file", dir);
	(void)snprintf(other, sizeof(other), "%s/other", dir);
	return (0);
}

static inline int
remove_dir(void **state)
{
	(void)state;
	return (rmdir(dir));
}

static inline int
setup(void **state)
{
	(void)state;
	memset(&scene, 0, sizeof(scene));
	return (0);
}

static inline int
clean(void **state)
{
	(void)state;
	(void)unlink(file);
	(void)unlink(other);
	return (0);
}

/*
 * In the daemon.
 */

static inline bool
is_null(int fd)
{
	struct stat null, st;

	return (stat("/dev/null", &null) == 0 && fstat(fd, &st) == 0 &&
	    S_ISCHR(st.st_mode) && st.st_rdev == null.st_rdev);
}

static inline int
tty_errno(void)
{
	int fd;

	if ((fd = open("/dev/tty", O_RDWR | O_NOCTTY)) == -1)
		return (errno);
	(void)close(fd);
	return (0);
}

static inline void
find_signals(struct facts *f)
{
	struct sigaction sa;
	sigset_t set;
	int signo;

	must(sigprocmask(SIG_SETMASK, NULL, &set) == 0);
	for (signo = 1; sigismember(&set, signo) != -1; signo++) {
		if (sigismember(&set, signo))
			f->blocked = true;
		if (sigaction(signo, NULL, &sa) == 0 &&
		    sa.sa_handler != SIG_DFL)
			f->handled++;
	}
}

static inline void
send_facts(int ready, int ret)
{
	struct facts f;
	int fd;

	memset(&f, 0, sizeof(f));
	f.pid = getpid();
	f.ppid = getppid();
	f.pgid = getpgrp();
	f.sid = getsid(0);
	f.mask = umask(0);
	(void)umask(f.mask);
	must(getcwd(f.cwd, sizeof(f.cwd)) != NULL);
	for (fd = 0; fd < 4096; fd++) {
		if (fcntl(fd, F_GETFD) == -1)
			continue;
		if (fd <= 2)
			f.open[fd] = true;
		else if (fd != scene.report[1] && fd != scene.control[0] &&
		    fd != ready)
			f.above++;
	}
	for (fd = 0; fd <= 2; fd++)
		f.null[fd] = is_null(fd);
	f.tty = tty_errno();
	find_signals(&f);
	f.ready = ready;
	f.ready_flags = ready == -1 ? -1 : fcntl(ready, F_GETFD);
	f.ret = ret;
	must(write(scene.report[1], &f, sizeof(f)) == sizeof(f));
}

/* Wait for a byte from the test; false when there will be none. */
static inline bool
await_test(void)
{
	char c;
	ssize_t n;

	while ((n = read(scene.control[0], &c, 1)) == -1 && errno == EINTR)
		;
	return (n == 1);
}

static inline void
be_ready(int *ready)
{
	int ret;

	send_facts(*ready, 0);
	ret = dw_ready(ready);
	send_facts(*ready, ret);
}

/*
 * In the test.
 */

static inline void
launch(void)
{
	int ready;

	assert_int_equal(pipe(scene.report), 0);
	assert_int_equal(pipe(scene.control), 0);
	assert_int_equal(pipe(scene.err), 0);
	(void)fflush(NULL);
	assert_true((scene.launcher = fork()) != -1);
	if (scene.launcher != 0) {
		(void)close(scene.report[1]);
		(void)close(scene.control[0]);
		(void)close(scene.err[1]);
		return;
	}
	(void)alarm(DEADLINE_S);
	must(dup2(scene.err[1], STDERR_FILENO) == STDERR_FILENO);
	(void)close(scene.err[0]);
	(void)close(scene.err[1]);
	(void)close(scene.report[0]);
	(void)close(scene.control[1]);
	if (scene.opt.nkeep == 0) {
		scene.keep[0] = scene.control[0];
		scene.keep[1] = scene.report[1];
		scene.opt.keep = scene.keep;
		scene.opt.nkeep = 2;
	}
	if (scene.before != NULL)
		scene.before();
	if (dw_daemonize(&scene.opt, &ready) == -1)
		_exit(99);
	(void)alarm(DEADLINE_S);
	if (scene.daemon == NULL)
		scene.daemon = be_ready;
	scene.daemon(&ready);
	while (await_test())
		send_facts(ready, 0);
	_exit(0);
}

static inline void
get_facts(struct facts *f)
{
	assert_int_equal(read(scene.report[0], f, sizeof(*f)), sizeof(*f));
}

/* The launcher's exit status. */
static inline int
await_launcher(void)
{
	int status;

	status = finish(scene.launcher);
	assert_true(WIFEXITED(status));
	return (WEXITSTATUS(status));
}

/* What was printed on the launcher's stderr, by whomever. */
static inline const char *
printed(void)
{
	static char buf[8192];
	size_t len;
	ssize_t n;

	for (len = 0; len < sizeof(buf) - 1; len += (size_t)n) {
		n = read(scene.err[0], buf + len, sizeof(buf) - 1 - len);
		assert_true(n != -1);
		if (n == 0)
			break;
	}
	buf[len] = '\0';
	return (buf);
}

static inline void
ask(struct facts *f)
{
	assert_int_equal(write(scene.control[1], "?", 1), 1);
	get_facts(f);
}

/* End the daemon if it lives, and see that it has ended. */
static inline void
lower(void)
{
	char c;

	(void)close(scene.control[1]);
	assert_int_equal(read(scene.report[0], &c, 1), 0);
	(void)close(scene.report[0]);
	(void)close(scene.err[0]);
}

/* The whole of a start that goes well: before ready and after. */
static inline void
raise_daemon(struct facts *before, struct facts *after)
{
	launch();
	get_facts(before);
	get_facts(after);
	assert_int_equal(after->ret, 0);
	assert_int_equal(await_launcher(), 0);
	assert_string_equal(printed(), "");
}

/* The whole of one that does not. */
static inline void
expect_failure(int status, const char *text)
{
	launch();
	assert_int_equal(await_launcher(), status);
	assert_string_equal(printed(), text);
	lower();
}

static inline void
die_of_9(int *ready)
{
	(void)ready;
	must(kill(getpid(), SIGKILL) == 0);
	for (;;)
		(void)pause();
}

/*
 * Terminals
 */

/* A new one, controlling nobody; the master's descriptor. */
static inline int
open_terminal(char *name, size_t size)
{
	int fd;

	fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd == -1)
		skip();
	assert_int_equal(grantpt(fd), 0);
	assert_int_equal(unlockpt(fd), 0);
	(void)snprintf(name, size, "%s", ptsname(fd));
	return (fd);
}

static char terminal[64];

/* As from a shell on a terminal. */
static inline void
get_terminal(void)
{
	int fd;

	must(setsid() != -1);
	must((fd = open(terminal, O_RDWR)) != -1);
	(void)ioctl(fd, TIOCSCTTY, 0);
	must(tty_errno() == 0);
	must(dup2(fd, 0) == 0 && dup2(fd, 1) == 1);
}

#define t(f) cmocka_unit_test_setup_teardown(f, setup, clean)

#endif
