/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Driving one service: events go into the state machine, its actions are done
 * in their order, and what follows from one goes back in as the next event.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "alert.h"
#include "supervisor.h"

/* What an action led to at once: the next event. */
struct follow {
	bool set;
	struct service_event ev;
	char text[SERVICE_TEXT];
};

/* POSIX, "Exit Status for Commands"; but any program may exit so. */
static const char *
shell_says(int status)
{
	return (status == 127 ? " (command not found?)" :
		status == 126 ? " (command not executable?)" :
				"");
}

void
unit_clean_text(char *s, bool ascii)
{
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c < 0x20 || c == 0x7f || (ascii && c >= 0x80))
			*s = '?';
	}
}

const char *
unit_status_text(int status, char *buf, size_t len)
{
	if (status == DW_STATUS_NONE)
		snprintf(buf, len, "is gone");
	else if (WIFEXITED(status))
		snprintf(buf, len, "exited with status %d%s",
		    WEXITSTATUS(status), shell_says(WEXITSTATUS(status)));
	else
		snprintf(buf, len, "killed by signal %d (%s)%s",
		    WTERMSIG(status), strsignal(WTERMSIG(status)),
		    WCOREDUMP(status) ? ", core dumped" : "");
	return (buf);
}

static bool
is_command_ok(int status)
{
	return (WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void
ended(struct unit *u, int status, const char *text)
{
	struct service_event ev = {
	    .kind = SE_EXITED, .status = status, .text = text};

	unit_step(u, &ev);
}

static void
child_ended(struct dw_child *child, int status)
{
	struct unit *u = child->arg;
	char text[SERVICE_TEXT], how[100];

	unit_status_text(status, how, sizeof(how));
	if (u->has_main) {
		dw_log(u->sup->log, DW_LOG_DEBUG,
		    "%s: its first process %s, its main process is pid %jd",
		    u->conf->name, how, (intmax_t)u->id.pid);
		return;
	}
	if (u->notify != NULL && u->notify->error != 0)
		snprintf(text, sizeof(text), "%s, having said: %s", how,
		    strerror(u->notify->error));
	else
		snprintf(text, sizeof(text), "%s", how);
	ended(u, status, text);
}

static void
adopted_ended(struct dw_proc *proc, int status)
{
	struct unit *u = proc->arg;
	char text[SERVICE_TEXT], how[100];

	snprintf(text, sizeof(text), "pid %jd %s", (intmax_t)proc->id.pid,
	    unit_status_text(status, how, sizeof(how)));
	if (unit_main_back(u)) {
		dw_log(u->sup->log, DW_LOG_NOTICE,
		    "%s: its main process, %s; pid %jd is it again",
		    u->conf->name, text, (intmax_t)u->id.pid);
		supervisor_changed(u->sup, u);
		return;
	}
	unit_kill_rest(u);
	ended(u, status, text);
}

static void
command_ended(struct dw_child *child, int status)
{
	struct unit *u = child->arg;
	struct service_event ev = {.kind = SE_CMD_DONE};
	char text[SERVICE_TEXT];

	ev.ok = is_command_ok(status);
	ev.text = unit_status_text(status, text, sizeof(text));
	unit_step(u, &ev);
}

static void
deadline_over(struct dw_timer *timer)
{
	unit_event(timer->arg, SE_TIMER, NULL);
}

static void
spawn(struct unit *u, struct follow *f)
{
	f->set = true;
	f->ev.kind = SE_SPAWNED;
	u->has_main = false;
	u->child.flags = unit_kill_flags(u);
	if (unit_exec(u, &u->child, u->conf->start.argv, ROLE_MAIN, f->text,
		sizeof(f->text)) == -1) {
		f->ev.kind = SE_SPAWN_FAILED;
		f->ev.text = f->text;
		return;
	}
	/* It cannot be another's pid: we have not waited for it yet. */
	if (dw_proc_identify(u->child.pid, &u->id) == -1)
		u->id.pid = u->child.pid;
	u->sid = u->child.pid;
	/* After before-start no change of state follows, but a new pid. */
	supervisor_changed(u->sup, u);
}

static void
run_command(struct unit *u, enum service_command kind, struct follow *f)
{
	const struct service_conf *conf = u->conf;
	enum unit_role role = ROLE_HOOK;
	char *const *argv = NULL;

	switch (kind) {
	case CMD_BEFORE_START:
		argv = conf->before_start.argv;
		break;
	case CMD_AFTER_START:
		argv = conf->after_start.argv;
		break;
	case CMD_START:
		argv = conf->start.argv;
		role = ROLE_MAIN;
		break;
	case CMD_STOP:
		argv = conf->stop.argv;
		role = ROLE_COMMAND;
		break;
	case CMD_AFTER_STOP:
		argv = conf->after_stop.argv;
		break;
	}
	u->cmd_kind = kind;
	if (unit_exec(u, &u->cmd, argv, role, f->text, sizeof(f->text)) == 0) {
		u->cmd_sid = u->cmd.pid;
		return;
	}
	f->set = true;
	f->ev.kind = SE_CMD_DONE;
	f->ev.ok = false;
	f->ev.text = f->text;
}

/* FNV-1a */
uint64_t
unit_hash(const char *s, size_t len)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)s[i]) * UINT64_C(0x100000001b3);
	return (h);
}

