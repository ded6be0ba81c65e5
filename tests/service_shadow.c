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

#include "service_model.h"

#define BIT(n) (1u << (n))

/* One step, and what was before it. */
struct view {
	struct model *m;
	const struct service_event *ev;
	const struct service_actions *out;
	struct service was;
	struct service_check checks[MODEL_CHECKS];
	enum truth answers[MODEL_CHECKS];
	bool failed[MODEL_CHECKS];
	bool idle;	    /* the event has no meaning now */
	bool lost;	    /* it took away the process */
	enum truth process; /* as the event tells it */
	enum truth rule;    /* restart-when, likewise */
};

static int broke(struct model *m, const char *fmt, ...) DW_PRINTF(2, 3);

static int
broke(struct model *m, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(m->why, sizeof(m->why), fmt, ap);
	va_end(ap);
	return (-1);
}

static bool
is_watched(const struct service *sv)
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
static enum service_outcome
verdict_on_start(const struct model *m, bool late)
{
	if (m->conf.restart == RESTART_NEVER)
		return (OUT_FAILED);
	return (late && m->conf.start_timeout_fails ? OUT_FAILED : OUT_AGAIN);
}

/* One that lives is left alone if nobody would start it again. */
static bool
is_spared(const struct model *m, enum truth process)
{
	return (process == YES && m->conf.restart == RESTART_NEVER);
}

static bool
is_operator(const struct service_event *ev)
{
	return (ev->kind == SE_START || ev->kind == SE_STOP ||
	    ev->kind == SE_RESTART || ev->kind == SE_PAUSE ||
	    ev->kind == SE_RESUME);
}

/* Does this end a pause by going on? */
static bool
is_resumed(const struct service *sv, const struct service_event *ev)
{
	return (sv->state == SV_PAUSED &&
	    (ev->kind == SE_RESUME || ev->kind == SE_START ||
		(ev->kind == SE_TIMER && ev->now >= sv->deadline)));
}

static bool
is_idle(const struct model *m, const struct service_event *ev)
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
		return (sv->state != SV_STARTING && !is_watched(sv));
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

static enum truth
negation(enum truth t)
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

static enum truth
both(enum truth a, enum truth b)
{
	return (negation(either(negation(a), negation(b))));
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
	enum truth gone = negation(process);
	enum truth port_failed = failed_for(&c[0], process);
	enum truth web_failed = failed_for(&c[1], process);

	switch (m->rule) {
	case RULE_DEFAULT:
		return (either(gone, either(port_failed, web_failed)));
	case RULE_BOTH:
		return (both(gone, negation(c[0].answer)));
	case RULE_BOTH_FAILED:
		return (both(gone, port_failed));
	case RULE_PORT:
		return (port_failed);
	case RULE_NOT_PORT:
		return (negation(c[0].answer));
	case RULE_PROCESS:
		return (gone);
	case RULE_NOT_READY:
		/* Nothing that is gone is ready. */
		if (process == UNKNOWN)
			return (m->sv.ready ? NO : YES);
		return (process == YES && is_watched(&m->sv) ? NO : YES);
	case RULE_ODD:
		/* No hurry to decide what only asks for trouble. */
		if (process != YES && failed_for(&c[0], process) == UNKNOWN)
			return (UNKNOWN);
		return (both(process, c[0].answer));
	}
	return (UNKNOWN);
}

static void
forget_answers(struct shadow *sh)
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
	    (m->sv.state == SV_STARTING || is_watched(&m->sv) ||
		(m->sv.state == SV_PAUSED && m->sv.ran)))
		return;
	sh->asked = true;
	sh->failed = sh->hurried = false;
}

/* Of the service itself, not of an operator's or of others' */
static bool
is_news(const struct service_event *ev)
{
	return (!is_operator(ev) && ev->kind != SE_TIMER &&
	    ev->kind != SE_ADOPTED && ev->kind != SE_ORDER &&
	    ev->kind != SE_YIELD);
}

