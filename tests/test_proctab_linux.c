/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The process table of Linux where it makes things hard: names that look like
 * fields, command lines without end, threads, a proc(5) that hides processes
 * or is not there, no descriptor to read it with.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemonwatch.h"
#include "forked.h"
#include "proctab_fixture.h"

/* The field is the program's to choose, and it looks like the end of it. */
static void
names(void)
{
	static const char *const odd[] = {
	    "a) R 1 (", ") Z 0 0 0 0 0", "x\ny", ")", "(((", " ", "((sd-pam))"};
	struct dw_proc_info before, info;
	struct found f;
	size_t i;

	must(dw_proc_info(getpid(), &before, NULL, 0) == 0);
	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		must(prctl(PR_SET_NAME, odd[i]) == 0);
		must(dw_proc_info(getpid(), &info, NULL, 0) == 0);
		must(info.id.start == before.id.start);
		must(info.ppid == getppid());
		must(info.sid == getsid(0));
		must(!info.zombie);
		scan(&f, getpid(), 0);
		must(f.times == 1);
		must(f.info.id.start == before.id.start);
	}
}

static void
names_that_look_like_fields(void **state)
{
	(void)state;
	in_child(names);
}

/* Nearly all that execve(2) takes; a single argument may have 128 KiB. */
static void
long_line(void)
{
	static char big[128 * 1024 - 1], whole[3 * 1024 * 1024];
	char *argv[19], wait_arg[] = "wait";
	struct dw_proc_info info;
	struct rlimit rl;
	struct found f;
	size_t want, i;
	pid_t pid;
	int hold;

	not_on_valgrind("it keeps RLIMIT_STACK to itself");
	rl.rlim_cur = rl.rlim_max = (rlim_t)64 * 1024 * 1024;
	(void)setrlimit(RLIMIT_STACK, &rl);
	memset(big, 'x', sizeof(big) - 1);
	argv[0] = self;
	argv[1] = wait_arg;
	want = strlen(self) + 1 + strlen(wait_arg);
	for (i = 2; i < 18; i++) {
		argv[i] = big;
		want += 1 + strlen(big);
	}
	argv[18] = NULL;
	must(want > 2 * 1000 * 1000);
	pid = start_waiting(argv, &hold);

	must(dw_proc_info(pid, &info, whole, sizeof(whole)) == 0);
	must(info.args_len == want);
	must(strncmp(whole, self, strlen(self)) == 0);
	must(whole[want - 1] == 'x' && whole[want] == '\0');
	/* A scan keeps a million. */
	scan(&f, pid, DW_PROCS_ARGS);
	must(f.times == 1);
	must(f.info.args_len == 1024 * 1024 - 1);
	(void)close(hold);
	must(finish(pid) == 0);
}

static void
command_line_of_two_megabytes(void **state)
{
	(void)state;
	in_child(long_line);
}

/* The state of the first thread alone, as the kernel shows it. */
static bool
first_thread_lives(pid_t pid)
{
	char path[64], line[1024], *p;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	must((f = fopen(path, "re")) != NULL);
	must(fgets(line, sizeof(line), f) != NULL);
	(void)fclose(f);
	must((p = strrchr(line, ')')) != NULL);
	return (p[2] != 'Z');
}

static void *
be_a_thread(void *arg)
{
	int *ends = arg;
	pid_t tid;
	char c;

	tid = (pid_t)syscall(SYS_gettid);
	(void)write(ends[3], &tid, sizeof(tid));
	(void)read(ends[0], &c, 1);
	_exit(0);
}

/* The first thread ends, the process goes on. */
static void
threads(void)
{
	struct dw_proc_info info;
	struct dw_proc_id id;
	pthread_t thread;
	int ends[4];
	pid_t pid, tid;

	must(pipe2(ends, O_CLOEXEC) == 0 && pipe2(ends + 2, O_CLOEXEC) == 0);
	if ((pid = fork()) == 0) {
		(void)alarm(DEADLINE_S);
		(void)close(ends[1]);
		must(pthread_create(&thread, NULL, be_a_thread, ends) == 0);
		(void)syscall(SYS_exit, 0);
	}
	must(read(ends[2], &tid, sizeof(tid)) == (ssize_t)sizeof(tid));
	must(tid != pid);
	/* A thread's number is no process' number. */
	must(dw_proc_info(tid, &info, NULL, 0) == -1);
	must(errno == ESRCH);
	must(dw_proc_identify(tid, &id) == -1);
	must(errno == ESRCH);
	must(dw_proc_identify(pid, &id) == 0);
	while (first_thread_lives(pid))
		(void)sched_yield();
	must(dw_proc_info(pid, &info, NULL, 0) == 0);
	must(!info.zombie);
	must(dw_proc_alive(&id));
	(void)close(ends[1]);
	await_zombie(pid);
	must(dw_proc_info(pid, &info, NULL, 0) == 0);
	must(info.zombie);
	must(!dw_proc_alive(&id));
	must(finish(pid) == 0);
}

