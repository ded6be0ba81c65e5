/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The sockets that are opened for a service: "tcp:127.0.0.1:80 backlog=64".
 * Addresses are numbers: whoever opens them never asks a name service.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <string.h>

#include "config_parse.h"

#define WORD_MAX 256

int
parse_sockets(struct parser *p, struct block *b, enum key_id id)
{
	struct service_conf *s = &b->build->conf;
	struct config_pos pos = parser_pos(p, &p->tok);
	char shown[SHOWN], **list;
	size_t n;

	(void)id;
	if (p->tok.kind != TOKEN_OPEN) {
		parser_unexpected(p,
		    "sockets is a list, {\"tcp:127.0.0.1:80\", ...}, not %s",
		    show_token(shown, &p->tok));
		return (-1);
	}
	if ((list = take_list(p, "a socket", &n)) == NULL)
		return (-1);
	if (n > CONFIG_SOCKETS_MAX) {
		parser_error(p, &pos, "a service has at most %u sockets",
		    CONFIG_SOCKETS_MAX);
		return (-1);
	}
	s->socket_texts = (n == 0) ? NULL : list;
	s->nsockets = n;
	b->build->sockets = pos;
	return (0);
}

static int
to_port(const char *text, in_port_t *port, const char **why)
{
	uint64_t n;

	if (value_number(text, strlen(text), 1, 65535, &n, why) == -1) {
		*why = "the port is a number from 1 to 65535";
		return (-1);
	}
	*port = htons((in_port_t)n);
	return (0);
}

static int
to_inet(char *text, struct socket_conf *s, const char **why)
{
	struct sockaddr_in *in = (struct sockaddr_in *)(void *)&s->addr;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)&s->addr;
	char *colon = strrchr(text, ':');
	in_port_t port;
	size_t len;

	*why = "it is HOST:PORT, as in tcp:127.0.0.1:80";
	if (colon == NULL)
		return (-1);
	*colon = '\0';
	len = strlen(text);
	if (to_port(colon + 1, &port, why) == -1)
		return (-1);
	*why = "the host is an IPv4 address, an IPv6 address in brackets, or "
	       "'*' for all";
	if (strcmp(text, "*") == 0) {
		s->any = true;
		in6->sin6_addr = in6addr_any;
	} else if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
		text[len - 1] = '\0';
		if (inet_pton(AF_INET6, text + 1, &in6->sin6_addr) != 1)
			return (-1);
	} else {
		if (inet_pton(AF_INET, text, &in->sin_addr) != 1)
			return (-1);
		in->sin_family = AF_INET;
		in->sin_port = port;
		s->addr_len = sizeof(*in);
		return (0);
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = port;
	s->addr_len = sizeof(*in6);
	return (0);
}

static int
to_unix(const char *path, struct socket_conf *s, const char **why)
{
	struct sockaddr_un *sun = (struct sockaddr_un *)(void *)&s->addr;

	*why = "the path is absolute";
	if (path[0] != '/')
		return (-1);
	*why = "the path is too long for a socket";
	if (strlen(path) >= sizeof(sun->sun_path))
		return (-1);
	sun->sun_family = AF_UNIX;
	memcpy(sun->sun_path, path, strlen(path) + 1);
	s->addr_len = sizeof(*sun);
	return (0);
}

/* kind:address */
static int
to_address(char *text, struct socket_conf *s, const char **why)
{
	static const struct {
		const char *name;
		int type;
		bool local;
	} kinds[] = {
	    {"tcp:", SOCK_STREAM, false},
	    {"udp:", SOCK_DGRAM, false},
	    {"unix:", SOCK_STREAM, true},
	    {"unix-dgram:", SOCK_DGRAM, true},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t n = strlen(kinds[i].name);

		if (strncmp(text, kinds[i].name, n) != 0)
			continue;
		s->type = kinds[i].type;
		s->local = kinds[i].local;
		return (kinds[i].local ? to_unix(text + n, s, why) :
					 to_inet(text + n, s, why));
	}
	*why = "it begins with tcp:, udp:, unix: or unix-dgram:";
	return (-1);
}

static int
to_mode(const char *s, int *mode)
{
	*mode = 0;
	for (size_t i = 0; s[i] != '\0'; i++) {
		if (s[i] < '0' || s[i] > '7' || i > 3)
			return (-1);
		*mode = *mode * 8 + (s[i] - '0');
	}
	return (*s == '\0' || *mode > 0777 ? -1 : 0);
}

