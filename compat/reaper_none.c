/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Adopting orphans, where they always go to init: OpenBSD, NetBSD and others.
 */
#include "config.h"

#include <sys/types.h>

#include <errno.h>

#include "system.h"

int
reaper_acquire(void)
{
	errno = ENOTSUP;
	return (-1);
}
