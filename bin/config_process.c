/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What a service's process gets besides its command: groups, limits, standing
 * with the kernel, environment, standard streams.  Reading these keys, and
 * printing them again.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/resource.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config_parse.h"
#include "../compat/system.h"

static int
not_a_list(struct parser *p, const char *key, const char *example)
{
	char shown[SHOWN];

	parser_unexpected(p, "%s is a list, %s, not %s", key, example,
	    show_token(shown, &p->tok));
	return (-1);
}

int
parse_groups(struct parser *p, struct block *b, enum key_id id)
{
	struct config_pos pos = parser_pos(p, &p->tok);
	char **list;
	size_t n;

	if (p->tok.kind != TOKEN_OPEN)
		return (not_a_list(p, "groups", "{\"name\", ...}"));
	if ((list = take_list(p, "a group's name", &n)) == NULL)
		return (-1);
	for (size_t i = 0; i < n; i++)
		if (account_known(p, &pos, list[i], true) == -1)
			return (-1);
	*(char ***)key_target(b, id) = (n == 0) ? NULL : list;
	return (0);
}

/* A number, K, M, G or T behind it, or "unlimited". */
static int
to_limit(const char *s, size_t len, rlim_t *out, const char **why)
{
	uint64_t n;

	if (len == 9 && memcmp(s, "unlimited", 9) == 0) {
		*out = RLIM_INFINITY;
		return (0);
	}
	if (value_size(s, len, INT64_MAX, &n, why) == -1)
		return (-1);
	*out = (rlim_t)n;
	return (0);
}

/* name=number, or name=soft:hard */
static int
to_rlimit(const char *text, struct dw_spawn_rlimit *r, const char **why)
{
	const char *equals = strchr(text, '='), *value, *colon;
	char name[16];
	size_t len;

	*why = "it is NAME=NUMBER or NAME=SOFT:HARD";
	if (equals == NULL)
		return (-1);
	len = (size_t)(equals - text);
	*why = "there is no such limit here";
	if (len >= sizeof(name))
		return (-1);
	memcpy(name, text, len);
	name[len] = '\0';
	if ((r->resource = limit_find(name)) == -1)
		return (-1);
	value = equals + 1;
	colon = strchr(value, ':');
	len = (colon != NULL) ? (size_t)(colon - value) : strlen(value);
	if (to_limit(value, len, &r->limit.rlim_cur, why) == -1)
		return (-1);
	r->limit.rlim_max = r->limit.rlim_cur;
	if (colon != NULL &&
	    to_limit(colon + 1, strlen(colon + 1), &r->limit.rlim_max, why) ==
		-1)
		return (-1);
	if (r->limit.rlim_cur > r->limit.rlim_max) {
		*why = "the soft limit is above the hard one";
		return (-1);
	}
	return (0);
}

static void
bad_limit(struct parser *p, const struct config_pos *pos, const char *text,
    const char *why)
{
	const char *names[LIMITS_MAX], *near;
	size_t len = strcspn(text, "=");
	char shown[SHOWN];

	near = (why[0] == 't' && why[1] == 'h' && why[4] == 'e') ?
	    suggest(text, len, names, limit_names(names)) :
	    NULL;
	parser_error(p, pos, "bad limit %s: %s%s%s%s",
	    show_text(shown, text, strlen(text)), why,
	    near != NULL ? ", did you mean '" : "", near != NULL ? near : "",
	    near != NULL ? "'?" : "");
}

int
parse_limits(struct parser *p, struct block *b, enum key_id id)
{
	struct config_pos pos = parser_pos(p, &p->tok);
	struct service_conf *s = &b->build->conf;
	struct dw_spawn_rlimit *limits;
	const char *why;
	char **list;
	size_t n;

	(void)id;
	if (p->tok.kind != TOKEN_OPEN)
		return (not_a_list(p, "limits", "{\"nofile=4096\", ...}"));
	if ((list = take_list(p, "a limit", &n)) == NULL)
		return (-1);
	limits = parser_alloc(p, (n + 1) * sizeof(*limits));
	if (limits == NULL)
		return (-1);
	for (size_t i = 0; i < n; i++) {
		if (to_rlimit(list[i], &limits[i], &why) == -1) {
			bad_limit(p, &pos, list[i], why);
			return (-1);
		}
		for (size_t j = 0; j < i; j++) {
			if (limits[j].resource != limits[i].resource)
				continue;
			parser_error(p, &pos, "limits has %s twice",
			    limit_name(limits[i].resource));
			return (-1);
		}
	}
	s->limits = limits;
	s->nlimits = n;
	return (0);
}

