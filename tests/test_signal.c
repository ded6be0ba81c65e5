/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Signals: storms, dispositions and masks as they are found and put back,
 * several loops, and SIGCHLD, which the library keeps for itself.
 */

#include "config.h"

#include <sys/types.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemonwatch.h"
#include "forked.h"

static struct dw_loop *loop;

static int
setup(void **state)
{

	(void)state;
	(void)alarm(DEADLINE_S);
	loop = dw_loop_new(getenv("TEST_POLLER"));
	return (loop == NULL ? -1 : 0);
}

static int
teardown(void **state)
{

	(void)state;
	dw_loop_free(loop);
	return (0);
}

static void
count(struct dw_signal *sig)
{

	++*(int *)sig->arg;
}

static void
start(struct dw_signal *sig, int signo, int *n)
{

	memset(sig, 0, sizeof(*sig));
	sig->cb = count;
	sig->arg = n;
	*n = 0;
	assert_int_equal(dw_signal_start(loop, sig, signo), 0);
}

static void
delivered(void **state)
{
	struct dw_signal a, b;
	int n, m;

	(void)state;
	start(&a, SIGUSR1, &n);
	start(&b, SIGTERM, &m);
	assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_int_equal(n + m, 0);
	assert_int_equal(kill(getpid(), SIGUSR1), 0);
	while (n == 0)
		assert_int_equal(dw_loop_step(loop, -1), 0);
	assert_int_equal(n, 1);
	assert_int_equal(m, 0);
	assert_int_equal(kill(getpid(), SIGTERM), 0);
	while (m == 0)
		assert_int_equal(dw_loop_step(loop, -1), 0);
	assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_int_equal(n, 1);
	assert_int_equal(m, 1);
	dw_signal_stop(&a);
	dw_signal_stop(&a);
	dw_signal_stop(&b);
	assert_int_equal(dw_loop_run(loop), 0);
}

static void
refused(void **state)
{
	static const int bad[] = {
	    0, -1, NSIG, 1000000, SIGCHLD, SIGKILL, SIGSTOP};
	struct dw_signal a, b = {.cb = count};
	size_t i;
	int n;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		errno = 0;
		assert_int_equal(dw_signal_start(loop, &b, bad[i]), -1);
		assert_int_equal(errno, EINVAL);
	}
	start(&a, SIGUSR1, &n);
	errno = 0;
	assert_int_equal(dw_signal_start(loop, &b, SIGUSR1), -1);
	assert_int_equal(errno, EBUSY);
	errno = 0;
	assert_int_equal(dw_signal_start(loop, &a, SIGUSR2), -1);
	assert_int_equal(errno, EBUSY);
	dw_signal_stop(&b);
	dw_signal_stop(&a);
	/* Free again. */
	assert_int_equal(dw_signal_start(loop, &b, SIGUSR1), 0);
	dw_signal_stop(&b);
}

static void
a_storm(void **state)
{
	struct dw_signal sig;
	int i, n, turns;

	(void)state;
	start(&sig, SIGUSR1, &n);
	for (i = 0; i < 10000; i++)
		assert_int_equal(kill(getpid(), SIGUSR1), 0);
	for (turns = 0; turns < 3; turns++)
		assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_int_equal(n, 1);
	dw_signal_stop(&sig);
}

static void
a_storm_from_outside(void **state)
{
	struct dw_signal sig, done;
	int i, n, m;
	pid_t parent = getpid(), pid;

	(void)state;
	start(&sig, SIGUSR1, &n);
	start(&done, SIGUSR2, &m);
	pid = fork();
	assert_true(pid != -1);
	if (pid == 0) {
		(void)alarm(DEADLINE_S);
		for (i = 0; i < 10000; i++)
			must(kill(parent, SIGUSR1) == 0);
		must(kill(parent, SIGUSR2) == 0);
		_exit(0);
	}
	while (m == 0)
		assert_int_equal(dw_loop_step(loop, -1), 0);
	/* The last one was before this one. */
	assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_true(n >= 1 && n <= 10000);
	assert_int_equal(m, 1);
	assert_int_equal(finish(pid), 0);
	dw_signal_stop(&sig);
	dw_signal_stop(&done);
}

/* None is lost: each is answered before the next is sent. */
static void
ask(struct dw_signal *sig)
{

	assert_int_equal(write(*(int *)sig->arg, "x", 1), 1);
}

