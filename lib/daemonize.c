/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Becoming a daemon, APUE 13.3, each step checked; and the daemon's end of
 * the conversation with the launcher, which launcher.c leads.  No identity is
 * changed, no pidfile written here.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "../compat/system.h"
#include "daemonize.h"
#include "file.h"

#define ALL_FLAGS                                                    \
	(DW_DAEMON_NOCHDIR | DW_DAEMON_NOUMASK | DW_DAEMON_NOCLOSE | \
	    DW_DAEMON_LEADER)
#define OUT_MODE 0640

/* What lives from the call to the daemon's return. */
struct birth {
	const struct dw_daemonize *opt;
	int words[2];	/* launcher, daemon */
	int reports[2]; /* launcher, attendant; -1 without one */
	int *keep;	/* sorted: the caller's, and the daemon's words */
	size_t nkeep;
	sigset_t mask;	       /* the caller's */
	struct sigaction chld; /* the caller's */
};

static int send_word(int fd, enum word_kind kind, int status, const char *fmt,
    va_list ap) DW_PRINTF(4, 0);
static int say(int fd, enum word_kind kind, int status, const char *fmt, ...)
    DW_PRINTF(4, 5);

static int
send_word(int fd, enum word_kind kind, int status, const char *fmt, va_list ap)
{
	struct word word;
	ssize_t n;

	memset(&word, 0, sizeof(word));
	word.kind = kind;
	word.status = status;
	if (fmt != NULL)
		(void)vsnprintf(word.text, sizeof(word.text), fmt, ap);
	do {
		n = send(fd, &word,
		    offsetof(struct word, text) + strlen(word.text) + 1,
		    MSG_NOSIGNAL | MSG_EOR);
	} while (n == -1 && errno == EINTR);
	return (n == -1 ? -1 : 0);
}

static int
say(int fd, enum word_kind kind, int status, const char *fmt, ...)
{
	va_list ap;
	int ret;

	va_start(ap, fmt);
	ret = send_word(fd, kind, status, fmt, ap);
	va_end(ap);
	return (ret);
}

/* A step failed: the launcher prints which and why.  errno is the reason. */
static _Noreturn void
give_up(const struct birth *b, const char *step, const char *what)
{
	(void)say(b->words[1], WORD_FAILED, 1, "%s%s%s: %s", step,
	    what == NULL ? "" : " ", what == NULL ? "" : what, strerror(errno));
	_exit(1);
}

/* Every disposition the default; the mask is emptied at the very end. */
static void
reset_signals(void)
{
	struct sigaction sa = {.sa_handler = SIG_DFL};
	int signo;

	(void)sigemptyset(&sa.sa_mask);
	/* Fails for SIGKILL, SIGSTOP and those libc has taken for itself. */
	for (signo = 1; signo < NSIG; signo++)
		(void)sigaction(signo, &sa, NULL);
	sigreset_hidden();
}

static void
close_others(const struct birth *b)
{
	size_t i;
	int next;

	/*
	 * libc would go on using the number of its socket to syslogd, and
	 * write into or close whatever has it next.
	 */
	closelog();
	next = STDERR_FILENO + 1;
	for (i = 0; i < b->nkeep; i++) {
		closefds(next, b->keep[i] - 1);
		if (b->keep[i] >= next)
			next = b->keep[i] + 1;
	}
	closefds(next, INT_MAX);
}

/*
 * A file for 0, 1 or 2.  O_NOCTTY: a session leader without a terminal would
 * get this one.  O_NONBLOCK while opening: a FIFO may have no other end.
 */
static int
open_std(const struct birth *b, const char *path, int flags)
{
	int fd, fl;
	mode_t mode;

	if (path == NULL)
		path = "/dev/null";
	mode = b->opt->mode == 0 ? OUT_MODE : b->opt->mode;
	fd = open(path, flags | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, mode);
	if (fd == -1 || (fl = fcntl(fd, F_GETFL)) == -1 ||
	    fcntl(fd, F_SETFL, fl & ~O_NONBLOCK) == -1)
		give_up(b, "open", path);
	return (fd);
}

static void
redirect(const struct birth *b, int fd, int to)
{
	if (dup2(fd, to) == -1)
		give_up(b, "dup2", NULL);
	(void)close(fd);
}