/*
 * The same failure over and over is said the 1st, 2nd, 4th, 8th … time; a
 * run that got up makes it new again.
 */
static bool
is_said_already(struct unit *u, const struct service_action *a)
{
	const char *end;
	size_t len;
	uint64_t hash;

	if (a->to == SV_UP)
		u->said_times = 0;
	if (a->to != SV_WAITING || u->sv.phase != PH_DELAY)
		return (u->said_times > 0 &&
		    (u->said_times & (u->said_times - 1)) != 0 &&
		    (a->to == SV_STARTING || a->to == SV_WAITING));
	end = strstr(a->text, "; next try in ");
	len = (end != NULL) ? (size_t)(end - a->text) : strlen(a->text);
	/* Should two texts have the same, one is said more seldom. */
	hash = unit_hash(a->text, len);
	if (u->said != hash) {
		u->said = hash;
		u->said_times = 0;
	}
	u->said_times++;
	return ((u->said_times & (u->said_times - 1)) != 0);
}

/*
 * They are there as long as the service should run, be it between two runs;
 * who connects to one that is stopped for good is better refused.
 */
static void
keep_sockets(struct unit *u, const struct service_action *a)
{
	char why[SERVICE_TEXT];

	if (u->conf->nsockets == 0)
		return;
	if (a->to == SV_STOPPED || a->to == SV_FAILED)
		unit_sockets_close(u, true);
	else if ((a->from == SV_STOPPED || a->from == SV_FAILED) &&
	    a->to != SV_UP && unit_sockets_open(u, why, sizeof(why)) == -1)
		dw_log(
		    u->sup->log, DW_LOG_WARNING, "%s: %s", u->conf->name, why);
}

/*
 * What people want to be told: that it went down by itself, or never came up;
 * that it is up again; that it was given up.
 */
static void
alert(struct unit *u, const struct service_action *a)
{
	bool was_up = a->from == SV_UP || a->from == SV_FAILING;
	bool gone = was_up && a->to != SV_UP && a->to != SV_FAILING &&
	    a->to != SV_STOPPED && a->to != SV_PAUSED;
	bool delayed = a->to == SV_WAITING && u->sv.phase == PH_DELAY;
	enum alert_event event;

	if (a->to == SV_FAILED)
		event = ALERT_GIVE_UP;
	else if (a->to == SV_FAILING)
		event = ALERT_FAILING;
	else if (a->to == SV_UP && u->down)
		event = ALERT_UP;
	else if (!u->down && u->sv.want && ((gone && !u->sv.manual) || delayed))
		event = ALERT_DOWN;
	else {
		if (a->to == SV_STOPPED)
			u->down = false;
		return;
	}
	if (event != ALERT_FAILING)
		u->down = event != ALERT_UP;
	alerts_tell(u->sup->alerts, u->conf->name, event,
	    service_state_name(a->to), a->text);
}

