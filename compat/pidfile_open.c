/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The pidfile functions of FreeBSD's libutil, pidfile_open(3).  The lock says
 * whether somebody runs, the number in the file only who.
 *
 * Unlike FreeBSD and libbsd, pidfile_remove() leaves the file alone when the
 * name has come to stand for another one.
 */
#include "config.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <libutil.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* How long another may take from its lock to its number: 20 times 5 ms. */
#define READ_TRIES 20
#define READ_PAUSE 5000000L

struct pidfh {
	int fd;
	dev_t dev;
	ino_t ino;
	char path[];
};

/* Read the number.  0 or an errno; EAGAIN: there is nothing yet. */
static int
read_pid(const char *path, pid_t *pid)
{
	char buf[16], *end;
	long long value;
	ssize_t n;
	int error, fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd == -1)
		return (errno);
	n = read(fd, buf, sizeof(buf) - 1);
	error = errno;
	(void)close(fd);
	if (n == -1)
		return (error);
	if (n == 0)
		return (EAGAIN);
	buf[n] = '\0';
	value = strtoll(buf, &end, 10);
	if (end != buf + n || value < 0 || value > INT_MAX)
		return (EINVAL);
	*pid = (pid_t)value;
	return (0);
}

/*
 * Why pidfile_open() fails when another has the lock: EEXIST with its number,
 * or with -1 as it has not written it; or why the number cannot be read.
 */
static int
find_holder(const char *path, pid_t *holder)
{
	const struct timespec pause = {0, READ_PAUSE};
	int error, tries;

	if (holder == NULL)
		return (EEXIST);
	for (tries = 0;; tries++) {
		error = read_pid(path, holder);
		if (error != EAGAIN || tries == READ_TRIES)
			break;
		(void)nanosleep(&pause, NULL);
	}
	if (error == EAGAIN)
		*holder = -1;
	return (error == 0 || error == EAGAIN ? EEXIST : error);
}

/* PATH_MAX as FreeBSD's, so that a path too long is one everywhere. */
static struct pidfh *
make_handle(const char *path)
{
	char buf[PATH_MAX];
	struct pidfh *pf;
	int len;

	if (path != NULL)
		len = snprintf(buf, sizeof(buf), "%s", path);
	else
		len = snprintf(
		    buf, sizeof(buf), "/var/run/%s.pid", getprogname());
	if (len < 0 || (size_t)len >= sizeof(buf)) {
		errno = ENAMETOOLONG;
		return (NULL);
	}
	pf = malloc(sizeof(*pf) + (size_t)len + 1);
	if (pf != NULL)
		memcpy(pf->path, buf, (size_t)len + 1);
	return (pf);
}

/* Is it a handle whose descriptor still is the file that was opened? */
static bool
valid(const struct pidfh *pf)
{
	struct stat st;

	if (pf != NULL && fstat(pf->fd, &st) == 0 && st.st_dev == pf->dev &&
	    st.st_ino == pf->ino)
		return (true);
	errno = EINVAL;
	return (false);
}

/* Remove the file while we have the lock, then let go.  0 or an errno. */
static int
let_go(struct pidfh *pf)
{
	struct stat st;
	int error = 0;

	if (lstat(pf->path, &st) == -1 ||
	    (st.st_dev == pf->dev && st.st_ino == pf->ino)) {
		if (unlink(pf->path) == -1)
			error = errno;
	}
	if (close(pf->fd) == -1 && error == 0)
		error = errno;
	pf->fd = -1;
	return (error);
}

/* A handle that pidfile_write() gave up is only waiting to be freed. */
static int
refuse(struct pidfh *pf)
{
	if (pf != NULL && pf->fd == -1)
		free(pf);
	errno = EINVAL;
	return (-1);
}

struct pidfh *
pidfile_open(const char *path, mode_t mode, pid_t *holder)
{
	struct pidfh *pf;
	struct stat st;
	int error;

	pf = make_handle(path);
	if (pf == NULL)
		return (NULL);
	pf->fd =
	    flopen(pf->path, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK, mode);
	if (pf->fd == -1) {
		error = errno;
		if (error == EWOULDBLOCK)
			error = find_holder(pf->path, holder);
		goto fail;
	}
	if (fstat(pf->fd, &st) == -1) {
		error = errno;
		(void)unlink(pf->path);
		(void)close(pf->fd);
		goto fail;
	}
	pf->dev = st.st_dev;
	pf->ino = st.st_ino;
	return (pf);
fail:
	free(pf);
	errno = error;
	return (NULL);
}

int
pidfile_write(struct pidfh *pf)
{
	char buf[16];
	int error, len;
	ssize_t n;

	if (!valid(pf))
		return (-1);
	len = snprintf(buf, sizeof(buf), "%ld", (long)getpid());
	if (ftruncate(pf->fd, 0) == -1)
		goto fail;
	n = pwrite(pf->fd, buf, (size_t)len, 0);
	if (n == len)
		return (0);
	if (n != -1)
		errno = ENOSPC;
fail:
	/* A pidfile without a number misleads; the handle stays to be freed. */
	error = errno;
	(void)let_go(pf);
	errno = error;
	return (-1);
}

int
pidfile_close(struct pidfh *pf)
{
	int fd;

	if (!valid(pf))
		return (refuse(pf));
	fd = pf->fd;
	free(pf);
	return (close(fd));
}

int
pidfile_remove(struct pidfh *pf)
{
	int error;

	if (!valid(pf))
		return (refuse(pf));
	error = let_go(pf);
	free(pf);
	if (error != 0)
		errno = error;
	return (error == 0 ? 0 : -1);
}

int
pidfile_fileno(const struct pidfh *pf)
{
	return (valid(pf) ? pf->fd : -1);
}
