/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The parsers of values that are lists: commands and environments.
 */
#include "config.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_parse.h"

/* One text more behind the n there are, and a NULL behind that. */
static int
append(struct parser *p, char ***list, size_t n, char *text)
{
	char **more;

	if ((more = config_more(p, *list, n, sizeof(*more))) == NULL)
		return (-1);
	*list = more;
	more[n] = text;
	if ((more = config_more(p, more, n + 1, sizeof(*more))) == NULL)
		return (-1);
	*list = more;
	more[n + 1] = NULL;
	return (0);
}

/* What an element must be followed by.  1: the list is complete. */
static int
after_element(struct parser *p, const struct config_pos *open)
{
	char shown[SHOWN];

	if (p->tok.kind == TOKEN_COMMA) {
		parser_advance(p);
		if (p->tok.kind != TOKEN_CLOSE)
			return (0);
	}
	if (p->tok.kind == TOKEN_CLOSE) {
		parser_advance(p);
		return (1);
	}
	if (p->tok.kind == TOKEN_END || (p->tok.first && at_statement(p)))
		parser_error(
		    p, open, "this list is not closed: its '}' is missing");
	else if (p->tok.kind == TOKEN_EQUALS)
		parser_unexpected(
		    p, "'=' in a list: text with '=' needs quotes");
	else
		parser_unexpected(p, "',' or '}' is needed here, not %s",
		    show_token(shown, &p->tok));
	return (-1);
}

/*
 * An element.  One whose quote is missing has been reported; the list goes on
 * behind it only where it is plain that its brace was not in the quotes.
 */
static char *
take_element(struct parser *p, const char *what, const struct config_pos *open)
{
	struct config_pos pos;

	if (p->tok.kind == TOKEN_END || (p->tok.first && at_statement(p))) {
		parser_error(
		    p, open, "this list is not closed: its '}' is missing");
		return (NULL);
	}
	/* Left to skip_rest_of_list(), which looks into it. */
	if (p->tok.unclosed)
		return (NULL);
	return (take_text(p, what, &pos));
}

/* An open brace is the next token. */
char **
take_list(struct parser *p, const char *what, size_t *n)
{
	struct config_pos open = parser_pos(p, &p->tok);
	char **list = NULL, *text;
	bool bad = false;
	int rc = 0;

	*n = 0;
	parser_advance(p);
	if (p->tok.kind == TOKEN_CLOSE) {
		parser_advance(p);
		return (append(p, &list, 0, NULL) == -1 ? NULL : list);
	}
	do {
		bool escape = p->tok.bad && !p->tok.unclosed;

		text = take_element(p, what, &open);
		if (text == NULL && !escape)
			break;
		bad = bad || escape;
		if (*n == CONFIG_LIST_MAX) {
			parser_error(p, &open,
			    "this list has more than %u members",
			    CONFIG_LIST_MAX);
			break;
		}
		if (append(p, &list, (*n)++, text) == -1)
			break;
	} while ((rc = after_element(p, &open)) == 0);
	if (rc == 1)
		return (bad ? NULL : list);
	skip_rest_of_list(p);
	return (NULL);
}

char **
take_texts(
    struct parser *p, const char *what, size_t *n, struct config_pos *pos)
{
	char **list;

	*pos = parser_pos(p, &p->tok);
	if (p->tok.kind == TOKEN_OPEN)
		return (take_list(p, what, n));
	if ((list = parser_alloc(p, 2 * sizeof(*list))) == NULL)
		return (NULL);
	*n = 1;
	list[1] = NULL;
	return ((list[0] = take_text(p, what, pos)) == NULL ? NULL : list);
}

/* Can it be executed?  0, or an errno. */
static int
executable(const char *path)
{
	struct stat st;

	if (stat(path, &st) == -1)
		return (errno);
	if (!S_ISREG(st.st_mode))
		return (S_ISDIR(st.st_mode) ? EISDIR : EACCES);
	if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == -1)
		return (errno);
	return (0);
}

/* As dw_spawn() looks, but for the directory that the watcher will be in. */
static int
find_program(const char *name)
{
	const char *path = getenv("PATH"), *next;
	char file[PATH_MAX];
	int error = ENOENT, rc;

	if (path == NULL)
		path = "/usr/bin:/bin";
	for (; path != NULL; path = next) {
		size_t len = strcspn(path, ":");

		next = path[len] == ':' ? path + len + 1 : NULL;
		if (len == 0 || len + strlen(name) + 2 > sizeof(file))
			continue;
		snprintf(file, sizeof(file), "%.*s/%s", (int)len, path, name);
		if ((rc = executable(file)) == 0)
			return (0);
		if (rc == EACCES)
			error = rc;
	}
	return (error);
}

