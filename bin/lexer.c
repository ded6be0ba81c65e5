/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Text to words, for daemonwatch.conf(5).  It knows no keys and no values; it
 * reads nothing outside the text, which must not hold NUL bytes.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "lexer.h"

/* Characters of unquoted words; all others need quotes. */
static bool
is_word(unsigned char c)
{
	if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	    (c >= 'a' && c <= 'z'))
		return (true);
	return (c != '\0' && strchr("_-./:*?[]@%+~", c) != NULL);
}

static bool
is_stray(unsigned char c)
{
	return (
	    c == '\0' || (!is_word(c) && strchr(" \t\n\"'#={},()", c) == NULL));
}

static int
hex_digit(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return (c - '0');
	if (c >= 'a' && c <= 'f')
		return (c - 'a' + 10);
	if (c >= 'A' && c <= 'F')
		return (c - 'A' + 10);
	return (-1);
}

/* What the letter after a backslash stands for, -1 if it is none of them. */
static int
escape_value(char c)
{
	switch (c) {
	case 'a':
		return ('\a');
	case 'b':
		return ('\b');
	case 'e':
		return (0x1b);
	case 'f':
		return ('\f');
	case 'n':
		return ('\n');
	case 'r':
		return ('\r');
	case 't':
		return ('\t');
	case 'v':
		return ('\v');
	case '0':
		return ('\0');
	case '\\':
	case '"':
	case '\'':
		return (c);
	default:
		return (-1);
	}
}

static void
report(const struct lexer *lx, unsigned line, unsigned column, const char *text)
{
	if (lx->error != NULL)
		lx->error(lx->arg, line, column, text);
}

/* One byte on; continuation bytes of UTF-8 are in their character's column. */
static void
step(struct lexer *lx)
{
	unsigned char c = (unsigned char)*lx->at++;

	if (c == '\n') {
		lx->line++;
		lx->column = 1;
		lx->fresh = true;
	} else if (lx->at == lx->end || ((unsigned char)*lx->at & 0xc0) != 0x80)
		lx->column++;
}

static bool
at_line_end(const struct lexer *lx)
{
	if (lx->at == lx->end || *lx->at == '\n')
		return (true);
	return (
	    *lx->at == '\r' && (lx->at + 1 == lx->end || lx->at[1] == '\n'));
}

static void
skip_comment(struct lexer *lx)
{
	while (lx->at < lx->end && *lx->at != '\n')
		step(lx);
}

static void
skip_blanks(struct lexer *lx)
{
	while (lx->at < lx->end) {
		char c = *lx->at;

		if (c == '#')
			skip_comment(lx);
		else if (c == ' ' || c == '\t' || c == '\n' ||
		    (c == '\r' && at_line_end(lx)))
			step(lx);
		else
			return;
	}
}

/* At a backslash in a "..." string.  Leaves lx behind the escape. */
static bool
check_escape(struct lexer *lx)
{
	unsigned line = lx->line, column = lx->column;
	char text[160], shown[16];
	size_t n;

	step(lx);
	if (at_line_end(lx))
		return (true); /* the string is unclosed, which is said */
	if (*lx->at == 'x') {
		step(lx);
		for (int i = 0; i < 2; i++) {
			if (lx->at == lx->end ||
			    hex_digit((unsigned char)*lx->at) < 0) {
				report(lx, line, column,
				    "\\x needs two hexadecimal digits");
				return (false);
			}
			step(lx);
		}
		return (true);
	}
	if (escape_value(*lx->at) >= 0) {
		bool nul = *lx->at == '0';

		step(lx);
		if (nul && lx->at < lx->end && *lx->at >= '0' &&
		    *lx->at <= '9') {
			report(lx, line, column,
			    "octal escapes are unknown: write \\xHH");
			return (false);
		}
		return (true);
	}
	n = text_printable(lx->at, (size_t)(lx->end - lx->at));
	n = n == 0 ? 1 : n;
	text_escape(shown, sizeof(shown), lx->at, n);
	snprintf(text, sizeof(text),
	    "unknown escape '\\%s' in a string: for a backslash itself write "
	    "'\\\\', or use '...' quotes",
	    shown);
	report(lx, line, column, text);
	while (n-- > 0)
		step(lx);
	return (false);
}

