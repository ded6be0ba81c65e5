/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * strtonum(3) as OpenBSD defines it: a decimal number that is all of the
 * string and within limits, or 0 with the reason in *errstr and in errno.
 * (libbsd 0.11 leaves errno alone, and sees a number out of range in what
 * has garbage behind it: rely on *errstr, and only on its being set.)
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

long long
strtonum(const char *s, long long min, long long max, const char **errstr)
{
	const char *why = NULL;
	long long value = 0;
	char *end;
	int error = errno, code = EINVAL;

	errno = 0;
	if (min > max) {
		why = "invalid";
	} else {
		value = strtoll(s, &end, 10);
		if (end == s || *end != '\0') {
			why = "invalid";
		} else if (value < min || (value < 0 && errno == ERANGE)) {
			why = "too small";
			code = ERANGE;
		} else if (value > max || errno == ERANGE) {
			why = "too large";
			code = ERANGE;
		}
	}
	errno = why == NULL ? error : code;
	if (errstr != NULL)
		*errstr = why;
	return (why == NULL ? value : 0);
}
