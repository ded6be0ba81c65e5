/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Descriptors: what is reported of pipes, FIFOs and sockets in all their
 * states, alike over every poller; what is refused; many at once.  Stale
 * events have tests of their own.
 */

#include "config.h"

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemonwatch.h"
#include "forked.h"

static struct dw_loop *loop;

static int
setup(void **state)
{

	(void)state;
	(void)alarm(DEADLINE_S);
	loop = dw_loop_new(getenv("TEST_POLLER"));
	return (loop == NULL ? -1 : 0);
}

static int
teardown(void **state)
{

	(void)state;
	dw_loop_free(loop);
	return (0);
}

/* A watcher that remembers what it was told. */
struct heard {
	struct dw_io io; /* first: callbacks get its address */
	int calls;
	unsigned events;
};

static void
hear(struct dw_io *io, unsigned events)
{
	struct heard *h = (struct heard *)io;

	h->calls++;
	h->events = events;
}

static void
listen_to(struct heard *h, int fd, unsigned events)
{

	memset(h, 0, sizeof(*h));
	h->io.cb = hear;
	assert_int_equal(dw_io_start(loop, &h->io, fd, events), 0);
}

/* One turn that must not sleep; what h was told in it, 0 if nothing. */
static unsigned
told(struct heard *h)
{

	h->calls = 0;
	h->events = 0;
	assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_true(h->calls <= 1);
	return (h->events);
}

/* Wait until h is told something, at most for some seconds. */
static unsigned
await(struct heard *h)
{
	int64_t until = dw_clock() + 10 * DW_SEC;

	h->calls = 0;
	while (h->calls == 0) {
		assert_true(dw_clock() < until);
		assert_int_equal(dw_loop_step(loop, 100 * DW_MS), 0);
	}
	return (h->events);
}

