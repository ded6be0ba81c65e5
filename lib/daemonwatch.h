/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * libdaemonwatch: become a good daemon, and watch processes, descriptors,
 * timers and signals from one loop, alike on Linux and the BSDs.
 *
 * Conventions.  Functions that can fail return 0 or -1 (or NULL) with errno
 * set; nothing here logs or exits.  Times are nanoseconds of the monotonic
 * clock in an int64_t.  Watchers are structures of the caller: zero them, set
 * cb and arg, start them.  A watcher may be stopped and freed from any
 * callback, its own included; stopping one that was never started is allowed.
 * What stands below "private" in a structure is the library's.
 * A loop and its watchers belong to one thread, and one loop in a process
 * may watch children (it alone calls wait).
 */
#ifndef DAEMONWATCH_H
#define DAEMONWATCH_H

#include <sys/types.h>
#include <sys/resource.h>

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) || defined(__clang__)
#define DW_PRINTF(f, a) __attribute__((__format__(__printf__, f, a)))
#else
#define DW_PRINTF(f, a)
#endif

#define DW_US INT64_C(1000)
#define DW_MS INT64_C(1000000)
#define DW_SEC INT64_C(1000000000)

struct dw_loop;

/*
 * The loop: dw_loop(3)
 */

/*
 * Make a loop on the named poller ("epoll", "kqueue", "poll"), or on the best
 * one of this system when NULL.  EINVAL: no such poller here; ENOMEM, EMFILE,
 * ENFILE as of the system.
 */
struct dw_loop *dw_loop_new(const char *poller);
/* Stop every watcher that is still started, and free the loop. */
void dw_loop_free(struct dw_loop *loop);
/*
 * Dispatch until dw_loop_stop() or until nothing is started any more (0 then).
 * Returns the code given to dw_loop_stop(), -1 with errno when the kernel's
 * queue itself failed.
 */
int dw_loop_run(struct dw_loop *loop);
/*
 * One turn: wait for at most max nanoseconds (-1: as long as it takes),
 * dispatch what is ready.  0, or -1 with errno.
 */
int dw_loop_step(struct dw_loop *loop, int64_t max);
/* Make dw_loop_run() return code (>= 0) when this turn's callbacks are done. */
void dw_loop_stop(struct dw_loop *loop, int code);
/* The monotonic time at which this turn's events were collected. */
int64_t dw_loop_now(const struct dw_loop *loop);
const char *dw_loop_poller(const struct dw_loop *loop);
/* The pollers of this build, the best one first, NULL at the end. */
const char *const *dw_loop_pollers(void);

#define DW_KEEP_IO 0x1u
#define DW_KEEP_TIMERS 0x2u
#define DW_KEEP_SIGNALS 0x4u
/*
 * To be called in the child after fork(2), if the child goes on using the
 * loop: makes new kernel objects without touching the parent's.  Watchers of
 * the kinds named in keep go on, all others are stopped.  Children and
 * processes are never kept: they are the parent's.
 */
int dw_loop_forked(struct dw_loop *loop, unsigned keep);

/* The monotonic clock, now. */
int64_t dw_clock(void);

/*
 * Descriptors
 */
#define DW_READ 0x1u
#define DW_WRITE 0x2u
#define DW_HUP 0x4u /* only reported: the other side is gone, or an error */

struct dw_io;
typedef void dw_io_cb(struct dw_io *io, unsigned events);

struct dw_io {
	dw_io_cb *cb;
	void *arg;
	/* private */
	struct dw_loop *loop;
	int fd;
	unsigned events;
};

/*
 * Level-triggered.  One watcher for each descriptor (EEXIST).  EPERM: not a
 * kind of file that can be waited for (regular file, /dev/null); EBADF;
 * ENOMEM, ENOSPC as of the system.  Stop it before the descriptor is closed.
 */
int dw_io_start(
    struct dw_loop *loop, struct dw_io *io, int fd, unsigned events);
int dw_io_modify(struct dw_io *io, unsigned events);
void dw_io_stop(struct dw_io *io);

/*
 * Timers.  They cannot fail and allocate nothing.  Two timers of one deadline
 * fire in the order of their start; one started in a callback never fires in
 * the same turn.
 */
struct dw_timer;
typedef void dw_timer_cb(struct dw_timer *timer);

struct dw_timer {
	dw_timer_cb *cb;
	void *arg;
	/* private */
	struct dw_loop *loop;
	int64_t deadline;
	uint64_t seq;
	struct dw_timer *child, *next, *prev;
};

