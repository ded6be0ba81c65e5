/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The order among services: the graph, and long walks of several state
 * machines that hear of each other.  Nothing may start before what it requires
 * is up, nothing may be stopped while those that require it live, and when the
 * faults end all must come up, and all must stop.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "order.h"
#include "service_model.h"

#define NITEMS(a) (sizeof(a) / sizeof((a)[0]))
#define NODES 6
#define WALKS 1500
#define SLOW_WALKS 60
#define STEPS 400
#define SETTLE 4000

static uint64_t seed;

static uint32_t
draw(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return ((uint32_t)(seed >> 32) % n);
}

/*
 * The graph
 */

struct found {
	uint32_t n;
	size_t cycles;
};

static void
check_cycle(const struct order_arc *const *arcs, size_t n, void *arg)
{
	struct found *f = arg;

	assert_true(n >= 2 && n <= f->n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(arcs[i]->to, arcs[(i + 1) % n]->from);
	f->cycles++;
}

/* Slowly, and so simply that it is right: can anything be taken away? */
static bool
has_cycle(uint32_t n, const struct order_arc *arcs, size_t narcs)
{
	bool gone[64] = {false}, more = true;

	while (more) {
		more = false;
		for (uint32_t i = 0; i < n; i++) {
			bool waits = gone[i];

			for (size_t k = 0; k < narcs; k++)
				waits = waits ||
				    (arcs[k].from == i && !gone[arcs[k].to]);
			if (!waits)
				gone[i] = more = true;
		}
	}
	for (uint32_t i = 0; i < n; i++)
		if (!gone[i])
			return (true);
	return (false);
}

static void
check_sorted(const struct order *o, const struct order_arc *arcs, size_t narcs)
{
	uint32_t at[64] = {0};

	for (uint32_t i = 0; i < o->n; i++)
		at[o->sorted[i]] = i + 1;
	for (uint32_t i = 0; i < o->n; i++)
		assert_int_not_equal(at[i], 0);
	for (size_t k = 0; k < narcs; k++)
		assert_true(at[arcs[k].from] > at[arcs[k].to]);
}

/* Both ways, with all arcs that were given. */
static void
check_arcs(const struct order *o, const struct order_arc *arcs, size_t narcs)
{
	size_t seen = 0, back = 0;

	for (uint32_t i = 0; i < o->n; i++) {
		struct order_arcs before = order_before(o, i);
		struct order_arcs behind = order_behind(o, i);
		size_t k = 0;

		for (size_t j = 0; j < before.n; j++, k++) {
			while (k < narcs && arcs[k].from != i)
				k++;
			assert_true(k < narcs);
			assert_memory_equal(
			    &before.arcs[j], &arcs[k], sizeof(arcs[k]));
		}
		for (size_t j = 0; j < behind.n; j++)
			assert_int_equal(behind.arcs[j].to, i);
		seen += before.n;
		back += behind.n;
	}
	assert_int_equal(seen, narcs);
	assert_int_equal(back, narcs);
}

static void
test_graphs(void **state)
{
	struct order_arc arcs[64];
	size_t cyclic = 0;

	(void)state;
	for (uint64_t round = 1; round < 4000; round++) {
		struct found f = {0};
		size_t narcs = 0;
		struct order o;

		seed = round * UINT64_C(0x9e3779b97f4a7c15);
		f.n = 1 + draw(12);
		memset(arcs, 0, sizeof(arcs));
		for (uint32_t i = draw(16); f.n > 1 && i > 0; i--) {
			arcs[narcs].from = draw(f.n);
			arcs[narcs].to = draw(f.n);
			arcs[narcs].requires = draw(2) != 0;
			narcs += (arcs[narcs].from != arcs[narcs].to);
		}
		errno = 0;
		if (order_init(&o, f.n, arcs, narcs) == 0)
			check_sorted(&o, arcs, narcs);
		else
			assert_int_equal(errno, EDEADLK);
		assert_int_equal(errno == EDEADLK, has_cycle(f.n, arcs, narcs));
		check_arcs(&o, arcs, narcs);
		cyclic += (errno == EDEADLK);
		assert_int_equal(order_cycles(&o, check_cycle, &f), 0);
		assert_int_equal(f.cycles > 0, has_cycle(f.n, arcs, narcs));
		order_free(&o);
	}
	assert_true(cyclic > 500 && cyclic < 3500);
}

/* As long as there can be services: nothing recurses. */
static void
test_long_chain(void **state)
{
	uint32_t n = 65536;
	struct order_arc *arcs = calloc(n, sizeof(*arcs));
	struct found f = {.n = n};
	bool *set = calloc(n, sizeof(*set));
	struct order o;

	(void)state;
	assert_non_null(arcs);
	assert_non_null(set);
	for (uint32_t i = 0; i + 1 < n; i++)
		arcs[i] = (struct order_arc) {i, i + 1, true};
	assert_int_equal(order_init(&o, n, arcs, n - 1), 0);
	assert_int_equal(o.sorted[0], n - 1);
	assert_int_equal(o.sorted[n - 1], 0);
	order_required(&o, 0, set);
	assert_true(!set[0] && set[1] && set[n - 1]);
	order_requiring(&o, n - 2, set);
	assert_true(set[0] && set[n - 3] && !set[n - 2] && !set[n - 1]);
	order_free(&o);
	arcs[n - 1] = (struct order_arc) {n - 1, 0, false};
	assert_int_equal(order_init(&o, n, arcs, n), -1);
	assert_int_equal(order_cycles(&o, check_cycle, &f), 0);
	assert_int_equal(f.cycles, 1);
	order_free(&o);
	free(arcs);
	free(set);
}

/*
 * Walks
 */

struct node {
	struct model m;
	bool spawning, alive;
	bool signalled; /* its process ends by and by */
	bool adopted;
	uint64_t starts;
	uint64_t last; /* which of all starts its last one was */
};

static struct world {
	struct node nodes[NODES];
	struct order order;
	struct order_arc arcs[NODES * NODES];
	size_t narcs;
	bool faults;
	/*
	 * Several events may come before anybody hears of others, as in one
	 * turn of the loop: what starts then was not wrong to, as far as could
	 * be known.  All must end well all the same.
	 */
	bool hasty;
	int64_t now;
	uint64_t starts; /* of all */
	uint64_t seed;
	char log[64][200];
	unsigned nlog;
} w;

static void give_up(const char *why) __attribute__((__noreturn__));

static void
give_up(const char *why)
{
	unsigned first = (w.nlog > NITEMS(w.log)) ? w.nlog - NITEMS(w.log) : 0;
	char at[64];

	for (unsigned i = first; i < w.nlog; i++)
		print_error("%s\n", w.log[i % NITEMS(w.log)]);
	for (size_t k = 0; k < w.narcs; k++)
		print_error("%u %s %u\n", w.arcs[k].from,
		    w.arcs[k].requires ? "requires" : "after", w.arcs[k].to);
	for (uint32_t i = 0; i < NODES; i++)
		print_error("%u: %s%s, %s\n", i,
		    model_state(&w.nodes[i].m, at, sizeof(at)),
		    w.nodes[i].m.sv.want ? "" : ", not wanted",
		    w.nodes[i].m.sv.cause);
	fail_msg("%s (seed %ju)", why, (uintmax_t)w.seed);
	abort();
}

static bool
is_up(const struct service *sv)
{
	return (sv->state == SV_UP || sv->state == SV_FAILING);
}

/* A program is executed: all that it requires must be up, and so on. */
static void
check_start(uint32_t i)
{
	for (size_t k = 0; k < w.narcs && !w.hasty; k++) {
		const struct service *sv = &w.nodes[w.arcs[k].to].m.sv;

		if (w.arcs[k].from != i)
			continue;
		if (w.arcs[k].requires && !is_up(sv))
			give_up("started before what it requires is up");
		if (sv->state == SV_STARTING)
			give_up("started before the one before it");
	}
}

/* Nobody has gone on with what it requires being another than it was. */
static void
check_restarted(void)
{
	for (size_t k = 0; k < w.narcs; k++) {
		const struct node *from = &w.nodes[w.arcs[k].from];

		if (w.arcs[k].requires && !from->adopted &&
		    from->last < w.nodes[w.arcs[k].to].last)
			give_up("not restarted with what it requires");
	}
}

/*
 * One that was up is signalled: nothing that requires it may live.  (While it
 * starts, those of its last run may still be stopping.)
 */
static void
check_stop(uint32_t i)
{
	for (size_t k = 0; k < w.narcs && !w.hasty; k++)
		if (w.arcs[k].to == i && w.arcs[k].requires &&
		    w.nodes[w.arcs[k].from].alive)
			give_up("stopped while one that requires it lives");
}

static void step(uint32_t i, struct service_event ev);

static void
act(uint32_t i, const struct service_action *a, bool was_up)
{
	struct node *n = &w.nodes[i];

	switch (a->kind) {
	case SA_SPAWN:
		check_start(i);
		n->spawning = true;
		n->starts++;
		n->last = ++w.starts;
		n->adopted = false;
		break;
	case SA_SIGNAL:
		if (was_up)
			check_stop(i);
		n->signalled = true;
		break;
	case SA_CHANGED:
		order_state_changed(&w.order, i, &n->m.sv, a);
		break;
	default:
		break;
	}
}

static void
step(uint32_t i, struct service_event ev)
{
	struct service_actions out;
	char name[40], acts[80], at[40];
	bool was_up =
	    is_up(&w.nodes[i].m.sv) || w.nodes[i].m.sv.phase == PH_NEEDED;
	int ret;

	ev.now = w.now;
	ret = model_step(&w.nodes[i].m, &ev, &out);
	snprintf(w.log[w.nlog++ % NITEMS(w.log)], sizeof(w.log[0]),
	    "%8.3f %u %-16s %-24s [%s]", (double)w.now / 1e9, i,
	    model_event(&ev, name, sizeof(name)),
	    model_state(&w.nodes[i].m, at, sizeof(at)),
	    model_actions(&out, acts, sizeof(acts)));
	if (ret == -1)
		give_up(w.nodes[i].m.why);
	for (size_t k = 0; k < out.n; k++)
		act(i, &out.a[k], was_up);
	order_changed(&w.order, i);
}

static const struct service *
look(void *arg, uint32_t i)
{
	(void)arg;
	return (&w.nodes[i].m.sv);
}

static const char *
name(void *arg, uint32_t i)
{
	static const char *const names[] = {"0", "1", "2", "3", "4", "5"};

	(void)arg;
	return (names[i]);
}

static void
told(void *arg, uint32_t i, struct service_event *ev)
{
	(void)arg;
	step(i, *ev);
}

static void
settle(void)
{
	static const struct order_world world = {look, name, told, NULL};

	order_run(&w.order, &world);
}

static void
end_process(uint32_t i)
{
	w.nodes[i].alive = w.nodes[i].signalled = false;
	step(i, (struct service_event) {.kind = SE_EXITED, .text = "ended"});
}

/* What a process, or the passing of time, does to one of them. */
static bool
go_on(uint32_t i)
{
	struct node *n = &w.nodes[i];

	if (n->spawning) {
		n->spawning = false;
		n->alive = !(w.faults && draw(4) == 0);
		step(i,
		    (struct service_event) {
			.kind = n->alive ? SE_SPAWNED : SE_SPAWN_FAILED,
			.text = "no such file"});
	} else if (n->alive && n->signalled)
		end_process(i);
	else if (n->alive && w.faults && draw(5) == 0)
		end_process(i);
	else if (n->m.sv.deadline <= w.now)
		step(i, (struct service_event) {.kind = SE_TIMER});
	else
		return (false);
	return (true);
}

static void
pass_time(void)
{
	int64_t next = w.now + DW_SEC;

	for (uint32_t i = 0; i < NODES; i++)
		if (w.nodes[i].m.sv.deadline < next)
			next = w.nodes[i].m.sv.deadline;
	if (next > w.now)
		w.now = next;
}

static void
begin(uint64_t number)
{
	static const struct model_conf confs[] = {
	    {.ready = READY_DEFAULT},
	    {.ready = READY_DELAY},
	    {.ready = READY_DELAY, .give_up = 2},
	};

	memset(&w, 0, sizeof(w));
	w.seed = number;
	w.now = 1000 * DW_SEC;
	w.faults = true;
	w.hasty = (number % 2 == 0);
	seed = number * UINT64_C(0x9e3779b97f4a7c15) + 1;
	for (uint32_t i = 0; i < NODES; i++)
		model_init(&w.nodes[i].m, &confs[draw(NITEMS(confs))]);
	/* Towards smaller numbers: no cycle. */
	for (uint32_t i = 1; i < NODES; i++)
		for (uint32_t k = 0; k < i; k++)
			if (draw(3) == 0)
				w.arcs[w.narcs++] =
				    (struct order_arc) {i, k, draw(3) != 0};
	assert_int_equal(order_init(&w.order, NODES, w.arcs, w.narcs), 0);
}

static void
mischief(uint32_t i)
{
	static const enum service_event_kind wishes[] = {
	    SE_START, SE_START, SE_STOP, SE_RESTART};
	struct node *n = &w.nodes[i];

	if (n->m.sv.state == SV_STOPPED && draw(3) == 0) {
		n->alive = n->adopted = true;
		step(i, (struct service_event) {.kind = SE_ADOPTED});
		return;
	}
	step(i, (struct service_event) {.kind = wishes[draw(4)]});
	if (!w.hasty)
		settle();
	if (draw(3) == 0)
		step(draw(NODES),
		    (struct service_event) {.kind = wishes[draw(4)]});
}

static bool
all_in(enum service_state state)
{
	for (uint32_t i = 0; i < NODES; i++)
		if (w.nodes[i].m.sv.state != state)
			return (false);
	return (true);
}

static void
wait_for(enum service_state state, const char *why)
{
	for (unsigned turn = 0; turn < SETTLE; turn++) {
		bool moved = false;

		settle();
		if (all_in(state))
			return;
		for (uint32_t i = 0; i < NODES; i++)
			moved = go_on((i + turn) % NODES) || moved;
		if (!moved)
			pass_time();
	}
	give_up(why);
}

static void
walk(uint64_t number)
{
	uint64_t starts[NODES];

	begin(number);
	for (unsigned turn = 0; turn < STEPS; turn++) {
		if (!w.hasty || draw(3) == 0)
			settle();
		if (draw(6) == 0)
			mischief(draw(NODES));
		else if (!go_on(draw(NODES)))
			pass_time();
	}
	w.faults = false;
	settle();
	for (uint32_t i = 0; i < NODES; i++) {
		step(i, (struct service_event) {.kind = SE_START});
		settle();
	}
	wait_for(SV_UP, "not all come up");
	check_restarted();
	/* Well, nobody is started again for nothing. */
	for (uint32_t i = 0; i < NODES; i++)
		starts[i] = w.nodes[i].starts;
	for (unsigned turn = 0; turn < 100; turn++) {
		settle();
		for (uint32_t i = 0; i < NODES; i++)
			(void)go_on(i);
		pass_time();
	}
	for (uint32_t i = 0; i < NODES; i++)
		if (w.nodes[i].starts != starts[i])
			give_up("started again for nothing");
	for (uint32_t i = NODES; i > 0; i--) {
		step(i - 1, (struct service_event) {.kind = SE_STOP});
		settle();
	}
	wait_for(SV_STOPPED, "not all are stopped");
	order_free(&w.order);
}

static void
test_walks(void **state)
{
	const char *one = getenv("ORDER_SEED");
	uint64_t n = model_is_slow() ? SLOW_WALKS : WALKS;

	(void)state;
	if (one != NULL) {
		walk(strtoull(one, NULL, 10));
		return;
	}
	for (uint64_t number = 1; number <= n; number++)
		walk(number);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_graphs),
	    cmocka_unit_test(test_long_chain),
	    cmocka_unit_test(test_walks),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
