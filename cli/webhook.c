/*
 * cvpulse webhook: sends one to see whether a receiver takes it, as the worker would (src/webhook.h); shows those that were given
 * up, and has them sent again. The keys in Redis are described in worker/queue/common.lua.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "id.h"
#include "session.h"
#include "webhook.h"

#define PREFIX "{cvq}:"
#define WAITING PREFIX "hooks"
#define DEAD PREFIX "hooks:dead"
#define LIST_MAX 10000
#define NAME_SIZE (2 * ID_MAX + 2)

extern const struct command command_webhook;

struct wishes {
	const char *secret_file;
	int64_t limit;
};

struct trial {
	const char *url;
	struct http_client *client;
	int64_t begun_ms, took_ms;
	bool done;
	int status;
};

static void on_answer(void *ctx, int status, struct str body)
{
	struct trial *trial = ctx;

	trial->status = status;
	trial->took_ms = clock_monotonic_ms() - trial->begun_ms;
	trial->done = true;
}

/* With the worker's guard it must go too; else this would say that all is well when it is not. */
static int send_guarded(struct trial *trial, uv_loop_t *loop, struct webhook *hook, const struct net_guard *guard, struct buf *problem)
{
	int rc;

	hook->guard = guard;
	trial->done = false;
	trial->begun_ms = clock_monotonic_ms();
	rc = webhook_send(trial->client, hook, on_answer, trial, NULL, problem);
	while (rc == 0 && !trial->done)
		uv_run(loop, UV_RUN_ONCE);
	return rc;
}

static int tell(const struct trial *trial, bool open)
{
	char text[WEBHOOK_REASON_SIZE];

	if (!webhook_heard(trial->status)) {
		complain(&command_webhook, "%s did not take it: %s", trial->url, webhook_reason(trial->status, text));
		return EXIT_FAILED;
	}
	printf("%s took it%s after %" PRId64 " ms\n", trial->url, trial->status > 0 ? "" : " (but its answer is too long)", trial->took_ms);
	if (open)
		printf("The worker will not send there: the address is not public, and webhook.allow does not hold it.\n");
	return EXIT_GOOD;
}

static int try_out(struct trial *trial, struct webhook *hook, const char *allow)
{
	struct net_guard guard;
	struct buf problem;
	uv_loop_t loop;
	bool open = false;
	int rc = net_guard_parse(allow, "", &guard, NULL);

	uv_loop_init(&loop);
	buf_init(&problem, 1024);
	if (rc == 0)
		rc = http_client_new(&loop, &trial->client);
	if (rc == 0)
		rc = send_guarded(trial, &loop, hook, &guard, &problem);
	open = rc == 0 && trial->status == -EACCES;
	if (open)
		rc = send_guarded(trial, &loop, hook, NULL, &problem);
	if (trial->client)
		http_client_free(trial->client);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	if (rc < 0)
		complain(&command_webhook, STR_FMT, STR_ARG(problem.n ? buf_str(&problem) : STR("it could not be sent")));
	buf_free(&problem);
	return rc == -EINVAL ? EXIT_USAGE : rc < 0 ? EXIT_FAILED : tell(trial, open);
}

static int test(struct cli *cli, const struct wishes *w, const char *url)
{
	const char *secret_file = w->secret_file ? w->secret_file : cli->cfg.webhook_secret_file;
	struct trial trial = { .url = url ? url : cli->cfg.webhook_url };
	char id[ID_NEW_SIZE], now[ISO8601_SIZE], body[256];
	int64_t wall_ms = clock_wall_ms();
	int n;

	if (!*trial.url)
		return usage_error(&command_webhook, "where to? Name a URL, or set [webhook] url");
	if (!str_starts(str_c(trial.url), STR("http://")) && !str_starts(str_c(trial.url), STR("https://")))
		return usage_error(&command_webhook, "\"%s\" must begin with http:// or https://", trial.url);
	if (!*secret_file)
		return usage_error(&command_webhook, "it must be signed: name a --secret-file, or set [webhook] secret_file");
	id_new('t', id);
	clock_iso8601(wall_ms, now);
	n = snprintf(body, sizeof(body), "{\"type\":\"webhook.test\",\"timestamp\":\"%s\",\"data\":{\"message\":\"cvpulse can reach you\"}}", now);
	struct webhook hook = {
		.url = trial.url, .secret_file = secret_file, .id = str_c(id), .body = str_of(body, (size_t)n),
		.timestamp_s = wall_ms / 1000, .timeout_ms = cli->cfg.webhook_timeout_ms,
	};

	return try_out(&trial, &hook, cli->cfg.webhook_allow);
}

