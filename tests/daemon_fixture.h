/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * A daemon to order about, and verbs called each in a process of its own, as
 * from a shell.  Included after cmocka.h.
 */
#ifndef TESTS_DAEMON_FIXTURE_H
#define TESTS_DAEMON_FIXTURE_H

#include <sys/types.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemonwatch.h"
#include "forked.h"
#include "temp_dir.h"

static char dir[TEMP_DIR];
static char file[64];

static inline int serve(struct dw_daemon *d, int *ready);

static struct dw_daemon daemon_;
/* Where a daemon in the foreground says that it serves; -1: nowhere. */
static int up;

static inline int
make_dir(void **state)
{
	(void)state;
	if (temp_dir(dir, "dw-daemon") == -1 || chmod(dir, 0755) == -1)
		return (-1);
	(void)snprintf(file, sizeof(file), "%s/pid", dir);
	return (0);
}

static inline int
remove_dir(void **state)
{
	(void)state;
	return (rmdir(dir));
}

static inline int
setup(void **state)
{
	(void)state;
	memset(&daemon_, 0, sizeof(daemon_));
	up = -1;
	daemon_.name = "testd";
	daemon_.pidfile = file;
	daemon_.run = serve;
	daemon_.stop_timeout = DEADLINE_S * DW_SEC;
	return (0);
}

/*
 * Daemons
 */

static inline void
leave(struct dw_signal *sig)
{
	dw_loop_stop(sig->loop, *(int *)sig->arg);
}

/* Until SIGTERM; its status is what arg points to, or 0. */
static inline int
serve(struct dw_daemon *d, int *ready)
{
	static int none;
	struct dw_loop *loop;
	struct dw_signal term = {.cb = leave};
	int status;

	(void)alarm(DEADLINE_S);
	term.arg = d->arg == NULL ? &none : d->arg;
	loop = dw_loop_new(getenv("TEST_POLLER"));
	if (loop == NULL || dw_signal_start(loop, &term, SIGTERM) == -1 ||
	    dw_ready(ready) == -1)
		return (70);
	if (up != -1)
		must(write(up, "!", 1) == 1);
	status = dw_loop_run(loop);
	dw_loop_free(loop);
	return (status);
}

static inline int
never_ready(struct dw_daemon *d, int *ready)
{
	(void)d;
	(void)ready;
	(void)alarm(DEADLINE_S);
	while (pause() == -1)
		;
	return (70);
}

/*
 * Verbs
 */

struct outcome {
	int status;
	char out[1024], err[1024];
};

static inline void
slurp(int fd, char *buf, size_t size)
{
	size_t len;
	ssize_t n;

	for (len = 0; len < size - 1; len += (size_t)n) {
		if ((n = read(fd, buf + len, size - 1 - len)) <= 0)
			break;
	}
	buf[len] = '\0';
	(void)close(fd);
}

struct call {
	pid_t pid;
	int out, err;
};

static inline void
begin(struct call *c, const char *const *args, uid_t uid)
{
	const char *argv[5] = {"testd"};
	int argc, err[2], out[2], status;

	assert_int_equal(pipe(out), 0);
	assert_int_equal(pipe(err), 0);
	(void)fflush(NULL);
	assert_true((c->pid = fork()) != -1);
	if (c->pid == 0) {
		(void)alarm(DEADLINE_S);
		must(dup2(out[1], STDOUT_FILENO) == STDOUT_FILENO);
		must(dup2(err[1], STDERR_FILENO) == STDERR_FILENO);
		(void)close(out[0]);
		(void)close(out[1]);
		(void)close(err[0]);
		(void)close(err[1]);
		must(uid == 0 || setuid(uid) == 0);
		for (argc = 1; args[argc - 1] != NULL; argc++)
			argv[argc] = args[argc - 1];
		status =
		    dw_daemon_main(&daemon_, argc, (char **)(uintptr_t)argv);
		(void)fflush(NULL);
		_exit(status);
	}
	(void)close(out[1]);
	(void)close(err[1]);
	c->out = out[0];
	c->err = err[0];
}

static inline void
end(struct call *c, struct outcome *o)
{
	int status;

	slurp(c->out, o->out, sizeof(o->out));
	slurp(c->err, o->err, sizeof(o->err));
	status = finish(c->pid);
	assert_true(WIFEXITED(status));
	o->status = WEXITSTATUS(status);
}

static inline struct outcome
verb_as(const char *name, uid_t uid)
{
	const char *args[] = {name, NULL};
	struct outcome o;
	struct call c;

	begin(&c, args, uid);
	end(&c, &o);
	return (o);
}

static inline struct outcome
verb(const char *name)
{
	return (verb_as(name, 0));
}

static inline void
expect(const char *name, int status, const char *out, const char *err)
{
	struct outcome o;

	o = verb(name);
	assert_string_equal(o.err, err);
	assert_string_equal(o.out, out);
	assert_int_equal(o.status, status);
}

static inline void
expect_running(const struct dw_proc_id *id)
{
	char text[64];

	(void)snprintf(
	    text, sizeof(text), "testd: running, pid %ld\n", (long)id->pid);
	expect("status", 0, text, "");
}

static inline void
start_daemon(struct dw_proc_id *id)
{
	expect("start", 0, "", "");
	assert_int_equal(dw_pidfile_owner(file, id), 0);
	expect_running(id);
}

/* Ends what a test that failed has left. */
static inline int
clean(void **state)
{
	struct dw_proc_id id;

	(void)state;
	if (dw_pidfile_owner(file, &id) == 0)
		(void)kill(id.pid, SIGKILL);
	(void)rmdir(file);
	(void)unlink(file);
	return (0);
}

static inline void
put(const char *text)
{
	int fd;

	fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd != -1);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	(void)close(fd);
}

#define t(f) cmocka_unit_test_setup_teardown(f, setup, clean)

#endif
