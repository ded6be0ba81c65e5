/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Command lines: the same line for the same arguments on every system.
 */
#include "config.h"

#include <stddef.h>
#include <stdlib.h>

#include "proctab_args.h"

/* What is kept of a command line at most; Linux lets it be 2 MiB and more. */
#define ARGS_MAX ((size_t)1024 * 1024)
#define ARGS_FIRST ((size_t)4096)

int
proctab_args_grow(struct proctab_args *a)
{
	size_t size;
	char *text;

	if (a->size >= ARGS_MAX)
		return (0);
	size = a->size == 0 ? ARGS_FIRST : a->size * 2;
	if ((text = realloc(a->text, size)) == NULL)
		return (-1);
	a->text = text;
	a->size = size;
	return (1);
}

/* A program that wrote its title over its arguments may leave many a NUL. */
size_t
proctab_args_join(char *text, size_t n)
{
	size_t i;

	while (n > 0 && (text[n - 1] == '\0' || text[n - 1] == ' '))
		n--;
	for (i = 0; i < n; i++) {
		if (text[i] == '\0')
			text[i] = ' ';
	}
	text[n] = '\0';
	return (n);
}
