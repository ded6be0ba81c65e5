/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The size that the kernel names is a guess: more may be there a moment later,
 * which it answers by ENOMEM.
 */
#include "config.h"

#include <sys/param.h>
#include <sys/types.h>
#include <sys/sysctl.h>

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "sysctl_bsd.h"

/* Each time there is room for a quarter more of what there was. */
#define TRIES 16

int
sysctl_read(const int *mib, unsigned n, void **buf, size_t *size, size_t *len)
{
	size_t want;
	void *more;
	int i;

	for (i = 1; i <= TRIES; i++) {
		want = 0;
		if (sysctl(mib, n, NULL, &want, NULL, 0) == -1)
			return (-1);
		want += want / 4 * (size_t)i;
		if (want > *size) {
			if ((more = realloc(*buf, want)) == NULL)
				return (-1);
			*buf = more;
			*size = want;
		}
		*len = *size;
		if (sysctl(mib, n, *buf, len, NULL, 0) == 0)
			return (0);
		if (errno != ENOMEM)
			return (-1);
	}
	return (-1);
}
