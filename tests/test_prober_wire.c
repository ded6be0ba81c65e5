/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The prober ($PROBER, or that of the build tree) from outside, by its socket:
 * what it refuses, what it does when nobody reads its answers, how it ends,
 * whom it runs as.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
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

#include "../bin/wire.h"
#include "../bin/wire_io.h"
#include "forked.h"
#include "probe_fixture.h"

#define MANY 3000

static const char *real;

static struct {
	pid_t pid; /* 0: reaped */
	int fd;
	int err; /* its stderr */
	struct wire_out out;
	struct wire_in in;
} prober;

static void
start_prober(const char *user)
{
	int fds[2], err[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(pipe2(err, O_CLOEXEC), 0);
	prober.pid = fork();
	assert_true(prober.pid != -1);
	if (prober.pid == 0) {
		/* Out of the way of 3 first, in case it is there. */
		fds[1] = fcntl(fds[1], F_DUPFD_CLOEXEC, 10);
		err[1] = fcntl(err[1], F_DUPFD_CLOEXEC, 10);
		(void)dup2(err[1], STDERR_FILENO);
		(void)dup2(fds[1], WIRE_FD);
		(void)close(STDIN_FILENO);
		(void)execl(
		    real, real, user == NULL ? NULL : "-u", user, (char *)NULL);
		_exit(127);
	}
	(void)close(fds[1]);
	(void)close(err[1]);
	prober.fd = fds[0];
	prober.err = err[0];
	prober.out.len = 0;
	prober.in.got = 0;
}

/* Its status, within our patience; what it wrote on stderr. */
static int
end_of_prober(char *text, size_t size)
{
	struct pollfd pfd = {.fd = prober.err, .events = POLLIN};
	int64_t end = dw_clock() + PATIENCE;
	size_t got = 0;
	ssize_t n = -1;
	int status;

	while (got < size - 1 && dw_clock() < end) {
		if (poll(&pfd, 1, 1000) == 1 &&
		    (n = read(prober.err, text + got, size - 1 - got)) <= 0)
			break;
		if (n > 0)
			got += (size_t)n;
	}
	text[got] = '\0';
	assert_int_equal(n, 0);
	assert_int_equal(waitpid(prober.pid, &status, 0), prober.pid);
	prober.pid = 0;
	return (status);
}

static int
tear_down_prober(void **state)
{
	if (prober.pid != 0) {
		(void)kill(prober.pid, SIGKILL);
		(void)waitpid(prober.pid, NULL, 0);
		prober.pid = 0;
	}
	if (prober.fd > 2)
		(void)close(prober.fd);
	if (prober.err > 2)
		(void)close(prober.err);
	prober.fd = prober.err = -1;
	return (tear_down(state));
}

static size_t
request(struct wire_request *req, uint64_t id, const char *port)
{
	memset(req, 0, sizeof(*req));
	req->version = WIRE_VERSION;
	req->kind = WIRE_PROBE_TCP;
	req->id = id;
	req->timeout = PATIENCE;
	(void)strlcpy(req->host, "127.0.0.1", sizeof(req->host));
	(void)strlcpy(req->port, port, sizeof(req->port));
	return (WIRE_REQUEST_HEAD);
}

static void
put(const void *req, size_t len)
{
	assert_int_equal(
	    send(prober.fd, req, len, MSG_NOSIGNAL | MSG_EOR), len);
}

static void
put_cancel(uint64_t id)
{
	struct wire_request req;

	memset(&req, 0, sizeof(req));
	req.version = WIRE_VERSION;
	req.kind = WIRE_CANCEL;
	req.id = id;
	put(&req, WIRE_REQUEST_HEAD);
}

static void
get(struct wire_reply *reply)
{
	struct pollfd pfd = {.fd = prober.fd, .events = POLLIN};
	ssize_t n;

	do {
		assert_int_equal(poll(&pfd, 1, (int)(PATIENCE / DW_MS)), 1);
		n = wire_recv(&prober.in, prober.fd, reply, sizeof(*reply));
	} while (n == -1 && errno == EAGAIN);
	assert_int_equal(n, sizeof(*reply));
	assert_int_equal(reply->version, WIRE_VERSION);
	assert_non_null(memchr(reply->text, '\0', sizeof(reply->text)));
}

/* It has said something: it is past its start. */
static void
await_start(void)
{
	struct wire_request req;
	struct wire_reply reply;

	(void)request(&req, 1, "1");
	put(&req, WIRE_REQUEST_HEAD);
	get(&reply);
}

/* A line of /proc/PID/status; skips where there is none. */
static void
proc_status(const char *key, char *value, size_t size)
{
	char path[64], line[256];
	size_t len = strlen(key);
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)prober.pid);
	if ((f = fopen(path, "re")) == NULL) {
		print_message("no %s here\n", path);
		skip();
	}
	value[0] = '\0';
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, key, len) == 0 && line[len] == ':') {
			(void)strlcpy(value, line + len + 1, size);
			value[strcspn(value, "\n")] = '\0';
		}
	}
	(void)fclose(f);
	assert_true(value[0] != '\0');
}

