/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * A connection with a deadline: does somebody accept it, and say what is
 * expected?  It tells "the service does not" from "we could not ask", which is
 * UNKNOWN.  No TLS, no protocol of its own; when to ask, and how often, is the
 * caller's.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <netinet/in.h>

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemonwatch.h"
#include "probe.h"
#include "resolve.h"

/*
 * A deadline that is noticed later than this passed while we did not run, and
 * the other side is not to blame for what we missed.
 */
#define LATE (500 * DW_MS)
#define AGAIN_DELAY (20 * DW_MS)

static void
hang_up(struct dw_probe_run *run)
{
	char junk[4096];
	int i;

	if (run->fd == -1)
		return;
	dw_io_stop(&run->io);
	/*
	 * A close with bytes unread is a reset for the other side; a greeting
	 * that nobody asked for must not become one.  A flood may.
	 */
	for (i = 0; i < 16; i++) {
		if (recv(run->fd, junk, sizeof(junk), MSG_DONTWAIT) <= 0)
			break;
	}
	(void)close(run->fd);
	run->fd = -1;
}

static void
destroy(struct dw_probe_run *run)
{
	dw_defer_stop(&run->begin);
	dw_timer_stop(&run->timer);
	dw_timer_stop(&run->match_at);
	dw_timer_stop(&run->again);
	resolve_stop(&run->names);
	hang_up(run);
	match_free(&run->match, run->expecting && !run->any);
	free(run);
}

static void vreport(const struct dw_probe_run *run, struct dw_probe_result *res,
    enum dw_probe_outcome outcome, int error, const char *fmt, va_list ap)
    DW_PRINTF(5, 0);
static void keep(struct dw_probe_run *run, enum dw_probe_outcome outcome,
    int error, const char *fmt, ...) DW_PRINTF(4, 5);

static void
vreport(const struct dw_probe_run *run, struct dw_probe_result *res,
    enum dw_probe_outcome outcome, int error, const char *fmt, va_list ap)
{
	memset(res, 0, sizeof(*res));
	res->outcome = outcome;
	res->error = error;
	res->latency = dw_clock() - run->start;
	(void)vsnprintf(res->text, sizeof(res->text), fmt, ap);
}

static void
deliver(struct dw_probe_run *run, const struct dw_probe_result *result)
{
	struct dw_probe_result res = *result;
	struct dw_probe *probe = run->probe;

	/* The callback may free the probe, or start it again. */
	destroy(run);
	probe->run = NULL;
	probe->cb(probe, &res);
}

void
probe_finish(struct dw_probe_run *run, enum dw_probe_outcome outcome, int error,
    const char *fmt, ...)
{
	struct dw_probe_result res;
	va_list ap;

	va_start(ap, fmt);
	vreport(run, &res, outcome, error, fmt, ap);
	va_end(ap);
	deliver(run, &res);
}

/*
 * One address failed.  That it is not there for us says less than that its
 * host refuses, and what is our own trouble says nothing.
 */
static void
keep(struct dw_probe_run *run, enum dw_probe_outcome outcome, int error,
    const char *fmt, ...)
{
	va_list ap;
	int rank;

	if (outcome == DW_PROBE_UNKNOWN)
		rank = 1;
	else
		rank = error == ENETUNREACH || error == EHOSTUNREACH ? 2 : 3;
	if (rank <= run->kept_rank)
		return;
	run->kept_rank = rank;
	va_start(ap, fmt);
	vreport(run, &run->kept, outcome, error, fmt, ap);
	va_end(ap);
}

/*
 * What the system had no room or no permission for is no word of the service.
 * EADDRNOTAVAIL: no port of ours is left (or IPv6 is off); EAGAIN: the same on
 * Linux before 2.6.28; EPERM, EACCES: a packet filter or policy stopped us.
 */
enum dw_probe_outcome
probe_blame(int error)
{
	switch (error) {
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOBUFS:
	case ENOSPC:
	case EAGAIN:
	case EADDRINUSE:
	case EADDRNOTAVAIL:
	case EAFNOSUPPORT:
	case EPROTONOSUPPORT:
	case EACCES:
	case EPERM:
	case EINVAL:
		return (DW_PROBE_UNKNOWN);
	default:
		return (DW_PROBE_FAILED);
	}
}

