/* See stats.h. */
#include "stats.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t first_number(const char *path, const char *after)
{
	int64_t number = -1;
	char line[256];
	FILE *f = fopen(path, "re");

	if (!f)
		return -1;
	while (number < 0 && fgets(line, sizeof(line), f))
		if (strncmp(line, after, strlen(after)) == 0)
			sscanf(line + strlen(after), "%" SCNd64, &number);
	fclose(f);
	return number;
}

int64_t cpu_ns(pid_t pid)
{
	char path[300];
	int64_t sum = 0;
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	d = opendir(path);
	if (!d)
		return -1;
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%.20s/schedstat", (int)pid, e->d_name);
		sum += first_number(path, "");
	}
	closedir(d);
	return sum;
}

int64_t rss_kib(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	return first_number(path, "VmRSS:");
}

void latency_add(struct latencies *l, int64_t ns)
{
	int64_t us = ns / 1000;

	l->of_us[us < 0 ? 0 : us > LATENCY_MAX_US ? LATENCY_MAX_US : us]++;
	l->n++;
}

int latency_us(const struct latencies *l, int per_mille)
{
	uint64_t wanted = l->n * (uint64_t)per_mille / 1000, seen = 0;

	for (int us = 0; us <= LATENCY_MAX_US; us++) {
		seen += l->of_us[us];
		if (seen > wanted)
			return us;
	}
	return LATENCY_MAX_US;
}
