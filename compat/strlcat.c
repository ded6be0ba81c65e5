/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * strlcat(3): appends what fits into dst of size bytes and returns the length
 * that it wanted to make.  A dst without an end within size is left as it is
 * and counts as size bytes long.
 */
#include "config.h"

#include <string.h>

size_t
strlcat(char *dst, const char *src, size_t size)
{
	size_t have = strnlen(dst, size), len = strlen(src), n;

	if (have < size) {
		n = len < size - have ? len : size - have - 1;
		memcpy(dst + have, src, n);
		dst[have + n] = '\0';
	}
	return (have + len);
}
