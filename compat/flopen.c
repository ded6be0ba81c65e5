/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * flopen(3): flopenat(3) from the working directory.
 */
#include "config.h"

#include <fcntl.h>
#include <libutil.h>
#include <stdarg.h>

int
flopen(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	if (flags & O_CREAT) {
		va_start(ap, flags);
		mode = (mode_t)va_arg(ap, int);
		va_end(ap);
	}
	return (flopenat(AT_FDCWD, path, flags, mode));
}
