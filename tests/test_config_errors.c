/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What is refused in a configuration: each mistake gives its one message at
 * its place, and nothing else.
 */
#include "config.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config_fixture.h"

struct bad {
	const char *text;
	const char *want;
};

static void
refuse_all(const struct bad *bad, size_t n)
{
	for (size_t i = 0; i < n; i++)
		refused(bad[i].text, bad[i].want);
}

#define REFUSE(bad) refuse_all(bad, sizeof(bad) / sizeof((bad)[0]))

/* A fragment in line 2 of a child, of a detached service, of a tcp block. */
#define CHILD(s) "service a { start = \"x\"\n" s "\n}\n"
#define DETACHED(s) \
	"service a { type = detached start = \"x\" match = q\n" s "\n}\n"
#define TCP(s) "service a { start = \"x\" tcp p {\n" s "\n} }\n"
#define ADDRESS(s) TCP("address = " s)
#define WHEN(s)                                                  \
	"service a { start = \"x\" tcp port { address = h:1 }\n" \
	"restart-when = " s "\n}\n"

static void
test_keys(void **state)
{
	static const struct bad bad[] = {
	    {"foo = 3", "1:1 unknown key 'foo'"},
	    {"runtimedir = /x",
		"1:1 unknown key 'runtimedir': did you mean "
		"'runtime-dir'?"},
	    {"servcie a { x = 3 \n y { z } }",
		"1:1 unknown key 'servcie': did you mean 'service'?"},
	    {CHILD("intervall = 3s"),
		"2:1 unknown key 'intervall': did you mean 'interval'?"},
	    {CHILD("itnerval = 3s"),
		"2:1 unknown key 'itnerval': did you mean 'interval'?"},
	    {CHILD("iterva = 3s"),
		"2:1 unknown key 'iterva': did you mean 'interval'?"},
	    {CHILD("itrva = 3s"), "2:1 unknown key 'itrva'"},
	    {CHILD("requires = redis"), "2:1 unknown key 'requires'"},
	    {CHILD("uzzer = {\"a\", \"b\"} zork = 5"),
		"2:1 unknown key 'uzzer'\n2:20 unknown key 'zork'"},
	    {CHILD("uzzer {\n a = b\nservice b { }"),
		"2:1 unknown key 'uzzer'\n"
		"4:1 'service' inside of service 'a' of line 1\n"
		"4:9 this service has no 'start'\n5:1 '}' without"},
	    {CHILD("uzzer {\n a = b { c }\n}\nbogus = 1"),
		"2:1 unknown key 'uzzer'\n5:1 unknown key 'bogus'"},
	    {CHILD("timeout = 3s"), "2:1 'timeout' belongs in a tcp block"},
	    {"interval = 3s", "1:1 'interval' belongs in a service"},
	    {"intervall = 3s",
		"1:1 unknown key 'intervall': did you "
		"mean 'interval', which belongs in "
		"another block?"},
	    {CHILD("runtime-dir = /x"),
		"2:1 'runtime-dir' belongs outside of all blocks"},
	    {"defaults { match = x }",
		"1:12 'match' belongs in a service: it cannot have"},
	    {"defaults { tcp x { address = h:1 } }",
		"1:12 'tcp' belongs in a service"},
	    {"tcp x { address = h:1 }", "1:1 'tcp' belongs in a"},
	    {CHILD("interval = 3s interval = 4s"),
		"2:15 'interval' stands already in line 2"},
	    {CHILD("start = \"y\""), "2:1 'start' stands already in line 1"},
	    {TCP("address = h:1\naddress = h:2"),
		"3:1 'address' stands already in line 2"},
	    {"log = syslog\nlog = stderr",
		"2:1 'log' stands already in line 1"},
	    {CHILD("include = x"),
		"2:1 'include' is not a key: it takes no '='"},
	    {"service = x", "1:1 'service' is not a key: it takes no '='"},
	    /* A misspelt key is not missing as well. */
	    {"service a { strat = \"x\" }",
		"1:13 unknown key 'strat': did you mean 'start'?"},
	    {"service a { tpye = detached start = \"x\" match = x }",
		"1:13 unknown key 'tpye': did you mean 'type'?"},
	    {"service a { type = detached start = \"x\" macht = x }",
		"1:41 unknown key 'macht': did you mean 'match'?"},
	    {TCP("adress = h:1"),
		"2:1 unknown key 'adress': did you mean 'address'?"},
	};

	(void)state;
	REFUSE(bad);
}

