/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The processes of a service: finding those of a detached one by pidfile or
 * pattern, being told when they end, signalling them.  Each is known by pid
 * and start time, so that another program's pid is never mistaken for it.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor.h"

#define QUICK_MIN (5 * DW_MS)
#define QUICK_MAX (500 * DW_MS)
#define OWED_DELAY (1 * DW_SEC)

static void
proc_free(struct unit_proc *p)
{
	dw_proc_stop(&p->proc);
	LIST_REMOVE(p, link);
	free(p);
}

static void set_lost(struct unit *u, const char *fmt, ...) DW_PRINTF(2, 3);

/* Without memory the words are missing, nothing else. */
static void
set_lost(struct unit *u, const char *fmt, ...)
{
	va_list ap;

	free(u->lost);
	va_start(ap, fmt);
	if (vasprintf(&u->lost, fmt, ap) == -1)
		u->lost = NULL;
	va_end(ap);
}

static void
proc_ended(struct dw_proc *proc, int status)
{
	struct unit_proc *p = proc->arg;
	struct unit *u = p->unit;
	char how[100];

	set_lost(u, "pid %jd %s", (intmax_t)proc->id.pid,
	    unit_status_text(status, how, sizeof(how)));
	u->lost_status = status;
	proc_free(p);
	/* What is there now, is what counts. */
	u->scan_due = true;
	supervisor_scan(u->sup);
}

static struct unit_proc *
find(const struct unit *u, const struct dw_proc_id *id)
{
	struct unit_proc *p;

	LIST_FOREACH(p, &u->procs, link)
		if (p->proc.id.pid == id->pid && p->proc.id.start == id->start)
			return (p);
	return (NULL);
}

static void
add(struct unit *u, const struct dw_proc_id *id)
{
	struct unit_proc *p = find(u, id);

	if (p == NULL) {
		p = calloc(1, sizeof(*p));
		if (p == NULL)
			return; /* the next scan finds it */
		p->unit = u;
		p->proc.cb = proc_ended;
		p->proc.arg = p;
		if (dw_proc_start(u->sup->loop, &p->proc, id) == -1) {
			free(p); /* gone in the meantime */
			return;
		}
		LIST_INSERT_HEAD(&u->procs, p, link);
	}
	p->seen = true;
}

void
unit_drop_procs(struct unit *u)
{
	while (!LIST_EMPTY(&u->procs))
		proc_free(LIST_FIRST(&u->procs));
}

int
unit_pids(const struct unit *u,
    int (*cb)(const struct dw_proc_id *id, void *arg), void *arg)
{
	const struct unit_proc *p;
	int ret;

	if (u->sv.running)
		return (cb(&u->id, arg));
	LIST_FOREACH(p, &u->procs, link)
		if ((ret = cb(&p->proc.id, arg)) != 0)
			return (ret);
	return (0);
}

static bool
is_group(const struct unit *u)
{
	return (u->conf->kill_scope == KILL_GROUP);
}

int
unit_kill_flags(const struct unit *u)
{
	return (is_group(u) ? DW_CHILD_KILLPG : 0);
}

static void
complain(const struct unit *u, pid_t pid, int signo)
{
	if (errno != ESRCH)
		dw_log(u->sup->log, DW_LOG_ERROR,
		    "%s: cannot send signal %d to pid %jd: %s", u->conf->name,
		    signo, (intmax_t)pid, strerror(errno));
}

/*
 * An adopted child led a process group when it was started.  The group is
 * its own as long as the leader lives, which dw_proc_kill() has just seen.
 */
static void
signal_adopted(struct unit *u, int signo)
{
	struct dw_proc_info info;

	if (dw_proc_info(u->id.pid, &info, NULL, 0) == 0 &&
	    info.id.start == u->id.start && info.pgid == u->id.pid &&
	    u->id.pid > 1 && is_group(u)) {
		if (kill(-u->id.pid, signo) == -1)
			complain(u, u->id.pid, signo);
	} else if (dw_proc_kill(u->adopted, signo) == -1)
		complain(u, u->id.pid, signo);
}

/* Does it belong to a session that a process of the service began? */
static bool
is_session(const struct unit *u, pid_t sid)
{
	struct dw_proc_info info;

	if (u->sid <= 1 || sid != u->sid)
		return (false);
	/* While its leader, or any member, lives, the number is not reused. */
	if (u->child.pid == u->sid || u->id.pid == u->sid)
		return (true);
	return (dw_proc_info(u->id.pid, &info, NULL, 0) == 0 &&
	    info.id.start == u->id.start && info.sid == u->sid);
}

#define FAMILY_MAX 64

bool
unit_has_process(const struct unit *u, pid_t pid)
{
	struct dw_proc_info info;

	if (!u->sv.running || u->id.pid <= 1)
		return (false);
	for (int depth = 0; depth < FAMILY_MAX && pid > 1; depth++) {
		if (pid == u->id.pid || pid == u->child.pid)
			return (true);
		if (dw_proc_info(pid, &info, NULL, 0) == -1)
			return (false);
		if (is_session(u, info.sid))
			return (true);
		pid = info.ppid;
	}
	return (false);
}

