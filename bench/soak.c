/*
 * The soak: N connections of N users for a long time, events to all of them by the publish script, and R connections a second
 * that are cut and come back. Every frame with an id must name the one before it as its prev, so nothing is lost, doubled
 * or out of order, neither live nor in what a resumed connection is given. Started by bench/run.
 *
 *   soak --port PORT --redis SOCKET --pid PID --sha SHA --connections N --churn R --rate EVENTS_A_SECOND --seconds S --last FILE
 *
 * Users with an even number are plain clients and stay; the odd ones are cut and resume with after_id. Prints a JSON object
 * every 10 s and writes each user's last id to FILE, which bench/run holds against what stands in Redis.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "publisher.h"
#include "sockets.h"
#include "stats.h"
#include "str.h"

#define ID_MAX 32
#define IN_FLIGHT_MAX 100
#define TICK_NS 1000000LL
#define REPORT_NS 10000000000LL
#define QUIET_NS 5000000000LL           /* nothing more is under way after so long without a frame */
#define AWAY_MAX_NS 5000000000LL
#define COMPLAINTS_MAX 10

static struct options {
	const char *redis, *sha, *last;
	int port, connections, seconds, churn;
	pid_t pid;
	int64_t rate;
} options = { .connections = 10000, .seconds = 60, .churn = 100, .rate = 200 };

static struct user {
	char last[ID_MAX];
	uint32_t events;                        /* published */
	int64_t back_ns;                        /* away until then; 0: connected or connecting */
} *users;

static struct {
	int64_t published, frames, reconnects, broken, resyncs;
	int64_t frame_ns;                       /* when the last one came */
} run;

static void fail(const char *what)
{
	fprintf(stderr, "soak: %s\n", what);
	exit(1);
}

/* Takes `name` and the id behind it off the front of the frame. */
static bool take_id(struct str *s, struct str name, struct str *out)
{
	if (!str_starts(*s, name))
		return false;
	*s = str_skip(*s, name.n);
	*out = str_cut(s, '"');
	return out->n > 0 && out->n < ID_MAX;
}

static void on_frame(int i, struct str payload)
{
	struct user *u = &users[i];
	struct str s = payload, id, prev;

	if (str_starts(s, STR("{\"type\":\"resync\"")))
		run.resyncs++;
	if (!take_id(&s, STR("{\"id\":\""), &id) || !take_id(&s, STR(",\"prev\":\""), &prev))
		return;
	if (!str_eq(prev, str_c(u->last)) && run.broken++ < COMPLAINTS_MAX)
		fprintf(stderr, "soak: u%d has %s, then came " STR_FMT " with prev " STR_FMT "\n", i, u->last, STR_ARG(id), STR_ARG(prev));
	memcpy(u->last, id.p, id.n);
	u->last[id.n] = '\0';
	run.frames++;
	run.frame_ns = now_ns();
}

static bool resumes(int i)
{
	return i % 2 == 1;
}

static void query(int i, char *out, size_t size)
{
	snprintf(out, size, resumes(i) ? "?after_id=%s" : "", users[i].last);
}

/* A CV goes through four events; each user has one after the other. */
static void publish_next(void)
{
	static const struct { const char *status; int progress; } steps[] = { { "queued", 0 }, { "processing", 30 }, { "processing", 70 }, { "completed", 100 } };
	int i = (int)(run.published % options.connections);
	uint32_t n = users[i].events++;
	char user[16], batch[24], cv[24];

	snprintf(user, sizeof(user), "u%d", i);
	snprintf(batch, sizeof(batch), "b%" PRIu32, n / 40);
	snprintf(cv, sizeof(cv), "c%" PRIu32, n / 4);
	publish_by_script(options.sha, user, batch, cv, steps[n % 4].status, steps[n % 4].progress, STR("\"stage\":\"parse\",\"message\":\"Reading\""));
	run.published++;
}

static void turn(void)
{
	sockets_turn(publisher_flush() ? TICK_NS : 0);
}

