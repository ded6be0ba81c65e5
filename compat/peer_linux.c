/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The peer of a connected unix socket: Linux' SO_PEERCRED, as it was when the
 * connection was made.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>

#include "system.h"

int
peer_cred(int fd, uid_t *uid, gid_t *gid, pid_t *pid)
{
	struct ucred cred;
	socklen_t len;

	len = sizeof(cred);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1)
		return (-1);
	/*
	 * A socket of another family, or one that is not connected, is
	 * answered with pid 0 and the ids -1 instead of an error.
	 */
	if (len != sizeof(cred) || cred.uid == (uid_t)-1) {
		errno = ENOTCONN;
		return (-1);
	}
	*uid = cred.uid;
	*gid = cred.gid;
	/* 0: it lives in a pid namespace that we cannot see. */
	*pid = cred.pid > 0 ? cred.pid : -1;
	return (0);
}
