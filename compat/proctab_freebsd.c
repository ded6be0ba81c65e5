/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The process table of FreeBSD: sysctl(3)'s kern.proc.  No descriptor is
 * needed, and none of /proc.  Whom security.bsd.see_other_uids and its like
 * hide from us is, in every answer of the kernel, not there.
 */
#include "config.h"

#include <sys/param.h>
#include <sys/types.h>
#include <sys/sysctl.h>
#include <sys/time.h>
#include <sys/user.h>

#include <errno.h>
#include <inttypes.h>
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

/* How often to begin anew when the clock is set while we read. */
#define TRIES 16

#define USEC INT64_C(1000000)

struct proctab {
	struct kinfo_proc *procs;
	size_t size; /* bytes */
	size_t n;
	size_t next;
	int64_t boot;
	bool args;
	struct proctab_args line;
};

static int64_t
usec(const struct timeval *tv)
{
	return ((int64_t)tv->tv_sec * USEC + tv->tv_usec);
}

/* When the system was started, by today's clock. */
static int
boot_time(int64_t *boot)
{
	int mib[] = {CTL_KERN, KERN_BOOTTIME};
	struct timeval tv;
	size_t len;

	len = sizeof(tv);
	if (sysctl(mib, 2, &tv, &len, NULL, 0) == -1)
		return (-1);
	*boot = usec(&tv);
	return (0);
}

/*
 * The kernel keeps start times as the time since boot, to a microsecond, and
 * shows them with the time of boot added, which is another whenever the clock
 * is set.  Taken off again they stay what they were.
 */
static uint64_t
start_time(const struct kinfo_proc *k, int64_t boot)
{
	return ((uint64_t)(usec(&k->ki_start) - boot));
}

static int64_t
age(uint64_t start)
{
	struct timespec ts;
	int64_t now;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) == -1)
		return (0);
	now = (int64_t)ts.tv_sec * USEC + ts.tv_nsec / 1000;
	return (now > (int64_t)start ? (now - (int64_t)start) * 1000 : 0);
}

static void
fill(const struct kinfo_proc *k, int64_t boot, struct proctab_entry *e)
{
	memset(e, 0, sizeof(*e));
	e->pid = k->ki_pid;
	e->ppid = k->ki_ppid;
	e->pgid = k->ki_pgid;
	e->sid = k->ki_sid;
	e->uid = k->ki_uid;
	e->start = start_time(k, boot);
	e->age = age(e->start);
	e->zombie = k->ki_stat == SZOMB;
	e->args = "";
}

static int
read_procs(struct proctab *t)
{
	const int mib[] = {CTL_KERN, KERN_PROC, KERN_PROC_PROC};
	void *procs;
	size_t len;
	int rv;

	procs = t->procs;
	rv = sysctl_read(mib, 3, &procs, &t->size, &len);
	t->procs = procs;
	if (rv == 0)
		t->n = len / sizeof(*t->procs);
	return (rv);
}

/* Everybody, with a time of boot that holds for all of them. */
static int
read_table(struct proctab *t)
{
	int64_t after;
	int i;

	if (boot_time(&t->boot) == -1)
		return (-1);
	for (i = 0; i < TRIES; i++) {
		if (read_procs(t) == -1 || boot_time(&after) == -1)
			return (-1);
		if (after == t->boot)
			break;
		t->boot = after;
	}
	/* A kernel with a structure of another size is not understood. */
	if (t->n == 0 || t->procs[0].ki_structsize != (int)sizeof(*t->procs)) {
		errno = ENOTSUP;
		return (-1);
	}
	return (0);
}

struct proctab *
proctab_open(bool args)
{
	struct proctab *t;
	int saved;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		return (NULL);
	t->args = args;
	if (read_table(t) == -1) {
		saved = errno;
		proctab_close(t);
		errno = saved;
		return (NULL);
	}
	return (t);
}

/*
 * The arguments of a process as they are: how many bytes of them fit, or -1.
 * *more: there are more.  A zombie shows those that it had.
 */
static ssize_t
get_args(const struct proctab_entry *e, char *buf, size_t len, bool *more)
{
	int mib[] = {CTL_KERN, KERN_PROC, KERN_PROC_ARGS, e->pid};
	size_t n;

	n = len;
	*more = false;
	if (e->zombie)
		return (0);
	if (sysctl(mib, 4, buf, &n, NULL, 0) == 0)
		return ((ssize_t)n);
	if (errno == ESRCH || errno == EPERM)
		return (-1);
	/*
	 * ENOMEM means that there are more than fit, or (with nothing read)
	 * that the process has nothing where its arguments should be; EFAULT
	 * and ENOEXEC, that it scribbled over them.
	 */
	*more = errno == ENOMEM && n > 0;
	return (*more ? (ssize_t)(n < len ? n : len) : 0);
}

