/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What the probers are before they probe: each reads requests from descriptor
 * 3, and writes the answers there; wire.h has their form.  It has no
 * privileges, believes no request, and ends when its supervisor does.  How it
 * probes is a struct prober_way; what an answer means for a service, and when
 * to ask again, is not its business.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../compat/system.h"
#include "../lib/daemonwatch.h"
#include "prober_main.h"
#include "wire_io.h"

#define PROBES_MAX 4096u  /* under way at once */
#define REPLIES_MAX 1024u /* more than these waiting: no new requests */
#define READS_IN_TURN 64
#define BUCKETS 256u
#define NOBODY 65534 /* should the table of users lack the name */

LIST_HEAD(task_list, prober_task);
STAILQ_HEAD(task_queue, prober_task);

struct prober {
	const struct prober_way *way;
	struct dw_loop *loop;
	struct dw_io io;
	size_t nprobes;
	struct task_list probes[BUCKETS];
	size_t nreplies;
	struct task_queue replies;
	struct wire_out out;
	struct wire_in in;
	struct wire_request req; /* perhaps only its beginning */
};

/*
 * Replies
 */

/* -1 when the socket is full; otherwise it does not return. */
static int
check_full(void)
{
	/* The supervisor has gone; nobody is left to be told. */
	if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN)
		exit(0);
	if (errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOBUFS &&
	    errno != ENOMEM)
		err(1, "send");
	return (-1);
}

/* 0, or -1 when the socket is full. */
static int
transmit(struct prober *p, const struct wire_reply *reply)
{
	if (wire_send(&p->out, WIRE_FD, reply, sizeof(*reply)) == 0)
		return (0);
	return (check_full());
}

/* A full socket keeps no probe from going on, but new ones from coming in. */
static void
rearm(struct prober *p)
{
	unsigned want = 0;

	if (p->nreplies < REPLIES_MAX)
		want |= DW_READ;
	if (p->nreplies > 0 || p->out.len > 0)
		want |= DW_WRITE;
	if (dw_io_modify(&p->io, want) == -1)
		err(1, "%s", dw_loop_poller(p->loop));
}

static void
flush(struct prober *p)
{
	struct prober_task *t;

	if (wire_flush(&p->out, WIRE_FD) == -1) {
		(void)check_full();
		return;
	}
	while ((t = STAILQ_FIRST(&p->replies)) != NULL) {
		if (transmit(p, &t->reply) == -1)
			return;
		STAILQ_REMOVE_HEAD(&p->replies, next);
		p->nreplies--;
		free(t);
	}
}

/* Takes the task over. */
static void
reply(struct prober *p, struct prober_task *t,
    const struct dw_probe_result *result, bool degraded)
{
	t->reply.outcome = (uint32_t)result->outcome;
	t->reply.flags = degraded ? WIRE_DEGRADED : 0;
	t->reply.error = result->error;
	t->reply.latency = result->latency;
	(void)strlcpy(t->reply.text, result->text, sizeof(t->reply.text));
	STAILQ_INSERT_TAIL(&p->replies, t, next);
	p->nreplies++;
	flush(p);
	rearm(p);
}

static void
refuse(struct prober *p, struct prober_task *t, int error, const char *why)
{
	struct dw_probe_result result = {
	    .outcome = DW_PROBE_UNKNOWN, .error = error};

	(void)snprintf(
	    result.text, sizeof(result.text), "cannot probe: %s", why);
	reply(p, t, &result, false);
}

void
prober_answer(
    struct prober_task *t, const struct dw_probe_result *result, bool degraded)
{
	struct prober *p = t->prober;

	LIST_REMOVE(t, link);
	p->nprobes--;
	reply(p, t, result, degraded && result->outcome == DW_PROBE_OK);
}

/*
 * Requests
 */

static struct prober_task *
find(struct prober *p, uint64_t id)
{
	struct prober_task *t;

	LIST_FOREACH(t, &p->probes[id % BUCKETS], link) {
		if (t->reply.id == id)
			return (t);
	}
	return (NULL);
}

