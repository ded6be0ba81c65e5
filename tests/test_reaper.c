/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Orphans that come to us, the list of all that is below us, and ending a
 * part of it (compat/system.h), in children that have a family of their own.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../compat/system.h"
#include "forked.h"

#define DEPTH 4

/* Orphans come to us, where the system can do that. */
static bool
be_reaper(void)
{
	if (reaper_acquire() == 0)
		return (true);
	must(errno == ENOTSUP);
	return (false);
}

static struct reaper_process *list;
static size_t nlist;

static void
read_list(void)
{
	free(list);
	if (reaper_list(&list, &nlist) == -1) {
		must(errno == ENOTSUP);
		(void)dprintf(2, "the processes below us cannot be listed\n");
		_exit(SKIPPED);
	}
	must((list == NULL) == (nlist == 0));
}

static const struct reaper_process *
in_list(pid_t pid)
{
	const struct reaper_process *found;
	size_t i;

	found = NULL;
	for (i = 0; i < nlist; i++) {
		if (list[i].pid != pid)
			continue;
		must(found == NULL);
		found = &list[i];
	}
	return (found);
}

/*
 * In the first of a chain of processes, each the child of the one before:
 * each says its pid, and lives until the write end of hold is closed.  (They
 * have no other descriptors, above all not those of another chain.)
 */
static void
chain(int hold, int said)
{
	pid_t self;
	int fd, i;
	char c;

	for (fd = 3; fd < 64; fd++) {
		if (fd != hold && fd != said)
			(void)close(fd);
	}
	for (i = 0; i < DEPTH; i++) {
		if (i > 0 && fork() != 0)
			break;
		(void)alarm(DEADLINE_S);
		self = getpid();
		must(write(said, &self, sizeof(self)) == (ssize_t)sizeof(self));
	}
	while (read(hold, &c, 1) == -1 && errno == EINTR)
		continue;
	while (wait(NULL) != -1 || errno == EINTR)
		continue;
	_exit(0);
}

static pid_t
start_chain(int hold[2], pid_t pids[DEPTH])
{
	int said[2], i;
	pid_t pid;

	must(pipe2(hold, O_CLOEXEC) == 0 && pipe2(said, O_CLOEXEC) == 0);
	if ((pid = fork()) == 0)
		chain(hold[0], said[1]);
	must(pid != -1);
	(void)close(hold[0]);
	(void)close(said[1]);
	for (i = 0; i < DEPTH; i++)
		must(read(said[0], &pids[i], sizeof(pids[i])) ==
		    (ssize_t)sizeof(pids[i]));
	(void)close(said[0]);
	must(pids[0] == pid);
	return (pid);
}

static void
two_chains(void)
{
	pid_t a[DEPTH], b[DEPTH];
	int i, hold_a[2], hold_b[2];

	(void)be_reaper();
	read_list();
	must(nlist == 0);
	(void)start_chain(hold_a, a);
	(void)start_chain(hold_b, b);
	read_list();
	must(nlist == 2 * DEPTH);
	for (i = 0; i < DEPTH; i++) {
		must(in_list(a[i]) != NULL && in_list(a[i])->top == a[0]);
		must(in_list(b[i]) != NULL && in_list(b[i])->top == b[0]);
		must(!in_list(a[i])->zombie && !in_list(b[i])->zombie);
	}
	(void)close(hold_a[1]);
	await_zombie(a[0]);
	read_list();
	must(nlist == 1 + DEPTH);
	must(in_list(a[0]) != NULL && in_list(a[0])->zombie);
	must(finish(a[0]) == 0);
	(void)close(hold_b[1]);
	must(finish(b[0]) == 0);
	read_list();
	must(nlist == 0);
}

static void
descendants_are_listed(void **state)
{
	(void)state;
	in_child(two_chains);
}

/* More than there is room for at first, and none twice. */
static void
wide(void)
{
	pid_t pids[300];
	int i, hold[2];

	(void)be_reaper();
	must(pipe2(hold, O_CLOEXEC) == 0);
	for (i = 0; i < 300; i++) {
		pids[i] = fork_waiting(hold[0], hold[1], 0);
		must(pids[i] != -1);
	}
	read_list();
	must(nlist == 300);
	for (i = 0; i < 300; i++)
		must(in_list(pids[i]) != NULL);
	(void)close(hold[1]);
	for (i = 0; i < 300; i++)
		must(finish(pids[i]) == 0);
	read_list();
	must(nlist == 0);
}

static void
many_children(void **state)
{
	(void)state;
	in_child(wide);
}

