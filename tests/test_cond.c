/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Conditions: the tables of Kleene's logic, an evaluator of another make over
 * random formulas, and formulas that are none.
 */
#include "config.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cond.h"

#define NCHECKS 3

static enum truth
eval(const struct cond_item *items, size_t len, const struct cond_facts *f)
{
	struct cond c = {len, (struct cond_item *)(uintptr_t)items};

	return (cond_eval(&c, f));
}

static void
test_atoms(void **state)
{
	const enum truth checks[] = {NO, YES, UNKNOWN};
	const bool failed[] = {false, true, false};
	struct cond_facts f = {YES, UNKNOWN, checks, failed, 3};
	struct cond_item it = {COND_PROCESS, 0, 0};

	(void)state;
	assert_int_equal(eval(&it, 1, &f), YES);
	f.process = NO;
	assert_int_equal(eval(&it, 1, &f), NO);
	it.op = COND_READY;
	assert_int_equal(eval(&it, 1, &f), UNKNOWN);
	for (uint16_t i = 0; i < 3; i++) {
		it.op = COND_CHECK;
		it.arg = i;
		assert_int_equal(eval(&it, 1, &f), checks[i]);
		it.op = COND_FAILED;
		assert_int_equal(eval(&it, 1, &f), i == 1 ? YES : NO);
	}
}

static void
test_tables(void **state)
{
	/* Indexed as enum truth is: NO, YES, UNKNOWN. */
	static const enum truth not [3] = {YES, NO, UNKNOWN};
	static const enum truth and[3][3] = {
	    {NO, NO, NO}, {NO, YES, UNKNOWN}, {NO, UNKNOWN, UNKNOWN}};
	static const enum truth or [3][3] = {
	    {NO, YES, UNKNOWN}, {YES, YES, YES}, {UNKNOWN, YES, UNKNOWN}};
	const struct cond_item items_and[] = {
	    {COND_PROCESS, 0, 0}, {COND_READY, 0, 0}, {COND_AND, 0, 0}};
	const struct cond_item items_or[] = {
	    {COND_PROCESS, 0, 0}, {COND_READY, 0, 0}, {COND_OR, 0, 0}};
	const struct cond_item items_not[] = {
	    {COND_PROCESS, 0, 0}, {COND_NOT, 0, 0}};

	(void)state;
	for (int a = 0; a < 3; a++) {
		for (int b = 0; b < 3; b++) {
			struct cond_facts f = {
			    (enum truth)a, (enum truth)b, NULL, NULL, 0};

			assert_int_equal(eval(items_and, 3, &f), and[a][b]);
			assert_int_equal(eval(items_or, 3, &f), or [a][b]);
			assert_int_equal(eval(items_not, 2, &f), not [a]);
		}
	}
}

/* The samples' rule: only when both are known to be gone. */
static void
test_samples_rule(void **state)
{
	const struct cond_item items[] = {{COND_PROCESS, 0, 0},
	    {COND_NOT, 0, 0}, {COND_CHECK, 0, 0}, {COND_NOT, 0, 0},
	    {COND_AND, 0, 0}};

	(void)state;
	for (int process = 0; process < 3; process++) {
		for (int port = 0; port < 3; port++) {
			enum truth check = (enum truth)port, want;
			bool failed = false;
			struct cond_facts f = {
			    (enum truth)process, UNKNOWN, &check, &failed, 1};

			want = process == NO && port == NO ? YES :
			    process == YES || port == YES  ? NO :
							     UNKNOWN;
			assert_int_equal(eval(items, 5, &f), want);
		}
	}
}

/* A formula as a tree, evaluated by the minimum and maximum of -1, 0, 1. */
struct tree {
	uint8_t op;
	uint16_t arg;
	struct tree *left, *right;
};

static uint32_t seed;

static uint32_t
rnd(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return ((seed >> 8) % n);
}

static struct tree *
grow(int depth)
{
	struct tree *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	if (depth == 0 || rnd(4) == 0) {
		t->op = (uint8_t)(COND_PROCESS + rnd(4));
		t->arg = (uint16_t)rnd(NCHECKS);
		return (t);
	}
	t->op = (uint8_t)(COND_NOT + rnd(3));
	t->left = grow(depth - 1);
	if (t->op != COND_NOT)
		t->right = grow(depth - 1);
	return (t);
}

static void
fell(struct tree *t)
{
	if (t == NULL)
		return;
	fell(t->left);
	fell(t->right);
	free(t);
}

static void
flatten(const struct tree *t, struct cond *c)
{
	if (t->left != NULL)
		flatten(t->left, c);
	if (t->right != NULL)
		flatten(t->right, c);
	c->items[c->len].op = t->op;
	c->items[c->len++].arg = t->arg;
}

static int
value(enum truth t)
{
	return (t == NO ? -1 : t == YES ? 1 : 0);
}

static int
walk(const struct tree *t, const struct cond_facts *f)
{
	int a, b;

	switch (t->op) {
	case COND_PROCESS:
		return (value(f->process));
	case COND_READY:
		return (value(f->ready));
	case COND_CHECK:
		return (value(f->checks[t->arg]));
	case COND_FAILED:
		return (f->failed[t->arg] ? 1 : -1);
	case COND_NOT:
		return (-walk(t->left, f));
	}
	a = walk(t->left, f);
	b = walk(t->right, f);
	if (t->op == COND_AND)
		return (a < b ? a : b);
	return (a > b ? a : b);
}

