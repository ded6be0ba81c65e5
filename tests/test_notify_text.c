/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What is made of a datagram of sd_notify(3): the well-formed, the odd, and
 * bytes at random.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bin/notify.h"

static struct notify
parse(const char *text)
{
	struct notify n;

	assert_int_equal(notify_parse(text, strlen(text), &n), 0);
	return (n);
}

static void
assert_status(const struct notify *n, const char *want)
{
	assert_non_null(n->status);
	assert_int_equal(n->status_len, strlen(want));
	assert_memory_equal(n->status, want, n->status_len);
}

static void
test_each(void **state)
{
	struct notify n;

	(void)state;
	assert_true(parse("READY=1").ready);
	assert_true(parse("RELOADING=1\nMONOTONIC_USEC=5").reloading);
	assert_true(parse("STOPPING=1\n").stopping);
	assert_true(parse("WATCHDOG=1").watchdog);
	assert_false(parse("WATCHDOG=1").trigger);
	assert_true(parse("WATCHDOG=trigger").trigger);
	assert_true(parse("BARRIER=1").barrier);
	assert_int_equal(parse("MAINPID=4711").mainpid, 4711);
	assert_int_equal(parse("ERRNO=2").error, 2);
	n = parse("STATUS=");
	assert_status(&n, "");
}

static void
test_several_lines(void **state)
{
	struct notify n =
	    parse("READY=1\nSTATUS=listening = yes\nX=\n\n=\nMAINPID=2");

	(void)state;
	assert_true(n.ready);
	assert_status(&n, "listening = yes");
	assert_int_equal(n.mainpid, 2);
	assert_false(n.stopping || n.reloading || n.watchdog || n.barrier);
	assert_int_equal(n.error, 0);
	n = parse("STATUS=a\nSTATUS=b\n");
	assert_status(&n, "b");
}

static void
test_values_without_sense(void **state)
{
	static const char *const texts[] = {"READY=0", "READY=", "READY",
	    "READY=11", " READY=1", "READY=1 ", "ready=1", "READY=1\r",
	    "MAINPID=0", "MAINPID=1", "MAINPID=-5", "MAINPID=+5", "MAINPID= 5",
	    "MAINPID=5x", "MAINPID=2147483648", "MAINPID=99999999999999999999",
	    "MAINPID=", "ERRNO=0", "ERRNO=4096", "ERRNO=ENOENT", "BARRIER=2",
	    "STATUS", "WATCHDOG=2", "FDSTORE=1"};
	static const struct notify nothing;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct notify n = parse(texts[i]);

		if (memcmp(&n, &nothing, sizeof(n)) != 0)
			fail_msg("'%s' means something", texts[i]);
	}
}

static void
test_no_text(void **state)
{
	struct notify n;

	(void)state;
	assert_int_equal(notify_parse("", 0, &n), -1);
	assert_int_equal(notify_parse("\0", 1, &n), -1);
	assert_int_equal(notify_parse("READY=1\0STATUS=x", 16, &n), -1);
	assert_int_equal(notify_parse("READY=1\0", 8, &n), 0);
	assert_true(n.ready);
	assert_int_equal(notify_parse("READY=1\0\0", 9, &n), -1);
}

/* Each on memory of its own size, so that tools see its bounds. */
static void
test_random_bytes(void **state)
{
	static const char letters[] = "READY=1STATUSMAINPID0\n\n\n=\0x";
	uint64_t random = 88172645463325252u;
	struct notify n;

	(void)state;
	for (int turn = 0; turn < 20000; turn++) {
		size_t len = 1 + (size_t)(random >> 20) % 64;
		char *text = malloc(len);

		assert_non_null(text);
		for (size_t i = 0; i < len; i++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			text[i] = letters[random % (sizeof(letters) - 1)];
		}
		if (notify_parse(text, len, &n) == 0 && n.status != NULL)
			assert_true(n.status >= text &&
			    n.status + n.status_len <= text + len);
		free(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_each),
	    cmocka_unit_test(test_several_lines),
	    cmocka_unit_test(test_values_without_sense),
	    cmocka_unit_test(test_no_text),
	    cmocka_unit_test(test_random_bytes),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
