/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Every state of a service that can be reached, times every event, for all
 * kinds of configuration: a search in breadth over the states with their
 * times and counters made coarse.  Each step is watched by the shadow
 * (service_shadow.c), and from each state a world that behaves well must
 * bring the service to where its operator wants it.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "service_search.h"

#define NOW (INT64_C(1000000) * DW_SEC)
#define SOON DW_SEC
/* More of them make no difference. */
#define PROCESSES 2
#define FAILURES 1
/* A good world is there after so many events at most. */
#define GOOD_STEPS 40
#define NO_NODE UINT32_MAX
/* Of each configuration, if slow. */
#define SLOW_STATES 500

/* A state, coarsely; without padding, so that it can be compared. */
struct key {
	uint64_t flags;
	uint8_t state, phase, cmd;
	uint8_t count;
	uint8_t age; /* of the run: 0, ready_delay, start_timeout */
	uint8_t up;  /* never, a while, stable */
	uint8_t failures, ntries, next_try, tries_old;
	uint8_t cmd_signo;
	uint8_t checks[MODEL_CHECKS][6];
	uint8_t step, shadow_step; /* of stopping */
	uint8_t spare[6];
	uint8_t end; /* how the process ended, and what is to come */
};
_Static_assert(sizeof(struct key) == 40, "no padding");

struct node {
	struct key key;
	uint32_t from; /* the node it was reached from */
	uint32_t by;   /* with this event */
};

/* The ways in which time alone passes count as events after the others. */
enum age {
	AGE_READY,
	AGE_START,
	AGE_STABLE,
	AGE_TRIES,
	NAGES
};

struct search {
	struct model_conf conf;
	struct node *nodes;
	size_t n, room;
	uint32_t *table; /* node + 1, by hash; its size a power of two */
	size_t table_size;
	struct service_event events[64];
	size_t nevents;
};

static size_t steps_taken, states_found;

/* All that is yes or no; a new flag of struct service belongs here. */
static size_t
flags_of(struct model *m, bool *f[64])
{
	struct service *sv = &m->sv;
	struct shadow *sh = &m->shadow;
	bool *const all[] = {&sv->want, &sv->again, &sv->manual, &sv->ran,
	    &sv->ready, &sv->present, &sv->direct, &sv->running, &sv->counted,
	    &sv->cmd_late, &sv->told, &sh->told, &sv->hold, &sv->needed,
	    &sv->finished, &sv->warned, &sv->pausing, &sh->pausing, &sh->wish,
	    &sh->live, &sh->spawning, &sh->cmd, &sh->termed, &sh->killed,
	    &sh->asked, &sh->failed, &sh->hurried, &sh->delayed};
	size_t n = NITEMS(all);

	memcpy(f, all, sizeof(all));
	for (size_t i = 0; i < MODEL_CHECKS; i++) {
		f[n++] = &m->checks[i].armed;
		f[n++] = &m->failed[i];
		f[n++] = &sh->checks[i].ok;
		f[n++] = &sh->checks[i].failed;
	}
	return (n);
}

/* The texts that become causes: only whether they are there. */
static size_t
texts_of(struct model *m, char *t[3])
{
	t[0] = m->sv.check_text;
	t[1] = m->sv.cause;
	t[2] = m->sv.hold_text;
	return (3);
}

/* The ways to end that are told apart. */
static const int statuses[] = {
    DW_STATUS_NONE, MODEL_EXIT(0), MODEL_EXIT(1), MODEL_EXIT(3), MODEL_EXIT(4)};

static unsigned
status_number(int status)
{
	unsigned i = 0;

	while (i + 1 < NITEMS(statuses) && statuses[i] != status)
		i++;
	return (i);
}

static uint8_t
pack_end(const struct model *m)
{
	unsigned n = NITEMS(statuses);
	unsigned end = status_number(m->sv.lost_status);

	end = end * n + status_number(m->shadow.status);
	end = end * 3 + m->sv.outcome;
	return ((uint8_t)(end * 3 + m->shadow.verdict));
}

static void
unpack_end(struct model *m, unsigned end)
{
	unsigned n = NITEMS(statuses);

	m->shadow.verdict = end % 3;
	m->sv.outcome = end / 3 % 3;
	m->shadow.status = statuses[end / 9 % n];
	m->sv.lost_status = statuses[end / 9 / n];
}

