/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The files of a configuration: which ones are trusted, what include finds,
 * and where errors are said to be.
 */
#include "config.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "config_fixture.h"
#include "temp_dir.h"

static char dir[TEMP_DIR];
/* "file:line:column: text\n" each, the directory's name cut off. */
static char *told;
static size_t told_len;

static const char *
at(const char *name)
{
	static char path[4][PATH_MAX];
	static int turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
	return (path[turn]);
}

static void
put_bytes(const char *name, const char *text, size_t len)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, text, len), (ssize_t)len);
	assert_int_equal(fchmod(fd, 0644), 0);
	close(fd);
}

static void
put(const char *name, const char *text)
{
	put_bytes(name, text, strlen(text));
}

static struct config *
read_path(const char *path, bool trust)
{
	FILE *f;
	struct config *c;

	free(told);
	told = NULL;
	f = open_memstream(&told, &told_len);
	assert_non_null(f);
	said[0] = '\0';
	c = config_read(path, trust, say, f);
	fclose(f);
	assert_int_equal(c == NULL, told_len > 0);
	return (c);
}

static struct config *
read_ok(const char *name)
{
	struct config *c = read_path(at(name), false);

	if (c == NULL)
		fail_msg("%s is refused: %s", name, told);
	return (c);
}

/* Each line of want is the beginning of a line that is told. */
static void
read_refused(const char *name, const char *want)
{
	struct config *c = read_path(at(name), false);
	size_t skip = strlen(dir) + 1;
	const char *s = told, *w = want;

	assert_null(c);
	while (*w != '\0') {
		size_t n = strcspn(w, "\n");

		if (strlen(s) < skip || strncmp(s + skip, w, n) != 0)
			break;
		s += strcspn(s, "\n") + 1;
		w += n + (w[n] == '\n');
	}
	if (*w != '\0' || *s != '\0')
		fail_msg("%s gives:\n%sinstead of:\n%s", name, told, want);
}

#define SERVICE(n) "service " n " { start = \"x\" }\n"

static void
test_plain(void **state)
{
	struct config *c;

	(void)state;
	put("a.conf", SERVICE("a"));
	c = read_ok("a.conf");
	assert_int_equal(c->nservices, 1);
	assert_string_equal(c->services[0].pos.file, at("a.conf"));
	assert_int_equal(c->nfiles, 1);
	config_free(c);

	put("empty.conf", "");
	c = read_ok("empty.conf");
	assert_int_equal(c->nservices, 0);
	config_free(c);
}

static void
test_missing(void **state)
{
	(void)state;
	read_refused("nosuch.conf", "nosuch.conf: No such file or directory");
}

/* Whole, even when read(2) gives it in pieces that end anywhere. */
static void
test_long_file(void **state)
{
	size_t size = 100000 * 32, used = 0;
	char *text = malloc(size);
	struct config *c;

	(void)state;
	assert_non_null(text);
	for (unsigned i = 0; i < 60000; i++)
		used += (size_t)sprintf(
		    text + used, "service s%u {start=\"x\"}\n", i);
	put_bytes("long.conf", text, used);
	c = read_ok("long.conf");
	assert_int_equal(c->nservices, 60000);
	assert_string_equal(c->services[59999].name, "s59999");
	config_free(c);
	for (unsigned i = 60000; i < 65537; i++)
		used += (size_t)sprintf(
		    text + used, "service s%u {start=\"x\"}\n", i);
	put_bytes("long.conf", text, used);
	read_refused("long.conf", "long.conf:65537:9: more than 65536 ser");
	free(text);
	unlink(at("long.conf"));
}

static void
test_too_large(void **state)
{
	int fd;

	(void)state;
	put("large.conf", "");
	fd = open(at("large.conf"), O_WRONLY | O_CLOEXEC);
	assert_int_not_equal(fd, -1);
	assert_int_equal(ftruncate(fd, CONFIG_FILE_MAX + 1), 0);
	read_refused("large.conf", "large.conf: larger than 16 MiB");
	assert_int_equal(ftruncate(fd, CONFIG_FILE_MAX), 0);
	read_refused("large.conf", "large.conf:1:1: NUL byte");
	close(fd);
	unlink(at("large.conf"));
}

