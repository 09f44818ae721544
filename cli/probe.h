/*
 * A look at a deployment from the outside, for `cvpulse doctor`: one HTTP request with all that its answer tells, and a WebSocket
 * as a browser has one. libcurl does names, connections and TLS; it is included by probe.c, probe_socket.c and request.c only.
 */
#ifndef CLI_PROBE_H
#define CLI_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "str.h"

#define PROBE_URL_SIZE 2048
#define PROBE_WHY_SIZE 320
#define PROBE_BODY_MAX 65536

struct probe_request {
	const char *method, *url;
	const char *token;              /* bearer token, "" for none */
	const char *accept;             /* NULL: anything */
	const char *ca_file;            /* NULL: the system's */
	int64_t timeout_ms;
	bool first_bytes;               /* enough is seen when the first bytes of the body are here: for streams */
};

struct probe_answer {
	int status;                     /* 0: none came, see why */
	bool no_such_name, bad_certificate;
	char why[PROBE_WHY_SIZE];
	int64_t date_s;                 /* the Date header, since 1970; -1: none */
	char cf_ray[64], location[512], content_type[64], tus_resumable[16], tus_extension[128];
	char address[64];               /* whom the name led to */
	int64_t first_byte_ms;          /* of the body; -1: none came */
	int64_t certificate_days;       /* until it ends; -1: no TLS */
	struct buf body;                /* the caller frees it */
};

/* Always fills *out. */
void probe(const struct probe_request *rq, struct probe_answer *out);

struct probe_socket;

enum probe_event {
	PROBE_TEXT,
	PROBE_CLOSE,                    /* with a code: the server said goodbye */
	PROBE_CUT,                      /* without one: something between cut it */
	PROBE_SILENCE                   /* nothing until the deadline */
};

struct probe_message {
	enum probe_event event;
	struct str text;                /* of PROBE_TEXT, until the next call; of PROBE_CLOSE the reason */
	int code;
};

/* http(s) URL of a WebSocket address; ca_file may be NULL; origin as a browser would send it. *status is the answer's, 0 when there was none (see why).
 * Without a 101 *out is NULL and body has the answer's body. */
void probe_socket_open(const char *url, const char *origin, const char *token, const char *ca_file, struct probe_socket **out, int *status,
		       char why[PROBE_WHY_SIZE], struct buf *body);
void probe_socket_free(struct probe_socket *s);
bool probe_socket_send(struct probe_socket *s, struct str text);
/* Answers pings on the way, as browsers do. until_ms: monotonic. */
void probe_socket_next(struct probe_socket *s, int64_t until_ms, struct probe_message *out);

#endif
