/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The verbs that speak to a running daemonwatch: stop, status, and start,
 * stop, restart of services.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "cmd.h"
#include "supervisor.h"

/* LSB, "Init Script Actions" */
#define LSB_RUNNING 0
#define LSB_DEAD_PIDFILE 1
#define LSB_NOT_RUNNING 3
#define LSB_UNKNOWN 4

/* How long the watcher is waited for when it ends; -w: a service. */
#define STOP_TIME (3600 * DW_SEC)
#define WAIT_TIME (60 * DW_SEC)
#define WAIT_PACE (20 * DW_MS)

/* What an errno of the control socket means to a person. */
static const char *
reason(int error)
{
	switch (error) {
	case ENOENT:
	case ECONNREFUSED:
		return ("not running");
	case EPROTO:
		return ("it answered in another version's words");
	default:
		return (strerror(error));
	}
}

/* Why there was no answer; and where, if it is the way there. */
static void
complain_reason(const char *dir, int error)
{
	char clean[512];

	if (error == EACCES) {
		status_text(dir, clean, sizeof(clean));
		fprintf(
		    stderr, "daemonwatch: %s: %s\n", clean, strerror(error));
	} else
		fprintf(stderr, "daemonwatch: %s\n", reason(error));
}

static json_t *
ask(const char *dir, json_t *request)
{
	struct client *c = client_open(dir, CMD_ANSWER_TIME);
	json_t *answer;
	int error;

	if (c == NULL) {
		json_decref(request);
		return (NULL);
	}
	answer = client_ask(c, request);
	error = errno;
	client_close(c);
	errno = error;
	return (answer);
}

/* Say the answer's error.  Its "ok". */
static bool
is_ok(const json_t *answer)
{
	const char *text = json_string_value(json_object_get(answer, "error"));
	char clean[512];

	if (json_is_true(json_object_get(answer, "ok")))
		return (true);
	status_text((text != NULL) ? text : "refused", clean, sizeof(clean));
	fprintf(stderr, "daemonwatch: %s\n", clean);
	return (false);
}

/*
 * Who holds the pidfile.  0; else -1 with an errno as of dw_pidfile_owner().
 */
static int
find_owner(const char *dir, struct dw_proc_id *id)
{
	char *path = runtime_path(dir, "pid");
	int ret = -1, error;

	if (path != NULL)
		ret = dw_pidfile_owner(path, id);
	error = errno;
	free(path);
	errno = error;
	return (ret);
}

static void
is_gone(struct dw_proc *proc, int status)
{
	(void)status;
	dw_loop_stop(proc->arg, 0);
}

static void
is_late(struct dw_timer *timer)
{
	dw_loop_stop(timer->arg, 1);
}

/* 0 when the process is gone, 1 when the time is over, -1 with errno. */
static int
wait_gone(const struct dw_proc_id *id, int64_t limit, int signo)
{
	struct dw_loop *loop = dw_loop_new(NULL);
	struct dw_proc proc = {.cb = is_gone};
	struct dw_timer timer = {.cb = is_late};
	int ret, error;

	if (loop == NULL)
		return (-1);
	proc.arg = timer.arg = loop;
	ret = dw_proc_start(loop, &proc, id);
	if (ret == 0 && signo != 0)
		ret = dw_proc_kill(&proc, signo);
	error = errno;
	if (ret == 0) {
		dw_timer_start(loop, &timer, limit);
		ret = dw_loop_run(loop);
		error = errno;
	} else if (error == ESRCH)
		ret = 0;
	dw_proc_stop(&proc);
	dw_timer_stop(&timer);
	dw_loop_free(loop);
	errno = error;
	return (ret);
}

/* The pid in the answer, should the pidfile have been removed. */
static void
answer_owner(const json_t *answer, struct dw_proc_id *id)
{
	json_int_t pid = json_integer_value(json_object_get(answer, "pid"));

	if (pid <= 1 || dw_proc_identify((pid_t)pid, id) == -1)
		id->pid = 0;
}

static int
wait_stopped(const struct cmdline *cl, const struct dw_proc_id *id, int signo)
{
	int64_t limit = (cl->timeout >= 0) ? cl->timeout : STOP_TIME;
	int ret = (id->pid > 1) ? wait_gone(id, limit, signo) : 0;

	if (ret == 0)
		return (0);
	fprintf(stderr, "daemonwatch: pid %jd: %s\n", (intmax_t)id->pid,
	    (ret == 1) ? "still stopping its services" : strerror(errno));
	return (1);
}

