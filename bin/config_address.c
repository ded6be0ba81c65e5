/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The parsers of where a tcp check connects to.  Names are judged by their
 * form only: looking one up would be the network's business.
 */
#include "config.h"

#include <sys/socket.h>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "config_parse.h"
#include "wire.h"

#define HOST_LEN (sizeof(((struct wire_request *)0)->host) - 1)
#define PORT_LEN (sizeof(((struct wire_request *)0)->port) - 1)

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static bool
is_ipv6(const char *host)
{
	char address[INET6_ADDRSTRLEN];
	struct in6_addr in6;
	size_t n = strcspn(host, "%");

	if (n >= sizeof(address) || (host[n] == '%' && host[n + 1] == '\0') ||
	    (host[n] == '%' &&
		host[n + 1 + strspn(host + n + 1, LETTERS DIGITS "_.-")] !=
		    '\0'))
		return (false);
	memcpy(address, host, n);
	address[n] = '\0';
	return (inet_pton(AF_INET6, address, &in6) == 1);
}

const char *
host_wrong(const char *host)
{
	struct in_addr in;

	if (*host == '\0')
		return ("the host is missing, as in 127.0.0.1:80");
	if (strlen(host) > HOST_LEN)
		return ("the host is longer than 255 bytes");
	if (strchr(host, ':') != NULL)
		return (is_ipv6(host) ? NULL : "this is no IPv6 address");
	if (host[strspn(host, DIGITS ".")] == '\0')
		return (inet_pton(AF_INET, host, &in) == 1 ?
			NULL :
			"this is no IPv4 address");
	if (host[strspn(host, LETTERS DIGITS "_.-")] != '\0' || *host == '-')
		return ("a host's name has letters, digits and . - _ only");
	return (NULL);
}

const char *
port_wrong(const char *port)
{
	static const char unknown[] = "the port is neither a number nor a "
				      "name that services(5) has";
	const char *why;
	uint64_t n;

	if (*port == '\0')
		return ("the port is missing, as in 127.0.0.1:80");
	if (strlen(port) > PORT_LEN)
		return ("the port is longer than 31 bytes");
	if (port[strspn(port, DIGITS)] == '\0')
		return (
		    value_number(port, strlen(port), 1, 65535, &n, &why) == 0 ?
			NULL :
			"a port is a number from 1 to 65535");
	if (port[strspn(port, LETTERS DIGITS "_+.-")] != '\0')
		return (unknown);
	/* cppcheck-suppress getservbynameCalled ; there is one thread */
	return (getservbyname(port, "tcp") != NULL ? NULL : unknown);
}

/*
 * With %i in it, it is right if it is so for an instance: which it is of, and
 * whether there are any, is known later, see check_addresses().
 */
static const char *
wrong(const char *(*judge)(const char *), const char *text)
{
	const char *why = judge(text), *at = strstr(text, "%i");
	char sample[HOST_LEN + 1];

	if (why == NULL || at == NULL || strlen(text) >= sizeof(sample))
		return (why);
	snprintf(
	    sample, sizeof(sample), "%.*s1%s", (int)(at - text), text, at + 2);
	return (wrong(judge, sample));
}

void
check_addresses(struct parser *p, const struct service_conf *s)
{
	char shown[SHOWN];
	const char *why;

	for (size_t i = 0; i < s->nchecks; i++) {
		const struct check_conf *c = &s->checks[i];

		if (c->host != NULL && (why = host_wrong(c->host)) != NULL)
			parser_error(p, &c->pos, "bad address %s: %s",
			    show_text(shown, c->host, strlen(c->host)), why);
		if (c->port != NULL && (why = port_wrong(c->port)) != NULL)
			parser_error(p, &c->pos, "bad port %s: %s",
			    show_text(shown, c->port, strlen(c->port)), why);
	}
}

static int
bad_address(struct parser *p, const struct config_pos *pos, const char *text,
    const char *why)
{
	char shown[SHOWN];

	parser_error(p, pos, "bad address %s: %s",
	    show_text(shown, text, strlen(text)), why);
	return (-1);
}

int
parse_host(struct parser *p, struct block *b, enum key_id id)
{
	struct config_pos pos;
	const char *why;
	char *text;

	(void)id;
	if ((text = take_text(p, "a host", &pos)) == NULL)
		return (-1);
	if ((why = wrong(host_wrong, text)) != NULL)
		return (bad_address(p, &pos, text, why));
	b->check->host = text;
	return (0);
}

int
parse_source(struct parser *p, struct block *b, enum key_id id)
{
	struct config_pos pos;
	struct in_addr in;
	char *text;

	(void)id;
	if ((text = take_text(p, "an address", &pos)) == NULL)
		return (-1);
	if (!is_ipv6(text) && inet_pton(AF_INET, text, &in) != 1)
		return (bad_address(p, &pos, text,
		    "a source is an IPv4 or IPv6 address, without a port"));
	b->check->source = text;
	return (0);
}

int
parse_port(struct parser *p, struct block *b, enum key_id id)
{
	struct config_pos pos;
	const char *why;
	char *text;

	(void)id;
	if ((text = take_text(p, "a port", &pos)) == NULL)
		return (-1);
	if ((why = wrong(port_wrong, text)) != NULL)
		return (bad_address(p, &pos, text, why));
	b->check->port = text;
	return (0);
}

/* HOST:PORT or [HOST]:PORT to its two parts; the colon's place, or why not. */
static const char *
split(const char *text, size_t *host, size_t *hlen, size_t *port)
{
	const char *colon = strrchr(text, ':'), *close;

	if (text[0] == '[') {
		if ((close = strchr(text, ']')) == NULL)
			return ("']' is missing behind the IPv6 address");
		if (close[1] != ':')
			return ("the port is missing, as in [::1]:80");
		*host = 1;
		*hlen = (size_t)(close - text) - 1;
		*port = (size_t)(close - text) + 2;
		if (memchr(text + 1, ':', *hlen) == NULL)
			return ("only IPv6 addresses stand in [ ]");
		return (NULL);
	}
	if (colon == NULL)
		return ("it is HOST:PORT, as in 127.0.0.1:80");
	if (colon != strchr(text, ':'))
		return ("an IPv6 address needs [ ], as in [::1]:80");
	*host = 0;
	*hlen = (size_t)(colon - text);
	*port = *hlen + 1;
	return (NULL);
}

int
parse_address(struct parser *p, struct block *b, enum key_id id)
{
	struct config_pos pos;
	size_t at, hlen, port;
	char *text, *host;
	const char *why;

	(void)id;
	if ((text = take_text(p, "HOST:PORT", &pos)) == NULL)
		return (-1);
	if ((why = split(text, &at, &hlen, &port)) != NULL)
		return (bad_address(p, &pos, text, why));
	if ((host = parser_strndup(p, text + at, hlen)) == NULL)
		return (-1);
	if ((why = wrong(host_wrong, host)) != NULL ||
	    (why = wrong(port_wrong, text + port)) != NULL)
		return (bad_address(p, &pos, text, why));
	b->check->host = host;
	b->check->port = parser_strndup(p, text + port, strlen(text + port));
	return (b->check->port == NULL ? -1 : 0);
}
