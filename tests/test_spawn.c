/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * dw_spawn(): what a program starts with, and what is said when it does not.
 * Started as "test_spawn report" this program says how it finds itself.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
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
#include "deny.h"
#include "forked.h"
#include "spawn_fixture.h"

extern char **environ;

static char exit_arg[] = "exit";

/*
 * Starting it
 */

static const struct dw_spawn plain = {.umask = -1};
static char *plain_argv[] = {self, report_arg, NULL};

/* It must fail, in that stage, with that errno, and leave nothing behind. */
static void
fails_anyway(struct dw_spawn *s, enum dw_spawn_stage stage, int error,
    struct dw_spawn_error *e)
{
	siginfo_t si;
	int fds;

	if (s->argv == NULL)
		s->argv = plain_argv;
	memset(e, 0xff, sizeof(*e));
	fds = count_fds();
	errno = 0;
	must(dw_spawn(s, e) == -1);
	must(errno == error);
	if (e->stage != stage)
		(void)dprintf(2, "stage: %s\n", dw_spawn_stage_name(e->stage));
	must(e->stage == stage);
	must(e->error == error);
	must(count_fds() == fds);
	must(waitid(P_ALL, 0, &si, WEXITED | WNOHANG) == -1);
	must(errno == ECHILD);
}

static void
fails(struct dw_spawn *s, enum dw_spawn_stage stage, int error, int arg)
{
	struct dw_spawn_error e;

	fails_anyway(s, stage, error, &e);
	must(e.arg == arg);
	/* Nobody has to want the details. */
	must(dw_spawn(s, NULL) == -1);
	must(errno == error);
}

/*
 * The tests
 */
static void
status_comes_back(void **state)
{
	struct dw_spawn s = plain;
	char *argv[] = {self, exit_arg, NULL};
	pid_t pid;
	int status;

	(void)state;
	s.argv = argv;
	pid = dw_spawn(&s, NULL);
	assert_true(pid > 1);
	status = finish(pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 9);
}

static void
missing(void)
{
	char absent[] = "/nonexistent/program";
	char nowhere[] = "no-such-program-at-all";
	char empty[] = "";
	char *argv[] = {absent, NULL};
	struct dw_spawn s = plain;

	/* A directory that may not be searched would make it EACCES. */
	must(setenv("PATH", "/usr/bin:/bin", 1) == 0);
	s.argv = argv;
	fails(&s, DW_SPAWN_EXEC, ENOENT, 0);
	argv[0] = nowhere;
	fails(&s, DW_SPAWN_EXEC, ENOENT, 0);
	argv[0] = empty;
	fails(&s, DW_SPAWN_EXEC, ENOENT, 0);
	argv[0] = NULL;
	fails(&s, DW_SPAWN_EXEC, EINVAL, 0);
}

static void
missing_program_is_said(void **state)
{
	(void)state;
	in_child(missing);
}

static void
not_executable(void)
{
	struct dw_spawn s = plain;
	char path[PATH_MAX], loop[PATH_MAX + 16];
	char *argv[] = {path, NULL};

	s.argv = argv;
	make_file(path, sizeof(path), "not-executable", 0644, "#!/bin/sh\n");
	fails(&s, DW_SPAWN_EXEC, EACCES, 0);
	make_file(path, sizeof(path), "no-format", 0755, "exit 0\n");
	fails(&s, DW_SPAWN_EXEC, ENOEXEC, 0);
	argv[0] = dir;
	fails(&s, DW_SPAWN_EXEC, EACCES, 0);
	(void)snprintf(loop, sizeof(loop), "%s/loop", dir);
	must(symlink("loop", loop) == 0);
	argv[0] = loop;
	fails(&s, DW_SPAWN_EXEC, ELOOP, 0);
}

static void
what_cannot_be_executed_is_said(void **state)
{
	(void)state;
	in_child(not_executable);
}

