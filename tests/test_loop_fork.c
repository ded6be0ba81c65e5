/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The loop in a forked child: what goes on and what does not, for each of the
 * flags, and that the parent's loop notices nothing of it.
 */

#include "config.h"

#include <sys/types.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemonwatch.h"
#include "forked.h"

static struct dw_loop *loop;

/* A loop with one watcher of each kind, and how often each was called. */
static struct dw_io io;
static struct dw_timer timer;
static struct dw_defer defer;
static struct dw_signal sig;
static struct dw_child child;
static int ends[2];
static int n_io, n_timer, n_defer, n_sig, n_child;
static int hold[2]; /* the child of the parent lives until it is closed */

static void
on_io(struct dw_io *w, unsigned events)
{
	char b;

	(void)events;
	n_io += read(w->fd, &b, 1) == 1;
}

static void
on_timer(struct dw_timer *w)
{

	(void)w;
	n_timer++;
}

static void
on_defer(struct dw_defer *w)
{

	(void)w;
	n_defer++;
}

static void
on_signal(struct dw_signal *w)
{

	(void)w;
	n_sig++;
}

static void
on_child(struct dw_child *w, int status)
{

	(void)w;
	n_child += WIFEXITED(status) && WEXITSTATUS(status) == 5;
}

static int
setup(void **state)
{

	(void)state;
	(void)alarm(DEADLINE_S);
	n_io = n_timer = n_defer = n_sig = n_child = 0;
	memset(&io, 0, sizeof(io));
	memset(&timer, 0, sizeof(timer));
	memset(&defer, 0, sizeof(defer));
	memset(&sig, 0, sizeof(sig));
	memset(&child, 0, sizeof(child));
	io.cb = on_io;
	timer.cb = on_timer;
	defer.cb = on_defer;
	sig.cb = on_signal;
	child.cb = on_child;
	if ((loop = dw_loop_new(getenv("TEST_POLLER"))) == NULL ||
	    pipe(ends) == -1 || pipe(hold) == -1)
		return (-1);
	return (0);
}

static int
teardown(void **state)
{

	(void)state;
	dw_loop_free(loop);
	(void)close(ends[0]);
	(void)close(ends[1]);
	(void)close(hold[0]);
	(void)close(hold[1]);
	return (0);
}

static void
start_all(void)
{
	pid_t pid;

	pid = fork_waiting(hold[0], hold[1], 5);
	assert_true(pid != -1);
	assert_int_equal(dw_child_watch(loop, &child, pid), 0);
	assert_int_equal(dw_io_start(loop, &io, ends[0], DW_READ), 0);
	assert_int_equal(dw_signal_start(loop, &sig, SIGUSR1), 0);
	dw_timer_start(loop, &timer, 0);
	dw_defer_start(loop, &defer);
}

/* The parent's loop does all it was started for. */
static void
parent_is_unharmed(void)
{

	assert_int_equal(n_io + n_timer + n_defer + n_sig + n_child, 0);
	assert_int_equal(write(ends[1], "p", 1), 1);
	assert_int_equal(kill(getpid(), SIGUSR1), 0);
	(void)close(hold[1]);
	hold[1] = -1;
	while (n_child == 0 || n_io == 0 || n_sig == 0)
		assert_int_equal(dw_loop_step(loop, -1), 0);
	assert_int_equal(n_io, 1);
	assert_int_equal(n_timer, 1);
	assert_int_equal(n_defer, 1);
	assert_int_equal(n_sig, 1);
	assert_int_equal(n_child, 1);
	/* It stays registered, too. */
	assert_int_equal(write(ends[1], "q", 1), 1);
	assert_int_equal(dw_loop_step(loop, -1), 0);
	assert_int_equal(n_io, 2);
	dw_io_stop(&io);
	dw_signal_stop(&sig);
	assert_int_equal(dw_loop_run(loop), 0);
}

/* Fork, let f have the child, and see what became of the parent's loop. */
static void
forked(void (*f)(void))
{
	pid_t pid;

	start_all();
	(void)fflush(NULL);
	pid = fork();
	assert_true(pid != -1);
	if (pid == 0) {
		(void)alarm(DEADLINE_S);
		(void)close(hold[1]);
		f();
		_exit(0);
	}
	/* Not by the loop: that would need this very thing to work. */
	assert_int_equal(finish(pid), 0);
	parent_is_unharmed();
}