static void
lex_string(struct lexer *lx, struct token *tok)
{
	char quote = *lx->at;
	char text[128];

	tok->kind = TOKEN_STRING;
	step(lx);
	while (!at_line_end(lx)) {
		unsigned char c = (unsigned char)*lx->at;

		if (c == (unsigned char)quote) {
			step(lx);
			return;
		}
		if (c == '\\' && quote == '"') {
			if (!check_escape(lx))
				tok->bad = true;
			continue;
		}
		if ((c < ' ' && c != '\t') || c == 0x7f) {
			snprintf(text, sizeof(text),
			    "control character in a string: write \\x%02x "
			    "between \"...\" quotes",
			    c);
			report(lx, lx->line, lx->column, text);
			tok->bad = true;
		}
		step(lx);
	}
	tok->bad = tok->unclosed = true;
	snprintf(text, sizeof(text),
	    "string is not closed: %c is missing before the end of the line",
	    quote);
	report(lx, tok->line, tok->column, text);
}

static const char *
stray_hint(const unsigned char *s, size_t len)
{
	switch (s[0]) {
	case ';':
		return (": keys are separated by blanks or line ends only");
	case '&':
	case '|':
	case '!':
		return (": conditions are written with 'and', 'or', 'not'; "
			"other text needs quotes");
	case '$':
	case '`':
		return (": nothing is expanded; text needs quotes");
	case '\\':
		return (": text with a backslash needs '...' quotes");
	default:
		/* U+2018 to U+201F, what word processors make of quotes. */
		if (len >= 3 && s[0] == 0xe2 && s[1] == 0x80 && s[2] >= 0x98 &&
		    s[2] <= 0x9f)
			return (": quotes are plain ' or \"");
		return (
		    s[0] > ' ' && s[0] != 0x7f ? ": text needs quotes" : "");
	}
}

static void
lex_stray(struct lexer *lx, struct token *tok)
{
	char shown[64] = "", text[256];
	size_t used = 0;

	tok->kind = TOKEN_BAD;
	while (lx->at < lx->end && is_stray((unsigned char)*lx->at) &&
	    !at_line_end(lx))
		step(lx);
	tok->len = (size_t)(lx->at - tok->text);
	for (size_t i = 0; i < tok->len && i < 12; i++) {
		unsigned char c = (unsigned char)tok->text[i];

		used += (size_t)snprintf(shown + used, sizeof(shown) - used,
		    c > ' ' && c < 0x7f ? "%c" : "\\x%02x", c);
	}
	snprintf(text, sizeof(text), "stray character%s '%s%s'%s",
	    tok->len > 1 ? "s" : "", shown, tok->len > 12 ? "..." : "",
	    stray_hint((const unsigned char *)tok->text, tok->len));
	report(lx, tok->line, tok->column, text);
}

static void
lex_word(struct lexer *lx, struct token *tok)
{
	tok->kind = TOKEN_WORD;
	while (lx->at < lx->end && is_word((unsigned char)*lx->at))
		step(lx);
	/* A path may hold one: cutting it off in silence would be a trap. */
	if (lx->at < lx->end && *lx->at == '#')
		report(lx, lx->line, lx->column,
		    "'#' in a word: put a blank before a comment, or quotes "
		    "around the word");
}

static enum token_kind
lex_punctuation(char c)
{
	switch (c) {
	case '=':
		return (TOKEN_EQUALS);
	case '{':
		return (TOKEN_OPEN);
	case '}':
		return (TOKEN_CLOSE);
	case ',':
		return (TOKEN_COMMA);
	case '(':
		return (TOKEN_LPAREN);
	case ')':
		return (TOKEN_RPAREN);
	default:
		return (TOKEN_END);
	}
}

