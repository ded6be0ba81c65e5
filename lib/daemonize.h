/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What the two sides of becoming a daemon say to each other: daemonize.c is
 * the daemon's side, launcher.c the side of the process that is left behind.
 */
#ifndef LIB_DAEMONIZE_H
#define LIB_DAEMONIZE_H

#include <sys/types.h>

#include <signal.h>
#include <stdint.h>

#include "daemonwatch.h"

/* How the launcher waits. */
struct daemonize_wait {
	const char *name;     /* put before what it prints; NULL: nothing */
	int64_t timeout;      /* for the daemon to be ready; 0: none */
	int stop_signal;      /* what it gets then, */
	int64_t stop_timeout; /* and how long until SIGKILL */
};

enum word_kind {
	WORD_READY,
	WORD_FAILED /* exit with status and print the text */
};

#define WORD_TEXT_SIZE 1024

/*
 * A record of the SOCK_SEQPACKET socket from the daemon to its launcher; sent
 * with MSG_EOR, without which FreeBSD 15 runs records together.
 */
struct word {
	int kind; /* enum word_kind */
	int status;
	char text[WORD_TEXT_SIZE]; /* sent up to its NUL */
};

/* A record of the pipe from the attendant (see launcher.c): a siginfo_t's. */
struct report {
	pid_t pid; /* of the daemon */
	int code;  /* 0: it has started; else CLD_EXITED … */
	int status;
};

/* dw_daemonize(), with a launcher that waits as said; NULL: as by default. */
int daemonize(const struct dw_daemonize *opt, const struct daemonize_wait *wait,
    int *ready);

struct launch {
	struct daemonize_wait wait;
	int words;   /* from the daemon */
	int reports; /* from the attendant; -1: child is the daemon */
	pid_t child;
	sigset_t mask; /* the caller's; all is blocked now */
};

/* The launcher's part: wait for the daemon's word, exit with it. */
_Noreturn void launcher_run(struct launch *launch);
/* SIGCHLD as launcher and attendant need it; old may be NULL. */
int launcher_catch_chld(struct sigaction *old);
/* The attendant's part: tell the launcher how the daemon ends. */
_Noreturn void launcher_attend(int reports, pid_t daemon);

#endif
