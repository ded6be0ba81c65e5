/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * A file of variables, as services' packages bring it along.
 */
#ifndef BIN_ENVFILE_H
#define BIN_ENVFILE_H

#include <stddef.h>

#define ENVFILE_MAX (1u << 20) /* bytes */

/*
 * The text's variables, "NAME=value" each, NULL-ended, to be freed by
 * envfile_free().  NULL: out of memory (line 0), or that line is wrong.
 */
char **envfile_parse(
    const char *text, size_t len, unsigned *line, const char **why);
void envfile_free(char **vars);

#endif
