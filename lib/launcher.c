/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The processes that a daemon leaves behind.  The launcher, which the shell
 * started, waits for the daemon's word and exits with it.  Where the daemon
 * is the launcher's grandchild, the process between them stays until then as
 * its attendant: a parent alone is told how a child ends.
 *
 * Pids: the attendant never reaps the daemon, and the launcher never reaps
 * its own child, before the launcher leaves; so neither pid can come to be
 * another process' while the launcher may signal it.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemonize.h"

/* How long to wait for the cause of a silent end of the conversation. */
#define GRACE (1 * DW_SEC)

#define NEVER INT64_MAX

struct launcher {
	const struct launch *launch;
	pid_t daemon;	  /* 0: not known yet; -1: nor ever */
	int held;	  /* a signal for the daemon while it is not known */
	int64_t deadline; /* for what the daemon is asked to do */
	bool late;	  /* it was asked to stop */
	bool silent;	  /* it has closed its end without a word */
	int64_t grace;	  /* until when that waits for a cause */
};

/*
 * The signal to hand on.  A handler has no argument to find it by; the
 * process does nothing any more but wait, so there is one.
 */
static volatile sig_atomic_t caught;

static void
note_signal(int signo)
{
	caught = signo;
}

/* SIGCHLD has to end a ppoll(2), no more. */
static void
note_chld(int signo)
{
	(void)signo;
}

int
launcher_catch_chld(struct sigaction *old)
{
	struct sigaction sa = {.sa_handler = note_chld};

	(void)sigemptyset(&sa.sa_mask);
	return (sigaction(SIGCHLD, &sa, old));
}

