/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Values that are refused: each gives its one message at its place, and
 * nothing else.
 */
#include "config.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config_fixture.h"

static void
test_durations_and_numbers(void **state)
{
	static const struct bad bad[] = {
	    {CHILD("interval = 30"),
		"2:12 bad duration '30': the unit is missing"},
	    {CHILD("interval = 1m30"),
		"2:12 bad duration '1m30': the unit is missing"},
	    {CHILD("interval = abc"),
		"2:12 bad duration 'abc': a duration is needed"},
	    {CHILD("interval = \"\""), "2:12 bad duration ''"},
	    {CHILD("interval = 5min"),
		"2:12 bad duration '5min': the units are ms, s, m, h"},
	    {CHILD("interval = 5S"), "2:12 bad duration '5S': the unit"},
	    {CHILD("interval = 1.5s"),
		"2:12 bad duration '1.5s': no fractions"},
	    {CHILD("interval = -3s"), "2:12 bad duration '-3s'"},
	    {CHILD("interval = 1s1m"),
		"2:12 bad duration '1s1m': units go from the largest"},
	    {CHILD("interval = 1s1s"), "2:12 bad duration '1s1s'"},
	    {CHILD("interval = 36501d"),
		"2:12 bad duration '36501d': "
		"longer than 36500d"},
	    {CHILD("interval = 36500d1ms"), "2:12 bad duration"},
	    {CHILD("interval = 9223372036854775808ms"),
		"2:12 bad duration '9223372036854775808ms': too large"},
	    {CHILD("interval = 99999999999999999999s"),
		"2:12 bad duration '99999999999999999999s': too large"},
	    {CHILD("interval = 0s"), "2:12 a duration of 0 is not"},
	    {CHILD("interval = 0m0s"), "2:12 a duration of 0 is not"},
	    {CHILD("start-timeout = 0s"), "2:17 a duration of 0"},
	    {CHILD("stable = 0s"), "2:10 a duration of 0"},
	    {TCP("address = h:1 timeout = 0s"), "2:25 a duration of 0"},
	    {TCP("address = h:1 fall = 0"),
		"2:22 bad fall '0': it cannot be 0"},
	    {TCP("address = h:1 rise = 0"), "2:22 bad rise '0'"},
	    {TCP("address = h:1 fall = 1x"),
		"2:22 bad fall '1x': a whole number is needed"},
	    {TCP("address = h:1 fall = 4294967296"),
		"2:22 bad fall '4294967296': too large"},
	    {TCP("address = h:1 fall = 18446744073709551617"),
		"2:22 bad fall '18446744073709551617': too large"},
	    {CHILD("backoff = 3s..1s"),
		"2:11 bad backoff '3s..1s': the shorter duration"},
	    {CHILD("backoff = 0s..1s"),
		"2:11 bad backoff '0s..1s': 0 doubled stays 0"},
	    {CHILD("backoff = 1s.."), "2:11 bad duration ''"},
	    {CHILD("backoff = ..1s"), "2:11 bad duration ''"},
	    {CHILD("backoff = 1s..2"), "2:11 bad duration '2': the un"},
	    {CHILD("backoff = 1s .. 2s"), "2:14 unexpected '..' behind"},
	    {DETACHED("count = 0"), "2:9 bad count '0': it cannot be 0"},
	    {DETACHED("count = 4..1"),
		"2:9 bad count '4..1': the smaller number stands first"},
	    {DETACHED("count = ..4"), "2:9 bad count '..4': a number"},
	    {DETACHED("count = 1...4"), "2:9 bad count '1...4'"},
	    {DETACHED("count = 4294967295"), "2:9 bad count"},
	    {DETACHED("count = x"), "2:9 bad count 'x': a number is"},
	    {CHILD("give-up = 5"), "3:1 'in' and a duration are needed here"},
	    {CHILD("give-up = 5 of 3m"),
		"2:13 'in' and a duration are needed here, as in give-up "
		"= 5 in 10m, not 'of'"},
	    {CHILD("give-up = 0 in 3m"), "2:11 bad give-up '0'"},
	    {CHILD("give-up = 5 in 0s"), "2:16 a duration of 0"},
	    {CHILD("give-up = 5 in"), "3:1 a duration is needed"},
	    {CHILD("give-up = nevr"), "2:11 bad give-up 'nevr'"},
	    {CHILD("hold = 3m"), "2:1 'hold' has no effect without 'give-up'"},
	    {CHILD("umask = 888"), "2:9 bad umask '888': it is octal"},
	    {CHILD("umask = 1000"), "2:9 bad umask '1000'"},
	    {CHILD("umask = \"\""), "2:9 bad umask ''"},
	    {CHILD("umask = 77777777777777777777"), "2:9 bad umask"},
	};

	(void)state;
	REFUSE(bad);
}

