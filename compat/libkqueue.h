/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * For poller_kqueue.c, which says LIBKQUEUE at each difference that it has to
 * know of; libkqueue.c hides the others.
 */
#ifndef COMPAT_LIBKQUEUE_H
#define COMPAT_LIBKQUEUE_H

struct kevent;
struct timespec;

int libkqueue_kevent(int kq, const struct kevent *changes, int nchanges,
    struct kevent *events, int nevents, const struct timespec *timeout);

/* Of libkqueue itself since 2.7.0, and in no header of it. */
void libkqueue_drain_pending_close(void);

#endif
