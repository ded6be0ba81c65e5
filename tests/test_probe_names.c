/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Probes of names.  The resolver that fails in every way is a getaddrinfo() of
 * the test's own, which stands before the C library's; names that end in
 * ".test" are its.
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

/* In the process that looks up: has it anything of its parent's? */
static bool
clean_process(void)
{
	struct sigaction sa;
	sigset_t mask;
	int fd, signo;

	for (fd = 4; fd < 256; fd++) {
		if (fcntl(fd, F_GETFD) != -1)
			return (false);
	}
	for (signo = 1; signo < 32; signo++) {
		if (sigaction(signo, NULL, &sa) == 0 &&
		    sa.sa_handler != SIG_DFL)
			return (false);
	}
	(void)sigprocmask(SIG_BLOCK, NULL, &mask);
	return (sigismember(&mask, SIGTERM) == 0 &&
	    sigismember(&mask, SIGCHLD) == 0);
}

static int (*libc_getaddrinfo(void))(
    const char *, const char *, const struct addrinfo *, struct addrinfo **)
{
	static int (*next)(const char *, const char *, const struct addrinfo *,
	    struct addrinfo **);

	if (next == NULL)
		*(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
	return (next);
}

/* Two addresses, 127.0.0.2 before 127.0.0.1. */
static int
two(const char *port, const struct addrinfo *hints, struct addrinfo **list)
{
	struct addrinfo *second;
	int error;

	if ((error = libc_getaddrinfo()("127.0.0.2", port, hints, list)) != 0 ||
	    (error = libc_getaddrinfo()("127.0.0.1", port, hints, &second)) !=
		0)
		return (error);
	(*list)->ai_next = second;
	return (0);
}

int
getaddrinfo(const char *restrict host, const char *restrict port,
    const struct addrinfo *restrict hints, struct addrinfo **restrict list)
{
	size_t len = strlen(host);

	if (len < 5 || strcmp(host + len - 5, ".test") != 0 ||
	    (hints->ai_flags & AI_NUMERICHOST) != 0)
		return (libc_getaddrinfo()(host, port, hints, list));
	if (strcmp(host, "two.test") == 0)
		return (two(port, hints, list));
	if (strcmp(host, "clean.test") == 0 && clean_process())
		return (two(port, hints, list));
	if (strcmp(host, "again.test") == 0)
		return (EAI_AGAIN);
	if (strcmp(host, "system.test") == 0) {
		errno = EACCES;
		return (EAI_SYSTEM);
	}
	if (strcmp(host, "crash.test") == 0)
		(void)raise(SIGKILL);
	if (strcmp(host, "slow.test") == 0) {
		for (;;)
			(void)pause();
	}
	return (EAI_NONAME);
}

static void
test_localhost(void **state)
{
	struct dw_probe_result res;
	char port[8], text[64];
	int fd;

	(void)state;
	fd = listen_on(port, 8);
	res = ask_host("localhost", port, 30 * DW_SEC);
	assert_outcome(res, DW_PROBE_OK);
	(void)snprintf(
	    text, sizeof(text), "localhost (127.0.0.1:%s) accepted", port);
	assert_string_equal(res.text, text);
	await_no_children();
	(void)close(fd);
}

/* Whatever the resolver here says of it: no success, and no hanging. */
static void
test_nosuch_invalid(void **state)
{
	struct dw_probe_result res;

	(void)state;
	res = ask_host("nosuch.invalid", "80", 3 * DW_SEC);
	assert_true(res.outcome != DW_PROBE_OK);
	assert_int_equal(strncmp(res.text, "look up nosuch.invalid", 22), 0);
	await_no_children();
}

static void
test_unknown_name_fails(void **state)
{
	struct dw_probe_result res;

	(void)state;
	res = ask_host("none.test", "80", 30 * DW_SEC);
	assert_outcome(res, DW_PROBE_FAILED);
	assert_non_null(strstr(res.text, gai_strerror(EAI_NONAME)));
}

static void
test_broken_resolver_is_unknown(void **state)
{
	struct dw_probe_result res;

	(void)state;
	res = ask_host("again.test", "80", 30 * DW_SEC);
	assert_outcome(res, DW_PROBE_UNKNOWN);
	assert_non_null(strstr(res.text, gai_strerror(EAI_AGAIN)));
	res = ask_host("system.test", "80", 30 * DW_SEC);
	assert_outcome(res, DW_PROBE_UNKNOWN);
	assert_int_equal(res.error, EACCES);
	res = ask_host("crash.test", "80", 30 * DW_SEC);
	assert_outcome(res, DW_PROBE_UNKNOWN);
	assert_int_equal(res.error, ECHILD);
	await_no_children();
}

static void
test_slow_resolver_is_killed(void **state)
{
	struct dw_probe_result res;

	(void)state;
	res = ask_host("slow.test", "80", 300 * DW_MS);
	assert_outcome(res, DW_PROBE_UNKNOWN);
	assert_int_equal(res.error, ETIMEDOUT);
	assert_true(res.latency >= 300 * DW_MS);
	assert_string_equal(
	    res.text, "look up slow.test: no answer within 300ms");
	await_no_children();
}

/* None of our descriptors, handlers, blocked signals. */
static void
test_lookup_has_nothing_of_ours(void **state)
{
	struct dw_signal sig = {0};
	struct dw_probe_result res;
	sigset_t term, old;
	char port[8];
	int fd, extra;

	(void)state;
	fd = listen_on(port, 8);
	extra = fcntl(fd, F_DUPFD, 40); /* not close-on-exec */
	sig.cb = NULL;
	assert_int_equal(dw_signal_start(loop, &sig, SIGUSR1), 0);
	(void)signal(SIGPIPE, SIG_IGN);
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &term, &old);
	res = ask_host("clean.test", port, 30 * DW_SEC);
	assert_outcome(res, DW_PROBE_OK);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	dw_signal_stop(&sig);
	(void)close(extra);
	(void)close(fd);
}

