/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * A place for a pidfile, ways to put one there, and processes for it to
 * name.  Included after cmocka.h.
 */
#ifndef TESTS_PIDFILE_FIXTURE_H
#define TESTS_PIDFILE_FIXTURE_H

#include <sys/types.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemonwatch.h"
#include "forked.h"
#include "temp_dir.h"

#define STRANGER 65534 /* nobody */
#define OTHER 65533

static char dir[TEMP_DIR];
static char file[64], other[64];

static inline int
make_dir(void **state)
{
	(void)state;
	if (temp_dir(dir, "dw-pidfile") == -1 || chmod(dir, 0755) == -1)
		return (-1);
	(void)snprintf(file, sizeof(file), "%s/pid", dir);
	(void)snprintf(other, sizeof(other), "%s/other", dir);
	return (0);
}

static inline int
remove_dir(void **state)
{
	(void)state;
	return (rmdir(dir));
}

static inline int
clean(void **state)
{
	(void)state;
	(void)rmdir(file);
	(void)unlink(file);
	(void)unlink(other);
	return (0);
}

static inline void
put_bytes(const char *text, size_t len)
{
	int fd;

	fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd != -1);
	assert_int_equal(write(fd, text, len), len);
	(void)close(fd);
}

static inline void
put(const char *text)
{
	put_bytes(text, strlen(text));
}

static inline void
put_pid(pid_t pid)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%ld\n", (long)pid);
	put(text);
}

/* As if it had been written so many seconds ago. */
static inline void
make_old(int seconds)
{
	struct timespec ts[2];

	assert_int_equal(clock_gettime(CLOCK_REALTIME, &ts[0]), 0);
	ts[0].tv_sec -= seconds;
	ts[1] = ts[0];
	assert_int_equal(utimensat(AT_FDCWD, file, ts, 0), 0);
}

static inline int
read_errno(void)
{
	struct dw_proc_id id;

	errno = 0;
	return (dw_pidfile_read(file, &id) == 0 ? 0 : errno);
}

static inline int
owner_errno(void)
{
	struct dw_proc_id id;

	errno = 0;
	return (dw_pidfile_owner(file, &id) == 0 ? 0 : errno);
}

static inline int
open_errno(void)
{
	struct dw_pidfile *pf;

	errno = 0;
	if ((pf = dw_pidfile_open(file, 0644, NULL)) == NULL)
		return (errno);
	assert_int_equal(dw_pidfile_remove(pf), 0);
	return (0);
}

/* A process that lives until the test closes its pipe. */
struct companion {
	pid_t pid;
	int fd;
};

static inline struct companion
start_companion(void)
{
	struct companion c;
	int p[2];

	assert_int_equal(pipe(p), 0);
	c.fd = p[1];
	c.pid = fork_waiting(p[0], p[1], 0);
	assert_true(c.pid != -1);
	(void)close(p[0]);
	return (c);
}

static inline void
end_companion(struct companion c)
{
	(void)close(c.fd);
	(void)finish(c.pid);
}

/* The pid of a process that is gone. */
static inline pid_t
dead_pid(void)
{
	struct companion c;

	c = start_companion();
	end_companion(c);
	return (c.pid);
}

#define t(f) cmocka_unit_test_teardown(f, clean)

#endif
