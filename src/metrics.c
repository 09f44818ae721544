/* See metrics.h. */
#include "metrics.h"

#include <inttypes.h>

#define BUCKETS 16

static const int64_t bounds_us[BUCKETS] = { 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000,
					    500000, 1000000, 2500000, 10000000, 60000000 };

int64_t metric_values[METRIC_COUNT];

/* The last slot is there so that a table without histograms is still an array. */
static struct {
	int64_t buckets[BUCKETS + 1], sum_us, count;
} histograms[HISTOGRAM_COUNT + 1];

struct row {
	int program;
	const char *name, *labels, *type, *help;
};

static const struct row rows[METRIC_COUNT] = {
#define COUNTER(id, programs, name, labels, help) [METRIC_##id] = { programs, name, labels, "counter", help },
#define GAUGE(id, programs, name, labels, help) [METRIC_##id] = { programs, name, labels, "gauge", help },
#define HISTOGRAM(id, programs, name, help)
#include "metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
};

static const struct row histogram_rows[HISTOGRAM_COUNT + 1] = {
#define COUNTER(id, programs, name, labels, help)
#define GAUGE(id, programs, name, labels, help)
#define HISTOGRAM(id, programs, name, help) [HISTOGRAM_##id] = { programs, name, "", "histogram", help },
#include "metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
};

void metrics_observe_us(enum histogram h, int64_t us)
{
	int i = 0;

	while (i < BUCKETS && us > bounds_us[i])
		i++;
	histograms[h].buckets[i]++;
	histograms[h].sum_us += us;
	histograms[h].count++;
}

static void render_head(const struct row *r, struct buf *out)
{
	buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", r->name, r->help, r->name, r->type);
}

static void render_histogram(int h, struct buf *out)
{
	const char *name = histogram_rows[h].name;
	int64_t below = 0;

	render_head(&histogram_rows[h], out);
	for (int i = 0; i < BUCKETS; i++) {
		below += histograms[h].buckets[i];
		buf_addf(out, "%s_bucket{le=\"%g\"} %" PRId64 "\n", name, (double)bounds_us[i] / 1e6, below);
	}
	buf_addf(out, "%s_bucket{le=\"+Inf\"} %" PRId64 "\n%s_sum %.6f\n%s_count %" PRId64 "\n", name, histograms[h].count,
		 name, (double)histograms[h].sum_us / 1e6, name, histograms[h].count);
}

void metrics_render(enum metrics_program program, struct buf *out)
{
	const char *last = "";

	for (int i = 0; i < METRIC_COUNT; i++) {
		const struct row *r = &rows[i];

		if (!(r->program & (int)program))
			continue;
		if (strcmp(last, r->name) != 0)
			render_head(r, out);
		last = r->name;
		buf_addf(out, r->labels[0] ? "%s{%s} %" PRId64 "\n" : "%s%s %" PRId64 "\n", r->name, r->labels, metric_values[i]);
	}
	for (int h = 0; h < HISTOGRAM_COUNT; h++)
		if (histogram_rows[h].program & (int)program)
			render_histogram(h, out);
}
