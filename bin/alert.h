/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Telling people, or their programs, what happens to services.  Nothing here
 * waits: each way of telling is a process with a deadline, and what comes
 * while it runs, or too soon after, is gathered for the next one.
 */
#ifndef BIN_ALERT_H
#define BIN_ALERT_H

#include <stddef.h>

#include "conf.h"

struct supervisor;
struct alerts;

/* NULL with errno. */
struct alerts *alerts_new(struct supervisor *sup);
/* What is still to be told is told now; nobody waits for how that ends. */
void alerts_free(struct alerts *all);
void alerts_tell(struct alerts *all, const char *service,
    enum alert_event event, const char *state, const char *cause);

#endif
