/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * What the files of the configuration's parser share.  All memory belongs to
 * the struct config that is being made, so no error path has to free any.
 * Functions that can go wrong report why themselves and return -1.
 */
#ifndef BIN_CONFIG_PARSE_H
#define BIN_CONFIG_PARSE_H

#include <sys/types.h>

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cond.h"
#include "conf.h"
#include "lexer.h"

#define CONFIG_ERRORS_MAX 1000u

#define KEY_PRINTF(f, a) __attribute__((__format__(__printf__, f, a)))

/* The files that are being read: the first includes the second … */
struct frame {
	const char *name;
	dev_t dev;
	ino_t ino;
	const struct frame *up;
};

/* A name in a condition, or after ready =, to be found when all checks are. */
struct name_ref {
	const char *name;
	struct config_pos pos;
};

/* A condition whose items' args are indices of names. */
struct cond_src {
	struct cond_item *items;
	size_t nitems;
	struct name_ref *names;
	size_t nnames;
};

/* The keys of all blocks. */
enum key_id {
	KEY_RUNTIME_DIR,
	KEY_LOG_TO,
	KEY_PROBER_USER,
	KEY_TYPE,
	KEY_MATCH,
	KEY_PIDFILE,
	KEY_COUNT,
	KEY_START,
	KEY_STOP,
	KEY_BEFORE_START,
	KEY_AFTER_START,
	KEY_AFTER_STOP,
	KEY_INTERVAL,
	KEY_START_TIMEOUT,
	KEY_STOP_TIMEOUT,
	KEY_HOOK_TIMEOUT,
	KEY_STOP_SIGNAL,
	KEY_STOP_SEQUENCE,
	KEY_KILL,
	KEY_BACKOFF,
	KEY_STABLE,
	KEY_GIVE_UP,
	KEY_HOLD,
	KEY_REQUIRES,
	KEY_AFTER,
	KEY_RESTART_WHEN,
	KEY_WARN_WHEN,
	KEY_UP_WHEN,
	KEY_READY,
	KEY_RESTART,
	KEY_SUCCESS_EXIT,
	KEY_RESTART_ON,
	KEY_NO_RESTART_ON,
	KEY_ON_START_TIMEOUT,
	KEY_CRITICAL,
	KEY_ON_EXIT,
	KEY_USER,
	KEY_GROUP,
	KEY_CWD,
	KEY_UMASK,
	KEY_ENV,
	KEY_LOG,
	KEY_GROUPS,
	KEY_LIMITS,
	KEY_NICE,
	KEY_OOM_SCORE,
	KEY_NO_NEW_PRIVILEGES,
	KEY_CLEAN_ENV,
	KEY_ENV_FILE,
	KEY_STDIN,
	KEY_STDOUT,
	KEY_STDERR,
	KEY_HOOK_USER,
	KEY_SOCKETS,
	KEY_MATCH_USER,
	KEY_INSTANCES,
	KEY_ADDRESS,
	KEY_HOST,
	KEY_PORT,
	KEY_TIMEOUT,
	KEY_CHECK_INTERVAL,
	KEY_FALL,
	KEY_RISE,
	KEY_SEND,
	KEY_EXPECT,
	KEY_SOURCE,
	KEY_CHECK_PATH,
	KEY_LIMIT_CPU,
	KEY_LIMIT_MEMORY,
	KEY_LIMIT_DESCRIPTORS,
	KEY_LIMIT_THREADS,
	KEY_LIMIT_CHILDREN,
	KEY_LIMIT_UPTIME,
	KEY_LIMIT_COUNT,
	KEY_LIMIT_AGE,
	KEY_LIMIT_SIZE,
	KEY_LIMIT_FREE,
	KEY_LIMIT_INODES,
	KEY_LIMIT_QUEUE,
	KEY_EXISTS,
	KEY_OWNER,
	KEY_COMMAND,
	KEY_CHECK_USER,
	KEY_ALERT_EXEC,
	KEY_ALERT_MAIL,
	KEY_ALERT_FROM,
	KEY_ALERT_SENDMAIL,
	KEY_ALERT_ON,
	KEY_ALERT_EVERY,
	KEY_ALERT_TIMEOUT,
	KEY_ALERT_SERVICES,
	KEY_URL,
	KEY_METHOD,
	KEY_HEADERS,
	KEY_STATUS,
	KEY_BODY,
	KEY_REDIRECTS,
	KEY_AUTH_FILE,
	KEY_TLS,
	KEY_VERIFY,
	KEY_CA_FILE,
	KEY_SERVER_NAME,
	KEY_EXPIRES_WITHIN,
	KEY_IDS
};