static void
no_interpreter(void)
{
	struct dw_spawn s = plain;
	char path[PATH_MAX];
	char *argv[] = {path, NULL};

	not_on_valgrind("it dies where execve fails");
	s.argv = argv;
	make_file(path, sizeof(path), "no-interpreter", 0755, "#!/absent\n");
	fails(&s, DW_SPAWN_EXEC, ENOENT, 0);
}

static void
script_without_interpreter(void **state)
{
	(void)state;
	in_child(no_interpreter);
}

/* dir/first/tool is not executable, dir/second/tool is this program. */
static void
looks_in_path(void)
{
	struct dw_spawn s = plain;
	char path[3 * PATH_MAX], file[PATH_MAX];
	char name[] = "tool", one[] = "1";
	char *argv[] = {name, report_arg, one, NULL};

	(void)snprintf(file, sizeof(file), "%s/first", dir);
	must(mkdir(file, 0755) == 0);
	(void)snprintf(file, sizeof(file), "%s/second", dir);
	must(mkdir(file, 0755) == 0);
	make_file(file, sizeof(file), "first/tool", 0644, "");
	(void)snprintf(file, sizeof(file), "%s/second/tool", dir);
	must(symlink(self, file) == 0);

	/* The refusal is remembered, and looking goes on. */
	s.argv = argv;
	(void)snprintf(
	    path, sizeof(path), "/nonexistent:%s/first:/dev/null", dir);
	must(setenv("PATH", path, 1) == 0);
	fails(&s, DW_SPAWN_EXEC, EACCES, 0);
	(void)snprintf(
	    path, sizeof(path), "/nonexistent:%s/first:%s/second", dir, dir);
	must(setenv("PATH", path, 1) == 0);
	must(strcmp(report_says(run_report(&s, 1), "argv0"), "tool") == 0);

	/* An empty entry is the program's working directory. */
	(void)snprintf(file, sizeof(file), "%s/second", dir);
	s = plain;
	s.argv = argv;
	s.cwd = file;
	must(setenv("PATH", "/nonexistent:", 1) == 0);
	must(strcmp(report_says(run_report(&s, 1), "cwd"), file) == 0);
	s = plain;
	s.argv = argv;
	must(setenv("PATH", "", 1) == 0);
	fails(&s, DW_SPAWN_EXEC, ENOENT, 0);
	/* None: the system's. */
	name[0] = 's';
	name[1] = 'h';
	name[2] = '\0';
	argv[1] = NULL;
	must(unsetenv("PATH") == 0);
	must(finish(dw_spawn(&s, NULL)) == 0);
}

static void
path_is_searched(void **state)
{
	(void)state;
	in_child(looks_in_path);
}

static void
failing_stages(void)
{
	struct dw_spawn_rlimit limits[2];
	struct dw_spawn_fd fds[2];
	struct dw_spawn s = plain;
	int fd;

	s.cwd = "/nonexistent";
	fails(&s, DW_SPAWN_CHDIR, ENOENT, 0);

	s = plain;
	must(getrlimit(RLIMIT_CORE, &limits[0].limit) == 0);
	limits[0].resource = RLIMIT_CORE;
	limits[1] = limits[0];
	limits[1].resource = 12345;
	s.rlimits = limits;
	s.nrlimits = 2;
	fails(&s, DW_SPAWN_RLIMIT, EINVAL, 1);

	/* The lowest free number: the pipe's, were it made first. */
	s = plain;
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	(void)close(fd);
	fds[0].from = 1;
	fds[0].to = 7;
	fds[1].from = fd;
	fds[1].to = 8;
	s.fds = fds;
	s.nfds = 2;
	fails(&s, DW_SPAWN_FDS, EBADF, 8);
	fds[1].from = -1;
	fails(&s, DW_SPAWN_FDS, EBADF, 8);
	fds[1].from = 1;
	fds[1].to = -1;
	fails(&s, DW_SPAWN_FDS, EBADF, -1);
	fds[1].to = INT_MAX;
	fails(&s, DW_SPAWN_FDS, EBADF, INT_MAX);
	fds[1].to = INT_MAX - 2;
	fails(&s, DW_SPAWN_FDS, EMFILE, 7);
	fds[1].to = 7;
	fails(&s, DW_SPAWN_FDS, EINVAL, 7);
}