/* Its father has gone; where it came from may still be known. */
static void
orphan(void)
{
	const struct reaper_process *p;
	int hold[2], said[2];
	pid_t pid, below;

	if (!be_reaper())
		_exit(SKIPPED);
	must(pipe2(hold, O_CLOEXEC) == 0 && pipe2(said, O_CLOEXEC) == 0);
	if ((pid = fork()) == 0) {
		below = fork_waiting(hold[0], hold[1], 5);
		must(write(said[1], &below, sizeof(below)) ==
		    (ssize_t)sizeof(below));
		_exit(0);
	}
	must(read(said[0], &below, sizeof(below)) == (ssize_t)sizeof(below));
	must(finish(pid) == 0);
	read_list();
	must(nlist == 1);
	must((p = in_list(below)) != NULL);
	must(p->top == below || p->top == pid);
	must(reaper_kill(p->top, SIGKILL) == 0);
	must(finish(below) == SIGKILL);
	must(reaper_kill(p->top, SIGKILL) == -1);
	must(errno == ESRCH);
}

static void
orphans_come_to_us(void **state)
{
	(void)state;
	in_child(orphan);
}

/* One part of what is below us, to its depths, and nothing beside it. */
static void
kill_one_chain(void)
{
	int hold_a[2], hold_b[2], i, ended;
	pid_t a[DEPTH], b[DEPTH];
	bool reaper;

	reaper = be_reaper();
	(void)start_chain(hold_a, a);
	(void)start_chain(hold_b, b);
	must(reaper_kill(a[0], SIGKILL) == 0);
	/* All of them end by it, whoever is their father by then. */
	for (ended = 0; ended < (reaper ? DEPTH : 1); ended++) {
		int status;
		pid_t pid;

		must((pid = wait(&status)) != -1);
		must(status == SIGKILL);
		for (i = 0; i < DEPTH && a[i] != pid; i++)
			continue;
		must(i < DEPTH);
	}
	read_list();
	must(nlist == DEPTH);
	for (i = 0; i < DEPTH; i++)
		must(in_list(b[i]) != NULL && !in_list(b[i])->zombie);
	(void)close(hold_b[1]);
	must(finish(b[0]) == 0);
	must(reaper_kill(a[0], SIGKILL) == -1 && errno == ESRCH);
	must(reaper_kill(getppid(), SIGKILL) == -1 && errno == ESRCH);
	must(reaper_kill(0, SIGKILL) == -1 && errno == ESRCH);
	must(reaper_kill(-1, SIGKILL) == -1 && errno == ESRCH);
}

static void
a_part_is_killed(void **state)
{
	(void)state;
	in_child(kill_one_chain);
}

static void
terminate_chain(void)
{
	pid_t a[DEPTH];
	int hold[2];
	bool reaper;
	int n, status;

	reaper = be_reaper();
	(void)start_chain(hold, a);
	must(reaper_kill(a[0], SIGTERM) == 0);
	for (n = 0; n < (reaper ? DEPTH : 1); n++) {
		must(wait(&status) != -1);
		must(status == SIGTERM);
	}
}

static void
a_part_is_told_to_end(void **state)
{
	(void)state;
	in_child(terminate_chain);
}

/* It starts a child after the other, and each of them another. */
static void
multiply(int ready)
{
	pid_t pid;

	(void)alarm(DEADLINE_S);
	for (;;) {
		if ((pid = fork()) == 0) {
			(void)alarm(DEADLINE_S);
			if (fork() == 0) {
				(void)alarm(DEADLINE_S);
				(void)pause();
			}
			_exit(0);
		}
		if (pid != -1)
			(void)waitpid(pid, NULL, 0);
		(void)write(ready, "", 1);
	}
}

static void
kill_while_it_forks(void)
{
	int ready[2], round, i;
	pid_t pid;
	char c[16];

	not_on_valgrind("it is too slow for those who fork all the time");
	/* The orphans are not looked for but by who adopts them. */
	if (!be_reaper())
		_exit(SKIPPED);
	for (round = 0; round < 5; round++) {
		must(pipe2(ready, O_CLOEXEC) == 0);
		if ((pid = fork()) == 0) {
			(void)setpgid(0, 0);
			multiply(ready[1]);
		}
		must(pid != -1);
		for (i = 0; i < 8; i++)
			must(read(ready[0], c, 1) == 1);
		must(reaper_kill(pid, SIGKILL) == 0);
		must(finish(pid) == SIGKILL);
		/* What has come to us already is a part by itself. */
		for (read_list(); nlist > 0; read_list()) {
			must(list[0].zombie ||
			    reaper_kill(list[0].top, SIGKILL) == 0 ||
			    errno == ESRCH);
			(void)waitpid(-1, NULL, 0);
		}
		must(waitpid(-1, NULL, 0) == -1 && errno == ECHILD);
		(void)close(ready[0]);
		(void)close(ready[1]);
	}
}

static void
killed_while_it_forks(void **state)
{
	(void)state;
	in_child(kill_while_it_forks);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(descendants_are_listed),
	    cmocka_unit_test(many_children),
	    cmocka_unit_test(orphans_come_to_us),
	    cmocka_unit_test(a_part_is_killed),
	    cmocka_unit_test(a_part_is_told_to_end),
	    cmocka_unit_test(killed_while_it_forks),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
