/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The peer of a connected unix socket: NetBSD's LOCAL_PEEREID, as it was when
 * the connection was made.  Not getpeereid(3), which does not tell the pid.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>

#include "system.h"

int
peer_cred(int fd, uid_t *uid, gid_t *gid, pid_t *pid)
{
	struct unpcbid id;
	socklen_t len;

	len = sizeof(id);
	if (getsockopt(fd, SOL_LOCAL, LOCAL_PEEREID, &id, &len) == -1) {
		if (errno == EINVAL) /* not connected */
			errno = ENOTCONN;
		return (-1);
	}
	/* To a TCP socket the same numbers are IP_TOS. */
	if (len != sizeof(id)) {
		errno = ENOTCONN;
		return (-1);
	}
	*uid = id.unp_euid;
	*gid = id.unp_egid;
	*pid = id.unp_pid > 0 ? id.unp_pid : -1;
	return (0);
}
