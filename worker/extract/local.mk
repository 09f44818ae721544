# libextract.a: what reads and parses one document; cvpulse-extract and its unit tests link it.
noinst_LIBRARIES += libextract.a
libextract_a_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/%D% $(UTF8PROC_CFLAGS) $(MAGIC_CFLAGS) $(POPPLER_CFLAGS) \
	$(ZIP_CFLAGS) $(XML_CFLAGS) $(UCHARDET_CFLAGS)
libextract_a_SOURCES = \
	%D%/document.c %D%/document.h %D%/warnings.def \
	%D%/read.c %D%/read.h %D%/formats.h %D%/detect.c %D%/detect.h \
	%D%/lines.c %D%/lines.h %D%/charset.c %D%/charset.h %D%/charset.def \
	%D%/package.c %D%/package.h %D%/xml.c %D%/xml.h \
	%D%/docx.c %D%/docx_style.c %D%/docx_style.h %D%/docx_relations.c %D%/docx_relations.h %D%/odt.c %D%/html.c %D%/text.c %D%/pdf.c \
	%D%/parse.c %D%/parse.h %D%/parse_text.c %D%/parse_text.h %D%/parse_model.c %D%/parse_model.h \
	%D%/parse_words.c %D%/parse_words.h %D%/parse_words.def %D%/parse_headings.def %D%/parse_networks.def \
	%D%/parse_dates.c %D%/parse_dates.h %D%/parse_place.c %D%/parse_place.h \
	%D%/parse_phone.c %D%/parse_phone.h %D%/parse_phone.def %D%/parse_url.c %D%/parse_url.h \
	%D%/parse_lines.c %D%/parse_lines.h %D%/parse_sections.c %D%/parse_contact.c %D%/parse_contact.h \
	%D%/parse_name.c %D%/parse_name.h %D%/parse_entries.c %D%/parse_entries.h %D%/parse_work.c %D%/parse_work.h \
	%D%/parse_education.c %D%/parse_education.h %D%/parse_skills.c %D%/parse_skills.h \
	%D%/parse_lists.c %D%/parse_lists.h %D%/parse_output.c %D%/parse_output.h \
	%D%/layout.c %D%/layout.h %D%/layout_cut.c %D%/layout_pieces.c %D%/layout_internal.h
# Everything that libextract.a needs at link time; goes before CVPULSE_LIBS.
EXTRACT_LIBS = libextract.a libcvpulse.a $(UTF8PROC_LIBS) $(MAGIC_LIBS) $(POPPLER_LIBS) $(ZIP_LIBS) $(XML_LIBS) \
	$(UCHARDET_LIBS) -lm
