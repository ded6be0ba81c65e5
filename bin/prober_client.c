/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Asking daemonwatch-prober.  It may die, hang, or say anything at all: then
 * the queries are UNKNOWN and it is started again, and that is all.  It never
 * makes a check fail by its own fault, and nothing here waits for it.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/daemonwatch.h"
#include "prober_client.h"
#include "wire.h"
#include "wire_io.h"

#define BUCKETS 256u
#define READS_IN_TURN 64
#define READS_LATE 4096 /* all that a prober can have to say at once */

LIST_HEAD(query_list, prober_query);
TAILQ_HEAD(query_queue, prober_query);

struct prober {
	struct dw_loop *loop;
	char *path;
	char *user;
	prober_event_cb *event;
	void *arg;
	struct dw_child child;
	struct dw_io io;
	int fd;	   /* -1: there is no prober, or it is being killed */
	pid_t pid; /* 0: none */
	int64_t started;
	const char *killed; /* why we did it */
	char last[96];	    /* how the last one ended */
	struct dw_backoff backoff;
	int64_t not_before; /* of the clock: the next start */
	struct dw_timer restart;
	unsigned silent; /* queries that ran out since it last said anything */
	int64_t silent_since;
	uint64_t next_id;
	struct query_list queries[BUCKETS];
	struct query_queue queue; /* those that are not sent yet */
	struct wire_out out;
	struct wire_in in;
	struct wire_reply reply; /* perhaps only its beginning */
};

static void tell(struct prober *p, enum dw_log_level level, const char *fmt,
    ...) DW_PRINTF(3, 4);

static void
tell(struct prober *p, enum dw_log_level level, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	if (p->event == NULL)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	p->event(p->arg, level, text);
}

/*
 * Queries
 */

static struct prober_query *
find(struct prober *p, uint64_t id)
{
	struct prober_query *q;

	LIST_FOREACH(q, &p->queries[id % BUCKETS], link) {
		if (q->id == id)
			return (q);
	}
	return (NULL);
}

static void
forget(struct prober_query *q)
{
	LIST_REMOVE(q, link);
	if (!q->sent)
		TAILQ_REMOVE(&q->prober->queue, q, next);
	dw_timer_stop(&q->timer);
	q->prober = NULL;
}

static void
answer(struct prober_query *q, const struct dw_probe_result *result)
{
	forget(q);
	q->cb(q, result);
}

static void
answer_unknown(struct prober_query *q, int error, const char *text)
{
	struct dw_probe_result result = {
	    .outcome = DW_PROBE_UNKNOWN, .error = error};

	(void)snprintf(result.text, sizeof(result.text), "prober: %s", text);
	answer(q, &result);
}

/* The callbacks may cancel any of them, and ask new ones, which are queued. */
static void
answer_sent(struct prober *p)
{
	struct prober_query *q;
	size_t i;

	for (i = 0; i < BUCKETS; i++) {
		do {
			LIST_FOREACH(q, &p->queries[i], link) {
				if (q->sent)
					break;
			}
			if (q != NULL)
				answer_unknown(q, ECHILD, p->last);
		} while (q != NULL);
	}
}

static void
answer_queued(struct prober *p, int error)
{
	struct prober_query *q;
	uint64_t end = p->next_id;

	while ((q = TAILQ_FIRST(&p->queue)) != NULL && q->id < end)
		answer_unknown(q, error, p->last);
}

/*
 * The process
 */

/* Only while there is something to ask it: an idle supervisor sleeps. */
static void
start_later(struct prober *p)
{
	if (p->pid == 0 && !TAILQ_EMPTY(&p->queue) &&
	    !dw_timer_active(&p->restart))
		dw_timer_at(p->loop, &p->restart, p->not_before);
}

static void
hang_up(struct prober *p)
{
	if (p->fd == -1)
		return;
	dw_io_stop(&p->io);
	(void)close(p->fd);
	p->fd = -1;
}

/* Its queries are answered when it is reaped, or when they run out. */
static void
put_down(struct prober *p, const char *why)
{
	hang_up(p);
	p->killed = why;
	(void)dw_child_kill(&p->child, SIGKILL);
}