static int
check_program(struct parser *p, const struct config_pos *pos, const char *name)
{
	char shown[SHOWN];
	int error;

	show_text(shown, name, strlen(name));
	if (*name == '\0') {
		parser_error(p, pos, "the program's name is empty");
		return (-1);
	}
	if (*name != '/' && strchr(name, '/') != NULL) {
		parser_error(p, pos,
		    "program %s needs an absolute path, or a name to look up "
		    "in PATH",
		    shown);
		return (-1);
	}
	error = *name == '/' ? executable(name) : find_program(name);
	if (error == 0)
		return (0);
	if (*name == '/')
		parser_error(p, pos, "program %s: %s", shown, strerror(error));
	else if (error == ENOENT)
		parser_error(p, pos, "program %s is not in PATH", shown);
	else
		parser_error(
		    p, pos, "program %s in PATH: %s", shown, strerror(error));
	return (-1);
}

static char **
shell_command(struct parser *p)
{
	static const char *const shell[] = {"/bin/sh", "-c"};
	struct config_pos pos;
	char **argv = NULL, *text;

	if ((text = take_text(p, "a command", &pos)) == NULL)
		return (NULL);
	if (text[strspn(text, " \t\n")] == '\0') {
		parser_error(p, &pos, "the command is empty");
		return (NULL);
	}
	for (size_t i = 0; i < 2; i++) {
		char *word = parser_strndup(p, shell[i], strlen(shell[i]));

		if (word == NULL || append(p, &argv, i, word) == -1)
			return (NULL);
	}
	return (append(p, &argv, 2, text) == -1 ? NULL : argv);
}

int
parse_command(struct parser *p, struct block *b, enum key_id id)
{
	struct config_pos pos;
	char shown[SHOWN], **argv;
	struct token next;
	size_t n;

	if (p->tok.kind == TOKEN_STRING) {
		argv = shell_command(p);
	} else if (p->tok.kind == TOKEN_OPEN) {
		lexer_peek(&p->lex, &next);
		pos = parser_pos(p, &next);
		if ((argv = take_list(p, "an argument", &n)) == NULL)
			return (-1);
		if (n == 0) {
			parser_error(p, &pos, "the command is empty");
			return (-1);
		}
		if (check_program(p, &pos, argv[0]) == -1)
			return (-1);
	} else {
		parser_unexpected(p,
		    "a command is a list, {\"program\", \"argument\"}, or a "
		    "text in quotes for the shell, not %s",
		    show_token(shown, &p->tok));
		return (-1);
	}
	if (argv == NULL)
		return (-1);
	((struct command *)key_target(b, id))->argv = argv;
	return (0);
}

static size_t
variable_len(const char *s)
{
	size_t n = strspn(s,
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz_0123456789");

	return (s[n] != '=' || (s[0] >= '0' && s[0] <= '9') ? 0 : n);
}

static int
check_variables(struct parser *p, const struct config_pos *pos, char **env)
{
	char shown[SHOWN];

	for (size_t i = 0; env[i] != NULL; i++) {
		size_t n = variable_len(env[i]);

		show_text(shown, env[i], strlen(env[i]));
		if (n == 0) {
			parser_error(p, pos,
			    "env has %s, which is not NAME=value", shown);
			return (-1);
		}
		for (size_t j = 0; j < i; j++) {
			if (strncmp(env[i], env[j], n + 1) == 0) {
				parser_error(p, pos, "env has %.*s twice",
				    (int)n, env[i]);
				return (-1);
			}
		}
	}
	return (0);
}

int
parse_env(struct parser *p, struct block *b, enum key_id id)
{
	struct config_pos pos = parser_pos(p, &p->tok);
	char shown[SHOWN], **env;
	size_t n;

	if (p->tok.kind != TOKEN_OPEN) {
		parser_unexpected(p,
		    "env is a list, {\"NAME=value\", ...}, not %s",
		    show_token(shown, &p->tok));
		return (-1);
	}
	if ((env = take_list(p, "a variable", &n)) == NULL ||
	    check_variables(p, &pos, env) == -1)
		return (-1);
	*(char ***)key_target(b, id) = n == 0 ? NULL : env;
	return (0);
}