/* A whole number, perhaps below 0. */
static int
take_signed(struct parser *p, enum key_id id, int least, int most, int *out)
{
	char shown[SHOWN];
	struct config_pos pos;
	const char *text, *digits, *why;
	uint64_t n;

	if ((text = take_text(p, "a number", &pos)) == NULL)
		return (-1);
	digits = (text[0] == '-') ? text + 1 : text;
	if (value_number(digits, strlen(digits), 0, 1000000, &n, &why) == 0) {
		*out = (digits != text) ? -(int)n : (int)n;
		if (*out >= least && *out <= most)
			return (0);
	}
	parser_error(p, &pos, "bad %s %s: it is a number from %d to %d",
	    config_keys[id].name, show_text(shown, text, strlen(text)), least,
	    most);
	return (-1);
}

int
parse_nice(struct parser *p, struct block *b, enum key_id id)
{
	return (take_signed(p, id, -20, 19, key_target(b, id)));
}

int
parse_oom_score(struct parser *p, struct block *b, enum key_id id)
{
	return (take_signed(p, id, -1000, 1000, key_target(b, id)));
}

int
parse_bool(struct parser *p, struct block *b, enum key_id id)
{
	static const char *const names[] = {"no", "yes"};
	int i = take_choice(p, config_keys[id].name, names, 2);

	if (i == -1)
		return (-1);
	*(bool *)key_target(b, id) = (i == 1);
	return (0);
}

/* A path; '-' in front: the file need not be there. */
int
parse_env_file(struct parser *p, struct block *b, enum key_id id)
{
	struct config_pos pos;
	char *text;

	if ((text = take_text(p, "a path", &pos)) == NULL ||
	    check_path(
		p, &pos, "env-file", (text[0] == '-') ? text + 1 : text) == -1)
		return (-1);
	*(char **)key_target(b, id) = text;
	return (0);
}

/* null, a path, and for output also the log. */
int
parse_stream(struct parser *p, struct block *b, enum key_id id)
{
	struct config_pos pos;
	char *text;

	if ((text = take_text(p,
		 (id == KEY_STDIN) ? "a path or 'null'" :
				     "a path, 'log' or 'null'",
		 &pos)) == NULL)
		return (-1);
	if (strcmp(text, "null") == 0)
		text = parser_strndup(p, "/dev/null", 9);
	else if (id != KEY_STDIN && strcmp(text, "log") == 0) {
		*(char **)key_target(b, id) = NULL;
		return (0);
	} else if (check_path(p, &pos, config_keys[id].name, text) == -1)
		return (-1);
	if (text == NULL)
		return (-1);
	*(char **)key_target(b, id) = text;
	return (0);
}

void
check_process(struct parser *p, const struct block *b)
{
	const struct service_conf *s = &b->build->conf;

	if (s->groups != NULL && s->user == NULL && !b->build->bad[KEY_USER] &&
	    !b->meant[KEY_USER])
		parser_error(p, &b->open,
		    "'groups' needs a 'user', whose groups they are added to");
	for (size_t i = 0; s->type != SERVICE_CHILD && i < s->nchecks; i++)
		if (s->checks[i].kind == CHECK_HEARTBEAT &&
		    !b->build->bad[KEY_TYPE])
			parser_error(p, &s->checks[i].pos,
			    "heartbeat is for services with type = child");
}

static void
print_limit(FILE *f, rlim_t n)
{
	if (n == RLIM_INFINITY)
		fputs("unlimited", f);
	else
		fprintf(f, "%ju", (uintmax_t)n);
}

static void
print_limits(FILE *f, const struct service_conf *s)
{
	if (s->nlimits == 0)
		return;
	fputs("\tlimits = {", f);
	for (size_t i = 0; i < s->nlimits; i++) {
		const struct dw_spawn_rlimit *r = &s->limits[i];

		fprintf(
		    f, "%s\"%s=", (i > 0) ? ", " : "", limit_name(r->resource));
		print_limit(f, r->limit.rlim_cur);
		fputc(':', f);
		print_limit(f, r->limit.rlim_max);
		fputc('"', f);
	}
	fputs("}\n", f);
}

static void
print_stream(FILE *f, const char *key, const char *path)
{
	if (path == NULL)
		fprintf(f, "\t%s = log\n", key);
	else if (strcmp(path, "/dev/null") == 0)
		fprintf(f, "\t%s = null\n", key);
	else
		print_text(f, key, path);
}

void
print_process(FILE *f, const struct service_conf *s)
{
	print_list(f, "groups", s->groups);
	print_limits(f, s);
	if (s->nice != PROCESS_UNSET)
		fprintf(f, "\tnice = %d\n", s->nice);
	if (s->oom_score != PROCESS_UNSET)
		fprintf(f, "\toom-score = %d\n", s->oom_score);
	fprintf(f, "\tno-new-privileges = %s\n",
	    s->no_new_privileges ? "yes" : "no");
	fprintf(f, "\tclean-env = %s\n", s->clean_env ? "yes" : "no");
	print_text(f, "env-file", s->env_file);
	print_stream(f, "stdin", s->in);
	print_stream(f, "stdout", s->out);
	print_stream(f, "stderr", s->err);
	print_text(f, "hook-user", s->hook_user);
	print_list(f, "sockets", s->socket_texts);
}
