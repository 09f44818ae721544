/* See read.h. */
#include "read.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "charset.h"
#include "detect.h"
#include "formats.h"
#include "ocr.h"
#include "xml.h"

#define OLE2_HEADER_BYTES 512
#define CONVERTED_BYTES_MAX (16u << 20) /* of the text of a DOC; its characters are limited like all others */

int readers_warm(void)
{
	charset_warm();
	xml_warm();
	pdf_warm();
	return detect_warm();
}

int readers_warm_ocr(const char *languages, struct buf *missing)
{
	return ocr_warm(languages, missing);
}

void readers_promise_ocr(void)
{
	ocr_promise();
}

bool readers_have_ocr(void)
{
	return ocr_works();
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

/* Whether an OLE2 directory has an entry of that name (in UTF-16, as a literal with its zeros written out). */
#define OLE2_HAS(file, name) (memmem((file).p, (file).n, name, sizeof(name)) != NULL)

/* The head of a DOC's text stream says whether there is a password ([MS-DOC] 2.5.2). It is the first sector, as a rule. */
static bool doc_is_encrypted(struct str file)
{
	const unsigned char *fib = (const unsigned char *)file.p + OLE2_HEADER_BYTES;

	return file.n >= OLE2_HEADER_BYTES + 12 && fib[0] == 0xEC && fib[1] == 0xA5 && fib[11] & 1;
}

/* OLE2 holds DOC, other programs' documents, and DOCX under a password. */
static enum error_code read_ole2(struct str file, enum content_type promised, struct document *doc)
{
	bool is_doc = OLE2_HAS(file, "W\0o\0r\0d\0D\0o\0c\0u\0m\0e\0n\0t");

	if (OLE2_HAS(file, "E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e") || (is_doc && doc_is_encrypted(file)))
		return ERR_encrypted;
	/* Without its directory a file is worth a try if its name says so. */
	doc->needs_converter = is_doc || (promised == CONTENT_OLE2 && !OLE2_HAS(file, "W\0o\0r\0k\0b\0o\0o\0k") &&
					  !OLE2_HAS(file, "P\0o\0w\0e\0r\0P\0o\0i\0n\0t"));
	return ERR_unsupported_type;
}

static enum error_code read_picture(const char *format, struct str file, const struct read_input *in, struct document *doc)
{
	doc->format = format;
	if (in->ocr == READ_OCR_NOW)
		return picture_read(file, in, doc);
	doc->has_scans = true;
	return ERR_ocr_unavailable;
}

static enum error_code read_type(struct str file, const struct read_input *in, struct document *doc)
{
	enum content_type type = detect(file, in->filename), promised = detect_by_name(in->filename);

	switch (type) {
	case CONTENT_PDF:
		doc->format = "pdf";
		return pdf_read(file, in, doc);
	case CONTENT_ZIP: return read_zip(file, in, doc);
	case CONTENT_OLE2: return read_ole2(file, promised, doc);
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
	case CONTENT_PNG: return read_picture("png", file, in, doc);
	case CONTENT_JPEG: return read_picture("jpeg", file, in, doc);
	case CONTENT_TIFF: return read_picture("tiff", file, in, doc);
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

/* The converter says nothing of a file that it cannot read. */
static enum error_code read_converted(const struct read_input *in, struct document *doc)
{
	static char bytes[65536];
	enum error_code code;
	struct buf text;
	ssize_t n;

	buf_init(&text, CONVERTED_BYTES_MAX);
	while (!text.failed && (n = read(in->fd, bytes, sizeof(bytes))) > 0)
		buf_add(&text, bytes, (size_t)n);
	doc->format = "doc";
	code = text.failed ? ERR_too_large : text.n == 0 ? ERR_corrupt : text_read(buf_str(&text), doc);
	buf_free(&text);
	return code == ERR_NONE && doc->n_lines == 0 ? ERR_no_text : code;
}

/* Maps the file for the time of the reading. */
static enum error_code read_mapped(const struct read_input *in, struct document *doc)
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
	code = read_file(str_of(bytes, (size_t)st.st_size), in, doc);
	munmap(bytes, (size_t)st.st_size);
	return code;
}

enum error_code document_read(const struct read_input *in, struct document *doc)
{
	enum error_code code;

	say(in, 0, "Reading the document");
	code = in->converted ? read_converted(in, doc) : read_mapped(in, doc);
	if (code == ERR_NONE)
		say(in, 100, "The text is read");
	return code;
}
