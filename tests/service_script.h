/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Scripts for the state machine of a service: a line is an event at a time,
 * and what the machine is to do about it.
 */
#ifndef TESTS_SERVICE_SCRIPT_H
#define TESTS_SERVICE_SCRIPT_H

#include "service_model.h"

#define NITEMS(a) (sizeof(a) / sizeof((a)[0]))

struct line {
	int no;	    /* in the source */
	int64_t at; /* milliseconds */
	struct service_event ev;
	const char *actions; /* as model_actions() writes them */
	int64_t deadline;    /* in milliseconds, or NONE */
	const char *cause;   /* a part of it; NULL: anything */
};

#define NONE INT64_MAX
#define AT(ms, ev, actions, deadline)                     \
	{                                                 \
		__LINE__, ms, ev, actions, deadline, NULL \
	}
/* The same, and the cause has these words in it. */
#define WHY(ms, ev, actions, deadline, cause)              \
	{                                                  \
		__LINE__, ms, ev, actions, deadline, cause \
	}

#define START                    \
	{                        \
		.kind = SE_START \
	}
#define STOP                    \
	{                       \
		.kind = SE_STOP \
	}
#define STOP_AS(why)                           \
	{                                      \
		.kind = SE_STOP, .text = (why) \
	}
#define RESTART                    \
	{                          \
		.kind = SE_RESTART \
	}
#define TIMER                    \
	{                        \
		.kind = SE_TIMER \
	}
#define SPAWNED                    \
	{                          \
		.kind = SE_SPAWNED \
	}
#define NOT_SPAWNED                                             \
	{                                                       \
		.kind = SE_SPAWN_FAILED, .text = "no such file" \
	}
#define ADOPTED                                                    \
	{                                                          \
		.kind = SE_ADOPTED, .text = "found running, pid 7" \
	}
#define EXITED                                                               \
	{                                                                    \
		.kind = SE_EXITED, .status = 9, .text = "killed by signal 9" \
	}
#define PROCS(n)                               \
	{                                      \
		.kind = SE_PROCS, .count = (n) \
	}
#define LOST(n)                                                         \
	{                                                               \
		.kind = SE_PROCS, .count = (n), .text = "pid 7 is gone" \
	}
#define READY                    \
	{                        \
		.kind = SE_READY \
	}
#define DONE                                    \
	{                                       \
		.kind = SE_CMD_DONE, .ok = true \
	}
#define FAILED                                                      \
	{                                                           \
		.kind = SE_CMD_DONE, .text = "exited with status 1" \
	}
#define WELL(i)                                               \
	{                                                     \
		.kind = SE_CHECK, .check = (i), .answer = YES \
	}
#define ILL(i)                                                \
	{                                                     \
		.kind = SE_CHECK, .check = (i), .answer = NO, \
		.text = "refused"                             \
	}
#define SILENT(i)                                                 \
	{                                                         \
		.kind = SE_CHECK, .check = (i), .answer = UNKNOWN \
	}

/* Without jitter; from a fresh service. */
void script_begin(struct model *m, const struct model_conf *conf);
void script_go_on(struct model *m, const struct line *lines, size_t n);
void script_step(struct model *m, int64_t ms, struct service_event ev);

#define GO_ON(m, lines) script_go_on(m, lines, NITEMS(lines))
#define PLAY(conf, lines)                  \
	do {                               \
		struct model play;         \
                                           \
		script_begin(&play, conf); \
		GO_ON(&play, lines);       \
	} while (0)

#endif
