/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Evaluating the condition of restart-when in three-valued logic.  It neither
 * parses (config_cond.c) nor finds facts (service.c).
 */
#include "config.h"

#include "cond.h"

/*
 * Kleene's logic is the order NO < UNKNOWN < YES: and is the minimum, or the
 * maximum, not the mirror image.
 */
static enum truth
negate(enum truth t)
{
	switch (t) {
	case YES:
		return (NO);
	case NO:
		return (YES);
	default:
		return (UNKNOWN);
	}
}

static enum truth
both(enum truth a, enum truth b)
{
	if (a == NO || b == NO)
		return (NO);
	return (a == YES && b == YES ? YES : UNKNOWN);
}

static enum truth
atom(const struct cond_item *it, const struct cond_facts *f)
{
	switch (it->op) {
	case COND_PROCESS:
		return (f->process);
	case COND_READY:
		return (f->ready);
	case COND_CHECK:
		return (it->arg < f->nchecks ? f->checks[it->arg] : UNKNOWN);
	case COND_FAILED:
		if (it->arg >= f->nchecks)
			return (UNKNOWN);
		return (f->failed[it->arg] ? YES : NO);
	default:
		return (UNKNOWN);
	}
}

/* A formula that is none, or too deep, is UNKNOWN: that never restarts. */
enum truth
cond_eval(const struct cond *c, const struct cond_facts *f)
{
	enum truth stack[COND_DEPTH];
	size_t top = 0;

	for (size_t i = 0; i < c->len; i++) {
		const struct cond_item *it = &c->items[i];

		switch (it->op) {
		case COND_NOT:
			if (top < 1)
				return (UNKNOWN);
			stack[top - 1] = negate(stack[top - 1]);
			break;
		case COND_AND:
		case COND_OR:
			if (top < 2)
				return (UNKNOWN);
			top--;
			if (it->op == COND_AND)
				stack[top - 1] =
				    both(stack[top - 1], stack[top]);
			else
				stack[top - 1] =
				    negate(both(negate(stack[top - 1]),
					negate(stack[top])));
			break;
		default:
			if (top == COND_DEPTH)
				return (UNKNOWN);
			stack[top++] = atom(it, f);
			break;
		}
	}
	return (top == 1 ? stack[0] : UNKNOWN);
}

bool
cond_uses_check(const struct cond *c, size_t check)
{
	for (size_t i = 0; i < c->len; i++) {
		const struct cond_item *it = &c->items[i];

		if ((it->op == COND_CHECK || it->op == COND_FAILED) &&
		    it->arg == check)
			return (true);
	}
	return (false);
}

int
cond_depth(const struct cond *c, size_t nchecks)
{
	int top = 0, deepest = 0;

	for (size_t i = 0; i < c->len; i++) {
		const struct cond_item *it = &c->items[i];

		switch (it->op) {
		case COND_CHECK:
		case COND_FAILED:
			if (it->arg >= nchecks)
				return (-1);
			/* FALLTHROUGH */
		case COND_PROCESS:
		case COND_READY:
			if (++top > deepest)
				deepest = top;
			break;
		case COND_NOT:
			if (top < 1)
				return (-1);
			break;
		case COND_AND:
		case COND_OR:
			if (top < 2)
				return (-1);
			top--;
			break;
		default:
			return (-1);
		}
	}
	return (top == 1 ? deepest : -1);
}