enum block_kind {
	BLOCK_TOP,
	BLOCK_DEFAULTS,
	BLOCK_SERVICE,
	BLOCK_CHECK,
	BLOCK_ALERT,
	BLOCK_KINDS
};

/* A service, or its defaults, while its block is read. */
struct build {
	struct service_conf conf;
	bool set[KEY_IDS]; /* here or by the defaults */
	bool bad[KEY_IDS]; /* set, but wrong */
	struct cond_src when, warn_when, up_when;
	struct name_ref ready;
	struct config_pos sockets;
	bool checks_bad; /* a check's name could not be read */
};

/* A block while it is read. */
struct block {
	enum block_kind kind;
	char *name; /* NULL if it is none */
	struct config_pos open;
	struct config_pos seen[KEY_IDS]; /* line 0: not in this block */
	bool bad[KEY_IDS];		 /* seen, but wrong */
	bool meant[KEY_IDS];   /* misspelt, it seems: it is not missing then */
	struct config *config; /* BLOCK_TOP */
	struct build *build;   /* of the service or the defaults */
	struct check_conf *check; /* BLOCK_CHECK */
	struct alert_conf *alert; /* BLOCK_ALERT */
};

struct error {
	struct config_pos pos;
	size_t file; /* in the order of reading */
	size_t seq;
	const char *text;
};

struct parser {
	struct config *config;
	struct lexer lex;
	struct token tok; /* the next one */
	const char *file;
	bool trust;
	bool memory; /* a text, not a file */
	bool nomem;
	bool services_bad; /* a service could not be read */
	unsigned quiet;	   /* a line whose errors follow from another one */
	const struct frame *frame;
	struct build defaults;
	struct block top; /* of all files together */
	struct error *errors;
	size_t nerrors;
	size_t dropped;
};

typedef int key_parse(struct parser *p, struct block *b, enum key_id id);

struct key {
	const char *name;
	enum block_kind block;
	unsigned checks;   /* BLOCK_CHECK: of which kinds, a bit for each */
	bool service_only; /* not in defaults */
	key_parse *parse;
	size_t offset; /* of the value in the block's structure */
	const char *example;
	bool web; /* in a check's struct web_conf */
};

/* config_mem.c */
void *config_alloc(struct config *c, size_t size);
/* As realloc(3), for what config_alloc() gave. */
void *config_resize(struct config *c, void *ptr, size_t size);
char *config_strndup(struct config *c, const char *s, size_t len);
/* Make room for one more; elements are zeroed.  NULL: no memory (noted). */
void *config_more(struct parser *p, void *array, size_t n, size_t size);
/* No more than these n will come. */
void *config_trim(struct parser *p, void *array, size_t n, size_t size);
/* The same for the parser: a failure is noted, to be told at the end. */
void *parser_alloc(struct parser *p, size_t size);
char *parser_strndup(struct parser *p, const char *s, size_t len);

/* config_error.c */
struct config_pos parser_pos(const struct parser *p, const struct token *tok);
void parser_error(struct parser *p, const struct config_pos *pos,
    const char *fmt, ...) KEY_PRINTF(3, 4);
