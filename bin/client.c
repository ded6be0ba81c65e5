/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The control socket, the command line's end.
 */
#include "config.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "control.h"
#include "daemonwatch.h"

#define ANSWER_MAX (64u << 20)

struct client {
	int fd;
	int64_t timeout;
	char *buf;
	size_t len, room;
};

struct client *
client_open(const char *runtime_dir, int64_t timeout)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct client *c;
	int error;

	if (strlcpy(sun.sun_path, runtime_dir, sizeof(sun.sun_path)) >=
		sizeof(sun.sun_path) ||
	    strlcat(sun.sun_path, "/control", sizeof(sun.sun_path)) >=
		sizeof(sun.sun_path)) {
		errno = ENAMETOOLONG;
		return (NULL);
	}
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return (NULL);
	c->timeout = timeout;
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd != -1 &&
	    connect(c->fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return (c);
	error = errno;
	client_close(c);
	errno = error;
	return (NULL);
}

void
client_close(struct client *c)
{
	if (c == NULL)
		return;
	if (c->fd != -1)
		close(c->fd);
	free(c->buf);
	free(c);
}

/* -1 with ETIMEDOUT when nothing happens until the deadline. */
static int
wait_for(struct client *c, short events, int64_t deadline)
{
	struct pollfd pfd = {.fd = c->fd, .events = events};
	int64_t left;
	int n;

	for (;;) {
		left = deadline - dw_clock();
		if (left < 0)
			left = 0;
		n = poll(&pfd, 1,
		    (left / DW_MS >= INT32_MAX) ? -1 : (int)(left / DW_MS) + 1);
		if (n > 0)
			return (0);
		if (n == -1 && errno != EINTR)
			return (-1);
		if (dw_clock() >= deadline) {
			errno = ETIMEDOUT;
			return (-1);
		}
	}
}

static int
send_all(struct client *c, const char *line, size_t len, int64_t deadline)
{
	ssize_t n;

	while (len > 0) {
		if (wait_for(c, POLLOUT, deadline) == -1)
			return (-1);
		n = send(c->fd, line, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n == -1 && errno != EAGAIN && errno != EINTR)
			return (-1);
		if (n > 0) {
			line += n;
			len -= (size_t)n;
		}
	}
	return (0);
}

/* More bytes into the buffer.  1; 0 at the end; -1. */
static int
fill(struct client *c, int64_t deadline)
{
	char *more;
	ssize_t n;

	if (c->len == c->room) {
		if (c->room >= ANSWER_MAX) {
			errno = EPROTO;
			return (-1);
		}
		more = realloc(c->buf, 2 * c->room + 4096);
		if (more == NULL)
			return (-1);
		c->buf = more;
		c->room = 2 * c->room + 4096;
	}
	do {
		if (wait_for(c, POLLIN, deadline) == -1)
			return (-1);
		n = recv(
		    c->fd, c->buf + c->len, c->room - c->len, MSG_DONTWAIT);
	} while (n == -1 && (errno == EINTR || errno == EAGAIN));
	if (n <= 0)
		return ((int)n);
	c->len += (size_t)n;
	return (1);
}

static json_t *
read_answer(struct client *c, int64_t deadline)
{
	json_t *answer;
	char *nl;
	int ret;

	c->len = 0;
	do {
		ret = fill(c, deadline);
		if (ret == 0)
			errno = ECONNRESET;
		if (ret <= 0)
			return (NULL);
		nl = memchr(c->buf, '\n', c->len);
	} while (nl == NULL);
	answer = json_loadb(c->buf, (size_t)(nl - c->buf), 0, NULL);
	if (!json_is_object(answer) ||
	    json_integer_value(json_object_get(answer, "version")) !=
		CONTROL_VERSION) {
		json_decref(answer);
		errno = EPROTO;
		return (NULL);
	}
	return (answer);
}

json_t *
client_ask(struct client *c, json_t *request)
{
	char *line =
	    (request != NULL) ? json_dumps(request, JSON_COMPACT) : NULL;
	int64_t deadline = dw_clock() + c->timeout;
	json_t *answer = NULL;
	size_t len;
	int error;

	json_decref(request);
	if (line == NULL) {
		errno = EINVAL; /* a name that is not UTF-8, or no memory */
		return (NULL);
	}
	len = strlen(line);
	line[len] = '\n';
	if (send_all(c, line, len + 1, deadline) == 0)
		answer = read_answer(c, deadline);
	error = errno;
	free(line);
	errno = error;
	return (answer);
}

json_t *
client_request(const char *verb, char *const *names)
{
	json_t *req =
	    json_pack("{s:i, s:s}", "version", CONTROL_VERSION, "verb", verb);
	json_t *list;

	if (req == NULL || names == NULL || *names == NULL)
		return (req);
	list = json_array();
	for (; *names != NULL; names++)
		if (json_array_append_new(list, json_string(*names)) == -1) {
			json_decref(list);
			json_decref(req);
			return (NULL);
		}
	json_object_set_new(req, "services", list);
	return (req);
}
