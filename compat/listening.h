/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The sockets that wait for connections on this machine (in our network
 * namespace, or jail), and who has them: listening_linux.c, …  TCP, and
 * where the kernel tells, unix sockets.
 */
#ifndef COMPAT_LISTENING_H
#define COMPAT_LISTENING_H

#include <sys/types.h>
#include <sys/socket.h>

#include <stdbool.h>
#include <stdint.h>

struct listening {
	struct sockaddr_storage addr; /* AF_INET, AF_INET6 or AF_UNIX */
	socklen_t addrlen;
	bool v4_too;	 /* AF_INET6: it takes IPv4 as well */
	bool full;	 /* no more connections fit its queue */
	int64_t queue;	 /* how many wait to be accepted; -1: unknown */
	int64_t limit;	 /* what listen(2) was given, at most; -1: unknown */
	uint64_t socket; /* the kernel's name for it; 0: it does not tell */
};

struct listening_table;

/* NULL with errno; ENOTSUP where nobody knows how. */
struct listening_table *listening_open(void);
/* 1 and the next one; 0 at the end; -1. */
int listening_next(struct listening_table *t, struct listening *l);
void listening_close(struct listening_table *t);

/*
 * A process that has the socket open: first, if that is one, else the one
 * with the lowest pid.  -1 with ESRCH if there is none that we may see, with
 * ENOTSUP if that cannot be found out.  Reads all descriptors of all
 * processes, unless it is first's (0: no such wish).
 */
int listening_owner(uint64_t socket, pid_t first, pid_t *owner);

#endif
