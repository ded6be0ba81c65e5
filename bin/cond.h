/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The condition of restart-when and its like: a formula over the process, its
 * readiness and its checks, in three-valued logic.  Pure.
 */
#ifndef BIN_COND_H
#define BIN_COND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum truth {
	NO,
	YES,
	UNKNOWN
};

enum cond_op {
	COND_PROCESS, /* as many processes as wanted */
	COND_READY,
	COND_CHECK,  /* arg: index of a check; its answer as judged */
	COND_FAILED, /* arg: the check has failed as often as its fall */
	COND_NOT,
	COND_AND,
	COND_OR
};

struct cond_item {
	uint8_t op;
	uint8_t pad;
	uint16_t arg;
};

/* Postfix: `not process and not port` is process NOT check(0) NOT AND. */
struct cond {
	size_t len;
	struct cond_item *items;
};

#define COND_DEPTH 32 /* the parser refuses deeper formulas */

/* What the atoms of a formula are worth now. */
struct cond_facts {
	enum truth process;
	enum truth ready;
	const enum truth *checks; /* the last answer of each check */
	const bool *failed;	  /* has it failed? */
	size_t nchecks;
};

/* Kleene's logic: UNKNOWN only where the unknown atoms decide. */
enum truth cond_eval(const struct cond *c, const struct cond_facts *f);
/* Does the formula use this check (in any form)? */
bool cond_uses_check(const struct cond *c, size_t check);
/* Deepest stack the formula needs, -1 if it is malformed. */
int cond_depth(const struct cond *c, size_t nchecks);

#endif
