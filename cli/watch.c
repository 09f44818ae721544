/* cvpulse watch USER: the user's events as they come, straight from Redis, or as a browser gets them (--url). */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "clock.h"
#include "request.h"
#include "http.h"
#include "id.h"
#include "keys.h"
#include "live.h"
#include "session.h"
#include "target.h"

#define RETRY_FIRST_MS 500
#define RETRY_MAX_MS 15000

extern const struct command command_watch;

struct watch {
	struct session session;
	struct live live;
	const char *user;
	char channel[KEY_SIZE];
	char last_id[STREAM_ID_SIZE];
	bool raw;                       /* every frame as it came, one a line */
	int64_t left;                   /* events still wanted; -1: no end */
	bool done, announced;
};

static void announce(struct watch *w)
{
	if (!w->announced)
		complain(&command_watch, "waiting for events of user %s", w->user);
	w->announced = true;
}

/* A newline inside a frame is only white space of JSON; here it would end the line. */
static void print_raw(struct str frame)
{
	for (size_t i = 0; i < frame.n; i++)
		putchar(frame.p[i] == '\n' || frame.p[i] == '\r' ? ' ' : frame.p[i]);
	putchar('\n');
}

static bool show(struct watch *w, struct str frame)
{
	struct view v;

	if (w->raw) {
		print_raw(frame);
	} else {
		view_make(&v, frame, clock_wall_ms());
		live_show(&w->live, &v);
	}
	if (fflush(stdout) != 0 || (w->left > 0 && --w->left == 0))
		w->done = true; /* nobody reads any more, or enough were seen */
	return !w->done;
}

static void on_message(void *ctx, const struct redisReply *message)
{
	struct watch *w = ctx;

	if (str_eq(reply_str(reply_at(message, 0)), STR("message")))
		show(w, reply_str(reply_at(message, 2)));
	else
		announce(w);
}

static void subscribe(void *ctx)
{
	struct watch *w = ctx;

	if (w->session.connections > 1)
		complain(&command_watch, "connected to Redis again; what was published meanwhile is not shown");
	redis_subscribe(w->session.redis, str_c(w->channel), on_message, w);
}

static int watch_redis(struct watch *w, const struct cli *cli)
{
	if (session_open(&w->session, &command_watch, &cli->cfg) < 0)
		return EXIT_FAILED;
	key_user(w->channel, cli->cfg.redis_key_form, str_c(w->user), "events");
	w->session.connected = subscribe;
	w->session.ctx = w;
	subscribe(w);
	session_wait(&w->session, &w->done);
	session_close(&w->session);
	return EXIT_GOOD;
}

static bool on_stream_event(void *ctx, struct str id, struct str data)
{
	struct watch *w = ctx;

	snprintf(w->last_id, sizeof(w->last_id), STR_FMT, STR_ARG(id));
	return show(w, data);
}

/* A stream that ends is taken up again after the last event that was seen, so nothing is missed. */
static int watch_http(struct watch *w, const struct http_target *target)
{
	char problem[HTTP_PROBLEM_SIZE];
	int64_t retry_ms = RETRY_FIRST_MS;
	struct buf path;
	struct http *h;

	if (http_new(target, &h) < 0)
		return EXIT_FAILED;
	buf_init(&path, 4096);
	buf_addz(&path, API_BASE "/events/");
	http_add_encoded(&path, str_c(w->user));
	buf_add(&path, "", 1);
	announce(w);
	for (;;) {
		int64_t began = clock_monotonic_ms();
		int rc = http_stream(h, path.p, w->last_id, on_stream_event, w, problem);

		if (w->done)
			break;
		if (rc < 0)
			complain(&command_watch, "%s: %s", target->base, problem);
		if (strncmp(problem, "HTTP 4", 6) == 0 && strncmp(problem, "HTTP 429", 8) != 0)
			break; /* asking again does not help */
		retry_ms = clock_monotonic_ms() - began > RETRY_MAX_MS ? RETRY_FIRST_MS : retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : retry_ms * 2;
		usleep((useconds_t)(retry_ms + (int64_t)random_below((uint64_t)retry_ms)) * 1000);
	}
	buf_free(&path);
	http_free(h);
	return w->done ? EXIT_GOOD : EXIT_FAILED;
}

static int watch_run(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' }, { "count", required_argument, NULL, 'n' }, { "url", required_argument, NULL, 'u' },
		{ "token-file", required_argument, NULL, 't' }, { NULL, 0, NULL, 0 },
	};
	struct watch w = { .left = -1, .raw = !isatty(STDOUT_FILENO) };
	const char *url = NULL, *token_file = NULL;
	struct http_target target;
	uint64_t count;
	int option;

	optind = 0; /* glibc: begin anew, options may stand anywhere */
	while ((option = getopt_long(argc, argv, "jn:", options, NULL)) != -1) {
		if (option == 'j')
			w.raw = true;
		else if (option == 'u')
			url = optarg;
		else if (option == 't')
			token_file = optarg;
		else if (option == 'n' && str_to_u64(str_c(optarg), 1, INT64_MAX, &count) == 0)
			w.left = (int64_t)count;
		else
			return usage_error(&command_watch, "--count takes a number above 0; see below for the other options");
	}
	if (argc - optind != 1 || !id_valid(str_c(argv[optind])))
		return usage_error(&command_watch, "it takes one user id: 1 to 128 characters of A-Za-z0-9._@|+~=-");
	w.user = argv[optind];
	live_init(&w.live);
	if (!url)
		return watch_redis(&w, cli);
	return target_make(&target, &command_watch, url, token_file, "") < 0 ? EXIT_USAGE : watch_http(&w, &target);
}

const struct command command_watch = {
	.name = "watch",
	.synopsis = "watch [--json] [--count N] [--url URL [--token-file FILE]] USER",
	.summary = "Show a user's events as they come",
	.details = "\nReads the user's channel in Redis. On a terminal each CV has one line that moves; elsewhere, and with --json, every\n"
		   "frame is printed as it was published, one a line. Ctrl-C ends it.\n\n"
		   "  --count N          end after N events\n"
		   "  --url URL          ask the notifier at http(s)://host[:port] or unix:/path instead (server-sent events), as a\n"
		   "                     browser does: this shows whether events get through nginx and Cloudflare\n"
		   "  --token-file FILE  file with the bearer token (default: the environment variable CVPULSE_TOKEN)\n",
	.run = watch_run,
};
