/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What the modules of the library share about a loop.  loop.c owns the
 * structure; each module looks after its own part through the functions named
 * for it here.
 */
#ifndef LIB_LOOP_H
#define LIB_LOOP_H

#include <sys/types.h>

#include <signal.h>

#include "daemonwatch.h"
#include "../compat/poller.h"

/* A descriptor's slot; gen names the watcher, no two of a turn share one. */
struct loop_slot {
	struct dw_io *io;
	uint32_t gen; /* 0: none */
	uint8_t have; /* what the poller was told last */
	bool changed; /* the descriptor stands in changes */
};

/* So many events are taken from the kernel at a time. */
#define LOOP_EVENTS 512

/* A hash of watchers by pid, pids.h. */
struct loop_pids {
	struct dw_pid_link **buckets; /* NULL: all are in first */
	struct dw_pid_link *first;
	size_t size; /* a power of two, or 0 */
	size_t used;
};

struct dw_loop {
	const struct poller_ops *ops;
	struct poller *poller;
	int64_t now;   /* of this turn */
	bool turning;  /* callbacks are running */
	int stop_code; /* -1: run on */
	pid_t owner;   /* the process that opened the poller */
	/*
	 * Started watchers: dw_loop_run() ends when there is none.  Each module
	 * counts its own; one that is started on behalf of another (a dw_io
	 * inside a dw_proc) counts by itself.
	 */
	size_t active;

	/* loop.c: descriptors */
	struct loop_slot *slots;
	size_t nslots;
	int *changes; /* interests to be told before the next sleep */
	size_t nchanges;
	uint32_t last_gen;
	unsigned stops; /* how many there were; wraps */
	struct poller_event events[LOOP_EVENTS];
	int nready, next_ready;

	/* loop.c: deferred calls, and those that are being called */
	struct dw_defer *defers, **defers_tail;
	struct dw_defer *calling;

	/* timer.c */
	struct dw_timer *timers; /* root of the heap */
	uint64_t timer_seq;

	/* signal.c */
	struct dw_signal *signals[NSIG];
	struct dw_io signal_io;
	int signal_pipe[2]; /* made with the first signal; -1: not yet */
	bool sigchld;	    /* SIGCHLD calls child_reap() */

	/* child.c */
	struct loop_pids children;
	struct dw_pid_link *ended; /* reaped and not yet told of */

	/* proc.c */
	struct loop_pids procs;
};

/* timer.c: the first deadline, -1 if none; run what is due at loop->now. */
int64_t loop_timer_next(const struct dw_loop *loop);
void loop_timer_run(struct dw_loop *loop);
void loop_timer_clear(struct dw_loop *loop);

/*
 * signal.c.  loop_signal_chld() makes SIGCHLD call child_reap(), in the next
 * turn also for what has ended before; a second call does nothing.  EBUSY:
 * another loop has it.  In the child of a fork the watchers of signals go on
 * if keep, but that of SIGCHLD never does.
 */
int loop_signal_chld(struct dw_loop *loop);
int loop_signal_forked(struct dw_loop *loop, bool keep);
void loop_signal_clear(struct dw_loop *loop);

/* child.c: reap all that have ended, then call back.  Also for strangers. */
void child_reap(struct dw_loop *loop);
void child_clear(struct dw_loop *loop);

/*
 * proc.c: proc_reaped() hands on the status of a process that was reaped,
 * child or stranger; proc_ended() is the poller's POLLER_EXIT; proc_renew()
 * tells a new poller of what the old one was told.
 */
void proc_reaped(struct dw_loop *loop, pid_t pid, int status);
void proc_ended(struct dw_loop *loop, pid_t pid, uint32_t gen);
void proc_renew(struct dw_loop *loop);
void proc_clear(struct dw_loop *loop);

#endif
