/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Processes that are nobody's children whom we know, and what happens to those
 * who watch them: alike in all the ways there are to watch.  In forked
 * children only (must).  Included after cmocka.h.
 */
#ifndef TESTS_PROC_FIXTURE_H
#define TESTS_PROC_FIXTURE_H

#include <sys/types.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemonwatch.h"
#include "loop.h"
#include "deny.h"
#include "forked.h"

static struct dw_loop *loop;

struct told {
	struct dw_proc proc; /* first: callbacks get its address */
	int times;
	int status;
};

static int total;

static inline void
note(struct dw_proc *proc, int status)
{
	struct told *t = (struct told *)proc;

	t->times++;
	t->status = status;
	total++;
}

static inline int
setup(void **state)
{
	(void)state;
	loop = dw_loop_new(getenv("TEST_POLLER"));
	total = 0;
	return (loop == NULL ? -1 : 0);
}

/*
 * A process that is nobody's child whom we know: it ends with the code when
 * hold is closed.  Its parent is gone, unless keep, when that one stays until
 * hold is closed too and never waits.
 */
struct foreign {
	pid_t pid;
	pid_t parent; /* 0: gone */
	int hold;
	int keep;
};

static inline void
grandchild(int read_end, int tell, int code)
{
	pid_t pid;
	char c;

	(void)alarm(DEADLINE_S);
	pid = getpid();
	must(write(tell, &pid, sizeof(pid)) == (ssize_t)sizeof(pid));
	(void)close(tell);
	while (read(read_end, &c, 1) == -1 && errno == EINTR)
		continue;
	_exit(code);
}

static inline void
make_foreign(struct foreign *f, int code, bool keep)
{
	int hold[2], stay[2], tell[2];
	char c;

	must(pipe2(hold, O_CLOEXEC) == 0 && pipe2(tell, O_CLOEXEC) == 0 &&
	    pipe2(stay, O_CLOEXEC) == 0);
	if ((f->parent = fork()) == 0) {
		(void)alarm(DEADLINE_S);
		(void)close(hold[1]);
		(void)close(stay[1]);
		if (fork() == 0)
			grandchild(hold[0], tell[1], code);
		while (keep && read(stay[0], &c, 1) == -1 && errno == EINTR)
			continue;
		_exit(0);
	}
	must(f->parent != -1);
	(void)close(tell[1]);
	must(read(tell[0], &f->pid, sizeof(f->pid)) == (ssize_t)sizeof(f->pid));
	(void)close(tell[0]);
	(void)close(hold[0]);
	(void)close(stay[0]);
	f->hold = hold[1];
	f->keep = stay[1];
	if (!keep) {
		must(waitpid(f->parent, NULL, 0) == f->parent);
		f->parent = 0;
	}
}

static inline void
release(struct foreign *f)
{
	(void)close(f->hold);
	f->hold = -1;
}

static inline void
forget(struct foreign *f)
{
	if (f->hold != -1)
		(void)close(f->hold);
	(void)close(f->keep);
	if (f->parent > 0)
		(void)waitpid(f->parent, NULL, 0);
}

static inline void
watch(struct told *t, pid_t pid)
{
	struct dw_proc_id id;

	memset(t, 0, sizeof(*t));
	t->proc.cb = note;
	must(dw_proc_identify(pid, &id) == 0);
	must(dw_proc_start(loop, &t->proc, &id) == 0);
}

/* Run until nothing is watched; of what is still watched, say so. */
static inline void
run(void)
{
	int64_t end;

	end = clock_now() + DEADLINE_S * DW_SEC;
	while (loop->active > 0 && clock_now() < end)
		must(dw_loop_step(loop, 100 * DW_MS) == 0);
	must(loop->active == 0);
}

static inline void
orphan_ends(void)
{
	struct foreign f;
	struct told t;

	make_foreign(&f, 3, false);
	watch(&t, f.pid);
	must(dw_loop_step(loop, 0) == 0);
	must(t.times == 0);
	must(dw_proc_kill(&t.proc, 0) == 0);
	release(&f);
	run();
	must(t.times == 1);
	must(t.status == DW_STATUS_NONE);
	must(t.proc.id.pid == f.pid);
	must(dw_proc_kill(&t.proc, 0) == -1);
	must(errno == ESRCH);
	forget(&f);
}

static inline void
zombie_of_another(void)
{
	struct foreign f;
	struct told t;
	struct dw_proc_info info;

	make_foreign(&f, 3, true);
	watch(&t, f.pid);
	release(&f);
	run();
	must(t.times == 1);
	must(t.status == DW_STATUS_NONE);
	/* Its parent has still not looked after it. */
	must(dw_proc_info(f.pid, &info, NULL, 0) == 0);
	must(info.zombie);
	/* For us it is gone. */
	must(dw_proc_start(loop, &t.proc, &info.id) == -1);
	must(errno == ESRCH);
	forget(&f);
}

static inline void
kill_ends(void)
{
	struct foreign f;
	struct told t;

	make_foreign(&f, 0, false);
	watch(&t, f.pid);
	must(dw_proc_kill(&t.proc, SIGTERM) == 0);
	run();
	must(t.times == 1);
	must(dw_proc_kill(&t.proc, SIGTERM) == -1);
	must(errno == ESRCH);
	forget(&f);
}

static inline void
several_watch_one(void)
{
	struct foreign f;
	struct told t[4];
	int i;

	make_foreign(&f, 0, false);
	for (i = 0; i < 4; i++)
		watch(&t[i], f.pid);
	dw_proc_stop(&t[1].proc);
	dw_proc_stop(&t[1].proc);
	must(dw_proc_kill(&t[1].proc, SIGKILL) == -1);
	must(errno == ESRCH);
	must(dw_loop_step(loop, 0) == 0);
	must(total == 0);
	release(&f);
	run();
	must(total == 3);
	for (i = 0; i < 4; i++)
		must(t[i].times == (i != 1));
	forget(&f);
}

