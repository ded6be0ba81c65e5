/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Descriptors: what is reported of pipes, FIFOs and sockets in all their
 * states, alike over every poller; what is refused.  Stale events and many at
 * once have tests of their own.
 */

#include "config.h"

#include <sys/types.h>
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

#include "io_fixture.h"
#include "temp_dir.h"

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
	char dir[TEMP_DIR], path[64];

	(void)state;
	refuse(open("/dev/null", O_RDWR | O_CLOEXEC));
	refuse(open("/dev/zero", O_RDWR | O_CLOEXEC));
	refuse(open("/", O_RDONLY | O_CLOEXEC));
	assert_int_equal(temp_dir(dir, "test_loop"), 0);
	(void)snprintf(path, sizeof(path), "%s/file", dir);
	refuse(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
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
	char dir[TEMP_DIR], path[64];
	struct heard r;
	int fd, writer;

	(void)state;
	assert_int_equal(temp_dir(dir, "test_loop"), 0);
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

static int listener(struct sockaddr_in *sin);
static int connect_to(const struct sockaddr_in *sin);

/* Of TCP a close is no more than that; both directions are our doing, too. */
static void
half_closed_tcp(void **state)
{
	struct heard h;
	struct sockaddr_in sin;
	int accepted, client, server;

	(void)state;
	server = listener(&sin);
	client = connect_to(&sin);
	listen_to(&h, client, DW_WRITE);
	assert_int_equal(await(&h), DW_WRITE);
	while ((accepted = accept(server, NULL, NULL)) == -1)
		assert_true(errno == EAGAIN || errno == EINTR);
	assert_int_equal(dw_io_modify(&h.io, DW_READ), 0);
	assert_int_equal(told(&h), 0);
	assert_int_equal(shutdown(accepted, SHUT_WR), 0);
	assert_int_equal(await(&h), DW_READ);
	empty(client);
	assert_int_equal(dw_io_modify(&h.io, DW_READ | DW_WRITE), 0);
	assert_int_equal(told(&h), DW_READ | DW_WRITE);
	put(client, "x");
	/* The other direction: nothing is left. */
	assert_int_equal(shutdown(client, SHUT_WR), 0);
	assert_int_equal(told(&h), DW_READ | DW_WRITE | DW_HUP);
	assert_int_equal(dw_io_modify(&h.io, DW_READ), 0);
	assert_int_equal(told(&h), DW_READ | DW_HUP);
	dw_io_stop(&h.io);
	(void)close(accepted);
	(void)close(client);
	(void)close(server);
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
	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(client >= 0);
	assert_int_equal(
	    connect(client, (const struct sockaddr *)&sin, sizeof(sin)), -1);
	if (errno == ECONNREFUSED) { /* FreeBSD's loopback: there and then */
		(void)close(client);
		skip();
	}
	assert_int_equal(errno, EINPROGRESS);
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
	    TEST(half_closed_tcp),
	    TEST(connecting),
	    TEST(a_connect_is_refused),
	    TEST(a_connection_is_reset),
	    TEST(modified_to_nothing_and_back),
	};

	return (cmocka_run_group_tests_name("io", tests, NULL, NULL));
}
