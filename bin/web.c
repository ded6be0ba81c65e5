/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The life of a probe by libcurl: a name is looked up by a process of its own
 * (lib/resolve.c), curl gets the addresses, and each redirect is the same
 * again.  There is one deadline over all of it, and it is ours.
 */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "web.h"

/*
 * The end
 */

static void
forget_hop(struct web_task *t)
{
	resolve_stop(&t->names);
	web_transfer_end(t);
	free(t->host);
	free(t->port);
	t->host = t->port = NULL;
	t->named = false;
}

/* All but the task itself, which is its owner's. */
static void
release(struct web_task *t)
{
	dw_defer_stop(&t->begin);
	dw_timer_stop(&t->timer);
	forget_hop(t);
	curl_url_cleanup(t->url);
	free(t->location);
	free(t->renamed);
	free(t->origin);
	match_free(&t->match, t->made);
	free(t->expect);
	if (t->req != NULL) /* it may have a password */
		explicit_bzero(t->req, sizeof(*t->req));
	free(t->req);
}

static void vfinish(struct web_task *t, enum dw_probe_outcome outcome,
    int error, bool degraded, const char *fmt, va_list ap) DW_PRINTF(5, 0);

static void
vfinish(struct web_task *t, enum dw_probe_outcome outcome, int error,
    bool degraded, const char *fmt, va_list ap)
{
	struct dw_probe_result result = {.outcome = outcome, .error = error};

	result.latency = dw_clock() - t->start;
	(void)vsnprintf(result.text, sizeof(result.text), fmt, ap);
	release(t);
	prober_answer(&t->task, &result, degraded);
}

void
web_finish(struct web_task *t, enum dw_probe_outcome outcome, int error,
    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfinish(t, outcome, error, false, fmt, ap);
	va_end(ap);
}

static void degraded(struct web_task *t, const char *fmt, ...) DW_PRINTF(2, 3);

static void
degraded(struct web_task *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfinish(t, DW_PROBE_OK, 0, true, fmt, ap);
	va_end(ap);
}

/* "13d", "5h", "20m": what people need to know of it. */
static const char *
left_text(char *buf, size_t size, int64_t left)
{
	if (left >= 2 * 86400)
		(void)snprintf(buf, size, "%lldd", (long long)(left / 86400));
	else if (left >= 2 * 3600)
		(void)snprintf(buf, size, "%lldh", (long long)(left / 3600));
	else
		(void)snprintf(buf, size, "%lldm", (long long)(left / 60));
	return (buf);
}

void
web_well(struct web_task *t, const char *fmt, ...)
{
	char text[96], when[24];
	int64_t left;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (t->options.expires_within == 0)
		web_finish(t, DW_PROBE_OK, 0, "%s", text);
	else if (web_certificate_left(t, &left) == -1)
		web_finish(t, DW_PROBE_UNKNOWN, 0,
		    "%.60s, but the certificate's end cannot be told", text);
	else if (left >= t->options.expires_within / DW_SEC)
		web_finish(t, DW_PROBE_OK, 0, "%s", text);
	else if (left > 0)
		degraded(t, "certificate expires in %s; %s",
		    left_text(when, sizeof(when), left), text);
	else
		degraded(t, "certificate has expired; %s", text);
}

/*
 * A hop
 */

static void
transfer(struct web_task *t)
{
	int error;

	t->stage = WEB_ASKING;
	if (web_transfer(t) == 0)
		return;
	error = errno;
	web_finish(t, DW_PROBE_UNKNOWN, error, "%s", strerror(error));
}

static void
resolved(struct resolve *r)
{
	struct web_task *t = r->arg;
	struct dw_probe_result result;

	if (r->answer.eai == 0) {
		transfer(t);
		return;
	}
	probe_unresolved(&r->answer, t->host, t->port, &result);
	web_finish(t, result.outcome, result.error, "%s", result.text);
}

/* host and port are set. */
static void
look_up(struct web_task *t)
{
	char shown[64];
	int error;

	t->stage = WEB_RESOLVING;
	t->names.cb = resolved;
	t->names.arg = t;
	if (resolve_numbers(&t->names, t->host, t->port) == 0) {
		resolved(&t->names);
		return;
	}
	t->named = true;
	if (resolve_start(
		t->loop, &t->names, t->host, t->port, t->req->timeout) == 0)
		return;
	error = errno;
	web_finish(t, DW_PROBE_UNKNOWN, error, "look up %s: %s",
	    probe_escape(shown, sizeof(shown), t->host, strlen(t->host)),
	    strerror(error));
}

