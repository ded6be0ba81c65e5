/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Making a service for a test, and writing out what it does.  The rules it
 * has to follow are in service_shadow.c.
 */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service_model.h"

#define NITEMS(a) (sizeof(a) / sizeof((a)[0]))

static char word[] = "x";
static char *argv[] = {word, NULL};
static char port_name[] = "port", web_name[] = "web", name[] = "service";
static char pattern[] = "x";

const char *
model_rule_name(enum model_rule rule)
{
	static const char *const names[] = {
	    [RULE_DEFAULT] = "not process or port.failed or web.failed",
	    [RULE_BOTH] = "not process and not port",
	    [RULE_BOTH_FAILED] = "not process and port.failed",
	    [RULE_PORT] = "port.failed",
	    [RULE_NOT_PORT] = "not port",
	    [RULE_PROCESS] = "not process",
	    [RULE_NOT_READY] = "not ready",
	    [RULE_ODD] = "process and port",
	};

	return (names[rule]);
}

bool
model_is_slow(void)
{
	return (getenv("VALGRIND") != NULL);
}

static void
push(struct model *m, enum cond_op op, uint16_t arg)
{
	m->items[m->conf.restart_when.len++] = (struct cond_item) {
	    .op = (uint8_t)op,
	    .arg = arg,
	};
}

static void
make_rule(struct model *m)
{
	switch (m->rule) {
	case RULE_DEFAULT:
		push(m, COND_PROCESS, 0);
		push(m, COND_NOT, 0);
		for (size_t i = 0; i < m->conf.nchecks; i++) {
			push(m, COND_FAILED, (uint16_t)i);
			push(m, COND_OR, 0);
		}
		break;
	case RULE_BOTH:
	case RULE_BOTH_FAILED:
		push(m, COND_PROCESS, 0);
		push(m, COND_NOT, 0);
		push(m, (m->rule == RULE_BOTH) ? COND_CHECK : COND_FAILED, 0);
		if (m->rule == RULE_BOTH)
			push(m, COND_NOT, 0);
		push(m, COND_AND, 0);
		break;
	case RULE_PORT:
		push(m, COND_FAILED, 0);
		break;
	case RULE_NOT_PORT:
		push(m, COND_CHECK, 0);
		push(m, COND_NOT, 0);
		break;
	case RULE_PROCESS:
		push(m, COND_PROCESS, 0);
		push(m, COND_NOT, 0);
		break;
	case RULE_NOT_READY:
		push(m, COND_READY, 0);
		push(m, COND_NOT, 0);
		break;
	case RULE_ODD:
		push(m, COND_PROCESS, 0);
		push(m, COND_CHECK, 0);
		push(m, COND_AND, 0);
		break;
	}
}

void
model_init(struct model *m, const struct model_conf *conf)
{
	struct service_conf *c = &m->conf;

	memset(m, 0, sizeof(*m));
	m->rule = conf->rule;
	c->name = name;
	c->type = conf->type;
	if (c->type == SERVICE_DETACHED)
		c->match = pattern;
	c->count_min = (conf->count_min != 0) ? conf->count_min : 1;
	c->count_max = (conf->count_max != 0) ? conf->count_max : COUNT_MAX;
	c->count_set = conf->count_set;
	c->start.argv = argv;
	c->before_start.argv = c->after_stop.argv = conf->hooks ? argv : NULL;
	c->after_start.argv = conf->post ? argv : NULL;
	c->stop.argv = conf->stop ? argv : NULL;
	c->interval = MODEL_INTERVAL;
	c->start_timeout = MODEL_START;
	c->stop_timeout = MODEL_STOP;
	c->hook_timeout = MODEL_HOOK;
	c->backoff_min = MODEL_BACKOFF;
	c->backoff_max = MODEL_BACKOFF_MAX;
	c->stable = MODEL_STABLE;
	c->give_up = conf->give_up;
	c->give_up_within = MODEL_WITHIN;
	c->hold = conf->hold ? MODEL_HOLD : 0;
	c->ready = conf->ready;
	c->ready_delay = MODEL_READY;
	c->stop_steps[0] = (struct stop_step) {SIGTERM, MODEL_STOP};
	c->stop_steps[1] = (struct stop_step) {SIGKILL, 0};
	c->nstop_steps = 2;
	if (conf->sequence) {
		c->stop_steps[0].signo = SIGINT;
		c->stop_steps[1] = (struct stop_step) {SIGTERM, MODEL_HOOK};
		c->stop_steps[2] = (struct stop_step) {SIGKILL, 0};
		c->nstop_steps = 3;
	}
	c->restart = conf->restart;
	c->success_exit.codes[0] = 1;
	if (conf->ends) {
		c->restart_on.codes[0] = 1u << 4;
		c->no_restart_on.codes[0] = 1u << 3;
	}
	c->start_timeout_fails = conf->late_fails;
	m->shadow.status = DW_STATUS_NONE;
	c->checks = m->checks_conf;
	c->nchecks = conf->nchecks;
	for (size_t i = 0; i < c->nchecks; i++) {
		c->checks[i].name = (i == 0) ? port_name : web_name;
		c->checks[i].fall = (conf->fall != 0) ? conf->fall : 1;
		c->checks[i].rise = (conf->rise != 0) ? conf->rise : 1;
	}
	if (conf->when) {
		m->warn_items[0].op = COND_PROCESS;
		m->warn_items[1].op = COND_CHECK;
		m->warn_items[2].op = COND_NOT;
		m->warn_items[3].op = COND_AND;
		c->warn_when = (struct cond) {4, m->warn_items};
		m->up_items[0].op = COND_READY;
		m->up_items[1].op = COND_CHECK;
		m->up_items[2].op = COND_AND;
		c->up_when = (struct cond) {3, m->up_items};
	}
	c->restart_when.items = m->items;
	make_rule(m);
	for (size_t i = 0; i < MODEL_CHECKS; i++)
		m->shadow.checks[i].answer = UNKNOWN;
	service_init(&m->sv, c, m->checks, m->answers, m->failed, m->tries);
}

