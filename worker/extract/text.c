/* Plain text: every line is a line; an empty one ends a block; tabs and wide gaps set parts of a line apart. */
#include "charset.h"
#include "formats.h"
#include "lines.h"

#define UTF8_BYTES_MAX (100u * 1000 * 1000)
#define GAP_SPACES 3 /* that many spaces inside a line are a gap between two columns */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void add_text_line(struct lines *l, struct str line)
{
	static const struct run_style plain;
	size_t start = 0, end;

	for (size_t i = 0; i < line.n; i = end + (end == i)) {
		bool tab = false;

		for (end = i; end < line.n && is_blank(line.p[end]); end++)
			tab |= line.p[end] == '\t';
		if (!tab && end - i < GAP_SPACES)
			continue;
		lines_text(l, str_of(line.p + start, i - start), &plain);
		lines_tab(l);
		start = end;
	}
	lines_text(l, str_skip(line, start), &plain);
	if (str_trim(line).n == 0)
		lines_paragraph(l);
	else
		lines_break(l);
}

/* Lines end with LF, CR LF, CR or a form feed. */
static void add_text(struct lines *l, struct str text)
{
	while (text.n) {
		size_t n = 0;
		bool crlf;

		while (n < text.n && text.p[n] != '\n' && text.p[n] != '\r' && text.p[n] != '\f')
			n++;
		crlf = n + 1 < text.n && text.p[n] == '\r' && text.p[n + 1] == '\n';
		add_text_line(l, str_of(text.p, n));
		text = str_skip(text, n + 1 + crlf);
	}
}

enum error_code text_read(struct str file, struct document *doc)
{
	enum error_code code = ERR_NONE;
	struct lines l;
	struct buf text;

	buf_init(&text, UTF8_BYTES_MAX);
	lines_init(&l, doc);
	if (charset_to_utf8(file, STR(""), &text) < 0)
		code = ERR_memory_limit;
	else
		add_text(&l, buf_str(&text));
	lines_free(&l);
	buf_free(&text);
	return code;
}
