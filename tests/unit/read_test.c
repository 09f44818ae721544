/* worker/extract/read.c with every reader: files that are made here, lines or a code that must come out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zip.h>

#include "read.h"

static enum error_code read_bytes(const void *bytes, size_t n, const char *filename, struct document *doc)
{
	struct read_input in = { .fd = memfd_create("cv", MFD_CLOEXEC), .filename = filename };
	enum error_code code;

	assert_true(in.fd >= 0);
	assert_int_equal(write(in.fd, bytes, n), (ssize_t)n);
	document_init(doc);
	code = document_read(&in, doc);
	close(in.fd);
	return code;
}

static enum error_code read_text(const char *text, const char *filename, struct document *doc)
{
	return read_bytes(text, strlen(text), filename, doc);
}

struct part {
	const char *name, *content;
	size_t n;               /* 0: a string */
};

/* A zip of the parts (ended by a NULL name), read as the file. */
static enum error_code read_package(const struct part *parts, const char *filename, struct document *doc)
{
	zip_source_t *source = zip_source_buffer_create(NULL, 0, 0, NULL);
	zip_t *zip = zip_open_from_source(source, ZIP_CREATE | ZIP_TRUNCATE, NULL);
	enum error_code code;
	zip_stat_t st;
	void *bytes;

	assert_non_null(zip);
	zip_source_keep(source);
	for (; parts->name; parts++) {
		size_t n = parts->n ? parts->n : strlen(parts->content);

		assert_true(zip_file_add(zip, parts->name, zip_source_buffer(zip, parts->content, n, 0), 0) >= 0);
	}
	assert_int_equal(zip_close(zip), 0);
	zip_source_stat(source, &st);
	bytes = malloc(st.size);
	zip_source_open(source);
	assert_int_equal(zip_source_read(source, bytes, st.size), (zip_int64_t)st.size);
	zip_source_close(source);
	zip_source_free(source);
	code = read_bytes(bytes, st.size, filename, doc);
	free(bytes);
	return code;
}

#define W "<w:document xmlns:w=\"w\" xmlns:r=\"r\" xmlns:mc=\"mc\"><w:body>"
#define W_END "</w:body></w:document>"
#define P(text) "<w:p><w:r><w:t>" text "</w:t></w:r></w:p>"

static enum error_code read_docx(const char *document, struct document *doc)
{
	static const char styles[] =
		"<w:styles xmlns:w=\"w\"><w:style w:type=\"paragraph\" w:styleId=\"berschrift1\"><w:name w:val=\"heading 1\"/>"
		"<w:rPr><w:b/><w:sz w:val=\"28\"/></w:rPr></w:style><w:style w:styleId=\"Own\"><w:basedOn "
		"w:val=\"berschrift1\"/></w:style><w:style w:styleId=\"L\"><w:pPr><w:numPr><w:numId w:val=\"3\"/></w:numPr></w:pPr>"
		"</w:style></w:styles>";
	static const char relations[] =
		"<Relationships><Relationship Id=\"r1\" Type=\"x/hyperlink\" Target=\"mailto:a@b.example\"/>"
		"<Relationship Id=\"r2\" Type=\"x/header\" Target=\"header1.xml\"/>"
		"<Relationship Id=\"r3\" Type=\"x/header\" Target=\"header2.xml\"/></Relationships>";
	static const char header[] = "<w:hdr xmlns:w=\"w\">" P("Jane Doe") "</w:hdr>";
	const struct part parts[] = {
		{ "[Content_Types].xml", "<Types/>", 0 }, { "word/document.xml", document, 0 }, { "word/styles.xml", styles, 0 },
		{ "word/_rels/document.xml.rels", relations, 0 }, { "word/header1.xml", header, 0 },
		{ "word/header2.xml", header, 0 }, { NULL, NULL, 0 },
	};

	return read_package(parts, "cv.docx", doc);
}

