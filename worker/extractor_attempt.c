/* See extractor_attempt.h. */
#include "extractor_attempt.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "json_member.h"

#define EARLY_MAX_BYTES 1000

static void set_state(struct attempt *attempt, enum attempt_state to)
{
	static const bool lawful[][ATTEMPT_OVER + 1] = {
		[ATTEMPT_RUNNING] = { [ATTEMPT_EXITED] = true, [ATTEMPT_SILENT] = true },
		[ATTEMPT_EXITED] = { [ATTEMPT_OVER] = true },
		[ATTEMPT_SILENT] = { [ATTEMPT_OVER] = true },
		[ATTEMPT_OVER] = { false },
	};

	if (!lawful[attempt->state][to])
		abort();
	attempt->state = to;
	if (to == ATTEMPT_OVER)
		attempt->events->over(attempt->ctx);
}

void attempt_exited(struct attempt *attempt, int status)
{
	if (attempt->state != ATTEMPT_RUNNING && attempt->state != ATTEMPT_SILENT)
		return;
	attempt->status = status;
	set_state(attempt, attempt->state == ATTEMPT_RUNNING ? ATTEMPT_EXITED : ATTEMPT_OVER);
}

static void pipe_ended(struct attempt *attempt)
{
	uv_read_stop((uv_stream_t *)&attempt->pipe);
	set_state(attempt, attempt->state == ATTEMPT_RUNNING ? ATTEMPT_SILENT : ATTEMPT_OVER);
}

static cJSON *parse(struct str json)
{
	const char *end = NULL;
	cJSON *root = frame_is_text(json) ? cJSON_ParseWithLengthOpts(json.p, json.n, &end, 0) : NULL;

	if (root && end == json.p + json.n && cJSON_IsObject(root))
		return root;
	cJSON_Delete(root);
	return NULL;
}

static int take_progress(const cJSON *root, int *percent, char message[WIRE_TEXT_MAX])
{
	const cJSON *number = cJSON_GetObjectItemCaseSensitive(root, "percent");
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, "message"));
	size_t n = text ? strlen(text) : 0;

	if (!cJSON_IsNumber(number) || !text || n >= WIRE_TEXT_MAX || !frame_is_text(str_of(text, n)))
		return -EPROTO;
	*percent = number->valuedouble < 0 ? 0 : number->valuedouble > 100 ? 100 : (int)number->valuedouble;
	memcpy(message, text, n + 1);
	return 1;
}

static int take_early(struct attempt *attempt, const cJSON *root, struct str json)
{
	struct str early = json_member(json, "early");

	if (attempt->had_early || !cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(root, "early")) || early.n > EARLY_MAX_BYTES)
		return -EPROTO;
	attempt->had_early = true;
	attempt->events->early(attempt->ctx, early);
	return 0;
}

/* Codes about a document stand first in the table; what concerns queues and networks is not a child's to say. */
static int take_error(struct attempt *attempt, const cJSON *root)
{
	const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, "code"));
	enum error_code code = error_by_name(str_c(name));

	if (code == ERR_NONE || (code > ERR_parser_crashed && code != ERR_internal))
		return -EPROTO;
	attempt->said = code;
	return 0;
}

static int take_result(struct attempt *attempt, const cJSON *root, struct str json)
{
	if (!cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(root, "resume")) ||
	    !cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(root, "result")))
		return -EPROTO;
	buf_clear(&attempt->result);
	buf_adds(&attempt->result, json);
	attempt->said = attempt->result.failed ? ERR_internal : ERR_NONE;
	return 0;
}

/* It stands for an error unless the file can go that way. */
static int take_need(struct attempt *attempt, const cJSON *root)
{
	static const struct { const char *way; enum wire_way needs; enum error_code code; } ways[] = {
		{ "converter", WIRE_WAY_CONVERTER, ERR_unsupported_type }, { "ocr", WIRE_WAY_OCR, ERR_ocr_unavailable },
	};
	struct str way = str_c(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, "way")));

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (!str_eq(way, str_c(ways[i].way)))
			continue;
		attempt->needs = ways[i].needs;
		attempt->said = ways[i].code;
		return 0;
	}
	return -EPROTO;
}

