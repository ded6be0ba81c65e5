/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The log: what a line looks like, what may not get through to a terminal,
 * and what happens when a line cannot be written.
 */
#include "config.h"

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <regex.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemonwatch.h"
#include "forked.h"
#include "temp_dir.h"

#define HEAD                                                                \
	"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}" \
	"[+-][0-9]{2}:[0-9]{2} t\\[[0-9]+\\] "

static char dir[TEMP_DIR];
static char file[64];

static int
make_dir(void **state)
{
	(void)state;
	if (temp_dir(dir, "dw-log") == -1)
		return (-1);
	(void)snprintf(file, sizeof(file), "%s/log", dir);
	return (0);
}

static int
remove_dir(void **state)
{
	(void)state;
	return (rmdir(dir));
}

static int
remove_file(void **state)
{
	(void)state;
	(void)unlink(file);
	return (0);
}

/* All that is in the file. */
static const char *
contents(void)
{
	static char buf[1 << 16];
	ssize_t n;
	int fd;

	fd = open(file, O_RDONLY);
	n = fd == -1 ? 0 : read(fd, buf, sizeof(buf) - 1);
	(void)close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return (buf);
}

/* The text of the nth line, from 0, past its head. */
static const char *
line(size_t n)
{
	static char buf[8192];
	const char *p, *s;

	for (s = contents(); n > 0 && s != NULL; n--) {
		if ((s = strchr(s, '\n')) != NULL)
			s++;
	}
	if (s == NULL || *s == '\0')
		return ("(no such line)");
	(void)snprintf(buf, sizeof(buf), "%.*s", (int)strcspn(s, "\n"), s);
	p = strstr(buf, "] ");
	return (p == NULL ? buf : p + 2);
}

static size_t
count_lines(void)
{
	const char *s;
	size_t n;

	for (n = 0, s = contents(); *s != '\0'; s++)
		n += *s == '\n';
	return (n);
}

static struct dw_log *
open_log(enum dw_log_level level)
{
	struct dw_log *log;

	log = dw_log_open(file, "t", level);
	assert_non_null(log);
	return (log);
}

static void
assert_matches(const char *text, const char *pattern)
{
	regex_t re;
	int ret;

	assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
	ret = regexec(&re, text, 0, NULL, 0);
	regfree(&re);
	if (ret != 0)
		fail_msg("\"%s\" does not match %s", text, pattern);
}

static void
test_line_has_time_ident_pid_level(void **state)
{
	struct dw_log *log;
	char want[64];
	struct stat st;
	mode_t old;

	(void)state;
	old = umask(0);
	log = open_log(DW_LOG_DEBUG);
	(void)umask(old);
	dw_log(log, DW_LOG_WARNING, "disk %s is %d %% full", "sda", 97);
	dw_log(log, DW_LOG_ERROR, "habit of printf\n");
	dw_log_close(log);
	assert_matches(contents(),
	    HEAD "warning: disk sda is 97 % full\n"
		 "[^\n]*error: habit of printf\n$");
	(void)snprintf(want, sizeof(want), " t[%ld] warning", (long)getpid());
	assert_non_null(strstr(contents(), want));
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
}

/* The zone's offset is that of the time, half hours too. */
static void
test_zone_offset(void **state)
{
	char *old;
	struct dw_log *log;

	(void)state;
	old = getenv("TZ") == NULL ? NULL : strdup(getenv("TZ"));
	assert_int_equal(setenv("TZ", "XST-5:30", 1), 0);
	log = open_log(DW_LOG_INFO);
	dw_log(log, DW_LOG_INFO, "east");
	dw_log_close(log);
	assert_non_null(strstr(contents(), "+05:30 t["));
	assert_int_equal(setenv("TZ", "YST3:30", 1), 0);
	log = open_log(DW_LOG_INFO);
	dw_log(log, DW_LOG_INFO, "west");
	dw_log_close(log);
	assert_non_null(strstr(contents(), "-03:30 t["));
	assert_int_equal(
	    old == NULL ? unsetenv("TZ") : setenv("TZ", old, 1), 0);
	free(old);
	tzset();
}

