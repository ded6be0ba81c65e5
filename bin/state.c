/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Keeping who is running in a file, for the next daemonwatch.
 */
#include "config.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "state.h"
#include "supervisor.h"

#define STATE_VERSION 1
#define STATE_MAX (64L << 20)

static json_t *
service_state(const struct unit *u)
{
	char start[24];

	/* A 64-bit count does not fit every reader's numbers: text. */
	snprintf(start, sizeof(start), "%" PRIu64, u->id.start);
	return (json_pack("{s:s, s:I, s:s, s:I}", "name", u->conf->name, "pid",
	    (json_int_t)u->id.pid, "start", start, "restarts",
	    (json_int_t)u->sv.restarts));
}

/* The names of those that an operator has stopped. */
static json_t *
held_services(const struct supervisor *sup)
{
	json_t *held = json_array();

	for (size_t i = 0; i < sup->nunits; i++) {
		const struct unit *u = sup->units[i];

		if (u->held &&
		    json_array_append_new(held, json_string(u->conf->name)) ==
			-1) {
			json_decref(held);
			return (NULL);
		}
	}
	return (held);
}

/* Those that have done their work: they are not to do it a second time. */
static json_t *
finished_services(const struct supervisor *sup)
{
	json_t *list = json_array();

	for (size_t i = 0; i < sup->nunits; i++) {
		const struct unit *u = sup->units[i];

		if (u->sv.finished &&
		    json_array_append_new(list, json_string(u->conf->name)) ==
			-1) {
			json_decref(list);
			return (NULL);
		}
	}
	return (list);
}

/*
 * Those that an operator has paused, and until when: by the monotonic clock,
 * which goes on as long as the boot id stays what it is.
 */
static json_t *
paused_services(const struct supervisor *sup)
{
	json_t *list = json_array();

	for (size_t i = 0; i < sup->nunits; i++) {
		const struct service *sv = &sup->units[i]->sv;

		if ((sv->state == SV_PAUSED || sv->pausing) &&
		    json_array_append_new(list,
			json_pack("{s:s, s:I}", "name", sv->conf->name, "until",
			    (json_int_t)sv->pause_until)) == -1) {
			json_decref(list);
			return (NULL);
		}
	}
	return (list);
}

static json_t *
make_state(const struct supervisor *sup)
{
	json_t *services = json_array(), *item;

	if (services == NULL)
		return (NULL);
	for (size_t i = 0; i < sup->nunits; i++) {
		const struct unit *u = sup->units[i];

		if (u->conf->type != SERVICE_CHILD || !u->sv.running)
			continue;
		item = service_state(u);
		if (item == NULL ||
		    json_array_append_new(services, item) == -1) {
			json_decref(services);
			return (NULL);
		}
	}
	return (json_pack("{s:i, s:s, s:o, s:o, s:o, s:o}", "version",
	    STATE_VERSION, "boot", sup->boot_id, "services", services,
	    "stopped", held_services(sup), "finished", finished_services(sup),
	    "paused", paused_services(sup)));
}

static int
write_all(int fd, const char *text, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, text, len);
		if (n == -1 && errno != EINTR)
			return (-1);
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return (0);
}

static int
write_file(const char *path, const char *text)
{
	int fd, ret, error;

	fd = open(
	    path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1)
		return (-1);
	ret = write_all(fd, text, strlen(text));
	error = errno;
	if (close(fd) == -1 && ret == 0)
		return (-1);
	errno = error;
	return (ret);
}

int
state_save(const struct supervisor *sup, const char *path)
{
	json_t *root = make_state(sup);
	/* In one piece: jansson's own writer makes a write of each token. */
	char *text = (root != NULL) ? json_dumps(root, JSON_COMPACT) : NULL;
	char *temp = runtime_path(sup->opt.runtime_dir, "state.new");
	int ret = -1, error;

	errno = ENOMEM;
	if (text != NULL && temp != NULL && write_file(temp, text) == 0)
		ret = rename(temp, path);
	error = errno;
	if (ret == -1 && temp != NULL)
		unlink(temp);
	free(text);
	free(temp);
	json_decref(root);
	errno = error;
	return (ret);
}

static int
parse_start(const char *s, uint64_t *start)
{
	char *end;

	errno = 0;
	*start = strtoull(s, &end, 10);
	if (errno != 0 || *s < '0' || *s > '9' || *end != '\0')
		return (-1);
	return (0);
}