static void
describe_end(struct prober *p, pid_t pid, int status)
{
	size_t size = sizeof(p->last);

	if (p->killed != NULL)
		(void)snprintf(
		    p->last, size, "pid %d %s: killed", (int)pid, p->killed);
	else if (WIFSIGNALED(status))
		(void)snprintf(p->last, size, "pid %d died of signal %d",
		    (int)pid, WTERMSIG(status));
	else
		(void)snprintf(p->last, size, "pid %d exited with %d", (int)pid,
		    WEXITSTATUS(status));
}

static void receive(struct prober *p, int max);

static void
reaped(struct dw_child *child, int status)
{
	struct prober *p = child->arg;
	pid_t pid = p->pid;

	/* What it answered before it died is good. */
	if (p->fd != -1)
		receive(p, READS_LATE);
	hang_up(p);
	p->pid = 0;
	describe_end(p, pid, status);
	p->killed = NULL;
	tell(p, DW_LOG_WARNING, "%s", p->last);
	if (dw_clock() - p->started >= PROBER_STABLE)
		dw_backoff_reset(&p->backoff);
	p->not_before = dw_clock() + dw_backoff_next(&p->backoff, 0);
	answer_sent(p);
	start_later(p);
}

/*
 * Talking
 */

/* The length of the message. */
static size_t
encode(const struct prober_query *q, struct wire_request *req)
{
	const struct dw_probe_tcp *tcp = q->tcp;
	size_t expect_len = tcp->expect == NULL ? 0 : strlen(tcp->expect);

	memset(req, 0, WIRE_REQUEST_HEAD);
	req->version = WIRE_VERSION;
	req->kind = (q->kind == 0) ? WIRE_PROBE_TCP : q->kind;
	req->id = q->id;
	req->timeout = tcp->timeout;
	req->send_len = (uint32_t)tcp->send_len;
	req->expect_len = (uint32_t)expect_len;
	req->options_len = (uint32_t)q->options_len;
	(void)strlcpy(req->host, tcp->host, sizeof(req->host));
	(void)strlcpy(req->port, tcp->port, sizeof(req->port));
	if (tcp->source != NULL)
		(void)strlcpy(req->source, tcp->source, sizeof(req->source));
	if (tcp->send_len > 0)
		memcpy(req->data, tcp->send, tcp->send_len);
	if (expect_len > 0)
		memcpy(req->data + tcp->send_len, tcp->expect, expect_len);
	if (q->options_len > 0)
		memcpy(req->data + tcp->send_len + expect_len, q->options,
		    q->options_len);
	return (
	    WIRE_REQUEST_HEAD + tcp->send_len + expect_len + q->options_len);
}

/*
 * Send what waits.  Any other error than a full socket comes with the end of
 * the prober, or with a shortage: the queries stay, and run out if need be.
 */
static void
flush(struct prober *p)
{
	struct wire_request req;
	struct prober_query *q;
	unsigned want = DW_READ;

	if (p->fd == -1)
		return;
	(void)wire_flush(&p->out, p->fd);
	while ((q = TAILQ_FIRST(&p->queue)) != NULL) {
		if (wire_send(&p->out, p->fd, &req, encode(q, &req)) == -1) {
			if (errno == EAGAIN || errno == EWOULDBLOCK)
				want |= DW_WRITE;
			break;
		}
		TAILQ_REMOVE(&p->queue, q, next);
		q->sent = true;
		dw_timer_at(p->loop, &q->timer,
		    dw_clock() + q->tcp->timeout + PROBER_GRACE);
	}
	if (p->out.len > 0)
		want |= DW_WRITE;
	(void)dw_io_modify(&p->io, want);
}

static bool
reply_valid(const struct wire_reply *reply, size_t len)
{
	return (len == sizeof(*reply) && reply->version == WIRE_VERSION &&
	    reply->outcome <= DW_PROBE_UNKNOWN && reply->error >= 0 &&
	    (reply->flags == 0 ||
		(reply->flags == WIRE_DEGRADED &&
		    reply->outcome == DW_PROBE_OK)) &&
	    reply->latency >= 0 &&
	    memchr(reply->text, '\0', sizeof(reply->text)) != NULL);
}

static void
accept_reply(struct prober *p, const struct wire_reply *reply)
{
	struct dw_probe_result result = {
	    .outcome = (enum dw_probe_outcome)reply->outcome,
	    .error = reply->error,
	    .latency = reply->latency};
	struct prober_query *q;
	char *c;

	p->silent = 0;
	/* Late, cancelled, or invented. */
	if ((q = find(p, reply->id)) == NULL || !q->sent)
		return;
	(void)strlcpy(result.text, reply->text, sizeof(result.text));
	for (c = result.text; *c != '\0'; c++) {
		if (*c < ' ' || *c > '~')
			*c = '?';
	}
	q->degraded = (reply->flags & WIRE_DEGRADED) != 0;
	answer(q, &result);
}

