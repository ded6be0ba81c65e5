/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Playing the scripts.  Whatever a script expects, the shadow watches too.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "service_script.h"

#define ZERO (1000 * DW_SEC)

void
script_begin(struct model *m, const struct model_conf *conf)
{
	model_init(m, conf);
	m->sv.backoff.jitter = 0;
}

static void
check_line(
    struct model *m, const struct line *l, const struct service_actions *out)
{
	char acts[MODEL_TEXT], ev[64];
	int64_t deadline = NONE;

	model_event(&l->ev, ev, sizeof(ev));
	model_actions(out, acts, sizeof(acts));
	if (strcmp(acts, l->actions) != 0)
		fail_msg("line %d: %s: [%s] instead of [%s]; %s", l->no, ev,
		    acts, l->actions, m->sv.cause);
	if (m->sv.deadline != SERVICE_NEVER)
		deadline = (m->sv.deadline - ZERO) / DW_MS;
	if (deadline != l->deadline)
		fail_msg("line %d: %s: the deadline is %jd ms", l->no, ev,
		    (intmax_t)deadline);
	if (l->cause != NULL && strstr(m->sv.cause, l->cause) == NULL)
		fail_msg(
		    "line %d: %s: the cause is `%s'", l->no, ev, m->sv.cause);
}

void
script_go_on(struct model *m, const struct line *lines, size_t n)
{
	struct service_actions out;
	char ev[64];

	for (size_t i = 0; i < n; i++) {
		struct service_event e = lines[i].ev;

		e.now = ZERO + lines[i].at * DW_MS;
		if (model_step(m, &e, &out) == -1)
			fail_msg("line %d: %s: %s", lines[i].no,
			    model_event(&e, ev, sizeof(ev)), m->why);
		check_line(m, &lines[i], &out);
	}
}

void
script_step(struct model *m, int64_t ms, struct service_event ev)
{
	struct service_actions out;
	char name[64];

	ev.now = ZERO + ms * DW_MS;
	if (model_step(m, &ev, &out) == -1)
		fail_msg(
		    "%s: %s", model_event(&ev, name, sizeof(name)), m->why);
}
