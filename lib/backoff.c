/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The daemonwatch authors
 *
 * How long to wait before the next try: arithmetic alone.  No clock and no
 * source of random numbers is used here; the caller has both.
 */
#include "config.h"

#include <limits.h>

#include "daemonwatch.h"

/* min doubled failures - 1 times, but not past max. */
static int64_t
grown(const struct dw_backoff *b)
{
	int64_t delay;
	unsigned n;

	delay = b->min > 0 ? b->min : 0;
	for (n = b->failures; n > 1 && delay > 0 && delay < b->max; n--) {
		if (delay > b->max / 2)
			return (b->max);
		delay *= 2;
	}
	return (delay < b->max ? delay : b->max);
}

/* width * random / 2^32, which a product of 64 bits would not hold. */
static int64_t
portion(int64_t width, uint32_t random)
{
	uint64_t w;

	w = (uint64_t)width;
	return ((
	    int64_t)((w >> 32) * random + (((w & UINT32_MAX) * random) >> 32)));
}

int64_t
dw_backoff_next(struct dw_backoff *b, uint32_t random)
{
	int64_t delay, span, low, high;
	unsigned jitter;

	if (b->failures == 0 || b->max <= 0) {
		if (b->failures < UINT_MAX)
			b->failures++;
		return (0);
	}
	delay = grown(b);
	if (b->failures < UINT_MAX)
		b->failures++;

	jitter = b->jitter < 100 ? b->jitter : 100;
	span = delay / 100 * jitter + delay % 100 * jitter / 100;
	/*
	 * The part above max is cut off the range, not off the result: else
	 * half of all who have waited longest would come back together.
	 */
	low = delay - span;
	high = span < b->max - delay ? delay + span : b->max;
	return (low + portion(high - low, random));
}

void
dw_backoff_reset(struct dw_backoff *b)
{
	b->failures = 0;
}
