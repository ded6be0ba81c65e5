/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Pidfiles of any program: whom one may be believed, and all that can stand
 * where a pidfile is expected.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "pidfile_fixture.h"

static void
test_read_wants_a_pid_and_nothing_else(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		int error;
	} t[] = {
	    {"", 0, EAGAIN},
	    {"\n", 1, EINVAL},
	    {"   ", 3, EINVAL},
	    {"0", 1, EINVAL},
	    {"00000", 5, EINVAL},
	    {"1", 1, EINVAL},
	    {"-1", 2, EINVAL},
	    {"+5", 2, EINVAL},
	    {"0x10", 4, EINVAL},
	    {"12a", 3, EINVAL},
	    {"12 34", 5, EINVAL},
	    {"12\n34\n", 6, EINVAL},
	    {"12\0", 3, EINVAL},
	    {"pid 12", 6, EINVAL},
	    {"1.5", 3, EINVAL},
	    {"2147483648", 10, EINVAL},
	    {"4294967298", 10, EINVAL},
	    {"18446744073709551618", 20, EINVAL},
	    {"2147483647", 10, ESRCH},
	    {" \t\v2147483647\r\n\f", 16, ESRCH},
	};
	char big[4096];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		put_bytes(t[i].text, t[i].len);
		assert_int_equal(read_errno(), t[i].error);
	}
	/* Too long, even if all of it were blank. */
	memset(big, ' ', sizeof(big));
	big[0] = '5';
	put_bytes(big, sizeof(big));
	assert_int_equal(read_errno(), EINVAL);
}

/* Any bytes at all: an errno of those promised, or a process. */
static void
test_read_takes_any_bytes(void **state)
{
	static const char chars[] = "0123456789  \n\t-+x\0.";
	char text[80];
	size_t i, len;
	int error, round;

	(void)state;
	srandom(4711);
	for (round = 0; round < 4000; round++) {
		len = (size_t)random() % sizeof(text);
		for (i = 0; i < len; i++)
			text[i] = random() % 8 == 0 ?
			    (char)random() :
			    chars[(size_t)random() % (sizeof(chars) - 1)];
		put_bytes(text, len);
		error = read_errno();
		assert_true(error == 0 || error == EINVAL || error == EAGAIN ||
		    error == ESRCH);
		if (len == 0)
			assert_int_equal(error, EAGAIN);
		error = owner_errno();
		assert_int_equal(error, ESRCH);
	}
}

static void
test_read_with_blanks_around(void **state)
{
	struct dw_proc_id id;
	char text[40];

	(void)state;
	(void)snprintf(text, sizeof(text), "  \t%ld \r\n\n", (long)getpid());
	put(text);
	assert_int_equal(dw_pidfile_read(file, &id), 0);
	assert_int_equal(id.pid, getpid());
	(void)snprintf(text, sizeof(text), "000%ld", (long)getpid());
	put(text);
	assert_int_equal(dw_pidfile_read(file, &id), 0);
	assert_int_equal(id.pid, getpid());
}

static void
test_zombie_is_stale(void **state)
{
	struct companion c;

	(void)state;
	c = start_companion();
	put_pid(c.pid);
	assert_int_equal(read_errno(), 0);
	(void)close(c.fd);
	await_zombie(c.pid);
	assert_int_equal(read_errno(), ESRCH);
	(void)finish(c.pid);
}

static void
test_pid_used_again_is_stale(void **state)
{
	struct companion c;

	(void)state;
	c = start_companion();
	put_pid(c.pid);
	assert_int_equal(read_errno(), 0);
	/* Within the tolerance, and beyond it. */
	make_old(1);
	assert_int_equal(read_errno(), 0);
	make_old(3600);
	assert_int_equal(read_errno(), ESRCH);
	/* A file from the future proves nothing. */
	make_old(-3600);
	assert_int_equal(read_errno(), 0);
	end_companion(c);
}

/* A clock that was set: but the writer has it locked, so it lives. */
static void
test_old_file_with_flock_is_believed(void **state)
{
	struct companion c;
	int fd;

	(void)state;
	c = start_companion();
	put_pid(c.pid);
	make_old(3600);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(read_errno(), 0);
	assert_int_equal(flock(fd, LOCK_UN), 0);
	assert_int_equal(read_errno(), ESRCH);
	(void)close(fd);
	end_companion(c);
}

/* APUE's already_running() locks with fcntl(2). */
static void
test_old_file_with_record_lock_is_believed(void **state)
{
	struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct companion c;
	int fd, locked[2];
	char byte;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(locked), 0);
	c = start_companion();
	put("");
	assert_true((pid = fork()) != -1);
	if (pid == 0) {
		(void)alarm(DEADLINE_S);
		fd = open(file, O_RDWR);
		must(fd != -1 && fcntl(fd, F_SETLK, &fl) == 0);
		must(write(locked[1], "x", 1) == 1);
		for (;;)
			(void)pause();
	}
	assert_int_equal(read(locked[0], &byte, 1), 1);
	fd = open(file, O_WRONLY);
	assert_true(dprintf(fd, "%ld\n", (long)pid) > 0);
	make_old(3600);
	assert_int_equal(read_errno(), 0);
	/* Another's lock says nothing about the process that is named. */
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_true(dprintf(fd, "%ld\n", (long)c.pid) > 0);
	make_old(3600);
	assert_int_equal(read_errno(), ESRCH);
	(void)close(fd);
	(void)close(locked[0]);
	(void)close(locked[1]);
	assert_int_equal(kill(pid, SIGKILL), 0);
	(void)finish(pid);
	end_companion(c);
}