/* The event as seen from outside. */
static void
tell(struct view *v)
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
		forget_answers(sh);
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
	v->lost = (is_watched(&m->sv) || m->sv.state == SV_PAUSED) &&
	    m->sv.present && v->process == NO;
	found = !m->sv.present && v->process == YES &&
	    v->ev->kind == SE_PROCS &&
	    (is_watched(&m->sv) || m->sv.state == SV_WAITING ||
		m->sv.state == SV_PAUSED);
	/* Old answers were about another instance, or none. */
	if (v->lost || found ||
	    (is_resumed(&m->sv, v->ev) && m->sv.ran && v->process == NO &&
		m->conf.type == SERVICE_CHILD))
		forget_answers(sh);
	if (v->ev->kind == SE_CHECK && !v->idle)
		answered(v);
	v->rule = rule_says(m, v->process);
	if (found)
		sh->status = DW_STATUS_NONE;
	if (found && m->sv.state == SV_PAUSED)
		sh->failed = sh->delayed = sh->asked = false;
	if (is_resumed(&m->sv, v->ev) && m->sv.ran && v->process == NO &&
	    v->rule == YES && m->conf.type == SERVICE_CHILD)
		sh->verdict = verdict(m);
	/* One that never ran has not ended; and a check leads to a look. */
	if (is_watched(&m->sv) && is_news(v->ev) && v->rule == YES &&
	    v->process != YES && m->sv.ran &&
	    (v->ev->kind != SE_CHECK || m->conf.type == SERVICE_CHILD))
		sh->verdict = verdict(m);
}

static bool
has(const struct service_actions *out, enum service_action_kind kind)
{
	for (size_t i = 0; i < out->n; i++)
		if (out->a[i].kind == kind)
			return (true);
	return (false);
}

static int
check_idle(const struct view *v)
{
	struct model *m = v->m;

	if (v->out->n != 0)
		return (broke(m, "an event out of place has effects"));
	if (memcmp(&v->was, &m->sv, sizeof(v->was)) != 0 ||
	    memcmp(v->checks, m->checks, sizeof(v->checks)) != 0 ||
	    memcmp(v->answers, m->answers, sizeof(v->answers)) != 0 ||
	    memcmp(v->failed, m->failed, sizeof(v->failed)) != 0)
		return (broke(m, "an event out of place changes the state"));
	return (0);
}

/* Nothing may live, as far as can be known, and an operator wants it up. */
static int
check_may_start(const struct view *v)
{
	struct model *m = v->m;
	const struct shadow *sh = &m->shadow;

	if (m->sv.state != SV_STARTING)
		return (broke(m, "a start that is not in state starting"));
	if (m->sv.hold && v->was.state != SV_STARTING)
		return (broke(m, "a start though it is held"));
	if (!m->sv.want || !sh->wish)
		return (broke(m, "a start that nobody wants"));
	if (sh->spawning || sh->cmd)
		return (broke(m, "a start while a spawn or command is out"));
	if (m->conf.type == SERVICE_CHILD && sh->live)
		return (broke(m, "a start while the child lives"));
	if (m->conf.type == SERVICE_DETACHED &&
	    (!m->sv.counted || sh->count > 0))
		return (broke(m, "a start while processes may live"));
	return (0);
}

