/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Conditions: parsed where they stand, resolved when all checks of the
 * service are known.  cond.c evaluates them.
 *
 *	or   = and { "or" and }
 *	and  = not { "and" not }
 *	not  = { "not" } ( NAME | NAME.failed | "(" or ")" )
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "config_parse.h"

struct cond_parser {
	struct parser *p;
	struct cond_src src;
	int depth; /* open parentheses and nots: bounds our recursion */
	bool bad;  /* something that has been reported was overlooked */
};

static int
emit(struct cond_parser *cp, enum cond_op op, size_t arg)
{
	struct cond_src *src = &cp->src;
	struct cond_item *items;

	if (src->nitems == CONFIG_COND_MAX) {
		parser_unexpected(cp->p,
		    "this condition has more than %u names and operators",
		    CONFIG_COND_MAX);
		return (-1);
	}
	items = config_more(cp->p, src->items, src->nitems, sizeof(*items));
	if (items == NULL)
		return (-1);
	src->items = items;
	items[src->nitems].op = (uint8_t)op;
	items[src->nitems++].arg = (uint16_t)arg;
	return (0);
}

/* C's operators are reported by the lexer; they are read as what is meant. */
static bool
is_operator(struct cond_parser *cp, const char *word, const char *sign)
{
	const struct token *tok = &cp->p->tok;
	size_t n = strlen(sign);

	if (token_is(tok, word))
		return (true);
	if (tok->kind != TOKEN_BAD || tok->len > n ||
	    memcmp(tok->text, sign, tok->len) != 0)
		return (false);
	cp->bad = true;
	return (true);
}

static int
parse_name_atom(struct cond_parser *cp)
{
	struct parser *p = cp->p;
	struct cond_src *src = &cp->src;
	struct name_ref *names;
	size_t n = src->nnames;

	names = config_more(p, src->names, n, sizeof(*names));
	if (names == NULL)
		return (-1);
	src->names = names;
	names[n].pos = parser_pos(p, &p->tok);
	names[n].name = parser_strndup(p, p->tok.text, p->tok.len);
	if (names[n].name == NULL)
		return (-1);
	src->nnames++;
	return (emit(cp, COND_CHECK, n));
}

static int
parse_atom(struct cond_parser *cp)
{
	struct parser *p = cp->p;
	char shown[SHOWN];
	int rc;

	if (p->tok.kind != TOKEN_WORD || token_is(&p->tok, "and") ||
	    token_is(&p->tok, "or") || at_statement(p)) {
		parser_unexpected(p,
		    "'process', 'ready' or the name of a check is needed "
		    "here, not %s",
		    show_token(shown, &p->tok));
		return (-1);
	}
	if (token_is(&p->tok, "process"))
		rc = emit(cp, COND_PROCESS, 0);
	else if (token_is(&p->tok, "ready"))
		rc = emit(cp, COND_READY, 0);
	else
		rc = parse_name_atom(cp);
	if (rc == 0)
		parser_advance(p);
	return (rc);
}

static int parse_or(struct cond_parser *cp);

static int
parse_paren(struct cond_parser *cp)
{
	struct parser *p = cp->p;
	struct config_pos open = parser_pos(p, &p->tok);
	char shown[SHOWN];

	parser_advance(p);
	if (parse_or(cp) == -1)
		return (-1);
	if (p->tok.kind == TOKEN_RPAREN) {
		parser_advance(p);
		return (0);
	}
	if (p->tok.first || p->tok.kind == TOKEN_END ||
	    p->tok.kind == TOKEN_CLOSE || at_statement(p))
		parser_error(p, &open, "this '(' is not closed");
	else
		parser_unexpected(p,
		    "'and', 'or' or ')' is needed here, not %s",
		    show_token(shown, &p->tok));
	return (-1);
}

static int
parse_not(struct cond_parser *cp)
{
	struct parser *p = cp->p;
	bool not = is_operator(cp, "not", "!");
	int rc;

	if (!not &&p->tok.kind != TOKEN_LPAREN)
		return (parse_atom(cp));
	if (++cp->depth > COND_DEPTH) {
		parser_unexpected(
		    p, "this condition is nested deeper than %d", COND_DEPTH);
		return (-1);
	}
	if (not ) {
		parser_advance(p);
		rc = parse_not(cp);
		if (rc == 0)
			rc = emit(cp, COND_NOT, 0);
	} else {
		rc = parse_paren(cp);
	}
	cp->depth--;
	return (rc);
}

static int
parse_and(struct cond_parser *cp)
{
	if (parse_not(cp) == -1)
		return (-1);
	while (is_operator(cp, "and", "&&")) {
		parser_advance(cp->p);
		if (parse_not(cp) == -1 || emit(cp, COND_AND, 0) == -1)
			return (-1);
	}
	return (0);
}

