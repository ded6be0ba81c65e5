/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Checks of who listens: the kernel is asked, nobody is connected to.  So one
 * who no longer accepts is found without a byte sent, and one who counts its
 * clients is not disturbed.
 */
#include "config.h"

#include <sys/socket.h>
#include <netinet/in.h>

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../compat/listening.h"
#include "supervisor.h"

#define DEPTH_MAX 64 /* of the service's tree of processes */

struct check_listen {
	struct unit_check *check;
	struct dw_defer answer; /* never from within ask() */
	in_port_t port;		/* in network order */
	bool any;		/* of any address */
	struct sockaddr_storage addr;
	int64_t since[LIMITS];
};

static void
make_mapped(struct in6_addr *out, const struct in_addr *in)
{
	memset(out, 0, sizeof(*out));
	out->s6_addr[10] = out->s6_addr[11] = 0xff;
	memcpy(&out->s6_addr[12], in, sizeof(*in));
}

/* IN6_IS_ADDR_UNSPECIFIED() of musl casts const away. */
static bool
is_any(const struct in6_addr *addr)
{
	return (memcmp(addr, &in6addr_any, sizeof(*addr)) == 0);
}

/* Do connections to the IPv4 address come to this socket of IPv6? */
static bool
takes_v4(const struct listening *l, const struct sockaddr_in6 *at,
    const struct in_addr *wanted)
{
	struct in6_addr mapped;

	if (!l->v4_too)
		return (false);
	make_mapped(&mapped, wanted);
	return (is_any(&at->sin6_addr) ||
	    memcmp(&at->sin6_addr, &mapped, sizeof(mapped)) == 0);
}

/* Would a connection to where the check looks come to this socket? */
static bool
covers(const struct check_listen *cl, const struct listening *l)
{
	const struct sockaddr_in *a4 = (const struct sockaddr_in *)&l->addr;
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)&l->addr;
	const struct sockaddr_in *w4 = (const struct sockaddr_in *)&cl->addr;
	const struct sockaddr_in6 *w6 = (const struct sockaddr_in6 *)&cl->addr;

	if (l->addr.ss_family == AF_INET) {
		if (a4->sin_port != cl->port)
			return (false);
		return (cl->any ||
		    (cl->addr.ss_family == AF_INET &&
			(a4->sin_addr.s_addr == htonl(INADDR_ANY) ||
			    a4->sin_addr.s_addr == w4->sin_addr.s_addr)));
	}
	if (l->addr.ss_family != AF_INET6 || a6->sin6_port != cl->port)
		return (false);
	if (cl->any)
		return (true);
	if (cl->addr.ss_family == AF_INET)
		return (takes_v4(l, a6, &w4->sin_addr));
	return (is_any(&a6->sin6_addr) ||
	    memcmp(&a6->sin6_addr, &w6->sin6_addr, sizeof(w6->sin6_addr)) == 0);
}

static int
is_pid(const struct dw_proc_id *id, void *arg)
{
	const pid_t *pid = arg;

	return (id->pid == *pid);
}

static int
first_pid(const struct dw_proc_id *id, void *arg)
{
	pid_t *pid = arg;

	*pid = id->pid;
	return (1);
}

/* Is it one of the service's processes, or of what they started? */
static bool
is_ours(const struct unit *u, pid_t pid)
{
	struct dw_proc_info info;

	for (int i = 0; i < DEPTH_MAX && pid > 1; i++) {
		if (unit_pids(u, is_pid, &pid) != 0)
			return (true);
		if (dw_proc_info(pid, &info, NULL, 0) == -1)
			return (false);
		pid = info.ppid;
	}
	return (false);
}

static void
judge_queue(struct check_listen *cl, const struct listening *l,
    struct dw_probe_result *r)
{
	struct measure m[LIMITS];
	const struct limit *limits = cl->check->conf->limits;
	enum limits_verdict v = LIMITS_OK;
	char text[100] = "";

	measures_clear(m);
	m[LIMIT_QUEUE].value = l->queue;
	if (l->queue >= 0 && l->limit > 0)
		m[LIMIT_QUEUE].share = l->queue * 1000 / l->limit;
	if (limits != NULL)
		v = limits_judge(limits, m, cl->since,
		    dw_loop_now(cl->check->unit->sup->loop), text,
		    sizeof(text));
	r->outcome = (v == LIMITS_OK) ? DW_PROBE_OK :
	    (v == LIMITS_EXCEEDED)    ? DW_PROBE_FAILED :
					DW_PROBE_UNKNOWN;
	if (l->full) {
		r->outcome = DW_PROBE_FAILED;
		snprintf(r->text, sizeof(r->text),
		    "its queue is full: %lld wait to be accepted",
		    (long long)l->queue);
	} else if (text[0] != '\0')
		snprintf(r->text, sizeof(r->text), "listens, %.100s", text);
	else
		snprintf(r->text, sizeof(r->text), "listens");
}

