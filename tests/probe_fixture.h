/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What the tests of probes share: a loop, servers that misbehave (forked, on
 * loopback, ended with the test), and asking until there is an answer.
 * Included after cmocka.h.
 */
#ifndef TESTS_PROBE_FIXTURE_H
#define TESTS_PROBE_FIXTURE_H

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <netinet/in.h>
#include <arpa/inet.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/daemonwatch.h"

#define PATIENCE (60 * DW_SEC) /* with a loaded machine, and valgrind */
#define SERVERS_MAX 8

static struct dw_loop *loop;
static pid_t servers[SERVERS_MAX];
static size_t nservers;

/* An answer, and how often it came. */
struct told {
	int calls;
	struct dw_probe_result res;
};

static inline int
set_up(void **state)
{
	(void)state;
	nservers = 0;
	loop = dw_loop_new(getenv("TEST_POLLER"));
	return (loop == NULL ? -1 : 0);
}

static inline int
tear_down(void **state)
{
	(void)state;
	while (nservers > 0) {
		(void)kill(servers[--nservers], SIGKILL);
		while (
		    waitpid(servers[nservers], NULL, 0) == -1 && errno == EINTR)
			continue;
	}
	dw_loop_free(loop);
	loop = NULL;
	return (0);
}

/* A socket bound to a free port of addr, or to *port if that is not 0. */
static inline int
bind_to(const char *addr, in_port_t *port)
{
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);
	int fd;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_port = htons(*port);
	assert_int_equal(inet_pton(AF_INET, addr, &sin.sin_addr), 1);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd != -1);
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) == -1) {
		(void)close(fd);
		return (-1);
	}
	*port = ntohs(sin.sin_port);
	return (fd);
}

/* The same, listening; its port as text. */
static inline int
listen_on(char port[8], int backlog)
{
	in_port_t n = 0;
	int fd = bind_to("127.0.0.1", &n);

	assert_true(fd != -1);
	assert_int_equal(listen(fd, backlog), 0);
	(void)snprintf(port, 8, "%u", (unsigned)n);
	return (fd);
}

/* A process that gives each connection to f, one after the other. */
static inline void
serve_on(int fd, void (*f)(int))
{
	pid_t pid;
	int conn;

	assert_true(nservers < SERVERS_MAX);
	(void)fflush(NULL);
	pid = fork();
	assert_true(pid != -1);
	if (pid == 0) {
		(void)signal(SIGPIPE, SIG_IGN);
		(void)alarm(120);
		while ((conn = accept(fd, NULL, NULL)) != -1) {
			f(conn);
			(void)close(conn);
		}
		_exit(1);
	}
	servers[nservers++] = pid;
	(void)close(fd);
}

static inline void
serve(char port[8], void (*f)(int))
{
	serve_on(listen_on(port, 128), f);
}

/* Read until the other side has closed. */
static inline void
await_close(int conn)
{
	char buf[4096];

	while (read(conn, buf, sizeof(buf)) > 0)
		continue;
}

static inline void
put_all(int conn, const char *s, size_t len)
{
	ssize_t n;

	for (; len > 0; s += n, len -= (size_t)n) {
		if ((n = write(conn, s, len)) <= 0)
			return;
	}
}

/* A port where connecting hangs: the sockets that fill it are in fds. */
struct hole {
	int listener;
	int fds[64];
	size_t n;
	char port[8];
};

static inline bool
on_freebsd(void)
{
	struct utsname host;

	return (uname(&host) == 0 && strcmp(host.sysname, "FreeBSD") == 0);
}

/*
 * Connect until one gets no answer.  FreeBSD answers, by cookies at the
 * latest, and takes it back with a RST: there is no such port there.
 */
