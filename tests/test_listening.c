/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Who is listening (compat/listening.h): sockets of our own, on loopback, and
 * what the kernel says of them.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/resource.h>
#include <sys/un.h>

#include <netinet/in.h>

#include <errno.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../compat/listening.h"
#include "forked.h"
#include "temp_dir.h"

#define MANY 600

static bool
same_address(const struct sockaddr *a, const struct sockaddr *b)
{
	const struct sockaddr_in *a4, *b4;
	const struct sockaddr_in6 *a6, *b6;

	if (a->sa_family != b->sa_family)
		return (false);
	switch (a->sa_family) {
	case AF_INET:
		a4 = (const void *)a;
		b4 = (const void *)b;
		return (a4->sin_port == b4->sin_port &&
		    a4->sin_addr.s_addr == b4->sin_addr.s_addr);
	case AF_INET6:
		a6 = (const void *)a;
		b6 = (const void *)b;
		return (a6->sin6_port == b6->sin6_port &&
		    memcmp(&a6->sin6_addr, &b6->sin6_addr,
			sizeof(a6->sin6_addr)) == 0);
	case AF_UNIX:
		return (
		    strcmp(
			((const struct sockaddr_un *)(const void *)a)->sun_path,
			((const struct sockaddr_un *)(const void *)b)
			    ->sun_path) == 0);
	default:
		return (false);
	}
}

/* How often an address is in the table, and what is said of it. */
static int
look(const struct sockaddr_storage *want, struct listening *found)
{
	struct listening_table *t;
	struct listening l;
	int rv, times;

	if ((t = listening_open()) == NULL) {
		must(errno == ENOTSUP);
		(void)dprintf(2, "nobody knows how here\n");
		_exit(SKIPPED);
	}
	times = 0;
	while ((rv = listening_next(t, &l)) == 1) {
		if (!same_address((const struct sockaddr *)&l.addr,
			(const struct sockaddr *)want))
			continue;
		times++;
		if (found != NULL)
			*found = l;
	}
	must(rv == 0);
	listening_close(t);
	return (times);
}

/* Bound; with a port of the kernel's choice, which ss then has. */
static int
bound(struct sockaddr_storage *ss, socklen_t len, int v6only)
{
	int fd;

	fd = socket(ss->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1) {
		must(errno == EAFNOSUPPORT);
		_exit(SKIPPED);
	}
	if (ss->ss_family == AF_INET6)
		must(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only,
			 sizeof(v6only)) == 0);
	if (bind(fd, (struct sockaddr *)ss, len) == -1) {
		must(errno == EADDRNOTAVAIL);
		(void)dprintf(2, "no such address here\n");
		_exit(SKIPPED);
	}
	must(getsockname(fd, (struct sockaddr *)ss, &len) == 0);
	return (fd);
}

static int
bound_v4(struct sockaddr_storage *ss)
{
	struct sockaddr_in *sin;

	memset(ss, 0, sizeof(*ss));
	sin = (struct sockaddr_in *)ss;
	sin->sin_family = AF_INET;
	sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return (bound(ss, sizeof(*sin), 0));
}

static int
bound_v6(struct sockaddr_storage *ss, const struct in6_addr *addr, int v6only)
{
	struct sockaddr_in6 *sin6;

	memset(ss, 0, sizeof(*ss));
	sin6 = (struct sockaddr_in6 *)ss;
	sin6->sin6_family = AF_INET6;
	sin6->sin6_addr = *addr;
	return (bound(ss, sizeof(*sin6), v6only));
}

static int
bound_unix(struct sockaddr_storage *ss, const char *dir)
{
	struct sockaddr_un *sun;

	memset(ss, 0, sizeof(*ss));
	sun = (struct sockaddr_un *)ss;
	sun->sun_family = AF_UNIX;
	(void)snprintf(sun->sun_path, sizeof(sun->sun_path), "%s/s", dir);
	return (bound(ss, sizeof(*sun), 0));
}

/* The kernel tells it, or this system does not let it be known. */
static void
must_own(const struct listening *l, pid_t first, pid_t want)
{
	pid_t owner;

	owner = -1;
	if (listening_owner(l->socket, first, &owner) == -1)
		must(errno == ENOTSUP);
	else
		must(owner == want);
}

