/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Lines for people: to stderr, a file or syslog.  A line costs no allocation
 * and one write(2); one that cannot be written is counted and made up for by
 * a line that says so.  Rotating files is somebody else's, locking between
 * threads too.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "daemonwatch.h"
#include "file.h"
#include "log_text.h"

#define LINE_SIZE (LOG_TEXT_SIZE + 160) /* time, ident, pid and level */
#define IDENT_MAX 64
#define FILE_MODE 0640
/* How long the first line that finds a full pipe may wait. */
#define PATIENCE_MS 100

enum target {
	TO_STDERR,
	TO_FILE,
	TO_SYSLOG
};

struct dw_log {
	enum target target;
	enum dw_log_level level;
	char *ident;
	int facility; /* TO_SYSLOG */

	/* TO_FILE */
	char *path; /* absolute */
	int fd;	    /* -1: not open */
	dev_t dev;  /* of the file behind fd */
	ino_t ino;
	bool regular;

	/* What could not be written. */
	unsigned long lost;
	int lost_error;
	bool full; /* the last line found no room */
	bool torn; /* the last line was written in part */

	/* The last message, and how often it came again. */
	char last[LOG_TEXT_SIZE];
	enum dw_log_level last_level;
	bool has_last;
	unsigned long repeats;
	unsigned long said; /* of them */
};

static const struct {
	const char *name;
	int facility;
} facilities[] = {
    {"auth", LOG_AUTH},
    {"authpriv", LOG_AUTHPRIV},
    {"cron", LOG_CRON},
    {"daemon", LOG_DAEMON},
    {"ftp", LOG_FTP},
    {"kern", LOG_KERN},
    {"local0", LOG_LOCAL0},
    {"local1", LOG_LOCAL1},
    {"local2", LOG_LOCAL2},
    {"local3", LOG_LOCAL3},
    {"local4", LOG_LOCAL4},
    {"local5", LOG_LOCAL5},
    {"local6", LOG_LOCAL6},
    {"local7", LOG_LOCAL7},
    {"lpr", LOG_LPR},
    {"mail", LOG_MAIL},
    {"news", LOG_NEWS},
    {"syslog", LOG_SYSLOG},
    {"user", LOG_USER},
    {"uucp", LOG_UUCP},
};

static const struct {
	const char *name;
	int priority;
} levels[] = {
    [DW_LOG_ERROR] = {"error", LOG_ERR},
    [DW_LOG_WARNING] = {"warning", LOG_WARNING},
    [DW_LOG_NOTICE] = {"notice", LOG_NOTICE},
    [DW_LOG_INFO] = {"info", LOG_INFO},
    [DW_LOG_DEBUG] = {"debug", LOG_DEBUG},
};

/*
 * The file, never on 0, 1 or 2, where a program's careless printf(3) would
 * reach it.  O_NONBLOCK: neither opening nor filling a FIFO may hold us up.
 */
static int
open_file(struct dw_log *log)
{
	struct stat st;
	int error, fd;

	fd = file_above_std(open(log->path,
	    O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_NONBLOCK | O_CLOEXEC,
	    FILE_MODE));
	if (fd == -1)
		return (-1);
	if (fstat(fd, &st) == -1) {
		error = errno;
		(void)close(fd);
		errno = error;
		return (-1);
	}
	log->fd = fd;
	log->dev = st.st_dev;
	log->ino = st.st_ino;
	log->regular = S_ISREG(st.st_mode);
	return (0);
}

/*
 * Becoming a daemon closes descriptors, and their numbers are used again: a
 * line must not go into whatever has ours now.
 */
static bool
still_ours(const struct dw_log *log)
{
	struct stat st;

	return (log->fd != -1 && fstat(log->fd, &st) == 0 &&
	    st.st_dev == log->dev && st.st_ino == log->ino);
}

