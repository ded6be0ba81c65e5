/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * A probe's conversation: everything is sent, and what comes is matched as it
 * comes, at most 64 KiB of it.  The regular expression sees all of that as one
 * string.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "daemonwatch.h"
#include "probe.h"

#define READS_IN_TURN 4 /* then the other probes have their turn */

/* True when the run is over. */
static bool
match(struct dw_probe_run *run)
{
	char who[96], why[64];
	int error;

	dw_timer_stop(&run->match_at);
	error = match_try(&run->match);
	if (error == REG_NOMATCH)
		return (false);
	(void)probe_peer(run, who, sizeof(who));
	if (error == 0) {
		probe_finish(run, DW_PROBE_OK, 0, "%s answered", who);
	} else {
		(void)regerror(error, &run->match.regex, why, sizeof(why));
		probe_finish(run, DW_PROBE_UNKNOWN, ENOMEM,
		    "answer from %s: %s", who, why);
	}
	return (true);
}

static bool
match_grown(struct dw_probe_run *run)
{
	if (match_due(&run->match))
		return (match(run));
	if (!dw_timer_active(&run->match_at))
		dw_timer_start(run->loop, &run->match_at, MATCH_DELAY);
	return (false);
}

void
probe_match_timer(struct dw_timer *timer)
{
	(void)match(timer->arg);
}

/* What has come is matched to its end before anything else is said. */
bool
probe_match_rest(struct dw_probe_run *run)
{
	return (!run->any && run->match.len > run->match.tried && match(run));
}

static int
make_room(struct dw_probe_run *run)
{
	const struct match *m = &run->match;

	/* What does not fit of a datagram is lost. */
	return (match_room(&run->match,
	    (run->kind == PROBE_UDP) ? MATCH_MAX :
		m->len == m->size    ? m->size + 1 :
				       m->size));
}

/* The other side has ended it: with an errno, or in good order. */
static void
closed(struct dw_probe_run *run, int error)
{
	char who[96], want[40], what[48];

	if (probe_match_rest(run))
		return;
	if (error == 0)
		probe_finish(run, DW_PROBE_FAILED, 0,
		    "closed without an answer matching '%s' (got %s)",
		    probe_wanted(run, want, sizeof(want)),
		    probe_got(&run->match, what, sizeof(what)));
	else
		probe_finish(run, probe_blame(error), error,
		    "answer from %s: %s", probe_peer(run, who, sizeof(who)),
		    strerror(error));
}

/* True when the run is over. */
static bool
receive(struct dw_probe_run *run)
{
	char who[96], want[40], what[48];
	struct match *m = &run->match;
	ssize_t n;
	int i;

	for (i = 0; i < READS_IN_TURN; i++) {
		if (make_room(run) == -1) {
			probe_finish(run, DW_PROBE_UNKNOWN, ENOMEM, "%s",
			    strerror(ENOMEM));
			return (true);
		}
		n = recv(
		    run->fd, m->in + m->len, m->size - m->len, MSG_DONTWAIT);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return (false);
		if (run->any && n >= 0) {
			probe_finish(run, DW_PROBE_OK, 0, "%s answered",
			    probe_peer(run, who, sizeof(who)));
			return (true);
		}
		if (n == 0 && run->kind == PROBE_UDP)
			continue;
		if (n <= 0) {
			closed(run, n == 0 ? run->broken : errno);
			return (true);
		}
		match_take(m, (size_t)n);
		if (m->len == MATCH_MAX) {
			if (!probe_match_rest(run))
				probe_finish(run, DW_PROBE_FAILED, 0,
				    "no answer matching '%s' in %u bytes "
				    "(got %s)",
				    probe_wanted(run, want, sizeof(want)),
				    MATCH_MAX,
				    probe_got(&run->match, what, sizeof(what)));
			return (true);
		}
		if (match_grown(run))
			return (true);
	}
	return (false);
}

/* True when the run is over. */
static bool
transmit(struct dw_probe_run *run)
{
	char who[96];
	ssize_t n;

	while (run->sent < run->send_len) {
		n = send(run->fd, run->send + run->sent,
		    run->send_len - run->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return (false);
		if (n == -1) {
			run->broken = errno;
			/* It may have answered before it closed. */
			if (run->expecting && receive(run))
				return (true);
			probe_finish(run, probe_blame(run->broken), run->broken,
			    "send to %s: %s", probe_peer(run, who, sizeof(who)),
			    strerror(run->broken));
			return (true);
		}
		run->sent += (size_t)n;
	}
	return (false);
}

/* True when the run is over. */
bool
probe_talk(struct dw_probe_run *run)
{
	char who[96];
	unsigned want;
	int error;

	if (transmit(run))
		return (true);
	if (run->expecting) {
		if (receive(run))
			return (true);
	} else if (run->sent == run->send_len) {
		probe_finish(run, DW_PROBE_OK, 0, "%s %s",
		    probe_peer(run, who, sizeof(who)),
		    run->send_len > 0 ? "took what was sent" : "accepted");
		return (true);
	}
	want = (run->expecting ? DW_READ : 0) |
	    (run->sent < run->send_len ? DW_WRITE : 0);
	if (dw_io_modify(&run->io, want) == -1) {
		error = errno;
		probe_finish(
		    run, DW_PROBE_UNKNOWN, error, "%s", strerror(error));
		return (true);
	}
	return (false);
}
