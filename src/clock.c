/* See clock.h. */
#include "clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

static int64_t read_us(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_monotonic_ms(void)
{
	return read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_monotonic_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

int64_t clock_wall_ms(void)
{
	return read_us(CLOCK_REALTIME) / 1000;
}

void clock_iso8601(int64_t wall_ms, char out[ISO8601_SIZE])
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;
	size_t n;

	gmtime_r(&seconds, &tm);
	n = strftime(out, ISO8601_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, ISO8601_SIZE - n, ".%03dZ", (int)(wall_ms % 1000));
}

void random_bytes(void *out, size_t n)
{
	char *p = out;

	while (n) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			abort();
		p += got;
		n -= (size_t)got;
	}
}

uint64_t random_below(uint64_t bound)
{
	uint64_t r;

	random_bytes(&r, sizeof(r));
	return bound ? r % bound : 0;
}
