/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * A user and group to run a program as, looked up once: the name service may
 * be slow, or away, when it is needed.
 */
#ifndef BIN_ACCOUNT_H
#define BIN_ACCOUNT_H

#include <sys/types.h>

#include "daemonwatch.h"

/* Zeroed: we stay who we are. */
struct account {
	struct dw_cred cred;
	gid_t *groups;
	char *name, *home, *shell; /* NULL: stay who we are */
};

/* user NULL: ours; group NULL: the user's.  -1 with what is wrong in buf. */
int account_find(struct account *a, const char *user, const char *group,
    char *buf, size_t len);
/* More groups, by name, besides those of the user. */
int account_add_groups(
    struct account *a, char *const *names, char *buf, size_t len);
int account_uid(const char *user, uid_t *uid, char *buf, size_t len);
void account_free(struct account *a);
/* NULL: stay who we are */
const struct dw_cred *account_cred(const struct account *a);

#endif
