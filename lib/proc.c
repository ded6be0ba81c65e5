/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Watching processes that are not our children: by a descriptor of the process
 * (pidfd), by the poller (EVFILT_PROC), or, where the kernel or a filter of
 * system calls refuses both, by a look from time to time.  The end of one can
 * be heard here and from child.c, if the process came to be our child; the
 * watcher is marked by the first, may still get its status from the second,
 * and is called at the end of the turn.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "daemonwatch.h"
#include "loop.h"
#include "pids.h"
#include "../compat/procfd.h"

/* How often is looked where nobody tells. */
#define LOOK_INTERVAL (500 * DW_MS)

/* dw_proc.how */
enum how {
	HOW_FD,
	HOW_POLLER,
	HOW_TIMER,
	HOW_ENDED /* to be told by the deferred call */
};

/* Is it the very process that was meant?  As long as that one holds the pid. */
static int
verify(const struct dw_proc_id *id)
{
	struct dw_proc_id now;

	if (dw_proc_identify(id->pid, &now) == -1)
		return (-1);
	if (now.start != id->start) {
		errno = ESRCH;
		return (-1);
	}
	return (0);
}

/* Any watcher of the pid that relies on the poller; they share its number. */
static struct dw_proc *
polled(const struct dw_loop *loop, pid_t pid)
{
	struct dw_pid_link *l;
	struct dw_proc *proc;

	for (l = pids_find(&loop->procs, pid); l != NULL; l = pids_next(l)) {
		proc = PIDS_OWNER(l, struct dw_proc);
		if (proc->how == HOW_POLLER)
			return (proc);
	}
	return (NULL);
}

/* Stop hearing from the kernel. */
static void
unhear(struct dw_proc *proc)
{
	struct dw_loop *loop;
	int saved;

	loop = proc->loop;
	switch ((enum how)proc->how) {
	case HOW_FD:
		saved = errno;
		dw_io_stop(&proc->io);
		(void)close(proc->fd);
		proc->fd = -1;
		errno = saved;
		break;
	case HOW_POLLER:
		loop->active--;
		proc->how = HOW_ENDED;
		if (polled(loop, proc->id.pid) == NULL)
			loop->ops->proc_del(loop->poller, proc->id.pid);
		break;
	case HOW_TIMER:
		dw_timer_stop(&proc->timer);
		break;
	case HOW_ENDED:
		dw_defer_stop(&proc->defer);
		break;
	}
}

static void
tell(struct dw_defer *defer)
{
	struct dw_proc *proc;
	int status;

	proc = defer->arg;
	status = proc->status;
	dw_proc_stop(proc);
	proc->cb(proc, status);
}

/* It has ended.  A pidfd is readable for ever after: not to be heard again. */
static void
end(struct dw_proc *proc, int status)
{
	unhear(proc);
	proc->how = HOW_ENDED;
	proc->status = status;
	proc->defer.cb = tell;
	proc->defer.arg = proc;
	dw_defer_start(proc->loop, &proc->defer);
}

/*
 * Told by the kernel.  If it is a child by now, reaping it finds its status;
 * that calls others, who may free the watcher, and so comes last.
 */
static void
heard(struct dw_proc *proc)
{
	struct dw_loop *loop;

	loop = proc->loop;
	end(proc, DW_STATUS_NONE);
	if (loop->sigchld)
		child_reap(loop);
}

static void
fd_ready(struct dw_io *io, unsigned events)
{
	(void)events;
	heard(io->arg);
}

static void
look(struct dw_timer *timer)
{
	struct dw_proc *proc;

	proc = timer->arg;
	if (dw_proc_alive(&proc->id))
		dw_timer_start(proc->loop, timer, LOOK_INTERVAL);
	else
		heard(proc);
}

/*
 * The descriptor comes first, the look at the start time after: only then the
 * process that was looked at is the one that the descriptor stands for.
 */
static int
hear_fd(struct dw_loop *loop, struct dw_proc *proc)
{
	int saved;

	if ((proc->fd = procfd_open(proc->id.pid)) == -1)
		return (-1);
	proc->io.cb = fd_ready;
	proc->io.arg = proc;
	if (verify(&proc->id) == 0 &&
	    dw_io_start(loop, &proc->io, proc->fd, DW_READ) == 0) {
		proc->how = HOW_FD;
		return (0);
	}
	saved = errno;
	(void)close(proc->fd);
	proc->fd = -1;
	errno = saved;
	return (-1);
}

