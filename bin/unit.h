/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * A unit is one service in the world: it does what the state machine decides
 * (service.h) and tells it what came of it.  unit.c drives, unit_run.c starts
 * programs, unit_proc.c knows its processes, unit_notify.c and unit_ready.c
 * hear what it says of itself, unit_check.c has the checks asked, each kind in
 * the way of its unit_check_*.c.
 */
#ifndef BIN_UNIT_H
#define BIN_UNIT_H

#include <sys/types.h>
#include <sys/queue.h>

#include <regex.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "daemonwatch.h"
#include "account.h"
#include "conf.h"
#include "prober_client.h"
#include "service.h"

struct supervisor;
struct unit;

/* A process of a detached service. */
struct unit_proc {
	LIST_ENTRY(unit_proc) link;
	struct unit *unit;
	struct dw_proc proc;
	int signalled; /* the last signal it was sent for a stop */
	bool seen;     /* by the present scan */
};
LIST_HEAD(unit_procs, unit_proc);

struct unit_check {
	struct unit *unit;
	const struct check_conf *conf;
	struct dw_timer timer;
	bool asking;
	bool asked;    /* has an answer, below */
	bool unclear;  /* its last answer was UNKNOWN */
	bool degraded; /* it is well, but not as it should be */
	int64_t asked_at;
	int64_t quick; /* the next quick delay */
	enum dw_probe_outcome outcome;
	int64_t latency;
	char text[128];
	char *metrics; /* what a command said of itself behind '|', or NULL */
	/* Who asks: by kind. */
	union {
		struct check_net *net;
		struct check_exec *exec;
		struct check_listen *listen;
		struct check_process *process;
		struct check_beat *beat;
		struct check_web *web;
	};
};

/* What it says through sd_notify(3); of those that are listened to. */
struct unit_notify {
	struct unit *unit;
	struct dw_io io;
	struct dw_timer pause;
	int fd;
	char *path;
	bool by_mode; /* the kernel does not tell who writes */
	/* Of this run: */
	bool refused; /* something was, and that has been said */
	bool reloading;
	bool stopping;
	int error;    /* an errno */
	int64_t beat; /* its last WATCHDOG=1; 0: none yet */
	bool ill;     /* WATCHDOG=trigger, not told yet */
	char status[160];
};

/* Waiting for a newline on a descriptor, or for a pidfile. */
struct unit_ready {
	struct unit *unit;
	struct dw_io io;
	int fd;
	struct dw_timer timer;
	int64_t quick;
};

struct unit {
	struct supervisor *sup;
	uint32_t at; /* its place in the supervisor's list */
	const struct service_conf *conf;
	struct service sv;
	struct dw_timer deadline;
	struct timespec since; /* wall clock of the last change, for people */

	/* type = child: its process, ours or of an earlier daemonwatch. */
	struct dw_child child;
	struct dw_proc *adopted; /* or which MAINPID named */
	struct dw_proc_id id;
	pid_t sid;     /* the session that its program began */
	bool has_main; /* MAINPID has: id is not the child's */
	struct unit_notify *notify;
	struct unit_ready *ready;
	int *sockets; /* conf->nsockets, -1: not open; NULL: none is */

	/* The command that runs, and whose session the last one had. */
	struct dw_child cmd;
	enum service_command cmd_kind;
	pid_t cmd_sid;

	/* type = detached */
	struct unit_procs procs;
	regex_t *match;	 /* NULL: none */
	uid_t match_uid; /* if conf has a match_user */
	bool scan_due;
	bool scan_owed; /* the table could not be read: try again */
	struct dw_timer scan_timer;
	int64_t scan_quick;
	char *lost; /* who has ended, or why none was found; or NULL */
	int lost_status;

	struct account account;
	struct account *hook_account; /* NULL: the same */

	struct unit_check *checks;
	size_t nchecks;

	/* Not to say the same failure again and again. */
	uint64_t said; /* which: a hash of its text */
	unsigned said_times;

	bool left;     /* let go of when daemonwatch ends */
	int64_t pause; /* until when it was paused; 0: it was not */
	bool down;     /* people were told so */
	bool held; /* an operator stopped it: so it stays, also when we end */
	bool settled; /* the supervisor knows */
};

/* unit.c */
struct unit *unit_new(struct supervisor *sup, const struct service_conf *conf);
void unit_free(struct unit *u);
void unit_event(struct unit *u, enum service_event_kind kind, const char *text);
void unit_step(struct unit *u, struct service_event *ev);
/* Stop looking after it, leave its processes as they are. */
void unit_leave(struct unit *u);
/* Its main process is this one, and none of our children. */
int unit_watch_main(struct unit *u, const struct dw_proc_id *id);
/* A child that an earlier daemonwatch started.  -1: it is gone. */
int unit_adopt(struct unit *u, const struct dw_proc_id *id);
/* "exited with status 1", "killed by signal 9 (SIGKILL)" */
const char *unit_status_text(int status, char *buf, size_t len);
/* Bytes that end a line or steer a terminal become '?'; ascii: all above too.
 */
void unit_clean_text(char *s, bool ascii);
uint64_t unit_hash(const char *s, size_t len);

