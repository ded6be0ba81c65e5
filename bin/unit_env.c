/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The environment of a service's programs: ours or none, who it runs as, a
 * file that is read each time, and what the configuration says; a later one
 * of these has the last word.
 */
#include "config.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "envfile.h"
#include "supervisor.h"

extern char **environ;

/* Without a word from elsewhere, where programs are. */
#define CLEAN_PATH \
	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

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

void
unit_env_free(char **env)
{
	if (env == NULL)
		return;
	for (size_t i = 0; env[i] != NULL; i++)
		free(env[i]);
	free(env);
}

static size_t
count(char *const *vars)
{
	size_t n = 0;

	while (vars != NULL && vars[n] != NULL)
		n++;
	return (n);
}

/*
 * Who can write it decides what a program does that may be root's: only root,
 * we, and the user that it is for.
 */
static int
open_file(const char *path, const struct account *a, char *buf, size_t len)
{
	struct stat st;
	int fd;

	fd = open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1) {
		snprintf(buf, len, "env-file %s: %s", path, strerror(errno));
		return (-1);
	}
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))
		snprintf(buf, len, "env-file %s: not a regular file", path);
	else if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0 ||
	    (st.st_uid != 0 && st.st_uid != geteuid() &&
		(a->name == NULL || st.st_uid != a->cred.uid)))
		snprintf(buf, len, "env-file %s: others can write it", path);
	else if (st.st_size > (off_t)ENVFILE_MAX)
		snprintf(buf, len, "env-file %s: too large", path);
	else
		return (fd);
	(void)close(fd);
	errno = EPERM;
	return (-1);
}

/* The whole of it, in memory of its own. */
static char *
read_all(int fd, size_t *len)
{
	char *text = malloc(ENVFILE_MAX);
	ssize_t n;

	*len = 0;
	while (text != NULL && *len < ENVFILE_MAX) {
		n = read(fd, text + *len, ENVFILE_MAX - *len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1) {
			free(text);
			return (NULL);
		}
		if (n == 0)
			break;
		*len += (size_t)n;
	}
	return (text);
}

/* An empty list where there is no such file, or need be none. */
static char **
read_file(const struct unit *u, const struct account *a, char *buf, size_t len)
{
	const char *path = u->conf->env_file, *why;
	char *text, **vars;
	unsigned line;
	size_t size;
	int fd;

	if (path == NULL)
		return (envfile_parse("", 0, &line, &why));
	fd = open_file(path + (path[0] == '-'), a, buf, len);
	if (fd == -1 && path[0] == '-' && errno == ENOENT)
		return (envfile_parse("", 0, &line, &why));
	if (fd == -1)
		return (NULL);
	path += (path[0] == '-');
	text = read_all(fd, &size);
	if (text == NULL)
		snprintf(buf, len, "env-file %s: %s", path, strerror(errno));
	(void)close(fd);
	if (text == NULL)
		return (NULL);
	vars = envfile_parse(text, size, &line, &why);
	if (vars == NULL && line > 0)
		snprintf(buf, len, "env-file %s:%u: %s", path, line, why);
	else if (vars == NULL)
		snprintf(buf, len, "env-file %s: %s", path, why);
	free(text);
	return (vars);
}

static int
add_all(char **env, size_t *n, char *const *vars)
{
	int error = 0;

	/* Whole variables are added under the empty name. */
	for (size_t i = 0; vars != NULL && vars[i] != NULL; i++)
		error |= add_var(env, n, "", vars[i]);
	return (error);
}

static int
add_own(const struct unit *u, const struct account *a, enum unit_role role,
    char **env, size_t *n)
{
	int64_t beat = unit_beat_timeout(u) / DW_US;
	char usec[24], number[16];
	int error = 0;

	snprintf(usec, sizeof(usec), "%jd", (intmax_t)beat);
	if (u->conf->clean_env)
		error |= add_var(env, n, "PATH", CLEAN_PATH);
	for (size_t i = 0; !u->conf->clean_env && environ[i] != NULL; i++)
		if (is_inherited(environ[i]))
			error |= add_var(env, n, "", environ[i]);
	error |= add_var(env, n, "USER", a->name);
	error |= add_var(env, n, "LOGNAME", a->name);
	error |= add_var(env, n, "HOME", a->home);
	error |= add_var(env, n, "SHELL", a->shell);
	error |= add_var(env, n, "DAEMONWATCH_SERVICE", u->conf->name);
	if (u->conf->instance > 0) {
		snprintf(number, sizeof(number), "%u", u->conf->instance);
		error |= add_var(env, n, "DAEMONWATCH_INSTANCE", number);
	}
	if (role == ROLE_MAIN && u->notify != NULL)
		error |= add_var(env, n, "NOTIFY_SOCKET", u->notify->path);
	if (role == ROLE_MAIN && beat > 0)
		error |= add_var(env, n, "WATCHDOG_USEC", usec);
	return (error);
}

/* As many blanks as a pid may take; the names in the sockets' order. */
static int
add_sockets(const struct unit *u, char **env, size_t *n)
{
	const struct service_conf *conf = u->conf;
	char room[DW_SPAWN_PID_TEXT], number[24];
	char *names = NULL, *more;
	int error;

	if (conf->nsockets == 0)
		return (0);
	memset(room, ' ', sizeof(room));
	room[sizeof(room) - 1] = '\0';
	snprintf(number, sizeof(number), "%zu", conf->nsockets);
	for (size_t i = 0; i < conf->nsockets; i++) {
		const char *name = conf->sockets[i].name;

		if (asprintf(&more, "%s%s%s", (i > 0) ? names : "",
			(i > 0) ? ":" : "",
			(name != NULL) ? name : conf->name) == -1) {
			free(names);
			return (-1);
		}
		free(names);
		names = more;
	}
	error = add_var(env, n, "LISTEN_PID", room);
	error |= add_var(env, n, "LISTEN_FDS", number);
	error |= add_var(env, n, "LISTEN_FDNAMES", names);
	free(names);
	return (error);
}

char *
unit_env_pid(char **env, const struct unit *u, enum unit_role role)
{
	static const char name[] = "LISTEN_PID=";

	if (role != ROLE_MAIN || u->conf->nsockets == 0)
		return (NULL);
	for (; *env != NULL; env++)
		if (strncmp(*env, name, sizeof(name) - 1) == 0)
			return (*env + sizeof(name) - 1);
	return (NULL);
}

char **
unit_env(const struct unit *u, const struct account *a, enum unit_role role,
    char *buf, size_t len)
{
	char **env, **file;
	size_t n = 0;

	snprintf(buf, len, "environment: %s", strerror(ENOMEM));
	if ((file = read_file(u, a, buf, len)) == NULL)
		return (NULL);
	env = calloc(count(environ) + count(file) + count(u->conf->env) + 16,
	    sizeof(*env));
	if (env != NULL &&
	    (add_own(u, a, role, env, &n) | add_all(env, &n, file) |
		add_all(env, &n, u->conf->env) |
		/* Last: nobody else knows how much room there must be. */
		((role == ROLE_MAIN) ? add_sockets(u, env, &n) : 0)) != 0) {
		unit_env_free(env);
		env = NULL;
	}
	envfile_free(file);
	return (env);
}
