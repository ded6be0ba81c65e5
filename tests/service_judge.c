/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The shadow's rules: what no step of a service's state machine may do, and
 * what must come of it.  model_step() is here, as it applies them.
 */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "service_shadow.h"

#define BIT(n) (1u << (n))

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
		return (shadow_broke(m, "an event out of place has effects"));
	if (memcmp(&v->was, &m->sv, sizeof(v->was)) != 0 ||
	    memcmp(v->checks, m->checks, sizeof(v->checks)) != 0 ||
	    memcmp(v->answers, m->answers, sizeof(v->answers)) != 0 ||
	    memcmp(v->failed, m->failed, sizeof(v->failed)) != 0)
		return (
		    shadow_broke(m, "an event out of place changes the state"));
	return (0);
}

/* Nothing may live, as far as can be known, and an operator wants it up. */
static int
check_may_start(const struct view *v)
{
	struct model *m = v->m;
	const struct shadow *sh = &m->shadow;

	if (m->sv.state != SV_STARTING)
		return (
		    shadow_broke(m, "a start that is not in state starting"));
	if (m->sv.hold && v->was.state != SV_STARTING)
		return (shadow_broke(m, "a start though it is held"));
	if (!m->sv.want || !sh->wish)
		return (shadow_broke(m, "a start that nobody wants"));
	if (sh->spawning || sh->cmd)
		return (
		    shadow_broke(m, "a start while a spawn or command is out"));
	if (m->conf.type == SERVICE_CHILD && sh->live)
		return (shadow_broke(m, "a start while the child lives"));
	if (m->conf.type == SERVICE_DETACHED &&
	    (!m->sv.counted || sh->count > 0))
		return (shadow_broke(m, "a start while processes may live"));
	return (0);
}

