/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The parsers of values that are one text: each takes it, judges it, and puts
 * it where the key's line in the table says.
 */
#include "config.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "config_parse.h"
#include "wire.h"

char *
take_bytes(struct parser *p, const char *what, size_t *len)
{
	char shown[SHOWN], *text;

	if (p->tok.kind != TOKEN_WORD && p->tok.kind != TOKEN_STRING) {
		parser_unexpected(p, "%s is needed here, not %s", what,
		    show_token(shown, &p->tok));
		return (NULL);
	}
	if ((text = parser_alloc(p, p->tok.len + 1)) == NULL)
		return (NULL);
	*len = token_decode(&p->tok, text);
	text[*len] = '\0';
	return (text);
}

char *
take_text(struct parser *p, const char *what, struct config_pos *pos)
{
	bool bad = p->tok.bad;
	size_t len;
	char *text;

	*pos = parser_pos(p, &p->tok);
	if ((text = take_bytes(p, what, &len)) == NULL)
		return (NULL);
	if (!bad && strlen(text) != len) {
		parser_error(p, pos, "a NUL byte cannot be part of %s", what);
		bad = true;
	}
	parser_advance(p);
	return (bad ? NULL : text);
}

int
take_choice(
    struct parser *p, const char *key, const char *const *names, size_t n)
{
	char shown[SHOWN], all[128] = "";
	struct config_pos pos;
	const char *text, *near;
	size_t used = 0;

	if ((text = take_text(p, "a word", &pos)) == NULL)
		return (-1);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(text, names[i]) == 0)
			return ((int)i);
		used += (size_t)snprintf(all + used, sizeof(all) - used,
		    "%s'%s'", i == 0 ? "" : " or ", names[i]);
	}
	show_text(shown, text, strlen(text));
	if ((near = suggest(text, strlen(text), names, n)) != NULL)
		parser_error(p, &pos, "%s cannot be %s: did you mean '%s'?",
		    key, shown, near);
	else
		parser_error(
		    p, &pos, "%s cannot be %s: it is %s", key, shown, all);
	return (-1);
}

int
parse_type(struct parser *p, struct block *b, enum key_id id)
{
	static const char *const names[] = {"child", "detached"};
	int i = take_choice(p, config_keys[id].name, names, 2);

	if (i == -1)
		return (-1);
	b->build->conf.type = i == 0 ? SERVICE_CHILD : SERVICE_DETACHED;
	return (0);
}

int
parse_on_exit(struct parser *p, struct block *b, enum key_id id)
{
	static const char *const names[] = {"stop", "leave"};
	int i = take_choice(p, config_keys[id].name, names, 2);

	if (i == -1)
		return (-1);
	b->build->conf.on_exit = i == 0 ? ON_EXIT_STOP : ON_EXIT_LEAVE;
	return (0);
}

int
parse_owner(struct parser *p, struct block *b, enum key_id id)
{
	static const char *const names[] = {"any", "service"};
	int i = take_choice(p, config_keys[id].name, names, 2);

	if (i == -1)
		return (-1);
	b->check->owned = i == 1;
	return (0);
}

static int
take_regex(struct parser *p, const char *what, bool whole, char **out)
{
	char shown[SHOWN], why[256];
	struct config_pos pos;
	char *text;

	if ((text = take_text(p, what, &pos)) == NULL)
		return (-1);
	if (regex_check(text, whole, why, sizeof(why)) == -1) {
		parser_error(p, &pos, "bad regular expression %s: %s",
		    show_text(shown, text, strlen(text)), why);
		return (-1);
	}
	*out = text;
	return (0);
}

int
parse_match(struct parser *p, struct block *b, enum key_id id)
{
	return (take_regex(p, "a regular expression", true, key_target(b, id)));
}

int
parse_expect(struct parser *p, struct block *b, enum key_id id)
{
	return (
	    take_regex(p, "a regular expression", false, key_target(b, id)));
}

int
parse_send(struct parser *p, struct block *b, enum key_id id)
{
	struct config_pos pos = parser_pos(p, &p->tok);
	bool bad = p->tok.bad;
	size_t len;
	char *text;

	if ((text = take_bytes(p, "a text to send", &len)) == NULL)
		return (-1);
	parser_advance(p);
	if (!bad && (len == 0 || len > WIRE_DATA_MAX)) {
		parser_error(p, &pos,
		    len == 0 ? "there is nothing to send" :
			       "a text to send has at most 4096 bytes");
		bad = true;
	}
	if (bad)
		return (-1);
	*(char **)key_target(b, id) = text;
	b->check->send_len = len;
	return (0);
}

int
check_path(struct parser *p, const struct config_pos *pos, const char *what,
    const char *path)
{
	char shown[SHOWN];

	if (path[0] == '/')
		return (0);
	parser_error(p, pos, "%s needs an absolute path, not %s", what,
	    show_text(shown, path, strlen(path)));
	return (-1);
}

