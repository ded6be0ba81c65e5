/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What a right configuration becomes: every key, every default.
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

#define MS INT64_C(1000000)
#define SEC INT64_C(1000000000)
#define MIN (60 * SEC)

static void
test_empty(void **state)
{
	static const char *const texts[] = {"", "\n", "# nothing", " \t\r\n"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct config *c = parse_ok(texts[i]);

		assert_int_equal(c->nservices, 0);
		assert_null(c->runtime_dir);
		assert_null(c->log);
		assert_null(c->prober_user);
		assert_int_equal(c->nfiles, 1);
		assert_string_equal(c->files[0], "test");
		assert_null(config_find(c, "a"));
		assert_round(c);
		config_free(c);
	}
	config_free(NULL);
}

/* A service with only `start` is complete. */
static void
test_defaults_of_a_child(void **state)
{
	static const char *const sh[] = {"/bin/sh", "-c", "exec x", NULL};
	struct config *c = parse_ok("service a { start = \"exec x\" }");
	const struct service_conf *s = config_find(c, "a");

	(void)state;
	assert_non_null(s);
	assert_string_equal(s->name, "a");
	assert_string_equal(s->pos.file, "test");
	assert_int_equal(s->pos.line, 1);
	assert_int_equal(s->pos.column, 9);
	assert_int_equal(s->type, SERVICE_CHILD);
	assert_null(s->match);
	assert_null(s->pidfile);
	assert_int_equal(s->count_min, 1);
	assert_int_equal(s->count_max, COUNT_MAX);
	assert_false(s->count_set);
	assert_argv(&s->start, sh);
	assert_null(s->stop.argv);
	assert_null(s->before_start.argv);
	assert_null(s->after_stop.argv);
	assert_int_equal(s->interval, 10 * SEC);
	assert_int_equal(s->start_timeout, 30 * SEC);
	assert_int_equal(s->stop_timeout, 10 * SEC);
	assert_int_equal(s->hook_timeout, 30 * SEC);
	assert_int_equal(s->backoff_min, 100 * MS);
	assert_int_equal(s->backoff_max, 30 * SEC);
	assert_int_equal(s->stable, MIN);
	assert_int_equal(s->give_up, 0);
	assert_int_equal(s->hold, 0);
	assert_when(s, "not process");
	assert_int_equal(s->ready, READY_DEFAULT);
	assert_int_equal(s->on_exit, ON_EXIT_STOP);
	assert_int_equal(s->stop_signal, SIGTERM);
	assert_null(s->user);
	assert_null(s->group);
	assert_string_equal(s->cwd, "/");
	assert_null(s->env);
	assert_int_equal(s->umask, 022);
	assert_null(s->log);
	assert_int_equal(s->nchecks, 0);
	assert_round(c);
	config_free(c);
}

static void
test_instances(void **state)
{
	static const char text[] =
	    "service db { start = \"x\" instances = 2 }\n"
	    "service web {\n"
	    "\tinstances = 3\n"
	    "\tstart = {\"/bin/sh\", \"-c\", \"web 100%% %i %j %\"}\n"
	    "\tlog = /var/log/web-%i.log env = {\"N=%i\"}\n"
	    "\ttcp port { address = 127.0.0.1:808%i send = \"%i\\0%i\" }\n"
	    "\tsockets = {tcp:127.0.0.1:808%i, \"unix:/run/%i.sock\"}\n"
	    "\trequires = db ready = port\n"
	    "}\n"
	    "service one { start = \"100%% %i\" after = web }\n";
	struct config *c = parse_ok(text);
	const struct service_conf *s;

	(void)state;
	assert_int_equal(c->nservices, 6);
	s = config_find(c, "web@3");
	assert_non_null(s);
	assert_string_equal(s->instance_of, "web");
	assert_int_equal(s->instance, 3);
	assert_string_equal(s->start.argv[2], "web 100% 3 %j %");
	assert_string_equal(s->log, "/var/log/web-3.log");
	assert_string_equal(s->env[0], "N=3");
	assert_string_equal(s->checks[0].port, "8083");
	assert_int_equal(s->checks[0].send_len, 3);
	assert_memory_equal(s->checks[0].send, "3\0003", 3);
	assert_string_equal(s->sockets[0].text, "tcp:127.0.0.1:8083");
	assert_string_equal(s->sockets[1].text, "unix:/run/3.sock");
	assert_int_equal(s->requires.n, 2);
	assert_string_equal(s->requires.refs[1].name, "db@2");
	assert_int_equal(s->ready, READY_CHECK);
	s = config_find(c, "one");
	assert_string_equal(s->start.argv[2], "100%% %i");
	assert_int_equal(s->after.n, 3);
	assert_null(config_find(c, "web"));
	assert_round(c);
	config_free(c);
}

