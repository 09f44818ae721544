/* See close_reason.h. */
#include "notifier/close_reason.h"

#include <stddef.h>

/* Cloudflare ends a WebSocket after 100 s without a byte; timers and the way of the news to us add some. */
#define CLOUDFLARE_CUT_FROM_MS 95000
#define CLOUDFLARE_CUT_TO_MS 130000

enum ender { SERVER, CLIENT, NETWORK };

static const char *const enders[] = { [SERVER] = "server", [CLIENT] = "client", [NETWORK] = "network" };

static const struct {
	const char *name, *sentence;
	int code;
	enum ender by;
} reasons[] = {
#define CLOSE_REASON(n, c, by, s) [CLOSE_##n] = { #n, s, c, by },
#include "close_reasons.def"
#undef CLOSE_REASON
};

const char *close_reason_name(enum close_reason r)
{
	return reasons[r].name;
}

const char *close_reason_sentence(enum close_reason r)
{
	return reasons[r].sentence;
}

int close_reason_code(enum close_reason r)
{
	return reasons[r].code;
}

const char *close_reason_by(enum close_reason r)
{
	return enders[reasons[r].by];
}

enum close_reason close_reason_by_code(int code, enum close_reason otherwise)
{
	for (int r = 0; r < CLOSE_REASONS; r++)
		if (code && reasons[r].code == code)
			return (enum close_reason)r;
	return otherwise;
}

const char *close_reason_hint(enum close_reason r, int64_t idle_ms)
{
	if (r == CLOSE_peer_lost && idle_ms >= CLOUDFLARE_CUT_FROM_MS && idle_ms <= CLOUDFLARE_CUT_TO_MS)
		return "cut after 100 s of silence, as Cloudflare does";
	return NULL;
}
