/* What clients send over a WebSocket. The connection around it is made of what messages.c calls, and judges the calls.
 * fuzz-libs: ../notifier/messages.c ../notifier/message.c ../notifier/frame_scan.c
 */
#include <assert.h>

#include "metrics.h"
#include "notifier/notifier.h"
#include "notifier/messages.h"
#include "notifier/sign_in.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct str message;

void conn_close(struct conn *c, enum close_reason reason)
{
	assert(reason == CLOSE_too_long);
	assert(message.n > 500);
	c->state = CONN_CLOSING;
}

void conn_answer_pings(struct conn *c)
{
	assert(c->pongs_due == 1);
}

void sign_in_with(struct conn *c, struct str token)
{
	assert(c->state != CONN_CLOSING);
	assert(token.n == 0 || (token.p > message.p && token.p + token.n < message.p + message.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uv_loop_t loop;
	static struct config cfg;
	struct notifier n = { .cfg = &cfg, .loop = &loop };
	struct conn c = { .notifier = &n, .state = CONN_LIVE };

	if (size > WEBSOCKET_MESSAGE_MAX_BYTES)
		return 0;
	message = str_of(data, size);
	if (utf8_valid(message.p, message.n)) /* the transport lets nothing else through */
		conn_on_message(&c, message);
	return 0;
}
