/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The supervisor's side of the prober, with the real program.  One that does
 * everything wrong is in test_prober_fake.c.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/wait.h>

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

#include "prober_fixture.h"

#define MANY 2000

static void
test_started_when_asked(void **state)
{
	static struct query q;
	char port[8];
	int fd;

	(void)state;
	fd = listen_on(port, 8);
	make_prober(real);
	assert_int_equal(prober_pid(prober), 0);
	/* Nothing to do: no timer, no process. */
	assert_int_equal(dw_loop_run(loop), 0);
	ask_of(&q, port, PATIENCE);
	await_answer(&q);
	assert_outcome(q.told.res, DW_PROBE_OK);
	assert_true(q.told.res.latency > 0);
	assert_non_null(strstr(q.told.res.text, "accepted"));
	assert_true(prober_pid(prober) > 0);
	assert_int_equal(nstarts, 1);
	(void)close(fd);
	ask_of(&q, port, PATIENCE);
	await_answer(&q);
	assert_outcome(q.told.res, DW_PROBE_FAILED);
	assert_int_equal(q.told.res.error, ECONNREFUSED);
	assert_int_equal(nstarts, 1);
}

static void
pong(int conn)
{
	char buf[6];

	if (recv(conn, buf, sizeof(buf), MSG_WAITALL) == 6 &&
	    memcmp(buf, "PI\0NG\n", 6) == 0)
		put_all(conn, "+PONG\r\n", 7);
	await_close(conn);
}

static void
test_send_expect_and_names(void **state)
{
	static struct query q;
	char port[8];

	(void)state;
	serve(port, pong);
	make_prober(real);
	memset(&q, 0, sizeof(q));
	q.q.cb = answered;
	q.q.arg = &q;
	q.tcp = (struct dw_probe_tcp) {.host = "localhost",
	    .port = port,
	    .timeout = PATIENCE,
	    .send = "PI\0NG\n",
	    .send_len = 6,
	    .expect = "^\\+PONG"};
	assert_int_equal(prober_ask(prober, &q.q, &q.tcp), 0);
	await_answer(&q);
	assert_outcome(q.told.res, DW_PROBE_OK);
	/* An expression that is none: our mistake, not the service's. */
	q.told.calls = 0;
	q.tcp.expect = "(";
	assert_int_equal(prober_ask(prober, &q.q, &q.tcp), 0);
	await_answer(&q);
	assert_outcome(q.told.res, DW_PROBE_UNKNOWN);
	assert_int_equal(q.told.res.error, EINVAL);
	assert_int_equal(nstarts, 1);
}

/* More than a socket takes, before it is read at all. */
static void
test_many_at_once(void **state)
{
	static struct query q[MANY];
	char port[8];
	int i;

	(void)state;
	serve_on(listen_on(port, MANY), await_close);
	make_prober(real);
	for (i = 0; i < MANY; i++)
		ask_of(&q[i], port, PATIENCE);
	for (i = 0; i < MANY; i++)
		await_answer(&q[i]);
	for (i = 0; i < MANY; i++) {
		assert_int_equal(q[i].told.calls, 1);
		/*
		 * How many files it may open is not ours to say; FreeBSD has
		 * somaxconn, 128, wait, and resets the others.
		 */
		if (q[i].told.res.error != EMFILE &&
		    q[i].told.res.error != ECONNRESET)
			assert_outcome(q[i].told.res, DW_PROBE_OK);
	}
	assert_int_equal(nstarts, 1);
}

