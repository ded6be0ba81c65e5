/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The process table for users of the library, over the system's own
 * (compat/proctab.h); and what "the same process" means.
 */
#include "config.h"

#include <sys/types.h>

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "daemonwatch.h"
#include "../compat/proctab.h"

static void
convert(const struct proctab_entry *e, struct dw_proc_info *info)
{
	memset(info, 0, sizeof(*info));
	info->id.pid = e->pid;
	info->id.start = e->start;
	info->ppid = e->ppid;
	info->pgid = e->pgid;
	info->sid = e->sid;
	info->uid = e->uid;
	info->zombie = e->zombie;
	info->age = e->age;
	info->args = e->args;
	info->args_len = e->args_len;
}

int
dw_procs_each(unsigned flags, dw_procs_cb *cb, void *arg)
{
	struct dw_proc_info info;
	struct proctab_entry e;
	struct proctab *t;
	int rv, saved;

	if ((t = proctab_open((flags & DW_PROCS_ARGS) != 0)) == NULL)
		return (-1);
	while ((rv = proctab_next(t, &e)) == 1) {
		convert(&e, &info);
		if ((rv = cb(&info, arg)) != 0)
			break;
	}
	saved = errno;
	proctab_close(t);
	errno = saved;
	return (rv);
}

int
dw_proc_info(pid_t pid, struct dw_proc_info *info, char *buf, size_t len)
{
	struct proctab_entry e;

	if (proctab_get(pid, &e, buf, len) == -1)
		return (-1);
	convert(&e, info);
	return (0);
}

int
dw_proc_identify(pid_t pid, struct dw_proc_id *id)
{
	struct proctab_entry e;

	if (proctab_get(pid, &e, NULL, 0) == -1)
		return (-1);
	if (e.zombie) {
		errno = ESRCH;
		return (-1);
	}
	id->pid = e.pid;
	id->start = e.start;
	return (0);
}

/*
 * Where the table cannot be read (no descriptor left, hidden from us) the pid
 * alone has to do: who is taken for dead is started a second time, who is
 * taken for alive only later.
 */
bool
dw_proc_alive(const struct dw_proc_id *id)
{
	struct dw_proc_id now;
	int saved;
	bool alive;

	saved = errno;
	if (id->pid <= 0)
		alive = false;
	else if (dw_proc_identify(id->pid, &now) == 0)
		alive = now.start == id->start;
	else if (errno == ESRCH)
		alive = false;
	else
		alive = kill(id->pid, 0) == 0 || errno != ESRCH;
	errno = saved;
	return (alive);
}

int
dw_boot_id(char *buf, size_t len)
{
	return (proctab_boot_id(buf, len));
}
