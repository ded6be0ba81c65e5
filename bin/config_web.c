/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What http checks, and tcp checks with tls = yes, have besides: reading these
 * keys, and printing them again.  Which values are possible is said in
 * wire_options.c, as the prober asks for the same.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "config_parse.h"
#include "wire.h"
#include "wire_options.h"

static int
bad(struct parser *p, const struct config_pos *pos, enum key_id id,
    const char *text, const char *why)
{
	char shown[SHOWN];

	parser_error(p, pos, "bad %s %s: %s", config_keys[id].name,
	    show_text(shown, text, strlen(text)), why);
	return (-1);
}

/* Host and port of a URL that is otherwise sound. */
static const char *
place_wrong(const char *url)
{
	const char *at = strstr(url, "//") + 2, *port;
	size_t len = strcspn(at, "/?"), hlen;
	char host[WIRE_URL_MAX + 1];

	(void)snprintf(host, sizeof(host), "%.*s", (int)len, at);
	if (host[0] == '[') {
		hlen = strcspn(host, "]");
		if (host[hlen] == '\0' || strchr(host, ':') > host + hlen)
			return ("an IPv6 address stands in [ ], as in [::1]");
		port = host + hlen + 1;
		if (*port != '\0' && *port != ':')
			return ("behind ']' stands a port, or nothing");
		host[hlen] = '\0';
		if (*port == ':' && port_wrong(port + 1) != NULL)
			return (port_wrong(port + 1));
		return (host_wrong(host + 1));
	}
	hlen = strcspn(host, ":");
	port = host[hlen] == ':' ? host + hlen + 1 : NULL;
	host[hlen] = '\0';
	if (port != NULL && port[strspn(port, "0123456789")] != '\0')
		return ("the port of a URL is a number");
	if (port != NULL && port_wrong(port) != NULL)
		return (port_wrong(port));
	return (host_wrong(host));
}

/* With %i in it, it is right if it is so for an instance. */
static const char *
instance_place_wrong(const char *url)
{
	const char *at = strstr(url, "%i");
	char sample[WIRE_URL_MAX + 1];

	if (at == NULL)
		return (place_wrong(url));
	(void)snprintf(
	    sample, sizeof(sample), "%.*s1%s", (int)(at - url), url, at + 2);
	return (place_wrong(sample));
}

int
parse_url(struct parser *p, struct block *b, enum key_id id)
{
	struct config_pos pos;
	const char *why;
	char *text;

	if ((text = take_text(p, "a URL", &pos)) == NULL)
		return (-1);
	if ((why = wire_url_wrong(text)) != NULL ||
	    (why = instance_place_wrong(text)) != NULL)
		return (bad(p, &pos, id, text, why));
	*(char **)key_target(b, id) = text;
	return (0);
}

static int
take_judged(struct parser *p, struct block *b, enum key_id id, const char *what,
    const char *(*wrong)(const char *))
{
	struct config_pos pos;
	const char *why;
	char *text;

	if ((text = take_text(p, what, &pos)) == NULL)
		return (-1);
	if ((why = wrong(text)) != NULL)
		return (bad(p, &pos, id, text, why));
	*(char **)key_target(b, id) = text;
	return (0);
}

int
parse_method(struct parser *p, struct block *b, enum key_id id)
{
	return (take_judged(p, b, id, "a method", wire_method_wrong));
}

int
parse_server_name(struct parser *p, struct block *b, enum key_id id)
{
	return (take_judged(p, b, id, "a host's name", wire_server_name_wrong));
}

