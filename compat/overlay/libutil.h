/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * <libutil.h> of FreeBSD, as much of it as is used, for systems without it
 * and without libbsd.
 */
#ifndef OVERLAY_LIBUTIL_H
#define OVERLAY_LIBUTIL_H

#include <sys/types.h>

struct pidfh;

int flopen(const char *, int, ...);
int flopenat(int, const char *, int, ...);
struct pidfh *pidfile_open(const char *, mode_t, pid_t *);
int pidfile_write(struct pidfh *);
int pidfile_close(struct pidfh *);
int pidfile_remove(struct pidfh *);
int pidfile_fileno(const struct pidfh *);

#endif
