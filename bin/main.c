/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * daemonwatch(8): the command line.  Reads options, calls the verb's function.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "cmd.h"
#include "config_parse.h"
#include "daemonwatch.h"
#include "../lib/file.h"

static int stop_verb(const struct cmdline *cl);

static const struct verb {
	const char *name;
	int (*run)(const struct cmdline *cl);
	const char *options;  /* the letters it takes */
	const char *of_names; /* those it takes with names only */
	bool takes_names;
	const char *usage;
} verbs[] = {
    {"run", cmd_run, "frv", "", false, "run [-v] [-f FILE] [-r DIR]"},
    {"start", cmd_start, "frvwt", "wt", true,
	"start [-v] [-f FILE] [-r DIR]\n"
	"       daemonwatch start [-w] [--timeout TIME] NAME ..."},
    {"stop", stop_verb, "frkwt", "w", true,
	"stop [--keep] [--timeout TIME] [-f FILE] [-r DIR]\n"
	"       daemonwatch stop [-w] [--timeout TIME] NAME ..."},
    {"restart", cmd_restart, "frvwt", "w", true,
	"restart [-v] [--timeout TIME] [-f FILE] [-r DIR]\n"
	"       daemonwatch restart [-w] [--timeout TIME] NAME ..."},
    {"pause", cmd_pause, "frowt", "owt", true,
	"pause [--for TIME] [-w] [--timeout TIME] NAME ..."},
    {"resume", cmd_resume, "frwt", "wt", true,
	"resume [-w] [--timeout TIME] NAME ..."},
    {"status", cmd_status, "frj", "", true,
	"status [-j] [-f FILE] [-r DIR] [NAME ...]"},
    {"check", cmd_check, "fd", "", false, "check [-d] [-f FILE]"},
};
#define NVERBS (sizeof(verbs) / sizeof(verbs[0]))

