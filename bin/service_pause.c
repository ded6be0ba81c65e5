/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The state machine of one service: paused by an operator.  Its process and
 * checks are watched and told, and nothing is done about them.  What has been
 * begun, a start or a stop, is brought to its end before.
 */
#include "config.h"

#include <stdio.h>

#include "service_int.h"

/* Nothing is on its way that will end by itself. */
static bool
is_at_rest(const struct service *sv)
{
	return (sv->state == SV_WAITING || sv->state == SV_UP ||
	    sv->state == SV_FAILING || sv->state == SV_FAILED);
}

static void
enter(struct step *st, const char *why)
{
	struct service *sv = st->sv;
	int64_t left = sv->pause_until;
	char when[32];

	if (left == SERVICE_NEVER)
		step_enter(st, SV_PAUSED, PH_NONE, "%s", why);
	else {
		left -= st->ev->now;
		step_enter(st, SV_PAUSED, PH_NONE, "%.180s, for %s", why,
		    step_duration(left > 0 ? left : 0, when, sizeof(when)));
	}
	sv->deadline = sv->pause_until;
	sv->settled = true;
	sv->pausing = false;
}

/* Something about it has changed, and that is all. */
static void
tell(struct step *st, const char *what)
{
	step_enter(st, SV_PAUSED, PH_NONE, "%.180s; it is paused", what);
	st->sv->deadline = st->sv->pause_until;
}

/* Its time may be over before it has begun. */
static bool
is_to_pause(struct step *st)
{
	struct service *sv = st->sv;

	if (sv->pause_until <= st->ev->now)
		sv->pausing = false;
	return (sv->pausing);
}

void
pause_settle(struct step *st)
{
	struct service *sv = st->sv;

	if (!sv->pausing || (is_at_rest(sv) && !is_to_pause(st)))
		return;
	if (sv->state == SV_STOPPED || service_is_over(sv))
		sv->pausing = false;
	else if (is_at_rest(sv))
		enter(st, "asked to pause");
}

bool
pause_instead(struct step *st)
{
	if (!is_to_pause(st))
		return (false);
	enter(st, "asked to pause");
	return (true);
}

void
pause_begin(struct step *st)
{
	struct service *sv = st->sv;
	const struct service_event *ev = st->ev;
	bool fresh = (sv->state == SV_STOPPED && ev->ok);

	/* Nothing is done about one that nobody wants in any case. */
	if ((!sv->want || service_is_over(sv)) && !fresh)
		return;
	sv->pausing = true;
	sv->pause_until = SERVICE_NEVER;
	if (ev->delay > 0 && ev->delay <= SERVICE_NEVER - ev->now)
		sv->pause_until = ev->now + ev->delay;
	if (fresh) {
		sv->want = true;
		sv->finished = sv->counted = sv->present = false;
		enter(st, "was paused before");
		if (sv->conf->type == SERVICE_DETACHED)
			step_act(st, SA_SCAN);
	} else if (sv->state == SV_PAUSED)
		enter(st, "asked to pause");
}

/* Go on with what is there now. */
void
pause_end(struct step *st, const char *why)
{
	struct service *sv = st->sv;

	sv->pausing = false;
	if (sv->state != SV_PAUSED)
		return;
	if (!sv->ran) {
		sv->manual = true;
		dw_backoff_reset(&sv->backoff);
		sv->ntries = sv->next_try = 0;
		run_look(st, why);
	} else
		run_resumed(st, why);
}

void
pause_lost(struct step *st)
{
	struct service *sv = st->sv;

	stop_end_of_run(st);
	sv->present = sv->ready = false;
	step_forget_checks(sv);
	tell(st,
	    (sv->lost[0] != '\0') ? sv->lost :
				    "its processes are not as "
				    "many as they should be");
}

void
pause_procs(struct step *st)
{
	struct service *sv = st->sv;
	bool present = (service_process(sv) == YES);

	if (sv->present && !present)
		pause_lost(st);
	else if (!sv->present && present) {
		sv->present = sv->ran = sv->ready = true;
		sv->manual = false;
		sv->started = st->ev->now;
		sv->lost[0] = '\0';
		sv->lost_status = DW_STATUS_NONE;
		step_forget_checks(sv);
		tell(st, "found running");
	}
}
