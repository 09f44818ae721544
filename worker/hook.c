/* See hook.h. */
#include "hook.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>

#include "http_client.h"
#include "jwt.h"
#include "log.h"

#define TOKEN_MAX_BYTES 4096
#define HTTP_NO_CONTENT 204

struct hook {
	struct http_call *call;
	struct buf answer;                      /* all of it so far */
	size_t taken;                           /* of it: lines of progress, and empty ones */
	bool at_last;                           /* what follows is the result */
	const struct hook_callbacks *callbacks;
	void *ctx;
};

static struct str message_of(const cJSON *line)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(line, "message"));
	struct str message = str_c(text);

	if (message.n > HOOK_MESSAGE_MAX) {
		message.n = HOOK_MESSAGE_MAX;
		while (message.n && ((unsigned char)message.p[message.n] & 0xc0) == 0x80)
			message.n--; /* not in the middle of a character */
	}
	return message.n && utf8_valid(message.p, message.n) ? message : STR("");
}

/* A line of progress is an object with that number, and without a result. */
static bool take_progress(struct hook *hook, struct str line)
{
	cJSON *json = cJSON_ParseWithLength(line.p, line.n);
	const cJSON *number = cJSON_GetObjectItemCaseSensitive(json, "progress");
	bool is_progress = cJSON_IsNumber(number) && !cJSON_GetObjectItemCaseSensitive(json, "resume");
	double percent = is_progress ? number->valuedouble : 0;

	if (is_progress)
		hook->callbacks->progress(hook->ctx, percent > 100 ? 100 : percent > 0 ? (int)percent : 0, message_of(json));
	cJSON_Delete(json);
	return is_progress;
}

static void take_lines(struct hook *hook)
{
	while (!hook->at_last) {
		struct str rest = str_skip(buf_str(&hook->answer), hook->taken), line;
		const char *end = rest.n ? memchr(rest.p, '\n', rest.n) : NULL;

		if (!end)
			return;
		line = str_of(rest.p, (size_t)(end - rest.p));
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (str_trim(line).n && !take_progress(hook, line))
			hook->at_last = true;
		else
			hook->taken += (size_t)(end - rest.p) + 1;
	}
}

static bool on_data(void *ctx, struct str piece)
{
	struct hook *hook = ctx;

	buf_adds(&hook->answer, piece);
	/* No line ends in what came before; a long result that comes in many pieces is not searched again with each. */
	if (!hook->answer.failed && memchr(piece.p, '\n', piece.n))
		take_lines(hook);
	return true;
}

/* The last object, or its member "resume". Printed anew: what is kept and served is JSON of our own making. */
static int take_result(struct str last, char **out)
{
	cJSON *json = cJSON_ParseWithLengthOpts(last.p, last.n, NULL, 0);
	const cJSON *resume = cJSON_GetObjectItemCaseSensitive(json, "resume");

	if (!resume)
		resume = json;
	*out = cJSON_IsObject(resume) && utf8_valid(last.p, last.n) ? cJSON_PrintUnformatted(resume) : NULL;
	cJSON_Delete(json);
	return *out ? 0 : -EBADMSG;
}

static void finish(struct hook *hook, int rc, struct str resume)
{
	hook->callbacks->done(hook->ctx, rc, resume);
	hook_cancel(hook);
}

static void on_answer(void *ctx, int status, struct str body)
{
	struct hook *hook = ctx;
	struct str last = str_trim(str_skip(buf_str(&hook->answer), hook->taken));
	char *resume = NULL;
	int rc;

	hook->call = NULL;
	if (status < 0 || status / 100 != 2)
		finish(hook, status, str_of(NULL, 0));
	else if (hook->answer.failed)
		finish(hook, -EMSGSIZE, str_of(NULL, 0));
	else if (status == HTTP_NO_CONTENT)
		finish(hook, 0, STR(""));
	else if (last.n == 0 || (!hook->at_last && take_progress(hook, last)))
		finish(hook, -EBADMSG, str_of(NULL, 0)); /* it broke off: a result never came */
	else {
		rc = take_result(last, &resume);
		finish(hook, rc, str_c(resume));
		free(resume);
	}
}

void hook_cancel(struct hook *hook)
{
	if (hook->call)
		http_call_cancel(hook->call);
	buf_free(&hook->answer);
	free(hook);
}

static int start_call(struct hook *hook, const struct pipeline_parts *parts, struct str body)
{
	const struct config *cfg = parts->cfg;
	const char *headers[] = { "Content-Type: application/json", "Accept: application/x-ndjson, application/json", "Expect:",
				  NULL, NULL };
	const struct http_options options = {
		.url = cfg->processor_url, .method = "POST", .body = body, .headers = headers, .timeout_ms = cfg->processor_timeout_ms,
		.max_answer_bytes = (size_t)cfg->processor_answer_max_bytes, .on_data = on_data,
	};
	struct buf line, problem;
	int rc = 0;

	buf_init(&line, TOKEN_MAX_BYTES);
	buf_init(&problem, TOKEN_MAX_BYTES);
	if (*cfg->processor_token_file) {
		buf_addz(&line, "Authorization: Bearer ");
		rc = secret_read(cfg->processor_token_file, &line, &problem);
		buf_add(&line, "", 1);
		headers[3] = line.p;
	}
	if (rc < 0 || line.failed)
		LOG(ERROR, "processor_token_unreadable", LOG_STR("reason", buf_str(&problem)));
	rc = rc < 0 || line.failed ? -EINVAL : http_client_start(parts->http, &options, on_answer, hook, &hook->call);
	if (line.p)
		explicit_bzero(line.p, line.cap);
	buf_free(&line);
	buf_free(&problem);
	return rc;
}

int hook_start(const struct pipeline_parts *parts, struct str body, const struct hook_callbacks *callbacks, void *ctx,
	       struct hook **out)
{
	struct hook *hook = calloc(1, sizeof(*hook));
	int rc;

	if (!hook)
		return -ENOMEM;
	hook->callbacks = callbacks;
	hook->ctx = ctx;
	buf_init(&hook->answer, (size_t)parts->cfg->processor_answer_max_bytes);
	rc = start_call(hook, parts, body);
	if (rc < 0) {
		hook_cancel(hook);
		return rc;
	}
	*out = hook;
	return 0;
}
