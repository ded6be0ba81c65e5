/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * For the tests of the configuration: what is printed of one, and whether two
 * are the same.  Included after config_fixture.h.
 */
#ifndef TESTS_CONFIG_SAME_H
#define TESTS_CONFIG_SAME_H

#include "../bin/wire_options.h"
#include "config_fixture.h"

static inline char *
print(const struct config *c)
{
	/* Not on the stack: gcc 12 believes that it points to itself. */
	static char *text;
	static size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	assert_int_equal(config_print(c, f), 0);
	fclose(f);
	return (text);
}

/* A condition as it is printed. */
static inline void
assert_when(const struct service_conf *s, const char *want)
{
	struct service_conf one = *s;
	struct config c = {.services = &one, .nservices = 1};
	char *text = print(&c), *at = strstr(text, "restart-when = ");

	assert_non_null(at);
	at += strlen("restart-when = ");
	at[strcspn(at, "\n")] = '\0';
	assert_string_equal(at, want);
	free(text);
}

static inline void
assert_argv(const struct command *c, const char *const *want)
{
	size_t i;

	assert_non_null(c->argv);
	for (i = 0; want[i] != NULL; i++)
		assert_string_equal(c->argv[i], want[i]);
	assert_null(c->argv[i]);
}

static inline void
assert_text(const char *got, const char *want)
{
	if (want == NULL)
		assert_null(got);
	else
		assert_string_equal(got, want);
}

static inline void
assert_same_list(char *const *a, char *const *b)
{
	assert_int_equal(a == NULL, b == NULL);
	for (; a != NULL && *a != NULL; a++, b++)
		assert_text(*b, *a);
	if (a != NULL)
		assert_null(*b);
}

static inline void
assert_same_web(const struct web_conf *a, const struct web_conf *b)
{
	assert_text(a->url, b->url);
	assert_text(a->method, b->method);
	assert_same_list(a->headers, b->headers);
	assert_int_equal(a->nstatus, b->nstatus);
	for (size_t i = 0; i < a->nstatus; i++)
		assert_memory_equal(
		    &a->status[i], &b->status[i], sizeof(a->status[i]));
	assert_text(a->auth_file, b->auth_file);
	assert_text(a->ca_file, b->ca_file);
	assert_text(a->server_name, b->server_name);
	assert_int_equal(a->expires_within, b->expires_within);
	assert_int_equal(a->redirects, b->redirects);
	assert_int_equal(a->verify, b->verify);
}

static inline void
assert_same_check(const struct check_conf *a, const struct check_conf *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_string_equal(a->name, b->name);
	assert_text(a->host, b->host);
	assert_text(a->port, b->port);
	assert_text(a->source, b->source);
	assert_text(a->path, b->path);
	assert_int_equal(a->exists, b->exists);
	assert_int_equal(a->owned, b->owned);
	assert_int_equal(a->limits == NULL, b->limits == NULL);
	for (size_t i = 0; a->limits != NULL && i < LIMITS; i++) {
		assert_int_equal(a->limits[i].op, b->limits[i].op);
		assert_int_equal(a->limits[i].share, b->limits[i].share);
		assert_int_equal(a->limits[i].value, b->limits[i].value);
		assert_int_equal(a->limits[i].hold, b->limits[i].hold);
	}
	assert_int_equal(a->send == NULL, b->send == NULL);
	assert_int_equal(a->send_len, b->send_len);
	if (a->send != NULL)
		assert_memory_equal(a->send, b->send, a->send_len);
	assert_text(a->expect, b->expect);
	assert_int_equal(a->tls, b->tls);
	assert_int_equal(a->web == NULL, b->web == NULL);
	if (a->web != NULL)
		assert_same_web(a->web, b->web);
	assert_same_list(a->command.argv, b->command.argv);
	assert_text(a->user, b->user);
	assert_int_equal(a->interval, b->interval);
	assert_int_equal(a->timeout, b->timeout);
	assert_int_equal(a->fall, b->fall);
	assert_int_equal(a->rise, b->rise);
}

static inline void
assert_same_services(const struct service_refs *a, const struct service_refs *b)
{
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++) {
		assert_string_equal(a->refs[i].name, b->refs[i].name);
		assert_int_equal(a->refs[i].index, b->refs[i].index);
	}
}

static inline void
assert_same_ends(const struct end_set *a, const struct end_set *b)
{
	assert_memory_equal(a->codes, b->codes, sizeof(a->codes));
	assert_int_equal(a->signals, b->signals);
}