/*
 * From then on the service lives as long as that process does, whatever
 * becomes of the one that we started.
 */
void
unit_main_pid(struct unit *u, pid_t pid)
{
	struct dw_proc *last;
	struct dw_proc_id id;

	if (pid == u->id.pid || !u->sv.running)
		return;
	if (!unit_has_process(u, pid) || dw_proc_identify(pid, &id) == -1) {
		dw_log(u->sup->log, DW_LOG_WARNING,
		    "%s: MAINPID=%jd is no process of the service: ignored",
		    u->conf->name, (intmax_t)pid);
		return;
	}
	/* Who was it before is watched until the new one is. */
	last = u->adopted;
	u->adopted = NULL;
	if (pid != u->child.pid && unit_watch_main(u, &id) == -1) {
		dw_log(u->sup->log, DW_LOG_ERROR, "%s: MAINPID=%jd: %s",
		    u->conf->name, (intmax_t)pid, strerror(errno));
		free(u->adopted);
		u->adopted = last;
		return;
	}
	if (last != NULL)
		dw_proc_stop(last);
	free(last);
	u->has_main = pid != u->child.pid;
	/* The end of the first must not take the others along. */
	u->child.flags = u->has_main ? 0 : unit_kill_flags(u);
	u->id = id;
	supervisor_changed(u->sup, u);
}

bool
unit_main_back(struct unit *u)
{
	if (u->child.pid == 0)
		return (false);
	u->has_main = false;
	u->child.flags = unit_kill_flags(u);
	u->id = (struct dw_proc_id) {.pid = u->child.pid};
	(void)dw_proc_identify(u->child.pid, &u->id);
	return (true);
}

/* The group of the first process is not always that of the main one. */
static bool
is_apart(const struct unit *u)
{
	struct dw_proc_info info;

	return (u->has_main && dw_proc_info(u->id.pid, &info, NULL, 0) == 0 &&
	    info.id.start == u->id.start && info.pgid != u->child.pid);
}

static void
signal_once(struct unit *u, int signo)
{
	struct unit_proc *p;

	if (u->child.pid != 0) {
		int ret = is_group(u) ? dw_child_killpg(&u->child, signo) :
					dw_child_kill(&u->child, signo);

		if (ret == -1)
			complain(u, u->child.pid, signo);
		if (is_apart(u) || (u->has_main && !is_group(u)))
			signal_adopted(u, signo);
		return;
	}
	if (u->sv.running) {
		signal_adopted(u, signo);
		return;
	}
	LIST_FOREACH(p, &u->procs, link) {
		if (p->signalled == signo && signo != SIGCONT)
			continue;
		if (signo != SIGCONT)
			p->signalled = signo;
		if (dw_proc_kill(&p->proc, signo) == -1)
			complain(u, p->proc.id.pid, signo);
	}
}

#define REST_MAX 256

struct rest {
	pid_t leader;
	bool reused;
	struct dw_proc_id ids[REST_MAX];
	size_t n;
};

static int
find_rest(const struct dw_proc_info *info, void *arg)
{
	struct rest *rest = arg;

	if (info->id.pid == rest->leader)
		rest->reused = rest->reused || !info->zombie;
	else if (info->pgid == rest->leader && info->sid == rest->leader &&
	    !info->zombie && rest->n < REST_MAX)
		rest->ids[rest->n++] = info->id;
	return (0);
}

/*
 * What an adopted child that has ended leaves in its process group, as
 * DW_CHILD_KILLPG does for our own.  We cannot hold its pid as a zombie; but
 * while members of its session live nobody else gets the number, and if
 * somebody has it there are none.
 */
void
unit_kill_rest(struct unit *u)
{
	struct rest rest = {.leader = u->sid};

	if (rest.leader <= 1 || !is_group(u) ||
	    dw_procs_each(0, find_rest, &rest) == -1 || rest.reused)
		return;
	for (size_t i = 0; i < rest.n; i++) {
		struct dw_proc proc = {.cb = NULL};

		if (dw_proc_start(u->sup->loop, &proc, &rest.ids[i]) == -1)
			continue;
		if (dw_proc_kill(&proc, SIGKILL) == -1)
			complain(u, rest.ids[i].pid, SIGKILL);
		dw_proc_stop(&proc);
	}
}

/*
 * A stopped process (SIGSTOP, a terminal, a debugger) would get nothing but
 * SIGKILL until somebody continues it.
 */
void
unit_signal(struct unit *u, int signo)
{
	signal_once(u, signo);
	if (signo != SIGKILL)
		signal_once(u, SIGCONT);
}

void
unit_pass_signal(struct unit *u, int signo)
{
	struct unit_proc *p;

	if (u->child.pid != 0 && !u->has_main) {
		if (dw_child_kill(&u->child, signo) == -1)
			complain(u, u->child.pid, signo);
	} else if (u->sv.running) {
		if (dw_proc_kill(u->adopted, signo) == -1)
			complain(u, u->id.pid, signo);
	}
	LIST_FOREACH(p, &u->procs, link)
		if (dw_proc_kill(&p->proc, signo) == -1)
			complain(u, p->proc.id.pid, signo);
}

