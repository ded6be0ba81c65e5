/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * libcurl's multi_socket interface over dw_io and dw_timer.
 */
#include "config.h"

#include <err.h>
#include <errno.h>
#include <stdlib.h>

#include "curl_loop.h"

/* A descriptor that curl waits for. */
struct watch {
	struct dw_io io;
	struct curl_loop *cl;
	curl_socket_t fd;
};

/* done() may remove any transfer, so curl is asked anew each time. */
static void
collect(struct curl_loop *cl)
{
	const CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(cl->multi, &left)) != NULL) {
		if (msg->msg == CURLMSG_DONE)
			cl->done(msg->easy_handle, msg->data.result);
	}
}

/* What curl cannot go on with is beyond repair: a new prober does better. */
static void
act(struct curl_loop *cl, curl_socket_t fd, int events)
{
	CURLMcode code;
	int running;

	code = curl_multi_socket_action(cl->multi, fd, events, &running);
	if (code != CURLM_OK && code != CURLM_BAD_SOCKET)
		errx(1, "libcurl: %s", curl_multi_strerror(code));
	collect(cl);
}

static void
ready(struct dw_io *io, unsigned events)
{
	struct watch *w = io->arg;
	int what = 0;

	if (events & DW_READ)
		what |= CURL_CSELECT_IN;
	if (events & DW_WRITE)
		what |= CURL_CSELECT_OUT;
	if (events & DW_HUP)
		what |= CURL_CSELECT_ERR;
	/* The watch may be gone afterwards. */
	act(w->cl, w->fd, what);
}

static void
expired(struct dw_timer *timer)
{
	act(timer->arg, CURL_SOCKET_TIMEOUT, 0);
}

static struct watch *
make_watch(struct curl_loop *cl, curl_socket_t fd, unsigned want)
{
	struct watch *w;

	if ((w = calloc(1, sizeof(*w))) == NULL)
		err(1, NULL);
	w->cl = cl;
	w->fd = fd;
	w->io = (struct dw_io) {.cb = ready, .arg = w};
	if (dw_io_start(cl->loop, &w->io, fd, want) == -1)
		err(1, "%s", dw_loop_poller(cl->loop));
	(void)curl_multi_assign(cl->multi, fd, w);
	return (w);
}

static int
want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *assigned)
{
	struct curl_loop *cl = arg;
	struct watch *w = assigned;
	unsigned want = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (w != NULL) {
			dw_io_stop(&w->io);
			(void)curl_multi_assign(cl->multi, fd, NULL);
			free(w);
		}
		return (0);
	}
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		want |= DW_READ;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		want |= DW_WRITE;
	if (w == NULL)
		(void)make_watch(cl, fd, want);
	else if (dw_io_modify(&w->io, want) == -1)
		err(1, "%s", dw_loop_poller(cl->loop));
	return (0);
}

static int
want_time(CURLM *multi, long ms, void *arg)
{
	struct curl_loop *cl = arg;

	(void)multi;
	if (ms < 0)
		dw_timer_stop(&cl->timer);
	else /* Of the clock: the loop's time may be that of a turn long ago. */
		dw_timer_at(cl->loop, &cl->timer, dw_clock() + ms * DW_MS);
	return (0);
}

int
curl_loop_init(struct curl_loop *cl, struct dw_loop *loop)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0 ||
	    (cl->multi = curl_multi_init()) == NULL) {
		errno = ENOMEM;
		return (-1);
	}
	cl->loop = loop;
	cl->timer = (struct dw_timer) {.cb = expired, .arg = cl};
	(void)curl_multi_setopt(
	    cl->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	(void)curl_multi_setopt(cl->multi, CURLMOPT_SOCKETDATA, cl);
	(void)curl_multi_setopt(cl->multi, CURLMOPT_TIMERFUNCTION, want_time);
	(void)curl_multi_setopt(cl->multi, CURLMOPT_TIMERDATA, cl);
	return (0);
}

int
curl_loop_add(struct curl_loop *cl, CURL *easy)
{
	if (curl_multi_add_handle(cl->multi, easy) == CURLM_OK)
		return (0);
	errno = ENOMEM;
	return (-1);
}

void
curl_loop_remove(struct curl_loop *cl, CURL *easy)
{
	(void)curl_multi_remove_handle(cl->multi, easy);
}
