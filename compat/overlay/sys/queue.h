/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * <sys/queue.h> of the BSDs, as queue(3) describes it: glibc's lacks the _SAFE
 * forms, musl has none.  SLIST, STAILQ, LIST and TAILQ.
 *
 * The names of arguments are long so that they hide no caller's field.
 */
#ifndef OVERLAY_SYS_QUEUE_H
#define OVERLAY_SYS_QUEUE_H

#include <stddef.h>

/*
 * SLIST: singly linked.
 */
#define SLIST_HEAD(name, type)          \
	struct name {                   \
		struct type *slh_first; \
	}
#define SLIST_HEAD_INITIALIZER(head) \
	{                            \
		NULL                 \
	}
#define SLIST_ENTRY(type)              \
	struct {                       \
		struct type *sle_next; \
	}

#define SLIST_INIT(head) ((void)((head)->slh_first = NULL))
#define SLIST_FIRST(head) ((head)->slh_first)
#define SLIST_EMPTY(head) ((head)->slh_first == NULL)
#define SLIST_NEXT(elm, field) ((elm)->field.sle_next)

#define SLIST_FOREACH(var, head, field)                \
	for ((var) = (head)->slh_first; (var) != NULL; \
	     (var) = (var)->field.sle_next)
#define SLIST_FOREACH_SAFE(var, head, field, tvar)                 \
	for ((var) = (head)->slh_first;                            \
	     (var) != NULL && ((tvar) = (var)->field.sle_next, 1); \
	     (var) = (tvar))

#define SLIST_INSERT_HEAD(head, elm, field)                \
	do {                                               \
		(elm)->field.sle_next = (head)->slh_first; \
		(head)->slh_first = (elm);                 \
	} while (0)
#define SLIST_INSERT_AFTER(listelm, elm, field)                    \
	do {                                                       \
		(elm)->field.sle_next = (listelm)->field.sle_next; \
		(listelm)->field.sle_next = (elm);                 \
	} while (0)
#define SLIST_REMOVE_HEAD(head, field) \
	((void)((head)->slh_first = (head)->slh_first->field.sle_next))
#define SLIST_REMOVE_AFTER(elm, field) \
	((void)((elm)->field.sle_next = (elm)->field.sle_next->field.sle_next))
#define SLIST_REMOVE(head, elm, type, field)                     \
	do {                                                     \
		struct type **queue_at = &(head)->slh_first;     \
		while (*queue_at != (elm))                       \
			queue_at = &(*queue_at)->field.sle_next; \
		*queue_at = (elm)->field.sle_next;               \
	} while (0)

/*
 * STAILQ: singly linked, with a tail.
 */
#define STAILQ_HEAD(name, type)                       \
	struct name {                                 \
		struct type *stqh_first, **stqh_last; \
	}
#define STAILQ_HEAD_INITIALIZER(head)    \
	{                                \
		NULL, &(head).stqh_first \
	}
#define STAILQ_ENTRY(type)              \
	struct {                        \
		struct type *stqe_next; \
	}

#define STAILQ_INIT(head)                                \
	do {                                             \
		(head)->stqh_first = NULL;               \
		(head)->stqh_last = &(head)->stqh_first; \
	} while (0)
#define STAILQ_FIRST(head) ((head)->stqh_first)
#define STAILQ_EMPTY(head) ((head)->stqh_first == NULL)
#define STAILQ_NEXT(elm, field) ((elm)->field.stqe_next)

#define STAILQ_FOREACH(var, head, field)                \
	for ((var) = (head)->stqh_first; (var) != NULL; \
	     (var) = (var)->field.stqe_next)
#define STAILQ_FOREACH_SAFE(var, head, field, tvar)                 \
	for ((var) = (head)->stqh_first;                            \
	     (var) != NULL && ((tvar) = (var)->field.stqe_next, 1); \
	     (var) = (tvar))

#define STAILQ_INSERT_HEAD(head, elm, field)                         \
	do {                                                         \
		(elm)->field.stqe_next = (head)->stqh_first;         \
		if ((elm)->field.stqe_next == NULL)                  \
			(head)->stqh_last = &(elm)->field.stqe_next; \
		(head)->stqh_first = (elm);                          \
	} while (0)
#define STAILQ_INSERT_TAIL(head, elm, field)                 \
	do {                                                 \
		(elm)->field.stqe_next = NULL;               \
		*(head)->stqh_last = (elm);                  \
		(head)->stqh_last = &(elm)->field.stqe_next; \
	} while (0)
