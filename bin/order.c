/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The graph of services: sorted, so that each stands behind all that it comes
 * after, and its cycles.  It knows nothing of states.  A chain may be as long
 * as there are services: nothing here recurses.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "order.h"

struct order_arcs
order_before(const struct order *o, uint32_t i)
{
	return ((struct order_arcs) {
	    .arcs = &o->before[o->before_at[i]],
	    .n = o->before_at[i + 1] - o->before_at[i],
	});
}

struct order_arcs
order_behind(const struct order *o, uint32_t i)
{
	return ((struct order_arcs) {
	    .arcs = &o->behind[o->behind_at[i]],
	    .n = o->behind_at[i + 1] - o->behind_at[i],
	});
}

/* A counting sort: the arcs of a node keep the order they were given in. */
static void
sort_arcs(const struct order *o, const struct order_arc *arcs, size_t narcs,
    bool back, struct order_arc *out, uint32_t *at)
{
	for (size_t i = 0; i < narcs; i++)
		at[(back ? arcs[i].to : arcs[i].from) + 1]++;
	for (uint32_t i = 0; i < o->n; i++)
		at[i + 1] += at[i];
	for (size_t i = narcs; i > 0; i--) {
		uint32_t key = back ? arcs[i - 1].to : arcs[i - 1].from;

		/* The ends count down to the beginnings. */
		out[--at[key + 1]] = arcs[i - 1];
	}
	/* at[k + 1] is now where k begins. */
	memmove(at, at + 1, o->n * sizeof(*at));
	at[o->n] = (uint32_t)narcs;
}

/* Whoever comes after nobody first; false: some are left, in a cycle. */
static bool
sort_nodes(struct order *o, uint32_t *missing)
{
	uint32_t done = 0;

	o->queue_len = 0;
	for (uint32_t i = 0; i < o->n; i++) {
		missing[i] = (uint32_t)order_before(o, i).n;
		if (missing[i] == 0)
			o->sorted[o->queue_len++] = i;
	}
	while (done < o->queue_len) {
		struct order_arcs behind = order_behind(o, o->sorted[done++]);

		for (size_t i = 0; i < behind.n; i++)
			if (--missing[behind.arcs[i].from] == 0)
				o->sorted[o->queue_len++] = behind.arcs[i].from;
	}
	o->queue_len = 0;
	return (done == o->n);
}

int
order_init(
    struct order *o, uint32_t n, const struct order_arc *arcs, size_t narcs)
{
	memset(o, 0, sizeof(*o));
	o->n = n;
	o->before = calloc(narcs + 1, sizeof(*o->before));
	o->behind = calloc(narcs + 1, sizeof(*o->behind));
	o->before_at = calloc((size_t)n + 2, sizeof(*o->before_at));
	o->behind_at = calloc((size_t)n + 2, sizeof(*o->behind_at));
	o->sorted = calloc((size_t)n + 1, sizeof(*o->sorted));
	o->nodes = calloc((size_t)n + 1, sizeof(*o->nodes));
	o->queue = calloc((size_t)n + 1, sizeof(*o->queue));
	if (o->before == NULL || o->behind == NULL || o->before_at == NULL ||
	    o->behind_at == NULL || o->sorted == NULL || o->nodes == NULL ||
	    o->queue == NULL) {
		order_free(o);
		errno = ENOMEM;
		return (-1);
	}
	sort_arcs(o, arcs, narcs, false, o->before, o->before_at);
	sort_arcs(o, arcs, narcs, true, o->behind, o->behind_at);
	/* The queue is empty yet, and has the room that sorting needs. */
	if (!sort_nodes(o, o->queue)) {
		errno = EDEADLK;
		return (-1);
	}
	for (uint32_t i = 0; i < n; i++)
		order_changed(o, o->sorted[i]);
	return (0);
}

void
order_free(struct order *o)
{
	free(o->before);
	free(o->behind);
	free(o->before_at);
	free(o->behind_at);
	free(o->sorted);
	free(o->nodes);
	free(o->queue);
	memset(o, 0, sizeof(*o));
}

/* A search in depth: the way to where it is, and who was seen. */
struct walk {
	const struct order *o;
	uint32_t *next; /* the arc to take next, of each node */
	enum {
		NEW,
		OPEN,
		CLOSED
	} * seen;
	const struct order_arc **way;
	size_t len;
	order_cycle_cb *cb;
	void *arg;
};

/* The way has come back to a node that it went through. */
static void
tell_cycle(struct walk *w, const struct order_arc *last)
{
	size_t first = w->len;

	while (w->way[first - 1]->from != last->to)
		first--;
	w->way[w->len] = last;
	w->cb(w->way + first - 1, w->len - first + 2, w->arg);
}

static void
walk_from(struct walk *w, uint32_t root)
{
	uint32_t at = root;

	w->len = 0;
	w->seen[root] = OPEN;
	for (;;) {
		struct order_arcs arcs = order_before(w->o, at);
		const struct order_arc *arc;

		if (w->next[at] == arcs.n) {
			w->seen[at] = CLOSED;
			if (w->len == 0)
				return;
			at = w->way[--w->len]->from;
			continue;
		}
		arc = &arcs.arcs[w->next[at]++];
		if (w->seen[arc->to] == OPEN)
			tell_cycle(w, arc);
		else if (w->seen[arc->to] == NEW) {
			w->way[w->len++] = arc;
			at = arc->to;
			w->seen[at] = OPEN;
		}
	}
}

int
order_cycles(const struct order *o, order_cycle_cb *cb, void *arg)
{
	struct walk w = {.o = o, .cb = cb, .arg = arg};
	int ret = 0;

	w.next = calloc((size_t)o->n + 1, sizeof(*w.next));
	w.seen = calloc((size_t)o->n + 1, sizeof(*w.seen));
	w.way = calloc((size_t)o->n + 1, sizeof(*w.way));
	if (w.next == NULL || w.seen == NULL || w.way == NULL) {
		errno = ENOMEM;
		ret = -1;
	} else {
		for (uint32_t i = 0; i < o->n; i++)
			if (w.seen[i] == NEW)
				walk_from(&w, i);
	}
	free(w.next);
	free(w.seen);
	free(w.way);
	return (ret);
}

/* Both go once over all nodes, in an order in which that is enough. */
void
order_required(const struct order *o, uint32_t i, bool *set)
{
	memset(set, 0, o->n * sizeof(*set));
	set[i] = true;
	for (uint32_t k = o->n; k > 0; k--) {
		struct order_arcs before = order_before(o, o->sorted[k - 1]);

		for (size_t j = 0; set[o->sorted[k - 1]] && j < before.n; j++)
			if (before.arcs[j].requires)
				set[before.arcs[j].to] = true;
	}
	set[i] = false;
}

void
order_requiring(const struct order *o, uint32_t i, bool *set)
{
	memset(set, 0, o->n * sizeof(*set));
	set[i] = true;
	for (uint32_t k = 0; k < o->n; k++) {
		struct order_arcs behind = order_behind(o, o->sorted[k]);

		for (size_t j = 0; set[o->sorted[k]] && j < behind.n; j++)
			if (behind.arcs[j].requires)
				set[behind.arcs[j].from] = true;
	}
	set[i] = false;
}
