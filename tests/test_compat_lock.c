/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * flopen(3) and pidfile_open(3), wherever they come from: libutil, libbsd and
 * compat/ must all pass.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <libutil.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "temp_dir.h"

/*
 * It keeps descriptors of its own above the limit, has its own idea of
 * limits, and its own name for ps(1).
 */
static void
skip_on_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	if (preload != NULL && strstr(preload, "vgpreload") != NULL)
		skip();
}

static char dir[TEMP_DIR];
static char path[64];

static int
set_up(void **state)
{
	(void)state;
	(void)alarm(120);
	if (temp_dir(dir, "test_compat") == -1)
		return (-1);
	(void)snprintf(path, sizeof(path), "%s/file", dir);
	return (0);
}

static int
tear_down(void **state)
{
	(void)state;
	(void)unlink(path);
	return (rmdir(dir));
}

static int
clear(void **state)
{
	(void)state;
	(void)unlink(path);
	return (0);
}

static off_t
size_of(const char *name)
{
	struct stat st;

	return (stat(name, &st) == 0 ? st.st_size : -1);
}

static void
put(const char *text)
{
	int fd;

	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
}

static long
number_in_file(void)
{
	char buf[32] = "", *end;
	ssize_t n;
	long pid;
	int fd;

	fd = open(path, O_RDONLY);
	if (fd == -1)
		return (-1);
	n = read(fd, buf, sizeof(buf) - 1);
	(void)close(fd);
	if (n <= 0)
		return (0);
	pid = strtol(buf, &end, 10);
	return (*end == '\0' ? pid : -2);
}

static void
flopen_is_exclusive(void **state)
{
	int again, fd;

	(void)state;
	fd = flopen(path, O_RDWR | O_CREAT, 0640);
	assert_int_not_equal(fd, -1);
	again = flopen(path, O_RDWR | O_NONBLOCK);
	assert_int_equal(again, -1);
	assert_int_equal(errno, EWOULDBLOCK);
	assert_int_equal(close(fd), 0);
	again = flopen(path, O_RDWR | O_NONBLOCK);
	assert_int_not_equal(again, -1);
	assert_int_equal(close(again), 0);
}

static void
flopen_truncates_only_with_the_lock(void **state)
{
	int fd;

	(void)state;
	put("123");
	fd = flopen(path, O_RDWR);
	assert_int_not_equal(fd, -1);
	assert_int_equal(flopen(path, O_RDWR | O_NONBLOCK | O_TRUNC), -1);
	assert_int_equal(size_of(path), 3);
	assert_int_equal(close(fd), 0);
	fd = flopen(path, O_RDWR | O_NONBLOCK | O_TRUNC);
	assert_int_not_equal(fd, -1);
	assert_int_equal(size_of(path), 0);
	assert_int_equal(close(fd), 0);
}

