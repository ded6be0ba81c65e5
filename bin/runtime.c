/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The runtime directory and the files in it.  Whoever can write there could
 * pose as us, so it has to be ours alone.
 */
#include "config.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "control.h"
#include "state.h"
#include "supervisor.h"

char *
runtime_path(const char *dir, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", dir, name) == -1) {
		errno = ENOMEM;
		return (NULL);
	}
	return (path);
}

char *
runtime_program(const char *name)
{
	const char *dir = getenv("DAEMONWATCH_LIBEXECDIR");

	if (dir == NULL || dir[0] != '/' || getuid() != geteuid())
		dir = PKGLIBEXECDIR;
	return (runtime_path(dir, name));
}

char *
runtime_default(void)
{
	const char *dir;

	if (geteuid() == 0)
		return (strdup(RUNSTATEDIR "/daemonwatch"));
	dir = getenv("XDG_RUNTIME_DIR");
	if (dir == NULL || dir[0] != '/') {
		errno = ENOENT;
		return (NULL);
	}
	return (runtime_path(dir, "daemonwatch"));
}

static int
check_dir(const char *dir, char *buf, size_t len)
{
	struct stat st;

	if (mkdir(dir, 0755) == -1 && errno != EEXIST) {
		snprintf(buf, len, "%s: mkdir: %s", dir, strerror(errno));
		return (EX_CANTCREAT);
	}
	/* A link is as good as who made it. */
	if (lstat(dir, &st) == 0 && S_ISLNK(st.st_mode) && st.st_uid != 0 &&
	    st.st_uid != geteuid()) {
		snprintf(
		    buf, len, "%s: a symbolic link of somebody else's", dir);
		return (EX_NOPERM);
	}
	if (stat(dir, &st) == -1) {
		snprintf(buf, len, "%s: %s", dir, strerror(errno));
		return (EX_CANTCREAT);
	}
	if (!S_ISDIR(st.st_mode)) {
		snprintf(buf, len, "%s: not a directory", dir);
		return (EX_CANTCREAT);
	}
	if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		snprintf(buf, len,
		    "%s: must belong to the user that runs daemonwatch, and "
		    "nobody else may write there",
		    dir);
		return (EX_NOPERM);
	}
	return (0);
}

static const char *
pidfile_trouble(int error)
{
	switch (error) {
	case EINVAL:
		return ("not a regular file");
	case ELOOP:
		return ("a symbolic link, which is not followed");
	default:
		return (strerror(error));
	}
}

int
runtime_open(struct supervisor *sup, char *buf, size_t len)
{
	const char *dir = sup->opt.runtime_dir;
	char *path;
	pid_t owner = -1;
	int status;

	if (sup->opt.transient)
		return (0);
	status = check_dir(dir, buf, len);
	if (status != 0)
		return (status);
	path = runtime_path(dir, "pid");
	sup->state_path = runtime_path(dir, "state");
	if (path == NULL || sup->state_path == NULL) {
		free(path);
		snprintf(buf, len, "%s", strerror(ENOMEM));
		return (EX_OSERR);
	}
	sup->pidfile = dw_pidfile_open(path, 0644, &owner);
	if (sup->pidfile == NULL && errno == EEXIST) {
		status = 1;
		if (owner > 0)
			snprintf(buf, len, "already running, pid %jd",
			    (intmax_t)owner);
		else
			snprintf(buf, len, "already running");
	} else if (sup->pidfile == NULL ||
	    dw_pidfile_write(sup->pidfile) == -1) {
		snprintf(buf, len, "%s: %s", path, pidfile_trouble(errno));
		status = EX_CANTCREAT;
	}
	free(path);
	return (status);
}

int
runtime_listen(struct supervisor *sup, char *buf, size_t len)
{
	const char *what = "memory";
	char *path;

	if (sup->opt.transient)
		return (0);
	path = runtime_path(sup->opt.runtime_dir, "control");
	if (path != NULL)
		sup->control = control_new(sup, path, &what);
	if (sup->control == NULL && errno == EADDRINUSE) {
		snprintf(buf, len, "already running: %s", what);
		free(path);
		return (1);
	}
	if (sup->control == NULL) {
		snprintf(buf, len, "%s: %s: %s",
		    (path != NULL) ? path : "control", what, strerror(errno));
		free(path);
		return (EX_CANTCREAT);
	}
	free(path);
	return (0);
}

void
runtime_close(struct supervisor *sup)
{
	control_free(sup->control);
	sup->control = NULL;
	/* Nothing of ours runs: the next daemonwatch has nothing to take over.
	 */
	if (sup->state_path != NULL && sup->pidfile != NULL) {
		if (!sup->keep && unlink(sup->state_path) == -1 &&
		    errno != ENOENT)
			dw_log(sup->log, DW_LOG_WARNING, "%s: %s",
			    sup->state_path, strerror(errno));
	}
	free(sup->state_path);
	sup->state_path = NULL;
	/* Last, as its lock is what tells others that we are gone. */
	if (sup->pidfile != NULL)
		(void)dw_pidfile_remove(sup->pidfile);
	sup->pidfile = NULL;
}
