/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The state machine of one service: starting it, and judging by its process
 * and its checks whether it has to be started again.
 */
#include "config.h"

#include <limits.h>
#include <stdio.h>

#include "service_int.h"

/* Is there a check that matters now and has not answered yet? */
static bool
awaits_answer(const struct service *sv)
{
	for (size_t i = 0; i < sv->conf->nchecks; i++)
		if (sv->checks[i].fails == 0 && sv->checks[i].oks == 0 &&
		    cond_uses_check(&sv->conf->restart_when, i))
			return (true);
	return (false);
}

static enum truth
eval(const struct service *sv, const struct cond *cond, bool ready)
{
	const struct cond_facts facts = {
	    .process = service_process(sv),
	    .ready = ready ? YES : NO,
	    .checks = sv->answers,
	    .failed = sv->failed,
	    .nchecks = sv->conf->nchecks,
	};

	return (cond_eval(cond, &facts));
}

static enum truth
rule(const struct service *sv)
{
	enum truth r = eval(sv, &sv->conf->restart_when, sv->ready);

	/* `port.failed' is not yet false of a port that was not yet asked. */
	if (r == NO && service_process(sv) != YES && awaits_answer(sv))
		return (UNKNOWN);
	return (r);
}

/* Is a check failing, be it short of its threshold? */
static bool
check_fails(const struct service *sv)
{
	for (size_t i = 0; i < sv->conf->nchecks; i++)
		if (sv->failed[i] || sv->checks[i].fails > 0)
			return (true);
	return (false);
}

/* What is wrong with it, in words. */
static const char *
trouble(const struct service *sv, char *buf, size_t len)
{
	const char *check = check_fails(sv) ? sv->check_text : "";
	const char *sep = (check[0] != '\0') ? "; " : "";

	if (service_process(sv) == YES)
		snprintf(buf, len, "%s",
		    (check[0] != '\0') ? check : "restart-when holds");
	else if (sv->conf->type == SERVICE_DETACHED && sv->count > 0)
		snprintf(buf, len, "%u process%s found%s%.180s", sv->count,
		    (sv->count == 1) ? "" : "es", sep, check);
	else
		snprintf(buf, len, "%.100s%s%.130s",
		    (sv->lost[0] != '\0') ? sv->lost : "no process found", sep,
		    check);
	return (buf);
}

static void
ask(struct step *st)
{
	if (st->sv->conf->nchecks > 0)
		step_act(st, SA_CHECK);
}

static void
up(struct step *st, const char *why)
{
	struct service *sv = st->sv;

	step_enter(st, SV_UP, PH_NONE, "%s", why);
	if (sv->up_since == SERVICE_NEVER)
		sv->up_since = st->ev->now;
	sv->present = sv->ready = sv->settled = sv->ran = true;
}

/* An instance that we did not start, or that came back by itself. */
static void
found(struct step *st, const char *why)
{
	struct service *sv = st->sv;

	sv->started = st->ev->now;
	sv->lost[0] = '\0';
	sv->lost_status = DW_STATUS_NONE;
	sv->finished = false;
	sv->manual = false;
	step_forget_checks(sv);
	up(st, why);
	ask(st);
}

bool
run_ready_asks(const struct service_conf *conf)
{
	for (size_t i = 0; i < conf->nchecks; i++)
		if (cond_uses_check(&conf->up_when, i))
			return (true);
	return (conf->ready == READY_CHECK);
}

/* As the key `ready' has it. */
static bool
is_ready_itself(const struct service *sv, int64_t now)
{
	switch (sv->conf->ready) {
	case READY_CHECK:
		return (sv->answers[sv->conf->ready_check] == YES);
	case READY_DELAY:
		return (now - sv->started >= sv->conf->ready_delay);
	case READY_NOTIFY:
	case READY_FD:
	case READY_PIDFILE:
		return (sv->told);
	default:
		return (true);
	}
}

