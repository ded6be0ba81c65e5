/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What the parts of the bundle's helper share.
 */
#ifndef BUNDLE_HELPER_H
#define BUNDLE_HELPER_H

/* Each gets the words behind the verb, and returns the exit status. */
int clock_show(int argc, char *argv[]);
int facts(int argc, char *argv[]);
int daemon_be(int argc, char *argv[]);
int terminal(int argc, char *argv[]);
int session(int argc, char *argv[]);
int sweep(int argc, char *argv[]);

/* A number of the command line, or the end. */
long number(const char *text);

#endif