static void
failed_stage_is_told(void **state)
{
	(void)state;
	in_child(failing_stages);
}

static void
stage_names(void **state)
{
	(void)state;
	assert_string_equal(dw_spawn_stage_name(DW_SPAWN_FORK), "vfork");
	assert_string_equal(dw_spawn_stage_name(DW_SPAWN_UID), "setuid");
	assert_string_equal(dw_spawn_stage_name(DW_SPAWN_EXEC), "execve");
	assert_string_equal(
	    dw_spawn_stage_name((enum dw_spawn_stage)99), "spawn");
}

static void
no_descriptor_left(void)
{
	struct dw_spawn s = plain;
	struct rlimit rl;
	int fd;

	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	must(fd != -1);
	must(getrlimit(RLIMIT_NOFILE, &rl) == 0);
	rl.rlim_cur = (rlim_t)fd + 1;
	must(setrlimit(RLIMIT_NOFILE, &rl) == 0);
	fails(&s, DW_SPAWN_FORK, EMFILE, 0);
}

static void
no_descriptor_for_the_pipe(void **state)
{
	(void)state;
	in_child(no_descriptor_left);
}

/* "fd:inode " of a report's list. */
static void
must_have(const char *fds, int fd, int like)
{
	struct stat st;
	char want[64];
	const char *p;

	must(fstat(like, &st) == 0);
	(void)snprintf(want, sizeof(want), "%d:%ju ", fd, (uintmax_t)st.st_ino);
	p = strstr(fds, want);
	if (p == NULL)
		(void)dprintf(2, "%s is not in %s\n", want, fds);
	must(p != NULL && (p == fds || p[-1] == ' '));
}

static int
words(const char *s)
{
	int n;

	for (n = 0; *s != '\0'; s++)
		n += *s == ' ';
	return (n);
}

static void
many_open(void)
{
	struct dw_spawn s = plain;
	const char *fds;
	int i, null, fd;

	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (i = 0; i < 1000; i++)
		must((fd = dup(null)) != -1); /* not close-on-exec */
	must(fcntl(null, F_DUPFD, 2000) != -1);
	fds = report_says(run_report(&s, 1), "fds");
	must(words(fds) == 3);
	must_have(fds, 0, null);
	must_have(fds, 2, null);
	s = plain;
	fds = report_says(run_report(&s, 1500), "fds");
	must(words(fds) == 4);
	must_have(fds, 1, null);
}

static void
inherited_descriptors_are_closed(void **state)
{
	(void)state;
	in_child(many_open);
}

static void
many_open_old_kernel(void)
{
	if (deny(SYS_close_range, ENOSYS) == -1) {
		(void)dprintf(
		    2, "no filter of system calls: %s\n", strerror(errno));
		_exit(SKIPPED);
	}
	many_open();
}

static void
inherited_descriptors_are_closed_without_close_range(void **state)
{
	(void)state;
	in_child(many_open_old_kernel);
}

