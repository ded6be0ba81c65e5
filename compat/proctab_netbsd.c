/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The process table of NetBSD: sysctl(3)'s kern.proc2 and kern.proc_args.  No
 * descriptor is needed, and none of /proc.
 *
 * A start time is the wall clock's at the time of fork(2): it stays what it
 * is when the clock is set, but an age is then wrong.  A zombie has none, its
 * start is 0 here.
 */
#include "config.h"

#include <sys/param.h>
#include <sys/types.h>
#include <sys/proc.h>
#include <sys/sysctl.h>

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proctab.h"
#include "proctab_args.h"
#include "sysctl_bsd.h"

/* How often to ask for a process that is executing another program. */
#define EXEC_TRIES 1000

#define USEC INT64_C(1000000)

struct proctab {
	struct kinfo_proc2 *procs;
	size_t size; /* bytes */
	size_t n;
	size_t next;
	bool args;
	struct proctab_args line;
};

static bool
is_zombie(const struct kinfo_proc2 *k)
{
	return (k->p_realstat == SZOMB || k->p_realstat == SDYING ||
	    k->p_realstat == SDEAD);
}

static int64_t
age(uint64_t start)
{
	struct timespec ts;
	int64_t now;

	if (start == 0 || clock_gettime(CLOCK_REALTIME, &ts) == -1)
		return (0);
	now = (int64_t)ts.tv_sec * USEC + ts.tv_nsec / 1000;
	return (now > (int64_t)start ? (now - (int64_t)start) * 1000 : 0);
}

static void
fill(const struct kinfo_proc2 *k, struct proctab_entry *e)
{
	memset(e, 0, sizeof(*e));
	e->pid = k->p_pid;
	e->ppid = k->p_ppid;
	e->pgid = k->p__pgid;
	e->sid = k->p_sid;
	e->uid = k->p_uid;
	e->zombie = is_zombie(k);
	if (!e->zombie)
		e->start = (uint64_t)k->p_ustart_sec * (uint64_t)USEC +
		    k->p_ustart_usec;
	e->age = age(e->start);
	e->args = "";
}

/* May there be one that is hidden from us (security.curtain)? */
static bool
is_hidden(pid_t pid)
{
	return (kill(pid, 0) == 0 || errno == EPERM);
}

static int
ask(pid_t pid, struct kinfo_proc2 *k)
{
	int mib[] = {
	    CTL_KERN, KERN_PROC2, KERN_PROC_PID, pid, (int)sizeof(*k), 1};
	size_t len;

	len = sizeof(*k);
	if (sysctl(mib, 6, k, &len, NULL, 0) == -1)
		return (-1);
	if (len == 0) {
		errno = is_hidden(pid) ? EPERM : ESRCH;
		return (-1);
	}
	if (len != sizeof(*k)) {
		errno = ENOTSUP;
		return (-1);
	}
	return (0);
}

/*
 * In the middle of execve(2) the kernel has the process locked and says
 * nothing of its start (p_uvalid is 0), so it is asked again.
 */
static int
get_proc(pid_t pid, struct kinfo_proc2 *k)
{
	int i;

	for (i = 0; i < EXEC_TRIES; i++) {
		if (ask(pid, k) == -1)
			return (-1);
		if (is_zombie(k) || k->p_uvalid != 0)
			return (0);
		(void)sched_yield();
	}
	errno = EAGAIN;
	return (-1);
}

static int
read_procs(struct proctab *t)
{
	const int mib[] = {CTL_KERN, KERN_PROC2, KERN_PROC_ALL, 0,
	    (int)sizeof(*t->procs), INT_MAX};
	void *procs;
	size_t len;
	int rv;

	procs = t->procs;
	rv = sysctl_read(mib, 6, &procs, &t->size, &len);
	t->procs = procs;
	if (rv == 0)
		t->n = len / sizeof(*t->procs);
	return (rv);
}

struct proctab *
proctab_open(bool args)
{
	struct proctab *t;
	int saved;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		return (NULL);
	t->args = args;
	if (read_procs(t) == -1) {
		saved = errno;
		proctab_close(t);
		errno = saved;
		return (NULL);
	}
	return (t);
}

/*
 * The arguments of a process as they are: how many bytes of them fit, or -1.
 * There may be more if they fill the room: the kernel does not say.
 */
