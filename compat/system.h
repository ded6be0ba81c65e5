/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What else differs between systems: becoming the parent of orphans, changing
 * identity in a vforked child, closing descriptors, credentials of a peer,
 * giving up privileges for good.  reaper_*.c, cred_*.c, closefds_*.c, peer_*.c,
 * confine_*.c, sigreset_*.c.
 */
#ifndef COMPAT_SYSTEM_H
#define COMPAT_SYSTEM_H

#include <sys/types.h>

#include <stddef.h>

/* Orphaned descendants become our children.  ENOTSUP where not offered. */
int reaper_acquire(void);

/*
 * setgroups, setgid, setuid of the calling process alone: safe in a vforked
 * child, where glibc's setuid() would go looking for the parent's threads.
 * In this order; the gid of cred_setgroups() is that of cred_setgid(), and on
 * the BSDs it comes to be among the groups.
 */
int cred_setgroups(gid_t gid, size_t n, const gid_t *groups);
int cred_setgid(gid_t gid);
int cred_setuid(uid_t uid);
/*
 * Around a vforked child that changes its identity: Linux then forbids core
 * dumps and ptrace for the memory, which is ours as well.  What was allowed
 * before; and that again, once the memory is ours alone.
 */
int cred_save(void);
void cred_restore(int saved);

/*
 * Close the descriptors low to high, both included, open or not.  Allocates
 * nothing and takes no lock: closefrom() of libbsd 0.11 reads /proc with
 * opendir(), which a vforked child must not do.
 */
void closefds(int low, int high);

/* Who is at the other end of a connected unix socket.  pid may be -1. */
int peer_cred(int fd, uid_t *uid, gid_t *gid, pid_t *pid);

/* No privileges can be gained any more (no_new_privs).  0 where unknown. */
int confine_no_new_privs(void);

/*
 * Signals that the C library does not let a program name: back to their
 * defaults, for a program that is about to be executed.  Safe after vfork.
 */
void sigreset_hidden(void);

#endif
