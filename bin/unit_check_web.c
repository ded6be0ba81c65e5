/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Checks by HTTP, and by TCP with TLS: asked of daemonwatch-prober-http, which
 * is started when the first of them is.
 */
#include "config.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor.h"
#include "wire.h"
#include "wire_options.h"

struct check_web {
	struct unit_check *check;
	struct prober_query query;
	struct dw_probe_tcp tcp; /* what the query asks */
	struct dw_defer untold;	 /* it could not be asked, for this reason: */
	char why[96];
	size_t len;	/* of the options, without the password */
	char options[]; /* behind them is room for the password, if needed */
};

/* The password is kept no longer than it is needed. */
static void
forget_password(struct check_web *w)
{
	if (w->check->conf->web->auth_file != NULL)
		explicit_bzero(w->options + w->len, WIRE_AUTH_MAX + 2);
}

static void
web_answered(struct prober_query *query, const struct dw_probe_result *result)
{
	struct check_web *w = query->arg;

	forget_password(w);
	unit_check_answered(w->check, result, query->degraded);
}

/* Not from within web_ask(). */
static void
web_untold(struct dw_defer *defer)
{
	struct check_web *w = defer->arg;
	struct dw_probe_result result = {
	    .outcome = DW_PROBE_UNKNOWN, .error = EACCES};

	(void)strlcpy(result.text, w->why, sizeof(result.text));
	unit_check_answered(w->check, &result, false);
}

/*
 * What is wrong with a file that holds a password, NULL: nothing.  Whoever can
 * write it chooses what a server hears, whoever can read it knows.
 */
static const char *
auth_file_wrong(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return ("not a regular file");
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return ("belongs neither to root nor to us");
	if ((st->st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return ("others may read or write it: chmod 600");
	return (NULL);
}

/* Its first line to buf.  NULL, or what is wrong. */
static const char *
read_auth_file(const char *path, char *buf, size_t size)
{
	/* O_NONBLOCK: a FIFO must not hold us up before fstat(2) tells it. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	const char *why;
	struct stat st;
	ssize_t n = -1;

	if (fd == -1)
		return (strerror(errno));
	if (fstat(fd, &st) == -1)
		why = strerror(errno);
	else if ((why = auth_file_wrong(&st)) == NULL &&
	    (n = read(fd, buf, size - 1)) == -1)
		why = strerror(errno);
	(void)close(fd);
	if (why != NULL)
		return (why);
	buf[n] = '\0';
	buf[strcspn(buf, "\r\n")] = '\0';
	return (wire_auth_wrong(buf));
}

/* Behind the other options.  Its length, 0 with the reason in w->why. */
static size_t
add_password(struct check_web *w)
{
	const char *path = w->check->conf->web->auth_file, *why;
	char buf[WIRE_AUTH_MAX + 2];
	struct wire_options auth = {.auth = buf};
	size_t len = 0;

	why = read_auth_file(path, buf, sizeof(buf));
	if (why == NULL)
		len = wire_options_pack(
		    &auth, w->options + w->len, WIRE_AUTH_MAX + 2);
	else
		(void)snprintf(
		    w->why, sizeof(w->why), "auth-file %s: %s", path, why);
	explicit_bzero(buf, sizeof(buf));
	return (len);
}

static void
to_options(const struct check_conf *conf, struct wire_options *o)
{
	const struct web_conf *web = conf->web;

	memset(o, 0, sizeof(*o));
	o->ca_file = web->ca_file;
	o->server_name = web->server_name;
	o->expires_within = web->expires_within;
	o->insecure = !web->verify;
	if (conf->kind != CHECK_HTTP)
		return;
	o->url = web->url;
	o->method = web->method;
	o->redirects = web->redirects;
	while (web->headers != NULL && web->headers[o->nheaders] != NULL) {
		o->headers[o->nheaders] = web->headers[o->nheaders];
		o->nheaders++;
	}
	o->nstatus = web->nstatus;
	if (web->nstatus > 0)
		memcpy(o->status, web->status,
		    web->nstatus * sizeof(*web->status));
}

static int
web_init(struct unit_check *c, char *buf, size_t len)
{
	const struct check_conf *conf = c->conf;
	char packed[WIRE_OPTIONS_MAX - (WIRE_AUTH_MAX + 2)];
	struct wire_options o;
	struct check_web *w;
	const char *why;
	size_t used;

	if (supervisor_prober_http(c->unit->sup) == NULL)
		return (-1);
	to_options(conf, &o);
	used = wire_options_pack(&o, packed, sizeof(packed));
	if (conf->kind == CHECK_HTTP && used == 0)
		why = "they are too long together";
	else /* A number in place of %i may have made them bad. */
		why = wire_options_unpack(&o, packed, used);
	if (why != NULL) {
		(void)snprintf(buf, len, "its options: %s", why);
		errno = EINVAL;
		return (-1);
	}
	w = calloc(1,
	    sizeof(*w) + used +
		(conf->web->auth_file != NULL ? WIRE_AUTH_MAX + 2 : 0));
	c->web = w;
	if (w == NULL)
		return (-1);
	memcpy(w->options, packed, used);
	w->len = used;
	w->check = c;
	w->tcp = unit_check_tcp(conf);
	w->query.cb = web_answered;
	w->query.arg = w;
	w->query.kind =
	    (conf->kind == CHECK_HTTP) ? WIRE_PROBE_HTTP : WIRE_PROBE_TLS;
	w->query.options = w->options;
	w->untold = (struct dw_defer) {.cb = web_untold, .arg = w};
	return (0);
}

static int
web_ask(struct unit_check *c)
{
	struct check_web *w = c->web;
	struct supervisor *sup = c->unit->sup;
	char before[sizeof(w->why)];
	size_t password = 0;

	if (c->conf->web->auth_file != NULL) {
		memcpy(before, w->why, sizeof(before));
		w->why[0] = '\0';
		if ((password = add_password(w)) == 0) {
			if (strcmp(before, w->why) != 0)
				dw_log(sup->log, DW_LOG_ERROR, "%s: %s: %s",
				    c->unit->conf->name, c->conf->name, w->why);
			dw_defer_start(sup->loop, &w->untold);
			return (0);
		}
	}
	w->query.options_len = w->len + password;
	return (prober_ask(sup->prober_http, &w->query, &w->tcp));
}

static void
web_cancel(struct unit_check *c)
{
	dw_defer_stop(&c->web->untold);
	prober_cancel(&c->web->query);
	forget_password(c->web);
}

static void
web_free(struct unit_check *c)
{
	if (c->web == NULL)
		return;
	web_cancel(c);
	free(c->web);
}

const struct check_way check_way_web = {
    false, web_init, web_free, web_ask, web_cancel, NULL};