static void
test_not_a_file(void **state)
{
	(void)state;
	assert_int_equal(mkdir(at("d.conf"), 0755), 0);
	read_refused("d.conf", "d.conf: not a regular file");
	/* Must not wait for a writer. */
	assert_int_equal(mkfifo(at("fifo.conf"), 0644), 0);
	read_refused("fifo.conf", "fifo.conf: not a regular file");
	assert_int_equal(unlink(at("fifo.conf")), 0);
	assert_null(read_path("/dev/null", false));
	assert_string_equal(told, "/dev/null: not a regular file\n");
	put("inc.conf", "include d.conf\n");
	read_refused("inc.conf", "inc.conf:1:9: ");
	assert_non_null(strstr(told, "/d.conf: not a regular file\n"));
}

static void
test_others_can_write(void **state)
{
	static const mode_t modes[] = {0664, 0646, 0666, 0777};
	struct config *c;

	(void)state;
	put("w.conf", SERVICE("w"));
	put("inc.conf", "\n include w.conf\n");
	for (size_t i = 0; i < 4; i++) {
		char want[128];

		assert_int_equal(chmod(at("w.conf"), modes[i]), 0);
		snprintf(want, sizeof(want),
		    "w.conf: others can write it (mode %04o)",
		    (unsigned)modes[i]);
		read_refused("w.conf", want);
		read_refused("inc.conf", "inc.conf:2:10: ");
		assert_non_null(strstr(told, want));
		c = read_path(at("inc.conf"), true);
		assert_non_null(c);
		config_free(c);
	}
}

static void
test_owner(void **state)
{
	struct config *c;

	(void)state;
	if (geteuid() != 0)
		skip();
	put("o.conf", SERVICE("o"));
	assert_int_equal(chown(at("o.conf"), 12345, 0), 0);
	read_refused("o.conf", "o.conf: belongs to uid 12345");
	c = read_path(at("o.conf"), true);
	assert_non_null(c);
	config_free(c);
	/* What it points to is ours, but others made it point there. */
	put("t.conf", SERVICE("t"));
	assert_int_equal(symlink("t.conf", at("l.conf")), 0);
	assert_int_equal(lchown(at("l.conf"), 12345, 0), 0);
	read_refused("l.conf", "l.conf: a symbolic link that belongs");
	c = read_path(at("l.conf"), true);
	assert_non_null(c);
	config_free(c);
	assert_int_equal(unlink(at("l.conf")), 0);
	assert_int_equal(symlink("o.conf", at("l.conf")), 0);
	read_refused("l.conf", "l.conf: belongs to uid 12345");
	assert_int_equal(unlink(at("l.conf")), 0);
}

static void
test_unreadable(void **state)
{
	(void)state;
	if (geteuid() == 0)
		skip();
	put("u.conf", SERVICE("u"));
	assert_int_equal(chmod(at("u.conf"), 0), 0);
	read_refused("u.conf", "u.conf: Permission denied");
}

static void
test_symlink(void **state)
{
	struct config *c;

	(void)state;
	put("target.conf", SERVICE("target"));
	assert_int_equal(symlink("target.conf", at("link.conf")), 0);
	c = read_ok("link.conf");
	assert_string_equal(c->services[0].pos.file, at("link.conf"));
	config_free(c);
	assert_int_equal(symlink("gone", at("dangling.conf")), 0);
	read_refused("dangling.conf", "dangling.conf: No such file");
	assert_int_equal(symlink("loop.conf", at("loop.conf")), 0);
	read_refused("loop.conf", "loop.conf: Too many levels");
}

static void
test_include_is_relative_and_sorted(void **state)
{
	static const char *const names[] = {"main1", "10", "9", "b", "main2"};
	struct config *c;

	(void)state;
	assert_int_equal(mkdir(at("inc"), 0755), 0);
	assert_int_equal(mkdir(at("inc/sub"), 0755), 0);
	put("inc/main.conf",
	    SERVICE("main1") "include sub/*.conf\ninclude nothing-*.conf\n"
			     "include nodir/*.conf " SERVICE("main2"));
	put("inc/sub/b.conf", SERVICE("b"));
	put("inc/sub/9.conf", SERVICE("9"));
	put("inc/sub/10.conf", SERVICE("\"10\""));
	put("inc/sub/.hidden.conf", "bogus");
	put("inc/sub/b.conf~", "bogus");
	c = read_ok("inc/main.conf");
	assert_int_equal(c->nservices, 5);
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(c->services[i].name, names[i]);
	assert_string_equal(c->services[1].pos.file, at("inc/sub/10.conf"));
	assert_int_equal(c->nfiles, 4);
	config_free(c);
}