/* name, backlog, mode, user, group */
static int
to_option(struct parser *p, const struct config_pos *pos, const char *word,
    struct socket_conf *s, const char **why)
{
	const char *value = strchr(word, '=');
	size_t len = (value != NULL) ? (size_t)(value - word) : 0;
	uint64_t n;

	*why = "its options are name=, backlog=, mode=, user= and group=";
	if (len == 0)
		return (-1);
	value++;
	if (len == 4 && memcmp(word, "name", 4) == 0) {
		if ((*why = name_wrong(value, strlen(value))) != NULL)
			return (-1);
		s->name = parser_strndup(p, value, strlen(value));
		return (0);
	}
	if (len == 7 && memcmp(word, "backlog", 7) == 0) {
		if (value_number(value, strlen(value), 1, 65535, &n, why) == -1)
			return (-1);
		s->backlog = (int)n;
		return (0);
	}
	if (len == 4 && memcmp(word, "mode", 4) == 0 && s->local) {
		*why = "the mode is octal, up to 777";
		return (to_mode(value, &s->mode));
	}
	if (len == 4 && memcmp(word, "user", 4) == 0 && s->local) {
		*why = NULL;
		s->user = parser_strndup(p, value, strlen(value));
		return (account_known(p, pos, value, false));
	}
	if (len == 5 && memcmp(word, "group", 5) == 0 && s->local) {
		*why = NULL;
		s->group = parser_strndup(p, value, strlen(value));
		return (account_known(p, pos, value, true));
	}
	if (!s->local && (word[0] == 'm' || word[0] == 'u' || word[0] == 'g'))
		*why = "mode, user and group are for unix sockets";
	return (-1);
}

/* Words with blanks between them; the first one is the address. */
static int
to_socket(struct parser *p, const struct config_pos *pos, const char *text,
    struct socket_conf *s, const char **why)
{
	char word[WORD_MAX];
	size_t len;

	s->backlog = SOMAXCONN;
	s->mode = 0660;
	for (bool first = true;; first = false) {
		text += strspn(text, " \t");
		len = strcspn(text, " \t");
		*why = "there is no address";
		if (len == 0)
			return (first ? -1 : 0);
		*why = "it is too long";
		if (len >= sizeof(word))
			return (-1);
		memcpy(word, text, len);
		word[len] = '\0';
		text += len;
		if (first) {
			s->text = parser_strndup(p, word, len);
			if (to_address(word, s, why) == -1)
				return (-1);
		} else if (to_option(p, pos, word, s, why) == -1)
			return (-1);
	}
}

static bool
same_address(const struct socket_conf *a, const struct socket_conf *b)
{
	return (a->type == b->type && a->addr_len == b->addr_len &&
	    memcmp(&a->addr, &b->addr, a->addr_len) == 0);
}

void
check_sockets(struct parser *p, struct block *b)
{
	struct service_conf *s = &b->build->conf;
	const struct config_pos *pos = &b->build->sockets;
	char shown[SHOWN];
	const char *why;

	if (s->nsockets == 0 || b->build->bad[KEY_SOCKETS])
		return;
	if (s->type != SERVICE_CHILD && !b->build->bad[KEY_TYPE])
		parser_error(
		    p, pos, "sockets are for services with type = child");
	if (s->ready == READY_FD && (size_t)s->ready_fd < 3 + s->nsockets)
		parser_error(p, pos,
		    "the sockets have descriptors 3 to %zu, ready = fd %d is "
		    "one of them",
		    2 + s->nsockets, s->ready_fd);
	s->sockets = parser_alloc(p, s->nsockets * sizeof(*s->sockets));
	for (size_t i = 0; s->sockets != NULL && i < s->nsockets; i++) {
		const char *text = s->socket_texts[i];

		if (to_socket(p, pos, text, &s->sockets[i], &why) == -1) {
			if (why != NULL)
				parser_error(p, pos, "bad socket %s: %s",
				    show_text(shown, text, strlen(text)), why);
			return;
		}
		for (size_t j = 0; j < i; j++)
			if (same_address(&s->sockets[i], &s->sockets[j]))
				parser_error(p, pos, "sockets has %s twice",
				    s->sockets[i].text);
	}
}