static inline void
fill(struct hole *h, int listener)
{
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);
	struct pollfd pfd = {.events = POLLOUT};

	h->listener = listener;
	h->n = 0;
	assert_int_equal(listen(listener, 0), 0);
	assert_int_equal(
	    getsockname(listener, (struct sockaddr *)&sin, &len), 0);
	(void)snprintf(
	    h->port, sizeof(h->port), "%u", (unsigned)ntohs(sin.sin_port));
	do {
		if (h->n == sizeof(h->fds) / sizeof(h->fds[0]) &&
		    on_freebsd()) {
			print_message("a full backlog answers here\n");
			while (h->n > 0)
				(void)close(h->fds[--h->n]);
			(void)close(listener);
			skip();
		}
		assert_true(h->n < sizeof(h->fds) / sizeof(h->fds[0]));
		pfd.fd = socket(
		    AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		assert_true(pfd.fd != -1);
		h->fds[h->n++] = pfd.fd;
		(void)connect(pfd.fd, (struct sockaddr *)&sin, sizeof(sin));
	} while (poll(&pfd, 1, 200) == 1);
}

static inline void
open_hole(struct hole *h)
{
	in_port_t port = 0;
	int fd = bind_to("127.0.0.1", &port);

	assert_true(fd != -1);
	fill(h, fd);
}

static inline void
close_hole(struct hole *h)
{
	while (h->n > 0)
		(void)close(h->fds[--h->n]);
	(void)close(h->listener);
}

static inline void
note(struct dw_probe *probe, const struct dw_probe_result *res)
{
	struct told *t = probe->arg;

	t->calls++;
	t->res = *res;
}

/* Turn until *n reaches want. */
static inline void
turn_until(const int *n, int want)
{
	int64_t end = dw_clock() + PATIENCE;

	while (*n < want && dw_clock() < end)
		assert_int_equal(dw_loop_step(loop, DW_SEC), 0);
	assert_int_equal(*n, want);
}

static inline struct dw_probe_result
ask(const struct dw_probe_tcp *tcp)
{
	struct told t = {0};
	struct dw_probe probe = {.cb = note, .arg = &t};

	assert_int_equal(dw_probe_tcp(loop, &probe, tcp), 0);
	assert_int_equal(t.calls, 0);
	turn_until(&t.calls, 1);
	assert_null(probe.run);
	/* Its text tells something, is ended and can be shown. */
	assert_true(
	    memchr(t.res.text, '\0', sizeof(t.res.text)) > (void *)t.res.text);
	return (t.res);
}

static inline struct dw_probe_result
ask_for(const char *port, const char *send, const char *expect, int64_t timeout)
{
	struct dw_probe_tcp tcp = {.host = "127.0.0.1",
	    .port = port,
	    .timeout = timeout,
	    .send = send,
	    .send_len = send == NULL ? 0 : strlen(send),
	    .expect = expect};

	return (ask(&tcp));
}

static inline int
count_open(void)
{
	int fd, n;

	for (fd = n = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return (n);
}

static inline void
limit_descriptors(rlim_t cur)
{
	struct rlimit rl;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &rl), 0);
	rl.rlim_cur = cur;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &rl), 0);
}

/* Turn until no child is left, zombies included. */
static inline void
await_no_children(void)
{
	int64_t end = dw_clock() + PATIENCE;
	siginfo_t si;

	while (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	    dw_clock() < end)
		assert_int_equal(dw_loop_step(loop, DW_MS), 0);
	assert_int_equal(
	    waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT), -1);
	assert_int_equal(errno, ECHILD);
}

/* Stop it after so many turns: nothing is left, and nothing is told. */
static inline void
stop_after(const struct dw_probe_tcp *tcp, int turns)
{
	struct told t = {0};
	struct dw_probe probe = {.cb = note, .arg = &t};
	int before = count_open(), i;

	assert_int_equal(dw_probe_tcp(loop, &probe, tcp), 0);
	for (i = 0; i < turns; i++)
		assert_int_equal(dw_loop_step(loop, 20 * DW_MS), 0);
	assert_int_equal(t.calls, 0);
	errno = 4711;
	dw_probe_stop(&probe);
	assert_int_equal(errno, 4711);
	dw_probe_stop(&probe);
	assert_int_equal(count_open(), before);
	assert_int_equal(dw_loop_run(loop), 0);
	assert_int_equal(t.calls, 0);
}

/* The outcome, with the text shown when it is another. */
#define assert_outcome(res, want)                                              \
	do {                                                                   \
		if ((res).outcome != (want))                                   \
			print_error("\"%s\" (%d)\n", (res).text, (res).error); \
		assert_int_equal((res).outcome, (want));                       \
	} while (0)

#endif
