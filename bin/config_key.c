/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The table of all keys: where each may stand, what reads its value, where
 * the value goes.  A new key is a line here and a line in enum key_id.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "config_parse.h"

#define LINE(n, block, checks, only, parse, type, field, example)              \
	{                                                                      \
		n, block, checks, only, parse, offsetof(type, field), example, \
		    false                                                      \
	}
#define TOP(n, parse, field, example) \
	LINE(n, BLOCK_TOP, 0, false, parse, struct config, field, example)
#define SERVICE(n, parse, field, example)                                   \
	LINE(n, BLOCK_SERVICE, 0, false, parse, struct service_conf, field, \
	    example)
#define SERVICE_ONLY(n, parse, field, example)                             \
	LINE(n, BLOCK_SERVICE, 0, true, parse, struct service_conf, field, \
	    example)
#define CHECK(n, kinds, parse, field, example)                              \
	LINE(n, BLOCK_CHECK, kinds, false, parse, struct check_conf, field, \
	    example)

#define ALERT(n, parse, field, example) \
	LINE(n, BLOCK_ALERT, 0, false, parse, struct alert_conf, field, example)

#define WEB(n, kinds, parse, field, example)                        \
	{                                                           \
		n, BLOCK_CHECK, kinds, false, parse,                \
		    offsetof(struct web_conf, field), example, true \
	}

/* Which kinds of checks have the key. */
#define KIND(kind) (1u << (kind))
#define ANY (KIND(CHECK_KINDS) - 1)
#define PLACED (KIND(CHECK_TCP) | KIND(CHECK_UDP) | KIND(CHECK_LISTEN))
#define SENDS (KIND(CHECK_TCP) | KIND(CHECK_UDP))
#define PATHS (KIND(CHECK_UNIX) | KIND(CHECK_FILE) | KIND(CHECK_SPACE))
#define TALKS (SENDS | KIND(CHECK_UNIX))
#define EXEC KIND(CHECK_EXEC)
#define ASKED (ANY & ~KIND(CHECK_HEARTBEAT))
#define TCP KIND(CHECK_TCP)
#define HTTP KIND(CHECK_HTTP)