static void
changed(struct unit *u, const struct service_action *a)
{
	enum dw_log_level level = DW_LOG_NOTICE;
	char times[40] = "";

	keep_sockets(u, a);
	clock_gettime(CLOCK_REALTIME, &u->since);
	if (a->from == SV_STOPPING)
		unit_forget_signals(u);
	if (a->to == SV_FAILED)
		level = DW_LOG_ERROR;
	else if (a->to == SV_FAILING || (a->from == SV_UP && u->sv.want))
		level = DW_LOG_WARNING;
	if (is_said_already(u, a))
		level = DW_LOG_DEBUG;
	else if (u->said_times > 1 && u->sv.phase == PH_DELAY)
		snprintf(times, sizeof(times), " (%u times)", u->said_times);
	dw_log(u->sup->log, level, "%s: %s -> %s: %s%s", u->conf->name,
	    service_state_name(a->from), service_state_name(a->to), a->text,
	    times);
	alert(u, a);
	if (u->conf->critical && service_is_over(&u->sv))
		supervisor_over(u->sup, u);
	order_state_changed(&u->sup->order, u->at, &u->sv, a);
	supervisor_changed(u->sup, u);
}

static void
act(struct unit *u, const struct service_action *a, struct follow *f)
{
	switch (a->kind) {
	case SA_SPAWN:
		spawn(u, f);
		break;
	case SA_RUN:
		run_command(u, a->command, f);
		break;
	case SA_KILL_CMD:
		if (dw_child_killpg(&u->cmd, a->signo) == -1 && errno != ESRCH)
			dw_log(u->sup->log, DW_LOG_WARNING,
			    "%s: cannot signal its %s command: %s",
			    u->conf->name, service_command_name(u->cmd_kind),
			    strerror(errno));
		break;
	case SA_DROP_CMD:
		dw_child_stop(&u->cmd);
		break;
	case SA_SIGNAL:
		if (a->fresh)
			unit_forget_signals(u);
		unit_signal(u, a->signo);
		break;
	case SA_SCAN:
		u->scan_due = true;
		supervisor_scan(u->sup);
		break;
	case SA_CHECK:
		unit_checks_ask(u);
		break;
	case SA_CHANGED:
		changed(u, a);
		break;
	case SA_NOTE:
		dw_log(u->sup->log, DW_LOG_WARNING, "%s: %s", u->conf->name,
		    a->text);
		break;
	}
}

/* What the state asks for, rather than any one action. */
static void
follow_state(struct unit *u)
{
	if (u->sv.deadline == SERVICE_NEVER)
		dw_timer_stop(&u->deadline);
	else
		dw_timer_at(u->sup->loop, &u->deadline, u->sv.deadline);
	unit_checks_pace(u);
	unit_scan_pace(u);
	unit_ready_pace(u);
}

void
unit_step(struct unit *u, struct service_event *ev)
{
	struct service_actions acts;
	struct follow f;

	if (u->left)
		return;
	do {
		ev->now = dw_loop_now(u->sup->loop);
		ev->random = supervisor_random(u->sup);
		service_step(&u->sv, ev, &acts);
		f.set = false;
		f.ev = (struct service_event) {.kind = SE_NKINDS};
		f.text[0] = '\0';
		for (size_t i = 0; i < acts.n; i++)
			act(u, &acts.a[i], &f);
		ev = &f.ev;
	} while (f.set);
	follow_state(u);
}

void
unit_event(struct unit *u, enum service_event_kind kind, const char *text)
{
	struct service_event ev = {.kind = kind, .text = text};

	unit_step(u, &ev);
}

int
unit_watch_main(struct unit *u, const struct dw_proc_id *id)
{
	/* Few services ever need one. */
	if (u->adopted == NULL) {
		u->adopted = calloc(1, sizeof(*u->adopted));
		if (u->adopted == NULL)
			return (-1);
		u->adopted->cb = adopted_ended;
		u->adopted->arg = u;
	}
	return (dw_proc_start(u->sup->loop, u->adopted, id));
}

int
unit_adopt(struct unit *u, const struct dw_proc_id *id)
{
	char text[SERVICE_TEXT];

	if (unit_watch_main(u, id) == -1)
		return (-1);
	u->id = *id;
	u->sid = id->pid;
	if (unit_notify_open(u, text, sizeof(text)) == -1)
		dw_log(
		    u->sup->log, DW_LOG_ERROR, "%s: %s", u->conf->name, text);
	snprintf(
	    text, sizeof(text), "found running, pid %jd", (intmax_t)id->pid);
	unit_event(u, SE_ADOPTED, text);
	return (0);
}

