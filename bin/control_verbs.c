/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What the requests of the control socket do:
 *	{"version":1,"verb":"status"|"start"|"stop"|"restart"|"pause"|"resume",
 *	 "services":["name or glob", ...], "for_ms":n (pause)}
 *	{"version":1,"verb":"shutdown","keep":true|false}
 * Answers have "version" and "ok"; with "ok":false an "error" in words.  Of
 * start, stop and restart they name in "also_started" and "also_stopped" whom
 * that concerned besides, of pause and resume in "ignored" who was not running
 * or not paused.
 */
#include "config.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control_int.h"

json_t *
control_error(const char *fmt, ...)
{
	char text[512];
	va_list ap;
	json_t *s;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* A name may have been cut in the middle of a character. */
	s = json_string(text);
	if (s == NULL)
		s = json_string("bad request");
	return (json_pack("{s:i, s:b, s:o}", "version", CONTROL_VERSION, "ok",
	    0, "error", s));
}

/* Text that any program or peer may have had a hand in. */
static json_t *
text_json(const char *text)
{
	char clean[SERVICE_TEXT];
	size_t i;
	json_t *s = json_string(text);

	if (s != NULL)
		return (s);
	for (i = 0; i < sizeof(clean) - 1 && text[i] != '\0'; i++)
		clean[i] = ((unsigned char)text[i] < 0x80) ? text[i] : '?';
	clean[i] = '\0';
	return (json_string(clean));
}

static json_t *
time_json(const struct timespec *ts)
{
	char buf[96], zone[8];
	struct tm tm;

	if (localtime_r(&ts->tv_sec, &tm) == NULL ||
	    strftime(buf, sizeof(buf), "%Y-%m-%dT%H:%M:%S", &tm) == 0 ||
	    strftime(zone, sizeof(zone), "%z", &tm) != 5)
		return (json_null());
	/* RFC 3339: +01:00 where strftime has +0100 */
	snprintf(buf + strlen(buf), sizeof(buf) - strlen(buf),
	    ".%03ld%.3s:%.2s", ts->tv_nsec / 1000000, zone, zone + 3);
	return (json_string(buf));
}

static json_t *
check_json(const struct unit *u, size_t i)
{
	const struct unit_check *c = &u->checks[i];
	const char *state = "unknown";
	json_t *latency = json_null();

	if (u->sv.failed[i])
		state = "failed";
	else if (u->sv.answers[i] == YES)
		state = c->degraded ? "degraded" : "ok";
	if (c->asked && c->outcome == DW_PROBE_OK)
		latency = json_real((double)c->latency / 1e6);
	return (json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:I}", "name",
	    c->conf->name, "kind", check_kind_name(c->conf->kind), "state",
	    state, "text", text_json(c->asked ? c->text : ""), "metrics",
	    (c->metrics != NULL) ? text_json(c->metrics) : json_null(),
	    "latency_ms", latency, "failures",
	    (json_int_t)u->sv.checks[i].fails));
}

static int
add_pid(const struct dw_proc_id *id, void *arg)
{
	return (json_array_append_new(arg, json_integer(id->pid)));
}

/* What it says of itself; NULL: nothing. */
static json_t *
said_json(const struct unit *u)
{
	if (u->notify == NULL || u->notify->status[0] == '\0')
		return (NULL);
	return (text_json(u->notify->status));
}

/* A time of the monotonic clock, by the one for people; null: never. */
static json_t *
at_json(const struct supervisor *sup, int64_t at)
{
	struct timespec ts;
	int64_t ns;

	if (at == SERVICE_NEVER || clock_gettime(CLOCK_REALTIME, &ts) == -1)
		return (json_null());
	ns = ts.tv_nsec + at - dw_loop_now(sup->loop);
	ts.tv_sec += (time_t)(ns / DW_SEC);
	ts.tv_nsec = (long)(ns % DW_SEC);
	if (ts.tv_nsec < 0) {
		ts.tv_nsec += DW_SEC;
		ts.tv_sec--;
	}
	return (time_json(&ts));
}

static json_t *
service_json(const struct unit *u)
{
	json_t *pids = json_array(), *checks = json_array();
	int64_t age = (dw_loop_now(u->sup->loop) - u->sv.since) / DW_MS;
	const struct service *sv = &u->sv;

	for (size_t i = 0; i < u->nchecks; i++)
		json_array_append_new(checks, check_json(u, i));
	(void)unit_pids(u, add_pid, pids);
	return (json_pack("{s:s, s:s, s:s, s:s, s:b, s:o, s:I, s:o, s:I, "
			  "s:o, s:o, s:o*, s:b, s:o, s:b}",
	    "name", u->conf->name, "type",
	    (u->conf->type == SERVICE_CHILD) ? "child" : "detached", "state",
	    service_state_name(u->sv.state), "phase",
	    service_phase_name(u->sv.phase), "wanted", (int)u->sv.want, "since",
	    time_json(&u->since), "since_ms", (json_int_t)age, "pids", pids,
	    "restarts", (json_int_t)u->sv.restarts, "cause",
	    text_json(u->sv.cause), "checks", checks, "status", said_json(u),
	    "finished", (int)sv->finished, "paused_until",
	    (sv->state == SV_PAUSED) ? at_json(u->sup, sv->pause_until) :
				       json_null(),
	    "warning", (int)sv->warned));
}

/* By its name, a pattern for it, or the name of what it is an instance of. */
static bool
matches(const char *pattern, const struct service_conf *conf)
{
	if (fnmatch(pattern, conf->name, 0) == 0)
		return (true);
	return (conf->instance_of != NULL &&
	    strcmp(pattern, conf->instance_of) == 0);
}

