/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The process table of a system whose table nobody has taught us to read:
 * everything is ENOTSUP, never an empty table.
 */
#include "config.h"

#include <sys/types.h>

#include <errno.h>
#include <stddef.h>

#include "proctab.h"

struct proctab *
proctab_open(bool args)
{
	(void)args;
	errno = ENOTSUP;
	return (NULL);
}

int
proctab_next(struct proctab *t, struct proctab_entry *e)
{
	(void)t;
	(void)e;
	errno = ENOTSUP;
	return (-1);
}

void
proctab_close(struct proctab *t)
{
	(void)t;
}

int
proctab_get(pid_t pid, struct proctab_entry *e, char *buf, size_t len)
{
	(void)pid;
	(void)e;
	(void)buf;
	(void)len;
	errno = ENOTSUP;
	return (-1);
}

int
proctab_boot_id(char *buf, size_t len)
{
	(void)buf;
	(void)len;
	errno = ENOTSUP;
	return (-1);
}
