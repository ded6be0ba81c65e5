/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The floor that the benchmarks measure against: vfork, exec, waitpid, again;
 * nothing else.  No supervisor can start a dead child again sooner.
 *	floor program [argument ...]
 */
#include <sys/wait.h>

#include <err.h>
#include <unistd.h>

int
main(int argc, char *argv[])
{
	pid_t pid;
	int status;

	if (argc < 2)
		errx(2, "usage: floor program [argument ...]");
	for (;;) {
		pid = vfork();
		if (pid == -1)
			err(1, "vfork");
		if (pid == 0) {
			execv(argv[1], argv + 1);
			_exit(127);
		}
		if (waitpid(pid, &status, 0) == -1)
			err(1, "waitpid");
		if (WIFEXITED(status))
			errx(1, "%s: exited with status %d", argv[1],
			    WEXITSTATUS(status));
	}
}
