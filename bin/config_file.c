/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The files of a configuration: whether they can be trusted, what they hold,
 * and which ones an include means.  The only part that reads any.
 */
#include "config.h"

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_parse.h"

/* A file as a whole is wrong: told where it is included. */
static void
file_error(struct parser *p, const struct config_pos *pos, const char *path,
    const char *why)
{
	char shown[256];

	/* The first file is its own place. */
	if (pos->line == 0)
		parser_error(p, pos, "%s", why);
	else
		parser_error(p, pos, "%s: %s",
		    text_escape(shown, sizeof(shown), path, strlen(path)), why);
}

static bool
is_ours(const struct stat *st)
{
	return (st->st_uid == 0 || st->st_uid == geteuid());
}

/*
 * Who can write a file decides what a supervisor executes.  A symbolic link is
 * its maker's word, so it is asked about too.  O_NONBLOCK: a FIFO must not
 * hold us up before fstat(2) tells it.
 */
static int
open_file(struct parser *p, const struct config_pos *pos, const char *path,
    struct stat *st)
{
	int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, fd;
	char why[128];

	if (lstat(path, st) == -1) {
		file_error(p, pos, path, strerror(errno));
		return (-1);
	}
	if (!S_ISLNK(st->st_mode)) {
		flags |= O_NOFOLLOW;
	} else if (!p->trust && !is_ours(st)) {
		file_error(p, pos, path,
		    "a symbolic link that belongs neither to root nor to us");
		return (-1);
	}
	if ((fd = open(path, flags)) == -1 || fstat(fd, st) == -1) {
		file_error(p, pos, path, strerror(errno));
	} else if (!S_ISREG(st->st_mode)) {
		file_error(p, pos, path, "not a regular file");
	} else if (!p->trust && !is_ours(st)) {
		snprintf(why, sizeof(why),
		    "belongs to uid %lu, neither to root nor to us",
		    (unsigned long)st->st_uid);
		file_error(p, pos, path, why);
	} else if (!p->trust && (st->st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		snprintf(why, sizeof(why),
		    "others can write it (mode %04o): chmod go-w",
		    (unsigned)st->st_mode & 07777);
		file_error(p, pos, path, why);
	} else if (st->st_size > CONFIG_FILE_MAX) {
		file_error(p, pos, path, "larger than 16 MiB");
	} else {
		return (fd);
	}
	if (fd != -1)
		close(fd);
	return (-1);
}

/* All of it, or NULL with the error reported. */
static char *
read_file(struct parser *p, const struct config_pos *pos, const char *path,
    int fd, size_t *len)
{
	size_t room = 0, got = 0;
	char *text = NULL, *more;
	ssize_t n;

	/* It may grow or shrink while it is read: the size is only a hint. */
	for (;;) {
		if (got == room) {
			room = room == 0 ? 16384 : 2 * room;
			if ((more = realloc(text, room)) == NULL) {
				p->nomem = true;
				break;
			}
			text = more;
		}
		n = read(fd, text + got, room - got);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1) {
			file_error(p, pos, path, strerror(errno));
			break;
		}
		if (n == 0) {
			*len = got;
			return (text);
		}
		got += (size_t)n;
		if (got > CONFIG_FILE_MAX) {
			file_error(p, pos, path, "larger than 16 MiB");
			break;
		}
	}
	free(text);
	return (NULL);
}

/* Is it text?  A byte order mark is told, but what is behind it is read. */
static int
check_text(struct parser *p, const char *name, const char **text, size_t *len)
{
	struct config_pos pos = {name, 1, 1};
	const char *nul;

	if (*len >= 2 &&
	    (memcmp(*text, "\xff\xfe", 2) == 0 ||
		memcmp(*text, "\xfe\xff", 2) == 0)) {
		parser_error(
		    p, &pos, "this is UTF-16; UTF-8 or ASCII is needed");
		return (-1);
	}
	if ((nul = memchr(*text, '\0', *len)) != NULL) {
		for (const char *s = *text; s < nul; s++) {
			pos.line += *s == '\n';
			pos.column = *s == '\n' ? 1 : pos.column + 1;
		}
		parser_error(p, &pos, "NUL byte: this is no text file");
		return (-1);
	}
	if (*len >= 3 && memcmp(*text, "\xef\xbb\xbf", 3) == 0) {
		parser_error(p, &pos,
		    "the file begins with a byte order mark: save it as "
		    "UTF-8 without one");
		*text += 3;
		*len -= 3;
	}
	return (0);
}

int
config_text(struct parser *p, const char *name, const char *text, size_t len,
    const struct frame *frame)
{
	struct lexer lex = p->lex;
	struct token tok = p->tok;
	struct build defaults = p->defaults;
	const struct frame *up = p->frame;
	const char *file = p->file;

	if (check_text(p, name, &text, &len) == -1)
		return (-1);
	p->file = name;
	p->frame = frame;
	lexer_init(&p->lex, text, len, parser_lexer_error, p);
	parse_top(p);
	p->lex = lex;
	p->tok = tok;
	p->defaults = defaults;
	p->frame = up;
	p->file = file;
	return (0);
}

/* The name under which its positions stand. */
const char *
config_name(struct parser *p, const char *path)
{
	struct config *c = p->config;
	char **files;

	files = config_more(p, c->files, c->nfiles, sizeof(*files));
	if (files == NULL)
		return (NULL);
	c->files = files;
	files[c->nfiles] = parser_strndup(p, path, strlen(path));
	return (files[c->nfiles] == NULL ? NULL : files[c->nfiles++]);
}