static void
test_refused_queries(void **state)
{
	static char long_text[WIRE_DATA_MAX + 2];
	const struct dw_probe_tcp good = {
	    .host = "::1", .port = "80", .timeout = DW_SEC};
	struct dw_probe_tcp bad[9];
	static struct query q;
	size_t i;

	(void)state;
	make_prober(real);
	memset(long_text, 'x', sizeof(long_text) - 1);
	for (i = 0; i < 9; i++)
		bad[i] = good;
	bad[0].host = NULL;
	bad[1].host = long_text;
	bad[2].port = NULL;
	bad[3].port = long_text;
	bad[4].timeout = 0;
	bad[5].timeout = WIRE_TIMEOUT_MAX + 1;
	bad[6].expect = long_text;
	bad[7].expect = "";
	bad[8].send = long_text;
	bad[8].send_len = WIRE_DATA_MAX;
	bad[8].expect = "x";
	memset(&q, 0, sizeof(q));
	for (i = 0; i < 9; i++) {
		errno = 0;
		assert_int_equal(prober_ask(prober, &q.q, &bad[i]), -1);
		assert_int_equal(errno, EINVAL);
		assert_null(q.q.prober);
	}
	prober_cancel(&q.q);
	ask_of(&q, "80", DW_SEC);
	assert_int_equal(prober_ask(prober, &q.q, &good), -1);
	assert_int_equal(errno, EBUSY);
	prober_cancel(&q.q);
	/* Whom it was to be started for is gone. */
	assert_int_equal(dw_loop_run(loop), 0);
	assert_int_equal(q.told.calls, 0);
	assert_int_equal(nstarts, 0);
}

static void
test_killed_in_mid_query(void **state)
{
	static struct query q[5];
	struct hole hole;
	char port[8], text[64];
	pid_t pid;
	int fd, i;

	(void)state;
	open_hole(&hole);
	fd = listen_on(port, 8);
	make_prober(real);
	assert_serves(port);
	pid = prober_pid(prober);
	for (i = 0; i < 5; i++)
		ask_of(&q[i], hole.port, PATIENCE);
	assert_int_equal(kill(pid, SIGKILL), 0);
	for (i = 0; i < 5; i++)
		await_answer(&q[i]);
	(void)snprintf(
	    text, sizeof(text), "prober: pid %d died of signal 9", (int)pid);
	for (i = 0; i < 5; i++) {
		assert_int_equal(q[i].told.calls, 1);
		assert_outcome(q[i].told.res, DW_PROBE_UNKNOWN);
		assert_string_equal(q[i].told.res.text, text);
	}
	assert_string_equal(last_event, text + strlen("prober: "));
	assert_int_equal(prober_pid(prober), 0);
	/* The next one is started at once. */
	assert_serves(port);
	assert_true(prober_pid(prober) > 0 && prober_pid(prober) != pid);
	assert_int_equal(nstarts, 2);
	close_hole(&hole);
	(void)close(fd);
}

static void
test_stopped_is_killed_and_started_again(void **state)
{
	int64_t end = dw_clock() + PATIENCE;
	static struct query q[3];
	char port[8];
	pid_t pid;
	int fd, i;

	(void)state;
	fd = listen_on(port, 64);
	make_prober(real);
	assert_serves(port);
	pid = prober_pid(prober);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	while (prober_pid(prober) == pid && dw_clock() < end) {
		for (i = 0; i < 3; i++)
			ask_of(&q[i], port, 100 * DW_MS);
		for (i = 0; i < 3; i++) {
			await_answer(&q[i]);
			/* Asked too late, the next one may have it. */
			if (prober_pid(prober) == pid)
				assert_outcome(q[i].told.res, DW_PROBE_UNKNOWN);
		}
	}
	assert_int_not_equal(prober_pid(prober), pid);
	assert_true(hung);
	assert_serves(port);
	(void)close(fd);
}

/* One answer in time is a sign of life, however many are late. */
static void
test_one_slow_query_is_no_hang(void **state)
{
	static struct query q;
	char port[8];
	pid_t pid;
	int fd, i;

	(void)state;
	fd = listen_on(port, 64);
	make_prober(real);
	assert_serves(port);
	pid = prober_pid(prober);
	for (i = 0; i < 4; i++) {
		assert_int_equal(kill(pid, SIGSTOP), 0);
		ask_of(&q, port, 1 * DW_MS);
		await_answer(&q);
		assert_outcome(q.told.res, DW_PROBE_UNKNOWN);
		assert_int_equal(kill(pid, SIGCONT), 0);
		assert_serves(port);
	}
	assert_int_equal(prober_pid(prober), pid);
	assert_int_equal(nstarts, 1);
	(void)close(fd);
}

