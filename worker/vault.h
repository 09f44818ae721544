/*
 * The vault: where CVs are kept when [s3] is set, instead of the spool. The spool then holds uploads that are not complete, and
 * for moments files without a name; whatever was answered 2xx is in the store, and any worker can go on with it. Objects, below
 * s3.prefix:
 *
 *   cvs/<cv>.file, .json, .result   as in the spool (spool.h). A CV is there once its record (.json) is, which is written last
 *   users/<hash>/<cv>.cv            whose CV it is, written first: how all CVs of a user are found
 *   left/<hash>.user                that user was erased: what other workers' spools have of his unfinished uploads goes too
 *   gone/<cv>.erased                it was erased: nobody may bring it back. Not "ok": something may be left, the sweep goes on
 *
 * Two workers may write and erase one CV at the same time: whoever writes looks for the mark afterwards, and takes away what it
 * wrote; the mark is written before anything is removed, and stays until no writer can be left. So one of them sees the other.
 *
 * Every function returns 0 when fn will be called exactly once, later, on the loop's thread; else -errno. What fn is told: 0;
 * -ENOENT (no such CV, or it was erased meanwhile); -EREMOTEIO (the store is away); or another -errno. Text is copied unless said.
 */
#ifndef WORKER_VAULT_H
#define WORKER_VAULT_H

#include <uv.h>

#include "config.h"
#include "spool.h"

struct http_client;
struct s3;
struct vault;

#define VAULT_RESULT_MAX_BYTES (16 * 1024 * 1024)

/* As s3_open; spool: where files without a name are kept while they are worked on. */
int vault_open(uv_loop_t *loop, const struct config *cfg, struct http_client *http, struct spool *spool, struct vault **out,
	       struct buf *problem);
/* See s3_stop and s3_close; NULL is allowed. */
void vault_stop(struct vault *v);
void vault_close(struct vault *v);
/* NULL: the store answers; else why not, for people. */
const char *vault_problem(const struct vault *v);

typedef void vault_fn(void *ctx, int rc);

/* Keeps a CV: its file (fd, taken over; -1: it is still to be fetched) and its record, which is borrowed until fn. If the record
 * names a duplicate_of, that one's result becomes this one's as well; when it has none, duplicate_of is emptied. */
#define VAULT_KNOWN 1
enum vault_put {
	VAULT_NEW,              /* on an error nothing of it is kept, unless the store does not even hear that */
	VAULT_MAYBE_KNOWN,      /* the same, but a CV that is there already stays as it is, and the answer is VAULT_KNOWN: a crash may
				 * have come after it was kept */
	VAULT_FETCHED,          /* the file of a CV that is there */
};
int vault_put(struct vault *v, enum vault_put kind, struct spool_record *rec, int fd, vault_fn *fn, void *ctx);
/* The record of a CV that begins again; its result goes. rec is borrowed until fn. */
int vault_restart(struct vault *v, struct spool_record *rec, vault_fn *fn, void *ctx);
/* json is copied. */
int vault_put_result(struct vault *v, struct str user, struct str cv, struct str json, vault_fn *fn, void *ctx);
/* A CV that was not accepted leaves, and may come again. */
int vault_uncommit(struct vault *v, const struct spool_record *rec, vault_fn *fn, void *ctx);
/* For ever. */
int vault_erase(struct vault *v, struct str user, struct str cv, vault_fn *fn, void *ctx);
/* rc: how many CVs went. */
int vault_erase_user(struct vault *v, struct str user, vault_fn *fn, void *ctx);

/* -ENOENT: it was erased, and what a writer that died left of it goes. For whoever would take it up again. */
int vault_may_come_back(struct vault *v, struct str user, struct str cv, vault_fn *fn, void *ctx);

typedef void vault_record_fn(void *ctx, int rc, const struct spool_record *rec);
int vault_read_record(struct vault *v, struct str cv, vault_record_fn *fn, void *ctx);
typedef void vault_text_fn(void *ctx, int rc, struct str text);
int vault_read_result(struct vault *v, struct str cv, vault_text_fn *fn, void *ctx);
int vault_has_result(struct vault *v, struct str cv, vault_fn *fn, void *ctx);
/* rc: a descriptor of the file, the caller's; it has no name on the disk and goes when it is closed. It is what the record says,
 * or the answer is -EBADMSG. -ENOSPC: the spool's disk must not have it. */
int vault_open_file(struct vault *v, const struct spool_record *rec, vault_fn *fn, void *ctx);

/* A page of the CVs of the store, in the order of their names, behind the one of that name ("": from the first one on). fn gets
 * them, and whether there are more; they are good during the call. What is left of a CV without a record is listed too. */
struct vault_cv {
	char cv[ID_MAX + 1];
	bool has_record, has_result;
	int64_t record_ms, oldest_ms, newest_ms;        /* since 1970: last change of the record, and of any of them */
};
typedef void vault_page_fn(void *ctx, int rc, const struct vault_cv *cvs, size_t n, bool more);
int vault_list(struct vault *v, const char *after, vault_page_fn *fn, void *ctx);

/* The sweep of the store. One turn looks at one page, of CVs, of marks or of users, in turns: what is past its time goes,
 * what belongs to no CV and is older than worker.upload_expire_s, and what an erasure could not remove. keeps: the clock is not
 * believed, and nothing goes for its age. Any number of workers may sweep. */
struct vault_sweep;
/* What else has to forget a CV whose erasure the sweep finishes; rec is borrowed until it answers by fn, with 0, or with -errno: its
 * record stays then, for another turn. -errno: fn will not be called. */
typedef int vault_forget_fn(void *ctx, const struct spool_record *rec, vault_fn *fn, void *fn_ctx);
struct vault_sweep *vault_sweep_new(struct vault *v, vault_forget_fn *forget, void *ctx);       /* NULL: no memory */
/* A turn under way ends soon. */
void vault_sweep_stop(struct vault_sweep *s);                   /* NULL is allowed */
void vault_sweep_free(struct vault_sweep *s);                   /* between turns; NULL is allowed */
/* rc: how many CVs went. */
int vault_sweep_turn(struct vault_sweep *s, int64_t now_ms, bool keeps, vault_fn *fn, void *ctx);

#endif
