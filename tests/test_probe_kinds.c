/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Probes of local sockets and by datagrams, and from an address of one's
 * choice.  What they share with TCP is tested in test_probe*.c.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <netinet/in.h>
#include <arpa/inet.h>

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

#include "probe_fixture.h"
#include "temp_dir.h"

static char dir[TEMP_DIR];
static char path[96];

static int
make_place(void **state)
{
	if (temp_dir(dir, "dw-probe") == -1)
		return (-1);
	(void)snprintf(path, sizeof(path), "%s/socket", dir);
	return (set_up(state));
}

static int
remove_place(void **state)
{
	(void)unlink(path);
	(void)rmdir(dir);
	return (tear_down(state));
}

/* A local stream socket that nobody need accept from; -1: not listening. */
static int
local(int backlog)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd != -1);
	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&un, sizeof(un)), 0);
	if (backlog >= 0)
		assert_int_equal(listen(fd, backlog), 0);
	return (fd);
}

static struct dw_probe_result
ask_unix(const char *send, const char *expect, int64_t timeout)
{
	const struct dw_probe_unix un = {.path = path,
	    .timeout = timeout,
	    .send = send,
	    .send_len = (send == NULL) ? 0 : strlen(send),
	    .expect = expect};
	struct told t = {0};
	struct dw_probe probe = {.cb = note, .arg = &t};

	assert_int_equal(dw_probe_unix(loop, &probe, &un), 0);
	turn_until(&t.calls, 1);
	return (t.res);
}

static void
test_unix_accepts(void **state)
{
	struct dw_probe_result res;
	char text[160];
	int fd = local(5);

	(void)state;
	res = ask_unix(NULL, NULL, PATIENCE);
	assert_int_equal(res.outcome, DW_PROBE_OK);
	(void)snprintf(text, sizeof(text), "%s accepted", path);
	assert_string_equal(res.text, text);
	(void)close(fd);
}

static int taken[2];
static size_t ntaken;

/* What was sent is not read: that we may do only once the loop has turned. */
static void
answer(struct dw_io *io, unsigned events)
{
	int fd = accept(io->fd, NULL, NULL);

	(void)events;
	assert_true(fd != -1 && ntaken < 2);
	assert_int_equal(send(fd, "+PONG", 5, 0), 5);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	taken[ntaken++] = fd;
}

static void
test_unix_answers(void **state)
{
	struct dw_io io = {.cb = answer};
	int fd = local(5);

	(void)state;
	assert_int_equal(dw_io_start(loop, &io, fd, DW_READ), 0);
	assert_int_equal(
	    ask_unix("PING", "^[+]PONG$", PATIENCE).outcome, DW_PROBE_OK);
	assert_int_equal(
	    ask_unix("PING", "^NO", PATIENCE).outcome, DW_PROBE_FAILED);
	assert_int_equal(ntaken, 2);
	while (ntaken > 0) {
		char got[8] = "";

		assert_int_equal(
		    recv(taken[--ntaken], got, sizeof(got), MSG_DONTWAIT), 4);
		assert_string_equal(got, "PING");
		(void)close(taken[ntaken]);
	}
	dw_io_stop(&io);
	(void)close(fd);
}

static void
test_unix_nobody_there(void **state)
{
	struct dw_probe_result res = ask_unix(NULL, NULL, PATIENCE);
	int fd;

	(void)state;
	assert_int_equal(res.outcome, DW_PROBE_FAILED);
	assert_int_equal(res.error, ENOENT);
	fd = local(-1);
	res = ask_unix(NULL, NULL, PATIENCE);
	assert_int_equal(res.outcome, DW_PROBE_FAILED);
	assert_int_equal(res.error, ECONNREFUSED);
	(void)close(fd);
	/* Left behind by one who is gone. */
	res = ask_unix(NULL, NULL, PATIENCE);
	assert_int_equal(res.outcome, DW_PROBE_FAILED);
	assert_int_equal(res.error, ECONNREFUSED);
}