static void
test_cancelled(void **state)
{
	static struct query q[3];
	char port[8];
	int fd;

	(void)state;
	fd = listen_on(port, 8);
	make_prober(real);
	/* In the queue, then sent. */
	ask_of(&q[0], port, PATIENCE);
	prober_cancel(&q[0].q);
	assert_serves(port);
	ask_of(&q[1], port, PATIENCE);
	assert_true(q[1].q.sent);
	prober_cancel(&q[1].q);
	assert_false(dw_timer_active(&q[1].q.timer));
	prober_cancel(&q[1].q);
	assert_serves(port);
	assert_int_equal(q[0].told.calls, 0);
	assert_int_equal(q[1].told.calls, 0);
	(void)close(fd);
}

/* Each is cancelled by the callback of another, or frees itself. */
static struct query *pair[2];

static void
free_both(struct prober_query *q, const struct dw_probe_result *res)
{
	(void)q;
	(void)res;
	prober_cancel(&pair[0]->q);
	prober_cancel(&pair[1]->q);
	free(pair[0]);
	free(pair[1]);
	pair[0] = pair[1] = NULL;
}

static void
test_freed_in_callback(void **state)
{
	int64_t end = dw_clock() + PATIENCE;
	struct hole hole;
	char port[8];
	int fd, i;

	(void)state;
	open_hole(&hole);
	fd = listen_on(port, 8);
	make_prober(real);
	assert_serves(port);
	for (i = 0; i < 2; i++) {
		assert_non_null(pair[i] = calloc(1, sizeof(*pair[i])));
		ask_of(pair[i], hole.port, PATIENCE);
		pair[i]->q.cb = free_both;
	}
	assert_int_equal(kill(prober_pid(prober), SIGKILL), 0);
	while (pair[0] != NULL && dw_clock() < end)
		assert_int_equal(dw_loop_step(loop, DW_SEC), 0);
	assert_null(pair[0]);
	assert_serves(port);
	close_hole(&hole);
	(void)close(fd);
}

static void
test_freed_with_queries(void **state)
{
	static struct query q;
	struct hole hole;
	char port[8];
	pid_t pid;
	int fd, before;

	(void)state;
	open_hole(&hole);
	fd = listen_on(port, 8);
	make_prober(real);
	assert_serves(port);
	pid = prober_pid(prober);
	prober_free(prober);
	await_no_children();
	assert_int_equal(kill(pid, 0), -1);
	before = count_open();

	/* Nor does it help it to be stopped. */
	make_prober(real);
	assert_serves(port);
	ask_of(&q, hole.port, 100 * DW_MS);
	assert_int_equal(kill(prober_pid(prober), SIGSTOP), 0);
	prober_free(prober);
	prober = NULL;
	await_no_children();
	assert_int_equal(count_open(), before);
	assert_int_equal(dw_loop_run(loop), 0);
	assert_int_equal(q.told.calls, 0);
	close_hole(&hole);
	(void)close(fd);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down_prober)
	const struct CMUnitTest tests[] = {
	    TEST(test_started_when_asked),
	    TEST(test_send_expect_and_names),
	    TEST(test_many_at_once),
	    TEST(test_refused_queries),
	    TEST(test_killed_in_mid_query),
	    TEST(test_stopped_is_killed_and_started_again),
	    TEST(test_one_slow_query_is_no_hang),
	    TEST(test_cancelled),
	    TEST(test_freed_in_callback),
	    TEST(test_freed_with_queries),
	};

	find_prober();
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
