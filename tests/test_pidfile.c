/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Pidfiles of our own: exactly one holder, known exactly, whatever was left
 * there and whoever looks on.
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
test_open_write_owner_remove(void **state)
{
	struct dw_pidfile *pf;
	struct dw_proc_id id, self;
	struct stat st;
	char buf[32];
	mode_t old;
	ssize_t n;
	int fd;

	(void)state;
	old = umask(0);
	pf = dw_pidfile_open(file, 0666, NULL);
	(void)umask(old);
	assert_non_null(pf);
	/* Others never get to write it. */
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	fd = dw_pidfile_fileno(pf);
	assert_true(fd > 2);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);

	assert_int_equal(owner_errno(), EAGAIN);
	assert_int_equal(dw_pidfile_write(pf), 0);
	assert_int_equal(dw_pidfile_write(pf), 0);
	n = pread(open(file, O_RDONLY), buf, sizeof(buf) - 1, 0);
	assert_true(n > 0);
	buf[n] = '\0';
	assert_int_equal(atol(buf), getpid());

	assert_int_equal(dw_proc_identify(getpid(), &self), 0);
	assert_int_equal(dw_pidfile_owner(file, &id), 0);
	assert_int_equal(id.pid, self.pid);
	assert_true(id.start == self.start);
	assert_int_equal(dw_pidfile_read(file, &id), 0);
	assert_int_equal(id.pid, self.pid);

	assert_int_equal(dw_pidfile_remove(pf), 0);
	assert_int_equal(access(file, F_OK), -1);
	assert_int_equal(owner_errno(), ENOENT);
	assert_int_equal(read_errno(), ENOENT);
}

static void
test_second_open_is_told_the_owner(void **state)
{
	struct dw_pidfile *pf;
	pid_t owner;

	(void)state;
	assert_non_null(pf = dw_pidfile_open(file, 0644, NULL));
	owner = 7;
	assert_null(dw_pidfile_open(file, 0644, &owner));
	assert_int_equal(errno, EEXIST);
	assert_int_equal(owner, -1);
	assert_int_equal(dw_pidfile_write(pf), 0);
	assert_null(dw_pidfile_open(file, 0644, &owner));
	assert_int_equal(errno, EEXIST);
	assert_int_equal(owner, getpid());
	assert_null(dw_pidfile_open(file, 0644, NULL));
	assert_int_equal(errno, EEXIST);
	assert_int_equal(dw_pidfile_remove(pf), 0);
}

