/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * stop: exactly the daemon, until it is gone and its lock with it.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/file.h>
#include <sys/stat.h>

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

#include "daemon_fixture.h"

#define NOBODY 65534

static int
deaf(struct dw_daemon *d, int *ready)
{
	(void)signal(SIGTERM, SIG_IGN);
	if (dw_ready(ready) == -1)
		return (70);
	return (never_ready(d, ready));
}

/* A child that knows nothing of the pidfile lives on. */
static int
leave_child_behind(struct dw_daemon *d, int *ready)
{
	pid_t pid;

	if ((pid = fork()) == -1)
		return (70);
	if (pid == 0) {
		/* Nor of the launcher, whose stderr it would keep open. */
		(void)close(*ready);
		(void)close(STDERR_FILENO);
		(void)alarm(DEADLINE_S);
		for (;;) {
			/* The test ends it by removing its file. */
			if (access(d->arg, F_OK) == -1)
				_exit(0);
			(void)usleep(1000);
		}
	}
	d->arg = NULL;
	return (serve(d, ready));
}

static void
test_strangers_locked_pidfile(void **state)
{
	char self[32], text[128];
	int fd;

	(void)state;
	if (geteuid() != 0)
		skip();
	(void)snprintf(self, sizeof(self), "%ld\n", (long)getpid());
	put(self);
	assert_int_equal(chown(file, NOBODY, NOBODY), 0);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	(void)snprintf(text, sizeof(text),
	    "testd: %s: it could have been "
	    "written by somebody else\n",
	    file);
	expect("stop", 1, "", text);
	(void)close(fd);
}

static void
test_stop_signal_and_status(void **state)
{
	struct dw_proc_id id;

	(void)state;
	daemon_.run = deaf;
	daemon_.stop_signal = SIGUSR1;
	start_daemon(&id);
	expect("stop", 0, "", "");
	assert_false(dw_proc_alive(&id));
	/* It died of it, and could not tidy up; stop did. */
	expect("status", 3, "testd: not running\n", "");
}

static void
test_stop_kills_after_its_timeout(void **state)
{
	struct dw_proc_id id;
	char text[128];

	(void)state;
	daemon_.run = deaf;
	daemon_.stop_timeout = 200 * DW_MS;
	start_daemon(&id);
	(void)snprintf(text, sizeof(text),
	    "testd: pid %ld still runs after "
	    "0.2 s: SIGKILL\n",
	    (long)id.pid);
	expect("stop", 0, "", text);
	assert_false(dw_proc_alive(&id));
	expect("status", 3, "testd: not running\n", "");
}

static void
test_stop_of_a_stopped_process(void **state)
{
	struct dw_proc_id id;

	(void)state;
	start_daemon(&id);
	assert_int_equal(kill(id.pid, SIGSTOP), 0);
	expect("stop", 0, "", "");
	assert_false(dw_proc_alive(&id));
}

static void
test_two_stops_at_once(void **state)
{
	static const char *const args[] = {"stop", NULL};
	struct dw_proc_id id;
	struct outcome o;
	struct call c[4];
	int i;

	(void)state;
	start_daemon(&id);
	for (i = 0; i < 4; i++)
		begin(&c[i], args, 0);
	for (i = 0; i < 4; i++) {
		end(&c[i], &o);
		assert_int_equal(o.status, 0);
		assert_true(o.err[0] == '\0' ||
		    strcmp(o.err, "testd: not running\n") == 0);
	}
	assert_false(dw_proc_alive(&id));
	assert_int_equal(access(file, F_OK), -1);
}

static void
test_stop_without_the_right(void **state)
{
	struct dw_proc_id id;
	struct outcome o;
	char text[128];

	(void)state;
	if (geteuid() != 0)
		skip();
	start_daemon(&id);
	o = verb_as("status", NOBODY);
	assert_int_equal(o.status, 0);
	o = verb_as("stop", NOBODY);
	assert_int_equal(o.status, 1);
	(void)snprintf(text, sizeof(text),
	    "testd: cannot stop pid %ld: "
	    "Operation not permitted\n",
	    (long)id.pid);
	assert_string_equal(o.err, text);
	assert_true(dw_proc_alive(&id));
	expect("stop", 0, "", "");
}

/* The lock outlives the daemon: a restart would only be refused. */
static void
test_lock_left_behind(void **state)
{
	struct dw_proc_id id;
	char flag[80], text[192];
	int fd;

	(void)state;
	(void)snprintf(flag, sizeof(flag), "%s/flag", dir);
	assert_true((fd = open(flag, O_WRONLY | O_CREAT, 0600)) != -1);
	(void)close(fd);
	daemon_.run = leave_child_behind;
	daemon_.arg = flag;
	daemon_.stop_timeout = 500 * DW_MS;
	start_daemon(&id);
	(void)snprintf(text, sizeof(text),
	    "testd: %s: a process that pid %ld "
	    "has left behind keeps it locked\n",
	    file, (long)id.pid);
	/* The daemon itself has removed the file: nothing is locked then. */
	assert_int_equal(kill(id.pid, SIGSTOP), 0);
	daemon_.stop_signal = SIGKILL;
	expect("restart", 1, "", text);
	assert_false(dw_proc_alive(&id));
	(void)snprintf(text, sizeof(text),
	    "testd: unknown: %s: it is locked, "
	    "but the process that it names is gone\n",
	    file);
	expect("status", 4, text, "");
	assert_int_equal(unlink(flag), 0);
	while (dw_pidfile_owner(file, &id) == -1 && errno == EBUSY)
		(void)usleep(1000);
	expect("stop", 0, "", "testd: not running\n");
}

/* A deliberate wait of the daemon between lock and pid. */
static void
test_locked_without_a_pid(void **state)
{
	char text[128];
	int fd;

	(void)state;
	put("");
	fd = open(file, O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	expect("status", 0, "testd: running, pid not written yet\n", "");
	expect("start", 1, "", "testd: already running\n");
	daemon_.stop_timeout = 200 * DW_MS;
	(void)snprintf(text, sizeof(text),
	    "testd: %s: locked, but nobody writes a pid\n", file);
	expect("stop", 1, "", text);
	(void)close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    t(test_strangers_locked_pidfile),
	    t(test_stop_signal_and_status),
	    t(test_stop_kills_after_its_timeout),
	    t(test_stop_of_a_stopped_process),
	    t(test_two_stops_at_once),
	    t(test_stop_without_the_right),
	    t(test_lock_left_behind),
	    t(test_locked_without_a_pid),
	};

	(void)alarm(4 * DEADLINE_S);
	return (cmocka_run_group_tests(tests, make_dir, remove_dir));
}
