/* See handover.h. */
#include "handover.h"

#include <errno.h>
#include <stdlib.h>

#include "clock.h"
#include "filename.h"
#include "http_client.h"
#include "log.h"
#include "metrics.h"
#include "spool_jobs.h"
#include "vault.h"

#define KEY_MAX_BYTES 255

struct taking {
	struct worker *worker;
	struct spool_record record;
	bool own_batch;
	enum accept_answer answer;              /* of a refusal, while the record is removed again */
	char key[KEY_MAX_BYTES + 1];
	struct buf made;                        /* ACCEPT_SAME: the CV of before, NUL, its batch */
	handover_fn *fn;
	void *ctx;
};

/* A host that is not public is found out when the webhook is sent. */
static const char *webhook_problem(const struct worker *w, struct str webhook)
{
	char url[HTTP_URL_MAX + 1];
	enum net_url_verdict verdict;

	if (!*w->cfg->webhook_secret_file)
		return "webhook cannot be signed: [webhook] secret_file is not set";
	if (webhook.n > HTTP_URL_MAX || memchr(webhook.p, 0, webhook.n))
		return "webhook has 1 to 2048 bytes";
	memcpy(url, webhook.p, webhook.n);
	url[webhook.n] = '\0';
	verdict = http_url_judge(&w->webhook_guard, url);
	return verdict == NET_URL_OK || verdict == NET_URL_PORT ? NULL : "webhook is an http or https address without user name and password";
}

const char *handover_problem(const struct worker *w, const struct handover *h)
{
	if (!id_valid(h->user))
		return "user_id has 1 to 128 characters of A-Z a-z 0-9 . _ @ | + ~ = -";
	if (h->batch.n && !id_valid(h->batch))
		return "batch_id has 1 to 128 characters of A-Z a-z 0-9 . _ @ | + ~ = -";
	if (!h->url.n || h->url.n > HTTP_URL_MAX || memchr(h->url.p, 0, h->url.n))
		return "url has 1 to 2048 bytes";
	if (h->idempotency_key.n > KEY_MAX_BYTES)
		return "idempotency_key has at most 255 bytes";
	if (h->priority < 0 || h->priority > QUEUE_PRIORITY_MAX)
		return "priority is a number from 0 to 9";
	return h->webhook.n ? webhook_problem(w, h->webhook) : NULL;
}

/* The one end of it. */
static void finish(struct taking *t, enum accept_answer answer)
{
	struct handover_result result = { answer, str_c(t->record.cv), str_c(t->record.batch) };

	if (answer == ACCEPT_SAME) {
		result.cv = str_c(t->made.p);
		result.batch = str_c(t->made.p + result.cv.n + 1);
	}
	t->fn(t->ctx, &result);
	buf_free(&t->made);
	free(t);
}

static void on_removed(void *ctx, int rc)
{
	struct taking *t = ctx;

	if (rc < 0)
		LOG(ERROR, "record_not_removed", LOG_TEXT("cv", t->record.cv), LOG_ERRNO(rc));
	finish(t, t->answer);
}

static void take_back(struct taking *t, enum accept_answer answer)
{
	struct worker *w = t->worker;

	int rc;

	t->answer = answer;
	rc = w->vault ? vault_uncommit(w->vault, &t->record, on_removed, t) :
			spool_job_remove(w->loop, w->spool, str_c(t->record.cv), on_removed, t);
	if (rc < 0)
		on_removed(t, rc);
}

/* When it was not heard, the batch is closed by the sweep once it lies idle. */
static void on_closed(void *ctx, const struct publish_answer *unused)
{
	finish(ctx, ACCEPT_OK);
}

static void taken(struct taking *t)
{
	struct worker *w = t->worker;

	metrics_add(METRIC_uploads_accepted, 1);
	if (w->pipeline)
		pipeline_kick(w->pipeline);
	if (!t->own_batch || publish_batch(&w->publisher, str_c(t->record.user), str_c(t->record.batch), BATCH_CLOSE, 0, on_closed, t) < 0)
		finish(t, ACCEPT_OK);
}