static int
compile_match(struct unit *u)
{
	char text[128];
	int error;

	if (u->conf->match == NULL)
		return (0);
	u->match = malloc(sizeof(*u->match));
	if (u->match == NULL)
		return (-1);
	error = regcomp(u->match, u->conf->match, REG_EXTENDED | REG_NOSUB);
	if (error != 0) {
		/* conf.c has tried it: only memory can be short. */
		regerror(error, u->match, text, sizeof(text));
		free(u->match);
		u->match = NULL;
		dw_log(u->sup->log, DW_LOG_ERROR, "%s: match: %s",
		    u->conf->name, text);
		errno = ENOMEM;
		return (-1);
	}
	return (0);
}

/* The machine's arrays, in one piece: tries, which is its beginning. */
static int
init_machine(struct unit *u)
{
	const struct service_conf *conf = u->conf;
	size_t n = conf->nchecks, m = conf->give_up;
	struct service_check *checks;
	enum truth *answers;
	int64_t *tries = calloc(1,
	    m * sizeof(*tries) + n * (sizeof(*checks) + sizeof(*answers)) +
		n * sizeof(bool) + 1); /* calloc(0) may be NULL */

	if (tries == NULL)
		return (-1);
	checks = (struct service_check *)(tries + m);
	answers = (enum truth *)(checks + n);
	service_init(
	    &u->sv, conf, checks, answers, (bool *)(answers + n), tries);
	return (0);
}

static int
find_accounts(struct unit *u, char *why, size_t len)
{
	const struct service_conf *conf = u->conf;

	if (account_find(&u->account, conf->user, conf->group, why, len) == -1)
		return (-1);
	if (conf->match_user != NULL &&
	    account_uid(conf->match_user, &u->match_uid, why, len) == -1)
		return (-1);
	if (conf->groups != NULL &&
	    account_add_groups(&u->account, conf->groups, why, len) == -1)
		return (-1);
	if (conf->hook_user == NULL)
		return (0);
	u->hook_account = calloc(1, sizeof(*u->hook_account));
	if (u->hook_account == NULL) {
		snprintf(why, len, "%s", strerror(errno));
		return (-1);
	}
	return (account_find(u->hook_account, conf->hook_user, NULL, why, len));
}

struct unit *
unit_new(struct supervisor *sup, const struct service_conf *conf)
{
	struct unit *u = calloc(1, sizeof(*u));
	char why[256];

	if (u == NULL)
		return (NULL);
	u->sup = sup;
	u->conf = conf;
	u->lost_status = DW_STATUS_NONE;
	LIST_INIT(&u->procs);
	u->deadline.cb = deadline_over;
	u->deadline.arg = u;
	u->child.cb = child_ended;
	u->child.arg = u;
	u->child.flags = unit_kill_flags(u);
	u->cmd.cb = command_ended;
	u->cmd.arg = u;
	clock_gettime(CLOCK_REALTIME, &u->since);
	if (init_machine(u) == -1 || compile_match(u) == -1 ||
	    unit_checks_init(u) == -1) {
		unit_free(u);
		return (NULL);
	}
	u->sv.since = dw_loop_now(sup->loop); /* one held stays as it is */
	if (find_accounts(u, why, sizeof(why)) == -1) {
		dw_log(sup->log, DW_LOG_ERROR, "%s: %s", conf->name, why);
		unit_free(u);
		errno = EINVAL;
		return (NULL);
	}
	return (u);
}

void
unit_leave(struct unit *u)
{
	u->left = true;
	dw_timer_stop(&u->deadline);
	dw_timer_stop(&u->scan_timer);
	unit_checks_stop(u);
	unit_notify_close(u);
	unit_ready_stop(u);
	unit_sockets_close(u, false);
	unit_drop_procs(u);
	dw_child_stop(&u->child);
	dw_child_stop(&u->cmd);
	if (u->adopted != NULL)
		dw_proc_stop(u->adopted);
}

void
unit_free(struct unit *u)
{
	if (u == NULL)
		return;
	unit_leave(u);
	if (u->match != NULL) {
		regfree(u->match);
		free(u->match);
	}
	free(u->adopted);
	free(u->lost);
	account_free(&u->account);
	if (u->hook_account != NULL)
		account_free(u->hook_account);
	free(u->hook_account);
	unit_checks_free(u);
	free(u->sv.tries);
	free(u);
}
