/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The text of a line of the log.  What came from outside may hold anything:
 * a line break forges lines, an escape sequence steers the reader's terminal.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "log_text.h"

static const char ellipsis[] = "\xe2\x80\xa6";

/* How many bytes a character that starts with c has; 0: none starts so. */
static size_t
expected(unsigned char c)
{
	if (c < 0x80)
		return (1);
	if (c >= 0xc2 && c <= 0xdf)
		return (2);
	if (c >= 0xe0 && c <= 0xef)
		return (3);
	if (c >= 0xf0 && c <= 0xf4)
		return (4);
	return (0);
}

/*
 * The length of the UTF-8 character at s; 0 when it is none: too long a form,
 * a surrogate, above U+10FFFF, or cut off by the end.
 */
static size_t
character(const unsigned char *s)
{
	size_t i, n;

	n = expected(s[0]);
	for (i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return (0);
	}
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return (0);
	return (n);
}

/* C0, DEL, and C1 (U+0080 to U+009F, of which U+009B is ESC [). */
static bool
steers(const unsigned char *s)
{
	return (s[0] < 0x20 || s[0] == 0x7f || (s[0] == 0xc2 && s[1] < 0xa0));
}

/* The escaped form of the byte c in out; its length. */
static size_t
escape(char out[5], unsigned char c)
{
	switch (c) {
	case '\n':
		return ((size_t)snprintf(out, 5, "\\n"));
	case '\r':
		return ((size_t)snprintf(out, 5, "\\r"));
	case '\t':
		return ((size_t)snprintf(out, 5, "\\t"));
	default:
		return ((size_t)snprintf(out, 5, "\\x%02x", c));
	}
}

/* Copy with escapes into buf; cut: more was to come. */
static void
copy(char *buf, const char *raw, bool cut)
{
	const unsigned char *s;
	char esc[5];
	const char *unit;
	size_t at, len, n;

	at = 0;
	for (s = (const unsigned char *)raw; *s != '\0'; s += n) {
		n = character(s);
		unit = (const char *)s;
		len = n;
		if (n == 0 || steers(s)) {
			n = 1;
			unit = esc;
			len = escape(esc, *s);
		}
		if (at + len > LOG_TEXT_SIZE - sizeof(ellipsis)) {
			cut = true;
			break;
		}
		memcpy(buf + at, unit, len);
		at += len;
	}
	memcpy(buf + at, ellipsis, cut ? sizeof(ellipsis) : 0);
	if (!cut)
		buf[at] = '\0';
}

void
log_text(char *buf, const char *fmt, va_list ap)
{
	char raw[LOG_TEXT_SIZE];
	size_t len;
	int n;

	n = vsnprintf(raw, sizeof(raw), fmt, ap);
	if (n < 0) {
		/* EILSEQ, EOVERFLOW: the format is better than nothing. */
		copy(buf, fmt, false);
		return;
	}
	len = strlen(raw);
	/* The habit of printf(3). */
	if ((size_t)n == len && len > 0 && raw[len - 1] == '\n')
		raw[len - 1] = '\0';
	/*
	 * vsnprintf() may have cut through a character; copy(), which needs
	 * room for the ellipsis, ends before that.
	 */
	copy(buf, raw, (size_t)n > len);
}
