/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What a right configuration becomes, and that what is printed of it reads
 * back as the same.
 */
#include "config.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "config_fixture.h"
#include "config_parse.h"

#define MS INT64_C(1000000)
#define SEC INT64_C(1000000000)
#define MIN (60 * SEC)

static char *
print(const struct config *c)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	assert_int_equal(config_print(c, f), 0);
	fclose(f);
	return (text);
}

/* A condition as it is printed. */
static void
assert_when(const struct service_conf *s, const char *want)
{
	struct service_conf one = *s;
	struct config c = {.services = &one, .nservices = 1};
	char *text = print(&c), *at = strstr(text, "restart-when = ");

	assert_non_null(at);
	at += strlen("restart-when = ");
	at[strcspn(at, "\n")] = '\0';
	assert_string_equal(at, want);
	free(text);
}

static void
assert_argv(const struct command *c, const char *const *want)
{
	size_t i;

	assert_non_null(c->argv);
	for (i = 0; want[i] != NULL; i++)
		assert_string_equal(c->argv[i], want[i]);
	assert_null(c->argv[i]);
}

static void
assert_text(const char *got, const char *want)
{
	if (want == NULL)
		assert_null(got);
	else
		assert_string_equal(got, want);
}

static void
assert_same_check(const struct check_conf *a, const struct check_conf *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_string_equal(a->name, b->name);
	assert_string_equal(a->host, b->host);
	assert_string_equal(a->port, b->port);
	assert_int_equal(a->send == NULL, b->send == NULL);
	assert_int_equal(a->send_len, b->send_len);
	if (a->send != NULL)
		assert_memory_equal(a->send, b->send, a->send_len);
	assert_text(a->expect, b->expect);
	assert_int_equal(a->interval, b->interval);
	assert_int_equal(a->timeout, b->timeout);
	assert_int_equal(a->fall, b->fall);
	assert_int_equal(a->rise, b->rise);
}

static void
assert_same_list(char *const *a, char *const *b)
{
	assert_int_equal(a == NULL, b == NULL);
	for (; a != NULL && *a != NULL; a++, b++)
		assert_text(*b, *a);
	if (a != NULL)
		assert_null(*b);
}

static void
assert_same_service(const struct service_conf *a, const struct service_conf *b)
{
	assert_string_equal(a->name, b->name);
	assert_int_equal(a->type, b->type);
	assert_text(a->match, b->match);
	assert_text(a->pidfile, b->pidfile);
	assert_int_equal(a->count_min, b->count_min);
	assert_int_equal(a->count_max, b->count_max);
	assert_int_equal(a->count_set, b->count_set);
	assert_same_list(a->start.argv, b->start.argv);
	assert_same_list(a->stop.argv, b->stop.argv);
	assert_same_list(a->before_start.argv, b->before_start.argv);
	assert_same_list(a->after_stop.argv, b->after_stop.argv);
	assert_int_equal(a->interval, b->interval);
	assert_int_equal(a->start_timeout, b->start_timeout);
	assert_int_equal(a->stop_timeout, b->stop_timeout);
	assert_int_equal(a->hook_timeout, b->hook_timeout);
	assert_int_equal(a->backoff_min, b->backoff_min);
	assert_int_equal(a->backoff_max, b->backoff_max);
	assert_int_equal(a->stable, b->stable);
	assert_int_equal(a->give_up, b->give_up);
	assert_int_equal(a->give_up_within, b->give_up_within);
	assert_int_equal(a->hold, b->hold);
	assert_int_equal(a->restart_when.len, b->restart_when.len);
	assert_memory_equal(a->restart_when.items, b->restart_when.items,
	    a->restart_when.len * sizeof(struct cond_item));
	assert_int_equal(a->ready, b->ready);
	assert_int_equal(a->ready_check, b->ready_check);
	assert_int_equal(a->ready_delay, b->ready_delay);
	assert_int_equal(a->on_exit, b->on_exit);
	assert_int_equal(a->stop_signal, b->stop_signal);
	assert_text(a->user, b->user);
	assert_text(a->group, b->group);
	assert_text(a->cwd, b->cwd);
	assert_same_list(a->env, b->env);
	assert_int_equal(a->umask, b->umask);
	assert_text(a->log, b->log);
	assert_int_equal(a->nchecks, b->nchecks);
	for (size_t i = 0; i < a->nchecks; i++)
		assert_same_check(&a->checks[i], &b->checks[i]);
}

/* Printed, read again and printed: the same text, the same values. */
static void
assert_round(const struct config *c)
{
	char *first = print(c), *second;
	struct config *again = parse_ok(first);

	second = print(again);
	assert_string_equal(first, second);
	assert_text(again->runtime_dir, c->runtime_dir);
	assert_text(again->log, c->log);
	assert_text(again->prober_user, c->prober_user);
	assert_int_equal(again->nservices, c->nservices);
	for (size_t i = 0; i < c->nservices; i++)
		assert_same_service(&c->services[i], &again->services[i]);
	config_free(again);
	free(first);
	free(second);
}

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
	    "runtime-dir = /run/dw log = syslog:local3 prober-user = root\n"
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
	assert_string_equal(c->prober_user, "root");
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

#define CHILD(s) "service a { start = \"x\"\n" s "\n}\n"
#define DETACHED(s) \
	"service a { type = detached start = \"x\" match = q\n" s "\n}\n"
#define TCP(s) "service a { start = \"x\" tcp p {\n" s "\n} }\n"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_empty),
	    cmocka_unit_test(test_defaults_of_a_child),
	    cmocka_unit_test(test_samples),
	    cmocka_unit_test(test_every_key),
	    cmocka_unit_test(test_values),
	    cmocka_unit_test(test_layout),
	    cmocka_unit_test(test_lists),
	    cmocka_unit_test(test_defaults_block),
	    cmocka_unit_test(test_default_condition_by_name),
	    cmocka_unit_test(test_default_condition),
	    cmocka_unit_test(test_precedence),
	    cmocka_unit_test(test_random_conditions),
	    cmocka_unit_test(test_long_condition),
	    cmocka_unit_test(test_many_checks),
	    cmocka_unit_test(test_printed_strings),
	    cmocka_unit_test(test_durations_round),
	    cmocka_unit_test(test_signals),
	    cmocka_unit_test(test_find),
	    cmocka_unit_test(test_print_error),
	    cmocka_unit_test(test_print_tells_of_a_full_disk),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