/* The service of the samples, as the manual has it. */
static void
test_samples(void **state)
{
	static const char *const rm[] = {"rm", "-rf",
	    "/home/primeton/esb/server/EOS/_srv/work/mq_data/localhost/"
	    "kr-store/data",
	    NULL};
	struct config *c = parse_ok(
	    "# the job of the samples\n"
	    "service esb {\n"
	    "    type         = detached\n"
	    "    match        = 'primeton.*server'   # POSIX ERE\n"
	    "    count        = 1                    # exactly one\n"
	    "    start        = \"/home/primeton/esb/startServer.sh\"\n"
	    "    stop         = \"/home/primeton/esb/stopServer.sh\"\n"
	    "    before-start = {\"rm\", \"-rf\", \"/home/primeton/esb/server"
	    "/EOS/_srv/work/mq_data/localhost/kr-store/data\"}\n"
	    "    tcp port { address = 172.168.27.153:6200  timeout = 1s }\n"
	    "    interval     = 30s\n"
	    "    restart-when = not process and not port    # the rule\n"
	    "    on-exit      = stop\n"
	    "}\n");
	const struct service_conf *s = config_find(c, "esb");
	const struct check_conf *k;

	(void)state;
	assert_non_null(s);
	assert_int_equal(s->type, SERVICE_DETACHED);
	assert_string_equal(s->match, "primeton.*server");
	assert_int_equal(s->count_min, 1);
	assert_int_equal(s->count_max, 1);
	assert_true(s->count_set);
	assert_argv(&s->before_start, rm);
	assert_int_equal(s->interval, 30 * SEC);
	assert_int_equal(s->on_exit, ON_EXIT_STOP);
	assert_when(s, "not process and not port");
	assert_int_equal(s->nchecks, 1);
	k = &s->checks[0];
	assert_int_equal(k->kind, CHECK_TCP);
	assert_string_equal(k->name, "port");
	assert_int_equal(k->pos.line, 9);
	assert_int_equal(k->pos.column, 9);
	assert_string_equal(k->host, "172.168.27.153");
	assert_string_equal(k->port, "6200");
	assert_int_equal(k->timeout, SEC);
	assert_int_equal(k->interval, 30 * SEC);
	assert_int_equal(k->fall, 3);
	assert_int_equal(k->rise, 1);
	assert_null(k->send);
	assert_null(k->expect);
	assert_round(c);
	config_free(c);
}

