/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What the supervisor and daemonwatch-prober say to each other over a
 * SOCK_SEQPACKET pair, the prober's end being descriptor 3.  Both are of one
 * build, so the messages are plain structures.  A request without an answer by
 * its deadline is the supervisor's to forget; an answer to an id that it does
 * not know any more never counts.
 */
#ifndef BIN_WIRE_H
#define BIN_WIRE_H

#include <stdint.h>

#define WIRE_FD 3
#define WIRE_VERSION 1

enum wire_kind { WIRE_PROBE_TCP = 1, WIRE_CANCEL = 2 };

struct wire_request {
	uint32_t version;
	uint32_t kind;
	uint64_t id;
	int64_t timeout;
	uint32_t send_len; /* bytes in data, first */
	uint32_t expect_len; /* bytes in data after them; 0: none; no NUL */
	char host[256];
	char port[32];
	char data[]; /* at most WIRE_DATA_MAX */
};

#define WIRE_DATA_MAX 4096u

struct wire_reply {
	uint32_t version;
	uint32_t outcome; /* enum dw_probe_outcome */
	uint64_t id;
	int32_t error;
	uint32_t pad;
	int64_t latency;
	char text[128];
};

#endif