/* Soon, and for half a second then. */
static void
assert_asleep(void)
{
	struct timespec ts = {.tv_nsec = 500000000};
	int64_t end = dw_clock() + PATIENCE;
	char before[64], after[64];

	do {
		proc_status("State", before, sizeof(before));
	} while (strchr(before, 'S') == NULL && dw_clock() < end);
	assert_non_null(strchr(before, 'S'));
	proc_status("voluntary_ctxt_switches", before, sizeof(before));
	(void)nanosleep(&ts, NULL);
	proc_status("voluntary_ctxt_switches", after, sizeof(after));
	assert_string_equal(before, after);
}

/*
 * What is no request
 */

/* How each differs from a good one; the length sent. */
static size_t
spoil(struct wire_request *req, int how)
{
	size_t len = WIRE_REQUEST_HEAD;

	switch (how) {
	case 0:
		return (1);
	case 1:
		return (len - 1);
	case 2:
		return (len + 1);
	case 3:
		req->version++;
		break;
	case 4:
		req->kind = 0;
		break;
	case 5:
		req->kind = 99;
		break;
	case 6:
		req->timeout = 0;
		break;
	case 7:
		req->timeout = INT64_MIN;
		break;
	case 8:
		req->timeout = WIRE_TIMEOUT_MAX + 1;
		break;
	case 9:
		memset(req->host, 'x', sizeof(req->host));
		break;
	case 10:
		memset(req->port, '1', sizeof(req->port));
		break;
	case 11:
		req->send_len = 1;
		break;
	case 12:
		req->expect_len = UINT32_MAX;
		break;
	case 13: /* together they are what was sent, modulo 2^32 */
		req->send_len = UINT32_MAX;
		req->expect_len = 1;
		break;
	case 14:
		req->send_len = WIRE_DATA_MAX;
		req->expect_len = WIRE_DATA_MAX;
		return (sizeof(*req));
	case 15:
		req->expect_len = 2;
		memcpy(req->data, "x\0", 2);
		return (len + 2);
	case 16:
		req->kind = WIRE_CANCEL;
		return (len + 1);
	default:
		return (0);
	}
	return (len);
}

static void
assert_complaint(const char *what)
{
	char text[512];
	int status = end_of_prober(text, sizeof(text));

	if (!WIFEXITED(status) || WEXITSTATUS(status) != 1 ||
	    strstr(text, what) == NULL)
		print_error("status %#x, \"%s\"\n", (unsigned)status, text);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_non_null(strstr(text, what));
}

static void
test_malformed_requests(void **state)
{
	struct wire_request req;
	size_t len;
	int how;

	(void)state;
	for (how = 0;; how++) {
		(void)request(&req, 1, "80");
		if ((len = spoil(&req, how)) == 0)
			break;
		start_prober(NULL);
		put(&req, len);
		assert_complaint("daemonwatch-prober: malformed request");
		(void)close(prober.fd);
		(void)close(prober.err);
	}
	assert_int_equal(how, 17);
}

static void
test_too_long_a_request(void **state)
{
	static char big[sizeof(struct wire_request) + 1];

	(void)state;
	(void)request((struct wire_request *)(void *)big, 1, "80");
	start_prober(NULL);
	put(big, sizeof(big));
	assert_complaint("it is too long");
}

static void
test_id_in_use(void **state)
{
	struct wire_request req;
	struct wire_reply reply;
	struct hole hole;

	(void)state;
	open_hole(&hole);
	start_prober(NULL);
	(void)request(&req, 7, hole.port);
	req.timeout = 100 * DW_MS;
	put(&req, WIRE_REQUEST_HEAD);
	/* Cancelled, it may be used again; there is no answer to the first. */
	put_cancel(7);
	put_cancel(8);
	req.timeout = 300 * DW_MS;
	put(&req, WIRE_REQUEST_HEAD);
	get(&reply);
	assert_int_equal(reply.id, 7);
	assert_int_equal(reply.outcome, DW_PROBE_FAILED);
	assert_int_equal(reply.error, ETIMEDOUT);
	req.timeout = PATIENCE;
	put(&req, WIRE_REQUEST_HEAD);
	put(&req, WIRE_REQUEST_HEAD);
	assert_complaint("its id is in use");
	close_hole(&hole);
}