static void
test_levels_are_filtered(void **state)
{
	struct dw_log *log;
	int level;

	(void)state;
	log = open_log(DW_LOG_NOTICE);
	for (level = DW_LOG_ERROR; level <= DW_LOG_DEBUG; level++)
		dw_log(log, (enum dw_log_level)level, "level %d", level);
	dw_log_set_level(log, DW_LOG_DEBUG);
	dw_log(log, DW_LOG_DEBUG, "now");
	dw_log_close(log);
	assert_int_equal(count_lines(), 4);
	assert_string_equal(line(0), "error: level 0");
	assert_string_equal(line(1), "warning: level 1");
	assert_string_equal(line(2), "notice: level 2");
	assert_string_equal(line(3), "debug: now");
}

static void
test_errno_is_untouched(void **state)
{
	struct dw_log *log;

	(void)state;
	log = open_log(DW_LOG_INFO);
	assert_int_equal(unlink(file), 0);
	errno = EDOM;
	dw_log(log, DW_LOG_INFO, "a");
	assert_int_equal(errno, EDOM);
	dw_log(log, DW_LOG_INFO, "a");
	assert_int_equal(errno, EDOM);
	dw_log(log, DW_LOG_DEBUG, "a");
	assert_int_equal(errno, EDOM);
	dw_log_close(log);
	assert_int_equal(errno, EDOM);
}

static void
test_control_bytes_are_escaped(void **state)
{
	static const struct {
		const char *in;
		const char *out;
	} t[] = {
	    {"\x1b[31mred\x07", "info: \\x1b[31mred\\x07"},
	    {"two\nlines\r\n", "info: two\\nlines\\r"},
	    {"tab\there\x7f", "info: tab\\there\\x7f"},
	    /* UTF-8: grüße, 守护, an emoji. */
	    {"gr\xc3\xbc\xc3\x9f"
	     "e \xe5\xae\x88\xe6\x8a\xa4 "
	     "\xf0\x9f\x90\xb6",
		"info: gr\xc3\xbc\xc3\x9f"
		"e "
		"\xe5\xae\x88\xe6\x8a\xa4 \xf0\x9f\x90\xb6"},
	    /* C1 in UTF-8 and alone: CSI. */
	    {"\xc2\x9b"
	     "31m",
		"info: \\xc2\\x9b31m"},
	    {"\x9b"
	     "31m",
		"info: \\x9b31m"},
	    {"\xc2\xa0", "info: \xc2\xa0"},
	    /* Latin-1, cut off, too long a form, surrogate, too high. */
	    {"gr\xfc\xdf"
	     "e",
		"info: gr\\xfc\\xdfe"},
	    {"\xe5\xae", "info: \\xe5\\xae"},
	    {"\xc0\x9b", "info: \\xc0\\x9b"},
	    {"\xe0\x82\x9b", "info: \\xe0\\x82\\x9b"},
	    {"\xf0\x80\x82\x9b", "info: \\xf0\\x80\\x82\\x9b"},
	    {"\xed\xa0\x80", "info: \\xed\\xa0\\x80"},
	    {"\xf4\x90\x80\x80", "info: \\xf4\\x90\\x80\\x80"},
	    {"\xf4\x8f\xbf\xbf", "info: \xf4\x8f\xbf\xbf"},
	    {"", "info: "},
	    {"x\n\n", "info: x\\n"},
	};
	struct dw_log *log;
	size_t i;

	(void)state;
	log = open_log(DW_LOG_INFO);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		dw_log(log, DW_LOG_INFO, "%s", t[i].in);
		assert_string_equal(line(i), t[i].out);
	}
	dw_log_close(log);
}

/* Every byte in every place: nothing below blank but the line's own end. */
static void
test_no_byte_gets_through(void **state)
{
	char text[8];
	const char *s;
	struct dw_log *log;
	int a, b;

	(void)state;
	log = open_log(DW_LOG_INFO);
	for (a = 1; a < 256; a++) {
		for (b = 1; b < 256; b += 41) {
			text[0] = (char)b;
			text[1] = (char)a;
			text[2] = (char)b;
			text[3] = '\0';
			assert_int_equal(truncate(file, 0), 0);
			dw_log(log, DW_LOG_INFO, "%s", text);
			s = contents();
			assert_true(strlen(s) > 3);
			assert_ptr_equal(strchr(s, '\n'), s + strlen(s) - 1);
			for (; *s != '\n'; s++)
				assert_false(
				    (unsigned char)*s < ' ' || *s == 0x7f);
		}
	}
	dw_log_close(log);
}