static void
ipv4(void)
{
	struct sockaddr_storage ss;
	struct listening l;
	int fd;

	fd = bound_v4(&ss);
	/* Bound is not listening. */
	must(look(&ss, NULL) == 0);
	must(listen(fd, 7) == 0);
	must(look(&ss, &l) == 1);
	must(l.addrlen == sizeof(struct sockaddr_in));
	must(!l.full && !l.v4_too);
	must(l.queue == 0 || l.queue == -1);
	must(l.limit == 7 || l.limit == -1);
	must_own(&l, 0, getpid());
	must_own(&l, getpid(), getpid());
	must_own(&l, getppid(), getpid());
	(void)close(fd);
	must(look(&ss, NULL) == 0);
}

static void
listening_ipv4(void **state)
{
	(void)state;
	in_child(ipv4);
}

static void
ipv6(void)
{
	struct sockaddr_storage ss;
	struct listening l;
	int fd;

	fd = bound_v6(&ss, &in6addr_loopback, 0);
	must(listen(fd, 7) == 0);
	must(look(&ss, &l) == 1);
	must(l.addrlen == sizeof(struct sockaddr_in6));
	must(!l.full);
	must(l.limit == 7 || l.limit == -1);
	must_own(&l, 0, getpid());
	(void)close(fd);
	must(look(&ss, NULL) == 0);
}

static void
listening_ipv6(void **state)
{
	(void)state;
	in_child(ipv6);
}

static void
any(void)
{
	struct sockaddr_storage both, only;
	struct listening l;
	int a, b;

	a = bound_v6(&both, &in6addr_any, 0);
	b = bound_v6(&only, &in6addr_any, 1);
	must(listen(a, 1) == 0 && listen(b, 1) == 0);
	must(look(&both, &l) == 1);
	must(l.v4_too);
	must(look(&only, &l) == 1);
	must(!l.v4_too);
	(void)close(a);
	(void)close(b);
}

static void
ipv6_any_may_take_ipv4(void **state)
{
	(void)state;
	in_child(any);
}

/* The queue becomes so long: what came through need not be counted yet. */
static void
await_queue(
    const struct sockaddr_storage *ss, int64_t queue, struct listening *l)
{
	int64_t until;

	until = clock_now() + DEADLINE_S * INT64_C(1000000000);
	do {
		must(look(ss, l) == 1);
		must(clock_now() < until);
	} while (l->queue != queue);
}

