/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The client's half of sd_notify(3): one datagram to $NOTIFY_SOCKET.  Passes
 * no descriptors, and knows no address family but AF_UNIX.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemonwatch.h"

/* The length of the address, or 0 with errno. */
static socklen_t
address(struct sockaddr_un *sun, const char *name)
{
	size_t len;

	len = strlen(name);
	if ((name[0] != '/' && name[0] != '@') || len < 2) {
		errno = EINVAL;
		return (0);
	}
	/* A path ends with NUL, an abstract name (Linux) with its length. */
	if (len > sizeof(sun->sun_path) - (name[0] == '/')) {
		errno = ENAMETOOLONG;
		return (0);
	}
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	memcpy(sun->sun_path, name, len);
	if (name[0] == '@')
		sun->sun_path[0] = '\0';
	else
		len++;
	return ((socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
}

int
dw_notify(const char *state)
{
	/* A manager that does not read must not hold up a daemon for ever. */
	static const struct timeval patience = {.tv_sec = 1};
	struct sockaddr_un sun;
	socklen_t len;
	const char *name;
	ssize_t n;
	int error, fd;

	if (state == NULL || *state == '\0') {
		errno = EINVAL;
		return (-1);
	}
	name = getenv("NOTIFY_SOCKET");
	if (name == NULL || *name == '\0')
		return (1);
	if ((len = address(&sun, name)) == 0)
		return (-1);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return (-1);
	(void)setsockopt(
	    fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	do {
		n = sendto(fd, state, strlen(state), MSG_NOSIGNAL,
		    (struct sockaddr *)&sun, len);
	} while (n == -1 && errno == EINTR);
	error = errno;
	(void)close(fd);
	errno = error;
	return (n == -1 ? -1 : 0);
}
