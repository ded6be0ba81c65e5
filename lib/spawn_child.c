/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What a started program does before it is that program.  All of this runs in
 * a vforked child, in the caller's memory (Linux, FreeBSD, NetBSD) or in a copy
 * of it (OpenBSD, valgrind): nothing here allocates, takes a lock, or leaves
 * anything in memory for the caller, who is told through a pipe.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "daemonwatch.h"
#include "spawn.h"
#include "../compat/system.h"

/* Write what happened; a pipe takes so little in one piece. */
static void
say(const struct spawn_plan *p, enum dw_spawn_stage stage, int error, int arg)
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
fail(const struct spawn_plan *p, enum dw_spawn_stage stage, int arg)
{
	say(p, stage, errno, arg);
	_exit(127);
}

/*
 * Ignored signals stay ignored over exec, so all are set.  EINVAL: no signal
 * of ours (KILL, STOP, those the C library keeps for its threads).
 */
static void
default_signals(const struct spawn_plan *p)
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
	sigreset_hidden();
}

/*
 * A limit on descriptors may forbid what arranging them needs, or be what
 * allows it: it is set before when it is raised, after when it is lowered.
 */
static void
set_limits(const struct spawn_plan *p, bool after)
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
move_up(const struct spawn_plan *p, int fd, int low, int arg)
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
open_null(const struct spawn_plan *p, int to)
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
arrange_fds(struct spawn_plan *p)
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
become(const struct spawn_plan *p)
{
	const struct dw_cred *c;

	if ((c = p->spawn->cred) == NULL)
		return;
	if (cred_setgroups(c->gid, c->ngroups, c->groups) == -1)
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
execute(const struct spawn_plan *p)
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

/* What a user may not do any more, once it is one. */
static void
set_standing(const struct spawn_plan *p)
{
	const struct dw_spawn *s = p->spawn;

	if ((s->flags & DW_SPAWN_NICE) != 0 &&
	    setpriority(PRIO_PROCESS, 0, s->priority) == -1)
		fail(p, DW_SPAWN_PRIORITY, s->priority);
	if ((s->flags & DW_SPAWN_OOM) != 0 && oom_set(s->oom_score) == -1)
		fail(p, DW_SPAWN_OOM_SCORE, s->oom_score);
}

/* Into memory that the caller has set aside for it. */
static void
write_pid(char *text)
{
	char digits[DW_SPAWN_PID_TEXT];
	size_t n = 0;
	pid_t pid = getpid();

	do {
		digits[n++] = (char)('0' + pid % 10);
	} while ((pid /= 10) > 0 && n < sizeof(digits) - 1);
	while (n > 0)
		*text++ = digits[--n];
	*text = '\0';
}

_Noreturn void
spawn_child(struct spawn_plan *p)
{
	const struct dw_spawn *s;
	sigset_t none;

	s = p->spawn;
	default_signals(p);
	if ((s->flags & DW_SPAWN_SETSID) != 0 && setsid() == -1)
		fail(p, DW_SPAWN_SESSION, 0);
	set_limits(p, false);
	set_standing(p);
	arrange_fds(p);
	set_limits(p, true);
	become(p);
	if (s->cwd != NULL && chdir(s->cwd) == -1)
		fail(p, DW_SPAWN_CHDIR, 0);
	if (s->umask != -1)
		(void)umask((mode_t)s->umask);
	if ((s->flags & DW_SPAWN_NO_PRIVS) != 0 && confine_no_new_privs() == -1)
		fail(p, DW_SPAWN_PRIVS, 0);
	if (s->pid_text != NULL)
		write_pid(s->pid_text);
	/* So far we got: spawn.c makes sense of it. */
	say(p, DW_SPAWN_EXEC, 0, 0);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	execute(p);
	fail(p, DW_SPAWN_EXEC, 0);
}
