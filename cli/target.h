/* Where a subcommand's HTTP requests go: --url, else the listener that the configuration names. */
#ifndef CLI_TARGET_H
#define CLI_TARGET_H

#include "cli.h"
#include "request.h"

/* url and token_file may be NULL; listen is a configured list of addresses. The token comes from token_file, else from
 * $CVPULSE_TOKEN. 0, or -EINVAL after having said what is wrong. */
int target_make(struct http_target *out, const struct command *c, const char *url, const char *token_file, const char *listen);

#define TARGET_HELP \
	"  --url URL          http(s)://host[:port] or unix:/path (default: where the configuration says that it listens)\n" \
	"  --token-file FILE  file with the bearer token (default: the environment variable CVPULSE_TOKEN)\n"

#endif
