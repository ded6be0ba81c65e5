/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * A connect() of the test's own, which stands before the C library's: for what
 * only a broken network would do.  Included after probe_fixture.h.
 */
#ifndef TESTS_FAKE_CONNECT_H
#define TESTS_FAKE_CONNECT_H

#include <dlfcn.h>

static int connect_errors[8]; /* one for each call, 0: none */
static size_t nconnects;
static bool meet_itself;

int
connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	static int (*next)(int, const struct sockaddr *, socklen_t);
	size_t n = nconnects++;

	if (next == NULL)
		*(void **)&next = dlsym(RTLD_NEXT, "connect");
	if (n < sizeof(connect_errors) / sizeof(connect_errors[0]) &&
	    connect_errors[n] != 0) {
		errno = connect_errors[n];
		return (-1);
	}
	/* What the kernel may choose for its own port, once in 28000. */
	if (meet_itself)
		assert_int_equal(bind(fd, sa, len), 0);
	return (next(fd, sa, len));
}

static int
set_up_network(void **state)
{
	memset(connect_errors, 0, sizeof(connect_errors));
	nconnects = 0;
	meet_itself = false;
	return (set_up(state));
}

static inline struct dw_probe_result
ask_host(const char *host, const char *port, int64_t timeout)
{
	struct dw_probe_tcp tcp = {
	    .host = host, .port = port, .timeout = timeout};

	return (ask(&tcp));
}

#endif