/*
 * stderr stays the launcher's until the daemon is ready, but what will follow
 * it is opened now, so that a failure can still be told.  The descriptor is
 * kept without a variable to keep it in: as a message to ourselves, in the
 * queue of the socket that dw_ready() is given.
 */
static void
put_away(const struct birth *b, int fd)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control;
	char byte = 0;
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *c;

	memset(&control, 0, sizeof(control));
	msg.msg_control = control.buf;
	msg.msg_controllen = sizeof(control.buf);
	c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	if (sendmsg(b->words[0], &msg, MSG_NOSIGNAL | MSG_DONTWAIT | MSG_EOR) ==
	    -1)
		give_up(b, "sendmsg", NULL);
	(void)close(fd);
}

/* The descriptor that was put away; -1 with errno. */
static int
take_back(int ready)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *c;
	int fd;

	msg.msg_control = control.buf;
	msg.msg_controllen = sizeof(control.buf);
	if (recvmsg(ready, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) == -1)
		return (-1);
	c = CMSG_FIRSTHDR(&msg);
	if (c == NULL || c->cmsg_level != SOL_SOCKET ||
	    c->cmsg_type != SCM_RIGHTS ||
	    c->cmsg_len != CMSG_LEN(sizeof(int))) {
		/* The table of descriptors was full. */
		errno = EMFILE;
		return (-1);
	}
	memcpy(&fd, CMSG_DATA(c), sizeof(int));
	return (fd);
}

/*
 * Steps 5, 6 and 7 of APUE, in the process that will be the daemon.
 */
static void
settle(const struct birth *b)
{
	const struct dw_daemonize *opt = b->opt;
	const char *cwd;
	int in, out, err;

	cwd = opt->cwd == NULL ? "/" : opt->cwd;
	if ((opt->flags & DW_DAEMON_NOCHDIR) == 0 && chdir(cwd) == -1)
		give_up(b, "chdir", cwd);
	if ((opt->flags & DW_DAEMON_NOCLOSE) == 0)
		close_others(b);
	in = open_std(b, opt->in, O_RDONLY);
	out = open_std(b, opt->out, O_WRONLY | O_CREAT | O_APPEND);
	err = open_std(b, opt->err == NULL ? opt->out : opt->err,
	    O_WRONLY | O_CREAT | O_APPEND);
	put_away(b, err);
	redirect(b, in, STDIN_FILENO);
	redirect(b, out, STDOUT_FILENO);
	(void)close(b->words[0]);
}

static pid_t
fork_again(const struct birth *b)
{
	pid_t pid;

	if ((pid = fork()) == -1)
		give_up(b, "fork", NULL);
	return (pid);
}

/* All that happens between the first fork and dw_daemonize()'s return. */
static void
become(struct birth *b)
{
	sigset_t none;
	unsigned filled;
	pid_t pid;

	if (b->reports[0] != -1)
		(void)close(b->reports[0]);
	reset_signals();
	/* First, as else the next open(2) would give 0, 1 or 2. */
	if (file_fill_std(&filled) == -1)
		give_up(b, "open", "/dev/null");
	if ((b->opt->flags & DW_DAEMON_NOUMASK) == 0)
		(void)umask(b->opt->umask);
	if (setsid() == -1)
		give_up(b, "setsid", NULL);
	if ((b->opt->flags & DW_DAEMON_LEADER) == 0) {
		if ((pid = fork_again(b)) != 0) {
			(void)close(b->words[0]);
			(void)close(b->words[1]);
			launcher_attend(b->reports[1], pid);
		}
		(void)close(b->reports[1]);
	}
	settle(b);
	(void)sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) == -1)
		give_up(b, "sigprocmask", NULL);
}

static int
compare(const void *a, const void *b)
{
	const int *x = a, *y = b;

	return ((*x > *y) - (*x < *y));
}

static int
make_keep(struct birth *b)
{
	const struct dw_daemonize *opt = b->opt;
	size_t i;

	b->keep = calloc(opt->nkeep + 2, sizeof(*b->keep));
	if (b->keep == NULL)
		return (-1);
	for (i = 0; i < opt->nkeep; i++) {
		if (fcntl(opt->keep[i], F_GETFD) == -1)
			return (-1);
		b->keep[b->nkeep++] = opt->keep[i];
	}
	b->keep[b->nkeep++] = b->words[0];
	b->keep[b->nkeep++] = b->words[1];
	qsort(b->keep, b->nkeep, sizeof(*b->keep), compare);
	return (0);
}