static void
threads_are_not_processes(void **state)
{
	(void)state;
	in_child(threads);
}

/* A proc of our own, where others' processes are hidden from users. */
static void
hide(const char *how)
{
	if (unshare(CLONE_NEWNS) == -1 ||
	    mount("none", "/", "", MS_REC | MS_PRIVATE, NULL) == -1 ||
	    mount("proc", "/proc", "proc", 0, how) == -1) {
		(void)dprintf(2, "no proc of our own: %s\n", strerror(errno));
		_exit(SKIPPED);
	}
}

/* The process we come from is root's and alive, whatever may be seen of it. */
static void
hidden(const char *how, const struct passwd *pw)
{
	struct dw_proc_info info;
	struct dw_proc_id id;
	struct found f;
	pid_t others;

	others = getppid();
	must(dw_proc_identify(others, &id) == 0);
	hide(how);
	must(setgid(pw->pw_gid) == 0);
	must(setuid(pw->pw_uid) == 0);
	must(dw_proc_info(others, &info, NULL, 0) == -1);
	must(errno == EPERM);
	must(dw_proc_alive(&id));
	scan(&f, others, DW_PROCS_ARGS);
	must(f.times == 0);
	scan(&f, getpid(), DW_PROCS_ARGS);
	must(f.times == 1);
	must(dw_proc_info(INT_MAX, &info, NULL, 0) == -1);
	must(errno == ESRCH);
}

static void
hidden_1(void)
{
	hidden("hidepid=1", nobody());
}

static void
hidden_2(void)
{
	hidden("hidepid=2", nobody());
}

static void
hidden_processes(void **state)
{
	(void)state;
	in_child(hidden_1);
	in_child(hidden_2);
}

static void
no_proc(void)
{
	struct dw_proc_info info;
	struct dw_proc_id id;
	char buf[64];

	(void)nobody();
	must(dw_proc_identify(getpid(), &id) == 0);
	hide(NULL);
	must(mount("none", "/proc", "tmpfs", 0, NULL) == 0);
	must(dw_proc_info(getpid(), &info, NULL, 0) == -1);
	must(errno == EPERM);
	must(dw_proc_alive(&id));
	must(dw_boot_id(buf, sizeof(buf)) == -1);
	must(errno == ENOENT);
}

static void
proc_not_mounted(void **state)
{
	(void)state;
	in_child(no_proc);
}

static void
no_descriptors(void)
{
	struct dw_proc_info info;
	struct dw_proc_id id;
	struct rlimit rl;
	struct found f;
	int fd;

	must(dw_proc_identify(getpid(), &id) == 0);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	must(fd != -1);
	must(getrlimit(RLIMIT_NOFILE, &rl) == 0);
	/* None at all; one for the directory, none for what is in it. */
	for (rl.rlim_cur = (rlim_t)fd + 1; rl.rlim_cur < (rlim_t)fd + 3;
	     rl.rlim_cur++) {
		must(setrlimit(RLIMIT_NOFILE, &rl) == 0);
		memset(&f, 0, sizeof(f));
		must(dw_procs_each(0, find, &f) == -1);
		must(errno == EMFILE);
		must(dw_proc_alive(&id));
	}
	rl.rlim_cur = (rlim_t)fd + 2;
	must(setrlimit(RLIMIT_NOFILE, &rl) == 0);
	must(dw_proc_info(getpid(), &info, NULL, 0) == -1);
	must(errno == EMFILE);
}

static void
out_of_descriptors(void **state)
{
	(void)state;
	in_child(no_descriptors);
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_that_look_like_fields),
	    cmocka_unit_test(command_line_of_two_megabytes),
	    cmocka_unit_test(threads_are_not_processes),
	    cmocka_unit_test(hidden_processes),
	    cmocka_unit_test(proc_not_mounted),
	    cmocka_unit_test(out_of_descriptors),
	};

	wait_if_told(argc, argv);
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
