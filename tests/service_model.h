/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * A service for the tests of its state machine, with a shadow that watches
 * each step from outside: it knows from the events and actions alone what the
 * machine must not do, and says so.
 */
#ifndef TESTS_SERVICE_MODEL_H
#define TESTS_SERVICE_MODEL_H

#include "bin/service.h"

#define MODEL_CHECKS 2
#define MODEL_TRIES 3
#define MODEL_TEXT 512
/* No step may come near SERVICE_ACTIONS. */
#define MODEL_ACTIONS 8

/* The times of every model. */
#define MODEL_INTERVAL (1 * DW_SEC)
#define MODEL_READY (2 * DW_SEC)
#define MODEL_HOOK (3 * DW_SEC)
#define MODEL_STOP (4 * DW_SEC)
#define MODEL_START (10 * DW_SEC)
#define MODEL_STABLE (60 * DW_SEC)
#define MODEL_BACKOFF (1 * DW_SEC)
#define MODEL_BACKOFF_MAX (8 * DW_SEC)
#define MODEL_WITHIN (600 * DW_SEC)
#define MODEL_HOLD (300 * DW_SEC)

enum model_rule {
	RULE_DEFAULT,	  /* not process or port.failed or web.failed */
	RULE_BOTH,	  /* not process and not port: J3 */
	RULE_BOTH_FAILED, /* not process and port.failed */
	RULE_PORT,	  /* port.failed */
	RULE_NOT_PORT,	  /* not port */
	RULE_PROCESS,	  /* not process */
	RULE_NOT_READY,	  /* not ready */
	RULE_ODD	  /* process and port: asks for trouble */
};

struct model_conf {
	enum service_type type;
	uint32_t count_min, count_max; /* 0: 1 and no limit */
	bool count_set;
	size_t nchecks;	     /* "port", "web" */
	unsigned fall, rise; /* 0: 1 */
	enum ready_kind ready;
	bool hooks; /* before-start and after-stop */
	bool post;  /* after-start */
	bool stop;  /* a stop command */
	enum model_rule rule;
	unsigned give_up;
	bool hold;
	enum restart_policy restart;
	bool ends; /* restart-on = 4, no-restart-on = 3 */
	bool late_fails;
	bool sequence; /* INT, TERM, KILL; else TERM, KILL */
	bool when; /* warn-when = process and not port, up-when = ready and port
		    */
	bool pause; /* tests: operators pause it */
	bool order; /* tests: others come before and behind it */
};

/* What can be known of one check without the machine. */
struct shadow_check {
	unsigned row;	 /* failures in a row that count */
	unsigned ok_row; /* successes in a row */
	bool ok;	 /* it succeeded once since the start */
	bool failed;
	enum truth answer;
};

struct shadow {
	bool wish;	     /* an operator wants it up */
	bool live;	     /* child: its process */
	bool spawning;	     /* SA_SPAWN has no answer yet */
	uint32_t count;	     /* detached: what SE_PROCS said last */
	bool cmd;	     /* a command runs */
	int cmd_signo;	     /* it was sent this last */
	bool termed, killed; /* the service's processes were */
	unsigned step;	     /* of stop-sequence */
	int64_t patience;    /* the deadline that was set at termed */
	bool asked;	     /* an operator asked for the next start */
	bool failed;	     /* the last start did: time must pass */
	bool hurried; /* it was restarted at once since it last ran well */
	bool delayed; /* a delay has just passed */
	bool pausing; /* it is to be paused */
	int status;   /* how its process ended */
	enum service_outcome verdict; /* what is to come of that */
	bool told; /* this instance has said that it is ready */
	struct shadow_check checks[MODEL_CHECKS];
};

struct model {
	struct service_conf conf;
	enum model_rule rule;
	struct check_conf checks_conf[MODEL_CHECKS];
	struct cond_item items[8];
	struct cond_item warn_items[4], up_items[3];
	struct service sv;
	struct service_check checks[MODEL_CHECKS];
	enum truth answers[MODEL_CHECKS];
	bool failed[MODEL_CHECKS];
	int64_t tries[MODEL_TRIES];
	struct shadow shadow;
	char why[MODEL_TEXT]; /* what the last step did wrong */
};

void model_init(struct model *m, const struct model_conf *conf);
/* One step, watched.  -1: it broke a rule, which stands in m->why. */
int model_step(struct model *m, const struct service_event *ev,
    struct service_actions *out);
/* A status of waitpid(2). */
#define MODEL_EXIT(code) ((code) << 8)
/* "kill-cmd:TERM >stopping", the actions in their order. */
const char *model_actions(
    const struct service_actions *out, char *buf, size_t len);
const char *model_event(const struct service_event *ev, char *buf, size_t len);
const char *model_state(const struct model *m, char *buf, size_t len);
/* `make check-valgrind' looks for memory errors: it need not see it all. */
bool model_is_slow(void);
const char *model_rule_name(enum model_rule rule);

#endif
