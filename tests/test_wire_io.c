/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Records through a queue that is full again and again: none is lost, cut or
 * joined to another.  Where SOCK_SEQPACKET takes a record whole or not at
 * all, SOCK_STREAM shows what becomes of one that went in part.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../bin/wire_io.h"

#define RECORDS 500u

static struct wire_out out;
static struct wire_in in;
static int fds[2];
static unsigned parts; /* records that went in part */

/* Of any length, small ones included; each byte is its own. */
static size_t
make(unsigned i, char *record)
{
	size_t len = 1 + (i * 2654435761u >> 7) % sizeof(struct wire_request);
	size_t at;

	for (at = 0; at < len; at++)
		record[at] = (char)(i * 31 + at * 7);
	return (len);
}

static void
open_pair(int type, int size)
{
	assert_int_equal(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(
	    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
	assert_int_equal(
	    setsockopt(fds[1], SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
	memset(&out, 0, sizeof(out));
	memset(&in, 0, sizeof(in));
	parts = 0;
}

static void
close_pair(void)
{
	(void)close(fds[0]);
	(void)close(fds[1]);
}

/* As many as there is room for. */
static void
fill(unsigned *next)
{
	static char record[sizeof(struct wire_request)];
	size_t len;

	if (wire_flush(&out, fds[0]) == -1)
		assert_true(errno == EAGAIN || errno == ENOBUFS);
	while (*next < RECORDS) {
		len = make(*next, record);
		if (wire_send(&out, fds[0], record, len) == -1) {
			assert_true(errno == EAGAIN || errno == ENOBUFS);
			return;
		}
		assert_true(out.len < len);
		parts += out.len > 0;
		++*next;
	}
}

static void
test_records_through_a_full_queue(void **state)
{
	static char got[sizeof(struct wire_request)], want[sizeof(got)];
	unsigned next = 0, i;
	size_t len;
	ssize_t n;

	(void)state;
	open_pair(SOCK_SEQPACKET, 16384);
	fill(&next);
	assert_true(next > 0 && next < RECORDS);
	for (i = 0; i < RECORDS; i++) {
		n = wire_recv(&in, fds[1], got, sizeof(got));
		if (n == -1) {
			/* Only its beginning was there. */
			assert_int_equal(errno, EAGAIN);
			assert_true(out.len > 0);
			fill(&next);
			n = wire_recv(&in, fds[1], got, sizeof(got));
		}
		len = make(i, want);
		assert_int_equal(n, len);
		assert_memory_equal(got, want, len);
		/* It is now more, now less empty than that. */
		if (i % 3 != 0 || i + 1 == next)
			fill(&next);
	}
	print_message("%u of %u in parts\n", parts, RECORDS);
	assert_int_equal(wire_recv(&in, fds[1], got, sizeof(got)), -1);
	assert_int_equal(errno, EAGAIN);
	(void)close(fds[0]);
	assert_int_equal(wire_recv(&in, fds[1], got, sizeof(got)), 0);
	close_pair();
}

static void
test_rest_before_all_else(void **state)
{
	static char got[sizeof(struct wire_request)], want[sizeof(got)];
	unsigned next = 0, i;
	size_t len, have;
	ssize_t n;

	(void)state;
	/* Linux takes pieces of the queue's size, less than most records. */
	open_pair(SOCK_STREAM, 4096);
	fill(&next);
	for (i = 0; i < RECORDS; i++) {
		len = make(i, want);
		for (have = 0; have < len; have += (size_t)n) {
			n = recv(fds[1], got + have, len - have, MSG_DONTWAIT);
			if (n == -1) {
				assert_int_equal(errno, EAGAIN);
				n = 0;
				assert_true(out.len > 0 || next < RECORDS);
				fill(&next);
			}
		}
		assert_memory_equal(got, want, len);
	}
	assert_true(parts > 0);
	assert_int_equal(out.len, 0);
	close_pair();
}

static void
test_too_long(void **state)
{
	static char record[sizeof(struct wire_request) + 1];
	char got[16];

	(void)state;
	open_pair(SOCK_SEQPACKET, 16384);
	assert_int_equal(wire_send(&out, fds[0], record, sizeof(record)), -1);
	assert_int_equal(errno, EMSGSIZE);
	assert_int_equal(wire_send(&out, fds[0], record, 16), 0);
	assert_int_equal(wire_send(&out, fds[0], record, 17), 0);
	assert_int_equal(wire_recv(&in, fds[1], got, sizeof(got)), 16);
	assert_int_equal(wire_recv(&in, fds[1], got, sizeof(got)), -1);
	assert_int_equal(errno, EMSGSIZE);
	close_pair();
}

static void
test_nobody_there(void **state)
{
	(void)state;
	open_pair(SOCK_SEQPACKET, 16384);
	(void)close(fds[1]);
	assert_int_equal(wire_send(&out, fds[0], "x", 1), -1);
	assert_true(errno == EPIPE || errno == ECONNRESET);
	assert_int_equal(out.len, 0);
	(void)close(fds[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_records_through_a_full_queue),
	    cmocka_unit_test(test_rest_before_all_else),
	    cmocka_unit_test(test_too_long),
	    cmocka_unit_test(test_nobody_there),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
