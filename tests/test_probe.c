/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Probes: connecting, deadlines, whose fault it is, many at once, start and
 * stop.  Names are in test_probe_names.c, answers in test_probe_answer.c.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <netinet/in.h>
#include <arpa/inet.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <setjmp.h>
#include <signal.h>
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
#include "fake_connect.h"

#define MANY 1000

/* A port where nobody listens. */
static void
free_port(char port[8])
{
	in_port_t n = 0;
	int fd = bind_to("127.0.0.1", &n);

	assert_true(fd != -1);
	(void)close(fd);
	(void)snprintf(port, 8, "%u", (unsigned)n);
}

/*
 * Connecting
 */

static void
test_connects(void **state)
{
	struct dw_probe_result res;
	char port[8], text[64];
	int fd;

	(void)state;
	fd = listen_on(port, 8);
	res = ask_host("127.0.0.1", port, 30 * DW_SEC);
	assert_outcome(res, DW_PROBE_OK);
	assert_int_equal(res.error, 0);
	assert_true(res.latency > 0 && res.latency < PATIENCE);
	(void)snprintf(text, sizeof(text), "127.0.0.1:%s accepted", port);
	assert_string_equal(res.text, text);
	/* Nothing is left that would keep a loop running. */
	assert_int_equal(dw_loop_run(loop), 0);
	(void)close(fd);
}

static void
test_refused(void **state)
{
	struct dw_probe_result res;
	char port[8], text[64];

	(void)state;
	free_port(port);
	res = ask_host("127.0.0.1", port, 30 * DW_SEC);
	assert_outcome(res, DW_PROBE_FAILED);
	assert_int_equal(res.error, ECONNREFUSED);
	(void)snprintf(text, sizeof(text), "connect to 127.0.0.1:%s: %s", port,
	    strerror(ECONNREFUSED));
	assert_string_equal(res.text, text);
}

/* Not before its time, and not long after. */
static void
test_backlog_full(void **state)
{
	struct dw_probe_result res;
	struct hole hole;
	int64_t start, took;
	char text[80];

	(void)state;
	open_hole(&hole);
	start = dw_clock();
	res = ask_host("127.0.0.1", hole.port, 500 * DW_MS);
	took = dw_clock() - start;
	assert_outcome(res, DW_PROBE_FAILED);
	assert_int_equal(res.error, ETIMEDOUT);
	assert_true(res.latency >= 500 * DW_MS && took >= res.latency);
	assert_true(took < 10 * DW_SEC);
	(void)snprintf(text, sizeof(text),
	    "connect to 127.0.0.1:%s: no answer within 500ms", hole.port);
	assert_string_equal(res.text, text);
	close_hole(&hole);
}

static void
test_ipv6(void **state)
{
	struct sockaddr_in6 sin6;
	struct dw_probe_result res;
	socklen_t len = sizeof(sin6);
	char port[8], text[64];
	int fd;

	(void)state;
	memset(&sin6, 0, sizeof(sin6));
	sin6.sin6_family = AF_INET6;
	sin6.sin6_addr = in6addr_loopback;
	fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1 ||
	    bind(fd, (struct sockaddr *)&sin6, sizeof(sin6)) == -1) {
		print_message("no IPv6 here: %s\n", strerror(errno));
		if (fd != -1)
			(void)close(fd);
		skip();
	}
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin6, &len), 0);
	(void)snprintf(
	    port, sizeof(port), "%u", (unsigned)ntohs(sin6.sin6_port));
	res = ask_host("::1", port, 30 * DW_SEC);
	assert_outcome(res, DW_PROBE_FAILED);
	assert_int_equal(listen(fd, 8), 0);
	res = ask_host("::1", port, 30 * DW_SEC);
	assert_outcome(res, DW_PROBE_OK);
	(void)snprintf(text, sizeof(text), "[::1]:%s accepted", port);
	assert_string_equal(res.text, text);
	(void)close(fd);
}

/*
 * A port out of the clients' range where nobody listens: a kernel may connect
 * the probe to itself, and it said that all was well.
 */
static void
test_self_connect_is_refused(void **state)
{
	struct dw_probe_result res;
	char port[8];
	in_port_t n;
	int fd;

	(void)state;
	free_port(port);
	meet_itself = true;
	res = ask_host("127.0.0.1", port, 30 * DW_SEC);
	assert_outcome(res, DW_PROBE_FAILED);
	assert_int_equal(res.error, ECONNREFUSED);
	assert_int_equal(nconnects, 1);
	/* And it leaves the port to the service: no TIME_WAIT. */
	n = (in_port_t)strtoul(port, NULL, 10);
	fd = bind_to("127.0.0.1", &n);
	assert_true(fd != -1);
	(void)close(fd);
}