static uint8_t
least(uint64_t n, unsigned most)
{
	return ((uint8_t)(n < most ? n : most));
}

static uint64_t
pack_flags(struct model *m)
{
	uint64_t bits = 0;
	bool *f[64];
	char *t[3];
	size_t n = flags_of(m, f);

	for (size_t i = 0; i < n; i++)
		bits |= (uint64_t)*f[i] << i;
	for (size_t i = 0; i < texts_of(m, t); i++)
		bits |= (uint64_t)(t[i][0] != '\0') << n++;
	bits |= (uint64_t)(m->sv.deadline != SERVICE_NEVER) << n++;
	bits |= (uint64_t)(m->sv.pause_until != SERVICE_NEVER) << n;
	return (bits);
}

static void
pack(struct model *m, int64_t now, struct key *k)
{
	const struct service *sv = &m->sv;
	int64_t age = now - sv->started;

	memset(k, 0, sizeof(*k));
	k->flags = pack_flags(m);
	k->state = (uint8_t)sv->state;
	k->phase = (uint8_t)sv->phase;
	k->cmd = (uint8_t)sv->cmd;
	k->count = least(sv->count, PROCESSES);
	/* Elsewhere nobody looks at the age of the run. */
	if (sv->state == SV_STARTING || sv->state == SV_UP ||
	    sv->state == SV_FAILING)
		k->age = (age >= MODEL_START) ? 2 : (age >= MODEL_READY);
	if (sv->up_since != SERVICE_NEVER)
		k->up = (now - sv->up_since >= MODEL_STABLE) ? 2 : 1;
	k->failures = least(sv->backoff.failures, FAILURES);
	k->ntries = (uint8_t)sv->ntries;
	k->next_try = (uint8_t)sv->next_try;
	for (unsigned i = 0; i < sv->ntries; i++)
		if (now - m->tries[i] > MODEL_WITHIN)
			k->tries_old |= (uint8_t)(1u << i);
	k->cmd_signo = (uint8_t)m->shadow.cmd_signo;
	k->end = pack_end(m);
	k->step = (uint8_t)m->sv.stop_step;
	k->shadow_step = (uint8_t)m->shadow.step;
	for (size_t i = 0; i < m->conf.nchecks; i++) {
		const struct check_conf *c = &m->conf.checks[i];
		const struct shadow_check *s = &m->shadow.checks[i];

		k->checks[i][0] = least(m->checks[i].fails, c->fall);
		k->checks[i][1] = least(m->checks[i].oks, c->rise);
		k->checks[i][2] = (uint8_t)m->answers[i];
		k->checks[i][3] = least(s->row, c->fall);
		k->checks[i][4] = least(s->ok_row, c->rise);
		k->checks[i][5] = (uint8_t)s->answer;
	}
}

static void
unpack_flags(struct model *m, uint64_t bits)
{
	bool *f[64];
	char *t[3];
	size_t n = flags_of(m, f);

	for (size_t i = 0; i < n; i++)
		*f[i] = (bits >> i & 1) != 0;
	for (size_t i = 0; i < texts_of(m, t); i++)
		t[i][0] = (bits >> n++ & 1) ? 'x' : '\0';
	m->sv.deadline = (bits >> n++ & 1) ? NOW + SOON : SERVICE_NEVER;
	m->sv.pause_until = (bits >> n & 1) ? NOW + SOON : SERVICE_NEVER;
}

