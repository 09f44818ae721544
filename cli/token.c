/* cvpulse token USER: an HS256 token made with the configured secret, for tests and for scripts of one's own. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

#include "cli.h"
#include "clock.h"
#include "id.h"
#include "jwt.h"

#define SECRET_MAX_BYTES 65536
#define DEFAULT_LIFE_MS (3600 * 1000)
#define LIFE_MAX_MS ((int64_t)366 * 86400 * 1000)

extern const struct command command_token;

struct wish {
	struct str user, scope;
	int64_t life_ms;
};

/* The first item of a comma-separated setting: any of them would be accepted. */
static void add_setting(struct buf *out, const char *name, const char *list)
{
	struct str rest = str_c(list), first = str_trim(str_cut(&rest, ','));

	if (!first.n)
		return;
	buf_addf(out, ",\"%s\":", name);
	buf_add_json(out, first);
}

static void write_claims(const struct wish *wish, const struct config *cfg, int64_t now_s, struct buf *out)
{
	buf_addz(out, "{\"sub\":");
	buf_add_json(out, wish->user);
	buf_addf(out, ",\"iat\":%" PRId64 ",\"exp\":%" PRId64, now_s, now_s + wish->life_ms / 1000);
	add_setting(out, "iss", cfg->auth_issuer);
	add_setting(out, "aud", cfg->auth_audience);
	if (wish->scope.n) {
		buf_addz(out, ",\"scope\":");
		buf_add_json(out, wish->scope);
	}
	buf_addz(out, "}");
}

static int print_token(const struct wish *wish, const struct config *cfg, struct buf *problem)
{
	struct buf secret, claims, token;
	int rc;

	buf_init(&secret, SECRET_MAX_BYTES);
	buf_init(&claims, JWT_MAX_BYTES);
	buf_init(&token, 2 * JWT_MAX_BYTES);
	rc = secret_read(cfg->auth_jwt_secret_file, &secret, problem);
	write_claims(wish, cfg, clock_wall_ms() / 1000, &claims);
	if (rc == 0)
		rc = jwt_sign_hs256(buf_str(&secret), buf_str(&claims), &token);
	if (rc == 0)
		printf(STR_FMT "\n", STR_ARG(buf_str(&token)));
	if (secret.p)
		explicit_bzero(secret.p, secret.cap);
	buf_free(&secret);
	buf_free(&claims);
	buf_free(&token);
	return rc;
}

/* -1 to go on, else the exit status. */
static int read_flags(struct wish *wish, int argc, char **argv)
{
	static const struct option flags[] = { { "expires", required_argument, NULL, 'e' }, { "scope", required_argument, NULL, 's' }, { NULL, 0, NULL, 0 } };
	int flag;

	optind = 0; /* getopt starts afresh */
	while ((flag = getopt_long(argc, argv, "e:s:", flags, NULL)) != -1) {
		if (flag == 's')
			wish->scope = str_c(optarg);
		else if (flag != 'e')
			return usage_error(&command_token, "unknown option");
		else if (str_to_ms(str_c(optarg), LIFE_MAX_MS, &wish->life_ms) < 0)
			return usage_error(&command_token, "--expires takes seconds, at most a year");
	}
	if (optind + 1 != argc)
		return usage_error(&command_token, "it takes one user");
	wish->user = str_c(argv[optind]);
	if (!id_valid(wish->user))
		return usage_error(&command_token, "\"%s\" is no user id: 1 to 128 characters of A-Za-z0-9._@|+~=-", argv[optind]);
	return -1;
}

static int token_run(struct cli *cli, int argc, char **argv)
{
	struct wish wish = { .life_ms = DEFAULT_LIFE_MS };
	struct buf problem;
	int status = read_flags(&wish, argc, argv), rc;

	if (status >= 0)
		return status;
	if (!cli->cfg.auth_jwt_secret_file[0]) {
		complain(&command_token, "set auth.jwt_secret_file to the file with the secret that the daemons use (openssl rand -hex 32 makes one)");
		return EXIT_USAGE;
	}
	buf_init(&problem, 4096);
	rc = print_token(&wish, &cli->cfg, &problem);
	if (rc < 0)
		complain(&command_token, STR_FMT, STR_ARG(problem.n ? buf_str(&problem) : STR("no token could be made")));
	buf_free(&problem);
	return rc < 0 ? EXIT_FAILED : EXIT_GOOD;
}

const struct command command_token = {
	.name = "token",
	.synopsis = "token [--expires SECONDS] [--scope SCOPE] USER",
	.summary = "Make a token for a user with the configured secret (HS256)",
	.details = "\n  --expires SECONDS   how long it is good (3600)\n"
		   "  --scope SCOPE       e.g. service: it may then name any user\n\n"
		   "iss and aud are those of the configuration.\n\n"
		   "  curl -H \"Authorization: Bearer $(cvpulse token 42)\" https://example.org/api/v1/cv-processing/batches\n",
	.run = token_run,
};