/* Garbage in a file that is locked: locked it is nevertheless. */
static void
test_locked_garbage_is_eexist(void **state)
{
	struct dw_pidfile *pf;
	pid_t owner;
	int fd;

	(void)state;
	put("garbage");
	fd = open(file, O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	owner = 7;
	pf = dw_pidfile_open(file, 0644, &owner);
	assert_null(pf);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(owner, -1);
	assert_int_equal(owner_errno(), EINVAL);
	(void)close(fd);
}

static void
test_stale_file_does_not_block(void **state)
{
	static const char *const left[] = {
	    "", "garbage\n", "0", "-1", "1\n", "99999999999999999999", "12 34"};
	struct dw_pidfile *pf;
	struct dw_proc_id id;
	struct companion c;
	size_t i;

	(void)state;
	put_pid(dead_pid());
	assert_int_equal(owner_errno(), ESRCH);
	assert_int_equal(read_errno(), ESRCH);
	assert_int_equal(open_errno(), 0);
	for (i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
		put(left[i]);
		assert_int_equal(owner_errno(), ESRCH);
		assert_int_equal(open_errno(), 0);
	}
	/* It names a process that lives, but that is not the one. */
	c = start_companion();
	put_pid(c.pid);
	assert_int_equal(owner_errno(), ESRCH);
	assert_non_null(pf = dw_pidfile_open(file, 0644, NULL));
	assert_int_equal(dw_pidfile_write(pf), 0);
	assert_int_equal(dw_pidfile_owner(file, &id), 0);
	assert_int_equal(id.pid, getpid());
	assert_int_equal(dw_pidfile_remove(pf), 0);
	end_companion(c);
}

static void
test_second_name_is_refused(void **state)
{
	struct stat st;

	(void)state;
	put("precious");
	assert_int_equal(rename(file, other), 0);
	assert_int_equal(link(other, file), 0);
	assert_int_equal(open_errno(), EPERM);
	assert_int_equal(stat(other, &st), 0);
	assert_int_equal(st.st_size, strlen("precious"));
}

static void
test_no_such_directory(void **state)
{
	struct dw_proc_id id;

	(void)state;
	assert_null(dw_pidfile_open("/nonexistent/pid", 0644, NULL));
	assert_int_equal(errno, ENOENT);
	assert_int_equal(dw_pidfile_read("/nonexistent/pid", &id), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(dw_pidfile_owner("/nonexistent/pid", &id), -1);
	assert_int_equal(errno, ENOENT);
}

/* Somebody deleted ours, and the next daemon made its own. */
static void
test_remove_spares_anothers_file(void **state)
{
	struct dw_pidfile *first, *second;
	int before;

	(void)state;
	before = count_fds();
	assert_non_null(first = dw_pidfile_open(file, 0644, NULL));
	assert_int_equal(dw_pidfile_write(first), 0);
	assert_int_equal(unlink(file), 0);
	assert_non_null(second = dw_pidfile_open(file, 0644, NULL));
	assert_int_equal(dw_pidfile_write(second), 0);
	assert_int_equal(dw_pidfile_remove(first), -1);
	assert_int_equal(errno, ESTALE);
	assert_int_equal(access(file, F_OK), 0);
	assert_int_equal(owner_errno(), 0);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(dw_pidfile_remove(second), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(count_fds(), before);
}

static void
test_nothing_to_remove(void **state)
{
	(void)state;
	assert_int_equal(dw_pidfile_remove(NULL), -1);
	assert_int_equal(errno, EINVAL);
	errno = EDOM;
	dw_pidfile_close(NULL);
	assert_int_equal(errno, EDOM);
}

/* A relative name stays the same file after chdir(2), as daemons do. */
static void
change_directory(void)
{
	struct dw_pidfile *pf;

	must(chdir(dir) == 0);
	must((pf = dw_pidfile_open("pid", 0644, NULL)) != NULL);
	must(chdir("/") == 0);
	must(dw_pidfile_write(pf) == 0);
	must(dw_pidfile_remove(pf) == 0);
	must(access(file, F_OK) == -1);
}

static void
test_relative_name_survives_chdir(void **state)
{
	(void)state;
	in_child(change_directory);
}

/* What the program prints must not end up in its pidfile. */
static void
close_std(void)
{
	struct dw_pidfile *pf;
	int fd, opened;

	for (fd = 0; fd <= 2; fd++)
		(void)close(fd);
	if ((pf = dw_pidfile_open(file, 0644, NULL)) == NULL)
		_exit(1);
	for (opened = fd = 0; fd <= 2; fd++)
		opened += fcntl(fd, F_GETFD) != -1;
	if (opened != 0 || dw_pidfile_fileno(pf) <= 2 ||
	    dw_pidfile_write(pf) == -1 || dw_pidfile_remove(pf) == -1)
		_exit(2);
}

static void
test_never_on_0_1_2(void **state)
{
	(void)state;
	in_child(close_std);
}

/*
 * A forked child shares the lock until it closes the file, and may not remove
 * it; a program that it executes has no part in it.
 */
static void
test_children(void **state)
{
	static struct dw_pidfile *pf; /* no leak in those who _exit */
	struct companion c;
	pid_t pid;

	(void)state;
	assert_non_null(pf = dw_pidfile_open(file, 0644, NULL));
	assert_int_equal(dw_pidfile_write(pf), 0);
	assert_true((pid = fork()) != -1);
	if (pid == 0) {
		must(dw_pidfile_remove(pf) == -1 && errno == EINVAL);
		must(access(file, F_OK) == 0);
		_exit(0);
	}
	assert_int_equal(finish(pid), 0);
	assert_true((pid = fork()) != -1);
	if (pid == 0) {
		dw_pidfile_close(pf);
		_exit(0);
	}
	assert_int_equal(finish(pid), 0);
	assert_int_equal(owner_errno(), 0);

	/* One that was not told to let go. */
	c = start_companion();
	dw_pidfile_close(pf);
	assert_int_equal(owner_errno(), 0);
	end_companion(c);
	assert_int_equal(owner_errno(), ESRCH);
	assert_int_equal(access(file, F_OK), 0);
}

/* Locked, by a child of a daemon that is gone itself. */
static void
test_lock_of_an_orphan_is_ebusy(void **state)
{
	static struct dw_pidfile *pf; /* no leak in those who _exit */
	int p[2], out[2];
	char byte;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(pipe(out), 0);
	assert_true((pid = fork()) != -1);
	if (pid == 0) {
		must((pf = dw_pidfile_open(file, 0644, NULL)) != NULL);
		must(dw_pidfile_write(pf) == 0);
		(void)close(out[0]);
		must(fork_waiting(p[0], p[1], 0) != -1);
		_exit(0);
	}
	assert_int_equal(finish(pid), 0);
	(void)close(p[0]);
	(void)close(out[1]);
	assert_int_equal(owner_errno(), EBUSY);
	assert_int_equal(open_errno(), EEXIST);
	assert_int_equal(read_errno(), ESRCH);
	(void)close(p[1]);
	/* EOF: the grandchild is gone, and with it the lock. */
	assert_int_equal(read(out[0], &byte, 1), 0);
	(void)close(out[0]);
	assert_int_equal(owner_errno(), ESRCH);
}

static void
race_once(void)
{
	enum {
		RACERS = 50
	};
	struct dw_pidfile *pf;
	int go[2], results[2], i, losers, winners;
	pid_t owner, pids[RACERS], won;
	struct {
		pid_t pid, owner;
		int error;
	} r;
	char byte;

	assert_int_equal(pipe(go), 0);
	assert_int_equal(pipe(results), 0);
	for (i = 0; i < RACERS; i++) {
		assert_true((pids[i] = fork()) != -1);
		if (pids[i] != 0)
			continue;
		(void)alarm(DEADLINE_S);
		(void)close(go[1]);
		(void)!read(go[0], &byte, 1);
		r.pid = getpid();
		r.owner = r.error = 0;
		if ((pf = dw_pidfile_open(file, 0644, &owner)) == NULL) {
			r.error = errno;
			r.owner = owner;
		} else
			must(dw_pidfile_write(pf) == 0);
		must(write(results[1], &r, sizeof(r)) == sizeof(r));
		(void)pause(); /* with the lock, until killed */
		_exit(1);
	}
	(void)close(go[0]);
	(void)close(go[1]);
	won = winners = losers = 0;
	for (i = 0; i < RACERS; i++) {
		assert_int_equal(read(results[0], &r, sizeof(r)), sizeof(r));
		if (r.error == 0) {
			winners++;
			won = r.pid;
		} else {
			assert_int_equal(r.error, EEXIST);
			losers++;
			/* Told late or told right, never told wrong. */
			if (won != 0 && r.owner != -1)
				assert_int_equal(r.owner, won);
		}
	}
	assert_int_equal(winners, 1);
	assert_int_equal(losers, RACERS - 1);
	for (i = 0; i < RACERS; i++) {
		assert_int_equal(kill(pids[i], SIGKILL), 0);
		(void)finish(pids[i]);
	}
	(void)close(results[0]);
	(void)close(results[1]);
	assert_int_equal(owner_errno(), ESRCH);
}

static void
test_exactly_one_of_50_wins(void **state)
{
	int round;

	(void)state;
	race_once();
	/* And over what the last one left. */
	for (round = 0; round < 4; round++)
		race_once();
	put("garbage");
	race_once();
}

/*
 * status asks for the lock, for a moment, again and again: a start must not
 * take that for a daemon, not even over a stale file with a live pid in it.
 */
static void
test_readers_do_not_stop_a_start(void **state)
{
	struct dw_pidfile *pf;
	struct dw_proc_id id;
	pid_t pids[4];
	int i;

	(void)state;
	put_pid(getpid());
	for (i = 0; i < 4; i++) {
		assert_true((pids[i] = fork()) != -1);
		if (pids[i] != 0)
			continue;
		(void)alarm(DEADLINE_S);
		for (;;)
			(void)dw_pidfile_owner(file, &id);
	}
	for (i = 0; i < 500; i++) {
		pf = dw_pidfile_open(file, 0644, NULL);
		assert_non_null(pf);
		assert_int_equal(dw_pidfile_write(pf), 0);
		dw_pidfile_close(pf);
	}
	for (i = 0; i < 4; i++) {
		assert_int_equal(kill(pids[i], SIGKILL), 0);
		(void)finish(pids[i]);
	}
}

/* The owner is never another process while daemons come and go. */
static void
test_owner_is_exact_while_daemons_change(void **state)
{
	struct dw_pidfile *pf;
	struct dw_proc_info info;
	struct dw_proc_id id;
	pid_t pid, spawner;
	int i;

	(void)state;
	assert_true((spawner = fork()) != -1);
	if (spawner == 0) {
		(void)alarm(DEADLINE_S);
		for (i = 0; i < 150; i++) {
			must((pid = fork()) != -1);
			if (pid == 0) {
				pf = dw_pidfile_open(file, 0644, NULL);
				must(pf != NULL);
				must(dw_pidfile_write(pf) == 0);
				if (i % 2 == 0)
					(void)dw_pidfile_remove(pf);
				_exit(0);
			}
			must(waitpid(pid, NULL, 0) == pid);
		}
		_exit(0);
	}
	while (waitpid(spawner, &i, WNOHANG) == 0) {
		if (dw_pidfile_owner(file, &id) == 0) {
			/* Alive still: then it is one of the daemons. */
			if (dw_proc_info(id.pid, &info, NULL, 0) == 0 &&
			    info.id.start == id.start && !info.zombie)
				assert_int_equal(info.ppid, spawner);
		} else {
			assert_true(errno == ENOENT || errno == ESRCH ||
			    errno == EAGAIN);
		}
	}
	assert_int_equal(i, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    t(test_open_write_owner_remove),
	    t(test_second_open_is_told_the_owner),
	    t(test_locked_garbage_is_eexist),
	    t(test_stale_file_does_not_block),
	    t(test_second_name_is_refused),
	    t(test_no_such_directory),
	    t(test_remove_spares_anothers_file),
	    t(test_nothing_to_remove),
	    t(test_relative_name_survives_chdir),
	    t(test_never_on_0_1_2),
	    t(test_children),
	    t(test_lock_of_an_orphan_is_ebusy),
	    t(test_exactly_one_of_50_wins),
	    t(test_readers_do_not_stop_a_start),
	    t(test_owner_is_exact_while_daemons_change),
	};

	(void)alarm(4 * DEADLINE_S);
	return (cmocka_run_group_tests(tests, make_dir, remove_dir));
}