/* clang-format off */
const struct key config_keys[KEY_IDS] = {
[KEY_RUNTIME_DIR] = TOP("runtime-dir", parse_path, runtime_dir, "/run/daemonwatch"),
[KEY_LOG_TO] = TOP("log", parse_log_to, log, "syslog"),
[KEY_PROBER_USER] = TOP("prober-user", parse_prober_user, prober_user, "nobody"),
[KEY_TYPE] = SERVICE("type", parse_type, type, "detached"),
[KEY_MATCH] = SERVICE_ONLY("match", parse_match, match, "'java .*server'"),
[KEY_PIDFILE] = SERVICE_ONLY("pidfile", parse_path, pidfile, "/run/nginx.pid"),
[KEY_COUNT] = SERVICE_ONLY("count", parse_count, count_min, "1..4"),
[KEY_START] = SERVICE_ONLY("start", parse_command, start, "{\"/usr/sbin/nginx\"}"),
[KEY_STOP] = SERVICE_ONLY("stop", parse_command, stop, "{\"/usr/sbin/nginx\", \"-s\", \"quit\"}"),
[KEY_BEFORE_START] = SERVICE_ONLY("before-start", parse_command, before_start, "\"rm -f /tmp/x\""),
[KEY_AFTER_START] = SERVICE_ONLY("after-start", parse_command, after_start, "\"rm -f /tmp/x\""),
[KEY_AFTER_STOP] = SERVICE_ONLY("after-stop", parse_command, after_stop, "\"rm -f /tmp/x\""),
[KEY_INTERVAL] = SERVICE("interval", parse_duration, interval, "30s"),
[KEY_START_TIMEOUT] = SERVICE("start-timeout", parse_duration, start_timeout, "30s"),
[KEY_STOP_TIMEOUT] = SERVICE("stop-timeout", parse_duration, stop_timeout, "10s"),
[KEY_HOOK_TIMEOUT] = SERVICE("hook-timeout", parse_duration, hook_timeout, "30s"),
[KEY_STOP_SIGNAL] = SERVICE("stop-signal", parse_signal, stop_signal, "TERM"),
[KEY_STOP_SEQUENCE] = SERVICE("stop-sequence", parse_stop_sequence, stop_steps, "{INT, 5s, TERM, 10s, KILL}"),
[KEY_KILL] = SERVICE("kill", parse_kill, kill_scope, "process"),
[KEY_BACKOFF] = SERVICE("backoff", parse_backoff, backoff_min, "100ms..30s"),
[KEY_STABLE] = SERVICE("stable", parse_duration, stable, "60s"),
[KEY_GIVE_UP] = SERVICE("give-up", parse_give_up, give_up, "5 in 10m"),
[KEY_HOLD] = SERVICE("hold", parse_hold, hold, "30m"),
[KEY_REQUIRES] = SERVICE_ONLY("requires", parse_services, requires, "redis"),
[KEY_AFTER] = SERVICE_ONLY("after", parse_services, after, "{redis, mail}"),
[KEY_RESTART_WHEN] = SERVICE("restart-when", parse_when, restart_when, "not process and not port"),
[KEY_WARN_WHEN] = SERVICE("warn-when", parse_when, warn_when, "process and not port"),
[KEY_UP_WHEN] = SERVICE("up-when", parse_when, up_when, "ready and port"),
[KEY_READY] = SERVICE("ready", parse_ready, ready, "port"),
[KEY_RESTART] = SERVICE("restart", parse_restart, restart, "on-failure"),
[KEY_SUCCESS_EXIT] = SERVICE("success-exit", parse_ends, success_exit, "{0, 2, TERM}"),
[KEY_RESTART_ON] = SERVICE("restart-on", parse_ends, restart_on, "{75, HUP}"),
[KEY_NO_RESTART_ON] = SERVICE("no-restart-on", parse_ends, no_restart_on, "78"),
[KEY_ON_START_TIMEOUT] = SERVICE("on-start-timeout", parse_on_start_timeout, start_timeout_fails, "fail"),
[KEY_CRITICAL] = SERVICE("critical", parse_bool, critical, "yes"),
[KEY_ON_EXIT] = SERVICE("on-exit", parse_on_exit, on_exit, "leave"),
[KEY_USER] = SERVICE("user", parse_user, user, "www-data"),
[KEY_GROUP] = SERVICE("group", parse_group, group, "www-data"),
[KEY_CWD] = SERVICE("cwd", parse_path, cwd, "/srv/www"),
[KEY_UMASK] = SERVICE("umask", parse_umask, umask, "027"),
[KEY_ENV] = SERVICE("env", parse_env, env, "{\"LANG=C\"}"),
[KEY_LOG] = SERVICE("log", parse_log, log, "/var/log/web.log"),
[KEY_GROUPS] = SERVICE("groups", parse_groups, groups, "{\"ssl-cert\"}"),
[KEY_LIMITS] = SERVICE("limits", parse_limits, limits, "{\"nofile=65536\"}"),
[KEY_NICE] = SERVICE("nice", parse_nice, nice, "5"),
[KEY_OOM_SCORE] = SERVICE("oom-score", parse_oom_score, oom_score, "-500"),
[KEY_NO_NEW_PRIVILEGES] = SERVICE("no-new-privileges", parse_bool, no_new_privileges, "yes"),
[KEY_CLEAN_ENV] = SERVICE("clean-env", parse_bool, clean_env, "yes"),
[KEY_ENV_FILE] = SERVICE("env-file", parse_env_file, env_file, "/etc/default/web"),
[KEY_STDIN] = SERVICE("stdin", parse_stream, in, "null"),
[KEY_STDOUT] = SERVICE("stdout", parse_stream, out, "log"),
[KEY_STDERR] = SERVICE("stderr", parse_stream, err, "/var/log/web.err"),
[KEY_HOOK_USER] = SERVICE("hook-user", parse_user, hook_user, "root"),
[KEY_INSTANCES] = SERVICE_ONLY("instances", parse_instances, instances, "4"),
[KEY_MATCH_USER] = SERVICE_ONLY("match-user", parse_user, match_user, "www-data"),
[KEY_SOCKETS] = SERVICE_ONLY("sockets", parse_sockets, socket_texts, "{\"tcp:127.0.0.1:80\"}"),
[KEY_ADDRESS] = CHECK("address", PLACED | HTTP, parse_address, host, "127.0.0.1:80"),
[KEY_HOST] = CHECK("host", PLACED, parse_host, host, "127.0.0.1"),
[KEY_PORT] = CHECK("port", PLACED, parse_port, port, "80"),
[KEY_TIMEOUT] = CHECK("timeout", ANY, parse_duration, timeout, "1s"),
[KEY_CHECK_INTERVAL] = CHECK("interval", ASKED, parse_duration, interval, "2s"),
[KEY_FALL] = CHECK("fall", ANY, parse_times, fall, "3"),
[KEY_RISE] = CHECK("rise", ANY, parse_times, rise, "1"),
[KEY_SEND] = CHECK("send", TALKS | HTTP, parse_send, send, "\"PING\\r\\n\""),
[KEY_EXPECT] = CHECK("expect", TALKS, parse_expect, expect, "'^\\+PONG'"),
[KEY_SOURCE] = CHECK("source", SENDS | HTTP, parse_source, source, "192.0.2.1"),
[KEY_CHECK_PATH] = CHECK("path", PATHS, parse_path, path, "/run/mysqld/mysqld.sock"),
[KEY_LIMIT_CPU] = CHECK("cpu", KIND(CHECK_PROCESS), parse_limit, limits, "\"> 90% for 5m\""),
[KEY_LIMIT_MEMORY] = CHECK("memory", KIND(CHECK_PROCESS), parse_limit, limits, "\"> 500M for 1m\""),
[KEY_LIMIT_DESCRIPTORS] = CHECK("descriptors", KIND(CHECK_PROCESS), parse_limit, limits, "\"> 900\""),
[KEY_LIMIT_THREADS] = CHECK("threads", KIND(CHECK_PROCESS), parse_limit, limits, "\"> 100\""),
[KEY_LIMIT_CHILDREN] = CHECK("children", KIND(CHECK_PROCESS), parse_limit, limits, "\"> 50 for 1m\""),
[KEY_LIMIT_UPTIME] = CHECK("uptime", KIND(CHECK_PROCESS), parse_limit, limits, "\"> 7d\""),
[KEY_LIMIT_COUNT] = CHECK("count", KIND(CHECK_PROCESS), parse_limit, limits, "\"> 4\""),
[KEY_LIMIT_AGE] = CHECK("age", KIND(CHECK_FILE), parse_limit, limits, "\"> 1h\""),
[KEY_LIMIT_SIZE] = CHECK("size", KIND(CHECK_FILE), parse_limit, limits, "\"> 1G\""),
[KEY_LIMIT_FREE] = CHECK("free", KIND(CHECK_SPACE), parse_limit, limits, "\"< 5%\""),
[KEY_LIMIT_INODES] = CHECK("inodes", KIND(CHECK_SPACE), parse_limit, limits, "\"< 1%\""),
[KEY_LIMIT_QUEUE] = CHECK("queue", KIND(CHECK_LISTEN), parse_limit, limits, "\"> 80%\""),
[KEY_EXISTS] = CHECK("exists", KIND(CHECK_FILE), parse_bool, exists, "no"),
[KEY_OWNER] = CHECK("owner", KIND(CHECK_LISTEN), parse_owner, owned, "service"),
[KEY_COMMAND] = CHECK("command", EXEC, parse_command, command, "{\"/usr/lib/nagios/plugins/check_load\"}"),
[KEY_CHECK_USER] = CHECK("user", EXEC | KIND(CHECK_FILE) | KIND(CHECK_SPACE), parse_user, user, "nobody"),
[KEY_ALERT_EXEC] = ALERT("exec", parse_command, exec, "{\"/usr/local/bin/page\"}"),
[KEY_ALERT_MAIL] = ALERT("mail", parse_alert_mail, mail, "ops@example.org"),
[KEY_ALERT_FROM] = ALERT("from", parse_alert_mail, from, "daemonwatch@example.org"),
[KEY_ALERT_SENDMAIL] = ALERT("sendmail", parse_path, sendmail, "/usr/sbin/sendmail"),
[KEY_ALERT_ON] = ALERT("on", parse_alert_on, on, "{down, up}"),
[KEY_ALERT_EVERY] = ALERT("every", parse_duration_or_0, every, "15m"),
[KEY_ALERT_TIMEOUT] = ALERT("timeout", parse_duration, timeout, "30s"),
[KEY_ALERT_SERVICES] = ALERT("services", parse_patterns, services, "{\"web*\"}"),
[KEY_URL] = WEB("url", HTTP, parse_url, url, "\"https://localhost/health\""),
[KEY_METHOD] = WEB("method", HTTP, parse_method, method, "HEAD"),
[KEY_HEADERS] = WEB("headers", HTTP, parse_headers, headers, "{\"Accept: application/json\"}"),
[KEY_STATUS] = WEB("status", HTTP, parse_statuses, status, "200..299"),
[KEY_BODY] = CHECK("body", HTTP, parse_expect, expect, "'\"ok\": *true'"),
[KEY_REDIRECTS] = WEB("redirects", HTTP, parse_bool, redirects, "yes"),
[KEY_AUTH_FILE] = WEB("auth-file", HTTP, parse_path, auth_file, "/etc/daemonwatch/health.auth"),
[KEY_TLS] = CHECK("tls", TCP, parse_bool, tls, "yes"),
[KEY_VERIFY] = WEB("verify", TCP | HTTP, parse_bool, verify, "no"),
[KEY_CA_FILE] = WEB("ca-file", TCP | HTTP, parse_path, ca_file, "/etc/ssl/our-ca.pem"),
[KEY_SERVER_NAME] = WEB("server-name", TCP | HTTP, parse_server_name, server_name, "www.example.org"),
[KEY_EXPIRES_WITHIN] = WEB("expires-within", TCP | HTTP, parse_duration, expires_within, "14d"),
};
/* clang-format on */

