/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Closing a range of descriptors in one call, or in as many as are open; only
 * where the kernel has neither close_range nor /proc, in as many as may be.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <unistd.h>

#include "system.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

/* What getdents64(2) fills in; C libraries do not agree on showing it. */
struct entry {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

/* The number that a name stands for, -1 for "." and "..". */
static int
number(const char *s)
{
	int n;

	if (*s < '0' || *s > '9')
		return (-1);
	for (n = 0; *s >= '0' && *s <= '9'; s++)
		n = n * 10 + (*s - '0');
	return (n);
}

/*
 * The directory's offset is the descriptor's number, so closing while reading
 * skips nothing.
 */
static int
close_listed(int low, int high)
{
	_Alignas(struct entry) char buf[2048];
	const struct entry *e;
	long n, at;
	int dir, fd;

	dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir == -1)
		return (-1);
	while ((n = syscall(SYS_getdents64, dir, buf, sizeof(buf))) > 0) {
		for (at = 0; at < n; at += e->reclen) {
			e = (const struct entry *)(const void *)(buf + at);
			fd = number(e->name);
			if (fd >= low && fd <= high && fd != dir)
				(void)close(fd);
		}
	}
	(void)close(dir);
	return (n == 0 ? 0 : -1);
}

void
closefds(int low, int high)
{
	struct rlimit rl;

	if (low > high)
		return;
	/* Linux 5.9; old containers' filters answer EPERM. */
	if (syscall(SYS_close_range, low, high, 0) == 0)
		return;
	/* One is given up first: with a full table, /proc cannot be opened. */
	(void)close(low);
	if (close_listed(low, high) == 0)
		return;
	if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur <= INT_MAX &&
	    high >= (int)rl.rlim_cur)
		high = (int)rl.rlim_cur - 1;
	for (; low < high; low++)
		(void)close(low);
	(void)close(low);
}
