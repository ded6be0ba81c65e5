/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The service of the benchmarks: the first thing main() does is to read the
 * monotonic clock; the reading goes into a shared file, and then it sleeps.
 * With a pidfile it makes itself a daemon first, as old servers do.
 *	stamp file [pidfile]
 */
#include <sys/mman.h>
#include <sys/stat.h>

#include <err.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* As bench/restart has it, too. */
struct stamp {
	int64_t ns;
	int64_t pid; /* of the one that serves; written last */
};

struct stamps {
	_Atomic int64_t n;
	int64_t room;
	struct stamp at[];
};

static void
become_daemon(const char *pidfile)
{
	FILE *f;
	char c;
	int told[2];

	if (pipe(told) == -1)
		err(1, "pipe");
	switch (fork()) {
	case -1:
		err(1, "fork");
	case 0:
		break;
	default:
		close(told[1]);
		_exit(read(told[0], &c, 1) == 1 ? 0 : 1);
	}
	setsid();
	switch (fork()) {
	case -1:
		err(1, "fork");
	case 0:
		break;
	default:
		_exit(0);
	}
	if ((f = fopen(pidfile, "w")) == NULL)
		err(1, "%s", pidfile);
	fprintf(f, "%ld\n", (long)getpid());
	if (fclose(f) != 0 || write(told[1], "", 1) != 1)
		err(1, "%s", pidfile);
	close(told[0]);
	close(told[1]);
}

int
main(int argc, char *argv[])
{
	struct timespec ts;
	struct stamps *s;
	struct stat st;
	int64_t slot;
	int fd;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	if (argc < 2 || (fd = open(argv[1], O_RDWR)) == -1 ||
	    fstat(fd, &st) == -1)
		err(1, "stamp file");
	s = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED,
	    fd, 0);
	if (s == MAP_FAILED)
		err(1, "mmap");
	close(fd);
	if (argc > 2)
		become_daemon(argv[2]);
	slot = atomic_fetch_add(&s->n, 1);
	if (slot >= s->room)
		errx(1, "%s: full", argv[1]);
	s->at[slot].ns = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
	atomic_thread_fence(memory_order_release);
	s->at[slot].pid = getpid();
	for (;;)
		pause();
}
