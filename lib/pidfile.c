/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Pidfiles: locking our own, and judging those that any program wrote.  The
 * number in a file is a claim; a lock or the process table must back it
 * before anybody is told whom to signal.  Nothing here signals.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <libutil.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../compat/system.h"
#include "daemonwatch.h"
#include "file.h"

#define PIDFILE_SIZE 64 /* longer than any pid with blanks around it */
/* A file's time is as coarse as its file system's clock. */
#define REUSE_TOLERANCE (2 * DW_SEC)
/* 1 ms apart: against readers that test the lock, daemons that take it. */
#define OPEN_TRIES 1000
#define OWNER_TRIES 100

struct dw_pidfile {
	struct pidfh *fh;
	char *path; /* absolute */
	pid_t pid;  /* of the process that may remove the file */
};

static int
fail(int error)
{
	errno = error;
	return (-1);
}

static void
take_breath(void)
{
	static const struct timespec pause = {.tv_nsec = DW_MS};

	(void)nanosleep(&pause, NULL);
}

static void
close_keep_errno(int fd)
{
	int error;

	error = errno;
	(void)close(fd);
	errno = error;
}

static bool
same_file(const struct stat *a, const struct stat *b)
{
	return (a->st_dev == b->st_dev && a->st_ino == b->st_ino);
}

/* May somebody besides its owner, root and our own group write it? */
static bool
others_write(const struct stat *st)
{
	if (st->st_mode & S_IWOTH)
		return (true);
	return ((st->st_mode & S_IWGRP) != 0 && st->st_gid != 0 &&
	    st->st_gid != getegid());
}

static bool
root_or_us(uid_t uid)
{
	return (uid == 0 || uid == geteuid());
}

/*
 * Reading: what is there may be anything, put there by anybody.
 */

/*
 * A regular file, to read.  A symbolic link counts only if root or we made
 * it: another's could name a file that is trusted for its owner.
 */
static int
open_claim(const char *path, struct stat *st)
{
	int fd, nofollow;

	/* Looked at first, as opening a device may do something. */
	if (lstat(path, st) == -1)
		return (-1);
	nofollow = O_NOFOLLOW;
	if (S_ISLNK(st->st_mode)) {
		if (!root_or_us(st->st_uid))
			return (fail(EPERM));
		if (stat(path, st) == -1)
			return (-1);
		nofollow = 0;
	}
	if (!S_ISREG(st->st_mode))
		return (fail(EINVAL));
	fd =
	    open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | nofollow);
	if (fd == -1)
		return (-1);
	if (fstat(fd, st) == -1 ||
	    (!S_ISREG(st->st_mode) && fail(EINVAL) == -1)) {
		close_keep_errno(fd);
		return (-1);
	}
	return (fd);
}

static bool
blank(char c)
{
	return (c == ' ' || (c >= '\t' && c <= '\r'));
}

/* The number in the file, and nothing else in it, at least min. */
static int
read_pid(int fd, pid_t min, pid_t *pid)
{
	char buf[PIDFILE_SIZE];
	ssize_t i, len;
	int digits, n;

	if ((len = pread(fd, buf, sizeof(buf), 0)) == -1)
		return (-1);
	if (len == 0)
		return (fail(EAGAIN));
	if ((size_t)len == sizeof(buf))
		return (fail(EINVAL));
	for (i = 0; i < len && blank(buf[i]); i++)
		;
	n = 0;
	for (digits = 0; i < len && buf[i] >= '0' && buf[i] <= '9'; i++) {
		if (n > (INT_MAX - (buf[i] - '0')) / 10)
			return (fail(EINVAL));
		n = n * 10 + (buf[i] - '0');
		digits++;
	}
	while (i < len && blank(buf[i]))
		i++;
	if (digits == 0 || i < len || n < min)
		return (fail(EINVAL));
	*pid = n;
	return (0);
}

/*
 * Does somebody hold flock(2)'s exclusive lock?  1, 0, or -1 with errno.  Our
 * own shared one is there for a moment only, but that may make another's
 * pidfile_open(3) fail: see contended().
 */
static int
flocked(int fd)
{
	if (flock(fd, LOCK_SH | LOCK_NB) == 0) {
		(void)flock(fd, LOCK_UN);
		return (0);
	}
	return (errno == EWOULDBLOCK ? 1 : -1);
}

/*
 * Does pid hold it, or somebody flock(2)'s lock?  APUE's own daemons lock it
 * with fcntl(2); such a lock of another process says nothing of pid.
 */
static bool
believable(int fd, pid_t pid)
{
	struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	bool recorded = fcntl(fd, F_GETLK, &fl) == 0 && fl.l_type != F_UNLCK &&
	    fl.l_pid > 0;

	if (recorded && (fl.l_pid == pid || LOCKS_OF_ONE_KIND))
		return (fl.l_pid == pid);
	return (flocked(fd) == 1);
}

