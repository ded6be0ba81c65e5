/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What is printed of a configuration reads back as the same: conditions,
 * strings, durations.
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
#include "config_parse.h"

#define MS INT64_C(1000000)

static void
check_when(const char *text, const char *want)
{
	char conf[512];
	struct config *c;

	snprintf(conf, sizeof(conf),
	    "service a { restart-when = %s\n"
	    "start = \"x\" tcp p { address = h:1 } tcp q { address = h:2 } }",
	    text);
	c = parse_ok(conf);
	assert_when(&c->services[0], want);
	assert_round(c);
	config_free(c);
}

static void
test_precedence(void **state)
{
	(void)state;
	check_when("not p and q or ready", "not p and q or ready");
	check_when("((not (p)) and q) or ready", "not p and q or ready");
	check_when("not (p and q) or ready", "not (p and q) or ready");
	check_when("not (p and (q or ready))", "not (p and (q or ready))");
	check_when("p or q and ready", "p or q and ready");
	check_when("(p or q) and ready", "(p or q) and ready");
	check_when("p or (q or ready)", "p or (q or ready)");
	check_when("(p or q) or ready", "p or q or ready");
	check_when("p and (q and ready) and p", "p and (q and ready) and p");
	check_when("not not p", "not not p");
	check_when(
	    "p\n or\n q\n and not\n p.failed", "p or q and not p.failed");
	check_when("(\np\n)", "p");
}

static uint32_t seed;

static uint32_t
rnd(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return ((seed >> 8) % n);
}

/* A random formula, as text in full parentheses and as postfix. */
static void
make_formula(int depth, FILE *f, struct cond *c)
{
	static const char *const atoms[] = {
	    "process", "ready", "p", "q", "p.failed", "q.failed"};
	static const struct cond_item items[] = {{COND_PROCESS, 0, 0},
	    {COND_READY, 0, 0}, {COND_CHECK, 0, 0}, {COND_CHECK, 0, 1},
	    {COND_FAILED, 0, 0}, {COND_FAILED, 0, 1}};
	uint32_t kind = depth == 0 ? 0 : rnd(4), atom;

	fputc('(', f);
	if (kind == 0) {
		atom = rnd(6);
		fputs(atoms[atom], f);
		c->items[c->len++] = items[atom];
	} else if (kind == 1) {
		fputs("not ", f);
		make_formula(depth - 1, f, c);
		c->items[c->len++].op = COND_NOT;
	} else {
		make_formula(depth - 1, f, c);
		fputs(kind == 2 ? " and " : " or ", f);
		make_formula(depth - 1, f, c);
		c->items[c->len++].op = kind == 2 ? COND_AND : COND_OR;
	}
	fputc(')', f);
}

static void
test_random_conditions(void **state)
{
	struct cond_item items[512];

	(void)state;
	for (uint32_t round = 0; round < 3000; round++) {
		struct cond want = {0, items};
		char *text = NULL;
		size_t len;
		struct config *c;
		FILE *f = open_memstream(&text, &len);

		memset(items, 0, sizeof(items));
		seed = round;
		assert_non_null(f);
		fputs("service a { start = \"x\" tcp p { address = h:1 }\n"
		      "tcp q { address = h:2 } restart-when = ",
		    f);
		make_formula((int)rnd(7), f, &want);
		fputs("}", f);
		fclose(f);
		c = parse_ok(text);
		assert_int_equal(c->services[0].restart_when.len, want.len);
		assert_memory_equal(c->services[0].restart_when.items, items,
		    want.len * sizeof(items[0]));
		assert_round(c);
		config_free(c);
		free(text);
	}
}

/* The longest chain that is allowed. */
static void
test_long_condition(void **state)
{
	char *text = malloc(1 << 15);
	size_t used;
	struct config *c;

	(void)state;
	assert_non_null(text);
	used = (size_t)sprintf(
	    text, "service a { start = \"x\" restart-when = process");
	for (unsigned i = 0; i < CONFIG_COND_MAX / 2 - 1; i++)
		used += (size_t)sprintf(text + used, " or process");
	sprintf(text + used, " }");
	c = parse_ok(text);
	assert_int_equal(c->services[0].restart_when.len, CONFIG_COND_MAX - 1);
	assert_round(c);
	config_free(c);
	free(text);
}

