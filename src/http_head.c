/* See http_head.h. */
#include "http_head.h"

#define TARGET_MAX_BYTES 8192
#define CONTENT_LENGTH_MAX ((uint64_t)1 << 50)

/* tchar of RFC 9110, 5.6.2 */
static bool is_token_char(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_token_char((unsigned char)s.p[i]))
			return false;
	return s.n > 0;
}

/* Empty lines before a request are skipped (RFC 9112, 2.2): some clients send one after a body. */
static size_t leading_blank(const char *p, size_t n)
{
	size_t at = 0;

	while (n - at >= 2 && p[at] == '\r' && p[at + 1] == '\n' && at < 4)
		at += 2;
	return at;
}

int http_head_length(const char *p, size_t n, size_t *scanned)
{
	size_t start = leading_blank(p, n);

	if (n > start && p[start] != '\r' && !is_token_char((unsigned char)p[start]))
		return -400;
	if (*scanned < start)
		*scanned = start;
	while (*scanned < n) {
		const char *line_feed = memchr(p + *scanned, '\n', n - *scanned);
		size_t at;

		if (!line_feed) {
			*scanned = n;
			break;
		}
		at = (size_t)(line_feed - p);
		if (at == 0 || p[at - 1] != '\r')
			return -400; /* a bare LF: the other half of request smuggling */
		if (at >= start + 3 && p[at - 2] == '\n')
			return at < HTTP_HEAD_MAX_BYTES ? (int)at + 1 : -431;
		*scanned = at + 1;
	}
	return n >= HTTP_HEAD_MAX_BYTES ? -431 : 0;
}

/* origin-form, "*", or absolute-form, whose scheme and authority are dropped (RFC 9112, 3.2). */
static int parse_target(struct http_head *h)
{
	struct str path = h->target;

	if (path.n > TARGET_MAX_BYTES)
		return 414;
	for (size_t i = 0; i < path.n; i++)
		if ((unsigned char)path.p[i] <= 0x20 || (unsigned char)path.p[i] >= 0x7F || path.p[i] == '#')
			return 400;
	if (str_starts(path, STR("http://")) || str_starts(path, STR("https://"))) {
		const char *slash;

		path = str_skip(path, path.p[4] == 's' ? 8 : 7);
		slash = path.n ? memchr(path.p, '/', path.n) : NULL;
		if (!slash)
			return 400;
		path = str_skip(path, (size_t)(slash - path.p));
	}
	if (path.n == 0 || (path.p[0] != '/' && !str_eq(path, STR("*"))))
		return 400;
	h->query = path;
	h->path = str_cut(&h->query, '?');
	return 0;
}

static int parse_request_line(struct str line, struct http_head *h)
{
	struct str rest = line, method = str_cut(&rest, ' ');

	h->target = str_cut(&rest, ' ');
	if (!is_token(method) || !str_starts(rest, STR("HTTP/")))
		return 400;
	if (!str_eq(rest, STR("HTTP/1.1")) && !str_eq(rest, STR("HTTP/1.0")))
		return 505;
	h->keep_alive = str_eq(rest, STR("HTTP/1.1"));
	h->method = http_method_by_name(method);
	return parse_target(h);
}

static bool value_is_clean(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (((unsigned char)s.p[i] < 0x20 && s.p[i] != '\t') || s.p[i] == 0x7F)
			return false;
	return true;
}

/* No space before the colon and no folded lines (RFC 9112, 5.1 and 5.2). */
static int parse_field(struct str line, struct http_head *h)
{
	struct str value = line, name = str_cut(&value, ':');

	if (h->n_fields == HTTP_HEAD_MAX_FIELDS)
		return 431;
	if (!value.p || !is_token(name) || !value_is_clean(value))
		return 400;
	h->fields[h->n_fields++] = (struct http_field){ name, str_trim(value) };
	return 0;
}

static size_t count_fields(const struct http_head *h, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n_fields; i++)
		n += str_eq_nocase(h->fields[i].name, str_c(name));
	return n;
}

struct str http_head_field(const struct http_head *h, const char *name)
{
	struct str found = { NULL, 0 };

	for (size_t i = 0; i < h->n_fields; i++) {
		if (!str_eq_nocase(h->fields[i].name, str_c(name)))
			continue;
		if (found.p)
			return (struct str){ NULL, 0 };
		found = h->fields[i].value.p ? h->fields[i].value : STR("");
	}
	return found;
}

/* Whether a comma-separated list in any field of this name holds the token. */
static bool lists_token(const struct http_head *h, const char *name, const char *token)
{
	for (size_t i = 0; i < h->n_fields; i++) {
		struct str rest = h->fields[i].value;

		if (!str_eq_nocase(h->fields[i].name, str_c(name)))
			continue;
		while (rest.n)
			if (str_eq_nocase(str_trim(str_cut(&rest, ',')), str_c(token)))
				return true;
	}
	return false;
}

static int understand_fields(struct http_head *h, bool http_1_1)
{
	struct str length = http_head_field(h, "content-length"), expect = http_head_field(h, "expect");
	uint64_t number;

	if (count_fields(h, "host") > 1 || (http_1_1 && count_fields(h, "host") == 0))
		return 400;
	if (count_fields(h, "transfer-encoding"))
		return 411;
	h->content_length = -1;
	if (count_fields(h, "content-length")) {
		if (!length.p || str_to_u64(length, 0, CONTENT_LENGTH_MAX, &number) < 0)
			return 400;
		h->content_length = (int64_t)number;
	}
	if (expect.p && !str_eq_nocase(expect, STR("100-continue")))
		return 417;
	h->expects_continue = expect.p != NULL;
	if (lists_token(h, "connection", "close"))
		h->keep_alive = false;
	else if (lists_token(h, "connection", "keep-alive"))
		h->keep_alive = true;
	h->wants_websocket = lists_token(h, "upgrade", "websocket") && lists_token(h, "connection", "upgrade");
	return 0;
}

int http_head_parse(const char *p, size_t n, struct http_head *h)
{
	size_t start = leading_blank(p, n);
	struct str rest = str_of(p + start, n - start), line;
	int status;

	h->n_fields = 0;
	line = str_cut(&rest, '\n');
	if (line.n == 0)
		return 400;
	line.n--; /* the CR: http_head_length has seen that one stands before every LF */
	status = parse_request_line(line, h);
	while (status == 0) {
		line = str_cut(&rest, '\n');
		if (line.n <= 1)
			break;
		line.n--;
		status = parse_field(line, h);
	}
	return status ? status : understand_fields(h, h->keep_alive);
}
