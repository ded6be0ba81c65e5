/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * A process that tells about itself what another cannot see without /proc:
 * as a program that somebody starts, and as a daemon by dw_daemonize(3).  And
 * a terminal to start it from.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "daemonwatch.h"

#include "helper.h"

#define FDS 1024 /* no descriptor above this one is looked for */

static void
tell_fds(FILE *f)
{
	struct stat null, st;
	int fd;

	(void)fprintf(f, "fds");
	for (fd = 0; fd < FDS; fd++)
		if (fd != fileno(f) && fcntl(fd, F_GETFD) != -1)
			(void)fprintf(f, " %d", fd);
	(void)fprintf(f, "\nnull");
	if (stat("/dev/null", &null) == -1)
		err(71, "/dev/null");
	for (fd = 0; fd < FDS; fd++)
		if (fd != fileno(f) && fstat(fd, &st) == 0 &&
		    S_ISCHR(st.st_mode) && st.st_rdev == null.st_rdev)
			(void)fprintf(f, " %d", fd);
	(void)fprintf(f, "\n");
}

static void
tell_signals(FILE *f)
{
	struct sigaction sa;
	sigset_t mask;
	int signo;

	(void)fprintf(f, "ignored");
	for (signo = 1; signo < 32; signo++)
		if (sigaction(signo, NULL, &sa) == 0 &&
		    sa.sa_handler == SIG_IGN)
			(void)fprintf(f, " %d", signo);
	(void)fprintf(f, "\nblocked");
	(void)sigprocmask(SIG_BLOCK, NULL, &mask);
	for (signo = 1; signo < 32; signo++)
		if (sigismember(&mask, signo) == 1)
			(void)fprintf(f, " %d", signo);
	(void)fprintf(f, "\n");
}

static void
tell_place(FILE *f)
{
	char cwd[PATH_MAX];
	mode_t mask;
	int tty;

	mask = umask(0);
	(void)umask(mask);
	tty = open("/dev/tty", O_RDWR | O_NOCTTY);
	(void)fprintf(f, "pid %ld\nppid %ld\npgid %ld\nsid %ld\n",
	    (long)getpid(), (long)getppid(), (long)getpgrp(), (long)getsid(0));
	(void)fprintf(
	    f, "uid %ld\ngid %ld\n", (long)geteuid(), (long)getegid());
	(void)fprintf(f, "umask %03o\ntty %s\ncwd %s\n", (unsigned)mask,
	    tty == -1 ? "no" : "yes",
	    getcwd(cwd, sizeof(cwd)) == NULL ? "?" : cwd);
	if (tty != -1)
		(void)close(tty);
}

/* All of it under its name at once, so that who sees the file sees all. */
static void
tell(const char *path)
{
	char tmp[PATH_MAX];
	FILE *f;

	(void)snprintf(tmp, sizeof(tmp), "%s.new", path);
	if ((f = fopen(tmp, "w")) == NULL)
		err(73, "%s", tmp);
	tell_fds(f);
	tell_signals(f);
	tell_place(f);
	(void)fprintf(f, "service %s\n",
	    getenv("DAEMONWATCH_SERVICE") == NULL ?
		"" :
		getenv("DAEMONWATCH_SERVICE"));
	if (fclose(f) != 0 || rename(tmp, path) == -1)
		err(73, "%s", path);
}

static void
wait_for_term(void)
{
	for (;;)
		(void)pause();
}

/* -1: end then; otherwise stay until a signal ends us. */
int
facts(int argc, char *argv[])
{
	bool once = argc > 1 && strcmp(argv[0], "-1") == 0;

	tell(argv[once ? 1 : 0]);
	if (!once)
		wait_for_term();
	return (0);
}

/* Say that the gate is reached, with our pid; wait for a word through it. */
static void
pass(const char *gate)
{
	char tmp[PATH_MAX], at[PATH_MAX], c;
	FILE *f;
	int fd;

	(void)snprintf(tmp, sizeof(tmp), "%s.new", gate);
	(void)snprintf(at, sizeof(at), "%s.at", gate);
	if ((f = fopen(tmp, "w")) == NULL)
		err(73, "%s", tmp);
	(void)fprintf(f, "%ld\n", (long)getpid());
	if (fclose(f) != 0 || rename(tmp, at) == -1)
		err(73, "%s", at);
	if ((fd = open(gate, O_RDONLY)) == -1 || read(fd, &c, 1) != 1)
		err(71, "%s", gate);
	(void)close(fd);
}

/*
 * A daemon by the library.  -g: not ready before a word comes through this
 * FIFO; -x: never ready, but with this exit status and a word of its own.
 */
int
daemon_be(int argc, char *argv[])
{
	struct dw_daemonize opt = {.flags = 0};
	const char *gate = NULL;
	int ch, ready, status = 0;

	/* getopt(3) wants a program's name before the options. */
	argc++;
	argv--;
	optind = 1;
	while ((ch = getopt(argc, argv, "g:x:")) != -1) {
		if (ch == 'g')
			gate = optarg;
		else if (ch == 'x')
			status = (int)number(optarg);
		else
			return (64);
	}
	if (optind != argc - 1)
		return (64);
	if (dw_daemonize(&opt, &ready) == -1)
		err(71, "dw_daemonize");
	if (gate != NULL)
		pass(gate);
	if (status != 0) {
		(void)dw_ready_fail(
		    &ready, status, "cannot serve: out of order");
		return (status);
	}
	if (dw_ready(&ready) == -1)
		return (1);
	tell(argv[optind]);
	wait_for_term();
	return (0);
}

static int
open_terminal(void)
{
	int fd;

	fd = posix_openpt(O_RDWR | O_NOCTTY);
	if (fd == -1 || grantpt(fd) == -1 || unlockpt(fd) == -1)
		err(71, "pseudo terminal");
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	return (fd);
}

/*
 * Print what the terminal shows until the command has ended: others, that it
 * left behind, may have the terminal open still.  Its status.
 */
static int
show(int fd, pid_t pid)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	char buf[512];
	int status = 0;
	bool ended = false;
	ssize_t n;

	for (;;) {
		if (!ended)
			ended = waitpid(pid, &status, WNOHANG) == pid;
		if (poll(&pfd, 1, ended ? 0 : 10) < 1) {
			if (ended)
				return (status);
			continue;
		}
		if ((n = read(fd, buf, sizeof(buf))) > 0) {
			(void)write(STDOUT_FILENO, buf, (size_t)n);
			continue;
		}
		/* Nobody has it open, so there is nothing more to come. */
		while (
		    !ended && waitpid(pid, &status, 0) == -1 && errno == EINTR)
			continue;
		return (status);
	}
}

/*
 * Run the command as the leader of a session with a terminal of its own;
 * hang up when it has ended.  Its exit status.
 */
int
terminal(int argc, char *argv[])
{
	int master, slave, status;
	pid_t pid;

	(void)argc;
	master = open_terminal();
	if ((pid = fork()) == -1)
		err(71, "fork");
	if (pid == 0) {
		if (setsid() == -1 ||
		    (slave = open(ptsname(master), O_RDWR)) == -1 ||
		    ioctl(slave, TIOCSCTTY, 0) == -1)
			err(71, "terminal");
		(void)dup2(slave, 0);
		(void)dup2(slave, 1);
		(void)dup2(slave, 2);
		if (slave > 2)
			(void)close(slave);
		(void)execvp(argv[0], argv);
		err(127, "%s", argv[0]);
	}
	status = show(master, pid);
	(void)close(master);
	return (WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}