static const char *
signal_name(int signo)
{
	switch (signo) {
	case SIGINT:
		return ("INT");
	case SIGTERM:
		return ("TERM");
	case SIGKILL:
		return ("KILL");
	default:
		return ("?");
	}
}

static void
action(const struct service_action *a, char *buf, size_t len)
{
	switch (a->kind) {
	case SA_SPAWN:
		snprintf(buf, len, "spawn");
		break;
	case SA_RUN:
		snprintf(buf, len, "run:%s", service_command_name(a->command));
		break;
	case SA_KILL_CMD:
		snprintf(buf, len, "kill-cmd:%s", signal_name(a->signo));
		break;
	case SA_DROP_CMD:
		snprintf(buf, len, "drop-cmd");
		break;
	case SA_SIGNAL:
		snprintf(buf, len, "signal:%s", signal_name(a->signo));
		break;
	case SA_SCAN:
		snprintf(buf, len, "scan");
		break;
	case SA_CHECK:
		snprintf(buf, len, "check");
		break;
	case SA_CHANGED:
		snprintf(buf, len, ">%s", service_state_name(a->to));
		break;
	case SA_NOTE:
		snprintf(buf, len, "note");
		break;
	}
}

const char *
model_actions(const struct service_actions *out, char *buf, size_t len)
{
	char one[64];
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < out->n && used < len; i++) {
		action(&out->a[i], one, sizeof(one));
		used += (size_t)snprintf(
		    buf + used, len - used, "%s%s", (i > 0) ? " " : "", one);
	}
	return (buf);
}

const char *
model_event(const struct service_event *ev, char *buf, size_t len)
{
	static const char *const names[] = {
	    [SE_START] = "START",
	    [SE_STOP] = "STOP",
	    [SE_RESTART] = "RESTART",
	    [SE_TIMER] = "TIMER",
	    [SE_SPAWNED] = "SPAWNED",
	    [SE_SPAWN_FAILED] = "SPAWN_FAILED",
	    [SE_ADOPTED] = "ADOPTED",
	    [SE_EXITED] = "EXITED",
	    [SE_PROCS] = "PROCS",
	    [SE_CMD_DONE] = "CMD_DONE",
	    [SE_CHECK] = "CHECK",
	    [SE_READY] = "READY",
	    [SE_ORDER] = "ORDER",
	    [SE_YIELD] = "YIELD",
	    [SE_PAUSE] = "PAUSE",
	    [SE_RESUME] = "RESUME",
	};
	static const char *const truths[] = {
	    [NO] = "NO", [YES] = "YES", [UNKNOWN] = "UNKNOWN"};

	_Static_assert(NITEMS(names) == SE_NKINDS, "a name for each event");
	switch (ev->kind) {
	case SE_EXITED:
		snprintf(buf, len, "EXITED %x", (unsigned)ev->status);
		break;
	case SE_PROCS:
		snprintf(buf, len, "PROCS %u%s", ev->count,
		    (ev->text != NULL) ? " lost" : "");
		break;
	case SE_CMD_DONE:
		snprintf(buf, len, "CMD_DONE %s", ev->ok ? "ok" : "failed");
		break;
	case SE_CHECK:
		snprintf(
		    buf, len, "CHECK %zu %s", ev->check, truths[ev->answer]);
		break;
	case SE_ORDER:
		snprintf(buf, len, "ORDER%s%s", ev->hold ? " hold" : "",
		    ev->needed ? " needed" : "");
		break;
	default:
		snprintf(buf, len, "%s", names[ev->kind]);
		break;
	}
	return (buf);
}

const char *
model_state(const struct model *m, char *buf, size_t len)
{
	const struct service *sv = &m->sv;

	snprintf(buf, len, "%s%s%s", service_state_name(sv->state),
	    (sv->phase != PH_NONE) ? "/" : "", service_phase_name(sv->phase));
	return (buf);
}
