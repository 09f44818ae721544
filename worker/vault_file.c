/* A CV's file comes from the store into one without a name (vault.h): it is held by its descriptor only, so that nothing is left
 * of it however this process ends. What comes waits for the disk, and is no longer than the record says. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "log.h"
#include "receive.h"
#include "vault_internal.h"

struct coming {
	struct vault *vault;
	struct s3_call *call;                   /* NULL once the answer is complete */
	struct receive *receive;
	int64_t bytes;
	char sha256[SHA256_HEX_SIZE], cv[ID_MAX + 1];
	int rc;                                 /* what ends it */
	vault_fn *fn;
	void *ctx;
};

static void finish(struct coming *c, int rc)
{
	receive_free(c->receive);
	c->vault->coming_bytes -= c->bytes;
	c->fn(c->ctx, rc);
	free(c);
}

static void on_written(void *ctx)
{
	struct coming *c = ctx;

	if (c->call && receive_waiting_bytes(c->receive) < RECEIVE_HIGH_BYTES)
		s3_resume(c->call);
}

static void on_synced(void *ctx, int64_t bytes, const char *sha256)
{
	struct coming *c = ctx;

	if (bytes == c->bytes && strcmp(sha256, c->sha256) == 0) {
		finish(c, receive_open(c->receive));
		return;
	}
	LOG(ERROR, "s3_file_damaged", LOG_TEXT("cv", c->cv), LOG_INT("bytes", bytes));
	finish(c, -EBADMSG);
}

/* The store may still be sending: its answer is waited for. */
static void on_failed(void *ctx, int rc)
{
	struct coming *c = ctx;

	LOG(ERROR, "s3_file_not_written", LOG_TEXT("cv", c->cv), LOG_ERRNO(rc));
	if (!c->call) {
		finish(c, rc);
		return;
	}
	c->rc = rc;
	s3_resume(c->call);
}

/* Nothing calls for a commit. */
static void on_committed(void *ctx)
{
	abort();
}

static bool on_data(void *ctx, struct str piece)
{
	struct coming *c = ctx;

	if (c->rc == 0)
		receive_write(c->receive, piece);
	return c->rc < 0 || receive_waiting_bytes(c->receive) < RECEIVE_HIGH_BYTES;
}

static void on_answer(void *ctx, int rc, struct str unused)
{
	struct coming *c = ctx;

	c->call = NULL;
	if (c->rc < 0)
		finish(c, c->rc);
	else if (rc < 0)
		finish(c, rc == -EMSGSIZE ? -EBADMSG : rc);
	else
		receive_end(c->receive);
}

static int begin(struct coming *c)
{
	static const struct receive_callbacks callbacks = { on_written, on_synced, on_committed, on_failed };
	char key[VAULT_KEY_SIZE], name[ID_NEW_SIZE];
	const struct s3_request request = { .method = "GET", .key = key, .on_data = on_data, .max_answer_bytes = (size_t)c->bytes };

	vault_cv_key(key, str_c(c->cv), ".file");
	id_new('g', name);
	c->receive = receive_new(c->vault->loop, c->vault->spool, str_c(name), &callbacks, c);
	if (!c->receive)
		return -ENOMEM;
	receive_hide(c->receive);
	return s3_send(c->vault->s3, &request, on_answer, c, &c->call);
}

int vault_open_file(struct vault *v, const struct spool_record *rec, vault_fn *fn, void *ctx)
{
	struct coming *c;
	int rc = spool_room(v->spool, v->coming_bytes + rec->bytes, v->cfg->worker_min_free_bytes);

	if (rc < 0)
		return rc;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->vault = v;
	c->bytes = rec->bytes;
	memcpy(c->sha256, rec->sha256, sizeof(c->sha256));
	memcpy(c->cv, rec->cv, sizeof(c->cv));
	c->fn = fn;
	c->ctx = ctx;
	rc = begin(c);
	if (rc < 0) {
		receive_free(c->receive);
		free(c);
		return rc;
	}
	v->coming_bytes += c->bytes;
	return 0;
}
