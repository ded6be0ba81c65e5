/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * A host and a port turned into addresses without ever blocking: numbers at
 * once, names by a process of their own.  There is no deadline here: whoever
 * asks stops the lookup when it has taken too long.
 */
#ifndef LIB_RESOLVE_H
#define LIB_RESOLVE_H

#include <sys/types.h>
#include <sys/socket.h>

#include "daemonwatch.h"

#define RESOLVE_MAX 16 /* addresses; more of one name are left out */

struct resolve_addr {
	socklen_t len;
	struct sockaddr_storage sa;
};

/* What the process writes into its pipe. */
struct resolve_answer {
	int eai;   /* 0, or getaddrinfo(3)'s word */
	int error; /* errno, with EAI_SYSTEM */
	size_t naddrs;
	struct resolve_addr addrs[RESOLVE_MAX];
};

struct resolve;
typedef void resolve_cb(struct resolve *r);

struct resolve {
	resolve_cb *cb;
	void *arg;
	struct resolve_answer answer;
	/* private */
	bool busy;
	int fd;
	size_t got;
	struct dw_io io;
	struct dw_child child;
};

/*
 * Fill in the answer if both are numbers.  0: done, also when it failed
 * (answer.eai); 1: something in it is a name.
 */
int resolve_numbers(struct resolve *r, const char *host, const char *port);
/*
 * Look them up; cb once the answer is there, EAI_SYSTEM with ECHILD if the
 * process died over it.  The process ends by itself some time after timeout
 * nanoseconds, should we be gone by then.  -1 with errno: EAGAIN, EMFILE …
 */
int resolve_start(struct dw_loop *loop, struct resolve *r, const char *host,
    const char *port, int64_t timeout);
/* Kill the process; no callback any more.  The loop reaps it. */
void resolve_stop(struct resolve *r);

#endif