/* As many checks as there can be, with the condition by default. */
static void
test_many_checks(void **state)
{
	char *text = malloc(1 << 15);
	size_t used;
	struct config *c;

	(void)state;
	assert_non_null(text);
	used = (size_t)sprintf(text, "service a { start = \"x\"\n");
	for (unsigned i = 0; i < CONFIG_CHECKS_MAX; i++)
		used += (size_t)sprintf(
		    text + used, "tcp c%u { address = h:%u }\n", i, i + 1);
	sprintf(text + used, " }");
	c = parse_ok(text);
	assert_int_equal(c->services[0].nchecks, CONFIG_CHECKS_MAX);
	assert_round(c);
	config_free(c);
	free(text);
}

/* Every byte but NUL in every text; NUL too where it may be. */
static void
test_printed_strings(void **state)
{
	static const char *const texts[] = {"", "a", "a b", "\\", "'", "\"",
	    "\\'\"", "\xe4\xb8\xad\xe6\x96\x87", "\xe2\x80\xae", "\xff",
	    "a\\.b", "\x1b[2J", "\x7f", "\t\r\n", "#{}="};
	char all[256];

	(void)state;
	for (size_t i = 0; i < 256; i++)
		all[i] = (char)(unsigned char)i;
	for (size_t i = 0; i <= sizeof(texts) / sizeof(texts[0]); i++) {
		bool last = i == sizeof(texts) / sizeof(texts[0]);
		const char *s = last ? all : texts[i];
		size_t len = last ? sizeof(all) : strlen(s), n;
		char *text = NULL, *back;
		FILE *f = open_memstream(&text, &n);
		struct lexer lx;
		struct token tok;

		assert_non_null(f);
		assert_int_equal(config_print_string(f, s, len), 0);
		fclose(f);
		lexer_init(&lx, text, n, NULL, NULL);
		lexer_next(&lx, &tok);
		assert_int_equal(tok.kind, TOKEN_STRING);
		assert_false(tok.bad);
		assert_int_equal(tok.len, n);
		back = malloc(n);
		assert_non_null(back);
		assert_int_equal(token_decode(&tok, back), len);
		assert_memory_equal(back, s, len);
		for (size_t k = 0; k < n; k++)
			assert_true((unsigned char)text[k] >= ' ');
		free(back);
		free(text);
	}
}

static void
test_durations_round(void **state)
{
	char text[DURATION_TEXT];
	const char *why;
	int64_t back;

	(void)state;
	for (uint32_t round = 0; round < 20000; round++) {
		int64_t ns;

		seed = round;
		ns = (((int64_t)rnd(1 << 23) << 20) >> rnd(43)) * MS;
		if (ns < 0 || ns > CONFIG_DURATION_MAX)
			continue;
		duration_text(text, ns);
		assert_int_equal(
		    value_duration(text, strlen(text), &back, &why), 0);
		assert_int_equal(back, ns);
	}
	duration_text(text, CONFIG_DURATION_MAX);
	assert_string_equal(text, "36500d");
	assert_string_equal(duration_text(text, 0), "0s");
}

static void
test_signals(void **state)
{
	(void)state;
	assert_int_equal(value_signal("TERM"), SIGTERM);
	assert_int_equal(value_signal("SIGKILL"), SIGKILL);
	assert_int_equal(value_signal("1"), SIGHUP);
	assert_int_equal(value_signal("SIG15"), -1);
	assert_int_equal(value_signal("term"), -1);
	assert_int_equal(value_signal(""), -1);
	assert_int_equal(value_signal("SIG"), -1);
	assert_string_equal(signal_text(SIGQUIT), "QUIT");
	assert_null(signal_text(SIGCHLD));
}