/* What ls and retry go through: names, each with its time. */
struct listing {
	struct session session;
	struct buf names;               /* "USER/CV ms\n" */
	int64_t number;
	bool failed;
};

static void on_number(void *ctx, const struct redisReply *reply)
{
	struct listing *l = ctx;

	l->number = reply_int(reply, -1);
	l->failed = l->failed || l->number < 0;
}

static int64_t count(struct listing *l, const char *set)
{
	l->number = -1;
	if (SESSION_ASK(&l->session, on_number, l, STR("ZCARD"), str_c(set)) < 0)
		l->failed = true;
	return l->number;
}

static void on_names(void *ctx, const struct redisReply *reply)
{
	struct listing *l = ctx;

	l->failed = l->failed || reply_kind(reply) != REPLY_ARRAY;
	for (size_t i = 0; i + 1 < reply_count(reply); i += 2)
		buf_addf(&l->names, STR_FMT " " STR_FMT "\n", STR_ARG(reply_str(reply_at(reply, i))), STR_ARG(reply_str(reply_at(reply, i + 1))));
}

static void find_dead(struct listing *l, int64_t most)
{
	char last[24];

	snprintf(last, sizeof(last), "%" PRId64, most - 1);
	if (most > 0 && SESSION_ASK(&l->session, on_names, l, STR("ZRANGE"), STR(DEAD), STR("0"), str_c(last), STR("WITHSCORES")) < 0)
		l->failed = true;
}

static void on_details(void *ctx, const struct redisReply *reply)
{
	printf(", tries %" PRId64 ", error " STR_FMT "\n", reply_int(reply_at(reply, 0), 0), STR_ARG(reply_str(reply_at(reply, 1))));
}

static void print_dead(struct listing *l, struct str name, struct str at)
{
	char key[NAME_SIZE + 32], when[ISO8601_SIZE];
	uint64_t ms = 0;

	snprintf(key, sizeof(key), PREFIX "hook:" STR_FMT, STR_ARG(name));
	str_to_u64(at, 0, INT64_MAX, &ms);
	clock_iso8601((int64_t)ms, when);
	printf("  " STR_FMT "  given up %s", STR_ARG(name), when);
	if (SESSION_ASK(&l->session, on_details, l, STR("HMGET"), str_c(key), STR("tries"), STR("error")) < 0)
		l->failed = true;
}

static int list(struct listing *l, const struct wishes *w, const char *word)
{
	int64_t dead;
	struct str rest;

	(void)word;
	printf("waiting: %" PRId64 "\n", count(l, WAITING));
	dead = count(l, DEAD);
	printf("dead: %" PRId64 "\n", dead);
	find_dead(l, w->limit);
	rest = buf_str(&l->names);
	while (rest.n) {
		struct str at = str_cut(&rest, '\n'), name = str_cut(&at, ' ');

		print_dead(l, name, at);
	}
	if (dead > w->limit)
		printf("  … and %" PRId64 " more (--limit)\n", dead - w->limit);
	return EXIT_GOOD;
}

/* One that is erased in between must not come back: the script does all or nothing. As in queue/hook_add.lua. */
static const char revive[] =
	"if redis.call('ZREM', KEYS[1], ARGV[1]) == 0 then return 0 end\n"
	"local time = redis.call('TIME')\n"
	"local now = time[1] * 1000 + math.floor(time[2] / 1000)\n"
	"redis.call('HSET', KEYS[3], 'tries', 0, 'made_ms', now)\n"
	"redis.call('ZADD', KEYS[2], now, ARGV[1])\n"
	"return 1\n";

