/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * getprogname(3) and setprogname(3).  The name is the process', hence the one
 * variable; like the BSDs', it points into what the caller gave.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

static const char *name;

const char *
getprogname(void)
{
	return (name != NULL ? name : program_invocation_short_name);
}

void
setprogname(const char *path)
{
	const char *slash = strrchr(path, '/');

	name = slash != NULL ? slash + 1 : path;
}
