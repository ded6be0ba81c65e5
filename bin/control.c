/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The control socket, the supervisor's end.  What a request does is in
 * control_verbs.c.
 */
#include "config.h"

#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "../compat/system.h"
#include "control_int.h"

#define CLIENTS_MAX 256
#define OUT_MAX (16u << 20)
/* Somebody who connects and says nothing is not kept for ever. */
#define IDLE_MAX (30 * DW_SEC)

struct client {
	LIST_ENTRY(client) link;
	struct control *control;
	struct dw_io io;
	struct dw_timer idle;
	int fd;
	char *in;
	size_t in_len;
	char *out;
	size_t out_len, out_pos, out_room;
};

struct control {
	struct supervisor *sup;
	LIST_HEAD(, client) clients;
	unsigned nclients;
	struct dw_io io;
	struct dw_timer retry; /* no descriptor was left for accept */
	int fd;
	char *path;
	dev_t dev;
	ino_t ino;
};

static void
client_free(struct client *cl)
{
	dw_io_stop(&cl->io);
	dw_timer_stop(&cl->idle);
	close(cl->fd);
	LIST_REMOVE(cl, link);
	cl->control->nclients--;
	free(cl->in);
	free(cl->out);
	free(cl);
}

/* Write what the socket takes.  -1: the client is gone. */
static int
flush(struct client *cl)
{
	ssize_t n;

	while (cl->out_pos < cl->out_len) {
		n = send(cl->fd, cl->out + cl->out_pos,
		    cl->out_len - cl->out_pos, MSG_NOSIGNAL);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return (dw_io_modify(&cl->io, DW_READ | DW_WRITE));
		if (n == -1)
			return (-1);
		cl->out_pos += (size_t)n;
	}
	free(cl->out);
	cl->out = NULL;
	cl->out_len = cl->out_pos = cl->out_room = 0;
	return (dw_io_modify(&cl->io, DW_READ));
}

/* Room for that many bytes more; doubled, as thousands of lines may come. */
static int
make_room(struct client *cl, size_t more)
{
	size_t have = cl->out_len - cl->out_pos, room;
	char *out;

	if (have + more > OUT_MAX)
		return (-1);
	if (cl->out_len + more <= cl->out_room)
		return (0);
	room = 2 * (have + more);
	out = malloc(room);
	if (out == NULL)
		return (-1);
	if (have > 0)
		memcpy(out, cl->out + cl->out_pos, have);
	free(cl->out);
	cl->out = out;
	cl->out_pos = 0;
	cl->out_len = have;
	cl->out_room = room;
	return (0);
}

/* Append a line.  -1: it cannot be had, or the client reads too slowly. */
static int
reply(struct client *cl, json_t *answer)
{
	char *line = (answer != NULL) ? json_dumps(answer, JSON_COMPACT) : NULL;
	size_t len;

	json_decref(answer);
	if (line == NULL)
		return (-1);
	len = strlen(line);
	line[len] = '\n';
	if (make_room(cl, len + 1) == -1) {
		free(line);
		return (-1);
	}
	memcpy(cl->out + cl->out_len, line, len + 1);
	cl->out_len += len + 1;
	free(line);
	return (0);
}

static int
request(struct client *cl, const char *line, size_t len)
{
	json_error_t error;
	json_t *req, *answer;

	req = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
	if (req == NULL)
		answer = control_error("not JSON: %s", error.text);
	else
		answer = control_do(cl->control->sup, req);
	json_decref(req);
	return (reply(cl, answer));
}

/* Every whole line that has come. */
static int
requests(struct client *cl)
{
	char *start = cl->in, *nl;
	size_t left = cl->in_len;

	while ((nl = memchr(start, '\n', left)) != NULL) {
		if (request(cl, start, (size_t)(nl - start)) == -1)
			return (-1);
		left -= (size_t)(nl + 1 - start);
		start = nl + 1;
	}
	if (left == CONTROL_LINE_MAX) {
		(void)reply(cl, control_error("request too long"));
		(void)flush(cl);
		return (-1);
	}
	memmove(cl->in, start, left);
	cl->in_len = left;
	return (0);
}

static int
receive(struct client *cl)
{
	ssize_t n;

	n = recv(cl->fd, cl->in + cl->in_len, CONTROL_LINE_MAX - cl->in_len, 0);
	if (n == -1)
		return (errno == EAGAIN || errno == EINTR ? 0 : -1);
	if (n == 0)
		return (-1);
	cl->in_len += (size_t)n;
	dw_timer_start(cl->control->sup->loop, &cl->idle, IDLE_MAX);
	return (requests(cl));
}

static void
client_event(struct dw_io *io, unsigned events)
{
	struct client *cl = io->arg;

	if (((events & DW_READ) != 0 && receive(cl) == -1) || flush(cl) == -1 ||
	    events == DW_HUP)
		client_free(cl);
}