static bool
is_ready(const struct service *sv, int64_t now)
{
	const struct cond *up_when = &sv->conf->up_when;
	bool ready;

	if (service_process(sv) != YES)
		return (false);
	ready = is_ready_itself(sv, now);
	if (up_when->len == 0)
		return (ready);
	return (eval(sv, up_when, ready) == YES);
}

/* It is ready: it is up, once after-start has done its part. */
static void
started(struct step *st)
{
	if (st->sv->conf->after_start.argv != NULL) {
		step_phase(st, PH_POST);
		step_run(st, CMD_AFTER_START, st->sv->conf->hook_timeout);
		return;
	}
	up(st, "started");
	ask(st);
}

static void
await_ready(struct step *st)
{
	struct service *sv = st->sv;
	const struct service_conf *conf = sv->conf;
	int64_t limit = conf->start_timeout;

	step_phase(st, PH_READY);
	if (is_ready(sv, st->ev->now)) {
		started(st);
		return;
	}
	if (conf->ready == READY_DELAY && conf->ready_delay > 0)
		limit = conf->ready_delay;
	step_deadline(st, limit - (st->ev->now - sv->started));
	if (run_ready_asks(conf))
		ask(st);
}

static void
launch(struct step *st)
{
	struct service *sv = st->sv;

	if (sv->starts++ > 0)
		sv->restarts++;
	sv->ran = true;
	sv->ready = sv->present = sv->told = false;
	sv->started = st->ev->now;
	sv->lost[0] = '\0';
	sv->lost_status = DW_STATUS_NONE;
	sv->finished = false;
	step_forget_checks(sv);
	if (sv->conf->type == SERVICE_CHILD) {
		step_phase(st, PH_SPAWN);
		step_act(st, SA_SPAWN);
	} else {
		step_phase(st, PH_COMMAND);
		step_run(st, CMD_START, sv->conf->start_timeout);
	}
}

void
run_begin(struct step *st, const char *why)
{
	struct service *sv = st->sv;

	if (sv->hold) {
		step_enter(st, SV_WAITING, PH_REQUIRE, "%s", sv->hold_text);
		return;
	}
	step_enter(st, SV_STARTING, PH_BEFORE, "%s", why);
	/* From here on it is the service's own failure, also before-start's. */
	sv->manual = false;
	if (sv->conf->before_start.argv == NULL)
		launch(st);
	else
		step_run(st, CMD_BEFORE_START, sv->conf->hook_timeout);
}

/* A detached service may be there already: never start it twice. */
void
run_look(struct step *st, const char *why)
{
	struct service *sv = st->sv;

	if (sv->conf->type == SERVICE_CHILD) {
		run_begin(st, why);
		return;
	}
	step_enter(st, SV_WAITING, PH_LOOK, "%s", why);
	step_deadline(st, sv->conf->start_timeout);
	sv->counted = sv->present = false;
	sv->lost[0] = '\0';
	step_forget_checks(sv);
	step_act(st, SA_SCAN);
	ask(st);
}

static void
wait_failing(struct step *st, enum truth r)
{
	char buf[SERVICE_TEXT];
	const char *what = trouble(st->sv, buf, sizeof(buf));

	st->sv->settled = true;
	if (service_process(st->sv) == YES)
		step_enter(st, SV_FAILING, PH_NONE, "%s", what);
	else
		step_enter(st, SV_FAILING, PH_NONE, "%.180s; %s", what,
		    (r == UNKNOWN) ? "asking its checks" :
				     "restart-when does not hold");
}

static void
restart(struct step *st)
{
	struct service *sv = st->sv;
	char buf[SERVICE_TEXT];

	enum service_outcome outcome = end_of_failure(sv);

	if (!sv->ran) /* what others have left is in the way */
		outcome = OUT_AGAIN;
	else if (service_process(sv) != YES)
		outcome = end_of_process(sv);
	sv->direct = true;
	end_stop(st, outcome, trouble(sv, buf, sizeof(buf)));
}

/*
 * A check's answer says that a detached service is to be started, but how
 * many processes there are was told some time ago.  Someone else may have
 * started it since, and before-start may be to delete its data: look again,
 * and decide on that.
 */
