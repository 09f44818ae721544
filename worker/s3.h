/*
 * Requests to the S3-compatible store of [s3]: signed by libcurl, with a time-out each, tried again a few times while the store
 * does not answer or is busy, and watched: whether the last one was answered is what health and admission go by, and where one is
 * refused, whether a probe is answered. It knows objects only; what they mean is known in vault.h.
 */
#ifndef WORKER_S3_H
#define WORKER_S3_H

#include <uv.h>

#include "config.h"
#include "spool.h"
#include "str.h"

struct http_client;
struct s3;
struct s3_call;

/* 0, -ENOENT (no such object), -EREMOTEIO (the store is away, busy, or refuses us), -EIO (this object cannot be had or written,
 * though the store answers), -EMSGSIZE (longer than allowed), -ECANCELED (s3_stop). body is good during the call. */
typedef void s3_done_fn(void *ctx, int rc, struct str body);

struct s3_request {
	const char *method;             /* GET, HEAD, PUT, DELETE */
	const char *key;                /* below s3.prefix */
	const char *query;              /* NULL; or sorted and encoded: the bucket is asked, key is not looked at */
	const char *sha256;             /* of what is sent; NULL: nothing is */
	struct str body;                /* of a PUT; copied */
	int fd;                         /* without body: so many bytes of a file; must stay open until done */
	int64_t fd_bytes;
	size_t max_answer_bytes;
	bool (*on_data)(void *ctx, struct str piece);   /* as in http_client.h; after the first piece nothing is tried again */
};

/* 0, or -EINVAL with a sentence in *problem. http must outlive it. */
int s3_open(uv_loop_t *loop, const struct config *cfg, struct http_client *http, struct s3 **out, struct buf *problem);
/* What is under way ends soon, by -ECANCELED; nothing new begins. */
void s3_stop(struct s3 *s3);
/* After s3_stop, and once all calls are done; freed when the loop has turned. NULL is allowed. */
void s3_close(struct s3 *s3);

/* fn is called exactly once, later; else -errno. out may be NULL, and is good until then. */
int s3_send(struct s3 *s3, const struct s3_request *request, s3_done_fn *fn, void *ctx, struct s3_call **out);
void s3_resume(struct s3_call *call);

/* NULL: the store answers; else why not, for people. */
const char *s3_problem(const struct s3 *s3);

/* Encodes for a query or a path; keep: further characters that stand as they are. */
void s3_encode(struct buf *out, struct str text, const char *keep);

/* One page of a listing (ListObjectsV2): fn for each object. Names that have to be escaped in XML are none of ours and left out.
 * 1: there is more after the last; 0; -EBADMSG: it is no listing. */
struct s3_object {
	struct str key;
	int64_t bytes, modified_ms;
};
int s3_list_parse(struct str xml, void (*fn)(void *ctx, const struct s3_object *object), void *ctx);

#endif
