/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The words of daemonwatch.conf(5).  A lexer owns nothing and allocates
 * nothing: tokens point into the text, and a copy of it looks ahead.
 */
#ifndef BIN_LEXER_H
#define BIN_LEXER_H

#include <stdbool.h>
#include <stddef.h>

enum token_kind {
	TOKEN_END,
	TOKEN_WORD,
	TOKEN_STRING, /* "..." or '...', the quotes included */
	TOKEN_EQUALS,
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_COMMA,
	TOKEN_LPAREN,
	TOKEN_RPAREN,
	TOKEN_BAD /* has been reported */
};

struct token {
	enum token_kind kind;
	bool first;    /* on its line */
	bool bad;      /* a string with an error that has been reported */
	bool unclosed; /* a string that ends with its line instead */
	const char *text;
	size_t len;
	unsigned line;
	unsigned column; /* in characters, from 1 */
};

typedef void lexer_error_cb(
    void *arg, unsigned line, unsigned column, const char *text);

struct lexer {
	const char *at;
	const char *end;
	unsigned line;
	unsigned column;
	bool fresh; /* no token on this line yet */
	lexer_error_cb *error;
	void *arg;
};

/* error may be NULL: then nothing is reported. */
void lexer_init(struct lexer *lx, const char *text, size_t len,
    lexer_error_cb *error, void *arg);
/* After the end comes TOKEN_END again and again. */
void lexer_next(struct lexer *lx, struct token *tok);
/* What lexer_next() would give, without going there or reporting. */
void lexer_peek(const struct lexer *lx, struct token *tok);

/* Is it exactly this word? */
bool token_is(const struct token *tok, const char *word);
/*
 * What a string or a word stands for: at most tok->len bytes are put into
 * buf; returns how many.  May hold NUL bytes.
 */
size_t token_decode(const struct token *tok, char *buf);

/* Length of the printable character at s: 1 for ASCII, 0 for all else. */
size_t text_printable(const char *s, size_t len);
/*
 * The text for a message: what is not printable escaped, what is long cut
 * short.  size is at least 5.  Returns buf, NUL-ended.
 */
const char *text_escape(char *buf, size_t size, const char *s, size_t len);

#endif
