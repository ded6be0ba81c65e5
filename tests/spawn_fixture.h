/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * A started program's report on itself, "key=value" lines, and where it is.
 */
#ifndef TESTS_SPAWN_FIXTURE_H
#define TESTS_SPAWN_FIXTURE_H

#include <sys/types.h>

#include <limits.h>
#include <stddef.h>

/* This program's copy that every user can execute, and its directory. */
extern char self[PATH_MAX];
extern char dir[64];
/* argv[1] that makes it report. */
extern char report_arg[];

/* Make both.  0 or -1. */
int find_self(const char *argv0);
void clean_up(void);
/* dir/name; its path is put into path. */
void make_file(
    char *path, size_t len, const char *name, mode_t mode, const char *text);

/* Print it to the descriptor in argv[2] (1 if none); the exit status. */
int report_print(char *argv[], char *envp[]);
/* All that comes until the end, NUL-ended. */
void report_read(int fd, char *buf, size_t len);
/* What the report says of a key; "" if nothing.  Valid until the next call. */
const char *report_says(const char *text, const char *key);

/*
 * Run the program with a pipe as its descriptor out, and with what s says
 * besides; argv is set here unless it is there.  The report.
 */
struct dw_spawn;
const char *run_report(struct dw_spawn *s, int out);

#endif
