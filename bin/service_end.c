/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The state machine of one service: what comes of a service that has ended,
 * or whose start has failed, by how it ended and by what its configuration
 * says about that.
 */
#include "config.h"

#include <sys/wait.h>

#include <stdio.h>

#include "service_int.h"

static bool
has(const struct end_set *set, int status)
{
	if (status == DW_STATUS_NONE)
		return (false);
	if (WIFEXITED(status)) {
		unsigned code = (unsigned)WEXITSTATUS(status);

		return ((set->codes[code / 64] >> code % 64 & 1) != 0);
	}
	if (!WIFSIGNALED(status) || WTERMSIG(status) > 64)
		return (false);
	return ((set->signals >> (WTERMSIG(status) - 1) & 1) != 0);
}

/* What is not known is no success. */
enum service_outcome
end_of_process(const struct service *sv)
{
	const struct service_conf *conf = sv->conf;
	enum service_outcome end =
	    has(&conf->success_exit, sv->lost_status) ? OUT_DONE : OUT_FAILED;

	if (has(&conf->no_restart_on, sv->lost_status))
		return (end);
	if (has(&conf->restart_on, sv->lost_status) ||
	    conf->restart == RESTART_ALWAYS)
		return (OUT_AGAIN);
	if (conf->restart == RESTART_ON_FAILURE && end == OUT_FAILED)
		return (OUT_AGAIN);
	return (end);
}

/* Nothing has ended, but it is no good. */
enum service_outcome
end_of_failure(const struct service *sv)
{
	return (sv->conf->restart == RESTART_NEVER ? OUT_FAILED : OUT_AGAIN);
}

/* Its cause: that it is not to be started again, and by which key. */
void
end_stop(struct step *st, enum service_outcome outcome, const char *why)
{
	struct service *sv = st->sv;
	char text[SERVICE_TEXT];

	sv->outcome = outcome;
	if (outcome == OUT_AGAIN) {
		stop_begin(st, true, why);
		return;
	}
	snprintf(text, sizeof(text), "%.180s; it is not started again", why);
	stop_begin(st, false, text);
}

/* Nothing of it is left, and nothing is to come. */
void
end_final(struct step *st)
{
	struct service *sv = st->sv;

	sv->settled = true;
	if (sv->outcome == OUT_FAILED) {
		step_enter(st, SV_FAILED, PH_NONE, "%s", sv->cause);
		return;
	}
	sv->want = false;
	sv->finished = true;
	step_enter(st, SV_STOPPED, PH_NONE, "%s", sv->cause);
}

bool
service_is_over(const struct service *sv)
{
	if (sv->state == SV_FAILED)
		return (sv->deadline == SERVICE_NEVER);
	return (sv->state == SV_STOPPED && sv->finished);
}

int
service_exit_status(const struct service *sv)
{
	int end = sv->lost_status;
	int status = 0;

	if (end != DW_STATUS_NONE && WIFEXITED(end))
		status = WEXITSTATUS(end);
	else if (end != DW_STATUS_NONE && WIFSIGNALED(end) && !sv->finished)
		status = 128 + WTERMSIG(end);
	return (status == 0 && !sv->finished ? 1 : status);
}