static void docx_gives_headers_once_and_styles(void **state)
{
	struct document doc;

	assert_int_equal(read_docx(W "<w:p><w:pPr><w:pStyle w:val=\"Own\"/></w:pPr><w:r><w:t>Experience</w:t></w:r></w:p>"
				   "<w:p><w:pPr><w:pStyle w:val=\"L\"/></w:pPr><w:r><w:t>item</w:t></w:r></w:p>" W_END, &doc), ERR_NONE);
	assert_string_equal(doc.format, "docx");
	assert_int_equal(doc.n_lines, 3);
	assert_string_equal(doc.lines[0].text, "Jane Doe");
	assert_string_equal(doc.lines[1].text, "Experience");
	assert_int_equal(doc.lines[1].heading, 1);
	assert_true(doc.lines[1].bold && doc.lines[1].font_size == 14);
	assert_true(doc.lines[2].bullet && !doc.lines[2].heading);
	document_free(&doc);
}

static void docx_tabs_set_parts_side_by_side(void **state)
{
	struct document doc;

	assert_int_equal(read_docx(W "<w:p><w:r><w:t>Company</w:t><w:tab/><w:t>2019</w:t></w:r></w:p>" W_END, &doc), ERR_NONE);
	assert_int_equal(doc.n_lines, 3);
	assert_string_equal(doc.lines[2].text, "2019");
	assert_true(doc.lines[1].row > 0 && doc.lines[1].row == doc.lines[2].row);
	assert_int_equal(doc.lines[2].cell, 1);
	document_free(&doc);
}

static void docx_tables_give_rows_and_cells(void **state)
{
	struct document doc;

	assert_int_equal(read_docx(W "<w:tbl><w:tr><w:tc>" P("2019") "</w:tc><w:tc>" P("a") P("b") "</w:tc></w:tr></w:tbl>" W_END,
				   &doc), ERR_NONE);
	assert_int_equal(doc.n_lines, 4);
	assert_int_equal(doc.lines[1].cell, 0);
	assert_int_equal(doc.lines[3].cell, 1);
	assert_int_equal(doc.lines[1].row, doc.lines[3].row);
	document_free(&doc);
}

static void docx_hidden_and_deleted_text_is_left_out(void **state)
{
	struct document doc;

	assert_int_equal(read_docx(W "<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>secret</w:t></w:r><w:r><w:t>seen</w:t></w:r>"
				   "<w:del><w:r><w:delText>gone</w:delText></w:r></w:del></w:p>" W_END, &doc), ERR_NONE);
	assert_int_equal(doc.n_lines, 2);
	assert_string_equal(doc.lines[1].text, "seen");
	assert_true(doc.warnings & DOC_HIDDEN_TEXT);
	document_free(&doc);
}

static void docx_text_boxes_are_read_once(void **state)
{
	struct document doc;

	assert_int_equal(read_docx(W "<w:p><w:r><mc:AlternateContent><mc:Choice><w:txbxContent>" P("box")
				   "</w:txbxContent></mc:Choice><mc:Fallback><w:txbxContent>" P("box")
				   "</w:txbxContent></mc:Fallback></mc:AlternateContent></w:r><w:r><w:t>body</w:t></w:r></w:p>" W_END,
				   &doc), ERR_NONE);
	assert_int_equal(doc.n_lines, 3);
	assert_string_equal(doc.lines[1].text, "box");
	assert_string_equal(doc.lines[2].text, "body");
	assert_int_not_equal(doc.lines[1].block, doc.lines[2].block);
	document_free(&doc);
}

static void docx_links_come_from_relations_and_fields(void **state)
{
	struct document doc;

	assert_int_equal(read_docx(W "<w:p><w:hyperlink r:id=\"r1\"><w:r><w:t>mail</w:t></w:r></w:hyperlink></w:p><w:p><w:r>"
				   "<w:fldChar w:fldCharType=\"begin\"/><w:instrText> HYPERLINK \"https://x.example\" </w:instrText>"
				   "<w:fldChar w:fldCharType=\"separate\"/><w:t>site</w:t><w:fldChar w:fldCharType=\"end\"/></w:r></w:p>"
				   W_END, &doc), ERR_NONE);
	assert_int_equal(doc.n_links, 2);
	assert_string_equal(doc.links[0].url, "mailto:a@b.example");
	assert_string_equal(doc.links[0].text, "mail");
	assert_int_equal(doc.links[0].line, 1);
	assert_string_equal(doc.links[1].url, "https://x.example");
	assert_int_equal(doc.links[1].line, 2);
	document_free(&doc);
}