static int
check_frames(struct parser *p, const struct config_pos *pos, const char *path,
    const struct stat *st)
{
	int depth = 1;

	for (const struct frame *f = p->frame; f != NULL; f = f->up, depth++) {
		if (f->dev == st->st_dev && f->ino == st->st_ino) {
			file_error(p, pos, path,
			    "is being read already: files include each "
			    "other");
			return (-1);
		}
	}
	if (depth > CONFIG_INCLUDE_DEPTH) {
		file_error(
		    p, pos, path, "more than 8 files include each other");
		return (-1);
	}
	if (p->config->nfiles >= CONFIG_FILES_MAX) {
		file_error(p, pos, path, "more than 10000 files");
		return (-1);
	}
	return (0);
}

static void
load(struct parser *p, const struct config_pos *pos, const char *path,
    const char *name)
{
	struct frame frame = {.up = p->frame};
	struct stat st;
	size_t len;
	char *text;
	int fd;

	if ((fd = open_file(p, pos, path, &st)) == -1)
		return;
	if (check_frames(p, pos, path, &st) == 0 &&
	    (text = read_file(p, pos, path, fd, &len)) != NULL) {
		frame.dev = st.st_dev;
		frame.ino = st.st_ino;
		if (name != NULL || (name = config_name(p, path)) != NULL) {
			frame.name = name;
			(void)config_text(p, name, text, len, &frame);
		}
		free(text);
	}
	close(fd);
}

void
config_load(struct parser *p, const char *path)
{
	struct config_pos pos = {config_name(p, path), 0, 0};

	if (pos.file != NULL)
		load(p, &pos, path, pos.file);
}

static int
by_text(const void *a, const void *b)
{
	return (strcmp(*(char *const *)a, *(char *const *)b));
}

struct matches {
	char **paths;
	size_t n;
};

/* 0, or an errno. */
static int
add_match(
    struct parser *p, struct matches *m, const char *dir, const char *name)
{
	char path[PATH_MAX], **more;
	int len;

	len = snprintf(path, sizeof(path), "%s%s", dir, name);
	if (len < 0 || (size_t)len >= sizeof(path))
		return (ENAMETOOLONG);
	if ((more = config_more(p, m->paths, m->n, sizeof(*more))) == NULL)
		return (ENOMEM);
	m->paths = more;
	if ((more[m->n] = parser_strndup(p, path, (size_t)len)) == NULL)
		return (ENOMEM);
	m->n++;
	return (0);
}

/* The names in a directory that match, as sorted paths.  0, or an errno. */
static int
list_matches(
    struct parser *p, const char *dir, const char *pattern, struct matches *m)
{
	struct dirent *e;
	int error;
	DIR *d;

	if ((d = opendir(*dir == '\0' ? "." : dir)) == NULL)
		return (errno);
	do {
		errno = 0;
		/* cppcheck-suppress readdirCalled ; the stream is ours alone */
		if ((e = readdir(d)) == NULL)
			error = errno;
		else if (fnmatch(pattern, e->d_name, FNM_PERIOD) == 0)
			error = add_match(p, m, dir, e->d_name);
		else
			error = 0;
	} while (e != NULL && error == 0);
	closedir(d);
	if (error == 0 && m->n > 1)
		qsort(m->paths, m->n, sizeof(*m->paths), by_text);
	return (error);
}

/* "" or "dir/", to which relative names are relative. */
static size_t
dir_len(const char *path)
{
	const char *slash = strrchr(path, '/');

	return (slash == NULL ? 0 : (size_t)(slash - path) + 1);
}

static void
include_pattern(struct parser *p, const struct config_pos *pos, char *path)
{
	size_t cut = dir_len(path);
	char *pattern = path + cut, *dir;
	struct matches m = {NULL, 0};
	int error;

	if (strpbrk(pattern, "*?[") == NULL) {
		load(p, pos, path, NULL);
		return;
	}
	if ((dir = parser_strndup(p, path, cut)) == NULL)
		return;
	error = list_matches(p, dir, pattern, &m);
	/* A drop-in directory need not be there. */
	if (error != 0 && error != ENOENT && !p->nomem)
		file_error(p, pos, *dir == '\0' ? "." : dir, strerror(error));
	if (error != 0)
		return;
	for (size_t i = 0; i < m.n; i++)
		load(p, pos, m.paths[i], NULL);
}

void
config_include(struct parser *p, const struct token *tok)
{
	struct config_pos pos = parser_pos(p, tok);
	const char *base = p->file;
	const char *wild, *slash;
	size_t len, cut;
	char *path;

	if (p->memory) {
		parser_error(p, &pos, "only files can include others");
		return;
	}
	cut = dir_len(base);
	if ((path = parser_alloc(p, cut + tok->len + 1)) == NULL || tok->bad)
		return;
	memcpy(path, base, cut);
	len = token_decode(tok, path + cut);
	if (memchr(path + cut, '\0', len) != NULL || len == 0) {
		parser_error(p, &pos, "this is no name of a file");
		return;
	}
	wild = strpbrk(path + cut, "*?[");
	slash = strrchr(path + cut, '/');
	if (wild != NULL && slash != NULL && wild < slash) {
		parser_error(
		    p, &pos, "only the last part of the path can be a pattern");
		return;
	}
	if (path[cut] == '/')
		memmove(path, path + cut, len + 1);
	include_pattern(p, &pos, path);
}
