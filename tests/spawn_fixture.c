/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * How a program finds itself when it has been started, for test_spawn.c:
 * printed by the one that was, read by the one that started it.  And the
 * directory where that program is.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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
#include "spawn_fixture.h"
#include "temp_dir.h"

char self[PATH_MAX];
char dir[64];
char report_arg[] = "report";

static void
report_fds(FILE *f)
{
	struct stat st;
	int fd;

	fprintf(f, "fds=");
	for (fd = 0; fd < 4096; fd++) {
		if (fstat(fd, &st) == 0)
			fprintf(f, "%d:%ju ", fd, (uintmax_t)st.st_ino);
	}
	fprintf(f, "\n");
}

static void
report_signals(FILE *f)
{
	struct sigaction sa;
	sigset_t set;
	int signo;

	(void)sigprocmask(SIG_BLOCK, NULL, &set);
	fprintf(f, "blocked=");
	for (signo = 1; signo < NSIG; signo++) {
		if (sigismember(&set, signo) == 1)
			fprintf(f, "%d ", signo);
	}
	fprintf(f, "\nignored=");
	for (signo = 1; signo < NSIG; signo++) {
		if (sigaction(signo, NULL, &sa) == 0 &&
		    sa.sa_handler == SIG_IGN)
			fprintf(f, "%d ", signo);
	}
	fprintf(f, "\n");
}

/* Linux says it also of signals that sigaction(2) does not name. */
static void
report_kernels_word(FILE *f)
{
	char line[256], mask[64];
	FILE *status;

	if ((status = fopen("/proc/self/status", "re")) == NULL)
		return;
	while (fgets(line, sizeof(line), status) != NULL) {
		if (sscanf(line, "SigIgn: %63s", mask) == 1)
			fprintf(f, "sigign=%s\n", mask);
		if (sscanf(line, "NoNewPrivs: %63s", mask) == 1)
			fprintf(f, "nnp=%s\n", mask);
	}
	(void)fclose(status);
	if ((status = fopen("/proc/self/oom_score_adj", "re")) == NULL)
		return;
	if (fgets(line, sizeof(line), status) != NULL)
		fprintf(f, "oom=%s", line);
	(void)fclose(status);
}

static void
report_ids(FILE *f)
{
	gid_t groups[64];
	int i, n;

	fprintf(f, "uid=%ju %ju\n", (uintmax_t)getuid(), (uintmax_t)geteuid());
	fprintf(f, "gid=%ju %ju\n", (uintmax_t)getgid(), (uintmax_t)getegid());
	n = getgroups(64, groups);
	fprintf(f, "groups=");
	/* The BSDs count the effective one among them. */
	for (i = 0; i < n; i++) {
		if (groups[i] != getegid())
			fprintf(f, "%ju ", (uintmax_t)groups[i]);
	}
	fprintf(f, "\n");
}

int
report_print(char *argv[], char *envp[])
{
	struct rlimit rl;
	char cwd[PATH_MAX];
	FILE *f;
	int fd;

	fd = argv[2] != NULL ? atoi(argv[2]) : 1;
	if ((f = fdopen(fd, "w")) == NULL)
		return (1);
	report_fds(f);
	report_signals(f);
	report_kernels_word(f);
	report_ids(f);
	fprintf(f, "argv0=%s\n", argv[0]);
	fprintf(f, "env0=%s\n", envp[0] == NULL ? "" : envp[0]);
	fprintf(f, "cwd=%s\n", getcwd(cwd, sizeof(cwd)));
	fprintf(f, "umask=%03o\n", (unsigned)umask(0));
	fprintf(f, "session=%d\n", getsid(0) == getpid());
	fprintf(f, "pid=%jd\n", (intmax_t)getpid());
	fprintf(f, "nice=%d\n", getpriority(PRIO_PROCESS, 0));
	(void)getrlimit(RLIMIT_NOFILE, &rl);
	fprintf(f, "nofile=%ju\n", (uintmax_t)rl.rlim_cur);
	return (fclose(f) == 0 ? 42 : 1);
}