/* The path of a socket, or of a directory for one: sun_path is short. */
static int
check_socket_path(struct parser *p, const struct config_pos *pos,
    const char *key, const char *path, size_t more)
{
	size_t room = sizeof(((struct sockaddr_un *)0)->sun_path) - 1 - more;

	if (strlen(path) <= room)
		return (0);
	parser_error(p, pos,
	    "%s can be at most %zu bytes long: a socket's path is not longer",
	    key, room);
	return (-1);
}

int
parse_path(struct parser *p, struct block *b, enum key_id id)
{
	struct config_pos pos;
	char *text;

	if ((text = take_text(p, "a path", &pos)) == NULL ||
	    check_path(p, &pos, config_keys[id].name, text) == -1)
		return (-1);
	/* In the runtime directory "/control" is bound. */
	if ((id == KEY_RUNTIME_DIR ||
		(id == KEY_CHECK_PATH && b->check->kind == CHECK_UNIX)) &&
	    check_socket_path(p, &pos, config_keys[id].name, text,
		(id == KEY_RUNTIME_DIR) ? strlen("/control") : 0) == -1)
		return (-1);
	*(char **)key_target(b, id) = text;
	return (0);
}

int
parse_log(struct parser *p, struct block *b, enum key_id id)
{
	struct config_pos pos;
	char *text;

	if ((text = take_text(p, "a path or 'none'", &pos)) == NULL)
		return (-1);
	if (strcmp(text, "none") == 0)
		text = NULL;
	else if (check_path(p, &pos, "log", text) == -1)
		return (-1);
	*(char **)key_target(b, id) = text;
	return (0);
}

int
parse_log_to(struct parser *p, struct block *b, enum key_id id)
{
	static const char *const names[] = {"stderr", "syslog", "syslog:daemon",
	    "syslog:user", "syslog:auth", "syslog:cron", "syslog:local0",
	    "syslog:local1", "syslog:local2", "syslog:local3", "syslog:local4",
	    "syslog:local5", "syslog:local6", "syslog:local7"};
	size_t n = sizeof(names) / sizeof(names[0]);
	char shown[SHOWN], *text;
	struct config_pos pos;
	const char *near;

	if ((text = take_text(p, "a path or 'syslog'", &pos)) == NULL)
		return (-1);
	for (size_t i = 0; i < n && text[0] != '/'; i++) {
		if (strcmp(text, names[i]) == 0) {
			*(char **)key_target(b, id) = text;
			return (0);
		}
	}
	if (text[0] == '/') {
		*(char **)key_target(b, id) = text;
		return (0);
	}
	near = suggest(text, strlen(text), names, n);
	parser_error(p, &pos, "log cannot be %s: %s%s%s",
	    show_text(shown, text, strlen(text)),
	    near != NULL ? "did you mean '" : "it is stderr, syslog, ",
	    near != NULL ? near : "syslog:FACILITY or an absolute path",
	    near != NULL ? "'?" : "");
	return (-1);
}

/* What getpwnam(3) and its like leave in errno when there is none. */
static bool
is_absent(int error)
{
	return (error == 0 || error == ENOENT || error == ESRCH ||
	    error == EBADF || error == EPERM);
}

int
account_known(struct parser *p, const struct config_pos *pos, const char *name,
    bool group)
{
	char shown[SHOWN];
	bool found;
	int error;

	errno = 0;
	if (group)
		/* cppcheck-suppress getgrnamCalled ; there is one thread */
		found = getgrnam(name) != NULL;
	else
		/* cppcheck-suppress getpwnamCalled ; there is one thread */
		found = getpwnam(name) != NULL;
	if (found)
		return (0);
	error = errno;
	show_text(shown, name, strlen(name));
	if (is_absent(error))
		parser_error(
		    p, pos, "unknown %s %s", group ? "group" : "user", shown);
	else
		parser_error(
		    p, pos, "cannot look up %s: %s", shown, strerror(error));
	return (-1);
}

static int
take_account(struct parser *p, const char *what, bool group, char **out)
{
	struct config_pos pos;
	char *text;

	if ((text = take_text(p, what, &pos)) == NULL ||
	    account_known(p, &pos, text, group) == -1)
		return (-1);
	*out = text;
	return (0);
}

int
parse_user(struct parser *p, struct block *b, enum key_id id)
{
	return (take_account(p, "a user's name", false, key_target(b, id)));
}

/* The prober would refuse it, and no check would ever have an answer. */
int
parse_prober_user(struct parser *p, struct block *b, enum key_id id)
{
	struct config_pos pos = parser_pos(p, &p->tok);
	char **user = key_target(b, id);
	const struct passwd *pw;

	if (take_account(p, "a user's name", false, user) == -1)
		return (-1);
	/* cppcheck-suppress getpwnamCalled ; there is one thread */
	pw = getpwnam(*user);
	if (pw != NULL && (pw->pw_uid == 0 || pw->pw_gid == 0)) {
		parser_error(p, &pos,
		    "prober-user cannot be '%s': it is root, or of root's "
		    "group",
		    *user);
		return (-1);
	}
	return (0);
}

int
parse_group(struct parser *p, struct block *b, enum key_id id)
{
	return (take_account(p, "a group's name", true, key_target(b, id)));
}