/* What a program is started for decides what it gets. */
enum unit_role {
	ROLE_MAIN,    /* it is, or becomes, the service */
	ROLE_COMMAND, /* it stops it */
	ROLE_HOOK,
	ROLE_CHECK
};

/* unit_env.c */
/* To be freed by unit_env_free().  NULL with what is wrong in buf. */
char **unit_env(const struct unit *u, const struct account *a,
    enum unit_role role, char *buf, size_t len);
void unit_env_free(char **env);
/* Where in it the pid is to be written, NULL: nowhere. */
char *unit_env_pid(char **env, const struct unit *u, enum unit_role role);

/* unit_run.c */
/* Start the program, or a command.  -1 with what is wrong in buf. */
int unit_exec(struct unit *u, struct dw_child *child, char *const *argv,
    enum unit_role role, char *buf, size_t len);
/* The same for a check's command, whose output goes to the descriptor. */
int unit_exec_check(struct unit *u, struct dw_child *child, char *const *argv,
    const struct account *a, int out, char *buf, size_t len);

/* unit_proc.c */
/* For each process of the service, also a child's.  Ends at cb's non-0. */
int unit_pids(const struct unit *u,
    int (*cb)(const struct dw_proc_id *id, void *arg), void *arg);
void unit_signal(struct unit *u, int signo);
/* To the service itself, who may make of it what it likes. */
void unit_pass_signal(struct unit *u, int signo);
/* Is it the service's main process, or has come from it? */
bool unit_has_process(const struct unit *u, pid_t pid);
/* It says which of its processes is the main one. */
void unit_main_pid(struct unit *u, pid_t pid);
/* The main one has ended: the child it came from counts again, if it lives. */
bool unit_main_back(struct unit *u);
void unit_kill_rest(struct unit *u);
/* Of its child: does its end end its process group? */
int unit_kill_flags(const struct unit *u);
void unit_scan_begin(struct unit *u);
/* The process table has this one. */
void unit_scan_offer(struct unit *u, const struct dw_proc_info *info);
void unit_scan_end(struct unit *u);
void unit_scan_pace(struct unit *u);
/* The process table could not be read. */
void unit_scan_failed(struct unit *u);
/* It is stopped, or was not: signals sent for that are history. */
void unit_forget_signals(struct unit *u);
void unit_drop_procs(struct unit *u);

/* unit_check_beat.c */
/* It lives, or says that it does not. */
void unit_beat(struct unit *u, bool ill);
/* How often it has to say so; 0: never. */
int64_t unit_beat_timeout(const struct unit *u);

/* unit_notify.c */
bool unit_notify_wanted(const struct unit *u);
/* Have the socket, if it is wanted.  -1 with what is wrong in buf. */
int unit_notify_open(struct unit *u, char *buf, size_t len);
/* What was said in the last run is history. */
void unit_notify_begin(struct unit *u);
void unit_notify_close(struct unit *u);

/* unit_socket.c */
/* Have them all, as far as they are not open yet.  -1, and why in buf. */
int unit_sockets_open(struct unit *u, char *buf, size_t len);
/* remove: also the names of unix sockets, as nobody uses them any more. */
void unit_sockets_close(struct unit *u, bool remove);

/* unit_ready.c */
/* A descriptor for the program to write its newline to; -1 with errno. */
int unit_ready_begin(struct unit *u);
void unit_ready_pace(struct unit *u);
void unit_ready_stop(struct unit *u);

/* unit_check.c */
int unit_checks_init(struct unit *u);
void unit_checks_free(struct unit *u);
void unit_checks_stop(struct unit *u);
/* Ask all, now; what was asked before does not count. */
void unit_checks_ask(struct unit *u);
void unit_checks_pace(struct unit *u);
/* Whoever was asked has the answer; never from within ask(). */
void unit_check_answered(
    struct unit_check *c, const struct dw_probe_result *result, bool degraded);

/*
 * How a check of a kind is asked.  init and free: once, free also if init
 * failed (-1 with errno, what is wrong in buf).  ask: an answer follows
 * within its timeout and a bit, or -1.  cancel: none follows.  forget: what
 * is known of the last run means nothing for the next one; or NULL.
 */
struct check_way {
	bool alone; /* an UNKNOWN is its own, not everybody's: tell it */
	int (*init)(struct unit_check *c, char *buf, size_t len);
	void (*free)(struct unit_check *c);
	int (*ask)(struct unit_check *c);
	void (*cancel)(struct unit_check *c);
	void (*forget)(struct unit_check *c);
};
/* What a prober is asked; "" where the check has none. */
struct dw_probe_tcp unit_check_tcp(const struct check_conf *conf);
extern const struct check_way check_way_net;	 /* unit_check_net.c: prober */
extern const struct check_way check_way_exec;	 /* unit_check_exec.c */
extern const struct check_way check_way_listen;	 /* unit_check_listen.c */
extern const struct check_way check_way_process; /* unit_check_process.c */
extern const struct check_way check_way_beat;	 /* unit_check_beat.c */
extern const struct check_way check_way_web;	 /* unit_check_web.c: curl's */
/* Is it the command of one of its checks? */
bool unit_checks_run(const struct unit *u, pid_t pid);
bool unit_check_exec_runs(const struct unit_check *c, pid_t pid);

#endif
