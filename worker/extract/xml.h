/*
 * One XML part of a package as a stream of nodes, by libxml2's xmlTextReader with nothing switched on that fetches,
 * expands or recurses: a DOCTYPE ends the reading, so do 100 levels of nesting. Names are local names; prefixes differ
 * between programs that write the same format.
 */
#ifndef EXTRACT_XML_H
#define EXTRACT_XML_H

#include "package.h"

enum xml_event { XML_END = 0, XML_START_ELEMENT, XML_END_ELEMENT, XML_TEXT };

struct xml;

/* Sets up libxml2 once, with every way to other files closed. */
void xml_warm(void);

/* NULL when the part is not there or cannot be opened (package_error()). */
struct xml *xml_open(struct package *p, const char *part);
void xml_close(struct xml *x);

/* The next start or end of an element (an empty element has both), or text. XML_END at the end and on any error;
 * xml_error() then tells them apart. */
enum xml_event xml_next(struct xml *x);
enum error_code xml_error(const struct xml *x);

/* Of the current event; good until the next xml_next(). */
bool xml_is(const struct xml *x, const char *local_name);
const char *xml_name(const struct xml *x);
struct str xml_text(const struct xml *x);
int xml_depth(const struct xml *x);

/* Copies the attribute of the current element; false and "" when it is not there or does not fit. */
bool xml_attribute(struct xml *x, const char *local_name, char *out, size_t cap);
/* Passes over the element that has just started, with its content and its end. */
void xml_skip(struct xml *x);

#endif
