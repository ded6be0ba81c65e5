/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What the files of daemonwatch-prober-http share: web.c has a probe's life,
 * from name to answer; web_curl.c makes curl's transfer of it and hears what
 * comes; web_tls.c converses over an established TLS connection and looks at
 * certificates; web_judge.c says what an end means.
 */
#ifndef BIN_WEB_H
#define BIN_WEB_H

#include <sys/types.h>
#include <sys/socket.h>

#include "../lib/match.h"
#include "../lib/probe.h"
#include "../lib/resolve.h"
#include "curl_loop.h"
#include "prober_main.h"
#include "wire_options.h"

#define WEB_REDIRECTS_MAX 5u
#define WEB_HEADERS_MAX 65536u /* bytes of an answer's headers */

enum web_stage {
	WEB_RESOLVING,
	WEB_ASKING, /* curl connects, shakes hands, asks and reads */
	WEB_TALKING /* WIRE_PROBE_TLS: curl has connected, web_tls.c goes on */
};

/* Why we ended a transfer ourselves, from one of curl's callbacks. */
enum web_enough {
	WEB_NOT_ENOUGH,
	WEB_HEADERS, /* no more is needed */
	WEB_MATCHED,
	WEB_TOO_LONG, /* a body of 64 KiB did not match */
	WEB_FLOOD,    /* the headers do not end */
	WEB_NO_ROOM,  /* we have no memory */
};

struct web_task {
	struct prober_task task; /* first */
	struct dw_loop *loop;
	struct curl_loop *curl;
	struct dw_defer begin;
	struct dw_timer timer; /* the deadline */
	struct dw_timer match_at;
	struct dw_io io; /* WEB_TALKING */
	struct resolve names;
	enum web_stage stage;
	int64_t start;
	int64_t deadline;

	struct wire_request *req; /* our copy: options point into it */
	struct wire_options options;
	char *expect; /* NULL: none */
	bool made;    /* match is */
	struct match match;
	struct sockaddr_storage source;
	socklen_t source_len; /* 0: any */

	/* Of the present hop: */
	CURLU *url;
	char *host, *port; /* where to connect */
	char *origin;	   /* scheme, host and port of what was asked for */
	char host_header[WIRE_SERVER_NAME_MAX + 64]; /* "": curl's own */
	bool named;
	char *renamed;	/* the URL's host, where the server's name stands now */
	bool elsewhere; /* redirected to another origin: no secrets */
	bool bodiless;	/* redirected in a way that makes it a GET */
	unsigned redirects;
	char *location; /* of the answer's header */

	/* Of the transfer: */
	CURL *easy;
	CURLSH *share;
	struct curl_slist *headers, *connect_to, *resolve;
	const struct resolve_addr *peer; /* the last that was tried */
	int fd;				 /* and its socket, which is curl's */
	int error;			 /* an errno of ours */
	size_t header_bytes;
	enum web_enough enough;
	size_t sent;
	char problem[CURL_ERROR_SIZE];
};

/* web.c */
int web_begin(struct curl_loop *curl, struct dw_loop *loop, struct web_task *t,
    const struct wire_request *req, size_t len);
void web_cancel(struct web_task *t);
/* The transfer has ended. */
void web_done(CURL *easy, CURLcode code);
/* Tell it.  The task is gone when it returns. */
void web_finish(struct web_task *t, enum dw_probe_outcome outcome, int error,
    const char *fmt, ...) DW_PRINTF(4, 5);
/* The same for a good answer, if the certificate lasts long enough. */
void web_well(struct web_task *t, const char *fmt, ...) DW_PRINTF(2, 3);

/* web_curl.c: the present hop as a transfer; -1 with errno */
int web_transfer(struct web_task *t);
void web_transfer_end(struct web_task *t);
/* Will the answer's Location be gone to? */
bool web_will_follow(const struct web_task *t);
long web_status(const struct web_task *t);
/* "localhost (127.0.0.1:80)": whom we are speaking to */
const char *web_peer(const struct web_task *t, char *out, size_t size);

/* web_tls.c */
void web_talk_begin(struct web_task *t);
/* True when the probe is over and gone. */
bool web_talk(struct web_task *t);
/* How long the certificate lasts, in seconds.  -1: it cannot be told. */
int web_certificate_left(const struct web_task *t, int64_t *left);

/* web_judge.c: all end the probe */
void web_judge(struct web_task *t, CURLcode code);
void web_time_over(struct web_task *t);
/* What has come is matched to its end; true when the probe is over. */
bool web_match_rest(struct web_task *t);
const char *web_wanted(const struct web_task *t, char *out, size_t size);

#endif