/* Fire once, delay nanoseconds after dw_loop_now(); restarts a started one. */
void dw_timer_start(
    struct dw_loop *loop, struct dw_timer *timer, int64_t delay);
/* The same at a time of dw_clock(). */
void dw_timer_at(
    struct dw_loop *loop, struct dw_timer *timer, int64_t deadline);
void dw_timer_stop(struct dw_timer *timer);
bool dw_timer_active(const struct dw_timer *timer);

/*
 * Deferred calls: run once, at the end of this turn, before the loop sleeps.
 */
struct dw_defer;
typedef void dw_defer_cb(struct dw_defer *defer);

struct dw_defer {
	dw_defer_cb *cb;
	void *arg;
	/* private */
	struct dw_loop *loop;
	struct dw_defer *next, **prev;
};

void dw_defer_start(struct dw_loop *loop, struct dw_defer *defer);
void dw_defer_stop(struct dw_defer *defer);

/*
 * Signals, as callbacks of the loop.  The disposition found at start is put
 * back by stop.  EBUSY: the signal is watched already; EINVAL: no such signal,
 * or SIGCHLD, SIGKILL, SIGSTOP.
 */
struct dw_signal;
typedef void dw_signal_cb(struct dw_signal *sig);

struct dw_signal {
	dw_signal_cb *cb;
	void *arg;
	/* private */
	struct dw_loop *loop;
	int signo;
};

int dw_signal_start(struct dw_loop *loop, struct dw_signal *sig, int signo);
void dw_signal_stop(struct dw_signal *sig);

/*
 * Starting programs: dw_spawn(3)
 */
enum dw_spawn_stage {
	DW_SPAWN_FORK,	    /* vfork(2), pipe(2) */
	DW_SPAWN_SIGNALS,   /* sigaction(2) */
	DW_SPAWN_SESSION,   /* setsid(2) */
	DW_SPAWN_RLIMIT,    /* setrlimit(2); arg: index in rlimits */
	DW_SPAWN_PRIORITY,  /* setpriority(2) */
	DW_SPAWN_OOM_SCORE, /* /proc/self/oom_score_adj */
	DW_SPAWN_FDS,	    /* dup2(2), open(2) of /dev/null; arg: descriptor */
	DW_SPAWN_GROUPS,    /* setgroups(2) */
	DW_SPAWN_GID,	    /* setgid(2) */
	DW_SPAWN_UID,	    /* setuid(2) */
	DW_SPAWN_CHDIR,	    /* chdir(2), as the user */
	DW_SPAWN_PRIVS,	    /* prctl(2), procctl(2) */
	DW_SPAWN_EXEC	    /* execve(2) */
};

struct dw_spawn_error {
	enum dw_spawn_stage stage;
	int error; /* an errno */
	int arg;
};

struct dw_spawn_fd {
	int from; /* in the parent */
	int to;	  /* in the program */
};

struct dw_spawn_rlimit {
	int resource;
	struct rlimit limit;
};

struct dw_cred {
	uid_t uid;
	gid_t gid;
	size_t ngroups;
	const gid_t *groups;
};

#define DW_SPAWN_SETSID 0x1u   /* a session of its own */
#define DW_SPAWN_NICE 0x2u     /* priority */
#define DW_SPAWN_OOM 0x4u      /* oom_score */
#define DW_SPAWN_NO_PRIVS 0x8u /* exec gains no privileges, ever */

#define DW_SPAWN_PID_TEXT 24

struct dw_spawn {
	char *const *argv; /* argv[0] without a slash: looked up in PATH */
	char *const *envp; /* NULL: the caller's */
	const char *cwd;   /* NULL: the caller's */
	const struct dw_cred *cred; /* NULL: the caller's */
	const struct dw_spawn_fd *fds;
	size_t nfds;
	const struct dw_spawn_rlimit *rlimits;
	size_t nrlimits;
	int umask; /* -1: the caller's */
	unsigned flags;
	int priority;  /* -20 to 19 */
	int oom_score; /* -1000 to 1000; Linux only */
	/*
	 * The new process' pid is written here before exec, in digits with a
	 * NUL, up to DW_SPAWN_PID_TEXT bytes; may be a part of envp.
	 */
	char *pid_text; /* NULL: nowhere */
};

/*
 * Start a program: signal mask empty, every disposition the default, of the
 * descriptors only those in fds (0, 1 and 2 on /dev/null where not named).
 * Returns the pid once exec has happened, or -1 with errno and, if error is
 * not NULL, the stage that failed.  The cost does not grow with the caller's
 * memory: vfork(2).
 */
