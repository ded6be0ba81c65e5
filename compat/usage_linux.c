/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What a process uses, from Linux' proc(5).
 */
#include "config.h"

#include <sys/types.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "procfs_linux.h"
#include "usage.h"

#define NS INT64_C(1000000000)

/*
 * Since Linux 6.2 the directory's size is the number of its entries; before,
 * it is 0 and they have to be counted.
 */
static int64_t
count_descriptors(int proc)
{
	struct stat st;
	int64_t n = 0;
	DIR *dir = NULL;
	int fd;

	if ((fd = procfs_open(proc, "fd")) == -1)
		return (-1);
	if (fstat(fd, &st) == 0 && st.st_size > 0)
		n = st.st_size;
	else if ((dir = fdopendir(fd)) == NULL)
		n = -1;
	if (dir == NULL) {
		close(fd);
		return (n);
	}
	/* cppcheck-suppress readdirCalled ; the stream is ours alone */
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return (n - 2); /* . and .. */
}

/* Fields 14, 15 (ticks) and 20 of stat, behind the last ')'. */
static int
parse_stat(const char *s, struct usage *u)
{
	int64_t hz = sysconf(_SC_CLK_TCK);
	intmax_t ticks = 0;
	const char *p = strrchr(s, ')');

	if (p == NULL || p[1] != ' ' || hz <= 0) {
		errno = ESRCH;
		return (-1);
	}
	p += 2;
	for (int field = 3; field <= 20 && *p != '\0'; field++) {
		if (field == 14 || field == 15)
			ticks += strtoimax(p, NULL, 10);
		else if (field == 20)
			u->threads = strtoimax(p, NULL, 10);
		p += strcspn(p, " ");
		p += *p == ' ';
	}
	u->cpu = ticks / hz * NS + ticks % hz * (NS / hz);
	return (0);
}

/*
 * Not from stat: since Linux 6.2 each processor keeps a share of the count,
 * and what stat adds up without them can be 0 for a small program.
 */
static void
parse_status(const char *s, struct usage *u)
{
	const char *p = strstr(s, "\nVmRSS:");

	if (p != NULL)
		u->memory = strtoimax(p + strlen("\nVmRSS:"), NULL, 10) * 1024;
}

int
usage_get(pid_t pid, struct usage *u)
{
	char path[32], buf[4096];
	int proc, ret = -1;

	*u = (struct usage) {-1, -1, -1, -1};
	(void)snprintf(path, sizeof(path), "/proc/%jd", (intmax_t)pid);
	if ((proc = procfs_open(AT_FDCWD, path)) != -1) {
		if (procfs_read(proc, "stat", buf, sizeof(buf), true) != -1)
			ret = parse_stat(buf, u);
		if (ret == 0 &&
		    procfs_read(proc, "status", buf, sizeof(buf), true) != -1)
			parse_status(buf, u);
		if (ret == 0)
			u->descriptors = count_descriptors(proc);
		procfs_close(proc);
	}
	if (ret == -1 && errno == ENOENT)
		errno = ESRCH;
	return (ret);
}
