/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The hash by pid, with memory and without: pids.c is compiled into this test
 * with an allocator that can refuse.
 */
#include "config.h"

#include <sys/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void *allocate(size_t, size_t);

#define calloc(n, size) allocate(n, size)
#include "../lib/pids.c"
#undef calloc

#define MANY 5000

static bool refuse;

static void *
allocate(size_t n, size_t size)
{
	return (refuse ? NULL : calloc(n, size));
}

static struct dw_pid_link links[MANY], twice[MANY];

static size_t
count(const struct loop_pids *t, pid_t pid)
{
	const struct dw_pid_link *l;
	size_t n;

	for (n = 0, l = pids_find(t, pid); l != NULL; l = pids_next(l))
		n++;
	return (n);
}

/* Each that is in the table is met once. */
static void
walk(const struct loop_pids *t, size_t expected)
{
	static bool met[2 * MANY];
	const struct dw_pid_link *l;
	size_t i, n = 0;

	memset(met, 0, sizeof(met));
	for (l = pids_walk(t, NULL); l != NULL; l = pids_walk(t, l)) {
		i = l >= links && l < links + MANY ? (size_t)(l - links) :
						     MANY + (size_t)(l - twice);
		assert_true(i < 2 * (size_t)MANY);
		assert_false(met[i]);
		met[i] = true;
		n++;
	}
	assert_int_equal(n, expected);
}

/* Memory is there until with_memory are in, and from then on again. */
static void
fill_and_empty(size_t refused_from, size_t refused_to)
{
	struct loop_pids t;
	size_t i;

	memset(&t, 0, sizeof(t));
	memset(links, 0, sizeof(links));
	memset(twice, 0, sizeof(twice));
	assert_null(pids_any(&t));
	assert_null(pids_find(&t, 1));
	for (i = 0; i < MANY; i++) {
		refuse = i >= refused_from && i < refused_to;
		pids_add(&t, &links[i], (pid_t)(i + 1));
		if (i % 3 == 0)
			pids_add(&t, &twice[i], (pid_t)(i + 1));
	}
	for (i = 0; i < MANY; i++)
		assert_int_equal(count(&t, (pid_t)(i + 1)), 1 + (i % 3 == 0));
	assert_int_equal(count(&t, MANY + 1), 0);
	walk(&t, MANY + (MANY + 2) / 3);
	for (i = 0; i < MANY; i += 3)
		pids_del(&t, &links[i]);
	walk(&t, MANY);
	for (i = 0; i < MANY; i++) {
		assert_int_equal(count(&t, (pid_t)(i + 1)), 1);
		assert_ptr_equal(pids_find(&t, (pid_t)(i + 1)),
		    i % 3 == 0 ? &twice[i] : &links[i]);
	}
	for (i = 0; pids_any(&t) != NULL; i++)
		pids_del(&t, pids_any(&t));
	assert_int_equal(i, MANY);
	assert_int_equal(t.used, 0);
	walk(&t, 0);
	pids_free(&t);
	assert_null(pids_any(&t));
}

static void
with_memory(void **state)
{
	(void)state;
	fill_and_empty(MANY, MANY);
}

static void
without_memory(void **state)
{
	(void)state;
	fill_and_empty(0, MANY);
}

static void
memory_comes_and_goes(void **state)
{
	(void)state;
	fill_and_empty(0, 100);
	fill_and_empty(20, MANY);
	fill_and_empty(20, 1000);
}

static void
unlinking_twice(void **state)
{
	struct dw_pid_link *head, a, b;

	(void)state;
	head = NULL;
	memset(&a, 0, sizeof(a));
	pids_unlink(&a);
	pids_push(&head, &a);
	pids_push(&head, &b);
	pids_unlink(&a);
	pids_unlink(&a);
	assert_ptr_equal(head, &b);
	assert_null(b.next);
	pids_unlink(&b);
	assert_null(head);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(with_memory),
	    cmocka_unit_test(without_memory),
	    cmocka_unit_test(memory_comes_and_goes),
	    cmocka_unit_test(unlinking_twice),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
