/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Several services of one block: NAME@1, NAME@2 …, in whose texts %i is the
 * number.  Each is a service like any other then.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "config_parse.h"

int
parse_instances(struct parser *p, struct block *b, enum key_id id)
{
	struct config_pos pos;
	char shown[SHOWN];
	const char *text, *why;
	uint64_t n;

	if ((text = take_text(p, "a number", &pos)) == NULL)
		return (-1);
	if (value_number(
		text, strlen(text), 1, CONFIG_INSTANCES_MAX, &n, &why) == -1) {
		parser_error(p, &pos,
		    "bad instances %s: it is a number from "
		    "1 to %u",
		    show_text(shown, text, strlen(text)), CONFIG_INSTANCES_MAX);
		return (-1);
	}
	*(unsigned *)key_target(b, id) = (unsigned)n;
	return (0);
}

/* One expansion: where its memory comes from, and what %i is. */
struct expansion {
	struct parser *p;
	char number[16];
};

/* len bytes, that may hold NUL bytes; %i and %% only.  *len is the new one. */
static char *
expand_bytes(struct expansion *x, const char *s, size_t *len)
{
	size_t digits = strlen(x->number), room = *len, n = 0;
	char *out;

	for (size_t i = 0; i < *len; i++)
		if (s[i] == '%')
			room += digits;
	if ((out = parser_alloc(x->p, room + 1)) == NULL)
		return (NULL);
	for (size_t i = 0; i < *len; i++) {
		if (s[i] == '%' && i + 1 < *len && s[i + 1] == 'i') {
			memcpy(out + n, x->number, digits);
			n += digits;
			i++;
		} else {
			out[n++] = s[i];
			if (s[i] == '%' && i + 1 < *len && s[i + 1] == '%')
				i++;
		}
	}
	out[n] = '\0';
	*len = n;
	return (out);
}

static void
expand(struct expansion *x, char **text)
{
	size_t len;

	if (*text == NULL || strchr(*text, '%') == NULL)
		return;
	len = strlen(*text);
	*text = expand_bytes(x, *text, &len);
}

static void
expand_list(struct expansion *x, char ***list)
{
	char **copy;
	size_t n = 0;

	if (*list == NULL)
		return;
	while ((*list)[n] != NULL)
		n++;
	if ((copy = parser_alloc(x->p, (n + 1) * sizeof(*copy))) == NULL)
		return;
	memcpy(copy, *list, n * sizeof(*copy));
	for (size_t i = 0; i < n; i++)
		expand(x, &copy[i]);
	*list = copy;
}

static void
expand_refs(struct expansion *x, struct service_refs *refs)
{
	struct service_ref *copy;

	if (refs->n == 0)
		return;
	copy = NULL;
	for (size_t i = 0; i < refs->n; i++) {
		if ((copy = config_more(x->p, copy, i, sizeof(*copy))) == NULL)
			return;
		copy[i] = refs->refs[i];
		expand(x, &copy[i].name);
	}
	refs->refs = copy;
}

static void
expand_web(struct expansion *x, struct web_conf **web)
{
	struct web_conf *copy;

	if (*web == NULL || (copy = parser_alloc(x->p, sizeof(*copy))) == NULL)
		return;
	*copy = **web;
	expand(x, &copy->url);
	expand_list(x, &copy->headers);
	expand(x, &copy->auth_file);
	expand(x, &copy->ca_file);
	*web = copy;
}

static void
expand_checks(struct expansion *x, struct service_conf *s)
{
	struct check_conf *copy;

	if (s->nchecks == 0)
		return;
	copy = parser_alloc(x->p, s->nchecks * sizeof(*copy));
	if (copy == NULL)
		return;
	memcpy(copy, s->checks, s->nchecks * sizeof(*copy));
	for (size_t i = 0; i < s->nchecks; i++) {
		struct check_conf *c = &copy[i];

		expand(x, &c->host);
		expand(x, &c->port);
		expand(x, &c->source);
		expand(x, &c->path);
		expand(x, &c->expect);
		expand_list(x, &c->command.argv);
		expand_web(x, &c->web);
		if (c->send != NULL)
			c->send = expand_bytes(x, c->send, &c->send_len);
	}
	s->checks = copy;
}

static void
expand_service(struct expansion *x, struct service_conf *s)
{
	char **const texts[] = {&s->match, &s->pidfile, &s->cwd, &s->log,
	    &s->env_file, &s->in, &s->out, &s->err};
	char ***const lists[] = {&s->start.argv, &s->stop.argv,
	    &s->before_start.argv, &s->after_start.argv, &s->after_stop.argv,
	    &s->env, &s->socket_texts};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		expand(x, texts[i]);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		expand_list(x, lists[i]);
	expand_refs(x, &s->requires);
	expand_refs(x, &s->after);
	expand_checks(x, s);
}

int
instance_make(struct parser *p, struct service_conf *s, unsigned i)
{
	struct expansion x = {.p = p};
	char name[CONFIG_NAME_MAX + 16];
	int n;

	snprintf(x.number, sizeof(x.number), "%u", i);
	n = snprintf(name, sizeof(name), "%s@%u", s->name, i);
	if (n < 0 || (size_t)n > CONFIG_NAME_MAX) {
		parser_error(p, &s->pos,
		    "'%s' is too long a name for a service with %u instances",
		    s->name, s->instances);
		return (-1);
	}
	s->instance_of = s->name;
	s->instance = i;
	s->name = parser_strndup(p, name, (size_t)n);
	expand_service(&x, s);
	return (p->nomem ? -1 : 0);
}

/* NAME in a list of services stands for all its instances. */
void
instance_refs(struct parser *p, struct service_refs *refs)
{
	const struct config *c = p->config;
	struct service_refs all = {.refs = NULL};
	bool found = false;

	for (size_t i = 0; i < refs->n; i++) {
		const struct service_ref *ref = &refs->refs[i];
		size_t before = all.n;

		for (size_t j = 0; j <= c->nservices; j++) {
			struct service_ref *more;
			const struct service_conf *s =
			    (j < c->nservices) ? &c->services[j] : NULL;

			/* Last: itself, if it is no name of instances. */
			if (s == NULL ? all.n > before :
					s->instance_of == NULL ||
				    strcmp(s->instance_of, ref->name) != 0)
				continue;
			more = config_more(p, all.refs, all.n, sizeof(*more));
			if (more == NULL)
				return;
			all.refs = more;
			more[all.n] = *ref;
			if (s != NULL)
				more[all.n].name = s->name;
			found = found || s != NULL;
			all.n++;
		}
	}
	if (found)
		*refs = all;
}