static int64_t send_again(struct listing *l, struct str name)
{
	char key[NAME_SIZE + 32];

	snprintf(key, sizeof(key), PREFIX "hook:" STR_FMT, STR_ARG(name));
	l->number = 0;
	if (SESSION_ASK(&l->session, on_number, l, STR("EVAL"), str_c(revive), STR("3"), STR(DEAD), STR(WAITING), str_c(key), name) < 0)
		l->failed = true;
	return l->number;
}

static int retry(struct listing *l, const struct wishes *w, const char *word)
{
	int64_t sent = 0;
	struct str rest;

	if (strcmp(word, "all") == 0)
		find_dead(l, LIST_MAX);
	else
		buf_addf(&l->names, "%s 0\n", word);
	rest = buf_str(&l->names);
	while (rest.n && !l->failed) {
		struct str at = str_cut(&rest, '\n');

		sent += send_again(l, str_cut(&at, ' '));
	}
	if (sent == 0 && !l->failed && strcmp(word, "all") != 0) {
		complain(&command_webhook, "%s is no dead letter; see: cvpulse webhook ls", word);
		return EXIT_FAILED;
	}
	printf("%" PRId64 " %s sent again\n", sent, sent == 1 ? "is" : "are");
	return EXIT_GOOD;
}

static int on_redis(struct cli *cli, const struct wishes *w, const char *word, int (*run)(struct listing *, const struct wishes *, const char *))
{
	struct listing l = { 0 };
	int status;

	if (session_open(&l.session, &command_webhook, &cli->cfg) < 0)
		return EXIT_FAILED;
	buf_init(&l.names, 16 << 20);
	status = run(&l, w, word);
	if (l.failed) {
		complain(&command_webhook, "Redis gave no answer; try again");
		status = EXIT_FAILED;
	}
	buf_free(&l.names);
	session_close(&l.session);
	return status;
}

static int run_deed(struct cli *cli, const struct wishes *w, const char *what, const char *word)
{
	struct str cv = str_c(word), user = str_cut(&cv, '/');

	if (strcmp(what, "test") == 0)
		return test(cli, w, word);
	if (strcmp(what, "ls") == 0 && !word)
		return on_redis(cli, w, NULL, list);
	if (strcmp(what, "retry") == 0 && word && (strcmp(word, "all") == 0 || (id_valid(user) && id_valid(cv))))
		return on_redis(cli, w, word, retry);
	return usage_error(&command_webhook, "it takes: test [URL], ls, retry USER/CV or retry all");
}

static int webhook_run(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = { { "secret-file", required_argument, NULL, 's' }, { "limit", required_argument, NULL, 'l' },
						 { NULL, 0, NULL, 0 } };
	struct wishes w = { .limit = 20 };
	uint64_t limit;
	int option, words;

	optind = 0; /* glibc: begin anew, options may stand anywhere */
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 's')
			w.secret_file = optarg;
		else if (option == 'l' && str_to_u64(str_c(optarg), 0, LIST_MAX, &limit) == 0)
			w.limit = (int64_t)limit;
		else
			return usage_error(&command_webhook, "the options are --secret-file FILE and --limit N, from 0 to %d", LIST_MAX);
	}
	words = argc - optind;
	if (words > 2)
		return usage_error(&command_webhook, "that are too many words");
	return run_deed(cli, &w, words ? argv[optind] : "ls", words == 2 ? argv[optind + 1] : NULL);
}

const struct command command_webhook = {
	.name = "webhook",
	.synopsis = "webhook [test [URL] [--secret-file FILE] | ls [--limit N] | retry USER/CV | retry all]",
	.summary = "Send a webhook to try a receiver out; show those that were given up, send them again",
	.details = "\n  test     sends one signed webhook of the type webhook.test to URL ([webhook] url); --secret-file: instead of\n"
		   "           [webhook] secret_file\n"
		   "  ls       how many wait, and those that were given up (USER/CV); --limit N (20)\n"
		   "  retry    sends one that was given up again, or all of them\n\n"
		   "It exits 0 when the receiver answered with a 2xx, 1 when not, 2 when the call or the secret is wrong.\n\n"
		   "  cvpulse webhook test https://example.org/hooks/cv --secret-file /etc/cvpulse/webhook_secret\n",
	.run = webhook_run,
};
