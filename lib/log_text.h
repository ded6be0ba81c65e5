/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The text of a line of the log, fit for a terminal.
 */
#ifndef LIB_LOG_TEXT_H
#define LIB_LOG_TEXT_H

#include <stdarg.h>

#include "daemonwatch.h"

#define LOG_TEXT_SIZE 1024

/*
 * Format, escape what is not UTF-8 or could steer a terminal, and cut what
 * is too long, with an ellipsis.  buf has LOG_TEXT_SIZE bytes.
 */
void log_text(char *buf, const char *fmt, va_list ap) DW_PRINTF(2, 0);

#endif
