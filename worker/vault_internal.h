/* What the vault's own files share. */
#ifndef WORKER_VAULT_INTERNAL_H
#define WORKER_VAULT_INTERNAL_H

#include "s3.h"
#include "vault.h"

struct vault {
	uv_loop_t *loop;
	const struct config *cfg;
	struct spool *spool;
	struct s3 *s3;
	int64_t coming_bytes;                   /* of files that are being got: they take the spool's disk */
};

#define VAULT_RECORD_MAX_BYTES 16384   /* as SPOOL_RECORD_MAX_BYTES */
#define VAULT_KEY_SIZE (ID_MAX + SHA256_HEX_SIZE + 24)
#define VAULT_ERASED "ok"               /* in a mark; one that is longer or shorter: something may be left. Then it names the
                                         * user's folder, or "-" */

/* "cvs/<cv><ending>" */
void vault_cv_key(char out[VAULT_KEY_SIZE], struct str cv, const char *ending);
void vault_mark_key(char out[VAULT_KEY_SIZE], struct str cv);
/* "users/<hash>/": the name itself stays out of addresses and logs. */
void vault_user_folder(char out[VAULT_KEY_SIZE], struct str user);

/* "left/<hash>.user", of the user with that folder */
void vault_left_key(char out[VAULT_KEY_SIZE], const char *folder);
/* Removes what this worker's spool has of that user from before. name: "<hash>.user". */
int vault_forget_here(struct vault *v, const char *name, int64_t before_ms, vault_fn *fn, void *ctx);

int vault_get(struct vault *v, const char *key, size_t max_bytes, s3_done_fn *fn, void *ctx);
int vault_head(struct vault *v, const char *key, s3_done_fn *fn, void *ctx);
int vault_delete(struct vault *v, const char *key, s3_done_fn *fn, void *ctx);
int vault_write(struct vault *v, const char *key, struct str bytes, s3_done_fn *fn, void *ctx);

/* Removing by the user's folder, which may be "": not known. With and without a mark. */
int vault_erase_in(struct vault *v, const char *folder, struct str cv, vault_fn *fn, void *ctx);
int vault_remove_in(struct vault *v, const char *folder, struct str cv, vault_fn *fn, void *ctx);

/* A page of the names in a folder of the store ("cvs/"), behind one. They are good during the call. */
#define VAULT_PAGE 1000
struct vault_name {
	char name[VAULT_KEY_SIZE];              /* without the folder */
	int64_t bytes, modified_ms;
};
typedef void vault_names_fn(void *ctx, int rc, const struct vault_name *names, size_t n, bool more);
int vault_list_names(struct vault *v, const char *folder, const char *after, vault_names_fn *fn, void *ctx);
/* name is "<cv><ending>": cv; false: it is another. */
bool vault_name_cv(const char *name, const char *ending, char cv[ID_MAX + 1]);

#endif
