/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Adopting orphans, listing and ending all descendants: FreeBSD's procctl(2).
 * The kernel keeps for each process below a reaper from which of the reaper's
 * children it comes, and does not use that pid again as long as there is one.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/procctl.h>
#include <sys/wait.h>

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "system.h"

int
reaper_acquire(void)
{
	/* EBUSY: we are one already, which is what was asked for. */
	if (procctl(P_PID, getpid(), PROC_REAP_ACQUIRE, NULL) == -1 &&
	    errno != EBUSY)
		return (-1);
	return (0);
}

/*
 * How many there are.  Who is not a reaper is answered for the one above,
 * which may be init: all processes of the system.
 */
static int
count(size_t *n)
{
	struct procctl_reaper_status rs;

	memset(&rs, 0, sizeof(rs));
	if (procctl(P_PID, getpid(), PROC_REAP_STATUS, &rs) == -1)
		return (-1);
	if ((rs.rs_flags & REAPER_STATUS_OWNED) == 0) {
		errno = EPERM;
		return (-1);
	}
	*n = rs.rs_descendants;
	return (0);
}

/* The kernel fills in what fits and says nothing of what does not. */
static int
get_pids(struct procctl_reaper_pidinfo **pids, size_t *n)
{
	struct procctl_reaper_pidinfo *more;
	struct procctl_reaper_pids rp;
	size_t room;

	for (room = *n + *n / 4 + 8;; room *= 2) {
		more = reallocarray(*pids, room, sizeof(**pids));
		if (more == NULL)
			return (-1);
		*pids = more;
		memset(more, 0, room * sizeof(*more));
		memset(&rp, 0, sizeof(rp));
		rp.rp_count = (unsigned)room;
		rp.rp_pids = more;
		if (procctl(P_PID, getpid(), PROC_REAP_GETPIDS, &rp) == -1)
			return (-1);
		if ((more[room - 1].pi_flags & REAPER_PIDINFO_VALID) == 0)
			break;
	}
	*n = 0;
	while ((more[*n].pi_flags & REAPER_PIDINFO_VALID) != 0)
		++*n;
	return (0);
}

int
reaper_list(struct reaper_process **list, size_t *n)
{
	struct procctl_reaper_pidinfo *pids;
	size_t i;
	int rv, saved;

	*list = NULL;
	if (count(n) == -1)
		return (-1);
	pids = NULL;
	rv = get_pids(&pids, n);
	if (rv == 0 && *n > 0) {
		*list = reallocarray(NULL, *n, sizeof(**list));
		rv = *list == NULL ? -1 : 0;
	}
	for (i = 0; rv == 0 && i < *n; i++) {
		(*list)[i].pid = pids[i].pi_pid;
		(*list)[i].top = pids[i].pi_subtree;
		(*list)[i].zombie =
		    (pids[i].pi_flags & REAPER_PIDINFO_ZOMBIE) != 0;
	}
	saved = errno;
	free(pids);
	errno = saved;
	return (rv);
}

int
reaper_kill(pid_t top, int signo)
{
	struct procctl_reaper_kill rk;
	size_t n;

	if (top <= 0) {
		errno = ESRCH;
		return (-1);
	}
	if (count(&n) == -1)
		return (-1);
	memset(&rk, 0, sizeof(rk));
	rk.rk_sig = signo;
	rk.rk_flags = REAPER_KILL_SUBTREE;
	rk.rk_subtree = top;
	return (procctl(P_PID, getpid(), PROC_REAP_KILL, &rk));
}
