/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * From files to a struct config, whole or not at all.  What keys mean is in
 * the other config_*.c; nothing here knows what runs.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "config_parse.h"

static struct config *
finish(struct parser *p, config_error_cb *cb, void *arg)
{
	struct config *c = p->config;

	check_names(p);
	check_alerts(p);
	p->config->services = config_trim(p, p->config->services,
	    p->config->nservices, sizeof(*p->config->services));
	check_order(p);
	if (parser_report(p, cb, arg) > 0) {
		config_free(c);
		return (NULL);
	}
	return (c);
}

static int
begin(struct parser *p, config_error_cb *cb, void *arg)
{
	static const struct config_pos nowhere;

	memset(p, 0, sizeof(*p));
	build_init(&p->defaults);
	if ((p->config = calloc(1, sizeof(*p->config))) == NULL) {
		cb(&nowhere, "out of memory", arg);
		return (-1);
	}
	p->top.kind = BLOCK_TOP;
	p->top.config = p->config;
	return (0);
}

struct config *
config_read(const char *path, bool trust, config_error_cb *cb, void *arg)
{
	struct parser p;

	if (begin(&p, cb, arg) == -1)
		return (NULL);
	p.trust = trust;
	config_load(&p, path);
	return (finish(&p, cb, arg));
}

static void
ignore_error(const struct config_pos *pos, const char *text, void *arg)
{
	(void)pos;
	(void)text;
	(void)arg;
}

char *
config_runtime_dir(const char *path)
{
	struct parser p;
	char *dir = NULL;

	if (begin(&p, ignore_error, NULL) == -1)
		return (NULL);
	config_load(&p, path);
	if (p.config->runtime_dir != NULL)
		dir = strdup(p.config->runtime_dir);
	(void)parser_report(&p, ignore_error, NULL);
	config_free(p.config);
	return (dir);
}

struct config *
config_parse(const char *name, const char *text, size_t len,
    config_error_cb *cb, void *arg)
{
	struct parser p;

	if (begin(&p, cb, arg) == -1)
		return (NULL);
	p.memory = true;
	if ((name = config_name(&p, name)) != NULL)
		(void)config_text(&p, name, text, len, NULL);
	return (finish(&p, cb, arg));
}

const struct service_conf *
config_find(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->nservices; i++)
		if (strcmp(c->services[i].name, name) == 0)
			return (&c->services[i]);
	return (NULL);
}
