/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Words to numbers, durations, signals and names, and back.  Pure: positions
 * and messages are the callers'.
 */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "config_parse.h"

static const struct unit {
	const char *name;
	int64_t ns;
} units[] = {
    {"d", INT64_C(86400000000000)},
    {"h", INT64_C(3600000000000)},
    {"m", INT64_C(60000000000)},
    {"s", INT64_C(1000000000)},
    {"ms", INT64_C(1000000)},
};
#define NUNITS (sizeof(units) / sizeof(units[0]))

/* Those that end a process, or tell it to end itself. */
static const struct signal_name {
	const char *name;
	int signo;
} signals[] = {
    {"HUP", SIGHUP},
    {"INT", SIGINT},
    {"QUIT", SIGQUIT},
    {"ABRT", SIGABRT},
    {"KILL", SIGKILL},
    {"USR1", SIGUSR1},
    {"USR2", SIGUSR2},
    {"PIPE", SIGPIPE},
    {"ALRM", SIGALRM},
    {"TERM", SIGTERM},
    {"WINCH", SIGWINCH},
};
#define NSIGNALS (sizeof(signals) / sizeof(signals[0]))

static bool
is_digit(char c)
{
	return (c >= '0' && c <= '9');
}

/* The digits at s, at most max: how many, 0 with *why. */
static size_t
digits(const char *s, size_t len, uint64_t max, uint64_t *out, const char **why)
{
	size_t n = 0;

	for (*out = 0; n < len && is_digit(s[n]); n++) {
		uint64_t d = (uint64_t)(s[n] - '0');

		if (*out > max / 10 || *out * 10 > max - d) {
			*why = "too large";
			return (0);
		}
		*out = *out * 10 + d;
	}
	if (n == 0)
		*why = "a number is needed";
	return (n);
}

int
value_number(const char *s, size_t len, uint64_t min, uint64_t max,
    uint64_t *out, const char **why)
{
	size_t n = digits(s, len, max, out, why);

	if (n == 0)
		return (-1);
	if (n < len) {
		*why = "a whole number is needed";
		return (-1);
	}
	if (*out < min) {
		*why = *out == 0 ? "it cannot be 0" : "too small";
		return (-1);
	}
	return (0);
}

int
value_size(
    const char *s, size_t len, uint64_t max, uint64_t *out, const char **why)
{
	static const char letters[] = "KMGT";
	const char *letter;
	unsigned shift = 0;

	if (len > 1 && (letter = memchr(letters, s[len - 1], 4)) != NULL) {
		shift = 10 * ((unsigned)(letter - letters) + 1);
		len--;
	}
	if (value_number(s, len, 0, max >> shift, out, why) == -1)
		return (-1);
	*out <<= shift;
	return (0);
}

/* The unit at s, which has to be smaller than the one before. */
static size_t
find_unit(
    const char *s, size_t len, size_t from, size_t *letters, const char **why)
{
	size_t n = 0;

	while (n < len && !is_digit(s[n]))
		n++;
	*letters = n;
	for (size_t u = 0; u < NUNITS; u++) {
		if (strlen(units[u].name) != n ||
		    memcmp(units[u].name, s, n) != 0)
			continue;
		if (u < from) {
			*why = "units go from the largest to the smallest, "
			       "as in 1h30m";
			return (NUNITS);
		}
		return (u);
	}
	if (n == 0)
		*why = "the unit is missing: ms, s, m, h or d";
	else if (s[0] == '.')
		*why = "no fractions: use a smaller unit, as in 1500ms";
	else
		*why = "the units are ms, s, m, h and d";
	return (NUNITS);
}

int
value_duration(const char *s, size_t len, int64_t *out, const char **why)
{
	size_t from = 0, n, u;
	uint64_t number;
	int64_t ns;

	*out = 0;
	do {
		if ((n = digits(s, len, INT64_MAX, &number, why)) == 0) {
			if (*why[0] == 'a')
				*why = "a duration is needed, as in 30s";
			return (-1);
		}
		s += n;
		len -= n;
		if ((u = find_unit(s, len, from, &n, why)) == NUNITS)
			return (-1);
		from = u + 1;
		s += n;
		len -= n;
		ns = units[u].ns;
		if (number > (uint64_t)((CONFIG_DURATION_MAX - *out) / ns)) {
			*why = "longer than 36500d";
			return (-1);
		}
		*out += (int64_t)number * ns;
	} while (len > 0);
	return (0);
}

bool
value_range(const char *s, size_t len, size_t *first, size_t *second)
{
	for (size_t i = 0; i + 1 < len; i++) {
		if (s[i] == '.' && s[i + 1] == '.') {
			*first = i;
			*second = i + 2;
			return (true);
		}
	}
	return (false);
}

const char *
duration_text(char *buf, int64_t ns)
{
	size_t used = 0;

	if (ns == 0)
		return (strcpy(buf, "0s"));
	for (size_t u = 0; u < NUNITS; u++) {
		int64_t n = ns / units[u].ns;

		if (n == 0)
			continue;
		used += (size_t)snprintf(buf + used, DURATION_TEXT - used,
		    "%lld%s", (long long)n, units[u].name);
		if ((ns -= n * units[u].ns) == 0)
			break;
	}
	return (buf);
}

int
value_signal(const char *s)
{
	const char *name = strncmp(s, "SIG", 3) == 0 ? s + 3 : s;
	const char *why;
	uint64_t n;
	sigset_t set;

	for (size_t i = 0; i < NSIGNALS; i++)
		if (strcmp(signals[i].name, name) == 0)
			return (signals[i].signo);
	if (value_number(s, strlen(s), 1, 1024, &n, &why) == -1)
		return (-1);
	sigemptyset(&set);
	/* The one portable way to ask which numbers are signals. */
	if (sigaddset(&set, (int)n) == -1 || n == SIGSTOP || n == SIGTSTP ||
	    n == SIGTTIN || n == SIGTTOU || n == SIGCONT || n == SIGCHLD)
		return (-1);
	return ((int)n);
}

const char *
signal_text(int signo)
{
	for (size_t i = 0; i < NSIGNALS; i++)
		if (signals[i].signo == signo)
			return (signals[i].name);
	return (NULL);
}

size_t
signal_names(const char *names[], size_t max)
{
	size_t n = NSIGNALS < max ? NSIGNALS : max;

	for (size_t i = 0; i < n; i++)
		names[i] = signals[i].name;
	return (n);
}

const char *
name_wrong(const char *s, size_t len)
{
	if (len == 0)
		return ("it is empty");
	if (len > CONFIG_NAME_MAX)
		return ("it is longer than 64 characters");
	for (size_t i = 0; i < len; i++) {
		bool alnum = is_digit(s[i]) || (s[i] >= 'A' && s[i] <= 'Z') ||
		    (s[i] >= 'a' && s[i] <= 'z') || s[i] == '_';

		if (i == 0 && !alnum)
			return ("it must begin with a letter, a digit or '_'");
		if (!alnum && (s[i] == '\0' || strchr(".@-", s[i]) == NULL))
			return ("only letters, digits and _ . @ - are "
				"possible");
	}
	return (NULL);
}