static void
child_keeps_nothing(void)
{

	must(dw_loop_forked(loop, 0) == 0);
	must(io.loop == NULL && timer.loop == NULL && defer.loop == NULL &&
	    sig.loop == NULL && child.loop == NULL);
	must(write(ends[1], "c", 1) == 1);
	must(dw_loop_run(loop) == 0);
	must(n_io + n_timer + n_defer + n_sig + n_child == 0);
	/* The byte is the parent's pipe's: take it out again. */
	must(dw_io_start(loop, &io, ends[0], DW_READ) == 0);
	must(dw_loop_step(loop, -1) == 0);
	must(n_io == 1);
	dw_io_stop(&io);
	dw_loop_free(loop);
}

static void
nothing_kept(void **state)
{

	(void)state;
	forked(child_keeps_nothing);
}

static void
child_keeps_io(void)
{

	must(dw_loop_forked(loop, DW_KEEP_IO) == 0);
	must(timer.loop == NULL && sig.loop == NULL && child.loop == NULL);
	must(write(ends[1], "c", 1) == 1);
	must(dw_loop_step(loop, -1) == 0);
	must(n_io == 1 && n_timer == 0 && n_defer == 0);
	/* Here it is over with it, in the parent not. */
	dw_io_stop(&io);
	must(dw_loop_run(loop) == 0);
}

static void
io_kept(void **state)
{

	(void)state;
	forked(child_keeps_io);
}

static void
child_keeps_timers(void)
{

	must(dw_loop_forked(loop, DW_KEEP_TIMERS) == 0);
	must(io.loop == NULL && sig.loop == NULL && defer.loop == NULL);
	must(dw_loop_run(loop) == 0);
	must(n_timer == 1);
	must(n_io + n_defer + n_sig + n_child == 0);
}

static void
timers_kept(void **state)
{

	(void)state;
	forked(child_keeps_timers);
}

static void
child_keeps_signals(void)
{
	struct sigaction act;

	must(dw_loop_forked(loop, DW_KEEP_SIGNALS) == 0);
	must(io.loop == NULL && timer.loop == NULL);
	must(kill(getpid(), SIGUSR1) == 0);
	must(dw_loop_step(loop, -1) == 0);
	must(n_sig == 1);
	/* The parent's children are none of ours. */
	must(sigaction(SIGCHLD, NULL, &act) == 0);
	must(act.sa_handler == SIG_DFL);
	dw_signal_stop(&sig);
	must(dw_loop_run(loop) == 0);
	must(sigaction(SIGUSR1, NULL, &act) == 0);
	must(act.sa_handler == SIG_DFL);
}

static void
signals_kept(void **state)
{

	(void)state;
	forked(child_keeps_signals);
}

static void
child_keeps_all(void)
{
	const unsigned all = DW_KEEP_IO | DW_KEEP_TIMERS | DW_KEEP_SIGNALS;

	errno = 0;
	must(dw_loop_forked(loop, 0x80) == -1 && errno == EINVAL);
	must(dw_loop_forked(loop, all) == 0);
	must(child.loop == NULL && child.pid == 0);
	must(kill(getpid(), SIGUSR1) == 0);
	must(write(ends[1], "c", 1) == 1);
	must(dw_loop_step(loop, -1) == 0);
	must(n_io == 1 && n_timer == 1 && n_sig == 1 && n_defer == 0);
	must(n_child == 0);
	dw_loop_free(loop);
}

static void
all_kept(void **state)
{

	(void)state;
	forked(child_keeps_all);
}

/* A child of the child, by the same loop. */
static void
child_has_children(void)
{
	pid_t pid;

	must(dw_loop_forked(loop, 0) == 0);
	pid = fork();
	must(pid != -1);
	if (pid == 0)
		_exit(5);
	must(dw_child_watch(loop, &child, pid) == 0);
	must(dw_loop_run(loop) == 0);
	must(n_child == 1);
}

static void
a_child_of_its_own(void **state)
{

	(void)state;
	forked(child_has_children);
}

static void
child_forks_again(void)
{
	pid_t pid;

	must(dw_loop_forked(loop, DW_KEEP_IO) == 0);
	must((pid = fork()) != -1);
	if (pid == 0) {
		must(dw_loop_forked(loop, DW_KEEP_IO) == 0);
		dw_io_stop(&io);
		_exit(0);
	}
	must(finish(pid) == 0);
	must(write(ends[1], "c", 1) == 1);
	must(dw_loop_step(loop, -1) == 0);
	must(n_io == 1);
}

static void
forked_twice(void **state)
{

	(void)state;
	forked(child_forks_again);
}

/* It has no use for the loop, but wants its memory back. */
static void
child_frees(void)
{

	dw_loop_free(loop);
	must(io.loop == NULL && timer.loop == NULL && sig.loop == NULL);
}

static void
freed_without_a_word(void **state)
{

	(void)state;
	forked(child_frees);
}