static bool
must_look(struct step *st)
{
	struct service *sv = st->sv;

	if (sv->conf->type != SERVICE_DETACHED || st->ev->kind != SE_CHECK ||
	    service_process(sv) == YES)
		return (false);
	sv->counted = false;
	step_act(st, SA_SCAN);
	return (true);
}

static void
judge_look(struct step *st)
{
	struct service *sv = st->sv;
	enum truth process = service_process(sv), r;
	char buf[SERVICE_TEXT];

	if (process == UNKNOWN)
		return;
	if (process == YES) {
		found(st, "found running");
		return;
	}
	r = rule(sv);
	if (r == YES && must_look(st))
		return;
	if (r == NO)
		wait_failing(st, r);
	else if (r == YES && sv->count > 0)
		restart(st);
	else if (r == YES)
		run_begin(st, trouble(sv, buf, sizeof(buf)));
}

/* One that lives is not ended to be started never again. */
static bool
is_left_alone(const struct service *sv)
{
	return (service_process(sv) == YES && end_of_failure(sv) != OUT_AGAIN);
}

/* In up and failing: does what is known now change anything? */
static void
judge(struct step *st)
{
	struct service *sv = st->sv;
	enum truth r = rule(sv);

	if (r == YES && !is_left_alone(sv)) {
		if (!must_look(st))
			restart(st);
	} else if (service_process(sv) == YES && !check_fails(sv)) {
		if (sv->state != SV_UP)
			up(st, "well again");
	} else if (sv->state != SV_FAILING)
		wait_failing(st, r);
}

static void
process_lost(struct step *st)
{
	struct service *sv = st->sv;
	bool failing = (sv->state == SV_FAILING);

	/* The time without a process is no part of a healthy run. */
	stop_end_of_run(st);
	sv->present = sv->ready = false;
	step_forget_checks(sv);
	judge(st);
	if (sv->state != SV_FAILING)
		return;
	if (failing) /* for another reason now */
		wait_failing(st, rule(sv));
	ask(st);
}

void
run_spawned(struct step *st)
{
	await_ready(st);
}

void
run_adopted(struct step *st)
{
	struct service *sv = st->sv;

	if (sv->state != SV_STOPPED || sv->conf->type != SERVICE_CHILD)
		return;
	sv->want = sv->running = true;
	found(st, (st->ev->text != NULL) ? st->ev->text : "found running");
}

static void
start_failed(struct step *st, enum service_outcome outcome, const char *what,
    const char *text)
{
	struct service *sv = st->sv;
	char buf[SERVICE_TEXT];

	snprintf(buf, sizeof(buf), "%.50s: %.180s", what,
	    (text != NULL) ? text : "failed");
	sv->settled = true;
	sv->direct = false;
	/* The start command may have left something behind. */
	if (sv->phase != PH_BEFORE)
		sv->counted = false;
	end_stop(st, outcome, buf);
}

void
run_start_failed(struct step *st, const char *what, const char *text)
{
	start_failed(st, end_of_failure(st->sv), what, text);
}

void
run_exited(struct step *st)
{
	struct service *sv = st->sv;

	switch (sv->state) {
	case SV_STARTING:
		start_failed(st, end_of_process(sv),
		    "ended before it was ready", sv->lost);
		break;
	case SV_UP:
	case SV_FAILING:
		process_lost(st);
		break;
	case SV_PAUSED:
		pause_lost(st);
		break;
	default:
		break;
	}
}

void
run_resumed(struct step *st, const char *why)
{
	struct service *sv = st->sv;

	if (sv->conf->type == SERVICE_DETACHED) {
		/* What is there now, is what counts. */
		step_enter(st, SV_FAILING, PH_NONE, "%s", why);
		sv->counted = false;
		step_act(st, SA_SCAN);
	} else if (sv->running) {
		up(st, why);
		judge(st);
	} else {
		step_enter(st, SV_FAILING, PH_NONE, "%s", why);
		process_lost(st);
	}
}

