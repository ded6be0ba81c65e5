/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The kinds of checks: what is particular to each in the configuration.  A
 * new kind is a line in enum check_kind and one in the table at the end; its
 * keys are lines in config_key.c, the asking is in unit_check*.c.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "config_parse.h"
#include "wire.h"

bool
is_missing(const struct block *b, enum key_id id)
{
	return (b->seen[id].line == 0 && !b->meant[id]);
}

/* address, or host and port */
static void
complete_place(struct parser *p, const struct block *b)
{
	bool host = !is_missing(b, KEY_HOST), port = !is_missing(b, KEY_PORT);

	if (b->seen[KEY_ADDRESS].line != 0) {
		enum key_id other =
		    b->seen[KEY_HOST].line != 0 ? KEY_HOST : KEY_PORT;

		if (b->seen[other].line != 0)
			parser_error(p, &b->seen[other],
			    "'%s' is in the 'address' already",
			    config_keys[other].name);
	} else if (b->meant[KEY_ADDRESS]) {
		return;
	} else if (!host && !port) {
		parser_error(p, &b->open,
		    "this check needs an address, as in "
		    "address = 127.0.0.1:80");
	} else if (!host) {
		parser_error(p, &b->open, "this check needs a 'host'");
	} else if (!port) {
		parser_error(p, &b->open, "this check needs a 'port'");
	}
}

static void
complete_data(struct parser *p, const struct block *b)
{
	const struct check_conf *c = b->check;

	if (c->expect != NULL &&
	    c->send_len + strlen(c->expect) > WIRE_DATA_MAX)
		parser_error(p, &b->seen[KEY_EXPECT],
		    "'send' and 'expect' have together at most %u bytes",
		    WIRE_DATA_MAX);
}

static void
complete_tcp(struct parser *p, struct block *b)
{
	complete_place(p, b);
	complete_data(p, b);
	complete_tls(p, b);
}

/* Nothing is known of a port that nothing is sent to. */
static void
complete_udp(struct parser *p, struct block *b)
{
	complete_place(p, b);
	complete_data(p, b);
	if (is_missing(b, KEY_SEND))
		parser_error(p, &b->open,
		    "this check needs something to send, as in send = "
		    "\"PING\"");
}

static void
need_path(struct parser *p, const struct block *b, const char *example)
{
	if (is_missing(b, KEY_CHECK_PATH))
		parser_error(p, &b->open,
		    "this check needs a path, as in path = %s", example);
}

static void
complete_unix(struct parser *p, struct block *b)
{
	need_path(p, b, "/run/mysqld/mysqld.sock");
	complete_data(p, b);
}

static void
print_data(FILE *f, const struct check_conf *c)
{
	if (c->send != NULL) {
		fputs("\t\tsend = ", f);
		config_print_string(f, c->send, c->send_len);
		fputc('\n', f);
	}
	if (c->expect != NULL) {
		fputc('\t', f);
		print_text(f, "expect", c->expect);
	}
}

void
print_address(FILE *f, const struct check_conf *c)
{
	bool v6 = strchr(c->host, ':') != NULL;

	fprintf(f, "\t\taddress = %s%s%s:%s\n", v6 ? "[" : "", c->host,
	    v6 ? "]" : "", c->port);
}

static void
print_tcp(FILE *f, const struct check_conf *c)
{
	print_address(f, c);
	if (c->source != NULL)
		fprintf(f, "\t\tsource = %s\n", c->source);
	print_data(f, c);
	print_tls(f, c);
}

static void
print_unix(FILE *f, const struct check_conf *c)
{
	fputc('\t', f);
	print_text(f, "path", c->path);
	print_data(f, c);
}

static void
complete_listen(struct parser *p, struct block *b)
{
	/* A port alone is one of any address. */
	if (b->seen[KEY_ADDRESS].line != 0 || is_missing(b, KEY_PORT))
		complete_place(p, b);
}

/* At least one of the keys, or it asks nothing. */
static void
need_limit(struct parser *p, const struct block *b, enum key_id first,
    enum key_id last)
{
	for (enum key_id id = first; id <= last; id++)
		if (!is_missing(b, id))
			return;
	parser_error(p, &b->open, "this check needs a limit, as in %s = %s",
	    config_keys[first].name, config_keys[first].example);
}

static void
complete_process(struct parser *p, struct block *b)
{
	need_limit(p, b, KEY_LIMIT_CPU, KEY_LIMIT_COUNT);
}

