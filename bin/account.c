/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Users and groups by name, for the programs that are started as them.
 */
#include "config.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "account.h"

static int
find_groups(struct account *a, char *buf, size_t len)
{
	int n = 16, got;
	gid_t *groups = NULL, *more;

	for (;;) {
		more = reallocarray(groups, (size_t)n, sizeof(*groups));
		if (more == NULL)
			break;
		groups = more;
		got = n;
		if (getgrouplist(a->name, a->cred.gid, groups, &got) != -1) {
			a->groups = groups;
			a->cred.groups = groups;
			a->cred.ngroups = (size_t)got;
			return (0);
		}
		n = (got > n) ? got : 2 * n;
	}
	free(groups);
	snprintf(buf, len, "groups of user %s: %s", a->name, strerror(errno));
	return (-1);
}

int
account_find(struct account *a, const char *user, const char *group, char *buf,
    size_t len)
{
	const struct passwd *pw;
	const struct group *gr = NULL;

	if (user == NULL && group == NULL)
		return (0);
	errno = 0;
	pw = (user != NULL) ? getpwnam(user) : getpwuid(geteuid());
	if (pw == NULL) {
		snprintf(buf, len, "user %s: %s",
		    (user != NULL) ? user : "of daemonwatch",
		    (errno != 0) ? strerror(errno) : "there is no such user");
		return (-1);
	}
	a->cred.uid = pw->pw_uid;
	a->cred.gid = pw->pw_gid;
	a->name = strdup(pw->pw_name);
	a->home = strdup(pw->pw_dir);
	a->shell = strdup(pw->pw_shell);
	if (group != NULL && (gr = getgrnam(group)) == NULL) {
		snprintf(buf, len, "group %s: there is no such group", group);
		return (-1);
	}
	if (gr != NULL)
		a->cred.gid = gr->gr_gid;
	if (a->name == NULL || a->home == NULL || a->shell == NULL) {
		snprintf(buf, len, "%s", strerror(ENOMEM));
		return (-1);
	}
	return (find_groups(a, buf, len));
}

int
account_add_groups(struct account *a, char *const *names, char *buf, size_t len)
{
	size_t n = 0;
	gid_t *more;

	while (names[n] != NULL)
		n++;
	more = reallocarray(a->groups, a->cred.ngroups + n, sizeof(*more));
	if (more == NULL) {
		snprintf(buf, len, "%s", strerror(errno));
		return (-1);
	}
	a->cred.groups = a->groups = more;
	for (size_t i = 0; i < n; i++) {
		const struct group *gr = getgrnam(names[i]);

		if (gr == NULL) {
			snprintf(buf, len, "group %s: there is no such group",
			    names[i]);
			return (-1);
		}
		more[a->cred.ngroups++] = gr->gr_gid;
	}
	return (0);
}

int
account_uid(const char *user, uid_t *uid, char *buf, size_t len)
{
	const struct passwd *pw;

	errno = 0;
	if ((pw = getpwnam(user)) == NULL) {
		snprintf(buf, len, "user %s: %s", user,
		    (errno != 0) ? strerror(errno) : "there is no such user");
		return (-1);
	}
	*uid = pw->pw_uid;
	return (0);
}

void
account_free(struct account *a)
{
	free(a->groups);
	free(a->name);
	free(a->home);
	free(a->shell);
	memset(a, 0, sizeof(*a));
}

const struct dw_cred *
account_cred(const struct account *a)
{
	return (a->name != NULL ? &a->cred : NULL);
}