/* Each target is another's source, in a ring, and around the pipe's numbers. */
static void
permuted(void)
{
	struct dw_spawn_fd fds[8];
	struct dw_spawn s = plain;
	char path[PATH_MAX], name[16];
	int fd[8], keep[8], i;
	const char *got;

	for (i = 0; i < 8; i++) {
		(void)snprintf(name, sizeof(name), "p%d", i);
		make_file(path, sizeof(path), name, 0600, "");
		fd[i] = open(path, O_RDWR | O_CLOEXEC);
		keep[i] = fcntl(fd[i], F_DUPFD_CLOEXEC, 100);
		must(keep[i] != -1);
	}
	for (i = 0; i < 8; i++) {
		fds[i].from = fd[i];
		fds[i].to = fd[(i + 1) % 8];
	}
	s.fds = fds;
	s.nfds = 8;
	got = report_says(run_report(&s, 1), "fds");
	for (i = 0; i < 8; i++)
		must_have(got, fd[(i + 1) % 8], keep[i]);
	must(words(got) == 3 + 8);

	/* To itself; one for several; 0 to 2 as targets and as sources. */
	s = plain;
	fds[0].from = fds[0].to = fd[0];
	fds[1].from = fd[1];
	fds[1].to = 0;
	fds[2].from = fd[1];
	fds[2].to = 2;
	fds[3].from = 0;
	fds[3].to = fd[7] + 1;
	s.fds = fds;
	s.nfds = 4;
	got = report_says(run_report(&s, 1), "fds");
	must_have(got, fd[0], keep[0]);
	must_have(got, 0, keep[1]);
	must_have(got, 2, keep[1]);
	must_have(got, fd[7] + 1, 0);
	must(words(got) == 5);
}

static void
descriptors_may_be_permuted(void **state)
{
	(void)state;
	in_child(permuted);
}

static void
std_closed(void)
{
	struct dw_spawn s = plain;
	struct dw_spawn_fd fds[1];
	const char *got;
	int fd;

	fd = fcntl(2, F_DUPFD_CLOEXEC, 50);
	(void)close(0);
	(void)close(1);
	(void)close(2);
	/* run_report()'s pipe and our own take these numbers now. */
	got = report_says(run_report(&s, 5), "fds");
	(void)dup2(fd, 2);
	must(words(got) == 4);
	(void)close(2);
	s = plain;
	fds[0].from = fd;
	fds[0].to = 2;
	s.fds = fds;
	s.nfds = 1;
	got = report_says(run_report(&s, 0), "fds");
	(void)dup2(fd, 2);
	must(words(got) == 3);
	must_have(got, 2, fd);
}

static void
standard_descriptors_closed_in_the_caller(void **state)
{
	(void)state;
	in_child(std_closed);
}

static void
no_terminal(int signo)
{
	(void)signo;
}

static void
bad_signals(void)
{
	struct dw_spawn s = plain;
	struct sigaction sa;
	sigset_t all, now;
	const char *text;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGCHLD, SIG_DFL);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGRTMAX, SIG_IGN);
	(void)signal(SIGTERM, no_terminal);
	(void)sigfillset(&all);
	must(sigprocmask(SIG_SETMASK, &all, NULL) == 0);
	text = run_report(&s, 1);
	must(strcmp(report_says(text, "blocked"), "") == 0);
	must(strcmp(report_says(text, "ignored"), "") == 0);
	/* And ours are as they were. */
	must(sigprocmask(SIG_SETMASK, NULL, &now) == 0);
	must(sigismember(&now, SIGTERM) == 1);
	must(sigismember(&now, SIGUSR1) == 1);
	must(sigaction(SIGTERM, NULL, &sa) == 0);
	must(sa.sa_handler == no_terminal);
	must(sigaction(SIGPIPE, NULL, &sa) == 0);
	must(sa.sa_handler == SIG_IGN);
	(void)sigemptyset(&all);
	must(sigprocmask(SIG_SETMASK, &all, NULL) == 0);
	s = plain;
	text = run_report(&s, 1);
	must(strcmp(report_says(text, "ignored"), "") == 0);
	must(sigprocmask(SIG_SETMASK, NULL, &now) == 0);
	must(sigismember(&now, SIGTERM) == 0);
}

/* What posix_spawn(3) of glibc 2.36 leaves behind in a threaded caller. */
static void
hidden_signal_ignored(void)
{
#ifdef SYS_rt_sigaction
	struct {
		void (*handler)(int);
		unsigned long rest[31];
	} ignore = {.handler = SIG_IGN};
	struct dw_spawn s = plain;
	const char *mask;

	must(syscall(SYS_rt_sigaction, 32, &ignore, NULL,
		 (size_t)(NSIG - 1) / 8) == 0);
	mask = report_says(run_report(&s, 1), "sigign");
	must(mask[0] == '\0' || strtoull(mask, NULL, 16) == 0);
#endif
}

