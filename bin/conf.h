/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The configuration as it was read: daemonwatch.conf(5).  Parsing touches
 * nothing but the files; a struct config owns all it points to and never
 * changes once it is made.
 */
#ifndef BIN_CONF_H
#define BIN_CONF_H

#include <sys/types.h>
#include <sys/socket.h>

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "daemonwatch.h"
#include "cond.h"
#include "limit.h"

/* Where something stands, for messages and for the difference at reload. */
struct config_pos {
	const char *file; /* owned by the config */
	unsigned line;	  /* 0: the file as a whole */
	unsigned column;  /* in characters */
};

enum service_type {
	SERVICE_CHILD,
	SERVICE_DETACHED
};
enum on_exit {
	ON_EXIT_STOP,
	ON_EXIT_LEAVE
};
/* Whom the signals go to. */
enum kill_scope {
	KILL_DEFAULT, /* a child: its process group; detached: each process */
	KILL_PROCESS,
	KILL_GROUP
};
#define STOP_STEPS_MAX 8
struct stop_step {
	int signo;
	int64_t wait; /* 0: for ever */
};
/* What is done when a service has ended by itself. */
enum restart_policy {
	RESTART_ALWAYS,
	RESTART_ON_FAILURE,
	RESTART_NEVER
};
/* Ways to end: exit statuses, and signals from 1 to 64. */
struct end_set {
	uint64_t codes[4];
	uint64_t signals;
	bool given;
};
enum ready_kind {
	READY_DEFAULT, /* child: at once; detached: the process is found */
	READY_AT_ONCE,
	READY_CHECK,  /* ready_check */
	READY_DELAY,  /* ready_delay */
	READY_NOTIFY, /* READY=1 of sd_notify(3) */
	READY_FD,     /* a newline on its descriptor ready_fd */
	READY_PIDFILE /* pidfile names a process of its */
};
/* A kind of check is a block of its name; config_type.c has the table. */
enum check_kind {
	CHECK_TCP,
	CHECK_UNIX,
	CHECK_UDP,
	CHECK_LISTEN,
	CHECK_EXEC,
	CHECK_PROCESS,
	CHECK_FILE,
	CHECK_SPACE,
	CHECK_HEARTBEAT,
	CHECK_HTTP,
	CHECK_KINDS
};

struct command {
	char **argv; /* NULL: none; a string became {"/bin/sh", "-c", s} */
};

/* What the language allows at most. */
#define CONFIG_FILE_MAX (16u << 20) /* bytes */
#define CONFIG_FILES_MAX 10000u
#define CONFIG_INCLUDE_DEPTH 8
#define CONFIG_NAME_MAX 64u /* of services and checks */
#define CONFIG_SERVICES_MAX 65536u
#define CONFIG_CHECKS_MAX 256u /* of one service */
#define CONFIG_LIST_MAX 4096u  /* arguments, variables */
#define CONFIG_COND_MAX 1024u  /* atoms and operators of a condition */
#define CONFIG_ALERTS_MAX 100u
#define CONFIG_REGEX_MAX 1024u /* bytes */
#define CONFIG_FD_MAX 1023
#define CONFIG_INSTANCES_MAX 1000u
#define CONFIG_SOCKETS_MAX 32u /* of one service */
#define CONFIG_DURATION_MAX (INT64_C(36500) * 86400 * 1000000000)

struct wire_status;

/* HTTP, and below that what TLS has also in tcp checks. */
struct web_conf {
	char *url;
	char *method;	/* NULL: GET, or POST with something to send */
	char **headers; /* NULL-ended, or NULL */
	struct wire_status *status;
	size_t nstatus; /* 0: 200 to 399 */
	char *auth_file;
	char *ca_file;
	char *server_name;
	int64_t expires_within; /* 0: any time will do */
	bool redirects;
	bool verify;
};

struct check_conf {
	enum check_kind kind;
	char *name;
	struct config_pos pos;
	int64_t interval;
	int64_t timeout; /* never above interval */
	unsigned fall;
	unsigned rise;
	/* What a kind has not is NULL or 0. */
	char *host; /* without brackets */
	char *port;
	char *source; /* a local address */
	char *path;
	char *send; /* NULL: none; may hold NUL bytes */
	size_t send_len;
	char *expect;	      /* with send no longer than WIRE_DATA_MAX */
	bool exists;	      /* the file should be there */
	bool owned;	      /* the socket should be the service's own */
	struct limit *limits; /* LIMITS of them, or NULL: none */
	bool tls;	      /* of a tcp check */
	struct web_conf *web; /* NULL: neither HTTP nor TLS */
	struct command command;
	char *user; /* NULL: the service's */
};

/* "tcp" */
const char *check_kind_name(enum check_kind kind);

/* Another service, by its name. */
struct service_ref {
	char *name;
	struct config_pos pos;
	uint32_t index; /* in the config's services */
};
struct service_refs {
	struct service_ref *refs;
	size_t n;
};

#define COUNT_MAX UINT32_MAX

/* A socket that is opened for a service. */
struct socket_conf {
	char *text; /* "tcp:127.0.0.1:80" */
	char *name; /* NULL: the service's */
	int type;   /* SOCK_STREAM, SOCK_DGRAM */
	bool local; /* a unix socket */
	bool any;   /* all addresses, of IPv6 and IPv4 */
	struct sockaddr_storage addr;
	socklen_t addr_len;
	int backlog;
	int mode; /* of a unix socket */
	char *user, *group;
};

#define PROCESS_UNSET INT_MIN

