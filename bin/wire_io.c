/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Whole records over a socket that may take them in parts.  Who is told when
 * it becomes writable, and what an error means, is the callers' business.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "../compat/system.h"
#include "wire_io.h"

/* Each part ends the record: what does not fit is cut off with its end. */
static ssize_t
put(int fd, const char *data, size_t len)
{
	ssize_t n;

	do {
		n = send(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL | MSG_EOR);
	} while (n == -1 && errno == EINTR);
	return (n);
}

int
wire_flush(struct wire_out *out, int fd)
{
	ssize_t n;

	while (out->len > 0) {
		if ((n = put(fd, out->rest, out->len)) == -1)
			return (-1);
		out->len -= (size_t)n;
		memmove(out->rest, out->rest + n, out->len);
	}
	return (0);
}

int
wire_send(struct wire_out *out, int fd, const void *record, size_t len)
{
	const char *data = record;
	ssize_t n;

	if (len > sizeof(out->rest)) {
		errno = EMSGSIZE;
		return (-1);
	}
	if (wire_flush(out, fd) == -1 || (n = put(fd, data, len)) == -1)
		return (-1);
	out->len = len - (size_t)n;
	memcpy(out->rest, data + n, out->len);
	return (0);
}

ssize_t
wire_recv(struct wire_in *in, int fd, void *buf, size_t size)
{
	struct iovec iov;
	struct msghdr msg;
	size_t len;
	ssize_t n;

	for (;;) {
		iov.iov_base = (char *)buf + in->got;
		iov.iov_len = size - in->got;
		memset(&msg, 0, sizeof(msg));
		msg.msg_iov = &iov;
		msg.msg_iovlen = 1;
		n = recvmsg(fd, &msg, MSG_DONTWAIT);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return (n);
		len = in->got + (size_t)n;
		in->got = 0;
		if (msg.msg_flags & MSG_TRUNC)
			break;
		if (!RECORDS_IN_PARTS || (msg.msg_flags & MSG_EOR))
			return ((ssize_t)len);
		if (len == size)
			break;
		in->got = len;
	}
	errno = EMSGSIZE;
	return (-1);
}
