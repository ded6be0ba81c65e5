/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The seam to the kernel's event queue.  A poller knows descriptors (and,
 * where descriptors for processes do not exist, pids); it never calls users,
 * never looks at timers, and owns no watcher.  poller_epoll.c, poller_poll.c
 * and poller_kqueue.c each offer one struct poller_ops.
 */
#ifndef COMPAT_POLLER_H
#define COMPAT_POLLER_H

#include <sys/types.h>

#include <stdint.h>

#define POLLER_READ 0x1u
#define POLLER_WRITE 0x2u
#define POLLER_HUP 0x4u	   /* hangup or error, asked for or not */
#define POLLER_EXIT 0x8u   /* ident is a pid that has ended */
#define POLLER_RENEW 0x10u /* this queue is of no use any more: forked() */

struct poller_event {
	uint32_t gen;
	unsigned events;
	int ident; /* a descriptor, or a pid with POLLER_EXIT */
};

struct poller; /* each poller's own */

struct poller_ops {
	const char *name;
	/* New kernel state, close-on-exec.  NULL with errno. */
	struct poller *(*open)(void);
	/* Give it up, in the process that opened it. */
	void (*close)(struct poller *);
	/*
	 * In a forked child: let go of the parent's kernel object without
	 * touching its registrations, open a new and empty one.  Also in the
	 * process itself, when the old one cannot be trusted.  0 or -1; after
	 * -1 only close is of use.  The core tells what it watches again.
	 */
	int (*forked)(struct poller *);
	/*
	 * Make the interest in fd exactly want (0: none); have is what was set
	 * last.  Level-triggered.  Its events carry gen.  0, or -1 with errno
	 * and nothing changed: EPERM for files that cannot be waited for, alike
	 * in all pollers (poller_pollable).  Removing never fails, also for a
	 * descriptor that the kernel has forgotten already.  A change from one
	 * interest to another may be put off until wait; if it is refused then,
	 * that is an event POLLER_HUP.
	 */
	int (*io_set)(struct poller *, int fd, unsigned have, unsigned want,
	    uint32_t gen);
	/*
	 * Report once, as POLLER_EXIT, that pid has ended, and forget it.  0:
	 * watching, also if it was; 1: has ended already; -1 with errno,
	 * ENOTSUP where this poller does not know processes (they have
	 * descriptors there, procfd.h, or are looked for from time to time).
	 * It may be told before wait(2) finds a child.  Deleting never fails.
	 */
	int (*proc_add)(struct poller *, pid_t pid, uint32_t gen);
	void (*proc_del)(struct poller *, pid_t pid);
	/*
	 * Sleep for timeout nanoseconds (-1: for ever), never shorter but for
	 * an event, a signal or the kernel's own limit (a day at least), and
	 * fill in up to max events, at most one for a descriptor.  A full array
	 * must starve nobody the next time.  Their number; 0 also on EINTR; -1
	 * with errno.
	 */
	int (*wait)(
	    struct poller *, int64_t timeout, struct poller_event *ev, int max);
};

/* Those of this build, the best first, NULL at the end. */
extern const struct poller_ops *const poller_table[];
extern const char *const poller_names[];

/*
 * For pollers whose kernel takes any descriptor: 0, or -1 with EPERM for those
 * that epoll(7) refuses, EBADF.
 */
int poller_pollable(int fd);

/*
 * For pollers whose kernel counts milliseconds: those of a timeout, rounded
 * up, as rounded down the loop would spin through the last one; -1 for ever.
 * (epoll_pwait2(2) has nanoseconds, but not every kernel and libc.)
 */
int poller_milliseconds(int64_t ns);

#endif
