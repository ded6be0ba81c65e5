/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What a service tells through sd_notify(3): a socket of its own for each
 * that is listened to, open as long as we know the service.  Anybody can write
 * to it, so every word is asked for its sender, and nothing but the service's
 * own processes is heard.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "notify.h"
#include "supervisor.h"
#include "../compat/system.h"

/* Whoever writes more at a time is made to wait a moment. */
#define BUDGET 16
#define BREAK (10 * DW_MS)

static int
make_dir(const char *runtime_dir, char *path, size_t len)
{
	struct stat st;

	snprintf(path, len, "%s/notify", runtime_dir);
	if (mkdir(path, 0755) == -1 && errno != EEXIST)
		return (-1);
	if (lstat(path, &st) == -1)
		return (-1);
	/* In our own directory it is us who made it, or who may not. */
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid()) {
		errno = ENOTDIR;
		return (-1);
	}
	/* Whatever our umask is: services have to get there. */
	return ((st.st_mode & 0777) == 0755 ? 0 : chmod(path, 0755));
}

/*
 * The path is the same when daemonwatch is started anew: what runs on goes on
 * using it.  One that is too long for a socket is made of the name's hash.
 */
static int
make_path(const struct unit *u, struct sockaddr_un *sun)
{
	const char *dir = u->sup->opt.runtime_dir, *s = u->conf->name;
	char path[sizeof(sun->sun_path) + 32];
	int n;

	if (u->sup->opt.transient || dir == NULL ||
	    strlen(dir) >= sizeof(sun->sun_path)) {
		errno = ENAMETOOLONG;
		return (-1);
	}
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	if (make_dir(dir, path, sizeof(path)) == -1)
		return (-1);
	n = snprintf(sun->sun_path, sizeof(sun->sun_path), "%s/%s", path, s);
	if (n > 0 && (size_t)n < sizeof(sun->sun_path))
		return (0);
	n = snprintf(sun->sun_path, sizeof(sun->sun_path), "%s/~%016jx", path,
	    (uintmax_t)unit_hash(s, strlen(s)));
	if (n > 0 && (size_t)n < sizeof(sun->sun_path))
		return (0);
	errno = ENAMETOOLONG;
	return (-1);
}

static bool
is_known(const struct unit_notify *nt, pid_t pid, char *why, size_t len)
{
	struct dw_proc_info info;

	/* The socket's mode is all there is to go by then. */
	if (nt->by_mode)
		return (true);
	if (pid == -1)
		snprintf(why, len, "of a process that cannot be seen");
	else if (unit_has_process(nt->unit, pid))
		return (true);
	else if (dw_proc_info(pid, &info, NULL, 0) == -1)
		snprintf(why, len,
		    "of pid %jd, which ended before it could be seen whose "
		    "it was",
		    (intmax_t)pid);
	else
		snprintf(why, len,
		    "of pid %jd, which is no process of the service",
		    (intmax_t)pid);
	return (false);
}

/* Said once in a run: strangers could fill the log. */
static void
refuse(struct unit_notify *nt, const char *why)
{
	if (!nt->refused)
		dw_log(nt->unit->sup->log, DW_LOG_WARNING,
		    "%s: a notification %s: ignored", nt->unit->conf->name,
		    why);
	nt->refused = true;
}

static void
keep_status(struct unit_notify *nt, const struct notify *n)
{
	size_t len = n->status_len;

	if (len >= sizeof(nt->status)) {
		len = sizeof(nt->status) - 1;
		/* Not half of a character. */
		while (
		    len > 0 && ((unsigned char)n->status[len] & 0xc0) == 0x80)
			len--;
	}
	memcpy(nt->status, n->status, len);
	nt->status[len] = '\0';
}

static void
hear(struct unit_notify *nt, const struct notify *n)
{
	struct unit *u = nt->unit;

	if (n->status != NULL)
		keep_status(nt, n);
	if (n->error != 0)
		nt->error = n->error;
	if (n->mainpid != 0 && !nt->by_mode)
		unit_main_pid(u, n->mainpid);
	if (n->stopping)
		nt->stopping = true;
	if (n->reloading)
		nt->reloading = true;
	if (n->ready) {
		nt->reloading = false;
		unit_event(u, SE_READY, NULL);
	}
	if (n->watchdog || n->trigger)
		unit_beat(u, n->trigger);
}

