/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The text of sd_notify(3): lines of NAME=value.  It comes from others, so
 * nothing about it is taken for granted.  Whose it is, is not asked here.
 */
#include "config.h"

#include <limits.h>
#include <string.h>

#include "notify.h"

static bool
is(const char *line, size_t len, const char *want)
{
	return (strlen(want) == len && memcmp(line, want, len) == 0);
}

/* A number from 1 to max; 0: it is none. */
static long
number(const char *s, size_t len, long max)
{
	long n = 0;

	if (len == 0)
		return (0);
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return (0);
		if (n > (max - (s[i] - '0')) / 10)
			return (0);
		n = n * 10 + (s[i] - '0');
	}
	return (n);
}

/* The value, if the line is of this variable. */
static const char *
value(const char *line, size_t *len, const char *name)
{
	size_t n = strlen(name);

	if (*len < n || memcmp(line, name, n) != 0)
		return (NULL);
	*len -= n;
	return (line + n);
}

static void
parse_line(const char *line, size_t len, struct notify *n)
{
	const char *v;
	long num;

	if (is(line, len, "READY=1"))
		n->ready = true;
	else if (is(line, len, "RELOADING=1"))
		n->reloading = true;
	else if (is(line, len, "STOPPING=1"))
		n->stopping = true;
	else if (is(line, len, "WATCHDOG=1"))
		n->watchdog = true;
	else if (is(line, len, "WATCHDOG=trigger"))
		n->trigger = true;
	else if (is(line, len, "BARRIER=1"))
		n->barrier = true;
	else if ((v = value(line, &len, "STATUS=")) != NULL) {
		n->status = v;
		n->status_len = len;
	} else if ((v = value(line, &len, "MAINPID=")) != NULL) {
		if ((num = number(v, len, INT_MAX)) > 1)
			n->mainpid = (pid_t)num;
	} else if ((v = value(line, &len, "ERRNO=")) != NULL) {
		if ((num = number(v, len, 4095)) > 0)
			n->error = (int)num;
	}
}

int
notify_parse(const char *text, size_t len, struct notify *n)
{
	const char *end;
	size_t line;

	memset(n, 0, sizeof(*n));
	/* A string's own end may have been sent as well. */
	if (len > 0 && text[len - 1] == '\0')
		len--;
	if (len == 0 || memchr(text, '\0', len) != NULL)
		return (-1);
	for (; len > 0; text += line, len -= line) {
		end = memchr(text, '\n', len);
		line = (end != NULL) ? (size_t)(end - text) : len;
		parse_line(text, line, n);
		if (end != NULL)
			line++;
	}
	return (0);
}
