/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The server that the demonstration watches: answers each line with PONG, one
 * client after the other, in the foreground.  It knows nothing of daemons;
 * that is daemonwatch's part.  "pingd" alone prints a port that is free.
 */
#include "config.h"

#include <sys/socket.h>

#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int
listen_on(struct sockaddr_in *sin)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd == -1)
		err(1, "socket");
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1)
		err(1, "setsockopt");
	if (bind(fd, (struct sockaddr *)sin, sizeof(*sin)) == -1)
		err(1, "bind to port %d", ntohs(sin->sin_port));
	if (listen(fd, 16) == -1)
		err(1, "listen");
	return (fd);
}

static void
serve(int fd)
{
	char buf[512];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		if (buf[n - 1] == '\n' && write(fd, "PONG\n", 5) == -1)
			break;
}

int
main(int argc, char *argv[])
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	socklen_t len = sizeof(sin);
	int fd, client;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (argc > 1)
		sin.sin_port = htons((in_port_t)atoi(argv[1]));
	fd = listen_on(&sin);
	if (argc < 2) {
		if (getsockname(fd, (struct sockaddr *)&sin, &len) == -1)
			err(1, "getsockname");
		printf("%d\n", ntohs(sin.sin_port));
		return (0);
	}
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		client = accept(fd, NULL, NULL);
		if (client == -1)
			continue;
		serve(client);
		close(client);
	}
}
