/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Reading Linux' proc(5).
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "procfs_linux.h"

int
procfs_open(int at, const char *name)
{
	int fd;

	do {
		fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	} while (fd == -1 && errno == EINTR);
	return (fd);
}

ssize_t
procfs_read_some(int fd, char *buf, size_t len)
{
	ssize_t n;

	do {
		n = read(fd, buf, len);
	} while (n == -1 && errno == EINTR);
	return (n);
}

void
procfs_close(int fd)
{
	int saved;

	saved = errno;
	(void)close(fd);
	errno = saved;
}

ssize_t
procfs_read(int at, const char *name, char *buf, size_t len, bool once)
{
	ssize_t n;
	size_t have;
	int fd;

	if ((fd = openat(at, name, O_RDONLY | O_CLOEXEC)) == -1)
		return (-1);
	have = 0;
	n = 0;
	while (have < len - 1 &&
	    (n = procfs_read_some(fd, buf + have, len - 1 - have)) > 0) {
		have += (size_t)n;
		if (once)
			break;
	}
	procfs_close(fd);
	if (n == -1)
		return (-1);
	buf[have] = '\0';
	return ((ssize_t)have);
}
