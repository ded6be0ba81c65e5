/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Watching processes that are not our children, in all the ways there are: by
 * pidfd, by a poller that knows pids, and by looking, where a filter of system
 * calls takes pidfd away.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemonwatch.h"
#include "loop.h"
#include "../compat/procfd.h"
#include "deny.h"
#include "forked.h"

static struct dw_loop *loop;

struct told {
	struct dw_proc proc; /* first: callbacks get its address */
	int times;
	int status;
};

static int total;

static void
note(struct dw_proc *proc, int status)
{
	struct told *t = (struct told *)proc;

	t->times++;
	t->status = status;
	total++;
}

static int
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

static void
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

static void
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

static void
release(struct foreign *f)
{
	(void)close(f->hold);
	f->hold = -1;
}

static void
forget(struct foreign *f)
{
	if (f->hold != -1)
		(void)close(f->hold);
	(void)close(f->keep);
	if (f->parent > 0)
		(void)waitpid(f->parent, NULL, 0);
}

static void
watch(struct told *t, pid_t pid)
{
	struct dw_proc_id id;

	memset(t, 0, sizeof(*t));
	t->proc.cb = note;
	must(dw_proc_identify(pid, &id) == 0);
	must(dw_proc_start(loop, &t->proc, &id) == 0);
}

/* Run until nothing is watched; of what is still watched, say so. */
static void
run(void)
{
	int64_t end;

	end = clock_now() + DEADLINE_S * DW_SEC;
	while (loop->active > 0 && clock_now() < end)
		must(dw_loop_step(loop, 100 * DW_MS) == 0);
	must(loop->active == 0);
}

static void
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

static void
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

static void
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

static void
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

static void
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
static void
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

static void
child_noted(struct dw_child *child, int status)
{
	*(int *)child->arg = status;
}

/* Both told, with the same status, whatever comes first. */
static void
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

static void
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

static void
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
static void
stop_proc(struct dw_child *child, int status)
{
	struct dw_proc *proc;

	(void)status;
	proc = child->arg;
	dw_proc_stop(proc);
	memset(proc, 0xa5, sizeof(*proc));
	free(proc);
}

static void
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

static void
all_of_it(void)
{
	int fds;

	fds = count_fds();
	must(setup(NULL) == 0);
	orphan_ends();
	zombie_of_another();
	kill_ends();
	total = 0;
	several_watch_one();
	not_that_one();
	total = 0;
	stopped_in_callbacks();
	own_child();
	total = 0;
	stopped_by_the_child();
	/* From here on orphans come to us. */
	total = 0;
	adopted();
	dw_loop_free(loop);
	must(count_fds() == fds);
}

/* Where the kernel offers it, nothing is left to timers. */
static void
best_way(void)
{
	struct foreign f;
	struct told t;
	int fd;

	if ((fd = procfd_open(getpid())) != -1) {
		(void)close(fd);
		must(setup(NULL) == 0);
		make_foreign(&f, 0, false);
		watch(&t, f.pid);
		must(t.proc.fd != -1);
		must(!dw_timer_active(&t.proc.timer));
		dw_proc_stop(&t.proc);
		forget(&f);
		dw_loop_free(loop);
	}
	all_of_it();
}

static void
by_the_best_way(void **state)
{
	(void)state;
	in_child(best_way);
}

static void
refuse(long call, int error)
{
	if (deny(call, error) == -1) {
		(void)dprintf(
		    2, "no filter of system calls: %s\n", strerror(errno));
		_exit(SKIPPED);
	}
}

static void
no_pidfd(void)
{
	refuse(SYS_pidfd_open, ENOSYS);
	all_of_it();
}

static void
pidfd_open_unknown(void **state)
{
	(void)state;
	in_child(no_pidfd);
}

static void
pidfd_denied(void)
{
	refuse(SYS_pidfd_open, EPERM);
	all_of_it();
}

static void
pidfd_open_denied(void **state)
{
	(void)state;
	in_child(pidfd_denied);
}

static void
signal_denied(void)
{
	refuse(SYS_pidfd_send_signal, ENOSYS);
	must(setup(NULL) == 0);
	kill_ends();
	dw_loop_free(loop);
}

static void
pidfd_send_signal_unknown(void **state)
{
	(void)state;
	in_child(signal_denied);
}

/*
 * A poller that knows pids, as kqueue does: it looks every turn whether those
 * it was given have ended, and says so once.
 */
static struct {
	struct dw_proc_id id;
	uint32_t gen;
} known[8];

static const struct poller_ops *real;
static int added, deleted;

static int
knowing_add(struct poller *poller, pid_t pid, uint32_t gen)
{
	size_t i;

	(void)poller;
	added++;
	for (i = 0; known[i].gen != 0; i++)
		must(i < 7 && known[i].id.pid != pid);
	if (dw_proc_identify(pid, &known[i].id) == -1)
		return (errno == ESRCH ? 1 : -1);
	known[i].gen = gen;
	return (0);
}

static void
knowing_del(struct poller *poller, pid_t pid)
{
	size_t i;

	(void)poller;
	deleted++;
	for (i = 0; i < 8; i++) {
		if (known[i].id.pid == pid)
			memset(&known[i], 0, sizeof(known[i]));
	}
}

static int
knowing_wait(
    struct poller *poller, int64_t timeout, struct poller_event *ev, int max)
{
	size_t i;
	int n;

