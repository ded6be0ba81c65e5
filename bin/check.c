/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * daemonwatch-check: one look at a file or a file system, as a plugin of its
 * own.  A disk or a file server that has gone can make such a look last for
 * ever; it is this process then that hangs, and is killed, and nobody else.
 */
#include "config.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "limit.h"

/* As Nagios has them. */
enum {
	EX_WELL = 0,
	EX_FAILED = 2,
	EX_UNKNOWN = 3
};

static int
finish(int status, const char *text, const struct measure m[LIMITS])
{
	char metrics[256] = "";

	if (m != NULL)
		limits_metrics(m, metrics, sizeof(metrics));
	printf("%s%s%s\n", text, (metrics[0] != '\0') ? " | " : "", metrics);
	if (fflush(stdout) == EOF)
		return (EX_UNKNOWN);
	return (status);
}

static int
judge(const char *path, const struct limit limits[LIMITS],
    const struct measure m[LIMITS])
{
	int64_t since[LIMITS];
	char text[200], line[1200];
	enum limits_verdict v;

	limits_begin(since);
	v = limits_judge(limits, m, since, 0, text, sizeof(text));
	snprintf(line, sizeof(line), "%s%s%.800s", text,
	    (text[0] != '\0') ? ": " : "", path);
	return (finish((v == LIMITS_OK) ? EX_WELL :
		(v == LIMITS_EXCEEDED)	? EX_FAILED :
					  EX_UNKNOWN,
	    line, m));
}

static int
trouble(const char *path, int error)
{
	char line[1200];

	snprintf(line, sizeof(line), "%.800s: %s", path, strerror(error));
	return (finish(
	    (error == ENOENT || error == ENOTDIR) ? EX_FAILED : EX_UNKNOWN,
	    line, NULL));
}

/* In ns.  One of the future is new; one before all time is as old as can be. */
static int64_t
age_of(time_t now, time_t mtime)
{
	int64_t oldest = INT64_MAX / INT64_C(1000000000);

	if (mtime >= now)
		return (0);
	if (mtime < now - oldest)
		return (INT64_MAX);
	return ((int64_t)(now - mtime) * INT64_C(1000000000));
}

static int
check_file(const char *path, bool absent, const struct limit limits[LIMITS],
    struct measure m[LIMITS])
{
	char line[1200];
	struct timespec now;
	struct stat st;

	if (stat(path, &st) == -1) {
		if (!absent || (errno != ENOENT && errno != ENOTDIR))
			return (trouble(path, errno));
		snprintf(line, sizeof(line), "%.800s is not there", path);
		return (finish(EX_WELL, line, NULL));
	}
	if (absent) {
		snprintf(line, sizeof(line), "%.800s is there", path);
		return (finish(EX_FAILED, line, NULL));
	}
	m[LIMIT_SIZE].value = st.st_size;
	if (clock_gettime(CLOCK_REALTIME, &now) == 0)
		m[LIMIT_AGE].value = age_of(now.tv_sec, st.st_mtime);
	return (judge(path, limits, m));
}

static int64_t
thousandths(uint64_t part, uint64_t whole)
{
	return (
	    whole == 0 ? -1 : (int64_t)((double)part / (double)whole * 1000));
}

/* As a user sees it: what only root may fill is not free. */
static int
check_space(const char *path, const struct limit limits[LIMITS],
    struct measure m[LIMITS])
{
	struct statvfs fs;
	uint64_t used;

	if (statvfs(path, &fs) == -1)
		return (trouble(path, errno));
	used = fs.f_blocks - fs.f_bfree;
	m[LIMIT_FREE].value = (int64_t)(fs.f_bavail * fs.f_frsize);
	m[LIMIT_FREE].share = thousandths(fs.f_bavail, used + fs.f_bavail);
	/* Where inodes are made as needed there are none to be counted. */
	if (fs.f_files > 0) {
		m[LIMIT_INODES].value = (int64_t)fs.f_favail;
		m[LIMIT_INODES].share = thousandths(fs.f_favail, fs.f_files);
	} else {
		m[LIMIT_INODES].value = INT64_MAX;
		m[LIMIT_INODES].share = 1000;
	}
	return (judge(path, limits, m));
}

static void
usage(void)
{
	fprintf(stderr,
	    "usage: daemonwatch-check file PATH [absent] [age LIMIT] "
	    "[size LIMIT]\n"
	    "       daemonwatch-check space PATH [free LIMIT] "
	    "[inodes LIMIT]\n"
	    "LIMIT as in '> 1h' or '< 5%%'; exit status 0 well, 2 failed, "
	    "3 unknown.\n");
	exit(EX_UNKNOWN);
}

static void
take_limit(struct limit limits[LIMITS], const char *name, const char *text)
{
	const char *why = "there is no such limit";
	enum limit_id id = 0;

	while (id < LIMITS && strcmp(limit_key(id), name) != 0)
		id++;
	if (id == LIMITS || limit_parse(id, text, &limits[id], &why) == -1)
		errx(EX_UNKNOWN, "%s %s: %s", name, text, why);
}

int
main(int argc, char *argv[])
{
	struct limit limits[LIMITS] = {{0}};
	struct measure m[LIMITS];
	bool absent = false, file;
	int i = 3;

	if (argc < 3)
		usage();
	file = strcmp(argv[1], "file") == 0;
	if (!file && strcmp(argv[1], "space") != 0)
		usage();
	if (i < argc && strcmp(argv[i], "absent") == 0) {
		absent = true;
		i++;
	}
	for (; i + 1 < argc; i += 2)
		take_limit(limits, argv[i], argv[i + 1]);
	if (i != argc)
		usage();
	measures_clear(m);
	return (file ? check_file(argv[2], absent, limits, m) :
		       check_space(argv[2], limits, m));
}
