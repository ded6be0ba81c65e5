/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The options of requests for TLS and HTTP: to bytes and back, and bytes that
 * are none.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../bin/wire.h"
#include "../bin/wire_options.h"

static const struct wire_options all = {
    .url = "https://[::1]:8443/a?b=%20",
    .method = "PUT",
    .headers = {"A: 1", "B-2: x y"},
    .nheaders = 2,
    .status = {{200, 299}, {404, 404}},
    .nstatus = 2,
    .auth = "user:pass:word",
    .redirects = true,
    .ca_file = "/etc/ca.pem",
    .server_name = "www.example.org",
    .expires_within = INT64_C(1209600000000000),
    .insecure = true,
};

static void
assert_same(const struct wire_options *a, const struct wire_options *b)
{
	assert_string_equal(a->url, b->url);
	assert_string_equal(a->method, b->method);
	assert_int_equal(a->nheaders, b->nheaders);
	for (size_t i = 0; i < a->nheaders; i++)
		assert_string_equal(a->headers[i], b->headers[i]);
	assert_int_equal(a->nstatus, b->nstatus);
	for (size_t i = 0; i < a->nstatus; i++) {
		assert_int_equal(a->status[i].first, b->status[i].first);
		assert_int_equal(a->status[i].last, b->status[i].last);
	}
	assert_string_equal(a->auth, b->auth);
	assert_int_equal(a->redirects, b->redirects);
	assert_string_equal(a->ca_file, b->ca_file);
	assert_string_equal(a->server_name, b->server_name);
	assert_int_equal(a->expires_within, b->expires_within);
	assert_int_equal(a->insecure, b->insecure);
}

/* From a copy of exactly that length, so that tools see who reads beyond. */
static const char *
unpack(struct wire_options *o, const char *bytes, size_t len, char **copy)
{
	*copy = malloc(len == 0 ? 1 : len);
	assert_non_null(*copy);
	memcpy(*copy, bytes, len);
	return (wire_options_unpack(o, *copy, len));
}

static void
test_there_and_back(void **state)
{
	struct wire_options back;
	char buf[WIRE_OPTIONS_MAX], *copy;
	size_t len = wire_options_pack(&all, buf, sizeof(buf));

	(void)state;
	assert_true(len > 0);
	assert_null(unpack(&back, buf, len, &copy));
	assert_same(&all, &back);
	free(copy);
}

static void
test_none_at_all(void **state)
{
	struct wire_options none = {0}, back;
	char buf[1], *copy;

	(void)state;
	assert_int_equal(wire_options_pack(&none, buf, sizeof(buf)), 0);
	assert_null(unpack(&back, buf, 0, &copy));
	assert_memory_equal(&none, &back, sizeof(none));
	free(copy);
}

static void
test_too_little_room(void **state)
{
	char buf[WIRE_OPTIONS_MAX];
	size_t len = wire_options_pack(&all, buf, sizeof(buf));

	(void)state;
	for (size_t size = 0; size < len; size++) {
		char *small = malloc(size + 1);

		assert_non_null(small);
		assert_int_equal(wire_options_pack(&all, small, size), 0);
		free(small);
	}
}

static void
test_cut_off_and_spoilt(void **state)
{
	struct wire_options back;
	char buf[WIRE_OPTIONS_MAX], *copy;
	size_t len = wire_options_pack(&all, buf, sizeof(buf));
	unsigned refused = 0;

	(void)state;
	for (size_t i = 0; i < len; i++) {
		char was = buf[i];

		/* In the middle of an option it does not end. */
		if (i > 0 && buf[i - 1] != '\0') {
			assert_string_equal(unpack(&back, buf, i, &copy),
			    "an option does not end");
			free(copy);
		}
		buf[i] = '\n';
		refused += unpack(&back, buf, len, &copy) != NULL;
		free(copy);
		buf[i] = was;
	}
	/* Only a path may have a newline; at its end, what follows is of it. */
	assert_int_equal(refused, len - strlen(all.ca_file));
}

