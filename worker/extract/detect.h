/* What an untrusted file really is, by its content; the name only decides where the content leaves a choice. */
#ifndef EXTRACT_DETECT_H
#define EXTRACT_DETECT_H

#include "str.h"

enum content_type {
	CONTENT_UNKNOWN, CONTENT_PDF, CONTENT_ZIP, CONTENT_HTML, CONTENT_TEXT, CONTENT_OLE2, CONTENT_RTF, CONTENT_PNG, CONTENT_JPEG,
	CONTENT_TIFF,
};

/* Loads libmagic's database; 0 or -ENOENT. */
int detect_warm(void);

/* CONTENT_ZIP and CONTENT_OLE2 are containers: what is in them must be looked at. */
enum content_type detect(struct str file, const char *filename);

/* What the ending of the name promises; CONTENT_UNKNOWN: nothing that is known. DOCX and ODT are CONTENT_ZIP, DOC is
 * CONTENT_OLE2. */
enum content_type detect_by_name(const char *filename);

#endif
