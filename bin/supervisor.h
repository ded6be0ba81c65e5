/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The supervisor owns the loop, the units, the prober and the runtime files.
 */
#ifndef BIN_SUPERVISOR_H
#define BIN_SUPERVISOR_H

#include <sys/types.h>
#include <sys/resource.h>

#include <stdbool.h>
#include <stddef.h>

#include "daemonwatch.h"
#include "conf.h"
#include "order.h"
#include "unit.h"

struct control;

/* What the command line says about a run. */
struct supervisor_options {
	const char *runtime_dir; /* made if need be */
	const char *poller;	 /* NULL: the best */
	const char *log;	 /* as of dw_log_open() */
	bool verbose;
	bool foreground; /* services inherit our stdout and stderr */
	bool transient;	 /* no pidfile, control socket or state: `watch` */
	int *ready;	 /* of dw_daemonize(); told when all have settled */
};

#define SUPERVISOR_PASSED 3

struct supervisor {
	struct supervisor_options opt;
	struct config *conf;
	struct dw_loop *loop;
	struct dw_log *log;
	struct dw_pidfile *pidfile;
	struct prober *prober;
	struct prober *prober_http; /* NULL: no check is for it */
	struct control *control;
	struct alerts *alerts;
	char *state_path; /* NULL: none is kept */
	bool state_dirty;
	char boot_id[64];     /* "" if there is none */
	struct rlimit nofile; /* what services get */
	struct unit **units;  /* as the configuration's services lie */
	size_t nunits;
	struct order order; /* of the units, by their place */
	struct dw_signal sigterm, sigint, sighup;
	struct dw_signal sigquit, passed[SUPERVISOR_PASSED]; /* process 1 */
	struct dw_defer scan;	  /* a pass over the process table is due */
	struct dw_defer progress; /* something has changed: see what follows */
	const struct unit *over;  /* a critical one */
	uint32_t seed;
	bool starting;	  /* the launcher waits */
	bool complained;  /* about the prober, to the launcher */
	bool on_terminal; /* in the foreground of one */
	bool stopping;
	bool keep; /* stop without services: some, or all of them */
	bool keep_all;
	int status; /* to exit with */
};

/*
 * Run with this configuration until stopped; the exit status.  Failures at
 * the start are told through dw_ready_fail(opt->ready, …), or on stderr.
 */
int supervisor_run(struct config *conf, const struct supervisor_options *opt);

struct unit *supervisor_find(struct supervisor *sup, const char *name);
void supervisor_stop(struct supervisor *sup, bool keep, const char *why);
/* Something about a unit has changed. */
void supervisor_changed(struct supervisor *sup, struct unit *u);
/* A service without which `run' has no purpose is over. */
void supervisor_over(struct supervisor *sup, const struct unit *u);
/* Some unit wants the process table looked at, at the end of this turn. */
void supervisor_scan(struct supervisor *sup);
uint32_t supervisor_random(struct supervisor *sup);
/* The prober for HTTP and TLS; made when first asked for.  NULL with errno. */
struct prober *supervisor_prober_http(struct supervisor *sup);

/*
 * runtime.c: the runtime directory, and in it the pidfile, the control socket
 * and the state file.  Returns an exit status; if it is not 0, what is wrong
 * is in buf.
 */
int runtime_open(struct supervisor *sup, char *buf, size_t len);
int runtime_listen(struct supervisor *sup, char *buf, size_t len);
void runtime_close(struct supervisor *sup);
/*
 * Where a helper program of ours is installed; a build tree says otherwise.
 * Allocated; NULL with ENOMEM.
 */
char *runtime_program(const char *name);
/* dir/name, allocated; NULL with ENOMEM. */
char *runtime_path(const char *dir, const char *name);
/*
 * Where it is if nobody says: /run/daemonwatch for root, a user's own below
 * $XDG_RUNTIME_DIR.  Allocated; NULL with errno, ENOENT if there is none.
 */
char *runtime_default(void);

/* supervisor_one.c: what process 1 does besides */
int supervisor_be_one(struct supervisor *sup);

/* supervisor_order.c */
int supervisor_order_init(struct supervisor *sup);
/* Let the units hear of each other. */
void supervisor_order_run(struct supervisor *sup);
void supervisor_start_all(struct supervisor *sup);
void supervisor_stop_all(struct supervisor *sup);
/* What an operator's wish is to each unit: named, or concerned besides. */
enum steer {
	STEER_NONE,
	STEER_NAMED,
	STEER_STARTED, /* required by one that is started */
	STEER_YIELDS,  /* requires one that is stopped */
	STEER_IGNORED  /* named, but that has no meaning for it */
};
/* Adds to steers who is concerned besides.  -1 with ENOMEM, nothing done. */
int supervisor_steer(
    struct supervisor *sup, const struct service_event *ev, enum steer *steers);

/* scan.c */
void scan_run(struct supervisor *sup);

#endif