static void same(struct taking *t, const struct accept_result *result)
{
	struct str cv = result->made_job;

	str_cut(&cv, '/');
	buf_init(&t->made, 2 * (ID_MAX + 1));
	buf_adds(&t->made, cv);
	buf_add(&t->made, "", 1);
	buf_adds(&t->made, result->made_batch);
	buf_add(&t->made, "", 1);
	take_back(t, t->made.failed ? ACCEPT_UNAVAILABLE : ACCEPT_SAME);
}

static void on_accepted(void *ctx, const struct accept_result *result)
{
	struct taking *t = ctx;

	switch (result->answer) {
	case ACCEPT_OK:
	case ACCEPT_OVER:
		taken(t);
		break;
	case ACCEPT_SAME:
		same(t, result);
		break;
	case ACCEPT_FULL:
	case ACCEPT_USER_FULL:
	case ACCEPT_DRAINING:
	case ACCEPT_UNAVAILABLE:
		take_back(t, result->answer);
		break;
	}
}

static void on_written(void *ctx, int rc)
{
	struct taking *t = ctx;
	struct worker *w = t->worker;
	struct queue_job job = job_of_record(&t->record);

	if (rc < 0)
		LOG(ERROR, "record_not_written", LOG_TEXT("cv", t->record.cv), LOG_ERRNO(rc));
	job.idempotency_key = str_c(t->key);
	if (rc < 0 || accept_cv(w->queue, &w->publisher, &job, false, on_accepted, t) < 0)
		take_back(t, ACCEPT_UNAVAILABLE);
}

/* What a browser would call the file: the last part of the path. */
static void name_from_url(struct str url, char out[FILENAME_SIZE])
{
	char decoded[HTTP_URL_MAX + 1];
	struct str rest = url, path = str_cut(&rest, '#');
	int n;

	rest = path;
	path = str_cut(&rest, '?');
	for (size_t i = path.n; i > 0; i--)
		if (path.p[i - 1] == '/') {
			path = str_skip(path, i);
			break;
		}
	n = path.p ? url_decode(path, false, decoded, sizeof(decoded)) : -EINVAL;
	filename_clean(n < 0 ? STR("") : str_of(decoded, (size_t)n), out);
}

static void copy(char *out, struct str text)
{
	if (text.n)
		memcpy(out, text.p, text.n);
	out[text.n] = '\0';
}

static void fill(struct taking *t, const struct handover *h)
{
	struct spool_record *rec = &t->record;
	char id[ID_NEW_SIZE];

	copy(rec->user, h->user);
	copy(rec->batch, h->batch);
	copy(rec->url, h->url);
	copy(rec->webhook, h->webhook);
	copy(t->key, h->idempotency_key);
	t->own_batch = !h->batch.n;
	if (t->own_batch) {
		id_new('b', id);
		copy(rec->batch, str_c(id));
	}
	id_new('c', id);
	copy(rec->cv, str_c(id));
	if (h->filename.n)
		filename_clean(h->filename, rec->filename);
	else
		name_from_url(h->url, rec->filename);
	rec->created_ms = clock_wall_ms();
	rec->priority = h->priority;
	rec->attempt = 1;
}

int handover_take(struct worker *w, const struct handover *h, handover_fn *fn, void *ctx)
{
	struct taking *t;
	int rc;

	if (!redis_is_connected(w->redis))
		return -ENOTCONN;
	rc = spool_room(w->spool, 0, w->cfg->worker_min_free_bytes);
	if (rc < 0)
		return rc;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->worker = w;
	t->fn = fn;
	t->ctx = ctx;
	fill(t, h);
	rc = w->vault ? vault_put(w->vault, VAULT_NEW, &t->record, -1, on_written, t) :
			spool_job_create(w->loop, w->spool, &t->record, on_written, t);
	if (rc < 0)
		free(t);
	return rc;
}
