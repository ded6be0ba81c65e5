/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * For the tests of the configuration: reading a text and keeping what is said
 * about it.  Included after cmocka.h.
 */
#ifndef TESTS_CONFIG_FIXTURE_H
#define TESTS_CONFIG_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"

/* What was said last: "line:column text\n" each. */
static char said[65536];

static inline void
say(const struct config_pos *pos, const char *text, void *arg)
{
	size_t used = strlen(said);

	if (arg != NULL) /* the files' names as well */
		config_error_print(pos, text, arg);
	snprintf(said + used, sizeof(said) - used, "%u:%u %s\n", pos->line,
	    pos->column, text);
}

static inline struct config *
parse(const char *text)
{
	size_t len = strlen(text);
	char *copy = malloc(len == 0 ? 1 : len);
	struct config *c;

	/* Exactly as long, and gone afterwards. */
	assert_non_null(copy);
	memcpy(copy, text, len);
	said[0] = '\0';
	c = config_parse("test", copy, len, say, NULL);
	free(copy);
	assert_int_equal(c == NULL, said[0] != '\0');
	return (c);
}

/* It must be right. */
static inline struct config *
parse_ok(const char *text)
{
	struct config *c = parse(text);

	if (c == NULL)
		fail_msg("%s\nis refused: %s", text, said);
	return (c);
}

/* Each line said begins with the line wanted; there are no others. */
static inline void
assert_said(const char *text, const char *want)
{
	const char *s = said, *w = want;

	while (*w != '\0') {
		size_t n = strcspn(w, "\n");

		if (strncmp(s, w, n) != 0 || *s == '\0')
			break;
		s += strcspn(s, "\n");
		s += *s == '\n';
		w += n;
		w += *w == '\n';
	}
	if (*w != '\0' || *s != '\0')
		fail_msg("%.400s\ngives:\n%sinstead of:\n%s", text, said, want);
}

static inline void
refused(const char *text, const char *want)
{
	struct config *c = parse(text);

	config_free(c);
	if (c != NULL)
		fail_msg("%s\nis accepted, not refused with %s", text, want);
	assert_said(text, want);
}

struct bad {
	const char *text;
	const char *want;
};

static inline void
refuse_all(const struct bad *bad, size_t n)
{
	for (size_t i = 0; i < n; i++)
		refused(bad[i].text, bad[i].want);
}

#define REFUSE(bad) refuse_all(bad, sizeof(bad) / sizeof((bad)[0]))

/* A fragment in line 2 of a child, of a detached service, of a tcp block. */
#define CHILD(s) "service a { start = \"x\"\n" s "\n}\n"
#define DETACHED(s) \
	"service a { type = detached start = \"x\" match = q\n" s "\n}\n"
#define TCP(s) "service a { start = \"x\" tcp p {\n" s "\n} }\n"
#define ADDRESS(s) TCP("address = " s)
#define WHEN(s)                                                  \
	"service a { start = \"x\" tcp port { address = h:1 }\n" \
	"restart-when = " s "\n}\n"

#endif