static void
test_long_message_is_cut_with_ellipsis(void **state)
{
	static const char ellipsis[] = "\xe2\x80\xa6";
	char *big;
	const char *s;
	struct dw_log *log;
	size_t i, len;

	(void)state;
	big = malloc(100001);
	assert_non_null(big);
	log = open_log(DW_LOG_INFO);
	memset(big, 'x', 100000);
	big[100000] = '\0';
	dw_log(log, DW_LOG_INFO, "%s", big);
	s = line(0);
	len = strlen(s);
	assert_in_range(len, 900, 1100);
	assert_string_equal(s + len - 3, ellipsis);
	assert_int_equal(count_lines(), 1);

	/* Wherever the cut falls in a character: whole ones only. */
	for (i = 0; i < 4; i++) {
		size_t j;

		memset(big, 'x', i);
		for (j = i; j + 3 <= 3000; j += 3)
			memcpy(big + j, "\xe5\xae\x88", 3);
		big[j] = '\0';
		dw_log(log, DW_LOG_INFO, "%s", big);
		s = line(i + 1);
		len = strlen(s);
		assert_string_equal(s + len - 3, ellipsis);
		assert_null(strchr(s, '\\'));
		assert_int_equal((len - strlen("info: ") - i) % 3, 0);
	}
	/* Escapes make it longer: cut as well, never in one. */
	memset(big, 1, 1000);
	big[1000] = '\0';
	dw_log(log, DW_LOG_INFO, "%s", big);
	s = line(5);
	len = strlen(s);
	assert_string_equal(s + len - 3 - 4, "\\x01\xe2\x80\xa6");
	dw_log_close(log);
	free(big);
}

static void
test_repeats_are_counted(void **state)
{
	struct dw_log *log;
	int i;

	(void)state;
	log = open_log(DW_LOG_INFO);
	for (i = 0; i < 11; i++) /* the message and 10 more */
		dw_log(log, DW_LOG_WARNING, "no answer");
	assert_int_equal(count_lines(), 5);
	assert_string_equal(line(0), "warning: no answer");
	assert_string_equal(line(1), "warning: last message repeated 1 time");
	assert_string_equal(line(2), "warning: last message repeated 2 times");
	assert_string_equal(line(3), "warning: last message repeated 4 times");
	assert_string_equal(line(4), "warning: last message repeated 8 times");
	dw_log(log, DW_LOG_WARNING, "an answer");
	assert_string_equal(line(5), "warning: last message repeated 10 times");
	assert_string_equal(line(6), "warning: an answer");
	dw_log(log, DW_LOG_WARNING, "no answer");
	assert_string_equal(line(7), "warning: no answer");
	/* Of another level it is another message. */
	dw_log(log, DW_LOG_ERROR, "no answer");
	assert_string_equal(line(8), "error: no answer");
	dw_log_close(log);
	assert_int_equal(count_lines(), 9);
}

static void
test_close_and_reopen_say_the_count(void **state)
{
	struct dw_log *log;
	int i;

	(void)state;
	log = open_log(DW_LOG_INFO);
	for (i = 0; i < 4; i++)
		dw_log(log, DW_LOG_INFO, "again");
	assert_int_equal(count_lines(), 3);
	assert_int_equal(dw_log_reopen(log), 0);
	assert_string_equal(line(3), "info: last message repeated 3 times");
	for (i = 0; i < 2; i++)
		dw_log(log, DW_LOG_INFO, "again");
	assert_int_equal(count_lines(), 5);
	dw_log(log, DW_LOG_INFO, "again");
	assert_int_equal(count_lines(), 5);
	dw_log_close(log);
	assert_string_equal(line(5), "info: last message repeated 6 times");
}

