/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Datagrams where the kernel does not tell whose they are: who may send them
 * has to be a matter of the socket's mode.
 */
#include "config.h"

#include <sys/types.h>

#include <errno.h>

#include "system.h"

int
sender_ask(int fd)
{
	(void)fd;
	errno = ENOTSUP;
	return (-1);
}

/* Without room for descriptors, the kernel closes those that are sent. */
ssize_t
sender_recv(int fd, void *buf, size_t len, struct sender *s)
{
	return (sender_receive(fd, buf, len, NULL, 0, s, NULL));
}
