/*
 * The load generator: N WebSocket connections of N users, and one connection that publishes to them. It takes every frame,
 * and prints one JSON object about itself and the server under test. Started by bench/run on a core of its own.
 *
 *   load MODE --port PORT --pid PID --connections N (--redis SOCKET | --post) [--seconds S] [--rate EVENTS_A_SECOND] [--fanout]
 *             [--frames N] [--tokens FILE] [--query TEXT] [--silent] [--lossy] [--redis-pid PID]
 *
 * frames: events are published as fast as they come back (at most WINDOW frames are under way), or at the rate.
 * one:    --frames events, each published when the one before has come.
 * idle:   connects, lets the server rest, reads its memory, and what it costs to hold the connections for S seconds.
 * storm:  connects, cuts all connections and opens them again at once.
 * --fanout: all connections are of one user, so one event is a frame for each. --pid may be given several times.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "publisher.h"
#include "sockets.h"
#include "stats.h"
#include "str.h"

#define WINDOW 2000                     /* frames under way at full rate */
#define IN_FLIGHT_MAX 100               /* handshakes, where the storm is not what is measured */
#define WARM_UP_NS 1000000000LL
#define TICK_NS 1000000LL               /* at a rate, events go out once a tick */
#define GIVE_UP_NS 30000000000LL
#define LOSSY_GIVE_UP_NS 3000000000LL
#define PIDS_MAX 8

static struct options {
	const char *redis, *tokens, *query;
	int port, connections, seconds, n_pids;
	pid_t pids[PIDS_MAX], redis_pid;
	int64_t rate, frames;
	bool fanout, silent, post, lossy;
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
	publish_plain(user_name, str_of(frame, (size_t)length));
	run.published++;
	user = options.fanout ? 0 : (user + 1) % options.connections;
}

static int64_t server_cpu_ns(void)
{
	int64_t sum = 0;

	for (int i = 0; i < options.n_pids; i++)
		sum += cpu_ns(options.pids[i]);
	return sum;
}

static int64_t server_rss_kib(void)
{
	int64_t sum = 0;

	for (int i = 0; i < options.n_pids; i++)
		sum += rss_kib(options.pids[i]);
	return sum;
}

static void turn(int64_t timeout_ns)
{
	sockets_turn(publisher_flush() ? timeout_ns : 0);
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
		turn(options.rate ? TICK_NS : TICK_NS * 10);
	}
}

/* The frames that did not come: none, unless the server is one that may lose some. */
static int64_t take_the_rest(void)
{
	int64_t end = now_ns() + (options.lossy ? LOSSY_GIVE_UP_NS : GIVE_UP_NS);

	while (run.frames < frames_expected() && now_ns() < end)
		turn(TICK_NS);
	if (run.frames < frames_expected() && !options.lossy)
		fail("frames were lost");
	return frames_expected() - run.frames;
}

/* What was used up to now: by the servers, by Redis (nothing when it takes no part) and by this program. */
struct usage {
	int64_t at_ns, frames, server_ns, redis_ns, load_ns;
};

static struct usage usage_now(void)
{
	return (struct usage){ now_ns(), run.frames, server_cpu_ns(), options.redis_pid ? cpu_ns(options.redis_pid) : 0, cpu_ns(getpid()) };
}

static double us_each(int64_t ns, int64_t frames)
{
	return frames ? (double)ns / 1000 / (double)frames : 0;
}

static void measure_frames(void)
{
	int64_t began = now_ns(), frames, lost;
	struct usage from, to;

	drive(began, began + WARM_UP_NS);
	from = usage_now();
	run.measuring = true;
	drive(began, from.at_ns + (int64_t)options.seconds * 1000000000);
	to = usage_now();
	run.measuring = false;
	lost = take_the_rest();
	frames = to.frames - from.frames;
	printf("{\"frames_per_s\": %.0f, \"cpu_us_per_frame\": %.3f, \"redis_us_per_frame\": %.3f, \"load_us_per_frame\": %.3f, \"p50_us\": %d, \"p99_us\": %d, "
	       "\"frames_lost\": %" PRId64 "}\n",
	       (double)frames * 1e9 / (double)(to.at_ns - from.at_ns), us_each(to.server_ns - from.server_ns, frames), us_each(to.redis_ns - from.redis_ns, frames),
	       us_each(to.load_ns - from.load_ns, frames), latency_us(&run.latencies, 500), latency_us(&run.latencies, 990), lost);
}

static void measure_one_by_one(void)
{
	while (run.published < options.frames) {
		publish_next();
		take_the_rest();
	}
	printf("{\"frames\": %" PRId64 "}\n", run.frames);
}

