/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The process table of Linux: proc(5).  Everything about a process is read
 * through a descriptor of its directory, which goes dead with the process: a
 * pid that is used again in between cannot mix two processes up.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "procfs_linux.h"
#include "proctab.h"
#include "proctab_args.h"

#define NS INT64_C(1000000000)

struct proctab {
	DIR *dir;
	bool args;
	struct proctab_args line;
};

/* The number at *p; *p goes on behind it and the blank. */
static int64_t
field(const char **p)
{
	char *end;
	intmax_t v;

	v = strtoimax(*p, &end, 10);
	*p = *end == ' ' ? end + 1 : end;
	return ((int64_t)v);
}

/*
 * "pid (name) S ppid pgrp session …", the start time being the 22nd.  The
 * name is the program's own choice, blanks, brackets and newlines included;
 * behind the last ')' there are numbers only.
 */
static int
parse_stat(const char *s, struct proctab_entry *e)
{
	const char *p;
	int64_t threads;
	bool dead;
	int i;

	if ((p = strrchr(s, ')')) == NULL || p[1] != ' ' || p[2] == '\0' ||
	    p[3] != ' ') {
		errno = ESRCH;
		return (-1);
	}
	/* X: dead, seen while the parent is waiting for it. */
	dead = p[2] == 'Z' || p[2] == 'X' || p[2] == 'x';
	p += 4;
	e->ppid = (pid_t)field(&p);
	e->pgid = (pid_t)field(&p);
	e->sid = (pid_t)field(&p);
	for (i = 7; i < 20; i++)
		(void)field(&p);
	/* When only the first thread has ended, the process lives on. */
	threads = field(&p);
	e->zombie = dead && threads <= 1;
	(void)field(&p);
	if (*p < '0' || *p > '9') {
		errno = ESRCH;
		return (-1);
	}
	e->start = (uint64_t)field(&p);
	return (0);
}

/* Ticks since boot, time asleep included: CLOCK_BOOTTIME's. */
static int64_t
age(uint64_t start)
{
	struct timespec ts;
	int64_t now, born, hz;

	hz = sysconf(_SC_CLK_TCK);
	if (clock_gettime(CLOCK_BOOTTIME, &ts) == -1 || hz <= 0)
		return (0);
	now = (int64_t)ts.tv_sec * NS + ts.tv_nsec;
	born = (int64_t)start / hz * NS + (int64_t)start % hz * (NS / hz);
	return (now > born ? now - born : 0);
}

static int
fill(int fd, pid_t pid, struct proctab_entry *e)
{
	struct stat st;
	char buf[2048];

	/*
	 * The directory belongs to the effective user even when the files in
	 * it were taken away to root (prctl(2), PR_SET_DUMPABLE).
	 */
	if (fstat(fd, &st) == -1 ||
	    procfs_read(fd, "stat", buf, sizeof(buf), true) == -1)
		return (-1);
	memset(e, 0, sizeof(*e));
	if (parse_stat(buf, e) == -1)
		return (-1);
	e->pid = pid;
	e->uid = st.st_uid;
	e->age = age(e->start);
	e->args = "";
	return (0);
}

/* Has the process gone, or may we not look at it (hidepid=1)? */
static bool
hidden(int error)
{
	return (error == ENOENT || error == ESRCH || error == EACCES ||
	    error == EPERM);
}

/*
 * No process can make us hang here by having its arguments on a file system
 * that does not answer: since Linux 4.17 only anonymous memory is read.
 */
static int
read_args(struct proctab *t, int at, struct proctab_entry *e)
{
	ssize_t n;
	size_t have;
	int fd, more;

	if ((fd = openat(at, "cmdline", O_RDONLY | O_CLOEXEC)) == -1)
		return (-1);
	have = 0;
	for (;;) {
		more =
		    have + 1 < t->line.size ? 1 : proctab_args_grow(&t->line);
		if (more != 1) {
			n = more;
			break;
		}
		n = procfs_read_some(
		    fd, t->line.text + have, t->line.size - 1 - have);
		if (n <= 0)
			break;
		have += (size_t)n;
	}
	procfs_close(fd);
	if (n == -1)
		return (-1);
	e->args_len = proctab_args_join(t->line.text, have);
	e->args = t->line.text;
	return (0);
}

