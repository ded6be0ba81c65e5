/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The supervisor: sets everything up, starts the units, and takes it down
 * again.  What a service needs is decided in service.c and done by its unit.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "alert.h"
#include "prober_client.h"
#include "state.h"
#include "supervisor.h"

struct unit *
supervisor_find(struct supervisor *sup, const char *name)
{
	for (size_t i = 0; i < sup->nunits; i++)
		if (strcmp(sup->units[i]->conf->name, name) == 0)
			return (sup->units[i]);
	return (NULL);
}

/* xorshift32: only spreads delays. */
uint32_t
supervisor_random(struct supervisor *sup)
{
	sup->seed ^= sup->seed << 13;
	sup->seed ^= sup->seed >> 17;
	sup->seed ^= sup->seed << 5;
	return (sup->seed);
}

void
supervisor_scan(struct supervisor *sup)
{
	dw_defer_start(sup->loop, &sup->scan);
}

static void
do_scan(struct dw_defer *defer)
{
	scan_run(defer->arg);
}

void
supervisor_changed(struct supervisor *sup, struct unit *u)
{
	order_changed(&sup->order, u->at);
	sup->state_dirty = true;
	dw_defer_start(sup->loop, &sup->progress);
}

static void
save_state(struct supervisor *sup)
{
	if (!sup->state_dirty || sup->state_path == NULL)
		return;
	sup->state_dirty = false;
	if (state_save(sup, sup->state_path) == -1) {
		sup->state_dirty = true;
		dw_log(sup->log, DW_LOG_ERROR, "%s: %s", sup->state_path,
		    strerror(errno));
	}
}

static void
tell_not_up(struct supervisor *sup)
{
	for (size_t i = 0; i < sup->nunits; i++) {
		const struct unit *u = sup->units[i];

		if (sup->opt.ready != NULL && *sup->opt.ready != -1 &&
		    u->sv.state != SV_UP)
			fprintf(stderr, "daemonwatch: %s: %s: %s\n",
			    u->conf->name, service_state_name(u->sv.state),
			    u->sv.cause);
	}
}

/* One that waits in vain will not have its first start soon. */
static bool
is_settled(const struct supervisor *sup, uint32_t i)
{
	const struct service *sv = &sup->units[i]->sv;

	return (sv->settled || !sv->want ||
	    (sv->phase == PH_REQUIRE && !order_moving(&sup->order, i)));
}

/* Every service has had its first start: whoever waits may go on. */
static void
check_settled(struct supervisor *sup)
{
	for (uint32_t i = 0; i < sup->nunits; i++)
		if (!is_settled(sup, i))
			return;
	sup->starting = false;
	if (sup->stopping)
		return; /* supervisor_run() tells the launcher */
	tell_not_up(sup);
	if (sup->opt.ready != NULL && dw_ready(sup->opt.ready) == -1)
		dw_log(sup->log, DW_LOG_WARNING,
		    "cannot tell that all has been started: %s",
		    strerror(errno));
	if (dw_notify("READY=1") == -1)
		dw_log(sup->log, DW_LOG_WARNING, "NOTIFY_SOCKET: %s",
		    strerror(errno));
}

static void
check_stopped(struct supervisor *sup)
{
	for (size_t i = 0; i < sup->nunits; i++)
		if (!sup->units[i]->left &&
		    sup->units[i]->sv.state != SV_STOPPED)
			return;
	dw_loop_stop(sup->loop, sup->status);
}

void
supervisor_over(struct supervisor *sup, const struct unit *u)
{
	if (!sup->opt.foreground || sup->stopping || sup->over != NULL)
		return;
	sup->over = u;
	dw_defer_start(sup->loop, &sup->progress);
}

static void
stop_with(struct supervisor *sup, const struct unit *u)
{
	char why[SERVICE_TEXT + CONFIG_NAME_MAX + 64];

	/* An operator may have started it again in the meantime. */
	if (!service_is_over(&u->sv))
		return;
	sup->status = service_exit_status(&u->sv);
	snprintf(why, sizeof(why), "%s, which is critical, has %s",
	    u->conf->name, u->sv.finished ? "ended" : "failed");
	supervisor_stop(sup, false, why);
}

static void
progress(struct dw_defer *defer)
{
	struct supervisor *sup = defer->arg;
	const struct unit *over = sup->over;

	sup->over = NULL;
	if (over != NULL && !sup->stopping)
		stop_with(sup, over);
	supervisor_order_run(sup);
	save_state(sup);
	if (sup->starting)
		check_settled(sup);
	if (sup->stopping)
		check_stopped(sup);
}

