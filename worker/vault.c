/* See vault.h. Here: names of objects, and reading. */
#include "vault.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "digest.h"
#include "log.h"
#include "spool_record.h"
#include "vault_internal.h"

int vault_open(uv_loop_t *loop, const struct config *cfg, struct http_client *http, struct spool *spool, struct vault **out,
	       struct buf *problem)
{
	struct vault *v = calloc(1, sizeof(*v));
	int rc = -ENOMEM;

	if (!v)
		return rc;
	v->loop = loop;
	v->cfg = cfg;
	v->spool = spool;
	rc = s3_open(loop, cfg, http, &v->s3, problem);
	if (rc < 0) {
		free(v);
		return rc;
	}
	*out = v;
	return 0;
}

void vault_stop(struct vault *v)
{
	if (v)
		s3_stop(v->s3);
}

void vault_close(struct vault *v)
{
	if (v)
		s3_close(v->s3);
	free(v);
}

const char *vault_problem(const struct vault *v)
{
	return s3_problem(v->s3);
}

void vault_cv_key(char out[VAULT_KEY_SIZE], struct str cv, const char *ending)
{
	snprintf(out, VAULT_KEY_SIZE, "cvs/" STR_FMT "%s", STR_ARG(cv), ending);
}

void vault_mark_key(char out[VAULT_KEY_SIZE], struct str cv)
{
	snprintf(out, VAULT_KEY_SIZE, "gone/" STR_FMT ".erased", STR_ARG(cv));
}

/* Without memory "": no object begins so. */
static void sha256_text(struct str text, char out[SHA256_HEX_SIZE])
{
	struct digest *d = digest_new("sha256");

	out[0] = '\0';
	if (d && digest_add(d, text) == 0 && digest_end_hex(d, out) < 0)
		out[0] = '\0';
	digest_free(d);
}

void vault_user_folder(char out[VAULT_KEY_SIZE], struct str user)
{
	char hash[SHA256_HEX_SIZE];

	sha256_text(user, hash);
	snprintf(out, VAULT_KEY_SIZE, "users/%s/", hash);
}

int vault_get(struct vault *v, const char *key, size_t max_bytes, s3_done_fn *fn, void *ctx)
{
	const struct s3_request request = { .method = "GET", .key = key, .max_answer_bytes = max_bytes };

	return s3_send(v->s3, &request, fn, ctx, NULL);
}

int vault_head(struct vault *v, const char *key, s3_done_fn *fn, void *ctx)
{
	const struct s3_request request = { .method = "HEAD", .key = key };

	return s3_send(v->s3, &request, fn, ctx, NULL);
}

int vault_delete(struct vault *v, const char *key, s3_done_fn *fn, void *ctx)
{
	const struct s3_request request = { .method = "DELETE", .key = key };

	return s3_send(v->s3, &request, fn, ctx, NULL);
}

int vault_write(struct vault *v, const char *key, struct str bytes, s3_done_fn *fn, void *ctx)
{
	char sha256[SHA256_HEX_SIZE];
	const struct s3_request request = { .method = "PUT", .key = key, .sha256 = sha256, .body = bytes };

	sha256_text(bytes, sha256);
	return *sha256 ? s3_send(v->s3, &request, fn, ctx, NULL) : -ENOMEM;
}

struct reading {
	char cv[ID_MAX + 1];
	vault_record_fn *record_fn;
	vault_text_fn *text_fn;
	vault_fn *fn;
	void *ctx;
};

static struct reading *reading_new(struct str cv, void *ctx)
{
	struct reading *r = cv.n <= ID_MAX ? calloc(1, sizeof(*r)) : NULL;

	if (!r)
		return NULL;
	memcpy(r->cv, cv.p, cv.n);
	r->ctx = ctx;
	return r;
}

static int begun(struct reading *r, int rc)
{
	if (rc < 0)
		free(r);
	return rc;
}

static void on_record(void *ctx, int rc, struct str text)
{
	struct reading *r = ctx;
	struct spool_record rec;

	if (rc == 0)
		rc = spool_record_parse(text, &rec);
	if (rc == 0 && strcmp(rec.cv, r->cv) != 0)
		rc = -EBADMSG;
	r->record_fn(r->ctx, rc, &rec);
	free(r);
}

int vault_read_record(struct vault *v, struct str cv, vault_record_fn *fn, void *ctx)
{
	struct reading *r = reading_new(cv, ctx);
	char key[VAULT_KEY_SIZE];

	if (!r)
		return -ENOMEM;
	r->record_fn = fn;
	vault_cv_key(key, cv, ".json");
	return begun(r, vault_get(v, key, VAULT_RECORD_MAX_BYTES, on_record, r));
}

static void on_text(void *ctx, int rc, struct str text)
{
	struct reading *r = ctx;

	r->text_fn(r->ctx, rc, text);
	free(r);
}

int vault_read_result(struct vault *v, struct str cv, vault_text_fn *fn, void *ctx)
{
	struct reading *r = reading_new(cv, ctx);
	char key[VAULT_KEY_SIZE];

	if (!r)
		return -ENOMEM;
	r->text_fn = fn;
	vault_cv_key(key, cv, ".result");
	return begun(r, vault_get(v, key, VAULT_RESULT_MAX_BYTES, on_text, r));
}

static void on_head(void *ctx, int rc, struct str unused)
{
	struct reading *r = ctx;

	r->fn(r->ctx, rc);
	free(r);
}

int vault_has_result(struct vault *v, struct str cv, vault_fn *fn, void *ctx)
{
	struct reading *r = reading_new(cv, ctx);
	char key[VAULT_KEY_SIZE];

	if (!r)
		return -ENOMEM;
	r->fn = fn;
	vault_cv_key(key, cv, ".result");
	return begun(r, vault_head(v, key, on_head, r));
}
