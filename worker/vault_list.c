/* What there is in the store, a page at a time (vault.h). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "vault_internal.h"

#define LISTING_MAX_BYTES (4 * 1024 * 1024)
#define QUERY_MAX_BYTES 4096

struct listing {
	char prefix[512], after[VAULT_KEY_SIZE];        /* prefix: of the folder, as keys begin */
	struct vault_name *names;
	size_t n;
	vault_names_fn *fn;
	void *ctx;
};

static void on_object(void *ctx, const struct s3_object *object)
{
	struct listing *l = ctx;
	struct str name = object->key;
	struct vault_name *out = &l->names[l->n];

	if (!str_starts(name, str_c(l->prefix)) || l->n == VAULT_PAGE)
		return;
	name = str_skip(name, strlen(l->prefix));
	if (name.n == 0 || name.n >= sizeof(out->name))
		return;
	memcpy(out->name, name.p, name.n);
	out->name[name.n] = '\0';
	out->bytes = object->bytes;
	out->modified_ms = object->modified_ms;
	l->n++;
}

static void finish(struct listing *l, int rc, bool more)
{
	l->fn(l->ctx, rc, l->names, rc < 0 ? 0 : l->n, more);
	free(l->names);
	free(l);
}

static void on_answer(void *ctx, int rc, struct str xml)
{
	struct listing *l = ctx;

	if (rc == 0)
		rc = s3_list_parse(xml, on_object, l);
	if (rc > 0 && (l->n == 0 || strcmp(l->names[l->n - 1].name, l->after) <= 0))
		rc = -EBADMSG; /* there would be no end to it */
	finish(l, rc < 0 ? rc : 0, rc > 0);
}

/* Parameters in the order of their names, as the signature wants them. */
static int ask(struct vault *v, struct listing *l, const char *after)
{
	struct s3_request request = { .method = "GET", .max_answer_bytes = LISTING_MAX_BYTES };
	struct buf query;
	int rc;

	buf_init(&query, QUERY_MAX_BYTES);
	buf_addf(&query, "list-type=2&max-keys=%d&prefix=", VAULT_PAGE);
	s3_encode(&query, str_c(l->prefix), "");
	if (*after) {
		buf_addz(&query, "&start-after=");
		s3_encode(&query, str_c(l->prefix), "");
		s3_encode(&query, str_c(after), "");
	}
	buf_add(&query, "", 1);
	request.query = query.p;
	rc = query.failed ? -ENOMEM : s3_send(v->s3, &request, on_answer, l, NULL);
	buf_free(&query);
	return rc;
}

int vault_list_names(struct vault *v, const char *folder, const char *after, vault_names_fn *fn, void *ctx)
{
	struct listing *l = calloc(1, sizeof(*l));
	int rc = -ENOMEM;

	if (!l)
		return rc;
	snprintf(l->after, sizeof(l->after), "%s", after);
	l->fn = fn;
	l->ctx = ctx;
	l->names = malloc(VAULT_PAGE * sizeof(*l->names));
	if (snprintf(l->prefix, sizeof(l->prefix), "%s%s", v->cfg->s3_prefix, folder) >= (int)sizeof(l->prefix))
		rc = -EINVAL;
	else if (l->names)
		rc = ask(v, l, after);
	if (rc < 0) {
		free(l->names);
		free(l);
	}
	return rc;
}

bool vault_name_cv(const char *name, const char *ending, char cv[ID_MAX + 1])
{
	size_t n = strlen(name), n_ending = strlen(ending);

	if (n <= n_ending || n - n_ending > ID_MAX || strcmp(name + n - n_ending, ending) != 0)
		return false;
	memcpy(cv, name, n - n_ending);
	cv[n - n_ending] = '\0';
	return id_valid(str_c(cv));
}

struct cv_listing {
	vault_page_fn *fn;
	void *ctx;
};

static void add_name(struct vault_cv *cv, const struct vault_name *name, const char *ending)
{
	if (strcmp(ending, ".json") == 0) {
		cv->has_record = true;
		cv->record_ms = name->modified_ms;
	}
	cv->has_result |= strcmp(ending, ".result") == 0;
	if (name->modified_ms > cv->newest_ms)
		cv->newest_ms = name->modified_ms;
	if (cv->oldest_ms == 0 || name->modified_ms < cv->oldest_ms)
		cv->oldest_ms = name->modified_ms;
}

/* Names of one CV stand together. */
static size_t group(const struct vault_name *names, size_t n, struct vault_cv *cvs)
{
	static const char *const endings[] = { ".file", ".json", ".result" };
	size_t n_cvs = 0;
	char cv[ID_MAX + 1];

	for (size_t i = 0; i < n; i++)
		for (size_t e = 0; e < sizeof(endings) / sizeof(endings[0]); e++) {
			if (!vault_name_cv(names[i].name, endings[e], cv))
				continue;
			if (n_cvs == 0 || strcmp(cvs[n_cvs - 1].cv, cv) != 0) {
				cvs[n_cvs] = (struct vault_cv){ 0 };
				memcpy(cvs[n_cvs++].cv, cv, sizeof(cv));
			}
			add_name(&cvs[n_cvs - 1], &names[i], endings[e]);
		}
	return n_cvs;
}

/* The last CV of a page may go on in the next one, which then begins with it. */
static void on_names(void *ctx, int rc, const struct vault_name *names, size_t n, bool more)
{
	struct cv_listing *l = ctx;
	struct vault_cv *cvs = n ? malloc(n * sizeof(*cvs)) : NULL;
	size_t n_cvs = cvs ? group(names, n, cvs) : 0;

	if (n && !cvs)
		rc = -ENOMEM;
	if (more && n_cvs > 1)
		n_cvs--;
	l->fn(l->ctx, rc, cvs, n_cvs, more && n_cvs > 0);
	free(cvs);
	free(l);
}

int vault_list(struct vault *v, const char *after, vault_page_fn *fn, void *ctx)
{
	struct cv_listing *l = malloc(sizeof(*l));
	char behind[ID_MAX + 3] = "";
	int rc;

	if (!l)
		return -ENOMEM;
	*l = (struct cv_listing){ fn, ctx };
	if (*after)
		snprintf(behind, sizeof(behind), "%s.~", after); /* no ending is behind that */
	rc = vault_list_names(v, "cvs/", behind, on_names, l);
	if (rc < 0)
		free(l);
	return rc;
}
