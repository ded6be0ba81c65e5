/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Reading proc(5): what Linux' files of compat/ share.  Through a descriptor of
 * a process' directory, which goes dead with the process, a pid that is used
 * again cannot mix two processes up.
 */
#ifndef COMPAT_PROCFS_LINUX_H
#define COMPAT_PROCFS_LINUX_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>

/* A directory, as openat(2). */
int procfs_open(int at, const char *name);
/* As read(2), but for EINTR. */
ssize_t procfs_read_some(int fd, char *buf, size_t len);
/* Close without changing errno. */
void procfs_close(int fd);
/*
 * A file, NUL-ended; what does not fit is left.  once: the kernel gives all of
 * it to the first read, so that another one to see its end is not needed.
 */
ssize_t procfs_read(int at, const char *name, char *buf, size_t len, bool once);

#endif