static void a_doctype_is_refused(void **state)
{
	struct document doc;
	const struct part parts[] = {
		{ "[Content_Types].xml", "<Types/>", 0 },
		{ "word/document.xml", "<!DOCTYPE w [<!ENTITY e \"x\">]>" W P("&e;") W_END, 0 }, { NULL, NULL, 0 },
	};

	assert_int_equal(read_package(parts, "cv.docx", &doc), ERR_corrupt);
	document_free(&doc);
}

static void deep_nesting_is_refused(void **state)
{
	static char xml[20000];
	struct document doc;
	const struct part parts[] = {
		{ "[Content_Types].xml", "<Types/>", 0 }, { "word/document.xml", xml, 0 }, { NULL, NULL, 0 },
	};

	for (int i = 0; i < 200; i++)
		strcat(xml, "<w>");
	for (int i = 0; i < 200; i++)
		strcat(xml, "</w>");
	assert_int_equal(read_package(parts, "cv.docx", &doc), ERR_corrupt);
	document_free(&doc);
}

static void what_unpacks_to_far_more_is_a_bomb(void **state)
{
	enum { BYTES = 5000000 };
	char *spaces = malloc(BYTES);
	struct document doc;
	const struct part parts[] = {
		{ "[Content_Types].xml", "<Types/>", 0 }, { "word/document.xml", spaces, BYTES }, { NULL, NULL, 0 },
	};

	memset(spaces, ' ', BYTES);
	memcpy(spaces, "<a>", 3);
	assert_int_equal(read_package(parts, "cv.docx", &doc), ERR_zip_bomb);
	document_free(&doc);
	free(spaces);
}

static void a_plain_zip_is_no_document(void **state)
{
	struct document doc;
	const struct part parts[] = { { "notes.txt", "hello", 0 }, { NULL, NULL, 0 } };

	assert_int_equal(read_package(parts, "cv.docx", &doc), ERR_type_mismatch);
	assert_int_equal(read_package(parts, "cv", &doc), ERR_unsupported_type);
	document_free(&doc);
}

static void odt_gives_headings_lists_tables_and_links(void **state)
{
	struct document doc;
	const struct part parts[] = {
		{ "mimetype", "application/vnd.oasis.opendocument.text", 0 },
		{ "styles.xml", "<s><master-styles><master-page><header><p>Jane Doe</p></header></master-page></master-styles></s>", 0 },
		{ "content.xml",
		  "<d xmlns:t=\"t\" xmlns:x=\"x\"><automatic-styles><style t:name=\"B\"><text-properties t:font-weight=\"bold\" "
		  "t:font-size=\"14pt\"/></style><style t:name=\"H\"><text-properties t:display=\"none\"/></style></automatic-styles>"
		  "<body><t:h t:outline-level=\"2\">Work</t:h><t:list><t:list-item><t:p>item</t:p></t:list-item></t:list>"
		  "<t:table><t:table-row><t:table-cell><t:p>2019</t:p></t:table-cell><t:table-cell><t:p t:style-name=\"B\">a"
		  "<t:s/>b</t:p></t:table-cell></t:table-row></t:table><t:p><t:a x:href=\"https://x.example\">site</t:a>"
		  "<t:span t:style-name=\"H\">secret</t:span></t:p></body></d>", 0 },
		{ NULL, NULL, 0 },
	};

	assert_int_equal(read_package(parts, "cv.odt", &doc), ERR_NONE);
	assert_string_equal(doc.format, "odt");
	assert_int_equal(doc.n_lines, 6);
	assert_string_equal(doc.lines[0].text, "Jane Doe");
	assert_int_equal(doc.lines[1].heading, 2);
	assert_true(doc.lines[2].bullet);
	assert_int_equal(doc.lines[3].row, doc.lines[4].row);
	assert_string_equal(doc.lines[4].text, "a b");
	assert_true(doc.lines[4].bold && doc.lines[4].font_size == 14);
	assert_string_equal(doc.lines[5].text, "site");
	assert_int_equal(doc.n_links, 1);
	assert_true(doc.warnings & DOC_HIDDEN_TEXT);
	document_free(&doc);
}