static int
stop_watcher(const struct cmdline *cl, const char *dir)
{
	struct dw_proc_id id;
	json_t *req, *answer;
	bool owned = (find_owner(dir, &id) == 0);
	int error = owned ? 0 : errno, status = 1;

	req = client_request("shutdown", NULL);
	if (req != NULL)
		json_object_set_new(req, "keep", json_boolean(cl->keep));
	answer = ask(dir, req);
	if (answer == NULL && error == EACCES) {
		complain_reason(dir, error);
		return (1);
	}
	if (answer == NULL && !owned) {
		fprintf(stderr, "daemonwatch: not running\n");
		return (0);
	}
	/* It may not have come to listening yet, or not come to an answer. */
	if (answer == NULL && !cl->keep)
		return (wait_stopped(cl, &id, SIGTERM));
	if (answer == NULL)
		fprintf(stderr, "daemonwatch: pid %jd: %s\n", (intmax_t)id.pid,
		    reason(errno));
	else if (is_ok(answer)) {
		if (!owned)
			answer_owner(answer, &id);
		status = wait_stopped(cl, &id, 0);
	}
	json_decref(answer);
	return (status);
}

int
cmd_stop(const struct cmdline *cl)
{
	char *dir;
	int status;

	if (cl->nnames > 0)
		return (cmd_steer(cl, "stop"));
	dir = cmd_runtime_dir(cl);
	if (dir == NULL)
		return (1);
	status = stop_watcher(cl, dir);
	free(dir);
	return (status);
}

/* What an errno of find_owner() means. */
static const char *
pidfile_reason(int error)
{
	switch (error) {
	case EINVAL:
		return (
		    "its pidfile is not a regular file, or no pid is in it");
	case EPERM:
		return ("its pidfile could have been written by somebody else");
	default:
		return (reason(error));
	}
}

/* No answer to `status`: which of the LSB's words is it? */
static int
status_without(const struct cmdline *cl, const char *dir, int error)
{
	struct dw_proc_id id;
	const char *text;
	int status;

	if (find_owner(dir, &id) == 0) {
		status = LSB_UNKNOWN;
		text = (error == ENOENT || error == ECONNREFUSED) ?
		    "running, but does not listen on its control socket" :
		    reason(error);
	} else if (errno == ESRCH) {
		status = LSB_DEAD_PIDFILE;
		text = "dead, but its pidfile exists";
	} else if (errno == ENOENT || errno == ENOTDIR) {
		status = LSB_NOT_RUNNING;
		text = "not running";
	} else {
		status = LSB_UNKNOWN;
		text = pidfile_reason(errno);
		if (errno == EACCES && !cl->json) {
			complain_reason(dir, errno);
			return (status);
		}
	}
	if (cl->json)
		printf("{\"version\":1,\"ok\":false,\"error\":\"%s\"}\n", text);
	else
		fprintf(stderr, "daemonwatch: %s\n", text);
	return (status);
}

static bool
is_up(const json_t *service)
{
	const char *state =
	    json_string_value(json_object_get(service, "state"));

	if (state != NULL && strcmp(state, "paused") == 0)
		return (json_array_size(json_object_get(service, "pids")) > 0);
	return (state != NULL &&
	    (strcmp(state, "up") == 0 || strcmp(state, "failing") == 0));
}

