/* The parser of sections, entries, dates and all the rest: lines of the input become lines of a document, the first byte of
 * each its look. The result must be UTF-8 JSON, and the same again for the same document. */
#include <assert.h>
#include <cjson/cJSON.h>

#include "document.h"
#include "parse.h"

#define OUT_BYTES_MAX (8u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add_line(struct document *doc, struct str text, int *block, int *row)
{
	unsigned char look = text.n ? (unsigned char)text.p[0] : 0;
	struct doc_line *line = text.n > 1 ? document_add_line(doc, text.p + 1, text.n - 1) : NULL;

	*block += line == NULL || look & 1;
	if (!line)
		return;
	*row += (look & 6) == 2;
	line->page = 1;
	line->block = *block;
	line->row = look & 2 ? *row : 0;
	line->cell = look & 4 ? 1 : 0;
	line->heading = look & 8 ? 2 : 0;
	line->bold = look & 16;
	line->bullet = look & 64;
	line->column = look & 128 ? 1 : 0;
	line->font_size = look & 32 ? 10 : 14;
}

static void parse(const struct document *doc, struct buf *resume)
{
	struct buf summary;
	cJSON *json;

	buf_init(resume, OUT_BYTES_MAX);
	buf_init(&summary, OUT_BYTES_MAX);
	if (parse_resume(doc, resume, &summary) == 0) {
		assert(utf8_valid(resume->p, resume->n) && utf8_valid(summary.p, summary.n));
		json = cJSON_ParseWithLength(resume->p, resume->n);
		assert(json);
		cJSON_Delete(json);
	}
	buf_free(&summary);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = str_of(data, size);
	struct buf first, second;
	struct document doc;
	int block = 1, row = 0;

	document_init(&doc);
	doc.format = "txt";
	while (rest.n)
		add_line(&doc, str_cut(&rest, '\n'), &block, &row);
	parse_prepare();
	parse(&doc, &first);
	parse(&doc, &second);
	assert(str_eq(buf_str(&first), buf_str(&second)));
	buf_free(&first);
	buf_free(&second);
	document_free(&doc);
	return 0;
}