void
lexer_init(struct lexer *lx, const char *text, size_t len,
    lexer_error_cb *error, void *arg)
{
	lx->at = text;
	lx->end = text + len;
	lx->line = lx->column = 1;
	lx->fresh = true;
	lx->error = error;
	lx->arg = arg;
}

void
lexer_next(struct lexer *lx, struct token *tok)
{
	memset(tok, 0, sizeof(*tok));
	skip_blanks(lx);
	tok->kind = TOKEN_END;
	tok->text = lx->at;
	tok->line = lx->line;
	tok->column = lx->column;
	tok->first = lx->fresh;
	lx->fresh = false;
	if (lx->at == lx->end)
		return;
	if (*lx->at == '"' || *lx->at == '\'')
		lex_string(lx, tok);
	else if (is_word((unsigned char)*lx->at))
		lex_word(lx, tok);
	else if ((tok->kind = lex_punctuation(*lx->at)) != TOKEN_END)
		step(lx);
	else
		lex_stray(lx, tok);
	tok->len = (size_t)(lx->at - tok->text);
}

void
lexer_peek(const struct lexer *lx, struct token *tok)
{
	struct lexer copy = *lx;

	copy.error = NULL;
	lexer_next(&copy, tok);
}

bool
token_is(const struct token *tok, const char *word)
{
	return (tok->kind == TOKEN_WORD && tok->len == strlen(word) &&
	    memcmp(tok->text, word, tok->len) == 0);
}

size_t
token_decode(const struct token *tok, char *buf)
{
	const char *s = tok->text, *end = s + tok->len;
	bool escapes;
	size_t n = 0;

	if (tok->kind != TOKEN_STRING) {
		memcpy(buf, s, tok->len);
		return (tok->len);
	}
	escapes = *s++ == '"';
	if (!tok->unclosed)
		end--;
	while (s < end) {
		if (*s != '\\' || !escapes || s + 1 == end) {
			buf[n++] = *s++;
		} else if (s[1] == 'x' && end - s >= 4) {
			int high = hex_digit((unsigned char)s[2]);
			int low = hex_digit((unsigned char)s[3]);

			buf[n++] = (char)(unsigned char)(high * 16 + low);
			s += 4;
		} else {
			buf[n++] = (char)escape_value(s[1]);
			s += 2;
		}
	}
	return (n);
}

/* Controls, and what reorders or hides text on a terminal. */
static bool
is_hidden(unsigned long u)
{
	return (u < 0xa0 || u == 0xad || (u >= 0x200b && u <= 0x200f) ||
	    (u >= 0x2028 && u <= 0x202e) || (u >= 0x2060 && u <= 0x206f) ||
	    (u >= 0xd800 && u <= 0xdfff) || u == 0xfeff ||
	    (u >= 0xfff9 && u <= 0xfffb) || u > 0x10ffff);
}

size_t
text_printable(const char *s, size_t len)
{
	static const unsigned long least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char c;
	unsigned long u;
	size_t n;

	if (len == 0)
		return (0);
	c = (unsigned char)s[0];
	if (c < 0x80)
		return (c >= ' ' && c != 0x7f);
	if (c < 0xc0 || c >= 0xf8)
		return (0);
	n = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	if (n > len)
		return (0);
	u = c & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return (0);
		u = u << 6 | ((unsigned char)s[i] & 0x3f);
	}
	return (u < least[n] || is_hidden(u) ? 0 : n);
}

const char *
text_escape(char *buf, size_t size, const char *s, size_t len)
{
	static const char dots[] = "...";
	size_t used = 0, cut = 0;

	for (size_t i = 0; i < len;) {
		size_t n = text_printable(s + i, len - i);
		size_t need = n == 0 ? 4 : n;

		if (used + need >= size) {
			memcpy(buf + cut, dots, sizeof(dots));
			return (buf);
		}
		if (n == 0)
			snprintf(buf + used, size - used, "\\x%02x",
			    (unsigned char)s[i]);
		else
			memcpy(buf + used, s + i, n);
		i += n == 0 ? 1 : n;
		used += need;
		if (used + sizeof(dots) <= size)
			cut = used;
	}
	buf[used] = '\0';
	return (buf);
}