/* One of the odd ones, wherever the walk stands; those that are away already are passed over. */
static void cut_next(void)
{
	static int at;
	int i = at * 2 + 1;

	at = (at + 1) % (options.connections / 2);
	if (!sockets_is_ready(i))
		return;
	sockets_cut(i);
	users[i].back_ns = now_ns() + random() % AWAY_MAX_NS;
}

static void bring_back(int64_t now)
{
	for (int i = 1; i < options.connections; i += 2) {
		if (!users[i].back_ns || now < users[i].back_ns)
			continue;
		users[i].back_ns = 0;
		run.reconnects++;
		sockets_open(i);
	}
}

static void report(int64_t since_ns)
{
	printf("{\"s\": %" PRId64 ", \"rss_kib\": %" PRId64 ", \"cpu_s\": %.1f, \"published\": %" PRId64 ", \"frames\": %" PRId64 ", \"ready\": %d, \"reconnects\": %" PRId64
	       ", \"broken\": %" PRId64 ", \"resyncs\": %" PRId64 "}\n", (now_ns() - since_ns) / 1000000000, rss_kib(options.pid), (double)cpu_ns(options.pid) / 1e9,
	       run.published, run.frames, sockets_ready(), run.reconnects, run.broken, run.resyncs);
	fflush(stdout);
}

static void soak(void)
{
	int64_t began = now_ns(), end = began + (int64_t)options.seconds * 1000000000, cut = 0, reported = began, looked = began;

	for (int64_t now = began; now < end; now = now_ns()) {
		while (run.published < (now - began) * options.rate / 1000000000)
			publish_next();
		for (; cut < (now - began) * options.churn / 1000000000; cut++)
			cut_next();
		if (now - looked > TICK_NS * 10) {
			looked = now;
			bring_back(now);
		}
		if (now - reported >= REPORT_NS) {
			reported += REPORT_NS;
			report(began);
		}
		turn();
	}
	report(began);
}

/* Everybody comes back and takes what is left. */
static void settle(void)
{
	run.frame_ns = now_ns();
	bring_back(INT64_MAX);
	while (sockets_ready() < options.connections || now_ns() - run.frame_ns < QUIET_NS)
		turn();
}

static void write_last_ids(void)
{
	FILE *f = fopen(options.last, "we");

	if (!f)
		fail("cannot write the last ids");
	for (int i = 0; i < options.connections; i++)
		fprintf(f, "%s\n", users[i].last);
	fclose(f);
}

static void parse_options(int argc, char **argv)
{
	static const struct option known[] = {
		{ "port", 1, NULL, 'p' }, { "redis", 1, NULL, 'r' }, { "pid", 1, NULL, 'P' }, { "sha", 1, NULL, 'h' }, { "connections", 1, NULL, 'c' },
		{ "churn", 1, NULL, 'C' }, { "rate", 1, NULL, 'R' }, { "seconds", 1, NULL, 's' }, { "last", 1, NULL, 'l' }, { NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'p': options.port = atoi(optarg); break;
		case 'r': options.redis = optarg; break;
		case 'P': options.pid = atoi(optarg); break;
		case 'h': options.sha = optarg; break;
		case 'c': options.connections = atoi(optarg); break;
		case 'C': options.churn = atoi(optarg); break;
		case 'R': options.rate = atoll(optarg); break;
		case 's': options.seconds = atoi(optarg); break;
		case 'l': options.last = optarg; break;
		default: exit(2);
		}
	}
	if (!options.port || !options.redis || !options.pid || !options.sha || !options.last || options.connections < 2 || options.seconds < 1)
		fail("see the head of bench/soak.c");
}

int main(int argc, char **argv)
{
	parse_options(argc, argv);
	users = calloc((size_t)options.connections, sizeof(*users));
	if (!users)
		fail("no memory");
	for (int i = 0; i < options.connections; i++)
		memcpy(users[i].last, "0-0", 4);
	sockets_start(&(struct sockets_options){ .port = options.port, .connections = options.connections, .query = query, .on_frame = on_frame });
	publisher_start_redis(options.redis);
	sockets_open_all(IN_FLIGHT_MAX);
	soak();
	settle();
	write_last_ids();
	return 0;
}