/*
 * It makes a loop of its own and leaves the inherited one alone; both want
 * the same signal.
 */
static void
child_makes_its_own(void)
{
	struct dw_loop *own = dw_loop_new(getenv("TEST_POLLER"));
	struct dw_signal mine = {.cb = on_signal};
	struct sigaction act;

	must(own != NULL);
	must(dw_signal_start(own, &mine, SIGUSR1) == 0);
	must(kill(getpid(), SIGUSR1) == 0);
	must(dw_loop_step(own, -1) == 0);
	must(n_sig == 1);
	/* What the parent's loop leaves behind is not its own any more. */
	dw_loop_free(loop);
	must(kill(getpid(), SIGUSR1) == 0);
	must(dw_loop_step(own, -1) == 0);
	must(n_sig == 2);
	dw_loop_free(own);
	must(sigaction(SIGUSR1, NULL, &act) == 0);
	must(act.sa_handler == SIG_DFL);
}

static void
a_loop_of_its_own(void **state)
{

	(void)state;
	forked(child_makes_its_own);
}

/* A signal to a child that has not said dw_loop_forked() reaches nobody. */
static void
child_is_signalled(void)
{

	must(kill(getpid(), SIGUSR1) == 0);
}

static void
a_signal_to_the_child_is_not_the_parents(void **state)
{

	(void)state;
	forked(child_is_signalled);
}

/* Noted in the parent before the fork: it is the parent's alone. */
static void
child_inherits_a_note(void)
{

	must(dw_loop_forked(loop, DW_KEEP_SIGNALS) == 0);
	must(dw_loop_step(loop, 0) == 0);
	must(n_sig == 0);
	/* Nor does it keep the child's own from being heard. */
	must(kill(getpid(), SIGUSR1) == 0);
	must(dw_loop_step(loop, 0) == 0);
	must(n_sig == 1);
}

static void
child_inherits_a_note_for_its_own(void)
{
	struct dw_loop *own = dw_loop_new(getenv("TEST_POLLER"));
	struct dw_signal mine = {.cb = on_signal};

	must(own != NULL);
	must(dw_signal_start(own, &mine, SIGUSR1) == 0);
	must(kill(getpid(), SIGUSR1) == 0);
	must(dw_loop_step(own, -1) == 0);
	must(n_sig == 1);
	dw_loop_free(own);
}

static void
a_pending_signal_is_heard_once(void **state)
{
	void (*const children[])(void) = {
	    child_inherits_a_note, child_inherits_a_note_for_its_own};
	size_t i;
	pid_t pid;

	(void)state;
	start_all();
	assert_int_equal(kill(getpid(), SIGUSR1), 0);
	for (i = 0; i < 2; i++) {
		(void)fflush(NULL);
		pid = fork();
		assert_true(pid != -1);
		if (pid == 0) {
			(void)alarm(DEADLINE_S);
			(void)close(hold[1]);
			children[i]();
			_exit(0);
		}
		assert_int_equal(finish(pid), 0);
	}
	parent_is_unharmed();
}

/*
 * Fork in a callback, with more of the batch to come: in the child that is
 * the parent's, and the child's own turns may be run there and then.
 */
static int others[2];
static struct dw_io other;
static pid_t forked_pid;

static void
fork_here(struct dw_io *w, unsigned events)
{
	char b;

	(void)events;
	must(read(w->fd, &b, 1) == 1);
	dw_io_stop(w);
	n_io++;
	if (forked_pid != 0)
		return;
	if ((forked_pid = fork()) != 0)
		return;
	(void)alarm(DEADLINE_S);
	must(dw_loop_forked(loop, DW_KEEP_TIMERS) == 0);
	must(io.loop == NULL && other.loop == NULL);
	must(dw_loop_run(loop) == 0);
	must(n_timer == 1);
	/* And on, as if nothing had happened, to where the parent's run ends.*/
}

