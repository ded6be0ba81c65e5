/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * How readily the kernel kills this process when memory is short: Linux'
 * /proc/self/oom_score_adj.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "system.h"

int
oom_set(int score)
{
	char text[8], *p = text + sizeof(text);
	int fd, error = 0, n = score < 0 ? -score : score;
	ssize_t len;

	/* By hand: stdio has no place in a vforked child. */
	*--p = '\n';
	do {
		*--p = (char)('0' + n % 10);
	} while ((n /= 10) > 0);
	if (score < 0)
		*--p = '-';
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd == -1)
		return (-1);
	len = text + sizeof(text) - p;
	if (write(fd, p, (size_t)len) != len)
		error = errno;
	(void)close(fd);
	errno = error;
	return (error == 0 ? 0 : -1);
}
