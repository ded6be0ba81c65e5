/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What the files of the probe share: probe_make.c judges what is asked,
 * probe.c starts, connects and ends it, probe_answer.c sends and listens,
 * probe_text.c finds the words.
 */
#ifndef LIB_PROBE_H
#define LIB_PROBE_H

#include <sys/types.h>
#include <sys/socket.h>

#include "daemonwatch.h"
#include "match.h"
#include "resolve.h"

enum probe_kind {
	PROBE_TCP,
	PROBE_UDP,
	PROBE_UNIX
};

enum probe_stage {
	PROBE_RESOLVING,
	PROBE_CONNECTING,
	PROBE_TALKING
};

struct dw_probe_run {
	struct dw_loop *loop;
	struct dw_probe *probe;
	struct dw_defer begin;
	struct dw_timer timer;	  /* the end of this address' time, or of all */
	struct dw_timer match_at; /* look at the answer again */
	struct dw_timer again;	  /* a local socket's queue was full */
	struct dw_io io;
	struct resolve names;
	struct dw_probe_result kept; /* the most telling failure up to now */
	int kept_rank;
	enum probe_kind kind;
	enum probe_stage stage;
	int fd; /* -1: none */
	struct sockaddr_storage source;
	socklen_t source_len; /* 0: any */
	int64_t start;
	int64_t timeout;
	int64_t deadline;
	int64_t share; /* of the timeout, for this address */
	int64_t until; /* when timer fires */
	size_t next;   /* the address to try next */
	bool named;    /* the host is a name */
	bool expecting;
	bool any;	    /* expecting, and no matter what */
	struct match match; /* made if expecting, and not any */
	int broken;	    /* the errno with which sending ended */
	size_t sent;
	size_t send_len;
	const char *send, *host, *port, *expect; /* in data; host: or a path */
	char data[];
};

/* probe_make.c: NULL with EINVAL or ENOMEM. */
struct dw_probe_run *probe_make(
    enum probe_kind kind, const struct dw_probe_tcp *what);

/*
 * probe.c: tell the result.  The run is gone when probe_finish() returns.
 * probe_blame() says what an errno of the network means for the service.
 */
void probe_finish(struct dw_probe_run *run, enum dw_probe_outcome outcome,
    int error, const char *fmt, ...) DW_PRINTF(4, 5);
enum dw_probe_outcome probe_blame(int error);
/* A name was not found: outcome, error and text of what that means. */
void probe_unresolved(const struct resolve_answer *a, const char *host,
    const char *port, struct dw_probe_result *result);
/* An address as a number; 0, or -1 with EINVAL: it is none. */
int probe_source(const char *text, struct sockaddr_storage *sa, socklen_t *len);

/*
 * probe_answer.c: go on with an established connection; take a last look at
 * what has come.  True when the run is over and gone.
 */
bool probe_talk(struct dw_probe_run *run);
bool probe_match_rest(struct dw_probe_run *run);
void probe_match_timer(struct dw_timer *timer);

/* probe_text.c: each fills out, a text of at most size - 1 bytes. */

/* len bytes of s, printable; "..." at the end if cut. */
const char *probe_escape(char *out, size_t size, const char *s, size_t len);
/* "1s", "1500ms" */
const char *probe_duration(char *out, size_t size, int64_t ns);
/* "127.0.0.1:80", "[::1]:80", "localhost (127.0.0.1:80)"; name: or NULL */
const char *probe_address(
    const char *name, const struct resolve_addr *a, char *out, size_t size);
const char *probe_peer(const struct dw_probe_run *run, char *out, size_t size);
/* "nothing", or the answer's first bytes in quotes. */
const char *probe_got(const struct match *m, char *out, size_t size);
/* The regular expression. */
const char *probe_wanted(
    const struct dw_probe_run *run, char *out, size_t size);

#endif
