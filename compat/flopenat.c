/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * flopenat(3): open a file and lock it with flock(2), so that the descriptor
 * returned is the lock of the file that the name stands for now.  O_NONBLOCK:
 * EWOULDBLOCK instead of waiting.  O_TRUNC takes effect after the lock is had.
 */
#include "config.h"

#include <sys/file.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <libutil.h>
#include <stdarg.h>
#include <stdbool.h>
#include <unistd.h>

/* Close and report failure with the errno that was. */
static int
drop(int fd)
{
	int error = errno;

	(void)close(fd);
	errno = error;
	return (-1);
}

/*
 * While we waited, the last holder may have removed the file, and another may
 * have made a new one: then the lock is on a file without a name.  1 if it is
 * still the one, 0 if not, -1 with errno.
 */
static int
still_named(int dir, const char *path, int fd)
{
	struct stat named, ours;

	if (fstatat(dir, path, &named, 0) == -1)
		return (errno == ENOENT ? 0 : -1);
	if (fstat(fd, &ours) == -1)
		return (-1);
	return (named.st_dev == ours.st_dev && named.st_ino == ours.st_ino);
}

int
flopenat(int dir, const char *path, int flags, ...)
{
	int fd, how, same;
	mode_t mode = 0;
	va_list ap;

	if (flags & O_CREAT) {
		va_start(ap, flags);
		mode = (mode_t)va_arg(ap, int);
		va_end(ap);
	}
	how = LOCK_EX | (flags & O_NONBLOCK ? LOCK_NB : 0);
	for (;;) {
		fd = openat(dir, path, (flags & ~O_TRUNC) | O_CLOEXEC, mode);
		if (fd == -1)
			return (-1);
		if (flock(fd, how) == -1)
			return (drop(fd));
		same = still_named(dir, path, fd);
		if (same == -1)
			return (drop(fd));
		if (same == 1)
			break;
		(void)close(fd);
	}
	if ((flags & O_TRUNC) != 0 && ftruncate(fd, 0) == -1)
		return (drop(fd));
	return (fd);
}