static void
test_unix_not_ours_to_ask(void **state)
{
	struct dw_probe_result res;
	pid_t pid;
	int fd, status;

	(void)state;
	if (getuid() != 0)
		skip();
	fd = local(5);
	assert_int_equal(chmod(path, 0600), 0);
	if ((pid = fork()) == 0) {
		struct dw_loop *mine;

		/* Another loop: this one is the parent's. */
		if (setuid(65534) == -1 ||
		    (mine = dw_loop_new(getenv("TEST_POLLER"))) == NULL)
			_exit(2);
		dw_loop_free(loop); /* not to be lost */
		loop = mine;
		res = ask_unix(NULL, NULL, PATIENCE);
		_exit(res.outcome == DW_PROBE_UNKNOWN && res.error == EACCES ?
			0 :
			1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	(void)close(fd);
}

/* Full: Linux says so at once, and there is room before the time is over. */
static void
make_room(struct dw_timer *timer)
{
	int *fd = timer->arg, got;

	while ((got = accept(*fd, NULL, NULL)) != -1)
		(void)close(got);
}

static void
crowd(int clients[16])
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	for (int i = 0; i < 16; i++) {
		clients[i] = socket(
		    AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		assert_true(clients[i] != -1);
		(void)connect(
		    clients[i], (const struct sockaddr *)&un, sizeof(un));
	}
}

static void
test_unix_full(void **state)
{
	int fd = local(1), clients[16];
	struct dw_timer timer = {.cb = make_room, .arg = &fd};
	struct dw_probe_result res;

	(void)state;
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	crowd(clients);
	res = ask_unix(NULL, NULL, 100 * DW_MS);
	assert_int_equal(res.outcome, DW_PROBE_FAILED);
	if (on_freebsd()) {
		/* There nobody waits for room. */
		assert_int_equal(res.error, ECONNREFUSED);
	} else {
		dw_timer_start(loop, &timer, 50 * DW_MS);
		res = ask_unix(NULL, NULL, PATIENCE);
		assert_int_equal(res.outcome, DW_PROBE_OK);
	}
	for (int i = 0; i < 16; i++)
		(void)close(clients[i]);
	(void)close(fd);
}

static void
test_unix_bad(void **state)
{
	char longer[512];
	struct dw_probe_unix un = {.path = longer, .timeout = DW_SEC};
	struct dw_probe probe = {.cb = note};

	(void)state;
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(dw_probe_unix(loop, &probe, &un), -1);
	assert_int_equal(errno, EINVAL);
	un.path = "";
	assert_int_equal(dw_probe_unix(loop, &probe, &un), -1);
	un.path = path;
	un.expect = "(";
	assert_int_equal(dw_probe_unix(loop, &probe, &un), -1);
	assert_int_equal(errno, EINVAL);
}

/*
 * Datagrams
 */

static int
datagram(char port[8])
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd != -1);
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (const struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	(void)snprintf(port, 8, "%u", (unsigned)ntohs(in.sin_port));
	return (fd);
}

static struct dw_probe_result
ask_udp(
    const char *port, const char *expect, const char *source, int64_t timeout)
{
	const struct dw_probe_tcp udp = {.host = "127.0.0.1",
	    .port = port,
	    .timeout = timeout,
	    .send = "PING",
	    .send_len = 4,
	    .expect = expect,
	    .source = source};
	struct told t = {0};
	struct dw_probe probe = {.cb = note, .arg = &t};

	assert_int_equal(dw_probe_udp(loop, &probe, &udp), 0);
	turn_until(&t.calls, 1);
	return (t.res);
}

static char from[INET_ADDRSTRLEN];
static size_t answer_len = 5;

static void
answer_datagram(struct dw_io *io, unsigned events)
{
	static char reply[9000] = "+PONG";
	struct sockaddr_in in;
	socklen_t len = sizeof(in);
	char got[16];

	(void)events;
	assert_int_equal(
	    recvfrom(io->fd, got, sizeof(got), 0, (struct sockaddr *)&in, &len),
	    4);
	assert_non_null(inet_ntop(AF_INET, &in.sin_addr, from, sizeof(from)));
	assert_int_equal(sendto(io->fd, reply, answer_len, 0,
			     (const struct sockaddr *)&in, len),
	    answer_len);
}

static void
test_udp_answers(void **state)
{
	struct dw_io io = {.cb = answer_datagram};
	char port[8];
	int fd = datagram(port);

	(void)state;
	assert_int_equal(dw_io_start(loop, &io, fd, DW_READ), 0);
	assert_int_equal(
	    ask_udp(port, NULL, NULL, PATIENCE).outcome, DW_PROBE_OK);
	assert_int_equal(
	    ask_udp(port, "^[+]PONG", NULL, PATIENCE).outcome, DW_PROBE_OK);
	/* Longer than what a stream's first read takes. */
	answer_len = 9000;
	assert_int_equal(
	    ask_udp(port, "PONG", NULL, PATIENCE).outcome, DW_PROBE_OK);
	/* None is lost by being empty. */
	answer_len = 0;
	assert_int_equal(
	    ask_udp(port, NULL, NULL, PATIENCE).outcome, DW_PROBE_OK);
	answer_len = 5;
	assert_int_equal(
	    ask_udp(port, "^NO", NULL, 50 * DW_MS).outcome, DW_PROBE_FAILED);
	dw_io_stop(&io);
	(void)close(fd);
}

static void
test_udp_silent_and_gone(void **state)
{
	struct dw_probe_result res;
	char port[8];
	int fd = datagram(port);

	(void)state;
	res = ask_udp(port, NULL, NULL, 50 * DW_MS);
	assert_int_equal(res.outcome, DW_PROBE_FAILED);
	assert_int_equal(res.error, ETIMEDOUT);
	(void)close(fd);
	/* An ICMP message tells. */
	res = ask_udp(port, NULL, NULL, PATIENCE);
	assert_int_equal(res.outcome, DW_PROBE_FAILED);
	assert_int_equal(res.error, ECONNREFUSED);
}

static void
test_udp_needs_something_to_send(void **state)
{
	const struct dw_probe_tcp udp = {
	    .host = "127.0.0.1", .port = "53", .timeout = DW_SEC};
	struct dw_probe probe = {.cb = note};

	(void)state;
	assert_int_equal(dw_probe_udp(loop, &probe, &udp), -1);
	assert_int_equal(errno, EINVAL);
}

/*
 * From where
 */

static void
test_source(void **state)
{
	struct dw_io io = {.cb = answer_datagram};
	struct dw_probe_tcp udp = {.host = "127.0.0.1",
	    .port = "53",
	    .timeout = DW_SEC,
	    .send = "x",
	    .send_len = 1,
	    .source = "localhost"};
	struct dw_probe probe = {.cb = note};
	struct dw_probe_result res;
	char port[8];
	int fd = datagram(port);

	(void)state;
	assert_int_equal(dw_io_start(loop, &io, fd, DW_READ), 0);
	assert_int_equal(
	    ask_udp(port, NULL, "127.0.0.1", PATIENCE).outcome, DW_PROBE_OK);
	assert_string_equal(from, "127.0.0.1");
	/* Not an address of this machine: none of the service's fault. */
	res = ask_udp(port, NULL, "192.0.2.1", PATIENCE);
	assert_int_equal(res.outcome, DW_PROBE_UNKNOWN);
	assert_int_equal(res.error, EADDRNOTAVAIL);
	/* Of another family than where to. */
	res = ask_udp(port, NULL, "::1", PATIENCE);
	assert_int_equal(res.outcome, DW_PROBE_UNKNOWN);
	assert_int_equal(dw_probe_udp(loop, &probe, &udp), -1);
	assert_int_equal(errno, EINVAL);
	dw_io_stop(&io);
	(void)close(fd);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_place, remove_place)
	const struct CMUnitTest tests[] = {
	    TEST(test_unix_accepts),
	    TEST(test_unix_answers),
	    TEST(test_unix_nobody_there),
	    TEST(test_unix_not_ours_to_ask),
	    TEST(test_unix_full),
	    TEST(test_unix_bad),
	    TEST(test_udp_answers),
	    TEST(test_udp_silent_and_gone),
	    TEST(test_udp_needs_something_to_send),
	    TEST(test_source),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
