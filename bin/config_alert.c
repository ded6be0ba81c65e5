/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * Alerts: whom to tell of what.
 */
#include "config.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config_parse.h"

#define SEC INT64_C(1000000000)
#define BIT(event) (1u << (event))

static char default_sendmail[] = "/usr/sbin/sendmail";

static const char *const events[ALERT_EVENTS] = {
    [ALERT_FAILING] = "failing",
    [ALERT_DOWN] = "down",
    [ALERT_UP] = "up",
    [ALERT_GIVE_UP] = "give-up",
    [ALERT_DEGRADED] = "degraded",
};

const char *
alert_event_name(enum alert_event event)
{
	return (events[event]);
}

/* It becomes a header of the mail: nothing may stand in it that ends that. */
static int
check_mail(struct parser *p, const struct config_pos *pos, const char *address)
{
	char shown[SHOWN];

	if (address[0] != '\0' && address[0] != '-' &&
	    address[strspn(address,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789.!#$%&*+/=?^_{|}~@-")] == '\0')
		return (0);
	parser_error(p, pos, "%s is no address for mail, as in ops@example.org",
	    show_text(shown, address, strlen(address)));
	return (-1);
}

int
parse_alert_mail(struct parser *p, struct block *b, enum key_id id)
{
	struct config_pos pos;
	char **list;
	size_t n;

	if ((list = take_texts(p, "an address", &n, &pos)) == NULL)
		return (-1);
	for (size_t i = 0; i < n; i++)
		if (check_mail(p, &pos, list[i]) == -1)
			return (-1);
	if (n == 0 || (id == KEY_ALERT_FROM && n != 1)) {
		parser_error(p, &pos, "'%s' needs %s", config_keys[id].name,
		    n == 0 ? "an address" : "one address, not several");
		return (-1);
	}
	if (id == KEY_ALERT_FROM)
		b->alert->from = list[0];
	else
		b->alert->mail = list;
	return (0);
}

int
parse_alert_on(struct parser *p, struct block *b, enum key_id id)
{
	char shown[SHOWN], **list;
	struct config_pos pos;
	const char *near;
	size_t n;

	(void)id;
	if ((list = take_texts(p, "an event", &n, &pos)) == NULL)
		return (-1);
	b->alert->on = 0;
	for (size_t i = 0; i < n; i++) {
		unsigned e = 0;

		while (e < ALERT_EVENTS && strcmp(events[e], list[i]) != 0)
			e++;
		if (e < ALERT_EVENTS) {
			b->alert->on |= BIT(e);
			continue;
		}
		show_text(shown, list[i], strlen(list[i]));
		near = suggest(list[i], strlen(list[i]), events, ALERT_EVENTS);
		parser_error(p, &pos, "no alert can be on %s: %s%s%s", shown,
		    near != NULL ? "did you mean '" :
				   "it is failing, down, up, give-up or ",
		    near != NULL ? near : "degraded", near != NULL ? "'?" : "");
		return (-1);
	}
	if (b->alert->on != 0)
		return (0);
	parser_error(p, &pos, "this alert would tell of nothing");
	return (-1);
}

int
parse_patterns(struct parser *p, struct block *b, enum key_id id)
{
	struct config_pos pos;
	char **list;
	size_t n;

	if ((list = take_texts(p, "a service", &n, &pos)) == NULL)
		return (-1);
	if (n == 0) {
		parser_error(
		    p, &pos, "'%s' names no service", config_keys[id].name);
		return (-1);
	}
	*(char ***)key_target(b, id) = list;
	return (0);
}

void
check_alert(struct parser *p, struct block *b)
{
	struct config *c = p->config;
	struct alert_conf *a = b->alert, *all;

	if (is_missing(b, KEY_ALERT_EXEC) && is_missing(b, KEY_ALERT_MAIL))
		parser_error(p, &b->open,
		    "this alert needs 'exec', a command, or 'mail', an "
		    "address");
	if (b->seen[KEY_ALERT_ON].line == 0)
		a->on = BIT(ALERT_DOWN) | BIT(ALERT_UP) | BIT(ALERT_GIVE_UP);
	if (b->seen[KEY_ALERT_TIMEOUT].line == 0)
		a->timeout = 30 * SEC;
	if (a->sendmail == NULL)
		a->sendmail = default_sendmail;
	if (a->mail != NULL && access(a->sendmail, X_OK) == -1)
		parser_error(p,
		    b->seen[KEY_ALERT_SENDMAIL].line != 0 ?
			&b->seen[KEY_ALERT_SENDMAIL] :
			&b->seen[KEY_ALERT_MAIL],
		    "%s cannot be executed: no mail could be sent",
		    a->sendmail);
	if (c->nalerts == CONFIG_ALERTS_MAX) {
		parser_error(
		    p, &b->open, "more than %u alerts", CONFIG_ALERTS_MAX);
		return;
	}
	all = config_more(p, c->alerts, c->nalerts, sizeof(*all));
	if (all == NULL)
		return;
	c->alerts = all;
	all[c->nalerts++] = *a;
}

static bool
means_one(const struct config *c, const char *pattern)
{
	for (size_t i = 0; i < c->nservices; i++)
		if (fnmatch(pattern, c->services[i].name, 0) == 0)
			return (true);
	return (false);
}

void
check_alerts(struct parser *p)
{
	const struct config *c = p->config;
	char shown[SHOWN];

	for (size_t i = 0; i < c->nalerts; i++) {
		char *const *s = c->alerts[i].services;

		p->file = c->alerts[i].pos.file;
		for (; s != NULL && *s != NULL; s++)
			if (!means_one(c, *s))
				parser_error(p, &c->alerts[i].pos,
				    "this alert is for %s, and no service is "
				    "called so",
				    show_text(shown, *s, strlen(*s)));
	}
}

void
print_alert(FILE *f, const struct alert_conf *a)
{
	char text[DURATION_TEXT];
	bool first = true;

	fputs("alert {\n", f);
	print_command(f, "exec", &a->exec);
	print_list(f, "mail", a->mail);
	print_text(f, "from", a->from);
	if (a->mail != NULL)
		print_text(f, "sendmail", a->sendmail);
	fputs("\ton = {", f);
	for (unsigned e = 0; e < ALERT_EVENTS; e++) {
		if ((a->on & BIT(e)) == 0)
			continue;
		fprintf(f, "%s%s", first ? "" : ", ", events[e]);
		first = false;
	}
	fprintf(f, "}\n\tevery = %s\n", duration_text(text, a->every));
	fprintf(f, "\ttimeout = %s\n", duration_text(text, a->timeout));
	print_list(f, "services", a->services);
	fputs("}\n", f);
}
