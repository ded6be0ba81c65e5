/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Tests that spoil the process they run in (its limits, its signals, its
 * descriptors) run in a forked child, which leaves by _exit() only: cmocka's
 * own assertions would jump back into a second copy of the whole run.
 * Included after cmocka.h.
 */
#ifndef TESTS_FORKED_H
#define TESTS_FORKED_H

#include <sys/types.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemonwatch.h"

/* Patience with a loaded machine and with valgrind. */
#define DEADLINE_S 60

#define SKIPPED 77

/* In a forked child: say what is wrong and leave. */
#define must(cond) must_be((cond), #cond, __FILE__, __LINE__)

static inline void
must_be(int cond, const char *text, const char *file, int line)
{
	int error;

	if (cond)
		return;
	error = errno;
	(void)dprintf(2, "%s:%d: not so: %s (errno: %s)\n", file, line, text,
	    strerror(error));
	_exit(1);
}

/* valgrind has its own execve(2) and RLIMIT_NOFILE, good for most things. */
static inline void
not_on_valgrind(const char *why)
{
	const char *preload;

	preload = getenv("LD_PRELOAD");
	if (preload == NULL || strstr(preload, "vgpreload") == NULL)
		return;
	(void)dprintf(2, "not on valgrind: %s\n", why);
	_exit(SKIPPED);
}

/* Wait for a child; its status. */
static inline int
finish(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) == -1)
		assert_int_equal(errno, EINTR);
	return (status);
}

/* Run f in a child and demand that it liked what it saw. */
static inline void
in_child(void (*f)(void))
{
	pid_t pid;
	int status;

	(void)fflush(NULL);
	pid = fork();
	assert_true(pid != -1);
	if (pid == 0) {
		(void)alarm(DEADLINE_S);
		f();
		_exit(0);
	}
	status = finish(pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED)
		skip();
	assert_int_equal(status, 0);
}

/* A child that lives until the write end of the pipe is closed. */
static inline pid_t
fork_waiting(int fd, int close_too, int code)
{
	pid_t pid;
	char c;

	if ((pid = fork()) != 0)
		return (pid);
	(void)alarm(DEADLINE_S);
	(void)close(close_too);
	while (read(fd, &c, 1) == -1 && errno == EINTR)
		continue;
	_exit(code);
}

/* Wait until the child is a zombie, without reaping it. */
static inline void
await_zombie(pid_t pid)
{
	siginfo_t si;

	while (waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT) == -1 &&
	    errno == EINTR)
		continue;
}

static inline int64_t
clock_now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec);
}

/* The most descriptors that a loop's poller has. */
#ifdef HAVE_LIBKQUEUE
#define QUEUE_FDS 9 /* four, three that queues share, and the two below */
#else
#define QUEUE_FDS 1
#endif

/*
 * How many descriptors are open.  From a process' first queue on libkqueue
 * keeps two of its own, which it shares among all: let it have them before.
 */
static inline int
count_fds(void)
{
	int fd, n;

#ifdef HAVE_LIBKQUEUE
	dw_loop_free(dw_loop_new("kqueue"));
#endif
	for (fd = n = 0; fd < 4096; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return (n);
}

#endif
