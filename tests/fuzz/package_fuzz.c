/* Zip packages: any bytes as a package, and what its parts are named like, read to the end. */
#include "document_check.h"
#include "formats.h"
#include "package.h"
#include "xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct package *p;
	struct document doc;

	xml_warm();
	document_init(&doc);
	if (package_open(str_of(data, size), &p) == ERR_NONE) {
		if (docx_is(p))
			docx_read(p, &doc);
		odt_read(p, &doc);
		package_free(p);
	}
	document_check(&doc);
	document_free(&doc);
	return 0;
}