pid_t dw_spawn(const struct dw_spawn *spawn, struct dw_spawn_error *error);
/* "execve", "setuid", … for a message. */
const char *dw_spawn_stage_name(enum dw_spawn_stage stage);

/*
 * Children: dw_child(3)
 */

/* How the library keeps watchers by pid: all of it private. */
struct dw_pid_link {
	struct dw_pid_link *next, **prev;
	pid_t pid;
};

struct dw_child;
/* status: as of waitpid(2).  Called exactly once for a started child. */
typedef void dw_child_cb(struct dw_child *child, int status);

/*
 * When the child ends, whatever is left in its process group is sent SIGKILL
 * before the pid is given back to the system.  For children that lead one.
 */
#define DW_CHILD_KILLPG 0x1u

struct dw_child {
	dw_child_cb *cb;
	void *arg;
	unsigned flags;
	pid_t pid; /* to read only; 0 when it has ended */
	/* private */
	struct dw_loop *loop;
	struct dw_pid_link link;
	int status;
};

/* dw_spawn() and watch it. */
int dw_child_spawn(struct dw_loop *loop, struct dw_child *child,
    const struct dw_spawn *spawn, struct dw_spawn_error *error);
/* Watch a child that the caller forked.  Call it before the next turn. */
int dw_child_watch(struct dw_loop *loop, struct dw_child *child, pid_t pid);
/* No callback any more; the child is still reaped by the loop. */
void dw_child_stop(struct dw_child *child);
/*
 * Signal a child that has not ended; ESRCH otherwise.  killpg: its process
 * group.  Never reaches a process that got the pid later.
 */
int dw_child_kill(struct dw_child *child, int signo);
int dw_child_killpg(struct dw_child *child, int signo);

/*
 * Adopt the orphans among our descendants (Linux, FreeBSD, DragonFly); the
 * loop reaps them.  ENOTSUP elsewhere.
 */
int dw_reaper_acquire(struct dw_loop *loop);

/*
 * The process table, and processes that are not our children: dw_proc(3)
 */

/*
 * Which process: a pid is used again, a pid with its start time is not.
 * start is the kernel's own figure: only for comparing on the same boot.
 */
struct dw_proc_id {
	pid_t pid;
	uint64_t start;
};

struct dw_proc_info {
	struct dw_proc_id id;
	pid_t ppid;
	pid_t pgid;
	pid_t sid;
	uid_t uid; /* effective */
	bool zombie;
	int64_t age;	  /* nanoseconds since its start */
	const char *args; /* joined by blanks; "" if not asked or none */
	size_t args_len;
};

#define DW_PROCS_ARGS 0x1u

typedef int dw_procs_cb(const struct dw_proc_info *info, void *arg);

/*
 * One pass over the process table.  Ends early with cb's value when that is
 * not 0.  The info is valid during the call.  -1 with errno when the table
 * cannot be read at all.
 */
int dw_procs_each(unsigned flags, dw_procs_cb *cb, void *arg);
/* One process; ESRCH.  info->args is put into buf (may be NULL, 0). */
int dw_proc_info(pid_t pid, struct dw_proc_info *info, char *buf, size_t len);
/* Its identity; ESRCH also for a zombie. */
int dw_proc_identify(pid_t pid, struct dw_proc_id *id);
/* Still the same process, and not a zombie? */
bool dw_proc_alive(const struct dw_proc_id *id);
/* This boot's name, for identities that are kept in files.  NUL-ended. */
int dw_boot_id(char *buf, size_t len);

struct dw_proc;
/* status: as of waitpid(2) if it came to be our child, else DW_STATUS_NONE. */
typedef void dw_proc_cb(struct dw_proc *proc, int status);
#define DW_STATUS_NONE (-1)

struct dw_proc {
	dw_proc_cb *cb;
	void *arg;
	struct dw_proc_id id; /* to read only */
	/* private */
	struct dw_loop *loop;
	struct dw_io io;
	struct dw_timer timer;
	struct dw_defer defer;
	struct dw_pid_link link;
	int fd;
	int how;
	int status;
	uint32_t gen;
};

/*
 * Be told at once when the process is gone (pidfd, EVFILT_PROC; a check of
 * its start time every 500 ms only where the kernel offers neither).  ESRCH:
 * gone already, or another process has its pid.
 */
int dw_proc_start(
    struct dw_loop *loop, struct dw_proc *proc, const struct dw_proc_id *id);