/* A process that is younger than the file cannot have written it. */
static bool
younger(const struct dw_proc_info *info, const struct stat *st)
{
	struct timespec now;
	int64_t age;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	age = ((int64_t)now.tv_sec - st->st_mtim.tv_sec) * DW_SEC +
	    now.tv_nsec - st->st_mtim.tv_nsec;
	return (info->age < age - REUSE_TOLERANCE);
}

/* The process pid, if the file's owner may speak for it. */
static int
claimed(pid_t pid, const struct stat *st, struct dw_proc_info *info)
{
	if (dw_proc_info(pid, info, NULL, 0) == -1)
		return (-1);
	if (info->zombie)
		return (fail(ESRCH));
	/* CVE-2018-16888: else a service's user has root kill anything. */
	if (!root_or_us(st->st_uid) && st->st_uid != info->uid)
		return (fail(EPERM));
	return (0);
}

static int
judge(int fd, const struct stat *st, struct dw_proc_id *id)
{
	struct dw_proc_info info;
	pid_t pid;

	if (others_write(st))
		return (fail(EPERM));
	if (read_pid(fd, 2, &pid) == -1 || claimed(pid, st, &info) == -1)
		return (-1);
	if (younger(&info, st) && !believable(fd, pid))
		return (fail(ESRCH));
	*id = info.id;
	return (0);
}

int
dw_pidfile_read(const char *path, struct dw_proc_id *id)
{
	struct stat st;
	int fd, ret;

	if ((fd = open_claim(path, &st)) == -1)
		return (-1);
	ret = judge(fd, &st, id);
	close_keep_errno(fd);
	return (ret);
}

/*
 * The holder of the lock: 1 and the identity, 0 if it is worth another try,
 * -1.  While the lock is held its holder lives, so its pid cannot have become
 * another's: that is why it is asked for again at the end.  Only the moment
 * between a new daemon's lock and its truncating of the file looks the same
 * with the last one's pid still in it; a process that cannot have written the
 * file is a sign of that, unless it lasts.
 */
static int
holder(int fd, const struct stat *st, bool last, struct dw_proc_id *id)
{
	struct dw_proc_info info;
	pid_t again, pid;
	int held;

	if ((held = flocked(fd)) != 1)
		return (held == 0 ? fail(ESRCH) : -1);
	if (others_write(st))
		return (fail(EPERM));
	/* A daemon may well be process 1 of a container. */
	if (read_pid(fd, 1, &pid) == -1)
		return (-1);
	if (claimed(pid, st, &info) == -1) {
		if (errno != ESRCH || flocked(fd) != 1)
			return (-1);
		return (last ? fail(EBUSY) : 0);
	}
	if (younger(&info, st) && !last)
		return (0);
	if ((held = flocked(fd)) != 1)
		return (held == 0 ? fail(ESRCH) : -1);
	if (read_pid(fd, 1, &again) == -1 || again != pid)
		return (last ? fail(EAGAIN) : 0);
	*id = info.id;
	return (1);
}

int
dw_pidfile_owner(const char *path, struct dw_proc_id *id)
{
	struct stat st;
	int fd, ret, tries;

	for (tries = 1;; tries++) {
		if ((fd = open_claim(path, &st)) == -1)
			return (-1);
		ret = holder(fd, &st, tries == OWNER_TRIES, id);
		close_keep_errno(fd);
		if (ret != 0)
			return (ret == 1 ? 0 : -1);
		take_breath();
	}
}

/*
 * Our own.
 */

/*
 * Make the file if it is not there, and see that it is fit.  From then on
 * nobody can put a link in its place where the directory is root's, ours or
 * sticky; pidfile_open(3) itself follows links and truncates what they name.
 */
static int
prepare(const char *path, mode_t mode, struct stat *st)
{
	int error, fd;

	fd = open(path,
	    O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
	    mode);
	if (fd == -1) {
		error = errno;
		/* A FIFO that nobody reads, a socket; the BSDs' word for it. */
		if (error == ENXIO || error == EOPNOTSUPP)
			error = EINVAL;
		/* FreeBSD says EMLINK, NetBSD EFTYPE. */
		else if (lstat(path, st) == 0 && S_ISLNK(st->st_mode))
			error = ELOOP;
		return (fail(error));
	}
	error = fstat(fd, st) == -1 ? errno : 0;
	(void)close(fd);
	if (error == 0 && !S_ISREG(st->st_mode))
		error = EINVAL;
	else if (error == 0 &&
	    (!root_or_us(st->st_uid) || others_write(st) || st->st_nlink > 1))
		error = EPERM;
	return (error == 0 ? 0 : fail(error));
}

