/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Two of the ways in which a service says that it is ready: a newline on a
 * descriptor that it was given, and a pidfile that names one of its processes.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor.h"

#define QUICK_MIN (2 * DW_MS)
#define QUICK_MAX (250 * DW_MS)

static void
close_pipe(struct unit_ready *r)
{
	dw_io_stop(&r->io);
	if (r->fd != -1)
		(void)close(r->fd);
	r->fd = -1;
}

static void
readable(struct dw_io *io, unsigned events)
{
	struct unit_ready *r = io->arg;
	char buf[512];
	ssize_t n;

	(void)events;
	n = read(r->fd, buf, sizeof(buf));
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0 && memchr(buf, '\n', (size_t)n) == NULL)
		return;
	/* It has said so, or has nothing left to say it with. */
	close_pipe(r);
	if (n > 0)
		unit_event(r->unit, SE_READY, NULL);
}

/* An old file names nobody: its process would have to be one of this run. */
static void
look(struct dw_timer *timer)
{
	struct unit_ready *r = timer->arg;
	struct unit *u = r->unit;
	struct dw_proc_id id;

	if (dw_pidfile_read(u->conf->pidfile, &id) == 0 &&
	    unit_has_process(u, id.pid)) {
		unit_event(u, SE_READY, NULL);
		return;
	}
	dw_timer_start(u->sup->loop, &r->timer, r->quick);
	r->quick = (r->quick * 2 < QUICK_MAX) ? r->quick * 2 : QUICK_MAX;
}

static struct unit_ready *
get(struct unit *u)
{
	struct unit_ready *r = u->ready;

	if (r == NULL && (r = calloc(1, sizeof(*r))) != NULL) {
		r->unit = u;
		r->fd = -1;
		r->io.cb = readable;
		r->io.arg = r;
		r->timer.cb = look;
		r->timer.arg = r;
		u->ready = r;
	}
	return (r);
}

int
unit_ready_begin(struct unit *u)
{
	struct unit_ready *r;
	int ends[2], error;

	if ((r = get(u)) == NULL || pipe2(ends, O_CLOEXEC | O_NONBLOCK) == -1)
		return (-1);
	close_pipe(r);
	r->fd = ends[0];
	/* The program may rely on its own end to block. */
	if (fcntl(ends[1], F_SETFL, 0) == 0 &&
	    dw_io_start(u->sup->loop, &r->io, r->fd, DW_READ) == 0)
		return (ends[1]);
	error = errno;
	(void)close(ends[1]);
	close_pipe(r);
	errno = error;
	return (-1);
}

void
unit_ready_pace(struct unit *u)
{
	struct unit_ready *r;

	if (u->conf->ready != READY_PIDFILE)
		return;
	if (u->sv.state != SV_STARTING || u->sv.phase != PH_READY) {
		if (u->ready != NULL)
			dw_timer_stop(&u->ready->timer);
		return;
	}
	/* Without memory, start-timeout has the last word. */
	if ((r = get(u)) == NULL || dw_timer_active(&r->timer))
		return;
	r->quick = QUICK_MIN;
	dw_timer_start(u->sup->loop, &r->timer, 0);
}

void
unit_ready_stop(struct unit *u)
{
	if (u->ready == NULL)
		return;
	close_pipe(u->ready);
	dw_timer_stop(&u->ready->timer);
	free(u->ready);
	u->ready = NULL;
}
