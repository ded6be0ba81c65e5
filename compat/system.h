/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What else differs between systems: becoming the parent of orphans, changing
 * identity in a vforked child, closing descriptors, credentials of a peer and
 * of a datagram's sender, whom to kill for memory, giving up privileges for
 * good.  reaper_*.c, cred_*.c, closefds_*.c, peer_*.c, sender_*.c, oom_*.c,
 * confine_*.c, sigreset_*.c.
 */
#ifndef COMPAT_SYSTEM_H
#define COMPAT_SYSTEM_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>

/* Orphaned descendants become our children.  ENOTSUP where not offered. */
int reaper_acquire(void);

/* One of the processes below us. */
struct reaper_process {
	pid_t pid;
	pid_t top; /* the child of ours that it comes from, or came from */
	bool zombie;
};

/*
 * All of them, orphans that have come to us included; the array is the
 * caller's to free, and NULL if there are none.  FreeBSD counts those only
 * that were started since we became a reaper (EPERM: we are none), and never
 * forgets where they came from; elsewhere an orphan is its own top.
 */
int reaper_list(struct reaper_process **list, size_t *n);
/*
 * Signal top and all that comes from it; SIGKILL also reaches what is being
 * forked meanwhile.  ESRCH if there was nobody.
 */
int reaper_kill(pid_t top, int signo);

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

/*
 * Datagrams of a unix socket, and who sent each.  sender_ask() once, when the
 * socket has been made; ENOTSUP where the kernel does not tell.
 */
#define SENDER_FDS 4 /* so many descriptors are taken of a datagram */
struct sender {
	pid_t pid; /* -1: not known; it may have ended since */
	uid_t uid;
	bool cut; /* the datagram was longer than the buffer */
	int fds[SENDER_FDS];
	size_t nfds;
};

int sender_ask(int fd);
/* Never waits.  Whatever comes with it is closed by sender_done(). */
ssize_t sender_recv(int fd, void *buf, size_t len, struct sender *s);
void sender_done(struct sender *s);
/*
 * For sender_*.c: sender_recv() with room for control messages.  cred sees
 * each of them but those with descriptors; NULL: nobody knows the sender.
 */
struct cmsghdr;
typedef void sender_cred(struct cmsghdr *c, struct sender *s);
ssize_t sender_receive(int fd, void *buf, size_t len, void *control,
    size_t control_len, struct sender *s, sender_cred *cred);

/*
 * Locks of flock(2) and of fcntl(2) exclude each other; F_GETLK tells which it
 * is, l_pid being -1 for flock's.  On Linux they do not know of each other.
 */
#ifdef __FreeBSD__
#define LOCKS_OF_ONE_KIND true
#else
#define LOCKS_OF_ONE_KIND false
#endif

/*
 * A record of a SOCK_SEQPACKET unix socket may come in parts, only the last
 * with MSG_EOR: FreeBSD 15.  Linux never reports MSG_EOR there.
 */
#ifdef __FreeBSD__
#define RECORDS_IN_PARTS true
#else
#define RECORDS_IN_PARTS false
#endif

/*
 * How readily the kernel kills this process when memory is short: from -1000
 * to 1000.  ENOTSUP where there is no such thing.  Safe after vfork.
 */
int oom_set(int score);

/* The resource of getrlimit(2) that is called "nofile"; -1: none here. */
int limit_find(const char *name);
const char *limit_name(int resource);
#define LIMITS_MAX 32
/* All names there are; how many. */
size_t limit_names(const char *list[LIMITS_MAX]);

/* No privileges can be gained any more (no_new_privs).  0 where unknown. */
int confine_no_new_privs(void);

/*
 * Signals that the C library does not let a program name: back to their
 * defaults, for a program that is about to be executed.  Safe after vfork.
 */
void sigreset_hidden(void);

#endif