static void
start(struct prober *p, const struct wire_request *req, size_t len)
{
	struct prober_task *t;

	/* Bounded, and small; without even that, a new prober does better. */
	if ((t = calloc(1, p->way->task_size)) == NULL)
		err(1, NULL);
	t->prober = p;
	t->reply.version = WIRE_VERSION;
	t->reply.id = req->id;
	if (p->nprobes >= PROBES_MAX) {
		refuse(p, t, EAGAIN, "too many probes at once");
		return;
	}
	if (p->way->begin(p->loop, t, req, len) == -1) {
		refuse(p, t, errno,
		    errno == EINVAL ?
			"not a valid address, port or expression" :
			strerror(errno));
		return;
	}
	LIST_INSERT_HEAD(&p->probes[req->id % BUCKETS], t, link);
	p->nprobes++;
}

static void
cancel(struct prober *p, uint64_t id)
{
	struct prober_task *t = find(p, id);

	/* Its reply may be on its way already. */
	if (t == NULL)
		return;
	p->way->cancel(t);
	LIST_REMOVE(t, link);
	p->nprobes--;
	free(t);
}

static bool
ended(const char *s, size_t size)
{
	return (memchr(s, '\0', size) != NULL);
}

/*
 * Whoever writes such things is not our supervisor, or not of our build; and
 * what came before is as doubtful.  A new prober starts from nothing.
 */
static const char *
fault(const struct prober *p, const struct wire_request *req, size_t len)
{
	if (len < WIRE_REQUEST_HEAD)
		return ("it is too short");
	if (req->version != WIRE_VERSION)
		return ("it is of another version");
	if (req->kind == WIRE_CANCEL)
		return (len == WIRE_REQUEST_HEAD ? NULL : "it is too long");
	if (req->kind >= 32 || (p->way->kinds & (1u << req->kind)) == 0)
		return ("nothing is known of its kind");
	if (req->send_len > WIRE_DATA_MAX || req->expect_len > WIRE_DATA_MAX ||
	    req->send_len + req->expect_len > WIRE_DATA_MAX ||
	    req->options_len > WIRE_OPTIONS_MAX ||
	    len !=
		WIRE_REQUEST_HEAD + req->send_len + req->expect_len +
		    req->options_len)
		return ("its lengths are wrong");
	if (!ended(req->host, sizeof(req->host)) ||
	    !ended(req->port, sizeof(req->port)) ||
	    !ended(req->source, sizeof(req->source)))
		return ("its host, port or source does not end");
	if (memchr(req->data + req->send_len, '\0', req->expect_len) != NULL)
		return ("there is a NUL in its expression");
	if (req->timeout < 1 || req->timeout > WIRE_TIMEOUT_MAX)
		return ("its timeout is out of range");
	return (p->way->fault(req));
}

static void
handle(struct prober *p, const struct wire_request *req, size_t len)
{
	const char *why = fault(p, req, len);

	if (why == NULL && req->kind != WIRE_CANCEL && find(p, req->id) != NULL)
		why = "its id is in use";
	if (why != NULL)
		errx(1, "malformed request of %zu bytes: %s", len, why);
	if (req->kind == WIRE_CANCEL)
		cancel(p, req->id);
	else
		start(p, req, len);
}

static void
goodbye(struct prober *p)
{
	struct prober_task *t;
	size_t i;

	/* This also kills the processes that look names up. */
	for (i = 0; i < BUCKETS; i++) {
		while ((t = LIST_FIRST(&p->probes[i])) != NULL)
			cancel(p, t->reply.id);
	}
	exit(0);
}

static void
take_requests(struct prober *p)
{
	ssize_t n;
	int i;

	for (i = 0; i < READS_IN_TURN && p->nreplies < REPLIES_MAX; i++) {
		n = wire_recv(&p->in, WIRE_FD, &p->req, sizeof(p->req));
		if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n == -1 && errno == EMSGSIZE)
			errx(1, "malformed request: it is too long");
		if (n == -1 && errno != ECONNRESET)
			err(1, "recvmsg");
		if (n <= 0)
			goodbye(p);
		handle(p, &p->req, (size_t)n);
	}
}

static void
ready(struct dw_io *io, unsigned events)
{
	struct prober *p = io->arg;

	if (events & DW_WRITE) {
		flush(p);
		rearm(p);
	}
	if (events & (DW_READ | DW_HUP))
		take_requests(p);
}

/*
 * Starting
 */

