/* See xml.h. */
#include "xml.h"

#include <libxml/parser.h>
#include <libxml/xmlreader.h>
#include <stdlib.h>

#define DEPTH_MAX 100 /* processing.md: nesting of XML */

struct xml {
	struct package *package;
	struct package_part *part;
	xmlTextReaderPtr reader;
	enum error_code error;
	bool empty;             /* the current element is <x/>: its end comes next without a node */
};

static int read_part(void *ctx, char *to, int n)
{
	struct xml *x = ctx;

	return package_part_read(x->part, to, (size_t)n);
}

/* Errors are told by return values; libxml2 must not write to stderr. */
static void on_error(void *ctx, const char *message, xmlParserSeverities severity, xmlTextReaderLocatorPtr locator)
{
}

struct xml *xml_open(struct package *p, const char *part)
{
	struct xml *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->package = p;
	x->part = package_part_open(p, part);
	if (!x->part)
		goto fail;
	x->reader = xmlReaderForIO(read_part, NULL, x, NULL, NULL, XML_PARSE_NONET | XML_PARSE_NOWARNING | XML_PARSE_NOERROR);
	if (!x->reader)
		goto fail;
	xmlTextReaderSetErrorHandler(x->reader, on_error, NULL);
	return x;
fail:
	xml_close(x);
	return NULL;
}

void xml_close(struct xml *x)
{
	if (!x)
		return;
	if (x->reader)
		xmlFreeTextReader(x->reader);
	if (x->part)
		package_part_close(x->part);
	free(x);
}

static enum xml_event fail(struct xml *x)
{
	enum error_code of_package = package_error(x->package);

	x->error = of_package == ERR_NONE ? ERR_corrupt : of_package;
	return XML_END;
}

/* XML_END when the node is nothing that readers want to see. */
static enum xml_event event_of(struct xml *x)
{
	switch (xmlTextReaderNodeType(x->reader)) {
	case XML_READER_TYPE_ELEMENT:
		x->empty = xmlTextReaderIsEmptyElement(x->reader) == 1;
		return XML_START_ELEMENT;
	case XML_READER_TYPE_END_ELEMENT: return XML_END_ELEMENT;
	case XML_READER_TYPE_TEXT:
	case XML_READER_TYPE_CDATA:
	case XML_READER_TYPE_SIGNIFICANT_WHITESPACE: return XML_TEXT;
	default: return XML_END;
	}
}

enum xml_event xml_next(struct xml *x)
{
	if (x->error != ERR_NONE)
		return XML_END;
	if (x->empty) {
		x->empty = false;
		return XML_END_ELEMENT;
	}
	for (;;) {
		int rc = xmlTextReaderRead(x->reader);
		enum xml_event event;

		if (rc == 0 && package_error(x->package) == ERR_NONE)
			return XML_END;
		if (rc != 1 || xmlTextReaderDepth(x->reader) > DEPTH_MAX ||
		    xmlTextReaderNodeType(x->reader) == XML_READER_TYPE_DOCUMENT_TYPE)
			return fail(x);
		event = event_of(x);
		if (event != XML_END)
			return event;
	}
}

enum error_code xml_error(const struct xml *x)
{
	return x->error;
}

const char *xml_name(const struct xml *x)
{
	const xmlChar *name = xmlTextReaderConstLocalName(x->reader);

	return name ? (const char *)name : "";
}

bool xml_is(const struct xml *x, const char *local_name)
{
	return strcmp(xml_name(x), local_name) == 0;
}

struct str xml_text(const struct xml *x)
{
	return str_c((const char *)xmlTextReaderConstValue(x->reader));
}

int xml_depth(const struct xml *x)
{
	return xmlTextReaderDepth(x->reader);
}

bool xml_attribute(struct xml *x, const char *local_name, char *out, size_t cap)
{
	bool found = false;

	out[0] = '\0';
	for (int more = xmlTextReaderMoveToFirstAttribute(x->reader); more == 1 && !found;
	     more = xmlTextReaderMoveToNextAttribute(x->reader)) {
		const char *value = (const char *)xmlTextReaderConstValue(x->reader);

		if (!value || !xml_is(x, local_name) || xmlTextReaderIsNamespaceDecl(x->reader) == 1)
			continue;
		found = true;
		if (strlen(value) < cap)
			memcpy(out, value, strlen(value) + 1);
	}
	xmlTextReaderMoveToElement(x->reader);
	return found && out[0];
}

void xml_skip(struct xml *x)
{
	int depth = xml_depth(x);

	if (x->empty) {
		x->empty = false;
		return;
	}
	while (xml_next(x) != XML_END)
		if (xml_depth(x) == depth)
			break;
}

/* Nothing outside of the package exists. */
static xmlParserInputPtr no_entity(const char *url, const char *id, xmlParserCtxtPtr ctxt)
{
	return NULL;
}

void xml_warm(void)
{
	xmlInitParser();
	xmlSetExternalEntityLoader(no_entity);
}
