/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The peer of a connected unix socket: getpeereid(3), which all BSDs have and
 * which does not tell the pid.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/socket.h>

#include <unistd.h>

#include "system.h"

int
peer_cred(int fd, uid_t *uid, gid_t *gid, pid_t *pid)
{
	if (getpeereid(fd, uid, gid) == -1)
		return (-1);
	*pid = -1;
	return (0);
}
