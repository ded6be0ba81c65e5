/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Checks by a command, and so by every Nagios plugin: exit status 0 is well, 1
 * degraded, 2 failed, all others unknown; its first line is the answer's text,
 * what stands behind '|' in it its performance data.
 *
 * Files and file systems are looked at by such a command too, one of our own
 * (check.c), as a look at them can hang.
 *
 * Its process group ends with it.  A command that does not even end by
 * SIGKILL (it waits for a disk) is not started a second time beside itself.
 */
#include "config.h"

#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor.h"

#define OUTPUT_MAX 1024 /* bytes that are kept of what it says */
#define READS_MAX 16	/* in a turn, so that a flood is no more than that */

struct check_exec {
	struct unit_check *check;
	struct account account;
	struct dw_child child;
	struct dw_io io;
	struct dw_timer timer;
	int fd;	     /* -1: none, or all has been read */
	bool wanted; /* somebody waits for an answer */
	bool stale;  /* the command was killed by us, its answer is none */
	char **argv; /* of one of our own programs; NULL: the configured one */
	int error;   /* why it could not be started; output says what */
	size_t len;
	char output[OUTPUT_MAX + 1];
};

static void
close_output(struct check_exec *e)
{
	if (e->fd == -1)
		return;
	dw_io_stop(&e->io);
	close(e->fd);
	e->fd = -1;
}

/* What does not fit is read and forgotten. */
static ssize_t
read_some(struct check_exec *e)
{
	size_t room = OUTPUT_MAX - e->len;
	char rest[4096];
	ssize_t n;

	if (room == 0)
		return (read(e->fd, rest, sizeof(rest)));
	n = read(e->fd, e->output + e->len, room);
	if (n > 0)
		e->len += (size_t)n;
	return (n);
}

static void
read_output(struct check_exec *e, int turns)
{
	while (e->fd != -1 && turns-- > 0) {
		ssize_t n = read_some(e);

		if (n == -1 && errno == EAGAIN)
			return;
		if (n == 0 || (n == -1 && errno != EINTR))
			close_output(e);
	}
}

static void
output_ready(struct dw_io *io, unsigned events)
{
	(void)events;
	read_output(io->arg, READS_MAX);
}

/* Split the first line into text and performance data. */
static void
take_line(struct check_exec *e, char *text, size_t len)
{
	struct unit_check *c = e->check;
	char *line = e->output, *bar, *end;

	for (size_t i = 0; i < e->len; i++)
		if (e->output[i] == '\0')
			e->output[i] = '?';
	e->output[e->len] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	unit_clean_text(line, false);
	free(c->metrics);
	c->metrics = NULL;
	if ((bar = strchr(line, '|')) != NULL) {
		*bar++ = '\0';
		bar += strspn(bar, " ");
		if (*bar != '\0')
			c->metrics = strdup(bar);
	}
	for (end = line + strlen(line); end > line && end[-1] == ' ';)
		*--end = '\0';
	snprintf(text, len, "%s", line);
}

static void
judge(struct check_exec *e, int status, struct dw_probe_result *r)
{
	char how[64], line[sizeof(r->text)];

	take_line(e, line, sizeof(line));
	r->outcome = DW_PROBE_UNKNOWN;
	if (WIFEXITED(status) && WEXITSTATUS(status) <= 1)
		r->outcome = DW_PROBE_OK;
	else if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
		r->outcome = DW_PROBE_FAILED;
	if (line[0] == '\0' || !WIFEXITED(status) || WEXITSTATUS(status) > 3)
		snprintf(r->text, sizeof(r->text), "%s%s%.80s",
		    unit_status_text(status, how, sizeof(how)),
		    (line[0] != '\0') ? ": " : "", line);
	else
		memcpy(r->text, line, sizeof(r->text));
}

static void
give(struct check_exec *e, enum dw_probe_outcome outcome, int error,
    const char *text)
{
	struct unit_check *c = e->check;
	struct dw_probe_result result = {.outcome = outcome, .error = error};

	e->wanted = false;
	result.latency = dw_loop_now(c->unit->sup->loop) - c->asked_at;
	snprintf(result.text, sizeof(result.text), "%s", text);
	unit_check_answered(c, &result, false);
}

static void begin(struct check_exec *e);

static void
exec_ended(struct dw_child *child, int status)
{
	struct check_exec *e = child->arg;
	struct unit_check *c = e->check;
	struct dw_probe_result result = {.outcome = DW_PROBE_UNKNOWN};
	bool degraded = WIFEXITED(status) && WEXITSTATUS(status) == 1;

	dw_timer_stop(&e->timer);
	/* Whoever else has the pipe's other end is not waited for. */
	read_output(e, READS_MAX);
	close_output(e);
	if (!e->wanted)
		return;
	if (e->stale) {
		begin(e);
		return;
	}
	e->wanted = false;
	result.latency = dw_loop_now(c->unit->sup->loop) - c->asked_at;
	judge(e, status, &result);
	unit_check_answered(c, &result, degraded);
}

