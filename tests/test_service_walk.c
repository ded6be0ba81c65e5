/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Long walks of a service through a simulated world with a clock of its own:
 * programs that crash, hang or ignore signals, commands that fail or do not
 * end, ports, scans and a prober without answers, operators, and others who
 * start the service behind its back.  Nothing may live twice; when the faults
 * end, the service must come up in time, and stop in time when told to.
 *
 * SERVICE_WALKS is how many walks to take, SERVICE_SEED the first of them.
 */
#include "config.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "service_model.h"

#define NITEMS(a) (sizeof(a) / sizeof((a)[0]))
#define WALKS 2000
#define SLOW_WALKS 200
#define PROCS 8
#define NEVER INT64_MAX
#define LOG 60 /* the last events, for a failure */

/* Every step of stopping, a hold or delay, and every step of a start. */
#define UP_BOUND (MODEL_HOLD + 180 * DW_SEC)
#define STOP_BOUND (180 * DW_SEC)
#define CALM (100 * DW_SEC)

struct proc {
	bool alive;
	bool known;    /* the driver has seen it in a scan */
	bool foreign;  /* not started by us */
	bool stubborn; /* ignores the stop signal */
	bool stuck;    /* takes its time even when killed */
	bool silent;   /* lives, but its port does not */
	int64_t ready; /* from then on its port answers */
	int64_t tells; /* it says so itself */
	int64_t end;
};

struct errand {
	bool runs, ok, stuck, stubborn;
	enum service_command kind;
	int64_t end;
};

struct world {
	struct model m;
	uint64_t random;
	int64_t now;
	bool faults;
	bool prober; /* it answers */
	bool table;  /* the process table can be read */
	bool taken;  /* someone else has the port */
	struct proc procs[PROCS];
	struct errand cmd;
	int64_t spawn_at; /* the answer */
	bool spawn_ok;
	int64_t scan_at, scan_next;
	int64_t check_at[MODEL_CHECKS], check_next[MODEL_CHECKS];
	int64_t operator_at, mischief_at;
	bool ended; /* since the last scan */
	int64_t tried_since;
	unsigned tried;
	unsigned at_once; /* events at this very time */
	char log[LOG][160];
	unsigned nlog;
};

static uint32_t
draw(struct world *w, uint32_t n)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return ((uint32_t)(w->random >> 32) % n);
}

/* One in n, while there are faults. */
static bool
fault(struct world *w, uint32_t n)
{
	return (w->faults && draw(w, n) == 0);
}

static int64_t
soon(struct world *w, uint32_t ms)
{
	return (w->now + (int64_t)draw(w, ms * 1000) * DW_US);
}

static void give_up(const struct world *w, const char *why)
    __attribute__((__noreturn__));

static void
give_up(const struct world *w, const char *why)
{
	unsigned first = (w->nlog > LOG) ? w->nlog - LOG : 0;

	for (unsigned i = first; i < w->nlog; i++)
		print_error("%s\n", w->log[i % LOG]);
	fail_msg("%s (%s)", why, model_rule_name(w->m.rule));
	abort();
}

static uint32_t
living(const struct world *w, bool ours)
{
	uint32_t n = 0;

	for (size_t i = 0; i < PROCS; i++)
		n += w->procs[i].alive && (!ours || !w->procs[i].foreign);
	return (n);
}

static void
new_proc(struct world *w, bool foreign)
{
	for (size_t i = 0; i < PROCS; i++) {
		struct proc *p = &w->procs[i];

		if (p->alive)
			continue;
		*p = (struct proc) {
		    .alive = true,
		    .foreign = foreign,
		    .stubborn = fault(w, 6),
		    .stuck = fault(w, 20),
		    .silent = fault(w, 6),
		    .ready = soon(w, 300),
		    .tells = fault(w, 6) ? NEVER : soon(w, 300),
		    .end = fault(w, 2) ? soon(w, 30000) : NEVER,
		};
		if (fault(w, 10))
			p->end = w->now;
		return;
	}
}

/*
 * What the machine has done
 */

static void
begin_command(struct world *w, enum service_command kind)
{
	struct errand *c = &w->cmd;

	if (kind == CMD_BEFORE_START && living(w, true) > 0)
		give_up(w, "before-start wipes the data of a living process");
	if (kind == CMD_START && living(w, true) > 0)
		give_up(w, "a second instance");
	*c = (struct errand) {
	    .runs = true,
	    .kind = kind,
	    .ok = !fault(w, 5),
	    .stubborn = fault(w, 4),
	    .stuck = fault(w, 20),
	    .end = fault(w, 6) ? NEVER : soon(w, 500),
	};
	if (fault(w, 30))
		c->end = w->now; /* it could not even begin */
}

