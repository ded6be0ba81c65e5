/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * A conversation over a TLS connection that curl has made, as lib/probe.c has
 * it over plain ones: everything is sent, and what comes is matched as it
 * comes.  And how long a certificate lasts.
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "web.h"

#define READS_IN_TURN 4 /* then the other probes have their turn */

/*
 * Talking
 */

/* True when the probe is over. */
static bool
broken(struct web_task *t, const char *what, CURLcode code)
{
	char who[80];

	if (web_match_rest(t))
		return (true);
	web_finish(t,
	    code == CURLE_OUT_OF_MEMORY ? DW_PROBE_UNKNOWN : DW_PROBE_FAILED, 0,
	    "%s %s: %s", what, web_peer(t, who, sizeof(who)),
	    t->problem[0] != '\0' ? t->problem : curl_easy_strerror(code));
	return (true);
}

static bool
transmit(struct web_task *t)
{
	const struct wire_request *req = t->req;
	CURLcode code;
	size_t n;

	while (t->sent < req->send_len) {
		n = 0;
		code = curl_easy_send(
		    t->easy, req->data + t->sent, req->send_len - t->sent, &n);
		if (code == CURLE_AGAIN)
			return (false);
		if (code != CURLE_OK)
			return (broken(t, "send to", code));
		t->sent += n;
	}
	return (false);
}

static bool
no_match(struct web_task *t, const char *how)
{
	char want[40], what[48];

	if (!web_match_rest(t))
		web_finish(t, DW_PROBE_FAILED, 0, "%s '%s' (got %s)", how,
		    web_wanted(t, want, sizeof(want)),
		    probe_got(&t->match, what, sizeof(what)));
	return (true);
}

static bool
receive(struct web_task *t)
{
	struct match *m = &t->match;
	CURLcode code;
	size_t n;
	int i;

	for (i = 0; i < READS_IN_TURN; i++) {
		if (match_room(m, m->len == m->size ? m->size + 1 : m->size) ==
		    -1) {
			web_finish(t, DW_PROBE_UNKNOWN, ENOMEM, "%s",
			    strerror(ENOMEM));
			return (true);
		}
		n = 0;
		code = curl_easy_recv(
		    t->easy, m->in + m->len, m->size - m->len, &n);
		if (code == CURLE_AGAIN)
			return (false);
		if (code != CURLE_OK)
			return (broken(t, "answer from", code));
		if (n == 0)
			return (
			    no_match(t, "closed without an answer matching"));
		match_take(m, n);
		if (m->len == MATCH_MAX)
			return (
			    no_match(t, "no answer in 65536 bytes matching"));
		if (match_due(m) && web_match_rest(t))
			return (true);
		if (m->len > m->tried && !dw_timer_active(&t->match_at))
			dw_timer_start(t->loop, &t->match_at, MATCH_DELAY);
	}
	/* OpenSSL may hold more that no descriptor tells of. */
	dw_defer_start(t->loop, &t->begin);
	return (false);
}

bool
web_talk(struct web_task *t)
{
	char who[80];
	unsigned want;
	int error;

	if (transmit(t))
		return (true);
	if (t->expect != NULL) {
		if (receive(t))
			return (true);
	} else if (t->sent == t->req->send_len) {
		web_well(t, "%s %s", web_peer(t, who, sizeof(who)),
		    t->sent > 0 ? "took what was sent" : "accepted");
		return (true);
	}
	want = (t->expect != NULL ? DW_READ : 0) |
	    (t->sent < t->req->send_len ? DW_WRITE : 0);
	if (dw_io_modify(&t->io, want) == -1) {
		error = errno;
		web_finish(t, DW_PROBE_UNKNOWN, error, "%s", strerror(error));
		return (true);
	}
	return (false);
}

static void
ready(struct dw_io *io, unsigned events)
{
	(void)events;
	(void)web_talk(io->arg);
}

static void
read_on(struct dw_defer *defer)
{
	(void)web_talk(defer->arg);
}

void
web_talk_begin(struct web_task *t)
{
	curl_socket_t fd = CURL_SOCKET_BAD;
	int error;

	t->stage = WEB_TALKING;
	t->begin.cb = read_on;
	t->io = (struct dw_io) {.cb = ready, .arg = t};
	(void)curl_easy_getinfo(t->easy, CURLINFO_ACTIVESOCKET, &fd);
	if (fd == CURL_SOCKET_BAD) {
		web_finish(t, DW_PROBE_FAILED, 0, "closed after the handshake");
	} else if (dw_io_start(t->loop, &t->io, fd, DW_READ | DW_WRITE) == -1) {
		error = errno;
		web_finish(t, DW_PROBE_UNKNOWN, error, "%s", strerror(error));
	} else {
		(void)web_talk(t);
	}
}

/*
 * Certificates
 */

/* The server's own is the first of those that it shows. */
int
web_certificate_left(const struct web_task *t, int64_t *left)
{
	static const char key[] = "Expire date:";
	const struct curl_certinfo *info = NULL;
	const struct curl_slist *line;
	time_t end;

	if (curl_easy_getinfo(t->easy, CURLINFO_CERTINFO, &info) != CURLE_OK ||
	    info == NULL || info->num_of_certs < 1)
		return (-1);
	for (line = info->certinfo[0]; line != NULL; line = line->next) {
		if (strncasecmp(line->data, key, sizeof(key) - 1) != 0)
			continue;
		end = curl_getdate(line->data + sizeof(key) - 1, NULL);
		if (end == -1)
			return (-1);
		*left = (int64_t)end - (int64_t)time(NULL);
		return (0);
	}
	return (-1);
}
