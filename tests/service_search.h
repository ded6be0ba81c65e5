/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The search over all states of a service: see service_search.c.
 */
#ifndef TESTS_SERVICE_SEARCH_H
#define TESTS_SERVICE_SEARCH_H

#include "service_model.h"

#define NITEMS(a) (sizeof(a) / sizeof((a)[0]))

/* Every state of such a service, times every event; fails the test. */
void search_explore(const struct model_conf *conf);
/* A teardown of the group: how much that was. */
int search_print(void **state);

#endif
