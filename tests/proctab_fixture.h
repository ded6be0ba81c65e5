/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What the tests of the process table share: looking for a process in a scan,
 * and this program itself, started again as "test_... wait ...", which waits
 * for its standard input to end.  Included after cmocka.h and forked.h.
 */
#ifndef TESTS_PROCTAB_FIXTURE_H
#define TESTS_PROCTAB_FIXTURE_H

#include <sys/types.h>

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemonwatch.h"

static char self[PATH_MAX];

/* What a scan says of one process. */
struct found {
	pid_t pid;
	int times;
	struct dw_proc_info info;
	char args[256]; /* the beginning */
};

static inline int
find(const struct dw_proc_info *info, void *arg)
{
	struct found *f = arg;

	if (info->id.pid != f->pid)
		return (0);
	f->times++;
	f->info = *info;
	(void)snprintf(f->args, sizeof(f->args), "%s", info->args);
	if (strlen(info->args) != info->args_len)
		return (-2);
	f->info.args = NULL;
	return (0);
}

static inline void
scan(struct found *f, pid_t pid, unsigned flags)
{
	memset(f, 0, sizeof(*f));
	f->pid = pid;
	must(dw_procs_each(flags, find, f) == 0);
}

/*
 * A program that waits for the pipe to be closed.  It says when it is there:
 * vfork(2) is over, and the pipe of exec closed, a moment before the kernel
 * shows the new arguments.
 */
static inline pid_t
start_waiting(char *argv[], int *hold)
{
	struct dw_spawn s = {.argv = argv, .umask = -1};
	struct dw_spawn_fd fds[2];
	int there[2], ends[2];
	pid_t pid;
	char c;

	must(pipe2(ends, O_CLOEXEC) == 0 && pipe2(there, O_CLOEXEC) == 0);
	fds[0].from = ends[0];
	fds[0].to = 0;
	fds[1].from = there[1];
	fds[1].to = 1;
	s.fds = fds;
	s.nfds = 2;
	pid = dw_spawn(&s, NULL);
	must(pid != -1);
	(void)close(ends[0]);
	(void)close(there[1]);
	must(read(there[0], &c, 1) == 1);
	(void)close(there[0]);
	*hold = ends[1];
	return (pid);
}

static inline const struct passwd *
nobody(void)
{
	const struct passwd *pw;

	if (geteuid() != 0) {
		(void)dprintf(2, "changing the user needs root\n");
		_exit(SKIPPED);
	}
	must((pw = getpwnam("nobody")) != NULL);
	return (pw);
}

/* The program that start_waiting() starts; it never returns from that. */
static inline void
wait_if_told(int argc, char *argv[])
{
	char c;

	if (argc > 1 && strcmp(argv[1], "wait") == 0) {
		(void)write(1, "", 1);
		while (read(0, &c, 1) == -1 && errno == EINTR)
			continue;
		_exit(0);
	}
	if (realpath(argv[0], self) == NULL) {
		perror(argv[0]);
		_exit(1);
	}
}

#endif
