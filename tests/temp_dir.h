/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * A directory of a test's own; to be removed by it.
 */
#ifndef TESTS_TEMP_DIR_H
#define TESTS_TEMP_DIR_H

#include <stdio.h>
#include <stdlib.h>

/* With a name in it, it still fits into what sockets are called by. */
#define TEMP_DIR 48

/* Below $TMPDIR, or where the system has such, if that is short enough. */
static inline int
temp_dir(char made[TEMP_DIR], const char *name)
{
	const char *const places[] = {getenv("TMPDIR"), P_tmpdir};

	for (int i = 0; i < 2; i++) {
		int n = (places[i] == NULL) ?
		    -1 :
		    snprintf(made, TEMP_DIR, "%s/%s.XXXXXX", places[i], name);

		if (n > 0 && n < TEMP_DIR && mkdtemp(made) != NULL)
			return (0);
	}
	return (-1);
}

#endif
