/* What a part of a DOCX package refers to: its hyperlinks, page headers and footers, the style sheet. */
#ifndef EXTRACT_DOCX_RELATIONS_H
#define EXTRACT_DOCX_RELATIONS_H

#include "package.h"

#define DOCX_ID_BYTES 64
#define DOCX_PART_BYTES 128

enum relation_kind { RELATION_HYPERLINK, RELATION_HEADER, RELATION_FOOTER, RELATION_STYLES, RELATION_DOCUMENT };

struct relation {
	enum relation_kind kind;
	char id[DOCX_ID_BYTES];
	char *target;
};

struct relations {
	struct relation *all;
	size_t n, cap;
};

/* Adds the relations of a part. Those of "word/document.xml" stand in "word/_rels/document.xml.rels", those of the package
 * ("") in "_rels/.rels". What is damaged or too much is left out. */
void relations_load(struct relations *r, struct package *p, const char *part);
void relations_free(struct relations *r);

/* The next one of a kind, from *from on, which moves behind it; NULL: no more. */
const struct relation *relation_next(const struct relations *r, enum relation_kind kind, size_t *from);
/* The address of a hyperlink, "" when there is none of that id. */
const char *relation_url(const struct relations *r, const char *id);
/* The name of the part that a target means: relative to the folder of the part that names it, or begun with "/". "" when
 * it is too long. */
void relation_part(const char *beside, const char *target, char out[DOCX_PART_BYTES]);

#endif
