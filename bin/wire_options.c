/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The options of a request for TLS or HTTP, to bytes and back, and what each
 * may be.  Pure.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"
#include "wire_options.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

enum field {
	FIELD_AUTH = 'a',
	FIELD_CA_FILE = 'c',
	FIELD_EXPIRES = 'x',
	FIELD_HEADER = 'h',
	FIELD_INSECURE = 'k',
	FIELD_METHOD = 'm',
	FIELD_REDIRECTS = 'r',
	FIELD_SERVER_NAME = 'n',
	FIELD_STATUS = 's',
	FIELD_URL = 'u'
};

/*
 * What they may be
 */

/* Bytes that could end a line of a request early are in none of them. */
static bool
is_plain(const char *s, char first)
{
	for (; *s != '\0'; s++)
		if (*s < first || *s > '~')
			return (false);
	return (true);
}

const char *
wire_url_wrong(const char *url)
{
	size_t scheme, host;

	if (strncmp(url, "http://", 7) == 0)
		scheme = 7;
	else if (strncmp(url, "https://", 8) == 0)
		scheme = 8;
	else
		return ("it begins with http:// or https://");
	if (strlen(url) > WIRE_URL_MAX)
		return ("it is longer than 2048 bytes");
	if (!is_plain(url, '!'))
		return ("what is not printable ASCII is written as %XX in it");
	host = strcspn(url + scheme, "/?#");
	if (memchr(url + scheme, '@', host) != NULL)
		return ("a user and a password belong in a file: 'auth-file'");
	if (host == 0 || url[scheme] == ':')
		return ("its host is missing");
	if (strchr(url, '#') != NULL)
		return ("what is behind '#' is never sent");
	return (NULL);
}

const char *
wire_method_wrong(const char *method)
{
	size_t n = strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-");

	if (n == 0 || method[n] != '\0' || n > 16)
		return ("it is one word in capitals, as GET or HEAD");
	if (strcmp(method, "CONNECT") == 0 || strcmp(method, "TRACE") == 0)
		return ("that is for proxies");
	return (NULL);
}

const char *
wire_header_wrong(const char *header)
{
	size_t n = strspn(header, LETTERS DIGITS "-_");

	if (n == 0 || header[n] != ':')
		return ("it is \"Name: value\"");
	if (strlen(header) > WIRE_HEADER_MAX)
		return ("it is longer than 1024 bytes");
	/* curl(1) removes a header that has no value. */
	if (header[n + 1 + strspn(header + n + 1, " ")] == '\0')
		return ("its value is missing");
	return (is_plain(header, ' ') ? NULL : "it has bytes that are no text");
}

const char *
wire_auth_wrong(const char *auth)
{
	if (strlen(auth) > WIRE_AUTH_MAX)
		return ("it is longer than 512 bytes");
	if (auth[0] == ':' || strchr(auth, ':') == NULL)
		return ("it is user:password");
	for (; *auth != '\0'; auth++)
		if ((unsigned char)*auth < ' ' || *auth == 0x7f)
			return ("it has bytes that are no text");
	return (NULL);
}

const char *
wire_server_name_wrong(const char *name)
{
	size_t n = strspn(name, LETTERS DIGITS "_.-");

	if (n == 0 || name[n] != '\0' || n > WIRE_SERVER_NAME_MAX ||
	    *name == '-' || *name == '.')
		return ("a host's name has letters, digits and . - _ only");
	return (NULL);
}

static const char *
path_wrong(const char *path)
{
	return (path[0] != '/' || strlen(path) > WIRE_PATH_MAX ?
		"it is no absolute path" :
		NULL);
}

/*
 * Packing
 */

struct packer {
	char *buf;
	size_t size;
	size_t used;
	bool full;
};

static void
put(struct packer *p, enum field field, const char *text)
{
	size_t len;

	if (text == NULL)
		return;
	len = strlen(text) + 1;
	if (p->full || p->size - p->used < len + 1) {
		p->full = true;
		return;
	}
	p->buf[p->used] = (char)field;
	memcpy(p->buf + p->used + 1, text, len);
	p->used += len + 1;
}

