/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What all systems share of datagrams with senders: the descriptors in them.
 */
#include "config.h"

#include <string.h>
#include <unistd.h>

#include "system.h"

void
sender_take(struct sender *s, const unsigned char *data, size_t len)
{
	int fd;

	for (; len >= sizeof(fd); data += sizeof(fd), len -= sizeof(fd)) {
		memcpy(&fd, data, sizeof(fd));
		if (s->nfds < SENDER_FDS)
			s->fds[s->nfds++] = fd;
		else
			(void)close(fd);
	}
}

void
sender_done(struct sender *s)
{
	while (s->nfds > 0)
		(void)close(s->fds[--s->nfds]);
}
