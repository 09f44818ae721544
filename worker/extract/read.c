/* See read.h. */
#include "read.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "charset.h"
#include "detect.h"
#include "formats.h"
#include "xml.h"

int readers_warm(void)
{
	charset_warm();
	xml_warm();
	pdf_warm();
	return detect_warm();
}

static void say(const struct read_input *in, int percent, const char *message)
{
	if (in->progress)
		in->progress(in->ctx, percent, message);
}

/* A file that cannot be read is named by what is wrong: its kind is not read here, or its name promises something else. */
static enum error_code refuse(enum content_type type, enum content_type promised)
{
	return promised != CONTENT_UNKNOWN && promised != type ? ERR_type_mismatch : ERR_unsupported_type;
}

static enum error_code read_zip(struct str file, const struct read_input *in, struct document *doc)
{
	struct package *p;
	enum error_code code = package_open(file, &p);

	if (code != ERR_NONE)
		return code;
	if (package_part_starts(p, "mimetype", STR("application/vnd.oasis.opendocument.text"))) {
		doc->format = "odt";
		code = odt_read(p, doc);
	} else if (docx_is(p)) {
		doc->format = "docx";
		code = docx_read(p, doc);
	} else {
		code = package_error(p);
		if (code == ERR_NONE)
			code = refuse(CONTENT_UNKNOWN, detect_by_name(in->filename));
	}
	package_free(p);
	return code;
}

/* OLE2 holds DOC, and DOCX under a password: then its directory names the encrypted package in UTF-16. */
static enum error_code read_ole2(struct str file)
{
	static const char name[] = "E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e";

	return memmem(file.p, file.n, name, sizeof(name)) ? ERR_encrypted : ERR_unsupported_type;
}

static enum error_code read_type(struct str file, const struct read_input *in, struct document *doc)
{
	enum content_type type = detect(file, in->filename), promised = detect_by_name(in->filename);

	switch (type) {
	case CONTENT_PDF:
		doc->format = "pdf";
		return pdf_read(file, in, doc);
	case CONTENT_ZIP: return read_zip(file, in, doc);
	case CONTENT_OLE2: return read_ole2(file);
	case CONTENT_HTML:
		doc->format = "html";
		return html_read(file, doc);
	case CONTENT_TEXT:
		/* Anything may look like text: a name that promises a binary format is a broken or a wrong file. */
		if (promised != CONTENT_TEXT && promised != CONTENT_UNKNOWN)
			return ERR_type_mismatch;
		doc->format = "txt";
		return text_read(file, doc);
	case CONTENT_RTF:
		doc->format = "rtf";
		return rtf_read(file, doc);
	case CONTENT_PNG:
	case CONTENT_JPEG:
	case CONTENT_TIFF:
	case CONTENT_UNKNOWN: return refuse(type, promised);
	}
	return ERR_unsupported_type;
}

static enum error_code read_file(struct str file, const struct read_input *in, struct document *doc)
{
	enum error_code code = read_type(file, in, doc);

	/* What was read before the damage is worth showing. */
	if (code == ERR_corrupt && doc->n_lines > 0) {
		doc->warnings |= DOC_DAMAGED;
		code = ERR_NONE;
	}
	return code == ERR_NONE && doc->n_lines == 0 ? ERR_no_text : code;
}

enum error_code document_read(const struct read_input *in, struct document *doc)
{
	struct stat st;
	enum error_code code;
	void *bytes;

	if (fstat(in->fd, &st) < 0 || !S_ISREG(st.st_mode))
		return ERR_internal;
	if (st.st_size == 0)
		return ERR_empty_file;
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, in->fd, 0);
	if (bytes == MAP_FAILED)
		return errno == ENOMEM ? ERR_memory_limit : ERR_internal;
	say(in, 0, "Reading the document");
	code = read_file(str_of(bytes, (size_t)st.st_size), in, doc);
	munmap(bytes, (size_t)st.st_size);
	if (code == ERR_NONE)
		say(in, 100, "The text is read");
	return code;
}
