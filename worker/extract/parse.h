/*
 * The parser: the lines of a document become a JSON Resume 1.0.0 object. Called once per file by the extraction child,
 * after a format reader has filled the document. It touches nothing but its arguments: no clock, no files, no network.
 */
#ifndef EXTRACT_PARSE_H
#define EXTRACT_PARSE_H

#include "document.h"
#include "str.h"

/* Changes when the same document may give another result; stands in the result's meta. */
#define PARSE_VERSION "1"

/* Builds the word tables. Optional and cheap to repeat: a fork server calls it once, so that its children need not. */
int parse_prepare(void);

/* Appends the JSON Resume object to *resume_json and the short "result" object of the completed event to
 * *summary_json (name, has_email, has_phone, counts, warnings). Fields that are not sure are left out. The same document
 * gives the same bytes. Time and memory grow linearly with the document. 0, -ENOMEM, or -EMSGSIZE: a buffer's
 * maximum is reached. */
int parse_resume(const struct document *doc, struct buf *resume_json, struct buf *summary_json);

#endif
