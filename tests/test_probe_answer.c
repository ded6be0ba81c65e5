/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Probes that send and expect, against servers that answer, do not, or do so
 * in the most awkward way.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "probe_fixture.h"

#define PING "PING\r\n"
#define PONG "^\\+PONG"

/* What a server has to say about its client. */
static int report[2];

static bool
asked(int conn, const char *what)
{
	char buf[64];
	size_t got = 0;
	ssize_t n;

	while (got < strlen(what)) {
		n = read(conn, buf + got, strlen(what) - got);
		if (n <= 0)
			return (false);
		got += (size_t)n;
	}
	return (memcmp(buf, what, got) == 0);
}

static void
pong(int conn)
{
	if (asked(conn, PING))
		put_all(conn, "+PONG\r\n", 7);
	await_close(conn);
}

static void
test_answers(void **state)
{
	struct dw_probe_result res;
	char port[8], text[64];

	(void)state;
	serve(port, pong);
	res = ask_for(port, PING, PONG, 30 * DW_SEC);
	assert_outcome(res, DW_PROBE_OK);
	assert_int_equal(res.error, 0);
	assert_true(res.latency > 0 && res.latency < PATIENCE);
	(void)snprintf(text, sizeof(text), "127.0.0.1:%s answered", port);
	assert_string_equal(res.text, text);
}

static void
test_answer_does_not_match(void **state)
{
	struct dw_probe_result res;
	char port[8];

	(void)state;
	serve(port, pong);
	res = ask_for(port, PING, "^PONG", 300 * DW_MS);
	assert_outcome(res, DW_PROBE_FAILED);
	assert_int_equal(res.error, ETIMEDOUT);
	assert_string_equal(res.text,
	    "no answer matching '^PONG' within 300ms (got \"+PONG\\r\\n\")");
}

static void
silent(int conn)
{
	await_close(conn);
}

static void
test_accepts_and_is_silent(void **state)
{
	struct dw_probe_result res;
	char port[8];

	(void)state;
	serve(port, silent);
	res = ask_for(port, PING, PONG, 200 * DW_MS);
	assert_outcome(res, DW_PROBE_FAILED);
	assert_int_equal(res.error, ETIMEDOUT);
	assert_true(res.latency >= 200 * DW_MS);
	assert_string_equal(res.text,
	    "no answer matching '^\\\\+PONG' within 200ms (got nothing)");
}

/* Nobody has accepted it, but the kernel: the usual hung server. */
static void
test_never_accepted(void **state)
{
	struct dw_probe_result res;
	char port[8];
	int fd;

	(void)state;
	fd = listen_on(port, 8);
	res = ask_for(port, PING, PONG, DW_SEC / 5);
	assert_outcome(res, DW_PROBE_FAILED);
	assert_int_equal(res.error, ETIMEDOUT);
	(void)close(fd);
}