static void
signal_hidden_by_libc_is_reset(void **state)
{
	(void)state;
	in_child(hidden_signal_ignored);
}

static void
signals_are_reset(void **state)
{
	(void)state;
	in_child(bad_signals);
}

/* SIGCHLD ignored: the kernel reaps, and failing must not hang or complain. */
static void
chld_ignored(void)
{
	struct dw_spawn s = plain;

	(void)signal(SIGCHLD, SIG_IGN);
	must(strcmp(report_says(run_report(&s, 1), "ignored"), "") == 0);
	s = plain;
	s.cwd = "/nonexistent";
	fails(&s, DW_SPAWN_CHDIR, ENOENT, 0);
}

static void
sigchld_ignored_in_the_caller(void **state)
{
	(void)state;
	in_child(chld_ignored);
}

static void
surroundings(void)
{
	char variable[] = "ONLY=this";
	char *envp[] = {variable, NULL};
	char *nothing[] = {NULL};
	struct dw_spawn s = plain;
	const char *text;
	char here[PATH_MAX];

	s.cwd = "/";
	s.umask = 027;
	s.flags = DW_SPAWN_SETSID;
	s.envp = envp;
	text = run_report(&s, 1);
	must(strcmp(report_says(text, "cwd"), "/") == 0);
	must(strcmp(report_says(text, "umask"), "027") == 0);
	must(strcmp(report_says(text, "session"), "1") == 0);
	must(strcmp(report_says(text, "env0"), "ONLY=this") == 0);

	(void)umask(031);
	environ = nothing; /* NetBSD has no clearenv(). */
	must(setenv("MINE", "yes", 1) == 0);
	s = plain;
	text = run_report(&s, 1);
	must(strcmp(report_says(text, "cwd"), getcwd(here, sizeof(here))) == 0);
	must(strcmp(report_says(text, "umask"), "031") == 0);
	must(strcmp(report_says(text, "session"), "0") == 0);
	must(strcmp(report_says(text, "env0"), "MINE=yes") == 0);
	/* The caller's own are as they were. */
	must(umask(022) == 031);
}

static void
directory_umask_session_environment(void **state)
{
	(void)state;
	in_child(surroundings);
}

static void
limits(void)
{
	struct dw_spawn_rlimit limit;
	struct dw_spawn s = plain;
	struct rlimit rl;

	not_on_valgrind("it keeps RLIMIT_NOFILE to itself");
	/* Lowered to what the program needs, below what arranging takes. */
	must(getrlimit(RLIMIT_NOFILE, &rl) == 0);
	limit.resource = RLIMIT_NOFILE;
	limit.limit = rl;
	limit.limit.rlim_cur = 10;
	s.rlimits = &limit;
	s.nrlimits = 1;
	must(strcmp(report_says(run_report(&s, 9), "nofile"), "10") == 0);

	/* Raised, and needed: the descriptor is above the caller's limit. */
	rl.rlim_cur = 64;
	must(setrlimit(RLIMIT_NOFILE, &rl) == 0);
	s = plain;
	limit.limit.rlim_cur = 200;
	s.rlimits = &limit;
	s.nrlimits = 1;
	must(strcmp(report_says(run_report(&s, 100), "nofile"), "200") == 0);
	must(getrlimit(RLIMIT_NOFILE, &rl) == 0);
	must(rl.rlim_cur == 64);
}

static void
descriptor_limit_is_set_in_time(void **state)
{
	(void)state;
	in_child(limits);
}

static void
need_root(void)
{
	if (geteuid() != 0) {
		(void)dprintf(2, "changing the user needs root\n");
		_exit(SKIPPED);
	}
}

