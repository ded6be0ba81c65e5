/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The lexer: kinds and places of tokens, what strings stand for, its errors,
 * and text made fit for a message.
 */
#include "config.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lexer.h"

/* "line:column text", one line for each error. */
static char said[4096];

static void
say(void *arg, unsigned line, unsigned column, const char *text)
{
	size_t used = strlen(said);

	assert_ptr_equal(arg, said);
	snprintf(
	    said + used, sizeof(said) - used, "%u:%u %s\n", line, column, text);
}

/*
 * All tokens of a text as "line:column kind"; with its errors in said.  The
 * text is copied to the heap, where a byte too far is seen.
 */
static const char *
tokens(const char *text, size_t len)
{
	static const char kinds[] = "$ws={},()?";
	static char out[4096];
	char *copy = malloc(len == 0 ? 1 : len);
	size_t used = 0;
	struct lexer lx;
	struct token tok, peeked;

	assert_non_null(copy);
	memcpy(copy, text, len);
	said[0] = out[0] = '\0';
	lexer_init(&lx, copy, len, say, said);
	do {
		size_t before = strlen(said);

		lexer_peek(&lx, &peeked);
		assert_int_equal(strlen(said), before);
		lexer_next(&lx, &tok);
		assert_memory_equal(&tok, &peeked, sizeof(tok));
		used += (size_t)snprintf(out + used, sizeof(out) - used,
		    "%s%u:%u%c%s%.*s", used == 0 ? "" : " ", tok.line,
		    tok.column, kinds[tok.kind], tok.first ? "^" : "",
		    (int)tok.len, tok.text);
	} while (tok.kind != TOKEN_END);
	lexer_next(&lx, &tok);
	assert_int_equal(tok.kind, TOKEN_END);
	free(copy);
	return (out);
}

static void
test_kinds_and_places(void **state)
{
	const char *s = "a = b.c/d*:[1]@%+~?-_ {x, 'y'} # z\n"
			"\t(not \"q\")\r\n"
			"\n"
			"e";

	(void)state;
	assert_string_equal(tokens(s, strlen(s)),
	    "1:1w^a 1:3== 1:5wb.c/d*:[1]@%+~?-_ 1:23{{ 1:24wx 1:25,, "
	    "1:27s'y' 1:30}} 2:2(^( 2:3wnot 2:7s\"q\" 2:10)) 4:1w^e 4:2$");
	assert_string_equal(said, "");
	assert_string_equal(tokens("", 0), "1:1$^");
	assert_string_equal(tokens("# only", 6), "1:7$^");
	assert_string_equal(tokens("\r", 1), "1:2$^");
}

/* A character is one column, however many bytes it has. */
static void
test_columns_are_characters(void **state)
{
	const char *s = "'\xe4\xb8\xad\xe6\x96\x87' a";

	(void)state;
	assert_string_equal(
	    tokens(s, strlen(s)), "1:1s^'\xe4\xb8\xad\xe6\x96\x87' 1:6wa 1:7$");
}

static void
check_string(const char *source, const char *want, size_t len)
{
	struct lexer lx;
	struct token tok;
	char *buf;

	said[0] = '\0';
	lexer_init(&lx, source, strlen(source), say, said);
	lexer_next(&lx, &tok);
	assert_string_equal(said, "");
	assert_int_equal(tok.kind, TOKEN_STRING);
	assert_false(tok.bad);
	assert_int_equal(tok.len, strlen(source));
	buf = malloc(tok.len);
	assert_non_null(buf);
	assert_int_equal(token_decode(&tok, buf), len);
	assert_memory_equal(buf, want, len);
	free(buf);
}

static void
test_strings(void **state)
{
	(void)state;
	check_string("\"\"", "", 0);
	check_string("''", "", 0);
	check_string("\"a'b\\\"c\"", "a'b\"c", 5);
	check_string("'a\"b\\n\\'", "a\"b\\n\\", 6);
	check_string(
	    "\"\\a\\b\\e\\f\\n\\r\\t\\v\\\\\\'\"", "\a\b\033\f\n\r\t\v\\'", 10);
	check_string("\"\\x41\\xfF\\x00\\0z\"", "A\377\0\0z", 5);
	check_string("\"a\tb # no comment\"", "a\tb # no comment", 16);
	check_string("'\xe4\xb8\xad'", "\xe4\xb8\xad", 3);
}

static void
test_every_byte_by_its_number(void **state)
{
	char source[8], want;

	(void)state;
	for (int c = 0; c < 256; c++) {
		snprintf(source, sizeof(source), "\"\\x%02X\"", (unsigned)c);
		want = (char)(unsigned char)c;
		check_string(source, &want, 1);
	}
}

static void
check_error(const char *text, const char *want)
{
	tokens(text, strlen(text));
	if (strncmp(said, want, strlen(want)) != 0 ||
	    strchr(said, '\n') == NULL || strchr(said, '\n')[1] != '\0')
		fail_msg("%s\ngives %s\nnot %s", text, said, want);
}

static void
test_string_errors(void **state)
{
	(void)state;
	check_error("a = \"b", "1:5 string is not closed: \" is missing");
	check_error("a = 'b\nc = 'd'", "1:5 string is not closed: '");
	check_error("'b\r\n", "1:1 string is not closed");
	check_error("\"b\\", "1:1 string is not closed");
	check_error("\"b\\\"", "1:1 string is not closed");
	check_error("\"b\\\n", "1:1 string is not closed");
	check_error("'", "1:1 string is not closed");
	check_error("\"ab\\q\"", "1:4 unknown escape '\\q' in a string");
	check_error("\"\\\xe4\xb8\xad\"", "1:2 unknown escape '\\\xe4\xb8");
	check_error("\"\\\x01\"", "1:2 unknown escape '\\\\x01'");
	check_error("\"\\x4\"", "1:2 \\x needs two hexadecimal digits");
	check_error("\"\\xg0\"", "1:2 \\x needs two");
	check_error("\"\\012\"", "1:2 octal escapes are unknown");
	check_error("'a\x1b'",
	    "1:3 control character in a string: "
	    "write \\x1b");
	check_error("'\x7f'", "1:2 control character in a string");
	check_error("'\r '", "1:2 control character in a string");
}

