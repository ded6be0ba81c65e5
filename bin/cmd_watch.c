/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * daemonwatch watch: one service in the foreground, without a file.  The
 * options are written down as a configuration, one a line, and read as any
 * other, so that both mean the same.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "cmd.h"
#include "supervisor.h"

enum kind {
	PLAIN,	/* a word, number, duration … of the language */
	QUOTED, /* text of any kind */
	CHECK	/* HOST:PORT of a tcp check */
};

static const struct {
	const char *option;
	const char *key;
	enum kind kind;
} keys[] = {
    {"match", "match", QUOTED},
    {"pidfile", "pidfile", QUOTED},
    {"count", "count", PLAIN},
    {"tcp", "tcp", CHECK},
    {"start", "start", QUOTED},
    {"stop", "stop", QUOTED},
    {"before-start", "before-start", QUOTED},
    {"after-stop", "after-stop", QUOTED},
    {"every", "interval", PLAIN},
    {"restart-when", "restart-when", PLAIN},
    {"start-timeout", "start-timeout", PLAIN},
    {"stop-timeout", "stop-timeout", PLAIN},
    {"backoff", "backoff", PLAIN},
    {"on-exit", "on-exit", PLAIN},
    {"user", "user", QUOTED},
    {"cwd", "cwd", QUOTED},
    {"log", "log", QUOTED},
};
#define NKEYS (sizeof(keys) / sizeof(keys[0]))

struct watch {
	FILE *text;
	char *buf;
	size_t len;
	/* Which option stands in which line of the text. */
	const char **lines;
	unsigned nlines;
	const char *name;
	const char *timeout; /* of the tcp checks that follow */
	unsigned checks;
	bool detached;
	bool verbose;
	bool bad;
};

static void
usage(FILE *f)
{
	fprintf(f,
	    "usage: daemonwatch watch [--name NAME] [--match RE | --pidfile "
	    "FILE]\n"
	    "           [--count N] [--tcp HOST:PORT [--timeout TIME]] "
	    "[--every TIME]\n"
	    "           [--restart-when CONDITION] --start CMD [--stop CMD]\n"
	    "           [--before-start CMD] [--after-stop CMD] ...\n"
	    "See daemonwatch(8) for all options.\n");
}

static void
quote(FILE *f, const char *s)
{
	putc('"', f);
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			fprintf(f, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			fprintf(f, "\\x%02X", c);
		else
			putc(c, f);
	}
	putc('"', f);
}

/* What stands in the text as it is must not be able to end its line. */
static bool
is_plain(const char *s)
{
	return (s[0] != '\0' && strpbrk(s, "\n\r#{}\"'=") == NULL);
}

static void
add_line(struct watch *w, size_t key, const char *value)
{
	const char *option = keys[key].option;
	char what[64];

	if (keys[key].kind != QUOTED && !is_plain(value)) {
		snprintf(what, sizeof(what), "--%s: not a value", option);
		cmd_complain(what, value);
		w->bad = true;
		return;
	}
	w->lines[++w->nlines] = option;
	if (keys[key].kind == CHECK) {
		fprintf(w->text, "tcp port");
		if (w->checks++ > 0)
			fprintf(w->text, "%u", w->checks);
		fprintf(w->text, " { address = %s", value);
		if (w->timeout != NULL)
			fprintf(w->text, "  timeout = %s", w->timeout);
		fprintf(w->text, " }\n");
		return;
	}
	fprintf(w->text, "%s = ", keys[key].key);
	if (keys[key].kind == QUOTED)
		quote(w->text, value);
	else
		fputs(value, w->text);
	putc('\n', w->text);
}

static void
print_error(const struct config_pos *pos, const char *text, void *arg)
{
	const struct watch *w = arg;

	if (pos->line > 1 && pos->line - 1 <= w->nlines)
		fprintf(stderr, "daemonwatch: --%s: %s\n",
		    w->lines[pos->line - 1], text);
	else
		fprintf(stderr, "daemonwatch: watch: %s\n", text);
}

static void
fill_options(struct option *options)
{
	static const struct option own[] = {
	    {"name", required_argument, NULL, 'n'},
	    {"timeout", required_argument, NULL, 't'},
	    {"verbose", no_argument, NULL, 'v'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};

	for (size_t n = 0; n < NKEYS; n++)
		options[n] = (struct option) {
		    keys[n].option, required_argument, NULL, 256 + (int)n};
	memcpy(options + NKEYS, own, sizeof(own));
}

/* What is wanted before the first line is written.  1: help was. */
static int
look_ahead(
    struct watch *w, int argc, char *argv[], const struct option *options)
{
	int c;

	opterr = 0; /* its words would be printed as they are */
	while ((c = getopt_long(argc, argv, ":vh", options, NULL)) != -1) {
		if (c == 'n')
			w->name = optarg;
		else if (c == 't')
			w->timeout = optarg;
		else if (c == 'v')
			w->verbose = true;
		else if (c == 'h')
			return (1);
		else if (c == '?' || c == ':') {
			cmd_bad_option(c, argv);
			return (-1);
		} else if (strcmp(keys[c - 256].key, "match") == 0 ||
		    strcmp(keys[c - 256].key, "pidfile") == 0)
			w->detached = true;
	}
	if (optind < argc)
		cmd_complain("watch takes no names", argv[optind]);
	else if (!is_plain(w->name))
		cmd_complain("--name: not a name", w->name);
	else if (w->timeout != NULL && !is_plain(w->timeout))
		cmd_complain("--timeout: not a value", w->timeout);
	else
		return (0);
	return (-1);
}

static int
read_options(struct watch *w, int argc, char *argv[])
{
	struct option options[NKEYS + 5];
	int c, ret;

	fill_options(options);
	ret = look_ahead(w, argc, argv, options);
	if (ret != 0) {
		usage(ret == 1 ? stdout : stderr);
		return (ret);
	}
	fprintf(w->text, "service %s { type = %s\n", w->name,
	    w->detached ? "detached" : "child");
	optind = 1;
	while ((c = getopt_long(argc, argv, "vh", options, NULL)) != -1)
		if (c >= 256)
			add_line(w, (size_t)(c - 256), optarg);
	fprintf(w->text, "}\n");
	return (w->bad ? -1 : 0);
}

static struct config *
make_config(struct watch *w, int argc, char *argv[], int *status)
{
	struct config *conf = NULL;
	int ret;

	*status = EX_VERB_USAGE;
	w->lines = calloc((size_t)argc + 2, sizeof(*w->lines));
	w->text = open_memstream(&w->buf, &w->len);
	if (w->lines == NULL || w->text == NULL) {
		fprintf(stderr, "daemonwatch: %s\n", strerror(errno));
		*status = EX_OSERR;
	} else {
		ret = read_options(w, argc, argv);
		if (fclose(w->text) == EOF)
			ret = -1;
		if (ret == 1)
			*status = 0;
		else if (ret == 0)
			conf = config_parse(
			    "watch", w->buf, w->len, print_error, w);
	}
	free(w->buf);
	free(w->lines);
	return (conf);
}

int
cmd_watch(int argc, char *argv[])
{
	struct watch w = {.name = "service"};
	struct supervisor_options opt = {
	    .poller = getenv("DAEMONWATCH_POLLER"),
	    .log = "stderr",
	    .foreground = true,
	    .transient = true,
	};
	struct config *conf;
	int status;

	conf = make_config(&w, argc, argv, &status);
	if (conf == NULL)
		return (status);
	opt.verbose = w.verbose;
	return (supervisor_run(conf, &opt));
}
