/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The grammar above the values: blocks and their keys.  A value's extent is
 * by its kind, so several keys may stand on one line.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "config_parse.h"

static void
parse_key_value(struct parser *p, struct block *b, const struct key *key)
{
	enum key_id id = (enum key_id)(key - config_keys);
	struct config_pos pos = parser_pos(p, &p->tok), equals;
	char shown[SHOWN], place[PLACE];

	if (b->seen[id].line != 0)
		parser_error(p, &pos, "'%s' is already set in %s", key->name,
		    show_place(place, p, &b->seen[id]));
	b->seen[id] = pos;
	b->bad[id] = true;
	if (b->build != NULL)
		b->build->set[id] = b->build->bad[id] = true;
	parser_advance(p);
	if (p->tok.kind != TOKEN_EQUALS || p->tok.first) {
		parser_unexpected(p, "'=' is needed behind '%s', not %s",
		    key->name, show_token(shown, &p->tok));
		skip_value(p);
		return;
	}
	equals = parser_pos(p, &p->tok);
	parser_advance(p);
	if (value_missing(p)) {
		parser_error(p, &equals,
		    "the value of '%s' is missing, as in %s = %s", key->name,
		    key->name, key->example);
		return;
	}
	if (key->parse(p, b, id) == -1) {
		skip_value(p);
		return;
	}
	b->bad[id] = false;
	if (b->build != NULL)
		b->build->bad[id] = false;
	after_value(p, key->name);
}

static void
parse_unknown(struct parser *p, struct block *b)
{
	struct token next;

	key_unknown(p, b, &p->tok);
	parser_advance(p);
	if (p->tok.kind == TOKEN_EQUALS)
		parser_advance(p);
	else if (p->tok.kind == TOKEN_OPEN) {
		skip_block(p);
		return;
	} else if (p->tok.kind == TOKEN_WORD || p->tok.kind == TOKEN_STRING) {
		lexer_peek(&p->lex, &next);
		if (next.kind == TOKEN_OPEN && !p->tok.first) {
			parser_advance(p);
			skip_block(p);
			return;
		}
	}
	skip_value(p);
}

/* The name of a service or check; NULL after an error. */
static char *
parse_name(struct parser *p, const char *what, struct config_pos *pos)
{
	char shown[SHOWN];
	const char *why;
	char *name;

	*pos = parser_pos(p, &p->tok);
	if (p->tok.kind != TOKEN_WORD && p->tok.kind != TOKEN_STRING) {
		parser_unexpected(p, "the name of the %s is missing", what);
		return (NULL);
	}
	show_token(shown, &p->tok);
	if ((name = take_text(p, "a name", pos)) == NULL)
		return (NULL);
	if ((why = name_wrong(name, strlen(name))) != NULL) {
		parser_error(p, pos, "%s cannot be the name of a %s: %s", shown,
		    what, why);
		return (NULL);
	}
	return (name);
}

/*
 * The brace behind a block's name; what is NULL when the name was wrong, and
 * that has been said.  -1: this is no block.
 */
static int
parse_open(struct parser *p, const char *what)
{
	char shown[SHOWN];

	if (p->tok.kind == TOKEN_OPEN) {
		parser_advance(p);
		return (0);
	}
	if (what != NULL)
		parser_unexpected(p, "'{' is needed behind %s, not %s", what,
		    show_token(shown, &p->tok));
	if (p->tok.kind == TOKEN_WORD && at_statement(p) &&
	    !is_keyword(&p->tok))
		return (0);
	if (!p->tok.first)
		skip_value(p);
	return (-1);
}

static bool parse_body(struct parser *p, struct block *b);

static void
parse_service(struct parser *p)
{
	struct build build = p->defaults;
	struct block b = {.kind = BLOCK_SERVICE, .build = &build};
	char what[CONFIG_NAME_MAX + 16] = "";

	parser_advance(p);
	b.name = parse_name(p, "service", &b.open);
	if (b.name == NULL)
		p->services_bad = true;
	build.conf.pos = b.open;
	if (b.name != NULL) {
		snprintf(what, sizeof(what), "service '%s'", b.name);
		build.conf.name = b.name;
	}
	if (parse_open(p, b.name != NULL ? what : NULL) == 0 &&
	    parse_body(p, &b))
		check_service(p, &b);
	else
		p->services_bad = true;
}

/* At the word that names the kind. */
static bool
parse_check(struct parser *p, struct block *service)
{
	struct web_conf web = {.url = NULL}; /* until it is known to be kept */
	struct check_conf check = {
	    .kind = check_kind_find(&p->tok), .web = &web};
	struct block b = {.kind = BLOCK_CHECK, .build = NULL, .check = &check};
	struct build *build = service->build;
	char what[CONFIG_NAME_MAX + 16] = "";

	parser_advance(p);
	b.name = parse_name(p, "check", &b.open);
	check.pos = b.open;
	if (b.name != NULL)
		snprintf(what, sizeof(what), "%s '%s'",
		    check_kind_name(check.kind), b.name);
	if (b.name != NULL && check_name(p, service, b.name, &b.open) == 0)
		check.name = b.name;
	else
		build->checks_bad = true;
	if (parse_open(p, b.name != NULL ? what : NULL) == -1) {
		build->checks_bad = true;
		return (true);
	}
	/* Its brace is missing, but another check may follow. */
	if (!parse_body(p, &b))
		return (check_kind_find(&p->tok) != CHECK_KINDS);
	check_check(p, &b, service);
	return (true);
}

