/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Records over the socket between the supervisor and a prober, without
 * waiting.  Every system keeps the boundaries of SOCK_SEQPACKET, but FreeBSD
 * 15 only with MSG_EOR, and of a record for which the queue has too little
 * room it takes a part.  What it left is kept here and sent before all else.
 * What a record says is not known here.
 */
#ifndef BIN_WIRE_IO_H
#define BIN_WIRE_IO_H

#include <sys/types.h>

#include <stddef.h>

#include "wire.h"

/* Zeroed, and again for another socket.  len > 0: wire_flush() when writable */
struct wire_out {
	size_t len; /* of the rest of a record that went in part */
	char rest[sizeof(struct wire_request)];
};

struct wire_in {
	size_t got; /* in the caller's buffer already */
};

/*
 * 0: sent, or a part, and the rest is in out.  -1 with errno: not a byte of
 * it, nor will be; EAGAIN (ENOBUFS) for want of room.  len is at most that of
 * a request.
 */
int wire_send(struct wire_out *out, int fd, const void *record, size_t len);
/* 0: there is no rest any more.  -1 as above. */
int wire_flush(struct wire_out *out, int fd);
/*
 * The length of a whole record, 0 at the end, -1 with errno: EAGAIN when there
 * is none or only its beginning, which stays in buf for the next call;
 * EMSGSIZE when it is longer than size.
 */
ssize_t wire_recv(struct wire_in *in, int fd, void *buf, size_t size);

#endif
