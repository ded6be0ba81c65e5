/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * A TCP server that misbehaves to order, for the integration suite: it runs in
 * the foreground or makes itself a daemon, and writes down each start and each
 * thing that happens to it.  It is in C because a test may start it hundreds
 * of times.  It is no example of a good daemon, and uses nothing of ours, so
 * that it shares no mistake with what it tests.
 */
#include <sys/types.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <netinet/in.h>

#include <arpa/inet.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAXCONN 1000

enum mode {
	ANSWERS,
	REFUSES,
	SILENT,
	FULL,
	RESETS,
	CLOSES,
	FLAPS,
	FLOODS,
	TRICKLES
};

static const char *const modes[] = {"answers", "refuses", "silent", "full",
    "resets", "closes", "flaps", "floods", "trickles"};

#define NMODES (sizeof(modes) / sizeof(modes[0]))

static struct {
	const char *log;
	const char *pidfile;
	const char *modefile;
	const char *answer;
	const char *text;
	const char *host;
	int port;
	enum mode mode;
	int die_after;
	int status;
	int lifetime;	  /* ms; -1: for ever */
	int listen_delay; /* ms */
	int period;	  /* ms, of flapping */
	int term_delay;	  /* ms */
	int grandchildren;
	bool daemon;
	bool lock;
	bool impatient;
	bool ignore_term;
} opt = {
    .host = "127.0.0.1", .answer = "+PONG\r\n", .lifetime = -1, .period = 200};

static int listener = -1;
static int fillers[16];
static int conns[MAXCONN];
static int nconns, nfillers, served;
static int sigpipe[2];

static int64_t
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec);
}

/* One line, whole: what, pid, time, and perhaps more. */
static void
note_at(int64_t when, const char *what, pid_t pid, const char *more)
{
	char line[256];
	int fd, len;

	if (opt.log == NULL)
		return;
	len = snprintf(line, sizeof(line), "%s %ld %lld%s%s\n", what, (long)pid,
	    (long long)when, *more != '\0' ? " " : "", more);
	fd = open(opt.log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	if (fd == -1 || write(fd, line, (size_t)len) != len)
		err(70, "%s", opt.log);
	close(fd);
}

static void
note(const char *what)
{
	note_at(now(), what, getpid(), "");
}

static enum mode
mode_named(const char *name)
{
	size_t i;

	for (i = 0; i < NMODES; i++)
		if (strcmp(modes[i], name) == 0)
			return ((enum mode)i);
	errx(64, "%s: no such mode", name);
}

static socklen_t
address(struct sockaddr_storage *ss)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	if (inet_pton(AF_INET6, opt.host, &sin6->sin6_addr) == 1) {
		sin6->sin6_family = AF_INET6;
		sin6->sin6_port = htons((uint16_t)opt.port);
		return (sizeof(*sin6));
	}
	if (inet_pton(AF_INET, opt.host, &sin->sin_addr) != 1)
		errx(64, "%s: no address", opt.host);
	sin->sin_family = AF_INET;
	sin->sin_port = htons((uint16_t)opt.port);
	return (sizeof(*sin));
}

static void
listener_open(int backlog)
{
	struct sockaddr_storage ss;
	socklen_t len;
	int on = 1;

	len = address(&ss);
	listener = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener == -1)
		err(71, "socket");
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&ss, len) == -1 ||
	    listen(listener, backlog) == -1)
		err(71, "%s port %d", opt.host, opt.port);
	fcntl(listener, F_SETFL, O_NONBLOCK);
}

static void
listener_close(void)
{
	while (nfillers > 0)
		close(fillers[--nfillers]);
	while (nconns > 0)
		close(conns[--nconns]);
	if (listener != -1)
		close(listener);
	listener = -1;
}

