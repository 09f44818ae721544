/* cvpulse:control, which speaks to every notifier: {"action":"disconnect","user":"42","code":4410}. Never forwarded. */
#include "json_member.h"
#include "log.h"
#include "metrics.h"
#include "notifier/notifier.h"

static struct str text_member(struct str object, const char *name)
{
	struct str value = json_member(object, name);

	return value.n >= 2 && value.p[0] == '"' ? str_of(value.p + 1, value.n - 2) : str_of(NULL, 0);
}

static void disconnect(struct notifier *n, struct user *u, enum close_reason reason)
{
	for (struct conn *c = u->first, *next; c; c = next) {
		next = c->user_next;
		conn_close(c, reason);
	}
}

void control_on_message(struct notifier *n, struct str payload)
{
	struct frame_info info;
	struct str id;
	struct user *u;
	uint64_t code = 0;

	if (frame_scan(payload, &info) < 0 || !str_eq(text_member(payload, "action"), STR("disconnect"))) {
		LOG(WARNING, "control_ignored", LOG_INT("bytes", payload.n));
		return;
	}
	id = text_member(payload, "user");
	u = id_valid(id) ? users_find(n->users, id) : NULL;
	str_to_u64(json_member(payload, "code"), 1000, 4999, &code);
	if (!u)
		return;
	LOG(INFO, "user_disconnected", LOG_USER(id), LOG_INT("connections", u->n_conns));
	disconnect(n, u, close_reason_by_code((int)code, CLOSE_signed_out));
}
