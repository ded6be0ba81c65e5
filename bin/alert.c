/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Alerts by a command or by mail.  What is told are lines on its standard
 * input, and the last event also in its environment.  That an alert fails is
 * logged; it is not tried again, as nobody could say what of it had arrived.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "alert.h"
#include "supervisor.h"

#define LINES_MAX 8192 /* with the head of a mail less than any pipe takes */
#define HEAD_MAX 4096
#define GATHER (50 * DW_MS) /* what happens together is told together */
#define ENV_MAX 12

struct alert {
	struct supervisor *sup;
	const struct alert_conf *conf;
	bool mail; /* else by the command */
	struct dw_child child;
	struct dw_timer due;
	struct dw_timer late;
	int64_t not_before;
	char *lines; /* what is to be told */
	size_t len;
	unsigned count;	  /* events in it */
	unsigned dropped; /* of those, not in the lines */
	char service[CONFIG_NAME_MAX + 16];
	const char *event, *state;
	char cause[SERVICE_TEXT];
};

struct alerts {
	size_t n;
	struct alert alert[];
};

static void
host_name(char *buf, size_t len)
{
	if (gethostname(buf, len) == -1)
		snprintf(buf, len, "localhost");
	buf[len - 1] = '\0';
}

/* To, From and Subject, and the empty line that ends them. */
static size_t
write_head(const struct alert *a, char *buf, size_t len)
{
	char host[256], subject[320];
	size_t used = 0;

	host_name(host, sizeof(host));
	if (a->count > 1)
		snprintf(subject, sizeof(subject),
		    "[%.60s] %u events, the last: %.64s %s", host, a->count,
		    a->service, a->event);
	else
		snprintf(subject, sizeof(subject), "[%.60s] %.64s %s: %.60s",
		    host, a->service, a->event, a->cause);
	unit_clean_text(subject, true);
	for (char *const *to = a->conf->mail; *to != NULL; to++)
		if (used < len)
			used += (size_t)snprintf(buf + used, len - used, "%s%s",
			    (used == 0) ? "To: " : ", ", *to);
	if (used < len && a->conf->from != NULL)
		used += (size_t)snprintf(
		    buf + used, len - used, "\nFrom: %s", a->conf->from);
	if (used < len)
		used += (size_t)snprintf(buf + used, len - used,
		    "\nSubject: %s\nAuto-Submitted: auto-generated\n"
		    "MIME-Version: 1.0\n"
		    "Content-Type: text/plain; charset=utf-8\n\n",
		    subject);
	return (used);
}

/* A pipe with all of it in: the reading end, or -1. */
static int
make_input(const struct alert *a)
{
	char text[HEAD_MAX + LINES_MAX + 128];
	size_t len = 0;
	ssize_t n;
	int p[2];

	if (a->mail)
		len = write_head(a, text, HEAD_MAX);
	if (len >= HEAD_MAX) {
		errno = EMSGSIZE;
		return (-1);
	}
	memcpy(text + len, a->lines, a->len);
	len += a->len;
	if (a->dropped > 0)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "and %u more\n", a->dropped);
	if (pipe2(p, O_CLOEXEC | O_NONBLOCK) == -1)
		return (-1);
	n = write(p[1], text, len);
	close(p[1]);
	if (n != (ssize_t)len) {
		close(p[0]);
		errno = EIO;
		return (-1);
	}
	(void)fcntl(p[0], F_SETFL, 0); /* a plain one for the program */
	return (p[0]);
}

static void put(char **env, size_t *n, const char *fmt, ...) DW_PRINTF(3, 4);

static void
put(char **env, size_t *n, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&env[*n], fmt, ap) != -1)
		(*n)++;
	va_end(ap);
}

static size_t
make_env(const struct alert *a, char *env[ENV_MAX])
{
	char host[256];
	size_t n = 0;

	host_name(host, sizeof(host));
	put(env, &n,
	    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
	    "/sbin:/bin");
	put(env, &n, "HOME=/");
	put(env, &n, "DAEMONWATCH_HOST=%s", host);
	put(env, &n, "DAEMONWATCH_SERVICE=%s", a->service);
	put(env, &n, "DAEMONWATCH_EVENT=%s", a->event);
	put(env, &n, "DAEMONWATCH_STATE=%s", a->state);
	put(env, &n, "DAEMONWATCH_CAUSE=%s", a->cause);
	put(env, &n, "DAEMONWATCH_COUNT=%u", a->count);
	env[n] = NULL;
	return (n);
}

static int
start_program(struct alert *a, int input, char *why, size_t len)
{
	char t[] = "-t", oi[] = "-oi";
	char *mail[] = {a->conf->sendmail, t, oi, NULL}, *env[ENV_MAX];
	const struct dw_spawn_fd fds[] = {{input, STDIN_FILENO},
	    {STDERR_FILENO, STDOUT_FILENO}, {STDERR_FILENO, STDERR_FILENO}};
	const struct dw_spawn_rlimit nofile = {RLIMIT_NOFILE, a->sup->nofile};
	struct dw_spawn sp = {
	    .argv = a->mail ? mail : a->conf->exec.argv,
	    .envp = env,
	    .cwd = "/",
	    .umask = 022,
	    .flags = DW_SPAWN_SETSID,
	    .fds = fds,
	    .nfds = a->sup->opt.foreground ? 3 : 1,
	    .rlimits = &nofile,
	    .nrlimits = 1,
	};
	struct dw_spawn_error error;
	size_t n = make_env(a, env);
	int ret;

	ret = dw_child_spawn(a->sup->loop, &a->child, &sp, &error);
	if (ret == -1)
		snprintf(why, len, "%s: %s: %s", sp.argv[0],
		    dw_spawn_stage_name(error.stage), strerror(error.error));
	while (n > 0)
		free(env[--n]);
	return (ret);
}

