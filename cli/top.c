/* cvpulse top: the daemons' numbers in a terminal, again and again; or once, for scripts. Asks their admin listeners. */
#include <cjson/cJSON.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "session.h"
#include "target.h"

#define INTERVAL_DEFAULT_MS 2000
#define INTERVAL_MAX_MS (3600 * 1000)
#define FAILURES_LAST "4"               /* of the newest, counted from 0 */
#define QUEUE_KEY_SIZE 512

extern const struct command command_top;

struct source {
	const char *name;
	struct http_target target;      /* http refers to it */
	struct http *http;              /* NULL: nobody to ask */
	char problem[HTTP_PROBLEM_SIZE];
	int64_t at_ms;                  /* of the last look */
	int64_t finished;               /* CVs that had ended, or connections that had opened, then */
};

struct top {
	struct source notifier, worker;
	struct session redis;
	struct buf rows;                /* of the dead letters */
	struct buf out;                 /* one look, written at once so that nothing flickers */
	bool has_redis, answered;
};

static double number(const cJSON *o, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(o, name);

	return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

static bool is_true(const cJSON *o, const char *name)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, name));
}

/* The answer as JSON, or NULL after a line that says why not. */
static cJSON *ask(struct top *t, struct source *s, const char *path)
{
	struct http_answer answer;
	cJSON *json = NULL;

	if (!s->http) {
		buf_addf(&t->out, "%-9s %s\n", s->name, s->problem);
		return NULL;
	}
	http_call(s->http, "GET", path, NULL, &answer);
	if (!answer.problem[0])
		json = cJSON_ParseWithLength(answer.body.p, answer.body.n);
	if (json)
		t->answered = true;
	else
		buf_addf(&t->out, "%-9s does not answer: %s\n", s->name, answer.problem[0] ? answer.problem : "no JSON");
	buf_free(&answer.body);
	return json;
}

static void add_span(struct buf *out, double seconds)
{
	if (seconds < 120)
		buf_addf(out, "%.0f s", seconds);
	else if (seconds < 7200)
		buf_addf(out, "%.0f min", seconds / 60);
	else
		buf_addf(out, "%.1f h", seconds / 3600);
}

/* What a counter grew by in a second since the last look; nothing at the first one. */
static void add_rate(struct buf *out, struct source *s, const char *what, int64_t count, int64_t now_ms)
{
	if (s->at_ms && now_ms > s->at_ms && count >= s->finished)
		buf_addf(out, "   %s %.1f/s", what, (double)(count - s->finished) * 1000 / (double)(now_ms - s->at_ms));
	s->at_ms = now_ms;
	s->finished = count;
}

static void look_at_notifier(struct top *t, int64_t now_ms)
{
	cJSON *stats = ask(t, &t->notifier, "/api/stats");
	const cJSON *reason;
	int n = 0;

	if (!stats)
		return;
	buf_addf(&t->out, "notifier  connections %.0f   users %.0f   frames %.0f/s", number(stats, "active_connections"), number(stats, "active_users"),
		 number(stats, "frame_rate"));
	add_rate(&t->out, &t->notifier, "new connections", (int64_t)number(stats, "total_connections"), now_ms);
	buf_addz(&t->out, "   up ");
	add_span(&t->out, number(stats, "uptime_s"));
	buf_addz(&t->out, "\nclosed   ");
	cJSON_ArrayForEach(reason, cJSON_GetObjectItemCaseSensitive(stats, "closed"))
		if (reason->valuedouble > 0)
			n += (buf_addf(&t->out, " %s %.0f  ", reason->string, reason->valuedouble), 1);
	buf_addz(&t->out, n ? "\n" : " none\n");
	cJSON_Delete(stats);
}

static void look_at_queue(struct top *t)
{
	cJSON *stats = ask(t, &t->worker, "/api/stats");

	if (!stats)
		return;
	buf_addf(&t->out, "queue     waiting %.0f   running %.0f   tried again %.0f   given up %.0f   stalled %.0f%s%s\n", number(stats, "queued"),
		 number(stats, "running"), number(stats, "retrying"), number(stats, "dead"), number(stats, "stalled"),
		 is_true(stats, "paused") ? "   PAUSED (cvpulse queue resume)" : "", is_true(stats, "draining") ? "   DRAINING (cvpulse queue resume)" : "");
	buf_addf(&t->out, "workers   %.0f busy slots   %.0f CVs an hour   average wait ", number(stats, "running"), number(stats, "files_per_hour"));
	add_span(&t->out, number(stats, "average_wait_ms") / 1000);
	buf_addz(&t->out, "   up ");
	add_span(&t->out, number(stats, "uptime_s"));
	buf_addz(&t->out, "\n");
	cJSON_Delete(stats);
}

static void on_dead(void *ctx, const struct redisReply *reply)
{
	struct buf *rows = ctx;

	for (size_t i = 0; i + 1 < reply_count(reply); i += 2)
		buf_addf(rows, STR_FMT " " STR_FMT "\n", STR_ARG(reply_str(reply_at(reply, i))), STR_ARG(reply_str(reply_at(reply, i + 1))));
}

