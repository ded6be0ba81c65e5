/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What each service is told of those it comes after and of those that come
 * after it.  Nothing here starts or stops anything: services hear that they
 * have to wait (SE_ORDER) or to make way (SE_YIELD), and decide themselves.
 *
 * Nobody waits in a circle: a start waits for services before it, a stop for
 * services behind it to be stopped, and no stop waits for a start.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "order.h"

static void
enqueue(struct order *o, uint32_t i)
{
	if (o->nodes[i].queued)
		return;
	o->nodes[i].queued = true;
	o->queue[(o->queue_head + o->queue_len++) % o->n] = i;
}

void
order_changed(struct order *o, uint32_t i)
{
	enqueue(o, i);
}

static bool
is_serving(enum service_state state)
{
	return (state == SV_UP || state == SV_FAILING || state == SV_PAUSED);
}

void
order_state_changed(struct order *o, uint32_t i, const struct service *sv,
    const struct service_action *changed)
{
	struct order_node *node = &o->nodes[i];
	/* Who required it, required that it does its work. */
	bool done = sv->finished || sv->outcome == OUT_DONE;

	if (is_serving(changed->from) && !is_serving(changed->to) && !done) {
		node->fell = true;
		snprintf(node->fell_text, sizeof(node->fell_text), "%.79s",
		    changed->text);
	}
	enqueue(o, i);
}

/* One that waits is on its way if all that it waits for are. */
static bool
waits_in_vain(const struct order *o, uint32_t i)
{
	struct order_arcs before = order_before(o, i);

	for (size_t k = 0; k < before.n; k++) {
		const struct order_fact *f = &o->nodes[before.arcs[k].to].fact;

		if (before.arcs[k].requires && !f->up && !f->moving)
			return (true);
	}
	return (false);
}

static bool
is_moving(const struct order *o, uint32_t i, const struct service *sv)
{
	if (!sv->want)
		return (false);
	switch (sv->state) {
	case SV_STARTING:
		return (true);
	case SV_STOPPING:
		return (sv->again);
	case SV_WAITING:
		if (sv->phase == PH_REQUIRE)
			return (!waits_in_vain(o, i));
		return (sv->phase == PH_LOOK);
	default:
		return (false);
	}
}

static enum order_why
why_down(const struct service *sv)
{
	if (sv->state == SV_FAILED)
		return (WHY_FAILED);
	if (sv->state == SV_PAUSED)
		return (WHY_PAUSED);
	if (!sv->want)
		return (WHY_STOPPED);
	return (WHY_NOT_YET);
}

static struct order_fact
fact_of(const struct order *o, uint32_t i, const struct service *sv)
{
	struct order_fact f = {.why = WHY_STOPPED};

	if (sv == NULL)
		return (f);
	f.up = (is_serving(sv->state) && sv->ready) || sv->finished;
	f.moving = is_moving(o, i, sv);
	f.stopping = (sv->state == SV_STOPPING);
	f.live = f.stopping || sv->state == SV_STARTING || sv->state == SV_UP ||
	    sv->state == SV_FAILING;
	f.why = f.up ? WHY_NONE : why_down(sv);
	return (f);
}

static bool
same_fact(const struct order_fact *a, const struct order_fact *b)
{
	return (a->up == b->up && a->moving == b->moving &&
	    a->live == b->live && a->stopping == b->stopping &&
	    a->why == b->why);
}

/*
 * The others are looked at anew: the news of one may be on their way here
 * while it has moved on.
 */
static struct order_fact
fact_now(const struct order *o, const struct order_world *w, uint32_t i)
{
	return (fact_of(o, i, w->look(w->arg, i)));
}

/* Who makes this one wait, and why; WHY_NONE: nobody. */
static enum order_why
who_holds(const struct order *o, const struct order_world *w, uint32_t i,
    uint32_t *by)
{
	struct order_arcs before = order_before(o, i);

	for (size_t k = 0; k < before.n; k++) {
		const struct order_arc *arc = &before.arcs[k];
		struct order_fact f = fact_now(o, w, arc->to);

		*by = arc->to;
		if (arc->requires && !f.up)
			return (f.why);
		if (!arc->requires && f.moving && !f.up)
			return (WHY_NOT_YET);
	}
	*by = 0;
	return (WHY_NONE);
}

