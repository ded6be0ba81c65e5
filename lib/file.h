/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What several modules do with names of files and numbers of descriptors.
 */
#ifndef LIB_FILE_H
#define LIB_FILE_H

/* The path, seen from "/"; the caller frees it.  NULL with errno. */
char *file_absolute(const char *path);

/*
 * The descriptor, or a copy of it above 2 in its place: on 0, 1 or 2 whatever
 * reads or prints carelessly would use it.  -1 stays -1; -1 with errno when
 * there is no room, fd is closed then.
 */
int file_above_std(int fd);

/*
 * Open /dev/null on those of 0, 1 and 2 that are closed; which ones is kept in
 * the set, for giving them back.  0, or -1 with errno.
 */
int file_fill_std(unsigned *set);
void file_empty_std(unsigned set);

#endif