static bool
is_named(const json_t *names, const struct service_conf *conf)
{
	const json_t *item;
	size_t i;

	if (!json_is_array(names))
		return (true);
	json_array_foreach(names, i, item)
		if (matches(json_string_value(item), conf))
			return (true);
	return (false);
}

static json_t *
do_status(struct supervisor *sup, const json_t *names)
{
	json_t *services = json_array();

	for (size_t i = 0; i < sup->nunits; i++)
		if (is_named(names, sup->units[i]->conf))
			json_array_append_new(
			    services, service_json(sup->units[i]));
	return (json_pack("{s:i, s:b, s:I, s:s, s:o}", "version",
	    CONTROL_VERSION, "ok", 1, "pid", (json_int_t)getpid(), "poller",
	    dw_loop_poller(sup->loop), "services", services));
}

/* The names of those to whom the wish is this. */
static json_t *
steered(
    const struct supervisor *sup, const enum steer *steers, enum steer which)
{
	json_t *list = json_array();

	for (size_t i = 0; i < sup->nunits; i++)
		if (steers[i] == which)
			json_array_append_new(
			    list, json_string(sup->units[i]->conf->name));
	return (list);
}

/* "for_ms", if it is there. */
static int
get_delay(const json_t *req, int64_t *delay)
{
	const json_t *ms = json_object_get(req, "for_ms");

	if (ms == NULL || json_is_null(ms))
		return (0);
	if (!json_is_integer(ms) || json_integer_value(ms) <= 0 ||
	    json_integer_value(ms) > CONFIG_DURATION_MAX / DW_MS)
		return (-1);
	*delay = json_integer_value(ms) * DW_MS;
	return (0);
}

static json_t *
do_steer(struct supervisor *sup, const json_t *req, const json_t *names,
    enum service_event_kind kind)
{
	struct service_event ev = {.kind = kind};
	enum steer *steers;
	json_t *answer;

	if (!json_is_array(names) || json_array_size(names) == 0)
		return (control_error("which service?"));
	if (sup->stopping && kind != SE_STOP)
		return (control_error("daemonwatch is being stopped"));
	if (kind == SE_PAUSE && get_delay(req, &ev.delay) == -1)
		return (control_error("for_ms: not a time above 0"));
	steers = calloc(sup->nunits + 1, sizeof(*steers));
	if (steers == NULL)
		return (control_error("%s", strerror(errno)));
	for (size_t i = 0; i < sup->nunits; i++)
		if (is_named(names, sup->units[i]->conf))
			steers[i] = STEER_NAMED;
	if (supervisor_steer(sup, &ev, steers) == -1)
		answer = control_error("%s", strerror(errno));
	else
		answer = json_pack("{s:i, s:b, s:o, s:o, s:o, s:o}", "version",
		    CONTROL_VERSION, "ok", 1, "services",
		    steered(sup, steers, STEER_NAMED), "also_started",
		    steered(sup, steers, STEER_STARTED), "also_stopped",
		    steered(sup, steers, STEER_YIELDS), "ignored",
		    steered(sup, steers, STEER_IGNORED));
	free(steers);
	return (answer);
}

static json_t *
do_shutdown(struct supervisor *sup, const json_t *req)
{
	const json_t *keep = json_object_get(req, "keep");

	supervisor_stop(sup, json_is_true(keep), "asked to stop");
	return (json_pack("{s:i, s:b, s:I}", "version", CONTROL_VERSION, "ok",
	    1, "pid", (json_int_t)getpid()));
}

/* Each name or glob must be a string and mean something. */
static json_t *
check_names(struct supervisor *sup, const json_t *names)
{
	const json_t *item;
	size_t i, j;

	if (names == NULL || json_is_null(names))
		return (NULL);
	if (!json_is_array(names))
		return (control_error("services: not a list"));
	json_array_foreach(names, i, item) {
		if (!json_is_string(item))
			return (control_error("services: not a name"));
		for (j = 0; j < sup->nunits; j++)
			if (matches(
				json_string_value(item), sup->units[j]->conf))
				break;
		if (j == sup->nunits)
			return (control_error("no such service: %.100s",
			    json_string_value(item)));
	}
	return (NULL);
}

json_t *
control_do(struct supervisor *sup, const json_t *req)
{
	static const struct {
		const char *verb;
		enum service_event_kind kind;
	} steer[] = {
	    {"start", SE_START},
	    {"stop", SE_STOP},
	    {"restart", SE_RESTART},
	    {"pause", SE_PAUSE},
	    {"resume", SE_RESUME},
	};
	const json_t *names = json_object_get(req, "services");
	const char *verb = json_string_value(json_object_get(req, "verb"));
	json_t *error;

	if (json_integer_value(json_object_get(req, "version")) !=
	    CONTROL_VERSION)
		return (control_error(
		    "this daemonwatch speaks version %d", CONTROL_VERSION));
	if (verb == NULL)
		return (control_error("no verb"));
	if ((error = check_names(sup, names)) != NULL)
		return (error);
	if (strcmp(verb, "status") == 0)
		return (do_status(sup, names));
	if (strcmp(verb, "shutdown") == 0)
		return (do_shutdown(sup, req));
	for (size_t i = 0; i < sizeof(steer) / sizeof(steer[0]); i++)
		if (strcmp(verb, steer[i].verb) == 0)
			return (do_steer(sup, req, names, steer[i].kind));
	return (control_error("no such verb: %.100s", verb));
}