static void
end_proc(struct proc *p, int64_t when)
{
	if (when < p->end)
		p->end = when;
}

static void
signal_procs(struct world *w, int signo)
{
	for (size_t i = 0; i < PROCS; i++) {
		struct proc *p = &w->procs[i];

		if (!p->alive ||
		    (w->m.conf.type == SERVICE_DETACHED && !p->known))
			continue;
		if (signo == SIGKILL)
			end_proc(
			    p, p->stuck ? w->now + 20 * DW_SEC : soon(w, 2));
		else if (!p->stubborn)
			end_proc(p, soon(w, 300));
	}
}

static void
ask_checks(struct world *w)
{
	for (size_t i = 0; i < w->m.conf.nchecks; i++) {
		w->check_at[i] = soon(w, fault(w, 8) ? 1000 : 5);
		w->check_next[i] = NEVER;
	}
}

static void
count_try(struct world *w)
{
	int64_t s = (w->now - w->tried_since) / DW_SEC;

	if (++w->tried > 6 + s)
		give_up(w, "it is started in a tight loop");
}

static void
act(struct world *w, const struct service_action *a)
{
	switch (a->kind) {
	case SA_SPAWN:
		if (living(w, true) > 0)
			give_up(w, "a second child");
		w->spawn_at = fault(w, 4) ? soon(w, 20) : w->now;
		w->spawn_ok = !fault(w, 5);
		break;
	case SA_RUN:
		begin_command(w, a->command);
		break;
	case SA_KILL_CMD:
		if (a->signo == SIGKILL ? !w->cmd.stuck : !w->cmd.stubborn)
			w->cmd.end = soon(w, 3);
		break;
	case SA_DROP_CMD:
		w->cmd.runs = false;
		break;
	case SA_SIGNAL:
		signal_procs(w, a->signo);
		break;
	case SA_SCAN:
		w->scan_at = w->now;
		break;
	case SA_CHECK:
		ask_checks(w);
		break;
	case SA_CHANGED:
		if (a->to == SV_STARTING)
			count_try(w);
		break;
	case SA_NOTE:
		break;
	}
}

/* What its state asks for. */
static void
keep_pace(struct world *w)
{
	enum service_pace checks = service_wants_checks(&w->m.sv);
	enum service_pace scans = service_wants_scans(&w->m.sv);

	for (size_t i = 0; i < w->m.conf.nchecks; i++)
		if (checks == PACE_NONE)
			w->check_at[i] = w->check_next[i] = NEVER;
		else if (w->check_at[i] == NEVER && w->check_next[i] == NEVER)
			w->check_next[i] = w->now +
			    ((checks == PACE_QUICK) ? 200 * DW_MS :
						      MODEL_INTERVAL);
	if (scans == PACE_NONE)
		w->scan_next = NEVER;
	else if (w->scan_at == NEVER && w->scan_next == NEVER)
		w->scan_next = w->now +
		    ((scans == PACE_QUICK) ? 10 * DW_MS : MODEL_INTERVAL);
}

static void
step(struct world *w, struct service_event ev)
{
	struct service_actions out;
	char *line = w->log[w->nlog++ % LOG], name[40], acts[80], at[40];
	int ret;

	ev.now = w->now;
	ev.random = draw(w, UINT32_MAX);
	if (ev.kind == SE_START || ev.kind == SE_STOP ||
	    ev.kind == SE_RESTART || ev.kind == SE_ADOPTED) {
		w->tried_since = w->now;
		w->tried = 0;
	}
	ret = model_step(&w->m, &ev, &out);
	snprintf(line, sizeof(w->log[0]), "%12.6f %-16s %-24s [%s]",
	    (double)w->now / 1e9, model_event(&ev, name, sizeof(name)),
	    model_state(&w->m, at, sizeof(at)),
	    model_actions(&out, acts, sizeof(acts)));
	if (ret == -1)
		give_up(w, w->m.why);
	for (size_t i = 0; i < out.n; i++)
		act(w, &out.a[i]);
	keep_pace(w);
}

