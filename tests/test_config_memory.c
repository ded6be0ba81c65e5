/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Reading a configuration when memory runs out, at each allocation in turn:
 * one error says so, nothing is leaked (a leak checker sees to that).  Linked
 * with --wrap, so that only what we call is counted, not what libc calls.
 */
#include "config.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf.h"
#include "temp_dir.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *ptr, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *ptr, size_t size);

/* How many succeed before the one that fails; negative: none fails. */
static long left = -1;
static bool failed;

static bool
fails(void)
{
	if (left < 0 || left-- > 0)
		return (false);
	failed = true;
	errno = ENOMEM;
	return (true);
}

void *
__wrap_malloc(size_t size)
{
	return (fails() ? NULL : __real_malloc(size));
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return (fails() ? NULL : __real_calloc(n, size));
}

void *
__wrap_realloc(void *ptr, size_t size)
{
	return (fails() ? NULL : __real_realloc(ptr, size));
}

static void
count_memory(const struct config_pos *pos, const char *text, void *arg)
{
	(void)pos;
	if (strcmp(text, "out of memory") == 0)
		(*(int *)arg)++;
}

/* How many allocations could fail; good: it is right when none does. */
static long
read_without_memory(const char *path, bool good)
{
	for (long n = 0;; n++) {
		int told = 0;
		struct config *c;

		left = n;
		failed = false;
		c = config_read(path, true, count_memory, &told);
		left = -1;
		config_free(c);
		if (!failed) {
			assert_int_equal(c != NULL, good);
			assert_int_equal(told, 0);
			return (n);
		}
		assert_null(c);
		assert_int_equal(told, 1);
	}
}

static void
put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static char dir[TEMP_DIR];

/*
 * Found a sort of no names at all: the list of an include's matches was lost
 * while its length was kept.
 */
static void
test_memory_runs_out(void **state)
{
	static const char *const more[] = {"1", "2", "3", "4", "5", "6"};
	char path[128];

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		char text[256];

		snprintf(path, sizeof(path), "%s/%s.inc", dir, more[i]);
		snprintf(text, sizeof(text),
		    "service s%s { start = {sh, -c, x} env = {\"A=b\"}\n"
		    "tcp p { address = [::1]:80 send = x expect = y }\n"
		    "tcp q { host = h port = 1 } ready = p\n"
		    "restart-when = not (p and q) or p.failed }\n",
		    more[i]);
		put(path, text);
	}
	snprintf(path, sizeof(path), "%s/main", dir);
	put(path,
	    "log = syslog runtime-dir = /r prober-user = nobody\n"
	    "defaults { user = root restart-when = not process }\n"
	    "include *.inc\n"
	    "service a { type = detached match = x start = \"x\" }\n"
	    "service b { start = \"x\" }\n");
	assert_true(read_without_memory(path, true) > 100);
	put(path,
	    "include *.inc include nosuch\nfoo = 1 bar { x }\n"
	    "service s1 { strat = {\"x\", \"y } \n match = '(' }\n");
	assert_true(read_without_memory(path, false) > 100);
}

static int
set_up(void **state)
{
	(void)state;
	return (temp_dir(dir, "test_config"));
}

static int
tear_down(void **state)
{
	char path[128];

	(void)state;
	for (int i = 1; i <= 6; i++) {
		snprintf(path, sizeof(path), "%s/%d.inc", dir, i);
		(void)unlink(path);
	}
	snprintf(path, sizeof(path), "%s/main", dir);
	(void)unlink(path);
	return (rmdir(dir));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_memory_runs_out),
	};

	return (cmocka_run_group_tests(tests, set_up, tear_down));
}
