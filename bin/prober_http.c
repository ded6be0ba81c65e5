/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * daemonwatch-prober-http: HTTP, and connections over TLS, by libcurl.  A
 * program of its own, so that only who uses it pays its memory and trusts its
 * libraries.  What every prober does is in prober_main.c.
 */
#include "config.h"

#include "web.h"

static struct curl_loop curl = {.done = web_done};

static int
http_init(struct dw_loop *loop)
{
	return (curl_loop_init(&curl, loop));
}

static const char *
http_fault(const struct wire_request *req)
{
	struct wire_options options;
	const char *why = wire_options_unpack(&options,
	    req->data + req->send_len + req->expect_len, req->options_len);

	if (why != NULL)
		return (why);
	if (req->kind == WIRE_PROBE_TLS) {
		if (options.url != NULL)
			return ("it has a URL, of no use for TLS");
		return (req->host[0] == '\0' || req->port[0] == '\0' ?
			"it has no host or port" :
			NULL);
	}
	if (options.url == NULL)
		return ("it has no URL");
	return ((req->host[0] == '\0') != (req->port[0] == '\0') ?
		"it has a host or a port, not both" :
		NULL);
}

static int
http_begin(struct dw_loop *loop, struct prober_task *task,
    const struct wire_request *req, size_t len)
{
	return (web_begin(&curl, loop, (struct web_task *)task, req, len));
}

static void
http_cancel(struct prober_task *task)
{
	web_cancel((struct web_task *)task);
}

int
main(int argc, char *argv[])
{
	static const struct prober_way way = {
	    .kinds = (1u << WIRE_PROBE_TLS) | (1u << WIRE_PROBE_HTTP),
	    .task_size = sizeof(struct web_task),
	    .init = http_init,
	    .fault = http_fault,
	    .begin = http_begin,
	    .cancel = http_cancel,
	};

	return (prober_main(argc, argv, &way));
}
