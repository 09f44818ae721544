/*
 * One webhook as Standard Webhooks (https://www.standardwebhooks.com) has it: a JSON body by POST with the headers webhook-id,
 * webhook-timestamp and webhook-signature. The worker sends them (worker/webhooks.c), and `cvpulse webhook test`.
 */
#ifndef CVPULSE_WEBHOOK_H
#define CVPULSE_WEBHOOK_H

#include "http_client.h"

#define WEBHOOK_ID_SIZE 160             /* a CV's id, its attempt, NUL */

/* Adds "v1," and the base64 of HMAC-SHA256 over "id.timestamp.body"; for several secrets one after the other, with a space
 * between. secrets: each "whsec_" and the base64 of 24 to 64 random bytes, one a line. 0, -EINVAL (there is none, or a bad one)
 * or -ENOMEM. */
int webhook_sign(struct str secrets, struct str id, int64_t timestamp_s, struct str body, struct buf *out);

/* Whether the file holds usable secrets. 0, or -EINVAL with one line in *problem. */
int webhook_secrets_check(const char *file, struct buf *problem);

struct webhook {
	const char *url, *secret_file;
	struct str id, body;                    /* body is copied */
	int64_t timestamp_s, timeout_ms;
	const struct net_guard *guard;          /* must live as long as the call; NULL: go anywhere */
};

/* Signs and sends. fn and out as http_client_start has them; of the answer only the status is looked at (webhook_heard). 0, -EINVAL
 * (the secrets cannot be used, see *problem), or as http_client_start. */
int webhook_send(struct http_client *client, const struct webhook *hook, http_done_fn *fn, void *ctx, struct http_call **out,
		 struct buf *problem);

/* What fn was told: whether the receiver has taken it; whether it wants no more of them; else why not, as one word. */
bool webhook_heard(int status);
bool webhook_refused_for_good(int status);
#define WEBHOOK_REASON_SIZE 32
const char *webhook_reason(int status, char out[WEBHOOK_REASON_SIZE]);

#endif
