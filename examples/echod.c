/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * A daemon on libdaemonwatch: sends back what it gets, to this host only.
 *
 *	cc echod.c $(pkg-config --cflags --libs libdaemonwatch) -o echod
 *	./echod -p 7007 -f /tmp/echod.pid start
 */
#include <sys/socket.h>
#include <netinet/in.h>
#include <errno.h>
#include <signal.h>
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

static void
echo(struct dw_io *io, unsigned events)
{
	struct client *c = io->arg;
	ssize_t n;

	(void)events;
	/* Called when there is something to get, or room for what is left. */
	n = (ssize_t)c->len;
	if (n == 0)
		n = recv(c->fd, c->buf, sizeof(c->buf), MSG_DONTWAIT);
	if (n > 0)
		n = send(c->fd, c->buf, c->len = (size_t)n,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0)
		memmove(c->buf, c->buf + n, c->len -= (size_t)n);
	if ((n > 0 || (n == -1 && errno == EAGAIN)) &&
	    dw_io_modify(io, c->len > 0 ? DW_WRITE : DW_READ) == 0)
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
	if ((fd = accept(*listener, NULL, NULL)) == -1)
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
	struct sockaddr_in sin = {.sin_family = AF_INET};
	int fd, on = 1;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sin.sin_port = htons((uint16_t)port);
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
	int status, *port = d->arg, listener = listen_on(*port);
	struct dw_loop *loop = dw_loop_new(NULL);
	struct dw_io io = {.cb = greet, .arg = &listener};
	struct dw_signal term = {.cb = leave};

	if (listener == -1 || loop == NULL ||
	    dw_io_start(loop, &io, listener, DW_READ) == -1 ||
	    dw_signal_start(loop, &term, SIGTERM) == -1) {
		dw_ready_fail(ready, 1, "port %d: %s", *port, strerror(errno));
		status = 1;
	} else {
		dw_ready(ready); /* "echod start" returns now */
		status = dw_loop_run(loop);
	}
	if (loop != NULL)
		dw_loop_free(loop);
	return (status);
}

int
main(int argc, char *argv[])
{
	int ch, port = 7007;
	struct dw_daemon d = {.name = "echod", .run = serve, .arg = &port};

	d.pidfile = "/var/run/echod.pid";
	while ((ch = getopt(argc, argv, "f:p:")) != -1) {
		if (ch == 'f')
			d.pidfile = optarg;
		else if (ch == 'p')
			port = atoi(optarg);
		else
			argc = 0; /* the usage is dw_daemon_main()'s to say */
	}
	return (dw_daemon_main(&d, argc - optind + 1, argv + optind - 1));
}
