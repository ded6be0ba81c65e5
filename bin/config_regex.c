/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Regular expressions, looked at before regcomp(3) is: what POSIX leaves
 * undefined means something else on the next system, and glibc 2.36 spends
 * memory and stack without bounds on nested repetitions.
 */
#include "config.h"

#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "config_parse.h"

#define GROUPS_MAX 32
/* glibc 2.36 takes 640 MB for (a?){9000}, 8 MB for (a?){1000}. */
#define COST_MAX 2000u

struct scan {
	const char *at;
	/* How many atoms it grows to, for each open group and its last atom. */
	uint64_t sum[GROUPS_MAX + 1];
	uint64_t last;
	int depth;
	bool repeatable; /* what stands before */
	bool empty;	 /* nothing in this alternative yet */
	char *buf;
	size_t size;
};

static int
wrong(struct scan *sc, const char *text)
{
	snprintf(sc->buf, sc->size, "%s", text);
	return (-1);
}

static bool
is_alnum(char c)
{
	return ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	    (c >= 'a' && c <= 'z'));
}

static const char *
portable(char c)
{
	switch (c) {
	case 'd':
		return ("[0-9]");
	case 'D':
		return ("[^0-9]");
	case 'w':
		return ("[[:alnum:]_]");
	case 'W':
		return ("[^[:alnum:]_]");
	case 's':
		return ("[[:space:]]");
	case 'S':
		return ("[^[:space:]]");
	case 'b':
	case '<':
	case '>':
		return ("(^|[^[:alnum:]_]) or ([^[:alnum:]_]|$)");
	default:
		return (NULL);
	}
}

static int
undefined(struct scan *sc, char c)
{
	const char *use = portable(c);

	if (use != NULL)
		snprintf(sc->buf, sc->size,
		    "'\\%c' is not in POSIX extended regular expressions: "
		    "write %s",
		    c, use);
	else if (c == 'n' || c == 't' || c == 'r')
		snprintf(sc->buf, sc->size,
		    "'\\%c' is not in POSIX extended regular expressions: "
		    "use \"...\" quotes, with \\%c in them",
		    c, c);
	else
		snprintf(sc->buf, sc->size,
		    "'\\%c' is not in POSIX extended regular expressions", c);
	return (-1);
}

/* One has been passed, of so many characters. */
static void
scan_atom(struct scan *sc, uint64_t cost)
{
	sc->last = cost;
	sc->sum[sc->depth] += cost;
	sc->repeatable = true;
	sc->empty = false;
}

/* At "[".  Inside, a backslash stands for itself. */
static int
scan_bracket(struct scan *sc)
{
	const char *s = sc->at + 1;

	if (*s == '^')
		s++;
	if (*s == ']')
		s++;
	while (*s != '\0' && *s != ']') {
		if (*s == '[' && s[1] != '\0' && strchr(".:=", s[1]) != NULL) {
			char close[3] = {s[1], ']', '\0'};
			const char *end = strstr(s + 2, close);

			if (end == NULL)
				break;
			s = end + 2;
			continue;
		}
		if (*s == '\\' && s[1] == '\\')
			s++;
		else if (*s == '\\' && s[1] != '\0' &&
		    strchr("dDwWsSbntr", s[1]) != NULL) {
			snprintf(sc->buf, sc->size,
			    "between [ and ] a backslash stands for itself: "
			    "'\\%c' does not mean there what it does "
			    "elsewhere",
			    s[1]);
			return (-1);
		}
		s++;
	}
	/* An unclosed one is regcomp's to tell. */
	sc->at = *s == '\0' ? s : s + 1;
	scan_atom(sc, 1);
	return (0);
}

static uint64_t
scan_number(const char **s)
{
	uint64_t n = 0;

	for (; **s >= '0' && **s <= '9'; (*s)++)
		if (n <= COST_MAX)
			n = n * 10 + (uint64_t)(**s - '0');
	return (n);
}

