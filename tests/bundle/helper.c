/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What run.sh needs and a plain sh has not: a clock, short pauses, ports,
 * terminals, a look at processes and locks.  It asks the system itself and
 * not the library that is under test, except where it says so.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <netinet/in.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemonwatch.h"

#include "helper.h"

/* Below the ports that systems give to connections (IANA, Linux, BSD). */
#define PORT_FIRST 20000
#define PORT_COUNT 10000

struct verb {
	const char *name;
	int (*run)(int argc, char *argv[]);
	int least; /* words behind it */
	const char *usage;
};

long
number(const char *text)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (errno != 0 || *text == '\0' || *end != '\0' || n < 0)
		errx(64, "%s: no number", text);
	return (n);
}

static int64_t
milliseconds(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

static void
nap_for(long ms)
{
	struct timespec ts = {
	    .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	while (nanosleep(&ts, &ts) == -1 && errno == EINTR)
		continue;
}

/* Between two looks; sleep(1) knows only whole seconds everywhere. */
static int
nap(int argc, char *argv[])
{
	(void)argc;
	nap_for(number(argv[0]));
	return (0);
}

/* Small, so that a shell with 32 bits can compute with it. */
int
clock_show(int argc, char *argv[])
{
	(void)argc;
	(void)argv;
	(void)printf("%ld\n", (long)(milliseconds() % 1000000000));
	return (0);
}

static int
loopback(int port, struct sockaddr_in *sin)
{
	int fd, on = 1;

	memset(sin, 0, sizeof(*sin));
	sin->sin_family = AF_INET;
	sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sin->sin_port = htons((uint16_t)port);
	if ((fd = socket(AF_INET, SOCK_STREAM, 0)) == -1)
		err(71, "socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	return (fd);
}

/* Print a port that nobody has. */
static int
port_find(int argc, char *argv[])
{
	struct sockaddr_in sin;
	int fd, i, port;

	(void)argc;
	(void)argv;
	port = (int)((milliseconds() * 7 + getpid()) % PORT_COUNT);
	for (i = 0; i < PORT_COUNT; i++) {
		port = (port + 1) % PORT_COUNT;
		fd = loopback(PORT_FIRST + port, &sin);
		if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == 0 &&
		    listen(fd, 1) == 0) {
			(void)close(fd);
			(void)printf("%d\n", PORT_FIRST + port);
			return (0);
		}
		(void)close(fd);
	}
	errx(71, "no free port");
}

/* Does the port accept?  (Loopback: at once or not at all.) */
static int
connect_to(int argc, char *argv[])
{
	struct sockaddr_in sin;
	int fd, ret;

	(void)argc;
	(void)alarm(5);
	fd = loopback((int)number(argv[0]), &sin);
	ret = connect(fd, (struct sockaddr *)&sin, sizeof(sin));
	(void)close(fd);
	return (ret == 0 ? 0 : 1);
}

/* The library's answer: POSIX has none for a process that is not our child. */
static bool
is_zombie(pid_t pid)
{
	struct dw_proc_info info;

	return (dw_proc_info(pid, &info, NULL, 0) == 0 && info.zombie);
}

/* Wait until the process has ended. */
static int
gone(int argc, char *argv[])
{
	pid_t pid = (pid_t)number(argv[0]);
	int64_t deadline;

	(void)argc;
	if (pid <= 1)
		errx(64, "%s: no process to wait for", argv[0]);
	deadline = milliseconds() + number(argv[1]);
	while ((kill(pid, 0) == 0 || errno == EPERM) && !is_zombie(pid)) {
		if (milliseconds() >= deadline)
			return (1);
		nap_for(2);
	}
	return (0);
}

/*
 * Print parent, process group and session of a process.  The parent is the
 * library's answer: no call of POSIX tells another's.
 */
static int
ids(int argc, char *argv[])
{
	struct dw_proc_info info;
	pid_t pid = (pid_t)number(argv[0]);

	(void)argc;
	if (dw_proc_info(pid, &info, NULL, 0) == -1)
		err(1, "%s", argv[0]);
	(void)printf("%ld %ld %ld\n", (long)info.ppid, (long)getpgid(pid),
	    (long)getsid(pid));
	return (0);
}

static int
show_child(const struct dw_proc_info *info, void *arg)
{
	if (info->ppid == *(pid_t *)arg && !info->zombie)
		(void)printf("%ld %s\n", (long)info->id.pid, info->args);
	return (0);
}

/* Print the children of a process, as the library sees them. */
static int
children(int argc, char *argv[])
{
	pid_t pid = (pid_t)number(argv[0]);

	(void)argc;
	if (dw_procs_each(DW_PROCS_ARGS, show_child, &pid) == -1)
		err(1, "process table");
	return (0);
}

/* Does nobody hold the file's lock?  flock(2) is what pidfile_open(3) takes. */
static int
unlocked(int argc, char *argv[])
{
	int fd;

	(void)argc;
	if ((fd = open(argv[0], O_RDWR)) == -1)
		err(2, "%s", argv[0]);
	return (flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : 1);
}

/* Exec a program with what a bad parent leaves: signals, umask, files. */
static int
poor(int argc, char *argv[])
{
	static const int signals[] = {SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2,
	    SIGPIPE, SIGALRM, SIGCHLD};
	struct rlimit rl;
	sigset_t all;
	size_t i;
	int fd;

	(void)argc;
	(void)umask(0777);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)signal(signals[i], SIG_IGN);
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, NULL);
	if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur < 400) {
		rl.rlim_cur = rl.rlim_max < 400 ? rl.rlim_max : 400;
		(void)setrlimit(RLIMIT_NOFILE, &rl);
	}
	if ((fd = open("/", O_RDONLY)) == -1)
		err(71, "/");
	for (i = 10; i < 310; i++)
		(void)dup2(fd, (int)i);
	(void)execvp(argv[0], argv);
	err(127, "%s", argv[0]);
}

/* Exec a program as if from a terminal: a shell ignores SIGINT for its jobs. */
static int
plainly(int argc, char *argv[])
{
	sigset_t none;
	int signo;

	(void)argc;
	for (signo = 1; signo < 32; signo++)
		(void)signal(signo, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)execvp(argv[0], argv);
	err(127, "%s", argv[0]);
}

static const struct verb verbs[] = {
    {"children", children, 1, "pid"},
    {"clock", clock_show, 0, ""},
    {"connect", connect_to, 1, "port"},
    {"daemon", daemon_be, 1, "[-g gate] [-x status] facts-file"},
    {"facts", facts, 1, "[-1] facts-file"},
    {"gone", gone, 2, "pid milliseconds"},
    {"ids", ids, 1, "pid"},
    {"nap", nap, 1, "milliseconds"},
    {"plainly", plainly, 1, "command ..."},
    {"poor", poor, 1, "command ..."},
    {"port", port_find, 0, ""},
    {"session", session, 2, "seconds command ..."},
    {"sweep", sweep, 1, "milliseconds"},
    {"terminal", terminal, 1, "command ..."},
    {"unlocked", unlocked, 1, "file"},
};

int
main(int argc, char *argv[])
{
	size_t i;

	for (i = 0; argc > 1 && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(argv[1], verbs[i].name) == 0 &&
		    argc - 2 >= verbs[i].least)
			return (verbs[i].run(argc - 2, argv + 2));
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		(void)fprintf(stderr, "usage: helper %s %s\n", verbs[i].name,
		    verbs[i].usage);
	return (64);
}
