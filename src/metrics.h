/*
 * Counters, gauges and histograms of one process, in a table (metrics.def); shown as Prometheus text.
 *   metrics_add(METRIC_frames_forwarded, 1);
 */
#ifndef CVPULSE_METRICS_H
#define CVPULSE_METRICS_H

#include <stdint.h>

#include "errors.h"
#include "str.h"

enum metric {
#define COUNTER(id, programs, name, labels, help) METRIC_##id,
#define GAUGE(id, programs, name, labels, help) METRIC_##id,
#define HISTOGRAM(id, programs, name, help)
#include "metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
	METRIC_COUNT
};

enum histogram {
#define COUNTER(id, programs, name, labels, help)
#define GAUGE(id, programs, name, labels, help)
#define HISTOGRAM(id, programs, name, help) HISTOGRAM_##id,
#include "metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
	HISTOGRAM_COUNT
};

enum metrics_program { NOTIFIER = 1, WORKER = 2, BOTH = 3 };

extern int64_t metric_values[METRIC_COUNT];

static inline void metrics_add(enum metric m, int64_t n) { metric_values[m] += n; }
static inline void metrics_set(enum metric m, int64_t v) { metric_values[m] = v; }
static inline int64_t metrics_get(enum metric m) { return metric_values[m]; }
void metrics_observe_us(enum histogram h, int64_t us);

/* Sets the gauges of the process itself; before metrics_render. */
void metrics_process(void);
/* Prometheus text format 0.0.4 of this program's rows. */
void metrics_render(enum metrics_program program, struct buf *out);

#endif
