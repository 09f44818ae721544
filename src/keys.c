/* See keys.h. */
#include "keys.h"

#include <errno.h>
#include <stdio.h>

static bool in_slot(const char *key_form)
{
	return strchr(key_form, '{') != NULL;
}

struct str key_user(char out[KEY_SIZE], const char *key_form, struct str user, const char *suffix)
{
	int n = snprintf(out, KEY_SIZE, in_slot(key_form) ? "user:{" STR_FMT "}:%s" : "user:" STR_FMT ":%s", STR_ARG(user), suffix);

	return str_of(out, (size_t)n);
}

struct str key_batch(char out[KEY_SIZE], const char *key_form, struct str user, struct str batch, const char *suffix)
{
	struct str prefix = key_user(out, key_form, user, "batch:");
	int n = snprintf(out + prefix.n, KEY_SIZE - prefix.n, STR_FMT "%s", STR_ARG(batch), suffix);

	return str_of(out, prefix.n + (size_t)n);
}

int key_channel_user(struct str channel, const char *key_form, struct str *user)
{
	struct str prefix = in_slot(key_form) ? STR("user:{") : STR("user:");
	struct str suffix = in_slot(key_form) ? STR("}:events") : STR(":events");

	if (channel.n <= prefix.n + suffix.n || !str_starts(channel, prefix) ||
	    !str_eq(str_of(channel.p + channel.n - suffix.n, suffix.n), suffix))
		return -EINVAL;
	*user = str_of(channel.p + prefix.n, channel.n - prefix.n - suffix.n);
	return 0;
}