static void
none_is_lost(void **state)
{
	struct dw_signal sig = {.cb = ask}, done;
	int i, m, p[2];
	pid_t parent = getpid(), pid;
	char b;

	(void)state;
	assert_int_equal(pipe(p), 0);
	sig.arg = &p[1];
	assert_int_equal(dw_signal_start(loop, &sig, SIGUSR1), 0);
	start(&done, SIGUSR2, &m);
	pid = fork();
	assert_true(pid != -1);
	if (pid == 0) {
		(void)alarm(DEADLINE_S);
		for (i = 0; i < 2000; i++) {
			must(kill(parent, SIGUSR1) == 0);
			must(read(p[0], &b, 1) == 1);
		}
		must(kill(parent, SIGUSR2) == 0);
		_exit(0);
	}
	while (m == 0)
		assert_int_equal(dw_loop_step(loop, -1), 0);
	assert_int_equal(finish(pid), 0);
	dw_signal_stop(&sig);
	dw_signal_stop(&done);
	(void)close(p[0]);
	(void)close(p[1]);
}

/* SIGALRM is this test's own watch; faults are for debuggers and sanitizers. */
static bool
left_alone(int signo)
{
	static const int signos[] = {SIGCHLD, SIGKILL, SIGSTOP, SIGALRM, SIGILL,
	    SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS};
	size_t i;

	for (i = 0; i < sizeof(signos) / sizeof(signos[0]); i++) {
		if (signo == signos[i])
			return (true);
	}
	return (false);
}

static void
every_signal(void **state)
{
	static struct dw_signal all[NSIG];
	static int n[NSIG];
	int signo, started = 0;

	(void)state;
	for (signo = 1; signo < NSIG; signo++) {
		if (left_alone(signo))
			continue;
		memset(&all[signo], 0, sizeof(all[signo]));
		all[signo].cb = count;
		all[signo].arg = &n[signo];
		n[signo] = 0;
		if (dw_signal_start(loop, &all[signo], signo) == 0)
			started++;
		else /* Linux' libcs keep two or three for their threads. */
			assert_int_equal(errno, EINVAL);
	}
	assert_true(started >= 15);
	for (signo = 1; signo < NSIG; signo++) {
		if (all[signo].loop != NULL)
			assert_int_equal(kill(getpid(), signo), 0);
	}
	assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_int_equal(dw_loop_step(loop, 0), 0);
	for (signo = 1; signo < NSIG; signo++) {
		assert_int_equal(n[signo], all[signo].loop != NULL);
		dw_signal_stop(&all[signo]);
	}
}

static void
own_handler(int signo)
{

	(void)signo;
}

static void
the_disposition_is_put_back(void **state)
{
	struct sigaction act, found;
	struct dw_signal sig;
	int n;

	(void)state;
	memset(&act, 0, sizeof(act));
	act.sa_handler = own_handler;
	act.sa_flags = SA_NODEFER;
	(void)sigaddset(&act.sa_mask, SIGUSR2);
	assert_int_equal(sigaction(SIGUSR1, &act, NULL), 0);
	start(&sig, SIGUSR1, &n);
	assert_int_equal(sigaction(SIGUSR1, NULL, &found), 0);
	assert_true(found.sa_handler != own_handler);
	assert_true((found.sa_flags & SA_RESTART) != 0);
	errno = EXDEV;
	dw_signal_stop(&sig);
	assert_int_equal(errno, EXDEV);
	assert_int_equal(sigaction(SIGUSR1, NULL, &found), 0);
	assert_true(found.sa_handler == own_handler);
	assert_true((found.sa_flags & SA_NODEFER) != 0);
	assert_true((found.sa_flags & SA_RESTART) == 0);
	assert_int_equal(sigismember(&found.sa_mask, SIGUSR2), 1);

	act.sa_handler = SIG_IGN;
	assert_int_equal(sigaction(SIGUSR1, &act, NULL), 0);
	start(&sig, SIGUSR1, &n);
	assert_int_equal(kill(getpid(), SIGUSR1), 0);
	assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_int_equal(n, 1);
	dw_signal_stop(&sig);
	assert_int_equal(sigaction(SIGUSR1, NULL, &found), 0);
	assert_true(found.sa_handler == SIG_IGN);
	act.sa_handler = SIG_DFL;
	assert_int_equal(sigaction(SIGUSR1, &act, NULL), 0);
}

/* Stopped between its arrival and its turn: not called, nor later. */
static void
what_was_noted_goes_with_the_watcher(void **state)
{
	struct dw_signal sig;
	int n;

	(void)state;
	start(&sig, SIGUSR1, &n);
	assert_int_equal(kill(getpid(), SIGUSR1), 0);
	dw_signal_stop(&sig);
	assert_int_equal(dw_signal_start(loop, &sig, SIGUSR1), 0);
	assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_int_equal(n, 0);
	dw_signal_stop(&sig);
}

