/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The errors of a configuration: collected while it is read, so that they can
 * be told in the order of the files' lines, whatever the order of finding.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_parse.h"

struct config_pos
parser_pos(const struct parser *p, const struct token *tok)
{
	struct config_pos pos = {p->file, tok->line, tok->column};

	return (pos);
}

/* Searched from the end: most errors are in the file that is being read. */
static size_t
file_number(const struct config *c, const char *name)
{
	for (size_t i = c->nfiles; i > 0; i--)
		if (c->files[i - 1] == name)
			return (i);
	return (0);
}

static void
add_error(struct parser *p, const struct config_pos *pos, const char *text)
{
	struct error *e;

	if (p->nerrors >= CONFIG_ERRORS_MAX) {
		p->dropped++;
		return;
	}
	e = config_more(p, p->errors, p->nerrors, sizeof(*e));
	if (e == NULL)
		return;
	p->errors = e;
	e = &e[p->nerrors];
	e->pos = *pos;
	e->file = file_number(p->config, pos->file);
	e->seq = p->nerrors;
	if ((e->text = parser_strndup(p, text, strlen(text))) != NULL)
		p->nerrors++;
}

static void add_format(struct parser *p, const struct config_pos *pos,
    const char *fmt, va_list ap) KEY_PRINTF(3, 0);

static void
add_format(
    struct parser *p, const struct config_pos *pos, const char *fmt, va_list ap)
{
	char text[512], shown[1024];

	if (p->nerrors >= CONFIG_ERRORS_MAX) {
		p->dropped++; /* without the work of wording it */
		return;
	}
	vsnprintf(text, sizeof(text), fmt, ap);
	/* What a system's reason or a regular expression may bring along. */
	add_error(
	    p, pos, text_escape(shown, sizeof(shown), text, strlen(text)));
}

void
parser_error(
    struct parser *p, const struct config_pos *pos, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_format(p, pos, fmt, ap);
	va_end(ap);
}

void
parser_unexpected(struct parser *p, const char *fmt, ...)
{
	struct config_pos pos = parser_pos(p, &p->tok);
	va_list ap;

	if (p->tok.kind == TOKEN_BAD)
		return;
	va_start(ap, fmt);
	add_format(p, &pos, fmt, ap);
	va_end(ap);
}

void
parser_lexer_error(void *arg, unsigned line, unsigned column, const char *text)
{
	struct parser *p = arg;
	struct config_pos pos = {p->file, line, column};

	if (line != p->quiet)
		add_error(p, &pos, text);
}

static int
by_position(const void *a, const void *b)
{
	const struct error *x = a, *y = b;

	if (x->file != y->file)
		return (x->file < y->file ? -1 : 1);
	if (x->pos.line != y->pos.line)
		return (x->pos.line < y->pos.line ? -1 : 1);
	if (x->pos.column != y->pos.column)
		return (x->pos.column < y->pos.column ? -1 : 1);
	return (x->seq < y->seq ? -1 : 1);
}

size_t
parser_report(struct parser *p, config_error_cb *cb, void *arg)
{
	struct config_pos whole = {
	    p->config->nfiles > 0 ? p->config->files[0] : NULL, 0, 0};
	char text[64];
	size_t n = p->nerrors + p->dropped + (p->nomem ? 1 : 0);

	if (p->nerrors > 1)
		qsort(p->errors, p->nerrors, sizeof(*p->errors), by_position);
	for (size_t i = 0; i < p->nerrors; i++)
		cb(&p->errors[i].pos, p->errors[i].text, arg);
	if (p->dropped > 0) {
		snprintf(text, sizeof(text), "%zu more errors are not shown",
		    p->dropped);
		cb(&whole, text, arg);
	}
	if (p->nomem)
		cb(&whole, "out of memory", arg);
	return (n);
}

void
config_error_print(const struct config_pos *pos, const char *text, void *arg)
{
	FILE *f = arg;
	char file[1024];

	if (pos->file != NULL)
		fprintf(f, "%s:",
		    text_escape(
			file, sizeof(file), pos->file, strlen(pos->file)));
	if (pos->line != 0)
		fprintf(f, "%u:%u:", pos->line, pos->column);
	fprintf(f, "%s%s\n", pos->file != NULL ? " " : "", text);
}

const char *
show_text(char *buf, const char *s, size_t len)
{
	buf[0] = '\'';
	text_escape(buf + 1, SHOWN - 2, s, len);
	strcat(buf, "'");
	return (buf);
}

const char *
show_token(char *buf, const struct token *tok)
{
	if (tok->kind == TOKEN_END)
		return (strcpy(buf, "the end of the file"));
	if (tok->kind == TOKEN_STRING)
		return (text_escape(buf, SHOWN, tok->text, tok->len));
	return (show_text(buf, tok->text, tok->len));
}

const char *
show_place(char *buf, const struct parser *p, const struct config_pos *pos)
{
	if (pos->file == p->file)
		snprintf(buf, PLACE, "line %u", pos->line);
	else
		snprintf(buf, PLACE, "%.120s:%u", pos->file, pos->line);
	return (buf);
}

/*
 * Damerau and Levenshtein's distance (neighbours may be swapped, each once),
 * or more than 2 for all that is farther apart than that.
 */
static size_t
distance(const char *a, size_t n, const char *b, size_t m)
{
	size_t rows[3][CONFIG_NAME_MAX + 1];
	size_t *before = rows[0], *last = rows[1], *now = rows[2], *spare;

	if (n > CONFIG_NAME_MAX || m > CONFIG_NAME_MAX || n > m + 2 ||
	    m > n + 2)
		return (3);
	memset(rows, 0, sizeof(rows));
	for (size_t j = 0; j <= m; j++)
		last[j] = j;
	for (size_t i = 1; i <= n; i++) {
		now[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t d = last[j - 1] + (a[i - 1] != b[j - 1]);

			if (last[j] + 1 < d)
				d = last[j] + 1;
			if (now[j - 1] + 1 < d)
				d = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && before[j - 2] + 1 < d)
				d = before[j - 2] + 1;
			now[j] = d;
		}
		spare = before;
		before = last;
		last = now;
		now = spare;
	}
	return (last[m]);
}

const char *
suggest(const char *s, size_t len, const char *const *names, size_t n)
{
	const char *best = NULL;
	size_t least = 3;

	for (size_t i = 0; i < n; i++) {
		size_t m = strlen(names[i]);
		size_t d = distance(s, len, names[i], m);

		/* Two letters of a word of four are no slip any more. */
		if (d < least && d * 5 <= 2 * (len > m ? len : m)) {
			least = d;
			best = names[i];
		}
	}
	return (best);
}