static void
test_words(void **state)
{
	static const struct bad bad[] = {
	    {"service a { type = detatched start = \"x\" match = y }",
		"1:20 type cannot be 'detatched': did you mean "
		"'detached'?"},
	    {CHILD("type = daemon"),
		"2:8 type cannot be 'daemon': it is 'child' or "
		"'detached'"},
	    {CHILD("on-exit = kill"), "2:11 on-exit cannot be 'kill'"},
	    {CHILD("stop-signal = SIGTRM"),
		"2:15 'SIGTRM' is no signal that ends a process: did you "
		"mean 'TERM'?"},
	    {CHILD("stop-signal = STOP"), "2:15 'STOP' is no signal"},
	    {CHILD("stop-signal = 0"), "2:15 '0' is no signal"},
	    {CHILD("stop-signal = 9999"), "2:15 '9999' is no signal"},
	    {CHILD("user = nosuchuserx"), "2:8 unknown user 'nosuchuserx'"},
	    {CHILD("group = nosuchgroupx"), "2:9 unknown group 'nosuchgroupx'"},
	    {"prober-user = nosuchuserx", "1:15 unknown user"},
	    {"prober-user = root", "1:15 prober-user cannot be 'root'"},
	    {CHILD("cwd = tmp"), "2:7 cwd needs an absolute path, not 'tmp'"},
	    {CHILD("log = x.log"), "2:7 log needs an absolute path"},
	    {CHILD("log = \"\""), "2:7 log needs an absolute path"},
	    {"runtime-dir = run", "1:15 runtime-dir needs an absolute"},
	    {"runtime-dir = "
	     "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"1:15 runtime-dir can be at most"},
	    {"log = sysolg",
		"1:7 log cannot be 'sysolg': did you mean 'syslog'?"},
	    {"log = x", "1:7 log cannot be 'x': it is stderr, syslog"},
	    {"log = syslog:foo", "1:7 log cannot be 'syslog:foo'"},
	    {"service a { type = detached start = \"x\" pidfile = p }",
		"1:51 pidfile needs an absolute path"},
	};

	(void)state;
	REFUSE(bad);
}

static void
test_checks(void **state)
{
	static const struct bad bad[] = {
	    {TCP(""), "1:29 this check needs an address"},
	    {TCP("host = h"), "1:29 this check needs a 'port'"},
	    {TCP("port = 1"), "1:29 this check needs a 'host'"},
	    {TCP("address = h:1 port = 1"), "2:15 'port' is in the 'a"},
	    {TCP("host = h address = h:1"), "2:1 'host' is in the 'a"},
	    {ADDRESS("6379"), "2:11 bad address '6379': it is HOST:PORT"},
	    {ADDRESS(":6379"), "2:11 bad address ':6379': the host"},
	    {ADDRESS("h:"), "2:11 bad address 'h:': the port is miss"},
	    {ADDRESS("::1:80"),
		"2:11 bad address '::1:80': an IPv6 "
		"address needs [ ]"},
	    {ADDRESS("[::1]"), "2:11 bad address '[::1]': the port is"},
	    {ADDRESS("[::1:80"), "2:11 bad address '[::1:80': ']' is"},
	    {ADDRESS("[h]:80"), "2:11 bad address '[h]:80': only IPv6"},
	    {ADDRESS("[::g]:80"),
		"2:11 bad address '[::g]:80': this is "
		"no IPv6 address"},
	    {ADDRESS("[fe80::1%]:80"), "2:11 bad address"},
	    {ADDRESS("1.2.3.400:80"),
		"2:11 bad address '1.2.3.400:80': this is no IPv4"},
	    {ADDRESS("1.2.3:80"), "2:11 bad address '1.2.3:80'"},
	    {ADDRESS("h:0"), "2:11 bad address 'h:0': a port is"},
	    {ADDRESS("h:65536"), "2:11 bad address 'h:65536': a port"},
	    {ADDRESS("h:99999999999999999999"), "2:11 bad address"},
	    {ADDRESS("h:nosuchportx"),
		"2:11 bad address 'h:nosuchportx': the port is neither"},
	    {ADDRESS("\"h h:1\""), "2:11 bad address 'h h:1': a host"},
	    {ADDRESS("-h:1"), "2:11 bad address '-h:1'"},
	    {TCP("address = h:1 timeout = 11s"),
		"1:29 check 'p' has a timeout (11s) longer than its "
		"interval (10s)"},
	    {TCP("address = h:1 timeout = 3s interval = 2s"),
		"1:29 check 'p' has a timeout (3s) longer"},
	    {TCP("address = h:1 timeout = 3x interval = 2s"),
		"2:25 bad duration '3x'"},
	    {TCP("address = h:1 send = \"\""), "2:22 there is nothing to send"},
	    {TCP("address = h:1 expect = ''"),
		"2:24 bad regular expression '': it is empty"},
	};

	(void)state;
	REFUSE(bad);
}

static const struct bad bad_expressions[] = {
    {DETACHED("x = 1\nmatch = 'a('"),
	"2:1 unknown key 'x'\n"
	"3:1 'match' is already set\n"
	"3:9 bad regular"},
    {TCP("address = h:1 expect = '(a'"), "2:24 bad regular expression '(a': "},
    {TCP("address = h:1 expect = '[a'"), "2:24 bad regular"},
    {TCP("address = h:1 expect = 'a{2'"), "2:24 bad regular"},
    {TCP("address = h:1 expect = '\\d+'"),
	"2:24 bad regular expression '\\d+': '\\d' is not in "
	"POSIX extended regular expressions: write [0-9]"},
    {TCP("address = h:1 expect = '\\bx'"),
	"2:24 bad regular "
	"expression '\\bx': "
	"'\\b' is not in"},
    {TCP("address = h:1 expect = 'a\\w'"),
	"2:24 bad regular "
	"expression 'a\\w': "
	"'\\w' is not in POSIX "
	"extended regular "
	"expressions: write "
	"[[:alnum:]_]"},
    {TCP("address = h:1 expect = 'a\\n'"),
	"2:24 bad regular expression 'a\\n': '\\n' is not in "
	"POSIX extended regular expressions: use \"...\""},
    {TCP("address = h:1 expect = '*a'"),
	"2:24 bad regular expression '*a': there is nothing before"},
    {TCP("address = h:1 expect = 'a**'"),
	"2:24 bad regular expression 'a**': there is nothing before"},
    {TCP("address = h:1 expect = 'a+?'"),
	"2:24 bad regular expression 'a+?': there is nothing before"},
    {TCP("address = h:1 expect = '(+a)'"),
	"2:24 bad regular expression '(+a)': there is nothing before"},
    {TCP("address = h:1 expect = 'a|*b'"),
	"2:24 bad regular expression 'a|*b': there is nothing before"},
    {TCP("address = h:1 expect = '^*'"),
	"2:24 bad regular expression '^*': there is nothing before"},
    {TCP("address = h:1 expect = 'a{,3}'"),
	"2:24 bad regular expression 'a{,3}': '{' needs a number"},
    {TCP("address = h:1 expect = '{\"ok\"}'"),
	"2:24 bad regular expression '{\"ok\"}': there is nothing before"},
    {TCP("address = h:1 expect = 'x{\"ok\"}'"),
	"2:24 bad regular expression 'x{\"ok\"}': '{' needs a number"},
    {TCP("address = h:1 expect = 'a|'"),
	"2:24 bad regular expression 'a|': one of its alternatives"},
    {TCP("address = h:1 expect = '|a'"),
	"2:24 bad regular expression '|a': one of its alternatives"},
    {TCP("address = h:1 expect = '(|a)'"),
	"2:24 bad regular expression '(|a)': one of its alternatives"},
    {TCP("address = h:1 expect = 'a||b'"),
	"2:24 bad regular expression 'a||b': one of its alternatives"},
    {TCP("address = h:1 expect = '()'"),
	"2:24 bad regular expression '()': one of its alternatives"},
    {TCP("address = h:1 expect = 'a)'"),
	"2:24 bad regular expression 'a)': it has a ')' without"},
    {TCP("address = h:1 expect = '\\D'"),
	"2:24 bad regular expression '\\D': '\\D' is not in POSIX "
	"extended regular expressions: write [^0-9]"},
    {TCP("address = h:1 expect = '\\W'"),
	"2:24 bad regular expression '\\W': '\\W' is not in POSIX "
	"extended regular expressions: write [^[:alnum:]_]"},
    {TCP("address = h:1 expect = '\\s'"),
	"2:24 bad regular expression '\\s': '\\s' is not in POSIX "
	"extended regular expressions: write [[:space:]]"},
    {TCP("address = h:1 expect = '\\S'"),
	"2:24 bad regular expression '\\S': '\\S' is not in POSIX "
	"extended regular expressions: write [^[:space:]]"},
    {TCP("address = h:1 expect = '\\q'"),
	"2:24 bad regular expression '\\q': '\\q' is not in POSIX "
	"extended regular expressions"},
    {TCP("address = h:1 expect = '[^]\\w]'"),
	"2:24 bad regular expression '[^]\\w]': between"},
    {TCP("address = h:1 expect = '[[:alpha'"), "2:24 bad regular"},
    {TCP("address = h:1 expect = '[^'"), "2:24 bad regular"},
    {TCP("address = h:1 expect = '(a)\\1'"), "2:24 bad regular"},
    {TCP("address = h:1 expect = '\\<a'"), "2:24 bad regular"},
    {TCP("address = h:1 expect = '[\\d]'"),
	"2:24 bad regular expression '[\\d]': between [ and ] a "
	"backslash stands for itself"},
    {TCP("address = h:1 expect = '((((a+)+)+)+){9999}'"),
	"2:24 bad regular expression"},
    {TCP("address = h:1 expect = '(((((a{99}){99}){99}))){9}'"),
	"2:24 bad regular expression '(((((a{99}){99}){99}))){9}'"
	": it repeats too much"},
    {TCP("address = h:1 expect = '(a?){1001}'"),
	"2:24 bad regular expression '(a?){1001}': it repeats too"},
    {TCP("address = h:1 expect = '(((((((((((((((((((((((((((((("
	 "(((((a))))))))))))))))))))))))))))))))))))'"),
	"2:24 bad regular expression"},
    {"service a { type = detached start = \"x\" match = '.*' }",
	"1:49 bad regular expression '.*': it matches even an "
	"empty command line"},
    {"service a { type = detached start = \"x\" match = 'a|' }",
	"1:49 bad regular expression"},
};

static void
test_regular_expressions(void **state)
{
	(void)state;
	REFUSE(bad_expressions);
}

/* Every key whose value is one text, without one. */
static void
test_a_brace_is_no_value(void **state)
{
	static const char *const keys[] = {"type", "on-exit", "match", "cwd",
	    "log", "user", "group", "umask", "stop-signal", "backoff",
	    "give-up", "hold", "interval", "ready", "count", "pidfile"};
	char text[128], want[128];

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		/* Only what is said of this, not what follows from types. */
		snprintf(text, sizeof(text),
		    "service a { start = \"x\" type = detached match = x\n"
		    "%s = {x}\n}",
		    keys[i]);
		config_free(parse(text));
		snprintf(want, sizeof(want), "2:%zu ", strlen(keys[i]) + 4);
		if (strstr(said, want) == NULL ||
		    strstr(said, "is needed here, not '{'\n") == NULL)
			fail_msg("%s\ngives %s", text, said);
	}
	refused(TCP("address = {x}"), "2:11 HOST:PORT is needed here");
	refused(TCP("host = {x} port = {x}"),
	    "2:8 a host is needed here\n2:19 a port is needed here");
	refused(TCP("address = h:1 fall = {1} send = {1} expect = {1}"),
	    "2:22 a number is needed\n2:33 a text to send is needed\n"
	    "2:46 a regular expression is needed");
	refused("log = {x} runtime-dir = {x} prober-user = {x}",
	    "1:7 a path or 'syslog' is needed\n1:25 a path is needed\n"
	    "1:43 a user's name is needed");
	refused(CHILD("give-up = 3 in {x}"), "2:16 a duration is needed");
}

