/*
 * The delivery probe: a number published through Redis every few seconds that must come back on the subscriber's connection.
 * A subscription can be dead while its TCP connection looks healthy.
 */
#include "clock.h"
#include "log.h"
#include "metrics.h"
#include "notifier/notifier.h"

#define PROBE_INTERVAL_MS 5000
#define MISSES_MAX 3

static void on_timer(uv_timer_t *timer)
{
	struct notifier *n = timer->data;
	struct probe *p = &n->probe;
	char text[24];
	int length;

	if (!redis_is_connected(n->redis) || !subscriber_is_connected(n->subscriber))
		return;
	if (p->returned != p->sequence) {
		metrics_add(METRIC_probe_misses, 1);
		if (++p->misses == MISSES_MAX) {
			LOG(ERROR, "probe_lost", LOG_INT("misses", p->misses));
			p->lost = true;
			subscriber_reconnect(n->subscriber, "probes do not come back");
			return;
		}
	}
	length = snprintf(text, sizeof(text), "%llu", (unsigned long long)++p->sequence);
	p->sent_us = clock_monotonic_us();
	REDIS_COMMAND(n->redis, NULL, NULL, STR("PUBLISH"), str_c(p->channel), str_of(text, (size_t)length));
}

void probe_on_message(struct notifier *n, struct str payload)
{
	struct probe *p = &n->probe;
	uint64_t number;

	if (str_to_u64(payload, p->sequence, p->sequence, &number) < 0)
		return; /* an older one, too late */
	p->returned = number;
	p->misses = 0;
	p->lost = false;
	p->seen = true;
	metrics_observe_us(HISTOGRAM_probe_seconds, clock_monotonic_us() - p->sent_us);
}

/* A connection has begun or ended: probes under way say nothing, and the next one goes out at once. */
void probe_reset(struct notifier *n)
{
	n->probe.misses = 0;
	n->probe.seen = false;
	n->probe.returned = n->probe.sequence;
	uv_timer_start(&n->probe.timer, on_timer, 0, PROBE_INTERVAL_MS);
}

void probe_start(struct notifier *n)
{
	char instance[INSTANCE_SIZE];

	id_new('n', instance);
	snprintf(n->probe.channel, sizeof(n->probe.channel), "cvpulse:probe:%s", instance);
	uv_timer_init(n->loop, &n->probe.timer);
	n->probe.timer.data = n;
}

void probe_stop(struct notifier *n)
{
	uv_timer_stop(&n->probe.timer);
}
