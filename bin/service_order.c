/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The state machine of one service: what it hears of other services, those it
 * comes after and those that require it.  Who they are it does not know; what
 * is told, and when, is decided in order_run.c.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "service_int.h"

/*
 * Held, it only does not begin to start: what runs already was found running,
 * and is left alone.
 */
void
order_told(struct step *st)
{
	struct service *sv = st->sv;
	const char *text = (st->ev->text != NULL) ? st->ev->text : "others";
	bool news;

	sv->needed = st->ev->needed;
	sv->hold = st->ev->hold;
	news = sv->hold &&
	    strncmp(sv->hold_text, text, sizeof(sv->hold_text) - 1) != 0;
	snprintf(
	    sv->hold_text, sizeof(sv->hold_text), "%s", sv->hold ? text : "");
	if (sv->phase == PH_REQUIRE && !sv->hold)
		run_look(st, text);
	else if (sv->phase == PH_REQUIRE && news)
		step_enter(st, SV_WAITING, PH_REQUIRE, "%s", sv->hold_text);
	else if (sv->phase == PH_NEEDED && !sv->needed)
		stop_first(st);
}

/*
 * What it requires has ended or is to be stopped.  That is no failure of its
 * own: it costs neither a delay nor one of the tries of give-up.
 */
void
order_yield(struct step *st)
{
	struct service *sv = st->sv;

	if (sv->state != SV_STARTING && sv->state != SV_UP &&
	    sv->state != SV_FAILING)
		return;
	sv->manual = true;
	step_doubt_count(sv);
	stop_begin(st, true,
	    (st->ev->text != NULL) ? st->ev->text : "what it requires is gone");
}