#define BYTES(text, why)                    \
	{                                   \
		text, sizeof(text) - 1, why \
	}

static void
test_bytes_that_are_none(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *why;
	} bad[] = {
	    BYTES("z\0", "unknown"),
	    BYTES("\0", "end"),
	    BYTES("\0\0", "unknown"),
	    BYTES("\xff\0", "unknown"),
	    BYTES("ufile:///etc/passwd\0", "http://"),
	    BYTES("uhttp://a/\r\nX: y\0", "printable"),
	    BYTES("uhttp://a b/\0", "printable"),
	    BYTES("uhttp://u:p@a/\0", "password"),
	    BYTES("uhttp:///x\0", "host"),
	    BYTES("uhttp://:80/\0", "host"),
	    BYTES("uhttp://a/#b\0", "never sent"),
	    BYTES("uhttp://a/\0uhttp://a/\0", "twice"),
	    BYTES("mget\0", "capitals"),
	    BYTES("mGET X\0", "word"),
	    BYTES("mCONNECT\0", "proxies"),
	    BYTES("m\0", "word"),
	    BYTES("hA\0", "value"),
	    BYTES("h: b\0", "value"),
	    BYTES("hA: \0", "missing"),
	    BYTES("hA: b\r\nC: d\0", "no text"),
	    BYTES("s200\0", "number"),
	    BYTES("s200-29x\0", "number"),
	    BYTES("s099-200\0", "range"),
	    BYTES("s300-200\0", "range"),
	    BYTES("s200-600\0", "range"),
	    BYTES("anobody\0", "user:password"),
	    BYTES("a:x\0", "user:password"),
	    BYTES("aa:b\nc\0", "no text"),
	    BYTES("cetc/ca.pem\0", "absolute"),
	    BYTES("n-x\0", "letters"),
	    BYTES("na/b\0", "letters"),
	    BYTES("n\0", "letters"),
	    BYTES("x0\0", "range"),
	    BYTES("x-5\0", "number"),
	    BYTES("x 5\0", "number"),
	    BYTES("x99999999999999999999\0", "range"),
	    BYTES("x5\0x5\0", "twice"),
	    BYTES("k\0k\0", "twice"),
	    BYTES("kyes\0", "value"),
	    BYTES("r\0r\0", "twice"),
	};
	struct wire_options o;
	char *copy;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *why = unpack(&o, bad[i].bytes, bad[i].len, &copy);

		if (why == NULL || strstr(why, bad[i].why) == NULL)
			fail_msg("%s: %s, not %s", bad[i].bytes,
			    why == NULL ? "taken" : why, bad[i].why);
		free(copy);
	}
}

static void
test_too_many(void **state)
{
	struct wire_options o;
	char buf[WIRE_HEADERS_MAX * 8], *copy;
	size_t len = 0;

	(void)state;
	for (size_t i = 0; i < WIRE_HEADERS_MAX + 1; i++, len += 6)
		memcpy(buf + len, "hA: b", 6);
	assert_non_null(unpack(&o, buf, len, &copy));
	free(copy);
	assert_null(unpack(&o, buf, len - 6, &copy));
	free(copy);
	for (len = 0; len < (WIRE_STATUS_MAX + 1) * 9; len += 9)
		memcpy(buf + len, "s200-200", 9);
	assert_non_null(unpack(&o, buf, len, &copy));
	free(copy);
	assert_null(unpack(&o, buf, len - 9, &copy));
	free(copy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_there_and_back),
	    cmocka_unit_test(test_none_at_all),
	    cmocka_unit_test(test_too_little_room),
	    cmocka_unit_test(test_cut_off_and_spoilt),
	    cmocka_unit_test(test_bytes_that_are_none),
	    cmocka_unit_test(test_too_many),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
