/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The table of children, and the only caller of wait but for spawn.c's own
 * failures.  A child leaves the table in the moment it is reaped and is told
 * of afterwards; so its pid is never signalled later, and it is told of once,
 * whatever woke us and however often.  Processes that are not in the table
 * (orphans that came to us) are reaped as well: proc.c may know them.
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
#include "../compat/system.h"

/* A child that has ended, still a zombie: its pid, 0 if there is none. */
static pid_t
next_zombie(void)
{
	siginfo_t si;
	int empty;

	/*
	 * musl's waitid() has been seen to give back zeroes with a dead child
	 * there (libkqueue's linux/proc.c tells of it), so nothing has to be
	 * said twice.
	 */
	for (empty = 0; empty < 2; empty++) {
		memset(&si, 0, sizeof(si));
		while (
		    waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) == -1) {
			if (errno != EINTR)
				return (0);
		}
		if (si.si_pid > 0)
			return (si.si_pid);
	}
	return (0);
}

/*
 * What the child left in its group.  To be called while the zombie still
 * holds the pid: nobody else can lead a group of that number.
 */
static void
kill_rest(pid_t pid)
{
	if (pid > 1 && pid != getpgrp())
		(void)killpg(pid, SIGKILL);
}

/*
 * Reap one.  False: the kernel has shown a zombie that it will not give (it
 * is another thread's by now), and would show it again.
 */
static bool
reap(struct dw_loop *loop, pid_t pid, struct dw_pid_link ***tail)
{
	struct dw_pid_link *l;
	struct dw_child *child;
	int status;

	child = NULL;
	if ((l = pids_find(&loop->children, pid)) != NULL) {
		child = PIDS_OWNER(l, struct dw_child);
		if ((child->flags & DW_CHILD_KILLPG) != 0)
			kill_rest(pid);
	}
	if (waitpid(pid, &status, WNOHANG) != pid)
		return (false);
	if (child != NULL) {
		pids_del(&loop->children, l);
		pids_push(*tail, l);
		*tail = &l->next;
		child->pid = 0;
		child->status = status;
	}
	proc_reaped(loop, pid, status);
	return (true);
}

static void
tell(struct dw_loop *loop)
{
	struct dw_child *child;

	while (loop->ended != NULL) {
		child = PIDS_OWNER(loop->ended, struct dw_child);
		pids_unlink(&child->link);
		child->loop = NULL;
		loop->active--;
		child->cb(child, child->status);
	}
}

/*
 * No callback runs while there is something to reap: it may stop and free any
 * child, also those that have ended in the same turn, and start others.
 */
void
child_reap(struct dw_loop *loop)
{
	struct dw_pid_link **tail;
	pid_t pid;

	for (tail = &loop->ended; *tail != NULL;)
		tail = &(*tail)->next;
	while ((pid = next_zombie()) > 0) {
		if (!reap(loop, pid, &tail))
			break;
	}
	tell(loop);
}

static void
add(struct dw_loop *loop, struct dw_child *child, pid_t pid)
{
	child->loop = loop;
	child->pid = pid;
	child->status = 0;
	pids_add(&loop->children, &child->link, pid);
	loop->active++;
}

/* Ready to have children, before there is one. */
static int
prepare(struct dw_loop *loop, const struct dw_child *child)
{
	if (child->loop != NULL) {
		errno = EBUSY;
		return (-1);
	}
	return (loop_signal_chld(loop));
}

int
dw_child_spawn(struct dw_loop *loop, struct dw_child *child,
    const struct dw_spawn *spawn, struct dw_spawn_error *error)
{
	pid_t pid;

	if (prepare(loop, child) == -1) {
		if (error != NULL) {
			error->stage = DW_SPAWN_FORK;
			error->error = errno;
			error->arg = 0;
		}
		return (-1);
	}
	if ((pid = dw_spawn(spawn, error)) == -1)
		return (-1);
	add(loop, child, pid);
	return (0);
}

int
dw_child_watch(struct dw_loop *loop, struct dw_child *child, pid_t pid)
{
	siginfo_t si;

	if (pid <= 1) {
		errno = EINVAL;
		return (-1);
	}
	if (prepare(loop, child) == -1)
		return (-1);
	if (pids_find(&loop->children, pid) != NULL) {
		errno = EEXIST;
		return (-1);
	}
	/* ECHILD here, instead of a callback that never comes. */
	while (
	    waitid(P_PID, (id_t)pid, &si, WEXITED | WNOHANG | WNOWAIT) == -1) {
		if (errno != EINTR)
			return (-1);
	}
	/* If it has ended, SIGCHLD is noted still, or was so by prepare(). */
	add(loop, child, pid);
	return (0);
}

void
dw_child_stop(struct dw_child *child)
{
	struct dw_loop *loop;

	if ((loop = child->loop) == NULL)
		return;
	if (child->pid != 0)
		pids_del(&loop->children, &child->link);
	else
		pids_unlink(&child->link);
	child->loop = NULL;
	child->pid = 0;
	loop->active--;
}

int
dw_child_kill(struct dw_child *child, int signo)
{
	if (child->loop == NULL || child->pid <= 1) {
		errno = ESRCH;
		return (-1);
	}
	return (kill(child->pid, signo));
}

int
dw_child_killpg(struct dw_child *child, int signo)
{
	if (child->loop == NULL || child->pid <= 1) {
		errno = ESRCH;
		return (-1);
	}
	return (killpg(child->pid, signo));
}

void
child_clear(struct dw_loop *loop)
{
	struct dw_pid_link *l;

	while ((l = pids_any(&loop->children)) != NULL ||
	    (l = loop->ended) != NULL)
		dw_child_stop(PIDS_OWNER(l, struct dw_child));
	pids_free(&loop->children);
}

int
dw_reaper_acquire(struct dw_loop *loop)
{
	/* Whoever asks for orphans must be able to bury them. */
	if (loop_signal_chld(loop) == -1)
		return (-1);
	return (reaper_acquire());
}