static bool
exhausted(int error)
{
	return (error == EMFILE || error == ENFILE || error == ENOMEM ||
	    error == ENOBUFS || error == ENOSPC);
}

static void try_next(struct dw_probe_run *run);
static int connect_to(struct dw_probe_run *run, const struct resolve_addr *a);

static void
connect_failed(struct dw_probe_run *run, int error)
{
	char who[96];

	(void)probe_peer(run, who, sizeof(who));
	hang_up(run);
	if (error == EAGAIN && run->kind == PROBE_UNIX) {
		/* Linux does not wait for room in the queue, we do. */
		dw_timer_start(run->loop, &run->again, AGAIN_DELAY);
		return;
	}
	if (exhausted(error)) {
		probe_finish(run, DW_PROBE_UNKNOWN, error, "connect to %s: %s",
		    who, strerror(error));
		return;
	}
	keep(run, probe_blame(error), error, "connect to %s: %s", who,
	    strerror(error));
	try_next(run);
}

/*
 * With nobody listening on a port that may also be given to clients, a kernel
 * can connect a socket on the same host to itself (a simultaneous open).
 */
static bool
met_itself(int fd, const struct sockaddr_storage *peer)
{
	struct sockaddr_storage self;
	const struct sockaddr_in *a, *b;
	const struct sockaddr_in6 *a6, *b6;
	socklen_t len = sizeof(self);

	if (getsockname(fd, (struct sockaddr *)&self, &len) == -1 ||
	    self.ss_family != peer->ss_family)
		return (false);
	switch (self.ss_family) {
	case AF_INET:
		a = (const struct sockaddr_in *)&self;
		b = (const struct sockaddr_in *)peer;
		return (a->sin_port == b->sin_port &&
		    a->sin_addr.s_addr == b->sin_addr.s_addr);
	case AF_INET6:
		a6 = (const struct sockaddr_in6 *)&self;
		b6 = (const struct sockaddr_in6 *)peer;
		return (a6->sin6_port == b6->sin6_port &&
		    memcmp(&a6->sin6_addr, &b6->sin6_addr,
			sizeof(a6->sin6_addr)) == 0);
	default:
		return (false);
	}
}