static const struct option options[] = {
    {"config", required_argument, NULL, 'f'},
    {"runtime-dir", required_argument, NULL, 'r'},
    {"json", no_argument, NULL, 'j'},
    {"dump", no_argument, NULL, 'd'},
    {"keep", no_argument, NULL, 'k'},
    {"wait", no_argument, NULL, 'w'},
    {"timeout", required_argument, NULL, 't'},
    {"for", required_argument, NULL, 'o'},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void
usage(FILE *f)
{
	fputs(
	    "usage: daemonwatch VERB [options] [NAME ...]\n"
	    "\n"
	    "The watcher itself:\n"
	    "  start  [-v]      become a daemon and watch; returns when every "
	    "service had\n"
	    "                   its first start\n"
	    "  run    [-v]      the same in the foreground\n"
	    "  stop   [--keep] [--timeout TIME]\n"
	    "                   stop it; --keep: without its services\n"
	    "  restart          stop --keep, then start: services run on\n"
	    "  status [-j]      a line for each service; -j: as JSON\n"
	    "  check  [-d]      is the configuration right? -d: print it in "
	    "full\n"
	    "Services, by name or glob:\n"
	    "  start | stop | restart [-w] [--timeout TIME] NAME ...\n"
	    "  pause [--for TIME] NAME ...   watch, but do nothing about it\n"
	    "  resume NAME ...               before that time is over\n"
	    "  status [-j] NAME ...\n"
	    "Without a file, in the foreground:\n"
	    "  watch  --match RE --tcp HOST:PORT --start CMD [--stop CMD] "
	    "[--every 30s] ...\n"
	    "\n"
	    "  -f FILE          the configuration, if it is not\n"
	    "                   " SYSCONFDIR "/daemonwatch.conf\n"
	    "  -r DIR           the runtime directory; -f FILE finds it, too\n"
	    "\n"
	    "Also: daemonwatch --version, daemonwatch --help.\n"
	    "Manual: daemonwatch(8), daemonwatch.conf(5)\n",
	    f);
}

/* After an error: the whole usage would bury what was said. */
static int
refuse(const struct verb *verb)
{
	fprintf(stderr,
	    "usage: daemonwatch %s\n"
	    "daemonwatch --help says more\n",
	    verb != NULL ? verb->usage : "VERB [options] [NAME ...]");
	return (EX_VERB_USAGE);
}

static int
refuse_verb(const char *name)
{
	const char *names[NVERBS + 1], *near;
	char clean[256];

	for (size_t i = 0; i < NVERBS; i++)
		names[i] = verbs[i].name;
	names[NVERBS] = "watch";
	near = suggest(name, strlen(name), names, NVERBS + 1);
	status_text(name, clean, sizeof(clean));
	if (near != NULL)
		fprintf(stderr,
		    "daemonwatch: no such verb: %s: did you mean '%s'?\n",
		    clean, near);
	else
		fprintf(stderr, "daemonwatch: no such verb: %s\n", clean);
	return (refuse(NULL));
}

static int
stop_verb(const struct cmdline *cl)
{
	if (cl->keep && cl->nnames > 0) {
		fprintf(stderr,
		    "daemonwatch: --keep is for stopping "
		    "daemonwatch itself, not a service\n");
		return (EX_VERB_USAGE);
	}
	return (cmd_stop(cl));
}

static int
set_option(struct cmdline *cl, int c)
{
	const char *why;
	char what[128];

	switch (c) {
	case 'f':
		cl->conf = optarg;
		break;
	case 'r':
		cl->runtime_dir = optarg;
		break;
	case 'j':
		cl->json = true;
		break;
	case 'd':
		cl->dump = true;
		break;
	case 'k':
		cl->keep = true;
		break;
	case 'w':
		cl->wait = true;
		break;
	case 'v':
		cl->verbose = true;
		break;
	case 't':
		if (value_duration(
			optarg, strlen(optarg), &cl->timeout, &why) == 0)
			break;
		snprintf(what, sizeof(what), "--timeout: %s", why);
		cmd_complain(what, optarg);
		return (-1);
	case 'o':
		if (value_duration(optarg, strlen(optarg), &cl->pause, &why) ==
			0 &&
		    cl->pause > 0)
			break;
		snprintf(what, sizeof(what), "--for: %s",
		    (cl->pause == 0) ? "it must be above 0" : why);
		cmd_complain(what, optarg);
		return (-1);
	default:
		return (-1);
	}
	return (0);
}

static void
complain_option(const char *verb, int letter, const char *what)
{
	size_t i = 0;

	while (options[i].val != letter)
		i++;
	fprintf(
	    stderr, "daemonwatch: %s %s --%s\n", verb, what, options[i].name);
}

/* -1: wrong; 1: help was asked for. */
static int
read_options(
    const struct verb *verb, struct cmdline *cl, int argc, char *argv[])
{
	int c, of_names = 0;

	opterr = 0; /* its words would be printed as they are */
	while (
	    (c = getopt_long(argc, argv, ":f:r:jdwvh", options, NULL)) != -1) {
		if (c == 'h')
			return (1);
		if (c == '?' || c == ':') {
			cmd_bad_option(c, argv);
			return (-1);
		}
		if (set_option(cl, c) == -1)
			return (-1);
		if (strchr(verb->options, c) == NULL) {
			complain_option(verb->name, c, "does not take");
			return (-1);
		}
		if (strchr(verb->of_names, c) != NULL)
			of_names = c;
	}
	cl->names = argv + optind;
	cl->nnames = argc - optind;
	if (cl->nnames > 0 && !verb->takes_names) {
		fprintf(stderr,
		    "daemonwatch: %s takes no names; a configuration is named "
		    "by -f\n",
		    verb->name);
		return (-1);
	}
	if (cl->nnames == 0 && of_names != 0) {
		complain_option(
		    verb->name, of_names, "without names does not take");
		return (-1);
	}
	return (0);
}

int
main(int argc, char *argv[])
{
	struct cmdline cl = {.timeout = -1, .pause = -1};
	const struct verb *verb = NULL;
	unsigned filled;

	/*
	 * Descriptors 0 to 2 must be there before anything else is opened, or
	 * our own sockets would become somebody's standard output.
	 */
	if (file_fill_std(&filled) == -1)
		_exit(EX_OSERR);
	if (argc < 2) {
		usage(stderr);
		return (EX_VERB_USAGE);
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		usage(stdout);
		return (0);
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		printf("daemonwatch %s\n", PACKAGE_VERSION);
		return (0);
	}
	if (strcmp(argv[1], "watch") == 0)
		return (cmd_watch(argc - 1, argv + 1));
	for (size_t i = 0; i < NVERBS; i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			verb = &verbs[i];
	if (verb == NULL)
		return (refuse_verb(argv[1]));
	switch (read_options(verb, &cl, argc - 1, argv + 1)) {
	case 1:
		usage(stdout);
		return (0);
	case -1:
		return (refuse(verb));
	}
	return (verb->run(&cl));
}