static int
hear_poller(struct dw_loop *loop, struct dw_proc *proc)
{
	const struct dw_proc *other;

	if ((other = polled(loop, proc->id.pid)) != NULL) {
		if (verify(&proc->id) == -1)
			return (-1);
		proc->gen = other->gen;
	} else {
		proc->gen = ++loop->last_gen;
		switch (loop->ops->proc_add(
		    loop->poller, proc->id.pid, proc->gen)) {
		case 0:
			break;
		case 1:
			errno = ESRCH;
			return (-1);
		default:
			return (-1);
		}
		if (verify(&proc->id) == -1) {
			loop->ops->proc_del(loop->poller, proc->id.pid);
			return (-1);
		}
	}
	proc->how = HOW_POLLER;
	loop->active++;
	return (0);
}

static void
look_after(struct dw_loop *loop, struct dw_proc *proc, int64_t delay)
{
	proc->timer.cb = look;
	proc->timer.arg = proc;
	dw_timer_start(loop, &proc->timer, delay);
	proc->how = HOW_TIMER;
}

static int
hear_timer(struct dw_loop *loop, struct dw_proc *proc)
{
	if (verify(&proc->id) == -1)
		return (-1);
	look_after(loop, proc, LOOK_INTERVAL);
	return (0);
}

int
dw_proc_start(
    struct dw_loop *loop, struct dw_proc *proc, const struct dw_proc_id *id)
{
	if (id->pid <= 0) {
		errno = EINVAL;
		return (-1);
	}
	if (proc->loop != NULL) {
		errno = EBUSY;
		return (-1);
	}
	proc->id = *id;
	proc->fd = -1;
	proc->status = DW_STATUS_NONE;
	if (hear_fd(loop, proc) == -1 &&
	    (errno == ESRCH || hear_poller(loop, proc) == -1) &&
	    (errno == ESRCH || hear_timer(loop, proc) == -1))
		return (-1);
	proc->loop = loop;
	pids_add(&loop->procs, &proc->link, proc->id.pid);
	return (0);
}

void
dw_proc_stop(struct dw_proc *proc)
{
	struct dw_loop *loop;

	if ((loop = proc->loop) == NULL)
		return;
	unhear(proc);
	pids_del(&loop->procs, &proc->link);
	proc->loop = NULL;
}

int
dw_proc_kill(struct dw_proc *proc, int signo)
{
	if (proc->loop == NULL || proc->how == HOW_ENDED) {
		errno = ESRCH;
		return (-1);
	}
	if (proc->how == HOW_FD) {
		if (procfd_signal(proc->fd, signo) == 0)
			return (0);
		/* A filter may refuse this call and leave us kill(2). */
		if (errno != ENOSYS && errno != EPERM)
			return (-1);
	}
	if (verify(&proc->id) == -1)
		return (-1);
	return (kill(proc->id.pid, signo));
}

void
proc_reaped(struct dw_loop *loop, pid_t pid, int status)
{
	struct dw_pid_link *l;
	struct dw_proc *proc;

	for (l = pids_find(&loop->procs, pid); l != NULL; l = pids_next(l)) {
		proc = PIDS_OWNER(l, struct dw_proc);
		if (proc->how == HOW_ENDED)
			proc->status = status;
		else
			end(proc, status);
	}
}

/* A child of this process, also one that has ended? */
static bool
ours(pid_t pid)
{
	siginfo_t si;

	return (
	    waitid(P_PID, (id_t)pid, &si, WEXITED | WNOHANG | WNOWAIT) == 0);
}

/*
 * kqueue tells of the end before there is a zombie (FreeBSD, NetBSD): nothing
 * could be reaped yet.  If it is ours by now, SIGCHLD follows, and brings the
 * status.
 */
void
proc_ended(struct dw_loop *loop, pid_t pid, uint32_t gen)
{
	struct dw_proc *proc;

	if (loop->sigchld && ours(pid))
		return;
	while ((proc = polled(loop, pid)) != NULL && proc->gen == gen)
		end(proc, DW_STATUS_NONE);
}

/*
 * What the new poller does not take, because it has ended by now or for want
 * of something, is looked at: at once, and from then on.  Nobody is called in
 * here.
 */
void
proc_renew(struct dw_loop *loop)
{
	struct dw_pid_link *l;
	struct dw_proc *proc;
	pid_t pid;

	for (l = pids_walk(&loop->procs, NULL); l != NULL;
	     l = pids_walk(&loop->procs, l)) {
		proc = PIDS_OWNER(l, struct dw_proc);
		pid = proc->id.pid;
		if (proc->how != HOW_POLLER || polled(loop, pid) != proc ||
		    loop->ops->proc_add(loop->poller, pid, proc->gen) == 0)
			continue;
		while ((proc = polled(loop, pid)) != NULL) {
			loop->active--;
			look_after(loop, proc, 0);
		}
	}
}

void
proc_clear(struct dw_loop *loop)
{
	struct dw_pid_link *l;

	while ((l = pids_any(&loop->procs)) != NULL)
		dw_proc_stop(PIDS_OWNER(l, struct dw_proc));
	pids_free(&loop->procs);
}
