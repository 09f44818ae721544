/*
 * cvpulse queue: what waits, and what a person can do about it. Looking and switching go by Redis (the keys are described in
 * worker/queue/common.lua); a single CV is tried again or erased by the worker's API, which publishes what it does.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

#include "clock.h"
#include "http.h"
#include "id.h"
#include "session.h"
#include "target.h"

#define PREFIX "{cvq}:"
#define LIST_MAX 10000

extern const struct command command_queue;

/* States as people name them, and the sorted set of each. The score of a job is a time in ms. */
static const struct state {
	const char *name, *set, *score;
} states[] = {
	{ "waiting", PREFIX "waiting", "waits for" },
	{ "running", PREFIX "leases", "lease ends in" },
	{ "retrying", PREFIX "delayed", "again in" },
	{ "dead", PREFIX "dead", "given up" },
};
#define N_STATES (sizeof(states) / sizeof(states[0]))

struct listing {
	struct session session;
	int64_t limit;
	int64_t now_ms;
	struct buf names;               /* "job score\n" of the state that is listed */
	int64_t number;
	bool failed;
};

static void on_number(void *ctx, const struct redisReply *reply)
{
	struct listing *l = ctx;

	l->number = reply_int(reply, -1);
	if (l->number < 0)
		l->failed = true;
}

static int64_t ask_number(struct listing *l, const char *command, const char *key)
{
	l->number = -1;
	if (SESSION_ASK(&l->session, on_number, l, str_c(command), str_c(key)) < 0)
		l->failed = true;
	return l->number;
}

static void on_names(void *ctx, const struct redisReply *reply)
{
	struct listing *l = ctx;

	buf_clear(&l->names);
	for (size_t i = 0; i + 1 < reply_count(reply); i += 2)
		buf_addf(&l->names, STR_FMT " " STR_FMT "\n", STR_ARG(reply_str(reply_at(reply, i))), STR_ARG(reply_str(reply_at(reply, i + 1))));
}

static void format_span(int64_t ms, char out[32])
{
	int64_t s = (ms < 0 ? -ms : ms) / 1000;

	if (s < 120)
		snprintf(out, 32, "%" PRId64 " s", s);
	else if (s < 7200)
		snprintf(out, 32, "%" PRId64 " min", s / 60);
	else
		snprintf(out, 32, "%" PRId64 " h", s / 3600);
}

static void on_job(void *ctx, const struct redisReply *reply)
{
	printf("  batch " STR_FMT ", tries %" PRId64, STR_ARG(reply_str(reply_at(reply, 0))), reply_int(reply_at(reply, 1), 0));
	if (reply_str(reply_at(reply, 2)).n)
		printf(", error " STR_FMT, STR_ARG(reply_str(reply_at(reply, 2))));
}

static void print_job(struct listing *l, const struct state *state, struct str job, struct str score)
{
	char key[512], span[32];
	uint64_t at = 0;

	snprintf(key, sizeof(key), PREFIX "job:" STR_FMT, STR_ARG(job));
	str_to_u64(score, 0, INT64_MAX, &at);
	format_span(l->now_ms - (int64_t)at, span);
	printf("  " STR_FMT "  %s %s", STR_ARG(job), state->score, span);
	if (SESSION_ASK(&l->session, on_job, NULL, STR("HMGET"), str_c(key), STR("batch"), STR("tries"), STR("error")) < 0)
		l->failed = true;
	putchar('\n');
}

static void list_state(struct listing *l, const struct state *state)
{
	int64_t total = ask_number(l, "ZCARD", state->set);
	struct str rest;
	char last[32];

	if (l->failed)
		return;
	printf("%s: %" PRId64 "\n", state->name, total);
	if (total == 0 || l->limit == 0)
		return;
	snprintf(last, sizeof(last), "%" PRId64, l->limit - 1);
	if (SESSION_ASK(&l->session, on_names, l, STR("ZRANGE"), str_c(state->set), STR("0"), str_c(last), STR("WITHSCORES")) < 0)
		l->failed = true;
	rest = buf_str(&l->names);
	while (rest.n) {
		struct str score = str_cut(&rest, '\n'), job = str_cut(&score, ' ');

		print_job(l, state, job, score);
	}
	if (total > l->limit)
		printf("  … and %" PRId64 " more (--limit)\n", total - l->limit);
}

static int list(struct listing *l, const char *only)
{
	bool known = !only;

	buf_init(&l->names, 16 << 20);
	if (ask_number(l, "EXISTS", PREFIX "paused") > 0)
		printf("PAUSED: workers take no job until: cvpulse queue resume\n");
	if (ask_number(l, "EXISTS", PREFIX "draining") > 0)
		printf("DRAINING: uploads are refused until: cvpulse queue resume\n");
	for (size_t i = 0; i < N_STATES; i++)
		if (!only || strcmp(only, states[i].name) == 0) {
			known = true;
			list_state(l, &states[i]);
		}
	buf_free(&l->names);
	if (!known)
		return usage_error(&command_queue, "there is no state \"%s\"; the states are waiting, running, retrying, dead", only);
	if (l->failed)
		complain(&command_queue, "Redis gave no answer; try again");
	return l->failed ? EXIT_FAILED : EXIT_GOOD;
}

static void on_switched(void *ctx, const struct redisReply *reply)
{
	struct listing *l = ctx;

	if (reply_kind(reply) == REPLY_ERROR || reply_kind(reply) == REPLY_LOST) {
		complain(&command_queue, "Redis did not do it: " STR_FMT, STR_ARG(reply_str(reply)));
		l->failed = true;
	}
}