static void odt_with_a_password_is_encrypted(void **state)
{
	struct document doc;
	const struct part parts[] = {
		{ "mimetype", "application/vnd.oasis.opendocument.text", 0 },
		{ "META-INF/manifest.xml", "<manifest><file-entry><encryption-data/></file-entry></manifest>", 0 },
		{ "content.xml", "\x01\x02", 0 }, { NULL, NULL, 0 },
	};

	assert_int_equal(read_package(parts, "cv.odt", &doc), ERR_encrypted);
	document_free(&doc);
}

static void html_gives_lines_and_drops_scripts_and_hidden_parts(void **state)
{
	struct document doc;

	assert_int_equal(read_text("<!DOCTYPE html><html><head><title>t</title><style>p{}</style></head><body><h1>Jane</h1>"
				   "<script>evil()</script><p hidden>no</p><div style='color:red; DISPLAY : none'>no</div>"
				   "<p>a <b>b</b><br>c</p><ul><li>one</ul><table><tr><td>2019<td><a href='https://x.example'>x</a></table>",
				   "cv.html", &doc), ERR_NONE);
	assert_int_equal(doc.n_lines, 6);
	assert_string_equal(doc.lines[0].text, "Jane");
	assert_int_equal(doc.lines[0].heading, 1);
	assert_string_equal(doc.lines[1].text, "a b");
	assert_string_equal(doc.lines[2].text, "c");
	assert_true(doc.lines[3].bullet);
	assert_int_equal(doc.lines[4].row, doc.lines[5].row);
	assert_string_equal(doc.links[0].url, "https://x.example");
	assert_int_equal(doc.links[0].line, 5);
	assert_true(doc.warnings & DOC_HIDDEN_TEXT);
	document_free(&doc);
}

static void html_words_in_boxes_are_cells(void **state)
{
	struct document doc;

	assert_int_equal(read_text("<!DOCTYPE html><html><body><div><span>Wound care</span> <span>Triage</span>\n<span>Epic</span></div>"
				   "<p><span>May 2019</span> <span>to</span> <span>June 2020</span></p>"
				   "<p><span>Jane</span> <span>Doe</span> <span>Roe</span> was here</p></body></html>",
				   "cv.html", &doc), ERR_NONE);
	assert_int_equal(doc.n_lines, 5);
	assert_string_equal(doc.lines[0].text, "Wound care");
	assert_string_equal(doc.lines[2].text, "Epic");
	assert_int_equal(doc.lines[2].row, doc.lines[0].row);
	assert_string_equal(doc.lines[3].text, "May 2019 to June 2020");
	assert_string_equal(doc.lines[4].text, "Jane Doe Roe was here");
	document_free(&doc);
}

static void text_gives_blocks_list_marks_and_cells(void **state)
{
	struct document doc;

	assert_int_equal(read_text("Jane\r\n\r\nEngineer      2019\n- did this\nKey\tvalue\n", "cv.txt", &doc), ERR_NONE);
	assert_int_equal(doc.n_lines, 6);
	assert_int_not_equal(doc.lines[0].block, doc.lines[1].block);
	assert_int_equal(doc.lines[1].row, doc.lines[2].row);
	assert_string_equal(doc.lines[2].text, "2019");
	assert_true(doc.lines[3].bullet);
	assert_string_equal(doc.lines[3].text, "did this");
	assert_int_equal(doc.lines[5].cell, 1);
	document_free(&doc);
}

static void the_content_decides_not_the_name(void **state)
{
	struct document doc;

	assert_int_equal(read_text("just text", "cv.pdf", &doc), ERR_type_mismatch);
	document_free(&doc);
	assert_int_equal(read_text("{\\rtf1 x}", "cv.doc", &doc), ERR_NONE);
	assert_string_equal(doc.format, "rtf");
	document_free(&doc);
	assert_int_equal(read_text("\x7F" "ELF\x02\x01\x01", "cv.pdf", &doc), ERR_type_mismatch);
	document_free(&doc);
	assert_int_equal(read_text("", "cv.pdf", &doc), ERR_empty_file);
	document_free(&doc);
	assert_int_equal(read_text("  \n \n", "cv.txt", &doc), ERR_no_text);
	document_free(&doc);
}