/*
 * Many
 */

/* As many as it takes: if it takes none for wait milliseconds, it has enough.
 */

static void
send_until_full(const char *port, uint64_t *next, uint64_t end, int wait)
{
	struct pollfd pfd = {.fd = prober.fd, .events = POLLOUT};
	struct wire_request req;

	while (*next < end || prober.out.len > 0) {
		if (poll(&pfd, 1, wait) != 1)
			return;
		(void)wire_flush(&prober.out, prober.fd);
		if (*next == end || prober.out.len > 0)
			continue;
		(void)request(&req, *next, port);
		if (wire_send(
			&prober.out, prober.fd, &req, WIRE_REQUEST_HEAD) == 0)
			++*next;
		else
			assert_int_equal(errno, EAGAIN);
	}
}

/*
 * Nobody reads the answers: it stops asking for more requests, and loses
 * nothing, once somebody does.
 */
static void
test_answers_not_read(void **state)
{
	static unsigned char seen[MANY];
	struct wire_reply reply;
	uint64_t next = 0;
	int i;

	(void)state;
	memset(seen, 0, sizeof(seen));
	start_prober(NULL);
	await_start();
	/* Answered at once; FreeBSD refuses only 200 connections a second. */
	send_until_full("no port", &next, MANY, 300);
	/* Its memory is bounded, as is what we can make it do. */
	assert_true(next > 500 && next < MANY);
	if (access("/proc/self/status", R_OK) == 0)
		assert_asleep();
	for (i = 0; i < MANY; i++) {
		send_until_full("no port", &next, MANY, 0);
		get(&reply);
		assert_true(reply.id < MANY);
		assert_int_equal(seen[reply.id], 0);
		seen[reply.id] = 1;
		assert_int_equal(reply.outcome, DW_PROBE_UNKNOWN);
		assert_int_equal(reply.error, EINVAL);
	}
	assert_int_equal(next, MANY);
}

static void
test_too_many_at_once(void **state)
{
	struct wire_reply reply;
	struct hole hole;
	struct rlimit rl;
	uint64_t next = 0;
	int i;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &rl), 0);
	if (rl.rlim_max < 4200) {
		print_message(
		    "only %lu descriptors\n", (unsigned long)rl.rlim_max);
		skip();
	}
	open_hole(&hole);
	start_prober(NULL);
	send_until_full(hole.port, &next, 4096 + 3, (int)(PATIENCE / DW_MS));
	assert_int_equal(next, 4096 + 3);
	for (i = 0; i < 3; i++) {
		get(&reply);
		assert_int_equal(reply.outcome, DW_PROBE_UNKNOWN);
		assert_int_equal(reply.error, EAGAIN);
		assert_string_equal(
		    reply.text, "cannot probe: too many probes at once");
	}
	close_hole(&hole);
}

/*
 * Its end
 */

static void
test_ends_with_its_supervisor(void **state)
{
	struct wire_request req;
	struct hole hole;
	char text[512];
	int status;

	(void)state;
	open_hole(&hole);
	start_prober(NULL);
	(void)request(&req, 1, hole.port);
	put(&req, WIRE_REQUEST_HEAD);
	(void)request(&req, 2, "80");
	(void)strlcpy(req.host, "name.invalid", sizeof(req.host));
	put(&req, WIRE_REQUEST_HEAD);
	(void)close(prober.fd);
	prober.fd = -1;
	status = end_of_prober(text, sizeof(text));
	assert_int_equal(status, 0);
	assert_string_equal(text, "");
	close_hole(&hole);
}

static int
run_by_hand(const char *option, char *text, size_t size)
{
	int err[2];

	assert_int_equal(pipe2(err, O_CLOEXEC), 0);
	prober.pid = fork();
	assert_true(prober.pid != -1);
	if (prober.pid == 0) {
		(void)dup2(err[1], STDERR_FILENO);
		(void)close(WIRE_FD);
		(void)execl(real, real, option, (char *)NULL);
		_exit(127);
	}
	(void)close(err[1]);
	prober.fd = -1;
	prober.err = err[0];
	return (end_of_prober(text, size));
}

