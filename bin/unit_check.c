/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Having a service's checks asked when its state wants them asked.  What an
 * answer means is the state machine's to say.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert.h"
#include "supervisor.h"

/* Quick: 20 ms, 40 ms … 1 s between an answer and the next question. */
#define QUICK_MIN (20 * DW_MS)
#define QUICK_MAX (1 * DW_SEC)

static const struct check_way *const ways[CHECK_KINDS] = {
    [CHECK_TCP] = &check_way_net,
    [CHECK_UNIX] = &check_way_net,
    [CHECK_UDP] = &check_way_net,
    [CHECK_LISTEN] = &check_way_listen,
    [CHECK_EXEC] = &check_way_exec,
    [CHECK_PROCESS] = &check_way_process,
    [CHECK_FILE] = &check_way_exec,
    [CHECK_SPACE] = &check_way_exec,
    [CHECK_HEARTBEAT] = &check_way_beat,
    [CHECK_HTTP] = &check_way_web,
};

static const struct check_way *
way(const struct unit_check *c)
{
	return (c->conf->tls ? &check_way_web : ways[c->conf->kind]);
}

/* Not as it should be, but no reason for a restart: people are told. */
static void
tell_degraded(struct unit_check *c, bool degraded)
{
	struct unit *u = c->unit;

	if (degraded == c->degraded || c->outcome == DW_PROBE_UNKNOWN)
		return;
	c->degraded = degraded;
	if (c->outcome == DW_PROBE_FAILED)
		return; /* worse, which the state machine says */
	dw_log(u->sup->log, degraded ? DW_LOG_WARNING : DW_LOG_NOTICE,
	    "%s: %s: %s: %s", u->conf->name, c->conf->name,
	    degraded ? "degraded" : "no longer degraded", c->text);
	if (degraded) {
		char cause[SERVICE_TEXT];

		snprintf(
		    cause, sizeof(cause), "%s: %s", c->conf->name, c->text);
		alerts_tell(u->sup->alerts, u->conf->name, ALERT_DEGRADED,
		    service_state_name(u->sv.state), cause);
	}
}

void
unit_check_answered(
    struct unit_check *c, const struct dw_probe_result *result, bool degraded)
{
	struct unit *u = c->unit;
	struct service_event ev = {
	    .kind = SE_CHECK,
	    .check = (size_t)(c - u->checks),
	    .answer = UNKNOWN,
	    .text = c->text,
	};

	c->asking = false;
	c->asked = true;
	c->outcome = result->outcome;
	c->latency = result->latency;
	memcpy(c->text, result->text, sizeof(c->text));
	c->text[sizeof(c->text) - 1] = '\0';
	if (result->outcome == DW_PROBE_UNKNOWN && !c->unclear && way(c)->alone)
		dw_log(u->sup->log, DW_LOG_WARNING, "%s: %s: unknown: %s",
		    u->conf->name, c->conf->name, c->text);
	c->unclear = result->outcome == DW_PROBE_UNKNOWN;
	tell_degraded(c, degraded);
	if (result->outcome == DW_PROBE_OK)
		ev.answer = YES;
	else if (result->outcome == DW_PROBE_FAILED)
		ev.answer = NO;
	unit_step(u, &ev);
}

static void
ask(struct unit_check *c)
{
	struct unit *u = c->unit;

	if (c->asking)
		way(c)->cancel(c);
	dw_timer_stop(&c->timer);
	c->asking = true;
	c->asked_at = dw_loop_now(u->sup->loop);
	if (way(c)->ask(c) == -1)
		c->asking = false; /* the pace asks again */
}

static void
ask_again(struct dw_timer *timer)
{
	struct unit_check *c = timer->arg;

	ask(c);
	unit_checks_pace(c->unit);
}

static void
forget(struct unit_check *c)
{
	/* Of a unit that could not be made not all are. */
	if (c->conf != NULL && c->net != NULL && way(c)->forget != NULL)
		way(c)->forget(c);
}

int
unit_checks_init(struct unit *u)
{
	char why[256] = "";

	u->nchecks = u->conf->nchecks;
	if (u->nchecks == 0)
		return (0);
	u->checks = calloc(u->nchecks, sizeof(*u->checks));
	if (u->checks == NULL)
		return (-1);
	for (size_t i = 0; i < u->nchecks; i++) {
		struct unit_check *c = &u->checks[i];

		c->unit = u;
		c->conf = &u->conf->checks[i];
		c->timer.cb = ask_again;
		c->timer.arg = c;
		c->quick = QUICK_MIN;
		if (way(c)->init(c, why, sizeof(why)) == -1) {
			int error = errno;

			dw_log(u->sup->log, DW_LOG_ERROR, "%s: %s: %s",
			    u->conf->name, c->conf->name,
			    (why[0] != '\0') ? why : strerror(error));
			errno = error;
			return (-1);
		}
	}
	return (0);
}

void
unit_checks_stop(struct unit *u)
{
	for (size_t i = 0; u->checks != NULL && i < u->nchecks; i++) {
		struct unit_check *c = &u->checks[i];

		if (c->asking)
			way(c)->cancel(c);
		forget(c);
		c->asking = false;
		c->quick = QUICK_MIN;
		dw_timer_stop(&c->timer);
	}
}

bool
unit_checks_run(const struct unit *u, pid_t pid)
{
	for (size_t i = 0; i < u->nchecks; i++)
		if (way(&u->checks[i]) == &check_way_exec &&
		    unit_check_exec_runs(&u->checks[i], pid))
			return (true);
	return (false);
}

void
unit_checks_free(struct unit *u)
{
	for (size_t i = 0; u->checks != NULL && i < u->nchecks; i++) {
		if (u->checks[i].conf != NULL)
			way(&u->checks[i])->free(&u->checks[i]);
		free(u->checks[i].metrics);
	}
	free(u->checks);
	u->checks = NULL;
}

void
unit_checks_ask(struct unit *u)
{
	for (size_t i = 0; i < u->nchecks; i++) {
		u->checks[i].quick = QUICK_MIN;
		u->checks[i].asked = false;
		forget(&u->checks[i]);
		ask(&u->checks[i]);
	}
}

/*
 * When to ask next.  The first regular interval is shortened at random, so
 * that checks which began together do not stay together.
 */
static int64_t
next_time(struct unit_check *c, enum service_pace pace)
{
	struct supervisor *sup = c->unit->sup;
	int64_t now = dw_loop_now(sup->loop), interval = c->conf->interval;
	int64_t delay = c->quick;

	if (pace == PACE_QUICK) {
		c->quick =
		    (c->quick * 2 < QUICK_MAX) ? c->quick * 2 : QUICK_MAX;
		return (now + ((delay < interval) ? delay : interval));
	}
	if (c->quick != 0) {
		c->quick = 0;
		return (now + interval / 2 +
		    (int64_t)(supervisor_random(sup) % 1024) * (interval / 2) /
			1024);
	}
	return (c->asked_at + interval);
}

void
unit_checks_pace(struct unit *u)
{
	enum service_pace pace = service_wants_checks(&u->sv);

	if (pace == PACE_NONE) {
		unit_checks_stop(u);
		return;
	}
	for (size_t i = 0; i < u->nchecks; i++) {
		struct unit_check *c = &u->checks[i];

		if (!c->asking && !dw_timer_active(&c->timer))
			dw_timer_at(
			    u->sup->loop, &c->timer, next_time(c, pace));
	}
}
