/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * start | stop | restart | status | run for any program.  This is the one
 * part of the library that speaks to a person: it stands in for main().
 */
#include "config.h"

#include <sys/types.h>

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemonize.h"
#include "file.h"

#define STOP_TIMEOUT (10 * DW_SEC)
/* How long SIGKILL may take: a process in the kernel dies when it comes out. */
#define KILL_TIMEOUT (10 * DW_SEC)
/* A lock has no event; it is looked at again after this. */
#define LOCK_PAUSE (20 * DW_MS)
#define PIDFILE_MODE 0644

/* Exit statuses of LSB 3.1, "Init Script Actions". */
enum lsb_status {
	LSB_RUNNING = 0,
	LSB_DEAD = 1,
	LSB_NOT_RUNNING = 3,
	LSB_UNKNOWN = 4
};

struct verb {
	const char *name;
	int (*run)(struct dw_daemon *d, const char *pidfile);
};

/* A stop under way. */
struct stopping {
	struct dw_daemon *d;
	const char *pidfile;
	struct dw_loop *loop;
	struct dw_proc proc;
	struct dw_proc_id target; /* pid 0: not known yet */
	struct dw_timer timer;	  /* the next step, if it is not over by then */
	struct dw_timer pause;
	bool gone; /* the process; its lock may be held still */
	bool killed;
};

static void complain(const struct dw_daemon *d, const char *fmt, ...)
    DW_PRINTF(2, 3);

static void
complain(const struct dw_daemon *d, const char *fmt, ...)
{
	va_list ap;

	(void)fprintf(stderr, "%s: ", d->name);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
}

static int64_t
stop_timeout(const struct dw_daemon *d)
{
	return (d->stop_timeout > 0 ? d->stop_timeout : STOP_TIMEOUT);
}

static int
stop_signal(const struct dw_daemon *d)
{
	return (d->stop_signal > 0 ? d->stop_signal : SIGTERM);
}

/* Why a pidfile cannot be judged, in words of its own kind. */
static const char *
reason(int error)
{
	switch (error) {
	case EBUSY:
		return ("it is locked, but the process that it names is gone");
	case EINVAL:
		return ("it is no pidfile");
	case EPERM:
		return ("it could have been written by somebody else");
	case ELOOP:
		return ("it is a symbolic link");
	default:
		return (strerror(error));
	}
}

/* In words that fit both on the terminal and for dw_ready_fail(). */
static void
already_running(char *buf, size_t size, pid_t pid)
{
	if (pid > 0)
		(void)snprintf(
		    buf, size, "already running, pid %ld", (long)pid);
	else
		(void)snprintf(buf, size, "already running");
}

/*
 * start and run
 */

/* Say what ended a start, through the launcher if there is one. */
static void
refuse(const struct dw_daemon *d, int *ready, const char *what, const char *why)
{
	if (*ready == -1)
		complain(d, "%s%s%s", what, *why == '\0' ? "" : ": ", why);
	else
		(void)dw_ready_fail(
		    ready, 1, "%s%s%s", what, *why == '\0' ? "" : ": ", why);
}

/* The program, with its pidfile around it. */
static int
serve(struct dw_daemon *d, const char *pidfile, int *ready)
{
	struct dw_pidfile *pf;
	char text[64];
	pid_t owner;
	int status;

	if ((pf = dw_pidfile_open(pidfile, PIDFILE_MODE, &owner)) == NULL) {
		if (errno == EEXIST) {
			already_running(text, sizeof(text), owner);
			refuse(d, ready, text, "");
		} else
			refuse(d, ready, pidfile, reason(errno));
		return (1);
	}
	if (dw_pidfile_write(pf) == -1) {
		refuse(d, ready, pidfile, strerror(errno));
		status = 1;
	} else
		status = d->run(d, ready);
	(void)dw_pidfile_remove(pf);
	return (status);
}

