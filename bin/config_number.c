/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The parsers of values that are numbers, durations, ranges and signals.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "config_parse.h"

static int
bad_value(struct parser *p, const struct config_pos *pos, const char *what,
    const char *text, const char *why)
{
	char shown[SHOWN];

	parser_error(p, pos, "bad %s %s: %s", what,
	    show_text(shown, text, strlen(text)), why);
	return (-1);
}

static int
to_duration_or_0(struct parser *p, const struct config_pos *pos,
    const char *text, size_t len, int64_t *out)
{
	char shown[SHOWN];
	const char *why;

	if (value_duration(text, len, out, &why) == -1) {
		parser_error(p, pos, "bad duration %s: %s",
		    show_text(shown, text, len), why);
		return (-1);
	}
	return (0);
}

/* A duration above 0. */
static int
to_duration(struct parser *p, const struct config_pos *pos, const char *text,
    size_t len, int64_t *out)
{
	if (to_duration_or_0(p, pos, text, len, out) == -1)
		return (-1);
	if (*out == 0) {
		parser_error(p, pos, "a duration of 0 is not possible here");
		return (-1);
	}
	return (0);
}

int
parse_duration_or_0(struct parser *p, struct block *b, enum key_id id)
{
	struct config_pos pos;
	const char *text;

	if ((text = take_text(p, "a duration", &pos)) == NULL)
		return (-1);
	return (
	    to_duration_or_0(p, &pos, text, strlen(text), key_target(b, id)));
}

int
parse_duration(struct parser *p, struct block *b, enum key_id id)
{
	struct config_pos pos;
	const char *text;
	int64_t ns;

	if ((text = take_text(p, "a duration", &pos)) == NULL ||
	    to_duration(p, &pos, text, strlen(text), &ns) == -1)
		return (-1);
	*(int64_t *)key_target(b, id) = ns;
	return (0);
}

int
parse_hold(struct parser *p, struct block *b, enum key_id id)
{
	struct config_pos pos;
	const char *text;
	int64_t ns = 0;

	if ((text = take_text(p, "a duration or 'never'", &pos)) == NULL)
		return (-1);
	if (strcmp(text, "never") != 0 &&
	    to_duration(p, &pos, text, strlen(text), &ns) == -1)
		return (-1);
	*(int64_t *)key_target(b, id) = ns;
	return (0);
}

int
parse_times(struct parser *p, struct block *b, enum key_id id)
{
	struct config_pos pos;
	const char *text, *why;
	uint64_t n;

	if ((text = take_text(p, "a number", &pos)) == NULL)
		return (-1);
	if (value_number(text, strlen(text), 1, 1000000, &n, &why) == -1)
		return (bad_value(p, &pos, config_keys[id].name, text, why));
	*(unsigned *)key_target(b, id) = (unsigned)n;
	return (0);
}

int
parse_count(struct parser *p, struct block *b, enum key_id id)
{
	struct service_conf *s = &b->build->conf;
	struct config_pos pos;
	const char *text, *why;
	size_t len, first, second;
	uint64_t min, max;

	(void)id;
	if ((text = take_text(p, "a number or a range", &pos)) == NULL)
		return (-1);
	len = strlen(text);
	if (!value_range(text, len, &first, &second)) {
		first = len;
		second = 0;
	}
	if (value_number(text, first, 1, COUNT_MAX - 1, &min, &why) == -1)
		return (bad_value(p, &pos, "count", text, why));
	if (second == len)
		max = COUNT_MAX;
	else if (value_number(text + second, len - second, 1, COUNT_MAX - 1,
		     &max, &why) == -1)
		return (bad_value(p, &pos, "count", text, why));
	if (min > max)
		return (bad_value(
		    p, &pos, "count", text, "the smaller number stands first"));
	s->count_min = (uint32_t)min;
	s->count_max = (uint32_t)max;
	s->count_set = true;
	return (0);
}