void
supervisor_stop(struct supervisor *sup, bool keep, const char *why)
{
	if (sup->stopping)
		return;
	sup->stopping = true;
	sup->keep = sup->keep_all = keep;
	dw_log(sup->log, DW_LOG_NOTICE, "%s%s", why,
	    keep ? ", keeping the services" : "");
	(void)dw_notify("STOPPING=1");
	if (keep)
		save_state(sup);
	supervisor_stop_all(sup);
	dw_defer_start(sup->loop, &sup->progress);
}

/* Asked twice: whoever does cannot wait for what does not end. */
static void
leave_the_rest(struct supervisor *sup)
{
	for (size_t i = 0; i < sup->nunits; i++) {
		struct unit *u = sup->units[i];

		if (u->left || u->sv.state == SV_STOPPED)
			continue;
		dw_log(sup->log, DW_LOG_WARNING,
		    "%s: still stopping: left as it is", u->conf->name);
		sup->keep = true;
		unit_leave(u);
		order_changed(&sup->order, u->at);
	}
	dw_defer_start(sup->loop, &sup->progress);
}

static void
on_term(struct dw_signal *sig)
{
	struct supervisor *sup = sig->arg;

	if (sup->stopping)
		leave_the_rest(sup);
	else
		supervisor_stop(sup, false,
		    (sig->signo == SIGINT) ? "interrupted" : "asked to stop");
}

static void
on_hup(struct dw_signal *sig)
{
	struct supervisor *sup = sig->arg;

	/* Nobody could see it any more, nor end it by ^C. */
	if (sup->on_terminal && isatty(STDERR_FILENO) == 0) {
		if (!sup->stopping)
			supervisor_stop(sup, false, "the terminal is gone");
		return;
	}
	if (dw_log_reopen(sup->log) == -1)
		dw_log(sup->log, DW_LOG_ERROR, "cannot reopen the log: %s",
		    strerror(errno));
}

static int
watch_signal(
    struct supervisor *sup, struct dw_signal *sig, int signo, dw_signal_cb *cb)
{
	sig->cb = cb;
	sig->arg = sup;
	return (dw_signal_start(sup->loop, sig, signo));
}

static void
prober_says(struct supervisor *sup, enum dw_log_level level, const char *who,
    const char *text)
{
	dw_log(sup->log, level, "%s: %s", who, text);
	/* Whoever starts us would only see that no check gives an answer. */
	if (level == DW_LOG_ERROR && sup->starting && !sup->complained &&
	    sup->opt.ready != NULL && *sup->opt.ready != -1) {
		fprintf(stderr, "daemonwatch: %s: %s\n", who, text);
		sup->complained = true;
	}
}

static void
prober_event(void *arg, enum dw_log_level level, const char *text)
{
	prober_says(arg, level, "prober", text);
}

static void
prober_http_event(void *arg, enum dw_log_level level, const char *text)
{
	prober_says(arg, level, "prober-http", text);
}

static struct prober *
make_prober(struct supervisor *sup, const char *program, prober_event_cb *event)
{
	struct prober *prober = NULL;
	char *path = runtime_program(program);

	if (path != NULL)
		prober = prober_new(
		    sup->loop, path, sup->conf->prober_user, event, sup);
	free(path);
	return (prober);
}

struct prober *
supervisor_prober_http(struct supervisor *sup)
{
	if (sup->prober_http == NULL)
		sup->prober_http = make_prober(
		    sup, "daemonwatch-prober-http", prober_http_event);
	return (sup->prober_http);
}

/* Each watched process may cost a descriptor. */
static void
raise_nofile(struct supervisor *sup)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &sup->nofile) == -1)
		sup->nofile = (struct rlimit) {1024, 4096};
	rl = sup->nofile;
	rl.rlim_cur = rl.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &rl);
}

static int
make_units(struct supervisor *sup)
{
	sup->units = calloc(sup->conf->nservices + 1, sizeof(*sup->units));
	if (sup->units == NULL)
		return (-1);
	for (size_t i = 0; i < sup->conf->nservices; i++) {
		struct unit *u = unit_new(sup, &sup->conf->services[i]);

		if (u == NULL)
			return (-1);
		u->at = (uint32_t)sup->nunits;
		sup->units[sup->nunits++] = u;
	}
	return (supervisor_order_init(sup));
}

static void
start_units(struct supervisor *sup)
{
	sup->starting = true;
	if (sup->state_path != NULL)
		state_load(sup, sup->state_path);
	supervisor_start_all(sup);
	dw_defer_start(sup->loop, &sup->progress);
}

