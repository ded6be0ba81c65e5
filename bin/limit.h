/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Limits: "> 500M for 5m".  Pure: no clock, no allocation.
 */
#ifndef BIN_LIMIT_H
#define BIN_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What can be limited, in the order of the table in limit.c. */
enum limit_id {
	LIMIT_CPU,	   /* thousandths of one processor */
	LIMIT_MEMORY,	   /* bytes that are resident */
	LIMIT_DESCRIPTORS, /* open */
	LIMIT_THREADS,
	LIMIT_CHILDREN,
	LIMIT_UPTIME, /* nanoseconds */
	LIMIT_COUNT,  /* processes */
	LIMIT_AGE,    /* nanoseconds since a file was written */
	LIMIT_SIZE,   /* bytes of a file */
	LIMIT_FREE,   /* bytes, or thousandths, of a file system */
	LIMIT_INODES, /* free, or thousandths */
	LIMIT_QUEUE,  /* waiting, or thousandths of what fits */
	LIMITS
};

struct limit {
	char op;    /* '>' or '<'; 0: no limit */
	bool share; /* value is in thousandths, of what "%" means here */
	int64_t value;
	int64_t hold; /* nanoseconds it must be so: "for 5m" */
};

/* What is measured at the moment; -1: not known. */
struct measure {
	int64_t value;
	int64_t share; /* thousandths, for those that can be written with % */
};

const char *limit_key(enum limit_id id);
/* -1 with the reason in *why. */
int limit_parse(
    enum limit_id id, const char *text, struct limit *l, const char **why);
/* "> 90% for 5m" */
#define LIMIT_TEXT 80
const char *limit_text(char *buf, enum limit_id id, const struct limit *l);
/* "1.5G", "12%", "3h2m1s": how much of it there is. */
const char *limit_amount(
    char *buf, enum limit_id id, bool share, int64_t amount);
/* Is it over, or under, the limit?  1, 0, -1: not known. */
int limit_exceeded(const struct limit *l, const struct measure *m);

/* Nothing is known; no limit is exceeded. */
void measures_clear(struct measure measures[LIMITS]);
void limits_begin(int64_t since[LIMITS]);

enum limits_verdict {
	LIMITS_OK,
	LIMITS_EXCEEDED,
	LIMITS_UNKNOWN
};
/*
 * All of them against all measures.  since[i]: when the limit began to be
 * exceeded, INT64_MIN: it is not; kept here.  text: what is wrong, or what
 * was measured.
 */
enum limits_verdict limits_judge(const struct limit limits[LIMITS],
    const struct measure measures[LIMITS], int64_t since[LIMITS], int64_t now,
    char *text, size_t len);
/* "cpu=1.5% memory=1048576 …": what is known, for machines. */
void limits_metrics(
    const struct measure measures[LIMITS], char *buf, size_t len);

#endif