static void
all_blocked_at_start(void **state)
{
	struct dw_signal sig;
	sigset_t all, before, now;
	int n;

	(void)state;
	(void)sigfillset(&all);
	(void)sigdelset(&all, SIGALRM);
	assert_int_equal(sigprocmask(SIG_SETMASK, &all, &before), 0);
	/* Sent before anybody listens: still heard. */
	assert_int_equal(kill(getpid(), SIGUSR1), 0);
	start(&sig, SIGUSR1, &n);
	assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_int_equal(n, 1);
	assert_int_equal(kill(getpid(), SIGUSR1), 0);
	assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_int_equal(n, 2);
	/* No other is let through, and this one only as long as it is heard. */
	assert_int_equal(sigprocmask(SIG_SETMASK, NULL, &now), 0);
	assert_int_equal(sigismember(&now, SIGUSR1), 0);
	assert_int_equal(sigismember(&now, SIGUSR2), 1);
	dw_signal_stop(&sig);
	assert_int_equal(sigprocmask(SIG_SETMASK, &before, &now), 0);
	assert_int_equal(sigismember(&now, SIGUSR1), 1);
}

static void
two_loops(void **state)
{
	struct dw_signal a, b = {.cb = count};
	struct dw_loop *second;
	int n, m = 0;

	(void)state;
	second = dw_loop_new(getenv("TEST_POLLER"));
	assert_non_null(second);
	start(&a, SIGUSR1, &n);
	b.arg = &m;
	errno = 0;
	assert_int_equal(dw_signal_start(second, &b, SIGUSR1), -1);
	assert_int_equal(errno, EBUSY);
	assert_int_equal(dw_signal_start(second, &b, SIGUSR2), 0);
	assert_int_equal(kill(getpid(), SIGUSR1), 0);
	assert_int_equal(kill(getpid(), SIGUSR2), 0);
	assert_int_equal(dw_loop_step(second, 0), 0);
	assert_int_equal(n, 0);
	assert_int_equal(m, 1);
	assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_int_equal(n, 1);
	assert_int_equal(m, 1);
	dw_signal_stop(&a);
	dw_loop_free(second);
	assert_null(b.loop);
	assert_int_equal(dw_signal_start(loop, &b, SIGUSR2), 0);
	dw_signal_stop(&b);
}

/* A signal that another thread is given wakes this one's loop. */
static void *
thread(void *arg)
{
	char b;

	(void)read(*(int *)arg, &b, 1);
	return (NULL);
}

static void
delivered_to_another_thread(void **state)
{
	struct dw_signal sig;
	pthread_t other;
	int n, p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	start(&sig, SIGUSR1, &n);
	assert_int_equal(pthread_create(&other, NULL, thread, &p[0]), 0);
	assert_int_equal(pthread_kill(other, SIGUSR1), 0);
	while (n == 0)
		assert_int_equal(dw_loop_step(loop, -1), 0);
	assert_int_equal(n, 1);
	/* SA_RESTART: its read goes on until now. */
	assert_int_equal(close(p[1]), 0);
	assert_int_equal(pthread_join(other, NULL), 0);
	(void)close(p[0]);
	dw_signal_stop(&sig);
}

/* No turn may be woken by a signal that is not ours. */
static void
demand_silence(const int *n)
{
	int64_t begin = dw_clock();

	assert_int_equal(dw_loop_step(loop, 20 * DW_MS), 0);
	assert_true(dw_clock() - begin >= 20 * DW_MS);
	assert_int_equal(*n, 0);
}

/*
 * Children that have not said dw_loop_forked() share the pipe with us, and
 * those of vfork(2) all memory.
 */
static void
signals_to_children_are_not_ours(void **state)
{
	struct dw_signal sig;
	int n;
	pid_t pid;

	(void)state;
	start(&sig, SIGUSR1, &n);
	assert_int_equal(dw_loop_step(loop, 0), 0);
	pid = fork();
	assert_true(pid != -1);
	if (pid == 0) {
		must(kill(getpid(), SIGUSR1) == 0);
		_exit(0);
	}
	assert_int_equal(finish(pid), 0);
	demand_silence(&n);
	pid = vfork();
	if (pid == 0) {
		(void)kill(getpid(), SIGUSR1);
		_exit(0);
	}
	assert_true(pid != -1);
	assert_int_equal(finish(pid), 0);
	demand_silence(&n);
	dw_signal_stop(&sig);
}

static void
slow_calls_are_restarted(void **state)
{
	struct dw_signal sig;
	int i, n, p[2];
	pid_t parent = getpid(), pid;
	char b;

	(void)state;
	assert_int_equal(pipe(p), 0);
	start(&sig, SIGUSR1, &n);
	pid = fork();
	assert_true(pid != -1);
	if (pid == 0) {
		(void)alarm(DEADLINE_S);
		for (i = 0; i < 1000; i++)
			must(kill(parent, SIGUSR1) == 0);
		must(write(p[1], "x", 1) == 1);
		_exit(0);
	}
	assert_int_equal(read(p[0], &b, 1), 1);
	assert_int_equal(finish(pid), 0);
	assert_int_equal(dw_loop_step(loop, 0), 0);
	assert_int_equal(n, 1);
	dw_signal_stop(&sig);
	(void)close(p[0]);
	(void)close(p[1]);
}

