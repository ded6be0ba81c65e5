/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The supervisor's side of the prober, with one that does everything wrong
 * (this program itself, started again with $FAKE_PROBER set), and with none.
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

#define LAST_WORDS 150 /* more than are read in a turn */

static const char *self;

/* The one that acts as mode says. */
static void
make_fake(const char *mode)
{
	assert_int_equal(setenv("FAKE_PROBER", mode, 1), 0);
	make_prober(self);
}

/*
 * The false prober
 */

static void
say(uint64_t id, const char *text)
{
	struct wire_reply reply = {.version = WIRE_VERSION,
	    .outcome = DW_PROBE_OK,
	    .id = id,
	    .latency = 1};

	(void)strlcpy(reply.text, text, sizeof(reply.text));
	if (send(WIRE_FD, &reply, sizeof(reply), MSG_NOSIGNAL | MSG_EOR) == -1)
		_exit(1);
}

static void
say_wrong(uint64_t id, const char *what)
{
	struct wire_reply reply[2] = {{.version = WIRE_VERSION, .id = id}};
	size_t len = sizeof(reply[0]);

	if (strcmp(what, "wrong short") == 0)
		len--;
	else if (strcmp(what, "wrong long") == 0)
		len++;
	else if (strcmp(what, "wrong version") == 0)
		reply->version++;
	else if (strcmp(what, "wrong outcome") == 0)
		reply->outcome = 3;
	else if (strcmp(what, "wrong error") == 0)
		reply->error = -1;
	else if (strcmp(what, "wrong latency") == 0)
		reply->latency = -1;
	else if (strcmp(what, "wrong text") == 0)
		memset(reply->text, 'x', sizeof(reply->text));
	(void)send(WIRE_FD, reply, len, MSG_NOSIGNAL | MSG_EOR);
}

static void
answer_as(const char *mode, uint32_t kind, uint64_t id)
{
	static uint64_t held;
	static int cancelled;

	if (strcmp(mode, "twice") == 0) {
		say(id + 1000, "invented");
		say(id, "once");
		say(id, "twice");
	} else if (strcmp(mode, "late") == 0) {
		/* The one before, when it is too late for it. */
		if (held != 0)
			say(held, "late");
		held = id;
		if (id > 1)
			say(id, "in time");
	} else if (strcmp(mode, "cancelled") == 0) {
		if (kind == WIRE_CANCEL)
			cancelled++;
		else if (id > 1)
			say(id, cancelled == 1 ? "cancelled" : "not cancelled");
	} else if (strcmp(mode, "ugly") == 0) {
		say(id, "a\033[2Jb\x80\n");
	} else if (strcmp(mode, "close") == 0) {
		(void)close(WIRE_FD);
		for (;;)
			(void)pause();
	} else if (strcmp(mode, "last words") == 0 && id == LAST_WORDS) {
		for (; id > 0; id--)
			say(id, "last words");
		_exit(3);
	} else if (strncmp(mode, "wrong", 5) == 0) {
		say_wrong(id, mode);
	}
}

static int
be_prober(const char *mode)
{
	struct wire_request req;

	(void)alarm(120);
	if (strcmp(mode, "exit") == 0)
		return (3);
	while (recv(WIRE_FD, &req, sizeof(req), 0) > 0)
		answer_as(mode, req.kind, req.id);
	return (0);
}

/*
 * The tests
 */

static void
test_second_answers_do_not_count(void **state)
{
	static struct query q[2];

	(void)state;
	make_fake("twice");
	ask_of(&q[0], "80", PATIENCE);
	await_answer(&q[0]);
	assert_string_equal(q[0].told.res.text, "once");
	ask_of(&q[1], "80", PATIENCE);
	await_answer(&q[1]);
	assert_int_equal(q[0].told.calls, 1);
	assert_string_equal(q[1].told.res.text, "once");
	assert_int_equal(nstarts, 1);
}

