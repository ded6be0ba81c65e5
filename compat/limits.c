/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The names of resource limits: which there are, depends on the system.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/resource.h>

#include <string.h>

#include "system.h"

static const struct {
	const char *name;
	int resource;
} names[] = {
    {"core", RLIMIT_CORE},
    {"cpu", RLIMIT_CPU},
    {"data", RLIMIT_DATA},
    {"fsize", RLIMIT_FSIZE},
    {"nofile", RLIMIT_NOFILE},
    {"stack", RLIMIT_STACK},
#ifdef RLIMIT_AS
    {"as", RLIMIT_AS},
#endif
#ifdef RLIMIT_RSS
    {"rss", RLIMIT_RSS},
#endif
#ifdef RLIMIT_NPROC
    {"nproc", RLIMIT_NPROC},
#endif
#ifdef RLIMIT_MEMLOCK
    {"memlock", RLIMIT_MEMLOCK},
#endif
#ifdef RLIMIT_LOCKS
    {"locks", RLIMIT_LOCKS},
#endif
#ifdef RLIMIT_SIGPENDING
    {"sigpending", RLIMIT_SIGPENDING},
#endif
#ifdef RLIMIT_MSGQUEUE
    {"msgqueue", RLIMIT_MSGQUEUE},
#endif
#ifdef RLIMIT_NICE
    {"nice", RLIMIT_NICE},
#endif
#ifdef RLIMIT_RTPRIO
    {"rtprio", RLIMIT_RTPRIO},
#endif
#ifdef RLIMIT_RTTIME
    {"rttime", RLIMIT_RTTIME},
#endif
#ifdef RLIMIT_SBSIZE
    {"sbsize", RLIMIT_SBSIZE},
#endif
#ifdef RLIMIT_NPTS
    {"npts", RLIMIT_NPTS},
#endif
#ifdef RLIMIT_SWAP
    {"swap", RLIMIT_SWAP},
#endif
#ifdef RLIMIT_KQUEUES
    {"kqueues", RLIMIT_KQUEUES},
#endif
#ifdef RLIMIT_NTHR
    {"nthr", RLIMIT_NTHR},
#endif
};
#define NNAMES (sizeof(names) / sizeof(names[0]))
_Static_assert(NNAMES <= LIMITS_MAX, "room for all");

int
limit_find(const char *name)
{
	for (size_t i = 0; i < NNAMES; i++)
		if (strcmp(names[i].name, name) == 0)
			return (names[i].resource);
	return (-1);
}

const char *
limit_name(int resource)
{
	for (size_t i = 0; i < NNAMES; i++)
		if (names[i].resource == resource)
			return (names[i].name);
	return ("?");
}

size_t
limit_names(const char *list[LIMITS_MAX])
{
	for (size_t i = 0; i < NNAMES; i++)
		list[i] = names[i].name;
	return (NNAMES);
}
