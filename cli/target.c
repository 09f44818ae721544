/* See target.h. */
#include "target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* "0.0.0.0:7000" listens everywhere; one asks at 127.0.0.1. */
static int url_of_listener(struct str item, char *out, size_t cap)
{
	int n;

	if (str_starts(item, STR("unix:")))
		n = snprintf(out, cap, STR_FMT, STR_ARG(item));
	else if (str_starts(item, STR("0.0.0.0:")))
		n = snprintf(out, cap, "http://127.0.0.1" STR_FMT, STR_ARG(str_skip(item, 7)));
	else if (str_starts(item, STR("[::]:")))
		n = snprintf(out, cap, "http://[::1]" STR_FMT, STR_ARG(str_skip(item, 4)));
	else
		n = snprintf(out, cap, "http://" STR_FMT, STR_ARG(item));
	return n > 0 && (size_t)n < cap && !str_eq(item, STR("systemd")) ? 0 : -EINVAL;
}

static int read_token(struct http_target *t, const struct command *c, const char *file)
{
	const char *token = getenv("CVPULSE_TOKEN");
	FILE *f;
	size_t n;

	t->token[0] = '\0';
	if (!file) {
		snprintf(t->token, sizeof(t->token), "%s", token ? token : "");
		return 0;
	}
	f = fopen(file, "re");
	if (!f) {
		complain(c, "%s: %s", file, strerror(errno));
		return -EINVAL;
	}
	n = fread(t->token, 1, sizeof(t->token) - 1, f);
	fclose(f);
	t->token[n] = '\0';
	t->token[strcspn(t->token, "\r\n")] = '\0';
	return 0;
}

int target_make(struct http_target *out, const struct command *c, const char *url, const char *token_file, const char *listen)
{
	struct str rest = str_c(listen);
	char made[256];

	if (!url) {
		if (url_of_listener(str_trim(str_cut(&rest, ',')), made, sizeof(made)) < 0) {
			complain(c, "the configuration does not say where to ask; use --url");
			return -EINVAL;
		}
		url = made;
	}
	if (http_target_set(out, url) < 0) {
		complain(c, "\"%s\" is no URL; it must be http://host[:port], https://host[:port] or unix:/path", url);
		return -EINVAL;
	}
	return read_token(out, c, token_file);
}