struct service_conf {
	char *name;
	struct config_pos pos;
	unsigned instances; /* of its block; 0: it is just one service */
	unsigned instance;  /* which of them it is, from 1 on */
	char *instance_of;  /* the block's name, NULL: it is no instance */
	enum service_type type;
	/* Finding the processes of a detached service: exactly one of these. */
	char *match;
	char *match_user; /* only processes of this user; NULL: of any */
	char *pidfile;	  /* of a child: for READY_PIDFILE */
	uint32_t count_min;
	uint32_t count_max; /* COUNT_MAX: no limit */
	bool count_set; /* written by the user, with match: then also counted */
	/* Commands. */
	struct command start;
	struct command stop;
	struct command before_start;
	struct command after_start;
	struct command after_stop;
	/* Times, nanoseconds, above 0 (backoff: or both 0). */
	int64_t interval;
	int64_t start_timeout;
	int64_t stop_timeout;
	int64_t hook_timeout;
	int64_t backoff_min;
	int64_t backoff_max;
	int64_t stable;
	/* give-up = 5 in 10m: 0 never */
	unsigned give_up;
	int64_t give_up_within;
	int64_t hold; /* then try again after this; 0: not by itself */
	/* Order: there is no cycle over both. */
	struct service_refs requires;
	struct service_refs after;
	/* Deciding. */
	struct cond restart_when;
	struct cond warn_when; /* len 0: none */
	struct cond up_when;   /* len 0: when it is ready */
	enum ready_kind ready;
	size_t ready_check;
	int64_t ready_delay;
	int ready_fd;
	enum restart_policy restart;
	struct end_set success_exit;
	struct end_set restart_on;    /* whatever restart says */
	struct end_set no_restart_on; /* whatever those two say */
	bool start_timeout_fails;     /* else the start is tried again */
	bool critical;		      /* `run' ends with it */
	enum on_exit on_exit;
	/* A signal, how long it has, the next one; the last may have no end. */
	struct stop_step stop_steps[STOP_STEPS_MAX];
	unsigned nstop_steps;
	enum kill_scope kill_scope;
	int stop_signal; /* of stop-signal, for stop_steps */
	/* The process' surroundings. */
	char *user; /* NULL: ours */
	char *group;
	char *cwd;     /* "/" if not written */
	char **env;    /* "NAME=value", NULL-ended, or NULL */
	int umask;     /* 022 if not written */
	char *log;     /* NULL: none */
	char **groups; /* besides the user's; NULL-ended, or NULL */
	struct dw_spawn_rlimit *limits;
	size_t nlimits;
	int nice;      /* or PROCESS_UNSET */
	int oom_score; /* or PROCESS_UNSET */
	bool no_new_privileges;
	bool clean_env;	 /* nothing of ours */
	char *env_file;	 /* a '-' in front: it may be missing */
	char *in;	 /* a path */
	char *out, *err; /* paths; NULL: as log says */
	char *hook_user; /* NULL: user */
	char **socket_texts;
	struct socket_conf *sockets;
	size_t nsockets;
	struct check_conf *checks;
	size_t nchecks;
};

enum alert_event {
	ALERT_FAILING,
	ALERT_DOWN,
	ALERT_UP,
	ALERT_GIVE_UP,
	ALERT_DEGRADED,
	ALERT_EVENTS
};

/* Whom to tell. */
struct alert_conf {
	struct config_pos pos;
	struct command exec;
	char **mail; /* addresses, or NULL */
	char *from;
	char *sendmail;
	unsigned on;	 /* a bit for each event */
	int64_t every;	 /* 0: each as it comes */
	int64_t timeout; /* of the program that tells */
	char **services; /* patterns, or NULL: all */
};

/* "give-up" */
const char *alert_event_name(enum alert_event event);

struct config {
	char *runtime_dir; /* NULL: the default, runtime_default() */
	char *log;	   /* NULL: stderr in front, syslog behind */
	char *prober_user; /* NULL: nobody */
	struct service_conf *services; /* in the order of the files */
	size_t nservices;
	struct alert_conf *alerts;
	size_t nalerts;
	char **files; /* the names that positions point to */
	size_t nfiles;
	/* private */
	struct config_mem *mem; /* all of the above */
	char *shared;		/* the last block for small texts */
	size_t shared_used;
};

/*
 * What is wrong, one call each, sorted by file and line.  text has neither
 * the position nor a newline in it, and nothing that could steer a terminal.
 */
typedef void config_error_cb(
    const struct config_pos *pos, const char *text, void *arg);
/*
 * One of them: writes "file:line:column: text" and a newline to the FILE that
 * arg is; without line and column for a file as a whole.
 */
void config_error_print(
    const struct config_pos *pos, const char *text, void *arg);

/*
 * Read a file and what it includes.  NULL when anything is wrong; every error
 * of every file has been reported then.  Unless trust is set, files that
 * others than root or this user own or can write are refused.
 */
struct config *config_read(
    const char *path, bool trust, config_error_cb *cb, void *arg);
/*
 * The same from memory; name stands for it in messages.  Such a text cannot
 * include files.
 */
struct config *config_parse(const char *name, const char *text, size_t len,
    config_error_cb *cb, void *arg);
/*
 * The runtime-dir that a file gives, whatever else is wrong with it: whoever
 * asks a running daemonwatch must reach it also when a program has gone since
 * or the file is being edited.  Allocated; NULL: none is given.
 */
char *config_runtime_dir(const char *path);
void config_free(struct config *c);

const struct service_conf *config_find(
    const struct config *c, const char *name);
/* Write it out in full, every default filled in; it can be read again. */
int config_print(const struct config *c, FILE *f);
/* A string as the language writes it, quotes included. */
int config_print_string(FILE *f, const char *s, size_t len);

#endif