static void
test_print_error(void **state)
{
	const struct config_pos in = {"a\nb", 3, 7}, whole = {"f", 0, 0},
				none = {NULL, 0, 0};
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	assert_non_null(f);
	config_error_print(&in, "x", f);
	config_error_print(&whole, "y", f);
	config_error_print(&none, "z", f);
	fclose(f);
	assert_string_equal(text, "a\\x0ab:3:7: x\nf: y\nz\n");
	free(text);
}

static void
test_print_tells_of_a_full_disk(void **state)
{
	struct config *c = parse_ok("service a { start = \"x\" }");
	FILE *f = fopen("/dev/full", "w");

	(void)state;
	if (f == NULL)
		skip();
	assert_int_equal(config_print(c, f), -1);
	fclose(f);
	config_free(c);
}

static void
test_http_and_tls(void **state)
{
	static const char conf[] =
	    "service a { start = \"x\"\n"
	    "http all {\n"
	    "url = \"https://[::1]:8443/a?b=%20\"\n"
	    "method = POST address = 127.0.0.1:80 source = 127.0.0.1\n"
	    "headers = {\"A: \\\"1\\\"\", \"B: 2\"}\n"
	    "auth-file = /etc/a send = \"x\\0y\"\n"
	    "status = {200, 301..302} body = 'a\"b' redirects = yes\n"
	    "ca-file = /etc/ca.pem server-name = www.example.org\n"
	    "expires-within = 14d\n"
	    "}\n"
	    "http few { url = \"https://h\" verify = no status = 200..299 }\n"
	    "tcp t { address = h:443 tls = yes expires-within = 1d12h }\n"
	    "tcp plain { address = h:80 }\n"
	    "}\n";
	const struct check_conf *all, *few, *t, *plain;
	struct config *c;

	(void)state;
	if (!WITH_CURL)
		skip();
	c = parse_ok(conf);
	all = &c->services[0].checks[0];
	few = all + 1;
	t = all + 2;
	plain = all + 3;
	assert_string_equal(all->web->url, "https://[::1]:8443/a?b=%20");
	assert_string_equal(all->web->headers[0], "A: \"1\"");
	assert_null(all->web->headers[2]);
	assert_int_equal(all->web->nstatus, 2);
	assert_int_equal(all->web->status[0].last, 200);
	assert_int_equal(all->web->status[1].first, 301);
	assert_int_equal(all->web->status[1].last, 302);
	assert_true(all->web->redirects && all->web->verify);
	assert_string_equal(all->expect, "a\"b");
	assert_string_equal(all->port, "80");
	assert_false(few->web->verify);
	assert_null(few->host);
	assert_int_equal(few->web->status[0].first, 200);
	assert_int_equal(few->web->status[0].last, 299);
	assert_true(t->tls && t->web->verify);
	assert_int_equal(t->web->expires_within, INT64_C(129600000000000));
	assert_false(plain->tls);
	assert_null(plain->web);
	assert_round(c);
	config_free(c);
}
static void
test_without_libcurl(void **state)
{
	static const struct bad bad[] = {
	    {"service a { start = \"x\"\nhttp p { url = \"http://h/\" } }\n",
		"2:6 this daemonwatch was built without libcurl"},
	    {TCP("address = h:1 tls = yes"),
		"2:15 this daemonwatch was built without libcurl"},
	};

	(void)state;
	if (WITH_CURL)
		skip();
	refuse_all(bad, sizeof(bad) / sizeof(bad[0]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_http_and_tls),
	    cmocka_unit_test(test_without_libcurl),
	    cmocka_unit_test(test_precedence),
	    cmocka_unit_test(test_random_conditions),
	    cmocka_unit_test(test_long_condition),
	    cmocka_unit_test(test_many_checks),
	    cmocka_unit_test(test_printed_strings),
	    cmocka_unit_test(test_durations_round),
	    cmocka_unit_test(test_signals),
	    cmocka_unit_test(test_print_error),
	    cmocka_unit_test(test_print_tells_of_a_full_disk),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