static void
test_late_answers_do_not_count(void **state)
{
	static struct query q[2];

	(void)state;
	make_fake("late");
	ask_of(&q[0], "80", 1 * DW_MS);
	await_answer(&q[0]);
	assert_outcome(q[0].told.res, DW_PROBE_UNKNOWN);
	assert_int_equal(q[0].told.res.error, ETIMEDOUT);
	ask_of(&q[1], "80", PATIENCE);
	await_answer(&q[1]);
	assert_string_equal(q[1].told.res.text, "in time");
	assert_int_equal(q[0].told.calls, 1);

	/* Nor to one that was cancelled. */
	ask_of(&q[0], "80", PATIENCE);
	assert_true(q[0].q.sent);
	prober_cancel(&q[0].q);
	ask_of(&q[1], "80", PATIENCE);
	await_answer(&q[1]);
	assert_string_equal(q[1].told.res.text, "in time");
	assert_int_equal(q[0].told.calls, 0);
}

/* The prober is told, so that it need not go on. */
static void
test_prober_is_told_of_cancel(void **state)
{
	static struct query q[2];

	(void)state;
	make_fake("cancelled");
	ask_of(&q[0], "80", PATIENCE);
	while (!q[0].q.sent)
		assert_int_equal(dw_loop_step(loop, DW_SEC), 0);
	prober_cancel(&q[0].q);
	ask_of(&q[1], "80", PATIENCE);
	await_answer(&q[1]);
	assert_string_equal(q[1].told.res.text, "cancelled");
	assert_int_equal(q[0].told.calls, 0);
}

static void
test_text_is_made_printable(void **state)
{
	static struct query q;

	(void)state;
	make_fake("ugly");
	ask_of(&q, "80", PATIENCE);
	await_answer(&q);
	assert_string_equal(q.told.res.text, "a?[2Jb??");
}

static void
test_malformed_answers(void **state)
{
	static const char *const modes[] = {"wrong short", "wrong long",
	    "wrong version", "wrong outcome", "wrong error", "wrong latency",
	    "wrong text"};
	static struct query q;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		make_fake(modes[i]);
		ask_of(&q, "80", PATIENCE);
		await_answer(&q);
		assert_outcome(q.told.res, DW_PROBE_UNKNOWN);
		assert_non_null(
		    strstr(last_event, "sent a malformed answer: killed"));
		assert_int_equal(prober_pid(prober), 0);
		prober_free(prober);
	}
	prober = NULL;
}

static void
test_closed_socket(void **state)
{
	static struct query q;

	(void)state;
	make_fake("close");
	ask_of(&q, "80", PATIENCE);
	await_answer(&q);
	assert_outcome(q.told.res, DW_PROBE_UNKNOWN);
	assert_int_equal(prober_pid(prober), 0);
}

/* What it said counts, though it is dead when that is read. */
static void
test_last_words(void **state)
{
	static struct query q[LAST_WORDS];
	siginfo_t si;
	int i;

	(void)state;
	make_fake("last words");
	for (i = 0; i < LAST_WORDS; i++)
		ask_of(&q[i], "80", PATIENCE);
	/* It may be dead before the first is read. */
	while (!q[LAST_WORDS - 1].q.sent)
		assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_int_equal(
	    waitid(P_PID, (id_t)prober_pid(prober), &si, WEXITED | WNOWAIT), 0);
	for (i = 0; i < LAST_WORDS; i++) {
		await_answer(&q[i]);
		assert_outcome(q[i].told.res, DW_PROBE_OK);
		assert_string_equal(q[i].told.res.text, "last words");
	}
	turn_until(&nevents, 2);
	assert_non_null(strstr(last_event, "exited with 3"));
}

