/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Signals, as callbacks of the loop, through a pipe to ourselves: alike on all
 * systems, and no mask is left blocked that a started program would inherit.
 * The facts are a flag for each signal; the byte in the pipe only wakes the
 * loop.  So a full pipe loses nothing, a storm of one signal is one byte, and
 * a forked child that writes into the pipe it shares with its parent could do
 * no more than wake it.
 */

#include "config.h"

#include <sys/types.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "daemonwatch.h"
#include "loop.h"

/*
 * Which loop hears a signal.  Static, as a signal handler is told nothing but
 * the number; atomic, as loops of several threads may share it and a signal is
 * delivered to any of them.
 */
static struct source {
	_Atomic(struct dw_loop *) loop;
	/*
	 * The process in which that is so.  In a child made by fork the handler
	 * does nothing until dw_loop_forked(); in one made by vfork, which
	 * would set the parent's flags, never.
	 */
	atomic_int pid;
	atomic_int pipe;
	atomic_bool pending;
	bool blocked; /* found so at the start */
	struct sigaction found;
} sources[NSIG];

static void
note(int signo)
{
	struct source *source = &sources[signo];
	const int error = errno;
	ssize_t n;

	if (atomic_load(&source->pid) == getpid() &&
	    !atomic_exchange(&source->pending, true)) {
		/* EAGAIN: it is full, so the loop will wake. */
		n = write(atomic_load(&source->pipe), "", 1);
		(void)n;
	}
	errno = error;
}

/* The pipe can be read. */
static void
deliver(struct dw_io *io, unsigned events)
{
	struct dw_loop *loop = io->arg;
	struct dw_signal *sig;
	char buf[NSIG];
	ssize_t n;
	int signo;

	(void)events;
	/* Read before the flags, so that whatever is noted later wakes again.
	 */
	n = read(loop->signal_pipe[0], buf, sizeof(buf));
	(void)n;
	for (signo = 1; signo < NSIG; signo++) {
		sig = loop->signals[signo];
		if ((sig == NULL && (signo != SIGCHLD || !loop->sigchld)) ||
		    !atomic_exchange(&sources[signo].pending, false))
			continue;
		if (sig != NULL)
			sig->cb(sig);
		else
			child_reap(loop);
	}
}

static void
close_pipe(struct dw_loop *loop)
{

	if (loop->signal_pipe[0] == -1)
		return;
	if (loop->signal_io.loop != NULL) {
		loop->active++; /* as open_pipe() took it off */
		dw_io_stop(&loop->signal_io);
	}
	(void)close(loop->signal_pipe[0]);
	(void)close(loop->signal_pipe[1]);
	loop->signal_pipe[0] = loop->signal_pipe[1] = -1;
}

static int
open_pipe(struct dw_loop *loop)
{
	int error;

	if (loop->signal_pipe[0] != -1)
		return (0);
	if (pipe2(loop->signal_pipe, O_CLOEXEC | O_NONBLOCK) == -1)
		return (-1);
	loop->signal_io.cb = deliver;
	loop->signal_io.arg = loop;
	if (dw_io_start(
		loop, &loop->signal_io, loop->signal_pipe[0], DW_READ) == -1) {
		error = errno;
		close_pipe(loop);
		errno = error;
		return (-1);
	}
	loop->active--; /* ours, not the user's: it keeps nobody waiting */
	return (0);
}

/*
 * Make the loop the one that hears the signal, in this process.  An entry that
 * was the parent's, of whom we are a forked copy, is free to be taken over:
 * what it found is still what is to be put back.
 */
static int
claim(struct dw_loop *loop, struct source *source, bool *inherited)
{
	struct dw_loop *owner = NULL;

	*inherited = false;
	if (atomic_compare_exchange_strong(&source->loop, &owner, loop))
		return (0);
	if (atomic_load(&source->pid) == getpid()) {
		errno = EBUSY;
		return (-1);
	}
	*inherited = true;
	atomic_store(&source->loop, loop);
	return (0);
}