static void
other_user(void)
{
	const gid_t groups[] = {12, 13};
	struct passwd *pw;
	struct dw_cred cred;
	struct dw_spawn s = plain;
	const char *text;
	char want[64], private[PATH_MAX];

	need_root();
	must((pw = getpwnam("nobody")) != NULL);
	cred.uid = pw->pw_uid;
	cred.gid = pw->pw_gid;
	cred.ngroups = 2;
	cred.groups = groups;
	s.cred = &cred;
	s.cwd = "/";
	text = run_report(&s, 1);
	(void)snprintf(want, sizeof(want), "%ju %ju", (uintmax_t)cred.uid,
	    (uintmax_t)cred.uid);
	must(strcmp(report_says(text, "uid"), want) == 0);
	(void)snprintf(want, sizeof(want), "%ju %ju", (uintmax_t)cred.gid,
	    (uintmax_t)cred.gid);
	must(strcmp(report_says(text, "gid"), want) == 0);
	must(strcmp(report_says(text, "groups"), "12 13 ") == 0);
	must(getuid() == 0);
	must(geteuid() == 0);
	/* Sharing memory with who changed its user, Linux forbade us cores. */
	must(may_dump());

	/* The directory is entered by the user, not by root. */
	(void)snprintf(private, sizeof(private), "%s/private", dir);
	must(mkdir(private, 0700) == 0);
	s = plain;
	s.cred = &cred;
	s.cwd = private;
	fails(&s, DW_SPAWN_CHDIR, EACCES, 0);

	/* Who is not root cannot, and it is said which of the three failed. */
	must(setgroups(0, NULL) == 0);
	must(setgid(cred.gid) == 0);
	must(setuid(cred.uid) == 0);
	s.cwd = NULL;
	fails(&s, DW_SPAWN_GROUPS, EPERM, 0);
}

static void
identity_is_changed(void **state)
{
	(void)state;
	in_child(other_user);
}

/* Killed between vfork and exec, by a filter: nothing comes through the pipe.
 */
static void
killed_early(void)
{
	struct dw_spawn s = plain;

	/* No core: before Linux 5.16 it took all who share the memory along. */
	if (deny(SYS_chdir, DENY_KILL) == -1 || no_dump() == -1) {
		(void)dprintf(
		    2, "no filter of system calls: %s\n", strerror(errno));
		_exit(SKIPPED);
	}
	s.cwd = "/";
	fails(&s, DW_SPAWN_EXEC, EINTR, 0);
}

static void
killed_before_exec(void **state)
{
	(void)state;
	in_child(killed_early);
}

int
main(int argc, char *argv[], char *envp[])
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(status_comes_back),
	    cmocka_unit_test(missing_program_is_said),
	    cmocka_unit_test(what_cannot_be_executed_is_said),
	    cmocka_unit_test(script_without_interpreter),
	    cmocka_unit_test(path_is_searched),
	    cmocka_unit_test(failed_stage_is_told),
	    cmocka_unit_test(stage_names),
	    cmocka_unit_test(no_descriptor_for_the_pipe),
	    cmocka_unit_test(inherited_descriptors_are_closed),
	    cmocka_unit_test(
		inherited_descriptors_are_closed_without_close_range),
	    cmocka_unit_test(descriptors_may_be_permuted),
	    cmocka_unit_test(standard_descriptors_closed_in_the_caller),
	    cmocka_unit_test(signals_are_reset),
	    cmocka_unit_test(signal_hidden_by_libc_is_reset),
	    cmocka_unit_test(sigchld_ignored_in_the_caller),
	    cmocka_unit_test(directory_umask_session_environment),
	    cmocka_unit_test(descriptor_limit_is_set_in_time),
	    cmocka_unit_test(identity_is_changed),
	    cmocka_unit_test(killed_before_exec),
	};
	int failed;

	if (argc > 1 && strcmp(argv[1], "report") == 0)
		return (report_print(argv, envp));
	if (argc > 1 && strcmp(argv[1], "exit") == 0)
		return (9);
	if (find_self(argv[0]) == -1) {
		perror(argv[0]);
		return (1);
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	clean_up();
	return (failed);
}