/* Connect to ourselves until a connection is not made any more. */
static void
fill_backlog(void)
{
	struct sockaddr_storage ss;
	struct pollfd pfd;
	socklen_t len;

	len = address(&ss);
	while (nfillers < 16) {
		pfd.fd = socket(ss.ss_family,
		    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (pfd.fd == -1)
			err(71, "socket");
		fillers[nfillers++] = pfd.fd;
		if (connect(pfd.fd, (struct sockaddr *)&ss, len) == 0)
			continue;
		pfd.events = POLLOUT;
		if (errno == EINPROGRESS && poll(&pfd, 1, 100) == 0)
			return;
	}
	errx(71, "the backlog does not fill");
}

static void
mode_set(enum mode mode)
{
	listener_close();
	opt.mode = mode;
	if (mode == FULL) {
		listener_open(0);
		fill_backlog();
	} else if (mode != REFUSES && opt.port != 0)
		listener_open(128);
	note_at(now(), "mode", getpid(), modes[mode]);
}

static void
mode_reread(void)
{
	char buf[32];
	FILE *f;

	if (opt.modefile == NULL || (f = fopen(opt.modefile, "r")) == NULL)
		return;
	if (fgets(buf, sizeof(buf), f) != NULL) {
		buf[strcspn(buf, "\n")] = '\0';
		mode_set(mode_named(buf));
	}
	fclose(f);
}

static void
conn_drop(int i)
{
	close(conns[i]);
	conns[i] = conns[--nconns];
}

static void
conn_read(int i)
{
	char buf[512];
	ssize_t n;

	n = read(conns[i], buf, sizeof(buf));
	if (n == 0 || (n == -1 && errno != EAGAIN)) {
		conn_drop(i);
		return;
	}
	if (n > 0 && opt.mode == ANSWERS &&
	    write(conns[i], opt.answer, strlen(opt.answer)) == -1)
		conn_drop(i);
}

/* Send what nobody asked for: as much as goes, or a byte at a time. */
static void
conn_spew(int i)
{
	static char junk[4096];
	ssize_t n;

	if (junk[0] == '\0')
		memset(junk, 'x', sizeof(junk));
	n = write(conns[i], junk, opt.mode == FLOODS ? sizeof(junk) : 1);
	if (n == -1 && errno != EAGAIN)
		conn_drop(i);
}

static void
conn_accept(void)
{
	struct linger hard = {.l_onoff = 1, .l_linger = 0};
	int fd;

	fd = accept(listener, NULL, NULL);
	if (fd == -1)
		return;
	note("conn");
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (opt.mode == RESETS)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	if (opt.mode == RESETS || opt.mode == CLOSES)
		close(fd);
	else {
		if (nconns == MAXCONN)
			conn_drop(0);
		conns[nconns++] = fd;
	}
	if (opt.die_after > 0 && ++served == opt.die_after) {
		note("die");
		exit(opt.status);
	}
}

static void
on_signal(int signo)
{
	char c = (char)signo;
	int saved = errno;

	if (write(sigpipe[1], &c, 1) == -1)
		_exit(70);
	errno = saved;
}

static void
signals_catch(void)
{
	struct sigaction sa;

	if (pipe(sigpipe) == -1)
		err(71, "pipe");
	fcntl(sigpipe[0], F_SETFD, FD_CLOEXEC);
	fcntl(sigpipe[1], F_SETFD, FD_CLOEXEC);
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_signal;
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	sigaction(SIGUSR1, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void
signal_take(void)
{
	char c;

	if (read(sigpipe[0], &c, 1) != 1)
		return;
	switch (c) {
	case SIGUSR1:
		mode_reread();
		break;
	case SIGTERM:
		note("term");
		if (opt.ignore_term)
			break;
		if (opt.term_delay > 0)
			poll(NULL, 0, opt.term_delay);
		note("exit");
		exit(opt.status);
	case SIGINT:
		note("int");
		exit(opt.status);
	case SIGHUP:
		note("hup");
		break;
	}
}

/* Ends in the daemon.  The first process ends when told, or at once. */
static int
become_daemon(void)
{
	int told[2], fd;
	char c;

	if (pipe(told) == -1)
		err(71, "pipe");
	switch (fork()) {
	case -1:
		err(71, "fork");
	case 0:
		break;
	default:
		close(told[1]);
		if (!opt.impatient && read(told[0], &c, 1) != 1)
			_exit(71);
		_exit(0);
	}
	close(told[0]);
	setsid();
	switch (fork()) {
	case -1:
		err(71, "fork");
	case 0:
		break;
	default:
		_exit(0);
	}
	if (chdir("/") == -1 || (fd = open("/dev/null", O_RDWR)) == -1)
		err(71, "daemon");
	dup2(fd, 0);
	dup2(fd, 1);
	dup2(fd, 2);
	if (fd > 2)
		close(fd);
	fcntl(told[1], F_SETFD, FD_CLOEXEC);
	return (told[1]);
}

static void
pidfile_write(void)
{
	char buf[32];
	int fd, len;

	fd = open(opt.pidfile, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd == -1 || (opt.lock && flock(fd, LOCK_EX | LOCK_NB) == -1) ||
	    ftruncate(fd, 0) == -1)
		err(73, "%s", opt.pidfile);
	len = snprintf(buf, sizeof(buf), "%ld\n", (long)getpid());
	if (write(fd, buf, (size_t)len) != len)
		err(73, "%s", opt.pidfile);
	if (!opt.lock)
		close(fd);
}

/* Sleepers in our process group that only SIGKILL can end. */
static void
make_grandchildren(void)
{
	pid_t pid;
	int i;

	for (i = 0; i < opt.grandchildren; i++) {
		pid = fork();
		if (pid == -1)
			err(71, "fork");
		if (pid == 0) {
			signal(SIGTERM, SIG_IGN);
			signal(SIGHUP, SIG_IGN);
			signal(SIGINT, SIG_IGN);
			note("grandchild");
			for (;;)
				pause();
		}
	}
}

static void
say(const char *text)
{
	size_t len = strlen(text);

	if (write(1, text, len) != (ssize_t)len || write(1, "\n", 1) != 1)
		note("stdout-lost");
}

static int
sleep_for(int64_t started)
{
	int64_t left = -1;

	if (opt.lifetime >= 0) {
		left = opt.lifetime - (now() - started) / 1000000;
		if (left <= 0) {
			note("exit");
			exit(opt.status);
		}
	}
	if (opt.mode == FLAPS && (left == -1 || left > opt.period))
		left = opt.period;
	if (opt.mode == TRICKLES && nconns > 0 && (left == -1 || left > 50))
		left = 50;
	if (opt.mode == FLOODS && nconns > 0)
		left = 1;
	return ((int)left);
}

static void
flap(int64_t *last)
{
	if (opt.mode != FLAPS || now() - *last < opt.period * 1000000LL)
		return;
	*last = now();
	if (listener == -1)
		listener_open(128);
	else
		listener_close();
	note_at(*last, "flap", getpid(), listener == -1 ? "down" : "up");
}

static void
turn(int64_t started, int64_t *flapped)
{
	struct pollfd pfds[MAXCONN + 2];
	int i, n = 0, timeout;
	bool reads;

	/* A full backlog stays full only if nobody accepts. */
	reads = opt.mode != SILENT && opt.mode != FULL;
	pfds[n++] = (struct pollfd) {.fd = sigpipe[0], .events = POLLIN};
	pfds[n++] = (struct pollfd) {
	    .fd = opt.mode == FULL ? -1 : listener, .events = POLLIN};
	for (i = 0; reads && i < nconns; i++)
		pfds[n++] = (struct pollfd) {.fd = conns[i], .events = POLLIN};
	timeout = sleep_for(started);
	if (poll(pfds, (nfds_t)n, timeout) == -1)
		return;
	for (i = n - 1; i >= 2; i--)
		if (pfds[i].revents != 0)
			conn_read(i - 2);
	if (opt.mode == FLOODS || opt.mode == TRICKLES)
		for (i = nconns - 1; i >= 0; i--)
			conn_spew(i);
	if (pfds[1].revents != 0)
		conn_accept();
	if (pfds[0].revents != 0)
		signal_take();
	flap(flapped);
}

static void
usage(void)
{
	fprintf(stderr,
	    "usage: fakeserver [-dfIW] [-A answer] [-a address] [-C modefile]\n"
	    "\t[-D listen-delay-ms] [-g grandchildren] [-k flap-ms]\n"
	    "\t[-l log] [-m mode] [-n connections] [-o text] [-P pidfile]\n"
	    "\t[-p port] [-T term-delay-ms] [-t lifetime-ms] [-x status]\n");
	exit(64);
}

static void
options(int argc, char *argv[])
{
	int ch;

	while ((ch = getopt(
		    argc, argv, "A:a:C:D:dfg:Ik:l:m:n:o:P:p:T:t:Wx:")) != -1)
		switch (ch) {
		case 'A':
			opt.answer = optarg;
			break;
		case 'a':
			opt.host = optarg;
			break;
		case 'C':
			opt.modefile = optarg;
			break;
		case 'D':
			opt.listen_delay = atoi(optarg);
			break;
		case 'd':
			opt.daemon = true;
			break;
		case 'f':
			opt.lock = true;
			break;
		case 'g':
			opt.grandchildren = atoi(optarg);
			break;
		case 'I':
			opt.ignore_term = true;
			break;
		case 'k':
			opt.period = atoi(optarg);
			break;
		case 'l':
			opt.log = optarg;
			break;
		case 'm':
			opt.mode = mode_named(optarg);
			break;
		case 'n':
			opt.die_after = atoi(optarg);
			break;
		case 'o':
			opt.text = optarg;
			break;
		case 'P':
			opt.pidfile = optarg;
			break;
		case 'p':
			opt.port = atoi(optarg);
			break;
		case 'T':
			opt.term_delay = atoi(optarg);
			break;
		case 't':
			opt.lifetime = atoi(optarg);
			break;
		case 'W':
			opt.impatient = true;
			break;
		case 'x':
			opt.status = atoi(optarg);
			break;
		default:
			usage();
		}
}

int
main(int argc, char *argv[])
{
	struct rlimit rl;
	int64_t started = now(), flapped;
	int told = -1;

	options(argc, argv);
	/* A thousand silent connections must not be our own undoing. */
	if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur < rl.rlim_max) {
		rl.rlim_cur = rl.rlim_max;
		setrlimit(RLIMIT_NOFILE, &rl);
	}
	if (opt.text != NULL)
		say(opt.text);
	if (opt.daemon)
		told = become_daemon();
	signals_catch();
	note_at(started, "start", getpid(), "");
	make_grandchildren();
	if (opt.listen_delay > 0)
		poll(NULL, 0, opt.listen_delay);
	if (opt.pidfile != NULL)
		pidfile_write();
	mode_set(opt.mode);
	if (told != -1 && write(told, "", 1) != 1 && !opt.impatient)
		err(71, "pipe");
	if (told != -1)
		close(told);
	for (flapped = now();;)
		turn(started, &flapped);
}