static void
client_idle(struct dw_timer *timer)
{
	client_free(timer->arg);
}

static int
client_new(struct control *c, int fd)
{
	struct client *cl = calloc(1, sizeof(*cl));

	if (cl == NULL)
		return (-1);
	cl->control = c;
	cl->fd = fd;
	cl->io.cb = client_event;
	cl->io.arg = cl;
	cl->idle.cb = client_idle;
	cl->idle.arg = cl;
	cl->in = malloc(CONTROL_LINE_MAX);
	if (cl->in == NULL ||
	    dw_io_start(c->sup->loop, &cl->io, fd, DW_READ) == -1) {
		free(cl->in);
		free(cl);
		return (-1);
	}
	dw_timer_start(c->sup->loop, &cl->idle, IDLE_MAX);
	LIST_INSERT_HEAD(&c->clients, cl, link);
	c->nclients++;
	return (0);
}

static bool
is_allowed(int fd)
{
	uid_t uid;
	gid_t gid;
	pid_t pid;

	if (peer_cred(fd, &uid, &gid, &pid) == -1)
		return (false);
	return (uid == 0 || uid == geteuid());
}

static void
again(struct dw_timer *timer)
{
	struct control *c = timer->arg;

	(void)dw_io_modify(&c->io, DW_READ);
}

static void
incoming(struct dw_io *io, unsigned events)
{
	struct control *c = io->arg;
	int fd;

	(void)events;
	fd = accept4(c->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd == -1) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
		    errno == ENOBUFS) {
			dw_log(c->sup->log, DW_LOG_ERROR, "control socket: %s",
			    strerror(errno));
			/* Level-triggered: it would come again at once. */
			(void)dw_io_modify(&c->io, 0);
			dw_timer_start(c->sup->loop, &c->retry, DW_SEC);
		}
		return;
	}
	if (c->nclients >= CLIENTS_MAX || !is_allowed(fd) ||
	    client_new(c, fd) == -1)
		close(fd);
}

static int
bind_socket(struct control *c, const char **what)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct stat st;
	mode_t old;
	int ret;

	*what = "path too long";
	errno = ENAMETOOLONG;
	if (strlcpy(sun.sun_path, c->path, sizeof(sun.sun_path)) >=
	    sizeof(sun.sun_path))
		return (-1);
	/*
	 * We hold the pidfile's lock, so a socket that is there is stale: but
	 * for a pidfile that somebody removed, and its owner lives on.
	 */
	*what = "another daemonwatch listens there";
	if (connect(c->fd, (struct sockaddr *)&sun, sizeof(sun)) == 0 ||
	    errno == EAGAIN) {
		errno = EADDRINUSE;
		return (-1);
	}
	*what = "unlink";
	if (unlink(c->path) == -1 && errno != ENOENT)
		return (-1);
	*what = "bind";
	old = umask(0177);
	ret = bind(c->fd, (struct sockaddr *)&sun, sizeof(sun));
	umask(old);
	if (ret == -1)
		return (-1);
	*what = "listen";
	if (stat(c->path, &st) == -1 || listen(c->fd, 128) == -1)
		return (-1);
	c->dev = st.st_dev;
	c->ino = st.st_ino;
	return (0);
}

struct control *
control_new(struct supervisor *sup, const char *path, const char **what)
{
	struct control *c = calloc(1, sizeof(*c));
	int error;

	*what = "memory";
	if (c == NULL)
		return (NULL);
	c->sup = sup;
	c->fd = -1;
	LIST_INIT(&c->clients);
	c->io.cb = incoming;
	c->io.arg = c;
	c->retry.cb = again;
	c->retry.arg = c;
	c->path = strdup(path);
	if (c->path == NULL)
		goto fail;
	*what = "socket";
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd == -1 || bind_socket(c, what) == -1)
		goto fail;
	*what = "watch";
	if (dw_io_start(sup->loop, &c->io, c->fd, DW_READ) == -1)
		goto fail;
	return (c);
fail:
	error = errno;
	control_free(c);
	errno = error;
	return (NULL);
}

void
control_free(struct control *c)
{
	struct stat st;

	if (c == NULL)
		return;
	while (!LIST_EMPTY(&c->clients)) {
		(void)flush(LIST_FIRST(&c->clients));
		client_free(LIST_FIRST(&c->clients));
	}
	dw_io_stop(&c->io);
	dw_timer_stop(&c->retry);
	if (c->fd != -1)
		close(c->fd);
	if (c->ino != 0 && stat(c->path, &st) == 0 && st.st_dev == c->dev &&
	    st.st_ino == c->ino)
		unlink(c->path);
	free(c->path);
	free(c);
}
