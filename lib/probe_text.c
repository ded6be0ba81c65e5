/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The words of a probe's result: bounded, printable and ASCII whatever the
 * other side sent.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/socket.h>
#include <netinet/in.h>

#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "daemonwatch.h"
#include "probe.h"

/* One byte, as it is shown. */
static void
show(char out[8], unsigned char c)
{
	static const char plain[] = "\n\r\t\\\"", letter[] = "nrt\\\"";
	const char *p;

	if (c != '\0' && (p = strchr(plain, c)) != NULL)
		(void)snprintf(out, 8, "\\%c", letter[p - plain]);
	else if (c < 0x20 || c > 0x7e)
		(void)snprintf(out, 8, "\\x%02x", c);
	else
		(void)snprintf(out, 8, "%c", c);
}

const char *
probe_escape(char *out, size_t size, const char *s, size_t len)
{
	size_t i, at = 0, dots;
	char one[8];

	for (i = 0; i < len; i++) {
		show(one, (unsigned char)s[i]);
		/* There is room for the dots until the last byte is in. */
		dots = i + 1 < len ? 3 : 0;
		if (at + strlen(one) + dots >= size) {
			(void)snprintf(out + at, size - at, "...");
			return (out);
		}
		at += (size_t)snprintf(out + at, size - at, "%s", one);
	}
	out[at] = '\0';
	return (out);
}

const char *
probe_duration(char *out, size_t size, int64_t ns)
{
	if (ns % DW_SEC == 0)
		(void)snprintf(out, size, "%llds", (long long)(ns / DW_SEC));
	else if (ns >= DW_MS)
		(void)snprintf(out, size, "%lldms", (long long)(ns / DW_MS));
	else
		(void)snprintf(out, size, "%lldus", (long long)(ns / DW_US));
	return (out);
}

const char *
probe_address(
    const char *name, const struct resolve_addr *a, char *out, size_t size)
{
	char addr[INET6_ADDRSTRLEN + 20], port[8], shown[40];
	const char *open = "", *close = "";

	if (getnameinfo((const struct sockaddr *)&a->sa, a->len, addr,
		sizeof(addr), port, sizeof(port),
		NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
		(void)snprintf(addr, sizeof(addr), "?");
		(void)snprintf(port, sizeof(port), "?");
	}
	if (strchr(addr, ':') != NULL) {
		open = "[";
		close = "]";
	}
	if (name != NULL)
		(void)snprintf(out, size, "%s (%s%s%s:%s)",
		    probe_escape(shown, sizeof(shown), name, strlen(name)),
		    open, addr, close, port);
	else
		(void)snprintf(out, size, "%s%s%s:%s", open, addr, close, port);
	return (out);
}

const char *
probe_peer(const struct dw_probe_run *run, char *out, size_t size)
{
	if (run->kind == PROBE_UNIX)
		return (probe_escape(out, size, run->host, strlen(run->host)));
	return (probe_address(run->named ? run->host : NULL,
	    &run->names.answer.addrs[run->next - 1], out, size));
}

const char *
probe_got(const struct match *m, char *out, size_t size)
{
	char text[MATCH_HEAD + 4];

	if (m->len == 0)
		(void)snprintf(out, size, "nothing");
	else
		(void)snprintf(out, size, "\"%s\"",
		    probe_escape(text, sizeof(text), m->head,
			m->len < MATCH_HEAD ? m->len : MATCH_HEAD));
	return (out);
}

const char *
probe_wanted(const struct dw_probe_run *run, char *out, size_t size)
{
	if (run->any)
		return (probe_escape(out, size, ".*", 2));
	return (probe_escape(out, size, run->expect, strlen(run->expect)));
}