/* A part of the URL, as free(3) frees it; NULL: it has none. */
static char *
part(const struct web_task *t, CURLUPart what)
{
	char *text = NULL, *copy;

	if (curl_url_get(t->url, what, &text, CURLU_DEFAULT_PORT) != CURLUE_OK)
		return (NULL);
	copy = strdup(text);
	curl_free(text);
	return (copy);
}

/* Where the URL leads: without an IPv6 address' brackets, with its scope. */
static int
place_of_url(struct web_task *t)
{
	char *host = part(t, CURLUPART_HOST), *zone = part(t, CURLUPART_ZONEID);
	size_t len = host == NULL ? 0 : strlen(host);
	bool v6 = len > 2 && host[0] == '[';

	if (host != NULL &&
	    asprintf(&t->host, "%.*s%s%s", (int)(v6 ? len - 2 : len),
		v6 ? host + 1 : host, zone != NULL ? "%" : "",
		zone != NULL ? zone : "") == -1)
		t->host = NULL;
	free(host);
	free(zone);
	t->port = part(t, CURLUPART_PORT);
	return (t->host == NULL || t->port == NULL ? -1 : 0);
}

/*
 * The name that curl asks a certificate for, and gives as SNI, is that of the
 * URL: another one has to be put there, and the header says the right one.
 */
static int
rename_server(struct web_task *t)
{
	const char *name = t->options.server_name;
	char *host, *port = NULL;

	t->host_header[0] = '\0';
	if (name == NULL || t->elsewhere || t->req->kind == WIRE_PROBE_TLS)
		return (0);
	if ((host = part(t, CURLUPART_HOST)) == NULL)
		return (-1);
	if (curl_url_get(t->url, CURLUPART_PORT, &port,
		CURLU_NO_DEFAULT_PORT) != CURLUE_OK)
		port = NULL;
	(void)snprintf(t->host_header, sizeof(t->host_header), "Host: %s%s%s",
	    host, port != NULL ? ":" : "", port != NULL ? port : "");
	curl_free(port);
	t->renamed = host;
	for (size_t i = 0; i < t->options.nheaders; i++) {
		if (strncasecmp(t->options.headers[i], "Host:", 5) == 0)
			t->host_header[0] = '\0';
	}
	return (curl_url_set(t->url, CURLUPART_HOST, name, 0) == CURLUE_OK ?
		0 :
		-1);
}

static void
hop(struct web_task *t)
{
	const struct wire_request *req = t->req;

	if (req->host[0] != '\0' && !t->elsewhere) {
		t->host = strdup(req->host);
		t->port = strdup(req->port);
	} else {
		(void)place_of_url(t);
	}
	if (t->host == NULL || t->port == NULL || rename_server(t) == -1)
		web_finish(t, DW_PROBE_UNKNOWN, ENOMEM, "%s", strerror(ENOMEM));
	else
		look_up(t);
}

/*
 * Redirects
 */

/* "https://localhost:443"; NULL: no memory, or it has no host. */
static char *
origin(const struct web_task *t)
{
	char *scheme = part(t, CURLUPART_SCHEME);
	char *host = part(t, CURLUPART_HOST);
	char *port = part(t, CURLUPART_PORT), *text = NULL;

	if (scheme != NULL && host != NULL && port != NULL &&
	    asprintf(&text, "%s://%s:%s", scheme, host, port) == -1)
		text = NULL;
	free(scheme);
	free(host);
	free(port);
	return (text);
}