static void
time_over(struct dw_timer *timer)
{
	struct check_exec *e = timer->arg;
	char text[64];

	if (e->child.pid == 0) {
		give(e, DW_PROBE_UNKNOWN, e->error, e->output);
	} else if (!e->stale) {
		e->stale = true;
		(void)dw_child_killpg(&e->child, SIGKILL);
		give(e, DW_PROBE_FAILED, ETIMEDOUT,
		    "no answer within its timeout");
	} else if (e->wanted) {
		snprintf(text, sizeof(text),
		    "its command, pid %jd, does not end by SIGKILL",
		    (intmax_t)e->child.pid);
		give(e, DW_PROBE_UNKNOWN, ETIMEDOUT, text);
	}
}

bool
unit_check_exec_runs(const struct unit_check *c, pid_t pid)
{
	return (c->exec != NULL && c->exec->child.pid == pid);
}

/* {daemonwatch-check, kind, path, limits …}, in one list that we own. */
static int
make_look(struct check_exec *e, const struct check_conf *conf)
{
	char text[LIMIT_TEXT], **argv;
	size_t n = 0;

	argv = e->argv = calloc(2 * LIMITS + 5, sizeof(*argv));
	if (argv == NULL)
		return (-1);
	argv[n++] = runtime_program("daemonwatch-check");
	argv[n++] = strdup(check_kind_name(conf->kind));
	argv[n++] = strdup(conf->path);
	if (conf->kind == CHECK_FILE && !conf->exists)
		argv[n++] = strdup("absent");
	for (unsigned i = 0; conf->limits != NULL && i < LIMITS; i++) {
		if (conf->limits[i].op == 0)
			continue;
		argv[n++] = strdup(limit_key(i));
		argv[n++] = strdup(limit_text(text, i, &conf->limits[i]));
	}
	for (size_t i = 0; i < n; i++)
		if (argv[i] == NULL) {
			errno = ENOMEM;
			return (-1);
		}
	return (0);
}

static int
exec_init(struct unit_check *c, char *buf, size_t len)
{
	struct check_exec *e = calloc(1, sizeof(*e));

	c->exec = e;
	if (e == NULL)
		return (-1);
	e->check = c;
	e->fd = -1;
	e->child.cb = exec_ended;
	e->child.arg = e;
	e->child.flags = DW_CHILD_KILLPG;
	e->io.cb = output_ready;
	e->io.arg = e;
	e->timer.cb = time_over;
	e->timer.arg = e;
	if (c->conf->kind != CHECK_EXEC && make_look(e, c->conf) == -1)
		return (-1);
	if (c->conf->user != NULL &&
	    account_find(&e->account, c->conf->user, NULL, buf, len) == -1) {
		errno = EINVAL;
		return (-1);
	}
	return (0);
}

static void
exec_free(struct unit_check *c)
{
	struct check_exec *e = c->exec;

	if (e == NULL)
		return;
	if (e->child.pid != 0)
		(void)dw_child_killpg(&e->child, SIGKILL);
	dw_child_stop(&e->child);
	dw_timer_stop(&e->timer);
	close_output(e);
	account_free(&e->account);
	for (size_t i = 0; e->argv != NULL && i < 2 * LIMITS + 5; i++)
		free(e->argv[i]);
	free(e->argv);
	free(e);
}

static int
start_command(struct check_exec *e, char *why, size_t len)
{
	const struct unit_check *c = e->check;
	struct dw_loop *loop = c->unit->sup->loop;
	int p[2], ret;

	if (pipe2(p, O_CLOEXEC | O_NONBLOCK) == -1) {
		snprintf(why, len, "pipe: %s", strerror(errno));
		return (-1);
	}
	(void)fcntl(p[1], F_SETFL, 0); /* its own end waits, as usual */
	ret = dw_io_start(loop, &e->io, p[0], DW_READ);
	if (ret == -1) {
		snprintf(why, len, "%s", strerror(errno));
		close(p[0]);
	} else {
		e->fd = p[0];
		ret = unit_exec_check(c->unit, &e->child,
		    (e->argv != NULL) ? e->argv : c->conf->command.argv,
		    (c->conf->user != NULL) ? &e->account : &c->unit->account,
		    p[1], why, len);
	}
	close(p[1]);
	return (ret);
}

/* What cannot be begun is unknown; the timer tells, as we may be in ask(). */
static void
begin(struct check_exec *e)
{
	struct dw_loop *loop = e->check->unit->sup->loop;
	int64_t now = dw_loop_now(loop);

	e->len = 0;
	e->stale = false;
	if (start_command(e, e->output, sizeof(e->output)) == -1) {
		e->error = errno;
		close_output(e);
		dw_timer_at(loop, &e->timer, now);
		return;
	}
	dw_timer_at(loop, &e->timer, now + e->check->conf->timeout);
}

static int
exec_ask(struct unit_check *c)
{
	struct check_exec *e = c->exec;
	struct dw_loop *loop = c->unit->sup->loop;

	e->wanted = true;
	if (e->child.pid == 0)
		begin(e);
	else /* The last one is being killed: it begins when that has ended. */
		dw_timer_at(
		    loop, &e->timer, dw_loop_now(loop) + c->conf->timeout);
	return (0);
}

static void
exec_cancel(struct unit_check *c)
{
	struct check_exec *e = c->exec;

	e->wanted = false;
	dw_timer_stop(&e->timer);
	if (e->child.pid != 0) {
		e->stale = true;
		(void)dw_child_killpg(&e->child, SIGKILL);
	}
}

const struct check_way check_way_exec = {
    true, exec_init, exec_free, exec_ask, exec_cancel, NULL};
