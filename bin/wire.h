/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What the supervisor and its probers say to each other over a
 * SOCK_SEQPACKET pair, the prober's end being descriptor 3, each message a
 * record with MSG_EOR, which may be sent and come in parts (wire_io.h).  Both
 * are of one build, so the messages are plain structures; neither believes the
 * other's all the same.  Each probe that was asked for is answered once, unless
 * it is cancelled.  A request without an answer by its deadline is the
 * supervisor's to forget; an answer to an id that it does not know any more
 * never counts.
 */
#ifndef BIN_WIRE_H
#define BIN_WIRE_H

#include <stddef.h>
#include <stdint.h>

#define WIRE_FD 3
#define WIRE_VERSION 3u

enum wire_kind {
	WIRE_PROBE_TCP = 1,
	WIRE_CANCEL = 2,
	WIRE_PROBE_UDP = 3,
	WIRE_PROBE_UNIX = 4, /* host is the path, port empty */
	/* Of daemonwatch-prober-http: */
	WIRE_PROBE_TLS = 5, /* as tcp, over TLS */
	WIRE_PROBE_HTTP = 6 /* host, port: where to connect; "": as the URL */
};

#define WIRE_DATA_MAX 4096u    /* what is sent and expected */
#define WIRE_OPTIONS_MAX 8192u /* wire_options.h */
#define WIRE_TIMEOUT_MAX (INT64_C(3600) * 1000000000) /* nanoseconds */

/* Of a WIRE_CANCEL only what stands before timeout counts, the rest is 0. */
struct wire_request {
	uint32_t version;
	uint32_t kind;
	uint64_t id;
	int64_t timeout;      /* 1 to WIRE_TIMEOUT_MAX */
	uint32_t send_len;    /* bytes in data, first */
	uint32_t expect_len;  /* bytes in data after them; 0: none; no NUL */
	uint32_t options_len; /* bytes in data after those; TLS, HTTP only */
	char host[256];	      /* NUL-ended, as are port and source */
	char port[32];
	char source[64]; /* a local address; "": any */
	/* Only as much is sent as the lengths say. */
	char data[WIRE_DATA_MAX + WIRE_OPTIONS_MAX];
};

#define WIRE_REQUEST_HEAD offsetof(struct wire_request, data)

#define WIRE_DEGRADED 0x1u /* well, but not as it should be */

struct wire_reply {
	uint32_t version;
	uint32_t outcome; /* enum dw_probe_outcome */
	uint64_t id;
	int32_t error;
	uint32_t flags; /* WIRE_DEGRADED, with DW_PROBE_OK only */
	int64_t latency;
	char text[128]; /* NUL-ended */
};

#endif
