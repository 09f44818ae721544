/* redis.url and the files with passwords as an address. See redis.h. */
#include <errno.h>
#include <stdio.h>

#include "redis.h"

static int fail(struct buf *problem, const char *sentence)
{
	buf_addz(problem, sentence);
	return -EINVAL;
}

static int copy(struct str s, char *out, size_t cap)
{
	if (s.n >= cap)
		return -EINVAL;
	if (s.n)
		memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return 0;
}

static int parse_db(struct str text, struct redis_address *out)
{
	uint64_t db = 0;

	if (text.n && str_to_u64(text, 0, 65535, &db) < 0)
		return -EINVAL;
	out->db = (int)db;
	return 0;
}

static int parse_unix(struct str rest, struct redis_address *out, struct buf *problem)
{
	struct str query = rest, path = str_cut(&query, '?');

	if (!str_starts(path, STR("/")) || copy(path, out->path, sizeof(out->path)) < 0)
		return fail(problem, "the unix socket must be an absolute path of at most 107 bytes: unix:///path");
	if (query.n && (!str_starts(query, STR("db=")) || parse_db(str_skip(query, 3), out) < 0))
		return fail(problem, "after unix:///path only ?db=<number> may come");
	return 0;
}

/* host, host:port, [v6] or [v6]:port. */
static int parse_host(struct str host, char *name, size_t cap, int *number, struct buf *problem)
{
	struct str port = host;
	uint64_t value = (uint64_t)*number;

	if (str_starts(host, STR("["))) {
		host = str_skip(str_cut(&port, ']'), 1);
		if (!port.p || (port.n && port.p[0] != ':'))
			return fail(problem, "an IPv6 address is written [address]:port");
		port = str_skip(port, 1);
	} else {
		host = str_cut(&port, ':');
	}
	if (host.n == 0 || copy(host, name, cap) < 0)
		return fail(problem, "the host is missing or too long");
	if (port.n && str_to_u64(port, 1, 65535, &value) < 0)
		return fail(problem, "the port must be a number from 1 to 65535");
	*number = (int)value;
	return 0;
}

/* Takes ":password@" off the front of *rest. */
static int parse_password(struct str *rest, struct redis_address *out, struct buf *problem)
{
	const char *at = rest->n ? memrchr(rest->p, '@', rest->n) : NULL;
	struct str password;

	if (!at)
		return 0;
	password = str_of(rest->p, (size_t)(at - rest->p));
	*rest = str_skip(*rest, password.n + 1);
	if (str_cut(&password, ':').n)
		return fail(problem, "user names are not supported; write redis://:password@host");
	if (password.n && url_decode(password, false, out->password, sizeof(out->password)) < 0)
		return fail(problem, "the password is too long or badly escaped");
	return 0;
}

static int parse_tcp(struct str rest, struct redis_address *out, struct buf *problem)
{
	struct str host;

	if (parse_password(&rest, out, problem) < 0)
		return -EINVAL;
	host = str_cut(&rest, '/');
	out->port = 6379;
	if (parse_host(host, out->host, sizeof(out->host), &out->port, problem) < 0)
		return -EINVAL;
	return parse_db(rest, out) < 0 ? fail(problem, "the database must be a number") : 0;
}

/* [:password@]host[:port],host[:port],…/name of the master[/db] */
static int parse_sentinels(struct str rest, struct redis_address *out, struct buf *problem)
{
	struct str hosts, master;

	if (parse_password(&rest, out, problem) < 0)
		return -EINVAL;
	hosts = str_cut(&rest, '/');
	master = str_cut(&rest, '/');
	if (master.n == 0 || copy(master, out->master, sizeof(out->master)) < 0)
		return fail(problem, "after the Sentinels the name of their master comes: redis+sentinel://host:26379,host:26379/name");
	while (hosts.p) {
		struct redis_sentinel *s = &out->sentinels[out->n_sentinels];

		if (out->n_sentinels == REDIS_SENTINELS_MAX)
			return fail(problem, "these are too many Sentinels");
		s->port = 26379;
		if (parse_host(str_trim(str_cut(&hosts, ',')), s->host, sizeof(s->host), &s->port, problem) < 0)
			return -EINVAL;
		out->n_sentinels++;
	}
	return parse_db(rest, out) < 0 ? fail(problem, "the database must be a number") : 0;
}

/* The first line of the file, at most 511 bytes. */
static int read_password(const char *key, const char *file, char (*out)[REDIS_PASSWORD_SIZE], struct buf *problem)
{
	FILE *f = fopen(file, "re");
	bool too_long;
	size_t n;

	if (!f) {
		buf_addf(problem, "%s: %s: %s", key, file, strerror(errno));
		return -EINVAL;
	}
	setvbuf(f, NULL, _IONBF, 0); /* or the password would stay in the buffer */
	n = fread(*out, 1, sizeof(*out) - 1, f);
	too_long = getc(f) != EOF;
	fclose(f);
	(*out)[n] = '\0';
	(*out)[strcspn(*out, "\r\n")] = '\0';
	if (too_long || !(*out)[0]) {
		buf_addf(problem, "%s: the password in %s is %s", key, file, too_long ? "longer than 511 bytes" : "empty");
		return -EINVAL;
	}
	return 0;
}

int redis_address_parse(const char *url, struct redis_address *out, struct buf *problem)
{
	struct str s = str_c(url);

	*out = (struct redis_address){ 0 };
	if (str_starts(s, STR("unix://")))
		return parse_unix(str_skip(s, 7), out, problem);
	if (str_starts(s, STR("redis://")))
		return parse_tcp(str_skip(s, 8), out, problem);
	if (str_starts(s, STR("redis+sentinel://")))
		return parse_sentinels(str_skip(s, 17), out, problem);
	return fail(problem, "it must begin with redis://, unix:// or redis+sentinel://");
}

int redis_address_from(const struct config *cfg, struct redis_address *out, struct buf *problem)
{
	int rc;

	buf_addz(problem, "url: ");
	rc = redis_address_parse(cfg->redis_url, out, problem);
	if (rc < 0)
		return rc;
	buf_clear(problem);
	if (cfg->redis_password_file[0])
		rc = read_password("password_file", cfg->redis_password_file, &out->password, problem);
	if (rc == 0 && cfg->redis_sentinel_password_file[0])
		rc = read_password("sentinel_password_file", cfg->redis_sentinel_password_file, &out->sentinel_password, problem);
	return rc;
}

void redis_address_wipe(struct redis_address *a)
{
	explicit_bzero(a->password, sizeof(a->password));
	explicit_bzero(a->sentinel_password, sizeof(a->sentinel_password));
}
