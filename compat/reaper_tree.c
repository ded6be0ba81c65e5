/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * All descendants, where the kernel does not keep them together: by the
 * process table, which tells everybody's parent.  It is read while processes
 * come and go, so it may contradict itself.
 */
#include "config.h"

#include <sys/types.h>

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "procfd.h"
#include "proctab.h"
#include "system.h"

/* How often to look for more to stop before all are killed. */
#define PASSES 64

struct node {
	pid_t pid;
	pid_t ppid;
	pid_t top; /* 0: not below us */
	uint64_t start;
	bool zombie;
	bool stopped;
};

struct tree {
	struct node *nodes; /* by pid */
	size_t n;
	size_t room;
};

static int
by_pid(const void *a, const void *b)
{
	const struct node *x = a, *y = b;

	return ((x->pid > y->pid) - (x->pid < y->pid));
}

static struct node *
find(const struct tree *t, pid_t pid)
{
	const struct node key = {.pid = pid};

	if (t->n == 0)
		return (NULL);
	return (bsearch(&key, t->nodes, t->n, sizeof(key), by_pid));
}

static int
add(struct tree *t, const struct proctab_entry *e)
{
	struct node *more;
	size_t room;

	if (t->n == t->room) {
		room = t->room == 0 ? 256 : t->room * 2;
		more = reallocarray(t->nodes, room, sizeof(*more));
		if (more == NULL)
			return (-1);
		t->nodes = more;
		t->room = room;
	}
	t->nodes[t->n++] = (struct node) {
	    .pid = e->pid,
	    .ppid = e->ppid,
	    .start = e->start,
	    .zombie = e->zombie,
	};
	return (0);
}

/* Up to a child of ours; not for ever, should parents go round in a circle. */
static pid_t
find_top(const struct tree *t, const struct node *p, pid_t self)
{
	size_t steps;

	for (steps = 0; p != NULL && steps < t->n; steps++) {
		if (p->ppid == self)
			return (p->pid);
		p = find(t, p->ppid);
	}
	return (0);
}

static int
read_tree(struct tree *t)
{
	struct proctab_entry e;
	struct proctab *tab;
	pid_t self;
	size_t i;
	int rv, saved;

	t->n = 0;
	if ((tab = proctab_open(false)) == NULL)
		return (-1);
	while ((rv = proctab_next(tab, &e)) == 1) {
		if (add(t, &e) == -1) {
			rv = -1;
			break;
		}
	}
	saved = errno;
	proctab_close(tab);
	errno = saved;
	if (rv == -1)
		return (-1);
	qsort(t->nodes, t->n, sizeof(*t->nodes), by_pid);
	self = getpid();
	for (i = 0; i < t->n; i++)
		t->nodes[i].top = find_top(t, &t->nodes[i], self);
	return (0);
}

int
reaper_list(struct reaper_process **list, size_t *n)
{
	struct tree t = {.nodes = NULL};
	size_t i;
	int rv, saved;

	*list = NULL;
	*n = 0;
	if ((rv = read_tree(&t)) == 0) {
		*list = reallocarray(NULL, t.n + 1, sizeof(**list));
		rv = *list == NULL ? -1 : 0;
	}
	for (i = 0; rv == 0 && i < t.n; i++) {
		if (t.nodes[i].top == 0)
			continue;
		(*list)[*n].pid = t.nodes[i].pid;
		(*list)[*n].top = t.nodes[i].top;
		(*list)[*n].zombie = t.nodes[i].zombie;
		++*n;
	}
	saved = errno;
	free(t.nodes);
	if (*n == 0) {
		free(*list);
		*list = NULL;
	}
	errno = saved;
	return (rv);
}

/* Just that process, whoever has its pid by now. */
static int
signal_node(const struct node *p, int signo)
{
	struct proctab_entry e;
	int fd, rv, saved;

	fd = procfd_open(p->pid);
	if (fd == -1 && errno == ESRCH)
		return (-1);
	rv = proctab_get(p->pid, &e, NULL, 0);
	if (rv == 0 && e.start != p->start) {
		errno = ESRCH;
		rv = -1;
	}
	if (rv == 0)
		rv = fd != -1 ? procfd_signal(fd, signo) : kill(p->pid, signo);
	saved = errno;
	if (fd != -1)
		(void)close(fd);
	errno = saved;
	return (rv);
}

/* All below top: how many were reached, or -1 if none could be. */
static int
signal_tree(const struct tree *t, pid_t top, int signo)
{
	size_t i;
	int reached, error;

	reached = 0;
	error = ESRCH;
	for (i = 0; i < t->n; i++) {
		if (t->nodes[i].top != top || t->nodes[i].zombie)
			continue;
		if (signal_node(&t->nodes[i], signo) == 0)
			reached++;
		else if (errno != ESRCH)
			error = errno;
	}
	if (reached == 0) {
		errno = error;
		return (-1);
	}
	return (reached);
}

/* Stop whom the last pass did not know: how many. */
static int
stop_new(struct tree *t, const struct tree *last, pid_t top)
{
	const struct node *p;
	size_t i;
	int n;

	n = 0;
	for (i = 0; i < t->n; i++) {
		if (t->nodes[i].top != top || t->nodes[i].zombie)
			continue;
		p = find(last, t->nodes[i].pid);
		if (p != NULL && p->start == t->nodes[i].start && p->stopped) {
			t->nodes[i].stopped = true;
			continue;
		}
		/* Whom we may not stop is left out, now and next time. */
		t->nodes[i].stopped = true;
		if (signal_node(&t->nodes[i], SIGSTOP) == 0)
			n++;
	}
	return (n);
}

/*
 * Who stands still does not fork: all are stopped, until two passes in a row
 * have found nobody new (one may look at a fork in its middle).
 */
static int
stop_all(struct tree *t, pid_t top)
{
	struct tree last = {.nodes = NULL}, other;
	int i, quiet, rv;

	quiet = 0;
	rv = 0;
	for (i = 0; i < PASSES && quiet < 2; i++) {
		other = last;
		last = *t;
		*t = other;
		if ((rv = read_tree(t)) == -1) {
			/* Those that stand still must not do so for ever. */
			other = last;
			last = *t;
			*t = other;
			break;
		}
		quiet = stop_new(t, &last, top) == 0 ? quiet + 1 : 0;
	}
	free(last.nodes);
	return (rv);
}

int
reaper_kill(pid_t top, int signo)
{
	struct tree t = {.nodes = NULL};
	int rv, saved;

	if (top <= 0) {
		errno = ESRCH;
		return (-1);
	}
	rv = signo == SIGKILL ? stop_all(&t, top) : read_tree(&t);
	saved = errno;
	if (signal_tree(&t, top, signo) == -1 && rv == 0) {
		rv = -1;
		saved = errno;
	}
	free(t.nodes);
	errno = saved;
	return (rv);
}
