/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The state machine of one service: events come in here.  What it decides is
 * in service_run.c and service_stop.c.
 */
#include "config.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "service_int.h"

#define NITEMS(a) (sizeof(a) / sizeof((a)[0]))

struct service_action *
step_act(struct step *st, enum service_action_kind kind)
{
	/*
	 * No step needs as many as SERVICE_ACTIONS, which the exhaustive test
	 * shows; the last one is written over rather than memory.
	 */
	struct service_action *a = &st->out->a[st->out->n];

	if (st->out->n < SERVICE_ACTIONS - 1)
		st->out->n++;
	memset(a, 0, sizeof(*a));
	a->kind = kind;
	return (a);
}

void
step_enter(struct step *st, enum service_state state, enum service_phase phase,
    const char *fmt, ...)
{
	struct service *sv = st->sv;
	struct service_action *a = step_act(st, SA_CHANGED);
	va_list ap;

	a->from = sv->state;
	a->to = state;
	va_start(ap, fmt);
	vsnprintf(a->text, sizeof(a->text), fmt, ap);
	va_end(ap);
	memcpy(sv->cause, a->text, sizeof(sv->cause));
	if (state != sv->state)
		sv->since = st->ev->now;
	sv->state = state;
	step_phase(st, phase);
}

void
step_phase(struct step *st, enum service_phase phase)
{
	st->sv->phase = phase;
	st->sv->deadline = SERVICE_NEVER;
}

void
step_deadline(struct step *st, int64_t delay)
{
	if (delay > SERVICE_NEVER - st->ev->now)
		st->sv->deadline = SERVICE_NEVER;
	else
		st->sv->deadline = st->ev->now + delay;
}

void
step_note(struct step *st, const char *fmt, ...)
{
	struct service_action *a = step_act(st, SA_NOTE);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(a->text, sizeof(a->text), fmt, ap);
	va_end(ap);
}

void
step_run(struct step *st, enum service_command command, int64_t timeout)
{
	step_act(st, SA_RUN)->command = command;
	st->sv->cmd = CMD_RUNS;
	st->sv->cmd_late = false;
	step_deadline(st, timeout);
}

void
step_kill_cmd(struct step *st, int signo)
{
	step_act(st, SA_KILL_CMD)->signo = signo;
	if (signo == SIGKILL) {
		st->sv->cmd = CMD_KILLED;
		st->sv->cmd_late = true;
		step_deadline(st, SERVICE_KILL_GRACE);
	} else
		st->sv->cmd = CMD_TERMED;
}

const char *
step_duration(int64_t ns, char *buf, size_t len)
{
	int64_t ms = ns / DW_MS;

	if (ms < 1000)
		snprintf(buf, len, "%jdms", (intmax_t)ms);
	else if (ms % 1000 == 0)
		snprintf(buf, len, "%jds", (intmax_t)(ms / 1000));
	else
		snprintf(buf, len, "%.1fs", (double)ms / 1000.0);
	return (buf);
}

void
step_forget_checks(struct service *sv)
{
	for (size_t i = 0; i < sv->conf->nchecks; i++) {
		memset(&sv->checks[i], 0, sizeof(sv->checks[i]));
		sv->answers[i] = UNKNOWN;
		sv->failed[i] = false;
	}
	sv->check_text[0] = '\0';
}

void
service_init(struct service *sv, const struct service_conf *conf,
    struct service_check *checks, enum truth *answers, bool *failed,
    int64_t *tries)
{
	memset(sv, 0, sizeof(*sv));
	sv->conf = conf;
	sv->deadline = SERVICE_NEVER;
	sv->up_since = SERVICE_NEVER;
	sv->pause_until = SERVICE_NEVER;
	sv->lost_status = DW_STATUS_NONE;
	sv->checks = checks;
	sv->answers = answers;
	sv->failed = failed;
	sv->tries = tries;
	sv->backoff.min = conf->backoff_min;
	sv->backoff.max = conf->backoff_max;
	sv->backoff.jitter = 10;
	step_forget_checks(sv);
}

static void
forget_failures(struct service *sv)
{
	dw_backoff_reset(&sv->backoff);
	sv->ntries = sv->next_try = 0;
	sv->manual = true;
	sv->finished = false;
}

/* It is being stopped, perhaps for another reason. */
static void
start_after(struct service *sv, const char *why)
{
	sv->again = true;
	sv->outcome = OUT_AGAIN;
	snprintf(sv->cause, sizeof(sv->cause), "%s", why);
}