/* At "*", "+", "?" or "{": how often the last atom is copied. */
static int
scan_repetition(struct scan *sc)
{
	uint64_t times = 1;
	char c = *sc->at++;

	if (!sc->repeatable)
		return (wrong(sc,
		    "there is nothing before '*', '+', '?' or "
		    "'{' that it could repeat"));
	sc->repeatable = false;
	if (c == '+') {
		times = 2;
	} else if (c == '{') {
		if (*sc->at < '0' || *sc->at > '9')
			return (wrong(sc,
			    "'{' needs a number behind it; the "
			    "character itself is \\{"));
		times = scan_number(&sc->at);
		if (*sc->at == ',') {
			sc->at++;
			times = *sc->at >= '0' && *sc->at <= '9' ?
			    scan_number(&sc->at) :
			    times + 1;
		}
		if (*sc->at == '}')
			sc->at++;
	}
	if (times < 1)
		times = 1;
	/* Both are at most COST_MAX times ten. */
	sc->sum[sc->depth] += (times - 1) * sc->last;
	sc->last *= times;
	return (0);
}

/* At "(", ")" or "|". */
static int
scan_group(struct scan *sc)
{
	char c = *sc->at++;

	if (c != '(' && sc->empty)
		return (wrong(sc, "one of its alternatives is empty"));
	if (c == ')' && sc->depth == 0)
		return (wrong(sc, "it has a ')' without a '('"));
	if (c == ')') {
		sc->depth--;
		scan_atom(sc, sc->sum[sc->depth + 1] + 1);
		return (0);
	}
	if (c == '(' && sc->depth == GROUPS_MAX)
		return (wrong(sc, "too many groups in each other"));
	if (c == '(')
		sc->sum[++sc->depth] = 0;
	sc->repeatable = false;
	sc->empty = true;
	return (0);
}

/* One step on. */
static int
scan_step(struct scan *sc)
{
	char c = *sc->at, next = sc->at[1];

	if (c == '\\' &&
	    (is_alnum(next) || (next != '\0' && strchr("<>`'", next) != NULL)))
		return (undefined(sc, next));
	if (c == '[')
		return (scan_bracket(sc));
	if (strchr("*+?{", c) != NULL)
		return (scan_repetition(sc));
	if (strchr("()|", c) != NULL)
		return (scan_group(sc));
	sc->at += c == '\\' && next != '\0' ? 2 : 1;
	scan_atom(sc, 1);
	if (c == '^' || c == '$')
		sc->repeatable = false;
	return (0);
}

static int
scan_regex(struct scan *sc)
{
	sc->empty = true;
	while (*sc->at != '\0') {
		if (scan_step(sc) == -1)
			return (-1);
		if (sc->sum[sc->depth] > COST_MAX || sc->last > COST_MAX)
			return (wrong(sc, "it repeats too much"));
	}
	if (sc->depth > 0)
		return (wrong(sc, "it has an unmatched '('"));
	if (sc->empty)
		return (wrong(sc, "one of its alternatives is empty"));
	return (0);
}

int
regex_check(const char *re, bool whole, char *buf, size_t size)
{
	struct scan sc = {.at = re, .buf = buf, .size = size};
	regex_t compiled;
	int error;
	bool all;

	if (*re == '\0')
		return (wrong(&sc, "it is empty"));
	if (strlen(re) > CONFIG_REGEX_MAX)
		return (wrong(&sc, "it is longer than 1024 bytes"));
	if (scan_regex(&sc) == -1)
		return (-1);
	if ((error = regcomp(&compiled, re, REG_EXTENDED | REG_NOSUB)) != 0) {
		regerror(error, &compiled, buf, size);
		return (-1);
	}
	all = whole && regexec(&compiled, "", 0, NULL, 0) == 0;
	regfree(&compiled);
	if (all)
		return (wrong(&sc, "it matches even an empty command line"));
	return (0);
}
