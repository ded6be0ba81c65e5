/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * As process 1, of a container: who wants something of the services in there
 * can reach but us.  Signals that mean nothing to us are passed on to those
 * services without which the container has no purpose.  (Orphans are reaped by
 * the library's loop in any case.)
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "supervisor.h"

static void
pass(struct dw_signal *sig)
{
	struct supervisor *sup = sig->arg;
	bool passed = false;

	for (size_t i = 0; i < sup->nunits; i++)
		if (sup->units[i]->conf->critical) {
			unit_pass_signal(sup->units[i], sig->signo);
			passed = true;
		}
	dw_log(sup->log, DW_LOG_NOTICE, "%s%s", strsignal(sig->signo),
	    passed ? ": passed on to the critical services" :
		     ": there is no critical service to pass it on to");
}

/* SIGQUIT is what some images say that a container is stopped by. */
static void
quit(struct dw_signal *sig)
{
	supervisor_stop(sig->arg, false, "asked to stop by SIGQUIT");
}

int
supervisor_be_one(struct supervisor *sup)
{
	static const int passed[] = {SIGUSR1, SIGUSR2, SIGWINCH};

	_Static_assert(sizeof(passed) / sizeof(passed[0]) == SUPERVISOR_PASSED,
	    "one for each");
	if (getpid() != 1)
		return (0);
	for (size_t i = 0; i < SUPERVISOR_PASSED; i++) {
		sup->passed[i].cb = pass;
		sup->passed[i].arg = sup;
		if (dw_signal_start(sup->loop, &sup->passed[i], passed[i]) ==
		    -1)
			return (-1);
	}
	sup->sigquit.cb = quit;
	sup->sigquit.arg = sup;
	return (dw_signal_start(sup->loop, &sup->sigquit, SIGQUIT));
}
