/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Looking for a regular expression in what is still coming in.
 */
#include "config.h"

#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "match.h"

#define FIRST 1024u /* the buffer at first; so far each read is matched */

int
match_init(struct match *m, const char *re)
{
	int error = regcomp(&m->regex, re, REG_EXTENDED | REG_NOSUB);

	if (error == 0)
		return (0);
	errno = error == REG_ESPACE ? ENOMEM : EINVAL;
	return (-1);
}

void
match_free(struct match *m, bool made)
{
	if (made)
		regfree(&m->regex);
	free(m->in);
	m->in = NULL;
	m->len = m->size = m->tried = 0;
}

int
match_room(struct match *m, size_t size)
{
	size_t room = m->size == 0 ? FIRST : m->size;
	char *in;

	while (room < size)
		room *= 2;
	if (room == m->size)
		return (0);
	/* One more, for regexec()'s NUL. */
	if ((in = realloc(m->in, room + 1)) == NULL)
		return (-1);
	m->in = in;
	m->size = room;
	return (0);
}

void
match_take(struct match *m, size_t n)
{
	char *p = m->in + m->len, *end = p + n;

	if (m->len < MATCH_HEAD) {
		size_t room = MATCH_HEAD - m->len;

		memcpy(m->head + m->len, p, n < room ? n : room);
	}
	while ((p = memchr(p, '\0', (size_t)(end - p))) != NULL)
		*p = '\001';
	m->len += n;
}

/* To match all that there is after each read would eat the processor. */
bool
match_due(const struct match *m)
{
	return (m->len <= FIRST || m->len - m->tried >= m->tried / 8);
}

int
match_try(struct match *m)
{
	if (match_room(m, 1) == -1)
		return (REG_ESPACE);
	m->tried = m->len;
	m->in[m->len] = '\0';
	return (regexec(&m->regex, m->in, 0, NULL, 0));
}