static inline void
assert_same_service(const struct service_conf *a, const struct service_conf *b)
{
	assert_string_equal(a->name, b->name);
	assert_int_equal(a->type, b->type);
	assert_text(a->match, b->match);
	assert_text(a->match_user, b->match_user);
	assert_text(a->pidfile, b->pidfile);
	assert_int_equal(a->count_min, b->count_min);
	assert_int_equal(a->count_max, b->count_max);
	assert_int_equal(a->count_set, b->count_set);
	assert_same_list(a->start.argv, b->start.argv);
	assert_same_list(a->stop.argv, b->stop.argv);
	assert_same_list(a->before_start.argv, b->before_start.argv);
	assert_same_list(a->after_start.argv, b->after_start.argv);
	assert_same_list(a->after_stop.argv, b->after_stop.argv);
	assert_int_equal(a->interval, b->interval);
	assert_int_equal(a->start_timeout, b->start_timeout);
	assert_int_equal(a->stop_timeout, b->stop_timeout);
	assert_int_equal(a->hook_timeout, b->hook_timeout);
	assert_int_equal(a->backoff_min, b->backoff_min);
	assert_int_equal(a->backoff_max, b->backoff_max);
	assert_int_equal(a->stable, b->stable);
	assert_int_equal(a->give_up, b->give_up);
	assert_int_equal(a->give_up_within, b->give_up_within);
	assert_int_equal(a->hold, b->hold);
	assert_same_services(&a->requires, &b->requires);
	assert_same_services(&a->after, &b->after);
	assert_int_equal(a->restart_when.len, b->restart_when.len);
	assert_memory_equal(a->restart_when.items, b->restart_when.items,
	    a->restart_when.len * sizeof(struct cond_item));
	assert_int_equal(a->warn_when.len, b->warn_when.len);
	assert_memory_equal(a->warn_when.items, b->warn_when.items,
	    a->warn_when.len * sizeof(struct cond_item));
	assert_int_equal(a->up_when.len, b->up_when.len);
	assert_memory_equal(a->up_when.items, b->up_when.items,
	    a->up_when.len * sizeof(struct cond_item));
	assert_int_equal(a->ready, b->ready);
	assert_int_equal(a->ready_check, b->ready_check);
	assert_int_equal(a->ready_delay, b->ready_delay);
	assert_int_equal(a->restart, b->restart);
	assert_same_ends(&a->success_exit, &b->success_exit);
	assert_same_ends(&a->restart_on, &b->restart_on);
	assert_same_ends(&a->no_restart_on, &b->no_restart_on);
	assert_int_equal(a->start_timeout_fails, b->start_timeout_fails);
	assert_int_equal(a->critical, b->critical);
	assert_int_equal(a->on_exit, b->on_exit);
	assert_int_equal(a->nstop_steps, b->nstop_steps);
	for (unsigned i = 0; i < a->nstop_steps; i++) {
		assert_int_equal(
		    a->stop_steps[i].signo, b->stop_steps[i].signo);
		assert_int_equal(a->stop_steps[i].wait, b->stop_steps[i].wait);
	}
	assert_int_equal(a->kill_scope, b->kill_scope);
	assert_text(a->user, b->user);
	assert_text(a->group, b->group);
	assert_text(a->cwd, b->cwd);
	assert_same_list(a->env, b->env);
	assert_int_equal(a->umask, b->umask);
	assert_text(a->log, b->log);
	assert_same_list(a->groups, b->groups);
	assert_int_equal(a->nlimits, b->nlimits);
	for (size_t i = 0; i < a->nlimits; i++)
		assert_memory_equal(&a->limits[i].limit, &b->limits[i].limit,
		    sizeof(a->limits[i].limit));
	assert_int_equal(a->nice, b->nice);
	assert_int_equal(a->oom_score, b->oom_score);
	assert_int_equal(a->no_new_privileges, b->no_new_privileges);
	assert_int_equal(a->clean_env, b->clean_env);
	assert_text(a->env_file, b->env_file);
	assert_text(a->in, b->in);
	assert_text(a->out, b->out);
	assert_text(a->err, b->err);
	assert_text(a->hook_user, b->hook_user);
	assert_same_list(a->socket_texts, b->socket_texts);
	assert_int_equal(a->ready_fd, b->ready_fd);
	assert_int_equal(a->nchecks, b->nchecks);
	for (size_t i = 0; i < a->nchecks; i++)
		assert_same_check(&a->checks[i], &b->checks[i]);
}

/* Printed, read again and printed: the same text, the same values. */
static inline void
assert_round(const struct config *c)
{
	char *first = print(c), *second;
	struct config *again = parse_ok(first);

	second = print(again);
	assert_string_equal(first, second);
	assert_text(again->runtime_dir, c->runtime_dir);
	assert_text(again->log, c->log);
	assert_text(again->prober_user, c->prober_user);
	assert_int_equal(again->nalerts, c->nalerts);
	for (size_t i = 0; i < c->nalerts; i++) {
		const struct alert_conf *x = &c->alerts[i];
		const struct alert_conf *y = &again->alerts[i];

		assert_same_list(x->exec.argv, y->exec.argv);
		assert_same_list(x->mail, y->mail);
		assert_same_list(x->services, y->services);
		assert_text(x->from, y->from);
		assert_text(x->sendmail, y->sendmail);
		assert_int_equal(x->on, y->on);
		assert_int_equal(x->every, y->every);
		assert_int_equal(x->timeout, y->timeout);
	}
	assert_int_equal(again->nservices, c->nservices);
	for (size_t i = 0; i < c->nservices; i++)
		assert_same_service(&c->services[i], &again->services[i]);
	config_free(again);
	free(first);
	free(second);
}

#endif
