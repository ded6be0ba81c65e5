/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What the end of a transfer, or of its time, means for the service, and the
 * words for it.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "web.h"

#define LATE (500 * DW_MS) /* then perhaps it was we who slept */

const char *
web_wanted(const struct web_task *t, char *out, size_t size)
{
	return (probe_escape(out, size, t->expect, strlen(t->expect)));
}

static bool
has_passed(const struct web_task *t, CURLINFO which)
{
	curl_off_t when = 0;

	(void)curl_easy_getinfo(t->easy, which, &when);
	return (when > 0);
}

/* With which words a good answer is told. */
static void
well(struct web_task *t)
{
	char who[72];
	long status;

	(void)web_peer(t, who, sizeof(who));
	status = web_status(t);
	if (t->req->kind == WIRE_PROBE_TLS)
		web_well(t, "%s answered", who);
	else
		web_well(t, "%s answered %ld", who, status);
}

static bool
status_good(const struct web_task *t, long status)
{
	const struct wire_options *o = &t->options;

	if (o->nstatus == 0)
		return (status >= 200 && status <= 399);
	for (size_t i = 0; i < o->nstatus; i++) {
		if (status >= (long)o->status[i].first &&
		    status <= (long)o->status[i].last)
			return (true);
	}
	return (false);
}

bool
web_match_rest(struct web_task *t)
{
	struct match *m = &t->match;

	if (t->expect == NULL || m->len == m->tried)
		return (false);
	dw_timer_stop(&t->match_at);
	switch (match_try(m)) {
	case REG_NOMATCH:
		return (false);
	case 0:
		if (t->req->kind == WIRE_PROBE_HTTP &&
		    !status_good(t, web_status(t)))
			return (false);
		well(t);
		return (true);
	default:
		web_finish(t, DW_PROBE_UNKNOWN, ENOMEM, "%s", strerror(ENOMEM));
		return (true);
	}
}

static void
no_match(struct web_task *t, const char *how)
{
	char want[40], what[48];

	web_finish(t, DW_PROBE_FAILED, 0, "answer %ld %s '%s' (got %s)",
	    web_status(t), how, web_wanted(t, want, sizeof(want)),
	    probe_got(&t->match, what, sizeof(what)));
}

/* An answer has come, or as much of one as we want. */
static void
judge_answer(struct web_task *t)
{
	char who[72];
	long status = web_status(t);

	if (!status_good(t, status)) {
		web_finish(t, DW_PROBE_FAILED, 0, "%s answered %ld",
		    web_peer(t, who, sizeof(who)), status);
		return;
	}
	if (t->expect == NULL || t->enough == WEB_MATCHED) {
		well(t);
		return;
	}
	if (t->match.len == 0 ||
	    (!web_match_rest(t) && t->enough != WEB_TOO_LONG))
		no_match(t, "has nothing that matches");
}

static void
judge_connecting(struct web_task *t)
{
	char who[72];
	long error = 0;

	if (t->error == 0)
		(void)curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &error);
	else
		error = t->error;
	if (error == 0)
		error = ECONNREFUSED;
	web_finish(t, probe_blame((int)error), (int)error, "connect to %s: %s",
	    web_peer(t, who, sizeof(who)), strerror((int)error));
}

/* What curl could not do for our own sake says nothing of the service. */
static enum dw_probe_outcome
blame(CURLcode code)
{
	switch (code) {
	case CURLE_OUT_OF_MEMORY:
	case CURLE_FAILED_INIT:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ENGINE_INITFAILED:
	case CURLE_SSL_CIPHER:
	case CURLE_NOT_BUILT_IN:
	case CURLE_URL_MALFORMAT:
	case CURLE_ABORTED_BY_CALLBACK:
		return (DW_PROBE_UNKNOWN);
	default:
		return (DW_PROBE_FAILED);
	}
}

static void
judge_failure(struct web_task *t, CURLcode code)
{
	const char *why =
	    t->problem[0] != '\0' ? t->problem : curl_easy_strerror(code);
	char who[72], shown[112];

	if (code == CURLE_SSL_CACERT_BADFILE && t->options.ca_file != NULL) {
		web_finish(t, DW_PROBE_UNKNOWN, 0,
		    "ca-file cannot be read by the prober, or has none: %s",
		    t->options.ca_file);
		return;
	}
	(void)probe_escape(shown, sizeof(shown), why, strlen(why));
	web_finish(
	    t, blame(code), 0, "%s: %s", web_peer(t, who, sizeof(who)), shown);
}

/*
 * A line of a header longer than 100 KiB is "out of memory" to libcurl before
 * 8.6.  If there is room for it, it was that.
 */
static bool
line_too_long(const struct web_task *t, CURLcode code)
{
	void *room;

	if (code != CURLE_OUT_OF_MEMORY || t->enough != WEB_NOT_ENOUGH ||
	    !has_passed(t, CURLINFO_STARTTRANSFER_TIME_T) ||
	    (room = malloc(4 * WEB_HEADERS_MAX)) == NULL)
		return (false);
	free(room);
	return (true);
}

void
web_judge(struct web_task *t, CURLcode code)
{
	char who[72];

	if (t->enough == WEB_FLOOD || line_too_long(t, code))
		web_finish(t, DW_PROBE_FAILED, 0,
		    "%s sends headers without an end",
		    web_peer(t, who, sizeof(who)));
	else if (t->enough == WEB_NO_ROOM)
		web_finish(t, DW_PROBE_UNKNOWN, ENOMEM, "%s", strerror(ENOMEM));
	else if (t->enough == WEB_TOO_LONG && status_good(t, web_status(t)))
		no_match(t, "has in 65536 bytes nothing that matches");
	else if (code == CURLE_OK || t->enough != WEB_NOT_ENOUGH)
		judge_answer(t);
	else if (code == CURLE_COULDNT_CONNECT)
		judge_connecting(t);
	else
		judge_failure(t, code);
}

/*
 * Time
 */

static const char *
waited_for(const struct web_task *t)
{
	const char *scheme = NULL;
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);

	if (t->stage == WEB_TALKING || t->match.len > 0)
		return ("nothing that matches from");
	/* (libcurl 7.88 says when only after the handshake.) */
	if (getpeername(t->fd, (struct sockaddr *)&peer, &len) == -1)
		return ("no connection to");
	(void)curl_easy_getinfo(t->easy, CURLINFO_SCHEME, &scheme);
	if (!has_passed(t, CURLINFO_APPCONNECT_TIME_T) && scheme != NULL &&
	    strncasecmp(scheme, "https", 5) == 0)
		return ("no TLS handshake with");
	return (
	    t->header_bytes > 0 ? "no whole answer from" : "no answer from");
}

void
web_time_over(struct web_task *t)
{
	enum dw_probe_outcome outcome = DW_PROBE_FAILED;
	char limit[24], who[72];

	(void)probe_duration(limit, sizeof(limit), t->req->timeout);
	if (t->stage == WEB_RESOLVING) {
		web_finish(t, DW_PROBE_UNKNOWN, ETIMEDOUT,
		    "look up %s: no answer within %s",
		    probe_escape(who, 64, t->host, strlen(t->host)), limit);
		return;
	}
	/* If we are late, what the kernel has for us was perhaps in time. */
	if (t->stage == WEB_TALKING && web_talk(t))
		return;
	if (web_match_rest(t))
		return;
	if (dw_clock() - t->deadline > LATE)
		outcome = DW_PROBE_UNKNOWN;
	web_finish(t, outcome, ETIMEDOUT, "%s %s within %s", waited_for(t),
	    web_peer(t, who, sizeof(who)), limit);
}
