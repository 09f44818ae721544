/* What must hold for the lines of any document, whatever it was read from. Included by the targets of format readers. */
#ifndef FUZZ_DOCUMENT_CHECK_H
#define FUZZ_DOCUMENT_CHECK_H

#include <assert.h>

#include "document.h"

static inline void document_check(const struct document *doc)
{
	for (size_t i = 0; i < doc->n_lines; i++) {
		const struct doc_line *line = &doc->lines[i];

		assert(line->text[0] && utf8_valid(line->text, strlen(line->text)));
		for (const char *c = line->text; *c; c++)
			assert((unsigned char)*c >= ' ' && *c != 0x7F);
		assert(line->block >= 0 && line->row >= 0 && line->cell >= 0 && line->column >= 0 && line->heading <= 6);
	}
	for (size_t i = 0; i < doc->n_links; i++)
		assert(doc->links[i].line >= -1 && doc->links[i].line < (int)doc->n_lines);
}

#endif