static void
forked_in_a_callback(void **state)
{

	(void)state;
	(void)fflush(NULL);
	forked_pid = 0;
	memset(&other, 0, sizeof(other));
	io.cb = other.cb = fork_here;
	assert_int_equal(pipe(others), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(write(others[1], "x", 1), 1);
	assert_int_equal(dw_io_start(loop, &io, ends[0], DW_READ), 0);
	assert_int_equal(dw_io_start(loop, &other, others[0], DW_READ), 0);
	dw_timer_start(loop, &timer, 0);
	if (dw_loop_run(loop) != 0)
		forked_pid = -1;
	if (forked_pid == 0) {
		must(n_io == 1 && n_timer == 1);
		_exit(0);
	}
	assert_true(forked_pid > 0);
	assert_int_equal(finish(forked_pid), 0);
	assert_int_equal(n_io, 2);
	assert_int_equal(n_timer, 1);
	(void)close(others[0]);
	(void)close(others[1]);
}

/*
 * The same with watchers that are kept: what was in the batch is asked for
 * again, as it may be gone by then.
 */
static void
fork_and_drain(struct dw_io *w, unsigned events)
{
	char b;

	(void)events;
	n_io++;
	if (forked_pid > 0) {
		must(read(w->fd, &b, 1) == 1);
		dw_io_stop(w);
		return;
	}
	must(forked_pid == -1);
	if ((forked_pid = fork()) != 0) {
		must(finish(forked_pid) == 0);
		/* Taken by the child; now it is our turn. */
		must(write(ends[1], "y", 1) == 1);
		must(write(others[1], "y", 1) == 1);
		dw_io_stop(w);
		return;
	}
	(void)alarm(DEADLINE_S);
	must(dw_loop_forked(loop, DW_KEEP_IO) == 0);
	must(read(ends[0], &b, 1) == 1 && read(others[0], &b, 1) == 1);
	dw_timer_start(loop, &timer, 0);
	dw_loop_stop(loop, 9);
}

static void
forked_in_a_callback_and_kept(void **state)
{
	int code;

	(void)state;
	(void)fflush(NULL);
	forked_pid = -1;
	memset(&other, 0, sizeof(other));
	io.cb = other.cb = fork_and_drain;
	assert_int_equal(pipe(others), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(write(others[1], "x", 1), 1);
	assert_int_equal(dw_io_start(loop, &io, ends[0], DW_READ), 0);
	assert_int_equal(dw_io_start(loop, &other, others[0], DW_READ), 0);
	code = dw_loop_run(loop);
	if (forked_pid == 0) {
		must(code == 9 && n_io == 1 && n_timer == 0);
		must(dw_loop_step(loop, 0) == 0);
		must(n_io == 1 && n_timer == 1);
		_exit(0);
	}
	assert_int_equal(code, 0);
	assert_int_equal(n_io, 2);
	assert_int_equal(n_timer, 0);
	(void)close(others[0]);
	(void)close(others[1]);
}

/* A deferred call forks: those after it are the parent's. */
static struct dw_defer first;

static void
fork_first(struct dw_defer *w)
{

	(void)w;
	if ((forked_pid = fork()) != 0)
		return;
	(void)alarm(DEADLINE_S);
	must(dw_loop_forked(loop, 0) == 0);
	must(defer.loop == NULL);
}

static void
forked_in_a_deferred_call(void **state)
{

	(void)state;
	(void)fflush(NULL);
	memset(&first, 0, sizeof(first));
	first.cb = fork_first;
	dw_defer_start(loop, &first);
	dw_defer_start(loop, &defer);
	if (dw_loop_run(loop) != 0)
		forked_pid = -1;
	if (forked_pid == 0) {
		must(n_defer == 0);
		_exit(0);
	}
	assert_true(forked_pid > 0);
	assert_int_equal(finish(forked_pid), 0);
	assert_int_equal(n_defer, 1);
}

/* The parent's are let go of, and our own are as many each time. */
static void
child_counts_descriptors(void)
{
	const unsigned all = DW_KEEP_IO | DW_KEEP_TIMERS | DW_KEEP_SIGNALS;
	int begin, have, inherited;

	begin = count_fds();
	/* The pipe of signals; of the kernels' queues only epoll's. */
	inherited = strcmp(dw_loop_poller(loop), "epoll") == 0 ? 3 : 2;
	must(dw_loop_forked(loop, all) == 0);
	have = count_fds();
	must(dw_loop_forked(loop, all) == 0);
	must(count_fds() == have);
	dw_loop_free(loop);
	must(count_fds() == begin - inherited);
}

static void
no_descriptor_leaks(void **state)
{

	(void)state;
	forked(child_counts_descriptors);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(nothing_kept),
	    TEST(io_kept),
	    TEST(timers_kept),
	    TEST(signals_kept),
	    TEST(all_kept),
	    TEST(a_child_of_its_own),
	    TEST(forked_twice),
	    TEST(freed_without_a_word),
	    TEST(a_loop_of_its_own),
	    TEST(a_signal_to_the_child_is_not_the_parents),
	    TEST(a_pending_signal_is_heard_once),
	    TEST(forked_in_a_callback),
	    TEST(forked_in_a_callback_and_kept),
	    TEST(forked_in_a_deferred_call),
	    TEST(no_descriptor_leaks),
	};

	return (cmocka_run_group_tests_name("fork", tests, NULL, NULL));
}