static void
test_whose_fault(void **state)
{
	static const struct {
		int error;
		enum dw_probe_outcome outcome;
	} table[] = {
	    {ECONNREFUSED, DW_PROBE_FAILED},
	    {ECONNRESET, DW_PROBE_FAILED},
	    {ETIMEDOUT, DW_PROBE_FAILED},
	    {EHOSTUNREACH, DW_PROBE_FAILED},
	    {ENETUNREACH, DW_PROBE_FAILED},
	    {EADDRNOTAVAIL, DW_PROBE_UNKNOWN},
	    {EAGAIN, DW_PROBE_UNKNOWN},
	    {ENOBUFS, DW_PROBE_UNKNOWN},
	    {ENOMEM, DW_PROBE_UNKNOWN},
	    {EPERM, DW_PROBE_UNKNOWN},
	    {EACCES, DW_PROBE_UNKNOWN},
	};
	struct dw_probe_result res;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		nconnects = 0;
		connect_errors[0] = table[i].error;
		res = ask_host("127.0.0.1", "9", 30 * DW_SEC);
		assert_outcome(res, table[i].outcome);
		assert_int_equal(res.error, table[i].error);
		assert_non_null(strstr(res.text, strerror(table[i].error)));
	}
}

static void
test_no_descriptors_is_unknown(void **state)
{
	struct dw_probe_result res;
	struct rlimit rl;
	char port[8];
	int fd, low;

	(void)state;
	fd = listen_on(port, 8);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &rl), 0);
	low = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	(void)close(low);
	limit_descriptors((rlim_t)low);
	res = ask_host("127.0.0.1", port, 30 * DW_SEC);
	assert_outcome(res, DW_PROBE_UNKNOWN);
	assert_int_equal(res.error, EMFILE);
	limit_descriptors(rl.rlim_cur);
	assert_outcome(ask_host("127.0.0.1", port, 30 * DW_SEC), DW_PROBE_OK);
	(void)close(fd);
}

/*
 * Many
 */

/* A thousand, while one hangs: they do not wait for it. */
static void
test_many_beside_a_black_hole(void **state)
{
	static struct dw_probe probes[MANY];
	static struct told told[MANY];
	struct told stuck = {0};
	struct dw_probe probe = {.cb = note, .arg = &stuck};
	struct dw_probe_tcp tcp = {.host = "127.0.0.1", .timeout = PATIENCE};
	struct rlimit rl;
	struct hole hole;
	char port[8];
	int fd, i;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &rl), 0);
	if (rl.rlim_max < MANY + 100) {
		print_message(
		    "only %lu descriptors\n", (unsigned long)rl.rlim_max);
		skip();
	}
	limit_descriptors(rl.rlim_max < 4096 ? rl.rlim_max : 4096);
	open_hole(&hole);
	tcp.port = hole.port;
	assert_int_equal(dw_probe_tcp(loop, &probe, &tcp), 0);
	fd = listen_on(port, MANY);
	tcp.port = port;
	serve_on(fd, await_close);
	for (i = 0; i < MANY; i++) {
		memset(&told[i], 0, sizeof(told[i]));
		probes[i] = (struct dw_probe) {.cb = note, .arg = &told[i]};
		assert_int_equal(dw_probe_tcp(loop, &probes[i], &tcp), 0);
	}
	for (i = 0; i < MANY; i++) {
		turn_until(&told[i].calls, 1);
		assert_outcome(told[i].res, DW_PROBE_OK);
	}
	assert_int_equal(stuck.calls, 0);
	assert_non_null(probe.run);
	dw_probe_stop(&probe);
	close_hole(&hole);
	limit_descriptors(rl.rlim_cur);
}

/*
 * Start and stop
 */

static void
test_invalid(void **state)
{
	static char long_host[2000];
	const struct dw_probe_tcp bad[] = {
	    {.host = NULL, .port = "80", .timeout = DW_SEC},
	    {.host = "", .port = "80", .timeout = DW_SEC},
	    {.host = long_host, .port = "80", .timeout = DW_SEC},
	    {.host = "::1", .port = NULL, .timeout = DW_SEC},
	    {.host = "::1", .port = "", .timeout = DW_SEC},
	    {.host = "::1", .port = "0", .timeout = DW_SEC},
	    {.host = "::1", .port = "65536", .timeout = DW_SEC},
	    {.host = "::1", .port = "-1", .timeout = DW_SEC},
	    {.host = "::1", .port = "+80", .timeout = DW_SEC},
	    {.host = "::1", .port = "8 0", .timeout = DW_SEC},
	    {.host = "::1", .port = "80\n", .timeout = DW_SEC},
	    {.host = "::1", .port = "80", .timeout = 0},
	    {.host = "::1", .port = "80", .timeout = -DW_SEC},
	    {.host = "::1",
		.port = "80",
		.timeout = DW_SEC,
		.expect = "(unclosed"},
	    {.host = "::1", .port = "80", .timeout = DW_SEC, .send_len = 1},
	};
	struct told t = {0};
	struct dw_probe probe = {.cb = note, .arg = &t};
	size_t i;

	(void)state;
	memset(long_host, 'a', sizeof(long_host) - 1);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		errno = 0;
		assert_int_equal(dw_probe_tcp(loop, &probe, &bad[i]), -1);
		assert_int_equal(errno, EINVAL);
		assert_null(probe.run);
	}
	dw_probe_stop(&probe);
	assert_int_equal(dw_loop_run(loop), 0);
	assert_int_equal(t.calls, 0);
}

