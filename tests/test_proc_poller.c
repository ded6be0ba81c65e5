/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Watching processes that are not our children through a poller that knows
 * pids, as kqueue's does: the loop's side of it, on any system.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../compat/procfd.h"
#include "proc_fixture.h"

/* Leave nothing but the poller. */
static void
refuse_pidfd(void)
{
	int fd;

	if ((fd = procfd_open(getpid())) == -1)
		return;
	(void)close(fd);
	refuse(SYS_pidfd_open, ENOTSUP);
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
static bool of_no_use; /* the next thing that this poller says */
static int add_error;  /* what it says of the next pid */

static int
knowing_add(struct poller *poller, pid_t pid, uint32_t gen)
{
	size_t i;

	(void)poller;
	added++;
	if ((errno = add_error) != 0) {
		add_error = 0;
		return (-1);
	}
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

	if (of_no_use) {
		of_no_use = false;
		ev[0] = (struct poller_event) {.events = POLLER_RENEW};
		return (1);
	}
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

/* A new queue knows of nothing. */
static int
knowing_forked(struct poller *poller)
{
	memset(known, 0, sizeof(known));
	return (real->forked(poller));
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
	knowing.forked = knowing_forked;
	loop->ops = &knowing;
	memset(known, 0, sizeof(known));
	added = deleted = add_error = 0;
	of_no_use = false;
	return (0);
}

static void
poller_knows(void)
{
	int fds;

	refuse_pidfd();
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

	refuse_pidfd();
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

/*
 * The poller has to be renewed: what it knew it is told again, once for each
 * pid, and what it does not take is not lost.
 */
static void
renewed(void)
{
	struct foreign f[3];
	struct told t[4];
	int i;

	refuse_pidfd();
	must(setup_knowing() == 0);
	for (i = 0; i < 3; i++) {
		make_foreign(&f[i], 0, false);
		watch(&t[i], f[i].pid);
	}
	watch(&t[3], f[0].pid);
	of_no_use = true;
	must(dw_loop_step(loop, -1) == 0);
	must(added == 6 && total == 0);
	/* One ends meanwhile, unseen (the last, which has the others' pipes).
	 */
	release(&f[2]);
	while (dw_proc_alive(&t[2].proc.id))
		(void)poll(NULL, 0, 1);
	of_no_use = true;
	must(dw_loop_step(loop, -1) == 0);
	must(total == 0);
	must(dw_loop_step(loop, -1) == 0);
	must(total == 1 && t[2].times == 1);
	/* One is refused. */
	of_no_use = true;
	add_error = ENOMEM;
	must(dw_loop_step(loop, -1) == 0);
	release(&f[0]);
	release(&f[1]);
	run();
	must(total == 4);
	for (i = 0; i < 4; i++)
		must(t[i].times == 1 && t[i].status == DW_STATUS_NONE);
	for (i = 0; i < 3; i++)
		forget(&f[i]);
	dw_loop_free(loop);
}

static void
the_poller_is_renewed(void **state)
{
	(void)state;
	in_child(renewed);
}

/*
 * kqueue tells of the end before wait(2) does.  Of a child of ours it would be
 * told without its status then.
 */
static void
too_early(void)
{
	struct dw_child child;
	struct told t;
	int ends[2], status;
	pid_t pid;

	refuse_pidfd();
	must(setup_knowing() == 0);
	status = -1;
	memset(&child, 0, sizeof(child));
	child.cb = child_noted;
	child.arg = &status;
	must(pipe2(ends, O_CLOEXEC) == 0);
	pid = fork_waiting(ends[0], ends[1], 9);
	must(dw_child_watch(loop, &child, pid) == 0);
	watch(&t, pid);
	knowing_del(NULL, pid);
	proc_ended(loop, pid, t.proc.gen);
	must(dw_loop_step(loop, 0) == 0);
	must(t.times == 0 && status == -1);
	(void)close(ends[1]);
	run();
	must(t.times == 1 && status == t.status);
	must(WIFEXITED(status) && WEXITSTATUS(status) == 9);
	(void)close(ends[0]);
	dw_loop_free(loop);
}

static void
told_of_a_child_before_it_can_be_reaped(void **state)
{
	(void)state;
	in_child(too_early);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(by_a_poller_that_knows_pids),
	    cmocka_unit_test(poller_event_of_a_stopped_watcher),
	    cmocka_unit_test(the_poller_is_renewed),
	    cmocka_unit_test(told_of_a_child_before_it_can_be_reaped),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