static bool
allowed(const struct key *k, const struct block *b)
{
	if (b->kind == BLOCK_DEFAULTS)
		return (k->block == BLOCK_SERVICE && !k->service_only);
	if (b->kind == BLOCK_CHECK)
		return ((k->checks & KIND(b->check->kind)) != 0);
	return (k->block == b->kind);
}

const struct key *
key_find(const struct block *b, const struct token *tok)
{
	for (size_t i = 0; i < KEY_IDS; i++)
		if (allowed(&config_keys[i], b) &&
		    token_is(tok, config_keys[i].name))
			return (&config_keys[i]);
	return (NULL);
}

void *
key_target(const struct block *b, enum key_id id)
{
	char *base;

	switch (b->kind) {
	case BLOCK_TOP:
		base = (char *)b->config;
		break;
	case BLOCK_CHECK:
		base = config_keys[id].web ? (char *)b->check->web :
					     (char *)b->check;
		break;
	case BLOCK_ALERT:
		base = (char *)b->alert;
		break;
	default:
		base = (char *)&b->build->conf;
		break;
	}
	return (base + config_keys[id].offset);
}

/* "in a tcp or exec block" */
static const char *
check_home(unsigned kinds, char *buf, size_t len)
{
	size_t used = 0;

	if (kinds == ANY || kinds == ASKED)
		return ("in the block of a check");
	for (unsigned i = 0; i < CHECK_KINDS && used < len; i++) {
		unsigned left = kinds & ~(KIND(i) - 1);

		if ((kinds & KIND(i)) != 0)
			used += (size_t)snprintf(buf + used, len - used, "%s%s",
			    used == 0		? "in a block of kind " :
				left == KIND(i) ? " or " :
						  ", ",
			    check_types[i].name);
	}
	return (buf);
}

