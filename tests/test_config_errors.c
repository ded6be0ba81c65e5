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
	    {CHILD("froobnicate = redis"), "2:1 unknown key 'froobnicate'"},
	    {CHILD("uzzer = {\"a\", \"b\"} zork = 5"),
		"2:1 unknown key 'uzzer'\n2:20 unknown key 'zork'"},
	    {CHILD("uzzer {\n a = b\nservice b { }"),
		"2:1 unknown key 'uzzer'\n"
		"4:1 'service' inside of service 'a' of line 1\n"
		"4:9 this service has no 'start'\n5:1 '}' without"},
	    {CHILD("uzzer {\n a = b { c }\n}\nbogus = 1"),
		"2:1 unknown key 'uzzer'\n5:1 unknown key 'bogus'"},
	    {CHILD("timeout = 3s"),
		"2:1 'timeout' belongs in the block of a check"},
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
	    {"exec x { command = \"y\" }", "1:1 'exec' belongs in a"},
	    {CHILD("exec x {\ncommand = \"y\" port = 1 }"),
		"3:15 'port' belongs in a block of kind tcp, udp or listen"},
	    {CHILD("exec x { }"), "2:6 this check needs a command"},
	};

	(void)state;
	REFUSE(bad);
}

static void
test_checks_and_alerts(void **state)
{
	static const struct bad bad[] = {
	    {CHILD("unix x { }"), "2:6 this check needs a path"},
	    {"alert { }", "1:1 this alert needs 'exec'"},
	    {"alert { exec = \"x\" on = dwon }",
		"1:25 no alert can be on 'dwon': did you mean 'down'?"},
	    {"alert { exec = \"x\" on = {} }", "1:25 this alert would tell"},
	    {"alert { mail = 'a\\nb@c' }", "1:16 "},
	    {"alert { mail = a@b sendmail = /nowhere/x }",
		"1:20 /nowhere/x cannot be executed"},
	    {"alert { exec = \"x\" services = q }\n" CHILD(""),
		"1:1 this alert is for 'q', and no service"},
	    {"alert { exec = \"x\" every = 3 }", "1:28 bad duration '3'"},
	    {CHILD("alert { exec = \"x\" }"),
		"2:1 'alert' belongs outside of all blocks"},
	    {CHILD("every = 3s"), "2:1 'every' belongs in an alert block"},
	    {CHILD("udp x { address = h:1 }"),
		"2:5 this check needs something to send"},
	    {CHILD("udp x { address = h:1 send = x source = h }"),
		"2:41 bad address 'h': a source is"},
	    {CHILD("listen x { }"), "2:8 this check needs an address"},
	    {CHILD("listen x { port = 1 owner = me }"), "2:29 owner cannot be"},
	    {CHILD("process x { }"), "2:9 this check needs a limit"},
	    {CHILD("process x { cpu = \"> 90\" }"),
		"2:19 bad limit '> 90': this limit is a share"},
	    {CHILD("file x { path = /x age = \"> 1h for 1m\" }"),
		"2:20 'for' has no meaning here"},
	    {CHILD("file x { path = x }"), "2:17 path needs an absolute path"},
	    {CHILD("file x { path = /x exists = no size = \"> 1\" }"),
		"2:20 a file that should not exist"},
	    {CHILD("space x { path = /x }"), "2:7 this check needs a limit"},
	    {CHILD("exce x { a = b }"),
		"2:1 unknown key 'exce': did you mean 'exec'?"},
	    {CHILD("exec x {\ncommand = {\"/nowhere/x\"} }"), "3:12 "},
	    {CHILD("exec x {\ncomand = \"y\" }"),
		"3:1 unknown key 'comand': did you mean 'command'?"},
	    {CHILD("interval = 3s interval = 4s"),
		"2:15 'interval' is already set in line 2"},
	    {CHILD("start = \"y\""), "2:1 'start' is already set in line 1"},
	    {TCP("address = h:1\naddress = h:2"),
		"3:1 'address' is already set in line 2"},
	    {"log = syslog\nlog = stderr",
		"2:1 'log' is already set in line 1"},
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
		"2:1 'log' is already set"},
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
		"3:9 service 'a' is already defined in line 1\n"
		"4:9 service 'a' is already defined in line 1"},
	    {CHILD("tcp p { address = h:1 }\ntcp p { address = h:1 }"),
		"3:5 check 'p' is already defined in line 2"},
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
	    {CHILD("limits = nofile"), "2:10 limits is a list"},
	    {CHILD("limits = {\"nofile\"}"), "2:10 bad limit 'nofile': it is"},
	    {CHILD("limits = {\"nofil=3\"}"),
		"2:10 bad limit 'nofil=3': there is no such limit here, did "
		"you mean 'nofile'?"},
	    {CHILD("limits = {\"nofile=x\"}"), "2:10 bad limit 'nofile=x'"},
	    {CHILD("limits = {\"nofile=\"}"), "2:10 bad limit 'nofile='"},
	    {CHILD("limits = {\"nofile=-1\"}"), "2:10 bad limit"},
	    {CHILD("limits = {\"nofile=3:2\"}"),
		"2:10 bad limit 'nofile=3:2': the soft limit is above"},
	    {CHILD("limits = {\"as=9999999999T\"}"),
		"2:10 bad limit 'as=9999999999T': too large"},
	    {CHILD("limits = {\"core=0\", \"core=1\"}"),
		"2:10 limits has core twice"},
	    {CHILD("nice = 20"), "2:8 bad nice '20': it is a number from -20"},
	    {CHILD("nice = --5"), "2:8 bad nice"},
	    {CHILD("oom-score = 1001"), "2:13 bad oom-score"},
	    {CHILD("clean-env = 1"), "2:13 clean-env cannot be '1'"},
	    {CHILD("stdin = log"), "2:9 stdin needs an absolute path"},
	    {CHILD("groups = {\"root\"}"), "1:9 'groups' needs a 'user'"},
	    {CHILD("groups = {\"nosuchgroupx\"}"), "2:10 unknown group"},
	    {CHILD("sockets = tcp:*:80"), "2:11 sockets is a list"},
	    {CHILD("sockets = {x}"), "2:11 bad socket 'x': it begins with"},
	    {CHILD("sockets = {\"\"}"), "2:11 bad socket '': there is no"},
	    {CHILD("sockets = {tcp:80}"), "2:11 bad socket 'tcp:80': it is"},
	    {CHILD("sockets = {tcp:*:0}"),
		"2:11 bad socket 'tcp:*:0': the "
		"port"},
	};

	(void)state;
	REFUSE(bad);
}