static void
make_pipe(int p[2])
{

	assert_int_equal(pipe(p), 0);
	assert_int_equal(fcntl(p[0], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(fcntl(p[1], F_SETFL, O_NONBLOCK), 0);
}

static void
put(int fd, const char *text)
{

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void
fill(int fd)
{
	static const char zeroes[4096];

	while (write(fd, zeroes, sizeof(zeroes)) > 0)
		continue;
	assert_int_equal(errno, EAGAIN);
	while (write(fd, zeroes, 1) > 0)
		continue;
}

static void
empty(int fd)
{
	char buf[4096];

	while (read(fd, buf, sizeof(buf)) > 0)
		continue;
}

/*
 * What is refused
 */
static void
bad_arguments_are_refused(void **state)
{
	struct dw_io io = {.cb = hear};
	int p[2];

	(void)state;
	make_pipe(p);
	errno = 0;
	assert_int_equal(dw_io_start(loop, &io, -1, DW_READ), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(dw_io_start(loop, &io, 3000, DW_READ), -1);
	assert_int_equal(errno, EBADF);
	errno = 0;
	assert_int_equal(dw_io_start(loop, &io, p[0], DW_READ | DW_HUP), -1);
	assert_int_equal(errno, EINVAL);
	errno = 0;
	assert_int_equal(dw_io_modify(&io, DW_READ), -1);
	assert_int_equal(errno, EINVAL);
	dw_io_stop(&io);
	/* None of these left anything behind. */
	assert_int_equal(dw_loop_run(loop), 0);
	assert_int_equal(dw_io_start(loop, &io, p[0], DW_READ), 0);
	errno = 0;
	assert_int_equal(dw_io_modify(&io, 0x80), -1);
	assert_int_equal(errno, EINVAL);
	dw_io_stop(&io);
	(void)close(p[0]);
	(void)close(p[1]);
}

static void
one_watcher_for_each_descriptor(void **state)
{
	struct heard a, b;
	int p[2], q[2];

	(void)state;
	make_pipe(p);
	make_pipe(q);
	listen_to(&a, p[0], DW_READ);
	memset(&b, 0, sizeof(b));
	b.io.cb = hear;
	errno = 0;
	assert_int_equal(dw_io_start(loop, &b.io, p[0], DW_READ), -1);
	assert_int_equal(errno, EEXIST);
	/* Nor one descriptor more for a watcher. */
	errno = 0;
	assert_int_equal(dw_io_start(loop, &a.io, q[0], DW_READ), -1);
	assert_int_equal(errno, EEXIST);
	put(p[1], "x");
	assert_int_equal(told(&a), DW_READ);
	assert_int_equal(b.calls, 0);
	dw_io_stop(&a.io);
	assert_int_equal(dw_io_start(loop, &b.io, p[0], DW_READ), 0);
	assert_int_equal(told(&b), DW_READ);
	dw_io_stop(&b.io);
	(void)close(p[0]);
	(void)close(p[1]);
	(void)close(q[0]);
	(void)close(q[1]);
}

static void
refuse(int fd)
{
	struct dw_io io = {.cb = hear};

	assert_true(fd >= 0);
	errno = 0;
	assert_int_equal(dw_io_start(loop, &io, fd, DW_READ), -1);
	assert_int_equal(errno, EPERM);
	errno = 0;
	assert_int_equal(dw_io_start(loop, &io, fd, DW_WRITE), -1);
	assert_int_equal(errno, EPERM);
	/* Paused it may be; to go on it may not. */
	assert_int_equal(dw_io_start(loop, &io, fd, 0), 0);
	errno = 0;
	assert_int_equal(dw_io_modify(&io, DW_READ), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(dw_loop_step(loop, 0), 0);
	dw_io_stop(&io);
	assert_int_equal(close(fd), 0);
}

static void
what_cannot_be_waited_for_is_refused(void **state)
{
	char path[] = "/tmp/test_loop.XXXXXX";

	(void)state;
	refuse(open("/dev/null", O_RDWR | O_CLOEXEC));
	refuse(open("/dev/zero", O_RDWR | O_CLOEXEC));
	refuse(open("/", O_RDONLY | O_CLOEXEC));
	refuse(mkstemp(path));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(dw_loop_run(loop), 0);
}

/*
 * Pipes and FIFOs
 */
static void
level_triggered(void **state)
{
	struct heard r, w;
	int p[2];

	(void)state;
	make_pipe(p);
	listen_to(&r, p[0], DW_READ);
	listen_to(&w, p[1], DW_WRITE);
	assert_int_equal(told(&r), 0);
	assert_int_equal(w.events, DW_WRITE);
	put(p[1], "ab");
	assert_int_equal(told(&r), DW_READ);
	assert_int_equal(told(&r), DW_READ);
	empty(p[0]);
	assert_int_equal(told(&r), 0);
	fill(p[1]);
	assert_int_equal(told(&w), 0);
	empty(p[0]);
	assert_int_equal(told(&w), DW_WRITE);
	dw_io_stop(&r.io);
	dw_io_stop(&w.io);
	assert_int_equal(told(&r), 0);
	(void)close(p[0]);
	(void)close(p[1]);
}

static void
the_other_end_of_a_pipe_is_closed(void **state)
{
	struct heard r, w;
	int p[2];

	(void)state;
	make_pipe(p);
	listen_to(&r, p[0], DW_READ);
	put(p[1], "x");
	assert_int_equal(close(p[1]), 0);
	/* Data and end together, then the end alone, for as long as it takes.*/
	assert_int_equal(told(&r), DW_READ | DW_HUP);
	empty(p[0]);
	assert_int_equal(told(&r), DW_READ | DW_HUP);
	assert_int_equal(told(&r), DW_READ | DW_HUP);
	dw_io_stop(&r.io);
	assert_int_equal(close(p[0]), 0);

	make_pipe(p);
	listen_to(&w, p[1], DW_WRITE);
	assert_int_equal(close(p[0]), 0);
	assert_int_equal(told(&w), DW_WRITE | DW_HUP);
	dw_io_stop(&w.io);
	/* And when it is gone before anybody watches. */
	listen_to(&w, p[1], DW_WRITE);
	assert_int_equal(told(&w), DW_WRITE | DW_HUP);
	assert_int_equal(told(&w), DW_WRITE | DW_HUP);
	assert_int_equal(dw_io_modify(&w.io, 0), 0);
	assert_int_equal(told(&w), 0);
	dw_io_stop(&w.io);
	assert_int_equal(close(p[1]), 0);
}

static void
a_fifo_without_writer_is_silent(void **state)
{
	char dir[] = "/tmp/test_loop.XXXXXX", path[64];
	struct heard r;
	int fd, writer;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/fifo", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd >= 0);
	listen_to(&r, fd, DW_READ);
	assert_int_equal(told(&r), 0);
	writer = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(writer >= 0);
	assert_int_equal(told(&r), 0);
	put(writer, "x");
	assert_int_equal(told(&r), DW_READ);
	empty(fd);
	assert_int_equal(told(&r), 0);
	assert_int_equal(close(writer), 0);
	assert_int_equal(told(&r), DW_READ | DW_HUP);
	/* The next writer ends that. */
	writer = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(writer >= 0);
	assert_int_equal(told(&r), 0);
	put(writer, "y");
	assert_int_equal(told(&r), DW_READ);
	dw_io_stop(&r.io);
	(void)close(writer);
	(void)close(fd);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

/*
 * Sockets
 */
static void
half_closed_sockets(void **state)
{
	struct heard h;
	int s[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	assert_int_equal(fcntl(s[0], F_SETFL, O_NONBLOCK), 0);
	listen_to(&h, s[0], DW_READ | DW_WRITE);
	assert_int_equal(told(&h), DW_WRITE);
	/* The peer says no more: its end is read, no hangup; it still hears. */
	assert_int_equal(shutdown(s[1], SHUT_WR), 0);
	assert_int_equal(told(&h), DW_READ | DW_WRITE);
	empty(s[0]);
	assert_int_equal(told(&h), DW_READ | DW_WRITE);
	put(s[0], "x");
	assert_int_equal(dw_io_modify(&h.io, DW_READ), 0);
	assert_int_equal(told(&h), DW_READ);
	/* Both directions: gone. */
	assert_int_equal(close(s[1]), 0);
	assert_int_equal(told(&h), DW_READ | DW_HUP);
	assert_int_equal(dw_io_modify(&h.io, DW_WRITE), 0);
	assert_int_equal(told(&h), DW_WRITE | DW_HUP);
	dw_io_stop(&h.io);
	assert_int_equal(close(s[0]), 0);
}

/* A TCP socket that listens on the loopback, and its address. */
static int
listener(struct sockaddr_in *sin)
{
	socklen_t len = sizeof(*sin);
	int fd;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(fd >= 0);
	memset(sin, 0, sizeof(*sin));
	sin->sin_family = AF_INET;
	sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(
	    bind(fd, (const struct sockaddr *)sin, sizeof(*sin)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)sin, &len), 0);
	assert_int_equal(listen(fd, 8), 0);
	return (fd);
}

static int
connect_to(const struct sockaddr_in *sin)
{
	int fd;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(fd >= 0);
	if (connect(fd, (const struct sockaddr *)sin, sizeof(*sin)) == -1)
		assert_int_equal(errno, EINPROGRESS);
	return (fd);
}

static int
socket_error(int fd)
{
	socklen_t len = sizeof(int);
	int error;

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
	return (error);
}

static void
connecting(void **state)
{
	struct heard c, l;
	struct sockaddr_in sin;
	int accepted, client, server;

	(void)state;
	server = listener(&sin);
	listen_to(&l, server, DW_READ);
	assert_int_equal(told(&l), 0);
	client = connect_to(&sin);
	listen_to(&c, client, DW_WRITE);
	assert_int_equal(await(&c), DW_WRITE);
	assert_int_equal(socket_error(client), 0);
	assert_int_equal(await(&l), DW_READ);
	accepted = accept(server, NULL, NULL);
	assert_true(accepted >= 0);
	assert_int_equal(told(&l), 0);
	dw_io_stop(&l.io);
	dw_io_stop(&c.io);
	(void)close(accepted);
	(void)close(client);
	(void)close(server);
}

static void
a_connect_is_refused(void **state)
{
	struct heard c;
	struct sockaddr_in sin;
	int client;

	(void)state;
	(void)close(listener(&sin));
	client = connect_to(&sin);
	listen_to(&c, client, DW_WRITE);
	assert_int_equal(await(&c), DW_WRITE | DW_HUP);
	assert_int_equal(socket_error(client), ECONNREFUSED);
	dw_io_stop(&c.io);
	(void)close(client);
}

static void
a_connection_is_reset(void **state)
{
	const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
	struct heard c;
	struct sockaddr_in sin;
	int accepted, client, server;
	char b;

	(void)state;
	server = listener(&sin);
	client = connect_to(&sin);
	listen_to(&c, client, DW_WRITE);
	assert_int_equal(await(&c), DW_WRITE);
	assert_int_equal(dw_io_modify(&c.io, DW_READ), 0);
	while ((accepted = accept(server, NULL, NULL)) == -1)
		assert_true(errno == EAGAIN || errno == EINTR);
	assert_int_equal(told(&c), 0);
	assert_int_equal(setsockopt(accepted, SOL_SOCKET, SO_LINGER, &at_once,
			     sizeof(at_once)),
	    0);
	assert_int_equal(close(accepted), 0);
	assert_int_equal(await(&c), DW_READ | DW_HUP);
	errno = 0;
	assert_int_equal(read(client, &b, 1), -1);
	assert_int_equal(errno, ECONNRESET);
	dw_io_stop(&c.io);
	(void)close(client);
	(void)close(server);
}

/*
 * Changing one's mind
 */
static void
modified_to_nothing_and_back(void **state)
{
	struct heard h;
	int s[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	listen_to(&h, s[0], 0);
	put(s[1], "x");
	assert_int_equal(told(&h), 0);
	assert_int_equal(dw_io_modify(&h.io, DW_READ), 0);
	assert_int_equal(told(&h), DW_READ);
	assert_int_equal(dw_io_modify(&h.io, 0), 0);
	assert_int_equal(told(&h), 0);
	/* Several at once: only the last one counts. */
	assert_int_equal(dw_io_modify(&h.io, DW_READ), 0);
	assert_int_equal(dw_io_modify(&h.io, 0), 0);
	assert_int_equal(dw_io_modify(&h.io, DW_WRITE), 0);
	assert_int_equal(told(&h), DW_WRITE);
	assert_int_equal(dw_io_modify(&h.io, DW_READ | DW_WRITE), 0);
	assert_int_equal(told(&h), DW_READ | DW_WRITE);
	assert_int_equal(dw_io_modify(&h.io, DW_READ), 0);
	assert_int_equal(told(&h), DW_READ);
	/* A paused one does not hear of a hangup, nor spin on it. */
	assert_int_equal(dw_io_modify(&h.io, 0), 0);
	assert_int_equal(close(s[1]), 0);
	assert_int_equal(told(&h), 0);
	assert_int_equal(dw_io_modify(&h.io, DW_READ), 0);
	assert_int_equal(told(&h), DW_READ | DW_HUP);
	dw_io_stop(&h.io);
	assert_int_equal(close(s[0]), 0);
}

/*
 * Many
 */
#define MANY 1000

/* Room for n descriptors, or no such test. */
static void
want_descriptors(rlim_t n)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	if (limit.rlim_cur >= n)
		return;
	if (limit.rlim_max < n)
		skip();
	limit.rlim_cur = n;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void
drain_one(struct dw_io *io, unsigned events)
{
	struct heard *h = (struct heard *)io;
	char b;

	assert_int_equal(events, DW_READ);
	assert_int_equal(read(io->fd, &b, 1), 1);
	h->calls++;
}

static void
a_thousand_descriptors(void **state)
{
	struct heard *h;
	int(*p)[2];
	int i, round, turns;

	(void)state;
	want_descriptors(2 * MANY + 100);
	h = calloc(MANY, sizeof(*h));
	p = calloc(MANY, sizeof(*p));
	assert_non_null(h);
	assert_non_null(p);
	for (i = 0; i < MANY; i++) {
		make_pipe(p[i]);
		listen_to(&h[i], p[i][0], DW_READ);
		h[i].io.cb = drain_one;
	}
	for (round = 1; round <= 3; round++) {
		for (i = 0; i < MANY; i++)
			put(p[i][1], "x");
		/* More than are taken at a time, so in more than one turn. */
		for (turns = 0; turns < 4; turns++)
			assert_int_equal(dw_loop_step(loop, 0), 0);
		for (i = 0; i < MANY; i++)
			assert_int_equal(h[i].calls, round);
	}
	/* Every other one goes, in an order that moves the others about. */
	for (i = 0; i < MANY; i += 2)
		dw_io_stop(&h[i].io);
	for (i = 0; i < MANY; i++)
		put(p[i][1], "x");
	for (turns = 0; turns < 4; turns++)
		assert_int_equal(dw_loop_step(loop, 0), 0);
	for (i = 0; i < MANY; i++)
		assert_int_equal(h[i].calls, 3 + i % 2);
	for (i = 0; i < MANY; i++) {
		dw_io_stop(&h[i].io);
		(void)close(p[i][0]);
		(void)close(p[i][1]);
	}
	assert_int_equal(dw_loop_run(loop), 0);
	free(h);
	free(p);
}

static void
count_timer(struct dw_timer *timer)
{

	++*(int *)timer->arg;
	dw_timer_start(loop, timer, 0);
}

/* All are ready all the time, none is drained; all must be heard alike. */
static void
nobody_is_starved(void **state)
{
	struct dw_timer timer = {.cb = count_timer};
	struct heard *h;
	int(*p)[2];
	int i, fired = 0, most = 0, least = 1000;

	(void)state;
	want_descriptors(2 * MANY + 100);
	h = calloc(MANY, sizeof(*h));
	p = calloc(MANY, sizeof(*p));
	assert_non_null(h);
	assert_non_null(p);
	for (i = 0; i < MANY; i++) {
		make_pipe(p[i]);
		listen_to(&h[i], p[i][0], DW_READ);
		put(p[i][1], "x");
	}
	timer.arg = &fired;
	dw_timer_start(loop, &timer, 0);
	for (i = 0; i < 40; i++)
		assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_int_equal(fired, 40);
	for (i = 0; i < MANY; i++) {
		most = h[i].calls > most ? h[i].calls : most;
		least = h[i].calls < least ? h[i].calls : least;
		dw_io_stop(&h[i].io);
		(void)close(p[i][0]);
		(void)close(p[i][1]);
	}
	assert_true(least >= 10);
	assert_true(most <= least + 20);
	dw_timer_stop(&timer);
	free(h);
	free(p);
}

static void
a_high_descriptor(void **state)
{
	struct heard h;
	int p[2], high = 3000;

	(void)state;
	want_descriptors((rlim_t)high + 1);
	make_pipe(p);
	assert_int_equal(dup2(p[0], high), high);
	listen_to(&h, high, DW_READ);
	put(p[1], "x");
	assert_int_equal(told(&h), DW_READ);
	dw_io_stop(&h.io);
	(void)close(high);
	(void)close(p[0]);
	(void)close(p[1]);
}

/* Out of descriptors: said, nothing lost, and all goes on afterwards. */
static void
run_out_of_descriptors(void)
{
	struct rlimit limit;
	struct dw_loop *l, *second;
	static struct heard h[100];
	struct dw_signal sig;
	int fds[100], i, n = 0, p[2];

	must(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	limit.rlim_cur = 100;
	must(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	must((l = dw_loop_new(getenv("TEST_POLLER"))) != NULL);
	must(pipe(p) == 0);
	while ((fds[n] = dup(p[0])) != -1) {
		h[n].io.cb = hear;
		must(dw_io_start(l, &h[n].io, fds[n], DW_READ) == 0);
		n++;
	}
	must(errno == EMFILE && n > 50);
	memset(&sig, 0, sizeof(sig));
	errno = 0;
	must(dw_signal_start(l, &sig, SIGUSR1) == -1 && errno == EMFILE);
	errno = 0;
	second = dw_loop_new(getenv("TEST_POLLER"));
	if (strcmp(dw_loop_poller(l), "poll") != 0)
		must(second == NULL && errno == EMFILE);
	else
		must(second != NULL);
	dw_loop_free(second);
	must(write(p[1], "x", 1) == 1);
	must(dw_loop_step(l, 0) == 0);
	for (i = 0; i < n; i++)
		must(h[i].calls == 1);
	/* Two less, and there is room for the pipe of signals. */
	for (i = 0; i < 2; i++) {
		dw_io_stop(&h[i].io);
		must(close(fds[i]) == 0);
	}
	must(dw_signal_start(l, &sig, SIGUSR1) == 0);
	dw_signal_stop(&sig);
	dw_loop_free(l);
}

static void
out_of_descriptors(void **state)
{

	(void)state;
	in_child(run_out_of_descriptors);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(bad_arguments_are_refused),
	    TEST(one_watcher_for_each_descriptor),
	    TEST(what_cannot_be_waited_for_is_refused),
	    TEST(level_triggered),
	    TEST(the_other_end_of_a_pipe_is_closed),
	    TEST(a_fifo_without_writer_is_silent),
	    TEST(half_closed_sockets),
	    TEST(connecting),
	    TEST(a_connect_is_refused),
	    TEST(a_connection_is_reset),
	    TEST(modified_to_nothing_and_back),
	    TEST(a_thousand_descriptors),
	    TEST(nobody_is_starved),
	    TEST(a_high_descriptor),
	    TEST(out_of_descriptors),
	};

	return (cmocka_run_group_tests_name("io", tests, NULL, NULL));
}