	n = real->wait(
	    poller, timeout < 0 || timeout > DW_MS ? DW_MS : timeout, ev, max);
	for (i = 0; i < 8 && n >= 0 && n < max; i++) {
		if (known[i].gen == 0 || dw_proc_alive(&known[i].id))
			continue;
		ev[n].gen = known[i].gen;
		ev[n].events = POLLER_EXIT;
		ev[n].ident = known[i].id.pid;
		n++;
		memset(&known[i], 0, sizeof(known[i]));
	}
	return (n);
}

static struct poller_ops knowing;

static int
setup_knowing(void)
{
	if (setup(NULL) == -1)
		return (-1);
	real = loop->ops;
	knowing = *real;
	knowing.proc_add = knowing_add;
	knowing.proc_del = knowing_del;
	knowing.wait = knowing_wait;
	loop->ops = &knowing;
	memset(known, 0, sizeof(known));
	added = deleted = 0;
	return (0);
}

static void
poller_knows(void)
{
	int fds;

	refuse(SYS_pidfd_open, ENOTSUP);
	fds = count_fds();
	must(setup_knowing() == 0);
	orphan_ends();
	must(added == 1);
	zombie_of_another();
	kill_ends();
	total = added = deleted = 0;
	several_watch_one();
	/* The kernel was asked once for all four, and let go once. */
	must(added == 1);
	must(deleted == 1);
	not_that_one();
	total = 0;
	stopped_in_callbacks();
	own_child();
	total = 0;
	stopped_by_the_child();
	total = 0;
	adopted();
	dw_loop_free(loop);
	must(count_fds() == fds);
}

static void
by_a_poller_that_knows_pids(void **state)
{
	(void)state;
	in_child(poller_knows);
}

/* An event that was on its way when its watcher gave the pid to another. */
static void
stale_event(void)
{
	struct foreign f;
	struct told t;
	uint32_t before;

	refuse(SYS_pidfd_open, ENOTSUP);
	must(setup_knowing() == 0);
	make_foreign(&f, 0, false);
	watch(&t, f.pid);
	before = t.proc.gen;
	dw_proc_stop(&t.proc);
	watch(&t, f.pid);
	proc_ended(loop, f.pid, before);
	must(dw_loop_step(loop, 0) == 0);
	must(t.times == 0);
	release(&f);
	run();
	must(t.times == 1);
	forget(&f);
	dw_loop_free(loop);
}

static void
poller_event_of_a_stopped_watcher(void **state)
{
	(void)state;
	in_child(stale_event);
}

/* Nothing left to look at it with: an error, not a watcher that never calls. */
static void
no_descriptors(void)
{
	struct dw_proc_id id;
	struct foreign f;
	struct told t;
	int fd;

	must(setup(NULL) == 0);
	make_foreign(&f, 0, false);
	memset(&t, 0, sizeof(t));
	t.proc.cb = note;
	must(dw_proc_identify(f.pid, &id) == 0);
	while ((fd = dup(2)) != -1 && fd < 4095)
		continue;
	if (fd != -1) {
		struct rlimit rl;

		must(getrlimit(RLIMIT_NOFILE, &rl) == 0);
		rl.rlim_cur = 4096;
		must(setrlimit(RLIMIT_NOFILE, &rl) == 0);
	}
	must(dw_proc_start(loop, &t.proc, &id) == -1);
	must(errno == EMFILE);
	must(loop->active == 0);
	must(dw_proc_alive(&id)); /* as far as can be told */
	for (fd = 64; fd < 4096; fd++)
		(void)close(fd);
	must(dw_proc_start(loop, &t.proc, &id) == 0);
	release(&f);
	run();
	must(t.times == 1);
	forget(&f);
	dw_loop_free(loop);
}

static void
out_of_descriptors(void **state)
{
	(void)state;
	in_child(no_descriptors);
}

static void
loop_freed(void)
{
	struct foreign f;
	struct told t;
	int fds;

	make_foreign(&f, 0, false);
	fds = count_fds();
	must(setup(NULL) == 0);
	watch(&t, f.pid);
	dw_loop_free(loop);
	must(t.proc.loop == NULL);
	must(count_fds() == fds);
	dw_proc_stop(&t.proc);
	forget(&f);
}

static void
loop_freed_with_processes(void **state)
{
	(void)state;
	in_child(loop_freed);
}

static void
forked_copy(void)
{
	struct foreign f;
	struct told t;
	pid_t pid;
	int status;

	make_foreign(&f, 0, false);
	must(setup(NULL) == 0);
	watch(&t, f.pid);
	if ((pid = fork()) == 0) {
		must(dw_loop_forked(loop, DW_KEEP_IO | DW_KEEP_TIMERS) == 0);
		must(loop->active == 0);
		must(t.proc.loop == NULL);
		/* The copy may watch it as well. */
		watch(&t, f.pid);
		dw_loop_free(loop);
		_exit(0);
	}
	must(waitpid(pid, &status, 0) == pid);
	must(status == 0);
	release(&f);
	run();
	must(t.times == 1);
	forget(&f);
	dw_loop_free(loop);
}

static void
forked_loop_leaves_the_parents_alone(void **state)
{
	(void)state;
	in_child(forked_copy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(by_the_best_way),
	    cmocka_unit_test(pidfd_open_unknown),
	    cmocka_unit_test(pidfd_open_denied),
	    cmocka_unit_test(pidfd_send_signal_unknown),
	    cmocka_unit_test(by_a_poller_that_knows_pids),
	    cmocka_unit_test(poller_event_of_a_stopped_watcher),
	    cmocka_unit_test(out_of_descriptors),
	    cmocka_unit_test(loop_freed_with_processes),
	    cmocka_unit_test(forked_loop_leaves_the_parents_alone),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
