/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Services that name other services: requires and after.  The names are looked
 * up when all files are read, and what they make must have no cycle.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_parse.h"
#include "order.h"

static int
add_ref(struct parser *p, struct service_refs *refs)
{
	struct config_pos pos;
	struct service_ref *all;
	char *name = take_text(p, "the name of a service", &pos);

	if (name == NULL)
		return (-1);
	for (size_t i = 0; i < refs->n; i++)
		if (strcmp(refs->refs[i].name, name) == 0) {
			char shown[SHOWN];

			parser_error(p, &pos, "%s stands twice in this list",
			    show_text(shown, name, strlen(name)));
			return (-1);
		}
	if (refs->n == CONFIG_LIST_MAX) {
		parser_error(p, &pos, "this list has more than %u members",
		    CONFIG_LIST_MAX);
		return (-1);
	}
	all = config_more(p, refs->refs, refs->n, sizeof(*all));
	if (all == NULL)
		return (-1);
	refs->refs = all;
	all[refs->n++] = (struct service_ref) {.name = name, .pos = pos};
	return (0);
}

/* a, b, on one line; or as a list, {a, b} */
int
parse_services(struct parser *p, struct block *b, enum key_id id)
{
	struct service_refs refs = {.refs = NULL};
	struct config_pos open = parser_pos(p, &p->tok);
	bool braces = (p->tok.kind == TOKEN_OPEN);
	char shown[SHOWN];

	if (braces)
		parser_advance(p);
	while (!braces || p->tok.kind != TOKEN_CLOSE) {
		if (braces && p->tok.first && at_statement(p)) {
			parser_error(p, &open,
			    "this list is not closed: its '}' is missing");
			return (-1);
		}
		if (add_ref(p, &refs) == -1) {
			if (braces)
				skip_rest_of_list(p);
			return (-1);
		}
		if (p->tok.kind == TOKEN_COMMA && (braces || !p->tok.first)) {
			parser_advance(p);
			continue;
		}
		if (!braces)
			break;
		if (p->tok.kind != TOKEN_CLOSE) {
			parser_unexpected(p,
			    "',' or '}' is needed here, not %s",
			    show_token(shown, &p->tok));
			skip_rest_of_list(p);
			return (-1);
		}
	}
	if (braces)
		parser_advance(p);
	*(struct service_refs *)key_target(b, id) = refs;
	return (0);
}

/* All services by their names. */
struct index {
	struct parser *p;
	const struct service_conf **sorted;
	size_t n;
	struct order_arc *arcs;
	const struct config_pos **where; /* of each arc */
	size_t narcs;
};

static int
by_name(const void *a, const void *b)
{
	const struct service_conf *const *x = a, *const *y = b;

	return (strcmp((*x)->name, (*y)->name));
}

static const struct service_conf *
find(const struct index *ix, char *name)
{
	struct service_conf key = {.name = name};
	const struct service_conf *want = &key, **at;

	at = bsearch(&want, ix->sorted, ix->n, sizeof(want), by_name);
	return (at != NULL ? *at : NULL);
}

static void
unknown_service(struct index *ix, const struct service_ref *ref)
{
	const char *near = NULL, **names;
	char shown[SHOWN];

	/* One that could not be read may be the one that is meant. */
	if (ix->p->services_bad || ix->p->nerrors >= CONFIG_ERRORS_MAX)
		return;
	names = malloc(ix->n * sizeof(*names));
	if (names != NULL) {
		for (size_t i = 0; i < ix->n; i++)
			names[i] = ix->sorted[i]->name;
		near = suggest(ref->name, strlen(ref->name), names, ix->n);
	}
	parser_error(ix->p, &ref->pos, "there is no service %s%s%s%s",
	    show_text(shown, ref->name, strlen(ref->name)),
	    near != NULL ? ": did you mean '" : "", near != NULL ? near : "",
	    near != NULL ? "'?" : "");
	free(names);
}

static void
resolve(struct index *ix, const struct service_conf *s,
    struct service_refs *refs, bool requires)
{
	const struct config *c = ix->p->config;

