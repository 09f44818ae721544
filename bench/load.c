/*
 * The load generator: N WebSocket connections of N users, and one Redis connection that publishes to them. It takes every
 * frame, and prints one JSON object about itself and the server under test. Started by bench/run on a core of its own.
 *
 *   load frames|idle --port PORT --redis SOCKET --pid PID --connections N [--seconds S] [--rate EVENTS_A_SECOND] [--fanout]
 *
 * frames: events are published as fast as they come back (at most WINDOW are under way), or at the rate.
 *         --fanout: all connections are of one user, so one event is N frames.
 * idle:   connects, lets the server rest, and reads its memory.
 */
#include "load.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "stats.h"
#include "str.h"

#define WINDOW 2000                     /* events under way at full rate */
#define WARM_UP_NS 1000000000LL
#define TICK_NS 1000000LL               /* at a rate, events go out once a tick */
#define GIVE_UP_NS 30000000000LL

static struct options {
	const char *redis;
	int port, connections, seconds;
	pid_t pid;
	int64_t rate;
	bool fanout;
} options = { .seconds = 5, .connections = 1000 };

static struct {
	int64_t published, frames;              /* since the start */
	struct latencies latencies;
	bool measuring;
	uint64_t *sequence;                     /* of each user's last event */
} run;

static void fail(const char *what)
{
	fprintf(stderr, "load: %s\n", what);
	exit(1);
}

/* Our own frames carry the time when they were published. */
static void on_frame(int connection, struct str payload)
{
	const char *t = memmem(payload.p, payload.n, "\"t\":", 4);

	(void)connection;
	if (!t)
		return;
	run.frames++;
	if (run.measuring)
		latency_add(&run.latencies, now_ns() - strtoll(t + 4, NULL, 10));
}

/* As the publish script makes them: ids that grow, prev without a gap. */
static void publish_next(void)
{
	static int user;
	static char user_name[16], frame[600];
	uint64_t n = ++run.sequence[user];
	char prev[40] = "0-0";
	int length;

	if (n > 1)
		snprintf(prev, sizeof(prev), "1763712000000-%" PRIu64, n - 1);
	snprintf(user_name, sizeof(user_name), "u%d", user);
	length = snprintf(frame, sizeof(frame),
		"{\"id\":\"1763712000000-%" PRIu64 "\",\"prev\":\"%s\",\"type\":\"cv_progress\",\"ts\":\"2026-11-21T08:00:00.123Z\",\"user_id\":\"%s\","
		"\"batch_id\":\"bqy3zxzqdpvmqd4nym6yxvf3vz4\",\"cv_id\":\"c%" PRIu64 "\",\"filename\":\"jane.pdf\",\"status\":\"processing\",\"stage\":\"extract\","
		"\"progress\":45,\"attempt\":1,\"message\":\"Reading page 2 of 4\",\"t\":%" PRId64 "}", n, prev, user_name, n, now_ns());
	load_publish(user_name, str_of(frame, (size_t)length));
	run.published++;
	user = options.fanout ? 0 : (user + 1) % options.connections;
}

static int64_t frames_expected(void)
{
	return run.published * (options.fanout ? options.connections : 1);
}

static void publish_more(int64_t since_ns)
{
	int64_t due = (now_ns() - since_ns) * options.rate / 1000000000;

	if (options.rate) {
		while (run.published < due)
			publish_next();
		return;
	}
	while (frames_expected() - run.frames < WINDOW)
		publish_next();
}

static void drive(int64_t began_ns, int64_t until_ns)
{
	while (now_ns() < until_ns) {
		publish_more(began_ns);
		load_turn(options.rate ? TICK_NS : TICK_NS * 10);
	}
}

static void take_the_rest(void)
{
	int64_t end = now_ns() + GIVE_UP_NS;

	while (run.frames < frames_expected() && now_ns() < end)
		load_turn(TICK_NS);
	if (run.frames < frames_expected())
		fail("frames were lost");
}

static void measure_frames(void)
{
	int64_t began = now_ns(), from, cpu, frames, end;

	drive(began, began + WARM_UP_NS);
	from = now_ns();
	cpu = cpu_ns(options.pid);
	frames = run.frames;
	run.measuring = true;
	drive(began, from + (int64_t)options.seconds * 1000000000);
	end = now_ns();
	cpu = cpu_ns(options.pid) - cpu;
	frames = run.frames - frames;
	run.measuring = false;
	take_the_rest();
	printf("{\"frames_per_s\": %.0f, \"cpu_us_per_frame\": %.3f, \"p50_us\": %d, \"p99_us\": %d}\n", (double)frames * 1e9 / (double)(end - from),
	       frames ? (double)cpu / 1000 / (double)frames : 0, latency_us(&run.latencies, 500), latency_us(&run.latencies, 990));
}

static void rest(int64_t ns)
{
	for (int64_t end = now_ns() + ns; now_ns() < end;)
		load_turn(TICK_NS * 10);
}

static void parse_options(int argc, char **argv)
{
	static const struct option known[] = {
		{ "port", 1, NULL, 'p' }, { "redis", 1, NULL, 'r' }, { "pid", 1, NULL, 'P' }, { "connections", 1, NULL, 'c' }, { "seconds", 1, NULL, 's' },
		{ "rate", 1, NULL, 'R' }, { "fanout", 0, NULL, 'f' }, { NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'p': options.port = atoi(optarg); break;
		case 'r': options.redis = optarg; break;
		case 'P': options.pid = atoi(optarg); break;
		case 'c': options.connections = atoi(optarg); break;
		case 's': options.seconds = atoi(optarg); break;
		case 'R': options.rate = atoll(optarg); break;
		case 'f': options.fanout = true; break;
		default: exit(2);
		}
	}
	if (optind != argc - 1 || !options.redis || !options.port || !options.pid || options.connections < 1)
		fail("see the head of bench/load.c");
}

int main(int argc, char **argv)
{
	struct rlimit files = { 65536, 65536 };
	int64_t before, began, took;

	parse_options(argc, argv);
	setrlimit(RLIMIT_NOFILE, &files);
	run.sequence = calloc((size_t)options.connections, sizeof(*run.sequence));
	load_start(options.redis, options.connections, on_frame);
	before = rss_kib(options.pid);
	began = now_ns();
	load_connect(options.port, options.fanout);
	took = now_ns() - began;
	if (strcmp(argv[optind], "idle") == 0) {
		rest(WARM_UP_NS);
		printf("{\"kib_per_connection\": %.3f, \"connects_per_s\": %.0f}\n", (double)(rss_kib(options.pid) - before) / options.connections,
		       (double)options.connections * 1e9 / (double)took);
	} else if (strcmp(argv[optind], "frames") == 0) {
		measure_frames();
	} else {
		fail("it takes frames or idle");
	}
	return 0;
}
