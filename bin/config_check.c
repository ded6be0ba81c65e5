/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What can only be judged when a block is complete: defaults that depend on
 * other keys, keys that need or exclude each other, names.
 */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_parse.h"

#define MS INT64_C(1000000)
#define SEC INT64_C(1000000000)

static char root_dir[] = "/", null_device[] = "/dev/null";

void
build_init(struct build *b)
{
	struct service_conf *s = &b->conf;

	memset(b, 0, sizeof(*b));
	s->type = SERVICE_CHILD;
	s->count_min = 1;
	s->count_max = COUNT_MAX;
	s->interval = 10 * SEC;
	s->start_timeout = 30 * SEC;
	s->stop_timeout = 10 * SEC;
	s->hook_timeout = 30 * SEC;
	s->backoff_min = 100 * MS;
	s->backoff_max = 30 * SEC;
	s->stable = 60 * SEC;
	s->stop_signal = SIGTERM;
	s->cwd = root_dir;
	s->umask = 022;
	s->nice = s->oom_score = PROCESS_UNSET;
	s->in = null_device;
}

/* Words that mean something else where a check's name can stand. */
static const char *
reserved(const char *name)
{
	static const char *const words[] = {
	    "process", "ready", "not", "and", "or", "failed"};
	static const char *const ready[] = {
	    "at-once", "notify", "fd", "pidfile"};
	size_t len = strlen(name);
	const char *why;
	int64_t ns;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(name, words[i]) == 0)
			return ("it has a meaning of its own in conditions");
	for (size_t i = 0; i < sizeof(ready) / sizeof(ready[0]); i++)
		if (strcmp(name, ready[i]) == 0)
			return ("it has a meaning of its own for 'ready'");
	if (len > 7 && strcmp(name + len - 7, ".failed") == 0)
		return ("'.failed' has a meaning of its own in conditions");
	if (value_duration(name, len, &ns, &why) == 0)
		return ("it could be taken for a duration");
	return (NULL);
}

int
check_name(struct parser *p, const struct block *service, const char *name,
    const struct config_pos *pos)
{
	const struct service_conf *s = &service->build->conf;
	const char *why = reserved(name);
	char place[PLACE];

	if (why != NULL) {
		parser_error(p, pos, "'%s' cannot be the name of a check: %s",
		    name, why);
		return (-1);
	}
	for (size_t i = 0; i < s->nchecks; i++) {
		if (strcmp(s->checks[i].name, name) != 0)
			continue;
		parser_error(p, pos, "check '%s' is already defined in %s",
		    name, show_place(place, p, &s->checks[i].pos));
		return (-1);
	}
	return (0);
}

void
check_check(struct parser *p, struct block *b, struct block *service)
{
	struct service_conf *s = &service->build->conf;
	struct check_conf *c = b->check, *checks;

	check_types[c->kind].complete(p, b);
	check_web(p, b);
	/* A limit has its own "for"; a heart that stops once has stopped. */
	if (b->seen[KEY_FALL].line == 0)
		c->fall =
		    (c->kind == CHECK_PROCESS || c->kind == CHECK_HEARTBEAT) ?
		    1 :
		    3;
	if (b->seen[KEY_RISE].line == 0)
		c->rise = 1;
	if (b->bad[KEY_TIMEOUT] || b->bad[KEY_CHECK_INTERVAL])
		c->timeout = 1; /* not to be judged again */
	if (c->name == NULL)
		return;
	if (s->nchecks == CONFIG_CHECKS_MAX) {
		parser_error(p, &b->open, "a service has at most %u checks",
		    CONFIG_CHECKS_MAX);
		service->build->checks_bad = true;
		return;
	}
	checks = config_more(p, s->checks, s->nchecks, sizeof(*checks));
	if (checks == NULL)
		return;
	s->checks = checks;
	checks[s->nchecks++] = *c;
}

/* How its processes are found: keys of detached services only. */
static void
check_finding(struct parser *p, const struct block *b)
{
	static const enum key_id keys[] = {
	    KEY_MATCH, KEY_PIDFILE, KEY_COUNT, KEY_MATCH_USER};
	const struct config_pos *match = &b->seen[KEY_MATCH];
	const struct config_pos *pidfile = &b->seen[KEY_PIDFILE];

	if (b->build->bad[KEY_TYPE] || b->meant[KEY_TYPE])
		return;
	if (b->build->conf.type == SERVICE_CHILD) {
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
			if (b->seen[keys[i]].line != 0 &&
			    !(keys[i] == KEY_PIDFILE &&
				b->build->conf.ready == READY_PIDFILE))
				parser_error(p, &b->seen[keys[i]],
				    "'%s' is for services with "
				    "type = detached",
				    config_keys[keys[i]].name);
		return;
	}
	if (is_missing(b, KEY_MATCH) && is_missing(b, KEY_PIDFILE))
		parser_error(p, &b->open,
		    "a detached service needs 'match' (a pattern over the "
		    "command line) or 'pidfile', so that its process can be "
		    "found");
	else if (match->line != 0 && pidfile->line != 0)
		parser_error(p, match->line > pidfile->line ? match : pidfile,
		    "a service has either 'match' or 'pidfile', not both");
	else if (is_missing(b, KEY_MATCH) && b->seen[KEY_COUNT].line != 0)
		parser_error(p, &b->seen[KEY_COUNT],
		    "'count' counts what 'match' finds: a pidfile names one "
		    "process");
	else if (is_missing(b, KEY_MATCH) && b->seen[KEY_MATCH_USER].line != 0)
		parser_error(p, &b->seen[KEY_MATCH_USER],
		    "'match-user' is for what 'match' finds");
}

