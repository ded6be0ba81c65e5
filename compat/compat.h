/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The functions of a BSD that neither libc nor libbsd has here, one file each
 * beside this one.  config.h ends with it, so that every source file has
 * their prototypes; nothing else includes it.
 */
#ifndef COMPAT_COMPAT_H
#define COMPAT_COMPAT_H

#include <sys/types.h>

#include <stddef.h>

#ifndef HAVE_CLOSEFROM
void closefrom(int);
#endif

#ifndef HAVE_EXPLICIT_BZERO
void explicit_bzero(void *, size_t);
#endif

#ifndef HAVE_FLOPEN
int flopen(const char *, int, ...);
#endif

#ifndef HAVE_FLOPENAT
int flopenat(int, const char *, int, ...);
#endif

#ifndef HAVE_GETPROGNAME
const char *getprogname(void);
void setprogname(const char *);
#endif

#ifndef HAVE_PIDFILE_OPEN
struct pidfh;
struct pidfh *pidfile_open(const char *, mode_t, pid_t *);
int pidfile_write(struct pidfh *);
int pidfile_close(struct pidfh *);
int pidfile_remove(struct pidfh *);
int pidfile_fileno(const struct pidfh *);
#endif

#ifndef HAVE_REALLOCARRAY
void *reallocarray(void *, size_t, size_t);
#endif

#ifndef HAVE_SETPROCTITLE
void setproctitle(const char *, ...)
    __attribute__((__format__(__printf__, 1, 2)));
void setproctitle_init(int, char *[], char *[]);
#elif !defined(HAVE_SETPROCTITLE_INIT)
/* The BSDs need no preparation. */
#define setproctitle_init(argc, argv, envp) \
	((void)(argc), (void)(argv), (void)(envp))
#endif

#ifndef HAVE_STRLCAT
size_t strlcat(char *, const char *, size_t);
#endif

#ifndef HAVE_STRLCPY
size_t strlcpy(char *, const char *, size_t);
#endif

#ifndef HAVE_STRTONUM
long long strtonum(const char *, long long, long long, const char **);
#endif

#endif
