/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Files of variables: what each line is taken for.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bin/envfile.h"

static void
test_lines(void **state)
{
	static const struct {
		const char *text, *want; /* want: joined by '|' */
	} cases[] = {
	    {"", ""},
	    {"\n\n  \n\t\r\n", ""},
	    {"# A=1\n  ; B=2\n", ""},
	    {"A=1", "A=1"},
	    {"A=1\nB=2\n", "A=1|B=2"},
	    {"A=1\r\nB=2\r\n", "A=1|B=2"},
	    {"A=", "A="},
	    {"A=   ", "A="},
	    {"  A=b c  ", "A=b c"},
	    {"A= b", "A=b"},
	    {"A=b#c # d", "A=b#c # d"},
	    {"A=b=c", "A=b=c"},
	    {"A=$B `c` \\d ~", "A=$B `c` \\d ~"},
	    {"A=b'c'\"d\"", "A=b'c'\"d\""},
	    {"A='b  c '", "A=b  c "},
	    {"A='b\"\\c'  ", "A=b\"\\c"},
	    {"A=\"b 'c' \\\"d\\\" \\\\ \\$e \\`\"", "A=b 'c' \"d\" \\ $e `"},
	    {"A=\"b\\nc\"", "A=b\\nc"},
	    {"A=''\nB=\"\"", "A=|B="},
	    {"export A=1\n\texport\tB='2'", "A=1|B=2"},
	    {"export=1\nexport1=2", "export=1|export1=2"},
	    {"_a1=x", "_a1=x"},
	    {"A=1\nA=2", "A=1|A=2"},
	    {"A=\xc3\xa4", "A=\xc3\xa4"},
	};
	char got[256];
	const char *why;
	unsigned line;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char **vars = envfile_parse(
		    cases[i].text, strlen(cases[i].text), &line, &why);

		if (vars == NULL)
			fail_msg("'%s': line %u: %s", cases[i].text, line, why);
		got[0] = '\0';
		for (size_t j = 0; vars[j] != NULL; j++) {
			strcat(got, j > 0 ? "|" : "");
			strcat(got, vars[j]);
		}
		assert_string_equal(got, cases[i].want);
		envfile_free(vars);
	}
}

static void
test_wrong_lines(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
		const char *why;
	} cases[] = {
	    {"A", 1, "not NAME=value"},
	    {"A=1\n\nB C=2", 3, "not NAME=value"},
	    {"1A=2", 1, "not NAME=value"},
	    {"=2", 1, "not NAME=value"},
	    {"A =2", 1, "not NAME=value"},
	    {"A-B=2", 1, "not NAME=value"},
	    {"export", 1, "not NAME=value"},
	    {"export \nA=1", 1, "not NAME=value"},
	    {"A='b\nc'", 1, "closing quote"},
	    {"A=\"b\\\"", 1, "closing quote"},
	    {"A=\"", 1, "closing quote"},
	    {"A='b' c", 1, "more behind"},
	    {"A=\"b\"c", 1, "more behind"},
	    {"\xef\xbb\xbf"
	     "A=1",
		1, "not NAME=value"},
	};
	const char *why;
	unsigned line;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char **vars = envfile_parse(
		    cases[i].text, strlen(cases[i].text), &line, &why);

		if (vars != NULL)
			fail_msg("'%s' is taken", cases[i].text);
		assert_int_equal(line, cases[i].line);
		assert_non_null(strstr(why, cases[i].why));
	}
	assert_null(envfile_parse("A=\0b", 4, &line, &why));
	assert_string_equal(why, "a NUL byte");
}

static void
test_random_bytes(void **state)
{
	static const char letters[] = "AB=='\"\\\n\n #;\r\0exportx $";
	uint64_t random = 88172645463325252u;
	const char *why;
	unsigned line;

	(void)state;
	for (int turn = 0; turn < 30000; turn++) {
		size_t len = (size_t)(random >> 20) % 24;
		char *text = malloc(len + 1), **vars;

		assert_non_null(text);
		for (size_t i = 0; i < len; i++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			text[i] = letters[random % (sizeof(letters) - 1)];
		}
		random += 0x9e3779b97f4a7c15u;
		/* Of its own size, so that tools see where it ends. */
		text = realloc(text, len > 0 ? len : 1);
		assert_non_null(text);
		vars = envfile_parse(text, len, &line, &why);
		for (size_t i = 0; vars != NULL && vars[i] != NULL; i++)
			assert_non_null(strchr(vars[i], '='));
		envfile_free(vars);
		free(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_wrong_lines),
	    cmocka_unit_test(test_random_bytes),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
