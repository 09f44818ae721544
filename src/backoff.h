/* How long to wait before the next attempt at something that failed. */
#ifndef CVPULSE_BACKOFF_H
#define CVPULSE_BACKOFF_H

#include <stdint.h>

/* Exponential with full jitter: 1 … base_ms × 2^failures, at most max_ms, so that many who lost the same server do not come
 * back at once. random is any random number (random_below(UINT64_MAX)). */
int64_t backoff_ms(int64_t base_ms, int64_t max_ms, int failures, uint64_t random);

#endif
