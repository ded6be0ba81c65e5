/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What a probe is to do, judged and copied.  Nothing is asked here yet.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "daemonwatch.h"
#include "probe.h"

static bool
port_valid(const char *port)
{
	const char *p, *error;
	bool letter = false;

	for (p = port; *p != '\0'; p++) {
		if (isalpha((unsigned char)*p))
			letter = true;
		else if (!isdigit((unsigned char)*p) &&
		    strchr("-_+./", *p) == NULL)
			return (false);
	}
	if (letter)
		return (p - port < 32);
	(void)strtonum(port, 1, 65535, &error);
	return (error == NULL && isdigit((unsigned char)*port));
}

static bool
valid(enum probe_kind kind, const struct dw_probe_tcp *what)
{
	static const struct sockaddr_un *const un;

	if (what->host == NULL || what->host[0] == '\0' || what->timeout <= 0 ||
	    (what->send == NULL && what->send_len > 0))
		return (false);
	if (kind == PROBE_UNIX)
		return (strlen(what->host) < sizeof(un->sun_path));
	return (what->port != NULL && strlen(what->host) < NI_MAXHOST &&
	    port_valid(what->port) &&
	    (kind != PROBE_UDP || what->send_len > 0));
}

int
probe_source(const char *text, struct sockaddr_storage *sa, socklen_t *len)
{
	const struct addrinfo hints = {
	    .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
	struct addrinfo *ai;

	if (getaddrinfo(text, NULL, &hints, &ai) != 0) {
		errno = EINVAL;
		return (-1);
	}
	memcpy(sa, ai->ai_addr, ai->ai_addrlen);
	*len = ai->ai_addrlen;
	freeaddrinfo(ai);
	return (0);
}

static const char *
put(char **at, const void *s, size_t len)
{
	char *p = *at;

	if (len > 0)
		memcpy(p, s, len);
	*at += len;
	return (p);
}

/* All that was given is copied. */
struct dw_probe_run *
probe_make(enum probe_kind kind, const struct dw_probe_tcp *tcp)
{
	const char *expect = tcp->expect == NULL ? "" : tcp->expect;
	size_t host_len, port_len, expect_len = strlen(expect) + 1;
	struct dw_probe_run *run;
	char *at;
	int error;

	if (!valid(kind, tcp)) {
		errno = EINVAL;
		return (NULL);
	}
	host_len = strlen(tcp->host) + 1;
	port_len = strlen(tcp->port) + 1;
	run = calloc(
	    1, sizeof(*run) + host_len + port_len + expect_len + tcp->send_len);
	if (run == NULL)
		return (NULL);
	at = run->data;
	run->host = put(&at, tcp->host, host_len);
	run->port = put(&at, tcp->port, port_len);
	run->expect = put(&at, expect, expect_len);
	run->send = put(&at, tcp->send, tcp->send_len);
	run->send_len = tcp->send_len;
	run->timeout = tcp->timeout;
	run->fd = -1;
	run->kind = kind;
	if (tcp->source != NULL &&
	    probe_source(tcp->source, &run->source, &run->source_len) == -1) {
		free(run);
		errno = EINVAL;
		return (NULL);
	}
	run->any = kind == PROBE_UDP && tcp->expect == NULL;
	run->expecting = run->any || tcp->expect != NULL;
	if (tcp->expect == NULL)
		return (run);
	if (match_init(&run->match, run->expect) == -1) {
		error = errno;
		free(run);
		errno = error;
		return (NULL);
	}
	return (run);
}
