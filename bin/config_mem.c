/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The memory of a configuration: every block is linked to its owner, the
 * struct config, and goes with it.  Arrays, which grow, are blocks of their
 * own; of the many small texts several share one, as what malloc(3) and a link
 * take for each would be more than the text.  Tools that watch the bounds of
 * allocations see none then, so where they are built in nothing is shared.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config_parse.h"

struct config_mem {
	struct config_mem *next;
	struct config_mem **prev;
	max_align_t data[];
};

static struct config_mem *
mem_of(void *ptr)
{
	return ((struct config_mem *)(void *)((char *)ptr -
	    offsetof(struct config_mem, data)));
}

static void
link_mem(struct config *c, struct config_mem *m)
{
	m->next = c->mem;
	m->prev = &c->mem;
	if (m->next != NULL)
		m->next->prev = &m->next;
	c->mem = m;
}

static void
unlink_mem(struct config_mem *m)
{
	*m->prev = m->next;
	if (m->next != NULL)
		m->next->prev = m->prev;
}

void *
config_alloc(struct config *c, size_t size)
{
	struct config_mem *m;

	if (size > SIZE_MAX - sizeof(*m)) {
		errno = ENOMEM;
		return (NULL);
	}
	if ((m = calloc(1, sizeof(*m) + size)) == NULL)
		return (NULL);
	link_mem(c, m);
	return (m->data);
}

void *
config_resize(struct config *c, void *ptr, size_t size)
{
	struct config_mem *m, *old;

	if (ptr == NULL)
		return (config_alloc(c, size));
	if (size > SIZE_MAX - sizeof(*m)) {
		errno = ENOMEM;
		return (NULL);
	}
	old = mem_of(ptr);
	unlink_mem(old);
	if ((m = realloc(old, sizeof(*m) + size)) == NULL) {
		link_mem(c, old);
		return (NULL);
	}
	link_mem(c, m);
	return (m->data);
}

#define SHARED_SIZE 4000u /* with malloc's part and the link, a page */

/* For what never grows. */
static void *
alloc_small(struct config *c, size_t size, size_t align)
{
	size_t at = (c->shared_used + align - 1) & ~(align - 1);

	if (size > SHARED_TEXT_MAX)
		return (config_alloc(c, size));
	if (c->shared == NULL || size > SHARED_SIZE - at) {
		char *more = config_alloc(c, SHARED_SIZE);

		if (more == NULL)
			return (NULL);
		c->shared = more;
		at = 0;
	}
	c->shared_used = at + size;
	return (c->shared + at);
}

char *
config_strndup(struct config *c, const char *s, size_t len)
{
	char *copy;

	if (len == SIZE_MAX || (copy = alloc_small(c, len + 1, 1)) == NULL)
		return (NULL);
	memcpy(copy, s, len);
	return (copy);
}

void
config_free(struct config *c)
{
	struct config_mem *m, *next;

	if (c == NULL)
		return;
	for (m = c->mem; m != NULL; m = next) {
		next = m->next;
		free(m);
	}
	free(c);
}

void *
parser_alloc(struct parser *p, size_t size)
{
	void *ptr = alloc_small(p->config, size, _Alignof(max_align_t));

	if (ptr == NULL)
		p->nomem = true;
	return (ptr);
}

char *
parser_strndup(struct parser *p, const char *s, size_t len)
{
	char *copy = config_strndup(p->config, s, len);

	if (copy == NULL)
		p->nomem = true;
	return (copy);
}

/*
 * The arrays grow to powers of two and know only how many elements are in
 * use: n itself tells when they are full.
 */
void *
config_more(struct parser *p, void *array, size_t n, size_t size)
{
	size_t want;

	if (array != NULL && (n & (n - 1)) != 0)
		return (array);
	want = n == 0 ? 1 : 2 * n;
	if (want > SIZE_MAX / size ||
	    (array = config_resize(p->config, array, want * size)) == NULL) {
		p->nomem = true;
		return (NULL);
	}
	memset((char *)array + n * size, 0, (want - n) * size);
	return (array);
}

void *
config_trim(struct parser *p, void *array, size_t n, size_t size)
{
	void *less;

	if (array == NULL || n == 0)
		return (array);
	less = config_resize(p->config, array, n * size);
	if (less == NULL)
		p->nomem = true;
	return (less != NULL ? less : array);
}
