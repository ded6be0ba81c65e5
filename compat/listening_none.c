/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Who is listening, on a system where nobody has taught us to find that out:
 * everything is ENOTSUP, never an empty table.
 */
#include "config.h"

#include <sys/types.h>

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include "listening.h"

struct listening_table *
listening_open(void)
{
	errno = ENOTSUP;
	return (NULL);
}

int
listening_next(struct listening_table *t, struct listening *l)
{
	(void)t;
	(void)l;
	errno = ENOTSUP;
	return (-1);
}

void
listening_close(struct listening_table *t)
{
	(void)t;
}

int
listening_owner(uint64_t socket, pid_t first, pid_t *owner)
{
	(void)socket;
	(void)first;
	(void)owner;
	errno = ENOTSUP;
	return (-1);
}