static void
test_reopen_follows_a_rotation(void **state)
{
	struct dw_log *log;
	char old[80];
	int before;

	(void)state;
	(void)snprintf(old, sizeof(old), "%s.1", file);
	log = open_log(DW_LOG_INFO);
	before = count_fds();
	dw_log(log, DW_LOG_INFO, "one");
	assert_int_equal(rename(file, old), 0);
	dw_log(log, DW_LOG_INFO, "still the old one");
	assert_int_equal(access(file, F_OK), -1);
	assert_int_equal(dw_log_reopen(log), 0);
	dw_log(log, DW_LOG_INFO, "two");
	assert_int_equal(count_lines(), 1);
	assert_string_equal(line(0), "info: two");
	assert_int_equal(count_fds(), before);

	/* A file that cannot be opened leaves the old one in use. */
	assert_int_equal(unlink(file), 0);
	assert_int_equal(mkdir(file, 0700), 0);
	assert_int_equal(dw_log_reopen(log), -1);
	assert_int_equal(errno, EISDIR);
	assert_int_equal(rmdir(file), 0);
	assert_int_equal(rename(old, file), 0);
	dw_log_close(log);
	assert_string_equal(line(1), "info: still the old one");
}

static void
test_open_refuses(void **state)
{
	struct rlimit limit, none;
	struct dw_log *log;

	(void)state;
	assert_null(dw_log_open("syslog:nonsense", "t", DW_LOG_INFO));
	assert_int_equal(errno, EINVAL);
	assert_null(dw_log_open("syslog:", "t", DW_LOG_INFO));
	assert_int_equal(errno, EINVAL);
	assert_null(dw_log_open("", "t", DW_LOG_INFO));
	assert_int_equal(errno, EINVAL);
	assert_null(dw_log_open(NULL, "t", DW_LOG_INFO));
	assert_int_equal(errno, EINVAL);
	assert_null(dw_log_open("/nonexistent/log", "t", DW_LOG_INFO));
	assert_int_equal(errno, ENOENT);
	assert_null(dw_log_open(dir, "t", DW_LOG_INFO));
	assert_int_equal(errno, EISDIR);
	/* A FIFO that nobody reads must not hold us up. */
	assert_int_equal(mkfifo(file, 0600), 0);
	assert_null(dw_log_open(file, "t", DW_LOG_INFO));
	assert_int_equal(errno, ENXIO);
	assert_int_equal(unlink(file), 0);

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	log = dw_log_open(file, "t", DW_LOG_INFO);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_null(log);
}

