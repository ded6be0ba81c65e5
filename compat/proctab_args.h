/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Command lines, for the files that read a process table: room for one, and
 * how its arguments become one line.
 */
#ifndef COMPAT_PROCTAB_ARGS_H
#define COMPAT_PROCTAB_ARGS_H

#include <stddef.h>

struct proctab_args {
	char *text; /* owned */
	size_t size;
};

/* More room, up to a megabyte: 1, 0 when that is reached, -1 with errno. */
int proctab_args_grow(struct proctab_args *a);
/*
 * The n bytes of arguments, each ended by NUL, become a line, itself ended by
 * NUL (so there is room for n + 1).  Its length.
 */
size_t proctab_args_join(char *text, size_t n);

#endif