static void
test_not_started_by_hand(void **state)
{
	static const char *const options[] = {NULL, "-x", "operand", "-u"};
	char text[512];
	size_t i;
	int status;

	(void)state;
	for (i = 0; i < 4; i++) {
		status = run_by_hand(options[i], text, sizeof(text));
		(void)close(prober.err);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 2);
		assert_non_null(
		    strstr(text, "usage: daemonwatch-prober [-u user]\n"));
	}
}

/*
 * Whom it runs as
 */

static void
assert_four(const char *key, unsigned id)
{
	char value[128], want[64];

	(void)snprintf(want, sizeof(want), "\t%u\t%u\t%u\t%u", id, id, id, id);
	proc_status(key, value, sizeof(value));
	assert_string_equal(value, want);
}

static void
assert_runs_as(unsigned uid, unsigned gid)
{
	char value[128];

	assert_four("Uid", uid);
	assert_four("Gid", gid);
	proc_status("Groups", value, sizeof(value));
	assert_int_equal(strtoul(value, NULL, 10), gid);
	assert_null(strchr(value + strspn(value, "\t "), '\t'));
	proc_status("CapPrm", value, sizeof(value));
	assert_int_equal(strtoull(value, NULL, 16), 0);
	proc_status("CapEff", value, sizeof(value));
	assert_int_equal(strtoull(value, NULL, 16), 0);
}

static void
test_confined(void **state)
{
	char value[128], path[64];
	int fd, n = 0;

	(void)state;
	start_prober(NULL);
	await_start();
	proc_status("NoNewPrivs", value, sizeof(value));
	assert_int_equal(strtol(value, NULL, 10), 1);
	/* 0 to 2, the socket, the poller; the probe's is closed by now. */
	for (fd = 0; fd < 256; fd++) {
		(void)snprintf(
		    path, sizeof(path), "/proc/%d/fd/%d", (int)prober.pid, fd);
		n += faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	}
	assert_true(n >= 4 && n <= 4 + QUEUE_FDS);
}

static void
need_root(void)
{
	if (geteuid() != 0) {
		print_message("not root: it keeps our user\n");
		skip();
	}
}

static void
test_nobody_instead_of_root(void **state)
{
	const struct passwd *pw = getpwnam("nobody");

	(void)state;
	need_root();
	start_prober(NULL);
	await_start();
	assert_runs_as(
	    pw == NULL ? 65534 : pw->pw_uid, pw == NULL ? 65534 : pw->pw_gid);
}

static void
test_given_user(void **state)
{
	const struct passwd *pw = getpwnam("daemon");

	(void)state;
	need_root();
	start_prober("12345:54321");
	await_start();
	assert_runs_as(12345, 54321);
	assert_int_equal(tear_down_prober(NULL), 0);
	assert_int_equal(set_up(NULL), 0);
	if (pw == NULL) {
		print_message("no user \"daemon\" here\n");
		skip();
	}
	start_prober("daemon");
	await_start();
	assert_runs_as(pw->pw_uid, pw->pw_gid);
}

static void
test_bad_users(void **state)
{
	static const char *const users[] = {"root", "0", "0:1", "1:0",
	    "no-such-user", "", "-1", "4294967296", "1:", ":1", "1:1:1"};
	size_t i;

	(void)state;
	need_root();
	for (i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
		start_prober(users[i]);
		assert_complaint("daemonwatch-prober: ");
		(void)close(prober.fd);
		(void)close(prober.err);
	}
}

/* Nothing to do, nothing done. */
static void
test_idle_means_asleep(void **state)
{
	(void)state;
	start_prober(NULL);
	await_start();
	assert_asleep();
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down_prober)
	const struct CMUnitTest tests[] = {
	    TEST(test_malformed_requests),
	    TEST(test_too_long_a_request),
	    TEST(test_id_in_use),
	    TEST(test_answers_not_read),
	    TEST(test_too_many_at_once),
	    TEST(test_ends_with_its_supervisor),
	    TEST(test_not_started_by_hand),
	    TEST(test_confined),
	    TEST(test_nobody_instead_of_root),
	    TEST(test_given_user),
	    TEST(test_bad_users),
	    TEST(test_idle_means_asleep),
	};

	real = getenv("PROBER");
	if (real == NULL)
		real = "./bin/daemonwatch-prober";
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