static int
see_run(struct view *v, enum service_command command)
{
	struct model *m = v->m;
	struct shadow *sh = &m->shadow;
	bool detached = (m->conf.type == SERVICE_DETACHED);

	if (sh->cmd || sh->spawning)
		return (broke(m, "a command while another is out"));
	switch (command) {
	case CMD_BEFORE_START:
		if (check_may_start(v) == -1)
			return (-1);
		break;
	case CMD_START:
		if (!detached)
			return (broke(m, "a start command of a child"));
		if (check_may_start(v) == -1)
			return (-1);
		sh->status = DW_STATUS_NONE;
		forget_answers(sh);
		sh->told = false;
		break;
	case CMD_AFTER_START:
		if (m->sv.state != SV_STARTING ||
		    m->conf.after_start.argv == NULL)
			return (broke(m, "after-start out of place"));
		if (service_process(&m->sv) != YES)
			return (broke(m, "after-start of what is not there"));
		break;
	case CMD_STOP:
		if (m->sv.state != SV_STOPPING || m->conf.stop.argv == NULL)
			return (broke(m, "a stop command out of place"));
		break;
	case CMD_AFTER_STOP:
		if (m->sv.state != SV_STOPPING ||
		    m->conf.after_stop.argv == NULL)
			return (broke(m, "after-stop out of place"));
		if (sh->live || (detached && (!m->sv.counted || sh->count > 0)))
			return (broke(m, "after-stop while something lives"));
		break;
	}
	sh->cmd = true;
	sh->cmd_signo = 0;
	return (0);
}

static int
see_signal(struct view *v, int signo)
{
	struct model *m = v->m;
	struct shadow *sh = &m->shadow;

	if (m->sv.state != SV_STOPPING)
		return (broke(m, "a signal while not stopping"));
	if (m->conf.type == SERVICE_CHILD ? !sh->live :
					    m->sv.counted && sh->count == 0)
		return (broke(m, "a signal to nobody"));
	if (!sh->termed)
		sh->step = 0;
	else if (v->ev->kind == SE_TIMER && v->ev->now >= sh->patience &&
	    sh->step + 1 < m->conf.nstop_steps)
		sh->step++;
	if (signo != m->conf.stop_steps[sh->step].signo)
		return (broke(m, "the wrong signal, or before its time"));
	if (!sh->termed || v->ev->kind == SE_TIMER)
		sh->patience = m->sv.deadline;
	sh->termed = true;
	if (signo != SIGKILL)
		return (0);
	sh->killed = true;
	return (0);
}

static int
see_kill_cmd(struct view *v, int signo)
{
	struct model *m = v->m;
	struct shadow *sh = &m->shadow;

	if (!sh->cmd)
		return (broke(m, "no command to signal"));
	if (sh->cmd_signo == signo || sh->cmd_signo == SIGKILL)
		return (broke(m, "a command is signalled twice"));
	if (signo == SIGKILL && v->ev->kind != SE_TIMER)
		return (broke(m, "a command is killed before its deadline"));
	sh->cmd_signo = signo;
	return (0);
}

/* A new try to start it. */
static int
see_attempt(struct view *v)
{
	struct model *m = v->m;
	struct shadow *sh = &m->shadow;
	enum service_event_kind kind = v->ev->kind;

	if (m->conf.type == SERVICE_DETACHED && kind != SE_PROCS &&
	    kind != SE_CMD_DONE &&
	    !(kind == SE_TIMER && v->was.cmd != CMD_NONE))
		return (broke(m, "a start without a look before it"));
	if (sh->verdict != OUT_AGAIN)
		return (broke(m, "started again, though it is over"));
	if (!sh->asked && !sh->delayed) {
		if (sh->failed || v->was.state == SV_STARTING)
			return (broke(m, "tried at once after a failed start"));
		if (sh->hurried && m->sv.backoff.max > 0)
			return (broke(m, "started at once a second time"));
		sh->hurried = true;
	}
	sh->asked = sh->failed = sh->delayed = false;
	return (0);
}

static int
see_changed(
    struct view *v, const struct service_action *a, enum service_state *at)
{
	struct model *m = v->m;

	if (a->from != *at)
		return (broke(m, "a change from %s, but it was %s",
		    service_state_name(a->from), service_state_name(*at)));
	if (a->text[0] == '\0')
		return (broke(m, "a change without a cause"));
	*at = a->to;
	return (a->to == SV_STARTING ? see_attempt(v) : 0);
}

