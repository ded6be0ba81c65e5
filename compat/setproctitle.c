/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * setproctitle(3) for Linux, where the title is what stands in the memory
 * that the kernel laid out for the arguments, and, once their last NUL is
 * overwritten, for the environment behind them (fs/proc/base.c, since 2.2).
 * setproctitle_init() makes that memory free for use by copying it away;
 * before it, setproctitle() does nothing.  The memory is the process', hence
 * the variables.
 */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *area;     /* where the title goes, NULL: not ready */
static size_t size;    /* of it */
static char *original; /* the arguments as they were */
static size_t original_len;

/* The byte behind the strings that follow each other from end on. */
static char *
follow(char *end, char *const *strings)
{
	for (; *strings != NULL; strings++) {
		if (*strings == end)
			end += strlen(end) + 1;
	}
	return (end);
}

static void
free_strings(char **strings)
{
	char **s;

	for (s = strings; s != NULL && *s != NULL; s++)
		free(*s);
	free(strings);
}

static char **
copy_strings(char *const *strings)
{
	size_t i, n;
	char **copy;

	for (n = 0; strings[n] != NULL; n++)
		continue;
	copy = calloc(n + 1, sizeof(*copy));
	for (i = 0; copy != NULL && i < n; i++) {
		copy[i] = strdup(strings[i]);
		if (copy[i] == NULL) {
			free_strings(copy);
			return (NULL);
		}
	}
	return (copy);
}

/*
 * argv is the caller's from main(): its strings are copied and the pointers
 * changed.  What is copied stays for as long as the process does.
 */
void
setproctitle_init(int argc, char *argv[], char *envp[])
{
	char **args, **env, *args_end, *end, *saved;
	int i;

	if (area != NULL || argc < 1 || argv[0] == NULL)
		return;
	args_end = follow(argv[0], argv);
	end = follow(args_end, envp);
	args = copy_strings(argv);
	env = copy_strings(envp);
	saved = malloc((size_t)(args_end - argv[0]));
	if (args == NULL || env == NULL || saved == NULL) {
		free_strings(args);
		free_strings(env);
		free(saved);
		return;
	}
	original_len = (size_t)(args_end - argv[0]);
	original = memcpy(saved, argv[0], original_len);
	area = argv[0];
	size = (size_t)(end - area);
	for (i = 0; i < argc; i++)
		argv[i] = args[i];
	free(args);
	if (environ == envp)
		environ = env;
	else
		free_strings(env);
	/* Both pointed into what is overwritten now. */
	program_invocation_name = argv[0];
	program_invocation_short_name = strrchr(argv[0], '/');
	if (program_invocation_short_name == NULL)
		program_invocation_short_name = argv[0];
	else
		program_invocation_short_name++;
}

/* Put what belongs there, and nothing of what was there before. */
static void
put(const char *text, size_t len)
{
	if (len >= size)
		len = size - 1;
	memcpy(area, text, len);
	memset(area + len, 0, size - len);
}

void
setproctitle(const char *fmt, ...)
{
	char buf[2048];
	int error = errno, n = 0, m;
	va_list ap;

	if (area == NULL)
		return;
	if (fmt == NULL) {
		put(original, original_len);
		errno = error;
		return;
	}
	if (*fmt == '-')
		fmt++;
	else
		n = snprintf(buf, sizeof(buf), "%s: ", getprogname());
	if (n < 0 || (size_t)n >= sizeof(buf))
		n = 0;
	va_start(ap, fmt);
	m = vsnprintf(buf + n, sizeof(buf) - (size_t)n, fmt, ap);
	va_end(ap);
	if (m >= 0)
		put(buf, strlen(buf));
	errno = error;
}
