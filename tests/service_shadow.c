/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The rules that a service's state machine must follow in each step, told
 * from what can be seen of it.  Counting of answers and the restart rule are
 * written here a second time on purpose, from the manual and not from the
 * machine.
 */
#include "config.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "service_shadow.h"

#define BIT(n) (1u << (n))

int
shadow_broke(struct model *m, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(m->why, sizeof(m->why), fmt, ap);
	va_end(ap);
	return (-1);
}

bool
shadow_is_watched(const struct service *sv)
{
	return (sv->state == SV_UP || sv->state == SV_FAILING);
}

/* What the manual says of an end. */
static enum service_outcome
verdict(const struct model *m)
{
	int status = m->shadow.status;
	bool well = (status == MODEL_EXIT(0));

	if (m->conf.no_restart_on.codes[0] != 0 && status == MODEL_EXIT(3))
		return (OUT_FAILED);
	if (m->conf.restart_on.codes[0] != 0 && status == MODEL_EXIT(4))
		return (OUT_AGAIN);
	switch (m->conf.restart) {
	case RESTART_ALWAYS:
		return (OUT_AGAIN);
	case RESTART_ON_FAILURE:
		return (well ? OUT_DONE : OUT_AGAIN);
	default:
		return (well ? OUT_DONE : OUT_FAILED);
	}
}

/* And of a start that failed in another way than by the service's end. */
enum service_outcome
shadow_verdict_on_start(const struct model *m, bool late)
{
	if (m->conf.restart == RESTART_NEVER)
		return (OUT_FAILED);
	return (late && m->conf.start_timeout_fails ? OUT_FAILED : OUT_AGAIN);
}

/* One that lives is left alone if nobody would start it again. */
bool
shadow_is_spared(const struct model *m, enum truth process)
{
	return (process == YES && m->conf.restart == RESTART_NEVER);
}

bool
shadow_is_operator(const struct service_event *ev)
{
	return (ev->kind == SE_START || ev->kind == SE_STOP ||
	    ev->kind == SE_RESTART || ev->kind == SE_PAUSE ||
	    ev->kind == SE_RESUME);
}

/* Does this end a pause by going on? */
bool
shadow_is_resumed(const struct service *sv, const struct service_event *ev)
{
	return (sv->state == SV_PAUSED &&
	    (ev->kind == SE_RESUME || ev->kind == SE_START ||
		(ev->kind == SE_TIMER && ev->now >= sv->deadline)));
}

bool
shadow_is_idle(const struct model *m, const struct service_event *ev)
{
	const struct service *sv = &m->sv;
	bool child = (m->conf.type == SERVICE_CHILD);

	switch (ev->kind) {
	case SE_TIMER:
		return (ev->now < sv->deadline);
	case SE_SPAWNED:
	case SE_SPAWN_FAILED:
		return (!m->shadow.spawning);
	case SE_ADOPTED:
		return (sv->state != SV_STOPPED || !child);
	case SE_EXITED:
		return (!m->shadow.live);
	case SE_PROCS:
		return (child);
	case SE_CMD_DONE:
		return (!m->shadow.cmd);
	case SE_CHECK:
		return (ev->check >= m->conf.nchecks || ev->answer == UNKNOWN ||
		    service_wants_checks(sv) == PACE_NONE);
	case SE_READY:
		return (m->shadow.told || sv->state != SV_STARTING ||
		    (sv->phase != PH_COMMAND && sv->phase != PH_READY) ||
		    !service_is_told(m->conf.ready));
	case SE_PAUSE:
		return (
		    (!m->shadow.wish && (sv->state != SV_STOPPED || !ev->ok)) ||
		    (sv->state == SV_FAILED && service_is_over(sv)));
	case SE_RESUME:
		return (sv->state != SV_PAUSED && !m->shadow.pausing);
	case SE_YIELD:
		return (sv->state != SV_STARTING && !shadow_is_watched(sv));
	case SE_NKINDS:
		return (true);
	default:
		return (false);
	}
}