int attempt_take(struct attempt *attempt, struct str json, int *percent, char message[WIRE_TEXT_MAX])
{
	cJSON *root = parse(json);
	struct str type = str_c(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, "type")));
	int rc = -EPROTO;

	if (str_eq(type, STR("progress")))
		rc = take_progress(root, percent, message);
	else if (str_eq(type, STR("early")))
		rc = take_early(attempt, root, json);
	else if (str_eq(type, STR("error")))
		rc = take_error(attempt, root);
	else if (str_eq(type, STR("result")))
		rc = take_result(attempt, root, json);
	else if (str_eq(type, STR("needs")))
		rc = take_need(attempt, root);
	cJSON_Delete(root);
	return rc;
}

/* Of several progress frames that came at once only the newest counts. */
static void on_bytes(struct attempt *attempt, const char *bytes, size_t n)
{
	char message[WIRE_TEXT_MAX];
	struct str json;
	int percent = 0, rc = frame_feed(&attempt->frames, bytes, n);
	bool progressed = false;

	if (rc == 0)
		while ((rc = frame_next(&attempt->frames, &json)) > 0) {
			rc = attempt_take(attempt, json, &percent, message);
			if (rc < 0)
				break;
			progressed |= rc > 0;
		}
	if (rc < 0) {
		attempt->said = ERR_parser_crashed;
		uv_read_stop((uv_stream_t *)&attempt->pipe);
		attempt->events->misbehaved(attempt->ctx);
		pipe_ended(attempt);
	} else if (progressed) {
		attempt->events->progress(attempt->ctx, percent, str_c(message));
	}
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
	struct attempt *attempt = stream->data;

	if (n > 0)
		on_bytes(attempt, buffer->base, (size_t)n);
	else if (n < 0)
		pipe_ended(attempt);
}

/* One buffer for all: libuv fills it and hands it on before it asks again. */
static void lend_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	static char shared[65536];

	*buffer = uv_buf_init(shared, sizeof(shared));
}

static void on_pipe_closed(uv_handle_t *handle)
{
	struct attempt *attempt = handle->data;

	frame_reader_free(&attempt->frames);
	buf_free(&attempt->result);
	free(attempt);
}

void attempt_free(struct attempt *attempt)
{
	uv_close((uv_handle_t *)&attempt->pipe, on_pipe_closed);
}

int attempt_open(uv_loop_t *loop, size_t output_max_bytes, const struct attempt_events *events, void *ctx,
		 struct attempt **out, int *write_end)
{
	struct attempt *attempt = calloc(1, sizeof(*attempt));
	int fds[2], rc;

	if (!attempt)
		return -ENOMEM;
	if (pipe2(fds, O_CLOEXEC) < 0) {
		rc = -errno;
		free(attempt);
		return rc;
	}
	frame_reader_init(&attempt->frames, output_max_bytes);
	buf_init(&attempt->result, output_max_bytes);
	attempt->said = ERR_parser_crashed;
	attempt->events = events;
	attempt->ctx = ctx;
	attempt->pipe.data = attempt;
	uv_pipe_init(loop, &attempt->pipe, 0);
	rc = uv_pipe_open(&attempt->pipe, fds[0]);
	if (rc < 0)
		close(fds[0]);
	else
		rc = uv_read_start((uv_stream_t *)&attempt->pipe, lend_buffer, on_read);
	if (rc < 0) {
		close(fds[1]);
		attempt_free(attempt);
		return rc;
	}
	*out = attempt;
	*write_end = fds[1];
	return 0;
}

enum error_code attempt_outcome(const struct attempt *attempt, bool *again)
{
	enum error_code outcome = wire_outcome(attempt->status);
	bool violation = WIFSIGNALED(attempt->status) && WTERMSIG(attempt->status) == SIGSYS;

	*again = false;
	if (attempt->killed != ERR_NONE)
		return attempt->killed;
	if (outcome == ERR_NONE)
		return attempt->said;
	*again = outcome != ERR_timeout && !violation;
	return outcome;
}
