/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * A loop, and watchers of descriptors that remember what they were told.
 * Included after cmocka.h.
 */
#ifndef TESTS_IO_FIXTURE_H
#define TESTS_IO_FIXTURE_H

#include <sys/types.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemonwatch.h"
#include "forked.h"

static struct dw_loop *loop;

static inline int
setup(void **state)
{

	(void)state;
	(void)alarm(DEADLINE_S);
	loop = dw_loop_new(getenv("TEST_POLLER"));
	return (loop == NULL ? -1 : 0);
}

static inline int
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

static inline void
hear(struct dw_io *io, unsigned events)
{
	struct heard *h = (struct heard *)io;

	h->calls++;
	h->events = events;
}

static inline void
listen_to(struct heard *h, int fd, unsigned events)
{

	memset(h, 0, sizeof(*h));
	h->io.cb = hear;
	assert_int_equal(dw_io_start(loop, &h->io, fd, events), 0);
}

/* One turn that must not sleep; what h was told in it, 0 if nothing. */
static inline unsigned
told(struct heard *h)
{

	h->calls = 0;
	h->events = 0;
	assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_true(h->calls <= 1);
	return (h->events);
}

/* Wait until h is told something, at most for some seconds. */
static inline unsigned
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

static inline void
make_pipe(int p[2])
{

	assert_int_equal(pipe(p), 0);
	assert_int_equal(fcntl(p[0], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(fcntl(p[1], F_SETFL, O_NONBLOCK), 0);
}

static inline void
put(int fd, const char *text)
{

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static inline void
fill(int fd)
{
	static const char zeroes[4096];

	while (write(fd, zeroes, sizeof(zeroes)) > 0)
		continue;
	assert_int_equal(errno, EAGAIN);
	while (write(fd, zeroes, 1) > 0)
		continue;
}

static inline void
empty(int fd)
{
	char buf[4096];

	while (read(fd, buf, sizeof(buf)) > 0)
		continue;
}

#endif