static int switch_to(struct listing *l, const char *what)
{
	if (strcmp(what, "resume") == 0)
		SESSION_ASK(&l->session, on_switched, l, STR("DEL"), STR(PREFIX "paused"), STR(PREFIX "draining"));
	else if (strcmp(what, "pause") == 0)
		SESSION_ASK(&l->session, on_switched, l, STR("SET"), STR(PREFIX "paused"), STR("1"));
	else
		SESSION_ASK(&l->session, on_switched, l, STR("SET"), STR(PREFIX "draining"), STR("1"));
	if (!l->failed)
		printf("%s\n", strcmp(what, "resume") == 0 ? "resumed" : strcmp(what, "pause") == 0 ? "paused" : "draining");
	return l->failed ? EXIT_FAILED : EXIT_GOOD;
}

struct wishes {
	const char *url, *token_file;
	int64_t limit;
};

static int on_redis(struct cli *cli, const struct wishes *w, const char *what, const char *state)
{
	struct listing l = { .limit = w->limit, .now_ms = clock_wall_ms() };
	int status;

	if (session_open(&l.session, &command_queue, &cli->cfg) < 0)
		return EXIT_FAILED;
	status = strcmp(what, "ls") == 0 ? list(&l, state) : switch_to(&l, what);
	session_close(&l.session);
	return status;
}

/* job is "USER/CV", as ls shows it. */
static int on_worker(struct cli *cli, const struct wishes *w, const char *what, const char *job)
{
	bool drop = strcmp(what, "drop") == 0;
	struct str cv = str_c(job), user = str_cut(&cv, '/');
	struct http_target target;
	struct http_answer answer;
	struct buf path;
	struct http *h;

	if (!id_valid(user) || !id_valid(cv))
		return usage_error(&command_queue, "\"%s\" is no job; ls shows them as USER/CV", job);
	if (target_make(&target, &command_queue, w->url, w->token_file, cli->cfg.worker_listen) < 0)
		return EXIT_USAGE;
	if (http_new(&target, &h) < 0)
		return EXIT_FAILED;
	buf_init(&path, 4096);
	buf_addz(&path, API_BASE "/cvs/");
	http_add_encoded(&path, cv);
	buf_addz(&path, drop ? "?user_id=" : "/retry?user_id=");
	http_add_encoded(&path, user);
	buf_add(&path, "", 1);
	http_call(h, drop ? "DELETE" : "POST", path.p, NULL, &answer);
	if (answer.problem[0])
		complain(&command_queue, "%s: %s", job, answer.problem);
	else
		printf("%s\n", drop ? "dropped" : "tried again");
	buf_free(&answer.body);
	buf_free(&path);
	http_free(h);
	return answer.problem[0] ? EXIT_FAILED : EXIT_GOOD;
}

/* What can be done, and what it takes: at least and at most so many words. */
static const struct deed {
	const char *name;
	int min, max;
	int (*run)(struct cli *cli, const struct wishes *w, const char *what, const char *word);
} deeds[] = {
	{ "ls", 0, 1, on_redis },
	{ "pause", 0, 0, on_redis },
	{ "resume", 0, 0, on_redis },
	{ "drain", 0, 0, on_redis },
	{ "retry", 1, 1, on_worker },
	{ "drop", 1, 1, on_worker },
};

static int queue_run(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = { { "limit", required_argument, NULL, 'l' }, { "url", required_argument, NULL, 'u' },
						 { "token-file", required_argument, NULL, 't' }, { NULL, 0, NULL, 0 } };
	struct wishes w = { .limit = 20 };
	uint64_t limit;
	int option;

	optind = 0; /* glibc: begin anew, options may stand anywhere */
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'u')
			w.url = optarg;
		else if (option == 't')
			w.token_file = optarg;
		else if (option == 'l' && str_to_u64(str_c(optarg), 0, LIST_MAX, &limit) == 0)
			w.limit = (int64_t)limit;
		else
			return usage_error(&command_queue, "--limit takes a number from 0 to %d", LIST_MAX);
	}
	if (optind == argc)
		return on_redis(cli, &w, "ls", NULL);
	for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
		int words = argc - optind - 1;

		if (strcmp(argv[optind], deeds[i].name) != 0)
			continue;
		if (words < deeds[i].min || words > deeds[i].max)
			return usage_error(&command_queue, "%s takes %s", deeds[i].name, deeds[i].min ? "one job, USER/CV" : "no more words");
		return deeds[i].run(cli, &w, deeds[i].name, words ? argv[optind + 1] : NULL);
	}
	return usage_error(&command_queue, "\"%s\" is none of ls, pause, resume, drain, retry, drop", argv[optind]);
}

const struct command command_queue = {
	.name = "queue",
	.synopsis = "queue [ls [STATE] [--limit N] | pause | resume | drain | retry USER/CV | drop USER/CV]",
	.summary = "Show what waits, runs, is tried again or was given up; stop and resume it",
	.details = "\n  ls       the jobs (USER/CV) of every STATE: waiting, running, retrying, dead; --limit N (20) of each\n"
		   "  pause    workers finish what they have and take nothing new; uploads are still accepted\n"
		   "  drain    uploads are refused (503); workers go on until nothing is left\n"
		   "  resume   ends both\n"
		   "  retry    begins a CV that has ended anew\n"
		   "  drop     erases a CV: its job, its file and its result\n\n"
		   "retry and drop ask the worker:\n" TARGET_HELP,
	.run = queue_run,
};