static int
parse_or(struct cond_parser *cp)
{
	if (parse_and(cp) == -1)
		return (-1);
	while (is_operator(cp, "or", "||")) {
		parser_advance(cp->p);
		if (parse_and(cp) == -1 || emit(cp, COND_OR, 0) == -1)
			return (-1);
	}
	return (0);
}

/* Past what is left of a condition, the lines that continue it included. */
static void
skip_cond(struct parser *p)
{
	skip_value(p);
	while (token_is(&p->tok, "and") || token_is(&p->tok, "or")) {
		parser_advance(p);
		skip_value(p);
	}
}

int
parse_when(struct parser *p, struct block *b, enum key_id id)
{
	struct cond_parser cp = {.p = p};
	struct config_pos pos = parser_pos(p, &p->tok);
	struct cond made;

	if (parse_or(&cp) == -1) {
		skip_cond(p);
		return (-1);
	}
	made.items = cp.src.items;
	made.len = cp.src.nitems;
	if (cond_depth(&made, cp.src.nnames) > COND_DEPTH) {
		parser_error(p, &pos, "this condition is nested deeper than %d",
		    COND_DEPTH);
		return (-1);
	}
	if (cp.bad)
		return (-1);
	if (id == KEY_WARN_WHEN)
		b->build->warn_when = cp.src;
	else if (id == KEY_UP_WHEN)
		b->build->up_when = cp.src;
	else
		b->build->when = cp.src;
	return (0);
}

/* A check's name, or NAME.failed: its place, the operator in *op. */
static size_t
find_atom(const struct service_conf *s, const char *name, uint8_t *op)
{
	static const char suffix[] = ".failed";
	size_t len = strlen(name), cut = sizeof(suffix) - 1;

	*op = COND_CHECK;
	if (len > cut && strcmp(name + len - cut, suffix) == 0) {
		*op = COND_FAILED;
		len -= cut;
	}
	for (size_t i = 0; i < s->nchecks; i++)
		if (strncmp(s->checks[i].name, name, len) == 0 &&
		    s->checks[i].name[len] == '\0')
			return (i);
	return (SIZE_MAX);
}

static void
unknown_name(
    struct parser *p, const struct service_conf *s, const struct name_ref *ref)
{
	const char *names[CONFIG_CHECKS_MAX + 2], *near;
	size_t n = 0;
	char shown[SHOWN];

	names[n++] = "process";
	names[n++] = "ready";
	for (size_t i = 0; i < s->nchecks; i++)
		names[n++] = s->checks[i].name;
	near = suggest(ref->name, strcspn(ref->name, "."), names, n);
	show_text(shown, ref->name, strlen(ref->name));
	if (strcmp(ref->name, "process.failed") == 0 ||
	    strcmp(ref->name, "ready.failed") == 0)
		parser_error(p, &ref->pos,
		    "%s: only checks can fail; write 'not %.*s'", shown,
		    (int)strcspn(ref->name, "."), ref->name);
	else
		parser_error(p, &ref->pos, "service '%s' has no check %s%s%s%s",
		    s->name, shown, near != NULL ? ": did you mean '" : "",
		    near != NULL ? near : "", near != NULL ? "'?" : "");
}

int
cond_resolve(struct parser *p, struct build *b, const struct cond_src *src,
    struct cond *out)
{
	struct service_conf *s = &b->conf;
	struct cond_item *items;
	int rc = 0;

	/* A copy: the defaults' condition serves other services too. */
	items = parser_alloc(p, src->nitems * sizeof(*items));
	if (items == NULL)
		return (-1);
	for (size_t i = 0; i < src->nitems; i++) {
		size_t check;

		items[i] = src->items[i];
		if (items[i].op != COND_CHECK)
			continue;
		check =
		    find_atom(s, src->names[items[i].arg].name, &items[i].op);
		if (check == SIZE_MAX) {
			if (!b->checks_bad)
				unknown_name(p, s, &src->names[items[i].arg]);
			rc = -1;
		}
		items[i].arg = (uint16_t)check;
	}
	out->items = items;
	out->len = src->nitems;
	return (rc);
}

/* not process or A.failed or B.failed ... */
int
cond_default(struct parser *p, struct service_conf *s)
{
	struct cond_item *items;
	size_t n = 0;

	items = parser_alloc(p, (2 + 2 * s->nchecks) * sizeof(*items));
	if (items == NULL)
		return (-1);
	items[n++].op = COND_PROCESS;
	items[n++].op = COND_NOT;
	for (size_t i = 0; i < s->nchecks; i++) {
		items[n].op = COND_FAILED;
		items[n++].arg = (uint16_t)i;
		items[n++].op = COND_OR;
	}
	s->restart_when.items = items;
	s->restart_when.len = n;
	return (0);
}
