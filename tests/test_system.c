/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The answers of compat/system.h: closing descriptors also where the kernel
 * or a filter refuses the short way, and who is at the other end.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemonwatch.h"
#include "../compat/system.h"
#include "deny.h"
#include "forked.h"
#include "temp_dir.h"

static bool
is_open(int fd)
{
	return (fcntl(fd, F_GETFD) != -1);
}

static void
close_some(void)
{
	struct rlimit rl;
	int fd;

	must(getrlimit(RLIMIT_NOFILE, &rl) == 0);
	rl.rlim_cur = 600;
	must(setrlimit(RLIMIT_NOFILE, &rl) == 0);
	/* Every number there is: not one is left for looking. */
	for (fd = 3; fd < 600; fd++)
		must(dup2(2, fd) == fd);
	closefds(10, 9);
	must(is_open(9) && is_open(10));
	closefds(20, 30);
	must(is_open(19) && is_open(31));
	for (fd = 20; fd <= 30; fd++)
		must(!is_open(fd));
	must(dup2(2, 25) == 25);
	closefds(25, 25);
	must(!is_open(25) && is_open(31));
	closefds(100, INT_MAX);
	must(is_open(99));
	for (fd = 100; fd < 600; fd++)
		must(!is_open(fd));
	/* What is closed already, beyond every limit. */
	closefds(1000, 2000);
	closefds(5000, INT_MAX);
	must(is_open(99));
	closefds(3, INT_MAX);
	for (fd = 3; fd < 600; fd++)
		must(!is_open(fd));
	must(is_open(0) && is_open(1) && is_open(2));
}

static void
refuse(long call, int error)
{
	if (deny(call, error) == -1) {
		(void)dprintf(
		    2, "no filter of system calls: %s\n", strerror(errno));
		_exit(SKIPPED);
	}
}

/* Also those beyond the limit, and with no number left below it. */
static void
close_beyond_limit(void)
{
	struct rlimit rl;
	int fd;

	must(getrlimit(RLIMIT_NOFILE, &rl) == 0);
	for (fd = 3; fd < 600; fd++)
		must(dup2(2, fd) == fd);
	rl.rlim_cur = 16;
	must(setrlimit(RLIMIT_NOFILE, &rl) == 0);
	closefds(10, INT_MAX);
	must(is_open(9));
	for (fd = 10; fd < 600; fd++)
		must(!is_open(fd));
}

static void
close_by_proc(void)
{
	refuse(SYS_close_range, EPERM);
	close_some();
	close_beyond_limit();
}

static void
close_one_by_one(void)
{
	refuse(SYS_close_range, ENOSYS);
	refuse(SYS_openat, ENOENT);
	close_some();
}

static void
descriptors_closed(void **state)
{
	(void)state;
	in_child(close_some);
}

static void
descriptors_closed_by_proc(void **state)
{
	(void)state;
	in_child(close_by_proc);
}

static void
descriptors_closed_one_by_one(void **state)
{
	(void)state;
	in_child(close_one_by_one);
}