/* 0, or the errno of what stands in the way of a write now. */
static int
wait_for_room(struct dw_log *log, int fd)
{
	struct pollfd pfd = {.fd = fd, .events = POLLOUT};
	int n;

	/* stderr is others' too: O_NONBLOCK would be theirs as well. */
	n = poll(&pfd, 1, log->full ? 0 : PATIENCE_MS);
	log->full = (n == 0);
	if (n == 0 || (n == -1 && errno == EINTR))
		return (EAGAIN);
	if (n == -1)
		return (errno);
	/* Writing to a pipe that nobody reads would be SIGPIPE. */
	if (pfd.revents & (POLLERR | POLLHUP))
		return (EPIPE);
	if (pfd.revents & POLLNVAL)
		return (EBADF);
	return (0);
}

/* Where to write: a descriptor, or -1 with errno. */
static int
usable_fd(struct dw_log *log)
{
	int error, fd;

	fd = STDERR_FILENO;
	if (log->target == TO_FILE) {
		if (!still_ours(log)) {
			log->fd = -1;
			if (open_file(log) == -1)
				return (-1);
		}
		fd = log->fd;
		if (log->regular)
			return (fd);
	}
	if ((error = wait_for_room(log, fd)) != 0) {
		errno = error;
		return (-1);
	}
	return (fd);
}

/* One line by one write(2).  0, or -1 with errno. */
static int
put(struct dw_log *log, const char *line, size_t len)
{
	ssize_t n;
	int fd;

	if ((fd = usable_fd(log)) == -1)
		return (-1);
	do {
		n = write(fd, line, len);
	} while (n == -1 && errno == EINTR);
	if (n == -1)
		return (-1);
	/* The rest had no room; the next line must not be glued to this. */
	log->torn = ((size_t)n < len);
	if (log->torn)
		errno = ENOSPC;
	return (log->torn ? -1 : 0);
}

/* "2026-07-29T12:34:56.789+02:00"; the length, 0 if it cannot be told. */
static size_t
stamp(char *buf, size_t size)
{
	struct timespec ts;
	struct tm tm;
	char day[32], zone[8];

	if (clock_gettime(CLOCK_REALTIME, &ts) == -1 ||
	    localtime_r(&ts.tv_sec, &tm) == NULL ||
	    strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm) == 0 ||
	    strftime(zone, sizeof(zone), "%z", &tm) != 5)
		return (0);
	return ((size_t)snprintf(buf, size, "%s.%03ld%.3s:%s ", day,
	    ts.tv_nsec / 1000000, zone, zone + 3));
}

static int
write_line(struct dw_log *log, enum dw_log_level level, const char *text)
{
	char line[LINE_SIZE];
	size_t len;

	if (log->target == TO_SYSLOG) {
		/* libc knows one ident and facility: say ours each time. */
		openlog(log->ident, LOG_PID, log->facility);
		syslog(levels[level].priority, "%s", text);
		return (0);
	}
	len = 0;
	if (log->torn)
		line[len++] = '\n';
	len += stamp(line + len, sizeof(line) - len);
	len += (size_t)snprintf(line + len, sizeof(line) - len,
	    "%.*s[%ld] %s: %s\n", IDENT_MAX, log->ident, (long)getpid(),
	    levels[level].name, text);
	return (put(log, line, len));
}

/* A line, after one about those that were lost before it. */
static void
deliver(struct dw_log *log, enum dw_log_level level, const char *text)
{
	char said[LOG_TEXT_SIZE];

	if (log->lost > 0) {
		(void)snprintf(said, sizeof(said),
		    "%lu line%s could not be written: %s", log->lost,
		    log->lost == 1 ? "" : "s", strerror(log->lost_error));
		if (write_line(log, DW_LOG_WARNING, said) == -1)
			goto lost;
		log->lost = 0;
	}
	if (write_line(log, level, text) == 0)
		return;
lost:
	log->lost++;
	log->lost_error = errno;
}