static int
see_run(struct view *v, enum service_command command)
{
	struct model *m = v->m;
	struct shadow *sh = &m->shadow;
	bool detached = (m->conf.type == SERVICE_DETACHED);

	if (sh->cmd || sh->spawning)
		return (shadow_broke(m, "a command while another is out"));
	switch (command) {
	case CMD_BEFORE_START:
		if (check_may_start(v) == -1)
			return (-1);
		break;
	case CMD_START:
		if (!detached)
			return (shadow_broke(m, "a start command of a child"));
		if (check_may_start(v) == -1)
			return (-1);
		sh->status = DW_STATUS_NONE;
		shadow_forget_answers(sh);
		sh->told = false;
		break;
	case CMD_AFTER_START:
		if (m->sv.state != SV_STARTING ||
		    m->conf.after_start.argv == NULL)
			return (shadow_broke(m, "after-start out of place"));
		if (service_process(&m->sv) != YES)
			return (shadow_broke(
			    m, "after-start of what is not there"));
		break;
	case CMD_STOP:
		if (m->sv.state != SV_STOPPING || m->conf.stop.argv == NULL)
			return (shadow_broke(m, "a stop command out of place"));
		break;
	case CMD_AFTER_STOP:
		if (m->sv.state != SV_STOPPING ||
		    m->conf.after_stop.argv == NULL)
			return (shadow_broke(m, "after-stop out of place"));
		if (sh->live || (detached && (!m->sv.counted || sh->count > 0)))
			return (shadow_broke(
			    m, "after-stop while something lives"));
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
		return (shadow_broke(m, "a signal while not stopping"));
	if (m->conf.type == SERVICE_CHILD ? !sh->live :
					    m->sv.counted && sh->count == 0)
		return (shadow_broke(m, "a signal to nobody"));
	if (!sh->termed)
		sh->step = 0;
	else if (v->ev->kind == SE_TIMER && v->ev->now >= sh->patience &&
	    sh->step + 1 < m->conf.nstop_steps)
		sh->step++;
	if (signo != m->conf.stop_steps[sh->step].signo)
		return (
		    shadow_broke(m, "the wrong signal, or before its time"));
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
		return (shadow_broke(m, "no command to signal"));
	if (sh->cmd_signo == signo || sh->cmd_signo == SIGKILL)
		return (shadow_broke(m, "a command is signalled twice"));
	if (signo == SIGKILL && v->ev->kind != SE_TIMER)
		return (
		    shadow_broke(m, "a command is killed before its deadline"));
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
		return (shadow_broke(m, "a start without a look before it"));
	if (sh->verdict != OUT_AGAIN)
		return (shadow_broke(m, "started again, though it is over"));
	if (!sh->asked && !sh->delayed) {
		if (sh->failed || v->was.state == SV_STARTING)
			return (shadow_broke(
			    m, "tried at once after a failed start"));
		if (sh->hurried && m->sv.backoff.max > 0)
			return (
			    shadow_broke(m, "started at once a second time"));
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
		return (shadow_broke(m, "a change from %s, but it was %s",
		    service_state_name(a->from), service_state_name(*at)));
	if (a->text[0] == '\0')
		return (shadow_broke(m, "a change without a cause"));
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
		return (shadow_broke(m, "%zu actions in one step", v->out->n));
	for (size_t i = 0; i < v->out->n && ret == 0; i++) {
		const struct service_action *a = &v->out->a[i];

		switch (a->kind) {
		case SA_SPAWN:
			ret = check_may_start(v);
			if (ret == 0 && m->conf.type != SERVICE_CHILD)
				ret = shadow_broke(m, "a spawn of no child");
			m->shadow.spawning = true;
			m->shadow.status = DW_STATUS_NONE;
			m->shadow.told = false;
			shadow_forget_answers(&m->shadow);
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
				ret = shadow_broke(
				    m, "a command dropped too early");
			m->shadow.cmd = false;
			break;
		case SA_SIGNAL:
			ret = see_signal(v, a->signo);
			break;
		case SA_SCAN:
			if (m->conf.type != SERVICE_DETACHED)
				ret = shadow_broke(m, "a scan for a child");
			break;
		case SA_CHECK:
			if (m->conf.nchecks == 0)
				ret =
				    shadow_broke(m, "there is no check to ask");
			break;
		case SA_CHANGED:
			ret = see_changed(v, a, &at);
			break;
		case SA_NOTE:
			if (a->text[0] == '\0')
				ret = shadow_broke(m, "an empty note");
			break;
		}
	}
	if (ret == 0 && at != m->sv.state)
		ret = shadow_broke(m, "an untold change to %s",
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
		return (shadow_broke(m, "a phase of another state"));
	if (sh->cmd != ((command & BIT(sv->phase)) != 0))
		return (
		    shadow_broke(m, "the phase and the command do not agree"));
	if (sh->spawning != (sv->phase == PH_SPAWN))
		return (
		    shadow_broke(m, "the phase and the spawn do not agree"));
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
		return (shadow_broke(m, "a command without a deadline"));
	if (sv->deadline != SERVICE_NEVER) {
		if (sv->deadline != v->was.deadline &&
		    sv->deadline <= v->ev->now && sv->phase != PH_READY)
			return (shadow_broke(m, "a deadline that has passed"));
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
	return (shadow_broke(m, "nothing will make it go on"));
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
		return (shadow_broke(m, "it is wrong about its command"));
	if (sv->want != sh->wish)
		return (shadow_broke(m, "it wants what the operator does not"));
	if (sv->running != sh->live)
		return (shadow_broke(m, "it is wrong about its child"));
	if (sv->counted && sv->count != sh->count)
		return (shadow_broke(m, "it is wrong about its processes"));
	if (sv->again && (sv->state != SV_STOPPING || !sv->want))
		return (shadow_broke(m, "again, without need"));
	if (sv->state == SV_UP && service_process(sv) != YES)
		return (shadow_broke(m, "up without a process"));
	if (sv->state == SV_UP && sv->up_since == SERVICE_NEVER)
		return (shadow_broke(m, "up since never"));
	if (!shadow_is_watched(sv) && sv->state != SV_PAUSED &&
	    sv->up_since != SERVICE_NEVER)
		return (shadow_broke(m, "not up, but since some time"));
	if (sv->state == SV_STOPPED ? sv->want :
				      (!sv->want && sv->state != SV_STOPPING))
		return (shadow_broke(m, "the state is not what is wanted"));
	if (sv->state != SV_STOPPED && sv->cause[0] == '\0')
		return (shadow_broke(m, "no cause"));
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
		return (shadow_broke(m, "it did not hear what it was told"));
	if (v->ev->kind != SE_ORDER &&
	    (sv->hold != v->was.hold || sv->needed != v->was.needed))
		return (shadow_broke(m, "it heard what nobody told"));
	if (v->ev->kind == SE_ORDER && shadow_is_watched(&v->was) &&
	    v->out->n != 0)
		return (
		    shadow_broke(m, "held, it does not leave alone what runs"));
	if (v->ev->kind == SE_YIELD && shadow_is_watched(sv))
		return (shadow_broke(m, "it does not make way"));
	/* Up, it makes others stop first, if there is anything to stop. */
	if (sv->needed && shadow_is_watched(&v->was) &&
	    sv->state == SV_STOPPING && sv->phase != PH_NEEDED &&
	    service_process(sv) == YES)
		return (shadow_broke(m, "it stops while others need it"));
	if (sv->phase == PH_NEEDED && has(v->out, SA_SIGNAL))
		return (shadow_broke(m, "a signal while others need it"));
	return (0);
}

static int
check_answers(struct model *m)
{
	const struct shadow_check *c = m->shadow.checks;

	for (size_t i = 0; i < m->conf.nchecks; i++)
		if (c[i].failed != m->failed[i] || c[i].answer != m->answers[i])
			return (shadow_broke(m, "it is wrong about check %s",
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
	bool stays = shadow_is_watched(&m->sv);

	if (v->rule == YES && v->ev->kind == SE_CHECK && v->process != YES &&
	    m->conf.type == SERVICE_DETACHED)
		return (stays && has(v->out, SA_SCAN) ?
			0 :
			shadow_broke(m, "no look before the restart"));
	if (v->rule == YES && !shadow_is_spared(m, v->process))
		return (stays ?
			shadow_broke(m, "restart-when holds, nothing is done") :
			0);
	if (!stays)
		return (shadow_broke(
		    m, "restarted, but restart-when does not hold"));
	if (is_well(v) != (m->sv.state == SV_UP))
		return (shadow_broke(m, "up or failing? %d", m->sv.state));
	if (v->lost && m->conf.nchecks > 0 && !has(v->out, SA_CHECK))
		return (
		    shadow_broke(m, "the process is lost, no check is asked"));
	return (0);
}

/* The same while it looks whether there is anything to be started. */
static int
check_look(const struct view *v)
{
	struct model *m = v->m;
	bool stays = (m->sv.state == SV_WAITING && m->sv.phase == PH_LOOK);

	if (v->process == YES)
		return (
		    m->sv.state == SV_UP ? 0 : shadow_broke(m, "not found"));
	if (v->process == UNKNOWN || v->rule == UNKNOWN)
		return (stays ? 0 : shadow_broke(m, "decided without knowing"));
	if (v->rule == NO)
		return (m->sv.state == SV_FAILING ?
			0 :
			shadow_broke(
			    m, "restart-when does not hold, not failing"));
	if (v->ev->kind == SE_CHECK)
		return (stays && has(v->out, SA_SCAN) ?
			0 :
			shadow_broke(m, "no look before the start"));
	if (m->sv.hold && m->sv.phase == PH_REQUIRE)
		return (0);
	return (stays || shadow_is_watched(&m->sv) ?
		shadow_broke(m, "restart-when holds, it is not started") :
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
		return (shadow_broke(m, "up without a word of it"));
	if (m->sv.phase == PH_READY && m->shadow.told &&
	    m->conf.up_when.len == 0 && service_process(&m->sv) == YES)
		return (shadow_broke(m, "it is ready, but not up"));
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
	enum truth r = shadow_both(service_process(sv), shadow_negation(port));
	bool warned = (r == UNKNOWN) ? v->was.warned : (r == YES);

	if (m->conf.warn_when.len == 0)
		return (sv->warned ? shadow_broke(m, "warned of nothing") : 0);
	if (!shadow_is_watched(sv) && sv->state != SV_PAUSED)
		warned = false;
	if (sv->warned != warned)
		return (shadow_broke(m, "it is wrong about its warning"));
	if (sv->warned && !v->was.warned && !has(v->out, SA_NOTE))
		return (shadow_broke(m, "the warning is not told"));
	return (0);
}

/* Paused: is it, does it stay so, and is really nothing done? */
static int
check_pause(const struct view *v)
{
	struct model *m = v->m;
	struct shadow *sh = &m->shadow;
	const struct service *sv = &m->sv;
	bool ends = shadow_is_resumed(&v->was, v->ev) ||
	    v->ev->kind == SE_STOP || v->ev->kind == SE_RESTART;

	if (v->was.state == SV_PAUSED && ends != (sv->state != SV_PAUSED))
		return (shadow_broke(
		    m, "its pause ends when it should not, or not"));
	if (v->was.state == SV_PAUSED && !ends &&
	    (has(v->out, SA_SPAWN) || has(v->out, SA_RUN) ||
		has(v->out, SA_SIGNAL)))
		return (shadow_broke(m, "paused, something is done"));
	if (v->was.state != SV_PAUSED && sv->state == SV_PAUSED && !sh->pausing)
		return (shadow_broke(m, "paused though nobody asked"));
	if (sv->state == SV_PAUSED || sv->state == SV_STOPPED ||
	    service_is_over(sv) ||
	    (!sv->pausing && sv->pause_until <= v->ev->now))
		sh->pausing = false;
	if (sh->pausing && sv->state != SV_STARTING && sv->state != SV_STOPPING)
		return (shadow_broke(m, "it should be paused now"));
	if (sh->pausing && v->was.state != SV_STARTING &&
	    sv->state == SV_STARTING)
		return (shadow_broke(m, "started, though it should be paused"));
	if (sv->state == SV_PAUSED && sv->deadline != sv->pause_until)
		return (shadow_broke(m, "paused for another time"));
	if (sv->pausing != sh->pausing)
		return (shadow_broke(m, "it is wrong about its pause"));
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
	    !was_up(v) && !shadow_is_operator(v->ev) &&
	    v->ev->kind != SE_YIELD && v->ev->kind != SE_EXITED)
		sh->verdict = shadow_verdict_on_start(m, late);
	if (sv->state == SV_STOPPED && v->was.state != SV_STOPPED && sh->wish) {
		if (sh->verdict != OUT_DONE)
			return (shadow_broke(m, "stopped by itself"));
		sh->wish = false;
		if (!sv->finished || !service_is_over(sv))
			return (shadow_broke(m, "not over"));
	}
	if (sv->state == SV_FAILED && v->was.state != SV_FAILED &&
	    sh->verdict != OUT_FAILED && m->conf.give_up == 0)
		return (shadow_broke(m, "failed for no reason"));
	if (sh->verdict != OUT_AGAIN && sv->state != SV_STOPPING &&
	    sv->state != ((sh->verdict == OUT_DONE) ? SV_STOPPED : SV_FAILED))
		return (shadow_broke(m, "it goes on, though it is over"));
	if (sv->finished && sv->want && sv->state != SV_STOPPED)
		return (shadow_broke(m, "finished, but wanted"));
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
		return (shadow_broke(v->m, "up without its after-start"));
	if (v->was.phase == PH_POST && was_up(v) &&
	    (v->ev->kind != SE_CMD_DONE || !v->ev->ok || v->was.cmd_late))
		return (
		    shadow_broke(v->m, "up, though after-start is not done"));
	return (0);
}

static int
check_after(struct view *v)
{
	struct model *m = v->m;
	struct shadow *sh = &m->shadow;
	bool learnt = shadow_is_news(v->ev);

	if (check_end(v) == -1)
		return (-1);
	if (check_phase(m) == -1 || check_waits(v) == -1 ||
	    check_flags(m) == -1 || check_order(v) == -1 ||
	    check_pause(v) == -1)
		return (-1);
	if (check_told(v) == -1 || check_post(v) == -1)
		return (-1);
	if (shadow_is_watched(&v->was) && learnt && check_judgement(v) == -1)
		return (-1);
	if (v->was.phase == PH_LOOK && learnt && check_look(v) == -1)
		return (-1);
	if (v->was.phase != PH_LOOK && m->sv.phase == PH_LOOK)
		shadow_forget_answers(sh);
	/* Someone else started it while before-start ran. */
	if (v->was.phase == PH_READY && was_up(v) && m->conf.up_when.len != 0 &&
	    sh->checks[0].answer != YES)
		return (shadow_broke(m, "up, but up-when does not hold"));
	if (v->was.phase == PH_BEFORE && was_up(v)) {
		shadow_forget_answers(sh);
		sh->status = DW_STATUS_NONE;
	}
	if (v->was.state == SV_STARTING && m->sv.state != SV_STARTING &&
	    !was_up(v) && !shadow_is_operator(v->ev))
		sh->failed = !sh->asked;
	if (was_up(v))
		sh->failed = sh->delayed = sh->asked = false;
	if (m->sv.state != SV_STOPPING)
		sh->termed = sh->killed = false;
	if (v->was.phase == PH_KILL && m->sv.phase == PH_KILL &&
	    v->ev->kind == SE_TIMER && m->conf.type == SERVICE_DETACHED &&
	    !has(v->out, SA_SCAN))
		return (shadow_broke(m, "their end may be missed for ever"));
	if (v->lost && m->sv.state == SV_FAILING && !has(v->out, SA_CHANGED))
		return (shadow_broke(m, "the loss of the process is not told"));
	if (m->sv.state == SV_STOPPED && v->was.state != SV_STOPPED &&
	    m->conf.type == SERVICE_DETACHED && v->ev->kind == SE_STOP)
		return (shadow_broke(m, "stopped without a look"));
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
	v.idle = shadow_is_idle(m, ev);
	shadow_tell(&v);
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
