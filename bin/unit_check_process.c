/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Checks of what a service's processes use, with all that they started.  What
 * the kernel does not tell, or not us, is unknown.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../compat/usage.h"
#include "supervisor.h"

struct node {
	pid_t pid;
	pid_t ppid;
	bool ours;
	bool root; /* not only a descendant */
	int64_t age;
};

/* The process table, as far as it is needed. */
struct family {
	const struct unit *unit;
	struct node *nodes;
	size_t n, room;
};

struct check_process {
	struct unit_check *check;
	struct dw_defer answer; /* never from within ask() */
	int64_t since[LIMITS];
	int64_t cpu; /* of all of them together, at the last look; -1: none */
	int64_t cpu_at;
	int64_t share; /* what was measured then */
};

static int
is_same(const struct dw_proc_id *id, void *arg)
{
	const struct dw_proc_id *want = arg;

	return (id->pid == want->pid && id->start == want->start);
}

static int
take_process(const struct dw_proc_info *info, void *arg)
{
	struct family *f = arg;
	struct dw_proc_id id = info->id;
	struct node *more;

	if (info->zombie)
		return (0);
	if (f->n == f->room) {
		size_t room = (f->room == 0) ? 256 : 2 * f->room;

		more = reallocarray(f->nodes, room, sizeof(*more));
		if (more == NULL)
			return (-1);
		f->nodes = more;
		f->room = room;
	}
	more = &f->nodes[f->n++];
	*more =
	    (struct node) {.pid = id.pid, .ppid = info->ppid, .age = info->age};
	more->root = more->ours = unit_pids(f->unit, is_same, &id) != 0;
	return (0);
}

static int
by_pid(const void *a, const void *b)
{
	const struct node *x = a, *y = b;

	return ((x->pid > y->pid) - (x->pid < y->pid));
}

static bool
is_member(const struct family *f, pid_t pid)
{
	const struct node key = {.pid = pid};
	const struct node *node =
	    bsearch(&key, f->nodes, f->n, sizeof(key), by_pid);

	return (node != NULL && node->ours);
}

/* Children of members, until no new ones are found. */
static void
find_descendants(struct family *f)
{
	bool found;

	if (f->n > 0)
		qsort(f->nodes, f->n, sizeof(*f->nodes), by_pid);
	do {
		found = false;
		for (size_t i = 0; i < f->n; i++) {
			struct node *node = &f->nodes[i];

			if (!node->ours && is_member(f, node->ppid))
				node->ours = found = true;
		}
	} while (found);
}

static void
add(int64_t *sum, int64_t more)
{
	*sum = (*sum < 0 || more < 0) ? -1 : *sum + more;
}

/* The sums over the family; the processor time so far in *cpu. */
static void
measure(const struct family *f, struct measure m[LIMITS], int64_t *cpu)
{
	struct usage sum = {0, 0, 0, 0}, u;
	int64_t roots = 0, others = 0, age = 0;

	for (size_t i = 0; i < f->n; i++) {
		const struct node *node = &f->nodes[i];

		if (!node->ours ||
		    (usage_get(node->pid, &u) == -1 && errno == ESRCH))
			continue;
		add(&sum.cpu, u.cpu);
		add(&sum.memory, u.memory);
		add(&sum.threads, u.threads);
		add(&sum.descriptors, u.descriptors);
		roots += node->root;
		others += !node->root;
		if (node->root && node->age > age)
			age = node->age;
	}
	measures_clear(m);
	m[LIMIT_COUNT].value = roots;
	if (roots == 0)
		return;
	m[LIMIT_MEMORY].value = sum.memory;
	m[LIMIT_THREADS].value = sum.threads;
	m[LIMIT_DESCRIPTORS].value = sum.descriptors;
	m[LIMIT_CHILDREN].value = others;
	m[LIMIT_UPTIME].value = age;
	*cpu = sum.cpu;
}

/*
 * The share since the last look; at the first one, since they were started.
 * One of the family may have ended and taken its time with it: then what was
 * true is kept for one more look.
 */
static void
measure_cpu(
    struct check_process *p, int64_t cpu, int64_t now, struct measure m[LIMITS])
{
	int64_t age = m[LIMIT_UPTIME].value;

	if (cpu >= 0 && p->cpu >= 0 && cpu >= p->cpu && now > p->cpu_at)
		p->share = (cpu - p->cpu) * 1000 / (now - p->cpu_at);
	else if (cpu >= 0 && p->cpu < 0)
		p->share = (age > 0) ? cpu * 1000 / age : 0;
	else if (cpu < 0)
		p->share = -1;
	m[LIMIT_CPU].share = p->share;
	p->cpu = cpu;
	p->cpu_at = now;
}

static void
judge(struct check_process *p, const struct measure m[LIMITS], int64_t now,
    struct dw_probe_result *r)
{
	struct unit_check *c = p->check;
	char metrics[256];

	switch (limits_judge(
	    c->conf->limits, m, p->since, now, r->text, sizeof(r->text))) {
	case LIMITS_OK:
		r->outcome = DW_PROBE_OK;
		break;
	case LIMITS_EXCEEDED:
		r->outcome = DW_PROBE_FAILED;
		break;
	case LIMITS_UNKNOWN:
		break;
	}
	limits_metrics(m, metrics, sizeof(metrics));
	free(c->metrics);
	c->metrics = strdup(metrics);
}

static void
process_answer(struct dw_defer *defer)
{
	struct check_process *p = defer->arg;
	struct unit_check *c = p->check;
	struct dw_probe_result result = {.outcome = DW_PROBE_UNKNOWN};
	struct family f = {.unit = c->unit};
	struct measure m[LIMITS];
	int64_t now = dw_clock(), cpu = -1;

	if (dw_procs_each(0, take_process, &f) == -1) {
		result.error = errno;
		snprintf(result.text, sizeof(result.text),
		    "the process table: %s", strerror(errno));
	} else {
		find_descendants(&f);
		measure(&f, m, &cpu);
		measure_cpu(p, cpu, now, m);
		judge(p, m, now, &result);
	}
	free(f.nodes);
	result.latency = dw_clock() - now;
	unit_check_answered(c, &result, false);
}

/* Other processes: neither their use nor how long it was so is the old ones'.
 */
static void
process_forget(struct unit_check *c)
{
	struct check_process *p = c->process;

	p->cpu = -1;
	limits_begin(p->since);
}

static int
process_init(struct unit_check *c, char *buf, size_t len)
{
	struct check_process *p = calloc(1, sizeof(*p));

	(void)buf;
	(void)len;
	c->process = p;
	if (p == NULL)
		return (-1);
	p->check = c;
	p->answer.cb = process_answer;
	p->answer.arg = p;
	process_forget(c);
	return (0);
}

static void
process_free(struct unit_check *c)
{
	if (c->process != NULL)
		dw_defer_stop(&c->process->answer);
	free(c->process);
}

static int
process_ask(struct unit_check *c)
{
	dw_defer_start(c->unit->sup->loop, &c->process->answer);
	return (0);
}

static void
process_cancel(struct unit_check *c)
{
	dw_defer_stop(&c->process->answer);
}

const struct check_way check_way_process = {true, process_init, process_free,
    process_ask, process_cancel, process_forget};
