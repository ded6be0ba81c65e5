/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Watching processes that are not our children: by what the system has
 * (pidfd, or the poller), and by looking, where a filter of system calls takes
 * pidfd away.
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

#include "../compat/procfd.h"
#include "proc_fixture.h"

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

	must(setup(NULL) == 0);
	make_foreign(&f, 0, false);
	watch(&t, f.pid);
	fd = procfd_open(getpid());
	must((t.proc.fd != -1) == (fd != -1));
	if (fd != -1 || strcmp(dw_loop_poller(loop), "kqueue") == 0)
		must(!dw_timer_active(&t.proc.timer));
	if (fd != -1)
		(void)close(fd);
	dw_proc_stop(&t.proc);
	forget(&f);
	dw_loop_free(loop);
	all_of_it();
}

static void
by_the_best_way(void **state)
{
	(void)state;
	in_child(best_way);
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

/* Nothing left to look at it with: an error, not a watcher that never calls. */
static void
no_descriptors(void)
{
	struct dw_proc_id id;
	struct foreign f;
	struct told t;
	bool needs_one;
	int fd;

	must(setup(NULL) == 0);
	/* EVFILT_PROC needs none, and sysctl(3) none to look at the process. */
	fd = procfd_open(getpid());
	if ((needs_one = fd != -1))
		(void)close(fd);
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
	if (dw_proc_start(loop, &t.proc, &id) == -1)
		must(errno == EMFILE);
	else
		must(!needs_one);
	dw_proc_stop(&t.proc);
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
	    cmocka_unit_test(out_of_descriptors),
	    cmocka_unit_test(loop_freed_with_processes),
	    cmocka_unit_test(forked_loop_leaves_the_parents_alone),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