/* Is there one that has to be stopped before this one is? */
static bool
is_needed(const struct order *o, const struct order_world *w, uint32_t i)
{
	struct order_arcs behind = order_behind(o, i);

	for (size_t k = 0; k < behind.n; k++) {
		struct order_fact f = fact_now(o, w, behind.arcs[k].from);

		if (f.stopping || (behind.arcs[k].requires && f.live))
			return (true);
	}
	return (false);
}

static void
say_why(char *buf, size_t len, const char *name, enum order_why why)
{
	static const char *const texts[] = {
	    [WHY_NONE] = "",
	    [WHY_NOT_YET] = "is not up yet",
	    [WHY_STOPPED] = "is stopped",
	    [WHY_FAILED] = "has failed",
	    [WHY_PAUSED] = "is paused and not up",
	};

	snprintf(buf, len, "waits for %s, which %s", name, texts[why]);
}

/* Tell it what has changed for it since it was told last. */
static void
tell(struct order *o, const struct order_world *w, uint32_t i)
{
	struct order_told now = {.needed = is_needed(o, w, i)};
	struct order_told *was = &o->nodes[i].told;
	struct service_event ev = {.kind = SE_ORDER};
	char text[SERVICE_TEXT];

	now.why = who_holds(o, w, i, &now.by);
	ev.hold = (now.why != WHY_NONE);
	ev.needed = now.needed;
	if (now.needed == was->needed && now.why == was->why &&
	    now.by == was->by)
		return;
	if (ev.hold)
		say_why(text, sizeof(text), w->name(w->arg, now.by), now.why);
	else if (fact_now(o, w, was->by).up)
		snprintf(
		    text, sizeof(text), "%s is up", w->name(w->arg, was->by));
	else
		snprintf(text, sizeof(text), "%s is not waited for any more",
		    w->name(w->arg, was->by));
	ev.text = text;
	*was = now;
	w->step(w->arg, i, &ev);
}

/* Those that require it have to make way. */
static void
ask_to_yield(struct order *o, const struct order_world *w, uint32_t i)
{
	struct order_arcs behind = order_behind(o, i);
	char text[SERVICE_TEXT];

	snprintf(text, sizeof(text), "%s, which it requires: %s",
	    w->name(w->arg, i), o->nodes[i].fell_text);
	for (size_t k = 0; k < behind.n; k++) {
		struct service_event ev = {.kind = SE_YIELD, .text = text};
		uint32_t who = behind.arcs[k].from;

		if (!behind.arcs[k].requires || w->look(w->arg, who) == NULL)
			continue;
		/* Not before it knows that it has to wait. */
		tell(o, w, who);
		w->step(w->arg, who, &ev);
	}
}

static void
look_at(struct order *o, const struct order_world *w, uint32_t i)
{
	struct order_node *node = &o->nodes[i];
	const struct service *sv = w->look(w->arg, i);
	struct order_fact fact = fact_of(o, i, sv);
	struct order_arcs before = order_before(o, i);
	struct order_arcs behind = order_behind(o, i);
	bool fell = node->fell;

	node->fell = false;
	if (!same_fact(&fact, &node->fact)) {
		node->fact = fact;
		for (size_t k = 0; k < before.n; k++)
			enqueue(o, before.arcs[k].to);
		for (size_t k = 0; k < behind.n; k++)
			enqueue(o, behind.arcs[k].from);
	}
	if (sv == NULL)
		return;
	tell(o, w, i);
	/* Also one that has come to life only since. */
	if (fell || sv->phase == PH_NEEDED)
		ask_to_yield(o, w, i);
}

void
order_run(struct order *o, const struct order_world *w)
{
	while (o->queue_len > 0) {
		uint32_t i = o->queue[o->queue_head];

		o->queue_head = (o->queue_head + 1) % o->n;
		o->queue_len--;
		o->nodes[i].queued = false;
		look_at(o, w, i);
	}
}

bool
order_moving(const struct order *o, uint32_t i)
{
	return (o->nodes[i].fact.moving);
}
