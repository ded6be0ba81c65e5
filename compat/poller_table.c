/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Which pollers this build has, and what pollers share.  configure decides;
 * nothing here asks the system what it is.
 */

#include "config.h"

#include <sys/types.h>
#include <sys/stat.h>

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "poller.h"

#ifdef HAVE_POLLER_EPOLL
extern const struct poller_ops poller_epoll;
#endif
#ifdef HAVE_POLLER_KQUEUE
extern const struct poller_ops poller_kqueue;
#endif
#ifdef HAVE_POLLER_POLL
extern const struct poller_ops poller_poll;
#endif

const struct poller_ops *const poller_table[] = {
#ifdef HAVE_POLLER_EPOLL
    &poller_epoll,
#endif
#ifdef HAVE_POLLER_KQUEUE
    &poller_kqueue,
#endif
#ifdef HAVE_POLLER_POLL
    &poller_poll,
#endif
    NULL};

const char *const poller_names[] = {
#ifdef HAVE_POLLER_EPOLL
    "epoll",
#endif
#ifdef HAVE_POLLER_KQUEUE
    "kqueue",
#endif
#ifdef HAVE_POLLER_POLL
    "poll",
#endif
    NULL};

/* Is fd the device that path names? */
static bool
is_device(const struct stat *st, const char *path)
{
	struct stat device;

	return (stat(path, &device) == 0 && S_ISCHR(device.st_mode) &&
	    device.st_rdev == st->st_rdev);
}

/*
 * poll(2) says "ready" of all that cannot be waited for.  kqueue takes regular
 * files, but means their end by it, and refuses /dev/null with ENODEV
 * (FreeBSD).
 */
int
poller_pollable(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return (-1);
	if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) || S_ISBLK(st.st_mode) ||
	    (S_ISCHR(st.st_mode) &&
		(is_device(&st, "/dev/null") || is_device(&st, "/dev/zero") ||
		    is_device(&st, "/dev/full")))) {
		errno = EPERM;
		return (-1);
	}
	return (0);
}

int
poller_milliseconds(int64_t ns)
{
	if (ns < 0)
		return (-1);
	if (ns > (int64_t)INT_MAX * 1000000)
		return (INT_MAX);
	return ((int)(ns / 1000000 + (ns % 1000000 != 0)));
}