/* m was made by model_init() once. */
static void
unpack(struct model *m, const struct key *k)
{
	static const int64_t ages[] = {0, MODEL_READY, MODEL_START};
	struct service *sv = &m->sv;

	unpack_flags(m, k->flags);
	sv->state = k->state;
	sv->phase = k->phase;
	sv->cmd = k->cmd;
	sv->count = k->count;
	sv->started = NOW - ages[k->age];
	sv->up_since = (k->up == 0) ? SERVICE_NEVER :
	    (k->up == 1)	    ? NOW :
				      NOW - MODEL_STABLE;
	sv->backoff.failures = k->failures;
	sv->ntries = k->ntries;
	sv->next_try = k->next_try;
	for (unsigned i = 0; i < MODEL_TRIES; i++)
		m->tries[i] = (k->tries_old >> i & 1) ? 0 : NOW;
	m->shadow.count = k->count;
	m->shadow.cmd_signo = k->cmd_signo;
	unpack_end(m, k->end);
	m->sv.stop_step = k->step;
	m->shadow.step = k->shadow_step;
	m->shadow.patience = sv->deadline;
	for (size_t i = 0; i < m->conf.nchecks; i++) {
		struct shadow_check *s = &m->shadow.checks[i];

		m->checks[i].fails = k->checks[i][0];
		m->checks[i].oks = k->checks[i][1];
		m->answers[i] = k->checks[i][2];
		s->row = k->checks[i][3];
		s->ok_row = k->checks[i][4];
		s->answer = k->checks[i][5];
	}
}

static uint64_t
hash(const struct key *k)
{
	const unsigned char *p = (const unsigned char *)k;
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < sizeof(*k); i++)
		h = (h ^ p[i]) * UINT64_C(1099511628211);
	return (h ^ h >> 32);
}

static void
rehash(struct search *s)
{
	free(s->table);
	s->table_size = (s->table_size == 0) ? 4096 : 4 * s->table_size;
	s->table = calloc(s->table_size, sizeof(*s->table));
	assert_non_null(s->table);
	for (size_t i = 0; i < s->n; i++) {
		size_t at = hash(&s->nodes[i].key) & (s->table_size - 1);

		while (s->table[at] != 0)
			at = (at + 1) & (s->table_size - 1);
		s->table[at] = (uint32_t)i + 1;
	}
}

static void
add(struct search *s, const struct key *k, size_t from, size_t by)
{
	size_t at;

	if (2 * s->n >= s->table_size)
		rehash(s);
	at = hash(k) & (s->table_size - 1);
	for (; s->table[at] != 0; at = (at + 1) & (s->table_size - 1))
		if (memcmp(&s->nodes[s->table[at] - 1].key, k, sizeof(*k)) == 0)
			return;
	if (s->n == s->room) {
		s->room = (s->room == 0) ? 1024 : 2 * s->room;
		s->nodes = realloc(s->nodes, s->room * sizeof(*s->nodes));
		assert_non_null(s->nodes);
	}
	s->nodes[s->n] = (struct node) {*k, (uint32_t)from, (uint32_t)by};
	s->table[at] = (uint32_t)++s->n;
}

/* Does it matter how a process has ended? */
static bool
decides(const struct search *s)
{
	return (s->conf.restart != RESTART_ALWAYS || s->conf.ends);
}

static void
make_events(struct search *s)
{
	static char text[] = "text";
	struct service_event *e = s->events;

	*e++ = (struct service_event) {.kind = SE_START};
	*e++ = (struct service_event) {.kind = SE_STOP};
	*e++ = (struct service_event) {.kind = SE_STOP, .text = text};
	*e++ = (struct service_event) {.kind = SE_RESTART};
	*e++ = (struct service_event) {.kind = SE_TIMER};
	*e++ = (struct service_event) {.kind = SE_TIMER, .now = -1};
	*e++ = (struct service_event) {.kind = SE_SPAWNED};
	*e++ = (struct service_event) {.kind = SE_SPAWN_FAILED};
	*e++ = (struct service_event) {.kind = SE_ADOPTED};
	*e++ = (struct service_event) {.kind = SE_EXITED};
	for (size_t i = 0; i < (decides(s) ? NITEMS(statuses) : 1); i++) {
		*e++ = (struct service_event) {
		    .kind = SE_EXITED, .text = text, .status = statuses[i]};
		if (decides(s))
			*e++ = (struct service_event) {.kind = SE_PROCS,
			    .text = text,
			    .status = statuses[i]};
	}
	for (uint32_t i = 0; i <= PROCESSES; i++)
		*e++ = (struct service_event) {.kind = SE_PROCS, .count = i};
	if (s->conf.pause) {
		*e++ = (struct service_event) {.kind = SE_PAUSE};
		*e++ = (struct service_event) {.kind = SE_PAUSE, .delay = SOON};
		*e++ = (struct service_event) {.kind = SE_PAUSE, .ok = true};
		*e++ = (struct service_event) {.kind = SE_RESUME};
	}
	for (int i = 0; s->conf.order && i < 4; i++)
		*e++ = (struct service_event) {.kind = SE_ORDER,
		    .hold = (i & 1) != 0,
		    .needed = (i & 2) != 0,
		    .text = text};
	*e++ = (struct service_event) {.kind = SE_YIELD};
	*e++ = (struct service_event) {.kind = SE_CMD_DONE, .ok = true};
	*e++ = (struct service_event) {.kind = SE_CMD_DONE};
	*e++ = (struct service_event) {.kind = SE_READY};
	/* Also an answer of a check that is not there. */
	for (size_t i = 0; i <= s->conf.nchecks; i++)
		for (int t = NO; t <= UNKNOWN; t++)
			*e++ = (struct service_event) {.kind = SE_CHECK,
			    .check = i,
			    .answer = (enum truth)t,
			    .text = (t == NO) ? text : NULL};
	s->nevents = (size_t)(e - s->events);
	assert_true(s->nevents <= NITEMS(s->events));
}