/*
 * What happens in the world
 */

static void
proc_ends(struct world *w, struct proc *p)
{
	bool child = (w->m.conf.type == SERVICE_CHILD);

	p->alive = false;
	if (child)
		step(w,
		    (struct service_event) {.kind = SE_EXITED,
			.status = 9,
			.text = "killed by signal 9"});
	else if (p->known) {
		w->ended = true;
		w->scan_at = w->now;
	}
}

static void
proc_tells(struct world *w, struct proc *p)
{
	p->tells = NEVER;
	step(w, (struct service_event) {.kind = SE_READY});
}

static void
command_ends(struct world *w)
{
	struct errand *c = &w->cmd;
	const struct service_conf *conf = &w->m.conf;

	c->runs = false;
	/* One that failed may have done its work, or not. */
	if (c->kind == CMD_START && (c->ok || draw(w, 2) == 0) && !fault(w, 9))
		for (uint32_t i = 0; i < conf->count_min; i++)
			new_proc(w, false);
	if (c->kind == CMD_STOP && (c->ok || draw(w, 2) == 0))
		for (size_t i = 0; i < PROCS; i++)
			if (!w->procs[i].stubborn)
				end_proc(&w->procs[i], soon(w, 1000));
	step(w,
	    (struct service_event) {.kind = SE_CMD_DONE,
		.ok = c->ok,
		.text = c->ok ? NULL : "exited with status 1"});
}

static void
scan(struct world *w)
{
	struct service_event ev = {.kind = SE_PROCS};

	w->scan_at = w->scan_next = NEVER;
	if (!w->table) { /* what was asked is asked again */
		w->scan_at = w->now + MODEL_INTERVAL;
		return;
	}
	for (size_t i = 0; i < PROCS; i++)
		w->procs[i].known = w->procs[i].alive;
	ev.count = living(w, false);
	if (w->ended)
		ev.text = "pid 7 is gone";
	w->ended = false;
	step(w, ev);
}

static void
answer(struct world *w, size_t check)
{
	struct service_event ev = {
	    .kind = SE_CHECK, .check = check, .answer = NO, .text = "refused"};

	w->check_at[check] = NEVER;
	if (w->taken)
		ev.answer = YES;
	for (size_t i = 0; i < PROCS; i++)
		if (w->procs[i].alive && !w->procs[i].silent &&
		    w->now >= w->procs[i].ready)
			ev.answer = YES;
	if (!w->prober)
		ev.answer = UNKNOWN;
	step(w, ev);
}

static void
spawn_answers(struct world *w)
{
	w->spawn_at = NEVER;
	if (w->spawn_ok)
		new_proc(w, false);
	step(w,
	    (struct service_event) {
		.kind = w->spawn_ok ? SE_SPAWNED : SE_SPAWN_FAILED,
		.text = "no such file"});
}

static void
operate(struct world *w)
{
	static const enum service_event_kind wishes[] = {
	    SE_START, SE_START, SE_STOP, SE_RESTART, SE_PAUSE, SE_RESUME};

	w->operator_at = soon(w, 20000);
	step(w,
	    (struct service_event) {.kind = wishes[draw(w, 6)],
		.delay = (draw(w, 2) == 0) ? 0 : 5 * DW_SEC});
}

/* An event that means nothing now, or something behind our back. */
static void
make_mischief(struct world *w)
{
	struct service_event ev = {.kind = SE_TIMER};
	bool child = (w->m.conf.type == SERVICE_CHILD);
	size_t victim = draw(w, PROCS);

	w->mischief_at = soon(w, 3000);
	switch (draw(w, 12)) {
	case 0:
		w->prober = !w->prober;
		return;
	case 1:
		w->table = (draw(w, 3) != 0);
		return;
	case 2:
		w->taken = !w->taken;
		return;
	case 3:
		if (!child)
			new_proc(w, true);
		return;
	case 4:
		w->procs[victim].end = w->now;
		return;
	case 5:
		w->procs[victim].silent = !w->procs[victim].silent;
		return;
	case 6:
		ev.kind = w->cmd.runs ? SE_SPAWN_FAILED : SE_CMD_DONE;
		break;
	case 7:
		ev.kind = (w->spawn_at == NEVER) ? SE_SPAWNED : SE_TIMER;
		break;
	case 8:
		ev.kind = (living(w, true) == 0) ? SE_EXITED : SE_CHECK;
		ev.check = 7;
		break;
	case 9:
		ev.kind = SE_READY;
		break;
	case 10:
		ev.kind = SE_YIELD;
		break;
	case 11:
		ev.kind = SE_ORDER;
		ev.hold = draw(w, 2) != 0;
		ev.needed = draw(w, 2) != 0;
		ev.text = "waits for other, which is not up yet";
		break;
	}
	step(w, ev);
}

