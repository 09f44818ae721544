/* redis.url and redis.password_file as an address. See redis.h. */
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

static int parse_tcp(struct str rest, struct redis_address *out, struct buf *problem)
{
	const char *at = rest.n ? memrchr(rest.p, '@', rest.n) : NULL;
	struct str password = { NULL, 0 }, host, port;
	uint64_t number = 6379;

	if (at) {
		password = str_of(rest.p, (size_t)(at - rest.p));
		rest = str_skip(rest, password.n + 1);
		if (str_cut(&password, ':').n)
			return fail(problem, "user names are not supported; write redis://:password@host");
	}
	host = str_cut(&rest, '/');
	if (str_starts(host, STR("["))) {
		port = host;
		host = str_skip(str_cut(&port, ']'), 1);
		if (!port.p || (port.n && port.p[0] != ':'))
			return fail(problem, "an IPv6 address is written [address]:port");
		port = str_skip(port, 1);
	} else {
		port = host;
		host = str_cut(&port, ':');
	}
	if (host.n == 0 || copy(host, out->host, sizeof(out->host)) < 0)
		return fail(problem, "the host is missing or too long");
	if (port.n && str_to_u64(port, 1, 65535, &number) < 0)
		return fail(problem, "the port must be a number from 1 to 65535");
	out->port = (int)number;
	if (password.n && url_decode(password, false, out->password, sizeof(out->password)) < 0)
		return fail(problem, "the password is too long or badly escaped");
	return parse_db(rest, out) < 0 ? fail(problem, "the database must be a number") : 0;
}

static int read_password(const char *file, struct redis_address *out, struct buf *problem)
{
	FILE *f = fopen(file, "re");
	bool too_long;
	size_t n;

	if (!f) {
		buf_addf(problem, "%s: %s", file, strerror(errno));
		return -EINVAL;
	}
	n = fread(out->password, 1, sizeof(out->password) - 1, f);
	too_long = getc(f) != EOF;
	fclose(f);
	out->password[n] = '\0';
	out->password[strcspn(out->password, "\r\n")] = '\0';
	if (too_long || !out->password[0]) {
		buf_addf(problem, "%s: the password is %s", file, too_long ? "longer than 511 bytes" : "empty");
		return -EINVAL;
	}
	return 0;
}

int redis_address_parse(const char *url, const char *password_file, struct redis_address *out, struct buf *problem)
{
	struct str s = str_c(url);
	int rc;

	*out = (struct redis_address){ 0 };
	if (str_starts(s, STR("unix://")))
		rc = parse_unix(str_skip(s, 7), out, problem);
	else if (str_starts(s, STR("redis://")))
		rc = parse_tcp(str_skip(s, 8), out, problem);
	else
		return fail(problem, "it must begin with redis:// or unix://");
	if (rc == 0 && password_file[0])
		rc = read_password(password_file, out, problem);
	return rc;
}