static void
reset(int conn)
{
	struct linger linger = {.l_onoff = 1, .l_linger = 0};

	(void)asked(conn, PING);
	(void)setsockopt(conn, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

static void
test_resets(void **state)
{
	struct dw_probe_result res;
	char port[8];

	(void)state;
	serve(port, reset);
	res = ask_for(port, PING, PONG, 30 * DW_SEC);
	assert_outcome(res, DW_PROBE_FAILED);
	assert_int_equal(res.error, ECONNRESET);
}

static void
hang_up(int conn)
{
	(void)conn;
}

static void
test_closes_at_once(void **state)
{
	struct dw_probe_result res;
	char port[8];

	(void)state;
	serve(port, hang_up);
	res = ask_for(port, NULL, "^220 ", 30 * DW_SEC);
	assert_outcome(res, DW_PROBE_FAILED);
	assert_string_equal(res.text,
	    "closed without an answer matching '^220 ' (got nothing)");
	/* When it has closed before all was sent, that is a reset or this. */
	res = ask_for(port, PING, PONG, 30 * DW_SEC);
	assert_outcome(res, DW_PROBE_FAILED);
}

static void
answer_and_close(int conn)
{
	put_all(conn, "220 ready\r\n", 11);
}

static void
test_answer_then_end(void **state)
{
	char port[8];

	(void)state;
	serve(port, answer_and_close);
	assert_outcome(ask_for(port, NULL, "^220 ", 30 * DW_SEC), DW_PROBE_OK);
}

static void
byte_by_byte(int conn)
{
	static const char text[] = "one byte at a time: +PONG\r\n";
	int on = 1;
	size_t i;

	(void)setsockopt(conn, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	for (i = 0; i < sizeof(text) - 1; i++)
		put_all(conn, text + i, 1);
	await_close(conn);
}

static void
test_byte_by_byte(void **state)
{
	char port[8];

	(void)state;
	serve(port, byte_by_byte);
	assert_outcome(
	    ask_for(port, NULL, "\\+PONG", 30 * DW_SEC), DW_PROBE_OK);
}

static void
with_nuls(int conn)
{
	put_all(conn, "\0\0\0+PONG\0 and on", 16);
	await_close(conn);
}

static void
test_nul_hides_nothing(void **state)
{
	struct dw_probe_result res;
	char port[8];

	(void)state;
	serve(port, with_nuls);
	res = ask_for(port, NULL, "^...\\+PONG. and on$", 30 * DW_SEC);
	assert_outcome(res, DW_PROBE_OK);
	res = ask_for(port, NULL, "nothing of the sort", 200 * DW_MS);
	assert_outcome(res, DW_PROBE_FAILED);
	assert_non_null(strstr(res.text, "\"\\x00\\x00\\x00+PONG\\x00 and"));
}

static void
flood(int conn)
{
	static char junk[1 << 20];

	memset(junk, 'x', sizeof(junk));
	put_all(conn, junk, sizeof(junk));
	await_close(conn);
}

static void
test_flood(void **state)
{
	struct dw_probe_result res;
	char port[8];

	(void)state;
	serve(port, flood);
	res = ask_for(port, NULL, "y", 60 * DW_SEC);
	assert_outcome(res, DW_PROBE_FAILED);
	assert_string_equal(res.text,
	    "no answer matching 'y' in 65536 bytes "
	    "(got \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\")");
}

/* Just as much as is looked at, its last bytes being the answer. */
static void
at_the_end(int conn)
{
	static char junk[65536];

	memset(junk, 'x', sizeof(junk));
	memcpy(junk + sizeof(junk) - 3, "END", 3);
	put_all(conn, junk, sizeof(junk));
	await_close(conn);
}

static void
test_match_at_the_very_end(void **state)
{
	char port[8];

	(void)state;
	serve(port, at_the_end);
	assert_outcome(ask_for(port, NULL, "END$", 60 * DW_SEC), DW_PROBE_OK);
}

static void
trickle(int conn)
{
	static char junk[20000];
	int on = 1, i;

	(void)setsockopt(conn, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	memset(junk, 'x', sizeof(junk));
	put_all(conn, junk, sizeof(junk));
	for (i = 0; i < 200; i++)
		put_all(conn, "x", 1);
	put_all(conn, "END", 3);
	await_close(conn);
}

/* What does not make the answer grow by much is matched all the same. */
static void
test_small_end_of_long_answer(void **state)
{
	struct dw_probe_result res;
	char port[8];

	(void)state;
	serve(port, trickle);
	res = ask_for(port, NULL, "END", 60 * DW_SEC);
	assert_outcome(res, DW_PROBE_OK);
	assert_true(res.latency < 40 * DW_SEC);
}

static void
count_bytes(int conn)
{
	static char buf[65536];
	size_t total = 0;
	ssize_t n;

	while ((n = read(conn, buf, sizeof(buf))) > 0)
		total += (size_t)n;
	put_all(report[1], (const char *)&total, sizeof(total));
}

/* Far more than a socket takes at once. */
static void
test_sends_in_pieces(void **state)
{
	static char data[16 << 20];
	char port[8];
	size_t total;
	struct dw_probe_tcp tcp = {.host = "127.0.0.1",
	    .port = port,
	    .timeout = 60 * DW_SEC,
	    .send = data,
	    .send_len = sizeof(data)};
	struct dw_probe_result res;

	(void)state;
	assert_int_equal(pipe(report), 0);
	serve(port, count_bytes);
	res = ask(&tcp);
	assert_outcome(res, DW_PROBE_OK);
	assert_non_null(strstr(res.text, "took what was sent"));
	assert_int_equal(read(report[0], &total, sizeof(total)), sizeof(total));
	assert_int_equal(total, sizeof(data));
	(void)close(report[0]);
	(void)close(report[1]);
}

static void
test_send_not_taken(void **state)
{
	static char data[16 << 20];
	char port[8];
	struct dw_probe_tcp tcp = {.host = "127.0.0.1",
	    .port = port,
	    .timeout = 300 * DW_MS,
	    .send = data,
	    .send_len = sizeof(data)};
	struct dw_probe_result res;
	int fd;

	(void)state;
	fd = listen_on(port, 8);
	res = ask(&tcp);
	assert_outcome(res, DW_PROBE_FAILED);
	assert_int_equal(res.error, ETIMEDOUT);
	assert_non_null(strstr(res.text, "not taken within 300ms"));
	(void)close(fd);
}

static void
tell_how_it_ended(int conn)
{
	char greeting[3000], c;
	int error;

	memset(greeting, 'x', sizeof(greeting));
	memcpy(greeting, "220 ", 4);
	put_all(conn, greeting, sizeof(greeting));
	error = read(conn, &c, 1) == 0 ? 0 : errno;
	put_all(report[1], (const char *)&error, sizeof(error));
}

/* An answer that is longer than was looked at must not become a reset. */
static void
test_server_sees_no_reset(void **state)
{
	char port[8];
	int error = -1;

	(void)state;
	assert_int_equal(pipe(report), 0);
	serve(port, tell_how_it_ended);
	assert_outcome(ask_for(port, NULL, "^220 ", 60 * DW_SEC), DW_PROBE_OK);
	assert_int_equal(read(report[0], &error, sizeof(error)), sizeof(error));
	assert_int_equal(error, 0);
	(void)close(report[0]);
	(void)close(report[1]);
}

/* Turn until the probe has connected and sent, then stand still. */
static void
stand_still(int64_t until)
{
	struct timespec ts = {.tv_nsec = 1000000};

	while (dw_clock() < until)
		(void)nanosleep(&ts, NULL);
}

static void
late(const char *port, const char *expect, int64_t pause, struct told *t)
{
	struct dw_probe probe = {.cb = note, .arg = t};
	struct dw_probe_tcp tcp = {.host = "127.0.0.1",
	    .port = port,
	    .timeout = 300 * DW_MS,
	    .send = PING,
	    .send_len = strlen(PING),
	    .expect = expect};
	int64_t start = dw_clock();

	assert_int_equal(dw_probe_tcp(loop, &probe, &tcp), 0);
	/* Begin; connected, and sent. */
	assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_int_equal(dw_loop_step(loop, 100 * DW_MS), 0);
	stand_still(start + tcp.timeout + pause);
	turn_until(&t->calls, 1);
}

/* The answer was there in time, we were not. */
static void
test_answer_before_late_deadline(void **state)
{
	struct told t = {0};
	char port[8];

	(void)state;
	serve(port, pong);
	late(port, PONG, 200 * DW_MS, &t);
	assert_outcome(t.res, DW_PROBE_OK);
}

static void
long_answer(int conn)
{
	static char junk[30000];

	(void)asked(conn, PING);
	memset(junk, 'x', sizeof(junk));
	memcpy(junk + sizeof(junk) - 6, "+PONG\n", 6);
	put_all(conn, junk, sizeof(junk));
	await_close(conn);
}

/* Nor does it matter that it cannot be read in one turn. */
static void
test_long_answer_before_late_deadline(void **state)
{
	struct told t = {0};
	char port[8];

	(void)state;
	serve(port, long_answer);
	late(port, "\\+PONG", 200 * DW_MS, &t);
	assert_outcome(t.res, DW_PROBE_OK);
}

/* We were away for so long that the server is not to blame. */
static void
test_late_is_unknown(void **state)
{
	struct told t = {0};
	char port[8];

	(void)state;
	serve(port, silent);
	late(port, PONG, 800 * DW_MS, &t);
	assert_outcome(t.res, DW_PROBE_UNKNOWN);
	assert_int_equal(t.res.error, ETIMEDOUT);
}

static void
answer_and_go(int conn)
{
	put_all(conn, "220 ready\r\n", 11);
	(void)shutdown(conn, SHUT_RDWR);
	(void)close(conn);
	put_all(report[1], "", 1);
}

/* It has said what was expected, and closed before all was sent. */
static void
test_answer_of_one_that_does_not_listen(void **state)
{
	static char data[16 << 20];
	struct told t = {0};
	struct dw_probe probe = {.cb = note, .arg = &t};
	char port[8], c;
	struct dw_probe_tcp tcp = {.host = "127.0.0.1",
	    .port = port,
	    .timeout = PATIENCE,
	    .send = data,
	    .send_len = sizeof(data),
	    .expect = "^220 "};

	(void)state;
	assert_int_equal(pipe(report), 0);
	serve(port, answer_and_go);
	assert_int_equal(dw_probe_tcp(loop, &probe, &tcp), 0);
	assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_int_equal(read(report[0], &c, 1), 1);
	turn_until(&t.calls, 1);
	assert_outcome(t.res, DW_PROBE_OK);
	(void)close(report[0]);
	(void)close(report[1]);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_answers),
	    TEST(test_answer_does_not_match),
	    TEST(test_accepts_and_is_silent),
	    TEST(test_never_accepted),
	    TEST(test_resets),
	    TEST(test_closes_at_once),
	    TEST(test_answer_then_end),
	    TEST(test_byte_by_byte),
	    TEST(test_nul_hides_nothing),
	    TEST(test_flood),
	    TEST(test_match_at_the_very_end),
	    TEST(test_small_end_of_long_answer),
	    TEST(test_sends_in_pieces),
	    TEST(test_send_not_taken),
	    TEST(test_server_sees_no_reset),
	    TEST(test_answer_before_late_deadline),
	    TEST(test_long_answer_before_late_deadline),
	    TEST(test_late_is_unknown),
	    TEST(test_answer_of_one_that_does_not_listen),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