static int
see_actions(struct view *v)
{
	struct model *m = v->m;
	enum service_state at = v->was.state;
	int ret = 0;

	if (v->out->n > MODEL_ACTIONS)
		return (broke(m, "%zu actions in one step", v->out->n));
	for (size_t i = 0; i < v->out->n && ret == 0; i++) {
		const struct service_action *a = &v->out->a[i];

		switch (a->kind) {
		case SA_SPAWN:
			ret = check_may_start(v);
			if (ret == 0 && m->conf.type != SERVICE_CHILD)
				ret = broke(m, "a spawn of no child");
			m->shadow.spawning = true;
			m->shadow.status = DW_STATUS_NONE;
			m->shadow.told = false;
			forget_answers(&m->shadow);
			break;
		case SA_RUN:
			ret = see_run(v, a->command);
			break;
		case SA_KILL_CMD:
			ret = see_kill_cmd(v, a->signo);
			break;
		case SA_DROP_CMD:
			if (!m->shadow.cmd || m->shadow.cmd_signo != SIGKILL ||
			    v->ev->kind != SE_TIMER)
				ret = broke(m, "a command dropped too early");
			m->shadow.cmd = false;
			break;
		case SA_SIGNAL:
			ret = see_signal(v, a->signo);
			break;
		case SA_SCAN:
			if (m->conf.type != SERVICE_DETACHED)
				ret = broke(m, "a scan for a child");
			break;
		case SA_CHECK:
			if (m->conf.nchecks == 0)
				ret = broke(m, "there is no check to ask");
			break;
		case SA_CHANGED:
			ret = see_changed(v, a, &at);
			break;
		case SA_NOTE:
			if (a->text[0] == '\0')
				ret = broke(m, "an empty note");
			break;
		}
	}
	if (ret == 0 && at != m->sv.state)
		ret = broke(m, "an untold change to %s",
		    service_state_name(m->sv.state));
	return (ret);
}

static int
check_phase(struct model *m)
{
	static const unsigned allowed[SV_NSTATES] = {
	    [SV_STOPPED] = BIT(PH_NONE),
	    [SV_WAITING] = BIT(PH_LOOK) | BIT(PH_DELAY) | BIT(PH_REQUIRE),
	    [SV_STARTING] = BIT(PH_BEFORE) | BIT(PH_SPAWN) | BIT(PH_COMMAND) |
		BIT(PH_READY) | BIT(PH_POST),
	    [SV_UP] = BIT(PH_NONE),
	    [SV_FAILING] = BIT(PH_NONE),
	    [SV_STOPPING] = BIT(PH_NEEDED) | BIT(PH_SPAWN) | BIT(PH_CMD_END) |
		BIT(PH_SEARCH) | BIT(PH_STOP_CMD) | BIT(PH_STOP_WAIT) |
		BIT(PH_TERM) | BIT(PH_KILL) | BIT(PH_AFTER),
	    [SV_FAILED] = BIT(PH_NONE),
	    [SV_PAUSED] = BIT(PH_NONE),
	};
	static const unsigned command = BIT(PH_BEFORE) | BIT(PH_COMMAND) |
	    BIT(PH_POST) | BIT(PH_CMD_END) | BIT(PH_STOP_CMD) | BIT(PH_AFTER);
	const struct service *sv = &m->sv;
	const struct shadow *sh = &m->shadow;

	if ((allowed[sv->state] & BIT(sv->phase)) == 0)
		return (broke(m, "a phase of another state"));
	if (sh->cmd != ((command & BIT(sv->phase)) != 0))
		return (broke(m, "the phase and the command do not agree"));
	if (sh->spawning != (sv->phase == PH_SPAWN))
		return (broke(m, "the phase and the spawn do not agree"));
	return (0);
}

