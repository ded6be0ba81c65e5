/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The frame around a run: orphans come to it and are reaped, so that "gone"
 * means gone; nothing outlives it, and it does not outlive its time.  Only
 * descendants are ever signalled, each by its pid.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemonwatch.h"

#include "../../compat/system.h"
#include "helper.h"

#define ROUNDS 200 /* of 10 ms: for what forks while it is swept */

struct row {
	pid_t pid;
	pid_t ppid;
	bool zombie;
	bool below; /* a descendant of the session */
	bool spared;
	char *args;
};

struct table {
	struct row *rows;
	size_t n;
};

static int
add_row(const struct dw_proc_info *info, void *arg)
{
	struct table *t = arg;
	struct row *r;

	t->rows = reallocarray(t->rows, t->n + 1, sizeof(*t->rows));
	if (t->rows == NULL)
		err(71, NULL);
	r = &t->rows[t->n++];
	memset(r, 0, sizeof(*r));
	r->pid = info->id.pid;
	r->ppid = info->ppid;
	r->zombie = info->zombie;
	if ((r->args = strdup(info->args)) == NULL)
		err(71, NULL);
	return (0);
}

static void
table_free(struct table *t)
{
	while (t->n > 0)
		free(t->rows[--t->n].args);
	free(t->rows);
}

static struct row *
find_row(const struct table *t, pid_t pid)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (t->rows[i].pid == pid)
			return (&t->rows[i]);
	return (NULL);
}

/* Spare this process and those that it descends from. */
static void
spare(const struct table *t, pid_t pid)
{
	struct row *r;

	while (pid > 1 && (r = find_row(t, pid)) != NULL && !r->spared) {
		r->spared = true;
		pid = r->ppid;
	}
}

static void
mark_descendants(const struct table *t, pid_t root)
{
	const struct row *parent;
	bool more = true;
	size_t i;

	while (more) {
		more = false;
		for (i = 0; i < t->n; i++) {
			if (t->rows[i].below || t->rows[i].pid == root)
				continue;
			parent = find_row(t, t->rows[i].ppid);
			if (t->rows[i].ppid == root ||
			    (parent != NULL && parent->below))
				t->rows[i].below = more = true;
		}
	}
}

static bool
is_spared(const struct table *t, pid_t pid)
{
	const struct row *r = find_row(t, pid);

	return (r != NULL && r->spared);
}

/*
 * Signal all descendants of root but ourselves and our ancestors; say which,
 * if that was not said in an earlier round.  How many there were, zombies
 * included; -1: the process table cannot be read.
 */
static int
kill_descendants(pid_t root, int signo, bool say)
{
	struct table t = {NULL, 0};
	const struct row *r;
	int found = 0;
	size_t i;

	if (dw_procs_each(DW_PROCS_ARGS, add_row, &t) == -1) {
		table_free(&t);
		return (-1);
	}
	spare(&t, getpid());
	mark_descendants(&t, root);
	for (i = 0; i < t.n; i++) {
		r = &t.rows[i];
		if (!r->below || r->spared)
			continue;
		if (r->zombie && is_spared(&t, r->ppid))
			continue; /* the shell's, which may never wait for it */
		found++;
		if (r->zombie)
			continue;
		if (say)
			(void)printf("%ld %s\n", (long)r->pid, r->args);
		if (signo != 0)
			(void)kill(r->pid, signo);
	}
	table_free(&t);
	return (found);
}

static void
breathe(void)
{
	static const struct timespec ts = {.tv_nsec = 10000000};

	(void)nanosleep(&ts, NULL);
}

/*
 * End what a test has left, and print it.  What ends by itself within so many
 * milliseconds is not left.
 */
int
sweep(int argc, char *argv[])
{
	const char *text = getenv("BUNDLE_SESSION");
	long i, n, patience = number(argv[0]) / 10;
	pid_t root;

	(void)argc;
	if (text == NULL)
		errx(64, "not in a session");
	root = (pid_t)number(text);
	for (i = 0; i < patience && kill_descendants(root, 0, false) > 0; i++)
		breathe();
	for (i = 0; i < ROUNDS; i++) {
		n = kill_descendants(root, SIGKILL, i == 0);
		if (n == -1)
			err(3, "process table");
		if (n == 0)
			return (0);
		breathe();
	}
	warnx("%ld processes do not die", n);
	return (1);
}

static void
do_nothing(int signo)
{
	(void)signo;
}

static pid_t
start(char *argv[], const sigset_t *blocked)
{
	char text[32];
	pid_t pid;

	(void)snprintf(text, sizeof(text), "%ld", (long)getpid());
	if (setenv("BUNDLE_SESSION", text, 1) == -1 || (pid = fork()) == -1)
		err(71, "fork");
	if (pid != 0)
		return (pid);
	(void)sigprocmask(SIG_UNBLOCK, blocked, NULL);
	(void)execvp(argv[0], argv);
	err(127, "%s", argv[0]);
}

/* Reap what has ended.  Was the first child among them? */
static bool
reap(pid_t first, int *status)
{
	bool ended = false;
	int st;
	pid_t pid;

	while ((pid = waitpid(-1, &st, WNOHANG)) > 0)
		if (pid == first) {
			*status = st;
			ended = true;
		}
	return (ended);
}

static void
end_all(void)
{
	int i, status;

	for (i = 0;
	     i < ROUNDS && kill_descendants(getpid(), SIGKILL, false) > 0;
	     i++) {
		(void)reap(0, &status);
		breathe();
	}
}

/*
 * Run the command; at its end, or after so many seconds, end all that has
 * come of it.  Returns its exit status; 1 and TAP's "Bail out!" if the time
 * was over.
 */
int
session(int argc, char *argv[])
{
	struct sigaction sa;
	sigset_t wanted;
	pid_t child;
	int signo, status = 0;

	(void)argc;
	if (reaper_acquire() == -1)
		(void)printf("# orphans go to init: %s\n", strerror(errno));
	(void)fflush(stdout);
	(void)sigemptyset(&wanted);
	(void)sigaddset(&wanted, SIGCHLD);
	(void)sigaddset(&wanted, SIGALRM);
	(void)sigaddset(&wanted, SIGHUP);
	(void)sigaddset(&wanted, SIGINT);
	(void)sigaddset(&wanted, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &wanted, NULL);
	/* What is ignored by default may not stay pending. */
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = do_nothing;
	(void)sigaction(SIGCHLD, &sa, NULL);
	child = start(argv + 1, &wanted);
	(void)alarm((unsigned)number(argv[0]));
	for (;;) {
		if (sigwait(&wanted, &signo) != 0)
			continue;
		if (signo != SIGCHLD)
			break;
		if (!reap(child, &status))
			continue;
		end_all();
		return (WIFEXITED(status) ? WEXITSTATUS(status) : 1);
	}
	end_all();
	if (signo == SIGALRM)
		(void)printf("Bail out! not done within %s s\n", argv[0]);
	return (1);
}
