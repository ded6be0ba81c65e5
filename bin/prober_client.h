/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The supervisor's side of daemonwatch-prober: asks it, keeps it running, and
 * answers UNKNOWN in its place when it cannot.  Whatever becomes of the
 * prober, each query is answered exactly once, from the loop, within
 * 2 * (timeout + PROBER_GRACE) of being asked.
 */
#ifndef BIN_PROBER_CLIENT_H
#define BIN_PROBER_CLIENT_H

#include <sys/types.h>
#include <sys/queue.h>

#include "../lib/daemonwatch.h"

/* How long after a query's timeout the prober may answer. */
#define PROBER_GRACE (500 * DW_MS)
/*
 * It is taken for hung, and killed, when so many queries have run out and
 * nothing at all has come from it for so long since the first of them.
 */
#define PROBER_HUNG_QUERIES 3
#define PROBER_HUNG_TIME DW_SEC
/* Delays before it is started again: none, then from min doubling to max. */
#define PROBER_DELAY_MIN (100 * DW_MS)
#define PROBER_DELAY_MAX (30 * DW_SEC)
#define PROBER_STABLE (60 * DW_SEC) /* who lived so long begins anew */

struct prober;
struct prober_query;

/* What happened to it, for the log; to be put behind "prober: ". */
typedef void prober_event_cb(
    void *arg, enum dw_log_level level, const char *text);
/* The query may be freed or asked again from here; the prober not freed. */
typedef void prober_query_cb(
    struct prober_query *q, const struct dw_probe_result *result);

/* The caller's; zero it, set cb and arg. */
struct prober_query {
	prober_query_cb *cb;
	void *arg;
	unsigned kind; /* 0: tcp; else a probe of wire.h */
	/* Of TLS and HTTP: wire_options.h; must stay, as *tcp must. */
	const char *options;
	size_t options_len;
	bool degraded; /* with an answer that is DW_PROBE_OK */
	/* private */
	struct prober *prober; /* NULL: not asked */
	const struct dw_probe_tcp *tcp;
	uint64_t id;
	bool sent; /* else it is in the queue */
	struct dw_timer timer;
	LIST_ENTRY(prober_query) link; /* in the bucket of its id */
	TAILQ_ENTRY(prober_query) next;
};

/*
 * path: the program; user: whom it becomes if we are root, as name, uid or
 * uid:gid, NULL for nobody.  Both are copied.  Nothing is started before the
 * first query.  NULL with errno.
 */
struct prober *prober_new(struct dw_loop *loop, const char *path,
    const char *user, prober_event_cb *event, void *arg);
/* Kill it (the loop reaps it) and forget all queries without an answer. */
void prober_free(struct prober *p);
/* Its pid, 0 while none runs. */
pid_t prober_pid(const struct prober *p);

/*
 * Ask.  *tcp must stay as it is until the answer or prober_cancel().  While
 * no prober runs, or its socket is full, the query waits in a queue for at
 * most its timeout and PROBER_GRACE; its timeout begins when it is sent.
 * EINVAL: longer or larger than wire.h allows; EBUSY: already asked.
 */
int prober_ask(
    struct prober *p, struct prober_query *q, const struct dw_probe_tcp *tcp);
/* No callback any more; does nothing if it is not asked. */
void prober_cancel(struct prober_query *q);

#endif