void dw_proc_stop(struct dw_proc *proc);
/* Signal just this process; ESRCH when it is gone. */
int dw_proc_kill(struct dw_proc *proc, int signo);

/*
 * Becoming a daemon: dw_daemonize(3)
 */
#define DW_DAEMON_NOCHDIR 0x1u /* stay in the directory */
#define DW_DAEMON_NOUMASK 0x2u /* keep the inherited umask */
#define DW_DAEMON_NOCLOSE 0x4u /* keep descriptors above 2 */
#define DW_DAEMON_LEADER 0x8u  /* no second fork: stay a session leader */

struct dw_daemonize {
	unsigned flags;
	mode_t umask;	 /* 0, as in the book */
	const char *cwd; /* NULL: "/" */
	const char *in;	 /* NULL: /dev/null */
	const char *out; /* NULL: /dev/null; made, appended to */
	const char *err; /* NULL: as out; until ready, the launcher's */
	mode_t mode;	 /* of files made for out and err; 0: 0640 */
	const int *keep; /* descriptors not to close */
	size_t nkeep;
};

/*
 * APUE 13.3, every step checked.  Returns 0 in the daemon only; the process
 * that called it waits for dw_ready() or dw_ready_fail() and then exits with
 * the daemon's word.  If the daemon dies before that, the launcher says so
 * and exits 1.  -1 with errno, in the caller, when the first fork or pipe
 * failed; a later step's failure is told by the launcher on stderr.
 */
int dw_daemonize(const struct dw_daemonize *opt, int *ready);
/* Let the launcher exit 0; stderr leaves the terminal.  *ready becomes -1. */
int dw_ready(int *ready);
/*
 * Let it print the text and exit with the status.  Where there is no launcher
 * (*ready is -1), the text is printed on stderr.
 */
int dw_ready_fail(int *ready, int status, const char *fmt, ...) DW_PRINTF(3, 4);

/*
 * Pidfiles: dw_pidfile(3)
 */
struct dw_pidfile;

/*
 * Lock the pidfile for this process (pidfile_open(3)).  NULL with errno;
 * EEXIST: another holds it, *owner is its pid (-1 when it has not written it
 * yet).  Neither links nor files that others own or may write are touched.
 * Programs that are executed have no part in the lock, forked children have.
 */
struct dw_pidfile *dw_pidfile_open(const char *path, mode_t mode, pid_t *owner);
int dw_pidfile_write(struct dw_pidfile *pf);
/* In a child that goes on without exec: drop it, keep the file. */
void dw_pidfile_close(struct dw_pidfile *pf);
/* Remove the file if it is still ours, and free. */
int dw_pidfile_remove(struct dw_pidfile *pf);
int dw_pidfile_fileno(const struct dw_pidfile *pf);

/*
 * Whom does a pidfile name, that any program wrote?  0 and the identity of a
 * process that may be believed to be meant; else -1 with
 * ENOENT  no file
 * ESRCH   stale: no such process, or one that began after the file was written
 * EAGAIN  empty (it may be being written)
 * EINVAL  no pid in it, a directory, a FIFO, too long …
 * EPERM   others may write it, or it belongs neither to root, to us, nor to
 *         the process' user
 */
int dw_pidfile_read(const char *path, struct dw_proc_id *id);
/*
 * The same for a file made by dw_pidfile_open(): the lock decides.  EBUSY: it
 * is held by a child that has outlived the process that the file names.
 */
int dw_pidfile_owner(const char *path, struct dw_proc_id *id);

/*
 * start | stop | restart | status for any program: dw_daemon(3)
 */
struct dw_daemon {
	const char *name; /* for messages */
	const char *pidfile;
	struct dw_daemonize daemonize;
	/*
	 * The program: call dw_ready() when it serves, return its exit status.
	 * In the foreground ready points to -1, and dw_ready() is a no-op.
	 */
	int (*run)(struct dw_daemon *d, int *ready);
	void *arg;
	int stop_signal;       /* 0: SIGTERM */
	int64_t stop_timeout;  /* 0: 10 s; then SIGKILL */
	int64_t start_timeout; /* 0: none */
};

/*
 * main() of a daemon: does the verb in argv[1] (start, stop, restart, status,
 * run: in the foreground) and returns the exit status, messages on stderr:
 * status 0 running, 1 dead with a pidfile, 3 not running, 4 unknown; verbs
 * 0 done, 1 failed or already running; 2 usage.  stop of what does not run is
 * said and is 0.
 */