	for (size_t i = 0; i < refs->n; i++) {
		struct service_ref *ref = &refs->refs[i];
		const struct service_conf *to = find(ix, ref->name);

		ix->p->file = ref->pos.file;
		if (to == NULL)
			unknown_service(ix, ref);
		else if (strcmp(to->name, s->name) == 0)
			parser_error(ix->p, &ref->pos,
			    "a service cannot %s itself",
			    requires ? "require" : "come after");
		else {
			ref->index = (uint32_t)(to - c->services);
			ix->where[ix->narcs] = &ref->pos;
			ix->arcs[ix->narcs++] = (struct order_arc) {
			    .from = (uint32_t)(s - c->services),
			    .to = ref->index,
			    .requires = requires,
			};
		}
	}
}

/* Where it was written; the graph has the arcs in another order. */
static const struct config_pos *
place_of(const struct index *ix, const struct order_arc *arc)
{
	for (size_t i = 0; i < ix->narcs; i++)
		if (memcmp(&ix->arcs[i], arc, sizeof(*arc)) == 0)
			return (ix->where[i]);
	return (ix->where[0]);
}

/* "a requires b (line 3), b comes after a (line 7)" */
static void
cycle(const struct order_arc *const *arcs, size_t n, void *arg)
{
	struct index *ix = arg;
	const struct service_conf *all = ix->p->config->services;
	const struct config_pos *first = ix->where[0];
	char text[400], place[PLACE];
	size_t used = 0, told = 0;

	if (ix->p->nerrors >= CONFIG_ERRORS_MAX) {
		ix->p->dropped++;
		return;
	}
	first = place_of(ix, arcs[0]);
	ix->p->file = first->file;
	for (; told < n && used < sizeof(text) / 2; told++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
		    "%s%.64s %s %.64s (%.100s)", told == 0 ? "" : ", ",
		    all[arcs[told]->from].name,
		    arcs[told]->requires ? "requires" : "comes after",
		    all[arcs[told]->to].name,
		    show_place(place, ix->p, place_of(ix, arcs[told])));
	if (told < n)
		snprintf(text + used, sizeof(text) - used,
		    " and so on, over %zu services", n);
	parser_error(ix->p, first, "services wait for each other: %s", text);
}

static int
check_cycles(struct index *ix)
{
	struct order o;
	int ret = order_init(&o, (uint32_t)ix->n, ix->arcs, ix->narcs);

	if (ret == -1 && errno == EDEADLK)
		ret = order_cycles(&o, cycle, ix);
	order_free(&o);
	return (ret);
}

static size_t
count_refs(const struct config *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->nservices; i++)
	n += c->services[i].requires.n + c->services[i].after.n;
	return (n);
}

void
check_order(struct parser *p)
{
	struct config *c = p->config;
	struct index ix = {.p = p, .n = c->nservices};
	size_t nrefs;

	for (size_t i = 0; i < c->nservices; i++) {
		instance_refs(p, &c->services[i].requires);
		instance_refs(p, &c->services[i].after);
	}
	nrefs = count_refs(c);
	if (nrefs == 0)
		return;
	ix.sorted = malloc(ix.n * sizeof(*ix.sorted));
	ix.arcs = calloc(nrefs, sizeof(*ix.arcs));
	ix.where = calloc(nrefs, sizeof(*ix.where));
	if (ix.sorted == NULL || ix.arcs == NULL || ix.where == NULL) {
		p->nomem = true;
	} else {
		for (size_t i = 0; i < ix.n; i++)
			ix.sorted[i] = &c->services[i];
		qsort(ix.sorted, ix.n, sizeof(*ix.sorted), by_name);
		for (size_t i = 0; i < ix.n; i++) {
			struct service_conf *s = &c->services[i];

			resolve(&ix, s, &s->requires, true);
			resolve(&ix, s, &s->after, false);
		}
		if (ix.narcs > 0 && check_cycles(&ix) == -1)
			p->nomem = true;
	}
	free(ix.sorted);
	free(ix.arcs);
	free(ix.where);
}
