/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What a service says in a datagram of sd_notify(3).
 */
#ifndef BIN_NOTIFY_H
#define BIN_NOTIFY_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>

/* A datagram is not longer; systemd has the same limit. */
#define NOTIFY_MAX 4096

struct notify {
	bool ready;
	bool reloading;
	bool stopping;
	bool watchdog; /* it lives */
	bool trigger;  /* it says that it is ill */
	bool barrier;
	pid_t mainpid;	    /* 0: not said */
	int error;	    /* an errno, 0: not said */
	const char *status; /* in the datagram, NULL: not said */
	size_t status_len;
};

/*
 * Variables that are not known, or whose values make no sense, are passed
 * over.  -1: these bytes are no text of this kind at all.
 */
int notify_parse(const char *text, size_t len, struct notify *n);

#endif
