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

extern char **environ;

/*
 * What the one who started us told us about us, not about our services; and
 * our own settings.
 */
static const char *const not_inherited[] = {
    "NOTIFY_SOCKET=",
    "WATCHDOG_PID=",
    "WATCHDOG_USEC=",
    "LISTEN_FDS=",
    "LISTEN_PID=",
    "LISTEN_FDNAMES=",
    "MAINPID=",
    "DAEMONWATCH_",
};

static bool
is_inherited(const char *var)
{
	for (size_t i = 0; i < sizeof(not_inherited) / sizeof(char *); i++)
		if (strncmp(var, not_inherited[i], strlen(not_inherited[i])) ==
		    0)
			return (false);
	return (true);
}

/* Set "NAME=value" in a list with room for it; var is then the list's. */
static void
set_var(char **env, size_t *n, char *var)
{
	size_t name = strcspn(var, "=") + 1;

	for (size_t i = 0; i < *n; i++)
		if (strncmp(env[i], var, name) == 0) {
			free(env[i]);
			env[i] = var;
			return;
		}
	env[(*n)++] = var;
}

static int
add_var(char **env, size_t *n, const char *name, const char *value)
{
	char *var;

	if (value == NULL)
		return (0);
	if (asprintf(&var, "%s%s%s", name, (*name != '\0') ? "=" : "", value) ==
	    -1)
		return (-1);
	set_var(env, n, var);
	return (0);
}

static void
free_env(char **env)
{
	if (env == NULL)
		return;
	for (size_t i = 0; env[i] != NULL; i++)
		free(env[i]);
	free(env);
}

static char **
make_env(const struct unit *u, const struct account *a, bool main)
{
	char *const *own = u->conf->env;
	char **env;
	size_t n = 0, room = 16;
	int error = 0;

	for (size_t i = 0; environ[i] != NULL; i++)
		room++;
	for (size_t i = 0; own != NULL && own[i] != NULL; i++)
		room++;
	env = calloc(room, sizeof(*env));
	if (env == NULL)
		return (NULL);
	/* Whole variables are added under the empty name. */
	for (size_t i = 0; environ[i] != NULL; i++)
		if (is_inherited(environ[i]))
			error |= add_var(env, &n, "", environ[i]);
	error |= add_var(env, &n, "USER", a->name);
	error |= add_var(env, &n, "LOGNAME", a->name);
	error |= add_var(env, &n, "HOME", a->home);
	error |= add_var(env, &n, "SHELL", a->shell);
	error |= add_var(env, &n, "DAEMONWATCH_SERVICE", u->conf->name);
	if (main && u->notify != NULL)
		error |= add_var(env, &n, "NOTIFY_SOCKET", u->notify->path);
	for (size_t i = 0; own != NULL && own[i] != NULL; i++)
		error |= add_var(env, &n, "", own[i]);
	if (error != 0) {
		free_env(env);
		errno = ENOMEM;
		return (NULL);
	}
	return (env);
}

/*
 * Its log file, never through a symbolic link nor by a second name: the
 * directory may be its user's, and we may be root.
 */
static int
open_log(const struct unit *u)
{
	struct stat st;
	int fd;

	fd = open(u->conf->log,
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

/* Where its output goes: the log, our own output, nowhere. */
static size_t
output(const struct unit *u, struct dw_spawn_fd *fds, int *log)
{
	*log = -1;
	if (u->conf->log != NULL) {
		*log = open_log(u);
		if (*log == -1)
			dw_log(u->sup->log, DW_LOG_ERROR,
			    "%s: %s: %s: its output is lost", u->conf->name,
			    u->conf->log,
			    (errno == EINVAL) ?
				"not a regular file of one name" :
				strerror(errno));
	} else if (u->sup->opt.foreground) {
		fds[0] = (struct dw_spawn_fd) {STDOUT_FILENO, STDOUT_FILENO};
		fds[1] = (struct dw_spawn_fd) {STDERR_FILENO, STDERR_FILENO};
		return (2);
	}
	if (*log == -1)
		return (0);
	fds[0] = (struct dw_spawn_fd) {*log, STDOUT_FILENO};
	fds[1] = (struct dw_spawn_fd) {*log, STDERR_FILENO};
	return (2);
}

static int
spawn_as(struct unit *u, struct dw_child *child, struct dw_spawn *sp,
    const struct account *a, bool main, char *buf, size_t len)
{
	/* Ours was raised; select(2) users want theirs low. */
	const struct dw_spawn_rlimit nofile = {RLIMIT_NOFILE, u->sup->nofile};
	struct dw_spawn_error error;
	char **env = make_env(u, a, main);
	int ret;

	if (env == NULL) {
		snprintf(buf, len, "%s: %s", sp->argv[0], strerror(errno));
		return (-1);
	}
	sp->envp = env;
	sp->cwd = (u->conf->cwd != NULL) ? u->conf->cwd : "/";
	sp->cred = account_cred(a);
	sp->umask = (u->conf->umask == -1) ? 022 : u->conf->umask;
	sp->flags = DW_SPAWN_SETSID;
	sp->rlimits = &nofile;
	sp->nrlimits = 1;
	ret = dw_child_spawn(u->sup->loop, child, sp, &error);
	if (ret == -1)
		snprintf(buf, len, "%s: %s: %s",
		    (error.stage == DW_SPAWN_CHDIR) ? sp->cwd : sp->argv[0],
		    dw_spawn_stage_name(error.stage), strerror(error.error));
	free_env(env);
	return (ret);
}

int
unit_exec(struct unit *u, struct dw_child *child, char *const *argv, bool main,
    char *buf, size_t len)
{
	struct dw_spawn_fd fds[3];
	struct dw_spawn sp = {.argv = argv, .fds = fds};
	int log, word = -1, ret;

	if (main && unit_notify_open(u, buf, len) == -1)
		return (-1);
	if (main && u->conf->ready == READY_FD &&
	    (word = unit_ready_begin(u)) == -1) {
		snprintf(buf, len, "descriptor %d: %s", u->conf->ready_fd,
		    strerror(errno));
		return (-1);
	}
	if (main)
		unit_notify_begin(u);
	sp.nfds = output(u, fds, &log);
	if (word != -1)
		fds[sp.nfds++] = (struct dw_spawn_fd) {word, u->conf->ready_fd};
	ret = spawn_as(u, child, &sp, &u->account, main, buf, len);
	if (log != -1)
		close(log);
	if (word != -1)
		close(word);
	return (ret);
}

int
unit_exec_check(struct unit *u, struct dw_child *child, char *const *argv,
    const struct account *a, int out, char *buf, size_t len)
{
	const struct dw_spawn_fd fds[] = {
	    {out, STDOUT_FILENO}, {out, STDERR_FILENO}};
	struct dw_spawn sp = {.argv = argv, .fds = fds, .nfds = 2};

	return (spawn_as(u, child, &sp, a, false, buf, len));
}
