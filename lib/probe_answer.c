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

#define IN_FIRST 1024u	/* the buffer at first; so far each read is matched */
#define IN_MAX 65536u	/* what an answer may be long */
#define READS_IN_TURN 4 /* then the other probes have their turn */
#define MATCH_DELAY (50 * DW_MS)

/* True when the run is over. */
static bool
match(struct dw_probe_run *run)
{
	char who[96], why[64];
	int error;

	dw_timer_stop(&run->match_at);
	run->matched = run->in_len;
	run->in[run->in_len] = '\0';
	error = regexec(&run->regex, run->in, 0, NULL, 0);
	if (error == REG_NOMATCH)
		return (false);
	(void)probe_peer(run, who, sizeof(who));
	if (error == 0) {
		probe_finish(run, DW_PROBE_OK, 0, "%s answered", who);
	} else {
		(void)regerror(error, &run->regex, why, sizeof(why));
		probe_finish(run, DW_PROBE_UNKNOWN, ENOMEM,
		    "answer from %s: %s", who, why);
	}
	return (true);
}

/*
 * To match all that there is after each read would let one who sends byte by
 * byte eat the processor: beyond the first KiB it is matched when it has grown
 * by an eighth, or some time later.
 */
static bool
match_grown(struct dw_probe_run *run)
{
	if (run->in_len <= IN_FIRST ||
	    run->in_len - run->matched >= run->matched / 8)
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
	return (!run->any && run->in_len > run->matched && match(run));
}

static int
make_room(struct dw_probe_run *run)
{
	size_t size = run->in_size == 0 ? IN_FIRST : run->in_size * 2;
	char *in;

	/* What does not fit of a datagram is lost. */
	if (run->kind == PROBE_UDP)
		size = IN_MAX;

	if (run->in_len < run->in_size)
		return (0);
	/* One more, for regexec()'s NUL. */
	if ((in = realloc(run->in, size + 1)) == NULL)
		return (-1);
	run->in = in;
	run->in_size = size;
	return (0);
}

static void
take(struct dw_probe_run *run, size_t n)
{
	char *p = run->in + run->in_len, *end = p + n;

	if (run->in_len < PROBE_HEAD) {
		size_t room = PROBE_HEAD - run->in_len;

		memcpy(run->head + run->in_len, p, n < room ? n : room);
	}
	while ((p = memchr(p, '\0', (size_t)(end - p))) != NULL)
		*p = '\001';
	run->in_len += n;
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
		    probe_got(run, what, sizeof(what)));
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
	ssize_t n;
	int i;

	for (i = 0; i < READS_IN_TURN; i++) {
		if (make_room(run) == -1) {
			probe_finish(run, DW_PROBE_UNKNOWN, ENOMEM, "%s",
			    strerror(ENOMEM));
			return (true);
		}
		n = recv(run->fd, run->in + run->in_len,
		    run->in_size - run->in_len, MSG_DONTWAIT);
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
		take(run, (size_t)n);
		if (run->in_len == IN_MAX) {
			if (!probe_match_rest(run))
				probe_finish(run, DW_PROBE_FAILED, 0,
				    "no answer matching '%s' in %u bytes "
				    "(got %s)",
				    probe_wanted(run, want, sizeof(want)),
				    IN_MAX, probe_got(run, what, sizeof(what)));
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