static void rest(int64_t ns)
{
	for (int64_t end = now_ns() + ns; now_ns() < end;)
		turn(TICK_NS * 10);
}

static void connect_all(int in_flight_max)
{
	sockets_open_all(in_flight_max);
	if (sockets_ready() != options.connections)
		fail("not every connection became ready");
}

static void measure_idle(int64_t rss_before, int64_t took)
{
	int64_t rss, cpu;

	rest(WARM_UP_NS);
	rss = server_rss_kib() - rss_before;
	cpu = server_cpu_ns();
	rest((int64_t)options.seconds * 1000000000);
	cpu = server_cpu_ns() - cpu;
	printf("{\"kib_per_connection\": %.3f, \"connects_per_s\": %.0f, \"cpu_percent\": %.3f}\n", (double)rss / options.connections,
	       (double)options.connections * 1e9 / (double)took, (double)cpu / 1e7 / options.seconds);
}

/* From the cut until the last one is ready again: the server also has to notice who went. */
static void measure_storm(void)
{
	int64_t began, cpu;
	double took;

	rest(WARM_UP_NS);
	began = now_ns();
	cpu = server_cpu_ns();
	for (int i = 0; i < options.connections; i++)
		sockets_cut(i);
	connect_all(options.connections);
	took = (double)(now_ns() - began);
	printf("{\"storm_s\": %.3f, \"storm_connects_per_s\": %.0f, \"cpu_us_per_connect\": %.1f}\n", took / 1e9, options.connections * 1e9 / took,
	       (double)(server_cpu_ns() - cpu) / 1000 / options.connections);
}

static void add_query(int connection, char *out, size_t size)
{
	(void)connection;
	snprintf(out, size, "%s", options.query);
}

static void parse_options(int argc, char **argv)
{
	static const struct option known[] = {
		{ "port", 1, NULL, 'p' }, { "redis", 1, NULL, 'r' }, { "pid", 1, NULL, 'P' }, { "connections", 1, NULL, 'c' }, { "seconds", 1, NULL, 's' },
		{ "rate", 1, NULL, 'R' }, { "frames", 1, NULL, 'n' }, { "tokens", 1, NULL, 't' }, { "query", 1, NULL, 'q' }, { "fanout", 0, NULL, 'f' },
		{ "silent", 0, NULL, 'S' }, { "post", 0, NULL, 'o' }, { "lossy", 0, NULL, 'L' },
		{ "redis-pid", 1, NULL, 'd' }, { NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'p': options.port = atoi(optarg); break;
		case 'r': options.redis = optarg; break;
		case 'P': options.pids[options.n_pids++ % PIDS_MAX] = atoi(optarg); break;
		case 'c': options.connections = atoi(optarg); break;
		case 's': options.seconds = atoi(optarg); break;
		case 'R': options.rate = atoll(optarg); break;
		case 'n': options.frames = atoll(optarg); break;
		case 't': options.tokens = optarg; break;
		case 'q': options.query = optarg; break;
		case 'f': options.fanout = true; break;
		case 'S': options.silent = true; break;
		case 'L': options.lossy = true; break;
		case 'o': options.post = true; break;
		case 'd': options.redis_pid = atoi(optarg); break;
		default: exit(2);
		}
	}
	if (optind != argc - 1 || !options.redis == !options.post || !options.port || options.n_pids < 1 || options.n_pids > PIDS_MAX ||
	    options.connections < 1 || options.seconds < 1)
		fail("see the head of bench/load.c");
}

static void start(void)
{
	sockets_start(&(struct sockets_options){ .port = options.port, .connections = options.connections, .one_user = options.fanout,
		.silent = options.silent, .tokens = options.tokens, .query = options.query ? add_query : NULL, .on_frame = on_frame });
	if (options.post)
		publisher_start_http(options.port);
	else
		publisher_start_redis(options.redis);
	run.sequence = calloc((size_t)options.connections, sizeof(*run.sequence));
	if (!run.sequence)
		fail("no memory");
}

int main(int argc, char **argv)
{
	int64_t rss_before, began;
	struct str mode;

	parse_options(argc, argv);
	mode = str_c(argv[optind]);
	start();
	rss_before = server_rss_kib();
	began = now_ns();
	connect_all(IN_FLIGHT_MAX);
	if (str_eq(mode, STR("idle")))
		measure_idle(rss_before, now_ns() - began);
	else if (str_eq(mode, STR("frames")))
		measure_frames();
	else if (str_eq(mode, STR("one")))
		measure_one_by_one();
	else if (str_eq(mode, STR("storm")))
		measure_storm();
	else
		fail("see the head of bench/load.c");
	return 0;
}