/* An orderly close would keep the port from the service in TIME_WAIT. */
static void
reset_at_close(int fd)
{
	struct linger linger = {.l_onoff = 1, .l_linger = 0};

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

static void
connect_ended(struct dw_probe_run *run)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(int);
	int error;

	if (getsockopt(run->fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		error = errno;
	len = sizeof(peer);
	/* It was connected, and is no more. */
	if (error == 0 &&
	    getpeername(run->fd, (struct sockaddr *)&peer, &len) == -1)
		error = ECONNRESET;
	if (error == 0 && met_itself(run->fd, &peer)) {
		reset_at_close(run->fd);
		error = ECONNREFUSED;
	}
	if (error != 0) {
		connect_failed(run, error);
		return;
	}
	/* The first that accepts is asked; the others' time is its. */
	run->stage = PROBE_TALKING;
	run->until = run->deadline;
	dw_timer_at(run->loop, &run->timer, run->until);
	(void)probe_talk(run);
}

static void
ready(struct dw_io *io, unsigned events)
{
	struct dw_probe_run *run = io->arg;

	(void)events;
	if (run->stage == PROBE_CONNECTING)
		connect_ended(run);
	else
		(void)probe_talk(run);
}

static void
try_again(struct dw_timer *timer)
{
	struct dw_probe_run *run = timer->arg;
	int error = connect_to(run, &run->names.answer.addrs[run->next - 1]);

	if (error != 0)
		connect_failed(run, error);
}

/* 0 when it is under way, else an errno. */
static int
connect_to(struct dw_probe_run *run, const struct resolve_addr *a)
{
	int type = (run->kind == PROBE_UDP) ? SOCK_DGRAM : SOCK_STREAM;

	if (run->source_len > 0 && run->source.ss_family != a->sa.ss_family)
		return (EADDRNOTAVAIL);
	run->fd =
	    socket(a->sa.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (run->fd == -1)
		return (errno);
	if (run->source_len > 0 &&
	    bind(run->fd, (const struct sockaddr *)&run->source,
		run->source_len) == -1)
		return (errno);
	if (connect(run->fd, (const struct sockaddr *)&a->sa, a->len) == -1 &&
	    errno != EINPROGRESS && errno != EINTR)
		return (errno);
	run->io = (struct dw_io) {.cb = ready, .arg = run};
	if (dw_io_start(run->loop, &run->io, run->fd, DW_WRITE) == -1)
		return (errno);
	return (0);
}

/*
 * Each address gets its share of the time that is left, so that one that
 * swallows packets leaves some for the others.
 */
static void
try_next(struct dw_probe_run *run)
{
	const struct resolve_answer *answer = &run->names.answer;
	size_t left = answer->naddrs - run->next;
	int64_t now = dw_clock();
	int error;

	if (left == 0) {
		run->kept.latency = now - run->start;
		deliver(run, &run->kept);
		return;
	}
	run->stage = PROBE_CONNECTING;
	if (left == 1) {
		run->share =
		    answer->naddrs == 1 ? run->timeout : run->deadline - now;
		run->until = run->deadline;
	} else {
		run->share = (run->deadline - now) / (int64_t)left;
		run->until = now + run->share;
	}
	dw_timer_at(run->loop, &run->timer, run->until);
	error = connect_to(run, &answer->addrs[run->next++]);
	if (error != 0)
		connect_failed(run, error);
}

/*
 * Names
 */

/* The resolver's troubles are not the service's; that there is no such is. */
void
probe_unresolved(const struct resolve_answer *a, const char *host,
    const char *port, struct dw_probe_result *result)
{
	char shown[48], shown_port[24];

	result->outcome = DW_PROBE_FAILED;
	result->error = 0;
	switch (a->eai) {
	case EAI_SYSTEM:
		result->error = a->error;
		/* FALLTHROUGH */
	case EAI_AGAIN:
	case EAI_FAIL:
	case EAI_MEMORY:
	case EAI_OVERFLOW:
	case EAI_BADFLAGS:
	case EAI_FAMILY:
	case EAI_SOCKTYPE:
	case EAI_SERVICE: /* /etc/services lacks the port's name */
		result->outcome = DW_PROBE_UNKNOWN;
		break;
	}
	(void)snprintf(result->text, sizeof(result->text),
	    "look up %s port %s: %s",
	    probe_escape(shown, sizeof(shown), host, strlen(host)),
	    probe_escape(shown_port, sizeof(shown_port), port, strlen(port)),
	    a->eai == EAI_SYSTEM ? strerror(result->error) :
				   gai_strerror(a->eai));
}

static void
unresolved(struct dw_probe_run *run)
{
	struct dw_probe_result result;

	probe_unresolved(&run->names.answer, run->host, run->port, &result);
	probe_finish(run, result.outcome, result.error, "%s", result.text);
}

static void
resolved(struct resolve *r)
{
	struct dw_probe_run *run = r->arg;

	if (r->answer.eai != 0)
		unresolved(run);
	else
		try_next(run);
}

/* A path is the one address of its kind. */
static void
take_path(struct dw_probe_run *run)
{
	struct resolve_addr *a = &run->names.answer.addrs[0];
	struct sockaddr_un *un = (struct sockaddr_un *)&a->sa;

	un->sun_family = AF_UNIX;
	(void)strlcpy(un->sun_path, run->host, sizeof(un->sun_path));
	a->len = sizeof(*un);
	run->names.answer.naddrs = 1;
}

/* In a deferred call, so that nothing is ever told from within start. */
static void
begin(struct dw_defer *defer)
{
	struct dw_probe_run *run = defer->arg;
	char host[64];
	int error;

	/* Of the clock, as the loop's time may be that of a turn long ago. */
	run->start = dw_clock();
	run->deadline = run->timeout > INT64_MAX - run->start ?
	    INT64_MAX :
	    run->start + run->timeout;
	run->names.cb = resolved;
	run->names.arg = run;
	if (run->kind == PROBE_UNIX) {
		take_path(run);
		try_next(run);
		return;
	}
	if (resolve_numbers(&run->names, run->host, run->port) == 0) {
		resolved(&run->names);
		return;
	}
	run->named = true;
	run->until = run->deadline;
	dw_timer_at(run->loop, &run->timer, run->until);
	if (resolve_start(run->loop, &run->names, run->host, run->port,
		run->timeout) == 0)
		return;
	error = errno;
	probe_finish(run, DW_PROBE_UNKNOWN, error, "look up %s: %s",
	    probe_escape(host, sizeof(host), run->host, strlen(run->host)),
	    strerror(error));
}

/*
 * The deadline
 */

static void
timed_out(struct dw_probe_run *run)
{
	enum dw_probe_outcome outcome = DW_PROBE_FAILED;
	char limit[24], who[96], want[40], what[48];

	(void)probe_duration(limit, sizeof(limit),
	    run->stage == PROBE_CONNECTING ? run->share : run->timeout);
	if (dw_clock() - run->until > LATE)
		outcome = DW_PROBE_UNKNOWN;
	switch (run->stage) {
	case PROBE_RESOLVING:
		probe_finish(run, DW_PROBE_UNKNOWN, ETIMEDOUT,
		    "look up %s: no answer within %s",
		    probe_escape(who, 64, run->host, strlen(run->host)), limit);
		break;
	case PROBE_CONNECTING:
		dw_timer_stop(&run->again);
		(void)probe_peer(run, who, sizeof(who));
		hang_up(run);
		keep(run, outcome, ETIMEDOUT,
		    "connect to %s: no answer within %s", who, limit);
		try_next(run);
		break;
	case PROBE_TALKING:
		if (run->sent < run->send_len)
			probe_finish(run, outcome, ETIMEDOUT,
			    "send to %s: not taken within %s",
			    probe_peer(run, who, sizeof(who)), limit);
		else
			probe_finish(run, outcome, ETIMEDOUT,
			    "no answer matching '%s' within %s (got %s)",
			    probe_wanted(run, want, sizeof(want)), limit,
			    probe_got(&run->match, what, sizeof(what)));
		break;
	}
}

/* If we are late, what the kernel has for us by now was perhaps in time. */
static void
expired(struct dw_timer *timer)
{
	struct dw_probe_run *run = timer->arg;
	struct pollfd pfd = {.fd = run->fd, .events = POLLOUT};

	if (run->stage == PROBE_CONNECTING && run->fd != -1 &&
	    poll(&pfd, 1, 0) == 1) {
		connect_ended(run);
		return;
	}
	if (run->stage == PROBE_TALKING &&
	    (probe_talk(run) || probe_match_rest(run)))
		return;
	timed_out(run);
}

/*
 * Start and stop
 */

static int
start(struct dw_loop *loop, struct dw_probe *probe, enum probe_kind kind,
    const struct dw_probe_tcp *what)
{
	struct dw_probe_run *run;

	if (probe->run != NULL) {
		errno = EBUSY;
		return (-1);
	}
	if ((run = probe_make(kind, what)) == NULL)
		return (-1);
	run->loop = loop;
	run->probe = probe;
	run->begin = (struct dw_defer) {.cb = begin, .arg = run};
	run->timer = (struct dw_timer) {.cb = expired, .arg = run};
	run->match_at = (struct dw_timer) {.cb = probe_match_timer, .arg = run};
	run->again = (struct dw_timer) {.cb = try_again, .arg = run};
	dw_defer_start(loop, &run->begin);
	probe->run = run;
	return (0);
}

int
dw_probe_tcp(struct dw_loop *loop, struct dw_probe *probe,
    const struct dw_probe_tcp *tcp)
{
	return (start(loop, probe, PROBE_TCP, tcp));
}

int
dw_probe_udp(struct dw_loop *loop, struct dw_probe *probe,
    const struct dw_probe_tcp *udp)
{
	return (start(loop, probe, PROBE_UDP, udp));
}

int
dw_probe_unix(struct dw_loop *loop, struct dw_probe *probe,
    const struct dw_probe_unix *un)
{
	const struct dw_probe_tcp what = {.host = un->path,
	    .port = "",
	    .timeout = un->timeout,
	    .send = un->send,
	    .send_len = un->send_len,
	    .expect = un->expect};

	return (start(loop, probe, PROBE_UNIX, &what));
}

void
dw_probe_stop(struct dw_probe *probe)
{
	struct dw_probe_run *run = probe->run;
	int error = errno;

	if (run == NULL)
		return;
	probe->run = NULL;
	destroy(run);
	errno = error;
}