/* Callbacks run here; any query may be gone afterwards, and the prober too. */
static void
receive(struct prober *p, int max)
{
	ssize_t n;

	while (p->fd != -1 && max-- > 0) {
		n = wire_recv(&p->in, p->fd, &p->reply, sizeof(p->reply));
		if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n == 0 || (n == -1 && errno != EMSGSIZE)) {
			/* Almost always it is dead, and has a status. */
			put_down(p, NULL);
			return;
		}
		if (n == -1 || !reply_valid(&p->reply, (size_t)n)) {
			put_down(p, "sent a malformed answer");
			return;
		}
		accept_reply(p, &p->reply);
	}
}

static void
ready(struct dw_io *io, unsigned events)
{
	struct prober *p = io->arg;

	if (events & (DW_READ | DW_HUP))
		receive(p, READS_IN_TURN);
	if ((events & DW_WRITE) && p->fd != -1)
		flush(p);
}

/*
 * Starting it
 */

static int
spawn(struct prober *p, int fd, struct dw_spawn_error *error)
{
	char option[] = "-u";
	char *argv[] = {
	    p->path, p->user == NULL ? NULL : option, p->user, NULL};
	struct dw_spawn_fd fds[] = {
	    {fd, WIRE_FD}, {STDERR_FILENO, STDERR_FILENO}};
	struct dw_spawn spawn = {.argv = argv,
	    .fds = fds,
	    .nfds = fcntl(STDERR_FILENO, F_GETFD) == -1 ? 1 : 2,
	    .umask = 077,
	    /* Out of reach of the terminal's signals: those are for us. */
	    .flags = DW_SPAWN_SETSID};

	p->child.cb = reaped;
	p->child.arg = p;
	/* The processes with which it looks names up are in its group. */
	p->child.flags = DW_CHILD_KILLPG;
	return (dw_child_spawn(p->loop, &p->child, &spawn, error));
}

/* 0, or an errno and what it was that failed. */
static int
start(struct prober *p, const char **what)
{
	struct dw_spawn_error e;
	int fds[2], error = 0;

	*what = "socketpair";
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == -1)
		return (errno);
	p->io.cb = ready;
	p->io.arg = p;
	*what = dw_loop_poller(p->loop);
	if (dw_io_start(p->loop, &p->io, fds[0], DW_READ) == -1) {
		error = errno;
	} else if (spawn(p, fds[1], &e) == -1) {
		dw_io_stop(&p->io);
		*what = dw_spawn_stage_name(e.stage);
		error = e.error;
	}
	(void)close(fds[1]);
	if (error != 0) {
		(void)close(fds[0]);
		return (error);
	}
	p->fd = fds[0];
	p->out.len = 0;
	p->in.got = 0;
	p->pid = p->child.pid;
	p->started = dw_clock();
	p->silent = 0;
	return (0);
}

static void
restart(struct dw_timer *timer)
{
	struct prober *p = timer->arg;
	const char *what;
	int error;

	/* All that wanted it may be cancelled by now. */
	if (TAILQ_EMPTY(&p->queue))
		return;
	if ((error = start(p, &what)) == 0) {
		tell(p, DW_LOG_INFO, "started, pid %d", (int)p->pid);
		flush(p);
		return;
	}
	(void)snprintf(p->last, sizeof(p->last), "cannot start: %s: %s", what,
	    strerror(error));
	tell(p, DW_LOG_ERROR, "cannot start %s: %s: %s", p->path, what,
	    strerror(error));
	p->not_before = dw_clock() + dw_backoff_next(&p->backoff, 0);
	answer_queued(p, error);
	start_later(p);
}

/*
 * What others use
 */

/* Something has come from it neither now nor for the last queries. */
static void
count_silence(struct prober *p)
{
	int64_t now = dw_clock();

	if (p->fd == -1)
		return;
	if (p->silent++ == 0)
		p->silent_since = now;
	if (p->silent >= PROBER_HUNG_QUERIES &&
	    now - p->silent_since >= PROBER_HUNG_TIME)
		put_down(p, "does not answer");
}

