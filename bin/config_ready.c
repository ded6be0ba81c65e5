/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * When is a service ready?  The value of that key, and what it needs besides:
 * checks are known only when the service's block is complete.
 */
#include "config.h"

#include <string.h>

#include "config_parse.h"

/* fd N */
static int
parse_fd(struct parser *p, struct service_conf *s)
{
	struct config_pos pos;
	char shown[SHOWN];
	const char *text, *why;
	uint64_t n;

	if (p->tok.first || p->tok.kind != TOKEN_WORD) {
		parser_unexpected(p,
		    "a descriptor's number is needed here, as in "
		    "ready = fd 3, not %s",
		    show_token(shown, &p->tok));
		return (-1);
	}
	if ((text = take_text(p, "a number", &pos)) == NULL)
		return (-1);
	if (value_number(text, strlen(text), 3, CONFIG_FD_MAX, &n, &why) ==
	    -1) {
		parser_error(p, &pos,
		    "%s cannot be the descriptor: it is a number from 3 to %d",
		    show_text(shown, text, strlen(text)), CONFIG_FD_MAX);
		return (-1);
	}
	s->ready_fd = (int)n;
	return (0);
}

int
parse_ready(struct parser *p, struct block *b, enum key_id id)
{
	static const struct {
		const char *name;
		enum ready_kind kind;
	} words[] = {
	    {"at-once", READY_AT_ONCE},
	    {"notify", READY_NOTIFY},
	    {"fd", READY_FD},
	    {"pidfile", READY_PIDFILE},
	};
	struct service_conf *s = &b->build->conf;
	struct config_pos pos;
	const char *text;

	(void)id;
	if ((text = take_text(p, "a check, 'notify' or a duration", &pos)) ==
	    NULL)
		return (-1);
	b->build->ready.pos = pos;
	b->build->ready.name = NULL;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(text, words[i].name) == 0) {
			s->ready = words[i].kind;
			return (s->ready == READY_FD ? parse_fd(p, s) : 0);
		}
	}
	s->ready = READY_DEFAULT;
	b->build->ready.name = text;
	return (0);
}

/* A check, or else a duration. */
static void
resolve(struct parser *p, struct build *b)
{
	struct service_conf *s = &b->conf;
	const char *name = b->ready.name, *why;
	char shown[SHOWN];

	for (size_t i = 0; i < s->nchecks; i++) {
		if (strcmp(s->checks[i].name, name) == 0) {
			s->ready = READY_CHECK;
			s->ready_check = i;
			return;
		}
	}
	if (value_duration(name, strlen(name), &s->ready_delay, &why) == 0 &&
	    s->ready_delay > 0) {
		s->ready = READY_DELAY;
		return;
	}
	if (!b->checks_bad)
		parser_error(p, &b->ready.pos,
		    "ready cannot be %s: it is a check of service '%s', "
		    "'notify', 'fd N', 'pidfile', 'at-once', or a duration "
		    "above 0",
		    show_text(shown, name, strlen(name)), s->name);
}

void
check_ready(struct parser *p, struct block *b)
{
	struct build *build = b->build;
	struct service_conf *s = &build->conf;

	if (build->ready.name != NULL) {
		resolve(p, build);
		return;
	}
	if (build->bad[KEY_TYPE] || build->bad[KEY_READY])
		return;
	if (s->ready == READY_PIDFILE && s->pidfile == NULL &&
	    !build->bad[KEY_PIDFILE] && !b->meant[KEY_PIDFILE])
		parser_error(p, &build->ready.pos,
		    "ready = pidfile needs a 'pidfile' in service '%s'",
		    s->name);
	/* To be found by its pidfile is all that is asked for then. */
	if (s->ready == READY_PIDFILE && s->type == SERVICE_DETACHED)
		s->ready = READY_DEFAULT;
	if (s->ready == READY_NOTIFY && s->type == SERVICE_DETACHED)
		parser_error(p, &build->ready.pos,
		    "ready = notify is for services with type = child");
}
