/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The process table: what it says of processes that we know, and of those
 * that make it hard.  Started as "test_proctab wait ..." this program waits for
 * its standard input to end.
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
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemonwatch.h"
#include "forked.h"

static char self[PATH_MAX];

/* What a scan says of one process. */
struct found {
	pid_t pid;
	int times;
	struct dw_proc_info info;
	char args[256]; /* the beginning */
};

static int
find(const struct dw_proc_info *info, void *arg)
{
	struct found *f = arg;

	if (info->id.pid != f->pid)
		return (0);
	f->times++;
	f->info = *info;
	(void)snprintf(f->args, sizeof(f->args), "%s", info->args);
	if (strlen(info->args) != info->args_len)
		return (-2);
	f->info.args = NULL;
	return (0);
}

static void
scan(struct found *f, pid_t pid, unsigned flags)
{
	memset(f, 0, sizeof(*f));
	f->pid = pid;
	must(dw_procs_each(flags, find, f) == 0);
}

/*
 * A program that waits for the pipe to be closed.  It says when it is there:
 * vfork(2) is over, and the pipe of exec closed, a moment before the kernel
 * shows the new arguments.
 */
static pid_t
start_waiting(char *argv[], int *hold)
{
	struct dw_spawn s = {.argv = argv, .umask = -1};
	struct dw_spawn_fd fds[2];
	int there[2], ends[2];
	pid_t pid;
	char c;

	must(pipe2(ends, O_CLOEXEC) == 0 && pipe2(there, O_CLOEXEC) == 0);
	fds[0].from = ends[0];
	fds[0].to = 0;
	fds[1].from = there[1];
	fds[1].to = 1;
	s.fds = fds;
	s.nfds = 2;
	pid = dw_spawn(&s, NULL);
	must(pid != -1);
	(void)close(ends[0]);
	(void)close(there[1]);
	must(read(there[0], &c, 1) == 1);
	(void)close(there[0]);
	*hold = ends[1];
	return (pid);
}

static void
ourselves(void)
{
	struct dw_proc_info info, again;
	struct dw_proc_id id;
	struct found f;
	char buf[4096], small[8];

	must(dw_proc_info(getpid(), &info, buf, sizeof(buf)) == 0);
	must(info.id.pid == getpid());
	must(info.ppid == getppid());
	must(info.pgid == getpgrp());
	must(info.sid == getsid(0));
	must(info.uid == geteuid());
	must(!info.zombie);
	must(info.args == buf);
	must(info.args_len == strlen(buf));
	must(strstr(buf, "test_proctab") != NULL);
	/* Just forked, on a machine that is up for longer than that. */
	must(info.age >= 0);
	must(info.age < DEADLINE_S * DW_SEC);
	must(dw_proc_info(getppid(), &again, NULL, 0) == 0);
	must(strcmp(again.args, "") == 0);
	must(again.args_len == 0);
	must(again.id.start <= info.id.start);
	must(again.age >= info.age);

	must(dw_proc_identify(getpid(), &id) == 0);
	must(id.pid == info.id.pid);
	must(id.start == info.id.start);
	must(dw_proc_alive(&id));
	id.start++;
	must(!dw_proc_alive(&id));

	scan(&f, getpid(), DW_PROCS_ARGS);
	must(f.times == 1);
	must(f.info.id.start == info.id.start);
	must(f.info.ppid == info.ppid);
	must(f.info.pgid == info.pgid);
	must(f.info.sid == info.sid);
	must(f.info.uid == info.uid);
	must(strncmp(f.args, buf, sizeof(f.args) - 1) == 0);
	must(f.info.args_len == info.args_len);
	scan(&f, getpid(), 0);
	must(f.times == 1);
	must(strcmp(f.args, "") == 0);

	must(dw_proc_info(getpid(), &info, small, sizeof(small)) == 0);
	must(info.args_len == 7);
	must(strncmp(small, buf, 7) == 0 && small[7] == '\0');
	must(dw_proc_info(getpid(), &info, small, 1) == 0);
	must(info.args_len == 0);
}

static void
of_ourselves(void **state)
{
	(void)state;
	in_child(ourselves);
}

static int
stop_at_once(const struct dw_proc_info *info, void *arg)
{
	(void)info;
	++*(int *)arg;
	return (42);
}

static void
scan_ends_when_told(void **state)
{
	int calls, fds;

	(void)state;
	calls = 0;
	fds = count_fds();
	assert_int_equal(dw_procs_each(0, stop_at_once, &calls), 42);
	assert_int_equal(calls, 1);
	assert_int_equal(count_fds(), fds);
}

