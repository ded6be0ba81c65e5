/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What `daemonwatch status` prints for people: a line per service.
 */
#include "config.h"

#include <sys/ioctl.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cmd.h"

/*
 * Control bytes become '?': the C0 ones, DEL, and the C1 ones, which in
 * UTF-8 are C2 80 … C2 9F.
 */
void
status_text(const char *text, char *buf, size_t len)
{
	size_t n = 0;

	for (; *text != '\0' && n + 1 < len; text++) {
		unsigned char c = (unsigned char)*text;
		unsigned char next = (unsigned char)text[1];

		if (c < 0x20 || c == 0x7f) {
			buf[n++] = '?';
		} else if (c == 0xc2 && next >= 0x80 && next < 0xa0) {
			buf[n++] = '?';
			text++;
		} else
			buf[n++] = (char)c;
	}
	buf[n] = '\0';
}

void
cmd_complain(const char *what, const char *typed)
{
	char clean[256];

	status_text(typed, clean, sizeof(clean));
	fprintf(stderr, "daemonwatch: %s: %s\n", what, clean);
}

void
cmd_bad_option(int c, char *argv[])
{
	const char *word = argv[optind - 1];
	char letter[] = {'-', (char)optopt, '\0'};

	/* In a cluster of letters getopt() has not come to the next word. */
	if (optopt != 0 && strncmp(word, "--", 2) != 0)
		word = letter;
	cmd_complain(c == ':' ? "the value of this option is missing" :
		optopt != 0 && word != letter ? "this option takes no value" :
						"unknown option",
	    word);
}

static const char *
member(const json_t *service, const char *key, char *buf, size_t len)
{
	const char *s = json_string_value(json_object_get(service, key));

	status_text((s != NULL) ? s : "-", buf, len);
	return (buf);
}

/* "850ms", "12s", "3m07s", "5h12m", "8d03h" */
static const char *
age(const json_t *service, char *buf, size_t len)
{
	json_int_t ms =
	    json_integer_value(json_object_get(service, "since_ms"));
	json_int_t s = ms / 1000;

	if (ms < 1000)
		snprintf(buf, len, "%lldms", (long long)ms);
	else if (s < 60)
		snprintf(buf, len, "%llds", (long long)s);
	else if (s < 3600)
		snprintf(buf, len, "%lldm%02llds", (long long)s / 60,
		    (long long)s % 60);
	else if (s < 86400)
		snprintf(buf, len, "%lldh%02lldm", (long long)s / 3600,
		    (long long)s / 60 % 60);
	else
		snprintf(buf, len, "%lldd%02lldh", (long long)s / 86400,
		    (long long)s / 3600 % 24);
	return (buf);
}

static const char *
pids(const json_t *service, char *buf, size_t len)
{
	const json_t *list = json_object_get(service, "pids");
	size_t n = json_array_size(list);

	if (n == 0)
		snprintf(buf, len, "-");
	else if (n == 1)
		snprintf(buf, len, "%lld",
		    (long long)json_integer_value(json_array_get(list, 0)));
	else
		snprintf(buf, len, "%lld+%zu",
		    (long long)json_integer_value(json_array_get(list, 0)),
		    n - 1);
	return (buf);
}

/* 0: not a terminal, lines may be as long as they are. */
static size_t
width(void)
{
	struct winsize ws;

	if (!isatty(STDOUT_FILENO))
		return (0);
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == -1 || ws.ws_col == 0)
		return (80);
	return (ws.ws_col);
}

static void
print_line(const char *line, size_t columns)
{
	size_t n = strlen(line), used = 0, i;

	if (columns == 0 || n <= columns) {
		puts(line);
		return;
	}
	/* Characters, not bytes; never half of one. */
	for (i = 0; i < n; i++)
		if (((unsigned char)line[i] & 0xc0) != 0x80 && ++used > columns)
			break;
	printf("%.*s\n", (int)i, line);
}

static int
name_width(const json_t *services)
{
	size_t i, longest = 4;
	const json_t *item;

	json_array_foreach(services, i, item) {
		const char *s =
		    json_string_value(json_object_get(item, "name"));

		if (s != NULL && strlen(s) > longest)
			longest = strlen(s);
	}
	return ((int)longest);
}

/* What the service says of itself, behind what we say of it. */
static void
add_status(const json_t *service, char *line, size_t len)
{
	size_t used = strlen(line);
	char text[256];

	if (json_object_get(service, "status") != NULL)
		snprintf(line + used, len - used, "; \"%s\"",
		    member(service, "status", text, sizeof(text)));
}

/* "until 2026-11-22 23:10:05; asked to pause, for 30m" */
static const char *
cause_of(const json_t *service, char *buf, size_t len)
{
	const char *until =
	    json_string_value(json_object_get(service, "paused_until"));
	char cause[480];

	member(service, "cause", cause, sizeof(cause));
	if (until == NULL || strlen(until) < 19)
		snprintf(buf, len, "%s", cause);
	else
		snprintf(
		    buf, len, "until %.10s %.8s; %s", until, until + 11, cause);
	return (buf);
}

void
status_print(const json_t *services)
{
	char line[1024], name[128], state[32], since[32], pid[48], cause[512];
	int names = name_width(services);
	size_t columns = width(), i;
	const json_t *item;

	snprintf(line, sizeof(line), "%-*s  %-8s  %6s  %10s  %8s  %s", names,
	    "NAME", "STATE", "FOR", "PID", "RESTARTS", "CAUSE");
	print_line(line, columns);
	json_array_foreach(services, i, item) {
		snprintf(line, sizeof(line), "%-*s  %-8s  %6s  %10s  %8lld  %s",
		    names, member(item, "name", name, sizeof(name)),
		    member(item, "state", state, sizeof(state)),
		    age(item, since, sizeof(since)),
		    pids(item, pid, sizeof(pid)),
		    (long long)json_integer_value(
			json_object_get(item, "restarts")),
		    cause_of(item, cause, sizeof(cause)));
		add_status(item, line, sizeof(line));
		print_line(line, columns);
	}
}
