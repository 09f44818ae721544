/* The résumé parser: lines with their look, as a format reader gives them. The first two bytes of a line are its look. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add_line(struct document *doc, struct str text)
{
	unsigned look = text.n ? (unsigned char)text.p[0] : 0, place = text.n > 1 ? (unsigned char)text.p[1] : 0;
	struct doc_line *l = document_add_line(doc, text.p + (text.n > 1 ? 2 : 0), text.n > 1 ? text.n - 2 : 0);

	if (!l)
		return;
	l->page = 1 + (int)(doc->n_lines / 50);
	l->block = (int)(place & 7);
	l->column = (int)(place >> 3 & 3);
	l->row = (int)(place >> 5 & 7);
	l->cell = (int)(look >> 6 & 3);
	l->heading = look & 3;
	l->bullet = look & 4;
	l->bold = look & 8;
	if (look & 16) {
		l->x = (float)(10 + 20 * (place & 15));
		l->y = (float)(doc->n_lines * 12 % 800);
		l->width = (float)(text.n * 5);
		l->height = 10;
		l->font_size = look & 32 ? 14 : 10;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct document doc;
	struct buf resume, summary;
	struct str rest = str_of(data, size);
	int rc;

	document_init(&doc);
	doc.format = "txt";
	while (rest.n)
		add_line(&doc, str_cut(&rest, '\n'));
	document_add_link(&doc, "https://github.com/jane", "jane", 0);
	buf_init(&resume, 8u << 20);
	buf_init(&summary, 64u << 10);
	rc = parse_resume(&doc, &resume, &summary);
	assert(rc == 0 || rc == -EMSGSIZE);
	assert(rc < 0 || (resume.p[0] == '{' && resume.p[resume.n - 1] == '}' && utf8_valid(resume.p, resume.n)));
	for (size_t i = 0; i < resume.n; i++)
		assert((unsigned char)resume.p[i] >= ' ');
	buf_free(&resume);
	buf_free(&summary);
	document_free(&doc);
	return 0;
}