/* One datagram, if there is any. */
static bool
read_one(struct unit_notify *nt)
{
	char buf[NOTIFY_MAX], why[160];
	struct sender from;
	struct notify n;
	ssize_t len;

	len = sender_recv(nt->fd, buf, sizeof(buf), &from);
	if (len == -1)
		return (errno == EINTR);
	if (from.cut || notify_parse(buf, (size_t)len, &n) == -1)
		n = (struct notify) {.barrier = false};
	/* A barrier says nothing, and may well be its sender's last deed. */
	if (!n.barrier && !is_known(nt, from.pid, why, sizeof(why)))
		refuse(nt, why);
	else if (from.cut)
		refuse(nt, "of more than 4096 bytes");
	else if (!n.barrier)
		hear(nt, &n);
	/*
	 * This is what BARRIER=1 waits for: all that was sent before has been
	 * heard.  Whatever else is sent along is closed as well.
	 */
	sender_done(&from);
	return (true);
}

static void
readable(struct dw_io *io, unsigned events)
{
	struct unit_notify *nt = io->arg;

	(void)events;
	for (int i = 0; i < BUDGET; i++)
		if (!read_one(nt))
			return;
	dw_io_stop(&nt->io);
	dw_timer_start(nt->unit->sup->loop, &nt->pause, BREAK);
}

static void
listen_on(struct unit_notify *nt)
{
	if (dw_io_start(nt->unit->sup->loop, &nt->io, nt->fd, DW_READ) == 0)
		return;
	dw_log(nt->unit->sup->log, DW_LOG_ERROR,
	    "%s: its notifications cannot be heard: %s", nt->unit->conf->name,
	    strerror(errno));
	dw_timer_start(nt->unit->sup->loop, &nt->pause, DW_SEC);
}

static void
go_on(struct dw_timer *timer)
{
	listen_on(timer->arg);
}

/*
 * Who may write: everybody, as the service may well change its user; where
 * the kernel does not tell who did, only the service's user.
 */
static int
open_socket(struct unit_notify *nt, const struct sockaddr_un *sun)
{
	const struct unit *u = nt->unit;
	int fd, error;

	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return (-1);
	nt->by_mode = sender_ask(fd) == -1;
	/* One that is there was left by a daemonwatch that was killed. */
	(void)unlink(sun->sun_path);
	if (bind(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0 &&
	    chmod(sun->sun_path, nt->by_mode ? 0600 : 0666) == 0 &&
	    (!nt->by_mode || account_cred(&u->account) == NULL ||
		chown(sun->sun_path, u->account.cred.uid, (gid_t)-1) == 0))
		return (fd);
	error = errno;
	(void)close(fd);
	errno = error;
	return (-1);
}

bool
unit_notify_wanted(const struct unit *u)
{
	return (u->conf->ready == READY_NOTIFY || unit_beat_timeout(u) > 0);
}

int
unit_notify_open(struct unit *u, char *buf, size_t len)
{
	struct unit_notify *nt = u->notify;
	struct sockaddr_un sun;

	if (nt != NULL || !unit_notify_wanted(u))
		return (0);
	nt = calloc(1, sizeof(*nt));
	if (nt == NULL || make_path(u, &sun) == -1)
		goto fail;
	nt->unit = u;
	nt->path = strdup(sun.sun_path);
	if (nt->path == NULL || (nt->fd = open_socket(nt, &sun)) == -1)
		goto fail;
	nt->io.cb = readable;
	nt->io.arg = nt;
	nt->pause.cb = go_on;
	nt->pause.arg = nt;
	u->notify = nt;
	listen_on(nt);
	return (0);
fail:
	snprintf(
	    buf, len, "the socket for its notifications: %s", strerror(errno));
	if (nt != NULL)
		free(nt->path);
	free(nt);
	return (-1);
}

void
unit_notify_begin(struct unit *u)
{
	struct unit_notify *nt = u->notify;

	if (nt == NULL)
		return;
	nt->status[0] = '\0';
	nt->error = 0;
	nt->beat = 0;
	nt->ill = false;
	nt->reloading = nt->stopping = nt->refused = false;
}

void
unit_notify_close(struct unit *u)
{
	struct unit_notify *nt = u->notify;

	if (nt == NULL)
		return;
	u->notify = NULL;
	dw_io_stop(&nt->io);
	dw_timer_stop(&nt->pause);
	(void)close(nt->fd);
	(void)unlink(nt->path);
	free(nt->path);
	free(nt);
}
