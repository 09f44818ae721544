/* A person is forgotten by the store (vault.h): other workers find word of it (vault_left.c), then each CV of the user's list is
 * erased, some at a time, until the list is empty. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "vault_internal.h"

#define AT_ONCE 16

struct forgetting {
	struct vault *vault;
	char folder[VAULT_KEY_SIZE];
	char (*cvs)[ID_MAX + 1];                /* of one page */
	size_t n, next;
	char first[ID_MAX + 1];                 /* of the page before */
	int in_flight, erased, rc;
	vault_fn *fn;
	void *ctx;
};

static void on_page(void *ctx, int rc, const struct vault_name *names, size_t n, bool more);
static void on_erased(void *ctx, int rc);

static void finish(struct forgetting *f)
{
	f->fn(f->ctx, f->rc < 0 ? f->rc : f->erased);
	free(f->cvs);
	free(f);
}

/* What was erased has left the list: the first page is always the next one. */
static void next_page(struct forgetting *f)
{
	f->rc = vault_list_names(f->vault, f->folder, "", on_page, f);
	if (f->rc < 0)
		finish(f);
}

static void erase_some(struct forgetting *f)
{
	while (f->rc == 0 && f->next < f->n && f->in_flight < AT_ONCE) {
		f->rc = vault_erase_in(f->vault, f->folder, str_c(f->cvs[f->next++]), on_erased, f);
		f->in_flight += f->rc == 0;
	}
	if (f->in_flight)
		return;
	if (f->rc < 0 || f->n == 0)
		finish(f);
	else
		next_page(f);
}

static void on_erased(void *ctx, int rc)
{
	struct forgetting *f = ctx;

	f->in_flight--;
	if (rc < 0 && f->rc == 0)
		f->rc = rc;
	f->erased += rc == 0;
	erase_some(f);
}

static void on_page(void *ctx, int rc, const struct vault_name *names, size_t n, bool more)
{
	struct forgetting *f = ctx;

	f->rc = rc;
	f->n = f->next = 0;
	for (size_t i = 0; i < n; i++)
		f->n += vault_name_cv(names[i].name, ".cv", f->cvs[f->n]);
	if (f->n && strcmp(f->cvs[0], f->first) == 0)
		f->rc = -EREMOTEIO; /* it lists what it has removed: another time */
	else if (f->n)
		memcpy(f->first, f->cvs[0], sizeof(f->first));
	erase_some(f);
}

static void on_word_left(void *ctx, int rc, struct str unused)
{
	struct forgetting *f = ctx;

	f->rc = rc;
	if (rc < 0)
		finish(f);
	else
		next_page(f);
}

int vault_erase_user(struct vault *v, struct str user, vault_fn *fn, void *ctx)
{
	struct forgetting *f = calloc(1, sizeof(*f));
	char key[VAULT_KEY_SIZE];
	int rc = -ENOMEM;

	if (!f)
		return rc;
	f->vault = v;
	f->fn = fn;
	f->ctx = ctx;
	vault_user_folder(f->folder, user);
	f->cvs = malloc(VAULT_PAGE * sizeof(*f->cvs));
	vault_left_key(key, f->folder);
	if (f->cvs)
		rc = vault_write(v, key, STR("1"), on_word_left, f);
	if (rc < 0) {
		free(f->cvs);
		free(f);
	}
	return rc;
}
