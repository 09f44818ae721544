/* cvpulse queue: what waits, and the switches that stop it. The keys are described in docs and worker/queue/common.lua. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

#include "clock.h"
#include "session.h"

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

static int queue_run(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = { { "limit", required_argument, NULL, 'l' }, { NULL, 0, NULL, 0 } };
	struct listing l = { .limit = 20, .now_ms = clock_wall_ms() };
	const char *what, *state;
	uint64_t limit = 20;
	int option, status;
	bool ls;

	optind = 1;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (option != 'l' || str_to_u64(str_c(optarg), 0, LIST_MAX, &limit) < 0)
			return usage_error(&command_queue, "--limit takes a number from 0 to %d", LIST_MAX);
	l.limit = (int64_t)limit;
	what = optind < argc ? argv[optind] : "ls";
	state = optind + 1 < argc ? argv[optind + 1] : NULL;
	ls = strcmp(what, "ls") == 0;
	if (!ls && strcmp(what, "pause") != 0 && strcmp(what, "resume") != 0 && strcmp(what, "drain") != 0)
		return usage_error(&command_queue, "\"%s\" is none of ls, pause, resume, drain", what);
	if (argc - optind > (ls ? 2 : 1))
		return usage_error(&command_queue, "there are too many arguments");
	if (session_open(&l.session, &command_queue, &cli->cfg) < 0)
		return EXIT_FAILED;
	status = ls ? list(&l, state) : switch_to(&l, what);
	session_close(&l.session);
	return status;
}

const struct command command_queue = {
	.name = "queue",
	.synopsis = "queue [ls [STATE] [--limit N] | pause | resume | drain]",
	.summary = "Show what waits, runs, is tried again or was given up; stop and resume it",
	.details = "\n  ls       the jobs (USER/CV) of every STATE: waiting, running, retrying, dead; --limit N (20) of each\n"
		   "  pause    workers finish what they have and take nothing new; uploads are still accepted\n"
		   "  drain    uploads are refused (503); workers go on until nothing is left\n"
		   "  resume   ends both\n",
	.run = queue_run,
};