static void on_error_code(void *ctx, const struct redisReply *reply)
{
	buf_adds(ctx, reply_str(reply));
}

/* score job, as ZREVRANGE gives them. */
static void add_failure(struct top *t, struct str job, struct str score)
{
	char key[QUEUE_KEY_SIZE], at[ISO8601_SIZE];
	uint64_t ms = 0;

	str_to_u64(score, 0, INT64_MAX, &ms);
	clock_iso8601((int64_t)ms, at);
	snprintf(key, sizeof(key), "{cvq}:job:" STR_FMT, STR_ARG(job));
	buf_addf(&t->out, "  %s  " STR_FMT "  ", at, STR_ARG(job));
	SESSION_ASK(&t->redis, on_error_code, &t->out, STR("HGET"), str_c(key), STR("error"));
	buf_addz(&t->out, "\n");
}

static void look_at_failures(struct top *t)
{
	struct str rest;

	if (!t->has_redis)
		return;
	buf_clear(&t->rows);
	buf_addz(&t->out, "\nlast CVs that were given up (cvpulse queue retry USER/CV):\n");
	if (SESSION_ASK(&t->redis, on_dead, &t->rows, STR("ZREVRANGE"), STR("{cvq}:dead"), STR("0"), STR(FAILURES_LAST), STR("WITHSCORES")) < 0)
		buf_addz(&t->out, "  Redis does not answer\n");
	else if (!t->rows.n)
		buf_addz(&t->out, "  none\n");
	rest = buf_str(&t->rows);
	while (rest.n) {
		struct str score = str_cut(&rest, '\n'), job = str_cut(&score, ' ');

		add_failure(t, job, score);
	}
}

static void look(struct top *t, bool screen)
{
	int64_t now_ms = clock_monotonic_ms();
	char at[ISO8601_SIZE];

	clock_iso8601(clock_wall_ms(), at);
	buf_clear(&t->out);
	t->answered = false;
	if (screen)
		buf_addz(&t->out, "\033[H\033[2J");
	buf_addf(&t->out, "cvpulse   %s\n\n", at);
	look_at_notifier(t, now_ms);
	look_at_queue(t);
	look_at_failures(t);
	fwrite(t->out.p, 1, t->out.n, stdout);
	fflush(stdout);
}

static void source_open(struct source *s, const char *name, const char *listen)
{
	*s = (struct source){ .name = name };
	if (target_make(&s->target, &command_top, NULL, NULL, listen) < 0)
		snprintf(s->problem, sizeof(s->problem), "cannot be asked at \"%s\"", listen);
	else if (http_new(&s->target, &s->http) < 0)
		snprintf(s->problem, sizeof(s->problem), "out of memory");
}

static int watch(struct top *t, bool once, int64_t interval_ms)
{
	bool screen = !once && isatty(STDOUT_FILENO);

	while (look(t, screen), !once && !ferror(stdout))
		nanosleep(&(struct timespec){ interval_ms / 1000, interval_ms % 1000 * 1000000 }, NULL);
	return t->answered ? EXIT_GOOD : EXIT_FAILED;
}

static int top_run(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = { { "once", no_argument, NULL, 'o' }, { "interval", required_argument, NULL, 'i' }, { NULL, 0, NULL, 0 } };
	int64_t interval_ms = INTERVAL_DEFAULT_MS;
	struct top t = { .answered = false };
	bool once = false;
	int option, status;

	optind = 0; /* glibc: begin anew, options may stand anywhere */
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'o')
			once = true;
		else if (option != 'i' || str_to_ms(str_c(optarg), INTERVAL_MAX_MS, &interval_ms) < 0 || interval_ms < 100)
			return usage_error(&command_top, "--interval takes seconds, from 0.1 to 3600");
	}
	if (optind < argc)
		return usage_error(&command_top, "it takes no word");
	buf_init(&t.out, 1 << 20);
	source_open(&t.notifier, "notifier", cli->cfg.notifier_admin_listen);
	source_open(&t.worker, "worker", cli->cfg.worker_admin_listen);
	buf_init(&t.rows, 1 << 16);
	t.has_redis = session_open(&t.redis, &command_top, &cli->cfg) == 0;
	status = watch(&t, once, interval_ms);
	if (t.has_redis)
		session_close(&t.redis);
	buf_free(&t.rows);
	if (t.notifier.http)
		http_free(t.notifier.http);
	if (t.worker.http)
		http_free(t.worker.http);
	buf_free(&t.out);
	return status;
}

const struct command command_top = {
	.name = "top",
	.synopsis = "top [--once] [--interval SECONDS]",
	.summary = "Show connections, queue, rates and the last failures, again and again",
	.details = "\nAsks the admin listeners of the configuration ([notifier] and [worker] admin_listen), and Redis. Ctrl-C ends it.\n\n"
		   "  --once              look once and end; the exit status is 1 when nobody answered\n"
		   "  --interval SECONDS  from one look to the next (2)\n",
	.run = top_run,
};