/* How often the last message came again, unless that was said. */
static void
say_repeats(struct dw_log *log)
{
	char text[64];

	if (log->repeats == log->said)
		return;
	log->said = log->repeats;
	(void)snprintf(text, sizeof(text), "last message repeated %lu time%s",
	    log->repeats, log->repeats == 1 ? "" : "s");
	deliver(log, log->last_level, text);
}

static bool
repeated(struct dw_log *log, enum dw_log_level level, const char *text)
{
	if (!log->has_last || level != log->last_level ||
	    strcmp(text, log->last) != 0)
		return (false);
	log->repeats++;
	if ((log->repeats & (log->repeats - 1)) == 0)
		say_repeats(log);
	return (true);
}

void
dw_logv(
    struct dw_log *log, enum dw_log_level level, const char *fmt, va_list ap)
{
	char text[LOG_TEXT_SIZE];
	int error;

	if (level > log->level)
		return;
	if (level > DW_LOG_DEBUG)
		level = DW_LOG_DEBUG;
	error = errno;
	log_text(text, fmt, ap);
	if (!repeated(log, level, text)) {
		say_repeats(log);
		deliver(log, level, text);
		memcpy(log->last, text, sizeof(log->last));
		log->last_level = level;
		log->has_last = true;
		log->repeats = log->said = 0;
	}
	errno = error;
}

void
dw_log(struct dw_log *log, enum dw_log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	dw_logv(log, level, fmt, ap);
	va_end(ap);
}

static int
find_facility(struct dw_log *log, const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(facilities) / sizeof(facilities[0]); i++) {
		if (strcmp(name, facilities[i].name) == 0) {
			log->facility = facilities[i].facility;
			return (0);
		}
	}
	errno = EINVAL;
	return (-1);
}

static int
open_target(struct dw_log *log, const char *where)
{
	if (strcmp(where, "stderr") == 0) {
		log->target = TO_STDERR;
		return (0);
	}
	if (strcmp(where, "syslog") == 0 || strncmp(where, "syslog:", 7) == 0) {
		log->target = TO_SYSLOG;
		return (
		    find_facility(log, where[6] == ':' ? where + 7 : "daemon"));
	}
	log->target = TO_FILE;
	if ((log->path = file_absolute(where)) == NULL)
		return (-1);
	return (open_file(log));
}

struct dw_log *
dw_log_open(const char *where, const char *ident, enum dw_log_level level)
{
	struct dw_log *log;
	int error;

	if (where == NULL || *where == '\0' || ident == NULL) {
		errno = EINVAL;
		return (NULL);
	}
	if ((log = calloc(1, sizeof(*log))) == NULL)
		return (NULL);
	log->level = level;
	log->fd = -1;
	if ((log->ident = strdup(ident)) == NULL ||
	    open_target(log, where) == -1) {
		error = errno;
		free(log->ident);
		free(log->path);
		free(log);
		errno = error;
		return (NULL);
	}
	/* Reads the zone's file now rather than with the first line. */
	tzset();
	return (log);
}

void
dw_log_close(struct dw_log *log)
{
	int error;

	if (log == NULL)
		return;
	error = errno;
	say_repeats(log);
	if (log->target == TO_FILE && still_ours(log))
		(void)close(log->fd);
	/* libc keeps the pointer to our ident. */
	if (log->target == TO_SYSLOG)
		closelog();
	free(log->ident);
	free(log->path);
	free(log);
	errno = error;
}

int
dw_log_reopen(struct dw_log *log)
{
	int old;

	if (log->target != TO_FILE)
		return (0);
	say_repeats(log);
	old = still_ours(log) ? log->fd : -1;
	if (open_file(log) == -1)
		return (-1);
	if (old != -1)
		(void)close(old);
	log->torn = false;
	log->full = false;
	return (0);
}

void
dw_log_set_level(struct dw_log *log, enum dw_log_level level)
{
	log->level = level;
}
