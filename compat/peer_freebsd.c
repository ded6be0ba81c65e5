/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The peer of a connected unix socket: FreeBSD's LOCAL_PEERCRED, as it was
 * when the connection was made.  Not getpeereid(3), which does not tell the
 * pid, and does not look at how much it was answered.
 */
#include "config.h"

#include <sys/param.h>
#include <sys/types.h>
#include <sys/socket.h>
#include <sys/ucred.h>
#include <sys/un.h>

#include <errno.h>

#include "system.h"

#ifndef SOL_LOCAL
#define SOL_LOCAL 0 /* its name came later than the option */
#endif

int
peer_cred(int fd, uid_t *uid, gid_t *gid, pid_t *pid)
{
	struct xucred cred;
	socklen_t len;

	len = sizeof(cred);
	if (getsockopt(fd, SOL_LOCAL, LOCAL_PEERCRED, &cred, &len) == -1)
		return (-1);
	/* To a TCP socket the same numbers are IP_OPTIONS, and it has none. */
	if (len != sizeof(cred) || cred.cr_version != XUCRED_VERSION ||
	    cred.cr_ngroups < 1) {
		errno = ENOTCONN;
		return (-1);
	}
	*uid = cred.cr_uid;
	*gid = cred.cr_gid;
	/* 0: before FreeBSD 13 the pid was not kept. */
	*pid = cred.cr_pid > 0 ? cred.cr_pid : -1;
	return (0);
}
