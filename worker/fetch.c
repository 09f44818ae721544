/* See fetch.h. */
#include "fetch.h"

#include <errno.h>
#include <stdlib.h>

#include "clock.h"
#include "http_client.h"
#include "log.h"
#include "receive.h"
#include "vault.h"

struct fetch {
	const struct pipeline_parts *parts;
	struct spool_record record;
	struct http_call *call;                 /* NULL once the answer is complete */
	struct receive *receive;                /* NULL until the first byte */
	int64_t deadline_us;
	int redirects;
	bool keeping;                           /* the vault is at it: it cannot be freed before that is over */
	const struct fetch_callbacks *callbacks;
	void *ctx;
};

void fetch_cancel(struct fetch *f)
{
	if (f->keeping) {
		f->callbacks = NULL;
		return;
	}
	if (f->call)
		http_call_cancel(f->call);
	receive_free(f->receive);
	free(f);
}

/* The one end that is told. */
static void finish(struct fetch *f, enum error_code code, enum fetch_again again)
{
	f->callbacks->done(f->ctx, code, again, &f->record);
	fetch_cancel(f);
}

static void on_written(void *ctx)
{
	struct fetch *f = ctx;

	if (f->call && receive_waiting_bytes(f->receive) < RECEIVE_HIGH_BYTES)
		http_call_resume(f->call);
}

/* -ENOENT: the CV was removed meanwhile, and nobody waits for it. */
static void on_failed(void *ctx, int rc)
{
	struct fetch *f = ctx;

	if (rc != -ENOENT)
		LOG(ERROR, "fetched_file_not_stored", LOG_TEXT("cv", f->record.cv), LOG_ERRNO(rc));
	if (rc == -ENOENT)
		finish(f, ERR_internal, FETCH_NEVER);
	else if (f->parts->vault && (rc == -EREMOTEIO || rc == -ENOSPC || rc == -EDQUOT))
		finish(f, ERR_internal, FETCH_LATER);
	else
		finish(f, ERR_internal, FETCH_AGAIN);
}

static void on_committed(void *ctx)
{
	finish(ctx, ERR_NONE, FETCH_NEVER);
}

static void on_kept(void *ctx, int rc)
{
	struct fetch *f = ctx;

	f->keeping = false;
	if (!f->callbacks)
		fetch_cancel(f);
	else if (rc < 0)
		on_failed(f, rc);
	else
		on_committed(f);
}

static void keep(struct fetch *f)
{
	int fd = receive_open(f->receive);
	int rc = fd < 0 ? fd : vault_put(f->parts->vault, VAULT_FETCHED, &f->record, fd, on_kept, f);

	if (rc < 0)
		on_failed(f, rc);
	else
		f->keeping = true;
}

static void on_synced(void *ctx, int64_t bytes, const char *sha256)
{
	struct fetch *f = ctx;

	f->record.bytes = bytes;
	memcpy(f->record.sha256, sha256, SHA256_HEX_SIZE);
	f->record.url[0] = '\0';
	if (f->parts->vault)
		keep(f);
	else
		receive_commit(f->receive, &f->record);
}

static bool begin_receiving(struct fetch *f)
{
	static const struct receive_callbacks callbacks = { on_written, on_synced, on_committed, on_failed };
	char name[ID_NEW_SIZE];

	if (!f->receive) {
		id_new('f', name);
		f->receive = receive_new(f->parts->loop, f->parts->spool, str_c(name), &callbacks, f);
		if (f->receive && f->parts->vault)
			receive_hide(f->receive);
	}
	return f->receive != NULL;
}

static bool on_data(void *ctx, struct str piece)
{
	struct fetch *f = ctx;

	if (!begin_receiving(f))
		return true; /* out of memory: said at the end of the answer */
	receive_write(f->receive, piece);
	return receive_waiting_bytes(f->receive) < RECEIVE_HIGH_BYTES;
}

static int ask(struct fetch *f, const char *url);

static void follow(struct fetch *f, const char *url)
{
	int rc = -ELOOP;

	if (url && ++f->redirects <= f->parts->cfg->fetch_redirects_max)
		rc = ask(f, url);
	if (rc == -EACCES)
		finish(f, ERR_fetch_blocked, FETCH_NEVER);
	else if (rc < 0)
		finish(f, ERR_fetch_failed, rc == -ELOOP ? FETCH_NEVER : FETCH_AGAIN);
}

static void on_refused(struct fetch *f, int status)
{
	switch (status) {
	case -EACCES:
		finish(f, ERR_fetch_blocked, FETCH_NEVER);
		break;
	case -EMSGSIZE:
		finish(f, ERR_too_large, FETCH_NEVER);
		break;
	case 408:
	case 425:
	case 429:
		finish(f, ERR_fetch_failed, FETCH_AGAIN);
		break;
	default:
		finish(f, ERR_fetch_failed, status < 0 || status >= 500 ? FETCH_AGAIN : FETCH_NEVER);
	}
}

static void on_answer(void *ctx, int status, struct str body)
{
	struct fetch *f = ctx;
	const char *redirect = http_call_redirect(f->call);

	f->call = NULL; /* freed when this returns */
	if (status >= 300 && status <= 399)
		follow(f, redirect);
	else if (status < 200 || status > 299)
		on_refused(f, status);
	else if (begin_receiving(f))
		receive_end(f->receive);
	else
		finish(f, ERR_internal, FETCH_AGAIN);
}

static int ask(struct fetch *f, const char *url)
{
	const struct http_options options = {
		.url = url, .timeout_ms = (f->deadline_us - clock_monotonic_us()) / 1000,
		.max_answer_bytes = (size_t)f->parts->cfg->worker_max_file_bytes, .guard = f->parts->guard, .on_data = on_data,
	};

	if (options.timeout_ms <= 0)
		return -ETIMEDOUT;
	if (http_url_judge(f->parts->guard, url) != NET_URL_OK)
		return -EACCES;
	return http_client_start(f->parts->http, &options, on_answer, f, &f->call);
}

int fetch_start(const struct pipeline_parts *parts, const struct spool_record *rec, const struct fetch_callbacks *callbacks,
		void *ctx, struct fetch **out)
{
	struct fetch *f = calloc(1, sizeof(*f));
	int rc = -ENOMEM;

	if (!f)
		return rc;
	f->parts = parts;
	f->record = *rec;
	f->callbacks = callbacks;
	f->ctx = ctx;
	f->deadline_us = clock_monotonic_us() + parts->cfg->fetch_timeout_ms * 1000;
	rc = ask(f, rec->url);
	if (rc < 0) {
		free(f);
		return rc;
	}
	*out = f;
	return 0;
}
