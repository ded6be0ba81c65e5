/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What the tests of the supervisor's side of the prober share: a client, and
 * queries that count their answers.  Included after cmocka.h.
 */
#ifndef TESTS_PROBER_FIXTURE_H
#define TESTS_PROBER_FIXTURE_H

#include "../bin/prober_client.h"
#include "../bin/wire.h"
#include "probe_fixture.h"

static const char *real; /* the program */
static struct prober *prober;
static char last_event[256];
static int nevents, nstarts;
static bool hung;

static inline void
event(void *arg, enum dw_log_level level, const char *text)
{
	assert_ptr_equal(arg, &nevents);
	assert_true(level <= DW_LOG_INFO);
	nevents++;
	if (strstr(text, "started") != NULL)
		nstarts++;
	if (strstr(text, "does not answer: killed") != NULL)
		hung = true;
	(void)strlcpy(last_event, text, sizeof(last_event));
}

static inline void
make_prober(const char *path)
{
	nevents = nstarts = 0;
	hung = false;
	last_event[0] = '\0';
	prober = prober_new(loop, path, NULL, event, &nevents);
	assert_non_null(prober);
}

static inline int
tear_down_prober(void **state)
{
	prober_free(prober);
	prober = NULL;
	return (tear_down(state));
}

/*
 * Queries
 */

/* Static where used: a test that fails leaves them asked. */
struct query {
	struct prober_query q;
	struct dw_probe_tcp tcp;
	struct told told;
};

static inline void
answered(struct prober_query *q, const struct dw_probe_result *res)
{
	struct query *query = q->arg;

	assert_null(q->prober);
	assert_false(dw_timer_active(&q->timer));
	query->told.calls++;
	query->told.res = *res;
}

static inline void
ask_of(struct query *q, const char *port, int64_t timeout)
{
	memset(q, 0, sizeof(*q));
	q->q.cb = answered;
	q->q.arg = q;
	q->tcp.host = "127.0.0.1";
	q->tcp.port = port;
	q->tcp.timeout = timeout;
	assert_int_equal(prober_ask(prober, &q->q, &q->tcp), 0);
	assert_int_equal(q->told.calls, 0);
}

static inline void
await_answer(struct query *q)
{
	turn_until(&q->told.calls, 1);
}

/* An answer by the prober itself, whatever it says. */
static inline void
assert_serves(const char *port)
{
	static struct query q;

	ask_of(&q, port, PATIENCE);
	await_answer(&q);
	assert_outcome(q.told.res, DW_PROBE_OK);
}

/* The program under test: $PROBER, or that of the build tree. */
static inline void
find_prober(void)
{
	real = getenv("PROBER");
	if (real == NULL)
		real = "./bin/daemonwatch-prober";
}

#endif
