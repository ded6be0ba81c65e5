/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * A hash of links by pid; the links are inside the watchers.  It grows when
 * there is memory and works when there is none, so that adding cannot fail: a
 * child that runs already must never be without its watcher.
 */
#ifndef LIB_PIDS_H
#define LIB_PIDS_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>

#include "loop.h"

/* The structure of the given type whose link this is. */
#define PIDS_OWNER(l, type) ((type *)(void *)((char *)(l)-offsetof(type, link)))

void pids_add(struct loop_pids *t, struct dw_pid_link *l, pid_t pid);
void pids_del(struct loop_pids *t, struct dw_pid_link *l);
/* The first of this pid, the next one of the same. */
struct dw_pid_link *pids_find(const struct loop_pids *t, pid_t pid);
struct dw_pid_link *pids_next(const struct dw_pid_link *l);
/* Any of them; NULL when the table is empty. */
struct dw_pid_link *pids_any(const struct loop_pids *t);
/* All of them: begin with NULL, ends with NULL; none may come or go. */
struct dw_pid_link *pids_walk(
    const struct loop_pids *t, const struct dw_pid_link *l);
/* Give the memory back; the table must be empty. */
void pids_free(struct loop_pids *t);

/* Links outside of a table: lists that begin at a pointer. */
void pids_push(struct dw_pid_link **head, struct dw_pid_link *l);
void pids_unlink(struct dw_pid_link *l);

#endif
