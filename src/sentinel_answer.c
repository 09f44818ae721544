/* See sentinel_answer.h. RESP2, of which only these answers are known. */
#include "sentinel_answer.h"

#include <errno.h>

/* A line without its end. */
static int take_line(struct str *rest, struct str *line)
{
	const char *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;

	if (!end)
		return -EAGAIN;
	*line = str_cut(rest, '\n');
	if (line->n && line->p[line->n - 1] == '\r')
		line->n--;
	return 0;
}

/* "$4\r\n6379\r\n" */
static int take_bulk(struct str *rest, struct str *out)
{
	struct str length;
	uint64_t n;
	int rc = take_line(rest, &length);

	if (rc < 0)
		return rc;
	if (!str_starts(length, STR("$")) || str_to_u64(str_skip(length, 1), 1, SENTINEL_HOST_MAX, &n) < 0)
		return -EPROTO;
	if (rest->n < n + 2)
		return -EAGAIN;
	*out = str_of(rest->p, (size_t)n);
	*rest = str_skip(*rest, (size_t)n + 2);
	return 0;
}

static int take_address(struct str rest, struct str *host, int *port)
{
	struct str text;
	uint64_t number;
	int rc = take_bulk(&rest, host);

	if (rc == 0)
		rc = take_bulk(&rest, &text);
	if (rc < 0)
		return rc;
	if (memchr(host->p, '\0', host->n) || str_to_u64(text, 1, 65535, &number) < 0)
		return -EPROTO;
	*port = (int)number;
	return 0;
}

int sentinel_answer_read(struct str text, struct str *host, int *port, struct str *problem)
{
	struct str line;
	int rc;

	do {
		rc = take_line(&text, &line);
		if (rc < 0)
			return rc;
	} while (str_eq(line, STR("+OK")));
	*problem = STR("its answer is no address");
	if (str_eq(line, STR("*2")))
		return take_address(text, host, port);
	if (str_eq(line, STR("*-1")))
		*problem = STR("it knows no such master");
	if (str_starts(line, STR("-")))
		*problem = str_skip(line, 1); /* an error in its own words */
	return -EPROTO;
}
