/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Starting a service's program or one of its commands, in the surroundings
 * that the configuration asks for.  When to do so is not decided here.
 */
#include "config.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor.h"
#include "../compat/system.h"

/*
 * Its log file, never through a symbolic link nor by a second name: the
 * directory may be its user's, and we may be root.
 */
static int
open_log(const char *path)
{
	struct stat st;
	int fd;

	fd = open(path,
	    O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK |
		O_CLOEXEC,
	    0640);
	if (fd == -1)
		return (-1);
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) || st.st_nlink > 1) {
		close(fd);
		errno = EINVAL;
		return (-1);
	}
	return (fd);
}

/* What a command is for decides what it gets. */
static const struct account *
account_of(const struct unit *u, enum unit_role role)
{
	if (role == ROLE_HOOK && u->hook_account != NULL)
		return (u->hook_account);
	return (&u->account);
}

/* How many descriptors a program may be given. */
#define NFDS (4 + CONFIG_SOCKETS_MAX)

struct streams {
	struct dw_spawn_fd fds[NFDS];
	size_t n;
	int own[4]; /* to be closed */
	size_t nown;
};

static void
give(struct streams *st, int from, int to)
{
	st->fds[st->n++] = (struct dw_spawn_fd) {from, to};
}

static void
close_streams(struct streams *st)
{
	while (st->nown > 0)
		(void)close(st->own[--st->nown]);
}

/* -1: it cannot be opened, which has been said. */
static int
open_output(const struct unit *u, struct streams *st, const char *path)
{
	int fd = open_log(path);

	if (fd == -1)
		dw_log(u->sup->log, DW_LOG_ERROR,
		    "%s: %s: %s: its output is lost", u->conf->name, path,
		    (errno == EINVAL) ? "not a regular file of one name" :
					strerror(errno));
	else
		st->own[st->nown++] = fd;
	return (fd);
}

static bool
is_null(const char *path)
{
	return (path != NULL && strcmp(path, "/dev/null") == 0);
}

/* Where its output goes: a file, the log, our own output, nowhere. */
static void
output(const struct unit *u, struct streams *st)
{
	const char *paths[] = {u->conf->out, u->conf->err};
	int log = -1, fd;

	if (u->conf->log != NULL && (paths[0] == NULL || paths[1] == NULL))
		log = open_output(u, st, u->conf->log);
	for (int i = 0; i < 2; i++) {
		int to = STDOUT_FILENO + i;

		if (paths[i] == NULL) {
			if (log != -1)
				give(st, log, to);
			else if (u->conf->log == NULL && u->sup->opt.foreground)
				give(st, to, to);
		} else if (!is_null(paths[i]) &&
		    (fd = open_output(u, st, paths[i])) != -1)
			give(st, fd, to);
	}
}

/* What a service lacks its input for, it cannot do: that is an error. */
static int
input(const struct unit *u, struct streams *st, char *buf, size_t len)
{
	int fd;

	if (is_null(u->conf->in))
		return (0);
	/* A FIFO must not make us wait for who writes to it. */
	fd = open(u->conf->in, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1 || fcntl(fd, F_SETFL, 0) == -1) {
		snprintf(
		    buf, len, "stdin: %s: %s", u->conf->in, strerror(errno));
		if (fd != -1)
			(void)close(fd);
		return (-1);
	}
	st->own[st->nown++] = fd;
	give(st, fd, STDIN_FILENO);
	return (0);
}

/* The descriptor by which it says that it is ready. */
static int
ready_pipe(struct unit *u, struct streams *st, char *buf, size_t len)
{
	int fd;

	if (u->conf->ready != READY_FD)
		return (0);
	if ((fd = unit_ready_begin(u)) == -1) {
		snprintf(buf, len, "descriptor %d: %s", u->conf->ready_fd,
		    strerror(errno));
		return (-1);
	}
	st->own[st->nown++] = fd;
	give(st, fd, u->conf->ready_fd);
	return (0);
}

/* As sd_listen_fds(3) has it: from 3 on, in their order. */
static void
give_sockets(const struct unit *u, struct streams *st)
{
	for (size_t i = 0; i < u->conf->nsockets; i++)
		give(st, u->sockets[i], 3 + (int)i);
}