/* What will make it go on? */
static int
check_waits(const struct view *v)
{
	struct model *m = v->m;
	const struct service *sv = &m->sv;
	bool paced = service_wants_checks(sv) != PACE_NONE ||
	    service_wants_scans(sv) != PACE_NONE;

	if (m->shadow.cmd && sv->deadline == SERVICE_NEVER)
		return (broke(m, "a command without a deadline"));
	if (sv->deadline != SERVICE_NEVER) {
		if (sv->deadline != v->was.deadline &&
		    sv->deadline <= v->ev->now && sv->phase != PH_READY)
			return (broke(m, "a deadline that has passed"));
		return (0);
	}
	if (m->shadow.spawning)
		return (0);
	/* Others will, which SE_ORDER tells. */
	if (sv->phase == PH_REQUIRE && sv->hold)
		return (0);
	if (sv->phase == PH_NEEDED && sv->needed)
		return (0);
	switch (sv->state) {
	case SV_STOPPED:
	case SV_PAUSED:
	case SV_UP: /* its end will be told */
		return (0);
	case SV_FAILED:
		if (m->conf.hold == 0 || m->shadow.verdict == OUT_FAILED)
			return (0);
		break;
	case SV_WAITING:
	case SV_FAILING:
		if (paced || service_process(sv) == YES)
			return (0);
		break;
	default:
		break;
	}
	return (broke(m, "nothing will make it go on"));
}

static int
check_flags(struct model *m)
{
	const struct service *sv = &m->sv;
	const struct shadow *sh = &m->shadow;
	enum service_cmd cmd = CMD_NONE;

	if (sh->cmd)
		cmd = (sh->cmd_signo == 0)     ? CMD_RUNS :
		    (sh->cmd_signo == SIGKILL) ? CMD_KILLED :
						 CMD_TERMED;
	if (sv->cmd != cmd)
		return (broke(m, "it is wrong about its command"));
	if (sv->want != sh->wish)
		return (broke(m, "it wants what the operator does not"));
	if (sv->running != sh->live)
		return (broke(m, "it is wrong about its child"));
	if (sv->counted && sv->count != sh->count)
		return (broke(m, "it is wrong about its processes"));
	if (sv->again && (sv->state != SV_STOPPING || !sv->want))
		return (broke(m, "again, without need"));
	if (sv->state == SV_UP && service_process(sv) != YES)
		return (broke(m, "up without a process"));
	if (sv->state == SV_UP && sv->up_since == SERVICE_NEVER)
		return (broke(m, "up since never"));
	if (!is_watched(sv) && sv->state != SV_PAUSED &&
	    sv->up_since != SERVICE_NEVER)
		return (broke(m, "not up, but since some time"));
	if (sv->state == SV_STOPPED ? sv->want :
				      (!sv->want && sv->state != SV_STOPPING))
		return (broke(m, "the state is not what is wanted"));
	if (sv->state != SV_STOPPED && sv->cause[0] == '\0')
		return (broke(m, "no cause"));
	return (0);
}

/* What it heard of others: does it wait for them, and only then? */
static int
check_order(const struct view *v)
{
	struct model *m = v->m;
	const struct service *sv = &m->sv;

	if (v->ev->kind == SE_ORDER &&
	    (sv->hold != v->ev->hold || sv->needed != v->ev->needed))
		return (broke(m, "it did not hear what it was told"));
	if (v->ev->kind != SE_ORDER &&
	    (sv->hold != v->was.hold || sv->needed != v->was.needed))
		return (broke(m, "it heard what nobody told"));
	if (v->ev->kind == SE_ORDER && is_watched(&v->was) && v->out->n != 0)
		return (broke(m, "held, it does not leave alone what runs"));
	if (v->ev->kind == SE_YIELD && is_watched(sv))
		return (broke(m, "it does not make way"));
	/* Up, it makes others stop first, if there is anything to stop. */
	if (sv->needed && is_watched(&v->was) && sv->state == SV_STOPPING &&
	    sv->phase != PH_NEEDED && service_process(sv) == YES)
		return (broke(m, "it stops while others need it"));
	if (sv->phase == PH_NEEDED && has(v->out, SA_SIGNAL))
		return (broke(m, "a signal while others need it"));
	return (0);
}