static void
ran_out(struct dw_timer *timer)
{
	struct prober_query *q = timer->arg;
	struct prober *p = q->prober;
	uint64_t id = q->id;

	/* We may be late, and the answer be here. */
	receive(p, READS_LATE);
	if ((q = find(p, id)) == NULL)
		return;
	if (p->fd == -1) {
		answer_unknown(q, ETIMEDOUT,
		    p->last[0] == '\0' ? "not started yet" : p->last);
		return;
	}
	count_silence(p);
	answer_unknown(q, ETIMEDOUT, "does not answer");
}

static bool
valid(const struct dw_probe_tcp *tcp)
{
	static const struct wire_request *const req;

	return (tcp->host != NULL && strlen(tcp->host) < sizeof(req->host) &&
	    tcp->port != NULL && strlen(tcp->port) < sizeof(req->port) &&
	    (tcp->source == NULL ||
		strlen(tcp->source) < sizeof(req->source)) &&
	    tcp->timeout >= 1 && tcp->timeout <= WIRE_TIMEOUT_MAX &&
	    tcp->send_len <= WIRE_DATA_MAX &&
	    (tcp->send != NULL || tcp->send_len == 0) &&
	    (tcp->expect == NULL ||
		(tcp->expect[0] != '\0' &&
		    strlen(tcp->expect) <= WIRE_DATA_MAX - tcp->send_len)));
}

int
prober_ask(
    struct prober *p, struct prober_query *q, const struct dw_probe_tcp *tcp)
{
	if (q->prober != NULL) {
		errno = EBUSY;
		return (-1);
	}
	if (!valid(tcp) || q->options_len > WIRE_OPTIONS_MAX) {
		errno = EINVAL;
		return (-1);
	}
	q->prober = p;
	q->tcp = tcp;
	q->id = p->next_id++;
	q->sent = false;
	q->degraded = false;
	q->timer = (struct dw_timer) {.cb = ran_out, .arg = q};
	LIST_INSERT_HEAD(&p->queries[q->id % BUCKETS], q, link);
	TAILQ_INSERT_TAIL(&p->queue, q, next);
	dw_timer_at(
	    p->loop, &q->timer, dw_clock() + tcp->timeout + PROBER_GRACE);
	flush(p);
	start_later(p);
	return (0);
}

void
prober_cancel(struct prober_query *q)
{
	struct prober *p = q->prober;
	struct wire_request req;

	if (p == NULL)
		return;
	if (q->sent && p->fd != -1) {
		/* Should it not get there, the answer will mean nothing. */
		memset(&req, 0, WIRE_REQUEST_HEAD);
		req.version = WIRE_VERSION;
		req.kind = WIRE_CANCEL;
		req.id = q->id;
		(void)wire_send(&p->out, p->fd, &req, WIRE_REQUEST_HEAD);
		if (p->out.len > 0)
			(void)dw_io_modify(&p->io, DW_READ | DW_WRITE);
	}
	forget(q);
}

pid_t
prober_pid(const struct prober *p)
{
	return (p->pid);
}

struct prober *
prober_new(struct dw_loop *loop, const char *path, const char *user,
    prober_event_cb *event, void *arg)
{
	struct prober *p;
	size_t i;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		return (NULL);
	if ((p->path = strdup(path)) == NULL ||
	    (user != NULL && (p->user = strdup(user)) == NULL)) {
		free(p->path);
		free(p);
		errno = ENOMEM;
		return (NULL);
	}
	p->loop = loop;
	p->event = event;
	p->arg = arg;
	p->fd = -1;
	p->backoff.min = PROBER_DELAY_MIN;
	p->backoff.max = PROBER_DELAY_MAX;
	p->restart.cb = restart;
	p->restart.arg = p;
	p->next_id = 1;
	for (i = 0; i < BUCKETS; i++)
		LIST_INIT(&p->queries[i]);
	TAILQ_INIT(&p->queue);
	return (p);
}

void
prober_free(struct prober *p)
{
	struct prober_query *q;
	size_t i;

	if (p == NULL)
		return;
	for (i = 0; i < BUCKETS; i++) {
		while ((q = LIST_FIRST(&p->queries[i])) != NULL)
			forget(q);
	}
	dw_timer_stop(&p->restart);
	hang_up(p);
	(void)dw_child_killpg(&p->child, SIGKILL);
	dw_child_stop(&p->child);
	free(p->path);
	free(p->user);
	free(p);
}