#define STAILQ_INSERT_AFTER(head, listelm, elm, field)               \
	do {                                                         \
		(elm)->field.stqe_next = (listelm)->field.stqe_next; \
		if ((elm)->field.stqe_next == NULL)                  \
			(head)->stqh_last = &(elm)->field.stqe_next; \
		(listelm)->field.stqe_next = (elm);                  \
	} while (0)
#define STAILQ_REMOVE_HEAD(head, field)                                   \
	do {                                                              \
		(head)->stqh_first = (head)->stqh_first->field.stqe_next; \
		if ((head)->stqh_first == NULL)                           \
			(head)->stqh_last = &(head)->stqh_first;          \
	} while (0)
#define STAILQ_REMOVE(head, elm, type, field)                     \
	do {                                                      \
		struct type **queue_at = &(head)->stqh_first;     \
		while (*queue_at != (elm))                        \
			queue_at = &(*queue_at)->field.stqe_next; \
		*queue_at = (elm)->field.stqe_next;               \
		if (*queue_at == NULL)                            \
			(head)->stqh_last = queue_at;             \
	} while (0)
#define STAILQ_CONCAT(head1, head2)                                \
	do {                                                       \
		if ((head2)->stqh_first != NULL) {                 \
			*(head1)->stqh_last = (head2)->stqh_first; \
			(head1)->stqh_last = (head2)->stqh_last;   \
			STAILQ_INIT(head2);                        \
		}                                                  \
	} while (0)

/*
 * LIST: doubly linked, without a tail.
 */
#define LIST_HEAD(name, type)          \
	struct name {                  \
		struct type *lh_first; \
	}
#define LIST_HEAD_INITIALIZER(head) \
	{                           \
		NULL                \
	}
#define LIST_ENTRY(type)                         \
	struct {                                 \
		struct type *le_next, **le_prev; \
	}

#define LIST_INIT(head) ((void)((head)->lh_first = NULL))
#define LIST_FIRST(head) ((head)->lh_first)
#define LIST_EMPTY(head) ((head)->lh_first == NULL)
#define LIST_NEXT(elm, field) ((elm)->field.le_next)

#define LIST_FOREACH(var, head, field)                \
	for ((var) = (head)->lh_first; (var) != NULL; \
	     (var) = (var)->field.le_next)
#define LIST_FOREACH_SAFE(var, head, field, tvar)                 \
	for ((var) = (head)->lh_first;                            \
	     (var) != NULL && ((tvar) = (var)->field.le_next, 1); \
	     (var) = (tvar))

#define LIST_INSERT_HEAD(head, elm, field)                \
	do {                                              \
		(elm)->field.le_next = (head)->lh_first;  \
		(elm)->field.le_prev = &(head)->lh_first; \
		if ((head)->lh_first != NULL)             \
			(head)->lh_first->field.le_prev = \
			    &(elm)->field.le_next;        \
		(head)->lh_first = (elm);                 \
	} while (0)
#define LIST_INSERT_AFTER(listelm, elm, field)                    \
	do {                                                      \
		(elm)->field.le_next = (listelm)->field.le_next;  \
		(elm)->field.le_prev = &(listelm)->field.le_next; \
		if ((elm)->field.le_next != NULL)                 \
			(elm)->field.le_next->field.le_prev =     \
			    &(elm)->field.le_next;                \
		(listelm)->field.le_next = (elm);                 \
	} while (0)
#define LIST_INSERT_BEFORE(listelm, elm, field)                   \
	do {                                                      \
		(elm)->field.le_next = (listelm);                 \
		(elm)->field.le_prev = (listelm)->field.le_prev;  \
		*(listelm)->field.le_prev = (elm);                \
		(listelm)->field.le_prev = &(elm)->field.le_next; \
	} while (0)
#define LIST_REMOVE(elm, field)                               \
	do {                                                  \
		if ((elm)->field.le_next != NULL)             \
			(elm)->field.le_next->field.le_prev = \
			    (elm)->field.le_prev;             \
		*(elm)->field.le_prev = (elm)->field.le_next; \
	} while (0)

/*
 * TAILQ: doubly linked, with a tail.  A head begins like an entry, which is
 * how the previous of an element is found from the address of its link.
 */
#define TAILQ_HEAD(name, type)                      \
	struct name {                               \
		struct type *tqh_first, **tqh_last; \
	}
#define TAILQ_HEAD_INITIALIZER(head)    \
	{                               \
		NULL, &(head).tqh_first \
	}
