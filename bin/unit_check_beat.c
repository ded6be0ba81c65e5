/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The check that asks nobody: the service has to say of itself, by WATCHDOG=1
 * of sd_notify(3), that it lives.  A question is open until the next word, and
 * the following one is asked at once; so silence is found when the timeout has
 * passed since the last word, and no sooner or later.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "config_parse.h"
#include "supervisor.h"

struct check_beat {
	struct unit_check *check;
	struct dw_timer timer;
	int64_t failed_at; /* 0: not in this run */
};

static void
give(struct unit_check *c, enum dw_probe_outcome outcome, const char *text)
{
	struct dw_probe_result result = {.outcome = outcome};
	int64_t now = dw_loop_now(c->unit->sup->loop);

	dw_timer_stop(&c->beat->timer);
	result.latency = now - c->asked_at;
	snprintf(result.text, sizeof(result.text), "%s", text);
	c->beat->failed_at = (outcome == DW_PROBE_OK) ? 0 : now;
	/* The next question waits for no interval, nor is it spread. */
	if (outcome == DW_PROBE_OK) {
		c->asked_at = now - c->conf->interval;
		c->quick = 0;
	}
	unit_check_answered(c, &result, false);
}

static void
time_over(struct dw_timer *timer)
{
	struct check_beat *b = timer->arg;
	struct unit_check *c = b->check;
	char text[80], when[DURATION_TEXT];

	if (c->unit->notify == NULL) {
		give(c, DW_PROBE_UNKNOWN, "its socket is not open");
		return;
	}
	if (c->unit->notify->ill) {
		c->unit->notify->ill = false;
		give(c, DW_PROBE_FAILED, "it says itself that it is ill");
		return;
	}
	snprintf(text, sizeof(text), "no heartbeat for %s",
	    duration_text(when, c->conf->timeout));
	give(c, DW_PROBE_FAILED, text);
}

static int
beat_init(struct unit_check *c, char *buf, size_t len)
{
	struct check_beat *b = calloc(1, sizeof(*b));

	(void)buf;
	(void)len;
	c->beat = b;
	if (b == NULL)
		return (-1);
	b->check = c;
	b->timer.cb = time_over;
	b->timer.arg = b;
	return (0);
}

static void
beat_free(struct unit_check *c)
{
	if (c->beat == NULL)
		return;
	dw_timer_stop(&c->beat->timer);
	free(c->beat);
}

static int
beat_ask(struct unit_check *c)
{
	struct unit_notify *nt = c->unit->notify;
	struct dw_loop *loop = c->unit->sup->loop;
	int64_t now = dw_loop_now(loop), since = c->beat->failed_at;

	if (nt != NULL && nt->beat > since)
		since = nt->beat;
	if (since == 0)
		since = now;
	if (nt == NULL || nt->ill)
		dw_timer_at(loop, &c->beat->timer, now);
	else
		dw_timer_at(loop, &c->beat->timer, since + c->conf->timeout);
	return (0);
}

static void
beat_cancel(struct unit_check *c)
{
	dw_timer_stop(&c->beat->timer);
}

static void
beat_forget(struct unit_check *c)
{
	c->beat->failed_at = 0;
}

void
unit_beat(struct unit *u, bool ill)
{
	u->notify->beat = dw_loop_now(u->sup->loop);
	u->notify->ill = ill;
	for (size_t i = 0; i < u->nchecks; i++) {
		struct unit_check *c = &u->checks[i];

		if (c->conf->kind != CHECK_HEARTBEAT || !c->asking)
			continue;
		if (ill)
			time_over(&c->beat->timer);
		else
			give(c, DW_PROBE_OK, "heartbeat");
	}
}

int64_t
unit_beat_timeout(const struct unit *u)
{
	int64_t least = 0;

	for (size_t i = 0; i < u->conf->nchecks; i++) {
		const struct check_conf *c = &u->conf->checks[i];

		if (c->kind == CHECK_HEARTBEAT &&
		    (least == 0 || c->timeout < least))
			least = c->timeout;
	}
	return (least);
}

const struct check_way check_way_beat = {
    false, beat_init, beat_free, beat_ask, beat_cancel, beat_forget};
