/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * FreeBSD's NSIG, 32, is the count of the signals of old: the real-time ones
 * (65 to 126) and those between are as real, and inherited when ignored.
 */
#include "config.h"

#include <signal.h>
#include <string.h>

#include "system.h"

void
sigreset_hidden(void)
{
	struct sigaction sa;
	int signo;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = SIG_DFL;
	(void)sigemptyset(&sa.sa_mask);
	/* Fails for the one that libthr keeps for itself. */
	for (signo = NSIG; signo <= _SIG_MAXSIG; signo++)
		(void)sigaction(signo, &sa, NULL);
}
