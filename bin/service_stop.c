/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The state machine of one service: stopping it, step by step, each with a
 * deadline, and what comes when nothing of it is left.
 */
#include "config.h"

#include <signal.h>
#include <stdio.h>

#include "service_int.h"

/* Is it known how many processes there are? */
static bool
is_known(const struct service *sv)
{
	return (sv->conf->type == SERVICE_CHILD || sv->counted);
}

/* As far as is known: does any of it live? */
static bool
alive(const struct service *sv)
{
	if (sv->conf->type == SERVICE_CHILD)
		return (sv->running);
	return (!sv->counted || sv->count > 0);
}

/* An operator's stop is more than what is left to do when it has ended. */
static bool
is_wish(const struct service *sv)
{
	return (!sv->again && sv->outcome == OUT_AGAIN);
}

/* A run of `stable` makes the failures before it forgotten. */
void
stop_end_of_run(struct step *st)
{
	struct service *sv = st->sv;

	if (sv->up_since != SERVICE_NEVER &&
	    st->ev->now - sv->up_since >= sv->conf->stable)
		dw_backoff_reset(&sv->backoff);
	sv->up_since = SERVICE_NEVER;
}

/* May it be started again, or has that been done often enough? */
static bool
give_up(struct step *st)
{
	struct service *sv = st->sv;
	const struct service_conf *conf = sv->conf;
	char when[32];

	if (conf->give_up == 0 || sv->manual)
		return (false);
	if (sv->ntries < conf->give_up)
		sv->ntries++;
	else if (st->ev->now - sv->tries[sv->next_try] <=
	    conf->give_up_within) {
		char cause[SERVICE_TEXT];

		step_duration(conf->give_up_within, when, sizeof(when));
		snprintf(cause, sizeof(cause), "%.160s", sv->cause);
		step_enter(st, SV_FAILED, PH_NONE,
		    "gave up: %u restarts within %s; last: %s", conf->give_up,
		    when, cause);
		if (conf->hold > 0)
			step_deadline(st, conf->hold);
		return (true);
	}
	sv->tries[sv->next_try] = st->ev->now;
	sv->next_try = (sv->next_try + 1) % conf->give_up;
	return (false);
}

static void
start_again(struct step *st)
{
	struct service *sv = st->sv;
	char when[32], cause[SERVICE_TEXT];
	int64_t delay;

	if (give_up(st))
		return;
	delay = sv->manual ? 0 : dw_backoff_next(&sv->backoff, st->ev->random);
	if (!sv->direct && !sv->manual && delay < SERVICE_RETRY_MIN)
		delay = SERVICE_RETRY_MIN;
	snprintf(cause, sizeof(cause), "%s", sv->cause);
	if (delay == 0) {
		/* Some may have come while after-stop ran. */
		if (alive(sv))
			run_look(st, cause);
		else
			run_begin(st, cause);
		return;
	}
	step_duration(delay, when, sizeof(when));
	step_enter(
	    st, SV_WAITING, PH_DELAY, "%.190s; next try in %s", cause, when);
	step_deadline(st, delay);
}

static void
finish(struct step *st)
{
	struct service *sv = st->sv;

	sv->ran = sv->ready = sv->present = false;
	if (sv->again && sv->want) {
		if (!pause_instead(st))
			start_again(st);
	} else if (sv->want && sv->outcome != OUT_AGAIN)
		end_final(st);
	else
		step_enter(st, SV_STOPPED, PH_NONE, "%s", sv->cause);
	sv->again = false;
	sv->outcome = OUT_AGAIN;
}

/* Nothing lives any more. */
static void
after(struct step *st)
{
	struct service *sv = st->sv;

	if (!sv->ran || sv->conf->after_stop.argv == NULL) {
		finish(st);
		return;
	}
	if (sv->state != SV_STOPPING)
		step_enter(st, SV_STOPPING, PH_AFTER, "%s", sv->cause);
	step_phase(st, PH_AFTER);
	step_run(st, CMD_AFTER_STOP, sv->conf->hook_timeout);
}

/* The next signal of the sequence; the last one may have no end. */
static void
signal_next(struct step *st, unsigned i)
{
	struct service *sv = st->sv;
	const struct stop_step *step = &sv->conf->stop_steps[i];
	struct service_action *a;

	sv->stop_step = i;
	step_phase(st, (step->signo == SIGKILL) ? PH_KILL : PH_TERM);
	a = step_act(st, SA_SIGNAL);
	a->signo = step->signo;
	a->fresh = true;
	if (step->signo == SIGKILL)
		step_deadline(st, SERVICE_KILL_GRACE);
	else
		step_deadline(
		    st, (step->wait > 0) ? step->wait : SERVICE_LONG_WAIT);
}

static void
term(struct step *st)
{
	signal_next(st, 0);
}

static void
search(struct step *st)
{
	step_phase(st, PH_SEARCH);
	step_act(st, SA_SCAN);
	step_deadline(st, SERVICE_KILL_GRACE);
}

static void
stop_command(struct step *st)
{
	step_phase(st, PH_STOP_CMD);
	step_run(st, CMD_STOP, st->sv->conf->stop_timeout);
}

