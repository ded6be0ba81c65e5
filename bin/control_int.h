/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Between the control socket (control.c) and what its requests do
 * (control_verbs.c).
 */
#ifndef BIN_CONTROL_INT_H
#define BIN_CONTROL_INT_H

#include <jansson.h>

#include "control.h"
#include "supervisor.h"

/* Do a request; the answer, NULL only without memory. */
json_t *control_do(struct supervisor *sup, const json_t *req);
json_t *control_error(const char *fmt, ...) DW_PRINTF(1, 2);

#endif