static int
hear(struct dw_loop *loop, int signo)
{
	struct source *source = &sources[signo];
	struct sigaction act, found;
	sigset_t one, before;
	bool inherited;
	int error;

	if (open_pipe(loop) == -1 || claim(loop, source, &inherited) == -1)
		return (-1);
	atomic_store(&source->pending, false);
	atomic_store(&source->pipe, loop->signal_pipe[1]);
	atomic_store(&source->pid, (int)getpid());
	memset(&act, 0, sizeof(act));
	act.sa_handler = note;
	act.sa_flags = SA_RESTART | (signo == SIGCHLD ? SA_NOCLDSTOP : 0);
	(void)sigfillset(&act.sa_mask);
	if (sigaction(signo, &act, &found) == -1) {
		error = errno;
		atomic_store(&source->pid, 0);
		atomic_store(&source->loop, NULL);
		errno = error;
		return (-1);
	}
	if (!inherited)
		source->found = found;
	/* Who started us may have blocked it: cron, a supervisor, a shell. */
	(void)sigemptyset(&one);
	(void)sigaddset(&one, signo);
	(void)sigprocmask(SIG_UNBLOCK, &one, &before);
	if (!inherited)
		source->blocked = sigismember(&before, signo) == 1;
	return (0);
}

static void
unhear(const struct dw_loop *loop, int signo)
{
	struct source *source = &sources[signo];
	const int error = errno;
	sigset_t one;

	/* Another loop's, if it was taken over in a forked child. */
	if (atomic_load(&source->loop) != loop)
		return;
	if (source->blocked) {
		(void)sigemptyset(&one);
		(void)sigaddset(&one, signo);
		(void)sigprocmask(SIG_BLOCK, &one, NULL);
	}
	(void)sigaction(signo, &source->found, NULL);
	atomic_store(&source->pid, 0);
	atomic_store(&source->pending, false);
	atomic_store(&source->loop, NULL);
	errno = error;
}

int
dw_signal_start(struct dw_loop *loop, struct dw_signal *sig, int signo)
{

	if (signo < 1 || signo >= NSIG || signo == SIGCHLD ||
	    signo == SIGKILL || signo == SIGSTOP) {
		errno = EINVAL;
		return (-1);
	}
	if (sig->loop != NULL) {
		errno = EBUSY;
		return (-1);
	}
	if (hear(loop, signo) == -1)
		return (-1);
	loop->signals[signo] = sig;
	sig->loop = loop;
	sig->signo = signo;
	loop->active++;
	return (0);
}

void
dw_signal_stop(struct dw_signal *sig)
{

	if (sig->loop == NULL)
		return;
	unhear(sig->loop, sig->signo);
	sig->loop->signals[sig->signo] = NULL;
	sig->loop->active--;
	sig->loop = NULL;
}

int
loop_signal_chld(struct dw_loop *loop)
{

	if (loop->sigchld)
		return (0);
	if (hear(loop, SIGCHLD) == -1)
		return (-1);
	loop->sigchld = true;
	/* Who ended before this is a zombie that no signal will tell of. */
	note(SIGCHLD);
	return (0);
}

static void
unhear_all(struct dw_loop *loop)
{
	int signo;

	for (signo = 1; signo < NSIG; signo++) {
		if (loop->signals[signo] != NULL)
			dw_signal_stop(loop->signals[signo]);
	}
	unhear(loop, SIGCHLD);
	loop->sigchld = false;
}

int
loop_signal_forked(struct dw_loop *loop, bool keep)
{
	struct source *source;
	int signo;

	close_pipe(loop);
	/* SIGCHLD tells of the parent's children; a new child starts it again.
	 */
	unhear(loop, SIGCHLD);
	loop->sigchld = false;
	if (!keep)
		unhear_all(loop);
	for (signo = 1; signo < NSIG; signo++) {
		source = &sources[signo];
		if (loop->signals[signo] == NULL ||
		    atomic_load(&source->loop) != loop)
			continue;
		if (open_pipe(loop) == -1)
			return (-1);
		/* What was pending is the parent's. */
		atomic_store(&source->pending, false);
		atomic_store(&source->pipe, loop->signal_pipe[1]);
		atomic_store(&source->pid, (int)getpid());
	}
	return (0);
}

void
loop_signal_clear(struct dw_loop *loop)
{

	unhear_all(loop);
	close_pipe(loop);
}
