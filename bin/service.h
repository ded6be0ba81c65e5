/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The state machine of one service: (state, event, now) -> (state', actions).
 * Pure: no system call, no clock, no allocation, nothing shared.  Whoever
 * drives it does the actions in their order, feeds back what came of them,
 * keeps a timer at `deadline`, and looks after the checks and scans that
 * service_wants_checks() and service_wants_scans() ask for.
 *
 * What it relies on: the end of each process that SE_PROCS counted leads to a
 * new SE_PROCS, and so does each SA_SCAN; should the process table not be
 * readable then, as soon as it is, whatever service_wants_scans() says in the
 * meantime.  SA_CHECK, and a pace of none, take back the questions that have
 * no answer yet.  Events that mean nothing in a state are ignored there.
 */
#ifndef BIN_SERVICE_H
#define BIN_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemonwatch.h"
#include "cond.h"
#include "conf.h"

#define SERVICE_TEXT 240
#define SERVICE_HOLD_TEXT 120
#define SERVICE_NEVER INT64_MAX
/* How long a killed process or command is waited for before it is said. */
#define SERVICE_KILL_GRACE (5 * DW_SEC)
/* How often it is said again. */
#define SERVICE_LONG_WAIT (60 * DW_SEC)
/* A start that failed is not tried again sooner, whatever backoff says. */
#define SERVICE_RETRY_MIN (100 * DW_MS)

enum service_state {
	SV_STOPPED,
	SV_WAITING,
	SV_STARTING,
	SV_UP,
	SV_FAILING,
	SV_STOPPING,
	SV_FAILED,
	SV_PAUSED,
	SV_NSTATES
};

/* Where in its state the service is. */
enum service_phase {
	PH_NONE,
	PH_LOOK,      /* waiting: what is there already? */
	PH_DELAY,     /* waiting: backoff */
	PH_REQUIRE,   /* waiting: for services that it comes after */
	PH_BEFORE,    /* starting: before-start runs */
	PH_SPAWN,     /* starting, stopping: a child's program is executed */
	PH_COMMAND,   /* starting: a detached service's start command runs */
	PH_READY,     /* starting: until it is ready */
	PH_NEEDED,    /* stopping: those that require it are stopped first */
	PH_POST,      /* starting: after-start runs */
	PH_CMD_END,   /* stopping: a command of ours must end first */
	PH_SEARCH,    /* stopping: are there processes? */
	PH_STOP_CMD,  /* stopping: the stop command runs */
	PH_STOP_WAIT, /* stopping: it returned, its work takes effect */
	PH_TERM,      /* stopping: a signal of stop-sequence was sent */
	PH_KILL,      /* stopping: SIGKILL was sent */
	PH_AFTER,     /* stopping: after-stop runs */
	PH_NPHASES
};

enum service_event_kind {
	SE_START,	 /* an operator: should be up */
	SE_STOP,	 /* an operator: should be stopped */
	SE_RESTART,	 /* an operator */
	SE_TIMER,	 /* the deadline may have passed */
	SE_SPAWNED,	 /* a child's program runs */
	SE_SPAWN_FAILED, /* text */
	SE_ADOPTED,	 /* a child of an earlier daemonwatch runs; text */
	SE_EXITED,	 /* a child has ended; status, text */
	SE_PROCS, /* detached: this many were found; who ended: status, text */
	SE_CMD_DONE, /* a command ended, or could not begin; ok, text */
	SE_CHECK,    /* check, answer, text */
	SE_READY,    /* the service has said that it is ready */
	SE_ORDER,    /* hold, needed: as they are now; text: why */
	SE_PAUSE,    /* an operator; delay; ok: also if it is stopped */
	SE_RESUME,   /* an operator */
	SE_YIELD,    /* what it requires is going, or gone; text */
	SE_NKINDS
};

struct service_event {
	enum service_event_kind kind;
	int64_t now;
	uint32_t random;
	uint32_t count;
	int64_t delay; /* 0: until it is resumed */
	int status;    /* as of waitpid(2), or DW_STATUS_NONE */
	size_t check;
	enum truth answer; /* YES ok, NO failed, UNKNOWN could not be asked */
	bool ok;
	bool hold;	  /* it must not be started */
	bool needed;	  /* others are to be stopped before it */
	const char *text; /* may be NULL */
};

enum service_command {
	CMD_BEFORE_START,
	CMD_AFTER_START,
	CMD_START,
	CMD_STOP,
	CMD_AFTER_STOP
};

enum service_action_kind {
	SA_SPAWN,    /* execute a child's program */
	SA_RUN,	     /* execute a command */
	SA_KILL_CMD, /* signo to the command's process group */
	SA_DROP_CMD, /* it does not even end by SIGKILL: forget it */
	SA_SIGNAL,   /* signo to the service's processes that had not had it */
	SA_SCAN,     /* look for processes now; SE_PROCS answers */
	SA_CHECK,    /* ask all checks now */
	SA_CHANGED,  /* the state has changed: from, to, text */
	SA_NOTE	     /* worth telling: text */
};

struct service_action {
	enum service_action_kind kind;
	enum service_command command;
	int signo;
	bool fresh; /* SA_SIGNAL: also to those that had it */
	enum service_state from, to;
	char text[SERVICE_TEXT];
};

#define SERVICE_ACTIONS 16
struct service_actions {
	size_t n;
	struct service_action a[SERVICE_ACTIONS];
};

/* Counting one check's answers. */
struct service_check {
	unsigned fails; /* in a row */
	unsigned oks;	/* in a row */
	bool armed;	/* its failures count */
};

/* What a command is in the middle of. */
enum service_cmd {
	CMD_NONE,
	CMD_RUNS,
	CMD_TERMED,
	CMD_KILLED
};

/* What is to come when it is stopped, but for what an operator wants. */
enum service_outcome {
	OUT_AGAIN, /* what `again' says */
	OUT_DONE,  /* nothing: it has done its work */
	OUT_FAILED /* nothing: it has failed */
};

struct service {
	const struct service_conf *conf;
	enum service_state state;
	enum service_phase phase;
	int64_t since;	  /* in this state */
	int64_t deadline; /* SE_TIMER then; SERVICE_NEVER: none */

	bool want;     /* what an operator wants: up */
	bool again;    /* to be started when it is stopped */
	bool manual;   /* an operator asked for the next start */
	bool ran;      /* an instance was started or found: after-stop is due */
	bool ready;    /* this instance has been up */
	bool told;     /* it has said that it is ready */
	bool present;  /* there were as many processes as there should be */
	bool direct;   /* what calls for the next start was just looked at */
	bool settled;  /* the first start had an outcome */
	bool finished; /* stopped, having done its work */
	enum service_outcome outcome; /* while it is stopping */
	int lost_status; /* how its process ended, as of waitpid(2) */
	bool pausing;	 /* it is to be paused as soon as it is at rest */
	int64_t pause_until;
	bool warned; /* warn-when holds, and that was told */
	bool hold;   /* SE_ORDER: */
	bool needed;

	bool running;	/* child: its process lives */
	bool counted;	/* detached: count is known */
	uint32_t count; /* detached: processes found */

	unsigned stop_step; /* which signal of the sequence was sent last */
	enum service_cmd cmd;
	bool cmd_late; /* it passed its deadline */

	int64_t started;  /* when this instance was started or found */
	int64_t up_since; /* SERVICE_NEVER: not up */
	struct dw_backoff backoff;
	uint64_t starts;   /* programs or start commands executed */
	uint64_t restarts; /* of those, all but the first */

	/* Owned by the caller: conf->nchecks of each, conf->give_up times. */
	struct service_check *checks;
	enum truth *answers;
	bool *failed;
	int64_t *tries; /* when the last give_up restarts were; ring */
	unsigned ntries, next_try;

	char hold_text[SERVICE_HOLD_TEXT]; /* whom it waits for */
	char lost[SERVICE_TEXT];	   /* how the process ended */
	char check_text[SERVICE_TEXT];	   /* what the last failure said */
	char cause[SERVICE_TEXT];	   /* of the last change of state */
};

/*
 * A service in state stopped.  The arrays must have room for what conf says
 * (they may be NULL for none).
 */
void service_init(struct service *sv, const struct service_conf *conf,
    struct service_check *checks, enum truth *answers, bool *failed,
    int64_t *tries);
void service_step(struct service *sv, const struct service_event *ev,
    struct service_actions *out);

enum service_pace {
	PACE_NONE,
	PACE_INTERVAL,
	PACE_QUICK
};
/* Should its checks be asked, and how often? */
enum service_pace service_wants_checks(const struct service *sv);
/* Should processes be looked for, though none is known to have ended? */
enum service_pace service_wants_scans(const struct service *sv);
/* Does this kind of ready wait for an SE_READY? */
bool service_is_told(enum ready_kind ready);
/* Has it ended for good, well or not, until an operator starts it? */
bool service_is_over(const struct service *sv);
/* Of one that is: what a program that consists of it would exit with. */
int service_exit_status(const struct service *sv);
/* Are there as many processes as there should be? */
enum truth service_process(const struct service *sv);

const char *service_state_name(enum service_state state);
const char *service_phase_name(enum service_phase phase);
const char *service_command_name(enum service_command command);

#endif
