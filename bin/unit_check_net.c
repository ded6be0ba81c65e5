/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Checks over the network: asked of daemonwatch-prober.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "supervisor.h"
#include "wire.h"

struct check_net {
	struct prober_query query;
	struct dw_probe_tcp tcp; /* what the query asks */
};

static const enum wire_kind kinds[CHECK_KINDS] = {
    [CHECK_TCP] = WIRE_PROBE_TCP,
    [CHECK_UNIX] = WIRE_PROBE_UNIX,
    [CHECK_UDP] = WIRE_PROBE_UDP,
};

static void
net_answered(struct prober_query *query, const struct dw_probe_result *result)
{
	unit_check_answered(query->arg, result, false);
}

struct dw_probe_tcp
unit_check_tcp(const struct check_conf *conf)
{
	struct dw_probe_tcp tcp = {
	    .host = (conf->host != NULL) ? conf->host : "",
	    .port = (conf->port != NULL) ? conf->port : "",
	    .source = conf->source,
	    .timeout = conf->timeout,
	    .send = conf->send,
	    .send_len = conf->send_len,
	    .expect = conf->expect,
	};

	if (conf->path != NULL)
		tcp.host = conf->path;
	return (tcp);
}

static int
net_init(struct unit_check *c, char *buf, size_t len)
{
	(void)buf;
	(void)len;
	c->net = calloc(1, sizeof(*c->net));
	if (c->net == NULL)
		return (-1);
	c->net->tcp = unit_check_tcp(c->conf);
	c->net->query.cb = net_answered;
	c->net->query.arg = c;
	c->net->query.kind = kinds[c->conf->kind];
	return (0);
}

static void
net_free(struct unit_check *c)
{
	free(c->net);
}

static int
net_ask(struct unit_check *c)
{
	return (prober_ask(c->unit->sup->prober, &c->net->query, &c->net->tcp));
}

static void
net_cancel(struct unit_check *c)
{
	prober_cancel(&c->net->query);
}

const struct check_way check_way_net = {
    false, net_init, net_free, net_ask, net_cancel, NULL};