struct proctab *
proctab_open(bool args)
{
	struct proctab *t;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		return (NULL);
	t->args = args;
	if ((t->dir = opendir("/proc")) == NULL) {
		free(t);
		return (NULL);
	}
	return (t);
}

/* 1: e is filled; 0: it has gone, or we may not see it; -1. */
static int
look(struct proctab *t, const char *name, struct proctab_entry *e)
{
	int fd, rv;

	if ((fd = procfs_open(dirfd(t->dir), name)) == -1)
		return (hidden(errno) ? 0 : -1);
	rv = fill(fd, (pid_t)strtol(name, NULL, 10), e);
	if (rv == 0 && t->args)
		rv = read_args(t, fd, e);
	procfs_close(fd);
	if (rv == -1)
		return (hidden(errno) ? 0 : -1);
	return (1);
}

int
proctab_next(struct proctab *t, struct proctab_entry *e)
{
	struct dirent *d;
	int rv;

	for (;;) {
		errno = 0;
		/* cppcheck-suppress readdirCalled ; the stream is ours alone */
		if ((d = readdir(t->dir)) == NULL)
			return (errno == 0 ? 0 : -1);
		if (d->d_name[0] < '1' || d->d_name[0] > '9')
			continue;
		if ((rv = look(t, d->d_name, e)) != 0)
			return (rv);
	}
}

void
proctab_close(struct proctab *t)
{
	if (t == NULL)
		return;
	(void)closedir(t->dir);
	free(t->line.text);
	free(t);
}

/*
 * Is there a process, not merely a thread, of this number?  /proc/N can be
 * opened for a thread as well; tgkill() knows the difference.
 */
static bool
exists(pid_t pid)
{
	return (syscall(SYS_tgkill, pid, pid, 0) == 0 || errno != ESRCH);
}

static int
get_open(pid_t pid)
{
	char path[32];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%jd", (intmax_t)pid);
	if ((fd = procfs_open(AT_FDCWD, path)) == -1 && errno == ENOENT)
		/* There, but not for us: hidepid=2, or no proc mounted. */
		errno = exists(pid) ? EPERM : ESRCH;
	return (fd);
}

int
proctab_get(pid_t pid, struct proctab_entry *e, char *buf, size_t len)
{
	ssize_t n;
	int fd, rv;

	if (pid <= 0 || !exists(pid)) {
		errno = ESRCH;
		return (-1);
	}
	if ((fd = get_open(pid)) == -1)
		return (-1);
	rv = fill(fd, pid, e);
	if (rv == 0 && buf != NULL && len > 0) {
		n = procfs_read(fd, "cmdline", buf, len, false);
		if (n == -1) {
			rv = -1;
		} else {
			e->args_len = proctab_args_join(buf, (size_t)n);
			e->args = buf;
		}
	}
	procfs_close(fd);
	if (rv == -1 && errno == ENOENT)
		errno = ESRCH;
	return (rv);
}

int
proctab_boot_id(char *buf, size_t len)
{
	char id[64];
	ssize_t n;

	n = procfs_read(
	    AT_FDCWD, "/proc/sys/kernel/random/boot_id", id, sizeof(id), false);
	if (n == -1)
		return (-1);
	id[strcspn(id, "\n")] = '\0';
	n = (ssize_t)strlen(id);
	if (n == 0 || (size_t)n >= len) {
		errno = n == 0 ? ENOTSUP : ERANGE;
		return (-1);
	}
	memcpy(buf, id, (size_t)n + 1);
	return (0);
}
