/*
 * One call of the HTTP API: from the request's headers until the request and all work for it are over. The router (router.c)
 * makes it and finds its route; handlers (cvs.c, batches.c …) answer it, at once or when Redis or the disk has.
 */
#ifndef WORKER_API_H
#define WORKER_API_H

#include "keys.h"
#include "problem.h"
#include "worker.h"

#define API_BODY_MAX_BYTES 16384        /* of calls that take a small body */
#define CALL_HEADERS_MAX 12             /* further ones of one answer */
#define CALL_HEADERS_MAX_BYTES 16384

struct call;

enum route_kind {
	ROUTE_OPEN,             /* health: nobody signs in */
	ROUTE_ADMIN,            /* on the admin listener only */
	ROUTE_USER,             /* somebody is signed in; a small body is collected first */
	ROUTE_UPLOAD,           /* the same, but the handler takes the body itself, as it comes */
};

struct route {
	enum http_method method;
	enum route_kind kind;
	const char *pattern;    /* {id} stands for one path segment that is an id */
	void (*handle)(struct call *call);
};

struct call {
	struct worker *worker;
	struct request *request;                /* NULL: answered and over, or the client is gone */
	const struct route *route;              /* NULL: the address is unknown, the call is refused */
	struct identity who;
	void (*signed_in)(struct call *call);   /* sign_in.c */
	bool waits_for_keys;
	char id[ID_MAX + 1];                    /* {id} */
	char once[ID_MAX + 1];                  /* its Idempotency-Key, see once.h */
	struct buf body;                        /* ROUTE_USER, ROUTE_ADMIN */
	struct {
		const char *name;
		size_t at, n;                   /* in header_values */
	} headers[CALL_HEADERS_MAX];
	int n_headers;
	struct buf header_values;
	int pauses;                             /* reasons to leave the body unread */
	int holds;                              /* answers and jobs that will still come back */
	/* ROUTE_UPLOAD: set by its handler. */
	void (*on_body)(struct call *call, struct str chunk);
	void (*on_body_end)(struct call *call);
	void (*on_gone)(struct call *call);     /* the request is over, whoever ended it */
	void *state;                            /* the handler's own; freed by it, at the latest in on_free */
	void (*on_free)(struct call *call);
};

/* Every pending reply or job holds its call; the call is freed when the last is back and the request is over. */
void call_hold(struct call *call);
void call_release(struct call *call);

/* The sender waits until each of those who wanted it to lets it go on. */
void call_pause(struct call *call);
void call_resume(struct call *call);

/* Answers; each of these does nothing when the client is gone. Every answer is no-store. */
void call_json(struct call *call, int status, const struct buf *body);          /* 500 when the buffer has failed */
void call_text(struct call *call, const char *type, const struct buf *body);       /* 200 */
void call_problem(struct call *call, int status, const char *code, const char *detail);
void call_refuse(struct call *call, const struct problem *problem);
void call_method_refused(struct call *call, struct str allowed);                   /* 405 with Allow */
/* The answer to an -errno of spool, Redis or queue: 404, 503, 507 … */
void call_failed(struct call *call, int rc);
void call_empty(struct call *call, int status);                                 /* 204; without a body */
/* A whole file, as an attachment for nobody's browser to run; takes the descriptor over. */
void call_file(struct call *call, int fd, int64_t length);
/* One header more for the answer that will come; the value is copied. */
void call_header(struct call *call, const char *name, struct str value);
void call_headerf(struct call *call, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A value of the query: 0, -ENOENT, or -EINVAL after having answered 400. */
int call_query_number(struct call *call, const char *key, uint64_t min, uint64_t max, uint64_t *out);

/* Keys of the signed-in user. */
struct str call_key(const struct call *call, char out[KEY_SIZE], const char *suffix);
struct str call_batch_key(const struct call *call, char out[KEY_SIZE], struct str batch, const char *suffix);

/* The table of routes, ended by a NULL pattern. */
extern const struct route api_routes[];

#endif