static enum truth
process_after(const struct model *m, const struct service_event *ev)
{
	const struct service_conf *conf = &m->conf;

	if (conf->type == SERVICE_CHILD)
		return (m->shadow.live ? YES : NO);
	if (ev->kind != SE_PROCS && !m->sv.counted)
		return (UNKNOWN);
	return (m->shadow.count >= conf->count_min &&
		    m->shadow.count <= conf->count_max ?
		YES :
		NO);
}

enum truth
shadow_negation(enum truth t)
{
	return (t == UNKNOWN ? UNKNOWN : (t == YES ? NO : YES));
}

static enum truth
either(enum truth a, enum truth b)
{
	if (a == YES || b == YES)
		return (YES);
	return (a == UNKNOWN || b == UNKNOWN ? UNKNOWN : NO);
}

enum truth
shadow_both(enum truth a, enum truth b)
{
	return (
	    shadow_negation(either(shadow_negation(a), shadow_negation(b))));
}

/* Of a check that was asked in vain, or of a process that lives: NO. */
static enum truth
failed_for(const struct shadow_check *c, enum truth process)
{
	if (c->failed)
		return (YES);
	return (process == YES || c->row > 0 || c->ok_row > 0 ? NO : UNKNOWN);
}

static enum truth
rule_says(const struct model *m, enum truth process)
{
	const struct shadow_check *c = m->shadow.checks;
	enum truth gone = shadow_negation(process);
	enum truth port_failed = failed_for(&c[0], process);
	enum truth web_failed = failed_for(&c[1], process);

	switch (m->rule) {
	case RULE_DEFAULT:
		return (either(gone, either(port_failed, web_failed)));
	case RULE_BOTH:
		return (shadow_both(gone, shadow_negation(c[0].answer)));
	case RULE_BOTH_FAILED:
		return (shadow_both(gone, port_failed));
	case RULE_PORT:
		return (port_failed);
	case RULE_NOT_PORT:
		return (shadow_negation(c[0].answer));
	case RULE_PROCESS:
		return (gone);
	case RULE_NOT_READY:
		/* Nothing that is gone is ready. */
		if (process == UNKNOWN)
			return (m->sv.ready ? NO : YES);
		return (process == YES && shadow_is_watched(&m->sv) ? NO : YES);
	case RULE_ODD:
		/* No hurry to decide what only asks for trouble. */
		if (process != YES && failed_for(&c[0], process) == UNKNOWN)
			return (UNKNOWN);
		return (shadow_both(process, c[0].answer));
	}
	return (UNKNOWN);
}

void
shadow_forget_answers(struct shadow *sh)
{
	for (size_t i = 0; i < MODEL_CHECKS; i++)
		sh->checks[i] = (struct shadow_check) {.answer = UNKNOWN};
}

/* An answer that is asked for: does it count? */
static void
answered(struct view *v)
{
	struct model *m = v->m;
	struct shadow_check *c = &m->shadow.checks[v->ev->check];
	const struct check_conf *conf = &m->conf.checks[v->ev->check];

	if (v->ev->answer == YES) {
		c->ok = true;
		if (++c->ok_row >= conf->rise) {
			c->failed = false;
			c->answer = YES;
		}
		if (!c->failed)
			c->row = 0;
		return;
	}
	c->ok_row = 0;
	if (v->process != YES && m->sv.state != SV_STARTING) {
		c->row = 1;
		c->failed = true;
	} else if (c->ok || v->ev->now - m->sv.started >= MODEL_START) {
		c->row++;
		c->failed = c->failed || c->row >= conf->fall;
	}
	if (c->failed)
		c->answer = NO;
}

static void
asked(struct model *m, bool restart)
{
	struct shadow *sh = &m->shadow;

	sh->wish = true;
	if (!restart &&
	    (m->sv.state == SV_STARTING || shadow_is_watched(&m->sv) ||
		(m->sv.state == SV_PAUSED && m->sv.ran)))
		return;
	sh->asked = true;
	sh->failed = sh->hurried = false;
}