void
run_procs(struct step *st)
{
	struct service *sv = st->sv;
	bool present = (service_process(sv) == YES);

	switch (sv->state) {
	case SV_WAITING:
		if (sv->phase == PH_LOOK)
			judge_look(st);
		else if (present)
			found(st, "found running");
		break;
	case SV_STARTING:
		if (sv->phase == PH_READY && is_ready(sv, st->ev->now)) {
			started(st);
		}
		break;
	case SV_PAUSED:
		pause_procs(st);
		break;
	case SV_UP:
	case SV_FAILING:
		if (sv->present && !present)
			process_lost(st);
		else if (!sv->present && present)
			found(st, "found running");
		else {
			if (present) /* who ended was not missed */
				sv->lost[0] = '\0';
			judge(st);
		}
		break;
	default:
		break;
	}
}

static void
count_failure(struct step *st, size_t i)
{
	struct service *sv = st->sv;
	const struct check_conf *conf = &sv->conf->checks[i];
	struct service_check *c = &sv->checks[i];
	const char *text = (st->ev->text != NULL) ? st->ev->text : "failed";

	c->oks = 0;
	if (service_process(sv) != YES && sv->state != SV_STARTING) {
		/* Nobody is there to be given time. */
		c->fails = 1;
		sv->failed[i] = true;
	} else if (c->armed ||
	    st->ev->now - sv->started >= sv->conf->start_timeout) {
		if (c->fails < UINT_MAX)
			c->fails++;
		if (c->fails >= conf->fall)
			sv->failed[i] = true;
	} else if (sv->state != SV_STARTING)
		return; /* it is given time */
	if (sv->failed[i])
		sv->answers[i] = NO;
	if (c->fails > 1)
		snprintf(sv->check_text, sizeof(sv->check_text),
		    "%s: %.140s (%u in a row)", conf->name, text, c->fails);
	else
		snprintf(sv->check_text, sizeof(sv->check_text), "%s: %.140s",
		    conf->name, text);
}

static void
count_success(struct service *sv, size_t i)
{
	struct service_check *c = &sv->checks[i];

	if (c->oks < UINT_MAX)
		c->oks++;
	c->armed = true;
	if (c->oks >= sv->conf->checks[i].rise) {
		sv->failed[i] = false;
		sv->answers[i] = YES;
	}
	if (!sv->failed[i])
		c->fails = 0;
}

void
run_check(struct step *st)
{
	struct service *sv = st->sv;
	enum truth was = rule(sv);

	/* An answer that comes when it is not wanted is an old one. */
	if (st->ev->answer == UNKNOWN || service_wants_checks(sv) == PACE_NONE)
		return;
	if (st->ev->answer == NO)
		count_failure(st, st->ev->check);
	else
		count_success(sv, st->ev->check);
	switch (sv->state) {
	case SV_WAITING:
		judge_look(st);
		break;
	case SV_STARTING:
		if (!is_ready(sv, st->ev->now))
			break;
		if (sv->conf->after_start.argv != NULL)
			started(st);
		else
			up(st, "started");
		break;
	case SV_PAUSED:
		break;
	default:
		judge(st);
		/* It is known now that it stays so: that is news. */
		if (sv->state == SV_FAILING && service_process(sv) == NO &&
		    was == UNKNOWN && rule(sv) == NO)
			wait_failing(st, NO);
		break;
	}
}

/*
 * It says itself that it is ready; a start command that has not returned yet
 * may have begun what says so.
 */
void
run_told(struct step *st)
{
	struct service *sv = st->sv;

	if (sv->state != SV_STARTING || sv->told ||
	    (sv->phase != PH_COMMAND && sv->phase != PH_READY) ||
	    !service_is_told(sv->conf->ready))
		return;
	sv->told = true;
	if (sv->phase == PH_READY && is_ready(sv, st->ev->now)) {
		started(st);
	}
}

static enum service_outcome
late_start(const struct service *sv)
{
	return (
	    sv->conf->start_timeout_fails ? OUT_FAILED : end_of_failure(sv));
}