#define TAILQ_ENTRY(type)                          \
	struct {                                   \
		struct type *tqe_next, **tqe_prev; \
	}

#define TAILQ_INIT(head)                               \
	do {                                           \
		(head)->tqh_first = NULL;              \
		(head)->tqh_last = &(head)->tqh_first; \
	} while (0)
#define TAILQ_FIRST(head) ((head)->tqh_first)
#define TAILQ_EMPTY(head) ((head)->tqh_first == NULL)
#define TAILQ_NEXT(elm, field) ((elm)->field.tqe_next)
#define TAILQ_LAST(head, name) \
	(*((struct name *)(void *)(head)->tqh_last)->tqh_last)
#define TAILQ_PREV(elm, name, field) \
	(*((struct name *)(void *)(elm)->field.tqe_prev)->tqh_last)

#define TAILQ_FOREACH(var, head, field)                \
	for ((var) = (head)->tqh_first; (var) != NULL; \
	     (var) = (var)->field.tqe_next)
#define TAILQ_FOREACH_SAFE(var, head, field, tvar)                 \
	for ((var) = (head)->tqh_first;                            \
	     (var) != NULL && ((tvar) = (var)->field.tqe_next, 1); \
	     (var) = (tvar))
#define TAILQ_FOREACH_REVERSE(var, head, name, field)       \
	for ((var) = TAILQ_LAST(head, name); (var) != NULL; \
	     (var) = TAILQ_PREV(var, name, field))
#define TAILQ_FOREACH_REVERSE_SAFE(var, head, name, field, tvar)          \
	for ((var) = TAILQ_LAST(head, name);                              \
	     (var) != NULL && ((tvar) = TAILQ_PREV(var, name, field), 1); \
	     (var) = (tvar))

#define TAILQ_INSERT_HEAD(head, elm, field)                        \
	do {                                                       \
		(elm)->field.tqe_next = (head)->tqh_first;         \
		(elm)->field.tqe_prev = &(head)->tqh_first;        \
		if ((head)->tqh_first != NULL)                     \
			(head)->tqh_first->field.tqe_prev =        \
			    &(elm)->field.tqe_next;                \
		else                                               \
			(head)->tqh_last = &(elm)->field.tqe_next; \
		(head)->tqh_first = (elm);                         \
	} while (0)
#define TAILQ_INSERT_TAIL(head, elm, field)                \
	do {                                               \
		(elm)->field.tqe_next = NULL;              \
		(elm)->field.tqe_prev = (head)->tqh_last;  \
		*(head)->tqh_last = (elm);                 \
		(head)->tqh_last = &(elm)->field.tqe_next; \
	} while (0)
#define TAILQ_INSERT_AFTER(head, listelm, elm, field)               \
	do {                                                        \
		(elm)->field.tqe_next = (listelm)->field.tqe_next;  \
		(elm)->field.tqe_prev = &(listelm)->field.tqe_next; \
		if ((elm)->field.tqe_next != NULL)                  \
			(elm)->field.tqe_next->field.tqe_prev =     \
			    &(elm)->field.tqe_next;                 \
		else                                                \
			(head)->tqh_last = &(elm)->field.tqe_next;  \
		(listelm)->field.tqe_next = (elm);                  \
	} while (0)
#define TAILQ_INSERT_BEFORE(listelm, elm, field)                    \
	do {                                                        \
		(elm)->field.tqe_next = (listelm);                  \
		(elm)->field.tqe_prev = (listelm)->field.tqe_prev;  \
		*(listelm)->field.tqe_prev = (elm);                 \
		(listelm)->field.tqe_prev = &(elm)->field.tqe_next; \
	} while (0)
#define TAILQ_REMOVE(head, elm, field)                            \
	do {                                                      \
		if ((elm)->field.tqe_next != NULL)                \
			(elm)->field.tqe_next->field.tqe_prev =   \
			    (elm)->field.tqe_prev;                \
		else                                              \
			(head)->tqh_last = (elm)->field.tqe_prev; \
		*(elm)->field.tqe_prev = (elm)->field.tqe_next;   \
	} while (0)
#define TAILQ_CONCAT(head1, head2, field)                        \
	do {                                                     \
		if ((head2)->tqh_first != NULL) {                \
			*(head1)->tqh_last = (head2)->tqh_first; \
			(head2)->tqh_first->field.tqe_prev =     \
			    (head1)->tqh_last;                   \
			(head1)->tqh_last = (head2)->tqh_last;   \
			TAILQ_INIT(head2);                       \
		}                                                \
	} while (0)

#endif