/* No command runs: go on with what is the next thing to do. */
void
stop_first(struct step *st)
{
	struct service *sv = st->sv;
	const struct service_conf *conf = sv->conf;

	if (!is_known(sv))
		search(st);
	else if (conf->stop.argv != NULL && (alive(sv) || is_wish(sv)))
		stop_command(st);
	else if (alive(sv))
		term(st);
	else
		after(st);
}

void
stop_begin(struct step *st, bool again, const char *why)
{
	struct service *sv = st->sv;
	const struct service_conf *conf = sv->conf;

	stop_end_of_run(st);
	sv->again = again && sv->want;
	if (sv->cmd != CMD_NONE) {
		step_enter(st, SV_STOPPING, PH_CMD_END, "%s", why);
		if (sv->cmd == CMD_RUNS)
			step_kill_cmd(st, SIGTERM);
		step_deadline(st, conf->stop_timeout);
		return;
	}
	/* There may be a child in a moment, and it must not be forgotten. */
	if (sv->phase == PH_SPAWN) {
		step_enter(st, SV_STOPPING, PH_SPAWN, "%s", why);
		return;
	}
	/* A child that has ended needs no stopping, nor to be seen so. */
	if (!alive(sv) && (!is_wish(sv) || conf->stop.argv == NULL)) {
		snprintf(sv->cause, sizeof(sv->cause), "%s", why);
		after(st);
		return;
	}
	if (sv->needed &&
	    (sv->state == SV_UP || sv->state == SV_FAILING ||
		sv->state == SV_PAUSED)) {
		step_enter(st, SV_STOPPING, PH_NEEDED, "%s", why);
		return;
	}
	step_enter(st, SV_STOPPING, PH_NONE, "%s", why);
	stop_first(st);
}

void
stop_progress(struct step *st)
{
	struct service *sv = st->sv;

	switch (sv->phase) {
	case PH_SEARCH:
		stop_first(st);
		break;
	case PH_NEEDED:
		if (!alive(sv))
			stop_first(st);
		break;
	case PH_STOP_WAIT:
		if (!alive(sv))
			after(st);
		break;
	case PH_TERM:
	case PH_KILL:
		if (!alive(sv))
			after(st);
		else /* one more was found */
			step_act(st, SA_SIGNAL)->signo =
			    sv->conf->stop_steps[sv->stop_step].signo;
		break;
	default:
		break;
	}
}

/* Their end may have been missed. */
static void
wait_on(struct step *st)
{
	if (st->sv->conf->type == SERVICE_DETACHED)
		step_act(st, SA_SCAN);
	step_deadline(st, SERVICE_LONG_WAIT);
}

/* It had its time to end by a signal. */
static void
signal_overdue(struct step *st)
{
	struct service *sv = st->sv;
	const struct stop_step *step = &sv->conf->stop_steps[sv->stop_step];
	char when[32];

	if (sv->stop_step + 1 == sv->conf->nstop_steps) {
		step_note(st,
		    "does not end by signal %d, the last of its "
		    "stop-sequence: still waiting",
		    step->signo);
		wait_on(st);
		return;
	}
	step_duration(step->wait, when, sizeof(when));
	if (step[1].signo == SIGKILL)
		step_note(st, "still runs %s after signal %d: killing it", when,
		    step->signo);
	else
		step_note(st, "still runs %s after signal %d: sending %d", when,
		    step->signo, step[1].signo);
	signal_next(st, sv->stop_step + 1);
}

void
stop_timer(struct step *st)
{
	struct service *sv = st->sv;
	char when[32];

	step_duration(sv->conf->stop_timeout, when, sizeof(when));
	switch (sv->phase) {
	case PH_SEARCH:
		step_note(st, "the process table gave no answer");
		/* Not knowing is no reason to start anything. */
		if (sv->again)
			search(st);
		else if (sv->conf->stop.argv != NULL)
			stop_command(st);
		else
			finish(st);
		break;
	case PH_STOP_WAIT:
		step_note(st, "still runs %s after its stop command", when);
		term(st);
		break;
	case PH_TERM:
		signal_overdue(st);
		break;
	case PH_KILL:
		step_note(st, "does not end even by SIGKILL: still waiting");
		wait_on(st);
		break;
	default:
		break;
	}
}

void
stop_cmd_done(struct step *st, bool ok, const char *text)
{
	struct service *sv = st->sv;

	if (!ok && sv->phase != PH_CMD_END)
		step_note(st, "%s: %s",
		    (sv->phase == PH_AFTER) ? "after-stop" : "stop command",
		    (text != NULL) ? text : "failed");
	switch (sv->phase) {
	case PH_CMD_END:
		/* What ended may have started something. */
		sv->counted = false;
		stop_first(st);
		break;
	case PH_STOP_CMD:
		if (!is_known(sv)) /* the process table did not answer */
			finish(st);
		else if (!alive(sv))
			after(st);
		else if (ok) {
			step_phase(st, PH_STOP_WAIT);
			step_deadline(st, sv->conf->stop_timeout);
		} else
			term(st);
		break;
	case PH_AFTER:
		finish(st);
		break;
	default:
		break;
	}
}