static int
check_answers(struct model *m)
{
	const struct shadow_check *c = m->shadow.checks;

	for (size_t i = 0; i < m->conf.nchecks; i++)
		if (c[i].failed != m->failed[i] || c[i].answer != m->answers[i])
			return (broke(m, "it is wrong about check %s",
			    m->conf.checks[i].name));
	return (0);
}

static bool
is_well(const struct view *v)
{
	for (size_t i = 0; i < v->m->conf.nchecks; i++)
		if (v->m->shadow.checks[i].failed ||
		    v->m->shadow.checks[i].row > 0)
			return (false);
	return (v->process == YES);
}

/* Up or failing, and something was learnt: what has to come of it? */
static int
check_judgement(const struct view *v)
{
	struct model *m = v->m;
	bool stays = is_watched(&m->sv);

	if (v->rule == YES && v->ev->kind == SE_CHECK && v->process != YES &&
	    m->conf.type == SERVICE_DETACHED)
		return (stays && has(v->out, SA_SCAN) ?
			0 :
			broke(m, "no look before the restart"));
	if (v->rule == YES && !is_spared(m, v->process))
		return (stays ?
			broke(m, "restart-when holds, nothing is done") :
			0);
	if (!stays)
		return (broke(m, "restarted, but restart-when does not hold"));
	if (is_well(v) != (m->sv.state == SV_UP))
		return (broke(m, "up or failing? %d", m->sv.state));
	if (v->lost && m->conf.nchecks > 0 && !has(v->out, SA_CHECK))
		return (broke(m, "the process is lost, no check is asked"));
	return (0);
}

/* The same while it looks whether there is anything to be started. */
static int
check_look(const struct view *v)
{
	struct model *m = v->m;
	bool stays = (m->sv.state == SV_WAITING && m->sv.phase == PH_LOOK);

	if (v->process == YES)
		return (m->sv.state == SV_UP ? 0 : broke(m, "not found"));
	if (v->process == UNKNOWN || v->rule == UNKNOWN)
		return (stays ? 0 : broke(m, "decided without knowing"));
	if (v->rule == NO)
		return (m->sv.state == SV_FAILING ?
			0 :
			broke(m, "restart-when does not hold, not failing"));
	if (v->ev->kind == SE_CHECK)
		return (stays && has(v->out, SA_SCAN) ?
			0 :
			broke(m, "no look before the start"));
	if (m->sv.hold && m->sv.phase == PH_REQUIRE)
		return (0);
	return (stays || is_watched(&m->sv) ?
		broke(m, "restart-when holds, it is not started") :
		0);
}

/* What says itself when it is ready is up then, and not before. */
static int
check_told(const struct view *v)
{
	static const unsigned launched =
	    BIT(PH_SPAWN) | BIT(PH_COMMAND) | BIT(PH_READY) | BIT(PH_POST);
	struct model *m = v->m;

	if (!service_is_told(m->conf.ready) || v->was.state != SV_STARTING ||
	    (launched & BIT(v->was.phase)) == 0)
		return (0);
	if (m->sv.state == SV_UP && !m->shadow.told)
		return (broke(m, "up without a word of it"));
	if (m->sv.phase == PH_READY && m->shadow.told &&
	    m->conf.up_when.len == 0 && service_process(&m->sv) == YES)
		return (broke(m, "it is ready, but not up"));
	return (0);
}

/* Did it come up in this step, if only to be paused? */
static bool
was_up(const struct view *v)
{
	for (size_t i = 0; i < v->out->n; i++)
		if (v->out->a[i].kind == SA_CHANGED && v->out->a[i].to == SV_UP)
			return (true);
	return (v->m->sv.state == SV_UP);
}

