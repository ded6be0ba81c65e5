/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What the parts of the state machine share: service.c (events),
 * service_run.c (starting and judging), service_stop.c (stopping and what
 * comes after), service_order.c (waiting for others).  A step is one call of
 * service_step().
 */
#ifndef BIN_SERVICE_INT_H
#define BIN_SERVICE_INT_H

#include "service.h"

struct step {
	struct service *sv;
	const struct service_event *ev;
	struct service_actions *out;
};

/* service.c */
struct service_action *step_act(struct step *st, enum service_action_kind kind);
/* Change of state (told) and phase; the text is its cause. */
void step_enter(struct step *st, enum service_state state,
    enum service_phase phase, const char *fmt, ...) DW_PRINTF(4, 5);
void step_phase(struct step *st, enum service_phase phase);
void step_deadline(struct step *st, int64_t delay);
void step_note(struct step *st, const char *fmt, ...) DW_PRINTF(2, 3);
void step_run(struct step *st, enum service_command command, int64_t timeout);
void step_kill_cmd(struct step *st, int signo);
/* "10s", "1.5s", "200ms" */
const char *step_duration(int64_t ns, char *buf, size_t len);
/* Of none found some time ago: someone else may have started it since. */
void step_doubt_count(struct service *sv);
/* No old answer counts any more. */
void step_forget_checks(struct service *sv);

/* service_run.c */
void run_begin(struct step *st, const char *why);
void run_look(struct step *st, const char *why);
void run_spawned(struct step *st);
void run_start_failed(struct step *st, const char *what, const char *text);
void run_exited(struct step *st);
void run_procs(struct step *st);
void run_check(struct step *st);
void run_told(struct step *st);
void run_timer(struct step *st);
void run_cmd_done(struct step *st, bool ok, const char *text);
void run_adopted(struct step *st);
/* At the end of each step: is there anything to warn of, or no more? */
void run_warn(struct step *st);
/* Does its being ready depend on the answer of a check? */
bool run_ready_asks(const struct service_conf *conf);
/* Paused, it ran: judge what has become of it. */
void run_resumed(struct step *st, const char *why);

/* service_stop.c */
void stop_begin(struct step *st, bool again, const char *why);
void stop_timer(struct step *st);
/* Neither a command nor a spawn is out: do what is to be done first. */
void stop_first(struct step *st);
void stop_cmd_done(struct step *st, bool ok, const char *text);
/* Its processes may all be gone now. */
void stop_progress(struct step *st);
/* Nothing of the instance is left. */
void stop_end_of_run(struct step *st);

/* service_end.c */
enum service_outcome end_of_process(const struct service *sv);
enum service_outcome end_of_failure(const struct service *sv);
/* Stop what is left of it, and then that. */
void end_stop(struct step *st, enum service_outcome outcome, const char *why);
void end_final(struct step *st);

/* service_pause.c */
void pause_begin(struct step *st);
void pause_end(struct step *st, const char *why);
/* At the end of each step: is it to be paused, and at rest now? */
void pause_settle(struct step *st);
/* It would be started again now: not if it is to be paused. */
bool pause_instead(struct step *st);
void pause_lost(struct step *st);
void pause_procs(struct step *st);

/* service_order.c */
void order_told(struct step *st);
void order_yield(struct step *st);

#endif