/* Whoever looks at a file keeps no account of how long it has been so. */
static void
refuse_hold(struct parser *p, const struct block *b, enum key_id first,
    enum key_id last)
{
	for (enum key_id id = first; b->check->limits != NULL && id <= last;
	     id++)
		if (b->check->limits[id - KEY_LIMIT_CPU].hold > 0)
			parser_error(p, &b->seen[id],
			    "'for' has no meaning here: use 'fall'");
}

static void
complete_file(struct parser *p, struct block *b)
{
	need_path(p, b, "/var/spool/x");
	refuse_hold(p, b, KEY_LIMIT_AGE, KEY_LIMIT_SIZE);
	if (b->seen[KEY_EXISTS].line == 0 || b->bad[KEY_EXISTS])
		b->check->exists = true;
	if (!b->check->exists &&
	    (b->seen[KEY_LIMIT_AGE].line != 0 ||
		b->seen[KEY_LIMIT_SIZE].line != 0))
		parser_error(p, &b->seen[KEY_EXISTS],
		    "a file that should not exist has neither age nor size");
}

static void
complete_space(struct parser *p, struct block *b)
{
	need_path(p, b, "/var/spool/x");
	need_limit(p, b, KEY_LIMIT_FREE, KEY_LIMIT_INODES);
	refuse_hold(p, b, KEY_LIMIT_FREE, KEY_LIMIT_INODES);
}

static void
complete_exec(struct parser *p, struct block *b)
{
	if (is_missing(b, KEY_COMMAND))
		parser_error(p, &b->open,
		    "this check needs a command, as in "
		    "command = {\"/usr/lib/nagios/plugins/check_load\"}");
}

static void
print_limits(FILE *f, const struct check_conf *c)
{
	char text[LIMIT_TEXT];

	for (unsigned i = 0; c->limits != NULL && i < LIMITS; i++)
		if (c->limits[i].op != 0)
			fprintf(f, "\t\t%s = \"%s\"\n", limit_key(i),
			    limit_text(text, i, &c->limits[i]));
}

static void
print_listen(FILE *f, const struct check_conf *c)
{
	if (c->host != NULL)
		print_tcp(f, c);
	else
		fprintf(f, "\t\tport = %s\n", c->port);
	fprintf(f, "\t\towner = %s\n", c->owned ? "service" : "any");
	print_limits(f, c);
}

static void
print_user(FILE *f, const struct check_conf *c)
{
	if (c->user != NULL) {
		fputc('\t', f);
		print_text(f, "user", c->user);
	}
}

static void
print_path(FILE *f, const struct check_conf *c)
{
	fputc('\t', f);
	print_text(f, "path", c->path);
	if (c->kind == CHECK_FILE)
		fprintf(f, "\t\texists = %s\n", c->exists ? "yes" : "no");
	print_limits(f, c);
	print_user(f, c);
}

static void
print_exec(FILE *f, const struct check_conf *c)
{
	fputc('\t', f);
	print_command(f, "command", &c->command);
	print_user(f, c);
}

/* Asked without a pause: its timeout is all there is. */
static void
complete_heartbeat(struct parser *p, struct block *b)
{
	struct check_conf *c = b->check;

	if (is_missing(b, KEY_TIMEOUT))
		parser_error(p, &b->open,
		    "this check needs a timeout, as in timeout = 30s");
	c->interval = (c->timeout != 0) ? c->timeout : 1;
}

static void
print_heartbeat(FILE *f, const struct check_conf *c)
{
	(void)f;
	(void)c;
}

const struct check_type check_types[CHECK_KINDS] = {
    [CHECK_TCP] = {"tcp", complete_tcp, print_tcp},
    [CHECK_UNIX] = {"unix", complete_unix, print_unix},
    [CHECK_UDP] = {"udp", complete_udp, print_tcp},
    [CHECK_LISTEN] = {"listen", complete_listen, print_listen},
    [CHECK_PROCESS] = {"process", complete_process, print_limits},
    [CHECK_FILE] = {"file", complete_file, print_path},
    [CHECK_SPACE] = {"space", complete_space, print_path},
    [CHECK_EXEC] = {"exec", complete_exec, print_exec},
    [CHECK_HEARTBEAT] = {"heartbeat", complete_heartbeat, print_heartbeat},
    [CHECK_HTTP] = {"http", complete_http, print_http},
};

enum check_kind
check_kind_find(const struct token *tok)
{
	unsigned kind = 0;

	while (kind < CHECK_KINDS && !token_is(tok, check_types[kind].name))
		kind++;
	return ((enum check_kind)kind);
}

const char *
check_kind_name(enum check_kind kind)
{
	return (check_types[kind].name);
}