static void
test_close_on_exec_and_above_stderr(void **state)
{
	struct dw_log *log;
	int fd, saved;

	(void)state;
	saved = dup(STDIN_FILENO);
	(void)close(STDIN_FILENO);
	log = dw_log_open(file, "t", DW_LOG_INFO);
	assert_int_equal(fcntl(STDIN_FILENO, F_GETFD), -1);
	assert_int_equal(dup2(saved, STDIN_FILENO), STDIN_FILENO);
	(void)close(saved);
	assert_non_null(log);
	for (fd = 3; fd < 64; fd++) {
		struct stat a, b;

		if (fstat(fd, &a) == 0 && stat(file, &b) == 0 &&
		    a.st_ino == b.st_ino && a.st_dev == b.st_dev)
			break;
	}
	assert_true(fd < 64);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	dw_log_close(log);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

/*
 * Becoming a daemon closes descriptors and changes the directory; the number
 * of ours may be another file's then.
 */
static void
lose_descriptor(void)
{
	struct dw_log *log;
	char victim[80], text[16];
	int fd, low, other;

	must(chdir(dir) == 0);
	/* The log gets the number of this one. */
	must((low = open("/dev/null", O_RDONLY)) != -1);
	(void)close(low);
	must((log = dw_log_open("log", "t", DW_LOG_INFO)) != NULL);
	dw_log(log, DW_LOG_INFO, "before");
	must(chdir("/") == 0);
	for (fd = 3; fd < 64; fd++)
		(void)close(fd);
	dw_log(log, DW_LOG_INFO, "closed");
	for (fd = 3; fd < 64; fd++)
		(void)close(fd);
	(void)snprintf(victim, sizeof(victim), "%s/victim", dir);
	must((other = open(victim, O_RDWR | O_CREAT, 0600)) != -1);
	must(dup2(other, low) == low);
	dw_log(log, DW_LOG_INFO, "taken");
	must(pread(other, text, sizeof(text), 0) == 0);
	must(unlink(victim) == 0);
	/* Nor is the other's closed with ours. */
	must(dup2(other, low) == low);
	dw_log_close(log);
	must(fcntl(low, F_GETFD) != -1);
}

static void
test_lost_descriptor_is_opened_again(void **state)
{
	(void)state;
	in_child(lose_descriptor);
	assert_int_equal(count_lines(), 3);
	assert_string_equal(line(0), "info: before");
	assert_string_equal(line(1), "info: closed");
	assert_string_equal(line(2), "info: taken");
}

/* A disk that is full: RLIMIT_FSIZE cuts a write short in the same way. */
static void
fill_disk(void)
{
	struct rlimit old, small;
	struct dw_log *log;
	int i;

	must(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	must((log = dw_log_open(file, "t", DW_LOG_INFO)) != NULL);
	dw_log(log, DW_LOG_INFO, "fits");
	must(getrlimit(RLIMIT_FSIZE, &old) == 0);
	small = old;
	small.rlim_cur = 100;
	must(setrlimit(RLIMIT_FSIZE, &small) == 0);
	for (i = 0; i < 5; i++)
		dw_log(log, DW_LOG_INFO, "does not fit %d", i);
	must(setrlimit(RLIMIT_FSIZE, &old) == 0);
	dw_log(log, DW_LOG_INFO, "room again");
	dw_log_close(log);
}

static void
test_enospc_is_counted_and_said(void **state)
{
	(void)state;
	in_child(fill_disk);
	/* The second line is what went in of the first that did not. */
	assert_int_equal(count_lines(), 4);
	assert_string_equal(line(0), "info: fits");
	assert_matches(
	    line(2), "^warning: 5 lines could not be written: File too large$");
	assert_string_equal(line(3), "info: room again");
}

/* /dev/full says ENOSPC to every write. */
static void
use_full_device(void)
{
	struct dw_log *log;
	int fd;

	if ((fd = open("/dev/full", O_WRONLY)) == -1)
		_exit(SKIPPED);
	must(dup2(fd, STDERR_FILENO) == STDERR_FILENO);
	must((log = dw_log_open("stderr", "t", DW_LOG_INFO)) != NULL);
	errno = EDOM;
	dw_log(log, DW_LOG_INFO, "lost");
	must(errno == EDOM);
	dw_log(log, DW_LOG_INFO, "lost too");
	must((fd = open(file, O_WRONLY | O_CREAT, 0600)) != -1);
	must(dup2(fd, STDERR_FILENO) == STDERR_FILENO);
	dw_log(log, DW_LOG_INFO, "written");
	dw_log_close(log);
}

static void
test_full_device(void **state)
{
	(void)state;
	in_child(use_full_device);
	assert_int_equal(count_lines(), 2);
	assert_string_equal(line(0),
	    "warning: 2 lines could not be written: "
	    "No space left on device");
	assert_string_equal(line(1), "info: written");
}

/* stderr is a pipe whose reader has stopped to read: the caller goes on. */
static void
fill_pipe(void)
{
	char text[900], buf[4096];
	struct dw_log *log;
	int64_t before;
	int i, p[2];
	ssize_t n;
	size_t lines;

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	must(pipe(p) == 0);
	must(dup2(p[1], STDERR_FILENO) == STDERR_FILENO);
	must((log = dw_log_open("stderr", "t", DW_LOG_INFO)) != NULL);
	before = clock_now();
	for (i = 0; i < 1000; i++)
		dw_log(log, DW_LOG_INFO, "%d %s", i, text);
	must(clock_now() - before < 30 * DW_SEC);
	/* It was not made non-blocking: it is others' too. */
	must((fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK) == 0);
	must(fcntl(p[0], F_SETFL, O_NONBLOCK) == 0);
	lines = 0;
	while ((n = read(p[0], buf, sizeof(buf))) > 0) {
		for (i = 0; i < n; i++)
			lines += buf[i] == '\n';
	}
	must(lines > 0 && lines < 1000);
	dw_log(log, DW_LOG_INFO, "room again");
	must((n = read(p[0], buf, sizeof(buf) - 1)) > 0);
	buf[n] = '\0';
	(void)snprintf(text, sizeof(text), "warning: %d lines could not be",
	    (int)(1000 - lines));
	must(strstr(buf, text) != NULL);
	must(strstr(buf, "info: room again\n") != NULL);

	/* And one whose reader is gone is no death by SIGPIPE. */
	(void)close(p[0]);
	dw_log(log, DW_LOG_INFO, "nobody");
	dw_log_close(log);
}

static void
test_full_pipe_blocks_nobody(void **state)
{
	(void)state;
	in_child(fill_pipe);
}

static void
close_stderr(void)
{
	struct dw_log *log;
	char *s;
	int fd;

	(void)close(STDERR_FILENO);
	if ((log = dw_log_open("stderr", "t", DW_LOG_INFO)) == NULL)
		_exit(1);
	dw_log(log, DW_LOG_INFO, "lost");
	/* stderr is where fd 2 is, now as after dw_ready(). */
	if ((fd = open(file, O_WRONLY | O_CREAT, 0600)) == -1 ||
	    (fd != STDERR_FILENO && dup2(fd, STDERR_FILENO) == -1))
		_exit(2);
	dw_log(log, DW_LOG_INFO, "seen");
	dw_log_close(log);
	s = strdup(contents());
	if (s == NULL || strstr(s, "1 line could not be written: ") == NULL ||
	    strstr(s, "info: seen") == NULL)
		_exit(3);
	free(s);
}

static void
test_closed_stderr(void **state)
{
	(void)state;
	in_child(close_stderr);
}

/*
 * Two handles, one syslogd (played here): each line has its own ident and
 * facility.
 */
static void
play_syslogd(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct dw_log *a, *b;
	char buf[2048], want[64];
	ssize_t n;
	int s;

	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "/dev/log");
	s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	/* Somebody listens there already, or it is not ours to do so. */
	if (bind(s, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		_exit(SKIPPED);
	a = dw_log_open("syslog", "alpha", DW_LOG_INFO);
	b = dw_log_open("syslog:local3", "beta", DW_LOG_INFO);
	if (a != NULL && b != NULL) {
		dw_log(a, DW_LOG_ERROR, "one\x1b");
		dw_log(b, DW_LOG_INFO, "two");
		dw_log(a, DW_LOG_ERROR, "one\x1b");
		dw_log_close(b);
		dw_log_close(a);
	}
	(void)unlink(sun.sun_path);
	must(a != NULL && b != NULL);
	must((n = recv(s, buf, sizeof(buf) - 1, 0)) > 0);
	buf[n] = '\0';
	(void)snprintf(want, sizeof(want), "<%d>", LOG_DAEMON | LOG_ERR);
	must(strncmp(buf, want, strlen(want)) == 0);
	(void)snprintf(
	    want, sizeof(want), " alpha[%ld]: one\\x1b", (long)getpid());
	must(strstr(buf, want) != NULL);
	must((n = recv(s, buf, sizeof(buf) - 1, 0)) > 0);
	buf[n] = '\0';
	(void)snprintf(want, sizeof(want), "<%d>", LOG_LOCAL3 | LOG_INFO);
	must(strncmp(buf, want, strlen(want)) == 0);
	must(strstr(buf, " beta[") != NULL && strstr(buf, ": two") != NULL);
	must((n = recv(s, buf, sizeof(buf) - 1, 0)) > 0);
	buf[n] = '\0';
	must(strstr(buf, " alpha[") != NULL);
	must(strstr(buf, ": last message repeated 1 time") != NULL);
}

static void
test_syslog_handles_are_apart(void **state)
{
	(void)state;
	in_child(play_syslogd);
}

#define t(f) cmocka_unit_test_teardown(f, remove_file)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    t(test_line_has_time_ident_pid_level),
	    t(test_zone_offset),
	    t(test_levels_are_filtered),
	    t(test_errno_is_untouched),
	    t(test_control_bytes_are_escaped),
	    t(test_no_byte_gets_through),
	    t(test_long_message_is_cut_with_ellipsis),
	    t(test_repeats_are_counted),
	    t(test_close_and_reopen_say_the_count),
	    t(test_reopen_follows_a_rotation),
	    t(test_open_refuses),
	    t(test_close_on_exec_and_above_stderr),
	    t(test_lost_descriptor_is_opened_again),
	    t(test_enospc_is_counted_and_said),
	    t(test_full_device),
	    t(test_full_pipe_blocks_nobody),
	    t(test_closed_stderr),
	    t(test_syslog_handles_are_apart),
	};

	(void)alarm(4 * DEADLINE_S);
	return (cmocka_run_group_tests(tests, make_dir, remove_dir));
}
