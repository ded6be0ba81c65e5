/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What a request for TLS or HTTP says besides: the third part of its data.
 * Fields, each a letter, a text and a NUL.  Both ends, and the configuration
 * before them, judge the texts by the same rules.  Pure.
 */
#ifndef BIN_WIRE_OPTIONS_H
#define BIN_WIRE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_HEADERS_MAX 32u
#define WIRE_STATUS_MAX 16u
#define WIRE_URL_MAX 2048u	  /* bytes */
#define WIRE_HEADER_MAX 1024u	  /* bytes, of each */
#define WIRE_HEADERS_BYTES 3072u  /* of all */
#define WIRE_PATH_MAX 1024u	  /* bytes */
#define WIRE_AUTH_MAX 512u	  /* bytes */
#define WIRE_SERVER_NAME_MAX 255u /* bytes */

struct wire_status {
	unsigned first;
	unsigned last;
};

struct wire_options {
	/* HTTP */
	const char *url;
	const char *method; /* NULL: GET */
	const char *headers[WIRE_HEADERS_MAX];
	size_t nheaders;
	struct wire_status status[WIRE_STATUS_MAX]; /* none: 200 to 399 */
	size_t nstatus;
	const char *auth; /* "user:password", NULL: none */
	bool redirects;
	/* TLS */
	const char *ca_file;	 /* NULL: the system's authorities */
	const char *server_name; /* NULL: as the host */
	int64_t expires_within;	 /* nanoseconds; 0: not asked */
	bool insecure;		 /* believe any certificate */
};

/* The bytes used of buf, 0: there is too little room. */
size_t wire_options_pack(
    const struct wire_options *options, char *buf, size_t size);
/* The texts stay in buf.  NULL, or what is wrong. */
const char *wire_options_unpack(
    struct wire_options *options, const char *buf, size_t len);

/* What is wrong with it; NULL: nothing. */
const char *wire_url_wrong(const char *url);
const char *wire_method_wrong(const char *method);
const char *wire_header_wrong(const char *header);
const char *wire_auth_wrong(const char *auth);
const char *wire_server_name_wrong(const char *name);

#endif
