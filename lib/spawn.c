/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Starting programs with vfork(2), the caller's side: a plan for which nothing
 * has to be allocated or looked up later, and what is made of the answer.  The
 * child's side is spawn_child.c; waiting for programs is child.c.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemonwatch.h"
#include "spawn.h"
#include "../compat/system.h"

extern char **environ;

static const char *const stage_names[] = {
    [DW_SPAWN_FORK] = "vfork",
    [DW_SPAWN_SIGNALS] = "sigaction",
    [DW_SPAWN_SESSION] = "setsid",
    [DW_SPAWN_RLIMIT] = "setrlimit",
    [DW_SPAWN_PRIORITY] = "setpriority",
    [DW_SPAWN_OOM_SCORE] = "oom_score_adj",
    [DW_SPAWN_FDS] = "dup2",
    [DW_SPAWN_GROUPS] = "setgroups",
    [DW_SPAWN_GID] = "setgid",
    [DW_SPAWN_UID] = "setuid",
    [DW_SPAWN_CHDIR] = "chdir",
    [DW_SPAWN_PRIVS] = "no-new-privileges",
    [DW_SPAWN_EXEC] = "execve",
};

const char *
dw_spawn_stage_name(enum dw_spawn_stage stage)
{
	if ((size_t)stage >= sizeof(stage_names) / sizeof(stage_names[0]))
		return ("spawn");
	return (stage_names[stage]);
}

/*
 * Nothing but vfork in here: the child goes on to use this frame's stack, and
 * a local variable could come back as the child left it.
 */
__attribute__((__noinline__)) static pid_t
launch(struct spawn_plan *p)
{
	pid_t pid;

	if ((pid = vfork()) == 0)
		spawn_child(p);
	return (pid);
}

static int
compare(const void *a, const void *b)
{
	const int *x, *y;

	x = a;
	y = b;
	return ((*x > *y) - (*x < *y));
}

/*
 * The sources are looked at before the pipe is made: one that is not open
 * could otherwise turn out to be the pipe.
 */
static int
plan_fds(struct spawn_plan *p, struct dw_spawn_error *e)
{
	const struct dw_spawn *s;
	size_t i, n;

	s = p->spawn;
	e->stage = DW_SPAWN_FDS;
	for (n = 0; n < 3; n++)
		p->targets[n] = (int)n;
	for (i = 0; i < s->nfds; i++) {
		e->arg = s->fds[i].to;
		if (s->fds[i].to < 0 || s->fds[i].to >= INT_MAX - 1) {
			errno = EBADF;
			return (-1);
		}
		if (fcntl(s->fds[i].from, F_GETFD) == -1)
			return (-1);
		if (s->fds[i].to > 2)
			p->targets[n++] = s->fds[i].to;
	}
	qsort(p->targets, n, sizeof(int), compare);
	p->ntargets = n;
	p->high = p->targets[n - 1] + 1;
	for (i = 1; i < n; i++) {
		if (p->targets[i] == p->targets[i - 1]) {
			e->arg = p->targets[i];
			errno = EINVAL;
			return (-1);
		}
	}
	return (0);
}

/* How many entries, and bytes of all the paths they make. */
static size_t
path_count(const char *path, size_t name_len, size_t *bytes)
{
	size_t n;

	n = 1;
	*bytes = name_len + 3;
	for (; *path != '\0'; path++) {
		*bytes += 1;
		if (*path == ':') {
			n++;
			*bytes += name_len + 3;
		}
	}
	return (n);
}

/* "dir/name" for each entry of PATH; an empty one is the directory we are in.
 */
static void
path_fill(char **paths, char *at, const char *path, const char *name)
{
	size_t len;

	for (;;) {
		len = strcspn(path, ":");
		*paths++ = at;
		if (len == 0) {
			*at++ = '.';
		} else {
			memcpy(at, path, len);
			at += len;
		}
		*at++ = '/';
		len = strlen(name);
		memcpy(at, name, len + 1);
		at += len + 1;
		path += strcspn(path, ":");
		if (*path++ == '\0')
			break;
	}
	*paths = NULL;
}

