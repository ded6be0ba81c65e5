/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * A descriptor that stands for a process: readable once it has ended (Linux
 * pidfd).  procfd_none.c answers ENOTSUP where the kernel has no such thing.
 */
#ifndef COMPAT_PROCFD_H
#define COMPAT_PROCFD_H

#include <sys/types.h>

/* Close-on-exec.  ESRCH: no such process; ENOSYS, EPERM, ENOTSUP: not here. */
int procfd_open(pid_t pid);
/* Signal just that process. */
int procfd_signal(int fd, int signo);

#endif
