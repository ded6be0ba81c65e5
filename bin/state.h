/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The file `state` in the runtime directory: which process each child service
 * is, by pid, start time and boot, so that a daemonwatch that comes after one
 * that was killed takes them over instead of starting them twice.
 */
#ifndef BIN_STATE_H
#define BIN_STATE_H

struct supervisor;

/*
 * Adopt what the file says still runs, and mark what an operator has stopped.
 * A file that is no good is said. */
void state_load(struct supervisor *sup, const char *path);
/* Replace it by rename.  0, or -1 with errno. */
int state_save(const struct supervisor *sup, const char *path);

#endif
