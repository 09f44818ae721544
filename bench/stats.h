/* What a benchmark reads about the server under test, and a latency histogram. */
#ifndef BENCH_STATS_H
#define BENCH_STATS_H

#include <stdint.h>
#include <sys/types.h>

int64_t now_ns(void);
int64_t cpu_ns(pid_t pid);              /* CPU time of all threads so far, from /proc/PID/task/TID/schedstat; -1 */
int64_t rss_kib(pid_t pid);             /* VmRSS of /proc/PID/status; -1 */

#define LATENCY_MAX_US 100000           /* longer ones count as this */

struct latencies {
	uint32_t of_us[LATENCY_MAX_US + 1];
	uint64_t n;
};

void latency_add(struct latencies *l, int64_t ns);
int latency_us(const struct latencies *l, int per_mille);       /* 500: the median */

#endif
