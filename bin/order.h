/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The order among services: who requires whom, who comes after whom.  Pure but
 * for memory: order.c is the graph, order_run.c decides from the states of all
 * services what each is told by SE_ORDER and SE_YIELD (service.h).
 */
#ifndef BIN_ORDER_H
#define BIN_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "service.h"

/* `from` comes after `to`; and if it requires it, is never up without. */
struct order_arc {
	uint32_t from, to;
	bool requires;
};

/* Why one has to wait for another: what is wrong with that one. */
enum order_why {
	WHY_NONE,
	WHY_NOT_YET,
	WHY_STOPPED,
	WHY_FAILED,
	WHY_PAUSED
};

/* What the others need to know of a service. */
struct order_fact {
	bool up;       /* others may start on it */
	bool moving;   /* it is on its way to be up */
	bool live;     /* it is to be stopped before what it requires */
	bool stopping; /* it is being stopped now */
	enum order_why why;
};

/* What a service was told last. */
struct order_told {
	bool needed;
	enum order_why why; /* WHY_NONE: it is not held */
	uint32_t by;
};

struct order_node {
	struct order_fact fact;
	struct order_told told;
	bool queued;
	/* It was up since it was looked at last, and then was not: why. */
	bool fell;
	char fell_text[80];
};

struct order {
	uint32_t n;
	struct order_arc *before; /* sorted by from: what each comes after */
	struct order_arc *behind; /* the same sorted by to */
	uint32_t *before_at,
	    *behind_at;	  /* where those of a node begin; n + 1 */
	uint32_t *sorted; /* each behind all that it comes after */
	struct order_node *nodes;
	uint32_t *queue; /* ring of nodes to be looked at again */
	uint32_t queue_head, queue_len;
};

/*
 * Arcs from a node to itself must not be among them.  0; or -1 with ENOMEM, or
 * with EDEADLK if there is a cycle: nothing is sorted then, and only
 * order_cycles() and order_free() have a meaning.
 */
int order_init(
    struct order *o, uint32_t n, const struct order_arc *arcs, size_t narcs);
void order_free(struct order *o);

struct order_arcs {
	const struct order_arc *arcs;
	size_t n;
};
struct order_arcs order_before(const struct order *o, uint32_t i);
struct order_arcs order_behind(const struct order *o, uint32_t i);

/*
 * Each cycle that a search in depth comes upon, as its arcs, each going on
 * where the one before it ends.  -1 with ENOMEM.
 */
typedef void order_cycle_cb(
    const struct order_arc *const *arcs, size_t n, void *arg);
int order_cycles(const struct order *o, order_cycle_cb *cb, void *arg);

/* Mark in set[] all that i requires (or that require it), at any distance. */
void order_required(const struct order *o, uint32_t i, bool *set);
void order_requiring(const struct order *o, uint32_t i, bool *set);

/* The services, as order_run() sees and drives them. */
struct order_world {
	/* NULL: it has been let go of. */
	const struct service *(*look)(void *arg, uint32_t i);
	const char *(*name)(void *arg, uint32_t i);
	/* SE_ORDER or SE_YIELD; must not come back to order_run(). */
	void (*step)(void *arg, uint32_t i, struct service_event *ev);
	void *arg;
};

/* Something about i has changed; its state has, by this cause. */
void order_changed(struct order *o, uint32_t i);
void order_state_changed(struct order *o, uint32_t i, const struct service *sv,
    const struct service_action *changed);
/* Tell everybody what has to be told, until nothing changes any more. */
void order_run(struct order *o, const struct order_world *w);
/* Will it be up, or try to, without anybody doing anything? */
bool order_moving(const struct order *o, uint32_t i);

#endif