/* Is it warned of, and did it come up, when it should? */
static int
check_when(const struct view *v)
{
	struct model *m = v->m;
	const struct service *sv = &m->sv;
	enum truth port = m->shadow.checks[0].answer;
	enum truth r = both(service_process(sv), negation(port));
	bool warned = (r == UNKNOWN) ? v->was.warned : (r == YES);

	if (m->conf.warn_when.len == 0)
		return (sv->warned ? broke(m, "warned of nothing") : 0);
	if (!is_watched(sv) && sv->state != SV_PAUSED)
		warned = false;
	if (sv->warned != warned)
		return (broke(m, "it is wrong about its warning"));
	if (sv->warned && !v->was.warned && !has(v->out, SA_NOTE))
		return (broke(m, "the warning is not told"));
	return (0);
}

/* Paused: is it, does it stay so, and is really nothing done? */
static int
check_pause(const struct view *v)
{
	struct model *m = v->m;
	struct shadow *sh = &m->shadow;
	const struct service *sv = &m->sv;
	bool ends = is_resumed(&v->was, v->ev) || v->ev->kind == SE_STOP ||
	    v->ev->kind == SE_RESTART;

	if (v->was.state == SV_PAUSED && ends != (sv->state != SV_PAUSED))
		return (broke(m, "its pause ends when it should not, or not"));
	if (v->was.state == SV_PAUSED && !ends &&
	    (has(v->out, SA_SPAWN) || has(v->out, SA_RUN) ||
		has(v->out, SA_SIGNAL)))
		return (broke(m, "paused, something is done"));
	if (v->was.state != SV_PAUSED && sv->state == SV_PAUSED && !sh->pausing)
		return (broke(m, "paused though nobody asked"));
	if (sv->state == SV_PAUSED || sv->state == SV_STOPPED ||
	    service_is_over(sv) ||
	    (!sv->pausing && sv->pause_until <= v->ev->now))
		sh->pausing = false;
	if (sh->pausing && sv->state != SV_STARTING && sv->state != SV_STOPPING)
		return (broke(m, "it should be paused now"));
	if (sh->pausing && v->was.state != SV_STARTING &&
	    sv->state == SV_STARTING)
		return (broke(m, "started, though it should be paused"));
	if (sv->state == SV_PAUSED && sv->deadline != sv->pause_until)
		return (broke(m, "paused for another time"));
	if (sv->pausing != sh->pausing)
		return (broke(m, "it is wrong about its pause"));
	return (0);
}

/* Over, or to be started again? */
static int
check_end(struct view *v)
{
	struct model *m = v->m;
	struct shadow *sh = &m->shadow;
	const struct service *sv = &m->sv;
	bool late = v->was.phase == PH_READY ||
	    (v->was.phase == PH_COMMAND && v->was.cmd_late);

	if (v->was.state == SV_STARTING && sv->state != SV_STARTING &&
	    !was_up(v) && !is_operator(v->ev) && v->ev->kind != SE_YIELD &&
	    v->ev->kind != SE_EXITED)
		sh->verdict = verdict_on_start(m, late);
	if (sv->state == SV_STOPPED && v->was.state != SV_STOPPED && sh->wish) {
		if (sh->verdict != OUT_DONE)
			return (broke(m, "stopped by itself"));
		sh->wish = false;
		if (!sv->finished || !service_is_over(sv))
			return (broke(m, "not over"));
	}
	if (sv->state == SV_FAILED && v->was.state != SV_FAILED &&
	    sh->verdict != OUT_FAILED && m->conf.give_up == 0)
		return (broke(m, "failed for no reason"));
	if (sh->verdict != OUT_AGAIN && sv->state != SV_STOPPING &&
	    sv->state != ((sh->verdict == OUT_DONE) ? SV_STOPPED : SV_FAILED))
		return (broke(m, "it goes on, though it is over"));
	if (sv->finished && sv->want && sv->state != SV_STOPPED)
		return (broke(m, "finished, but wanted"));
	return (0);
}

