/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The control socket, the supervisor's end: a line of JSON is a request, a
 * line of JSON the answer.  Only root and the user daemonwatch runs as are
 * heard.  A client that does not read costs nothing but itself.
 */
#ifndef BIN_CONTROL_H
#define BIN_CONTROL_H

#include <stddef.h>

#define CONTROL_VERSION 1
#define CONTROL_LINE_MAX 65536u

struct control;
struct supervisor;

/* NULL with errno; *what is then what could not be done. */
struct control *control_new(
    struct supervisor *sup, const char *path, const char **what);
/* Also removes the socket. */
void control_free(struct control *c);

#endif
