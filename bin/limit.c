/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Limits: read, written, held against what was measured.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "config_parse.h"
#include "limit.h"

enum unit {
	UNIT_NUMBER,
	UNIT_SIZE,
	UNIT_TIME
};

static const struct {
	const char *name;
	enum unit unit;
	bool share;  /* can be in % */
	bool number; /* can be without % */
} kinds[LIMITS] = {
    [LIMIT_CPU] = {"cpu", UNIT_NUMBER, true, false},
    [LIMIT_MEMORY] = {"memory", UNIT_SIZE, false, true},
    [LIMIT_DESCRIPTORS] = {"descriptors", UNIT_NUMBER, false, true},
    [LIMIT_THREADS] = {"threads", UNIT_NUMBER, false, true},
    [LIMIT_CHILDREN] = {"children", UNIT_NUMBER, false, true},
    [LIMIT_UPTIME] = {"uptime", UNIT_TIME, false, true},
    [LIMIT_COUNT] = {"count", UNIT_NUMBER, false, true},
    [LIMIT_AGE] = {"age", UNIT_TIME, false, true},
    [LIMIT_SIZE] = {"size", UNIT_SIZE, false, true},
    [LIMIT_FREE] = {"free", UNIT_SIZE, true, true},
    [LIMIT_INODES] = {"inodes", UNIT_NUMBER, true, true},
    [LIMIT_QUEUE] = {"queue", UNIT_NUMBER, true, true},
};

#define PERCENT_MAX 1000000u
#define NUMBER_MAX (UINT64_C(1) << 53)

const char *
limit_key(enum limit_id id)
{
	return (kinds[id].name);
}

/* The next word, and past the blanks behind it. */
static size_t
word(const char **s, const char **begin)
{
	size_t n;

	*s += strspn(*s, " \t");
	*begin = *s;
	n = strcspn(*s, " \t");
	*s += n;
	return (n);
}

/* "90%", "0.5%" */
static int
read_share(const char *s, size_t len, int64_t *out, const char **why)
{
	size_t whole = strspn(s, "0123456789");
	uint64_t n, tenths = 0;

	if (value_number(s, whole, 0, PERCENT_MAX, &n, why) == -1)
		return (-1);
	if (s[whole] == '.' && s[whole + 1] >= '0' && s[whole + 1] <= '9' &&
	    len == whole + 3)
		tenths = (uint64_t)(s[whole + 1] - '0');
	else if (len != whole + 1) {
		*why = "a share is as 90% or 0.5%";
		return (-1);
	}
	*out = (int64_t)(n * 10 + tenths);
	return (0);
}

static int
read_size(const char *s, size_t len, int64_t *out, const char **why)
{
	uint64_t n;

	if (value_size(s, len, NUMBER_MAX, &n, why) == -1) {
		*why = "a size is a number, with K, M, G or T behind it or "
		       "not: 500M";
		return (-1);
	}
	*out = (int64_t)n;
	return (0);
}

static int
read_amount(enum limit_id id, const char *s, size_t len, struct limit *l,
    const char **why)
{
	uint64_t n;

	l->share = s[len - 1] == '%';
	if (l->share) {
		*why = "this limit is not a share: it has no '%'";
		return (
		    kinds[id].share ? read_share(s, len, &l->value, why) : -1);
	}
	*why = "this limit is a share: 90%";
	if (!kinds[id].number)
		return (-1);
	switch (kinds[id].unit) {
	case UNIT_SIZE:
		return (read_size(s, len, &l->value, why));
	case UNIT_TIME:
		return (value_duration(s, len, &l->value, why));
	default:
		if (value_number(s, len, 0, NUMBER_MAX, &n, why) == -1)
			return (-1);
		l->value = (int64_t)n;
		return (0);
	}
}

int
limit_parse(
    enum limit_id id, const char *text, struct limit *l, const char **why)
{
	const char *s = text, *w;
	size_t n;

	memset(l, 0, sizeof(*l));
	*why = "a limit begins with '>' or '<', as in \"> 500M for 5m\"";
	s += strspn(s, " \t");
	if (*s != '>' && *s != '<')
		return (-1);
	l->op = *s++;
	*why = "the amount is missing";
	if ((n = word(&s, &w)) == 0 || read_amount(id, w, n, l, why) == -1)
		return (-1);
	if ((n = word(&s, &w)) == 0)
		return (0);
	*why = "behind the amount only 'for' and a duration can stand";
	if (n != 3 || memcmp(w, "for", 3) != 0)
		return (-1);
	if ((n = word(&s, &w)) == 0)
		return (-1);
	if (value_duration(w, n, &l->hold, why) == -1)
		return (-1);
	*why = "behind the amount only 'for' and a duration can stand";
	return (word(&s, &w) == 0 ? 0 : -1);
}

const char *
limit_amount(char *buf, enum limit_id id, bool share, int64_t amount)
{
	static const char letters[] = "KMGT";
	char time[DURATION_TEXT];
	int64_t tenths;
	int at = -1;

	if (share)
		snprintf(buf, LIMIT_TEXT, "%lld.%lld%%",
		    (long long)(amount / 10), (long long)(amount % 10));
	else if (kinds[id].unit == UNIT_TIME)
		snprintf(buf, LIMIT_TEXT, "%s",
		    duration_text(time, amount - amount % INT64_C(1000000000)));
	else if (kinds[id].unit == UNIT_NUMBER || amount < 1024)
		snprintf(buf, LIMIT_TEXT, "%lld", (long long)amount);
	else {
		/* Times ten what is left of it, or it could be too much. */
		for (; amount >= 1024 * 1024 && at < 2; at++)
			amount /= 1024;
		tenths = amount / 1024 * 10 + amount % 1024 * 10 / 1024;
		at++;
		snprintf(buf, LIMIT_TEXT, "%lld.%lld%c",
		    (long long)(tenths / 10), (long long)(tenths % 10),
		    letters[at]);
	}
	return (buf);
}

