/* See multipart_header.h. Values are decoded in place: decoding never makes text longer. */
#include "multipart_header.h"

#include <errno.h>

struct parameter {
	struct str name;
	char *value;
	size_t n;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

/* What browsers put for the characters that cannot stand in a quoted value (WHATWG, "multipart/form-data encoding"). */
static size_t undo_browser_escapes(char *p, size_t n)
{
	static const struct { const char *escape; char c; } escapes[] = { { "%22", '"' }, { "%0D", '\r' }, { "%0A", '\n' } };
	size_t out = 0;

	for (size_t i = 0; i < n; i++) {
		char c = p[i];

		for (size_t e = 0; c == '%' && n - i >= 3 && e < sizeof(escapes) / sizeof(escapes[0]); e++)
			if (memcmp(p + i, escapes[e].escape, 3) == 0) {
				c = escapes[e].c;
				i += 2;
			}
		p[out++] = c;
	}
	return out;
}

/* A quoted string from its opening quote. A backslash escapes only a quote or a backslash: old browsers send whole
 * Windows paths without escaping. Returns where it ends (behind the closing quote), or 0 when it does not. */
static size_t read_quoted(char *p, size_t n, struct parameter *out)
{
	size_t i = 1, length = 0;

	for (; i < n && p[i] != '"'; i++) {
		if (p[i] == '\\' && i + 1 < n && (p[i + 1] == '"' || p[i + 1] == '\\'))
			i++;
		p[1 + length++] = p[i];
	}
	if (i >= n)
		return 0;
	out->value = p + 1;
	out->n = length;
	return i + 1;
}

static size_t read_plain(char *p, size_t n, struct parameter *out)
{
	size_t i = 0;

	while (i < n && p[i] != ';' && !is_space(p[i]))
		i++;
	out->value = p;
	out->n = i;
	return i;
}

static size_t skip_separators(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && (is_space(p[i]) || p[i] == ';'))
		i++;
	return i;
}

/* The next `; name=value`. Returns its length, 0 when there is none or it is malformed. */
static size_t next_parameter(char *p, size_t n, struct parameter *out)
{
	size_t start = skip_separators(p, n), i = start, length;

	while (i < n && p[i] != '=' && p[i] != ';' && !is_space(p[i]))
		i++;
	if (i == start || i + 1 >= n || p[i] != '=')
		return 0;
	out->name = str_of(p + start, i - start);
	i++;
	length = p[i] == '"' ? read_quoted(p + i, n - i, out) : read_plain(p + i, n - i, out);
	return length ? i + length : 0;
}

/* utf-8'language'percent-encoded (RFC 8187). Other charsets are left out: then the plain form counts. */
static bool decode_extended(struct parameter *param)
{
	struct str rest = str_of(param->value, param->n), charset = str_cut(&rest, '\'');
	int n;

	str_cut(&rest, '\'');
	if (!rest.p || !str_eq_nocase(charset, STR("utf-8")))
		return false;
	n = url_decode(rest, false, param->value, param->n);
	if (n < 0)
		return false;
	param->n = (size_t)n;
	return true;
}

static bool is_boundary_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c && strchr("'()+_,-./:=? ", c));
}

static int check_boundary(const struct parameter *param, char out[MULTIPART_BOUNDARY_MAX + 1])
{
	if (param->n == 0 || param->n > MULTIPART_BOUNDARY_MAX || param->value[param->n - 1] == ' ')
		return -EINVAL;
	for (size_t i = 0; i < param->n; i++)
		if (!is_boundary_char(param->value[i]))
			return -EINVAL;
	memcpy(out, param->value, param->n);
	out[param->n] = '\0';
	return 0;
}

int multipart_boundary(struct str content_type, char out[MULTIPART_BOUNDARY_MAX + 1])
{
	struct str rest = content_type, type = str_trim(str_cut(&rest, ';'));
	struct parameter param;
	char text[1024];
	size_t at = 0, n;

	if (!str_eq_nocase(type, STR("multipart/form-data")))
		return -EMEDIUMTYPE;
	if (rest.n > sizeof(text))
		return -EINVAL;
	if (rest.n)
		memcpy(text, rest.p, rest.n);
	while ((n = next_parameter(text + at, rest.n - at, &param))) {
		if (str_eq_nocase(param.name, STR("boundary")))
			return check_boundary(&param, out);
		at += n;
	}
	return -EINVAL;
}

static int parse_disposition(char *value, size_t n, struct multipart_part *out)
{
	struct str type = str_of(value, n);
	struct parameter param;
	size_t at, used;
	bool extended = false;

	type = str_trim(str_cut(&type, ';'));
	if (!str_eq_nocase(type, STR("form-data")))
		return -EBADMSG;
	for (at = (size_t)(type.p - value) + type.n; (used = next_parameter(value + at, n - at, &param)); at += used) {
		if (str_eq_nocase(param.name, STR("name"))) {
			param.n = undo_browser_escapes(param.value, param.n);
			out->name = str_of(param.value, param.n);
		} else if (str_eq_nocase(param.name, STR("filename")) && !extended) {
			param.n = undo_browser_escapes(param.value, param.n);
			out->filename = str_of(param.value, param.n);
		} else if (str_eq_nocase(param.name, STR("filename*")) && decode_extended(&param)) {
			out->filename = str_of(param.value, param.n);
			extended = true;
		}
	}
	return out->name.n && skip_separators(value + at, n - at) == n - at ? 0 : -EBADMSG;
}

int multipart_part_parse(char *header, size_t n, struct multipart_part *out)
{
	char *end = header + n;
	int rc = -EBADMSG;

	*out = (struct multipart_part){ { NULL, 0 }, { NULL, 0 } };
	while (header < end) {
		char *line_end = memmem(header, (size_t)(end - header), "\r\n", 2);
		struct str value, name;

		if (!line_end)
			return -EBADMSG;
		value = str_of(header, (size_t)(line_end - header));
		name = str_cut(&value, ':');
		if (!value.p || name.n == 0 || is_space(name.p[0]))
			return -EBADMSG;
		if (str_eq_nocase(name, STR("content-disposition"))) {
			value = str_trim(value);
			rc = parse_disposition(header + (value.p - header), value.n, out);
			if (rc < 0)
				return rc;
		}
		header = line_end + 2;
	}
	return rc;
}