static void
test_every_key(void **state)
{
	static const char *const start[] = {"/bin/sh", "-c", "x y", NULL};
	struct config *c = parse_ok(
	    "runtime-dir = /run/dw log = syslog:local3 prober-user = nobody\n"
	    "service all {\n"
	    "type = detached pidfile = '/run/my all.pid'\n"
	    "start = {\"/bin/sh\", '-c', \"x y\",} stop = \"s\"\n"
	    "before-start = {sh, -c} after-stop = \"t\"\n"
	    "interval = 1m30s start-timeout = 1h stop-timeout = 2d3h4m5s6ms\n"
	    "hook-timeout = 1ms backoff = 1s..2s stable = 36500d\n"
	    "give-up = 5 in 10m hold = 30m\n"
	    "restart-when = not (process or ready) and (b or b.failed)\n"
	    "ready = b on-exit = stop stop-signal = SIGINT\n"
	    "user = root group = daemon cwd = \"/tmp\" umask = 0027\n"
	    "env = {\"A=1\", \"B=\\x01\", \"_c=\"}\n"
	    "log = /var/log/x\n"
	    "tcp b { host = ::1 port = 80 timeout = 1s interval = 2s fall = 4\n"
	    "rise = 2 send = \"a\\0\\xff\" expect = '^\\+OK' }\n"
	    "}\n");
	const struct service_conf *s = &c->services[0];
	const struct check_conf *k = &s->checks[0];

	(void)state;
	assert_string_equal(c->runtime_dir, "/run/dw");
	assert_string_equal(c->log, "syslog:local3");
	assert_string_equal(c->prober_user, "nobody");
	assert_string_equal(s->pidfile, "/run/my all.pid");
	assert_argv(&s->start, start);
	assert_string_equal(s->stop.argv[2], "s");
	assert_string_equal(s->before_start.argv[0], "sh");
	assert_string_equal(s->after_stop.argv[2], "t");
	assert_int_equal(s->interval, 90 * SEC);
	assert_int_equal(s->start_timeout, 60 * MIN);
	assert_int_equal(
	    s->stop_timeout, ((2 * 24 + 3) * 60 + 4) * MIN + 5 * SEC + 6 * MS);
	assert_int_equal(s->hook_timeout, MS);
	assert_int_equal(s->backoff_min, SEC);
	assert_int_equal(s->backoff_max, 2 * SEC);
	assert_int_equal(s->stable, CONFIG_DURATION_MAX);
	assert_int_equal(s->give_up, 5);
	assert_int_equal(s->give_up_within, 10 * MIN);
	assert_int_equal(s->hold, 30 * MIN);
	assert_when(s, "not (process or ready) and (b or b.failed)");
	assert_int_equal(s->ready, READY_CHECK);
	assert_int_equal(s->ready_check, 0);
	assert_int_equal(s->on_exit, ON_EXIT_STOP);
	assert_int_equal(s->stop_signal, SIGINT);
	assert_string_equal(s->user, "root");
	assert_string_equal(s->group, "daemon");
	assert_string_equal(s->cwd, "/tmp");
	assert_int_equal(s->umask, 027);
	assert_string_equal(s->env[1], "B=\x01");
	assert_null(s->env[3]);
	assert_string_equal(s->log, "/var/log/x");
	assert_string_equal(k->host, "::1");
	assert_string_equal(k->port, "80");
	assert_int_equal(k->timeout, SEC);
	assert_int_equal(k->interval, 2 * SEC);
	assert_int_equal(k->fall, 4);
	assert_int_equal(k->rise, 2);
	assert_int_equal(k->send_len, 3);
	assert_memory_equal(k->send, "a\0\xff", 3);
	assert_string_equal(k->expect, "^\\+OK");
	assert_round(c);
	config_free(c);
}

/* One value of one key, by how it is printed. */
static void
assert_key(const char *text, const char *want)
{
	char *printed;
	struct config *c = parse_ok(text);

	printed = print(c);
	if (strstr(printed, want) == NULL)
		fail_msg("%s\ngives %s\nwithout %s", text, printed, want);
	assert_round(c);
	free(printed);
	config_free(c);
}

