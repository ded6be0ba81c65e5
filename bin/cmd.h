/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The command line: main.c reads it, each verb is a function here.
 */
#ifndef BIN_CMD_H
#define BIN_CMD_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

/* Usage errors of the command line. */
#define EX_VERB_USAGE 2
/* How long the supervisor may take to answer a question. */
#define CMD_ANSWER_TIME (10 * DW_SEC)

struct cmdline {
	const char *conf; /* NULL: the default */
	const char *runtime_dir;
	bool json;
	bool dump;
	bool keep;
	bool wait;
	bool verbose;
	int64_t timeout; /* -1: not given */
	int64_t pause;	 /* --for; -1: not given */
	char *const *names;
	int nnames;
};

/* Each returns the exit status.  cmd_run.c: the watcher itself. */
int cmd_run(const struct cmdline *cl);
int cmd_start(const struct cmdline *cl);
int cmd_restart(const struct cmdline *cl);
int cmd_check(const struct cmdline *cl);
/* cmd_ctl.c: speaking to one that runs. */
int cmd_stop(const struct cmdline *cl);
int cmd_status(const struct cmdline *cl);
int cmd_steer(const struct cmdline *cl, const char *verb);
int cmd_pause(const struct cmdline *cl);
int cmd_resume(const struct cmdline *cl);
/* cmd_watch.c: one service without a file. */
int cmd_watch(int argc, char *argv[]);

/*
 * The runtime directory: -r, else what the configuration says, else the
 * default.  Allocated; NULL after saying what is wrong.
 */
char *cmd_runtime_dir(const struct cmdline *cl);
const char *cmd_conf_path(const struct cmdline *cl);

/* status.c */
void status_print(const json_t *services);
/* Text from anywhere, without anything that could steer a terminal. */
void status_text(const char *text, char *buf, size_t len);
/* Say what is wrong with what was typed, which may come from anywhere. */
void cmd_complain(const char *what, const char *typed);
/* Say what is wrong with an option: c is what getopt_long() returned. */
void cmd_bad_option(int c, char *argv[]);

#endif
