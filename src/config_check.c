/* What one row of config.def cannot say: lists, addresses, keys that depend on each other. See config_table.h. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "config_table.h"
#include "net_guard.h"
#include "redis.h"

static void check_redis(const struct config *cfg, struct buf *problems)
{
	struct redis_address address;
	struct buf problem;

	buf_init(&problem, 1024);
	if (redis_address_from(cfg, &address, &problem) < 0)
		buf_addf(problems, "[redis] " STR_FMT "\n", STR_ARG(buf_str(&problem)));
	redis_address_wipe(&address);
	buf_free(&problem);
}

static void check_listen(const char *name, const char *list, struct buf *problems)
{
	struct buf problem;

	buf_init(&problem, 1024);
	if (listeners_check(list, &problem) < 0)
		buf_addf(problems, "%s: " STR_FMT "\n", name, STR_ARG(buf_str(&problem)));
	buf_free(&problem);
}

static void check_roles(const char *roles, struct buf *problems)
{
	struct str rest = str_c(roles);

	do {
		struct str role = str_trim(str_cut(&rest, ','));

		if (str_eq(role, STR("ingest")) || str_eq(role, STR("process")))
			continue;
		buf_addf(problems, "[worker] roles: \"" STR_FMT "\" is not allowed; it takes ingest, process or both, with a comma between\n", STR_ARG(role));
	} while (rest.p);
}

static void check_fetch(const struct config *cfg, struct buf *problems)
{
	struct net_guard guard;
	struct str bad;

	if (net_guard_parse(cfg->fetch_allow, "", &guard, &bad) < 0)
		buf_addf(problems, "[fetch] allow: \"" STR_FMT "\" is no network such as 10.0.0.0/8\n", STR_ARG(bad));
	else if (net_guard_parse("", cfg->fetch_ports, &guard, &bad) < 0)
		buf_addf(problems, "[fetch] ports: \"" STR_FMT "\" is no port, or there are more than %d\n", STR_ARG(bad), NET_GUARD_PORTS_MAX);
}

static void check_url(const char *name, const char *url, struct buf *problems)
{
	if (*url && !str_starts(str_c(url), STR("http://")) && !str_starts(str_c(url), STR("https://")))
		buf_addf(problems, "%s: \"%s\" must begin with http:// or https://\n", name, url);
}

static void check_webhook(const struct config *cfg, struct buf *problems)
{
	struct net_guard guard;
	struct str bad;

	check_url("[webhook] url", cfg->webhook_url, problems);
	if (*cfg->webhook_url && !*cfg->webhook_secret_file)
		buf_addz(problems, "[webhook] url needs [webhook] secret_file: nobody can trust what is not signed\n");
	if (net_guard_parse(cfg->webhook_allow, "", &guard, &bad) < 0)
		buf_addf(problems, "[webhook] allow: \"" STR_FMT "\" is no network such as 10.0.0.0/8\n", STR_ARG(bad));
}

/* Only characters that stand in an address as they are. */
static bool is_plain_path(const char *text)
{
	return text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/")] == '\0';
}

static void check_s3(const struct config *cfg, struct buf *problems)
{
	check_url("[s3] url", cfg->s3_url, problems);
	if (*cfg->s3_url && (!*cfg->s3_access_key_id || !*cfg->s3_secret_key_file))
		buf_addz(problems, "[s3] url: needs access_key_id and secret_key_file too\n");
	if (!is_plain_path(cfg->s3_bucket) || strchr(cfg->s3_bucket, '/'))
		buf_addf(problems, "[s3] bucket: \"%s\" is no name of a bucket\n", cfg->s3_bucket);
	if (!is_plain_path(cfg->s3_prefix) || *cfg->s3_prefix == '/')
		buf_addf(problems, "[s3] prefix: \"%s\" may have A-Z a-z 0-9 . _ - and / only, and does not begin with /\n", cfg->s3_prefix);
	if (!is_plain_path(cfg->s3_region) || !*cfg->s3_region)
		buf_addf(problems, "[s3] region: \"%s\" is no name of a region\n", cfg->s3_region);
}

void config_check(const struct config *cfg, struct buf *problems)
{
	check_redis(cfg, problems);
	check_listen("[notifier] listen", cfg->notifier_listen, problems);
	check_listen("[notifier] admin_listen", cfg->notifier_admin_listen, problems);
	check_listen("[worker] listen", cfg->worker_listen, problems);
	check_listen("[worker] admin_listen", cfg->worker_admin_listen, problems);
	check_roles(cfg->worker_roles, problems);
	check_fetch(cfg, problems);
	check_url("[processor] url", cfg->processor_url, problems);
	check_webhook(cfg, problems);
	check_s3(cfg, problems);
	if (cfg->notifier_peer_timeout_ms && cfg->notifier_peer_timeout_ms < 2 * cfg->notifier_heartbeat_interval_ms)
		buf_addz(problems, "[notifier] peer_timeout_s must be at least two heartbeat_interval_s (or 0: off)\n");
}

void config_check_files(const struct config *cfg, struct buf *problems)
{
	for (int i = 0; i < CONFIG_KEYS; i++) {
		const struct config_key *k = &config_keys[i];
		const char *file;

		if (k->type != TYPE_TEXT || !config_key_names_file(k))
			continue;
		file = *(char *const *)((const char *)cfg + k->offset);
		if (*file && !str_starts(str_c(file), STR("%d/")) && access(file, F_OK) < 0 && errno != EACCES)
			buf_addf(problems, "[%s] %s: %s: %s\n", k->section, k->key, file, strerror(errno));
	}
}
