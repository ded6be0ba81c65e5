/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * One pass over the process table for all services that are due, and the
 * processes that are never any service's: our own, our prober's and the
 * commands we run.
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "supervisor.h"

#define ANCESTORS 32

struct pass {
	struct supervisor *sup;
	pid_t self;
	pid_t prober;
	/* The shell, sudo … that was told the pattern on its command line. */
	pid_t ancestors[ANCESTORS];
	size_t nancestors;
};

static void
find_ancestors(struct pass *pass)
{
	struct dw_proc_info info;
	pid_t pid = getppid();

	while (pid > 1 && pass->nancestors < ANCESTORS) {
		pass->ancestors[pass->nancestors++] = pid;
		if (dw_proc_info(pid, &info, NULL, 0) == -1)
			break;
		pid = info.ppid;
	}
}

static bool
is_command(const struct pass *pass, pid_t pid)
{
	for (size_t i = 0; i < pass->sup->nunits; i++)
		if (pass->sup->units[i]->cmd.pid == pid ||
		    unit_checks_run(pass->sup->units[i], pid))
			return (true);
	return (false);
}

/*
 * Another daemonwatch, such as the `stop` that waits for us: the name of its
 * configuration may well match, and it would get the signals.
 */
static bool
is_daemonwatch(const char *args)
{
	static const char name[] = "daemonwatch";
	size_t len = strcspn(args, " "), want = sizeof(name) - 1;

	if (len < want || memcmp(args + len - want, name, want) != 0)
		return (false);
	return (len == want || args[len - want - 1] == '/');
}

static bool
is_ours(const struct pass *pass, const struct dw_proc_info *info)
{
	if (info->id.pid == pass->self || info->id.pid == pass->prober ||
	    is_daemonwatch(info->args))
		return (true);
	/* A resolver of the prober's. */
	if (pass->prober > 0 && info->ppid == pass->prober)
		return (true);
	if (info->ppid == pass->self && is_command(pass, info->id.pid))
		return (true);
	for (size_t i = 0; i < pass->nancestors; i++)
		if (pass->ancestors[i] == info->id.pid)
			return (true);
	return (false);
}

static int
offer(const struct dw_proc_info *info, void *arg)
{
	struct pass *pass = arg;
	struct supervisor *sup = pass->sup;

	if (info->args_len == 0 || is_ours(pass, info))
		return (0);
	for (size_t i = 0; i < sup->nunits; i++)
		if (sup->units[i]->scan_due)
			unit_scan_offer(sup->units[i], info);
	return (0);
}

void
scan_run(struct supervisor *sup)
{
	struct pass pass = {
	    .sup = sup,
	    .self = getpid(),
	    .prober = prober_pid(sup->prober),
	};
	bool table = false;

	for (size_t i = 0; i < sup->nunits; i++) {
		struct unit *u = sup->units[i];

		if (!u->scan_due)
			continue;
		unit_scan_begin(u);
		table = table || u->match != NULL;
	}
	if (table)
		find_ancestors(&pass);
	if (table && dw_procs_each(DW_PROCS_ARGS, offer, &pass) == -1) {
		dw_log(sup->log, DW_LOG_ERROR,
		    "cannot read the process table: %s", strerror(errno));
		for (size_t i = 0; i < sup->nunits; i++)
			if (sup->units[i]->match != NULL &&
			    sup->units[i]->scan_due)
				unit_scan_failed(sup->units[i]);
	}
	/*
	 * Units are only marked due by what happens from here on for the next
	 * pass: unit_scan_end() clears the mark before it tells the machine.
	 */
	for (size_t i = 0; i < sup->nunits; i++)
		if (sup->units[i]->scan_due)
			unit_scan_end(sup->units[i]);
}