int
parse_backoff(struct parser *p, struct block *b, enum key_id id)
{
	struct service_conf *s = &b->build->conf;
	struct config_pos pos;
	const char *text;
	size_t len, first, second;
	int64_t min, max;

	(void)id;
	if ((text = take_text(p, "a range of durations", &pos)) == NULL)
		return (-1);
	len = strlen(text);
	if (!value_range(text, len, &first, &second)) {
		first = len;
		second = 0;
	}
	if (to_duration_or_0(p, &pos, text, first, &min) == -1 ||
	    to_duration_or_0(p, &pos, text + second, len - second, &max) == -1)
		return (-1);
	if (min > max)
		return (bad_value(p, &pos, "backoff", text,
		    "the shorter duration stands first"));
	if (min == 0 && max != 0)
		return (bad_value(p, &pos, "backoff", text,
		    "0 doubled stays 0: say 0s for no delay at all"));
	s->backoff_min = min;
	s->backoff_max = max;
	return (0);
}

/* never, or N in DURATION */
int
parse_give_up(struct parser *p, struct block *b, enum key_id id)
{
	struct service_conf *s = &b->build->conf;
	char shown[SHOWN];
	struct config_pos pos;
	const char *text, *why;
	uint64_t n = 0;
	int64_t within = 0;

	(void)id;
	if ((text = take_text(p, "a number or 'never'", &pos)) == NULL)
		return (-1);
	if (strcmp(text, "never") != 0) {
		if (value_number(text, strlen(text), 1, 1000000, &n, &why) ==
		    -1)
			return (bad_value(p, &pos, "give-up", text, why));
		if (p->tok.first || !token_is(&p->tok, "in")) {
			parser_unexpected(p,
			    "'in' and a duration are needed here, as in "
			    "give-up = 5 in 10m, not %s",
			    show_token(shown, &p->tok));
			return (-1);
		}
		parser_advance(p);
		if ((text = take_text(p, "a duration", &pos)) == NULL ||
		    to_duration(p, &pos, text, strlen(text), &within) == -1)
			return (-1);
	}
	s->give_up = (unsigned)n;
	s->give_up_within = within;
	return (0);
}

int
parse_umask(struct parser *p, struct block *b, enum key_id id)
{
	struct config_pos pos;
	const char *text;
	int mask = 0;
	size_t i;

	if ((text = take_text(p, "an octal number", &pos)) == NULL)
		return (-1);
	for (i = 0; text[i] >= '0' && text[i] <= '7' && mask <= 0777; i++)
		mask = mask * 8 + (text[i] - '0');
	if (i == 0 || text[i] != '\0' || mask > 0777)
		return (bad_value(
		    p, &pos, "umask", text, "it is octal, from 000 to 777"));
	*(int *)key_target(b, id) = mask;
	return (0);
}

int
parse_signal(struct parser *p, struct block *b, enum key_id id)
{
	const char *names[32], *text, *bare, *near;
	char shown[SHOWN];
	struct config_pos pos;
	int signo;

	if ((text = take_text(p, "a signal", &pos)) == NULL)
		return (-1);
	if ((signo = value_signal(text)) == -1) {
		bare = strncmp(text, "SIG", 3) == 0 ? text + 3 : text;
		near =
		    suggest(bare, strlen(bare), names, signal_names(names, 32));
		parser_error(p, &pos,
		    "%s is no signal that ends a process%s%s"
		    "%s",
		    show_text(shown, text, strlen(text)),
		    near != NULL ? ": did you mean '" : "",
		    near != NULL ? near : "", near != NULL ? "'?" : "");
		return (-1);
	}
	*(int *)key_target(b, id) = signo;
	return (0);
}

int
parse_limit(struct parser *p, struct block *b, enum key_id id)
{
	enum limit_id limit = (enum limit_id)(id - KEY_LIMIT_CPU);
	struct config_pos pos;
	const char *text, *why;

	if ((text = take_text(p, "a limit, as in \"> 10\"", &pos)) == NULL)
		return (-1);
	if (b->check->limits == NULL &&
	    (b->check->limits = parser_alloc(
		 p, LIMITS * sizeof(*b->check->limits))) == NULL)
		return (-1);
	if (limit_parse(limit, text, &b->check->limits[limit], &why) == -1)
		return (bad_value(p, &pos, "limit", text, why));
	return (0);
}
