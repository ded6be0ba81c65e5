/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * The control socket, the command line's end: blocking, with a deadline.
 */
#ifndef BIN_CLIENT_H
#define BIN_CLIENT_H

#include <stdint.h>

#include <jansson.h>

struct client;

/* NULL with errno; ENOENT and ECONNREFUSED: no daemonwatch listens there. */
struct client *client_open(const char *runtime_dir, int64_t timeout);
void client_close(struct client *c);
/*
 * Ask and read the answer.  NULL with errno; EPROTO: not an answer of this
 * version; ETIMEDOUT; ECONNRESET: it went away.  Takes over the request.
 */
json_t *client_ask(struct client *c, json_t *request);
/* {"version":1,"verb":verb,"services":[names]}; names NULL: no such key. */
json_t *client_request(const char *verb, char *const *names);

#endif
