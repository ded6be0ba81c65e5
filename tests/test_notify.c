/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Notifying a service manager, played here by a datagram socket.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemonwatch.h"
#include "forked.h"
#include "temp_dir.h"

#define PATH_SIZE sizeof(((struct sockaddr_un *)NULL)->sun_path)

static char dir[TEMP_DIR];

static int
make_dir(void **state)
{
	(void)state;
	return (temp_dir(dir, "dw-notify"));
}

static int
remove_dir(void **state)
{
	(void)state;
	return (rmdir(dir));
}

/* The manager's socket; name as in $NOTIFY_SOCKET, which is set to it. */
static int
manager(const char *name)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	socklen_t len;
	int fd;

	memcpy(sun.sun_path, name, strlen(name));
	len =
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	if (name[0] == '@')
		sun.sun_path[0] = '\0';
	else
		len = sizeof(sun);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(fd != -1);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, len), 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	return (fd);
}

static void
assert_received(int fd, const char *text)
{
	char buf[65536];
	ssize_t n;

	n = recv(fd, buf, sizeof(buf), 0);
	assert_int_equal(n, strlen(text));
	assert_memory_equal(buf, text, strlen(text));
	assert_int_equal(recv(fd, buf, sizeof(buf), 0), -1);
	assert_int_equal(errno, EAGAIN);
}

static void
test_nobody_asked(void **state)
{
	(void)state;
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
	assert_int_equal(dw_notify("READY=1"), 1);
	assert_int_equal(setenv("NOTIFY_SOCKET", "", 1), 0);
	assert_int_equal(dw_notify("READY=1"), 1);
}

static void
test_one_datagram_to_a_path(void **state)
{
	char path[64];
	int before, fd;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/notify", dir);
	fd = manager(path);
	before = count_fds();
	assert_int_equal(dw_notify("READY=1\nSTATUS=serving"), 0);
	assert_int_equal(count_fds(), before);
	assert_received(fd, "READY=1\nSTATUS=serving");
	(void)close(fd);
	assert_int_equal(unlink(path), 0);
}

static void
test_abstract_name(void **state)
{
	char name[64];
	int fd;

	(void)state;
	/* Linux alone has names that begin with NUL. */
	if (access("/proc/net/unix", F_OK) == -1)
		skip();
	(void)snprintf(name, sizeof(name), "@dw-notify-%ld", (long)getpid());
	fd = manager(name);
	assert_int_equal(dw_notify("WATCHDOG=1"), 0);
	assert_received(fd, "WATCHDOG=1");
	(void)close(fd);
	assert_int_equal(dw_notify("WATCHDOG=1"), -1);
	assert_int_equal(errno, ECONNREFUSED);
}

/* The longest names that fit, and one byte more. */
static void
test_length_of_names(void **state)
{
	char name[PATH_SIZE + 2];
	int fd;

	(void)state;
	memset(name, 'x', sizeof(name));
	name[0] = '@';
	name[PATH_SIZE] = '\0';
	if (access("/proc/net/unix", F_OK) == 0) {
		(void)snprintf(name, 24, "@dw-notify-%011ld", (long)getpid());
		name[strlen(name)] = 'x';
		fd = manager(name);
		assert_int_equal(dw_notify("X=1"), 0);
		assert_received(fd, "X=1");
		(void)close(fd);
	}
	name[PATH_SIZE] = 'x';
	name[PATH_SIZE + 1] = '\0';
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	assert_int_equal(dw_notify("X=1"), -1);
	assert_int_equal(errno, ENAMETOOLONG);

	/* A path needs room for its NUL. */
	name[0] = '/';
	name[PATH_SIZE] = '\0';
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	assert_int_equal(dw_notify("X=1"), -1);
	assert_int_equal(errno, ENAMETOOLONG);
	name[PATH_SIZE - 1] = '\0';
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	assert_int_equal(dw_notify("X=1"), -1);
	assert_int_equal(errno, ENOENT);
}

static void
test_what_cannot_be_sent(void **state)
{
	static const char *const bad[] = {
	    "notify", "./notify", "@", "/", "vsock:2:1234"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(setenv("NOTIFY_SOCKET", bad[i], 1), 0);
		assert_int_equal(dw_notify("READY=1"), -1);
		assert_int_equal(errno, EINVAL);
	}
	assert_int_equal(setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1), 0);
	assert_int_equal(dw_notify("READY=1"), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(dw_notify(""), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(dw_notify(NULL), -1);
	assert_int_equal(errno, EINVAL);
}

/* A manager that does not read costs a second at most, and no SIGPIPE. */
static void
test_full_queue_does_not_block_for_ever(void **state)
{
	char path[64];
	int64_t before;
	int fd, i, ret;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/full", dir);
	fd = manager(path);
	ret = 0;
	before = 0;
	for (i = 0; i < 100000 && ret == 0; i++) {
		before = clock_now();
		ret = dw_notify("STATUS=more");
	}
	assert_int_equal(ret, -1);
	assert_true(errno == EAGAIN || errno == ENOBUFS);
	assert_true(clock_now() - before < 30 * DW_SEC);
	(void)close(fd);
	assert_int_equal(unlink(path), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_nobody_asked),
	    cmocka_unit_test(test_one_datagram_to_a_path),
	    cmocka_unit_test(test_abstract_name),
	    cmocka_unit_test(test_length_of_names),
	    cmocka_unit_test(test_what_cannot_be_sent),
	    cmocka_unit_test(test_full_queue_does_not_block_for_ever),
	};

	(void)alarm(2 * DEADLINE_S);
	return (cmocka_run_group_tests(tests, make_dir, remove_dir));
}
