/* See message.h. */
#include "notifier/message.h"

#include "json_member.h"
#include "notifier/frame_scan.h"

static size_t characters(struct str text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++)
		n += ((unsigned char)text.p[i] & 0xC0) != 0x80;
	return n;
}

/* A token needs no escapes, so what stands between the quotes is it. */
static struct str token_of(struct str text)
{
	struct str value = json_member(text, "token");

	return value.n >= 2 && value.p[0] == '"' ? str_of(value.p + 1, value.n - 2) : STR("");
}

enum message_kind message_read(struct str text, struct str *token)
{
	struct frame_info info = { .ours = false };
	bool is_object = text.n && text.p[0] == '{' && frame_scan(text, &info) == 0;

	*token = STR("");
	if (str_eq(text, STR("ping")))
		return MESSAGE_PING;
	if (is_object && str_eq(info.type, STR("auth"))) {
		*token = token_of(text);
		return MESSAGE_AUTH;
	}
	if (text.n > MESSAGE_MAX_CHARACTERS && characters(text) > MESSAGE_MAX_CHARACTERS)
		return MESSAGE_TOO_LONG;
	return is_object && str_eq(info.type, STR("ping")) ? MESSAGE_PING : MESSAGE_OTHER;
}
