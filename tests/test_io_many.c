/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Descriptors: a thousand at once, high ones, and none left.
 */

#include "config.h"

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "io_fixture.h"

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
drain_and_write(struct dw_io *io, unsigned events)
{
	struct heard *h = (struct heard *)io;
	char b;

	h->calls++;
	h->events = events;
	if (events != DW_READ)
		return;
	assert_int_equal(read(io->fd, &b, 1), 1);
	assert_int_equal(dw_io_modify(io, DW_WRITE), 0);
}

/*
 * All ask for something else in one turn, and back; one has been closed by
 * then, and is told so without harm to the others.
 */
static void
a_thousand_modified_at_once(void **state)
{
	struct heard *h;
	int(*s)[2];
	int closed = MANY / 2, i, round, turns;

	(void)state;
	want_descriptors(2 * MANY + 100);
	h = calloc(MANY, sizeof(*h));
	s = calloc(MANY, sizeof(*s));
	assert_non_null(h);
	assert_non_null(s);
	for (i = 0; i < MANY; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s[i]), 0);
		listen_to(&h[i], s[i][0], DW_READ);
		h[i].io.cb = drain_and_write;
	}
	for (round = 0; round < 3; round++) {
		for (i = 0; i < MANY; i++) {
			put(s[i][1], "x");
			h[i].calls = 0;
			assert_int_equal(dw_io_modify(&h[i].io, DW_READ), 0);
		}
		for (turns = 0; turns < 6; turns++)
			assert_int_equal(dw_loop_step(loop, 0), 0);
		for (i = 0; i < MANY; i++) {
			assert_true(h[i].calls > 1);
			assert_int_equal(h[i].events, DW_WRITE);
		}
	}
	for (i = 0; i < MANY; i++) {
		h[i].calls = 0;
		assert_int_equal(dw_io_modify(&h[i].io, DW_READ | DW_WRITE), 0);
	}
	(void)close(s[closed][0]);
	for (turns = 0; turns < 3; turns++)
		assert_int_equal(dw_loop_step(loop, 0), 0);
	for (i = 0; i < MANY; i++) {
		if (i == closed)
			continue;
		assert_true(h[i].calls > 0);
		assert_int_equal(h[i].events, DW_WRITE);
	}
	if (strcmp(dw_loop_poller(loop), "poll") != 0) {
		assert_int_equal(h[closed].calls, 1);
		assert_true((h[closed].events & DW_HUP) != 0);
	}
	for (i = 0; i < MANY; i++) {
		dw_io_stop(&h[i].io);
		if (i != closed)
			(void)close(s[i][0]);
		(void)close(s[i][1]);
	}
	assert_int_equal(dw_loop_run(loop), 0);
	free(h);
	free(s);
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
	    TEST(a_thousand_descriptors),
	    TEST(a_thousand_modified_at_once),
	    TEST(nobody_is_starved),
	    TEST(a_high_descriptor),
	    TEST(out_of_descriptors),
	};

	return (cmocka_run_group_tests_name("io_many", tests, NULL, NULL));
}
