/* See multipart.h. The delimiter's CR is its only one (no boundary holds one), so a match that fails can only begin again at
 * the byte that broke it. What had matched is data then; when it began in an earlier piece it is given out from the delimiter
 * itself, and nothing needs to be kept. */
#include "multipart.h"

#include <errno.h>
#include <sys/types.h>

#include "multipart_header.h"

int multipart_init(struct multipart *m, struct str content_type, const struct multipart_events *events, void *ctx)
{
	char boundary[MULTIPART_BOUNDARY_MAX + 1];
	int rc = multipart_boundary(content_type, boundary);

	if (rc < 0)
		return rc;
	m->state = MULTIPART_PREAMBLE;
	m->delimiter_n = 4 + strlen(boundary);
	memcpy(m->delimiter, "\r\n--", 4);
	memcpy(m->delimiter + 4, boundary, m->delimiter_n - 4);
	m->matched = 2; /* the first delimiter may stand at the very beginning, without its CR LF */
	m->header_n = 0;
	m->last = '\0';
	m->events = events;
	m->ctx = ctx;
	return 0;
}

static int give_data(struct multipart *m, const char *p, size_t n)
{
	if (m->state != MULTIPART_DATA || n == 0)
		return 0;
	return m->events->part_data(m->ctx, str_of(p, n));
}

static int delimiter_found(struct multipart *m)
{
	bool part_ends = m->state == MULTIPART_DATA;

	m->state = MULTIPART_DELIMITER;
	m->matched = 0;
	m->last = '\0';
	return part_ends ? m->events->part_end(m->ctx) : 0;
}

/* Gives out in[*data..end), without what has matched of a delimiter there. */
static int give_until(struct multipart *m, struct str in, size_t *data, size_t end)
{
	size_t here = m->matched < end - *data ? m->matched : end - *data;
	int rc = give_data(m, in.p + *data, end - *data - here);

	*data = end;
	return rc;
}

/* What had matched is data after all. When its beginning came in an earlier piece, it is given out from the delimiter. */
static int match_broken(struct multipart *m, size_t *data, size_t at)
{
	size_t matched = m->matched;
	int rc = 0;

	m->matched = 0;
	if (matched > at - *data) {
		rc = give_data(m, m->delimiter, matched);
		*data = at;
	}
	return rc;
}

/* Data (or preamble) up to the next delimiter. Returns how much was read, or an error. */
static ssize_t read_data(struct multipart *m, struct str in)
{
	size_t i = 0, data = 0; /* in[data..i) was not given out yet; with a part of a delimiter at its end */
	int rc = 0;

	while (rc == 0 && i < in.n) {
		if (m->matched == 0) {
			const char *cr = memchr(in.p + i, '\r', in.n - i);

			i = cr ? (size_t)(cr - in.p) + 1 : in.n;
			m->matched = cr ? 1 : 0;
		} else if (in.p[i] == m->delimiter[m->matched]) {
			i++;
			if (++m->matched == m->delimiter_n) {
				rc = give_until(m, in, &data, i);
				if (rc == 0)
					rc = delimiter_found(m);
				break;
			}
		} else {
			rc = match_broken(m, &data, i);
		}
	}
	if (rc == 0)
		rc = give_until(m, in, &data, i);
	return rc < 0 ? rc : (ssize_t)i;
}

/* Behind a delimiter: "--" ends the body; spaces and CR LF begin a part's headers. */
static int read_delimiter_end(struct multipart *m, char c)
{
	char before = m->last;

	m->last = c;
	if (before == '-')
		m->state = c == '-' ? MULTIPART_DONE : MULTIPART_BROKEN;
	else if (before == '\r')
		m->state = c == '\n' ? MULTIPART_HEADERS : MULTIPART_BROKEN;
	else if (!(c == '\r' || c == ' ' || c == '\t' || (c == '-' && before == '\0')))
		m->state = MULTIPART_BROKEN;
	m->header_n = 0;
	return m->state == MULTIPART_BROKEN ? -EBADMSG : 0;
}

static int headers_complete(struct multipart *m)
{
	struct multipart_part part;
	int rc = multipart_part_parse(m->header, m->header_n - 2, &part);

	m->state = MULTIPART_DATA;
	m->matched = 0;
	return rc < 0 ? rc : m->events->part_begin(m->ctx, &part);
}

static int read_header(struct multipart *m, char c)
{
	if (m->header_n == sizeof(m->header))
		return -E2BIG;
	m->header[m->header_n++] = c;
	if (c != '\n')
		return 0;
	if (m->header_n < 2 || m->header[m->header_n - 2] != '\r')
		return -EBADMSG;
	if (m->header_n == 2 || m->header[m->header_n - 3] == '\n')
		return headers_complete(m);
	return 0;
}

static ssize_t step(struct multipart *m, struct str in)
{
	int rc = 0;

	switch (m->state) {
	case MULTIPART_PREAMBLE:
	case MULTIPART_DATA:
		return read_data(m, in);
	case MULTIPART_DELIMITER:
		rc = read_delimiter_end(m, in.p[0]);
		break;
	case MULTIPART_HEADERS:
		rc = read_header(m, in.p[0]);
		break;
	case MULTIPART_DONE:
		return (ssize_t)in.n; /* the epilogue means nothing */
	case MULTIPART_BROKEN:
		rc = -EBADMSG;
	}
	return rc < 0 ? rc : 1;
}

int multipart_feed(struct multipart *m, struct str bytes)
{
	while (bytes.n) {
		ssize_t n = step(m, bytes);

		if (n < 0) {
			m->state = MULTIPART_BROKEN;
			return (int)n;
		}
		bytes = str_skip(bytes, (size_t)n);
	}
	return 0;
}

int multipart_finish(const struct multipart *m)
{
	return m->state == MULTIPART_DONE ? 0 : -EBADMSG;
}
