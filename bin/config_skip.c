/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Where statements begin, and how to go on after an error so that one mistake
 * is one message: at the next line, at the next "key =" or at the brace that
 * closes the block.
 */
#include "config.h"

#include <string.h>

#include "config_parse.h"

void
parser_advance(struct parser *p)
{
	lexer_next(&p->lex, &p->tok);
}

bool
is_keyword(const struct token *tok)
{
	return (token_is(tok, "service") || token_is(tok, "defaults") ||
	    token_is(tok, "include") || token_is(tok, "alert") ||
	    check_kind_find(tok) != CHECK_KINDS);
}

/*
 * "service NAME {", "defaults {", "include FILE": more than the keyword, as a
 * check may be called like one and stand in a condition.
 */
static bool
at_block(const struct parser *p)
{
	struct lexer ahead = p->lex;
	struct token a, b;
	bool text;

	ahead.error = NULL;
	lexer_next(&ahead, &a);
	lexer_next(&ahead, &b);
	text = a.kind == TOKEN_STRING ||
	    (a.kind == TOKEN_WORD && !token_is(&a, "and") &&
		!token_is(&a, "or"));
	if (token_is(&p->tok, "include"))
		return (text && !a.first && b.kind != TOKEN_EQUALS);
	return (a.kind == TOKEN_OPEN ||
	    (text && b.kind == TOKEN_OPEN && !token_is(&p->tok, "defaults") &&
		!token_is(&p->tok, "alert")));
}

bool
at_statement(const struct parser *p)
{
	struct token next;

	if (p->tok.kind != TOKEN_WORD)
		return (false);
	if (is_keyword(&p->tok) && at_block(p))
		return (true);
	lexer_peek(&p->lex, &next);
	return (next.kind == TOKEN_EQUALS && !next.first);
}

bool
value_missing(const struct parser *p)
{
	struct token next;

	if (p->tok.first || p->tok.kind == TOKEN_CLOSE ||
	    p->tok.kind == TOKEN_END)
		return (true);
	if (p->tok.kind != TOKEN_WORD)
		return (false);
	lexer_peek(&p->lex, &next);
	return (next.kind == TOKEN_EQUALS && !next.first);
}

/* Past the brace that closes a list of which an opening one was read. */
static void
skip_list(struct parser *p)
{
	unsigned depth = 1;
	bool swallowed;

	while (p->tok.kind != TOKEN_END) {
		if (p->tok.first && at_statement(p))
			return;
		if (p->tok.kind == TOKEN_OPEN)
			depth++;
		else if (p->tok.kind == TOKEN_CLOSE)
			depth--;
		/* A quote is missing on this line: the brace is behind it. */
		swallowed = p->tok.unclosed &&
		    memchr(p->tok.text, '}', p->tok.len) != NULL;
		parser_advance(p);
		if (depth == 0 || swallowed)
			return;
	}
}

void
skip_value(struct parser *p)
{
	p->quiet = p->tok.line;
	while (p->tok.kind != TOKEN_END && p->tok.kind != TOKEN_CLOSE &&
	    !p->tok.first && !at_statement(p)) {
		bool open = p->tok.kind == TOKEN_OPEN;

		parser_advance(p);
		if (open)
			skip_list(p);
	}
	p->quiet = 0;
}

/* At an error in a list whose opening brace has been read. */
void
skip_rest_of_list(struct parser *p)
{
	p->quiet = p->tok.line;
	skip_list(p);
	p->quiet = 0;
}

/* Past an unknown block, from its opening brace on. */
void
skip_block(struct parser *p)
{
	unsigned depth = 0;

	do {
		if (p->tok.kind == TOKEN_OPEN)
			depth++;
		else if (p->tok.kind == TOKEN_CLOSE)
			depth--;
		else if (p->tok.first && token_is(&p->tok, "service") &&
		    at_statement(p))
			return;
		parser_advance(p);
	} while (depth > 0 && p->tok.kind != TOKEN_END);
}

/* A value has been read; nothing else may stand behind it on its line. */
void
after_value(struct parser *p, const char *key)
{
	char shown[SHOWN];

	if (p->tok.first || p->tok.kind == TOKEN_CLOSE ||
	    p->tok.kind == TOKEN_END || at_statement(p))
		return;
	parser_unexpected(p, "unexpected %s behind the value of '%s'%s",
	    show_token(shown, &p->tok), key,
	    p->tok.kind == TOKEN_WORD || p->tok.kind == TOKEN_STRING ?
		": text with blanks needs quotes around all of it" :
		"");
	skip_value(p);
}