size_t
wire_options_pack(const struct wire_options *o, char *buf, size_t size)
{
	struct packer p = {.buf = buf, .size = size};
	char text[32];

	put(&p, FIELD_URL, o->url);
	put(&p, FIELD_METHOD, o->method);
	for (size_t i = 0; i < o->nheaders; i++)
		put(&p, FIELD_HEADER, o->headers[i]);
	for (size_t i = 0; i < o->nstatus; i++) {
		(void)snprintf(text, sizeof(text), "%03u-%03u",
		    o->status[i].first, o->status[i].last);
		put(&p, FIELD_STATUS, text);
	}
	put(&p, FIELD_AUTH, o->auth);
	put(&p, FIELD_REDIRECTS, o->redirects ? "" : NULL);
	put(&p, FIELD_CA_FILE, o->ca_file);
	put(&p, FIELD_SERVER_NAME, o->server_name);
	if (o->expires_within > 0) {
		(void)snprintf(
		    text, sizeof(text), "%lld", (long long)o->expires_within);
		put(&p, FIELD_EXPIRES, text);
	}
	put(&p, FIELD_INSECURE, o->insecure ? "" : NULL);
	return (p.full ? 0 : p.used);
}

/*
 * Unpacking
 */

static const char *
take_text(const char **to, const char *text, const char *(*wrong)(const char *))
{
	if (*to != NULL)
		return ("an option is there twice");
	*to = text;
	return (wrong(text));
}

static const char *
take_header(struct wire_options *o, const char *text)
{
	if (o->nheaders == WIRE_HEADERS_MAX)
		return ("there are too many headers");
	o->headers[o->nheaders++] = text;
	return (wire_header_wrong(text));
}

static const char *
take_status(struct wire_options *o, const char *text)
{
	struct wire_status *s = &o->status[o->nstatus];

	if (o->nstatus == WIRE_STATUS_MAX)
		return ("there are too many statuses");
	o->nstatus++;
	if (strlen(text) != 7 || strspn(text, DIGITS) != 3 || text[3] != '-' ||
	    strspn(text + 4, DIGITS) != 3)
		return ("a status is no number");
	s->first = (unsigned)strtoul(text, NULL, 10);
	s->last = (unsigned)strtoul(text + 4, NULL, 10);
	return (s->first < 100 || s->last < s->first || s->last > 599 ?
		"a status is out of range" :
		NULL);
}

static const char *
take_expires(struct wire_options *o, const char *text)
{
	const char *error;

	if (o->expires_within != 0)
		return ("an option is there twice");
	/* strtonum(3) takes blanks. */
	if (text[strspn(text, DIGITS)] != '\0')
		return ("a duration is no number");
	o->expires_within = strtonum(text, 1, INT64_MAX, &error);
	return (error != NULL ? "a duration is out of range" : NULL);
}

static const char *
take_flag(bool *to, const char *text)
{
	if (*to || text[0] != '\0')
		return ("a flag is there twice, or has a value");
	*to = true;
	return (NULL);
}

static const char *
take(struct wire_options *o, enum field field, const char *text)
{
	switch (field) {
	case FIELD_URL:
		return (take_text(&o->url, text, wire_url_wrong));
	case FIELD_METHOD:
		return (take_text(&o->method, text, wire_method_wrong));
	case FIELD_HEADER:
		return (take_header(o, text));
	case FIELD_STATUS:
		return (take_status(o, text));
	case FIELD_AUTH:
		return (take_text(&o->auth, text, wire_auth_wrong));
	case FIELD_REDIRECTS:
		return (take_flag(&o->redirects, text));
	case FIELD_CA_FILE:
		return (take_text(&o->ca_file, text, path_wrong));
	case FIELD_SERVER_NAME:
		return (
		    take_text(&o->server_name, text, wire_server_name_wrong));
	case FIELD_EXPIRES:
		return (take_expires(o, text));
	case FIELD_INSECURE:
		return (take_flag(&o->insecure, text));
	}
	return ("there is an unknown option");
}

const char *
wire_options_unpack(struct wire_options *o, const char *buf, size_t len)
{
	const char *p = buf, *end = buf + len, *nul, *why;

	memset(o, 0, sizeof(*o));
	for (; p < end; p = nul + 1) {
		nul = memchr(p + 1, '\0', (size_t)(end - p) - 1);
		if (nul == NULL)
			return ("an option does not end");
		if ((why = take(o, (enum field) * p, p + 1)) != NULL)
			return (why);
	}
	return (NULL);
}