static void
flopen_errors(void **state)
{
	(void)state;
	assert_int_equal(flopen(path, O_RDWR), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(flopen(dir, O_RDWR), -1);
	assert_int_equal(errno, EISDIR);
	assert_int_equal(flopenat(-1, "relative", O_RDWR), -1);
	assert_int_equal(errno, EBADF);
}

static void
flopenat_from_a_directory(void **state)
{
	int at, fd;

	(void)state;
	at = open(dir, O_RDONLY | O_DIRECTORY);
	assert_int_not_equal(at, -1);
	fd = flopenat(at, "file", O_WRONLY | O_CREAT, 0600);
	assert_int_not_equal(fd, -1);
	assert_int_equal(flopen(path, O_WRONLY | O_NONBLOCK), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	assert_int_equal(close(fd), 0);
	assert_int_equal(close(at), 0);
}

/* A child that waits in flopen() for our lock, and reports what it got. */
static pid_t
wait_for_lock(int ours)
{
	struct stat st, named;
	pid_t pid;
	int fd;

	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid != 0)
		return (pid);
	/* The lock is the open file's, and fork has shared that. */
	(void)close(ours);
	(void)alarm(60);
	fd = flopen(path, O_RDWR | O_CREAT, 0600);
	if (fd == -1 || fstat(fd, &st) == -1 || stat(path, &named) == -1)
		_exit(1);
	_exit(st.st_ino == named.st_ino && st.st_nlink == 1 ? 0 : 2);
}

static void
flopen_waiting_gets_the_file_of_that_name(void **state)
{
	int fd, i, status;
	pid_t pid;

	(void)state;
	/* The interleaving is not ours to order, so it is tried often. */
	for (i = 0; i < 50; i++) {
		fd = flopen(path, O_RDWR | O_CREAT, 0600);
		assert_int_not_equal(fd, -1);
		pid = wait_for_lock(fd);
		if (i % 2 != 0)
			(void)sched_yield();
		assert_int_equal(unlink(path), 0);
		assert_int_equal(close(fd), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
}

static void
pidfile_holds_our_pid(void **state)
{
	struct pidfh *pf, *other;
	pid_t holder = 55;

	(void)state;
	put("1234567890123");
	pf = pidfile_open(path, 0600, &holder);
	assert_non_null(pf);
	assert_int_equal(holder, 55);
	assert_int_equal(size_of(path), 0);
	assert_int_equal(pidfile_write(pf), 0);
	assert_int_equal(number_in_file(), getpid());
	/* Again, as after a fork: the same, and no more. */
	assert_int_equal(pidfile_write(pf), 0);
	assert_int_equal(number_in_file(), getpid());
	other = pidfile_open(path, 0600, &holder);
	assert_null(other);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(holder, getpid());
	assert_null(pidfile_open(path, 0600, NULL));
	assert_int_equal(errno, EEXIST);
	assert_int_equal(pidfile_remove(pf), 0);
	assert_int_equal(number_in_file(), -1);
}

static void
pidfile_mode_is_the_callers(void **state)
{
	struct pidfh *pf;
	struct stat st;
	mode_t mask;

	(void)state;
	mask = umask(0);
	pf = pidfile_open(path, 0640, NULL);
	(void)umask(mask);
	assert_non_null(pf);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(fstat(pidfile_fileno(pf), &st), 0);
	assert_int_equal(pidfile_remove(pf), 0);
}

static void
pidfile_not_yet_written_is_minus_1(void **state)
{
	struct pidfh *pf;
	pid_t holder = 55;

	(void)state;
	pf = pidfile_open(path, 0600, NULL);
	assert_non_null(pf);
	assert_null(pidfile_open(path, 0600, &holder));
	assert_int_equal(errno, EEXIST);
	assert_int_equal(holder, -1);
	/* Closing keeps the file and gives up the lock. */
	assert_int_equal(pidfile_close(pf), 0);
	assert_int_equal(size_of(path), 0);
	pf = pidfile_open(path, 0600, NULL);
	assert_non_null(pf);
	assert_int_equal(pidfile_remove(pf), 0);
}

static void
pidfile_locked_with_garbage_is_einval(void **state)
{
	static const char *const garbage[] = {"junk", "12x", "12\n13"};
	struct pidfh *pf;
	pid_t holder;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		pf = pidfile_open(path, 0600, NULL);
		assert_non_null(pf);
		put(garbage[i]);
		assert_null(pidfile_open(path, 0600, &holder));
		assert_int_equal(errno, EINVAL);
		assert_int_equal(pidfile_remove(pf), 0);
	}
}

static void
pidfile_errors_of_open(void **state)
{
	char big[PATH_MAX + 10], name[128];

	(void)state;
	(void)snprintf(name, sizeof(name), "%s/none/file", dir);
	assert_null(pidfile_open(name, 0600, NULL));
	assert_int_equal(errno, ENOENT);
	assert_null(pidfile_open(dir, 0600, NULL));
	assert_int_equal(errno, EISDIR);
	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_null(pidfile_open(big, 0600, NULL));
	assert_int_equal(errno, ENAMETOOLONG);
}

/* FreeBSD has a word of its own for it. */
#ifdef EDOOFUS
#define NULL_PIDFILE EDOOFUS
#else
#define NULL_PIDFILE EINVAL
#endif

static void
pidfile_null_is_einval(void **state)
{
	(void)state;
	errno = 0;
	assert_int_equal(pidfile_write(NULL), -1);
	assert_int_equal(errno, NULL_PIDFILE);
	errno = 0;
	assert_int_equal(pidfile_close(NULL), -1);
	assert_int_equal(errno, NULL_PIDFILE);
	errno = 0;
	assert_int_equal(pidfile_remove(NULL), -1);
	assert_int_equal(errno, NULL_PIDFILE);
	errno = 0;
	assert_int_equal(pidfile_fileno(NULL), -1);
	assert_int_equal(errno, NULL_PIDFILE);
}

/* A disk that is full, as far as a process can make one for itself. */
static void
pidfile_that_cannot_be_written_is_removed(void **state)
{
	const struct rlimit none = {0, RLIM_INFINITY};
	struct pidfh *pf;
	int status;
	pid_t pid;

	(void)state;
	skip_on_valgrind();
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		pf = pidfile_open(path, 0600, NULL);
		(void)signal(SIGXFSZ, SIG_IGN);
		if (pf == NULL || setrlimit(RLIMIT_FSIZE, &none) == -1)
			_exit(1);
		if (pidfile_write(pf) != -1 || errno != EFBIG)
			_exit(2);
		_exit(access(path, F_OK) == -1 && errno == ENOENT ? 0 : 3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
pidfile_lock_ends_with_the_process(void **state)
{
	struct pidfh *pf;
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		pf = pidfile_open(path, 0600, NULL);
		if (pf == NULL || pidfile_write(pf) == -1)
			_exit(1);
		_exit(kill(getpid(), SIGKILL));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(number_in_file(), pid);
	/* A stale file is no obstacle. */
	pf = pidfile_open(path, 0600, NULL);
	assert_non_null(pf);
	assert_int_equal(pidfile_remove(pf), 0);
}

#define RACERS 16
#define ROUNDS 40

/* Take the pidfile as often as can be; two at a time must never have it. */
static int
race(atomic_int *holders, atomic_int *turns)
{
	struct pidfh *pf;
	pid_t other;
	int i;

	/* (The number may be any racer's, ours too: it is read unlocked.) */
	for (i = 0; i < ROUNDS; i++) {
		pf = pidfile_open(path, 0600, i % 2 != 0 ? &other : NULL);
		if (pf == NULL) {
			/*
			 * The holder may remove the file while its number is
			 * being read.
			 */
			if (errno != EEXIST && errno != ENOENT)
				return (1);
			continue;
		}
		if (atomic_fetch_add(holders, 1) != 0)
			return (3);
		if (pidfile_write(pf) == -1 || number_in_file() != getpid())
			return (4);
		atomic_fetch_add(turns, 1);
		atomic_fetch_sub(holders, 1);
		if ((i % 3 != 0 ? pidfile_remove(pf) : pidfile_close(pf)) != 0)
			return (5);
	}
	return (0);
}

static void
pidfile_race_of_many(void **state)
{
	pid_t pids[RACERS];
	atomic_int *shared;
	int i, status;

	(void)state;
	shared = mmap(NULL, 2 * sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(shared, MAP_FAILED);
	for (i = 0; i < RACERS; i++) {
		pids[i] = fork();
		assert_int_not_equal(pids[i], -1);
		if (pids[i] == 0)
			_exit(race(&shared[0], &shared[1]));
	}
	for (i = 0; i < RACERS; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(atomic_load(&shared[0]), 0);
	assert_true(atomic_load(&shared[1]) >= RACERS);
	assert_int_equal(munmap(shared, 2 * sizeof(*shared)), 0);
}

/* These two are better in compat/ than elsewhere, see pidfile_open.c. */

static void
ours_pidfile_and_flopen_are_close_on_exec(void **state)
{
	struct pidfh *pf;
	int fd;

	(void)state;
#ifdef HAVE_PIDFILE_OPEN
	skip(); /* libbsd 0.11 does not, though its manual says so */
#endif
	pf = pidfile_open(path, 0600, NULL);
	assert_non_null(pf);
	fd = pidfile_fileno(pf);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(pidfile_remove(pf), 0);
}

static void
ours_pidfile_remove_leaves_anothers_file(void **state)
{
	struct pidfh *pf;

	(void)state;
#ifdef HAVE_PIDFILE_OPEN
	skip(); /* FreeBSD and libbsd remove whatever has the name */
#endif
	pf = pidfile_open(path, 0600, NULL);
	assert_non_null(pf);
	assert_int_equal(unlink(path), 0);
	put("1");
	assert_int_equal(pidfile_remove(pf), 0);
	assert_int_equal(number_in_file(), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup(f, clear)
	    TEST(flopen_is_exclusive),
	    TEST(flopen_truncates_only_with_the_lock),
	    TEST(flopen_errors),
	    TEST(flopenat_from_a_directory),
	    TEST(flopen_waiting_gets_the_file_of_that_name),
	    TEST(pidfile_holds_our_pid),
	    TEST(pidfile_mode_is_the_callers),
	    TEST(pidfile_not_yet_written_is_minus_1),
	    TEST(pidfile_locked_with_garbage_is_einval),
	    TEST(pidfile_errors_of_open),
	    TEST(pidfile_null_is_einval),
	    TEST(pidfile_that_cannot_be_written_is_removed),
	    TEST(pidfile_lock_ends_with_the_process),
	    TEST(pidfile_race_of_many),
	    TEST(ours_pidfile_and_flopen_are_close_on_exec),
	    TEST(ours_pidfile_remove_leaves_anothers_file),
	};

	return (cmocka_run_group_tests(tests, set_up, tear_down));
}