static void
test_grammar(void **state)
{
	static const struct bad bad[] = {
	    {"}", "1:1 '}' without a block"},
	    {"{", "1:1 a key is needed here, not '{'"},
	    {"\"x\" = 3", "1:1 a key is needed here, not \"x\""},
	    {"= 3\nfoo = 1",
		"1:1 a key is needed here, not '='\n"
		"2:1 unknown key 'foo'"},
	    {"log", "1:4 '=' is needed behind 'log', not the end"},
	    {"log =", "1:5 the value of 'log' is missing, as in log ="},
	    {"log =\nlog = syslog",
		"1:5 the value of 'log' is missing\n"
		"2:1 'log' stands already"},
	    {CHILD("interval 3s\nfall = 1"),
		"2:10 '=' is needed behind 'interval', not '3s'\n"
		"3:1 'fall' belongs"},
	    {CHILD("interval = stable = 3s"),
		"2:10 the value of 'interval' is missing"},
	    {CHILD("interval = }"),
		"2:10 the value of 'interval' is missing\n"
		"3:1 '}' without a block"},
	    {CHILD("interval = 3s 4s"),
		"2:15 unexpected '4s' behind the value of 'interval'"},
	    {CHILD("cwd = /my dir\nfoo = 1"),
		"2:11 unexpected 'dir' behind the value of 'cwd': text "
		"with blanks needs quotes\n3:1 unknown key 'foo'"},
	    {CHILD("interval = {3s}"),
		"2:12 a duration is needed here, not '{'"},
	    {"service {\nstart = \"x\" }",
		"1:9 the name of the service is missing"},
	    {"service", "1:8 the name of the service is missing"},
	    {"service a", "1:10 '{' is needed behind service 'a'"},
	    {"service a\nstart = \"x\"\ninterval = 0s\n}",
		"2:1 '{' is needed behind service 'a', not 'start'\n"
		"3:12 a duration of 0"},
	    {"service a b { start = \"x\" }",
		"1:11 '{' is needed behind service 'a', not 'b'"},
	    {"include", "1:8 the name of a file is needed"},
	    {"include x", "1:9 only files can include others"},
	    {"defaults x { }", "1:10 '{' is needed behind defaults"},
	    {"service a { start = \"x\"\n",
		"1:9 this block is not closed: its '}' is missing"},
	    {"service a { start = \"x\" tcp b { address = h:1",
		"1:29 this block is not closed"},
	    {"defaults { interval = 3s", "1:1 this block is not closed"},
	    {"service a { start = \"x\"\nservice b { }",
		"2:1 'service' inside of service 'a' of line 1: is its\n"
		"2:9 this service has no 'start'"},
	    {"service a { start = \"x\" tcp p { address = h:1\n"
	     "service b { }",
		"2:1 'service' inside of tcp 'p' of line 1\n"
		"2:9 this service has no 'start'"},
	    {"service a { start = \"x\" tcp p { address = h:1\n"
	     "tcp q { address = h:0 }\n}",
		"2:1 'tcp' inside of tcp 'p' of line 1\n"
		"2:19 bad address 'h:0'"},
	    {CHILD("include y\nfoo = 1"),
		"2:1 'include' belongs outside of all blocks\n"
		"3:1 unknown key 'foo'"},
	    {CHILD("log = $HOME/x\nfoo = 1"),
		"2:7 stray character '$'\n3:1 unknown key 'foo'"},
	    {CHILD("interval = 3s; stable = 0s"),
		"2:14 stray character ';'\n2:25 a duration of 0"},
	    {CHILD("interval = \x01"), "2:12 stray character '\\x01'"},
	};

	(void)state;
	REFUSE(bad);
}