static int
read_args(struct proctab *t, struct proctab_entry *e)
{
	ssize_t n;
	bool more;
	int rv;

	if (t->line.size == 0 && proctab_args_grow(&t->line) == -1)
		return (-1);
	for (;;) {
		n = get_args(e, t->line.text, t->line.size - 1, &more);
		if (n == -1)
			return (-1);
		if (!more || (rv = proctab_args_grow(&t->line)) == 0)
			break;
		if (rv == -1)
			return (-1);
	}
	e->args_len = proctab_args_join(t->line.text, (size_t)n);
	e->args = t->line.text;
	return (0);
}

/*
 * Processes of other jails are left out, as rc.subr(8) does it: what runs in
 * a jail is none of the services of its host, however much it looks like one.
 * (ki_jid is 0 for our own jail.)  By its number each can be asked for.
 */
int
proctab_next(struct proctab *t, struct proctab_entry *e)
{
	const struct kinfo_proc *k;

	while (t->next < t->n) {
		k = &t->procs[t->next++];
		if (k->ki_jid != 0 || k->ki_pid <= 0)
			continue;
		fill(k, t->boot, e);
		if (!t->args || read_args(t, e) == 0)
			return (1);
		/* Gone in the meantime? */
		if (errno != ESRCH && errno != EPERM)
			return (-1);
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

/*
 * Numbers beyond those of processes are threads', and the kernel answers with
 * the process that the thread is of.
 */
static int
get_proc(pid_t pid, struct kinfo_proc *k)
{
	int mib[] = {CTL_KERN, KERN_PROC, KERN_PROC_PID, pid};
	size_t len;

	len = sizeof(*k);
	if (sysctl(mib, 4, k, &len, NULL, 0) == -1)
		return (-1);
	if (len == 0 || (len == sizeof(*k) && k->ki_pid != pid)) {
		errno = ESRCH;
		return (-1);
	}
	if (len != sizeof(*k) || k->ki_structsize != (int)sizeof(*k)) {
		errno = ENOTSUP;
		return (-1);
	}
	return (0);
}

static int
get_entry(pid_t pid, struct proctab_entry *e)
{
	struct kinfo_proc k;
	int64_t boot, after;
	int i;

	if (boot_time(&boot) == -1)
		return (-1);
	for (i = 0; i < TRIES; i++) {
		if (get_proc(pid, &k) == -1 || boot_time(&after) == -1)
			return (-1);
		if (after == boot)
			break;
		boot = after;
	}
	fill(&k, boot, e);
	return (0);
}

int
proctab_get(pid_t pid, struct proctab_entry *e, char *buf, size_t len)
{
	struct proctab_entry again;
	ssize_t n;
	bool more;

	if (pid <= 0) {
		errno = ESRCH;
		return (-1);
	}
	if (get_entry(pid, e) == -1)
		return (-1);
	if (buf == NULL || len == 0)
		return (0);
	/* The pid may go to another between the two questions. */
	for (;;) {
		n = get_args(e, buf, len - 1, &more);
		if (n == -1 || get_entry(pid, &again) == -1)
			return (-1);
		if (again.start == e->start && again.zombie == e->zombie)
			break;
		*e = again;
	}
	e->args_len = proctab_args_join(buf, (size_t)n);
	e->args = buf;
	return (0);
}

/* A kernel without kern.boot_id: another name whenever the clock is set. */
static int
boot_id_by_time(char *buf, size_t len)
{
	int64_t boot;
	int n;

	if (boot_time(&boot) == -1)
		return (-1);
	n = snprintf(buf, len, "boot-%" PRId64, boot);
	if (n < 0 || (size_t)n >= len) {
		errno = ERANGE;
		return (-1);
	}
	return (0);
}

/* Sixteen random bytes, the same until the next boot: as Linux shows them. */
int
proctab_boot_id(char *buf, size_t len)
{
	uint8_t id[16];
	size_t n, i, at;

	n = sizeof(id);
	if (sysctlbyname("kern.boot_id", id, &n, NULL, 0) == -1)
		return (errno == ENOENT ? boot_id_by_time(buf, len) : -1);
	if (n != sizeof(id) || len < 37) {
		errno = n != sizeof(id) ? ENOTSUP : ERANGE;
		return (-1);
	}
	for (i = at = 0; i < sizeof(id); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			buf[at++] = '-';
		at += (size_t)snprintf(buf + at, len - at, "%02x", id[i]);
	}
	return (0);
}