static void
no_such_process(void)
{
	struct dw_proc_info info;
	struct dw_proc_id id, old;
	struct found f;
	int ends[2];
	pid_t pid;

	must(pipe2(ends, O_CLOEXEC) == 0);
	pid = fork_waiting(ends[0], ends[1], 0);
	must(dw_proc_identify(pid, &old) == 0);
	(void)close(ends[1]);
	await_zombie(pid);
	/* A zombie: in the table, but no more somebody. */
	must(dw_proc_info(pid, &info, NULL, 0) == 0);
	must(info.zombie);
	must(info.id.start == old.start);
	must(info.ppid == getpid());
	scan(&f, pid, DW_PROCS_ARGS);
	must(f.times == 1);
	must(f.info.zombie);
	must(strcmp(f.args, "") == 0);
	must(dw_proc_identify(pid, &id) == -1);
	must(errno == ESRCH);
	must(!dw_proc_alive(&old));
	must(waitpid(pid, NULL, 0) == pid);
	must(dw_proc_info(pid, &info, NULL, 0) == -1);
	must(errno == ESRCH);
	must(dw_proc_identify(pid, &id) == -1);
	must(errno == ESRCH);
	scan(&f, pid, 0);
	must(f.times == 0);
	must(dw_proc_info(0, &info, NULL, 0) == -1);
	must(errno == ESRCH);
	must(dw_proc_info(-1, &info, NULL, 0) == -1);
	must(errno == ESRCH);
	must(dw_proc_info(INT_MAX, &info, NULL, 0) == -1);
	must(errno == ESRCH);
	old.pid = 0;
	must(!dw_proc_alive(&old));
}

static void
zombies_and_the_absent(void **state)
{
	(void)state;
	in_child(no_such_process);
}

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

static void
empty_args(void)
{
	char wait_arg[] = "wait", none[] = "", last[] = "end", blank[] = "a b";
	char *argv[] = {self, wait_arg, none, blank, last, none, NULL};
	char buf[PATH_MAX + 64], want[PATH_MAX + 64];
	struct dw_proc_info info;
	pid_t pid;
	int hold;

	pid = start_waiting(argv, &hold);
	must(dw_proc_info(pid, &info, buf, sizeof(buf)) == 0);
	(void)snprintf(want, sizeof(want), "%s wait  a b end", self);
	must(strcmp(buf, want) == 0);
	must(info.args_len == strlen(want));
	(void)close(hold);
	must(finish(pid) == 0);
}

static void
arguments_are_joined_and_trimmed(void **state)
{
	(void)state;
	in_child(empty_args);
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

static const struct passwd *
nobody(void)
{
	const struct passwd *pw;

	if (geteuid() != 0) {
		(void)dprintf(2, "changing the user needs root\n");
		_exit(SKIPPED);
	}
	must((pw = getpwnam("nobody")) != NULL);
	return (pw);
}

/* Having changed its user, its files in /proc are root's; it is not. */
static void
not_dumpable(void)
{
	const struct passwd *pw;
	struct dw_proc_info info;
	struct found f;

	pw = nobody();
	must(seteuid(pw->pw_uid) == 0);
	must(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0);
	must(seteuid(0) == 0);
	must(dw_proc_info(getpid(), &info, NULL, 0) == 0);
	must(info.uid == 0);
	must(seteuid(pw->pw_uid) == 0);
	must(dw_proc_info(getpid(), &info, NULL, 0) == 0);
	must(info.uid == pw->pw_uid);
	scan(&f, getpid(), 0);
	must(f.info.uid == pw->pw_uid);
}

static void
effective_user(void **state)
{
	(void)state;
	in_child(not_dumpable);
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

/* Processes come and go while the table is read. */
static void
churn(void)
{
	struct found f;
	pid_t busy, pid;
	int i;

	if ((busy = fork()) == 0) {
		(void)alarm(DEADLINE_S);
		for (;;) {
			if ((pid = fork()) == 0)
				_exit(0);
			(void)waitpid(pid, NULL, 0);
		}
	}
	must(busy != -1);
	for (i = 0; i < 200; i++) {
		scan(&f, getpid(), DW_PROCS_ARGS);
		must(f.times == 1);
	}
	must(kill(busy, SIGKILL) == 0);
	must(waitpid(busy, NULL, 0) == busy);
}

static void
processes_vanish_in_mid_scan(void **state)
{
	(void)state;
	in_child(churn);
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

static void
boot_id(void **state)
{
	char a[64], b[64], small[36];

	(void)state;
	assert_int_equal(dw_boot_id(a, sizeof(a)), 0);
	assert_int_equal(strlen(a), 36);
	assert_null(strchr(a, '\n'));
	assert_int_equal(dw_boot_id(b, 37), 0);
	assert_string_equal(a, b);
	assert_int_equal(dw_boot_id(small, sizeof(small)), -1);
	assert_int_equal(errno, ERANGE);
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(of_ourselves),
	    cmocka_unit_test(scan_ends_when_told),
	    cmocka_unit_test(zombies_and_the_absent),
	    cmocka_unit_test(names_that_look_like_fields),
	    cmocka_unit_test(command_line_of_two_megabytes),
	    cmocka_unit_test(arguments_are_joined_and_trimmed),
	    cmocka_unit_test(threads_are_not_processes),
	    cmocka_unit_test(effective_user),
	    cmocka_unit_test(hidden_processes),
	    cmocka_unit_test(proc_not_mounted),
	    cmocka_unit_test(processes_vanish_in_mid_scan),
	    cmocka_unit_test(out_of_descriptors),
	    cmocka_unit_test(boot_id),
	};
	char c;

	if (argc > 1 && strcmp(argv[1], "wait") == 0) {
		(void)write(1, "", 1);
		while (read(0, &c, 1) == -1 && errno == EINTR)
			continue;
		return (0);
	}
	if (realpath(argv[0], self) == NULL) {
		perror(argv[0]);
		return (1);
	}
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