/* At the next token, and only if that is none that has been reported. */
void parser_unexpected(struct parser *p, const char *fmt, ...) KEY_PRINTF(2, 3);
/* Hand all of them to cb in order.  How many there were. */
size_t parser_report(struct parser *p, config_error_cb *cb, void *arg);
lexer_error_cb parser_lexer_error;
/* A token for a message, quoted. */
#define SHOWN 72
const char *show_token(char *buf, const struct token *tok);
const char *show_text(char *buf, const char *s, size_t len);
/* "line 7", or with the file if that is another one. */
#define PLACE 160
const char *show_place(
    char *buf, const struct parser *p, const struct config_pos *pos);
/* The candidate that is meant, perhaps, NULL if none is near. */
const char *suggest(
    const char *s, size_t len, const char *const *names, size_t n);

/* config_file.c */
/* Add a file's name: what its positions point to. */
const char *config_name(struct parser *p, const char *path);
void config_load(struct parser *p, const char *path);
void config_include(struct parser *p, const struct token *pattern);
int config_text(struct parser *p, const char *name, const char *text,
    size_t len, const struct frame *frame);

/* config_block.c */
void parse_top(struct parser *p);

/* config_skip.c */
void parser_advance(struct parser *p);
bool is_keyword(const struct token *tok);
/* Is the next token the beginning of a "key =" or of a block? */
bool at_statement(const struct parser *p);
/* Is there no value where one must be? */
bool value_missing(const struct parser *p);
/* A value has been read: complain of anything else on its line. */
void after_value(struct parser *p, const char *key);
/* After an error, which has been reported: to where the next key may be. */
void skip_value(struct parser *p);
/* In a list, to behind its closing brace. */
void skip_rest_of_list(struct parser *p);
/* At the opening brace of a block that is not known. */
void skip_block(struct parser *p);

/* config_key.c */
extern const struct key config_keys[KEY_IDS];
const struct key *key_find(const struct block *b, const struct token *tok);
void key_unknown(struct parser *p, struct block *b, const struct token *tok);
void *key_target(const struct block *b, enum key_id id);

/* config_kind.c, config_list.c, config_address.c: the parsers of values */
key_parse parse_type, parse_match, parse_path, parse_count, parse_command,
    parse_duration, parse_duration_or_0, parse_signal, parse_backoff,
    parse_give_up, parse_hold, parse_when, parse_ready, parse_on_exit,
    parse_user, parse_prober_user, parse_group, parse_umask, parse_env,
    parse_log, parse_log_to, parse_address, parse_host, parse_port,
    parse_source, parse_limit, parse_owner, parse_times, parse_send,
    parse_expect;
/* config_process.c */
key_parse parse_groups, parse_limits, parse_nice, parse_oom_score, parse_bool,
    parse_env_file, parse_stream, parse_sockets, parse_instances;
/*
 * One word or string without NUL bytes, and past it; NULL after an error.
 * what names it in the messages.
 */
char *take_text(struct parser *p, const char *what, struct config_pos *pos);
/* The same where it may hold NUL bytes. */
char *take_bytes(struct parser *p, const char *what, size_t *len);
/* One of these words: its number, -1 after an error. */
int take_choice(
    struct parser *p, const char *key, const char *const *names, size_t n);
/* A list of such; *n of them, a NULL behind. */
char **take_list(struct parser *p, const char *what, size_t *n);
/* The same, or one text without braces; *pos: where it begins. */
char **take_texts(
    struct parser *p, const char *what, size_t *n, struct config_pos *pos);

/* Is the path absolute?  Else it is reported. */
int check_path(struct parser *p, const struct config_pos *pos, const char *what,
    const char *path);
/* Is there such a user or group?  Else it is reported. */
int account_known(struct parser *p, const struct config_pos *pos,
    const char *name, bool group);

/* config_value.c: words to values; -1 with the reason in *why */
int value_number(const char *s, size_t len, uint64_t min, uint64_t max,
    uint64_t *out, const char **why);
/* A number of bytes, or with K, M, G or T of powers of 1024; at most max. */
int value_size(
    const char *s, size_t len, uint64_t max, uint64_t *out, const char **why);