static void
test_include_by_name(void **state)
{
	char text[PATH_MAX];
	struct config *c;

	(void)state;
	put("one two.conf", SERVICE("one"));
	put("two.conf", SERVICE("two"));
	snprintf(text, sizeof(text), "include \"one two.conf\"\ninclude %s\n",
	    at("two.conf"));
	put("main.conf", text);
	c = read_ok("main.conf");
	assert_int_equal(c->nservices, 2);
	config_free(c);

	put("main.conf",
	    "include nosuch.conf\ninclude two.conf junk\n"
	    "include a*/b.conf\ninclude \"a\\0b\"\n"
	    "include two.conf/*.conf\ninclude \"\"\n"
	    "include \"x\n");
	read_refused("main.conf",
	    "main.conf:1:9: \nmain.conf:2:18: unexpec"
	    "ted 'junk' behind the value of 'include'\n"
	    "main.conf:3:9: only the last part\n"
	    "main.conf:4:9: this is no name of a file\n"
	    "main.conf:5:9: \n"
	    "main.conf:6:9: this is no name of a file\n"
	    "main.conf:7:9: string is not closed");
	assert_non_null(strstr(told, "/nosuch.conf: No such file"));
	assert_non_null(strstr(told, "/two.conf/: Not a directory"));
}

/* A directory with the characters of patterns in its name. */
static void
test_include_beside_odd_directory(void **state)
{
	struct config *c;

	(void)state;
	assert_int_equal(mkdir(at("od[d]*"), 0755), 0);
	put("od[d]*/main.conf", "include x.conf include y*.conf\n");
	put("od[d]*/x.conf", SERVICE("x"));
	put("od[d]*/y1.conf", SERVICE("y"));
	c = read_ok("od[d]*/main.conf");
	assert_int_equal(c->nservices, 2);
	config_free(c);
}

static void
test_include_loops(void **state)
{
	(void)state;
	put("self.conf", SERVICE("s") "include self.conf\n");
	read_refused("self.conf", "self.conf:2:9: ");
	assert_non_null(strstr(told, "is being read already"));
	put("a1.conf", "include a2.conf");
	put("a2.conf", "include a3.conf");
	put("a3.conf", "include ./a1.conf");
	read_refused("a1.conf", "a3.conf:1:9: ");
	assert_non_null(strstr(told, "a1.conf: is being read already"));
	/* By another name it is the same file. */
	assert_int_equal(link(at("a1.conf"), at("a4.conf")), 0);
	put("a3.conf", "include a4.conf");
	read_refused("a1.conf", "a3.conf:1:9: ");
	assert_non_null(strstr(told, "a4.conf: is being read already"));
}

static void
test_include_depth(void **state)
{
	char name[32], text[64];
	struct config *c;

	(void)state;
	for (int i = 1; i <= 9; i++) {
		snprintf(name, sizeof(name), "n%d.conf", i);
		snprintf(text, sizeof(text), "include n%d.conf", i + 1);
		put(name, text);
	}
	put("n8.conf", SERVICE("deep"));
	c = read_ok("n1.conf");
	assert_int_equal(c->nservices, 1);
	assert_int_equal(c->nfiles, 8);
	config_free(c);
	put("n8.conf", "include n9.conf");
	put("n9.conf", SERVICE("deeper"));
	read_refused("n1.conf", "n8.conf:1:9: ");
	assert_non_null(strstr(told, "more than 8 files"));
}

/* Defaults reach into included files, and not out of them. */
static void
test_defaults_and_includes(void **state)
{
	struct config *c;

	(void)state;
	put("main.conf",
	    "defaults { interval = 3s }\n"
	    "include in.conf\n" SERVICE("after"));
	put("in.conf",
	    SERVICE("in1") "defaults { interval = 4s }\n" SERVICE("in2"));
	c = read_ok("main.conf");
	assert_int_equal(c->nservices, 3);
	assert_int_equal(c->services[0].interval, 3000000000);
	assert_int_equal(c->services[1].interval, 4000000000);
	assert_int_equal(c->services[2].interval, 3000000000);
	config_free(c);
}

/* All errors of all files, by file in the order of reading. */
static void
test_errors_of_all_files(void **state)
{
	(void)state;
	put("main.conf",
	    SERVICE("x") "include e1.conf include e2.conf\n"
			 "foo = 1\nlog = syslog\n");
	put("e1.conf", "log = stderr bar = 2\n" SERVICE("x"));
	put("e2.conf", SERVICE("x") "service y { start = \"x\"");
	read_refused("main.conf",
	    "main.conf:3:1: unknown key 'foo'\n"
	    "main.conf:4:1: 'log' is already set in\n"
	    "e1.conf:1:14: unknown key 'bar'\n"
	    "e1.conf:2:9: service 'x' is already defined in\n"
	    "e2.conf:1:9: service 'x' is already defined in\n"
	    "e2.conf:2:9: this block is not closed");
	assert_non_null(strstr(told, "/e1.conf:1\n"));
	assert_non_null(strstr(told, "/main.conf:1\n"));
}