static unsigned
number(const char *s)
{
	const char *error;
	long long n = strtonum(s, 1, UINT32_MAX - 1LL, &error);

	if (error != NULL)
		errx(1, "no such user or group: %s", s);
	return ((unsigned)n);
}

/* "name", "uid" or "uid:gid". */
static void
find_user(const char *user, uid_t *uid, gid_t *gid)
{
	const struct passwd *pw;
	const char *colon;
	char digits[24];

	/* cppcheck-suppress getpwnamCalled ; there is one thread */
	if ((pw = getpwnam(user)) != NULL) {
		*uid = pw->pw_uid;
		*gid = pw->pw_gid;
	} else if (strcmp(user, "nobody") == 0) {
		*uid = *gid = NOBODY;
	} else if ((colon = strchr(user, ':')) == NULL) {
		*uid = *gid = number(user);
	} else {
		(void)snprintf(
		    digits, sizeof(digits), "%.*s", (int)(colon - user), user);
		*uid = number(digits);
		*gid = number(colon + 1);
	}
}

/* For good: who takes this process over by an answer gets nothing by it. */
static void
drop_root(const char *user)
{
	uid_t uid;
	gid_t gid;

	find_user(user, &uid, &gid);
	if (uid == 0 || gid == 0)
		errx(1, "%s is root, or of its group", user);
	if (setgroups(1, &gid) == -1)
		err(1, "setgroups");
	if (setgid(gid) == -1)
		err(1, "setgid %lu", (unsigned long)gid);
	if (setuid(uid) == -1)
		err(1, "setuid %lu", (unsigned long)uid);
	if (setuid(0) != -1 || seteuid(0) != -1 || setgid(0) != -1 ||
	    setegid(0) != -1)
		errx(1, "root's privileges could not be dropped");
	if (getuid() != uid || geteuid() != uid || getgid() != gid ||
	    getegid() != gid)
		errx(1, "not the user or group that was asked for");
}

static void
set_limits(void)
{
	struct rlimit rl = {0, 0};

	if (setrlimit(RLIMIT_CORE, &rl) == -1)
		err(1, "setrlimit");
	/* A probe is a descriptor. */
	if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &rl) == -1)
			warn("setrlimit");
	}
}

/* Whatever the parent left us, 0 to 2 are open, and nothing above 3 is. */
static void
sanitise(void)
{
	int fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) == -1 && errno == EBADF &&
		    open("/dev/null", O_RDWR) != fd)
			exit(1);
	}
	closefrom(WIRE_FD + 1);
	if (fcntl(WIRE_FD, F_SETFD, FD_CLOEXEC) == -1)
		err(1, "fcntl");
	if (chdir("/") == -1)
		err(1, "/");
	set_limits();
}

static void
usage(void)
{
	(void)fprintf(stderr,
	    "usage: %s [-u user]\n"
	    "It is started by daemonwatch(8), with a socket as descriptor 3.\n",
	    getprogname());
	exit(2);
}

static bool
has_socket(void)
{
	int type;
	socklen_t len = sizeof(type);

	return (getsockopt(WIRE_FD, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	    type == SOCK_SEQPACKET);
}

int
prober_main(int argc, char *argv[], const struct prober_way *way)
{
	static struct prober p;
	const char *user = "nobody";
	size_t i;
	int c;

	while ((c = getopt(argc, argv, "u:")) != -1) {
		if (c != 'u')
			usage();
		user = optarg;
	}
	if (optind != argc || !has_socket())
		usage();
	sanitise();
	if (geteuid() == 0)
		drop_root(user);
	if (confine_no_new_privs() == -1)
		err(1, "no_new_privs");

	p.way = way;
	for (i = 0; i < BUCKETS; i++)
		LIST_INIT(&p.probes[i]);
	STAILQ_INIT(&p.replies);
	if ((p.loop = dw_loop_new(NULL)) == NULL)
		err(1, "dw_loop_new");
	if (way->init != NULL && way->init(p.loop) == -1)
		err(1, "%s", getprogname());
	p.io.cb = ready;
	p.io.arg = &p;
	if (dw_io_start(p.loop, &p.io, WIRE_FD, DW_READ) == -1)
		err(1, "%s", dw_loop_poller(p.loop));
	if (dw_loop_run(p.loop) == -1)
		err(1, "%s", dw_loop_poller(p.loop));
	return (1);
}