#define PDF_PAGE(content) \
	"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj " \
	"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Resources<</Font<</F 4 0 R>>>>/Contents 5 0 R/Annots[6 0 R]>>" \
	"endobj 4 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica-Bold>>endobj " \
	"6 0 obj<</Type/Annot/Subtype/Link/Rect[50 690 200 720]/A<</S/URI/URI(mailto:a@b.example)>>>>endobj " \
	"5 0 obj<<>>stream\n" content "\nendstream endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"

static void pdf_gives_lines_with_styles_and_links(void **state)
{
	struct document doc;

	assert_int_equal(read_text(PDF_PAGE("BT /F 12 Tf 50 700 Td (Jane Doe) Tj ET BT /F 1 Tf 50 600 Td (tiny) Tj ET "
					    "BT /F 12 Tf 900 500 Td (outside) Tj ET"), "cv.pdf", &doc), ERR_NONE);
	assert_string_equal(doc.format, "pdf");
	assert_int_equal(doc.pages, 1);
	assert_int_equal(doc.n_lines, 1);
	assert_string_equal(doc.lines[0].text, "Jane Doe");
	assert_true(doc.lines[0].bold);
	assert_int_equal(doc.lines[0].page, 1);
	assert_true(doc.warnings & DOC_HIDDEN_TEXT);
	assert_int_equal(doc.n_links, 1);
	assert_string_equal(doc.links[0].url, "mailto:a@b.example");
	assert_string_equal(doc.links[0].text, "Jane Doe");
	assert_int_equal(doc.links[0].line, 0);
	document_free(&doc);
}

static void pdf_white_words_count_on_a_dark_ground_only(void **state)
{
	struct document doc;

	assert_int_equal(read_text(PDF_PAGE("0 0 0 rg 40 590 300 40 re f 1 1 1 rg BT /F 12 Tf 50 600 Td (honest) Tj ET "
					    "BT /F 12 Tf 50 500 Td (hidden) Tj ET"), "cv.pdf", &doc), ERR_NONE);
	assert_int_equal(doc.n_lines, 1);
	assert_string_equal(doc.lines[0].text, "honest");
	assert_true(doc.warnings & DOC_HIDDEN_TEXT);
	document_free(&doc);
}

static void pdf_that_is_cut_short_is_corrupt(void **state)
{
	struct document doc;

	assert_int_equal(read_text("%PDF-1.4\n1 0 obj", "cv.pdf", &doc), ERR_corrupt);
	document_free(&doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(docx_gives_headers_once_and_styles),
		cmocka_unit_test(docx_tabs_set_parts_side_by_side),
		cmocka_unit_test(docx_tables_give_rows_and_cells),
		cmocka_unit_test(docx_hidden_and_deleted_text_is_left_out),
		cmocka_unit_test(docx_text_boxes_are_read_once),
		cmocka_unit_test(docx_links_come_from_relations_and_fields),
		cmocka_unit_test(a_doctype_is_refused),
		cmocka_unit_test(deep_nesting_is_refused),
		cmocka_unit_test(what_unpacks_to_far_more_is_a_bomb),
		cmocka_unit_test(a_plain_zip_is_no_document),
		cmocka_unit_test(odt_gives_headings_lists_tables_and_links),
		cmocka_unit_test(odt_with_a_password_is_encrypted),
		cmocka_unit_test(html_gives_lines_and_drops_scripts_and_hidden_parts),
		cmocka_unit_test(html_words_in_boxes_are_cells),
		cmocka_unit_test(text_gives_blocks_list_marks_and_cells),
		cmocka_unit_test(the_content_decides_not_the_name),
		cmocka_unit_test(pdf_gives_lines_with_styles_and_links),
		cmocka_unit_test(pdf_white_words_count_on_a_dark_ground_only),
		cmocka_unit_test(pdf_that_is_cut_short_is_corrupt),
	};
	return readers_warm() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
