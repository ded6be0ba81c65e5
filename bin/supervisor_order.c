/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The order of the units: lets order_run() see and tell them, and sends what
 * an operator wants of several in the order in which it can be done.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "supervisor.h"

static const struct service *
look(void *arg, uint32_t i)
{
	const struct supervisor *sup = arg;

	return (sup->units[i]->left ? NULL : &sup->units[i]->sv);
}

static const char *
name(void *arg, uint32_t i)
{
	const struct supervisor *sup = arg;

	return (sup->units[i]->conf->name);
}

static void
step(void *arg, uint32_t i, struct service_event *ev)
{
	const struct supervisor *sup = arg;

	unit_step(sup->units[i], ev);
}

int
supervisor_order_init(struct supervisor *sup)
{
	const struct config *c = sup->conf;
	struct order_arc *arcs;
	size_t n = 0;
	int ret;

	for (size_t i = 0; i < c->nservices; i++)
	n += c->services[i].requires.n + c->services[i].after.n;
	arcs = calloc(n + 1, sizeof(*arcs));
	if (arcs == NULL)
		return (-1);
	n = 0;
	for (uint32_t i = 0; i < c->nservices; i++) {
		const struct service_refs *refs = &c->services[i].requires;

		for (size_t k = 0; k < refs->n; k++)
			arcs[n++] =
			    (struct order_arc) {i, refs->refs[k].index, true};
		refs = &c->services[i].after;
		for (size_t k = 0; k < refs->n; k++)
			arcs[n++] =
			    (struct order_arc) {i, refs->refs[k].index, false};
	}
	ret = order_init(&sup->order, (uint32_t)c->nservices, arcs, n);
	free(arcs);
	return (ret);
}

void
supervisor_order_run(struct supervisor *sup)
{
	const struct order_world world = {look, name, step, sup};

	order_run(&sup->order, &world);
}

/* Paused under the daemonwatch before this one: so it stays. */
static void
pause_again(struct unit *u)
{
	struct service_event ev = {.kind = SE_PAUSE, .ok = true};

	if (u->pause != SERVICE_NEVER)
		ev.delay = u->pause - dw_loop_now(u->sup->loop);
	unit_step(u, &ev);
}

/* What it comes after first. */
void
supervisor_start_all(struct supervisor *sup)
{
	for (uint32_t i = 0; i < sup->nunits; i++) {
		struct unit *u = sup->units[sup->order.sorted[i]];

		/* It hears whether it has to wait. */
		supervisor_order_run(sup);
		if (u->held)
			unit_event(u, SE_STOP, NULL);
		else if (u->pause != 0)
			pause_again(u);
		else if (u->sv.state == SV_STOPPED && !u->sv.finished)
			unit_event(u, SE_START, NULL);
	}
	supervisor_order_run(sup);
}

/* Those that come after others first. */
void
supervisor_stop_all(struct supervisor *sup)
{
	for (size_t i = sup->nunits; i > 0; i--) {
		struct unit *u = sup->units[sup->order.sorted[i - 1]];

		supervisor_order_run(sup);
		if (sup->keep_all || u->conf->on_exit == ON_EXIT_LEAVE) {
			/* A child that is left is for the next to adopt. */
			if (u->sv.running)
				sup->keep = true;
			unit_leave(u);
			order_changed(&sup->order, u->at);
		} else
			unit_event(u, SE_STOP, "daemonwatch is being stopped");
	}
	supervisor_order_run(sup);
}

/*
 * Whom does it concern besides?  A start needs what is required and not up; a
 * stop or restart takes those along that require it and live.
 */
static bool
is_along(const struct service *sv, enum service_event_kind kind)
{
	if (kind == SE_START || kind == SE_RESTART)
		return ((sv->state == SV_STOPPED && !sv->finished) ||
		    sv->state == SV_FAILED);
	return (sv->state == SV_STARTING || sv->state == SV_UP ||
	    sv->state == SV_FAILING);
}

static void
add_along(struct supervisor *sup, uint32_t i, enum service_event_kind kind,
    bool *set, enum steer *steers)
{
	if (kind == SE_PAUSE || kind == SE_RESUME)
		return;
	if (kind == SE_STOP)
		order_requiring(&sup->order, i, set);
	else
		order_required(&sup->order, i, set);
	for (uint32_t k = 0; k < sup->nunits; k++)
		if (set[k] && steers[k] == STEER_NONE &&
		    is_along(&sup->units[k]->sv, kind))
			steers[k] =
			    (kind == SE_STOP) ? STEER_YIELDS : STEER_STARTED;
	if (kind != SE_RESTART)
		return;
	order_requiring(&sup->order, i, set);
	for (uint32_t k = 0; k < sup->nunits; k++)
		if (set[k] && steers[k] == STEER_NONE &&
		    is_along(&sup->units[k]->sv, SE_STOP))
			steers[k] = STEER_YIELDS;
}

/* A pause of one that nobody wants up, an end of none. */
static bool
is_idle(const struct service *sv, enum service_event_kind kind)
{
	if (kind == SE_PAUSE)
		return (!sv->want || service_is_over(sv));
	return (kind == SE_RESUME && sv->state != SV_PAUSED && !sv->pausing);
}

static void
steer_one(
    struct supervisor *sup, struct unit *u, const struct service_event *wish)
{
	struct service_event ev = *wish;

	/* When we end, all are stopped: that is no wish to remember. */
	if (!sup->stopping && ev.kind != SE_PAUSE && ev.kind != SE_RESUME)
		u->held = (ev.kind == SE_STOP);
	unit_step(u, &ev);
	/* Also one that was down already. */
	supervisor_changed(sup, u);
	supervisor_order_run(sup);
}

int
supervisor_steer(
    struct supervisor *sup, const struct service_event *ev, enum steer *steers)
{
	const struct service_event start = {.kind = SE_START};
	enum service_event_kind kind = ev->kind;
	bool *set = calloc(sup->nunits + 1, sizeof(*set));
	const uint32_t *sorted = sup->order.sorted;

	if (set == NULL)
		return (-1);
	supervisor_order_run(sup);
	for (uint32_t i = 0; i < sup->nunits; i++)
		if (steers[i] == STEER_NAMED &&
		    is_idle(&sup->units[i]->sv, kind))
			steers[i] = STEER_IGNORED;
		else if (steers[i] == STEER_NAMED)
			add_along(sup, i, kind, set, steers);
	free(set);
	/* A restart begins with a stop. */
	for (size_t i = sup->nunits; kind != SE_START && i > 0; i--)
		if (steers[sorted[i - 1]] == STEER_NAMED)
			steer_one(sup, sup->units[sorted[i - 1]], ev);
	for (size_t i = 0;
	     (kind == SE_START || kind == SE_RESTART) && i < sup->nunits; i++)
		if (steers[sorted[i]] == STEER_STARTED ||
		    (kind == SE_START && steers[sorted[i]] == STEER_NAMED))
			steer_one(sup, sup->units[sorted[i]], &start);
	return (0);
}
