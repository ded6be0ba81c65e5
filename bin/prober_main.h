/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What the probers have in common (prober_main.c), and what each of them is
 * (prober.c, prober_http.c): the way it probes.
 */
#ifndef BIN_PROBER_MAIN_H
#define BIN_PROBER_MAIN_H

#include <sys/types.h>
#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>

#include "../lib/daemonwatch.h"
#include "wire.h"

struct prober;

/* A request, until its reply has been sent.  A way's own begins with it. */
struct prober_task {
	LIST_ENTRY(prober_task) link; /* in its id's bucket, while it probes */
	STAILQ_ENTRY(prober_task) next; /* in the queue of replies, then */
	struct prober *prober;
	struct wire_reply reply;
};

struct prober_way {
	unsigned kinds;	  /* a bit for each kind that it knows */
	size_t task_size; /* zeroed by prober_main.c, and freed there */
	/* Before the first request; may be NULL.  -1 with errno. */
	int (*init)(struct dw_loop *loop);
	/* What is wrong with its options, NULL: nothing; all else is sound. */
	const char *(*fault)(const struct wire_request *req);
	/* -1 with errno, and nothing is under way. */
	int (*begin)(struct dw_loop *loop, struct prober_task *task,
	    const struct wire_request *req, size_t len);
	/* End it; it is not answered any more. */
	void (*cancel)(struct prober_task *task);
};

/* Answer it; once, never from within begin().  The task is gone then. */
void prober_answer(struct prober_task *task,
    const struct dw_probe_result *result, bool degraded);
/* main() of a prober. */
int prober_main(int argc, char *argv[], const struct prober_way *way);

#endif
