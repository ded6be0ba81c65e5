/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What the two halves of the shadow share: service_shadow.c sees what happens
 * and draws its conclusions, service_judge.c holds each step against the rules.
 */
#ifndef TESTS_SERVICE_SHADOW_H
#define TESTS_SERVICE_SHADOW_H

#include "service_model.h"

/* One step, and what was before it. */
struct view {
	struct model *m;
	const struct service_event *ev;
	const struct service_actions *out;
	struct service was;
	struct service_check checks[MODEL_CHECKS];
	enum truth answers[MODEL_CHECKS];
	bool failed[MODEL_CHECKS];
	bool idle;	    /* the event has no meaning now */
	bool lost;	    /* it took away the process */
	enum truth process; /* as the event tells it */
	enum truth rule;    /* restart-when, likewise */
};

int shadow_broke(struct model *m, const char *fmt, ...) DW_PRINTF(2, 3);
bool shadow_is_watched(const struct service *sv);
enum service_outcome shadow_verdict_on_start(const struct model *m, bool late);
bool shadow_is_spared(const struct model *m, enum truth process);
bool shadow_is_operator(const struct service_event *ev);
bool shadow_is_resumed(
    const struct service *sv, const struct service_event *ev);
bool shadow_is_idle(const struct model *m, const struct service_event *ev);
enum truth shadow_negation(enum truth t);
enum truth shadow_both(enum truth a, enum truth b);
void shadow_forget_answers(struct shadow *sh);
bool shadow_is_news(const struct service_event *ev);
void shadow_tell(struct view *v);

#endif