static void
test_long_hosts_and_ports(void **state)
{
	char name[300], text[400];

	(void)state;
	memset(name, 'h', sizeof(name));
	name[256] = '\0';
	snprintf(text, sizeof(text), TCP("host = %s port = 1"), name);
	refused(text, "2:8 bad address 'hhh");
	assert_non_null(strstr(said, "longer than 255"));
	name[255] = '\0';
	snprintf(text, sizeof(text), TCP("host = %s port = 1"), name);
	config_free(parse_ok(text));
	name[32] = '\0';
	snprintf(text, sizeof(text), TCP("host = h port = %s"), name);
	refused(text, "2:17 bad address 'hhh");
	assert_non_null(strstr(said, "longer than 31"));
}

/* Programs are looked up where the watcher itself would find them. */
static void
test_path(void **state)
{
	static const char text[] = "service a { start = {sh} }";
	const char *path = getenv("PATH");
	char *old = strdup(path == NULL ? "/usr/bin:/bin" : path);

	(void)state;
	assert_non_null(old);
	assert_int_equal(setenv("PATH", "/nonexistent::/bin", 1), 0);
	config_free(parse_ok(text));
	assert_int_equal(unsetenv("PATH"), 0);
	config_free(parse_ok(text));
	assert_int_equal(setenv("PATH", "/nonexistent", 1), 0);
	refused(text, "1:22 program 'sh' is not in PATH");
	assert_int_equal(setenv("PATH", "", 1), 0);
	refused(text, "1:22 program 'sh' is not in PATH");
	assert_int_equal(setenv("PATH", "/etc", 1), 0);
	refused("service a { start = {passwd} }",
	    "1:22 program 'passwd' in PATH: Permission denied");
	assert_int_equal(setenv("PATH", old, 1), 0);
	free(old);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_durations_and_numbers),
	    cmocka_unit_test(test_words),
	    cmocka_unit_test(test_checks),
	    cmocka_unit_test(test_regular_expressions),
	    cmocka_unit_test(test_a_brace_is_no_value),
	    cmocka_unit_test(test_long_hosts_and_ports),
	    cmocka_unit_test(test_path),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