static int
run(struct dw_daemon *d, const char *pidfile)
{
	int ready = -1;

	return (serve(d, pidfile, &ready));
}

static int
start(struct dw_daemon *d, const char *pidfile)
{
	struct daemonize_wait wait = {
	    .name = d->name,
	    .timeout = d->start_timeout,
	    .stop_signal = stop_signal(d),
	    .stop_timeout = stop_timeout(d),
	};
	struct dw_proc_id id;
	int ready;

	/* Only to spare the forks: the lock that the daemon takes decides. */
	if (dw_pidfile_owner(pidfile, &id) == 0) {
		complain(d, "already running, pid %ld", (long)id.pid);
		return (1);
	}
	if (daemonize(&d->daemonize, &wait, &ready) == -1) {
		complain(d, "cannot become a daemon: %s", strerror(errno));
		return (1);
	}
	return (serve(d, pidfile, &ready));
}

/*
 * stop
 */

/*
 * Take away what a daemon left that could not do it any more.  Under its lock:
 * it may be a new one's by now.
 */
static void
sweep(const char *pidfile)
{
	struct dw_pidfile *pf;

	if ((pf = dw_pidfile_open(pidfile, PIDFILE_MODE, NULL)) != NULL)
		(void)dw_pidfile_remove(pf);
}

/* The daemon is known: signal just it, and be told when it is gone. */
static void
aim(struct stopping *s, const struct dw_proc_id *id)
{
	struct dw_daemon *d = s->d;

	if (dw_proc_start(s->loop, &s->proc, id) == -1) {
		if (errno == ESRCH) {
			dw_timer_start(s->loop, &s->pause, 0);
			return;
		}
		complain(d, "pid %ld: %s", (long)id->pid, strerror(errno));
		dw_loop_stop(s->loop, 1);
		return;
	}
	s->target = *id;
	if (dw_proc_kill(&s->proc, stop_signal(d)) == -1 && errno != ESRCH) {
		complain(d, "cannot stop pid %ld: %s", (long)id->pid,
		    strerror(errno));
		dw_loop_stop(s->loop, 1);
		return;
	}
	/* A stopped process would not take it. */
	(void)dw_proc_kill(&s->proc, SIGCONT);
	dw_timer_start(s->loop, &s->timer, stop_timeout(d));
}

/* There is no owner, or none to be told: what follows from that? */
static void
unowned(struct stopping *s, int error)
{
	bool aimed;

	aimed = s->target.pid != 0;
	switch (error) {
	case ESRCH:
		sweep(s->pidfile);
		/* FALLTHROUGH */
	case ENOENT:
		if (!aimed)
			complain(s->d, "not running");
		dw_loop_stop(s->loop, 0);
		return;
	case EAGAIN:
		/* Locked, but not written yet; or the next one's already. */
		if (aimed) {
			dw_loop_stop(s->loop, 0);
			return;
		}
		dw_timer_start(s->loop, &s->pause, LOCK_PAUSE);
		return;
	case EBUSY:
		/* A child of the daemon has the lock, and may outlive it. */
		if (aimed) {
			dw_timer_start(s->loop, &s->pause, LOCK_PAUSE);
			return;
		}
		break;
	default:
		break;
	}
	complain(s->d, "%s: %s", s->pidfile, reason(error));
	dw_loop_stop(s->loop, 1);
}

static void
look(struct stopping *s)
{
	struct dw_proc_id id;

	if (dw_pidfile_owner(s->pidfile, &id) == -1)
		unowned(s, errno);
	else if (s->target.pid == 0)
		aim(s, &id);
	else
		dw_loop_stop(s->loop, 0); /* another was started meanwhile */
}

static void
look_again(struct dw_timer *timer)
{
	look(timer->arg);
}

static void
gone(struct dw_proc *proc, int status)
{
	struct stopping *s = proc->arg;

	(void)status;
	s->gone = true;
	dw_timer_start(s->loop, &s->timer, stop_timeout(s->d));
	look(s);
}