static void
check_times(struct parser *p, const struct block *b)
{
	struct service_conf *s = &b->build->conf;
	char timeout[DURATION_TEXT], interval[DURATION_TEXT];

	for (size_t i = 0; i < s->nchecks; i++) {
		struct check_conf *c = &s->checks[i];

		if (c->interval == 0)
			c->interval = s->interval;
		if (c->timeout == 0)
			c->timeout =
			    c->interval < 5 * SEC ? c->interval : 5 * SEC;
		if (c->timeout > c->interval && !b->build->bad[KEY_INTERVAL])
			parser_error(p, &c->pos,
			    "check '%s' has a timeout (%s) longer than its "
			    "interval (%s)",
			    c->name, duration_text(timeout, c->timeout),
			    duration_text(interval, c->interval));
	}
	if (s->give_up == 0 && s->hold != 0) {
		if (b->seen[KEY_HOLD].line != 0 && !b->build->bad[KEY_GIVE_UP])
			parser_error(p, &b->seen[KEY_HOLD],
			    "'hold' has no effect without 'give-up'");
		s->hold = 0;
	}
}

/* What names other things of the block; and then the service is complete. */
static void
add_service(struct parser *p, struct block *b)
{
	struct build *build = b->build;
	struct service_conf *s = &build->conf, *all;
	struct config *c = p->config;

	check_ready(p, b);
	check_sockets(p, b);
	check_addresses(p, s);
	check_restart(s);
	check_stop(p, b);
	if (build->warn_when.nitems > 0)
		(void)cond_resolve(p, build, &build->warn_when, &s->warn_when);
	if (build->up_when.nitems > 0)
		(void)cond_resolve(p, build, &build->up_when, &s->up_when);
	if (build->when.nitems > 0)
		(void)cond_resolve(p, build, &build->when, &s->restart_when);
	else
		(void)cond_default(p, s);
	if (c->nservices == CONFIG_SERVICES_MAX) {
		parser_error(
		    p, &b->open, "more than %u services", CONFIG_SERVICES_MAX);
		return;
	}
	all = config_more(p, c->services, c->nservices, sizeof(*all));
	if (all == NULL)
		return;
	c->services = all;
	all[c->nservices++] = *s;
}

/* Errors that are those of the block are told once. */
static void
add_instances(struct parser *p, struct block *b)
{
	struct build *build = b->build;
	size_t errors = p->nerrors;

	for (unsigned i = 1; i <= build->conf.instances; i++) {
		struct build one = *build;

		b->build = &one;
		if (instance_make(p, &one.conf, i) == 0)
			add_service(p, b);
		b->build = build;
		if (p->nerrors > errors || p->nomem)
			break;
	}
}

void
check_service(struct parser *p, struct block *b)
{
	struct build *build = b->build;
	struct service_conf *s = &build->conf;

	if (is_missing(b, KEY_START))
		parser_error(p, &b->open,
		    "this service has no 'start', the command that starts it");
	if (!build->set[KEY_ON_EXIT])
		s->on_exit =
		    s->type == SERVICE_CHILD ? ON_EXIT_STOP : ON_EXIT_LEAVE;
	check_finding(p, b);
	check_process(p, b);
	check_times(p, b);
	if (b->name == NULL)
		return;
	if (s->instances > 0)
		add_instances(p, b);
	else
		add_service(p, b);
}

static int
by_name(const void *a, const void *b)
{
	const struct service_conf *const *x = a, *const *y = b;
	int rc = strcmp((*x)->name, (*y)->name);

	/* They lie in the order of reading. */
	return (rc != 0 ? rc : *x < *y ? -1 : 1);
}

void
check_names(struct parser *p)
{
	const struct config *c = p->config;
	const struct service_conf **sorted;
	size_t first = 0;
	char place[PLACE];

	if (c->nservices < 2)
		return;
	sorted = malloc(c->nservices * sizeof(*sorted));
	if (sorted == NULL) {
		p->nomem = true;
		return;
	}
	for (size_t i = 0; i < c->nservices; i++)
		sorted[i] = &c->services[i];
	qsort(sorted, c->nservices, sizeof(*sorted), by_name);
	for (size_t i = 1; i < c->nservices; i++) {
		if (strcmp(sorted[i]->name, sorted[first]->name) != 0) {
			first = i;
			continue;
		}
		p->file = sorted[i]->pos.file;
		parser_error(p, &sorted[i]->pos,
		    "service '%s' is already defined in %s", sorted[i]->name,
		    show_place(place, p, &sorted[first]->pos));
	}
	free(sorted);
}
