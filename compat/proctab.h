/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The process table of this system, one file each: proctab_linux.c, …
 */
#ifndef COMPAT_PROCTAB_H
#define COMPAT_PROCTAB_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct proctab_entry {
	pid_t pid;
	pid_t ppid;
	pid_t pgid;
	pid_t sid;
	uid_t uid;	/* effective */
	uint64_t start; /* the kernel's figure; with pid it names a process */
	int64_t age;	/* nanoseconds */
	bool zombie;
	const char *args; /* joined by blanks, NUL-ended */
	size_t args_len;
};

struct proctab;

/* Open the table.  args: with command lines.  NULL with errno. */
struct proctab *proctab_open(bool args);
/* 1 and the next one, valid until the next call; 0 at the end; -1. */
int proctab_next(struct proctab *t, struct proctab_entry *e);
void proctab_close(struct proctab *t);
/*
 * One process, without allocating: 0, or -1 with ESRCH.  With a buffer, also
 * its command line (cut to fit).
 */
int proctab_get(pid_t pid, struct proctab_entry *e, char *buf, size_t len);
/* The name of this boot.  0 or -1. */
int proctab_boot_id(char *buf, size_t len);

#endif