static ssize_t
get_args(const struct proctab_entry *e, char *buf, size_t len)
{
	int mib[] = {CTL_KERN, KERN_PROC_ARGS, e->pid, KERN_PROC_ARGV};
	struct kinfo_proc2 k;
	size_t n;
	int i;

	for (i = 0; i < EXEC_TRIES; i++) {
		n = len;
		if (sysctl(mib, 4, buf, &n, NULL, 0) == 0)
			return ((ssize_t)(n < len ? n : len));
		if (errno != EBUSY)
			break;
		(void)sched_yield();
	}
	/*
	 * EINVAL: no such process, or a zombie, or one of the kernel's; EBUSY
	 * still: it is ending.  Others: it scribbled over its arguments.
	 */
	if (errno == EPERM || ask(e->pid, &k) == -1)
		return (-1);
	return (0);
}

static int
read_args(struct proctab *t, struct proctab_entry *e)
{
	ssize_t n;
	int rv;

	if (e->zombie)
		return (0);
	if (t->line.size == 0 && proctab_args_grow(&t->line) == -1)
		return (-1);
	for (;;) {
		n = get_args(e, t->line.text, t->line.size - 1);
		if (n == -1)
			return (-1);
		if ((size_t)n < t->line.size - 1 ||
		    (rv = proctab_args_grow(&t->line)) == 0)
			break;
		if (rv == -1)
			return (-1);
	}
	e->args_len = proctab_args_join(t->line.text, (size_t)n);
	e->args = t->line.text;
	return (0);
}

/*
 * In a listing the kernel (NetBSD 10) uses one structure for all, so that who
 * is in the middle of execve(2) shows the start of the one before.  Those who
 * were born in the same tick of the clock are asked for as well.
 */
static bool
is_doubtful(const struct proctab *t, size_t i)
{
	const struct kinfo_proc2 *k, *before;

	k = &t->procs[i];
	if (is_zombie(k))
		return (false);
	if (k->p_uvalid == 0)
		return (true);
	if (i == 0)
		return (false);
	before = k - 1;
	return (k->p_ustart_sec == before->p_ustart_sec &&
	    k->p_ustart_usec == before->p_ustart_usec);
}

/* 1: e is filled; 0: it has gone, or we may not see it; -1. */
static int
look(struct proctab *t, size_t i, struct proctab_entry *e)
{
	struct kinfo_proc2 k;
	int rv;

	k = t->procs[i];
	rv = 0;
	if (k.p_pid <= 0)
		return (0);
	if (is_doubtful(t, i))
		rv = get_proc(k.p_pid, &k);
	if (rv == 0) {
		fill(&k, e);
		if (t->args)
			rv = read_args(t, e);
	}
	if (rv == -1)
		return (errno == ESRCH || errno == EPERM ? 0 : -1);
	return (1);
}

int
proctab_next(struct proctab *t, struct proctab_entry *e)
{
	int rv;

	while (t->next < t->n) {
		if ((rv = look(t, t->next++, e)) != 0)
			return (rv);
	}
	return (0);
}

void
proctab_close(struct proctab *t)
{
	if (t == NULL)
		return;
	free(t->procs);
	free(t->line.text);
	free(t);
}

int
proctab_get(pid_t pid, struct proctab_entry *e, char *buf, size_t len)
{
	struct kinfo_proc2 k;
	struct proctab_entry again;
	ssize_t n;

	if (pid <= 0) {
		errno = ESRCH;
		return (-1);
	}
	if (get_proc(pid, &k) == -1)
		return (-1);
	fill(&k, e);
	if (buf == NULL || len == 0)
		return (0);
	/* The pid may go to another between the two questions. */
	for (;;) {
		n = e->zombie ? 0 : get_args(e, buf, len - 1);
		if (n == -1 || get_proc(pid, &k) == -1)
			return (-1);
		fill(&k, &again);
		if (again.start == e->start)
			break;
		*e = again;
	}
	e->args_len = proctab_args_join(buf, (size_t)n);
	e->args = buf;
	return (0);
}

/*
 * When init was started: as kern.boottime, but not changed when the clock is
 * set.  (It is the time at which the kernel first knew the time.)
 */
int
proctab_boot_id(char *buf, size_t len)
{
	struct proctab_entry init;
	int n;

	if (proctab_get(1, &init, NULL, 0) == -1)
		return (-1);
	n = snprintf(buf, len, "init-%" PRIu64, init.start);
	if (n < 0 || (size_t)n >= len) {
		errno = ERANGE;
		return (-1);
	}
	return (0);
}
