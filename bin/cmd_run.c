/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The verbs that become the watcher, or read its configuration: run, start,
 * restart, check.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "cmd.h"
#include "supervisor.h"
#include "../lib/file.h"

const char *
cmd_conf_path(const struct cmdline *cl)
{
	return (cl->conf != NULL ? cl->conf : SYSCONFDIR "/daemonwatch.conf");
}

static char *
default_dir(void)
{
	char *dir = runtime_default();

	if (dir == NULL)
		fprintf(stderr,
		    "daemonwatch: no runtime directory: XDG_RUNTIME_DIR is "
		    "not set, and neither -r nor runtime-dir is given\n");
	return (dir);
}

/* given: what the configuration says, or NULL. */
static char *
choose_dir(const struct cmdline *cl, const char *given)
{
	char *dir;

	if (cl->runtime_dir != NULL)
		given = cl->runtime_dir;
	if (given == NULL)
		return (default_dir());
	dir = strdup(given);
	if (dir == NULL)
		fprintf(stderr, "daemonwatch: %s\n", strerror(errno));
	return (dir);
}

char *
cmd_runtime_dir(const struct cmdline *cl)
{
	char *given = NULL, *dir;

	if (cl->runtime_dir == NULL)
		given = config_runtime_dir(cmd_conf_path(cl));
	dir = choose_dir(cl, given);
	free(given);
	return (dir);
}

static struct config *
read_conf(const struct cmdline *cl)
{
	return (
	    config_read(cmd_conf_path(cl), false, config_error_print, stderr));
}

/* The log of `run` is stderr and of `start` syslog, if nobody says other. */
static void
fill_options(struct supervisor_options *opt, const struct cmdline *cl,
    const struct config *conf, const char *dir, bool foreground)
{
	memset(opt, 0, sizeof(*opt));
	opt->runtime_dir = dir;
	opt->poller = getenv("DAEMONWATCH_POLLER");
	opt->verbose = cl->verbose;
	opt->foreground = foreground;
	opt->log = conf->log;
	if (opt->log == NULL)
		opt->log = foreground ? "stderr" : "syslog:daemon";
}

int
cmd_run(const struct cmdline *cl)
{
	struct supervisor_options opt;
	struct config *conf = read_conf(cl);
	char *dir;
	int status;

	if (conf == NULL)
		return (EX_CONFIG);
	dir = choose_dir(cl, conf->runtime_dir);
	if (dir == NULL) {
		config_free(conf);
		return (EX_USAGE);
	}
	fill_options(&opt, cl, conf, dir, true);
	status = supervisor_run(conf, &opt);
	free(dir);
	return (status);
}

static int
start_daemon(const struct cmdline *cl, struct config *conf, const char *dir)
{
	const struct dw_daemonize how = {.umask = 022};
	struct supervisor_options opt;
	int ready = -1;

	/* In this process a failure is said where it happened. */
	if (dw_daemonize(&how, &ready) == -1) {
		fprintf(stderr, "daemonwatch: cannot become a daemon: %s\n",
		    strerror(errno));
		config_free(conf);
		return (EX_OSERR);
	}
	fill_options(&opt, cl, conf, dir, false);
	opt.ready = &ready;
	return (supervisor_run(conf, &opt));
}

static int
refuse_second(const char *dir)
{
	char *path = runtime_path(dir, "pid");
	struct dw_proc_id id;
	int ret = 0;

	if (path != NULL && dw_pidfile_owner(path, &id) == 0) {
		fprintf(stderr, "daemonwatch: already running, pid %jd\n",
		    (intmax_t)id.pid);
		ret = 1;
	}
	free(path);
	return (ret);
}

static int
start(const struct cmdline *cl, struct config *conf)
{
	char *dir = choose_dir(cl, conf->runtime_dir), *abs;
	int status = EX_USAGE;

	if (dir == NULL) {
		config_free(conf);
		return (EX_USAGE);
	}
	abs = file_absolute(dir); /* we shall be at home in "/" */
	free(dir);
	if (abs == NULL) {
		fprintf(stderr, "daemonwatch: %s\n", strerror(errno));
		config_free(conf);
		return (EX_OSERR);
	}
	/* Better said before forking; the lock decides all the same. */
	status = refuse_second(abs);
	if (status == 0)
		status = start_daemon(cl, conf, abs);
	else
		config_free(conf);
	free(abs);
	return (status);
}

int
cmd_start(const struct cmdline *cl)
{
	struct config *conf;

	if (cl->nnames > 0)
		return (cmd_steer(cl, "start"));
	conf = read_conf(cl);
	return (conf == NULL ? EX_CONFIG : start(cl, conf));
}

/* The services go on running: the new watcher takes them over. */
int
cmd_restart(const struct cmdline *cl)
{
	struct cmdline stop = *cl;
	struct config *conf;
	int status;

	if (cl->nnames > 0)
		return (cmd_steer(cl, "restart"));
	conf = read_conf(cl);
	if (conf == NULL)
		return (EX_CONFIG);
	stop.keep = true;
	status = cmd_stop(&stop);
	if (status != 0) {
		config_free(conf);
		return (status);
	}
	return (start(cl, conf));
}

int
cmd_check(const struct cmdline *cl)
{
	struct config *conf = read_conf(cl);
	int status = 0;

	if (conf == NULL)
		return (1);
	if (cl->dump) {
		if (config_print(conf, stdout) == -1)
			status = 1;
	} else
		printf("%s: ok, %zu service%s\n", cmd_conf_path(cl),
		    conf->nservices, (conf->nservices == 1) ? "" : "s");
	if (fflush(stdout) == EOF || ferror(stdout)) {
		fprintf(stderr, "daemonwatch: standard output: %s\n",
		    strerror(errno));
		status = 1;
	}
	config_free(conf);
	return (status);
}
