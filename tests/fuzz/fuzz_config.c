/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Fuzz target: any bytes as a configuration.  Either there are errors, each
 * at a place inside of the text and fit for a terminal, in order; or there is
 * a configuration, and what is printed of it reads back as the same.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "fuzz.h"

const char fuzz_corpus[] = "config";

struct seen {
	size_t errors;
	unsigned line;
	unsigned column;
	unsigned lines;
};

static void
fail(const char *what, const char *text)
{
	fprintf(stderr, "fuzz_config: %s\n%s\n", what, text);
	abort();
}

static void
count_error(const struct config_pos *pos, const char *text, void *arg)
{
	struct seen *seen = arg;

	seen->errors++;
	if (pos->file == NULL || strcmp(pos->file, "fuzz") != 0)
		fail("an error without its file", text);
	if (*text == '\0')
		fail("an error without words", text);
	for (const char *s = text; *s != '\0'; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			fail("an error with a control character", text);
	if (pos->line == 0) /* those that were too many */
		return;
	if (pos->line > seen->lines || pos->column == 0)
		fail("an error outside of the text", text);
	if (pos->line < seen->line ||
	    (pos->line == seen->line && pos->column < seen->column))
		fail("errors out of order", text);
	seen->line = pos->line;
	seen->column = pos->column;
}

static void
unexpected(const struct config_pos *pos, const char *text, void *arg)
{
	(void)pos;
	(void)arg;
	fail("what was printed cannot be read", text);
}

static char *
print(const struct config *c, size_t *len)
{
	char *text = NULL;
	FILE *f;

	if ((f = open_memstream(&text, len)) == NULL ||
	    config_print(c, f) == -1 || fclose(f) == EOF)
		fail("config_print failed", "");
	return (text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen seen = {.lines = 1};
	const char *in = (const char *)data;
	struct config *c, *again;
	char *first, *second;
	size_t n, m;

	for (size_t i = 0; i < size; i++)
		seen.lines += in[i] == '\n';
	c = config_parse("fuzz", size == 0 ? "" : in, size, count_error, &seen);
	if ((c == NULL) != (seen.errors > 0))
		fail("errors and result do not agree", "");
	if (c == NULL)
		return (0);
	first = print(c, &n);
	again = config_parse("printed", first, n, unexpected, NULL);
	if (again == NULL)
		fail("refused without a word", first);
	second = print(again, &m);
	if (n != m || memcmp(first, second, n) != 0)
		fail("printed differently", second);
	config_free(again);
	config_free(c);
	free(first);
	free(second);
	return (0);
}
