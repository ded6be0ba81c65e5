/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The effective configuration in its own language: what was read, with every
 * default filled in.  Reading it again gives the same.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "config_parse.h"

/* '...' shows a regular expression as it was written. */
static bool
is_plain(const char *s, size_t len)
{
	for (size_t i = 0, n; i < len; i += n)
		if ((n = text_printable(s + i, len - i)) == 0 || s[i] == '\'')
			return (false);
	return (true);
}

static void
print_escape(FILE *f, unsigned char c)
{
	switch (c) {
	case '\n':
		fputs("\\n", f);
		break;
	case '\r':
		fputs("\\r", f);
		break;
	case '\t':
		fputs("\\t", f);
		break;
	default:
		fprintf(f, "\\x%02x", c);
		break;
	}
}

int
config_print_string(FILE *f, const char *s, size_t len)
{
	if (memchr(s, '\\', len) != NULL && is_plain(s, len)) {
		fputc('\'', f);
		fwrite(s, 1, len, f);
		return (fputc('\'', f) == EOF ? -1 : 0);
	}
	fputc('"', f);
	for (size_t i = 0; i < len;) {
		size_t n = text_printable(s + i, len - i);

		if (n == 0) {
			print_escape(f, (unsigned char)s[i++]);
			continue;
		}
		if (s[i] == '"' || s[i] == '\\')
			fputc('\\', f);
		fwrite(s + i, 1, n, f);
		i += n;
	}
	return (fputc('"', f) == EOF ? -1 : 0);
}

void
print_text(FILE *f, const char *key, const char *s)
{
	if (s == NULL)
		return;
	fprintf(f, "\t%s = ", key);
	config_print_string(f, s, strlen(s));
	fputc('\n', f);
}

void
print_list(FILE *f, const char *key, char *const *list)
{
	if (list == NULL)
		return;
	fprintf(f, "\t%s = {", key);
	for (size_t i = 0; list[i] != NULL; i++) {
		if (i > 0)
			fputs(", ", f);
		config_print_string(f, list[i], strlen(list[i]));
	}
	fputs("}\n", f);
}

void
print_command(FILE *f, const char *key, const struct command *c)
{
	char **argv = c->argv;

	if (argv != NULL && strcmp(argv[0], "/bin/sh") == 0 &&
	    argv[1] != NULL && strcmp(argv[1], "-c") == 0 && argv[2] != NULL &&
	    argv[3] == NULL)
		print_text(f, key, argv[2]);
	else
		print_list(f, key, argv);
}

static void
print_duration(FILE *f, const char *key, int64_t ns)
{
	char text[DURATION_TEXT];

	fprintf(f, "\t%s = %s\n", key, duration_text(text, ns));
}

static int
binding(uint8_t op)
{
	switch (op) {
	case COND_OR:
		return (0);
	case COND_AND:
		return (1);
	case COND_NOT:
		return (2);
	default:
		return (3);
	}
}

static void
print_atom(FILE *f, const struct cond_item *it, const struct service_conf *s)
{
	switch (it->op) {
	case COND_PROCESS:
		fputs("process", f);
		break;
	case COND_READY:
		fputs("ready", f);
		break;
	default:
		fprintf(f, "%s%s", s->checks[it->arg].name,
		    it->op == COND_FAILED ? ".failed" : "");
		break;
	}
}

/* Where the operand that ends before item `end` begins. */
static size_t
operand(const struct cond *c, size_t end)
{
	size_t need = 1, i = end;

	while (need > 0) {
		int b = binding(c->items[--i].op);

		if (b == 3)
			need--;
		else if (b < 2)
			need++;
	}
	return (i);
}

static void print_cond(FILE *f, const struct service_conf *s,
    const struct cond *c, size_t begin, size_t end, int outer);

/*
 * Chains of one operator grow to the left and can be long: they are gone
 * through in a loop.  All else is no deeper than COND_DEPTH.
 */
static void
print_chain(FILE *f, const struct service_conf *s, const struct cond *c,
    size_t begin, size_t end)
{
	uint8_t op = c->items[end - 1].op;
	uint16_t rights[CONFIG_COND_MAX / 2 + 1];
	size_t first = end, n = 0;

	while (c->items[first - 1].op == op) {
		first = operand(c, first - 1);
		rights[n++] = (uint16_t)first;
	}
	print_cond(f, s, c, begin, first, binding(op));
	while (n-- > 0) {
		fputs(op == COND_AND ? " and " : " or ", f);
		print_cond(f, s, c, rights[n],
		    (n == 0 ? end : rights[n - 1]) - 1, binding(op) + 1);
	}
}

/* The items from begin to end, postfix, as infix. */
static void
print_cond(FILE *f, const struct service_conf *s, const struct cond *c,
    size_t begin, size_t end, int outer)
{
	const struct cond_item *last = &c->items[end - 1];
	int mine = binding(last->op);

	if (mine < outer)
		fputc('(', f);
	if (mine == 3) {
		print_atom(f, last, s);
	} else if (last->op == COND_NOT) {
		fputs("not ", f);
		print_cond(f, s, c, begin, end - 1, mine);
	} else {
		print_chain(f, s, c, begin, end);
	}
	if (mine < outer)
		fputc(')', f);
}

static void
print_when(FILE *f, const char *key, const struct service_conf *s,
    const struct cond *c)
{
	if (c->len == 0)
		return;
	fprintf(f, "\t%s = ", key);
	print_cond(f, s, c, 0, c->len, 0);
	fputc('\n', f);
}