/*
 * Time
 */

static void
earliest(int64_t *best, int64_t t)
{
	if (t < *best)
		*best = t;
}

static int64_t
next_time(const struct world *w)
{
	int64_t t = w->m.sv.deadline;

	earliest(&t, w->spawn_at);
	earliest(&t, w->scan_at);
	earliest(&t, w->scan_next);
	earliest(&t, w->operator_at);
	earliest(&t, w->mischief_at);
	if (w->cmd.runs)
		earliest(&t, w->cmd.end);
	for (size_t i = 0; i < PROCS; i++)
		if (w->procs[i].alive) {
			earliest(&t, w->procs[i].end);
			earliest(&t, w->procs[i].tells);
		}
	for (size_t i = 0; i < MODEL_CHECKS; i++) {
		earliest(&t, w->check_at[i]);
		earliest(&t, w->check_next[i]);
	}
	return (t);
}

static bool
due(const struct world *w, int64_t t)
{
	return (t <= w->now);
}

/* One thing that is due; in which order it comes is chance. */
static bool
try_one(struct world *w, unsigned what)
{
	size_t i = what % PROCS;
	struct proc *p = &w->procs[i];

	if (what < PROCS && p->alive && due(w, p->end))
		proc_ends(w, p);
	else if (what < PROCS && p->alive && due(w, p->tells))
		proc_tells(w, p);
	else if (what == 8 && w->cmd.runs && due(w, w->cmd.end))
		command_ends(w);
	else if (what == 9 && due(w, w->spawn_at))
		spawn_answers(w);
	else if (what == 10 && due(w, w->scan_at))
		scan(w);
	else if (what == 11 && due(w, w->scan_next))
		w->scan_at = w->now, w->scan_next = NEVER;
	else if (what == 12 && due(w, w->m.sv.deadline))
		step(w, (struct service_event) {.kind = SE_TIMER});
	else if (what == 13 && due(w, w->operator_at))
		operate(w);
	else if (what == 14 && due(w, w->mischief_at))
		make_mischief(w);
	else if (what >= 16 && i < MODEL_CHECKS && due(w, w->check_at[i]))
		answer(w, i);
	else if (what >= 16 && i < MODEL_CHECKS && due(w, w->check_next[i])) {
		w->check_next[i] = NEVER;
		w->check_at[i] = soon(w, 5);
	} else
		return (false);
	return (true);
}

static void
go_on(struct world *w, int64_t until)
{
	int64_t t = next_time(w);
	unsigned what;

	if (t > until) {
		w->now = until;
		return;
	}
	if (t > w->now) {
		w->now = t;
		w->at_once = 0;
	}
	if (++w->at_once > 1000)
		give_up(w, "time stands still");
	what = draw(w, 24);
	for (unsigned i = 0; i < 24; i++)
		if (try_one(w, (what + i) % 24))
			return;
	give_up(w, "nothing to do");
}

static void
end_faults(struct world *w)
{
	const struct service_conf *conf = &w->m.conf;
	uint32_t n = living(w, false);
	bool some_end = false;

	w->faults = w->taken = false;
	w->prober = w->table = true;
	w->operator_at = w->mischief_at = NEVER;
	/*
	 * A rule may well want some of them to live on for ever, failing, if
	 * they are too few and answer: all end then.
	 */
	for (size_t i = 0; i < PROCS; i++)
		if (w->procs[i].alive && w->procs[i].end != NEVER)
			some_end = true;
	for (size_t i = 0; i < PROCS; i++) {
		w->procs[i].silent = w->procs[i].stubborn = false;
		if (some_end || n < conf->count_min || n > conf->count_max)
			end_proc(&w->procs[i], w->now);
	}
	if (w->cmd.runs && w->cmd.end == NEVER && !w->cmd.stuck)
		w->cmd.end = soon(w, 100000);
}

static void
wait_for(struct world *w, enum service_state state, int64_t bound)
{
	int64_t until = w->now + bound;

	while (w->m.sv.state != state) {
		if (w->now >= until)
			give_up(w, "it does not get there in time");
		go_on(w, until);
	}
}