/* Has the child ended?  It is not reaped. */
static bool
ended(pid_t pid, siginfo_t *si)
{
	si->si_pid = 0;
	return (
	    waitid(P_PID, (id_t)pid, si, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	    si->si_pid == pid);
}

/* Smaller than PIPE_BUF: written whole or not at all. */
static void
tell(int reports, const struct report *r)
{
	if (write(reports, r, sizeof(*r)) != (ssize_t)sizeof(*r))
		_exit(0); /* nobody listens any more */
}

void
launcher_attend(int reports, pid_t daemon)
{
	struct report r = {.pid = daemon};
	struct pollfd pfd = {.fd = reports};
	sigset_t mask;
	siginfo_t si;

	(void)launcher_catch_chld(NULL);
	(void)sigfillset(&mask);
	(void)sigdelset(&mask, SIGCHLD);
	tell(reports, &r);
	for (;;) {
		if (r.code == 0 && ended(daemon, &si)) {
			r.code = si.si_code;
			r.status = si.si_status;
			tell(reports, &r);
		}
		/* Hung up: the launcher has left, whatever became of it. */
		if (ppoll(&pfd, 1, NULL, &mask) == 1)
			_exit(0);
	}
}

static _Noreturn void
leave(const struct launcher *l, int status)
{
	const struct launch *launch = l->launch;

	/* The attendant goes first, so that nobody sees it afterwards. */
	if (launch->reports != -1) {
		(void)kill(launch->child, SIGKILL);
		(void)waitpid(launch->child, NULL, 0);
	}
	_exit(status);
}

static void print(const struct launcher *l, const char *fmt, ...)
    DW_PRINTF(2, 3);

static void
print(const struct launcher *l, const char *fmt, ...)
{
	char text[WORD_TEXT_SIZE + 256];
	const char *name;
	va_list ap;
	size_t len;

	/* Never empty: no caller has nothing to say. */
	name = l->launch->wait.name;
	len = 0;
	if (name != NULL)
		len = (size_t)snprintf(text, 128, "%.120s: ", name);
	va_start(ap, fmt);
	(void)vsnprintf(text + len, sizeof(text) - 1 - len, fmt, ap);
	va_end(ap);
	len = strlen(text);
	if (text[len - 1] != '\n')
		text[len++] = '\n';
	/* Not through stderr's FILE, which is the daemon's too. */
	if (write(STDERR_FILENO, text, len) == -1)
		return; /* and nowhere to say so */
}

static void
hand_on(struct launcher *l, int signo)
{
	if (l->daemon == 0)
		l->held = signo;
	else if (l->daemon > 0)
		(void)kill(l->daemon, signo);
	else
		leave(l, 1);
}

/* The daemon's word, if it has said it. */
static void
hear_word(struct launcher *l)
{
	struct word word;
	ssize_t n;

	do {
		n = recv(l->launch->words, &word, sizeof(word), MSG_DONTWAIT);
		/*
		 * ECONNRESET: Linux, when the daemon's own queue was not
		 * empty (see put_away()); its word may still come after.
		 */
	} while (n == -1 && (errno == EINTR || errno == ECONNRESET));
	if (n == -1)
		return;
	if (n == 0) {
		if (!l->silent)
			l->grace = dw_clock() + GRACE;
		l->silent = true;
		return;
	}
	/* Asked to stop, it can only end: whatever it says is too late. */
	if (l->late)
		return;
	if (word.kind == WORD_READY)
		leave(l, 0);
	if (word.text[0] != '\0')
		print(l, "%s", word.text);
	leave(l, word.status);
}

static _Noreturn void
died(struct launcher *l, int code, int status)
{
	/* It may have spoken after we listened last. */
	hear_word(l);
	if (!l->late) {
		print(l, "died before it was ready (%s %d)",
		    code == CLD_EXITED ? "exit status" : "signal", status);
	}
	leave(l, 1);
}

/* The attendant's report: the daemon's pid, later its end. */
static void
hear_report(struct launcher *l)
{
	struct report r;
	ssize_t n;

	while ((n = read(l->launch->reports, &r, sizeof(r))) == -1 &&
	    errno == EINTR)
		;
	if (n != sizeof(r)) {
		/* Somebody killed the attendant.  The daemon may live. */
		l->daemon = -1;
		return;
	}
	if (r.code != 0)
		died(l, r.code, r.status);
	l->daemon = r.pid;
	if (l->held != 0)
		hand_on(l, l->held);
}

static void
expire(struct launcher *l)
{
	const struct daemonize_wait *wait = &l->launch->wait;
	int64_t now;

	now = dw_clock();
	if (l->silent && now >= l->grace) {
		if (!l->late)
			print(l, "broke off before it was ready");
		leave(l, 1);
	}
	if (now < l->deadline)
		return;
	if (l->late) {
		hand_on(l, SIGKILL);
		l->deadline = NEVER;
		return;
	}
	print(l, "not ready after %g s, stopping it",
	    (double)wait->timeout / DW_SEC);
	l->late = true;
	l->deadline = now + wait->stop_timeout;
	hand_on(l, wait->stop_signal);
}

/* One sleep, and what it brought. */
static void
turn(struct launcher *l)
{
	const struct launch *launch = l->launch;
	/* What is silent or lost is ready for ever: -1 leaves it out. */
	struct pollfd pfd[2] = {
	    {.fd = l->silent ? -1 : launch->words, .events = POLLIN},
	    {.fd = l->daemon == -1 ? -1 : launch->reports, .events = POLLIN},
	};
	struct timespec ts;
	siginfo_t si;
	int64_t until, left;
	int n;

	until = l->silent && l->grace < l->deadline ? l->grace : l->deadline;
	left = until - dw_clock();
	if (left < 0)
		left = 0;
	ts.tv_sec = left / DW_SEC;
	ts.tv_nsec = left % DW_SEC;
	n = ppoll(pfd, 2, until == NEVER ? NULL : &ts, &launch->mask);
	if (n == -1 && errno != EINTR) {
		print(l, "ppoll: %s", strerror(errno));
		leave(l, 1);
	}
	if (caught != 0) {
		n = caught;
		caught = 0;
		hand_on(l, n);
		return;
	}
	if (!l->silent)
		hear_word(l);
	if (launch->reports == -1 && ended(launch->child, &si))
		died(l, si.si_code, si.si_status);
	if (n > 0 && pfd[1].revents != 0)
		hear_report(l);
	expire(l);
}

/* ^C at the launcher is meant for the daemon; one that is ignored is not. */
static void catch (int signo)
{
	struct sigaction old, sa = {.sa_handler = note_signal};

	(void)sigemptyset(&sa.sa_mask);
	if (sigaction(signo, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
		(void)sigaction(signo, &sa, NULL);
}

void
launcher_run(struct launch *launch)
{
	struct launcher l = {.launch = launch, .deadline = NEVER};

	(void)sigdelset(&launch->mask, SIGCHLD);
	(void)sigdelset(&launch->mask, SIGINT);
	(void)sigdelset(&launch->mask, SIGTERM);
	catch (SIGINT);
	catch (SIGTERM);
	if (launch->reports == -1)
		l.daemon = launch->child;
	if (launch->wait.timeout > 0)
		l.deadline = dw_clock() + launch->wait.timeout;
	for (;;)
		turn(&l);
}