static void
ended(struct dw_child *child, int status)
{

	*(int *)child->arg = status;
}

/*
 * As a careless parent leaves it: SIGCHLD ignored and all signals blocked.
 * The status of a child would be lost, and its end not be heard of.
 */
static void
inherit_nonsense(void)
{
	struct dw_child child = {.cb = ended};
	struct sigaction act;
	struct dw_signal sig;
	static struct dw_loop *l; /* static: for valgrind, in the child */
	sigset_t all, now;
	int status = -1, n = 0, p[2];
	pid_t pid;

	(void)sigfillset(&all);
	(void)sigdelset(&all, SIGALRM);
	must(sigprocmask(SIG_SETMASK, &all, NULL) == 0);
	must(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
	must(pipe(p) == 0);
	must((l = dw_loop_new(getenv("TEST_POLLER"))) != NULL);
	must((pid = fork_waiting(p[0], p[1], 7)) != -1);
	child.arg = &status;
	must(dw_child_watch(l, &child, pid) == 0);
	must(close(p[1]) == 0);
	must(dw_loop_run(l) == 0);
	must(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	/* It stays the library's as long as the loop lives. */
	memset(&sig, 0, sizeof(sig));
	sig.arg = &n;
	errno = 0;
	must(dw_signal_start(l, &sig, SIGCHLD) == -1 && errno == EINVAL);
	dw_loop_free(l);
	must(sigaction(SIGCHLD, NULL, &act) == 0);
	must(act.sa_handler == SIG_IGN);
	must(sigprocmask(SIG_SETMASK, NULL, &now) == 0);
	must(sigismember(&now, SIGCHLD) == 1);
}

static void
sigchld_ignored_and_all_blocked(void **state)
{

	(void)state;
	in_child(inherit_nonsense);
}

/* Only one loop can wait for children. */
static void
two_loops_with_children(void)
{
	static struct dw_loop *l, *second; /* static: as above */
	struct dw_child a = {.cb = ended}, b = {.cb = ended};
	int status = -1, p[2];
	pid_t pid;

	must(pipe(p) == 0);
	must((l = dw_loop_new(getenv("TEST_POLLER"))) != NULL);
	must((second = dw_loop_new(getenv("TEST_POLLER"))) != NULL);
	must((pid = fork_waiting(p[0], p[1], 0)) != -1);
	a.arg = b.arg = &status;
	must(dw_child_watch(l, &a, pid) == 0);
	errno = 0;
	must(dw_child_watch(second, &b, pid) == -1 && errno == EBUSY);
	must(close(p[1]) == 0);
	must(dw_loop_run(l) == 0);
	must(status == 0);
	dw_loop_free(l);
	/* The first one gone, the second may. */
	must((pid = fork()) != -1);
	if (pid == 0)
		_exit(3);
	must(dw_child_watch(second, &b, pid) == 0);
	must(dw_loop_run(second) == 0);
	must(WIFEXITED(status) && WEXITSTATUS(status) == 3);
	dw_loop_free(second);
}

static void
one_loop_has_children(void **state)
{

	(void)state;
	in_child(two_loops_with_children);
}

static void
the_pipe_is_close_on_exec(void)
{
	struct dw_signal sig = {.cb = count};
	struct dw_loop *l;
	int fd, flags, n = 0;

	must((l = dw_loop_new(getenv("TEST_POLLER"))) != NULL);
	must((fd = open("/", O_RDONLY)) != -1);
	must(close(fd) == 0);
	must(dw_signal_start(l, &sig, SIGUSR1) == 0);
	for (; n < 2; fd++) {
		if ((flags = fcntl(fd, F_GETFD)) == -1)
			continue;
		must((flags & FD_CLOEXEC) != 0);
		must((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
		n++;
	}
	dw_loop_free(l);
}

static void
close_on_exec_and_nonblocking(void **state)
{

	(void)state;
	in_child(the_pipe_is_close_on_exec);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(delivered),
	    TEST(refused),
	    TEST(a_storm),
	    TEST(a_storm_from_outside),
	    TEST(none_is_lost),
	    TEST(every_signal),
	    TEST(the_disposition_is_put_back),
	    TEST(what_was_noted_goes_with_the_watcher),
	    TEST(all_blocked_at_start),
	    TEST(two_loops),
	    TEST(delivered_to_another_thread),
	    TEST(signals_to_children_are_not_ours),
	    TEST(slow_calls_are_restarted),
	    TEST(sigchld_ignored_and_all_blocked),
	    TEST(one_loop_has_children),
	    TEST(close_on_exec_and_nonblocking),
	};

	return (cmocka_run_group_tests_name("signal", tests, NULL, NULL));
}