static void
parse_defaults(struct parser *p)
{
	struct block b = {.kind = BLOCK_DEFAULTS, .build = &p->defaults};

	b.open = parser_pos(p, &p->tok);
	parser_advance(p);
	if (parse_open(p, "defaults") == 0)
		(void)parse_body(p, &b);
}

static void
parse_alert(struct parser *p)
{
	struct alert_conf alert = {.pos = parser_pos(p, &p->tok)};
	struct block b = {
	    .kind = BLOCK_ALERT, .open = alert.pos, .alert = &alert};

	parser_advance(p);
	if (parse_open(p, "alert") == 0 && parse_body(p, &b))
		check_alert(p, &b);
}

static void
parse_include(struct parser *p)
{
	struct token pattern;

	parser_advance(p);
	pattern = p->tok;
	if (p->tok.first ||
	    (p->tok.kind != TOKEN_WORD && p->tok.kind != TOKEN_STRING)) {
		parser_unexpected(p,
		    "the name of a file is needed behind 'include', "
		    "as in include /etc/daemonwatch.d/*.conf");
		skip_value(p);
		return;
	}
	config_include(p, &pattern);
	parser_advance(p);
	after_value(p, "include");
}

/* A block or include that cannot stand here.  False: ours has ended, then. */
static bool
misplaced(struct parser *p, const struct block *b)
{
	static const char *const kinds[] = {
	    "", "defaults", "service", "", "alert"};
	struct config_pos pos = parser_pos(p, &p->tok);
	char shown[SHOWN], name[CONFIG_NAME_MAX + 8] = "";
	bool check = check_kind_find(&p->tok) != CHECK_KINDS;

	show_text(shown, p->tok.text, p->tok.len);
	if (!token_is(&p->tok, "include") && !token_is(&p->tok, "alert") &&
	    (!check || b->kind == BLOCK_CHECK || b->kind == BLOCK_ALERT)) {
		if (b->name != NULL)
			snprintf(name, sizeof(name), " '%s'", b->name);
		parser_error(p, &pos,
		    "%s inside of %s%s of line %u: is its '}' missing?", shown,
		    b->kind == BLOCK_CHECK ? check_kind_name(b->check->kind) :
					     kinds[b->kind],
		    name, b->open.line);
		return (false);
	}
	parser_error(p, &pos, "%s belongs %s", shown,
	    check ? "in a service" : "outside of all blocks");
	parser_advance(p);
	if (!p->tok.first &&
	    (p->tok.kind == TOKEN_WORD || p->tok.kind == TOKEN_STRING))
		parser_advance(p);
	if (p->tok.kind == TOKEN_OPEN)
		skip_block(p);
	return (true);
}

/* At a word.  False: the block ends here, though it is not closed. */
static bool
parse_statement(struct parser *p, struct block *b)
{
	const struct key *key = key_find(b, &p->tok);
	bool check = check_kind_find(&p->tok) != CHECK_KINDS;
	struct token next;

	lexer_peek(&p->lex, &next);
	if (is_keyword(&p->tok) && (key == NULL || next.kind != TOKEN_EQUALS)) {
		if (next.kind == TOKEN_EQUALS)
			parse_unknown(p, b);
		else if (check && b->kind == BLOCK_SERVICE)
			return (parse_check(p, b));
		else if (check || b->kind != BLOCK_TOP)
			return (misplaced(p, b));
		else if (token_is(&p->tok, "service"))
			parse_service(p);
		else if (token_is(&p->tok, "include"))
			parse_include(p);
		else if (token_is(&p->tok, "alert"))
			parse_alert(p);
		else
			parse_defaults(p);
		return (true);
	}
	if (key != NULL)
		parse_key_value(p, b, key);
	else
		parse_unknown(p, b);
	return (true);
}

/*
 * Up to the end of the block and past its brace.  False: it was not closed,
 * which has been reported.
 */
static bool
parse_body(struct parser *p, struct block *b)
{
	char shown[SHOWN];

	for (;;) {
		switch (p->tok.kind) {
		case TOKEN_END:
			if (b->kind == BLOCK_TOP)
				return (true);
			parser_error(p, &b->open,
			    "this block is not closed: its '}' is missing");
			return (false);
		case TOKEN_CLOSE:
			if (b->kind != BLOCK_TOP) {
				parser_advance(p);
				return (true);
			}
			parser_unexpected(p, "'}' without a block to close");
			parser_advance(p);
			break;
		case TOKEN_WORD:
			if (!parse_statement(p, b))
				return (false);
			break;
		default:
			parser_unexpected(p, "a key is needed here, not %s",
			    show_token(shown, &p->tok));
			parser_advance(p);
			skip_value(p);
			break;
		}
	}
}

void
parse_top(struct parser *p)
{
	parser_advance(p);
	(void)parse_body(p, &p->top);
}