/* Where to, relative to where we are.  NULL, or what is wrong with it. */
static const char *
turn(struct web_task *t)
{
	char *scheme;
	bool known;

	if (t->renamed != NULL &&
	    curl_url_set(t->url, CURLUPART_HOST, t->renamed, 0) != CURLUE_OK)
		return (strerror(ENOMEM));
	free(t->renamed);
	t->renamed = NULL;
	if (curl_url_set(t->url, CURLUPART_URL, t->location, 0) != CURLUE_OK)
		return ("that is no URL");
	scheme = part(t, CURLUPART_SCHEME);
	known = scheme != NULL &&
	    (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
	free(scheme);
	if (!known)
		return ("that is neither http nor https");
	/* Whoever redirects us has no users of ours to tell of. */
	(void)curl_url_set(t->url, CURLUPART_USER, NULL, 0);
	(void)curl_url_set(t->url, CURLUPART_PASSWORD, NULL, 0);
	(void)curl_url_set(t->url, CURLUPART_FRAGMENT, NULL, 0);
	return (NULL);
}

static void
follow(struct web_task *t)
{
	const char *why = NULL;
	char shown[64], *to;
	long status = web_status(t);

	if (++t->redirects > WEB_REDIRECTS_MAX)
		why = "that is one too many";
	else
		why = turn(t);
	if (why != NULL) {
		web_finish(t, DW_PROBE_FAILED, 0, "redirected to %s: %s",
		    probe_escape(
			shown, sizeof(shown), t->location, strlen(t->location)),
		    why);
		return;
	}
	free(t->location);
	t->location = NULL;
	forget_hop(t);
	to = origin(t);
	t->elsewhere = to == NULL || strcmp(to, t->origin) != 0;
	free(to);
	if (status <= 303)
		t->bodiless = true;
	hop(t);
}

void
web_done(CURL *easy, CURLcode code)
{
	char *arg = NULL;
	struct web_task *t;

	(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &arg);
	t = (struct web_task *)(void *)arg;
	if (code == CURLE_OPERATION_TIMEDOUT)
		web_time_over(t);
	else if (code == CURLE_OK && t->req->kind == WIRE_PROBE_TLS)
		web_talk_begin(t);
	else if ((code == CURLE_OK || t->enough == WEB_HEADERS) &&
	    t->req->kind == WIRE_PROBE_HTTP && web_will_follow(t))
		follow(t);
	else
		web_judge(t, code);
}

/*
 * The beginning
 */

static void
expired(struct dw_timer *timer)
{
	web_time_over(timer->arg);
}

static void
look_again(struct dw_timer *timer)
{
	(void)web_match_rest(timer->arg);
}

/* In a deferred call, so that nothing is told from within web_begin(). */
static void
begin(struct dw_defer *defer)
{
	struct web_task *t = defer->arg;

	t->start = dw_clock();
	t->deadline = t->start + t->req->timeout;
	dw_timer_at(t->loop, &t->timer, t->deadline);
	hop(t);
}

/* As curl takes it; of a TLS connection only the name is of interest. */
static int
make_url(struct web_task *t)
{
	const struct wire_options *o = &t->options;
	const char *name = o->server_name;
	char host[sizeof(t->req->host) + 2];

	if ((t->url = curl_url()) == NULL) {
		errno = ENOMEM;
		return (-1);
	}
	errno = EINVAL;
	if (t->req->kind == WIRE_PROBE_HTTP) {
		if (curl_url_set(t->url, CURLUPART_URL, o->url, 0) != CURLUE_OK)
			return (-1);
		t->origin = origin(t);
		return (t->origin == NULL ? -1 : 0);
	}
	if (name == NULL)
		name = t->req->host;
	(void)snprintf(host, sizeof(host),
	    strchr(name, ':') != NULL ? "[%.*s]" : "%.*s",
	    (int)strcspn(name, "%"), name);
	return (
	    curl_url_set(t->url, CURLUPART_SCHEME, "https", 0) != CURLUE_OK ||
		    curl_url_set(t->url, CURLUPART_HOST, host, 0) != CURLUE_OK ?
		-1 :
		0);
}

static int
copy(struct web_task *t, const struct wire_request *req, size_t len)
{
	const char *expect = req->data + req->send_len;

	/* As large as any: options and texts are looked for in it. */
	if ((t->req = calloc(1, sizeof(*req))) == NULL)
		return (-1);
	memcpy(t->req, req, len);
	(void)wire_options_unpack(&t->options,
	    t->req->data + req->send_len + req->expect_len, req->options_len);
	if (req->expect_len == 0)
		return (0);
	if ((t->expect = strndup(expect, req->expect_len)) == NULL ||
	    match_init(&t->match, t->expect) == -1)
		return (-1);
	t->made = true;
	return (0);
}

int
web_begin(struct curl_loop *curl, struct dw_loop *loop, struct web_task *t,
    const struct wire_request *req, size_t len)
{
	int error;

	t->loop = loop;
	t->curl = curl;
	t->begin = (struct dw_defer) {.cb = begin, .arg = t};
	t->timer = (struct dw_timer) {.cb = expired, .arg = t};
	t->match_at = (struct dw_timer) {.cb = look_again, .arg = t};
	if (copy(t, req, len) == -1 ||
	    (req->source[0] != '\0' &&
		probe_source(req->source, &t->source, &t->source_len) == -1) ||
	    make_url(t) == -1) {
		error = errno;
		release(t);
		errno = error;
		return (-1);
	}
	dw_defer_start(loop, &t->begin);
	return (0);
}

void
web_cancel(struct web_task *t)
{
	release(t);
}