/* It is a key, but of another block: which? */
static const char *
home(const struct block *b, const struct token *tok, char *buf, size_t len)
{
	for (size_t i = 0; i < KEY_IDS; i++) {
		const struct key *k = &config_keys[i];

		if (!token_is(tok, k->name))
			continue;
		if (k->block == BLOCK_TOP)
			return ("outside of all blocks");
		if (k->block == BLOCK_CHECK)
			return (check_home(k->checks, buf, len));
		if (k->block == BLOCK_ALERT)
			return ("in an alert block");
		return (b->kind == BLOCK_DEFAULTS ?
			"in a service: it cannot have a default" :
			"in a service");
	}
	return (NULL);
}

/* The key of this name, in this block: its number, KEY_IDS: there is none. */
static enum key_id
key_named(const struct block *b, const char *name)
{
	enum key_id id = 0;

	while (id < KEY_IDS &&
	    (!allowed(&config_keys[id], b) ||
		strcmp(config_keys[id].name, name) != 0))
		id++;
	return (id);
}

/* The nearest names: in this block, and in all. */
static const char *
nearest(const struct block *b, const struct token *tok, bool *elsewhere)
{
	const char *names[KEY_IDS + CHECK_KINDS + 4], *near;
	size_t n = 0;

	for (size_t i = 0; i < KEY_IDS; i++)
		if (allowed(&config_keys[i], b))
			names[n++] = config_keys[i].name;
	if (b->kind == BLOCK_TOP) {
		names[n++] = "service";
		names[n++] = "defaults";
		names[n++] = "include";
		names[n++] = "alert";
	} else if (b->kind == BLOCK_SERVICE) {
		for (size_t i = 0; i < CHECK_KINDS; i++)
			names[n++] = check_types[i].name;
	}
	*elsewhere = false;
	if ((near = suggest(tok->text, tok->len, names, n)) != NULL)
		return (near);
	*elsewhere = true;
	for (n = 0; n < KEY_IDS; n++)
		names[n] = config_keys[n].name;
	return (suggest(tok->text, tok->len, names, n));
}

void
key_unknown(struct parser *p, struct block *b, const struct token *tok)
{
	struct config_pos pos = parser_pos(p, tok);
	const char *other, *near;
	char shown[SHOWN], place[128];
	enum key_id id;
	bool elsewhere;

	show_text(shown, tok->text, tok->len);
	if (is_keyword(tok)) {
		parser_error(
		    p, &pos, "%s is not a key: it takes no '='", shown);
		return;
	}
	if ((other = home(b, tok, place, sizeof(place))) != NULL) {
		parser_error(p, &pos, "%s belongs %s", shown, other);
		return;
	}
	if ((near = nearest(b, tok, &elsewhere)) == NULL) {
		parser_error(p, &pos, "unknown key %s", shown);
		return;
	}
	parser_error(p, &pos, "unknown key %s: did you mean '%s'%s?", shown,
	    near, elsewhere ? ", which belongs in another block" : "");
	if ((id = key_named(b, near)) != KEY_IDS)
		b->meant[id] = true;
}
