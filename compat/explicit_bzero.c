/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * explicit_bzero(3): clear memory although nobody reads it afterwards.  The
 * compiler may not drop calls through a pointer that may change.
 */
#include "config.h"

#include <string.h>

static void *(*const volatile fill)(void *, int, size_t) = memset;

void
explicit_bzero(void *p, size_t len)
{
	(void)fill(p, 0, len);
}
