/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Reading lines of NAME=value.  What a shell would make of them, as far as
 * nothing is expanded; daemonwatch.conf(5) has the rules.  Pure.
 */
#include "config.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "envfile.h"

struct reader {
	const char *at, *end; /* of the line */
	char **vars;
	size_t n;
	const char *why;
};

static bool
is_blank(char c)
{
	return (c == ' ' || c == '\t' || c == '\r');
}

static void
skip_blanks(struct reader *r)
{
	while (r->at < r->end && is_blank(*r->at))
		r->at++;
}

static size_t
name_len(const struct reader *r)
{
	size_t n = 0, left = (size_t)(r->end - r->at);

	for (; n < left; n++) {
		char c = r->at[n];

		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
			c == '_' || (n > 0 && c >= '0' && c <= '9')))
			break;
	}
	return (n);
}

/* "export " may stand in front, as for a shell. */
static void
skip_export(struct reader *r)
{
	static const char word[] = "export";
	size_t n = sizeof(word) - 1;

	if ((size_t)(r->end - r->at) > n && memcmp(r->at, word, n) == 0 &&
	    is_blank(r->at[n])) {
		r->at += n;
		skip_blanks(r);
	}
}

/* Between quotes; the escapes of "…" are those of sh(1).  NULL: not closed. */
static char *
quoted(struct reader *r, char *out)
{
	char quote = *r->at++;

	for (; r->at < r->end && *r->at != quote; r->at++) {
		if (quote == '"' && *r->at == '\\' && r->at + 1 < r->end &&
		    strchr("\"\\$`", r->at[1]) != NULL)
			r->at++;
		*out++ = *r->at;
	}
	if (r->at == r->end) {
		r->why = "the closing quote is missing";
		return (NULL);
	}
	r->at++;
	skip_blanks(r);
	if (r->at < r->end) {
		r->why = "there is more behind the closing quote";
		return (NULL);
	}
	return (out);
}

static char *
bare(struct reader *r, char *out)
{
	while (r->end > r->at && is_blank(r->end[-1]))
		r->end--;
	memcpy(out, r->at, (size_t)(r->end - r->at));
	return (out + (r->end - r->at));
}

static int
append(struct reader *r, char *var)
{
	char **more = reallocarray(r->vars, r->n + 2, sizeof(*more));

	if (more == NULL) {
		free(var);
		return (-1);
	}
	r->vars = more;
	more[r->n++] = var;
	more[r->n] = NULL;
	return (0);
}

/* Without its end. */
static int
read_line(struct reader *r)
{
	char *var, *out;
	size_t n;

	skip_blanks(r);
	if (r->at == r->end || *r->at == '#' || *r->at == ';')
		return (0);
	skip_export(r);
	n = name_len(r);
	if (n == 0 || r->at + n == r->end || r->at[n] != '=') {
		r->why = "this is not NAME=value";
		return (-1);
	}
	if (memchr(r->at, '\0', (size_t)(r->end - r->at)) != NULL) {
		r->why = "a NUL byte";
		return (-1);
	}
	var = malloc((size_t)(r->end - r->at) + 1);
	if (var == NULL)
		return (-1);
	memcpy(var, r->at, ++n);
	r->at += n;
	out = var + n;
	skip_blanks(r);
	if (r->at < r->end && (*r->at == '"' || *r->at == '\''))
		out = quoted(r, out);
	else
		out = bare(r, out);
	if (out == NULL) {
		free(var);
		return (-1);
	}
	*out = '\0';
	return (append(r, var));
}

char **
envfile_parse(const char *text, size_t len, unsigned *line, const char **why)
{
	struct reader r = {.why = NULL};
	const char *end = text + len, *newline;

	*line = 0;
	*why = "out of memory";
	if ((r.vars = calloc(1, sizeof(*r.vars))) == NULL)
		return (NULL);
	for (unsigned no = 1; text < end; no++) {
		newline = memchr(text, '\n', (size_t)(end - text));
		r.at = text;
		r.end = (newline != NULL) ? newline : end;
		text = (newline != NULL) ? newline + 1 : end;
		if (read_line(&r) == -1) {
			if (r.why != NULL) {
				*line = no;
				*why = r.why;
			}
			envfile_free(r.vars);
			return (NULL);
		}
	}
	return (r.vars);
}

void
envfile_free(char **vars)
{
	for (size_t i = 0; vars != NULL && vars[i] != NULL; i++)
		free(vars[i]);
	free(vars);
}
