/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Systems whose C library hides no signal from sigaction(2).
 */
#include "config.h"

#include "system.h"

void
sigreset_hidden(void)
{
}