/* As it can be read again. */
static void
write_amount(char *buf, size_t len, enum limit_id id, const struct limit *l)
{
	static const char letters[] = "KMGT";
	char time[DURATION_TEXT], letter[2] = "";
	int64_t v = l->value;

	if (l->share) {
		snprintf(buf, len, "%lld.%lld%%", (long long)(v / 10),
		    (long long)(v % 10));
		return;
	}
	if (kinds[id].unit == UNIT_TIME) {
		snprintf(buf, len, "%s", duration_text(time, v));
		return;
	}
	for (size_t i = 0;
	     kinds[id].unit == UNIT_SIZE && v > 0 && v % 1024 == 0 && i < 4;
	     i++) {
		v /= 1024;
		letter[0] = letters[i];
	}
	snprintf(buf, len, "%lld%s", (long long)v, letter);
}

const char *
limit_text(char *buf, enum limit_id id, const struct limit *l)
{
	char amount[40], time[DURATION_TEXT];

	write_amount(amount, sizeof(amount), id, l);
	if (l->hold > 0)
		snprintf(buf, LIMIT_TEXT, "%c %s for %s", l->op, amount,
		    duration_text(time, l->hold));
	else
		snprintf(buf, LIMIT_TEXT, "%c %s", l->op, amount);
	return (buf);
}

int
limit_exceeded(const struct limit *l, const struct measure *m)
{
	int64_t v = l->share ? m->share : m->value;

	if (v < 0)
		return (-1);
	return (l->op == '>' ? v > l->value : v < l->value);
}

void
measures_clear(struct measure measures[LIMITS])
{
	for (unsigned i = 0; i < LIMITS; i++)
		measures[i] = (struct measure) {-1, -1};
}

void
limits_begin(int64_t since[LIMITS])
{
	for (unsigned i = 0; i < LIMITS; i++)
		since[i] = INT64_MIN;
}

/* One that is exceeded: since when, and is that long enough? */
static bool
is_due(const struct limit *l, int64_t *since, int64_t now)
{
	if (*since == INT64_MIN)
		*since = now;
	return (now - *since >= l->hold);
}

static void
say(char *text, size_t len, enum limit_id id, const struct limit *l,
    const struct measure *m)
{
	size_t used = strlen(text);
	char amount[LIMIT_TEXT], limit[LIMIT_TEXT];

	if (used < len)
		snprintf(text + used, len - used, "%s%s %s (%s)",
		    (used > 0) ? ", " : "", kinds[id].name,
		    limit_amount(
			amount, id, l->share, l->share ? m->share : m->value),
		    limit_text(limit, id, l));
}

/* What is known of what has a limit; or of all, if nothing has. */
static void
say_all(char *text, size_t len, const struct limit limits[LIMITS],
    const struct measure measures[LIMITS])
{
	char amount[LIMIT_TEXT];
	size_t used = 0;

	for (unsigned i = 0; i < LIMITS && used < len; i++) {
		bool share = limits[i].op != 0 && limits[i].share;
		int64_t v = share ? measures[i].share : measures[i].value;

		if (limits[i].op != 0 && v >= 0)
			used += (size_t)snprintf(text + used, len - used,
			    "%s%s %s", (used > 0) ? ", " : "", kinds[i].name,
			    limit_amount(amount, i, share, v));
	}
}

enum limits_verdict
limits_judge(const struct limit limits[LIMITS],
    const struct measure measures[LIMITS], int64_t since[LIMITS], int64_t now,
    char *text, size_t len)
{
	enum limits_verdict verdict = LIMITS_OK;

	text[0] = '\0';
	for (unsigned i = 0; i < LIMITS; i++) {
		const struct limit *l = &limits[i];
		int over = (l->op == 0) ? 0 : limit_exceeded(l, &measures[i]);

		if (over == 0)
			since[i] = INT64_MIN;
		else if (over == -1 && verdict == LIMITS_OK)
			verdict = LIMITS_UNKNOWN;
		else if (over == 1 && is_due(l, &since[i], now)) {
			verdict = LIMITS_EXCEEDED;
			say(text, len, i, l, &measures[i]);
		}
	}
	if (verdict != LIMITS_EXCEEDED)
		say_all(text, len, limits, measures);
	return (verdict);
}

void
limits_metrics(const struct measure measures[LIMITS], char *buf, size_t len)
{
	size_t used = 0;

	buf[0] = '\0';
	for (unsigned i = 0; i < LIMITS && used < len; i++) {
		const struct measure *m = &measures[i];
		const char *sep = (used > 0) ? " " : "";
		int64_t v = m->value;

		if (v < 0 && m->share < 0)
			continue;
		if (v < 0)
			used += (size_t)snprintf(buf + used, len - used,
			    "%s%s=%lld.%lld%%", sep, kinds[i].name,
			    (long long)(m->share / 10),
			    (long long)(m->share % 10));
		else if (kinds[i].unit == UNIT_TIME)
			used += (size_t)snprintf(buf + used, len - used,
			    "%s%s=%llds", sep, kinds[i].name,
			    (long long)(v / INT64_C(1000000000)));
		else
			used += (size_t)snprintf(buf + used, len - used,
			    "%s%s=%lld%s", sep, kinds[i].name, (long long)v,
			    (kinds[i].unit == UNIT_SIZE) ? "B" : "");
	}
}
