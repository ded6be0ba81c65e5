/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * A hop of a probe as curl's transfer.  Curl looks up no names, knows of no
 * proxy, keeps no connection, follows nothing: it gets the addresses from us,
 * and makes no socket to any other.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/socket.h>
#include <arpa/inet.h>
#include <netinet/in.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "web.h"

/* The name for which the addresses stand in curl's cache of names. */
#define PEER "peer.invalid"
#define LOCATION_MAX 4096u
#define CURL_LATER 50 /* ms */

/*
 * What comes
 */

long
web_status(const struct web_task *t)
{
	long status = 0;

	(void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	return (status);
}

bool
web_will_follow(const struct web_task *t)
{
	long status = web_status(t);

	return (t->options.redirects && t->location != NULL &&
	    ((status >= 301 && status <= 303) || status == 307 ||
		status == 308));
}

static void
take_location(struct web_task *t, const char *s, size_t len)
{
	static const char name[] = "Location:";
	size_t n = sizeof(name) - 1;

	if (len < n || strncasecmp(s, name, n) != 0 || t->location != NULL)
		return;
	for (; n < len && (s[n] == ' ' || s[n] == '\t'); n++)
		continue;
	while (len > n && strchr("\r\n \t", s[len - 1]) != NULL)
		len--;
	if (len - n <= LOCATION_MAX && memchr(s + n, '\0', len - n) == NULL)
		t->location = strndup(s + n, len - n);
}

/* A short count ends the transfer, with CURLE_WRITE_ERROR. */
static size_t
take_header(char *s, size_t size, size_t n, void *arg)
{
	struct web_task *t = arg;
	size_t len = size * n;

	t->header_bytes += len;
	if (t->header_bytes > WEB_HEADERS_MAX) {
		t->enough = WEB_FLOOD;
		return (0);
	}
	take_location(t, s, len);
	/* The empty line: do we need what is behind it? */
	if (len > 2 || (s[0] != '\r' && s[0] != '\n') || web_status(t) < 200 ||
	    (t->expect != NULL && !web_will_follow(t)))
		return (len);
	t->enough = WEB_HEADERS;
	return (0);
}

static size_t
take_body(char *s, size_t size, size_t n, void *arg)
{
	struct web_task *t = arg;
	struct match *m = &t->match;
	size_t len = size * n, room = MATCH_MAX - m->len;
	size_t taken = len < room ? len : room;

	if (t->expect == NULL) {
		t->enough = WEB_HEADERS;
		return (0);
	}
	if (match_room(m, m->len + taken) == -1) {
		t->enough = WEB_NO_ROOM;
		return (0);
	}
	memcpy(m->in + m->len, s, taken);
	match_take(m, taken);
	if (m->len == MATCH_MAX || match_due(m)) {
		dw_timer_stop(&t->match_at);
		switch (match_try(m)) {
		case 0:
			t->enough = WEB_MATCHED;
			return (0);
		case REG_NOMATCH:
			break;
		default:
			t->enough = WEB_NO_ROOM;
			return (0);
		}
	} else if (!dw_timer_active(&t->match_at)) {
		dw_timer_start(t->loop, &t->match_at, MATCH_DELAY);
	}
	if (m->len < MATCH_MAX)
		return (len);
	t->enough = WEB_TOO_LONG;
	return (0);
}

/*
 * Sockets
 */

static bool
same_address(const struct resolve_addr *a, const struct sockaddr *sa)
{
	const struct sockaddr_in *a4, *b4;
	const struct sockaddr_in6 *a6, *b6;

	if (a->sa.ss_family != sa->sa_family)
		return (false);
	if (sa->sa_family == AF_INET) {
		a4 = (const struct sockaddr_in *)&a->sa;
		b4 = (const struct sockaddr_in *)(const void *)sa;
		return (a4->sin_addr.s_addr == b4->sin_addr.s_addr);
	}
	a6 = (const struct sockaddr_in6 *)&a->sa;
	b6 = (const struct sockaddr_in6 *)(const void *)sa;
	return (
	    memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr)) == 0);
}

/*
 * Only to addresses that we gave; their ports and scopes, which curl does not
 * know, are put in here.
 */
static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct web_task *t = arg;
	const struct resolve_answer *names = &t->names.answer;
	size_t i = 0;
	int fd;

	while (i < names->naddrs && !same_address(&names->addrs[i], &to->addr))
		i++;
	if (purpose != CURLSOCKTYPE_IPCXN || i == names->naddrs) {
		t->error = EPERM;
		return (CURL_SOCKET_BAD);
	}
	t->peer = &names->addrs[i];
	memcpy(&to->addr, &t->peer->sa, t->peer->len);
	fd = socket(to->family, to->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1) {
		t->error = errno;
		return (CURL_SOCKET_BAD);
	}
	if (t->source_len > 0 &&
	    bind(fd, (const struct sockaddr *)&t->source, t->source_len) ==
		-1) {
		t->error = errno;
		(void)close(fd);
		return (CURL_SOCKET_BAD);
	}
	t->fd = fd;
	return (fd);
}

