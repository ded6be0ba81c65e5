/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Starting programs with vfork(2) and execve(2).  The child runs in the
 * caller's memory (Linux, FreeBSD, NetBSD) or in a copy of it (OpenBSD,
 * valgrind): it allocates nothing, takes no lock, and tells the caller what
 * went wrong through a pipe only.  Whoever wants to wait for the program
 * looks in child.c.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemonwatch.h"
#include "../compat/system.h"

extern char **environ;

/* All that the child needs, made ready before it is there. */
struct plan {
	const struct dw_spawn *spawn;
	char *const *envp;
	char **paths; /* the files to try, NULL-ended */
	int *moved;   /* where each of fds is kept meanwhile */
	int *targets; /* 0 to 2 and those of fds, sorted */
	size_t ntargets;
	int high;      /* above all targets: the pipe's place */
	rlim_t nofile; /* the limit in force */
	int report;    /* the pipe */
	void *memory;  /* of paths, moved and targets */
};

static const char *const stage_names[] = {
    [DW_SPAWN_FORK] = "vfork",
    [DW_SPAWN_SIGNALS] = "sigaction",
    [DW_SPAWN_SESSION] = "setsid",
    [DW_SPAWN_RLIMIT] = "setrlimit",
    [DW_SPAWN_FDS] = "dup2",
    [DW_SPAWN_GROUPS] = "setgroups",
    [DW_SPAWN_GID] = "setgid",
    [DW_SPAWN_UID] = "setuid",
    [DW_SPAWN_CHDIR] = "chdir",
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
 * In the child
 */

/* Write what happened; a pipe takes so little in one piece. */
static void
say(const struct plan *p, enum dw_spawn_stage stage, int error, int arg)
{
	struct dw_spawn_error e;

	memset(&e, 0, sizeof(e));
	e.stage = stage;
	e.error = error;
	e.arg = arg;
	while (write(p->report, &e, sizeof(e)) == -1 && errno == EINTR)
		continue;
}

_Noreturn static void
fail(const struct plan *p, enum dw_spawn_stage stage, int arg)
{
	say(p, stage, errno, arg);
	_exit(127);
}

/*
 * Ignored signals stay ignored over exec, so all are set.  EINVAL: no signal
 * of ours (KILL, STOP, those the C library keeps for its threads).
 */
static void
default_signals(const struct plan *p)
{
	struct sigaction sa;
	int signo;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = SIG_DFL;
	(void)sigemptyset(&sa.sa_mask);
	for (signo = 1; signo < NSIG; signo++) {
		if (sigaction(signo, &sa, NULL) == -1 && errno != EINVAL)
			fail(p, DW_SPAWN_SIGNALS, signo);
	}
}

/*
 * A limit on descriptors may forbid what arranging them needs, or be what
 * allows it: it is set before when it is raised, after when it is lowered.
 */
static void
set_limits(const struct plan *p, bool after)
{
	const struct dw_spawn_rlimit *r;
	bool lowered;
	size_t i;

	for (i = 0; i < p->spawn->nrlimits; i++) {
		r = &p->spawn->rlimits[i];
		lowered = r->resource == RLIMIT_NOFILE &&
		    r->limit.rlim_cur < p->nofile;
		if (lowered == after && setrlimit(r->resource, &r->limit) == -1)
			fail(p, DW_SPAWN_RLIMIT, (int)i);
	}
}

/* A copy out of the way of all targets. */
static int
move_up(const struct plan *p, int fd, int low, int arg)
{
	int up;

	if ((up = fcntl(fd, F_DUPFD_CLOEXEC, low)) == -1) {
		if (errno == EINVAL) /* low is above the limit */
			errno = EMFILE;
		fail(p, DW_SPAWN_FDS, arg);
	}
	return (up);
}

static void
open_null(const struct plan *p, int to)
{
	int fd;

	if ((fd = open("/dev/null", O_RDWR | O_NOCTTY)) == -1)
		fail(p, DW_SPAWN_FDS, to);
	if (fd == to)
		/* cppcheck-suppress resourceLeak ; it is the program's */
		return;
	if (dup2(fd, to) == -1)
		fail(p, DW_SPAWN_FDS, to);
	(void)close(fd);
}

static bool
named(const struct dw_spawn *s, int to)
{
	size_t i;

	for (i = 0; i < s->nfds; i++) {
		if (s->fds[i].to == to)
			return (true);
	}
	return (false);
}

/*
 * First copies of all sources above the targets, then down from there: so no
 * source is written over before it was used, in whatever way the two overlap.
 * The pipe goes to the one place between both.
 */
static void
arrange_fds(struct plan *p)
{
	const struct dw_spawn *s;
	size_t i;
	int to;

	s = p->spawn;
	for (i = 0; i < s->nfds; i++)
		p->moved[i] =
		    move_up(p, s->fds[i].from, p->high + 1, s->fds[i].to);
	p->report = move_up(p, p->report, p->high + 1, p->high);
	if (dup2(p->report, p->high) == -1 ||
	    fcntl(p->high, F_SETFD, FD_CLOEXEC) == -1)
		fail(p, DW_SPAWN_FDS, p->high);
	p->report = p->high;
	for (i = 0; i < s->nfds; i++) {
		if (dup2(p->moved[i], s->fds[i].to) == -1)
			fail(p, DW_SPAWN_FDS, s->fds[i].to);
	}
	for (to = 0; to <= 2; to++) {
		if (!named(s, to)) {
			(void)close(to);
			open_null(p, to);
		}
	}
	for (i = 0; i + 1 < p->ntargets; i++)
		closefds(p->targets[i] + 1, p->targets[i + 1] - 1);
	closefds(p->targets[i] + 1, p->high - 1);
	closefds(p->high + 1, INT_MAX);
}

static void
become(const struct plan *p)
{
	const struct dw_cred *c;

	if ((c = p->spawn->cred) == NULL)
		return;
	if (cred_setgroups(c->ngroups, c->groups) == -1)
		fail(p, DW_SPAWN_GROUPS, 0);
	if (cred_setgid(c->gid) == -1)
		fail(p, DW_SPAWN_GID, (int)c->gid);
	if (cred_setuid(c->uid) == -1)
		fail(p, DW_SPAWN_UID, (int)c->uid);
}

/* Is it worth to look in the next directory of PATH? */
static bool
elsewhere(int error)
{
	switch (error) {
	case EACCES:
	case ELOOP:
	case ENAMETOOLONG:
	case ENODEV:
	case ENOENT:
	case ENOTDIR:
	case ESTALE:
	case ETIMEDOUT:
		return (true);
	default:
		return (false);
	}
}

/* As execvp(3), but a file of no known format is not given to a shell. */
static void
execute(const struct plan *p)
{
	bool refused;
	size_t i;

	refused = false;
	for (i = 0; p->paths[i] != NULL; i++) {
		(void)execve(p->paths[i], p->spawn->argv, p->envp);
		if (!elsewhere(errno))
			return;
		if (errno == EACCES)
			refused = true;
	}
	if (refused)
		errno = EACCES;
}

_Noreturn static void
run_child(struct plan *p)
{
	const struct dw_spawn *s;
	sigset_t none;

	s = p->spawn;
	default_signals(p);
	if ((s->flags & DW_SPAWN_SETSID) != 0 && setsid() == -1)
		fail(p, DW_SPAWN_SESSION, 0);
	set_limits(p, false);
	arrange_fds(p);
	set_limits(p, true);
	become(p);
	if (s->cwd != NULL && chdir(s->cwd) == -1)
		fail(p, DW_SPAWN_CHDIR, 0);
	if (s->umask != -1)
		(void)umask((mode_t)s->umask);
	/* So far we got: see verdict(). */
	say(p, DW_SPAWN_EXEC, 0, 0);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	execute(p);
	fail(p, DW_SPAWN_EXEC, 0);
}

/*
 * In the caller
 */

/*
 * Nothing but vfork in here: the child goes on to use this frame's stack, and
 * a local variable could come back as the child left it.
 */
__attribute__((__noinline__)) static pid_t
launch(struct plan *p)
{
	pid_t pid;

	if ((pid = vfork()) == 0)
		run_child(p);
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
plan_fds(struct plan *p, struct dw_spawn_error *e)
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
plan_memory(struct plan *p)
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
launch_masked(struct plan *p)
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
start(struct plan *p, struct dw_spawn_error *e)
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
make_plan(struct plan *p, const struct dw_spawn *s, struct dw_spawn_error *e)
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
	struct plan p;
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