/* Connect until nobody fits any more, and let one in. */
static void
fill_queue(int fd, const struct sockaddr_storage *ss, socklen_t len)
{
	struct listening l;
	int client, conn, n;

	must(listen(fd, 2) == 0);
	must(look(ss, &l) == 1);
	if (l.queue == -1) {
		(void)dprintf(2, "this kernel does not tell of queues\n");
		_exit(SKIPPED);
	}
	must(l.queue == 0 && l.limit == 2 && !l.full);
	for (n = 0; !l.full; n++) {
		must(n < 8);
		client = socket(ss->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		must(client != -1);
		must(connect(client, (const struct sockaddr *)ss, len) == 0);
		await_queue(ss, n + 1, &l);
		must(l.limit == 2);
	}
	must(n >= 2);
	must((conn = accept(fd, NULL, NULL)) != -1);
	await_queue(ss, n - 1, &l);
	must(!l.full);
	(void)close(conn);
}

static void
full_tcp(void)
{
	struct sockaddr_storage ss;
	int fd;

	fd = bound_v4(&ss);
	fill_queue(fd, &ss, sizeof(struct sockaddr_in));
}

static void
full_queue(void **state)
{
	(void)state;
	in_child(full_tcp);
}

static char dir[TEMP_DIR];

static void
unix_socket(void)
{
	struct sockaddr_storage ss;
	struct listening l;
	int fd;

	fd = bound_unix(&ss, dir);
	must(look(&ss, NULL) == 0);
	must(listen(fd, 2) == 0);
	if (look(&ss, &l) == 0) {
		(void)dprintf(2, "no unix sockets in this table\n");
		_exit(SKIPPED);
	}
	must(l.addrlen > 0 && l.addrlen <= sizeof(struct sockaddr_un));
	must(!l.v4_too);
	must_own(&l, 0, getpid());
	fill_queue(fd, &ss, sizeof(struct sockaddr_un));
}

static void
unix_sockets(void **state)
{
	(void)state;
	in_child(unix_socket);
}

static int
make_dir(void **state)
{
	(void)state;
	return (temp_dir(dir, "test_listening"));
}

static int
remove_dir(void **state)
{
	char path[sizeof(dir) + 8];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/s", dir);
	(void)unlink(path);
	return (rmdir(dir));
}

/* Shared by parent and child; then the child's alone. */
static void
shared(void)
{
	struct sockaddr_storage ss;
	struct listening l;
	int fd, hold[2];
	pid_t pid, owner;

	fd = bound_v4(&ss);
	must(listen(fd, 1) == 0);
	must(pipe2(hold, O_CLOEXEC) == 0);
	must((pid = fork_waiting(hold[0], hold[1], 0)) != -1);
	must(look(&ss, &l) == 1);
	must_own(&l, pid, pid);
	must_own(&l, getpid(), getpid());
	must_own(&l, 0, pid < getpid() ? pid : getpid());
	(void)close(fd);
	must(look(&ss, &l) == 1);
	must_own(&l, getpid(), pid);
	must_own(&l, 0, pid);
	(void)close(hold[1]);
	must(finish(pid) == 0);
	must(look(&ss, NULL) == 0);
	must(listening_owner(l.socket, pid, &owner) == -1);
	must(errno == ESRCH || errno == ENOTSUP);
}

static void
who_shares_a_socket(void **state)
{
	(void)state;
	in_child(shared);
}

/* More than fit in one answer, each of them once. */
static void
many(void)
{
	static struct sockaddr_storage ss[MANY];
	struct rlimit rl;
	struct listening l;
	int i, fd;

	must(getrlimit(RLIMIT_NOFILE, &rl) == 0);
	if (rl.rlim_cur < MANY + 50)
		rl.rlim_cur = MANY + 50;
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1)
		_exit(SKIPPED);
	for (i = 0; i < MANY; i++) {
		fd = bound_v4(&ss[i]);
		must(listen(fd, 1) == 0);
	}
	for (i = 0; i < MANY; i += 37)
		must(look(&ss[i], &l) == 1);
	must(look(&ss[MANY - 1], &l) == 1);
	must_own(&l, 0, getpid());
}

static void
many_sockets(void **state)
{
	(void)state;
	in_child(many);
}

/* Everybody may see the socket; not everybody, whose it is. */
static void
another_user(void)
{
	struct sockaddr_storage ss;
	const struct passwd *pw;
	struct listening l;
	int fd, hold[2];
	pid_t pid, owner;

	if (geteuid() != 0)
		_exit(SKIPPED);
	must((pw = getpwnam("nobody")) != NULL);
	fd = bound_v4(&ss);
	must(listen(fd, 1) == 0);
	must(pipe2(hold, O_CLOEXEC) == 0);
	must((pid = fork_waiting(hold[0], hold[1], 0)) != -1);
	(void)close(fd);
	must(setgid(pw->pw_gid) == 0 && setuid(pw->pw_uid) == 0);
	must(look(&ss, &l) == 1);
	if (listening_owner(l.socket, 0, &owner) == 0)
		must(owner == pid);
	else
		must(errno == ESRCH || errno == ENOTSUP);
	(void)close(hold[1]);
	must(finish(pid) == 0);
}

static void
seen_by_another_user(void **state)
{
	(void)state;
	in_child(another_user);
}

/* Given up in the middle: nothing is left open. */
static void
given_up(void)
{
	struct sockaddr_storage ss;
	struct listening_table *t;
	struct listening l;
	int fd, before;

	fd = bound_v4(&ss);
	must(listen(fd, 1) == 0);
	(void)look(&ss, &l);
	before = count_fds();
	must((t = listening_open()) != NULL);
	must(listening_next(t, &l) == 1);
	listening_close(t);
	must(count_fds() == before);
	listening_close(NULL);
}

static void
given_up_in_the_middle(void **state)
{
	(void)state;
	in_child(given_up);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(listening_ipv4),
	    cmocka_unit_test(listening_ipv6),
	    cmocka_unit_test(ipv6_any_may_take_ipv4),
	    cmocka_unit_test(full_queue),
	    cmocka_unit_test_setup_teardown(unix_sockets, make_dir, remove_dir),
	    cmocka_unit_test(who_shares_a_socket),
	    cmocka_unit_test(many_sockets),
	    cmocka_unit_test(seen_by_another_user),
	    cmocka_unit_test(given_up_in_the_middle),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