static void
begin(struct world *w, const struct model_conf *conf, uint64_t seed)
{
	memset(w, 0, sizeof(*w));
	model_init(&w->m, conf);
	w->random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	w->now = w->tried_since = 1000 * DW_SEC;
	w->faults = w->prober = w->table = true;
	w->spawn_at = w->scan_at = w->scan_next = NEVER;
	for (size_t i = 0; i < MODEL_CHECKS; i++)
		w->check_at[i] = w->check_next[i] = NEVER;
	w->operator_at = soon(w, 1000);
	w->mischief_at = soon(w, 3000);
	if (conf->type == SERVICE_CHILD && draw(w, 4) == 0) {
		new_proc(w, false);
		step(w, (struct service_event) {.kind = SE_ADOPTED});
	}
}

static void
walk(const struct model_conf *conf, uint64_t seed)
{
	struct world w;
	int64_t until;

	begin(&w, conf, seed);
	until = soon(&w, 300000);
	while (w.now < until)
		go_on(&w, until);
	end_faults(&w);
	step(&w, (struct service_event) {.kind = SE_ORDER});
	step(&w, (struct service_event) {.kind = SE_START});
	wait_for(&w, SV_UP, UP_BOUND);
	/* Well, it stays so, but for those who are to end yet. */
	until = w.now + CALM;
	while (w.now < until)
		go_on(&w, until);
	wait_for(&w, SV_UP, UP_BOUND);
	if (living(&w, false) < w.m.conf.count_min)
		give_up(&w, "up, but nobody lives");
	step(&w, (struct service_event) {.kind = SE_STOP});
	wait_for(&w, SV_STOPPED, STOP_BOUND);
	if (living(&w, false) > 0)
		give_up(&w, "stopped, but somebody lives");
	until = w.now + CALM;
	while (w.now < until)
		go_on(&w, until);
	if (w.m.sv.state != SV_STOPPED)
		give_up(&w, "it does not stay stopped");
}

static void
draw_conf(struct model_conf *c, uint64_t seed)
{
	static const enum model_rule rules[] = {RULE_DEFAULT, RULE_BOTH,
	    RULE_BOTH_FAILED, RULE_PORT, RULE_NOT_PORT, RULE_PROCESS,
	    RULE_NOT_READY};
	struct world w = {.random = seed * UINT64_C(0xd1342543de82ef95) + 1};

	for (int i = 0; i < 8; i++)
		draw(&w, 2);
	memset(c, 0, sizeof(*c));
	c->type = draw(&w, 2) ? SERVICE_DETACHED : SERVICE_CHILD;
	if (c->type == SERVICE_DETACHED && draw(&w, 2)) {
		c->count_min = 1 + draw(&w, 2);
		c->count_max = c->count_min + draw(&w, 2);
		c->count_set = true;
	}
	c->nchecks = draw(&w, 3);
	c->rule =
	    (c->nchecks == 0) ? RULE_DEFAULT : rules[draw(&w, NITEMS(rules))];
	c->fall = 1 + draw(&w, 3);
	c->rise = 1 + draw(&w, 2);
	c->ready = (enum ready_kind)draw(&w, READY_PIDFILE + 1);
	if (c->ready == READY_CHECK && c->nchecks == 0)
		c->ready = READY_DELAY;
	c->hooks = draw(&w, 2) != 0;
	c->post = draw(&w, 3) == 0;
	c->stop = draw(&w, 2) != 0;
	c->give_up = draw(&w, 3);
	c->hold = c->give_up > 0;
}

static uint64_t
number(const char *name, uint64_t otherwise)
{
	const char *s = getenv(name);

	return (s != NULL ? strtoull(s, NULL, 10) : otherwise);
}

static void
test_walks(void **state)
{
	uint64_t first = number("SERVICE_SEED", 1);
	uint64_t n =
	    number("SERVICE_WALKS", model_is_slow() ? SLOW_WALKS : WALKS);
	struct model_conf conf;

	(void)state;
	for (uint64_t seed = first; seed < first + n; seed++) {
		draw_conf(&conf, seed);
		if (getenv("SERVICE_VERBOSE") != NULL)
			print_message("SERVICE_SEED=%ju\n", (uintmax_t)seed);
		walk(&conf, seed);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_walks),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