static void
test_values(void **state)
{
	(void)state;
	assert_key(DETACHED("count = 3"), "count = 3\n");
	assert_key(DETACHED("count = 3..5"), "count = 3..5\n");
	assert_key(DETACHED("count = 3..3"), "count = 3\n");
	assert_key(DETACHED("count = 2.."), "count = 2..\n");
	assert_key(DETACHED("count = 4294967294"), "count = 4294967294\n");
	assert_key(DETACHED(""), "on-exit = leave\n");
	assert_key(CHILD("on-exit = leave"), "on-exit = leave\n");
	assert_key(CHILD("backoff = 5s"), "backoff = 5s..5s\n");
	assert_key(CHILD("backoff = 0s"), "backoff = 0s..0s\n");
	assert_key(CHILD("interval = \"5s\""), "interval = 5s\n");
	assert_key(CHILD("interval = 61001ms"), "interval = 1m1s1ms\n");
	assert_key(CHILD("interval = 24h"), "interval = 1d\n");
	assert_key(CHILD("stop-signal = 15"), "stop-signal = TERM\n");
	assert_key(CHILD("stop-signal = HUP"), "stop-signal = HUP\n");
	assert_key(CHILD("stop-signal = 5"), "stop-signal = 5\n");
	assert_key(CHILD("give-up = never"), "give-up = never\n");
	assert_key(CHILD("give-up = 1 in 1s hold = never"), "hold = never\n");
	assert_key(CHILD("ready = at-once"), "ready = at-once\n");
	assert_key(CHILD("ready = 1500ms"), "ready = 1s500ms\n");
	assert_key(CHILD("nice = -20"), "nice = -20\n");
	assert_key(CHILD("after-start = \"y\""), "after-start = \"y\"\n");
	assert_key(CHILD("oom-score = 1000"), "oom-score = 1000\n");
	assert_key(CHILD("clean-env = yes"), "clean-env = yes\n");
	assert_key(CHILD(""), "clean-env = no\n");
	assert_key(CHILD("env-file = -/e"), "env-file = \"-/e\"\n");
	assert_key(
	    CHILD("no-new-privileges = yes"), "no-new-privileges = yes\n");
	assert_key(CHILD("limits = {\"nofile=1K\", \"core=0:unlimited\"}"),
	    "limits = {\"nofile=1024:1024\", \"core=0:unlimited\"}\n");
	assert_key(CHILD(""), "stdin = null\n");
	assert_key(CHILD("stdin = /in"), "stdin = \"/in\"\n");
	assert_key(CHILD(""), "stdout = log\n");
	assert_key(CHILD("stdout = null"), "stdout = null\n");
	assert_key(CHILD("stderr = /err"), "stderr = \"/err\"\n");
	assert_key(CHILD("sockets = {tcp:127.0.0.1:80, \"udp:[::1]:53\"}"),
	    "sockets = {\"tcp:127.0.0.1:80\", \"udp:[::1]:53\"}\n");
	assert_key(CHILD("heartbeat b { timeout = 30s }"),
	    "timeout = 30s\n\t\tfall = 1\n");
	assert_key("service a { type = detached start = \"x\" match = x "
		   "match-user = root }",
	    "match-user = \"root\"\n");
	assert_key(CHILD("ready = notify"), "ready = notify\n");
	assert_key(CHILD("ready = fd 3"), "ready = fd 3\n");
	assert_key(CHILD("ready = pidfile pidfile = /p"), "ready = pidfile\n");
	assert_key(CHILD("ready = pidfile pidfile = /p"), "pidfile = \"/p\"\n");
	assert_key(CHILD("log = none"), "log = none\n");
	assert_key(CHILD("umask = 0"), "umask = 000\n");
	assert_key("log = stderr", "log = \"stderr\"\n");
	assert_key("log = /var/log/x", "log = \"/var/log/x\"\n");
	assert_key(TCP("address = [::1]:80"), "address = [::1]:80\n");
	assert_key(TCP("address = [fe80::1%eth0]:80"),
	    "address = [fe80::1%eth0]:80\n");
	assert_key(TCP("address = localhost:http"), "localhost:http\n");
	assert_key(TCP("host = 10.0.0.1 port = 65535"), "10.0.0.1:65535\n");
	assert_key(TCP("address = h:1 interval = 2s"), "timeout = 2s\n");
	assert_key(TCP("address = h:1 interval = 6s"), "timeout = 5s\n");
}