int
parse_headers(struct parser *p, struct block *b, enum key_id id)
{
	struct config_pos pos = parser_pos(p, &p->tok);
	char shown[SHOWN], **list;
	const char *why;
	size_t n, bytes = 0;

	if (p->tok.kind != TOKEN_OPEN) {
		parser_unexpected(p,
		    "headers is a list, {\"Name: value\", ...}, not %s",
		    show_token(shown, &p->tok));
		return (-1);
	}
	if ((list = take_list(p, "a header", &n)) == NULL)
		return (-1);
	for (size_t i = 0; i < n; i++) {
		if ((why = wire_header_wrong(list[i])) != NULL)
			return (bad(p, &pos, id, list[i], why));
		bytes += strlen(list[i]);
	}
	if (n > WIRE_HEADERS_MAX || bytes > WIRE_HEADERS_BYTES) {
		parser_error(p, &pos,
		    "headers has at most %u members, of %u bytes together",
		    WIRE_HEADERS_MAX, WIRE_HEADERS_BYTES);
		return (-1);
	}
	*(char ***)key_target(b, id) = n == 0 ? NULL : list;
	return (0);
}

static const char *
to_status(const char *text, struct wire_status *s)
{
	size_t len = strlen(text), first = len, second = 0;
	uint64_t from, to;
	const char *why;

	(void)value_range(text, len, &first, &second);
	if (value_number(text, first, 100, 599, &from, &why) == -1 ||
	    value_number(text + second, second == 0 ? first : len - second, 100,
		599, &to, &why) == -1)
		return ("it is a number from 100 to 599, or 200..299");
	if (to < from)
		return ("the first is larger than the last");
	s->first = (unsigned)from;
	s->last = (unsigned)to;
	return (NULL);
}

/* 200, 200..299 or {200, 301..302} */
int
parse_statuses(struct parser *p, struct block *b, enum key_id id)
{
	struct config_pos pos;
	struct wire_status *all;
	const char *why;
	char **list;
	size_t n;

	if ((list = take_texts(p, "a status", &n, &pos)) == NULL)
		return (-1);
	if (n == 0 || n > WIRE_STATUS_MAX) {
		parser_error(
		    p, &pos, "status has 1 to %u members", WIRE_STATUS_MAX);
		return (-1);
	}
	if ((all = parser_alloc(p, n * sizeof(*all))) == NULL)
		return (-1);
	for (size_t i = 0; i < n; i++)
		if ((why = to_status(list[i], &all[i])) != NULL)
			return (bad(p, &pos, id, list[i], why));
	b->check->web->status = all;
	b->check->web->nstatus = n;
	return (0);
}

/*
 * The block is complete
 */

static const enum key_id tls_keys[] = {
    KEY_VERIFY, KEY_CA_FILE, KEY_SERVER_NAME, KEY_EXPIRES_WITHIN};

/* They would have no effect, and whoever wrote them believes that they have. */
static void
refuse_tls_keys(struct parser *p, const struct block *b, const char *why)
{
	for (size_t i = 0; i < sizeof(tls_keys) / sizeof(tls_keys[0]); i++) {
		enum key_id id = tls_keys[i];

		if (b->seen[id].line != 0)
			parser_error(p, &b->seen[id], "'%s' has no effect %s",
			    config_keys[id].name, why);
	}
}

/* Of both kinds, when they speak TLS. */
static void
complete_curl(struct parser *p, struct block *b, const struct config_pos *pos)
{
	struct web_conf *w = b->check->web;

	if (!WITH_CURL)
		parser_error(p, pos,
		    "this daemonwatch was built without libcurl: it has "
		    "neither http nor tls");
	if (b->seen[KEY_VERIFY].line == 0)
		w->verify = true;
	if (w->ca_file != NULL && strlen(w->ca_file) > WIRE_PATH_MAX)
		parser_error(p, &b->seen[KEY_CA_FILE],
		    "'ca-file' is longer than %u bytes", WIRE_PATH_MAX);
	if (!w->verify && !b->bad[KEY_VERIFY] && w->ca_file != NULL)
		parser_error(p, &b->seen[KEY_CA_FILE],
		    "'ca-file' has no effect with verify = no");
}

void
complete_tls(struct parser *p, struct block *b)
{
	if (b->check->tls)
		complete_curl(p, b, &b->seen[KEY_TLS]);
	else if (b->seen[KEY_TLS].line == 0 && !b->meant[KEY_TLS])
		refuse_tls_keys(p, b, "without tls = yes");
	else if (!b->bad[KEY_TLS])
		refuse_tls_keys(p, b, "with tls = no");
}