/* One allocation for everything that the plan points to. */
static int
plan_memory(struct spawn_plan *p)
{
	const struct dw_spawn *s;
	const char *name, *path;
	size_t bytes, n, nfds;
	char *at;

	s = p->spawn;
	name = s->argv[0];
	if (*name == '\0' || strchr(name, '/') != NULL)
		path = NULL;
	else if ((path = getenv("PATH")) == NULL)
		path = "/usr/bin:/bin";
	n = path_count(path == NULL ? "" : path, strlen(name), &bytes);
	nfds = s->nfds;
	p->memory = malloc(
	    (n + 1) * sizeof(char *) + (2 * nfds + 3) * sizeof(int) + bytes);
	if (p->memory == NULL)
		return (-1);
	p->paths = p->memory;
	p->moved = (int *)(void *)(p->paths + n + 1);
	p->targets = p->moved + nfds;
	at = (char *)(p->targets + nfds + 3);
	if (path != NULL) {
		path_fill(p->paths, at, path, name);
	} else {
		p->paths[0] = memcpy(at, name, strlen(name) + 1);
		p->paths[1] = NULL;
	}
	return (0);
}

static void
drop(int fd)
{
	int saved;

	saved = errno;
	(void)close(fd);
	errno = saved;
}

/*
 * What came through the pipe: nothing at all when the child was killed before
 * exec; then its one note that exec comes next; then what failed, if exec did.
 */
static int
verdict(int fd, struct dw_spawn_error *e)
{
	struct dw_spawn_error got;
	ssize_t n;

	e->stage = DW_SPAWN_EXEC;
	e->error = EINTR;
	e->arg = 0;
	for (;;) {
		n = read(fd, &got, sizeof(got));
		if (n == -1 && errno == EINTR)
			continue;
		if (n != (ssize_t)sizeof(got))
			break;
		*e = got;
		if (e->error != 0)
			break;
	}
	return (e->error == 0 ? 0 : -1);
}

/* Signals stay away: a handler in the child would run in our memory. */
static pid_t
launch_masked(struct spawn_plan *p)
{
	sigset_t all, old;
	pid_t pid;
	int saved;

	(void)sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, &all, &old) == -1)
		return (-1);
	pid = launch(p);
	saved = errno;
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	errno = saved;
	return (pid);
}

/* The pid once exec has happened.  Whoever did not get there is reaped. */
static pid_t
await_exec(pid_t pid, int fd, struct dw_spawn_error *e)
{
	int rv;

	rv = verdict(fd, e);
	drop(fd);
	if (rv == 0)
		return (pid);
	while (waitpid(pid, NULL, 0) == -1 && errno == EINTR)
		continue;
	errno = e->error;
	return (-1);
}

static pid_t
start(struct spawn_plan *p, struct dw_spawn_error *e)
{
	int ends[2], saved;
	pid_t pid;

	e->stage = DW_SPAWN_FORK;
	e->arg = 0;
	if (pipe2(ends, O_CLOEXEC) == -1)
		return (-1);
	p->report = ends[1];
	saved = p->spawn->cred != NULL ? cred_save() : 0;
	pid = launch_masked(p);
	drop(ends[1]);
	if (pid == -1)
		drop(ends[0]);
	else
		pid = await_exec(pid, ends[0], e);
	if (p->spawn->cred != NULL)
		cred_restore(saved);
	return (pid);
}

static int
make_plan(
    struct spawn_plan *p, const struct dw_spawn *s, struct dw_spawn_error *e)
{
	struct rlimit rl;

	memset(p, 0, sizeof(*p));
	p->spawn = s;
	p->envp = s->envp != NULL ? s->envp : environ;
	p->nofile = getrlimit(RLIMIT_NOFILE, &rl) == 0 ? rl.rlim_cur : 0;
	if (s->argv == NULL || s->argv[0] == NULL) {
		e->stage = DW_SPAWN_EXEC;
		errno = EINVAL;
		return (-1);
	}
	e->stage = DW_SPAWN_FORK;
	if (plan_memory(p) == -1)
		return (-1);
	return (plan_fds(p, e));
}

pid_t
dw_spawn(const struct dw_spawn *spawn, struct dw_spawn_error *error)
{
	struct dw_spawn_error e;
	struct spawn_plan p;
	pid_t pid;
	int saved;

	memset(&e, 0, sizeof(e));
	pid = -1;
	if (make_plan(&p, spawn, &e) == 0)
		pid = start(&p, &e);
	saved = errno;
	free(p.memory);
	if (pid == -1)
		e.error = saved;
	if (error != NULL)
		*error = e;
	errno = saved;
	return (pid);
}