int dw_daemon_main(struct dw_daemon *d, int argc, char *argv[]);

/*
 * Probes: dw_probe(3)
 */
enum dw_probe_outcome {
	DW_PROBE_OK,
	DW_PROBE_FAILED,
	DW_PROBE_UNKNOWN
};

struct dw_probe_result {
	enum dw_probe_outcome outcome;
	int error;	 /* an errno, 0 if none fits */
	int64_t latency; /* nanoseconds */
	char text[128];	 /* "connect to 127.0.0.1:80: Connection refused" */
};

struct dw_probe_tcp {
	const char *host; /* address or name */
	const char *port; /* number or service name */
	int64_t timeout;  /* over all: names, connecting, answer */
	const void *send; /* NULL: none */
	size_t send_len;
	const char *expect; /* POSIX ERE over what is received; NULL: none */
	const char *source; /* a local address, as a number; NULL: any */
};

struct dw_probe_unix {
	const char *path;
	int64_t timeout;
	const void *send; /* NULL: none */
	size_t send_len;
	const char *expect; /* as above */
};

struct dw_probe;
typedef void dw_probe_cb(
    struct dw_probe *probe, const struct dw_probe_result *result);
struct dw_probe_run;

struct dw_probe {
	dw_probe_cb *cb;
	void *arg;
	/* private */
	struct dw_probe_run *run;
};

/*
 * Connect, and if asked send and wait for the expected answer.  A name is
 * looked up by a process of its own, so nothing ever blocks the loop.  The
 * callback comes exactly once, never from within start.  EINVAL: a regular
 * expression or port that is none; EBUSY: started already; ENOMEM.
 */
int dw_probe_tcp(struct dw_loop *loop, struct dw_probe *probe,
    const struct dw_probe_tcp *tcp);
/*
 * The same with datagrams: what is sent, at least one byte, is one of them;
 * without expect any answer will do.  A lost one is not sent again.
 */
int dw_probe_udp(struct dw_loop *loop, struct dw_probe *probe,
    const struct dw_probe_tcp *udp);
/*
 * The same with a local stream socket.  Should its queue be full it is tried
 * again and again until the timeout.  EINVAL also: a path too long.
 */
int dw_probe_unix(struct dw_loop *loop, struct dw_probe *probe,
    const struct dw_probe_unix *un);
void dw_probe_stop(struct dw_probe *probe);

/*
 * Backoff: pure arithmetic.  dw_backoff(3)
 */
struct dw_backoff {
	int64_t min;
	int64_t max;
	unsigned jitter; /* per cent either way, at most 100 */
	unsigned failures;
};

/*
 * The delay before the next try: 0 the first time after a reset, then min,
 * doubling up to max, shortened or lengthened by the jitter; random is any
 * number.  Never below 0, never above max.
 */
int64_t dw_backoff_next(struct dw_backoff *b, uint32_t random);
void dw_backoff_reset(struct dw_backoff *b);

/*
 * Telling a service manager how we are, as sd_notify(3): one datagram to
 * $NOTIFY_SOCKET.  0 sent; 1 nobody asked; -1 with errno.  dw_notify(3)
 */
int dw_notify(const char *state);

/*
 * Logging for programs: dw_log(3)
 */
enum dw_log_level {
	DW_LOG_ERROR,
	DW_LOG_WARNING,
	DW_LOG_NOTICE,
	DW_LOG_INFO,
	DW_LOG_DEBUG
};

struct dw_log;

/*
 * Where: "stderr", "syslog", "syslog:daemon" or a path (made with mode 0640,
 * appended to).  EINVAL: no such facility.  Lines carry ident, stderr and
 * files also the time and the level.
 */
struct dw_log *dw_log_open(
    const char *where, const char *ident, enum dw_log_level level);
void dw_log_close(struct dw_log *log);
/* Open the file again (after it was rotated). */
int dw_log_reopen(struct dw_log *log);
void dw_log_set_level(struct dw_log *log, enum dw_log_level level);
/*
 * errno is untouched.  A message equal to the last one is counted; the count
 * is said when another comes, and after 1, 2, 4 … of them.  Bytes that could
 * steer a terminal are escaped.
 */
void dw_log(struct dw_log *log, enum dw_log_level level, const char *fmt, ...)
    DW_PRINTF(3, 4);
void dw_logv(struct dw_log *log, enum dw_log_level level, const char *fmt,
    va_list ap) DW_PRINTF(3, 0);

#ifdef __cplusplus
}
#endif
#endif
