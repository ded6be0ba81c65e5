/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * main() for a fuzz target where there is no fuzzer: it is given each file,
 * or each file of a directory, once.  Without arguments it is a test, over the
 * target's corpus.
 */
#include "config.h"

#include <sys/stat.h>

#include <dirent.h>
#include <err.h>
#include <limits.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fuzz.h"

static size_t inputs;

static void
run_file(const char *path)
{
	struct stat st;
	uint8_t *data;
	FILE *f;

	if ((f = fopen(path, "rb")) == NULL || fstat(fileno(f), &st) == -1)
		err(1, "%s", path);
	if ((data = malloc((size_t)st.st_size + 1)) == NULL)
		err(1, NULL);
	if (fread(data, 1, (size_t)st.st_size, f) != (size_t)st.st_size)
		err(1, "%s", path);
	fclose(f);
	/* Told beforehand: a crash then has a name. */
	fprintf(stderr, "%s\n", path);
	(void)LLVMFuzzerTestOneInput(data, (size_t)st.st_size);
	free(data);
	inputs++;
}

static void
run(const char *path)
{
	char file[PATH_MAX];
	struct dirent *e;
	DIR *d;

	if ((d = opendir(path)) == NULL) {
		run_file(path);
		return;
	}
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
		run_file(file);
	}
	closedir(d);
}

static void
test_corpus(void **state)
{
	const char *srcdir = getenv("srcdir");
	char corpus[PATH_MAX];

	(void)state;
	snprintf(corpus, sizeof(corpus), "%s/tests/fuzz/corpus/%s",
	    srcdir == NULL ? "." : srcdir, fuzz_corpus);
	run(corpus);
	assert_int_not_equal(inputs, 0);
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_corpus)};

	if (argc == 1)
		return (cmocka_run_group_tests(tests, NULL, NULL));
	for (int i = 1; i < argc; i++)
		run(argv[i]);
	return (0);
}
