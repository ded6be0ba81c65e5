/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The BSD functions that the code relies on, wherever they come from: libc,
 * libbsd and compat/ must all pass.  What only some of them do is not asked.
 * Locks and pidfiles are test_compat_lock.c's, lists test_compat_queue.c's.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/*
 * It keeps descriptors of its own above the limit, has its own idea of
 * limits, and its own name for ps(1).
 */
static bool
on_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return (preload != NULL && strstr(preload, "vgpreload") != NULL);
}

static void
skip_on_valgrind(void)
{
	if (on_valgrind())
		skip();
}

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

/* For what runs in a child, where an assertion would go unheard. */
static void
check(bool good, const char *what, int line)
{
	if (!good) {
		(void)dprintf(STDERR_FILENO, "line %d: %s\n", line, what);
		_exit(1);
	}
}

#define CHECK(what) check(what, #what, __LINE__)

static void
in_child(void (*run)(void))
{
	pid_t pid;
	int status;

	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		(void)alarm(60);
		run();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
strtonum_table(void **state)
{
	static const struct {
		const char *s;
		long long min, max, value;
		const char *errstr;
	} t[] = {
	    {"0", 0, 0, 0, NULL},
	    {"12", 0, 20, 12, NULL},
	    {" \t12", 0, 20, 12, NULL},
	    {"+5", 0, 20, 5, NULL},
	    {"-5", -20, 20, -5, NULL},
	    {"010", 0, 20, 10, NULL},
	    {"20", 0, 20, 20, NULL},
	    {"21", 0, 20, 0, "too large"},
	    {"-1", 0, 20, 0, "too small"},
	    {"", 0, 20, 0, "invalid"},
	    {" ", 0, 20, 0, "invalid"},
	    {"-", 0, 20, 0, "invalid"},
	    {"12 ", 0, 20, 0, "invalid"},
	    {"1 2", 0, 20, 0, "invalid"},
	    {"12x", 0, 20, 0, "invalid"},
	    {"0x10", 0, 20, 0, "invalid"},
	    {"junk", 9, 1, 0, "invalid"},
	    {"9223372036854775807", LLONG_MIN, LLONG_MAX, LLONG_MAX, NULL},
	    {"-9223372036854775808", LLONG_MIN, LLONG_MAX, LLONG_MIN, NULL},
	    {"9223372036854775808", LLONG_MIN, LLONG_MAX, 0, "too large"},
	    {"-9223372036854775809", LLONG_MIN, LLONG_MAX, 0, "too small"},
	    {"99999999999999999999", 0, 5, 0, "too large"},
	    {"-99999999999999999999", 0, 5, 0, "too small"},
	};
	const char *errstr;
	size_t i;

	(void)state;
	for (i = 0; i < nitems(t); i++) {
		errstr = "untouched";
		assert_int_equal(
		    strtonum(t[i].s, t[i].min, t[i].max, &errstr), t[i].value);
		if (t[i].errstr == NULL)
			assert_null(errstr);
		else
			assert_string_equal(errstr, t[i].errstr);
		/* errstr may be left out. */
		assert_int_equal(
		    strtonum(t[i].s, t[i].min, t[i].max, NULL), t[i].value);
	}
}

static void
strtonum_keeps_errno_on_success(void **state)
{
	(void)state;
	errno = EXDEV;
	assert_int_equal(strtonum("7", 0, 9, NULL), 7);
	assert_int_equal(errno, EXDEV);
}

static void
strlcpy_cuts_and_ends(void **state)
{
	char buf[8];

	(void)state;
	memset(buf, 'x', sizeof(buf));
	assert_int_equal(strlcpy(buf, "abc", sizeof(buf)), 3);
	assert_memory_equal(buf, "abc\0xxxx", 8);
	assert_int_equal(strlcpy(buf, "1234567", sizeof(buf)), 7);
	assert_string_equal(buf, "1234567");
	assert_int_equal(strlcpy(buf, "123456789", sizeof(buf)), 9);
	assert_string_equal(buf, "1234567");
	assert_int_equal(strlcpy(buf, "abc", 1), 3);
	assert_memory_equal(buf, "\0002345", 5);
	assert_int_equal(strlcpy(buf, "abc", 0), 3);
	assert_memory_equal(buf, "\0002345", 5);
	assert_int_equal(strlcpy(buf, "", sizeof(buf)), 0);
	assert_string_equal(buf, "");
}

static void
strlcat_cuts_and_ends(void **state)
{
	char buf[8] = "ab";

	(void)state;
	assert_int_equal(strlcat(buf, "cd", sizeof(buf)), 4);
	assert_string_equal(buf, "abcd");
	assert_int_equal(strlcat(buf, "efg", sizeof(buf)), 7);
	assert_string_equal(buf, "abcdefg");
	assert_int_equal(strlcat(buf, "hij", sizeof(buf)), 10);
	assert_string_equal(buf, "abcdefg");
	assert_int_equal(strlcat(buf, "", sizeof(buf)), 7);
	assert_string_equal(buf, "abcdefg");
}

static void
strlcat_unterminated_dst_is_left(void **state)
{
	char buf[8];

	(void)state;
	memset(buf, 'x', sizeof(buf));
	assert_int_equal(strlcat(buf, "abc", 4), 7);
	assert_memory_equal(buf, "xxxxxxxx", 8);
	assert_int_equal(strlcat(buf, "abc", 0), 3);
	assert_memory_equal(buf, "xxxxxxxx", 8);
}

static void
explicit_bzero_clears_what_it_should(void **state)
{
	char buf[] = "a secret word";

	(void)state;
	explicit_bzero(buf + 2, 6);
	assert_memory_equal(buf, "a \0\0\0\0\0\0 word", sizeof(buf));
	explicit_bzero(buf, 0);
	assert_int_equal(buf[0], 'a');
}

static void
reallocarray_refuses_overflow(void **state)
{
	volatile size_t huge = SIZE_MAX / 2;
	char *p, *q;

	(void)state;
	p = reallocarray(NULL, 4, 2);
	assert_non_null(p);
	memcpy(p, "1234567", 8);
	errno = 0;
	q = reallocarray(p, huge, 3);
	if (q != NULL) {
		free(q);
		fail();
		return;
	}
	assert_int_equal(errno, ENOMEM);
	assert_string_equal(p, "1234567");
	q = reallocarray(p, 8, 2);
	assert_non_null(q);
	assert_string_equal(q, "1234567");
	free(q);
}

static void
progname_is_the_last_component(void **state)
{
	char first[64];

	(void)state;
	strlcpy(first, getprogname(), sizeof(first));
	assert_null(strchr(first, '/'));
	assert_non_null(strstr(first, "test_compat"));
	setprogname("/usr/sbin/other");
	assert_string_equal(getprogname(), "other");
	setprogname("plain");
	assert_string_equal(getprogname(), "plain");
	setprogname("test_compat");
}

/* Descriptors 3 to n - 1, as far as there may be so many. */
static int
open_many(int n)
{
	int fd;

	do {
		fd = dup(STDIN_FILENO);
	} while (fd != -1 && fd < n - 1);
	return (fd == -1 ? -1 : fd + 1);
}

static bool
is_open(int fd)
{
	return (fcntl(fd, F_GETFD) != -1);
}

static void
raise_limit(void)
{
	struct rlimit rl;

	CHECK(getrlimit(RLIMIT_NOFILE, &rl) == 0);
	rl.rlim_cur = rl.rlim_max;
	CHECK(setrlimit(RLIMIT_NOFILE, &rl) == 0);
	/* To "unlimited" where that is allowed. */
	rl.rlim_cur = rl.rlim_max = RLIM_INFINITY;
	(void)setrlimit(RLIMIT_NOFILE, &rl);
}

static void
close_1000(void)
{
	int end, fd;

	raise_limit();
	end = open_many(1010);
	CHECK(end == 1010);
	closefrom(100);
	for (fd = 0; fd < 100; fd++)
		CHECK(is_open(fd) || fd > 2);
	CHECK(is_open(99));
	for (fd = 100; fd < end; fd++)
		CHECK(!is_open(fd));
	closefrom(3);
	for (fd = 3; fd < 100; fd++)
		CHECK(!is_open(fd));
	/* Nothing to do is no error either. */
	closefrom(3);
	closefrom(5000);
}

static void
closefrom_1000_with_rlimit_at_its_highest(void **state)
{
	(void)state;
	skip_on_valgrind();
	in_child(close_1000);
}

static void
close_above_limit(void)
{
	struct rlimit rl = {64, 64};
	int fd;

	CHECK(open_many(200) == 200);
	CHECK(setrlimit(RLIMIT_NOFILE, &rl) == 0);
	closefrom(3);
	for (fd = 3; fd < 200; fd++)
		CHECK(!is_open(fd));
}

static void
closefrom_above_a_lowered_rlimit(void **state)
{
	(void)state;
	skip_on_valgrind();
	in_child(close_above_limit);
}

static void
close_lone(void)
{
	CHECK(fcntl(STDIN_FILENO, F_DUPFD, 900) == 900);
	CHECK(fcntl(STDIN_FILENO, F_DUPFD, 500) == 500);
	closefrom(501);
	CHECK(!is_open(900));
	CHECK(is_open(500));
	closefrom(500);
	CHECK(!is_open(500));
}

static void
closefrom_with_gaps_and_at_the_border(void **state)
{
	(void)state;
	skip_on_valgrind();
	in_child(close_lone);
}

/* The command line as ps sees it; the arguments are parted by NULs. */
static ssize_t
read_title(char *buf, size_t size)
{
	ssize_t n;
	int fd;

	fd = open("/proc/self/cmdline", O_RDONLY);
	if (fd == -1)
		return (-1);
	n = read(fd, buf, size - 1);
	(void)close(fd);
	if (n >= 0)
		buf[n] = '\0';
	return (n);
}

static void
setproctitle_is_what_ps_sees(void **state)
{
	char before[4096], buf[4096], big[1024];

	(void)state;
	skip_on_valgrind();
	if (read_title(before, sizeof(before)) <= 0)
		skip(); /* no /proc: setproctitle is the system's own */
	setprogname("test_compat");
	setproctitle("watching %d services", 50);
	assert_true(read_title(buf, sizeof(buf)) > 0);
	assert_string_equal(buf, "test_compat: watching 50 services");
	setproctitle("-%s", "bare");
	assert_true(read_title(buf, sizeof(buf)) > 0);
	assert_string_equal(buf, "bare");
	/* One longer than there is room for is cut, and harms nobody. */
	memset(big, 'y', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	setproctitle("-%s", big);
	assert_true(read_title(buf, sizeof(buf)) > 0);
	assert_memory_equal(buf, "yyyyyyyy", 8);
	assert_string_equal(getenv("TEST_COMPAT"), "kept");
	setproctitle(NULL);
	assert_true(read_title(buf, sizeof(buf)) > 0);
	assert_memory_equal(buf, before, strlen(before));
}

/* FreeBSD's headers have none. */
extern char **environ;

/* Asked by LeakSanitizer: libbsd 0.11.7 never frees its copies of argv. */
const char *__lsan_default_suppressions(void);
const char *
__lsan_default_suppressions(void)
{
	return ("leak:setproctitle_init\n");
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(strtonum_table),
	    cmocka_unit_test(strtonum_keeps_errno_on_success),
	    cmocka_unit_test(strlcpy_cuts_and_ends),
	    cmocka_unit_test(strlcat_cuts_and_ends),
	    cmocka_unit_test(strlcat_unterminated_dst_is_left),
	    cmocka_unit_test(explicit_bzero_clears_what_it_should),
	    cmocka_unit_test(reallocarray_refuses_overflow),
	    cmocka_unit_test(progname_is_the_last_component),
	    cmocka_unit_test(closefrom_1000_with_rlimit_at_its_highest),
	    cmocka_unit_test(closefrom_above_a_lowered_rlimit),
	    cmocka_unit_test(closefrom_with_gaps_and_at_the_border),
	    cmocka_unit_test(setproctitle_is_what_ps_sees),
	};

	/* libbsd never frees its copies, and the title is not tested there. */
	if (!on_valgrind())
		setproctitle_init(argc, argv, environ);
	if (setenv("TEST_COMPAT", "kept", 1) == -1)
		return (1);
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
