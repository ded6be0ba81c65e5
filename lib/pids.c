/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Watchers by pid: pids.h.  Chains hold one link each on the average; without
 * memory they are longer, and that is all.
 */
#include "config.h"

#include <sys/types.h>

#include <stdlib.h>

#include "pids.h"

#define FIRST_SIZE ((size_t)16)

/* Pids follow each other: Fibonacci hashing spreads them. */
static size_t
slot(size_t size, pid_t pid)
{
	return (
	    (size_t)(((uint32_t)pid * UINT32_C(2654435769)) >> 7) & (size - 1));
}

static struct dw_pid_link **
chain(struct loop_pids *t, pid_t pid)
{
	if (t->buckets == NULL)
		return (&t->first);
	return (&t->buckets[slot(t->size, pid)]);
}

void
pids_push(struct dw_pid_link **head, struct dw_pid_link *l)
{
	l->next = *head;
	l->prev = head;
	if (l->next != NULL)
		l->next->prev = &l->next;
	*head = l;
}

void
pids_unlink(struct dw_pid_link *l)
{
	if (l->prev == NULL)
		return;
	*l->prev = l->next;
	if (l->next != NULL)
		l->next->prev = l->prev;
	l->next = NULL;
	l->prev = NULL;
}

/* Move a whole chain into the new buckets. */
static void
spread(struct dw_pid_link **head, struct dw_pid_link **to, size_t size)
{
	struct dw_pid_link *l;

	while ((l = *head) != NULL) {
		pids_unlink(l);
		pids_push(&to[slot(size, l->pid)], l);
	}
}

static void
grow(struct loop_pids *t)
{
	struct dw_pid_link **buckets;
	size_t i, size;

	size = t->size == 0 ? FIRST_SIZE : t->size * 2;
	if ((buckets = calloc(size, sizeof(struct dw_pid_link *))) == NULL)
		return;
	if (t->buckets == NULL) {
		spread(&t->first, buckets, size);
	} else {
		for (i = 0; i < t->size; i++)
			spread(&t->buckets[i], buckets, size);
	}
	free(t->buckets);
	t->buckets = buckets;
	t->size = size;
}

void
pids_add(struct loop_pids *t, struct dw_pid_link *l, pid_t pid)
{
	if (t->used >= t->size)
		grow(t);
	l->pid = pid;
	pids_push(chain(t, pid), l);
	t->used++;
}

void
pids_del(struct loop_pids *t, struct dw_pid_link *l)
{
	pids_unlink(l);
	t->used--;
}

static struct dw_pid_link *
match(struct dw_pid_link *l, pid_t pid)
{
	while (l != NULL && l->pid != pid)
		l = l->next;
	return (l);
}

struct dw_pid_link *
pids_find(const struct loop_pids *t, pid_t pid)
{
	if (t->buckets == NULL)
		return (match(t->first, pid));
	return (match(t->buckets[slot(t->size, pid)], pid));
}

struct dw_pid_link *
pids_next(const struct dw_pid_link *l)
{
	return (match(l->next, l->pid));
}

struct dw_pid_link *
pids_any(const struct loop_pids *t)
{
	size_t i;

	if (t->used == 0 || t->buckets == NULL)
		return (t->first);
	for (i = 0; i < t->size; i++) {
		if (t->buckets[i] != NULL)
			return (t->buckets[i]);
	}
	return (NULL);
}

struct dw_pid_link *
pids_walk(const struct loop_pids *t, const struct dw_pid_link *l)
{
	size_t i;

	if (l != NULL && l->next != NULL)
		return (l->next);
	if (t->buckets == NULL)
		return (l == NULL ? t->first : NULL);
	for (i = l == NULL ? 0 : slot(t->size, l->pid) + 1; i < t->size; i++) {
		if (t->buckets[i] != NULL)
			return (t->buckets[i]);
	}
	return (NULL);
}

void
pids_free(struct loop_pids *t)
{
	free(t->buckets);
	t->buckets = NULL;
	t->size = 0;
}
