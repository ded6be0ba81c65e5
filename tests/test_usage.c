/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What a process uses, told by the system: of ourselves, as we know it.
 */
#include "config.h"

#include <sys/types.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../compat/usage.h"

#define SEC INT64_C(1000000000)

static struct usage
own(void)
{
	struct usage u;

	if (usage_get(getpid(), &u) == -1 && errno == ENOTSUP)
		skip();
	assert_int_equal(usage_get(getpid(), &u), 0);
	return (u);
}

static int64_t
spent(void)
{
	struct timespec ts;

	assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts), 0);
	return ((int64_t)ts.tv_sec * SEC + ts.tv_nsec);
}

static void
test_cpu(void **state)
{
	int64_t before = spent();
	struct usage u;

	(void)state;
	/* The kernel may count in ticks of 10 ms. */
	while (spent() < before + SEC / 5)
		continue;
	u = own();
	assert_true(u.cpu >= SEC / 5 - SEC / 50);
	assert_true(u.cpu <= spent() + SEC / 50);
}

static void
test_memory(void **state)
{
	size_t more = 32u << 20;
	int64_t before = own().memory;
	char *p = malloc(more);

	(void)state;
	assert_non_null(p);
	memset(p, 1, more);
	assert_true(before > 100000);
	/* Not to be left out by a clever compiler. */
	assert_int_equal(p[more - 1], 1);
	assert_true(own().memory >= before + (int64_t)(more - (2u << 20)));
	free(p);
}

static void
test_descriptors_and_threads(void **state)
{
	struct usage before = own();
	int fds[10];

	(void)state;
	assert_int_equal(before.threads, 1);
	if (before.descriptors == -1)
		return; /* NetBSD does not tell */
	for (int i = 0; i < 10; i++) {
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		assert_true(fds[i] != -1);
	}
	assert_int_equal(own().descriptors, before.descriptors + 10);
	for (int i = 0; i < 10; i++)
		close(fds[i]);
	assert_int_equal(own().descriptors, before.descriptors);
}

static void
test_nobody(void **state)
{
	struct usage u;

	(void)state;
	(void)own();
	assert_int_equal(usage_get(0x7ffffff0, &u), -1);
	assert_int_equal(errno, ESRCH);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cpu),
	    cmocka_unit_test(test_memory),
	    cmocka_unit_test(test_descriptors_and_threads),
	    cmocka_unit_test(test_nobody),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