static void
forget(struct alert *a)
{
	a->len = 0;
	a->count = a->dropped = 0;
}

static void
send_alert(struct alert *a)
{
	struct dw_loop *loop = a->sup->loop;
	int64_t now = dw_loop_now(loop);
	char why[256] = "";
	int input = make_input(a);

	if (input == -1)
		snprintf(why, sizeof(why), "%s", strerror(errno));
	if (input == -1 || start_program(a, input, why, sizeof(why)) == -1)
		dw_log(a->sup->log, DW_LOG_ERROR,
		    "alert: %u event%s not told: %s", a->count,
		    (a->count == 1) ? "" : "s", why);
	else
		dw_timer_at(loop, &a->late, now + a->conf->timeout);
	if (input != -1)
		close(input);
	a->not_before = now + a->conf->every;
	forget(a);
}

/* When to tell what there is: not beside the last one, nor too soon. */
static void
schedule(struct alert *a)
{
	int64_t at = dw_loop_now(a->sup->loop) + GATHER;

	if (a->count == 0 || a->child.pid != 0 || dw_timer_active(&a->due))
		return;
	dw_timer_at(
	    a->sup->loop, &a->due, (a->not_before > at) ? a->not_before : at);
}

static void
is_due(struct dw_timer *timer)
{
	send_alert(timer->arg);
}

static void
is_late(struct dw_timer *timer)
{
	struct alert *a = timer->arg;

	if (a->child.pid == 0)
		return;
	dw_log(a->sup->log, DW_LOG_ERROR, "alert: %s takes too long: killed",
	    a->mail ? a->conf->sendmail : a->conf->exec.argv[0]);
	(void)dw_child_killpg(&a->child, SIGKILL);
}

static void
ended(struct dw_child *child, int status)
{
	struct alert *a = child->arg;
	bool late = !dw_timer_active(&a->late);
	char how[64];

	dw_timer_stop(&a->late);
	if (status != 0 && !late)
		dw_log(a->sup->log, DW_LOG_ERROR, "alert: %s %s",
		    a->mail ? a->conf->sendmail : a->conf->exec.argv[0],
		    unit_status_text(status, how, sizeof(how)));
	schedule(a);
}

static bool
is_for(
    const struct alert_conf *conf, const char *service, enum alert_event event)
{
	if ((conf->on & (1u << event)) == 0)
		return (false);
	if (conf->services == NULL)
		return (true);
	for (char *const *s = conf->services; *s != NULL; s++)
		if (fnmatch(*s, service, 0) == 0)
			return (true);
	return (false);
}

static void
add_line(struct alert *a)
{
	char line[512], when[40] = "";
	time_t now = time(NULL);
	struct tm tm;
	size_t n;

	if (localtime_r(&now, &tm) != NULL)
		(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S%z", &tm);
	n = (size_t)snprintf(line, sizeof(line), "%s %s %s: %s\n", when,
	    a->service, a->event, a->cause);
	if (n >= sizeof(line) || a->len + n > LINES_MAX) {
		a->dropped++;
		return;
	}
	memcpy(a->lines + a->len, line, n);
	a->len += n;
}

void
alerts_tell(struct alerts *all, const char *service, enum alert_event event,
    const char *state, const char *cause)
{
	for (size_t i = 0; all != NULL && i < all->n; i++) {
		struct alert *a = &all->alert[i];

		if (!is_for(a->conf, service, event))
			continue;
		snprintf(a->service, sizeof(a->service), "%s", service);
		snprintf(a->cause, sizeof(a->cause), "%s", cause);
		unit_clean_text(a->cause, false);
		a->event = alert_event_name(event);
		a->state = state;
		a->count++;
		add_line(a);
		schedule(a);
	}
}

static int
init(struct alert *a, struct supervisor *sup, const struct alert_conf *conf,
    bool mail)
{
	a->sup = sup;
	a->conf = conf;
	a->mail = mail;
	a->child.cb = ended;
	a->child.arg = a;
	a->due.cb = is_due;
	a->due.arg = a;
	a->late.cb = is_late;
	a->late.arg = a;
	a->lines = malloc(LINES_MAX);
	return (a->lines == NULL ? -1 : 0);
}

struct alerts *
alerts_new(struct supervisor *sup)
{
	const struct config *c = sup->conf;
	struct alerts *all =
	    calloc(1, sizeof(*all) + 2 * c->nalerts * sizeof(all->alert[0]));
	int error = 0;

	for (size_t i = 0; all != NULL && i < c->nalerts; i++) {
		const struct alert_conf *conf = &c->alerts[i];

		if (conf->exec.argv != NULL)
			error |= init(&all->alert[all->n++], sup, conf, false);
		if (conf->mail != NULL)
			error |= init(&all->alert[all->n++], sup, conf, true);
	}
	if (error == 0)
		return (all);
	alerts_free(all);
	errno = ENOMEM;
	return (NULL);
}

void
alerts_free(struct alerts *all)
{
	for (size_t i = 0; all != NULL && i < all->n; i++) {
		struct alert *a = &all->alert[i];

		/* One that runs is left to end by itself: it keeps its news. */
		dw_child_stop(&a->child);
		if (a->count > 0 && a->lines != NULL)
			send_alert(a);
		dw_timer_stop(&a->due);
		dw_timer_stop(&a->late);
		dw_child_stop(&a->child);
		free(a->lines);
	}
	free(all);
}