int value_duration(const char *s, size_t len, int64_t *out, const char **why);
/* Splits at "..": false if there is none. */
bool value_range(const char *s, size_t len, size_t *first, size_t *second);
#define DURATION_TEXT 48
const char *duration_text(char *buf, int64_t ns);
int value_signal(const char *s);
/* "TERM", NULL if it has no name here. */
const char *signal_text(int signo);
size_t signal_names(const char *names[], size_t max);
/* Is it a name for services and checks?  The reason if not. */
const char *name_wrong(const char *s, size_t len);

/* config_regex.c: 0, or -1 and the reason in buf */
int regex_check(const char *re, bool whole, char *buf, size_t size);

/* config_cond.c */
int cond_resolve(struct parser *p, struct build *b, const struct cond_src *src,
    struct cond *out);
int cond_default(struct parser *p, struct service_conf *s);

/* config_type.c: what is particular to a kind of check */
struct check_type {
	const char *name;
	/* The block is complete: is anything missing, what is the default? */
	void (*complete)(struct parser *p, struct block *b);
	void (*print)(FILE *f, const struct check_conf *c);
};
extern const struct check_type check_types[CHECK_KINDS];
/* CHECK_KINDS: it is none */
enum check_kind check_kind_find(const struct token *tok);
/* Has the key no value, not even a misspelt one? */
bool is_missing(const struct block *b, enum key_id id);
void print_address(FILE *f, const struct check_conf *c);

/* config_alert.c */
void check_alert(struct parser *p, struct block *b);
/* All services are read: does each pattern mean one? */
void check_alerts(struct parser *p);
void print_alert(FILE *f, const struct alert_conf *a);
key_parse parse_alert_mail, parse_alert_on, parse_patterns;

/* config_print.c */
void print_text(FILE *f, const char *key, const char *s);
void print_command(FILE *f, const char *key, const struct command *c);
void print_list(FILE *f, const char *key, char *const *list);

/* config_process.c: the service's block is complete */
void check_process(struct parser *p, const struct block *b);
void print_process(FILE *f, const struct service_conf *s);

/* config_address.c: the texts of the service's checks are as they stay */
void check_addresses(struct parser *p, const struct service_conf *s);

/* config_instance.c */
/* Make it the instance of this number.  -1: reported. */
int instance_make(struct parser *p, struct service_conf *s, unsigned i);
/* All services are read: names of blocks become those of their instances. */
void instance_refs(struct parser *p, struct service_refs *refs);

/* config_socket.c, config_ready.c: likewise */
void check_sockets(struct parser *p, struct block *b);
void check_ready(struct parser *p, struct block *b);

/* config_check.c: a block is complete */
void build_init(struct build *b);
/* May the service have a check of this name?  Else it is reported. */
int check_name(struct parser *p, const struct block *service, const char *name,
    const struct config_pos *pos);
void check_check(struct parser *p, struct block *b, struct block *service);
void check_service(struct parser *p, struct block *b);
/* All services are read: is each there once? */
void check_names(struct parser *p);

/* config_stop.c */
key_parse parse_stop_sequence, parse_kill;
void check_stop(struct parser *p, const struct block *b);
void print_stop(FILE *f, const struct service_conf *s);

/* config_restart.c */
key_parse parse_restart, parse_ends, parse_on_start_timeout;
void check_restart(struct service_conf *s);
void print_restart(FILE *f, const struct service_conf *s);

/* config_address.c: what is wrong with it, NULL: nothing */
const char *host_wrong(const char *host);
const char *port_wrong(const char *port);

/* config_web.c: http checks, and TLS for tcp checks */
key_parse parse_url, parse_method, parse_headers, parse_statuses,
    parse_server_name;
void complete_http(struct parser *p, struct block *b);
void complete_tls(struct parser *p, struct block *b);
void check_web(struct parser *p, struct block *b);
void print_http(FILE *f, const struct check_conf *c);
void print_tls(FILE *f, const struct check_conf *c);

/* config_order.c: are those there that others name, and without a cycle? */
key_parse parse_services;
void check_order(struct parser *p);

#endif