static void
test_stray_characters(void **state)
{
	(void)state;
	check_error("a;", "1:2 stray character ';': keys are separated");
	check_error("&& b", "1:1 stray characters '&&': conditions are");
	check_error("$x", "1:1 stray character '$': nothing is expanded");
	check_error("a \\ b", "1:3 stray character '\\'");
	check_error("\xe2\x80\x9c"
		    "a",
	    "1:1 stray characters '\\xe2\\x80\\x9c': quotes are plain");
	check_error("\xe4\xb8\xad",
	    "1:1 stray characters '\\xe4\\xb8\\xad': "
	    "text needs quotes");
	check_error("a \x1b[", "1:3 stray character '\\x1b'");
	check_error("\r a", "1:1 stray character '\\x0d'");
	check_error("\x01\x02\x03\x04\x05\x06\x07\x08\x0e\x0f\x10\x11\x12",
	    "1:1 stray characters '\\x01\\x02\\x03\\x04\\x05\\x06\\x07\\x08"
	    "\\x0e\\x0f\\x10\\x11...'");
	check_error("/var/log/a#b", "1:11 '#' in a word: put a blank");
}

/* Not allowed in the text, but it must not hang or crash on it. */
static void
test_nul_is_stray(void **state)
{
	(void)state;
	assert_string_equal(tokens("a\0b", 3), "1:1w^a 1:2? 1:3wb 1:4$");
	assert_string_equal(said, "1:2 stray character '\\x00'\n");
}

static void
test_printable(void **state)
{
	(void)state;
	assert_int_equal(text_printable("", 0), 0);
	assert_int_equal(text_printable("a", 1), 1);
	assert_int_equal(text_printable(" ", 1), 1);
	assert_int_equal(text_printable("\n", 1), 0);
	assert_int_equal(text_printable("\x7f", 1), 0);
	assert_int_equal(text_printable("\xc3\xa4", 2), 2);
	assert_int_equal(text_printable("\xc3\xa4", 1), 0);
	assert_int_equal(text_printable("\xe4\xb8\xad", 3), 3);
	assert_int_equal(text_printable("\xf0\x9f\x98\x80", 4), 4);
	assert_int_equal(text_printable("\xc2\x9b", 2), 0); /* CSI */
	assert_int_equal(text_printable("\xc1\x81", 2), 0); /* overlong */
	assert_int_equal(text_printable("\xe0\x80\xaf", 3), 0);
	assert_int_equal(text_printable("\xed\xa0\x80", 3), 0); /* surrogate */
	assert_int_equal(text_printable("\xe2\x80\xae", 3), 0); /* RLO */
	assert_int_equal(text_printable("\xf4\x90\x80\x80", 4), 0);
	assert_int_equal(text_printable("\xff", 1), 0);
	assert_int_equal(text_printable("\x80", 1), 0);
}

static void
test_escape_for_messages(void **state)
{
	char buf[16];

	(void)state;
	assert_string_equal(text_escape(buf, 16, "abc", 3), "abc");
	assert_string_equal(text_escape(buf, 16, "", 0), "");
	assert_string_equal(text_escape(buf, 16, "a\x1b[b", 4), "a\\x1b[b");
	assert_string_equal(
	    text_escape(buf, 16, "0123456789abcde", 15), "0123456789abcde");
	assert_string_equal(
	    text_escape(buf, 16, "0123456789abcdef", 16), "0123456789ab...");
	/* Never half a character, never half an escape. */
	for (size_t pad = 0; pad < 14; pad++) {
		char text[32];

		memset(text, 'x', pad);
		memcpy(text + pad, "\xe4\xb8\xad\n\n\n\n", 7);
		text_escape(buf, sizeof(buf), text, pad + 7);
		assert_true(strlen(buf) < sizeof(buf));
		assert_true(strlen(buf) >= 12 ||
		    strcmp(buf + strlen(buf) - 3, "...") == 0);
		for (size_t i = 0, n; buf[i] != '\0'; i += n) {
			n = text_printable(buf + i, strlen(buf + i));
			assert_int_not_equal(n, 0);
		}
		if (strrchr(buf, '\\') != NULL)
			assert_memory_equal(strrchr(buf, '\\'), "\\x0a", 4);
	}
}

static void
test_token_is(void **state)
{
	struct token tok = {.kind = TOKEN_WORD, .text = "andy", .len = 3};

	(void)state;
	assert_true(token_is(&tok, "and"));
	assert_false(token_is(&tok, "andy"));
	assert_false(token_is(&tok, "an"));
	tok.kind = TOKEN_STRING;
	assert_false(token_is(&tok, "and"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_kinds_and_places),
	    cmocka_unit_test(test_columns_are_characters),
	    cmocka_unit_test(test_strings),
	    cmocka_unit_test(test_every_byte_by_its_number),
	    cmocka_unit_test(test_string_errors),
	    cmocka_unit_test(test_stray_characters),
	    cmocka_unit_test(test_nul_is_stray),
	    cmocka_unit_test(test_printable),
	    cmocka_unit_test(test_escape_for_messages),
	    cmocka_unit_test(test_token_is),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