/* All names are in the cache: curl has none to look up, and its threads that
 * could not be ended are never begun. */
static int
refuse_name(void *state, void *reserved, void *arg)
{
	(void)state;
	(void)reserved;
	(void)arg;
	return (1);
}

static int
append(struct curl_slist **list, const char *text)
{
	struct curl_slist *more = curl_slist_append(*list, text);

	if (more == NULL)
		return (-1);
	*list = more;
	return (0);
}

/* "peer.invalid:1:127.0.0.1,[::1]", without those the source cannot reach */
static int
give_addresses(struct web_task *t)
{
	const struct resolve_answer *names = &t->names.answer;
	char text[64 + RESOLVE_MAX * (INET6_ADDRSTRLEN + 3)];
	size_t used, i, n = 0;

	used = (size_t)snprintf(text, sizeof(text), PEER ":1:");
	for (i = 0; i < names->naddrs; i++) {
		const struct sockaddr_storage *sa = &names->addrs[i].sa;
		char addr[INET6_ADDRSTRLEN];
		bool v6 = sa->ss_family == AF_INET6;
		const void *raw = v6 ?
		    (const void *)&((const struct sockaddr_in6 *)sa)
			->sin6_addr :
		    (const void *)&((const struct sockaddr_in *)sa)->sin_addr;

		if ((t->source_len > 0 &&
			t->source.ss_family != sa->ss_family) ||
		    inet_ntop(sa->ss_family, raw, addr, sizeof(addr)) == NULL)
			continue;
		used += (size_t)snprintf(text + used, sizeof(text) - used,
		    "%s%s%s%s", n++ > 0 ? "," : "", v6 ? "[" : "", addr,
		    v6 ? "]" : "");
	}
	if (n == 0) {
		errno = EADDRNOTAVAIL;
		return (-1);
	}
	if (append(&t->resolve, text) == -1 ||
	    append(&t->connect_to, "::" PEER ":1") == -1) {
		errno = ENOMEM;
		return (-1);
	}
	return (0);
}

const char *
web_peer(const struct web_task *t, char *out, size_t size)
{
	const struct resolve_answer *names = &t->names.answer;
	const struct resolve_addr *peer = t->peer;
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	char *ip = NULL;

	/* Of several that were tried at once, the one that was taken. */
	if (t->easy != NULL)
		(void)curl_easy_getinfo(t->easy, CURLINFO_PRIMARY_IP, &ip);
	for (size_t i = 0; ip != NULL && i < names->naddrs; i++) {
		const struct resolve_addr *a = &names->addrs[i];

		if ((inet_pton(AF_INET, ip, &in.sin_addr) == 1 &&
			same_address(a, (struct sockaddr *)(void *)&in)) ||
		    (inet_pton(AF_INET6, ip, &in6.sin6_addr) == 1 &&
			same_address(a, (struct sockaddr *)(void *)&in6)))
			peer = a;
	}
	if (peer == NULL && names->naddrs > 0)
		peer = &names->addrs[0];
	if (peer == NULL)
		return (probe_escape(out, size, t->host, strlen(t->host)));
	return (probe_address(t->named ? t->host : NULL, peer, out, size));
}

/*
 * Options
 */

/*
 * curl keeps what it has read of one bundle of authorities, which saves some
 * 10 ms for each connection; but not beside a directory of them.
 */
static bool
has_default_bundle(void)
{
	const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);

	return (v->age >= CURLVERSION_SEVENTH && v->cainfo != NULL);
}