static void
start(struct step *st)
{
	struct service *sv = st->sv;

	sv->want = true;
	sv->pausing = false;
	switch (sv->state) {
	case SV_PAUSED:
		pause_end(st, "asked to start");
		break;
	case SV_STOPPED:
	case SV_FAILED:
		forget_failures(sv);
		run_look(st, "asked to start");
		break;
	case SV_WAITING:
		forget_failures(sv);
		if (sv->phase == PH_DELAY)
			run_look(st, "asked to start");
		break;
	case SV_STOPPING:
		forget_failures(sv);
		start_after(sv, "asked to start");
		break;
	default:
		break;
	}
}

/*
 * Nothing lived when it was last looked, but that may be long ago: someone
 * else may have started it since.
 */
void
step_doubt_count(struct service *sv)
{
	if (sv->count == 0)
		sv->counted = false;
}

static void
stop(struct step *st)
{
	struct service *sv = st->sv;
	const char *why = "asked to stop";

	if (st->ev->text != NULL && st->ev->text[0] != '\0')
		why = st->ev->text;
	sv->want = sv->pausing = false;
	sv->again = false;
	sv->outcome = OUT_AGAIN;
	switch (sv->state) {
	case SV_STOPPED:
		break;
	case SV_STOPPING:
		snprintf(sv->cause, sizeof(sv->cause), "%s", why);
		break;
	default:
		step_doubt_count(sv);
		stop_begin(st, false, why);
		break;
	}
}

static void
restart(struct step *st)
{
	struct service *sv = st->sv;

	sv->want = true;
	sv->pausing = false;
	forget_failures(sv);
	switch (sv->state) {
	case SV_STOPPED:
	case SV_FAILED:
		run_look(st, "asked to restart");
		break;
	case SV_STOPPING:
		start_after(sv, "asked to restart");
		break;
	default:
		step_doubt_count(sv);
		stop_begin(st, true, "asked to restart");
		break;
	}
}

static void
cmd_done(struct step *st, bool ok, const char *text)
{
	struct service *sv = st->sv;

	if (sv->cmd == CMD_NONE)
		return;
	if (sv->cmd_late) {
		ok = false;
		text = "did not end in time and was killed";
	}
	sv->cmd = CMD_NONE;
	if (sv->state == SV_STARTING)
		run_cmd_done(st, ok, text);
	else
		stop_cmd_done(st, ok, text);
}

/* The command of this phase has had its time. */
static void
cmd_overdue(struct step *st)
{
	if (st->sv->cmd != CMD_KILLED) {
		step_kill_cmd(st, SIGKILL);
		return;
	}
	step_act(st, SA_DROP_CMD);
	step_note(st, "a command does not end even by SIGKILL: left alone");
	cmd_done(st, false, NULL);
}

static void
timer(struct step *st)
{
	struct service *sv = st->sv;

	if (st->ev->now < sv->deadline)
		return;
	sv->deadline = SERVICE_NEVER;
	if (sv->cmd != CMD_NONE) {
		cmd_overdue(st);
		return;
	}
	if (sv->state == SV_STOPPING)
		stop_timer(st);
	else
		run_timer(st);
}

static void
procs(struct step *st)
{
	struct service *sv = st->sv;

	if (sv->conf->type != SERVICE_DETACHED)
		return;
	sv->count = st->ev->count;
	sv->counted = true;
	if (st->ev->text != NULL) {
		snprintf(sv->lost, sizeof(sv->lost), "%s", st->ev->text);
		sv->lost_status = st->ev->status;
	}
	if (sv->state == SV_STOPPING)
		stop_progress(st);
	else
		run_procs(st);
}

static void
exited(struct step *st)
{
	struct service *sv = st->sv;

	if (!sv->running)
		return;
	sv->running = false;
	sv->lost_status = st->ev->status;
	snprintf(sv->lost, sizeof(sv->lost), "%s",
	    (st->ev->text != NULL) ? st->ev->text : "ended");
	if (sv->state == SV_STOPPING)
		stop_progress(st);
	else
		run_exited(st);
}

static void
spawned(struct step *st, bool ok)
{
	if (st->sv->phase != PH_SPAWN)
		return;
	step_phase(st, PH_NONE);
	st->sv->running = ok;
	if (st->sv->state == SV_STOPPING)
		stop_first(st);
	else if (ok)
		run_spawned(st);
	else
		run_start_failed(st, "cannot start",
		    (st->ev->text != NULL) ? st->ev->text : "unknown reason");
}

void
service_step(struct service *sv, const struct service_event *ev,
    struct service_actions *out)
{
	struct step st = {sv, ev, out};