static void
ready_timer(struct step *st)
{
	struct service *sv = st->sv;
	int64_t left = sv->conf->start_timeout - (st->ev->now - sv->started);
	char when[32], what[64], text[SERVICE_TEXT];

	if (is_ready(sv, st->ev->now)) {
		started(st);
		return;
	}
	if (left > 0) {
		step_deadline(st, left);
		return;
	}
	step_duration(sv->conf->start_timeout, when, sizeof(when));
	snprintf(what, sizeof(what), "not ready within %s", when);
	if (service_process(sv) != YES)
		snprintf(text, sizeof(text), "%u process%s found", sv->count,
		    (sv->count == 1) ? "" : "es");
	else if (service_is_told(sv->conf->ready))
		snprintf(text, sizeof(text), "it has not said so");
	else
		snprintf(text, sizeof(text), "%s",
		    (sv->check_text[0] != '\0') ? sv->check_text :
						  "its check gives no answer");
	start_failed(st, late_start(sv), what, text);
}

void
run_timer(struct step *st)
{
	struct service *sv = st->sv;

	switch (sv->state) {
	case SV_WAITING:
		if (sv->phase == PH_DELAY) {
			run_look(st, "trying again");
			break;
		}
		sv->settled = true;
		step_enter(st, SV_WAITING, PH_LOOK, "%s",
		    (service_process(sv) == UNKNOWN) ?
			"the process table gives no answer" :
			"its checks give no answer");
		break;
	case SV_STARTING:
		ready_timer(st);
		break;
	case SV_PAUSED:
		pause_end(st, "its pause is over");
		break;
	case SV_FAILED:
		dw_backoff_reset(&sv->backoff);
		sv->ntries = sv->next_try = 0;
		run_look(st, "trying again after its hold");
		break;
	default:
		break;
	}
}

/* A detached service may have been started by someone else meanwhile. */
static void
before_done(struct step *st, bool ok, const char *text)
{
	struct service *sv = st->sv;
	bool child = (sv->conf->type == SERVICE_CHILD);

	if (!child && service_process(sv) == YES)
		found(st, "found running");
	else if (!child && sv->count > 0)
		run_start_failed(st, "before-start", "other processes came");
	else if (!ok)
		run_start_failed(st, "before-start", text);
	else
		launch(st);
}

/* Its processes may have gone meanwhile; a child's end was told at once. */
static void
post_done(struct step *st, bool ok, const char *text)
{
	if (!ok)
		run_start_failed(st, "after-start", text);
	else if (service_process(st->sv) != YES)
		run_start_failed(st, "after-start", "its process has gone");
	else {
		up(st, "started");
		ask(st);
	}
}

void
run_cmd_done(struct step *st, bool ok, const char *text)
{
	struct service *sv = st->sv;

	if (sv->phase == PH_BEFORE) {
		before_done(st, ok, text);
		return;
	}
	if (sv->phase == PH_POST) {
		post_done(st, ok, text);
		return;
	}
	if (!ok) {
		start_failed(st,
		    sv->cmd_late ? late_start(sv) : end_of_failure(sv),
		    "start command", text);
		return;
	}
	sv->counted = false;
	await_ready(st);
	step_act(st, SA_SCAN);
}

void
run_warn(struct step *st)
{
	struct service *sv = st->sv;
	char buf[SERVICE_TEXT];
	enum truth r;

	if (sv->conf->warn_when.len == 0)
		return;
	if (sv->state != SV_UP && sv->state != SV_FAILING &&
	    sv->state != SV_PAUSED) {
		sv->warned = false;
		return;
	}
	r = eval(sv, &sv->conf->warn_when, sv->ready);
	if (r == YES && !sv->warned)
		step_note(st, "warn-when holds: %.200s",
		    check_fails(sv) || service_process(sv) != YES ?
			trouble(sv, buf, sizeof(buf)) :
			"nothing is wrong besides");
	else if (r == NO && sv->warned)
		step_note(st, "warn-when does not hold any more");
	if (r != UNKNOWN)
		sv->warned = (r == YES);
}
