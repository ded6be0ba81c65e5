/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * glibc's posix_spawn(3) leaves the signals it keeps for its threads (32 and
 * 33) ignored in the new program if its caller had handlers for them; glibc
 * 2.36, seen below make and Python.  They stay ignored over every exec, and
 * sigaction(3) refuses to name them: so the kernel is asked.
 */
#include "config.h"

#include <sys/syscall.h>

#include <signal.h>
#include <unistd.h>

#include "system.h"

/* The kernel's struct sigaction, larger than any; zero is the default. */
static const unsigned long by_default[32];

void
sigreset_hidden(void)
{
	for (int signo = 32; signo <= 34; signo++)
		if (signo < SIGRTMIN)
			(void)syscall(SYS_rt_sigaction, signo, by_default, NULL,
			    (size_t)(NSIG - 1) / 8);
}
