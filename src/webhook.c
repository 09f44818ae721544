/* See webhook.h. */
#include "webhook.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>

#include "jwt.h"

#define PREFIX STR("whsec_")
#define KEY_MIN_BYTES 24                /* Standard Webhooks: between 24 and 64 bytes */
#define KEY_MAX_BYTES 64
#define BASE64_SIZE(n) (4 * (((n) + 2) / 3) + 1)
#define SECRETS_MAX_BYTES 1024
#define SIGNATURES_MAX_BYTES 1024
#define HEADER_SIZE (SIGNATURES_MAX_BYTES + 32)
#define ANSWER_MAX_BYTES 65536          /* that are read and dropped */
#define HTTP_GONE 410

static bool is_base64(struct str text)
{
	size_t n = text.n;

	for (int i = 0; i < 2 && n && text.p[n - 1] == '='; i++)
		n--;
	for (size_t i = 0; i < n; i++) {
		char c = text.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/'))
			return false;
	}
	return text.n && text.n % 4 == 0;
}

/* The key that a secret stands for: its length, or -EINVAL. */
static int decode_key(struct str secret, unsigned char key[BASE64_SIZE(KEY_MAX_BYTES)])
{
	struct str text = str_skip(secret, PREFIX.n);
	int n;

	if (!str_starts(secret, PREFIX) || text.n >= BASE64_SIZE(KEY_MAX_BYTES) || !is_base64(text))
		return -EINVAL;
	n = EVP_DecodeBlock(key, (const unsigned char *)text.p, (int)text.n);
	if (n > 0) /* what only fills the last group up is decoded as zeros */
		n -= (text.p[text.n - 1] == '=') + (text.p[text.n - 2] == '=');
	return n >= KEY_MIN_BYTES && n <= KEY_MAX_BYTES ? n : -EINVAL;
}

static int add_signature(struct str secret, struct str content, struct buf *out)
{
	unsigned char key[BASE64_SIZE(KEY_MAX_BYTES)], mac[EVP_MAX_MD_SIZE], text[BASE64_SIZE(EVP_MAX_MD_SIZE)];
	unsigned mac_bytes = 0;
	int rc = decode_key(secret, key);

	if (rc > 0)
		rc = HMAC(EVP_sha256(), key, rc, (const unsigned char *)content.p, content.n, mac, &mac_bytes) ? 0 : -ENOMEM;
	explicit_bzero(key, sizeof(key));
	if (rc < 0)
		return rc;
	EVP_EncodeBlock(text, mac, (int)mac_bytes);
	buf_addz(out, out->n ? " v1," : "v1,");
	buf_addz(out, (const char *)text);
	return out->failed ? -ENOMEM : 0;
}

int webhook_sign(struct str secrets, struct str id, int64_t timestamp_s, struct str body, struct buf *out)
{
	struct buf content;
	int rc, n = 0;

	buf_init(&content, id.n + body.n + 64);
	buf_addf(&content, STR_FMT ".%" PRId64 ".", STR_ARG(id), timestamp_s);
	buf_adds(&content, body);
	rc = content.failed ? -ENOMEM : 0;
	while (rc == 0 && secrets.n) {
		struct str line = str_cut(&secrets, '\n');

		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		line = str_trim(line);
		if (line.n && ++n)
			rc = add_signature(line, buf_str(&content), out);
	}
	buf_free(&content);
	return rc == 0 && n == 0 ? -EINVAL : rc;
}

/* The signatures of a webhook by the secrets of a file. */
static int sign(const struct webhook *hook, struct buf *out, struct buf *problem)
{
	struct buf secrets;
	int rc;

	buf_init(&secrets, SECRETS_MAX_BYTES);
	rc = secret_read(hook->secret_file, &secrets, problem);
	if (rc == 0) {
		rc = webhook_sign(buf_str(&secrets), hook->id, hook->timestamp_s, hook->body, out);
		if (rc == -EINVAL)
			buf_addf(problem, "%s: each line must be whsec_ and the base64 of 24 to 64 random bytes: printf 'whsec_%%s\\n' \"$(openssl rand -base64 24)\"\n",
				 hook->secret_file);
	}
	if (secrets.p)
		explicit_bzero(secrets.p, secrets.cap);
	buf_free(&secrets);
	return rc;
}

int webhook_secrets_check(const char *file, struct buf *problem)
{
	const struct webhook hook = { .secret_file = file, .id = STR("id"), .body = STR("{}") };
	struct buf signatures;
	int rc;

	buf_init(&signatures, SIGNATURES_MAX_BYTES);
	rc = sign(&hook, &signatures, problem);
	buf_free(&signatures);
	return rc;
}

static bool drop(void *ctx, struct str piece)
{
	return true;
}

int webhook_send(struct http_client *client, const struct webhook *hook, http_done_fn *fn, void *ctx, struct http_call **out,
		 struct buf *problem)
{
	char id[HEADER_SIZE], timestamp[HEADER_SIZE], signature[HEADER_SIZE];
	const char *headers[] = { "Content-Type: application/json", "User-Agent: cvpulse/" PACKAGE_VERSION, "Expect:", id, timestamp, signature, NULL };
	const struct http_options options = {
		.url = hook->url, .method = "POST", .body = hook->body, .headers = headers, .timeout_ms = hook->timeout_ms,
		.max_answer_bytes = ANSWER_MAX_BYTES, .guard = hook->guard, .on_data = drop,
	};
	struct buf signatures;
	int rc;

	buf_init(&signatures, SIGNATURES_MAX_BYTES);
	rc = sign(hook, &signatures, problem);
	snprintf(id, sizeof(id), "webhook-id: " STR_FMT, STR_ARG(hook->id));
	snprintf(timestamp, sizeof(timestamp), "webhook-timestamp: %" PRId64, hook->timestamp_s);
	snprintf(signature, sizeof(signature), "webhook-signature: " STR_FMT, STR_ARG(buf_str(&signatures)));
	buf_free(&signatures);
	return rc < 0 ? rc : http_client_start(client, &options, fn, ctx, out);
}

/* An answer that is too long to read began with its status, which was 2xx (http_client.h). */
bool webhook_heard(int status)
{
	return status / 100 == 2 || status == -EMSGSIZE;
}

bool webhook_refused_for_good(int status)
{
	return status == HTTP_GONE;
}

const char *webhook_reason(int status, char out[WEBHOOK_REASON_SIZE])
{
	switch (status) {
	case -ETIMEDOUT:
		return "timeout";
	case -ECONNREFUSED:
		return "no_connection";
	case -EACCES:
		return "address_not_allowed";
	case -EKEYREJECTED:
		return "certificate";
	case -EINVAL:
		return "bad_url_or_secret";
	default:
		snprintf(out, WEBHOOK_REASON_SIZE, status > 0 ? "%d" : "error_%d", status > 0 ? status : -status);
		return out;
	}
}