static void
peer(void **state)
{
	int fd[2];
	uid_t uid;
	gid_t gid;
	pid_t pid;

	(void)state;
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	uid = (uid_t)-1;
	gid = (gid_t)-1;
	pid = 0;
	assert_int_equal(peer_cred(fd[0], &uid, &gid, &pid), 0);
	assert_int_equal(uid, geteuid());
	assert_int_equal(gid, getegid());
	assert_true(pid == getpid() || pid == -1);
	(void)close(fd[0]);
	(void)close(fd[1]);

	/* Nobody there: not root, above all. */
	fd[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(peer_cred(fd[0], &uid, &gid, &pid), -1);
	assert_int_equal(errno, ENOTCONN);
	(void)close(fd[0]);
	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	assert_int_equal(peer_cred(fd[0], &uid, &gid, &pid), -1);
	assert_int_equal(errno, ENOTSOCK);
	(void)close(fd[0]);
	(void)close(fd[1]);
	assert_int_equal(peer_cred(-1, &uid, &gid, &pid), -1);
	assert_int_equal(errno, EBADF);
	/* A question that some kernels take for one about IP. */
	fd[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd[0] != -1);
	assert_int_equal(peer_cred(fd[0], &uid, &gid, &pid), -1);
	assert_int_equal(errno, ENOTCONN);
	(void)close(fd[0]);
}

/* The child is who connects; and it is another user, if that can be done. */
static void
connect_as_other(const struct sockaddr_un *sun, int hold)
{
	char c;
	int fd;

	(void)alarm(DEADLINE_S);
	if (geteuid() == 0)
		must(setegid(12) == 0 && seteuid(13) == 0);
	must((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) != -1);
	must(connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0);
	while (read(hold, &c, 1) == -1 && errno == EINTR)
		continue;
	_exit(0);
}

static void
client(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	char dir[TEMP_DIR];
	int fd, conn, hold[2];
	pid_t pid, told;
	uid_t uid;
	gid_t gid;

	must(temp_dir(dir, "test_system") == 0 && chmod(dir, 0755) == 0);
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/s", dir);
	must((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) != -1);
	must(bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0);
	must(chmod(sun.sun_path, 0777) == 0 && listen(fd, 1) == 0);
	must(pipe2(hold, O_CLOEXEC) == 0);
	if ((pid = fork()) == 0) {
		(void)close(hold[1]);
		connect_as_other(&sun, hold[0]);
	}
	must(pid != -1);
	must((conn = accept(fd, NULL, NULL)) != -1);
	(void)unlink(sun.sun_path);
	(void)rmdir(dir);
	must(peer_cred(conn, &uid, &gid, &told) == 0);
	must(uid == (geteuid() == 0 ? 13 : geteuid()));
	must(gid == (geteuid() == 0 ? 12 : getegid()));
	must(told == pid || told == -1);
	(void)close(hold[1]);
	must(finish(pid) == 0);
}

static void
peer_is_the_client(void **state)
{
	(void)state;
	in_child(client);
}

static void
confine(void)
{
	must(confine_no_new_privs() == 0);
	must(confine_no_new_privs() == 0);
}

static void
confined_twice(void **state)
{
	(void)state;
	in_child(confine);
}

static void
reap_twice(void)
{
	if (reaper_acquire() == -1) {
		must(errno == ENOTSUP);
		_exit(SKIPPED);
	}
	must(reaper_acquire() == 0);
}

static void
reaper_may_be_asked_for_twice(void **state)
{
	(void)state;
	in_child(reap_twice);
}

/* A pair of sockets; datagrams that come from [1] have senders. */
static void
make_pair(int pair[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	if (sender_ask(pair[0]) == -1) {
		assert_int_equal(errno, ENOTSUP);
		close(pair[0]);
		close(pair[1]);
		skip();
	}
}

static void
test_sender(void **state)
{
	struct sender s;
	char buf[16];
	int pair[2];

	(void)state;
	make_pair(pair);
	assert_int_equal(sender_recv(pair[0], buf, sizeof(buf), &s), -1);
	assert_true(errno == EAGAIN || errno == EWOULDBLOCK);
	assert_int_equal(send(pair[1], "hello", 5, 0), 5);
	assert_int_equal(sender_recv(pair[0], buf, sizeof(buf), &s), 5);
	assert_memory_equal(buf, "hello", 5);
	assert_int_equal(s.pid, getpid());
	assert_int_equal(s.uid, geteuid());
	assert_false(s.cut);
	assert_int_equal(s.nfds, 0);
	assert_int_equal(send(pair[1], "0123456789abcdefX", 17, 0), 17);
	assert_int_equal(sender_recv(pair[0], buf, sizeof(buf), &s), 16);
	assert_true(s.cut);
	/* Nothing at all is a datagram, too. */
	assert_int_equal(send(pair[1], "", 0, 0), 0);
	assert_int_equal(sender_recv(pair[0], buf, sizeof(buf), &s), 0);
	assert_int_equal(s.pid, getpid());
	close(pair[0]);
	close(pair[1]);
}

static void
send_fds(int to, int fd, size_t n)
{
	union {
		char space[CMSG_SPACE(200 * sizeof(int))];
		struct cmsghdr align;
	} control;
	char byte = 'x';
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr msg = {
	    .msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = CMSG_SPACE(n * sizeof(int)),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	memset(&control, 0, sizeof(control));
	if (c == NULL)
		return; /* no compiler sees that there is room */
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	for (size_t i = 0; i < n; i++)
		memcpy(CMSG_DATA(c) + i * sizeof(int), &fd, sizeof(fd));
	assert_int_equal(sendmsg(to, &msg, 0), 1);
}

/* However many are sent: all are closed, and close-on-exec until then. */
static void
test_sender_descriptors(void **state)
{
	static const size_t counts[] = {1, SENDER_FDS, SENDER_FDS + 1, 200};
	struct sender s;
	char buf[16];
	int pair[2], ends[2];

	(void)state;
	make_pair(pair);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		assert_int_equal(pipe(ends), 0);
		send_fds(pair[1], ends[1], counts[i]);
		close(ends[1]);
		assert_int_equal(sender_recv(pair[0], buf, sizeof(buf), &s), 1);
		assert_int_equal(s.pid, getpid());
		/* FreeBSD gives none where not all of them fit. */
		assert_true(s.nfds <= SENDER_FDS);
		if (counts[i] <= SENDER_FDS)
			assert_int_equal(s.nfds, counts[i]);
		for (size_t j = 0; j < s.nfds; j++)
			assert_int_equal(
			    fcntl(s.fds[j], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
		sender_done(&s);
		/* The last of them: the pipe has no writer any more. */
		assert_int_equal(read(ends[0], buf, 1), 0);
		close(ends[0]);
	}
	close(pair[0]);
	close(pair[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sender),
	    cmocka_unit_test(test_sender_descriptors),
	    cmocka_unit_test(descriptors_closed),
	    cmocka_unit_test(descriptors_closed_by_proc),
	    cmocka_unit_test(descriptors_closed_one_by_one),
	    cmocka_unit_test(peer),
	    cmocka_unit_test(peer_is_the_client),
	    cmocka_unit_test(confined_twice),
	    cmocka_unit_test(reaper_may_be_asked_for_twice),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
