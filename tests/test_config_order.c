/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * requires and after: how they are written, what they may name, and cycles.
 */
#include "config.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "config_same.h"

#define THREE                           \
	"service b { start = \"x\" }\n" \
	"service c { start = \"x\" }\n" \
	"service d { start = \"x\" }\n"

static void
assert_refs(const struct service_refs *refs, const char *want)
{
	size_t n = strlen(want);

	assert_int_equal(refs->n, n);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(refs->refs[i].name[0], want[i]);
		assert_int_equal(refs->refs[i].index, want[i] - 'a');
	}
}

static void
test_how_they_are_written(void **state)
{
	static const struct {
		const char *text, *requires, *after;
	} good[] = {
	    {"requires = b", "b", ""},
	    {"requires = b, c", "bc", ""},
	    {"requires = \"b\" , 'c',d after = d,b", "bcd", "db"},
	    {"requires = {b} after = {}", "b", ""},
	    {"requires = {b,\n c,\n}\nafter = b, d\n", "bc", "bd"},
	    {"after = c user = root", "", "c"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		char text[512];
		struct config *c;

		snprintf(text, sizeof(text),
		    "service a { start = \"x\" %s }\n" THREE, good[i].text);
		c = parse_ok(text);
		assert_refs(&c->services[0].requires, good[i].requires);
		assert_refs(&c->services[0].after, good[i].after);
		assert_round(c);
		config_free(c);
	}
}

static void
test_what_is_refused(void **state)
{
	static const struct bad bad[] = {
	    {CHILD("requires = b"), "2:12 there is no service 'b'"},
	    {CHILD("requires = redis") "service redi { start = \"x\" }",
		"2:12 there is no service 'redis': did you mean 'redi'?"},
	    {CHILD("requires = a"), "2:12 a service cannot require itself"},
	    {CHILD("after = {a}"), "2:10 a service cannot come after itself"},
	    {CHILD("after = b, c, b") THREE, "2:15 'b' stands twice in this"},
	    {CHILD("after = {b c}") THREE, "2:12 ',' or '}' is needed here"},
	    {CHILD("after = b c") THREE,
		"2:11 unexpected 'c' behind the value of 'after'"},
	    {CHILD("after = b,") THREE, "3:1 the name of a service is needed"},
	    {CHILD("after = , b"), "2:9 the name of a service is needed"},
	    {CHILD("after = {b,\nuser = root") THREE,
		"2:9 this list is not closed"},
	    {CHILD("after ="), "2:7 the value of 'after' is missing"},
	    {"defaults { requires = b }\n" THREE,
		"1:12 'requires' belongs in a service"},
	};

	(void)state;
	REFUSE(bad);
}

static void
test_cycles(void **state)
{
	static const struct bad bad[] = {
	    {CHILD("requires = b") "service b { start = \"x\" after = a }",
		"2:12 services wait for each other: a requires b (line 2), "
		"b comes after a (line 4)"},
	    {CHILD("after = b") "service b { start = \"x\" after = c }\n"
				"service c { start = \"x\" requires = d }\n"
				"service d { start = \"x\" requires = b }\n",
		"4:33 services wait for each other: b comes after c (line 4), "
		"c requires d (line 5), d requires b (line 6)"},
	    /* Each of them. */
	    {CHILD("after = b") "service b { start = \"x\" after = a }\n"
				"service c { start = \"x\" requires = d }\n"
				"service d { start = \"x\" requires = c }\n",
		"2:9 services wait\n5:36 services wait"},
	    /* To require it and to come after it is no contradiction. */
	    {CHILD("after = b requires = b, b") THREE, "2:25 'b' stands twice"},
	};
	struct config *c = parse_ok(CHILD("after = b requires = b") THREE);

	(void)state;
	config_free(c);
	REFUSE(bad);
}

/* What is missing may be in the block that could not be read. */
static void
test_no_errors_that_follow_from_others(void **state)
{
	static const struct bad bad[] = {
	    {CHILD("requires = b") "service b { start = \"x\"\n",
		"4:9 this block is not closed"},
	};

	(void)state;
	REFUSE(bad);
}

static void
test_a_long_cycle_is_shortened(void **state)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	assert_non_null(f);
	for (int i = 0; i < 3000; i++)
		fprintf(f, "service s%d { start = \"x\" requires = s%d }\n", i,
		    (i + 1) % 3000);
	fclose(f);
	assert_null(parse(text));
	assert_non_null(strstr(said, "s0 requires s1 (line 1), s1 requires"));
	assert_non_null(strstr(said, " and so on, over 3000 services\n"));
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_how_they_are_written),
	    cmocka_unit_test(test_what_is_refused),
	    cmocka_unit_test(test_cycles),
	    cmocka_unit_test(test_no_errors_that_follow_from_others),
	    cmocka_unit_test(test_a_long_cycle_is_shortened),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