/* Close-on-exec, and not on 0, 1 or 2. */
static int
make_channels(struct birth *b)
{
	int i;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, b->words) ==
	    -1)
		return (-1);
	if ((b->opt->flags & DW_DAEMON_LEADER) == 0 &&
	    pipe2(b->reports, O_CLOEXEC) == -1)
		return (-1);
	for (i = 0; i < 2; i++) {
		/* Moved one by one: a failed move has closed only its own. */
		if ((b->words[i] = file_above_std(b->words[i])) == -1)
			return (-1);
		if (b->reports[i] != -1 &&
		    (b->reports[i] = file_above_std(b->reports[i])) == -1)
			return (-1);
	}
	return (0);
}

static void
clean_up(struct birth *b)
{
	int error, i;

	error = errno;
	for (i = 0; i < 2; i++) {
		if (b->words[i] != -1)
			(void)close(b->words[i]);
		if (b->reports[i] != -1)
			(void)close(b->reports[i]);
	}
	free(b->keep);
	errno = error;
}

/*
 * Fork with all signals blocked, so that no handler of the caller's runs in
 * the child, and with SIGCHLD not ignored, so that no status is lost.
 */
static pid_t
fork_first(struct birth *b)
{
	sigset_t all;
	pid_t pid;
	int error;

	if (launcher_catch_chld(&b->chld) == -1)
		return (-1);
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &b->mask);
	/* What was printed so far is printed once, by the caller. */
	(void)fflush(NULL);
	if ((pid = fork()) == -1) {
		error = errno;
		(void)sigaction(SIGCHLD, &b->chld, NULL);
		(void)sigprocmask(SIG_SETMASK, &b->mask, NULL);
		errno = error;
	}
	return (pid);
}

int
daemonize(const struct dw_daemonize *opt, const struct daemonize_wait *wait,
    int *ready)
{
	struct birth b = {.opt = opt, .words = {-1, -1}, .reports = {-1, -1}};
	struct launch launch = {.reports = -1};

	if ((opt->flags & ~ALL_FLAGS) != 0) {
		errno = EINVAL;
		return (-1);
	}
	if (make_channels(&b) == -1 || make_keep(&b) == -1 ||
	    (launch.child = fork_first(&b)) == -1) {
		clean_up(&b);
		return (-1);
	}
	if (launch.child != 0) {
		if (wait != NULL)
			launch.wait = *wait;
		free(b.keep);
		launch.mask = b.mask;
		launch.words = b.words[0];
		launch.reports = b.reports[0];
		(void)close(b.words[1]);
		if (b.reports[1] != -1)
			(void)close(b.reports[1]);
		launcher_run(&launch);
	}
	become(&b);
	free(b.keep);
	*ready = b.words[1];
	return (0);
}

int
dw_daemonize(const struct dw_daemonize *opt, int *ready)
{
	return (daemonize(opt, NULL, ready));
}

/* The last word was said, or could not be: the launcher is gone then. */
static void
hang_up(int *ready)
{
	(void)close(*ready);
	*ready = -1;
}

int
dw_ready(int *ready)
{
	int error, fd;

	if (*ready == -1)
		return (0);
	if ((fd = take_back(*ready)) != -1) {
		if (dup2(fd, STDERR_FILENO) == -1) {
			error = errno;
			(void)close(fd);
			errno = error;
			return (-1);
		}
		(void)close(fd);
	} else if (errno != EAGAIN)
		return (-1);
	/* A launcher that was killed is no reason not to serve. */
	(void)say(*ready, WORD_READY, 0, NULL);
	hang_up(ready);
	return (0);
}

int
dw_ready_fail(int *ready, int status, const char *fmt, ...)
{
	char text[WORD_TEXT_SIZE + 1];
	va_list ap;
	size_t len;
	int error, ret;

	va_start(ap, fmt);
	if (*ready == -1) {
		/* In the foreground there is nobody else to print it. */
		(void)vsnprintf(text, WORD_TEXT_SIZE, fmt, ap);
		len = strlen(text);
		if (len > 0 && text[len - 1] != '\n')
			text[len++] = '\n';
		ret = write(STDERR_FILENO, text, len) == -1 ? -1 : 0;
	} else {
		ret = send_word(*ready, WORD_FAILED, status, fmt, ap);
		error = errno;
		hang_up(ready);
		errno = error;
	}
	va_end(ap);
	return (ret);
}