static int
print_status(const struct cmdline *cl, json_t *answer)
{
	const json_t *services = json_object_get(answer, "services");
	const json_t *item;
	int status = LSB_RUNNING;
	size_t i;

	if (!is_ok(answer))
		return (LSB_UNKNOWN);
	json_array_foreach(services, i, item)
		if (cl->nnames > 0 && !is_up(item))
			status = LSB_NOT_RUNNING;
	if (cl->json) {
		json_dumpf(answer, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
		putchar('\n');
	} else
		status_print(services);
	if (fflush(stdout) == EOF || ferror(stdout)) {
		fprintf(stderr, "daemonwatch: standard output: %s\n",
		    strerror(errno));
		return (LSB_UNKNOWN);
	}
	return (status);
}

int
cmd_status(const struct cmdline *cl)
{
	char *dir = cmd_runtime_dir(cl);
	json_t *answer;
	int status;

	if (dir == NULL)
		return (LSB_UNKNOWN);
	answer = ask(dir, client_request("status", cl->names));
	if (answer == NULL)
		status = status_without(cl, dir, errno);
	else
		status = print_status(cl, answer);
	json_decref(answer);
	free(dir);
	return (status);
}

/* Are all of them as the verb wants them?  -1: one of them failed. */
static int
is_done(const json_t *answer, const char *verb)
{
	const char *want = (strcmp(verb, "stop") == 0) ? "stopped" :
	    (strcmp(verb, "pause") == 0)	       ? "paused" :
							 "up";
	const json_t *item;
	int done = 1;
	size_t i;

	json_array_foreach(json_object_get(answer, "services"), i, item) {
		const char *state =
		    json_string_value(json_object_get(item, "state"));

		if (state != NULL && strcmp(state, "failed") == 0)
			return (-1);
		/* It came up, and has done its work already. */
		if (json_is_true(json_object_get(item, "finished")) &&
		    strcmp(want, "up") == 0)
			continue;
		if (state == NULL || strcmp(state, want) != 0)
			done = 0;
	}
	return (done);
}

static void
nap(int64_t ns)
{
	const struct timespec ts = {.tv_nsec = (long)ns};

	(void)nanosleep(&ts, NULL);
}

static int
wait_services(const struct cmdline *cl, const char *dir, const char *verb)
{
	int64_t limit = (cl->timeout >= 0) ? cl->timeout : WAIT_TIME;
	int64_t deadline = dw_clock() + limit;
	json_t *answer;
	int done;

	for (;;) {
		answer = ask(dir, client_request("status", cl->names));
		if (answer == NULL) {
			complain_reason(dir, errno);
			return (1);
		}
		done = is_ok(answer) ? is_done(answer, verb) : -1;
		if (done == 1) {
			json_decref(answer);
			return (0);
		}
		if (done == -1 || dw_clock() >= deadline) {
			fprintf(stderr, "daemonwatch: %s: %s\n", verb,
			    (done == -1) ? "failed" : "not done in time");
			status_print(json_object_get(answer, "services"));
			json_decref(answer);
			return (1);
		}
		json_decref(answer);
		nap(WAIT_PACE);
	}
}

/* Whom it concerns besides those named. */
static void
say_also(const json_t *answer, const char *key, const char *text)
{
	const json_t *list = json_object_get(answer, key), *item;
	char clean[256];
	size_t i;

	json_array_foreach(list, i, item) {
		const char *name = json_string_value(item);

		status_text((name != NULL) ? name : "?", clean, sizeof(clean));
		if (i == 0)
			printf("%s:", text);
		printf(" %s", clean);
	}
	if (json_array_size(list) > 0)
		putchar('\n');
}

static void
say_concerned(const json_t *answer, const char *verb)
{
	say_also(answer, "also_started", "also started, being required");
	say_also(answer, "also_stopped",
	    (strcmp(verb, "stop") == 0) ?
		"also stopped, requiring what is stopped" :
		"also restarted, requiring what is restarted");
	say_also(answer, "ignored",
	    (strcmp(verb, "pause") == 0) ? "nothing to pause, being stopped" :
					   "not paused");
	fflush(stdout);
}

static int
steer_named(const struct cmdline *cl, const char *verb)
{
	if (cl->nnames > 0)
		return (cmd_steer(cl, verb));
	fprintf(stderr, "daemonwatch: %s: which service?\n", verb);
	return (EX_VERB_USAGE);
}

int
cmd_pause(const struct cmdline *cl)
{
	return (steer_named(cl, "pause"));
}

int
cmd_resume(const struct cmdline *cl)
{
	return (steer_named(cl, "resume"));
}

static json_t *
make_request(const struct cmdline *cl, const char *verb)
{
	json_t *request = client_request(verb, cl->names);

	if (request != NULL && cl->pause > 0)
		json_object_set_new(
		    request, "for_ms", json_integer(cl->pause / DW_MS));
	return (request);
}

int
cmd_steer(const struct cmdline *cl, const char *verb)
{
	char *dir = cmd_runtime_dir(cl);
	json_t *answer;
	int status = 1;

	if (dir == NULL)
		return (1);
	answer = ask(dir, make_request(cl, verb));
	if (answer == NULL)
		complain_reason(dir, errno);
	else if (is_ok(answer)) {
		say_concerned(answer, verb);
		status = cl->wait ? wait_services(cl, dir, verb) : 0;
	}
	json_decref(answer);
	free(dir);
	return (status);
}
