/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Whether a service that has ended is started again: the values of the keys
 * about that, and how they are printed.
 */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "config_parse.h"

#define NITEMS(a) (sizeof(a) / sizeof((a)[0]))

static const char *const policies[] = {
    [RESTART_ALWAYS] = "always",
    [RESTART_ON_FAILURE] = "on-failure",
    [RESTART_NEVER] = "never",
};

int
parse_restart(struct parser *p, struct block *b, enum key_id id)
{
	int i =
	    take_choice(p, config_keys[id].name, policies, NITEMS(policies));

	if (i == -1)
		return (-1);
	b->build->conf.restart = (enum restart_policy)i;
	return (0);
}

int
parse_on_start_timeout(struct parser *p, struct block *b, enum key_id id)
{
	static const char *const names[] = {"restart", "fail"};
	int i = take_choice(p, config_keys[id].name, names, NITEMS(names));

	if (i == -1)
		return (-1);
	b->build->conf.start_timeout_fails = (i == 1);
	return (0);
}

/* Those that end a process without anybody having sent them. */
static const struct {
	const char *name;
	int signo;
} faults[] = {
    {"SEGV", SIGSEGV},
    {"BUS", SIGBUS},
    {"FPE", SIGFPE},
    {"ILL", SIGILL},
    {"TRAP", SIGTRAP},
    {"SYS", SIGSYS},
    {"XCPU", SIGXCPU},
    {"XFSZ", SIGXFSZ},
};

/* A name only: a number is an exit status here. */
static int
signal_named(const char *text)
{
	const char *bare = strncmp(text, "SIG", 3) == 0 ? text + 3 : text;

	for (size_t i = 0; i < NITEMS(faults); i++)
		if (strcmp(faults[i].name, bare) == 0)
			return (faults[i].signo);
	return (bare[0] >= '0' && bare[0] <= '9' ? -1 : value_signal(text));
}

static int
add_end(struct parser *p, const struct config_pos *pos, const char *text,
    struct end_set *set)
{
	char shown[SHOWN];
	const char *why;
	uint64_t n;
	int signo;

	if (value_number(text, strlen(text), 0, 255, &n, &why) == 0) {
		set->codes[n / 64] |= UINT64_C(1) << n % 64;
		return (0);
	}
	signo = signal_named(text);
	if (signo > 0 && signo <= 64) {
		set->signals |= UINT64_C(1) << (signo - 1);
		return (0);
	}
	parser_error(p, pos,
	    "%s is neither an exit status from 0 to 255 nor the name of a "
	    "signal",
	    show_text(shown, text, strlen(text)));
	return (-1);
}

/* One end, or a list of them. */
int
parse_ends(struct parser *p, struct block *b, enum key_id id)
{
	struct end_set set = {.given = true};
	struct config_pos pos;
	char **list;
	size_t n;

	list = take_texts(p, "an exit status or a signal", &n, &pos);
	if (list == NULL)
		return (-1);
	for (size_t i = 0; i < n; i++)
		if (add_end(p, &pos, list[i], &set) == -1)
			return (-1);
	*(struct end_set *)key_target(b, id) = set;
	return (0);
}

/* What is no failure unless the user says otherwise: systemd's choice. */
void
check_restart(struct service_conf *s)
{
	static const int polite[] = {SIGHUP, SIGINT, SIGPIPE, SIGTERM};

	if (s->success_exit.given)
		return;
	s->success_exit.codes[0] |= 1;
	for (size_t i = 0; i < NITEMS(polite); i++)
		s->success_exit.signals |= UINT64_C(1) << (polite[i] - 1);
}

static void
print_signal(FILE *f, int signo)
{
	const char *name = signal_text(signo);

	for (size_t i = 0; name == NULL && i < NITEMS(faults); i++)
		if (faults[i].signo == signo)
			name = faults[i].name;
	if (name != NULL)
		fputs(name, f);
}

static void
print_ends(FILE *f, const char *key, const struct end_set *set)
{
	const char *sep = "";

	fprintf(f, "\t%s = {", key);
	for (unsigned n = 0; n < 256; n++) {
		if ((set->codes[n / 64] >> n % 64 & 1) == 0)
			continue;
		fprintf(f, "%s%u", sep, n);
		sep = ", ";
	}
	for (int signo = 1; signo <= 64; signo++) {
		if ((set->signals >> (signo - 1) & 1) == 0)
			continue;
		fputs(sep, f);
		print_signal(f, signo);
		sep = ", ";
	}
	fputs("}\n", f);
}

void
print_restart(FILE *f, const struct service_conf *s)
{
	fprintf(f, "\trestart = %s\n", policies[s->restart]);
	print_ends(f, "success-exit", &s->success_exit);
	if (s->restart_on.given)
		print_ends(f, "restart-on", &s->restart_on);
	if (s->no_restart_on.given)
		print_ends(f, "no-restart-on", &s->no_restart_on);
	fprintf(f, "\ton-start-timeout = %s\n",
	    s->start_timeout_fails ? "fail" : "restart");
	fprintf(f, "\tcritical = %s\n", s->critical ? "yes" : "no");
}
