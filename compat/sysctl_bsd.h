/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Reading what has no fixed size from sysctl(3): tables that grow while they
 * are read.
 */
#ifndef COMPAT_SYSCTL_BSD_H
#define COMPAT_SYSCTL_BSD_H

#include <stddef.h>

/*
 * All of what mib names: *buf, of *size bytes, is what there is already (NULL
 * and 0 at first), is made larger as needed, and is the caller's to free also
 * after an error.  *len: how much of it was read.  0 or -1.
 */
int sysctl_read(
    const int *mib, unsigned n, void **buf, size_t *size, size_t *len);

#endif