static void
print_check(FILE *f, const struct check_conf *c)
{
	char timeout[DURATION_TEXT], interval[DURATION_TEXT];

	fprintf(f, "\t%s %s {\n", check_kind_name(c->kind), c->name);
	check_types[c->kind].print(f, c);
	fprintf(f, "\t\ttimeout = %s\n", duration_text(timeout, c->timeout));
	if (c->kind != CHECK_HEARTBEAT)
		fprintf(f, "\t\tinterval = %s\n",
		    duration_text(interval, c->interval));
	fprintf(f, "\t\tfall = %u\n\t\trise = %u\n\t}\n", c->fall, c->rise);
}

static void
print_finding(FILE *f, const struct service_conf *s)
{
	fprintf(f, "\ttype = %s\n",
	    s->type == SERVICE_CHILD ? "child" : "detached");
	print_text(f, "match", s->match);
	print_text(f, "match-user", s->match_user);
	print_text(f, "pidfile", s->pidfile);
	if (!s->count_set)
		return;
	fprintf(f, "\tcount = %lu", (unsigned long)s->count_min);
	if (s->count_max == COUNT_MAX)
		fputs("..", f);
	else if (s->count_max != s->count_min)
		fprintf(f, "..%lu", (unsigned long)s->count_max);
	fputc('\n', f);
}

static void
print_times(FILE *f, const struct service_conf *s)
{
	char min[DURATION_TEXT], max[DURATION_TEXT];

	print_duration(f, "interval", s->interval);
	print_duration(f, "start-timeout", s->start_timeout);
	print_duration(f, "stop-timeout", s->stop_timeout);
	print_duration(f, "hook-timeout", s->hook_timeout);
	fprintf(f, "\tbackoff = %s..%s\n", duration_text(min, s->backoff_min),
	    duration_text(max, s->backoff_max));
	print_duration(f, "stable", s->stable);
	if (s->give_up == 0) {
		fputs("\tgive-up = never\n", f);
		return;
	}
	fprintf(f, "\tgive-up = %u in %s\n", s->give_up,
	    duration_text(min, s->give_up_within));
	if (s->hold == 0)
		fputs("\thold = never\n", f);
	else
		print_duration(f, "hold", s->hold);
}

static void
print_services(FILE *f, const char *key, const struct service_refs *refs)
{
	if (refs->n == 0)
		return;
	fprintf(f, "\t%s = ", key);
	for (size_t i = 0; i < refs->n; i++)
		fprintf(f, "%s%s", i == 0 ? "" : ", ", refs->refs[i].name);
	fputc('\n', f);
}

static void
print_decisions(FILE *f, const struct service_conf *s)
{
	print_services(f, "requires", &s->requires);
	print_services(f, "after", &s->after);
	print_when(f, "restart-when", s, &s->restart_when);
	print_when(f, "warn-when", s, &s->warn_when);
	print_when(f, "up-when", s, &s->up_when);
	if (s->ready == READY_AT_ONCE)
		fputs("\tready = at-once\n", f);
	else if (s->ready == READY_CHECK)
		fprintf(f, "\tready = %s\n", s->checks[s->ready_check].name);
	else if (s->ready == READY_DELAY)
		print_duration(f, "ready", s->ready_delay);
	else if (s->ready == READY_NOTIFY)
		fputs("\tready = notify\n", f);
	else if (s->ready == READY_FD)
		fprintf(f, "\tready = fd %d\n", s->ready_fd);
	else if (s->ready == READY_PIDFILE)
		fputs("\tready = pidfile\n", f);
	print_restart(f, s);
	fprintf(f, "\ton-exit = %s\n",
	    s->on_exit == ON_EXIT_STOP ? "stop" : "leave");
	print_stop(f, s);
}

static void
print_service(FILE *f, const struct service_conf *s)
{
	fprintf(f, "service %s {\n", s->name);
	print_finding(f, s);
	print_command(f, "start", &s->start);
	print_command(f, "stop", &s->stop);
	print_command(f, "before-start", &s->before_start);
	print_command(f, "after-start", &s->after_start);
	print_command(f, "after-stop", &s->after_stop);
	for (size_t i = 0; i < s->nchecks; i++)
		print_check(f, &s->checks[i]);
	print_decisions(f, s);
	print_times(f, s);
	print_text(f, "user", s->user);
	print_text(f, "group", s->group);
	print_text(f, "cwd", s->cwd);
	fprintf(f, "\tumask = %03o\n", (unsigned)s->umask);
	print_list(f, "env", s->env);
	if (s->log == NULL)
		fputs("\tlog = none\n", f);
	else
		print_text(f, "log", s->log);
	print_process(f, s);
	fputs("}\n", f);
}

static void
print_top(FILE *f, const char *key, const char *s)
{
	if (s == NULL)
		return;
	fprintf(f, "%s = ", key);
	config_print_string(f, s, strlen(s));
	fputc('\n', f);
}

int
config_print(const struct config *c, FILE *f)
{
	print_top(f, "runtime-dir", c->runtime_dir);
	print_top(f, "log", c->log);
	print_top(f, "prober-user", c->prober_user);
	for (size_t i = 0; i < c->nalerts; i++)
		print_alert(f, &c->alerts[i]);
	for (size_t i = 0; i < c->nservices; i++) {
		if (i > 0 || c->nalerts > 0 || c->runtime_dir != NULL ||
		    c->log != NULL || c->prober_user != NULL)
			fputc('\n', f);
		print_service(f, &c->services[i]);
	}
	return (fflush(f) == EOF || ferror(f) ? -1 : 0);
}