static int
make_loop(struct supervisor *sup, char *buf, size_t len)
{
	sup->loop = dw_loop_new(sup->opt.poller);
	if (sup->loop == NULL) {
		snprintf(buf, len, "event queue %s: %s",
		    (sup->opt.poller != NULL) ? sup->opt.poller : "",
		    (errno == EINVAL) ? "there is no such poller here" :
					strerror(errno));
		return (errno == EINVAL ? EX_CONFIG : EX_OSERR);
	}
	if (watch_signal(sup, &sup->sigterm, SIGTERM, on_term) == -1 ||
	    watch_signal(sup, &sup->sigint, SIGINT, on_term) == -1 ||
	    watch_signal(sup, &sup->sighup, SIGHUP, on_hup) == -1 ||
	    supervisor_be_one(sup) == -1) {
		snprintf(buf, len, "signals: %s", strerror(errno));
		return (EX_OSERR);
	}
	signal(SIGPIPE, SIG_IGN);
	sup->prober = make_prober(sup, "daemonwatch-prober", prober_event);
	if (sup->prober == NULL) {
		snprintf(buf, len, "prober: %s", strerror(errno));
		return (EX_OSERR);
	}
	sup->alerts = alerts_new(sup);
	if (sup->alerts == NULL) {
		snprintf(buf, len, "alerts: %s", strerror(errno));
		return (EX_OSERR);
	}
	return (0);
}

static int
set_up(struct supervisor *sup, char *buf, size_t len)
{
	int status;

	sup->log = dw_log_open(sup->opt.log, "daemonwatch",
	    sup->opt.verbose ? DW_LOG_DEBUG : DW_LOG_NOTICE);
	if (sup->log == NULL) {
		snprintf(buf, len, "log %s: %s", sup->opt.log,
		    (errno == EINVAL) ? "there is no such place" :
					strerror(errno));
		return (EX_CANTCREAT);
	}
	status = runtime_open(sup, buf, len);
	if (status != 0)
		return (status);
	status = make_loop(sup, buf, len);
	if (status != 0)
		return (status);
	if (dw_reaper_acquire(sup->loop) == -1)
		dw_log(
		    sup->log, DW_LOG_DEBUG, "subreaper: %s", strerror(errno));
	if (dw_boot_id(sup->boot_id, sizeof(sup->boot_id)) == -1)
		sup->boot_id[0] = '\0';
	raise_nofile(sup);
	if (make_units(sup) == -1) {
		snprintf(buf, len, "services: %s", strerror(errno));
		return (EX_OSERR);
	}
	return (runtime_listen(sup, buf, len));
}

static void
tear_down(struct supervisor *sup)
{
	for (size_t i = 0; i < sup->nunits; i++)
		unit_leave(sup->units[i]);
	runtime_close(sup);
	for (size_t i = 0; i < sup->nunits; i++)
		unit_free(sup->units[i]);
	free(sup->units);
	order_free(&sup->order);
	alerts_free(sup->alerts);
	prober_free(sup->prober);
	prober_free(sup->prober_http);
	if (sup->loop != NULL)
		dw_loop_free(sup->loop);
	if (sup->log != NULL)
		dw_log_close(sup->log);
	config_free(sup->conf);
}

int
supervisor_run(struct config *conf, const struct supervisor_options *opt)
{
	struct supervisor sup = {
	    .conf = conf,
	    .opt = *opt,
	    .seed = (uint32_t)dw_clock() | 1,
	};
	char why[512];
	int status;

	sup.on_terminal = opt->foreground && isatty(STDERR_FILENO) == 1;
	sup.scan.cb = do_scan;
	sup.scan.arg = &sup;
	sup.progress.cb = progress;
	sup.progress.arg = &sup;
	status = set_up(&sup, why, sizeof(why));
	if (status != 0) {
		if (opt->ready == NULL ||
		    dw_ready_fail(
			opt->ready, status, "daemonwatch: %s\n", why) == -1)
			fprintf(stderr, "daemonwatch: %s\n", why);
		/* What an earlier one left running is still to be adopted. */
		sup.keep = true;
		tear_down(&sup);
		return (status);
	}
	dw_log(sup.log, DW_LOG_NOTICE, "watching %zu service%s (%s, pid %jd)",
	    conf->nservices, (conf->nservices == 1) ? "" : "s",
	    dw_loop_poller(sup.loop), (intmax_t)getpid());
	start_units(&sup);
	while ((status = dw_loop_run(sup.loop)) == -1) {
		/* Nothing is fatal any more; but neither may it spin. */
		dw_log(
		    sup.log, DW_LOG_ERROR, "event queue: %s", strerror(errno));
		usleep(100000);
	}
	if (opt->ready != NULL && *opt->ready != -1)
		(void)dw_ready_fail(opt->ready, 1,
		    "daemonwatch: stopped before every service had its first "
		    "start");
	dw_log(sup.log, DW_LOG_NOTICE, "stopped");
	tear_down(&sup);
	return (status);
}
