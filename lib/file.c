/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Names of files that must still mean the same after a chdir(2), and
 * descriptors that must not be 0, 1 or 2, which a caller may have closed.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"

char *
file_absolute(const char *path)
{
	char cwd[PATH_MAX], *p;

	/* Not resolved: the file need not exist yet. */
	if (*path == '/')
		return (strdup(path));
	if (getcwd(cwd, sizeof(cwd)) == NULL)
		return (NULL);
	if (asprintf(&p, "%s/%s", cwd[1] == '\0' ? "" : cwd, path) == -1)
		return (NULL);
	return (p);
}

int
file_above_std(int fd)
{
	int error, up;

	if (fd == -1 || fd > STDERR_FILENO)
		return (fd);
	up = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	error = errno;
	(void)close(fd);
	errno = error;
	return (up);
}

int
file_fill_std(unsigned *set)
{
	int error, fd;

	*set = 0;
	for (fd = 0; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) != -1)
			continue;
		/* The lowest one that is free: this one. */
		if (open("/dev/null", O_RDWR | O_NOCTTY) != fd) {
			error = errno;
			file_empty_std(*set);
			errno = error;
			return (-1);
		}
		*set |= 1u << fd;
	}
	return (0);
}

void
file_empty_std(unsigned set)
{
	int fd;

	for (fd = 0; fd <= STDERR_FILENO; fd++) {
		if (set & (1u << fd))
			(void)close(fd);
	}
}