/* What is known never turns when something unknown becomes known. */
static void
check_monotone(const struct cond *c, const struct cond_facts *f)
{
	enum truth before = cond_eval(c, f), checks[NCHECKS];
	struct cond_facts g = *f;

	if (before == UNKNOWN)
		return;
	for (int bits = 0; bits < 1 << (NCHECKS + 2); bits++) {
		for (int i = 0; i < NCHECKS; i++) {
			checks[i] = f->checks[i];
			if (checks[i] == UNKNOWN)
				checks[i] = (bits >> i & 1) ? YES : NO;
		}
		g.checks = checks;
		if (f->process == UNKNOWN)
			g.process = (bits >> NCHECKS & 1) ? YES : NO;
		if (f->ready == UNKNOWN)
			g.ready = (bits >> (NCHECKS + 1) & 1) ? YES : NO;
		assert_int_equal(cond_eval(c, &g), before);
	}
}

static void
test_random_formulas(void **state)
{
	struct cond_item items[256];
	enum truth checks[NCHECKS];
	bool failed[NCHECKS];
	int depths[2] = {0, 0};

	(void)state;
	for (uint32_t round = 0; round < 20000; round++) {
		struct cond_facts f = {
		    .checks = checks, .failed = failed, .nchecks = NCHECKS};
		struct cond c = {0, items};
		struct tree *t;
		int depth;

		seed = round;
		t = grow((int)rnd(7));
		flatten(t, &c);
		depth = cond_depth(&c, NCHECKS);
		assert_in_range(depth, 1, COND_DEPTH);
		depths[depth > 3]++;
		for (int k = 0; k < 5; k++) {
			f.process = (enum truth)rnd(3);
			f.ready = (enum truth)rnd(3);
			for (int i = 0; i < NCHECKS; i++) {
				checks[i] = (enum truth)rnd(3);
				failed[i] = rnd(2) == 1;
			}
			assert_int_equal(value(cond_eval(&c, &f)), walk(t, &f));
			check_monotone(&c, &f);
		}
		fell(t);
	}
	/* Both shallow and deep ones were among them. */
	assert_true(depths[0] > 1000 && depths[1] > 1000);
}

static void
test_uses_check(void **state)
{
	struct cond_item items[] = {
	    {COND_CHECK, 0, 1}, {COND_FAILED, 0, 2}, {COND_OR, 0, 0}};
	struct cond c = {3, items};

	(void)state;
	assert_false(cond_uses_check(&c, 0));
	assert_true(cond_uses_check(&c, 1));
	assert_true(cond_uses_check(&c, 2));
	assert_false(cond_uses_check(&c, 3));
}

/* Deepest allowed, and one more: a right-leaning chain of ands. */
static void
test_depth(void **state)
{
	struct cond_item items[2 * COND_DEPTH + 2] = {{0, 0, 0}};
	const enum truth check = YES;
	const bool failed = false;
	struct cond_facts f = {YES, YES, &check, &failed, 1};
	struct cond c = {0, items};

	(void)state;
	for (int i = 0; i < COND_DEPTH; i++)
		items[c.len++].op = COND_PROCESS;
	for (int i = 0; i < COND_DEPTH - 1; i++)
		items[c.len++].op = COND_AND;
	assert_int_equal(cond_depth(&c, 0), COND_DEPTH);
	assert_int_equal(cond_eval(&c, &f), YES);

	c.len = 0;
	for (int i = 0; i < COND_DEPTH + 1; i++)
		items[c.len++].op = COND_PROCESS;
	for (int i = 0; i < COND_DEPTH; i++)
		items[c.len++].op = COND_AND;
	assert_int_equal(cond_depth(&c, 0), COND_DEPTH + 1);
	assert_int_equal(cond_eval(&c, &f), UNKNOWN);
}

static void
test_malformed(void **state)
{
	static const struct {
		size_t len;
		struct cond_item items[3];
	} none[] = {
	    {0, {{0, 0, 0}}},
	    {1, {{COND_NOT, 0, 0}}},
	    {1, {{COND_AND, 0, 0}}},
	    {2, {{COND_PROCESS, 0, 0}, {COND_OR, 0, 0}}},
	    {2, {{COND_PROCESS, 0, 0}, {COND_READY, 0, 0}}},
	    {1, {{COND_CHECK, 0, 1}}},
	    {1, {{COND_FAILED, 0, 1}}},
	    {1, {{COND_OR + 1, 0, 0}}},
	};
	const enum truth check = YES;
	const bool failed = true;
	struct cond_facts f = {YES, YES, &check, &failed, 1};

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		struct cond c = {
		    none[i].len, (struct cond_item *)(uintptr_t)none[i].items};

		assert_int_equal(cond_depth(&c, 1), -1);
		assert_int_equal(cond_eval(&c, &f), UNKNOWN);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_atoms),
	    cmocka_unit_test(test_tables),
	    cmocka_unit_test(test_samples_rule),
	    cmocka_unit_test(test_random_formulas),
	    cmocka_unit_test(test_uses_check),
	    cmocka_unit_test(test_depth),
	    cmocka_unit_test(test_malformed),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