static inline void
not_that_one(void)
{
	struct dw_proc_id id;
	struct foreign f;
	struct told t;

	memset(&t, 0, sizeof(t));
	t.proc.cb = note;
	make_foreign(&f, 0, true);
	must(dw_proc_identify(f.pid, &id) == 0);
	/* The same number, another process. */
	id.start++;
	must(dw_proc_start(loop, &t.proc, &id) == -1);
	must(errno == ESRCH);
	must(!dw_proc_alive(&id));
	id.start--;
	must(dw_proc_alive(&id));
	must(dw_proc_start(loop, &t.proc, &id) == 0);
	must(dw_proc_start(loop, &t.proc, &id) == -1);
	must(errno == EBUSY);
	dw_proc_stop(&t.proc);
	release(&f);
	(void)close(f.keep);
	must(waitpid(f.parent, NULL, 0) == f.parent);
	/* Dead, or a zombie that only init has to look after. */
	while (dw_proc_alive(&id))
		must(dw_loop_step(loop, DW_MS) == 0);
	must(dw_proc_start(loop, &t.proc, &id) == -1);
	must(errno == ESRCH);
	id.pid = 0;
	must(dw_proc_start(loop, &t.proc, &id) == -1);
	must(errno == EINVAL);
	id.pid = -1;
	must(dw_proc_start(loop, &t.proc, &id) == -1);
	must(errno == EINVAL);
	must(loop->active == 0);
}

/* It comes to us when its parent dies, and so does its status. */
static inline void
adopted(void)
{
	struct foreign f[2];
	struct told t[3];

	if (dw_reaper_acquire(loop) == -1) {
		must(errno == ENOTSUP);
		return;
	}
	make_foreign(&f[0], 7, false);
	make_foreign(&f[1], 0, false);
	watch(&t[0], f[0].pid);
	watch(&t[1], f[1].pid);
	watch(&t[2], f[0].pid);
	must(dw_proc_kill(&t[1].proc, SIGKILL) == 0);
	release(&f[0]);
	run();
	must(total == 3);
	must(t[0].times == 1);
	must(WIFEXITED(t[0].status) && WEXITSTATUS(t[0].status) == 7);
	must(t[2].status == t[0].status);
	must(t[1].times == 1);
	must(WIFSIGNALED(t[1].status) && WTERMSIG(t[1].status) == SIGKILL);
	forget(&f[0]);
	forget(&f[1]);
}

static inline void
child_noted(struct dw_child *child, int status)
{
	*(int *)child->arg = status;
}

/* Both told, with the same status, whatever comes first. */
static inline void
own_child(void)
{
	struct dw_child child;
	struct told t;
	int ends[2], status;
	pid_t pid;

	status = -1;
	memset(&child, 0, sizeof(child));
	child.cb = child_noted;
	child.arg = &status;
	must(pipe2(ends, O_CLOEXEC) == 0);
	pid = fork_waiting(ends[0], ends[1], 9);
	must(dw_child_watch(loop, &child, pid) == 0);
	watch(&t, pid);
	(void)close(ends[1]);
	run();
	must(t.times == 1);
	must(WEXITSTATUS(t.status) == 9);
	must(status == t.status);
	(void)close(ends[0]);
}

/* Callbacks that stop and free others of the same end, and themselves. */
static struct told *some[3];

static inline void
stop_others(struct dw_proc *proc, int status)
{
	size_t i;

	(void)status;
	total++;
	for (i = 0; i < 3; i++) {
		if (some[i] == NULL)
			continue;
		dw_proc_stop(&some[i]->proc);
		must(&some[i]->proc != proc || proc->loop == NULL);
		memset(some[i], 0xa5, sizeof(*some[i]));
		free(some[i]);
		some[i] = NULL;
	}
}

static inline void
stopped_in_callbacks(void)
{
	struct foreign f;
	size_t i;

	make_foreign(&f, 0, false);
	for (i = 0; i < 3; i++) {
		some[i] = calloc(1, sizeof(*some[i]));
		must(some[i] != NULL);
		watch(some[i], f.pid);
		some[i]->proc.cb = stop_others;
	}
	release(&f);
	run();
	must(total == 1);
	forget(&f);
}

/* A child's callback stops the process' watcher that is about to be told. */
static inline void
stop_proc(struct dw_child *child, int status)
{
	struct dw_proc *proc;

	(void)status;
	proc = child->arg;
	dw_proc_stop(proc);
	memset(proc, 0xa5, sizeof(*proc));
	free(proc);
}

static inline void
stopped_by_the_child(void)
{
	struct dw_child child;
	struct told *t;
	int ends[2];
	pid_t pid;

	t = calloc(1, sizeof(*t));
	must(t != NULL);
	must(pipe2(ends, O_CLOEXEC) == 0);
	pid = fork_waiting(ends[0], ends[1], 0);
	memset(&child, 0, sizeof(child));
	child.cb = stop_proc;
	child.arg = t;
	must(dw_child_watch(loop, &child, pid) == 0);
	must(dw_loop_step(loop, 0) == 0);
	watch(t, pid);
	(void)close(ends[1]);
	run();
	must(total == 0);
	(void)close(ends[0]);
}

static inline void
refuse(long call, int error)
{
	if (deny(call, error) == -1) {
		(void)dprintf(
		    2, "no filter of system calls: %s\n", strerror(errno));
		_exit(SKIPPED);
	}
}

#endif
