/* See submit.h: asks for the batch again and again until all CVs that were uploaded have ended. */
#include "submit.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <unistd.h>

#include "clock.h"
#include "live.h"

#define ASK_EVERY_MS 300
#define PATH_MAX_BYTES 4096
#define TRIES_MAX 20                    /* answers that fail in a row, e.g. while the worker restarts */
#define TRY_AGAIN_MS 1000

static struct submitted *find(struct submission *s, const char *cv_id)
{
	for (int i = 0; cv_id && i < s->n; i++)
		if (strcmp(s->cvs[i].cv_id, cv_id) == 0)
			return &s->cvs[i];
	return NULL;
}

/* A row of the batch is an event without its type. */
static void show_row(struct submission *s, struct live *live, cJSON *row)
{
	struct submitted *cv = find(s, cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(row, "cv_id")));
	const cJSON *progress = cJSON_GetObjectItemCaseSensitive(row, "progress");
	const char *status = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(row, "status"));
	struct view v;
	char *text;

	if (!cv || cv->over || !status)
		return;
	cJSON_AddStringToObject(row, "type", "cv_progress");
	text = cJSON_PrintUnformatted(row);
	if (!text)
		return;
	view_make(&v, str_c(text), clock_wall_ms());
	cJSON_free(text);
	if (v.over || !cJSON_IsNumber(progress) || progress->valueint != cv->progress)
		live_show(live, &v);
	cv->progress = cJSON_IsNumber(progress) ? progress->valueint : -1;
	cv->over = v.over;
	cv->failed = v.over && strcmp(status, "completed") != 0;
}

/* One page; the cursor of the next one goes to next ("" when there is none). */
static int show_page(struct submission *s, struct live *live, char next[64], char problem[HTTP_PROBLEM_SIZE])
{
	struct http_answer answer;
	char more[100] = "";
	struct buf path;
	cJSON *page, *row;
	int rc;

	if (next[0])
		snprintf(more, sizeof(more), "&cursor=%s", next);
	next[0] = '\0';
	buf_init(&path, PATH_MAX_BYTES);
	submission_path(s, "/batches/", str_c(s->batch_id), "", more, &path);
	rc = http_call(s->http, "GET", path.p, NULL, &answer);
	snprintf(problem, HTTP_PROBLEM_SIZE, "%s", answer.problem);
	page = answer.problem[0] ? NULL : cJSON_ParseWithLength(answer.body.p, answer.body.n);
	cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(page, "cvs"))
		show_row(s, live, row);
	if (cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(page, "next_cursor")))
		snprintf(next, 64, "%s", cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(page, "next_cursor")));
	cJSON_Delete(page);
	buf_free(&answer.body);
	buf_free(&path);
	return rc < 0 || problem[0] ? -1 : 0;
}

static int count_running(const struct submission *s)
{
	int n = 0;

	for (int i = 0; i < s->n; i++)
		n += !s->cvs[i].over;
	return n;
}

int submission_wait(struct submission *s)
{
	char next[64], problem[HTTP_PROBLEM_SIZE];
	int failed = 0, tries = 0;
	struct live live;

	live_init(&live);
	while (count_running(s) && tries < TRIES_MAX) {
		int rc;

		next[0] = '\0';
		do {
			rc = show_page(s, &live, next, problem);
		} while (rc == 0 && next[0]);
		tries = rc < 0 ? tries + 1 : 0;
		if (count_running(s))
			usleep((rc < 0 ? TRY_AGAIN_MS : ASK_EVERY_MS) * 1000);
	}
	if (tries) {
		complain(s->command, "the progress cannot be asked for: %s. The files were taken all the same", problem);
		return EXIT_FAILED;
	}
	for (int i = 0; i < s->n; i++)
		failed += s->cvs[i].failed;
	if (failed)
		complain(s->command, "%d of %d CVs were not completed", failed, s->n);
	return failed ? EXIT_FAILED : EXIT_GOOD;
}