/* What an example may lack on this machine: its programs and users. */
static void
count_errors(const struct config_pos *pos, const char *text, void *arg)
{
	if (strncmp(text, "program '", 9) != 0 &&
	    strncmp(text, "unknown user '", 14) != 0)
		fail_msg(
		    "%s:%u:%u: %s", pos->file, pos->line, pos->column, text);
	(*(size_t *)arg)++;
}

static void
check_example(const char *name, const char *text)
{
	size_t lacking = 0;
	struct config *c;

	c = config_parse(name, text, strlen(text), count_errors, &lacking);
	assert_int_equal(c == NULL, lacking > 0);
	config_free(c);
}

static FILE *
open_source(const char *name)
{
	const char *srcdir = getenv("srcdir");
	char path[PATH_MAX];

	snprintf(
	    path, sizeof(path), "%s/%s", srcdir == NULL ? "." : srcdir, name);
	return (fopen(path, "r"));
}

/* Each displayed block of the manual that has a service in it. */
static void
test_examples_of_the_manual(void **state)
{
	FILE *f = open_source("man/daemonwatch.conf.5");
	char line[512], text[4096];
	size_t blocks = 0, n;
	bool in = false;

	(void)state;
	if (f == NULL)
		skip();
	text[0] = '\0';
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, ".Bd -literal", 12) == 0) {
			in = true;
			text[0] = '\0';
		} else if (strncmp(line, ".Ed", 3) == 0) {
			in = false;
			if (strncmp(text, "service ", 8) != 0)
				continue;
			check_example("daemonwatch.conf.5", text);
			blocks++;
		} else if (in) {
			n = strlen(text);
			/* roff: "\e" is a backslash, one at the end joins. */
			for (const char *s = line; *s != '\0'; s++) {
				if (*s == '\\' && s[1] == '\n')
					s++;
				else if (*s == '\\' && s[1] == 'e')
					text[n++] = *s++;
				else
					text[n++] = *s;
				assert_true(n < sizeof(text));
			}
			text[n] = '\0';
		}
	}
	fclose(f);
	assert_true(blocks >= 5);
}

/* The sample, with everything in it that is commented out. */
static void
test_sample(void **state)
{
	FILE *f = open_source("examples/daemonwatch.conf");
	char line[512], text[8192];
	size_t n = 0, uncommented = 0;
	bool file = false;

	(void)state;
	if (f == NULL)
		skip();
	while (fgets(line, sizeof(line), f) != NULL) {
		const char *s = line;

		if (s[0] == '#' && strchr(" \n", s[1]) == NULL) {
			uncommented++;
			s++;
		}
		file = file || strncmp(s, "include /etc/", 13) == 0;
		/* What is in the directory is not ours. */
		if (strncmp(s, "include ", 8) == 0)
			continue;
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", s);
		assert_true(n < sizeof(text));
	}
	fclose(f);
	assert_true(file && uncommented > 30);
	check_example("examples/daemonwatch.conf", text);
}

static int
remove_entry(
    const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return (remove(path));
}

static int
set_up(void **state)
{
	(void)state;
	return (temp_dir(dir, "test_config"));
}

static int
tear_down(void **state)
{
	(void)state;
	free(told);
	return (nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_plain),
	    cmocka_unit_test(test_missing),
	    cmocka_unit_test(test_long_file),
	    cmocka_unit_test(test_too_large),
	    cmocka_unit_test(test_not_a_file),
	    cmocka_unit_test(test_others_can_write),
	    cmocka_unit_test(test_owner),
	    cmocka_unit_test(test_unreadable),
	    cmocka_unit_test(test_symlink),
	    cmocka_unit_test(test_include_is_relative_and_sorted),
	    cmocka_unit_test(test_include_by_name),
	    cmocka_unit_test(test_include_beside_odd_directory),
	    cmocka_unit_test(test_include_loops),
	    cmocka_unit_test(test_include_depth),
	    cmocka_unit_test(test_defaults_and_includes),
	    cmocka_unit_test(test_errors_of_all_files),
	    cmocka_unit_test(test_examples_of_the_manual),
	    cmocka_unit_test(test_sample),
	};

	return (cmocka_run_group_tests(tests, set_up, tear_down));
}