static void
test_services_more(void **state)
{
	static const struct bad bad[] = {
	    {CHILD("sockets = {tcp:localhost:80}"),
		"2:11 bad socket 'tcp:localhost:80': the host is an"},
	    {CHILD("sockets = {\"tcp:[::g]:80\"}"), "2:11 bad socket"},
	    {CHILD("sockets = {tcp:::1:80}"), "2:11 bad socket"},
	    {CHILD("sockets = {unix:x}"), "2:11 bad socket 'unix:x': the path"},
	    {CHILD("sockets = {\"tcp:*:80 mode=600\"}"),
		"2:11 bad socket 'tcp:*:80 mode=600': mode, user and group"},
	    {CHILD("sockets = {\"unix:/x mode=8\"}"), "2:11 bad socket"},
	    {CHILD("sockets = {\"unix:/x mode=1777\"}"), "2:11 bad socket"},
	    {CHILD("sockets = {\"unix:/x user=nosuchuserx\"}"),
		"2:11 unknown user 'nosuchuserx'"},
	    {CHILD("sockets = {\"unix:/x name=a:b\"}"), "2:11 bad socket"},
	    {CHILD("sockets = {\"unix:/x foo=1\"}"),
		"2:11 bad socket 'unix:/x foo=1': its options are"},
	    {CHILD("sockets = {tcp:*:80, tcp:*:80}"),
		"2:11 sockets has tcp:*:80 twice"},
	    {CHILD("sockets = {tcp:*:80} ready = fd 3"),
		"2:11 the sockets have descriptors 3 to 3"},
	    {CHILD("heartbeat b { }"), "2:11 this check needs a timeout"},
	    {CHILD("heartbeat b { timeout = 1s interval = 1s }"),
		"2:28 'interval' belongs"},
	    {"service a { type = detached start = \"x\" match = x\n"
	     "heartbeat b { timeout = 1s } }",
		"2:11 heartbeat is for services with type = child"},
	    {CHILD("tcp p { address = h:808%i }"), "2:5 bad port '808%i'"},
	    {CHILD("instances = 9 tcp p { address = h:6553%i }"),
		"2:19 bad port '65536': a port is a number"},
	    {CHILD("tcp p { address = h:808%j }"), "2:19 bad address"},
	    {CHILD("match-user = root"), "2:1 'match-user' is for services"},
	    {"service a { type = detached start = \"x\" pidfile = /p\n"
	     "match-user = root }",
		"2:1 'match-user' is for what 'match' finds"},
	    {CHILD("instances = 0"), "2:13 bad instances '0'"},
	    {CHILD("instances = 1001"), "2:13 bad instances '1001'"},
	    {CHILD("instances = 3 ready = prot"), "2:23 ready cannot be"},
	    {CHILD("instances = 9 sockets = {tcp:127.0.0.1:6553%i}"),
		"2:25 bad socket 'tcp:127.0.0.1:65536': the port"},
	    {CHILD("ready = fd"), "3:1 a descriptor's number is needed here"},
	    {CHILD("ready = fd 2"), "2:12 '2' cannot be the descriptor"},
	    {CHILD("ready = fd 1024"), "2:12 '1024' cannot be the"},
	    {CHILD("ready = fd x"), "2:12 'x' cannot be the descriptor"},
	    {CHILD("ready = pidfile"), "2:9 ready = pidfile needs a"},
	    {CHILD("ready = notify pidfile = /p"), "2:16 'pidfile' is for"},
	    {"service a { type = detached start = \"x\" match = x\n"
	     "ready = notify }",
		"2:9 ready = notify is for services with"},
	    {CHILD("tcp notify { address = h:1 }"), "2:5 'notify' cannot be"},
	};

	(void)state;
	REFUSE(bad);
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
	    "6:1 unknown key 'foo'\n8:9 service 'a' is already defined");
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
	    cmocka_unit_test(test_checks_and_alerts),
	    cmocka_unit_test(test_grammar),
	    cmocka_unit_test(test_strings_and_lists),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_services),
	    cmocka_unit_test(test_services_more),
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