void
complete_http(struct parser *p, struct block *b)
{
	const struct check_conf *c = b->check;
	const struct web_conf *w = c->web;

	if (is_missing(b, KEY_URL))
		parser_error(p, &b->open,
		    "this check needs a URL, as in "
		    "url = \"https://localhost/health\"");
	if (w->url != NULL && strncmp(w->url, "http:", 5) == 0 && !w->redirects)
		refuse_tls_keys(p, b, "with an http:// URL");
	if (w->method != NULL && strcmp(w->method, "HEAD") == 0) {
		if (c->expect != NULL)
			parser_error(p, &b->seen[KEY_BODY],
			    "there is no 'body' with method = HEAD");
		if (c->send != NULL)
			parser_error(p, &b->seen[KEY_SEND],
			    "there is nothing to 'send' with method = HEAD");
	}
	if (c->expect != NULL &&
	    c->send_len + strlen(c->expect) > WIRE_DATA_MAX)
		parser_error(p, &b->seen[KEY_BODY],
		    "'send' and 'body' have together at most %u bytes",
		    WIRE_DATA_MAX);
	complete_curl(p, b, &b->open);
}

/* Most checks have none of these keys, and pay for none. */
void
check_web(struct parser *p, struct block *b)
{
	struct check_conf *c = b->check;
	struct web_conf *w = NULL;

	if ((c->kind == CHECK_HTTP || c->tls) &&
	    (w = parser_alloc(p, sizeof(*w))) != NULL)
		*w = *c->web;
	c->web = w;
}

/*
 * Printing
 */

static void
print_string(FILE *f, const char *key, const char *s)
{
	fputc('\t', f);
	print_text(f, key, s);
}

static void
print_tls_keys(FILE *f, const struct web_conf *w)
{
	char within[DURATION_TEXT];

	if (!w->verify)
		fputs("\t\tverify = no\n", f);
	if (w->ca_file != NULL)
		print_string(f, "ca-file", w->ca_file);
	if (w->server_name != NULL)
		print_string(f, "server-name", w->server_name);
	if (w->expires_within != 0)
		fprintf(f, "\t\texpires-within = %s\n",
		    duration_text(within, w->expires_within));
}

void
print_tls(FILE *f, const struct check_conf *c)
{
	if (!c->tls)
		return;
	fputs("\t\ttls = yes\n", f);
	print_tls_keys(f, c->web);
}

static void
print_statuses(FILE *f, const struct web_conf *w)
{
	if (w->nstatus == 0)
		return;
	fputs("\t\tstatus = {", f);
	for (size_t i = 0; i < w->nstatus; i++) {
		fprintf(f, "%s%u", i > 0 ? ", " : "", w->status[i].first);
		if (w->status[i].last != w->status[i].first)
			fprintf(f, "..%u", w->status[i].last);
	}
	fputs("}\n", f);
}

void
print_http(FILE *f, const struct check_conf *c)
{
	const struct web_conf *w = c->web;

	print_string(f, "url", w->url);
	if (c->host != NULL)
		print_address(f, c);
	if (c->source != NULL)
		fprintf(f, "\t\tsource = %s\n", c->source);
	if (w->method != NULL)
		print_string(f, "method", w->method);
	if (w->headers != NULL) {
		fputs("\t\theaders = {", f);
		for (char **h = w->headers; *h != NULL; h++) {
			fputs(h != w->headers ? ", " : "", f);
			config_print_string(f, *h, strlen(*h));
		}
		fputs("}\n", f);
	}
	if (w->auth_file != NULL)
		print_string(f, "auth-file", w->auth_file);
	if (c->send != NULL) {
		fputs("\t\tsend = ", f);
		config_print_string(f, c->send, c->send_len);
		fputc('\n', f);
	}
	print_statuses(f, w);
	if (c->expect != NULL)
		print_string(f, "body", c->expect);
	if (w->redirects)
		fputs("\t\tredirects = yes\n", f);
	print_tls_keys(f, w);
}
