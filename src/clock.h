/* The only place where clocks are read and randomness is drawn; logic takes the time as an argument. */
#ifndef CVPULSE_CLOCK_H
#define CVPULSE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

int64_t clock_monotonic_ms(void);
int64_t clock_monotonic_us(void);
int64_t clock_wall_ms(void);                            /* since 1970, UTC */

#define DAY_MS 86400000LL

#define ISO8601_SIZE 25                                 /* "2026-11-21T08:00:00.123Z" and NUL */
void clock_iso8601(int64_t wall_ms, char out[ISO8601_SIZE]);

void random_bytes(void *out, size_t n);                 /* getrandom(2); aborts if the kernel has none */
uint64_t random_below(uint64_t bound);                  /* 0 .. bound-1; 0 when bound is 0 */

#endif
