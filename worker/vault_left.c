/* An erased user's unfinished uploads in the spools of other workers (vault.h): whoever erases leaves word in the store, and each
 * worker's sweep acts on it. Names are compared by their hashes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "vault_internal.h"

struct forgetting {
	uv_work_t work;
	struct vault *vault;
	char key[VAULT_KEY_SIZE];
	int64_t before_ms;
	int rc;
	vault_fn *fn;
	void *ctx;
};

/* The folder is "users/<hash>/". */
void vault_left_key(char out[VAULT_KEY_SIZE], const char *folder)
{
	snprintf(out, VAULT_KEY_SIZE, "left/%.*s.user", SHA256_HEX_SIZE - 1, folder + strlen("users/"));
}

static bool is_meant(const struct spool_record *rec, void *ctx)
{
	const struct forgetting *f = ctx;
	char folder[VAULT_KEY_SIZE], key[VAULT_KEY_SIZE];

	if (rec->created_ms >= f->before_ms)
		return false;
	vault_user_folder(folder, str_c(rec->user));
	vault_left_key(key, folder);
	return strcmp(key, f->key) == 0;
}

static void in_pool(uv_work_t *work)
{
	struct forgetting *f = work->data;

	f->rc = spool_remove_where(f->vault->spool, is_meant, f);
}

static void on_done(uv_work_t *work, int status)
{
	struct forgetting *f = work->data;

	f->fn(f->ctx, f->rc);
	free(f);
}

int vault_forget_here(struct vault *v, const char *name, int64_t before_ms, vault_fn *fn, void *ctx)
{
	struct forgetting *f = malloc(sizeof(*f));

	if (!f)
		return -ENOMEM;
	*f = (struct forgetting){ .vault = v, .before_ms = before_ms, .fn = fn, .ctx = ctx };
	snprintf(f->key, sizeof(f->key), "left/%s", name);
	f->work.data = f;
	uv_queue_work(v->loop, &f->work, in_pool, on_done); /* fails only without a function */
	return 0;
}