/* When event number by happens in this state. */
static int64_t
when(const struct model *m, const struct service_event *ev)
{
	if (ev->kind != SE_TIMER)
		return (NOW);
	if (m->sv.deadline == SERVICE_NEVER)
		return (NOW + SOON);
	return (m->sv.deadline + ev->now);
}

static void
grow_old(struct model *m, enum age age)
{
	struct service *sv = &m->sv;

	sv->started = NOW - ((age == AGE_READY) ? MODEL_READY : MODEL_START);
	if (age >= AGE_STABLE && sv->up_since != SERVICE_NEVER)
		sv->up_since = NOW - MODEL_STABLE;
	for (unsigned i = 0; age == AGE_TRIES && i < MODEL_TRIES; i++)
		m->tries[i] = 0;
}

/* How a state was reached, in words. */
static void
print_way(const struct search *s, size_t node, struct model *m)
{
	static const char *const ages[] = {"ready-delay passes",
	    "start-timeout passes", "stable passes", "give-up passes"};
	const struct node *n = &s->nodes[node];
	char ev[64], state[64];

	if (n->from == NO_NODE)
		return;
	print_way(s, n->from, m);
	unpack(m, &n->key);
	if (n->by < s->nevents)
		model_event(&s->events[n->by], ev, sizeof(ev));
	else
		snprintf(ev, sizeof(ev), "(%s)", ages[n->by - s->nevents]);
	print_error("    %-24s %s\n", ev, model_state(m, state, sizeof(state)));
}

static void
print_conf(const struct model_conf *c)
{
	print_error("%s, count %u..%u%s, %zu checks, fall %u, rise %u, "
		    "ready %d, %s%srestart-when = %s, give-up %u, hold %d%s, "
		    "restart %d%s%s\n",
	    (c->type == SERVICE_CHILD) ? "child" : "detached", c->count_min,
	    c->count_max, c->count_set ? " set" : "", c->nchecks, c->fall,
	    c->rise, c->ready, c->hooks ? "hooks, " : "",
	    c->stop ? "stop command, " : "", model_rule_name(c->rule),
	    c->give_up, c->hold,
	    c->order	 ? ", order" :
		c->pause ? ", pause" :
			   "",
	    c->restart, c->ends ? ", lists" : "",
	    c->late_fails ? ", late fails" : "");
}

static void
report(const struct search *s, size_t node, const struct service_event *ev,
    const struct service_actions *out, struct model *m)
{
	char why[MODEL_TEXT], name[64], acts[512];

	memcpy(why, m->why, sizeof(why));
	model_actions(out, acts, sizeof(acts));
	print_conf(&s->conf);
	print_way(s, node, m);
	print_error(
	    "    %-24s [%s]\n", model_event(ev, name, sizeof(name)), acts);
	fail_msg("%s", why);
}