static void
set_tls(struct web_task *t)
{
	const struct wire_options *o = &t->options;
	CURL *e = t->easy;

	if (o->ca_file != NULL)
		(void)curl_easy_setopt(e, CURLOPT_CAINFO, o->ca_file);
	if (o->ca_file != NULL || has_default_bundle())
		(void)curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
	(void)curl_easy_setopt(
	    e, CURLOPT_SSL_VERIFYPEER, o->insecure ? 0L : 1L);
	(void)curl_easy_setopt(
	    e, CURLOPT_SSL_VERIFYHOST, o->insecure ? 0L : 2L);
	(void)curl_easy_setopt(e, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	if (o->expires_within > 0)
		(void)curl_easy_setopt(e, CURLOPT_CERTINFO, 1L);
	if (t->req->kind == WIRE_PROBE_TLS) {
		(void)curl_easy_setopt(e, CURLOPT_CONNECT_ONLY, 1L);
		(void)curl_easy_setopt(e, CURLOPT_SSL_ENABLE_ALPN, 0L);
	}
}

static void
set_connection(struct web_task *t)
{
	int64_t left = (t->deadline - dw_clock()) / DW_MS + CURL_LATER;
	CURL *e = t->easy;

	(void)curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(e, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
	(void)curl_easy_setopt(
	    e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	(void)curl_easy_setopt(e, CURLOPT_SHARE, t->share);
	(void)curl_easy_setopt(e, CURLOPT_RESOLVE, t->resolve);
	(void)curl_easy_setopt(e, CURLOPT_CONNECT_TO, t->connect_to);
	(void)curl_easy_setopt(e, CURLOPT_RESOLVER_START_FUNCTION, refuse_name);
	(void)curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	(void)curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, t);
	/* With several addresses each gets its share of this; the end of all
	 * is ours to tell. */
	(void)curl_easy_setopt(
	    e, CURLOPT_CONNECTTIMEOUT_MS, (long)(left > 0 ? left : 1));
	(void)curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->problem);
	(void)curl_easy_setopt(e, CURLOPT_PRIVATE, t);
}

/* Another origin hears neither secrets nor what may be one. */
static int
set_headers(struct web_task *t)
{
	const struct wire_options *o = &t->options;

	if (t->host_header[0] != '\0' &&
	    append(&t->headers, t->host_header) == -1)
		return (-1);
	for (size_t i = 0; !t->elsewhere && i < o->nheaders; i++) {
		if (append(&t->headers, o->headers[i]) == -1)
			return (-1);
	}
	(void)curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
	if (o->auth != NULL && !t->elsewhere) {
		(void)curl_easy_setopt(
		    t->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		(void)curl_easy_setopt(t->easy, CURLOPT_USERPWD, o->auth);
	}
	return (0);
}

/* Servers want to hear of such that their body is empty. */
static bool
wants_body(const char *method)
{
	return (method != NULL &&
	    (strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
		strcmp(method, "PATCH") == 0));
}

static int
set_request(struct web_task *t)
{
	const struct wire_options *o = &t->options;
	const char *method = o->method;
	CURL *e = t->easy;

	/* (It would also close what is only connected.) */
	(void)curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
	(void)curl_easy_setopt(
	    e, CURLOPT_USERAGENT, "daemonwatch/" PACKAGE_VERSION);
	(void)curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, take_header);
	(void)curl_easy_setopt(e, CURLOPT_HEADERDATA, t);
	(void)curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_body);
	(void)curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
	if (method != NULL && strcmp(method, "HEAD") == 0) {
		(void)curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
	} else if (!t->bodiless) {
		if (t->req->send_len > 0 || wants_body(method)) {
			(void)curl_easy_setopt(
			    e, CURLOPT_POSTFIELDSIZE, (long)t->req->send_len);
			(void)curl_easy_setopt(
			    e, CURLOPT_POSTFIELDS, t->req->data);
		}
		if (method != NULL)
			(void)curl_easy_setopt(
			    e, CURLOPT_CUSTOMREQUEST, method);
	}
	return (set_headers(t));
}

int
web_transfer(struct web_task *t)
{
	t->problem[0] = '\0';
	t->header_bytes = 0;
	t->enough = WEB_NOT_ENOUGH;
	t->error = 0;
	t->peer = NULL;
	t->fd = -1;
	if (give_addresses(t) == -1)
		return (-1);
	/* The addresses in the cache are for this transfer alone. */
	if ((t->easy = curl_easy_init()) == NULL ||
	    (t->share = curl_share_init()) == NULL) {
		errno = ENOMEM;
		return (-1);
	}
	(void)curl_share_setopt(t->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
	(void)curl_easy_setopt(t->easy, CURLOPT_CURLU, t->url);
	set_connection(t);
	set_tls(t);
	if (t->req->kind == WIRE_PROBE_HTTP && set_request(t) == -1) {
		errno = ENOMEM;
		return (-1);
	}
	return (curl_loop_add(t->curl, t->easy));
}

void
web_transfer_end(struct web_task *t)
{
	dw_timer_stop(&t->match_at);
	/* It may close the descriptor. */
	dw_io_stop(&t->io);
	if (t->easy != NULL) {
		curl_loop_remove(t->curl, t->easy);
		curl_easy_cleanup(t->easy);
		t->easy = NULL;
	}
	if (t->share != NULL)
		(void)curl_share_cleanup(t->share);
	t->share = NULL;
	curl_slist_free_all(t->headers);
	curl_slist_free_all(t->connect_to);
	curl_slist_free_all(t->resolve);
	t->headers = t->connect_to = t->resolve = NULL;
}