	out->n = 0;
	switch (ev->kind) {
	case SE_START:
		start(&st);
		break;
	case SE_STOP:
		stop(&st);
		break;
	case SE_RESTART:
		restart(&st);
		break;
	case SE_TIMER:
		timer(&st);
		break;
	case SE_SPAWNED:
	case SE_SPAWN_FAILED:
		spawned(&st, ev->kind == SE_SPAWNED);
		break;
	case SE_ADOPTED:
		run_adopted(&st);
		break;
	case SE_EXITED:
		exited(&st);
		break;
	case SE_PROCS:
		procs(&st);
		break;
	case SE_CMD_DONE:
		cmd_done(&st, ev->ok, ev->text);
		break;
	case SE_CHECK:
		if (ev->check < sv->conf->nchecks)
			run_check(&st);
		break;
	case SE_READY:
		run_told(&st);
		break;
	case SE_ORDER:
		order_told(&st);
		break;
	case SE_YIELD:
		order_yield(&st);
		break;
	case SE_PAUSE:
		pause_begin(&st);
		break;
	case SE_RESUME:
		pause_end(&st, "asked to resume");
		break;
	case SE_NKINDS:
		break;
	}
	pause_settle(&st);
	run_warn(&st);
}

bool
service_is_told(enum ready_kind ready)
{
	return (ready == READY_NOTIFY || ready == READY_FD ||
	    ready == READY_PIDFILE);
}

enum truth
service_process(const struct service *sv)
{
	if (sv->conf->type == SERVICE_CHILD)
		return (sv->running ? YES : NO);
	if (!sv->counted)
		return (UNKNOWN);
	return (sv->count >= sv->conf->count_min &&
		    sv->count <= sv->conf->count_max ?
		YES :
		NO);
}

enum service_pace
service_wants_checks(const struct service *sv)
{
	if (sv->conf->nchecks == 0)
		return (PACE_NONE);
	switch (sv->state) {
	case SV_WAITING:
		return (sv->phase == PH_LOOK ? PACE_QUICK : PACE_NONE);
	case SV_STARTING:
		if (sv->phase != PH_READY || !run_ready_asks(sv->conf))
			return (PACE_NONE);
		return (PACE_QUICK);
	case SV_UP:
	case SV_FAILING:
	case SV_PAUSED:
		return (PACE_INTERVAL);
	default:
		return (PACE_NONE);
	}
}

enum service_pace
service_wants_scans(const struct service *sv)
{
	if (sv->conf->type != SERVICE_DETACHED)
		return (PACE_NONE);
	switch (sv->state) {
	case SV_WAITING:
		return (sv->phase != PH_DELAY ? PACE_INTERVAL : PACE_NONE);
	case SV_STARTING:
		return (sv->phase == PH_READY ? PACE_QUICK : PACE_NONE);
	case SV_UP:
	case SV_FAILING:
	case SV_PAUSED:
		if (service_process(sv) != YES)
			return (PACE_INTERVAL);
		/* One more of them would go unnoticed otherwise. */
		return (sv->conf->match != NULL && sv->conf->count_set ?
			PACE_INTERVAL :
			PACE_NONE);
	default:
		return (PACE_NONE);
	}
}

const char *
service_state_name(enum service_state state)
{
	static const char *const names[] = {
	    [SV_STOPPED] = "stopped",
	    [SV_WAITING] = "waiting",
	    [SV_STARTING] = "starting",
	    [SV_UP] = "up",
	    [SV_FAILING] = "failing",
	    [SV_STOPPING] = "stopping",
	    [SV_FAILED] = "failed",
	    [SV_PAUSED] = "paused",
	};

	_Static_assert(NITEMS(names) == SV_NSTATES, "a name for each state");
	return ((unsigned)state < NITEMS(names) ? names[state] : "?");
}

const char *
service_phase_name(enum service_phase phase)
{
	static const char *const names[] = {
	    [PH_NONE] = "",
	    [PH_LOOK] = "looking",
	    [PH_DELAY] = "delay",
	    [PH_REQUIRE] = "for others",
	    [PH_BEFORE] = "before-start",
	    [PH_SPAWN] = "spawn",
	    [PH_COMMAND] = "start command",
	    [PH_READY] = "until ready",
	    [PH_POST] = "after-start",
	    [PH_NEEDED] = "others first",
	    [PH_CMD_END] = "ending a command",
	    [PH_SEARCH] = "looking",
	    [PH_STOP_CMD] = "stop command",
	    [PH_STOP_WAIT] = "stop command done",
	    [PH_TERM] = "signalled",
	    [PH_KILL] = "killed",
	    [PH_AFTER] = "after-stop",
	};

	_Static_assert(NITEMS(names) == PH_NPHASES, "a name for each phase");
	return ((unsigned)phase < NITEMS(names) ? names[phase] : "?");
}

const char *
service_command_name(enum service_command command)
{
	switch (command) {
	case CMD_BEFORE_START:
		return ("before-start");
	case CMD_AFTER_START:
		return ("after-start");
	case CMD_START:
		return ("start");
	case CMD_STOP:
		return ("stop");
	case CMD_AFTER_STOP:
		return ("after-stop");
	}
	return ("?");
}