static void
test_not_a_regular_file(void **state)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd, s;

	(void)state;
	assert_int_equal(mkdir(file, 0755), 0);
	assert_int_equal(read_errno(), EINVAL);
	assert_int_equal(owner_errno(), EINVAL);
	assert_int_equal(open_errno(), EISDIR);
	assert_int_equal(rmdir(file), 0);

	/* Nobody at the other end: nothing may wait for one. */
	assert_int_equal(mkfifo(file, 0644), 0);
	assert_int_equal(read_errno(), EINVAL);
	assert_int_equal(owner_errno(), EINVAL);
	assert_int_equal(open_errno(), EINVAL);
	/* And with a reader. */
	fd = open(file, O_RDONLY | O_NONBLOCK);
	assert_int_equal(open_errno(), EINVAL);
	(void)close(fd);
	assert_int_equal(unlink(file), 0);

	s = socket(AF_UNIX, SOCK_STREAM, 0);
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", file);
	assert_int_equal(bind(s, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(read_errno(), EINVAL);
	assert_int_equal(owner_errno(), EINVAL);
	assert_int_equal(open_errno(), EINVAL);
	(void)close(s);
	assert_int_equal(unlink(file), 0);
}

static void
test_own_link_is_read_but_never_locked(void **state)
{
	struct dw_proc_id id;
	struct stat st;

	(void)state;
	put_pid(getpid());
	assert_int_equal(rename(file, other), 0);
	assert_int_equal(symlink("other", file), 0);
	assert_int_equal(dw_pidfile_read(file, &id), 0);
	assert_int_equal(id.pid, getpid());
	assert_int_equal(open_errno(), ELOOP);
	/* What it names was not touched. */
	assert_int_equal(stat(other, &st), 0);
	assert_true(st.st_size > 0);

	assert_int_equal(unlink(other), 0);
	assert_int_equal(read_errno(), ENOENT);
	assert_int_equal(open_errno(), ELOOP);
	assert_int_equal(access(other, F_OK), -1);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(symlink("pid", file), 0);
	assert_int_equal(read_errno(), ELOOP);
}

/* A stranger's link to a file of root's, which names a process of root's. */
static void
test_strangers_link_is_refused(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	put_pid(getpid());
	assert_int_equal(rename(file, other), 0);
	assert_int_equal(symlink("other", file), 0);
	assert_int_equal(lchown(file, STRANGER, STRANGER), 0);
	assert_int_equal(read_errno(), EPERM);
	assert_int_equal(owner_errno(), EPERM);
	assert_int_equal(open_errno(), ELOOP);
}

static void
test_file_that_others_may_write(void **state)
{
	(void)state;
	put_pid(getpid());
	assert_int_equal(chmod(file, 0646), 0);
	assert_int_equal(read_errno(), EPERM);
	assert_int_equal(open_errno(), EPERM);
	/* Our own group and root's are trusted, another is not. */
	assert_int_equal(chmod(file, 0664), 0);
	assert_int_equal(read_errno(), 0);
	if (geteuid() != 0)
		return;
	assert_int_equal(chown(file, (uid_t)-1, STRANGER), 0);
	assert_int_equal(chmod(file, 0664), 0);
	assert_int_equal(read_errno(), EPERM);
	assert_int_equal(open_errno(), EPERM);
	assert_int_equal(chmod(file, 0644), 0);
	assert_int_equal(read_errno(), 0);
}

/* CVE-2018-16888: a service's user must not have root kill another's. */
static void
test_owner_may_name_its_own_only(void **state)
{
	struct companion mine, theirs;

	(void)state;
	if (geteuid() != 0)
		skip();
	mine = start_companion();
	assert_int_equal(seteuid(STRANGER), 0);
	theirs = start_companion();
	assert_int_equal(seteuid(0), 0);

	put_pid(mine.pid);
	assert_int_equal(chown(file, STRANGER, STRANGER), 0);
	assert_int_equal(read_errno(), EPERM);
	put_pid(theirs.pid);
	assert_int_equal(read_errno(), 0);
	assert_int_equal(chown(file, OTHER, OTHER), 0);
	assert_int_equal(read_errno(), EPERM);
	assert_int_equal(chown(file, 0, 0), 0);
	assert_int_equal(read_errno(), 0);
	/* The later one has a copy of the earlier one's pipe. */
	end_companion(theirs);
	end_companion(mine);
}

/* Nor with a lock, which anybody can take on a file that can be read. */
static void
test_strangers_lock_proves_nothing(void **state)
{
	int fd;

	(void)state;
	if (geteuid() != 0)
		skip();
	put_pid(getpid());
	assert_int_equal(chown(file, STRANGER, STRANGER), 0);
	assert_int_equal(owner_errno(), ESRCH);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(owner_errno(), EPERM);
	(void)close(fd);
	assert_int_equal(open_errno(), EPERM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    t(test_read_wants_a_pid_and_nothing_else),
	    t(test_read_takes_any_bytes),
	    t(test_read_with_blanks_around),
	    t(test_zombie_is_stale),
	    t(test_pid_used_again_is_stale),
	    t(test_old_file_with_flock_is_believed),
	    t(test_old_file_with_record_lock_is_believed),
	    t(test_not_a_regular_file),
	    t(test_own_link_is_read_but_never_locked),
	    t(test_strangers_link_is_refused),
	    t(test_file_that_others_may_write),
	    t(test_owner_may_name_its_own_only),
	    t(test_strangers_lock_proves_nothing),
	};

	(void)alarm(4 * DEADLINE_S);
	return (cmocka_run_group_tests(tests, make_dir, remove_dir));
}
