/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * <sys/queue.h>, be it the system's, libbsd's or ours: above all the _SAFE
 * forms, for which the overlays exist.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/queue.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define N 6

struct item {
	char name;
	SLIST_ENTRY(item) slist;
	STAILQ_ENTRY(item) stailq;
	LIST_ENTRY(item) list;
	TAILQ_ENTRY(item) tailq;
};
SLIST_HEAD(slist, item);
STAILQ_HEAD(stailq, item);
LIST_HEAD(list, item);
TAILQ_HEAD(tailq, item);

/* What was visited is kept as a string of the items' names. */
static void
add(char *names, const struct item *item)
{
	size_t len = strlen(names);

	names[len] = item->name;
	names[len + 1] = '\0';
}

static void
name_items(struct item *items)
{
	int i;

	memset(items, 0, N * sizeof(*items));
	for (i = 0; i < N; i++)
		items[i].name = (char)('a' + i);
}

static void
slist(void **state)
{
	struct slist head = SLIST_HEAD_INITIALIZER(head);
	struct item items[N], *item, *next;
	char names[N + 1] = "";

	(void)state;
	name_items(items);
	assert_true(SLIST_EMPTY(&head));
	SLIST_INSERT_HEAD(&head, &items[1], slist);
	SLIST_INSERT_HEAD(&head, &items[0], slist);
	SLIST_INSERT_AFTER(&items[1], &items[2], slist);
	SLIST_FOREACH(item, &head, slist)
		add(names, item);
	assert_string_equal(names, "abc");
	SLIST_REMOVE(&head, &items[1], item, slist);
	assert_ptr_equal(SLIST_NEXT(&items[0], slist), &items[2]);
	names[0] = '\0';
	SLIST_FOREACH_SAFE(item, &head, slist, next)
	{
		add(names, item);
		SLIST_REMOVE_HEAD(&head, slist);
		memset(item, 0xff, sizeof(*item));
	}
	assert_string_equal(names, "ac");
	assert_null(SLIST_FIRST(&head));
}

static void
stailq(void **state)
{
	struct stailq head, more;
	struct item items[N], *item, *next;
	char names[N + 1] = "";

	(void)state;
	name_items(items);
	STAILQ_INIT(&head);
	STAILQ_INIT(&more);
	STAILQ_INSERT_TAIL(&head, &items[1], stailq);
	STAILQ_INSERT_HEAD(&head, &items[0], stailq);
	STAILQ_INSERT_AFTER(&head, &items[1], &items[2], stailq);
	STAILQ_REMOVE(&head, &items[2], item, stailq);
	STAILQ_INSERT_TAIL(&head, &items[3], stailq);
	STAILQ_INSERT_TAIL(&more, &items[4], stailq);
	STAILQ_CONCAT(&head, &more);
	assert_true(STAILQ_EMPTY(&more));
	STAILQ_INSERT_TAIL(&head, &items[5], stailq);
	STAILQ_FOREACH_SAFE(item, &head, stailq, next) {
		add(names, item);
		STAILQ_REMOVE_HEAD(&head, stailq);
		memset(item, 0xff, sizeof(*item));
	}
	assert_string_equal(names, "abdef");
	/* The tail must have followed: an element added now is the first. */
	STAILQ_INSERT_TAIL(&head, &items[2], stailq);
	assert_ptr_equal(STAILQ_FIRST(&head), &items[2]);
}

static void
list(void **state)
{
	struct list head = LIST_HEAD_INITIALIZER(head);
	struct item items[N], *item, *next;
	char names[N + 1] = "";

	(void)state;
	name_items(items);
	LIST_INSERT_HEAD(&head, &items[2], list);
	LIST_INSERT_BEFORE(&items[2], &items[0], list);
	LIST_INSERT_AFTER(&items[0], &items[1], list);
	LIST_INSERT_AFTER(&items[2], &items[3], list);
	LIST_REMOVE(&items[2], list);
	LIST_FOREACH(item, &head, list)
		add(names, item);
	assert_string_equal(names, "abd");
	LIST_FOREACH_SAFE(item, &head, list, next) {
		LIST_REMOVE(item, list);
		memset(item, 0xff, sizeof(*item));
	}
	assert_true(LIST_EMPTY(&head));
}

static void
tailq(void **state)
{
	struct tailq head = TAILQ_HEAD_INITIALIZER(head), more;
	struct item items[N], *item, *next;
	char names[N + 1] = "", back[N + 1] = "";

	(void)state;
	name_items(items);
	TAILQ_INIT(&more);
	TAILQ_INSERT_TAIL(&head, &items[2], tailq);
	TAILQ_INSERT_HEAD(&head, &items[0], tailq);
	TAILQ_INSERT_BEFORE(&items[2], &items[1], tailq);
	TAILQ_INSERT_AFTER(&head, &items[2], &items[3], tailq);
	TAILQ_REMOVE(&head, &items[2], tailq);
	TAILQ_INSERT_TAIL(&more, &items[4], tailq);
	TAILQ_CONCAT(&head, &more, tailq);
	TAILQ_INSERT_TAIL(&head, &items[5], tailq);
	assert_true(TAILQ_EMPTY(&more));
	assert_ptr_equal(TAILQ_LAST(&head, tailq), &items[5]);
	assert_ptr_equal(TAILQ_PREV(&items[3], tailq, tailq), &items[1]);
	assert_null(TAILQ_PREV(&items[0], tailq, tailq));
	TAILQ_FOREACH_REVERSE(item, &head, tailq, tailq)
	add(back, item);
	assert_string_equal(back, "fedba");
	TAILQ_FOREACH_SAFE(item, &head, tailq, next) {
		add(names, item);
		if (item->name != 'd') {
			TAILQ_REMOVE(&head, item, tailq);
			memset(item, 0xff, sizeof(*item));
		}
	}
	assert_string_equal(names, "abdef");
	assert_ptr_equal(TAILQ_FIRST(&head), &items[3]);
	assert_ptr_equal(TAILQ_LAST(&head, tailq), &items[3]);
	assert_null(TAILQ_NEXT(&items[3], tailq));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(slist),
	    cmocka_unit_test(stailq),
	    cmocka_unit_test(list),
	    cmocka_unit_test(tailq),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
