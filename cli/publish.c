/* cvpulse publish USER [FRAME]: frames through the publish script, so that they are numbered, kept and counted. */
#include "publish.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

#include "id.h"
#include "json_member.h"
#include "session.h"

#define REST_MAX_BYTES 65536

extern const struct command command_publish;

/* What the script wants beside the rest of the frame. */
struct parts {
	struct str batch, cv, status;
	int64_t attempt, progress;
};

struct publication {
	struct session session;
	struct publisher publisher;
	struct str user;
	int line;                       /* of stdin; 0: the frame was an argument */
	bool done, failed;
};

static void say(const struct publication *p, const char *what)
{
	if (p->line)
		complain(&command_publish, "line %d: %s", p->line, what);
	else
		complain(&command_publish, "%s", what);
}

static void on_published(void *ctx, const struct publish_answer *answer)
{
	struct publication *p = ctx;

	p->done = true;
	switch (answer->verdict) {
	case PUBLISH_ok:
		printf(STR_FMT "\n", STR_ARG(answer->id));
		break;
	case PUBLISH_REFUSED:
		p->failed = true;
		complain(&command_publish, "Redis refused the frame: " STR_FMT, STR_ARG(answer->id));
		break;
	case PUBLISH_NO_ANSWER:
		p->failed = true;
		say(p, "Redis gave no answer, so it may be published or not; publish it again, a duplicate does no harm");
		break;
	default:
		printf("%s\n", publish_verdict_name(answer->verdict));
	}
	fflush(stdout);
}

static bool take_id(const cJSON *frame, const char *name, struct str *out)
{
	*out = str_c(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(frame, name)));
	return id_valid(*out);
}

static bool take_number(struct str text, const char *name, uint64_t max, int64_t *out)
{
	uint64_t number;

	if (str_to_u64(json_member(text, name), 0, max, &number) < 0)
		return false;
	*out = (int64_t)number;
	return true;
}

/* NULL, or a sentence about what is wrong. */
static const char *take_parts(const cJSON *frame, struct str text, struct parts *out)
{
	const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(frame, "type"));

	*out = (struct parts){ .attempt = 1 };
	if (!type || strcmp(type, "cv_progress") != 0)
		return "\"type\" must be \"cv_progress\" (batch_progress is made from it; other types go by redis-cli PUBLISH)";
	if (!take_id(frame, "cv_id", &out->cv))
		return "\"cv_id\" is needed: text of 1 to 128 characters of A-Za-z0-9._@|+~=-";
	if (!take_id(frame, "batch_id", &out->batch))
		return "\"batch_id\" is needed: text of 1 to 128 characters of A-Za-z0-9._@|+~=-";
	out->status = str_c(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(frame, "status")));
	if (cv_status_by_name(out->status) < 0)
		return "\"status\" is needed: queued, processing, retrying, completed, failed or cancelled";
	if (!take_number(text, "progress", 100, &out->progress))
		return "\"progress\" is needed: a whole number from 0 to 100";
	if (cJSON_GetObjectItemCaseSensitive(frame, "attempt") && !take_number(text, "attempt", 1000000, &out->attempt))
		return "\"attempt\" must be a whole number";
	return NULL;
}

/* The members that the script makes itself. */
static bool made_by_script(const char *name)
{
	static const char *const made[] = { "id", "prev", "type", "ts", "user_id", "batch_id", "cv_id", "status", "progress", "attempt" };

	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
		if (strcmp(name, made[i]) == 0)
			return true;
	return false;
}

/* All other members, their values byte for byte as they came. */
static void collect_rest(const cJSON *frame, struct str text, struct buf *out)
{
	for (const cJSON *m = frame->child; m; m = m->next) {
		struct str value = json_member(text, m->string);

		if (!value.n || made_by_script(m->string) || cJSON_GetObjectItemCaseSensitive(frame, m->string) != m)
			continue;
		if (out->n)
			buf_addz(out, ",");
		buf_add_json(out, str_c(m->string));
		buf_addz(out, ":");
		buf_adds(out, value);
	}
}

static void send_frame(struct publication *p, const struct parts *parts, struct str rest)
{
	int rc;

	p->done = false;
	rc = publish_cv_text(&p->publisher, p->user, parts->batch, parts->cv, parts->status, parts->attempt, parts->progress, rest,
			     on_published, p);
	if (rc == 0)
		session_wait(&p->session, &p->done);
	else
		say(p, strerror(-rc));
	p->failed |= rc < 0;
}

static void publish_text(struct publication *p, const char *text)
{
	cJSON *frame = cJSON_ParseWithOpts(text, NULL, true);
	struct parts parts;
	const char *problem;
	struct buf rest;

	buf_init(&rest, REST_MAX_BYTES);
	problem = !cJSON_IsObject(frame) || !utf8_valid(text, strlen(text)) ? "this is not a JSON object" : take_parts(frame, str_c(text), &parts);
	if (!problem)
		collect_rest(frame, str_c(text), &rest);
	if (rest.failed)
		problem = "the frame is larger than 64 KiB";
	if (problem) {
		p->failed = true;
		say(p, problem);
	} else {
		send_frame(p, &parts, buf_str(&rest));
	}
	buf_free(&rest);
	cJSON_Delete(frame);
}

static void publish_lines(struct publication *p)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	while ((n = getline(&line, &cap, stdin)) >= 0) {
		p->line++;
		if (n && line[n - 1] == '\n')
			line[--n] = '\0';
		if (str_trim(str_of(line, (size_t)n)).n)
			publish_text(p, line);
	}
	free(line);
}

static int publish_run(struct cli *cli, int argc, char **argv)
{
	struct publication p = { 0 };

	if (argc < 2 || argc > 3)
		return usage_error(&command_publish, "it takes a user and at most one frame");
	if (!id_valid(str_c(argv[1])))
		return usage_error(&command_publish, "\"%s\" is no user id: 1 to 128 characters of A-Za-z0-9._@|+~=-", argv[1]);
	if (session_open(&p.session, &command_publish, &cli->cfg) < 0)
		return EXIT_FAILED;
	p.user = str_c(argv[1]);
	p.publisher = (struct publisher){ p.session.redis, &cli->cfg };
	if (argc == 3 && strcmp(argv[2], "-") != 0)
		publish_text(&p, argv[2]);
	else
		publish_lines(&p);
	session_close(&p.session);
	return p.failed ? EXIT_FAILED : EXIT_GOOD;
}

const struct command command_publish = {
	.name = "publish",
	.synopsis = "publish USER [FRAME]",
	.summary = "Publish events of a CV: numbered, kept in the history, counted in their batch",
	.details = "\nFRAME is a JSON object with at least type (cv_progress), cv_id, batch_id, status and progress; whatever else it has\n"
		   "is passed on as it is. Without FRAME, or with -, frames are read from standard input, one a line.\n"
		   "For each the new event's id is printed, or why there is none: stale (an older status or attempt), duplicate (the CV\n"
		   "has had its last event), erased. None of these is a failure.\n\n"
		   "  cvpulse publish 42 '{\"type\":\"cv_progress\",\"batch_id\":\"b1\",\"cv_id\":\"c1\",\"status\":\"processing\",\"progress\":40}'\n",
	.run = publish_run,
};
