/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * daemonwatch-prober: connections and datagrams, by the library's probes.
 * What every prober does is in prober_main.c.
 */
#include "config.h"

#include <string.h>

#include "prober_main.h"

struct net_task {
	struct prober_task task;
	struct dw_probe probe;
};

static const char *
net_fault(const struct wire_request *req)
{
	return (req->options_len > 0 ? "it has options" : NULL);
}

static void
net_probed(struct dw_probe *probe, const struct dw_probe_result *result)
{
	prober_answer(probe->arg, result, false);
}

static int
net_begin(struct dw_loop *loop, struct prober_task *task,
    const struct wire_request *req, size_t len)
{
	struct net_task *t = (struct net_task *)task;
	char expect[WIRE_DATA_MAX + 1];
	struct dw_probe_tcp tcp = {.host = req->host,
	    .port = req->port,
	    .timeout = req->timeout,
	    .send = req->data,
	    .send_len = req->send_len,
	    .source = (req->source[0] != '\0') ? req->source : NULL};
	struct dw_probe_unix un = {.path = req->host,
	    .timeout = req->timeout,
	    .send = req->data,
	    .send_len = req->send_len};

	(void)len;
	if (req->expect_len > 0) {
		memcpy(expect, req->data + req->send_len, req->expect_len);
		expect[req->expect_len] = '\0';
		tcp.expect = un.expect = expect;
	}
	t->probe.cb = net_probed;
	t->probe.arg = task;
	switch (req->kind) {
	case WIRE_PROBE_UDP:
		return (dw_probe_udp(loop, &t->probe, &tcp));
	case WIRE_PROBE_UNIX:
		return (dw_probe_unix(loop, &t->probe, &un));
	default:
		return (dw_probe_tcp(loop, &t->probe, &tcp));
	}
}

static void
net_cancel(struct prober_task *task)
{
	dw_probe_stop(&((struct net_task *)task)->probe);
}

int
main(int argc, char *argv[])
{
	static const struct prober_way way = {
	    .kinds = (1u << WIRE_PROBE_TCP) | (1u << WIRE_PROBE_UDP) |
		(1u << WIRE_PROBE_UNIX),
	    .task_size = sizeof(struct net_task),
	    .fault = net_fault,
	    .begin = net_begin,
	    .cancel = net_cancel,
	};

	return (prober_main(argc, argv, &way));
}