static void
judge_owner(
    const struct unit *u, const struct listening *l, struct dw_probe_result *r)
{
	pid_t first = 0, owner;

	(void)unit_pids(u, first_pid, &first);
	if (listening_owner(l->socket, first, &owner) == -1) {
		r->outcome = DW_PROBE_UNKNOWN;
		r->error = errno;
		snprintf(r->text, sizeof(r->text), "who has the socket: %s",
		    (errno == ESRCH) ? "nobody that we may see" :
				       strerror(errno));
	} else if (!is_ours(u, owner)) {
		r->outcome = DW_PROBE_FAILED;
		snprintf(r->text, sizeof(r->text),
		    "another process has the socket: pid %jd", (intmax_t)owner);
	}
}

/* The first that covers the address and is no worse than the others. */
static void
look(struct check_listen *cl, struct dw_probe_result *r)
{
	struct listening_table *t = listening_open();
	struct listening l;
	int more = -1;

	r->outcome = DW_PROBE_FAILED;
	r->error = ECONNREFUSED;
	snprintf(r->text, sizeof(r->text), "nobody listens");
	while (t != NULL && (more = listening_next(t, &l)) == 1) {
		if (!covers(cl, &l))
			continue;
		r->error = 0;
		judge_queue(cl, &l, r);
		if (cl->check->conf->owned && r->outcome != DW_PROBE_FAILED)
			judge_owner(cl->check->unit, &l, r);
		if (r->outcome == DW_PROBE_OK)
			break;
	}
	if (more == -1) {
		r->outcome = DW_PROBE_UNKNOWN;
		r->error = errno;
		snprintf(r->text, sizeof(r->text), "who listens: %s",
		    strerror(errno));
	}
	if (t != NULL)
		listening_close(t);
}

static void
listen_answer(struct dw_defer *defer)
{
	struct check_listen *cl = defer->arg;
	struct dw_probe_result result = {.outcome = DW_PROBE_UNKNOWN};
	int64_t begin = dw_clock();

	look(cl, &result);
	result.latency = dw_clock() - begin;
	unit_check_answered(cl->check, &result, false);
}

/* An IPv4 address in IPv6's clothes: whoever takes the one takes the other. */
static void
unmap(struct sockaddr_storage *ss)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)ss;
	struct sockaddr_in in = {.sin_family = AF_INET};

	if (ss->ss_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
		return;
	in.sin_port = in6->sin6_port;
	memcpy(&in.sin_addr, &in6->sin6_addr.s6_addr[12], sizeof(in.sin_addr));
	memset(ss, 0, sizeof(*ss));
	memcpy(ss, &in, sizeof(in));
}

/* Numbers only: to look a name up could take for ever. */
static int
find_address(struct check_listen *cl, const struct check_conf *conf, char *buf,
    size_t len)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_PASSIVE,
	    .ai_socktype = SOCK_STREAM};
	struct addrinfo *ai;
	int error = getaddrinfo(conf->host, conf->port, &hints, &ai);

	if (error != 0) {
		snprintf(buf, len, "%s: %s",
		    (conf->host != NULL) ? conf->host : conf->port,
		    gai_strerror(error));
		errno = EINVAL;
		return (-1);
	}
	memcpy(&cl->addr, ai->ai_addr, ai->ai_addrlen);
	cl->any = conf->host == NULL;
	if (ai->ai_family == AF_INET6)
		cl->port = ((struct sockaddr_in6 *)&cl->addr)->sin6_port;
	else
		cl->port = ((struct sockaddr_in *)&cl->addr)->sin_port;
	freeaddrinfo(ai);
	unmap(&cl->addr);
	return (0);
}

static void
listen_forget(struct unit_check *c)
{
	limits_begin(c->listen->since);
}

static int
listen_init(struct unit_check *c, char *buf, size_t len)
{
	struct check_listen *cl = calloc(1, sizeof(*cl));

	c->listen = cl;
	if (cl == NULL)
		return (-1);
	cl->check = c;
	cl->answer.cb = listen_answer;
	cl->answer.arg = cl;
	listen_forget(c);
	return (find_address(cl, c->conf, buf, len));
}

static void
listen_free(struct unit_check *c)
{
	if (c->listen != NULL)
		dw_defer_stop(&c->listen->answer);
	free(c->listen);
}

static int
listen_ask(struct unit_check *c)
{
	dw_defer_start(c->unit->sup->loop, &c->listen->answer);
	return (0);
}

static void
listen_cancel(struct unit_check *c)
{
	dw_defer_stop(&c->listen->answer);
}

const struct check_way check_way_listen = {
    true, listen_init, listen_free, listen_ask, listen_cancel, listen_forget};