static void
test_kinds(void **state)
{
	(void)state;
	assert_key(CHILD("exec e { command = \"true\" }"),
	    "exec e {\n\t\tcommand = \"true\"\n\t\ttimeout = 5s\n");
	assert_key(CHILD("exec e { command = {\"sh\", \"a b\"} user = root }"),
	    "command = {\"sh\", \"a b\"}\n\t\tuser = \"root\"\n");
	assert_key(CHILD("unix u { path = /run/x }"), "path = \"/run/x\"\n");
	assert_key(CHILD("udp u { address = h:53 send = x source = ::1 }"),
	    "address = h:53\n\t\tsource = ::1\n\t\tsend = \"x\"\n");
	assert_key(CHILD("listen l { port = 80 queue = \"> 80%\" }"),
	    "listen l {\n\t\tport = 80\n\t\towner = any\n"
	    "\t\tqueue = \"> 80.0%\"\n");
	assert_key(CHILD("listen l { address = [::1]:80 owner = service }"),
	    "address = [::1]:80\n\t\towner = service\n");
	assert_key(
	    CHILD("process p { memory = \"> 1G for 1m\" cpu = \">9%\" }"),
	    "process p {\n\t\tcpu = \"> 9.0%\"\n"
	    "\t\tmemory = \"> 1G for 1m\"\n");
	assert_key(CHILD("process p { count = \"> 1\" }"), "fall = 1\n");
	assert_key(CHILD("file f { path = /x age = \"> 1h\" user = root }"),
	    "path = \"/x\"\n\t\texists = yes\n\t\tage = \"> 1h\"\n"
	    "\t\tuser = \"root\"\n");
	assert_key(CHILD("space s { path = / free = \"< 5%\" }"),
	    "free = \"< 5.0%\"\n");
	assert_key(CHILD("") "alert { exec = \"x\" }",
	    "alert {\n\texec = \"x\"\n\ton = {down, up, give-up}\n"
	    "\tevery = 0s\n\ttimeout = 30s\n}\n");
	assert_key("alert { mail = a@b sendmail = /bin/sh on = degraded "
		   "every = 15m services = \"?\" from = c@d }\n" CHILD(""),
	    "mail = {\"a@b\"}\n\tfrom = \"c@d\"\n"
	    "\tsendmail = \"/bin/sh\"\n\ton = {degraded}\n"
	    "\tevery = 15m\n\ttimeout = 30s\n\tservices = {\"?\"}\n");
	/* A kind's name is a word like any other where no block begins. */
	assert_key(CHILD("exec exec { command = \"x\" }\nrestart-when = "
			 "exec.failed\nand not exec"),
	    "restart-when = exec.failed and not exec\n");
	/* Names at the edges. */
	assert_key("service _a.b@c-9 { start = \"x\" }", "_a.b@c-9");
	assert_key("service \"9\" { start = \"x\" }", "service 9 {");
	assert_key(
	    CHILD("tcp 80 { address = h:1 } ready = 80"), "ready = 80\n");
	assert_key(CHILD("tcp tcp { address = h:1 } tcp include { address = "
			 "h:1 }\nrestart-when = not tcp and not\ninclude "
			 "and tcp.failed"),
	    "not tcp and not include and tcp.failed");
	/* What expressions are let through. */
	assert_key(TCP("address = h:1 expect = '^(a|b)[]x^\\]*\\.$'"),
	    "expect = '^(a|b)[]x^\\]*\\.$'\n");
	assert_key(
	    TCP("address = h:1 expect = '[[:digit:]]{1,3}\\\\'"), "expect = ");
	assert_key(TCP("address = h:1 expect = '[\\\\d]'"), "expect = ");
	assert_key(
	    TCP("address = h:1 expect = '[^]a[.-.]]{0}(^|x{0,3}y{2,}|$)?'"),
	    "expect = ");
	assert_key(TCP("address = h:1 expect = \"it's\\r\\n\""),
	    "expect = \"it's\\r\\n\"\n");
}

/* Where words, lines and comments may stand. */
static void
test_layout(void **state)
{
	static const char *const texts[] = {
	    "service a{start=\"x\"interval=3s}",
	    "service a\n{\n\tstart\t=\t\"x\"\r\n\tinterval = 3s\r\n}\r\n",
	    "service a { # b {\nstart = \"x\" # } \n#\ninterval = 3s }#",
	    "defaults{interval=3s}service a{start=\"x\"}",
	    "defaults{interval=3s}\ndefaults{}service a{start=\"x\"}",
	    "service a { start = \"x\" interval = 3s }\n# end",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct config *c = parse_ok(texts[i]);

		assert_int_equal(c->nservices, 1);
		assert_int_equal(c->services[0].interval, 3 * SEC);
		assert_string_equal(c->services[0].start.argv[2], "x");
		config_free(c);
	}
}

static void
test_lists(void **state)
{
	static const char *const want[] = {"sh", "a b", "-c", "}", NULL};
	static const char *const texts[] = {
	    "service a { start = {sh, \"a b\", -c, '}'} }",
	    "service a{start={\n\tsh, # x\n\t\"a b\",\n\t-c,\n\t'}',\n}}",
	    "service a { start = {\"sh\",'a b',\"-c\",\"}\",} }",
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct config *c = parse_ok(texts[i]);

		assert_argv(&c->services[0].start, want);
		assert_round(c);
		config_free(c);
	}
}

