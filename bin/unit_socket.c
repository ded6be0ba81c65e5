/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The listening sockets of a service: opened before it is started, and kept
 * as long as it should run, so that whoever connects while it is started
 * again waits in the queue instead of being refused.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <netinet/in.h>

#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor.h"

/*
 * A path where nobody listens any more; what is no socket, or is somebody's,
 * is left alone.
 */
static int
remove_stale(const struct socket_conf *conf)
{
	const struct sockaddr_un *sun = (const void *)&conf->addr;
	struct stat st;
	int fd, rc, error;

	if (lstat(sun->sun_path, &st) == -1)
		return (errno == ENOENT ? 0 : -1);
	if (!S_ISSOCK(st.st_mode)) {
		errno = EEXIST;
		return (-1);
	}
	fd = socket(AF_UNIX, conf->type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return (-1);
	rc = connect(fd, (const void *)&conf->addr, conf->addr_len);
	error = errno;
	(void)close(fd);
	if (rc == -1 && error == ECONNREFUSED)
		return (unlink(sun->sun_path));
	/* EAGAIN: its queue is full, so there is one. */
	errno = EADDRINUSE;
	return (-1);
}

/*
 * chown(2) takes a name: in a directory where others can exchange what is
 * behind it, it is not used.
 */
static int
give_away(const struct socket_conf *conf)
{
	const struct sockaddr_un *sun = (const void *)&conf->addr;
	char copy[sizeof(sun->sun_path)];
	const struct passwd *pw = NULL;
	const struct group *gr = NULL;
	struct stat st;

	if (conf->user == NULL && conf->group == NULL)
		return (0);
	memcpy(copy, sun->sun_path, sizeof(copy));
	if (stat(dirname(copy), &st) == -1)
		return (-1);
	if ((st.st_uid != 0 && st.st_uid != geteuid()) ||
	    ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0 &&
		(st.st_mode & S_ISVTX) == 0)) {
		errno = EPERM;
		return (-1);
	}
	errno = ENOENT;
	if (conf->user != NULL && (pw = getpwnam(conf->user)) == NULL)
		return (-1);
	if (conf->group != NULL && (gr = getgrnam(conf->group)) == NULL)
		return (-1);
	return (lchown(sun->sun_path, (pw != NULL) ? pw->pw_uid : (uid_t)-1,
	    (gr != NULL) ? gr->gr_gid : (gid_t)-1));
}

static int
bind_unix(int fd, const struct socket_conf *conf)
{
	mode_t mask;
	int rc, error;

	if (remove_stale(conf) == -1)
		return (-1);
	/* Never, not even for a moment, open to more than it should be. */
	mask = umask(0777 & ~(mode_t)conf->mode);
	rc = bind(fd, (const void *)&conf->addr, conf->addr_len);
	error = errno;
	(void)umask(mask);
	errno = error;
	return (rc == -1 ? -1 : give_away(conf));
}

static int
bind_inet(int fd, const struct socket_conf *conf, int family)
{
	int on = 1, only = !conf->any;

	/* Not for UDP: there it would let others listen in. */
	if (conf->type == SOCK_STREAM &&
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1)
		return (-1);
	if (family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)) ==
		-1)
		return (-1);
	return (bind(fd, (const void *)&conf->addr, conf->addr_len));
}

/* All of IPv4, where there is no IPv6. */
static struct socket_conf
without_ipv6(const struct socket_conf *conf)
{
	const struct sockaddr_in6 *in6 = (const void *)&conf->addr;
	struct socket_conf v4 = *conf;
	struct sockaddr_in in = {
	    .sin_family = AF_INET, .sin_port = in6->sin6_port};

	memset(&v4.addr, 0, sizeof(v4.addr));
	memcpy(&v4.addr, &in, sizeof(in));
	v4.addr_len = sizeof(in);
	return (v4);
}

static int
open_one(const struct socket_conf *conf)
{
	int family = conf->addr.ss_family, fd, rc, error;

	fd = socket(family, conf->type | SOCK_CLOEXEC, 0);
	if (fd == -1 && errno == EAFNOSUPPORT && conf->any &&
	    family == AF_INET6) {
		struct socket_conf v4 = without_ipv6(conf);

		return (open_one(&v4));
	}
	if (fd == -1)
		return (-1);
	rc = conf->local ? bind_unix(fd, conf) : bind_inet(fd, conf, family);
	if (rc == 0 && conf->type == SOCK_STREAM)
		rc = listen(fd, conf->backlog);
	if (rc == 0)
		return (fd);
	error = errno;
	(void)close(fd);
	errno = error;
	return (-1);
}

static void
explain(const struct socket_conf *conf, char *buf, size_t len)
{
	const char *why = strerror(errno);

	if (conf->local && errno == EEXIST)
		why = "there is a file of that name that is no socket";
	else if (conf->local && errno == EADDRINUSE)
		why = "somebody else listens there";
	else if (conf->local && errno == EPERM)
		why = "others can write in its directory";
	snprintf(buf, len, "socket %s: %s", conf->text, why);
}

int
unit_sockets_open(struct unit *u, char *buf, size_t len)
{
	const struct service_conf *conf = u->conf;

	if (conf->nsockets == 0)
		return (0);
	if (u->sockets == NULL) {
		u->sockets = malloc(conf->nsockets * sizeof(*u->sockets));
		if (u->sockets == NULL) {
			snprintf(buf, len, "sockets: %s", strerror(errno));
			return (-1);
		}
		for (size_t i = 0; i < conf->nsockets; i++)
			u->sockets[i] = -1;
	}
	for (size_t i = 0; i < conf->nsockets; i++) {
		if (u->sockets[i] != -1)
			continue;
		u->sockets[i] = open_one(&conf->sockets[i]);
		if (u->sockets[i] == -1) {
			explain(&conf->sockets[i], buf, len);
			return (-1);
		}
	}
	return (0);
}

void
unit_sockets_close(struct unit *u, bool remove)
{
	if (u->sockets == NULL)
		return;
	for (size_t i = 0; i < u->conf->nsockets; i++) {
		if (u->sockets[i] == -1)
			continue;
		(void)close(u->sockets[i]);
		if (remove && u->conf->sockets[i].local)
			/* Nobody listens there now, unless it is another's. */
			(void)remove_stale(&u->conf->sockets[i]);
	}
	free(u->sockets);
	u->sockets = NULL;
}