void
unit_forget_signals(struct unit *u)
{
	struct unit_proc *p;

	LIST_FOREACH(p, &u->procs, link)
		p->signalled = 0;
}

static const char *
pidfile_trouble(int error)
{
	switch (error) {
	case ENOENT:
		return ("is not there");
	case ESRCH:
		return ("names no process that could have written it");
	case EAGAIN:
		return ("is empty");
	case EINVAL:
		return ("has no pid in it");
	case EPERM:
		return ("may have been written by others than the service");
	default:
		return (strerror(error));
	}
}

static void
read_pidfile(struct unit *u)
{
	struct dw_proc_id id;

	if (dw_pidfile_read(u->conf->pidfile, &id) == 0)
		add(u, &id);
	else if (u->lost == NULL && LIST_EMPTY(&u->procs))
		set_lost(u, "pidfile %.150s %s", u->conf->pidfile,
		    pidfile_trouble(errno));
}

void
unit_scan_begin(struct unit *u)
{
	struct unit_proc *p;

	LIST_FOREACH(p, &u->procs, link)
		p->seen = false;
	if (u->conf->pidfile != NULL)
		read_pidfile(u);
}

/* A command of ours, or a copy of it that its shell forked? */
static bool
is_command(const struct unit *u, const struct dw_proc_info *info)
{
	const char *want = info->args;
	size_t len;

	if (u->cmd.pid != 0 && info->id.pid == u->cmd.pid)
		return (true);
	if (u->cmd_sid == 0 || info->sid != u->cmd_sid ||
	    u->conf->start.argv == NULL)
		return (false);
	for (char **arg = u->conf->start.argv; *arg != NULL; arg++) {
		len = strlen(*arg);
		if (strncmp(want, *arg, len) != 0)
			return (false);
		want += len;
		if (*want == ' ')
			want++;
	}
	return (*want == '\0');
}

void
unit_scan_offer(struct unit *u, const struct dw_proc_info *info)
{
	if (u->match == NULL || info->zombie || is_command(u, info))
		return;
	if (u->conf->match_user != NULL && info->uid != u->match_uid)
		return;
	if (regexec(u->match, info->args, 0, NULL, 0) == 0)
		add(u, &info->id);
}

/*
 * A process that matched once and does not now has renamed itself, or was
 * only a copy between fork and exec.  It is forgotten if there are enough
 * without it; if in doubt, it is the service, and goes on counting.
 */
static void
forget_unseen(struct unit *u, uint32_t seen)
{
	struct unit_proc *p, *next;

	if (seen == 0 || seen < u->conf->count_min)
		return;
	for (p = LIST_FIRST(&u->procs); p != NULL; p = next) {
		next = LIST_NEXT(p, link);
		if (!p->seen)
			proc_free(p);
	}
}

void
unit_scan_end(struct unit *u)
{
	struct service_event ev = {.kind = SE_PROCS};
	struct unit_proc *p;
	uint32_t seen = 0;
	char text[SERVICE_TEXT];

	u->scan_due = u->scan_owed = false;
	LIST_FOREACH(p, &u->procs, link)
		seen += p->seen;
	forget_unseen(u, seen);
	LIST_FOREACH(p, &u->procs, link)
		ev.count++;
	if (u->lost != NULL) {
		(void)strlcpy(text, u->lost, sizeof(text));
		free(u->lost);
		u->lost = NULL;
		ev.text = text;
		ev.status = u->lost_status;
		u->lost_status = DW_STATUS_NONE;
	}
	unit_step(u, &ev);
}

static void
scan_now(struct dw_timer *timer)
{
	struct unit *u = timer->arg;

	u->scan_due = true;
	supervisor_scan(u->sup);
}

static void
scan_after(struct unit *u, int64_t delay)
{
	u->scan_timer.cb = scan_now;
	u->scan_timer.arg = u;
	dw_timer_start(u->sup->loop, &u->scan_timer, delay);
}

void
unit_scan_pace(struct unit *u)
{
	enum service_pace pace = service_wants_scans(&u->sv);
	int64_t delay = u->conf->interval;

	if (u->scan_owed) {
		if (!dw_timer_active(&u->scan_timer) && !u->scan_due)
			scan_after(u, OWED_DELAY);
		return;
	}
	if (pace != PACE_QUICK)
		u->scan_quick = QUICK_MIN;
	if (pace == PACE_NONE) {
		dw_timer_stop(&u->scan_timer);
		return;
	}
	if (dw_timer_active(&u->scan_timer) || u->scan_due)
		return;
	if (pace == PACE_QUICK) {
		delay = u->scan_quick;
		u->scan_quick = (delay * 2 < QUICK_MAX) ? delay * 2 : QUICK_MAX;
	}
	scan_after(u, delay);
}

/*
 * Not knowing is no reason to start or to stop anything.  But whatever the
 * state, the answer is still wanted: it may be the one to a death.
 */
void
unit_scan_failed(struct unit *u)
{
	u->scan_due = false;
	u->scan_owed = true;
	dw_timer_stop(&u->scan_timer);
	unit_scan_pace(u);
}