/* Was it but a reader that was testing the lock? */
static bool
contended(const char *path)
{
	struct stat st;
	int fd, held;

	if ((fd = open_claim(path, &st)) == -1)
		return (errno == ENOENT);
	held = flocked(fd);
	(void)close(fd);
	return (held == 0);
}

/* One try: 1 locked, 0 to be tried again, -1. */
static int
try_open(struct dw_pidfile *pf, mode_t mode, pid_t *owner)
{
	struct stat prepared, st;
	int fd;

	*owner = -1;
	if (prepare(pf->path, mode, &prepared) == -1)
		return (-1);
	if ((pf->fh = pidfile_open(pf->path, mode, owner)) != NULL) {
		fd = pidfile_fileno(pf->fh);
		/* libbsd before 0.11.4 leaves this to us. */
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) != -1 &&
		    fstat(fd, &st) == 0 && same_file(&st, &prepared))
			return (1);
		(void)pidfile_close(pf->fh);
		return (0);
	}
	/*
	 * EEXIST is what it should say of a locked file; EINVAL, EAGAIN: with
	 * garbage or nothing in it; ENOENT: the holder has removed it.
	 */
	if (errno == ENOENT)
		return (0);
	if (errno != EEXIST && errno != EINVAL && errno != EAGAIN)
		return (-1);
	if (contended(pf->path))
		return (0);
	return (fail(EEXIST));
}

static int
open_locked(struct dw_pidfile *pf, mode_t mode, pid_t *owner)
{
	int ret, tries;

	for (tries = 0; tries < OPEN_TRIES; tries++) {
		if ((ret = try_open(pf, mode, owner)) != 0)
			return (ret == 1 ? 0 : -1);
		take_breath();
	}
	return (fail(EAGAIN));
}

/*
 * pidfile_open(3) may have read what the last one left, before the new holder
 * truncated it: give that one the time to write.
 */
static pid_t
current(const char *path, pid_t pid)
{
	struct dw_proc_id id;
	int tries;

	for (tries = 0; tries < OWNER_TRIES; tries++) {
		if (dw_pidfile_owner(path, &id) == 0)
			return (id.pid);
		if (errno != EAGAIN)
			return (pid > 0 ? pid : -1);
		take_breath();
	}
	return (-1);
}

struct dw_pidfile *
dw_pidfile_open(const char *path, mode_t mode, pid_t *owner)
{
	struct dw_pidfile *pf;
	unsigned filled;
	pid_t pid = -1;
	int error, ret;

	if (file_fill_std(&filled) == -1)
		return (NULL);
	if ((pf = calloc(1, sizeof(*pf))) == NULL ||
	    (pf->path = file_absolute(path)) == NULL)
		ret = -1;
	else
		ret =
		    open_locked(pf, mode & ~(mode_t)(S_IWGRP | S_IWOTH), &pid);
	error = errno;
	file_empty_std(filled);
	if (ret == 0) {
		pf->pid = getpid();
		return (pf);
	}
	if (owner != NULL && error == EEXIST)
		*owner = current(path, pid);
	if (pf != NULL)
		free(pf->path);
	free(pf);
	errno = error;
	return (NULL);
}

int
dw_pidfile_write(struct dw_pidfile *pf)
{
	if (pidfile_write(pf->fh) == -1)
		return (-1);
	pf->pid = getpid();
	return (0);
}

void
dw_pidfile_close(struct dw_pidfile *pf)
{
	int error;

	if (pf == NULL)
		return;
	error = errno;
	(void)pidfile_close(pf->fh);
	free(pf->path);
	free(pf);
	errno = error;
}

/* Does the name still stand for the file that we have locked? */
static int
still_ours(const struct dw_pidfile *pf)
{
	struct stat named, st;

	if (pf->pid != getpid())
		return (fail(EINVAL));
	if (fstat(pidfile_fileno(pf->fh), &st) == -1 ||
	    lstat(pf->path, &named) == -1)
		return (-1);
	return (same_file(&named, &st) ? 0 : fail(ESTALE));
}

int
dw_pidfile_remove(struct dw_pidfile *pf)
{
	int error, ret;

	if (pf == NULL)
		return (fail(EINVAL));
	ret = still_ours(pf);
	if (ret == 0)
		ret = pidfile_remove(pf->fh);
	else {
		error = errno;
		(void)pidfile_close(pf->fh);
		errno = error;
	}
	error = errno;
	free(pf->path);
	free(pf);
	errno = error;
	return (ret);
}

int
dw_pidfile_fileno(const struct dw_pidfile *pf)
{
	return (pidfile_fileno(pf->fh));
}
