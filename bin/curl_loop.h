/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * libcurl's transfers on our loop: curl says which descriptors and which time
 * it waits for, the loop waits.
 */
#ifndef BIN_CURL_LOOP_H
#define BIN_CURL_LOOP_H

#include <curl/curl.h>

#include "../lib/daemonwatch.h"

struct curl_loop {
	/* A transfer has ended; from here it may be removed, others added. */
	void (*done)(CURL *easy, CURLcode code);
	/* private */
	struct dw_loop *loop;
	CURLM *multi;
	struct dw_timer timer;
};

/* -1 with errno.  There is no way back: it lasts as long as the process. */
int curl_loop_init(struct curl_loop *cl, struct dw_loop *loop);
/* Its end is told by done(), never from here.  -1 with ENOMEM. */
int curl_loop_add(struct curl_loop *cl, CURL *easy);
/* Not from within curl's callbacks. */
void curl_loop_remove(struct curl_loop *cl, CURL *easy);

#endif
