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
#include "daemonwatch.h"
#include "../lib/file.h"

static int stop_verb(const struct cmdline *cl);

static const struct verb {
	const char *name;
	int (*run)(const struct cmdline *cl);
	const char *options; /* the letters it takes */
	bool takes_names;
} verbs[] = {
    {"run", cmd_run, "frv", false},
    {"start", cmd_start, "frvwt", true},
    {"stop", stop_verb, "frkwt", true},
    {"restart", cmd_restart, "frvwt", true},
    {"status", cmd_status, "frj", true},
    {"check", cmd_check, "fd", false},
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
	    "  start   [-f FILE] [-r DIR] [-v]   become a daemon and watch; "
	    "returns when every\n"
	    "                                    service had its first start\n"
	    "  run     [-f FILE] [-r DIR] [-v]   the same in the foreground\n"
	    "  stop    [--keep] [--timeout TIME] stop it; --keep: without its "
	    "services\n"
	    "  restart                           stop --keep, then start: "
	    "services run on\n"
	    "  status  [-j]                      a line for each service; -j: "
	    "as JSON\n"
	    "  check   [-d]                      is the configuration right? "
	    "-d: print it in full\n"
	    "Services, by name or glob:\n"
	    "  start | stop | restart [-w] [--timeout TIME] NAME ...\n"
	    "  status [-j] NAME ...\n"
	    "Without a file, in the foreground:\n"
	    "  watch   --match RE --tcp HOST:PORT --start CMD [--stop CMD] "
	    "[--every 30s] ...\n"
	    "\n"
	    "Also: daemonwatch --version, daemonwatch --help.  Manual: "
	    "daemonwatch(8), daemonwatch.conf(5)\n",
	    f);
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

/* "30s", "500ms", "2m", "1h", plain seconds. */
static int
parse_time(const char *s, int64_t *ns)
{
	static const struct {
		const char *unit;
		int64_t ns;
	} units[] = {
	    {"", DW_SEC},
	    {"ms", DW_MS},
	    {"s", DW_SEC},
	    {"m", 60 * DW_SEC},
	    {"h", 3600 * DW_SEC},
	};
	char *end;
	long n;

	errno = 0;
	n = strtol(s, &end, 10);
	if (errno != 0 || end == s || n < 0 || n > 1000000 || *s < '0' ||
	    *s > '9')
		return (-1);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(end, units[i].unit) == 0) {
			*ns = n * units[i].ns;
			return (0);
		}
	return (-1);
}

static int
set_option(struct cmdline *cl, int c)
{
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
		if (parse_time(optarg, &cl->timeout) == 0)
			break;
		cmd_complain("--timeout: not a time", optarg);
		return (-1);
	default:
		return (-1);
	}
	return (0);
}

/* -1: wrong; 1: help was asked for. */
static int
read_options(
    const struct verb *verb, struct cmdline *cl, int argc, char *argv[])
{
	int c;

	opterr = 0; /* its words would be printed as they are */
	while (
	    (c = getopt_long(argc, argv, "f:r:jdwvh", options, NULL)) != -1) {
		if (c == 'h')
			return (1);
		if (c == '?')
			cmd_complain("unknown option, or its value is missing",
			    argv[optind - 1]);
		if (c == '?' || set_option(cl, c) == -1)
			return (-1);
		if (strchr(verb->options, c) == NULL) {
			fprintf(stderr,
			    "daemonwatch: %s does not take that option\n",
			    verb->name);
			return (-1);
		}
	}
	cl->names = argv + optind;
	cl->nnames = argc - optind;
	if (cl->nnames > 0 && !verb->takes_names) {
		fprintf(stderr, "daemonwatch: %s takes no names\n", verb->name);
		return (-1);
	}
	return (0);
}

int
main(int argc, char *argv[])
{
	struct cmdline cl = {.timeout = -1};
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
	if (verb == NULL) {
		cmd_complain("no such verb", argv[1]);
		usage(stderr);
		return (EX_VERB_USAGE);
	}
	switch (read_options(verb, &cl, argc - 1, argv + 1)) {
	case 1:
		usage(stdout);
		return (0);
	case -1:
		usage(stderr);
		return (EX_VERB_USAGE);
	}
	return (verb->run(&cl));
}
