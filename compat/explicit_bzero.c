/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * explicit_bzero(3), which NetBSD calls explicit_memset: memory that nobody
 * reads any more is cleared all the same.
 */
#include "config.h"

#include <string.h>

/* What a compiler cannot look through it cannot leave out. */
static void *(*const volatile set)(void *, int, size_t) = memset;

void
explicit_bzero(void *p, size_t len)
{
	(void)set(p, 0, len);
}