static void
test_defaults_block(void **state)
{
	struct config *c = parse_ok(
	    "service before { start = \"x\" }\n"
	    "defaults { interval = 7s type = detached env = {\"A=1\"}\n"
	    "give-up = 3 in 1m hold = 2m user = root log = /l\n"
	    "restart-when = not process and not ready ready = at-once }\n"
	    "service after { start = \"x\" match = q\n"
	    "tcp p { address = h:1 } }\n"
	    "defaults { interval = 8s }\n"
	    "service own { start = \"x\" type = child interval = 9s env = {}\n"
	    "give-up = never log = none restart-when = p.failed ready = p\n"
	    "tcp p { address = h:1 timeout = 1s } }\n");
	const struct service_conf *s = &c->services[0];

	(void)state;
	assert_int_equal(s->interval, 10 * SEC);
	assert_int_equal(s->type, SERVICE_CHILD);
	assert_null(s->env);

	s = &c->services[1];
	assert_int_equal(s->interval, 7 * SEC);
	assert_int_equal(s->checks[0].interval, 7 * SEC);
	assert_int_equal(s->type, SERVICE_DETACHED);
	assert_int_equal(s->on_exit, ON_EXIT_LEAVE);
	assert_string_equal(s->env[0], "A=1");
	assert_int_equal(s->give_up, 3);
	assert_int_equal(s->hold, 2 * MIN);
	assert_when(s, "not process and not ready");
	assert_int_equal(s->ready, READY_AT_ONCE);

	s = &c->services[2];
	assert_int_equal(s->interval, 9 * SEC);
	assert_int_equal(s->type, SERVICE_CHILD);
	assert_int_equal(s->on_exit, ON_EXIT_STOP);
	assert_null(s->env);
	assert_null(s->log);
	assert_string_equal(s->user, "root");
	assert_int_equal(s->give_up, 0);
	assert_int_equal(s->hold, 0);
	assert_when(s, "p.failed");
	assert_int_equal(s->ready, READY_CHECK);
	assert_round(c);
	config_free(c);
}

/* A default's names are looked up in each service. */
static void
test_default_condition_by_name(void **state)
{
	struct config *c =
	    parse_ok("defaults { restart-when = not port ready = port }\n"
		     "service a { start = \"x\" tcp port { address = h:1 } }\n"
		     "service b { start = \"x\" tcp other { address = h:1 }\n"
		     "tcp port { address = h:1 } }\n");

	(void)state;
	assert_int_equal(c->services[0].restart_when.items[0].arg, 0);
	assert_int_equal(c->services[1].restart_when.items[0].arg, 1);
	assert_int_equal(c->services[0].ready_check, 0);
	assert_int_equal(c->services[1].ready_check, 1);
	assert_round(c);
	config_free(c);
}

static void
test_default_condition(void **state)
{
	struct config *c = parse_ok("service a { start = \"x\"\n"
				    "tcp p { address = h:1 }\n"
				    "tcp q { address = h:1 } }\n");

	(void)state;
	assert_when(&c->services[0], "not process or p.failed or q.failed");
	assert_round(c);
	config_free(c);
}

static void
test_find(void **state)
{
	struct config *c = parse_ok("service b { start = \"x\" }\n"
				    "service a { start = \"y\" }\n");

	(void)state;
	/* In the order of the file. */
	assert_string_equal(c->services[0].name, "b");
	assert_ptr_equal(config_find(c, "a"), &c->services[1]);
	assert_null(config_find(c, "A"));
	assert_null(config_find(c, ""));
	config_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_instances),
	    cmocka_unit_test(test_empty),
	    cmocka_unit_test(test_defaults_of_a_child),
	    cmocka_unit_test(test_samples),
	    cmocka_unit_test(test_every_key),
	    cmocka_unit_test(test_values),
	    cmocka_unit_test(test_kinds),
	    cmocka_unit_test(test_layout),
	    cmocka_unit_test(test_lists),
	    cmocka_unit_test(test_defaults_block),
	    cmocka_unit_test(test_default_condition_by_name),
	    cmocka_unit_test(test_default_condition),
	    cmocka_unit_test(test_find),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