static void
test_port_names(void **state)
{
	struct dw_probe_result res;

	(void)state;
	res = ask_host("127.0.0.1", "no-such-service", 30 * DW_SEC);
	assert_outcome(res, DW_PROBE_UNKNOWN);
	if (getservbyname("http", "tcp") == NULL) {
		print_message("no http in services(5) here\n");
		skip();
	}
	connect_errors[0] = ECONNREFUSED;
	res = ask_host("127.0.0.1", "http", 30 * DW_SEC);
	assert_outcome(res, DW_PROBE_FAILED);
	assert_non_null(strstr(res.text, "127.0.0.1:80"));
}

/* An address that swallows packets leaves its share of time to the next. */
static void
test_dead_address_first(void **state)
{
	struct dw_probe_result res;
	struct hole hole;
	in_port_t port = 0;
	char text[80];
	int dead, good;

	(void)state;
	good = bind_to("127.0.0.1", &port);
	assert_true(good != -1);
	assert_int_equal(listen(good, 8), 0);
	if ((dead = bind_to("127.0.0.2", &port)) == -1) {
		print_message("no 127.0.0.2 here: %s\n", strerror(errno));
		(void)close(good);
		skip();
	}
	fill(&hole, dead);
	nconnects = 0;
	res = ask_host("two.test", hole.port, 3 * DW_SEC);
	assert_outcome(res, DW_PROBE_OK);
	assert_int_equal(nconnects, 2);
	assert_true(res.latency >= 1500 * DW_MS && res.latency < 3 * DW_SEC);
	(void)snprintf(
	    text, sizeof(text), "two.test (127.0.0.1:%s) accepted", hole.port);
	assert_string_equal(res.text, text);
	close_hole(&hole);
	(void)close(good);
}

/* What says most about the service is told, whichever came first. */
static void
test_most_telling_failure(void **state)
{
	static const int pairs[][2] = {{EADDRNOTAVAIL, ECONNREFUSED},
	    {ECONNREFUSED, EADDRNOTAVAIL}, {ENETUNREACH, ECONNREFUSED},
	    {ECONNREFUSED, ENETUNREACH}};
	struct dw_probe_result res;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		nconnects = 0;
		connect_errors[0] = pairs[i][0];
		connect_errors[1] = pairs[i][1];
		res = ask_host("two.test", "9", 30 * DW_SEC);
		assert_outcome(res, DW_PROBE_FAILED);
		assert_int_equal(res.error, ECONNREFUSED);
		assert_int_equal(nconnects, 2);
	}
	nconnects = 0;
	connect_errors[0] = EADDRNOTAVAIL;
	connect_errors[1] = EPERM;
	res = ask_host("two.test", "9", 30 * DW_SEC);
	assert_outcome(res, DW_PROBE_UNKNOWN);
	assert_int_equal(res.error, EADDRNOTAVAIL);
}

/* Names neither: each has a process of its own. */
static void
test_names_beside_a_slow_one(void **state)
{
	struct dw_probe probes[20];
	struct told told[20], stuck = {0};
	struct dw_probe probe = {.cb = note, .arg = &stuck};
	struct dw_probe_tcp tcp = {
	    .host = "slow.test", .port = "80", .timeout = PATIENCE};
	int i;

	(void)state;
	assert_int_equal(dw_probe_tcp(loop, &probe, &tcp), 0);
	tcp.host = "none.test";
	for (i = 0; i < 20; i++) {
		memset(&told[i], 0, sizeof(told[i]));
		probes[i] = (struct dw_probe) {.cb = note, .arg = &told[i]};
		assert_int_equal(dw_probe_tcp(loop, &probes[i], &tcp), 0);
	}
	for (i = 0; i < 20; i++)
		turn_until(&told[i].calls, 1);
	assert_int_equal(stuck.calls, 0);
	dw_probe_stop(&probe);
	await_no_children();
}

/* No descriptor for the pipe, and none for the process. */
static void
test_no_lookup_is_unknown(void **state)
{
	struct dw_probe_result res;
	struct rlimit rl;
	int low;

	(void)state;
	/* The loop's own are opened with the first. */
	(void)ask_host("none.test", "80", PATIENCE);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &rl), 0);
	low = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
	assert_true(low != -1);
	(void)close(low);
	limit_descriptors((rlim_t)low);
	res = ask_host("two.test", "80", 30 * DW_SEC);
	assert_outcome(res, DW_PROBE_UNKNOWN);
	assert_int_equal(res.error, EMFILE);
	limit_descriptors(rl.rlim_cur);
}

static void
test_stopped_while_looking_up(void **state)
{
	struct dw_probe_tcp tcp = {
	    .host = "slow.test", .port = "80", .timeout = PATIENCE};
	int turns;

	(void)state;
	(void)ask_host("none.test", "80", PATIENCE);
	for (turns = 0; turns < 4; turns++)
		stop_after(&tcp, turns);
	await_no_children();
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up_network, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_localhost),
	    TEST(test_nosuch_invalid),
	    TEST(test_unknown_name_fails),
	    TEST(test_broken_resolver_is_unknown),
	    TEST(test_slow_resolver_is_killed),
	    TEST(test_lookup_has_nothing_of_ours),
	    TEST(test_port_names),
	    TEST(test_dead_address_first),
	    TEST(test_most_telling_failure),
	    TEST(test_names_beside_a_slow_one),
	    TEST(test_no_lookup_is_unknown),
	    TEST(test_stopped_while_looking_up),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