static void
test_started_twice(void **state)
{
	struct told t = {0};
	struct dw_probe probe = {.cb = note, .arg = &t};
	struct dw_probe_tcp tcp = {
	    .host = "127.0.0.1", .port = "9", .timeout = DW_SEC};

	(void)state;
	connect_errors[0] = ECONNREFUSED;
	assert_int_equal(dw_probe_tcp(loop, &probe, &tcp), 0);
	assert_int_equal(dw_probe_tcp(loop, &probe, &tcp), -1);
	assert_int_equal(errno, EBUSY);
	turn_until(&t.calls, 1);
}

/* What was given to start may be gone as soon as it returns. */
static void
test_arguments_are_copied(void **state)
{
	struct told t = {0};
	struct dw_probe probe = {.cb = note, .arg = &t};
	char host[] = "127.0.0.1", port[8], expect[] = "x";
	struct dw_probe_tcp tcp = {
	    .host = host, .port = port, .timeout = 30 * DW_SEC};
	int fd;

	(void)state;
	fd = listen_on(port, 8);
	assert_int_equal(dw_probe_tcp(loop, &probe, &tcp), 0);
	memset(host, 'x', sizeof(host) - 1);
	memset(port, '\0', sizeof(port));
	memset(expect, '(', sizeof(expect) - 1);
	memset(&tcp, 0xff, sizeof(tcp));
	turn_until(&t.calls, 1);
	assert_outcome(t.res, DW_PROBE_OK);
	(void)close(fd);
}

/* A probe that starts itself again until it was told three times. */
struct again {
	struct dw_probe probe;
	struct dw_probe_tcp tcp;
	int calls;
	struct dw_probe *other;
};

static void
ask_again(struct dw_probe *probe, const struct dw_probe_result *res)
{
	struct again *a = probe->arg;

	(void)res;
	dw_probe_stop(probe); /* of no effect */
	if (++a->calls < 3)
		assert_int_equal(dw_probe_tcp(loop, probe, &a->tcp), 0);
}

static void
test_started_again_in_callback(void **state)
{
	struct again a = {.tcp = {.host = "127.0.0.1", .timeout = PATIENCE}};
	char port[8];

	(void)state;
	free_port(port);
	a.tcp.port = port;
	a.probe.cb = ask_again;
	a.probe.arg = &a;
	assert_int_equal(dw_probe_tcp(loop, &a.probe, &a.tcp), 0);
	turn_until(&a.calls, 3);
}

static void
free_both(struct dw_probe *probe, const struct dw_probe_result *res)
{
	struct again *a = probe->arg;
	int *calls = a->other->arg;

	(void)res;
	dw_probe_stop(a->other);
	free(a->other);
	free(a);
	++*calls;
}

static void
test_freed_in_callback(void **state)
{
	struct again *a = calloc(1, sizeof(*a));
	struct dw_probe_tcp tcp = {
	    .host = "127.0.0.1", .port = "9", .timeout = PATIENCE};
	int calls = 0;

	(void)state;
	assert_non_null(a);
	a->other = calloc(1, sizeof(*a->other));
	assert_non_null(a->other);
	connect_errors[0] = connect_errors[1] = ECONNREFUSED;
	a->probe.cb = free_both;
	a->probe.arg = a;
	a->other->cb = NULL; /* never called */
	a->other->arg = &calls;
	assert_int_equal(dw_probe_tcp(loop, &a->probe, &tcp), 0);
	assert_int_equal(dw_probe_tcp(loop, a->other, &tcp), 0);
	turn_until(&calls, 1);
	/* Everything was stopped. */
	assert_int_equal(dw_loop_run(loop), 0);
	assert_int_equal(nconnects, 1);
}

static void
test_stopped_at_every_stage(void **state)
{
	struct dw_probe_tcp tcp = {.port = "80", .timeout = PATIENCE};
	struct hole hole;
	char port[8];
	int fd, turns;

	(void)state;
	open_hole(&hole);
	fd = listen_on(port, 128);
	for (turns = 0; turns < 4; turns++) {
		tcp.host = "127.0.0.1";
		tcp.port = hole.port;
		stop_after(&tcp, turns);
		tcp.port = port;
		tcp.expect = "something";
		stop_after(&tcp, turns);
		tcp.expect = NULL;
	}
	close_hole(&hole);
	(void)close(fd);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up_network, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_connects),
	    TEST(test_refused),
	    TEST(test_backlog_full),
	    TEST(test_ipv6),
	    TEST(test_self_connect_is_refused),
	    TEST(test_whose_fault),
	    TEST(test_no_descriptors_is_unknown),
	    TEST(test_many_beside_a_black_hole),
	    TEST(test_invalid),
	    TEST(test_started_twice),
	    TEST(test_arguments_are_copied),
	    TEST(test_started_again_in_callback),
	    TEST(test_freed_in_callback),
	    TEST(test_stopped_at_every_stage),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