/* Each query starts it again, and the delays keep that in bounds. */
static void
test_exits_at_once(void **state)
{
	int64_t end = dw_clock() + 1500 * DW_MS;
	static struct query q;

	(void)state;
	make_fake("exit");
	while (dw_clock() < end) {
		ask_of(&q, "80", 20 * DW_MS);
		await_answer(&q);
		assert_outcome(q.told.res, DW_PROBE_UNKNOWN);
		assert_int_equal(q.told.calls, 1);
	}
	/* At 0, 0, 100, 300, 700 ms; and 1500, if it is late. */
	assert_true(nstarts >= 2 && nstarts <= 6);
	assert_non_null(strstr(last_event, "exited with 3"));
}

static void
test_no_such_program(void **state)
{
	int64_t start = dw_clock();
	static struct query q[3];
	int i;

	(void)state;
	make_prober("/nonexistent/daemonwatch-prober");
	for (i = 0; i < 3; i++)
		ask_of(&q[i], "80", PATIENCE);
	for (i = 0; i < 3; i++) {
		await_answer(&q[i]);
		assert_outcome(q[i].told.res, DW_PROBE_UNKNOWN);
		assert_int_equal(q[i].told.res.error, ENOENT);
		assert_non_null(strstr(q[i].told.res.text, "execve: "));
	}
	/* The reason is told at once, not when the queries run out. */
	assert_true(dw_clock() - start < PATIENCE / 2);
	assert_non_null(
	    strstr(last_event, "/nonexistent/daemonwatch-prober: execve: "));
	assert_int_equal(nstarts, 0);
	/* While it waits to try again, as well. */
	for (i = 0; i < 3; i++) {
		ask_of(&q[0], "80", 1 * DW_MS);
		await_answer(&q[0]);
		assert_outcome(q[0].told.res, DW_PROBE_UNKNOWN);
		assert_non_null(strstr(q[0].told.res.text, "execve: "));
	}
}

static void
answered_ask_again(struct prober_query *q, const struct dw_probe_result *res)
{
	struct query *query = q->arg;

	answered(q, res);
	if (query->told.calls < 3)
		assert_int_equal(prober_ask(prober, q, &query->tcp), 0);
}

/* That is a new query: it is not told the same, but starts a prober. */
static void
test_asked_again_in_callback(void **state)
{
	static struct query q;

	(void)state;
	make_prober("/nonexistent/daemonwatch-prober");
	ask_of(&q, "80", PATIENCE);
	q.q.cb = answered_ask_again;
	turn_until(&q.told.calls, 3);
	assert_int_equal(nevents, 3);
}

static void
test_no_descriptors(void **state)
{
	static struct query q;
	struct rlimit rl;
	char port[8];
	int fd, low;

	(void)state;
	fd = listen_on(port, 8);
	make_prober(real);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &rl), 0);
	low = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	(void)close(low);
	/* Enough for the socket, not for what dw_spawn() needs. */
	limit_descriptors((rlim_t)low + 2);
	ask_of(&q, port, PATIENCE);
	await_answer(&q);
	limit_descriptors(rl.rlim_cur);
	assert_outcome(q.told.res, DW_PROBE_UNKNOWN);
	assert_int_equal(q.told.res.error, EMFILE);
	assert_int_equal(nstarts, 0);
	assert_serves(port);
	(void)close(fd);
}

int
main(int argc, char *argv[])
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down_prober)
	const struct CMUnitTest tests[] = {
	    TEST(test_second_answers_do_not_count),
	    TEST(test_late_answers_do_not_count),
	    TEST(test_prober_is_told_of_cancel),
	    TEST(test_text_is_made_printable),
	    TEST(test_malformed_answers),
	    TEST(test_closed_socket),
	    TEST(test_last_words),
	    TEST(test_exits_at_once),
	    TEST(test_no_such_program),
	    TEST(test_asked_again_in_callback),
	    TEST(test_no_descriptors),
	};
	const char *mode = getenv("FAKE_PROBER");

	if (mode != NULL)
		return (be_prober(mode));
	(void)argc;
	self = argv[0];
	find_prober();
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
