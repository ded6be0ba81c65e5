/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Names, looked up by a forked process that calls getaddrinfo(3) and writes
 * what it got into a pipe: the order of nsswitch.conf(5) holds, nothing here
 * can block, and a lookup that takes too long is killed.  One process for each
 * lookup, so that none waits for another.  No cache: that is a resolver's.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <signal.h>
#include <stdnoreturn.h>
#include <string.h>
#include <unistd.h>

#include "../compat/system.h"
#include "daemonwatch.h"
#include "resolve.h"

static void
ask(const char *host, const char *port, int flags, struct resolve_answer *a)
{
	struct addrinfo hints, *list, *ai;

	memset(a, 0, sizeof(*a));
	memset(&hints, 0, sizeof(hints));
	hints.ai_family = AF_UNSPEC;
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = flags;
	a->eai = getaddrinfo(host, port, &hints, &list);
	if (a->eai != 0) {
		a->error = errno;
		return;
	}
	for (ai = list; ai != NULL && a->naddrs < RESOLVE_MAX;
	     ai = ai->ai_next) {
		struct resolve_addr *to = &a->addrs[a->naddrs];

		if (ai->ai_addrlen > sizeof(to->sa))
			continue;
		memcpy(&to->sa, ai->ai_addr, ai->ai_addrlen);
		to->len = ai->ai_addrlen;
		a->naddrs++;
	}
	freeaddrinfo(list);
	if (a->naddrs == 0)
		a->eai = EAI_NONAME;
}

int
resolve_numbers(struct resolve *r, const char *host, const char *port)
{
	ask(host, port, AI_NUMERICHOST | AI_NUMERICSERV, &r->answer);
	/* EAI_SERVICE: what BSDs say of a port that is no number. */
	return (r->answer.eai == EAI_NONAME || r->answer.eai == EAI_SERVICE);
}

/*
 * Nothing of the parent's may stay: its handlers write into its pipe, its
 * descriptors would keep connections open.
 */
static void
forget_parent(int fd)
{
	struct sigaction sa;
	sigset_t none;
	int null, signo;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = SIG_DFL;
	sigemptyset(&sa.sa_mask);
	for (signo = 1; signo < NSIG; signo++)
		(void)sigaction(signo, &sa, NULL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);

	/* It may be one of 0 to 2, if the parent had those closed. */
	if (fd <= STDERR_FILENO && (fd = fcntl(fd, F_DUPFD_CLOEXEC, 3)) == -1)
		_exit(1);
	if ((null = open("/dev/null", O_RDWR | O_CLOEXEC)) == -1 ||
	    dup2(null, STDIN_FILENO) == -1 || dup2(null, STDOUT_FILENO) == -1 ||
	    dup2(null, STDERR_FILENO) == -1)
		_exit(1);
	if (dup2(fd, 3) == -1)
		_exit(1);
	closefds(4, INT_MAX);
}

static noreturn void
look_up(int fd, const char *host, const char *port, int64_t timeout)
{
	struct resolve_answer answer;
	const char *p = (const char *)&answer;
	size_t left = sizeof(answer);
	ssize_t n;

	forget_parent(fd);
	/* Our parent kills us at its deadline; this is for when it is gone. */
	(void)alarm((unsigned)(timeout / DW_SEC) + 2);
	ask(host, port, 0, &answer);
	for (; left > 0; p += n, left -= (size_t)n) {
		if ((n = write(3, p, left)) <= 0)
			_exit(1);
	}
	_exit(0);
}

static void
answered(struct dw_io *io, unsigned events)
{
	struct resolve *r = io->arg;
	char *buf = (char *)&r->answer;
	ssize_t n;

	(void)events;
	while (r->got < sizeof(r->answer)) {
		n = read(r->fd, buf + r->got, sizeof(r->answer) - r->got);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n <= 0)
			break;
		r->got += (size_t)n;
	}
	if (r->got < sizeof(r->answer)) {
		r->answer.eai = EAI_SYSTEM;
		r->answer.error = ECHILD;
	}
	resolve_stop(r);
	r->cb(r);
}

/* The pipe has told already; this is only so that the loop looks after it. */
static void
ended(struct dw_child *child, int status)
{
	(void)child;
	(void)status;
}

/* Signals stay blocked until the child has dropped our handlers. */
static pid_t
fork_look_up(int fd, const char *host, const char *port, int64_t timeout)
{
	sigset_t all, old;
	pid_t pid;
	int error;

	sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &old);
	pid = fork();
	if (pid == 0)
		look_up(fd, host, port, timeout);
	error = errno;
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	errno = error;
	return (pid);
}

static void
close_keep_errno(int fd)
{
	int error = errno;

	(void)close(fd);
	errno = error;
}

static int
watch(struct dw_loop *loop, struct resolve *r, pid_t pid)
{
	int error;

	r->child = (struct dw_child) {.cb = ended, .arg = r};
	if (dw_child_watch(loop, &r->child, pid) == -1) {
		error = errno;
		/* Nobody else knows it, so this cannot take another's. */
		(void)kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) == -1 && errno == EINTR)
			continue;
		errno = error;
		return (-1);
	}
	r->io = (struct dw_io) {.cb = answered, .arg = r};
	if (dw_io_start(loop, &r->io, r->fd, DW_READ) == -1) {
		error = errno;
		(void)dw_child_kill(&r->child, SIGKILL);
		dw_child_stop(&r->child);
		errno = error;
		return (-1);
	}
	return (0);
}

int
resolve_start(struct dw_loop *loop, struct resolve *r, const char *host,
    const char *port, int64_t timeout)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) == -1)
		return (-1);
	/* Each end has flags of its own: the child's may block. */
	if (fcntl(fds[1], F_SETFL, 0) == -1 ||
	    (pid = fork_look_up(fds[1], host, port, timeout)) == -1) {
		close_keep_errno(fds[0]);
		close_keep_errno(fds[1]);
		return (-1);
	}
	(void)close(fds[1]);
	r->fd = fds[0];
	r->got = 0;
	if (watch(loop, r, pid) == -1) {
		close_keep_errno(r->fd);
		return (-1);
	}
	r->busy = true;
	return (0);
}

void
resolve_stop(struct resolve *r)
{
	if (!r->busy)
		return;
	r->busy = false;
	dw_io_stop(&r->io);
	(void)close(r->fd);
	(void)dw_child_kill(&r->child, SIGKILL);
	dw_child_stop(&r->child);
}
