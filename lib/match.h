/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * An answer as it comes, at most 64 KiB of it, and whether a regular
 * expression is in it.  The expression sees all of it as one string.
 */
#ifndef LIB_MATCH_H
#define LIB_MATCH_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>

#include "daemonwatch.h"

#define MATCH_MAX 65536u	 /* bytes of an answer */
#define MATCH_HEAD 32u		 /* bytes of it that are kept for a message */
#define MATCH_DELAY (50 * DW_MS) /* when it has not grown much: then look */

struct match {
	regex_t regex;
	char *in; /* NULs have become 0x01, as regexec(3) would stop there */
	size_t len;
	size_t size;
	size_t tried; /* so much of it did not match */
	char head[MATCH_HEAD];
};

/* -1 with EINVAL: no expression, or ENOMEM. */
int match_init(struct match *m, const char *re);
/* Of one that match_init() made; else it only frees what has come. */
void match_free(struct match *m, bool made);
/* Have room for size bytes in all, at least.  -1 with ENOMEM. */
int match_room(struct match *m, size_t size);
/* n bytes have been written to in + len. */
void match_take(struct match *m, size_t n);
/* Is it time to look?  Not at every byte of one who sends byte by byte. */
bool match_due(const struct match *m);
/* 0: it is there; REG_NOMATCH; or another error of regexec(3). */
int match_try(struct match *m);

#endif