static void
adopt(struct supervisor *sup, json_t *item)
{
	const char *name, *start;
	json_int_t pid, restarts = 0;
	struct dw_proc_id id;
	struct unit *u;

	if (json_unpack(item, "{s:s, s:I, s:s, s?I}", "name", &name, "pid",
		&pid, "start", &start, "restarts", &restarts) == -1 ||
	    pid <= 1 || pid > INT32_MAX ||
	    parse_start(start, &id.start) == -1) {
		dw_log(sup->log, DW_LOG_WARNING,
		    "state file: an entry that is none: ignored");
		return;
	}
	id.pid = (pid_t)pid;
	if (!dw_proc_alive(&id))
		return;
	u = supervisor_find(sup, name);
	if (u == NULL || u->conf->type != SERVICE_CHILD) {
		dw_log(sup->log, DW_LOG_WARNING,
		    "%s: pid %jd of an earlier daemonwatch still runs, but is "
		    "not in the configuration any more: left alone",
		    name, (intmax_t)pid);
		return;
	}
	if (restarts > 0)
		u->sv.restarts = (uint64_t)restarts;
	if (u->sv.state == SV_STOPPED && unit_adopt(u, &id) == -1 &&
	    errno != ESRCH)
		dw_log(sup->log, DW_LOG_ERROR, "%s: cannot watch pid %jd: %s",
		    name, (intmax_t)pid, strerror(errno));
}

static void
hold(struct supervisor *sup, const json_t *item)
{
	const char *name = json_string_value(item);
	struct unit *u = (name != NULL) ? supervisor_find(sup, name) : NULL;

	if (u == NULL)
		return;
	u->held = true;
	if (u->sv.state == SV_STOPPED)
		snprintf(u->sv.cause, sizeof(u->sv.cause),
		    "an operator stopped it before");
	dw_log(sup->log, DW_LOG_NOTICE,
	    "%s: stays stopped, as an operator wanted it", name);
}

static void
finish(struct supervisor *sup, const json_t *item)
{
	const char *name = json_string_value(item);
	struct unit *u = (name != NULL) ? supervisor_find(sup, name) : NULL;

	if (u == NULL || u->sv.state != SV_STOPPED ||
	    (u->conf->restart == RESTART_ALWAYS &&
		!u->conf->no_restart_on.given))
		return;
	u->sv.finished = true;
	snprintf(u->sv.cause, sizeof(u->sv.cause), "had done its work before");
	dw_log(sup->log, DW_LOG_NOTICE,
	    "%s: had done its work before: not started", name);
}

static void
pause_unit(struct supervisor *sup, json_t *item)
{
	const char *name;
	json_int_t until;
	struct unit *u;

	if (json_unpack(item, "{s:s, s:I}", "name", &name, "until", &until) ==
		-1 ||
	    (u = supervisor_find(sup, name)) == NULL ||
	    until <= dw_loop_now(sup->loop))
		return;
	u->pause = until;
	dw_log(sup->log, DW_LOG_NOTICE,
	    "%s: stays paused, as an operator wanted it", name);
}

static json_t *
read_file(const char *path, char *why, size_t len)
{
	json_error_t error;
	struct stat st;
	json_t *root;
	int fd;

	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1) {
		snprintf(why, len, "%s", strerror(errno));
		return (NULL);
	}
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) ||
	    st.st_size > STATE_MAX || st.st_uid != geteuid() ||
	    (st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		snprintf(why, len, "not a file that we wrote");
		close(fd);
		return (NULL);
	}
	root = json_loadfd(fd, 0, &error);
	if (root == NULL)
		snprintf(why, len, "line %d: %s", error.line, error.text);
	close(fd);
	return (root);
}

void
state_load(struct supervisor *sup, const char *path)
{
	char why[256];
	const char *boot;
	json_t *root, *services, *item, *held = NULL, *done = NULL;
	json_t *paused = NULL;
	size_t i;
	int version;

	errno = 0;
	root = read_file(path, why, sizeof(why));
	if (root == NULL) {
		if (errno != ENOENT)
			dw_log(sup->log, DW_LOG_WARNING,
			    "%s: %s: nothing is taken over", path, why);
		return;
	}
	if (json_unpack(root, "{s:i, s:s, s:o, s?o, s?o, s?o}", "version",
		&version, "boot", &boot, "services", &services, "stopped",
		&held, "finished", &done, "paused", &paused) == -1 ||
	    version != STATE_VERSION || !json_is_array(services))
		dw_log(sup->log, DW_LOG_WARNING,
		    "%s: not a state file of version %d: nothing is taken over",
		    path, STATE_VERSION);
	else if (boot[0] != '\0' && strcmp(sup->boot_id, boot) == 0) {
		json_array_foreach(services, i, item)
			adopt(sup, item);
		json_array_foreach(held, i, item)
			hold(sup, item);
		json_array_foreach(done, i, item)
			finish(sup, item);
		json_array_foreach(paused, i, item)
			pause_unit(sup, item);
	}
	json_decref(root);
}