/* What a world that behaves well does next; false: it is at its end. */
static bool
good_event(const struct model *m, unsigned turn, struct service_event *ev)
{
	const struct service *sv = &m->sv;
	const struct service_conf *conf = &m->conf;
	bool child = (conf->type == SERVICE_CHILD);
	bool present = (service_process(sv) == YES);

	ev->check = (conf->nchecks != 0) ? turn % conf->nchecks : 0;
	ev->answer = present ? YES : NO;
	ev->count = 0;
	ev->ok = true;
	if (m->shadow.spawning)
		ev->kind = SE_SPAWNED;
	else if (m->shadow.cmd)
		ev->kind = SE_CMD_DONE;
	else if (sv->phase == PH_REQUIRE || sv->phase == PH_NEEDED)
		ev->kind = SE_ORDER; /* nothing is in the way any more */
	else if (sv->state == SV_STOPPING)
		ev->kind = child ? SE_EXITED : SE_PROCS;
	else if (sv->state == SV_FAILED || sv->phase == PH_DELAY)
		ev->kind = SE_TIMER;
	else if (sv->phase == PH_READY && !present) {
		ev->kind = SE_PROCS;
		ev->count = conf->count_min;
	} else if (sv->phase == PH_READY && conf->ready == READY_DELAY &&
	    (conf->up_when.len == 0 || m->shadow.checks[0].answer == YES))
		ev->kind = SE_TIMER;
	else if (sv->phase == PH_READY && service_is_told(conf->ready) &&
	    !sv->told)
		ev->kind = SE_READY;
	else if (!child && !sv->counted) {
		ev->kind = SE_PROCS;
		if (sv->state == SV_FAILING)
			ev->count = m->shadow.count;
	} else
		ev->kind = SE_CHECK;
	if (sv->state == SV_PAUSED)
		ev->kind = SE_RESUME;
	if (sv->state == SV_FAILED && sv->deadline == SERVICE_NEVER)
		return (false);
	return (sv->state != (sv->want ? SV_UP : SV_STOPPED));
}

static void
try_good_world(const struct search *s, size_t node, struct model *m)
{
	struct service_event ev = {.now = NOW};
	struct service_actions out;
	unsigned turn;

	unpack(m, &s->nodes[node].key);
	for (turn = 0; turn < GOOD_STEPS; turn++) {
		if (!good_event(m, turn, &ev))
			return;
		ev.now++;
		if (ev.kind == SE_TIMER && m->sv.deadline > ev.now)
			ev.now = m->sv.deadline;
		steps_taken++;
		if (model_step(m, &ev, &out) == -1) {
			print_error("after %u events of a good world:\n", turn);
			report(s, node, &ev, &out, m);
		}
	}
	snprintf(m->why, sizeof(m->why), "a good world does not end well");
	report(s, node, &ev, &out, m);
}

static void
expand(struct search *s, size_t node, struct model *m)
{
	struct service_actions out;
	struct service_event ev;
	struct key k;

	for (size_t by = 0; by < s->nevents; by++) {
		unpack(m, &s->nodes[node].key);
		ev = s->events[by];
		ev.now = when(m, &s->events[by]);
		steps_taken++;
		if (model_step(m, &ev, &out) == -1)
			report(s, node, &ev, &out, m);
		pack(m, ev.now, &k);
		add(s, &k, node, by);
	}
	for (size_t age = 0; age < NAGES; age++) {
		unpack(m, &s->nodes[node].key);
		grow_old(m, (enum age)age);
		pack(m, NOW, &k);
		add(s, &k, node, s->nevents + age);
	}
	if (s->conf.rule != RULE_ODD)
		try_good_world(s, node, m);
}

void
search_explore(const struct model_conf *conf)
{
	struct search s = {.conf = *conf};
	size_t most = model_is_slow() ? SLOW_STATES : SIZE_MAX;
	struct model m;
	struct key k;

	model_init(&m, conf);
	make_events(&s);
	pack(&m, NOW, &k);
	add(&s, &k, NO_NODE, 0);
	for (size_t i = 0; i < s.n && i < most; i++)
		expand(&s, i, &m);
	states_found += s.n;
	if (getenv("SERVICE_VERBOSE") != NULL) {
		print_message("%zu states: ", s.n);
		print_conf(conf);
	}
	free(s.nodes);
	free(s.table);
}

int
search_print(void **state)
{
	(void)state;
	print_message("%zu states, %zu steps\n", states_found, steps_taken);
	return (0);
}
