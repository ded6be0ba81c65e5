/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What spawn.c makes ready for spawn_child.c.
 */
#ifndef LIB_SPAWN_H
#define LIB_SPAWN_H

#include <sys/types.h>
#include <sys/resource.h>

#include <stddef.h>

#include "daemonwatch.h"

/* All that the child needs, made ready before it is there. */
struct spawn_plan {
	const struct dw_spawn *spawn;
	char *const *envp;
	char **paths; /* the files to try, NULL-ended */
	int *moved;   /* where each of fds is kept meanwhile */
	int *targets; /* 0 to 2 and those of fds, sorted */
	size_t ntargets;
	int high;      /* above all targets: the pipe's place */
	rlim_t nofile; /* the limit in force */
	int report;    /* the pipe */
	void *memory;  /* of paths, moved and targets */
};

/*
 * In the child: do all that is asked for, and execve(2).  What fails is written
 * to the pipe as a struct dw_spawn_error; so is, with error 0, that execve
 * comes next.
 */
_Noreturn void spawn_child(struct spawn_plan *p);

#endif
