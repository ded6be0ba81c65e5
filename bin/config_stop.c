/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * How a service is stopped: the signals, one after the other, and whom they
 * go to.  stop-signal and stop-timeout are short for the most common sequence.
 */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "config_parse.h"

/* A signal, or the time that the one before it has. */
static int
add_step(struct parser *p, const struct config_pos *pos, const char *text,
    struct service_conf *s)
{
	struct stop_step *last = &s->stop_steps[s->nstop_steps];
	char shown[SHOWN];
	const char *why;
	int signo;

	show_text(shown, text, strlen(text));
	signo = value_signal(text);
	if (signo == -1 && text[0] >= '0' && text[0] <= '9') {
		if (s->nstop_steps == 0 || last[-1].wait != 0) {
			parser_error(
			    p, pos, "a signal is needed in front of %s", shown);
			return (-1);
		}
		if (value_duration(text, strlen(text), &last[-1].wait, &why) ==
			0 &&
		    last[-1].wait > 0)
			return (0);
		parser_error(p, pos, "bad duration %s: %s", shown,
		    last[-1].wait == 0 ? "it must be above 0" : why);
		return (-1);
	}
	if (signo == -1) {
		parser_error(p, pos,
		    "%s is neither a signal that ends a process nor a "
		    "duration",
		    shown);
		return (-1);
	}
	if (s->nstop_steps > 0 && last[-1].wait == 0) {
		parser_error(p, pos,
		    "a duration is needed between two signals, in front of %s",
		    shown);
		return (-1);
	}
	if (s->nstop_steps == STOP_STEPS_MAX) {
		parser_error(p, pos, "stop-sequence has at most %d signals",
		    STOP_STEPS_MAX);
		return (-1);
	}
	*last = (struct stop_step) {.signo = signo};
	s->nstop_steps++;
	return (0);
}

/* What a list of steps means as a whole. */
static int
check_steps(struct parser *p, const struct config_pos *pos,
    const struct service_conf *s)
{
	unsigned n = s->nstop_steps;

	if (n == 0 || s->stop_steps[n - 1].wait != 0) {
		parser_error(p, pos, "stop-sequence must end with a signal");
		return (-1);
	}
	for (unsigned i = 0; i + 1 < n; i++)
		if (s->stop_steps[i].signo == SIGKILL) {
			parser_error(p, pos, "nothing can follow KILL");
			return (-1);
		}
	return (0);
}

int
parse_stop_sequence(struct parser *p, struct block *b, enum key_id id)
{
	struct service_conf *s = &b->build->conf, made = {.nstop_steps = 0};
	struct config_pos pos = parser_pos(p, &p->tok);
	const char *text;
	char **list;
	size_t n;

	(void)id;
	if (p->tok.kind != TOKEN_OPEN) {
		text = take_text(p, "a list of signals and durations", &pos);
		if (text == NULL || add_step(p, &pos, text, &made) == -1)
			return (-1);
	} else {
		list = take_list(p, "a signal or a duration", &n);
		if (list == NULL)
			return (-1);
		for (size_t i = 0; i < n; i++)
			if (add_step(p, &pos, list[i], &made) == -1)
				return (-1);
	}
	if (check_steps(p, &pos, &made) == -1)
		return (-1);
	memcpy(s->stop_steps, made.stop_steps, sizeof(s->stop_steps));
	s->nstop_steps = made.nstop_steps;
	return (0);
}

int
parse_kill(struct parser *p, struct block *b, enum key_id id)
{
	static const char *const names[] = {"process", "group"};
	int i = take_choice(p, config_keys[id].name, names, 2);

	if (i == -1)
		return (-1);
	b->build->conf.kill_scope = (i == 0) ? KILL_PROCESS : KILL_GROUP;
	return (0);
}

/* The block is complete. */
void
check_stop(struct parser *p, const struct block *b)
{
	struct service_conf *s = &b->build->conf;

	if (b->seen[KEY_STOP_SEQUENCE].line != 0 &&
	    b->seen[KEY_STOP_SIGNAL].line != 0)
		parser_error(p, &b->seen[KEY_STOP_SEQUENCE],
		    "a service has either 'stop-signal' or 'stop-sequence', "
		    "not both");
	/* The nearer one counts, if the other is a default. */
	if (s->nstop_steps == 0 ||
	    (b->seen[KEY_STOP_SIGNAL].line != 0 &&
		b->seen[KEY_STOP_SEQUENCE].line == 0)) {
		s->stop_steps[0].signo = s->stop_signal;
		s->stop_steps[0].wait = s->stop_timeout;
		s->stop_steps[1] = (struct stop_step) {.signo = SIGKILL};
		s->nstop_steps = 2;
		if (s->stop_signal == SIGKILL) {
			s->stop_steps[0].wait = 0;
			s->nstop_steps = 1;
		}
	}
	if (s->type == SERVICE_DETACHED && s->kill_scope == KILL_GROUP &&
	    b->seen[KEY_KILL].line != 0)
		parser_error(p, &b->seen[KEY_KILL],
		    "'group' is for services with type = child: the process "
		    "group of another may not be its own");
	if (s->type == SERVICE_DETACHED)
		s->kill_scope = KILL_PROCESS;
	else if (s->kill_scope == KILL_DEFAULT)
		s->kill_scope = KILL_GROUP;
}

/* What stop-signal and stop-timeout would have made of it. */
static bool
is_short(const struct service_conf *s)
{
	if (s->stop_steps[0].signo == SIGKILL)
		return (true);
	return (s->nstop_steps == 2 && s->stop_steps[1].signo == SIGKILL &&
	    s->stop_steps[0].wait == s->stop_timeout);
}

static void
print_signal(FILE *f, int signo)
{
	const char *name = signal_text(signo);

	if (name != NULL)
		fputs(name, f);
	else
		fprintf(f, "%d", signo);
}

void
print_stop(FILE *f, const struct service_conf *s)
{
	char text[DURATION_TEXT];

	fprintf(f, "\tkill = %s\n",
	    s->kill_scope == KILL_GROUP ? "group" : "process");
	if (is_short(s)) {
		fputs("\tstop-signal = ", f);
		print_signal(f, s->stop_steps[0].signo);
		fputc('\n', f);
		return;
	}
	fputs("\tstop-sequence = {", f);
	for (unsigned i = 0; i < s->nstop_steps; i++) {
		if (i > 0)
			fprintf(f, ", %s, ",
			    duration_text(text, s->stop_steps[i - 1].wait));
		print_signal(f, s->stop_steps[i].signo);
	}
	fputs("}\n", f);
}