/* What the report says of a key; "" if nothing. */
const char *
report_says(const char *text, const char *key)
{
	static char value[65536];
	char line[64];
	const char *p;

	(void)snprintf(line, sizeof(line), "%s=", key);
	for (p = text; p != NULL && strncmp(p, line, strlen(line)) != 0;) {
		if ((p = strchr(p, '\n')) != NULL)
			p++;
	}
	if (p == NULL)
		return ("");
	p += strlen(line);
	(void)snprintf(value, sizeof(value), "%.*s", (int)strcspn(p, "\n"), p);
	return (value);
}

void
report_read(int fd, char *buf, size_t len)
{
	size_t have;
	ssize_t n;

	have = 0;
	while (
	    have < len - 1 && (n = read(fd, buf + have, len - 1 - have)) != 0) {
		must(n > 0 || errno == EINTR);
		have += n > 0 ? (size_t)n : 0;
	}
	buf[have] = '\0';
}

void
make_file(
    char *path, size_t len, const char *name, mode_t mode, const char *text)
{
	int fd;

	(void)snprintf(path, len, "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	must(fd != -1);
	must(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	must(fchmod(fd, mode) == 0);
	must(close(fd) == 0);
}

/* A copy of this program where every user can execute it. */
static int
copy_self(const char *argv0)
{
	char buf[65536];
	ssize_t n;
	int from, to;

	from = open(argv0, O_RDONLY | O_CLOEXEC);
	to = open(self, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	if (from == -1 || to == -1)
		return (-1);
	while ((n = read(from, buf, sizeof(buf))) > 0) {
		if (write(to, buf, (size_t)n) != n)
			return (-1);
	}
	(void)close(from);
	if (n == -1 || fchmod(to, 0755) == -1)
		return (-1);
	return (close(to));
}

int
find_self(const char *argv0)
{
	char made[TEMP_DIR];
	char real[PATH_MAX];

	if (temp_dir(made, "test_spawn") == -1 ||
	    realpath(made, real) == NULL || strlen(real) >= sizeof(dir))
		return (-1);
	memcpy(dir, real, strlen(real) + 1);
	(void)snprintf(self, sizeof(self), "%s/self", dir);
	return (chmod(dir, 0755) == -1 ? -1 : copy_self(argv0));
}

void
clean_up(void)
{
	static const char *const names[] = {"not-executable", "no-format",
	    "no-interpreter", "loop", "first/tool", "second/tool", "first",
	    "second", "private", "p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7",
	    "self"};
	char path[PATH_MAX + 32];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void)remove(path);
	}
	(void)rmdir(dir);
}

/*
 * Run the program with a pipe as its descriptor out, and with what s says
 * besides.  argv is set here unless it is there.
 */
const char *
run_report(struct dw_spawn *s, int out)
{
	static char text[65536];
	struct dw_spawn_error e;
	struct dw_spawn_fd fds[16];
	static char number[16];
	static char *argv[] = {self, report_arg, number, NULL};
	int ends[2], status;
	pid_t pid;

	(void)snprintf(number, sizeof(number), "%d", out);
	if (s->argv == NULL)
		s->argv = argv;
	must(pipe2(ends, O_CLOEXEC) == 0);
	must(s->nfds < 16);
	if (s->nfds > 0)
		memcpy(fds, s->fds, s->nfds * sizeof(fds[0]));
	fds[s->nfds].from = ends[1];
	fds[s->nfds].to = out;
	s->fds = fds;
	s->nfds++;
	pid = dw_spawn(s, &e);
	if (pid == -1)
		(void)dprintf(2, "%s: %s (%d)\n", dw_spawn_stage_name(e.stage),
		    strerror(e.error), e.arg);
	must(pid != -1);
	(void)close(ends[1]);
	report_read(ends[0], text, sizeof(text));
	(void)close(ends[0]);
	while (waitpid(pid, &status, 0) == -1) {
		if (errno == ECHILD) /* SIGCHLD is ignored */
			return (text);
		must(errno == EINTR);
	}
	must(WIFEXITED(status) && WEXITSTATUS(status) == 42);
	return (text);
}