/* For the service itself, not for what helps it. */
static size_t
standing(const struct unit *u, enum unit_role role, struct dw_spawn *sp,
    struct dw_spawn_rlimit *limits)
{
	const struct service_conf *conf = u->conf;
	size_t n = 0;
	bool nofile = false;

	for (; role == ROLE_MAIN && n < conf->nlimits; n++) {
		limits[n] = conf->limits[n];
		nofile = nofile || limits[n].resource == RLIMIT_NOFILE;
	}
	/* Ours was raised; select(2) users want theirs low. */
	if (!nofile)
		limits[n++] =
		    (struct dw_spawn_rlimit) {RLIMIT_NOFILE, u->sup->nofile};
	if (role != ROLE_MAIN)
		return (n);
	if (conf->nice != PROCESS_UNSET) {
		sp->flags |= DW_SPAWN_NICE;
		sp->priority = conf->nice;
	}
	if (conf->oom_score != PROCESS_UNSET) {
		sp->flags |= DW_SPAWN_OOM;
		sp->oom_score = conf->oom_score;
	}
	if (conf->no_new_privileges)
		sp->flags |= DW_SPAWN_NO_PRIVS;
	return (n);
}

static void
explain(const struct dw_spawn *sp, const struct dw_spawn_error *e, char *buf,
    size_t len)
{
	const char *what = sp->argv[0];

	if (e->stage == DW_SPAWN_CHDIR)
		what = sp->cwd;
	else if (e->stage == DW_SPAWN_RLIMIT)
		what = limit_name(sp->rlimits[e->arg].resource);
	snprintf(buf, len, "%s: %s: %s", what, dw_spawn_stage_name(e->stage),
	    strerror(e->error));
}

static int
spawn_as(struct unit *u, struct dw_child *child, struct dw_spawn *sp,
    const struct account *a, enum unit_role role, char *buf, size_t len)
{
	struct dw_spawn_rlimit limits[LIMITS_MAX + 1];
	struct dw_spawn_error error;
	char **env = unit_env(u, a, role, buf, len);
	int ret;

	if (env == NULL)
		return (-1);
	sp->envp = env;
	sp->pid_text = unit_env_pid(env, u, role);
	sp->cwd = (u->conf->cwd != NULL) ? u->conf->cwd : "/";
	sp->cred = account_cred(a);
	sp->umask = (u->conf->umask == -1) ? 022 : u->conf->umask;
	sp->flags = DW_SPAWN_SETSID;
	sp->rlimits = limits;
	sp->nrlimits = standing(u, role, sp, limits);
	ret = dw_child_spawn(u->sup->loop, child, sp, &error);
	if (ret == -1)
		explain(sp, &error, buf, len);
	unit_env_free(env);
	return (ret);
}

int
unit_exec(struct unit *u, struct dw_child *child, char *const *argv,
    enum unit_role role, char *buf, size_t len)
{
	struct streams st = {.n = 0};
	struct dw_spawn sp = {.argv = argv, .fds = st.fds};
	int ret = -1;

	if (role == ROLE_MAIN && unit_notify_open(u, buf, len) == -1)
		return (-1);
	if (input(u, &st, buf, len) == -1)
		goto out;
	if (role == ROLE_MAIN) {
		if (unit_sockets_open(u, buf, len) == -1 ||
		    ready_pipe(u, &st, buf, len) == -1)
			goto out;
		give_sockets(u, &st);
		unit_notify_begin(u);
	}
	output(u, &st);
	sp.nfds = st.n;
	ret = spawn_as(u, child, &sp, account_of(u, role), role, buf, len);
out:
	close_streams(&st);
	return (ret);
}

int
unit_exec_check(struct unit *u, struct dw_child *child, char *const *argv,
    const struct account *a, int out, char *buf, size_t len)
{
	const struct dw_spawn_fd fds[] = {
	    {out, STDOUT_FILENO}, {out, STDERR_FILENO}};
	struct dw_spawn sp = {.argv = argv, .fds = fds, .nfds = 2};

	return (spawn_as(u, child, &sp, a, ROLE_CHECK, buf, len));
}