/* Of the service itself, not of an operator's or of others' */
bool
shadow_is_news(const struct service_event *ev)
{
	return (!shadow_is_operator(ev) && ev->kind != SE_TIMER &&
	    ev->kind != SE_ADOPTED && ev->kind != SE_ORDER &&
	    ev->kind != SE_YIELD);
}

/* The event as seen from outside. */
void
shadow_tell(struct view *v)
{
	struct model *m = v->m;
	struct shadow *sh = &m->shadow;
	bool found;

	switch (v->idle ? SE_NKINDS : v->ev->kind) {
	case SE_PAUSE:
		if (m->sv.state == SV_STOPPED)
			sh->verdict = OUT_AGAIN;
		sh->wish = sh->pausing = true;
		break;
	case SE_RESUME:
		sh->pausing = false;
		if (m->sv.state == SV_PAUSED)
			asked(m, false);
		break;
	case SE_START:
	case SE_RESTART:
		sh->pausing = false;
		asked(m, v->ev->kind == SE_RESTART);
		sh->verdict = OUT_AGAIN;
		break;
	case SE_STOP:
		sh->wish = sh->pausing = false;
		sh->verdict = OUT_AGAIN;
		break;
	case SE_TIMER:
		if (m->sv.state == SV_PAUSED)
			asked(m, false);
		if (m->sv.state == SV_FAILED || m->sv.phase == PH_DELAY)
			sh->delayed = true;
		if (m->sv.state == SV_FAILED)
			sh->hurried = false;
		if (sh->delayed)
			sh->failed = false;
		break;
	case SE_SPAWNED:
	case SE_SPAWN_FAILED:
		sh->spawning = false;
		sh->live = (v->ev->kind == SE_SPAWNED);
		break;
	case SE_ADOPTED:
		sh->wish = sh->live = true;
		sh->verdict = OUT_AGAIN;
		sh->status = DW_STATUS_NONE;
		shadow_forget_answers(sh);
		break;
	case SE_EXITED:
		sh->live = false;
		sh->status = v->ev->status;
		if (m->sv.state == SV_STARTING)
			sh->verdict = verdict(m);
		break;
	case SE_PROCS:
		sh->count = v->ev->count;
		if (v->ev->text != NULL)
			sh->status = v->ev->status;
		break;
	case SE_CMD_DONE:
		sh->cmd = false;
		break;
	case SE_READY:
		sh->told = true;
		break;
	case SE_YIELD: /* not its own failure */
		sh->asked = true;
		sh->verdict = OUT_AGAIN;
		break;
	default:
		break;
	}
	v->process = process_after(m, v->ev);
	v->lost = (shadow_is_watched(&m->sv) || m->sv.state == SV_PAUSED) &&
	    m->sv.present && v->process == NO;
	found = !m->sv.present && v->process == YES &&
	    v->ev->kind == SE_PROCS &&
	    (shadow_is_watched(&m->sv) || m->sv.state == SV_WAITING ||
		m->sv.state == SV_PAUSED);
	/* Old answers were about another instance, or none. */
	if (v->lost || found ||
	    (shadow_is_resumed(&m->sv, v->ev) && m->sv.ran &&
		v->process == NO && m->conf.type == SERVICE_CHILD))
		shadow_forget_answers(sh);
	if (v->ev->kind == SE_CHECK && !v->idle)
		answered(v);
	v->rule = rule_says(m, v->process);
	if (found)
		sh->status = DW_STATUS_NONE;
	if (found && m->sv.state == SV_PAUSED)
		sh->failed = sh->delayed = sh->asked = false;
	if (shadow_is_resumed(&m->sv, v->ev) && m->sv.ran && v->process == NO &&
	    v->rule == YES && m->conf.type == SERVICE_CHILD)
		sh->verdict = verdict(m);
	/* One that never ran has not ended; and a check leads to a look. */
	if (shadow_is_watched(&m->sv) && shadow_is_news(v->ev) &&
	    v->rule == YES && v->process != YES && m->sv.ran &&
	    (v->ev->kind != SE_CHECK || m->conf.type == SERVICE_CHILD))
		sh->verdict = verdict(m);
}
