/* The walkers of DOCX and ODT: the input is XML, cut at NUL bytes into the parts of a package that is sound itself (the
 * first byte says which). */
#include "document_check.h"

#include <stdlib.h>
#include <zip.h>

#include "formats.h"
#include "package.h"
#include "xml.h"

#define PARTS 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const docx_parts[PARTS] = {
	"word/document.xml", "word/styles.xml", "word/_rels/document.xml.rels", "word/header1.xml",
};
static const char *const odt_parts[PARTS] = { "content.xml", "styles.xml", "META-INF/manifest.xml", "meta.xml" };

static void add_part(zip_t *zip, const char *name, struct str content)
{
	zip_source_t *source = zip_source_buffer(zip, content.n ? content.p : "", content.n, 0);
	zip_int64_t index = zip_file_add(zip, name, source, 0);

	assert(index >= 0);
	zip_set_file_compression(zip, (zip_uint64_t)index, ZIP_CM_STORE, 0);
}

/* A zip with the parts that the input holds, in memory that is the caller's. */
static struct str make_package(struct str input, bool odt)
{
	zip_source_t *target = zip_source_buffer_create(NULL, 0, 0, NULL);
	zip_t *zip = zip_open_from_source(target, ZIP_CREATE | ZIP_TRUNCATE, NULL);
	zip_stat_t st;
	char *bytes;

	assert(zip);
	zip_source_keep(target);
	add_part(zip, odt ? "mimetype" : "[Content_Types].xml", STR("application/vnd.oasis.opendocument.text"));
	for (int i = 0; i < PARTS && input.n; i++)
		add_part(zip, odt ? odt_parts[i] : docx_parts[i], str_cut(&input, '\0'));
	assert(zip_close(zip) == 0);
	zip_source_stat(target, &st);
	bytes = malloc(st.size);
	zip_source_open(target);
	assert(bytes && zip_source_read(target, bytes, st.size) == (zip_int64_t)st.size);
	zip_source_close(target);
	zip_source_free(target);
	return str_of(bytes, st.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool odt = size && data[0] == 'o';
	struct str file = make_package(str_skip(str_of(data, size), 1), odt);
	struct package *p;
	struct document doc;

	xml_warm();
	document_init(&doc);
	if (package_open(file, &p) == ERR_NONE) {
		if (odt)
			odt_read(p, &doc);
		else
			docx_read(p, &doc);
		package_free(p);
	}
	document_check(&doc);
	document_free(&doc);
	free((void *)(uintptr_t)file.p);
	return 0;
}