static void
too_long(struct dw_timer *timer)
{
	struct stopping *s = timer->arg;
	long pid = (long)s->target.pid;

	if (pid == 0) {
		complain(
		    s->d, "%s: locked, but nobody writes a pid", s->pidfile);
	} else if (s->gone) {
		complain(s->d,
		    "%s: a process that pid %ld has left behind "
		    "keeps it locked",
		    s->pidfile, pid);
	} else if (!dw_proc_alive(&s->target)) {
		/* At this very moment: gone() is about to be called. */
		dw_timer_start(s->loop, &s->timer, stop_timeout(s->d));
		return;
	} else if (s->killed) {
		complain(s->d, "pid %ld does not die", pid);
	} else {
		complain(s->d, "pid %ld still runs after %g s: SIGKILL", pid,
		    (double)stop_timeout(s->d) / DW_SEC);
		s->killed = true;
		(void)dw_proc_kill(&s->proc, SIGKILL);
		dw_timer_start(s->loop, &s->timer, KILL_TIMEOUT);
		return;
	}
	dw_loop_stop(s->loop, 1);
}

static int
stop(struct dw_daemon *d, const char *pidfile)
{
	struct stopping s = {.d = d, .pidfile = pidfile};
	int status;

	if ((s.loop = dw_loop_new(NULL)) == NULL) {
		complain(d, "cannot stop: %s", strerror(errno));
		return (1);
	}
	s.proc.cb = gone;
	s.timer.cb = too_long;
	s.pause.cb = look_again;
	s.proc.arg = s.timer.arg = s.pause.arg = &s;
	dw_timer_start(s.loop, &s.timer, stop_timeout(d));
	dw_timer_start(s.loop, &s.pause, 0);
	if ((status = dw_loop_run(s.loop)) == -1) {
		complain(d, "cannot stop: %s", strerror(errno));
		status = 1;
	}
	dw_loop_free(s.loop);
	return (status);
}

static int
restart(struct dw_daemon *d, const char *pidfile)
{
	if (stop(d, pidfile) != 0)
		return (1);
	return (start(d, pidfile));
}

static int
show_status(struct dw_daemon *d, const char *pidfile)
{
	struct dw_proc_id id;

	if (dw_pidfile_owner(pidfile, &id) == 0) {
		(void)printf("%s: running, pid %ld\n", d->name, (long)id.pid);
		return (LSB_RUNNING);
	}
	switch (errno) {
	case ENOENT:
		(void)printf("%s: not running\n", d->name);
		return (LSB_NOT_RUNNING);
	case ESRCH:
		(void)printf("%s: dead, but %s exists\n", d->name, pidfile);
		return (LSB_DEAD);
	case EAGAIN:
		(void)printf("%s: running, pid not written yet\n", d->name);
		return (LSB_RUNNING);
	default:
		(void)printf(
		    "%s: unknown: %s: %s\n", d->name, pidfile, reason(errno));
		return (LSB_UNKNOWN);
	}
}

static const struct verb verbs[] = {
    {"start", start},
    {"stop", stop},
    {"restart", restart},
    {"status", show_status},
    {"run", run},
};

int
dw_daemon_main(struct dw_daemon *d, int argc, char *argv[])
{
	char *pidfile;
	unsigned filled;
	size_t i;
	int ret;

	for (i = 0; argc == 2 && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(argv[1], verbs[i].name) != 0)
			continue;
		/* Messages must not end up in a file of the program's. */
		if (file_fill_std(&filled) == -1 ||
		    (pidfile = file_absolute(d->pidfile)) == NULL) {
			complain(d, "%s", strerror(errno));
			return (1);
		}
		ret = verbs[i].run(d, pidfile);
		free(pidfile);
		return (ret);
	}
	(void)fprintf(
	    stderr, "usage: %s start|stop|restart|status|run\n", d->name);
	return (2);
}