/* Nothing that was started is up before after-start has done its part. */
static int
check_post(const struct view *v)
{
	static const unsigned launched =
	    BIT(PH_SPAWN) | BIT(PH_COMMAND) | BIT(PH_READY);

	if (v->m->conf.after_start.argv != NULL && was_up(v) &&
	    v->was.state == SV_STARTING && (launched & BIT(v->was.phase)) != 0)
		return (broke(v->m, "up without its after-start"));
	if (v->was.phase == PH_POST && was_up(v) &&
	    (v->ev->kind != SE_CMD_DONE || !v->ev->ok || v->was.cmd_late))
		return (broke(v->m, "up, though after-start is not done"));
	return (0);
}

static int
check_after(struct view *v)
{
	struct model *m = v->m;
	struct shadow *sh = &m->shadow;
	bool learnt = is_news(v->ev);

	if (check_end(v) == -1)
		return (-1);
	if (check_phase(m) == -1 || check_waits(v) == -1 ||
	    check_flags(m) == -1 || check_order(v) == -1 ||
	    check_pause(v) == -1)
		return (-1);
	if (check_told(v) == -1 || check_post(v) == -1)
		return (-1);
	if (is_watched(&v->was) && learnt && check_judgement(v) == -1)
		return (-1);
	if (v->was.phase == PH_LOOK && learnt && check_look(v) == -1)
		return (-1);
	if (v->was.phase != PH_LOOK && m->sv.phase == PH_LOOK)
		forget_answers(sh);
	/* Someone else started it while before-start ran. */
	if (v->was.phase == PH_READY && was_up(v) && m->conf.up_when.len != 0 &&
	    sh->checks[0].answer != YES)
		return (broke(m, "up, but up-when does not hold"));
	if (v->was.phase == PH_BEFORE && was_up(v)) {
		forget_answers(sh);
		sh->status = DW_STATUS_NONE;
	}
	if (v->was.state == SV_STARTING && m->sv.state != SV_STARTING &&
	    !was_up(v) && !is_operator(v->ev))
		sh->failed = !sh->asked;
	if (was_up(v))
		sh->failed = sh->delayed = sh->asked = false;
	if (m->sv.state != SV_STOPPING)
		sh->termed = sh->killed = false;
	if (v->was.phase == PH_KILL && m->sv.phase == PH_KILL &&
	    v->ev->kind == SE_TIMER && m->conf.type == SERVICE_DETACHED &&
	    !has(v->out, SA_SCAN))
		return (broke(m, "their end may be missed for ever"));
	if (v->lost && m->sv.state == SV_FAILING && !has(v->out, SA_CHANGED))
		return (broke(m, "the loss of the process is not told"));
	if (m->sv.state == SV_STOPPED && v->was.state != SV_STOPPED &&
	    m->conf.type == SERVICE_DETACHED && v->ev->kind == SE_STOP)
		return (broke(m, "stopped without a look"));
	return (check_when(v) == -1 ? -1 : check_answers(m));
}

int
model_step(struct model *m, const struct service_event *ev,
    struct service_actions *out)
{
	struct view v = {.m = m, .ev = ev, .out = out};

	memcpy(&v.was, &m->sv, sizeof(v.was));
	memcpy(v.checks, m->checks, sizeof(v.checks));
	memcpy(v.answers, m->answers, sizeof(v.answers));
	memcpy(v.failed, m->failed, sizeof(v.failed));
	v.idle = is_idle(m, ev);
	tell(&v);
	service_step(&m->sv, ev, out);
	if (v.idle)
		return (check_idle(&v));
	if (v.was.up_since != SERVICE_NEVER &&
	    m->sv.up_since != v.was.up_since &&
	    ev->now - v.was.up_since >= MODEL_STABLE)
		m->shadow.hurried = false;
	if (see_actions(&v) == -1)
		return (-1);
	return (check_after(&v));
}