static void
test_strings_and_lists(void **state)
{
	static const struct bad bad[] = {
	    {"service a {\nstart = \"x\ninterval = 0s\n}",
		"2:9 string is not closed: \" is missing\n"
		"3:12 a duration of 0"},
	    {"service a {\nstart = 'x\n}", "2:9 string is not closed"},
	    {"service a {\nstart = \"\\q\"\n}",
		"2:10 unknown escape '\\q' in a string"},
	    {"service a { start = \"x\\0\" }",
		"1:21 a NUL byte cannot be part of a command"},
	    {"service a { start = \"\" }", "1:21 the command is empty"},
	    {"service a { start = \" \\t\" }", "1:21 the command is em"},
	    {"service a { start = {} }", "1:22 the command is empty"},
	    {"service a { start = {\"\"} }", "1:22 the program's name"},
	    {"service a { start = x y z\ninterval = 0s }",
		"1:21 a command is a list, {\"program\", \"argument\"}, "
		"or a text in quotes for the shell, not 'x'\n"
		"2:12 a duration of 0"},
	    {"service a {\nstart = {\"a, \"b\"}\nfoo = 1\n}",
		"2:15 ',' or '}' is needed here, not 'b'\n"
		"3:1 unknown key 'foo'"},
	    {"service a {\nstart = {\"a\", \"b}\nfoo = 1\n}",
		"2:15 string is not closed\n3:1 unknown key 'foo'"},
	    {"service a {\nstart = {\"a\", \"b}\n}",
		"2:15 string is not closed"},
	    {"service a {\nstart = {\n\"a,\n\"b\"\n}\nfoo = 1 }",
		"3:1 string is not closed\n6:1 unknown key 'foo'"},
	    {"service a {\nstart = {\"a\" \"b\"}\nfoo = 1\n}",
		"2:14 ',' or '}' is needed here, not \"b\"\n"
		"3:1 unknown key 'foo'"},
	    {"service a {\nstart = {\"a\", ,}\nfoo = 1\n}",
		"2:15 an argument is needed here, not ','\n"
		"3:1 unknown key 'foo'"},
	    {"service a {\nstart = {{\"a\"}}\nfoo = 1\n}",
		"2:10 an argument is needed here, not '{'\n"
		"3:1 unknown key 'foo'"},
	    {"service a {\nstart = {\"a\", \"b\"\nfoo = 1\n}",
		"2:9 this list is not closed: its '}' is missing\n"
		"3:1 unknown key 'foo'"},
	    {"service a {\nstart = {\"a\",\nfoo = 1\n}",
		"2:9 this list is not closed\n3:1 unknown key 'foo'"},
	    {"service a { start = {\"/bin/sh\"",
		"1:9 this block is not closed\n"
		"1:21 this list is not closed"},
	    {"service a { start = {\"a\\q\", \"b\\x\"}\nfoo = 1 }",
		"1:24 unknown escape\n1:31 \\x needs two\n"
		"2:1 unknown key"},
	    {CHILD("env = {A=b}"),
		"2:9 '=' in a list: text with '=' needs quotes"},
	    {CHILD("env = \"A=b\""), "2:7 env is a list, {\"NAME=value"},
	    {CHILD("env = {\"A\"}"),
		"2:7 env has 'A', which is not NAME=value"},
	    {CHILD("env = {\"=x\"}"), "2:7 env has '=x', which is not"},
	    {CHILD("env = {\"1A=x\"}"), "2:7 env has '1A=x', which is"},
	    {CHILD("env = {\"A-B=x\"}"), "2:7 env has 'A-B=x', which"},
	    {CHILD("env = {\"A=1\", \"B=1\", \"A=2\"}"), "2:7 env has A twice"},
	};

	(void)state;
	REFUSE(bad);
}

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
test_names(void **state)
{
	static const struct bad bad[] = {
	    {"service a/b { start = \"x\" }",
		"1:9 'a/b' cannot be the name of a service: only "
		"letters"},
	    {"service .a { start = \"x\" }",
		"1:9 '.a' cannot be the name of a service: it must "
		"begin"},
	    {"service -a { start = \"x\" }", "1:9 '-a' cannot be"},
	    {"service \"a b\" { start = \"x\" }",
		"1:9 \"a b\" cannot be the name of a service"},
	    {"service \"\" { start = \"x\" }", "1:9 \"\" cannot be the"},
	    {"service aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	     "aaaaaaaaaaaaaaaa { start = \"x\" }",
		"1:9 'aaaa"},
	    {"service a { start = \"x\" }\nservice b { start = \"x\" }\n"
	     "service a { start = \"x\" }\nservice a { start = \"x\" }",
		"3:9 service 'a' stands already in line 1\n"
		"4:9 service 'a' stands already in line 1"},
	    {CHILD("tcp p { address = h:1 }\ntcp p { address = h:1 }"),
		"3:5 check 'p' stands already in line 2"},
	    {CHILD("tcp process { address = h:1 }"),
		"2:5 'process' cannot be the name of a check"},
	    {CHILD("tcp ready { address = h:1 }"), "2:5 'ready' cannot"},
	    {CHILD("tcp not { address = h:1 }"), "2:5 'not' cannot"},
	    {CHILD("tcp and { address = h:1 }"), "2:5 'and' cannot"},
	    {CHILD("tcp or { address = h:1 }"), "2:5 'or' cannot"},
	    {CHILD("tcp failed { address = h:1 }"), "2:5 'failed' can"},
	    {CHILD("tcp at-once { address = h:1 }"), "2:5 'at-once'"},
	    {CHILD("tcp a.failed { address = h:1 }"),
		"2:5 'a.failed' cannot be the name of a check"},
	    {CHILD("tcp 5m { address = h:1 }"),
		"2:5 '5m' cannot be the name of a check: it could be"},
	    {CHILD("tcp p/q { address = h:1 }\n"
		   "restart-when = p/q.failed"),
		"2:5 'p/q' cannot be the name of a check"},
	};

	(void)state;
	REFUSE(bad);
}

static void
test_services(void **state)
{
	static const struct bad bad[] = {
	    {"service a { }", "1:9 this service has no 'start'"},
	    {"service a { type = detached start = \"x\" }",
		"1:9 a detached service needs 'match'"},
	    {"service a { type = detached start = \"x\"\n match = q\n "
	     "pidfile = /p }",
		"3:2 a service has either 'match' or 'pidfile'"},
	    {"service a { type = detached start = \"x\"\n pidfile = /p\n"
	     "count = 2 }",
		"3:1 'count' counts what 'match' finds"},
	    {CHILD("match = x"),
		"2:1 'match' is for services with type = detached"},
	    {CHILD("pidfile = /x"), "2:1 'pidfile' is for services"},
	    {CHILD("count = 2"), "2:1 'count' is for services"},
	    {"defaults { type = detached }\nservice a { start = \"x\" }",
		"2:9 a detached service needs 'match'"},
	    {"defaults { type = bogus }\n"
	     "service a { start = \"x\" match = x }",
		"1:19 type cannot be 'bogus'"},
	    {"service a { start = {\"/nonexistent/x\"} }",
		"1:22 program '/nonexistent/x': No such file"},
	    {"service a { start = {\"/etc/passwd\", \"x\"} }",
		"1:22 program '/etc/passwd': Permission denied"},
	    {"service a { start = {\"/etc\"} }",
		"1:22 program '/etc': Is a directory"},
	    {"service a { start = {\"nosuchprogramx\"} }",
		"1:22 program 'nosuchprogramx' is not in PATH"},
	    {"service a { start = {\"./x\"} }",
		"1:22 program './x' needs an absolute path, or a name"},
	    {CHILD("before-start = {\"/nonexistent/x\"}"),
		"2:17 program '/nonexistent/x'"},
	    {CHILD("ready = prot"),
		"2:9 ready cannot be 'prot': it is a check of service"},
	    {CHILD("ready = 5"), "2:9 ready cannot be '5'"},
	    {CHILD("ready = 0s"), "2:9 ready cannot be '0s'"},
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

static void
test_regular_expressions(void **state)
{
	static const struct bad bad[] = {
	    {DETACHED("x = 1\nmatch = 'a('"),
		"2:1 unknown key 'x'\n"
		"3:1 'match' stands\n"
		"3:9 bad regular"},
	    {TCP("address = h:1 expect = '(a'"),
		"2:24 bad regular expression '(a': "},
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

	(void)state;
	REFUSE(bad);
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

static void
test_conditions(void **state)
{
	static const struct bad bad[] = {
	    {WHEN("not proces"),
		"2:20 service 'a' has no check 'proces'"
		": did you mean 'process'?"},
	    {WHEN("prot.failed"),
		"2:16 service 'a' has no check 'prot.failed'"},
	    {WHEN("not process or q or r.failed"),
		"2:31 service 'a' has no check 'q'\n"
		"2:36 service 'a' has no check 'r.failed'"},
	    {WHEN("process.failed"),
		"2:16 'process.failed': only checks can fail; write "
		"'not process'"},
	    {WHEN("failed"), "2:16 service 'a' has no check 'failed'"},
	    {WHEN(".failed"), "2:16 service 'a' has no check '.failed'"},
	    {WHEN("process and"), "3:1 'process', 'ready' or the name"},
	    {WHEN("process and\ninterval = 3s"),
		"3:1 'process', 'ready' or the name of a check is needed "
		"here, not 'interval'"},
	    {WHEN("and process"), "2:16 'process', 'ready' or the name"},
	    {WHEN("not"), "3:1 'process', 'ready' or"},
	    {WHEN("process port"),
		"2:24 unexpected 'port' behind the value of"},
	    {WHEN("process not port"),
		"2:24 unexpected 'not' behind the value of"},
	    {WHEN("(process"), "2:16 this '(' is not closed"},
	    {WHEN("(process and (port)\nfoo = 1"),
		"2:16 this '(' is not closed\n3:1 unknown key 'foo'"},
	    {WHEN("(process port)"),
		"2:25 'and', 'or' or ')' is needed here, not 'port'"},
	    {WHEN("()"), "2:17 'process', 'ready' or the name"},
	    {WHEN("process)"), "2:23 unexpected ')' behind the value"},
	    {WHEN("\"process\""), "2:16 'process', 'ready' or the name"},
	    {WHEN("process && !port"),
		"2:24 stray characters '&&': conditions are written\n"
		"2:27 stray character '!': conditions are written"},
	    {WHEN("process || bogus"), "2:24 stray characters '||'"},
	    {"defaults { restart-when = q.failed }\n"
	     "service a { start = \"x\" }",
		"1:27 service 'a' has no check 'q.failed'"},
	    {WHEN("not not not not not not not not not not not not "
		  "not not not not not not not not not not not not "
		  "not not not not not not not not not process"),
		"2:144 this condition is nested deeper than 32"},
	    {WHEN("((((((((((((((((((((((((((((((((( process "
		  ")))))))))))))))))))))))))))))))))"),
		"2:48 this condition is nested deeper than 32"},
	};

	(void)state;
	REFUSE(bad);
}

/* a and b or (a and b or (...)): 16 levels need a stack of 33. */
static void
test_condition_too_deep_for_its_stack(void **state)
{
	char text[2048] = "service a { start = \"x\" restart-when =\n";
	size_t used;

	(void)state;
	used = (size_t)snprintf(text, sizeof(text), "%s",
	    "service a { start = \"x\"\nrestart-when = ");
	for (int i = 0; i < 16; i++)
		used += (size_t)snprintf(
		    text + used, sizeof(text) - used, "ready or process and (");
	used += (size_t)snprintf(text + used, sizeof(text) - used, "ready");
	for (int i = 0; i < 16; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, ")");
	snprintf(text + used, sizeof(text) - used, "\n}");
	refused(text, "2:16 this condition is nested deeper than 32");
}

static void
test_limits(void **state)
{
	size_t size = 1 << 17, used;
	char *text = malloc(size);

	(void)state;
	assert_non_null(text);
	used = (size_t)snprintf(text, size, "service a { start = {\"sh\"");
	for (unsigned i = 0; i < CONFIG_LIST_MAX; i++)
		used += (size_t)snprintf(text + used, size - used, ",x");
	snprintf(text + used, size - used, "}\nfoo = 1 }");
	refused(
	    text, "1:21 this list has more than 4096 members\n2:1 unknown key");

	used = (size_t)snprintf(text, size, "service a { start = \"x\"\n");
	for (unsigned i = 0; i <= CONFIG_CHECKS_MAX; i++)
		used += (size_t)snprintf(
		    text + used, size - used, "tcp c%u { address = h:1 }\n", i);
	snprintf(text + used, size - used, "}");
	refused(text, "258:5 a service has at most 256 checks");

	used = (size_t)snprintf(
	    text, size, "service a { start = \"x\"\nrestart-when = process");
	for (unsigned i = 0; i <= CONFIG_COND_MAX / 2; i++)
		used +=
		    (size_t)snprintf(text + used, size - used, "\nor process");
	snprintf(text + used, size - used, "\n}");
	refused(text, "515:1 this condition has more than 1024 names");

	used = (size_t)snprintf(text, size,
	    "service a { start = \"x\" tcp p { address = h:1 send = \"");
	memset(text + used, 'x', 4097);
	snprintf(text + used + 4097, size - used - 4097, "\" } }");
	refused(text, "1:54 a text to send has at most 4096 bytes");
	memset(text + used, 'x', 4096);
	snprintf(text + used + 4096, size - used - 4096, "\" expect = 'y' } }");
	refused(text, "1:4153 'send' and 'expect' have together at most 4096");

	used = (size_t)snprintf(text, size,
	    "service a { start = \"x\" tcp p { address = h:1 expect = \"");
	memset(text + used, 'x', 1025);
	snprintf(text + used + 1025, size - used - 1025, "\" } }");
	refused(text, "1:56 bad regular expression 'xxx");
	free(text);
}

/* All errors up to a bound, and then how many more there are. */
static void
test_many_errors(void **state)
{
	char text[1234 * 4 + 1];
	size_t lines = 0;

	(void)state;
	for (size_t i = 0; i < 1234; i++)
		memcpy(text + 4 * i, "q=1\n", 5);
	config_free(parse(text));
	for (const char *s = said; *s != '\0'; s++)
		lines += *s == '\n';
	assert_int_equal(lines, 1001);
	assert_non_null(strstr(said, "0:0 234 more errors are not shown\n"));
}

/* They come in the order of their places, not of their finding. */
static void
test_order(void **state)
{
	(void)state;
	refused("service a { restart-when = q\nstart = x\ntcp p {\n"
		"timeout = 3x\n}\nfoo = 3\n}\nservice a { start = \"x\" }",
	    "1:28 service 'a' has no check 'q'\n2:9 a command is a list\n"
	    "3:5 this check needs an address\n4:11 bad duration\n"
	    "6:1 unknown key 'foo'\n8:9 service 'a' stands already");
}

static void
test_not_text(void **state)
{
	static const char nul[] = "log = syslog\nlo\0g = 3\n";
	static const char utf16[] = "\xff\xfel\0o\0g\0";

	(void)state;
	said[0] = '\0';
	assert_null(config_parse("t", nul, sizeof(nul) - 1, say, NULL));
	assert_said("NUL", "2:3 NUL byte: this is no text file");
	said[0] = '\0';
	assert_null(config_parse("t", utf16, sizeof(utf16), say, NULL));
	assert_said("UTF-16", "1:1 this is UTF-16");
	refused("\xef\xbb\xbfinterval = 3s\nfoo = 1",
	    "1:1 the file begins with a byte order mark\n"
	    "1:1 'interval' belongs in a service\n2:1 unknown key 'foo'");
}

/* Nothing that is said can steer a terminal. */
static void
test_messages_are_printable(void **state)
{
	static const char *const texts[] = {
	    "service a { start = {\"/x\\x1b[2J\"} }",
	    "service a { user = \"x\\x1b[2J\" }",
	    "service a { match = \"(\\x1b[2J\" }",
	    "log = \"\\x1b[2J\\xc2\\x9b\"",
	    "foo\x1b[2J = 3",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		config_free(parse(texts[i]));
		assert_true(said[0] != '\0');
		assert_null(strchr(said, '\x1b'));
		assert_null(strstr(said, "\xc2\x9b"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_keys),
	    cmocka_unit_test(test_grammar),
	    cmocka_unit_test(test_strings_and_lists),
	    cmocka_unit_test(test_durations_and_numbers),
	    cmocka_unit_test(test_words),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_services),
	    cmocka_unit_test(test_checks),
	    cmocka_unit_test(test_regular_expressions),
	    cmocka_unit_test(test_a_brace_is_no_value),
	    cmocka_unit_test(test_long_hosts_and_ports),
	    cmocka_unit_test(test_path),
	    cmocka_unit_test(test_conditions),
	    cmocka_unit_test(test_condition_too_deep_for_its_stack),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_many_errors),
	    cmocka_unit_test(test_order),
	    cmocka_unit_test(test_not_text),
	    cmocka_unit_test(test_messages_are_printable),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
