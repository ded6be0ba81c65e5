/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * A daemon that sends back what it gets (RFC 862), on this host's loopback
 * only: what a program on libdaemonwatch looks like.
 *
 *	cc echod.c $(pkg-config --cflags --libs libdaemonwatch) -o echod
 *	./echod -p 7007 -f /tmp/echod.pid start
 */
#define _GNU_SOURCE /* accept4(2), where C libraries want to be asked */

#include <sys/socket.h>
#include <netinet/in.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <daemonwatch.h>

struct client {
	struct dw_io io;
	int fd;
	size_t len; /* of what has not been sent back yet */
	char buf[4096];
};

/* Waits for input or, while there is something in the buffer, for room. */
static void
echo(struct dw_io *io, unsigned events)
{
	struct client *c = io->arg;
	ssize_t n;

	if (c->len == 0 && (n = read(c->fd, c->buf, sizeof(c->buf))) > 0)
		c->len = (size_t)n;
	else if (c->len > 0 &&
	    (n = send(c->fd, c->buf, c->len, MSG_NOSIGNAL)) > 0)
		memmove(c->buf, c->buf + n, c->len -= (size_t)n);
	if (n == -1 && errno == EAGAIN && (events & DW_HUP) == 0)
		return;
	if (n > 0 && dw_io_modify(io, c->len > 0 ? DW_WRITE : DW_READ) == 0)
		return;
	dw_io_stop(io);
	close(c->fd);
	free(c);
}

static void
greet(struct dw_io *io, unsigned events)
{
	struct client *c;
	int fd, *listener = io->arg;

	(void)events;
	fd = accept4(*listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd == -1)
		return;
	if ((c = calloc(1, sizeof(*c))) != NULL) {
		c->fd = fd;
		c->io.cb = echo;
		c->io.arg = c;
		if (dw_io_start(io->loop, &c->io, fd, DW_READ) == 0)
			return;
	}
	free(c);
	close(fd);
}

static int
listen_on(int port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	    .sin_port = htons((uint16_t)port)};
	int fd, on = 1;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    listen(fd, 64) == -1)
		return (-1);
	return (fd);
}

static void
leave(struct dw_signal *sig)
{
	dw_loop_stop(sig->loop, 0);
}

/* Called when all steps of becoming a daemon are done. */
static int
serve(struct dw_daemon *d, int *ready)
{
	int status, listener, *port = d->arg;
	struct dw_loop *loop = dw_loop_new(NULL);
	struct dw_io io = {.cb = greet, .arg = &listener};
	struct dw_signal term = {.cb = leave};

	if (loop == NULL || (listener = listen_on(*port)) == -1 ||
	    dw_io_start(loop, &io, listener, DW_READ) == -1 ||
	    dw_signal_start(loop, &term, SIGTERM) == -1) {
		dw_ready_fail(ready, 1, "port %d: %s", *port, strerror(errno));
		return (1);
	}
	dw_ready(ready); /* "echod start" returns now */
	status = dw_loop_run(loop);
	dw_loop_free(loop);
	return (status);
}

int
main(int argc, char *argv[])
{
	int ch, port = 7007;
	struct dw_daemon d = {.name = "echod",
	    .run = serve,
	    .arg = &port,
	    .pidfile = "/var/run/echod.pid"};

	while ((ch = getopt(argc, argv, "f:p:")) != -1) {
		if (ch == 'f')
			d.pidfile = optarg;
		else if (ch == 'p')
			port = atoi(optarg);
		else
			argc = 0; /* the usage is dw_daemon_main()'s */
	}
	return (dw_daemon_main(&d, argc - optind + 1, argv + optind - 1));
}
