/* Why a connection ended: the rows of close_reasons.def, for conn.c, the log and the statistics. Knows no connection. */
#ifndef CVPULSE_CLOSE_REASON_H
#define CVPULSE_CLOSE_REASON_H

#include <stdint.h>

enum close_reason {
#define CLOSE_REASON(name, code, by, sentence) CLOSE_##name,
#include "close_reasons.def"
#undef CLOSE_REASON
	CLOSE_REASONS
};

const char *close_reason_name(enum close_reason r);
const char *close_reason_sentence(enum close_reason r);
int close_reason_code(enum close_reason r);             /* 0: no close frame is sent */
const char *close_reason_by(enum close_reason r);       /* "server", "client" or "network" */
/* The first reason that has this code; otherwise when none has. */
enum close_reason close_reason_by_code(int code, enum close_reason otherwise);
/* What an operator should look at, given how long nothing had come or gone; NULL: nothing in particular. */
const char *close_reason_hint(enum close_reason r, int64_t idle_ms);

#endif
