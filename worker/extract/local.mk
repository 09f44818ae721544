# libextract.a: what reads and parses one document; cvpulse-extract and its unit tests link it.
noinst_LIBRARIES += libextract.a
libextract_a_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/%D% $(UTF8PROC_CFLAGS) $(MAGIC_CFLAGS) $(POPPLER_CFLAGS) $(CAIRO_CFLAGS) \
	$(ZIP_CFLAGS) $(XML_CFLAGS) $(UCHARDET_CFLAGS) $(TESSERACT_CFLAGS) $(LEPT_CFLAGS)
libextract_a_SOURCES = \
	%D%/document.c %D%/document.h %D%/warnings.def \
	%D%/read.c %D%/read.h %D%/formats.h %D%/detect.c %D%/detect.h \
	%D%/lines.c %D%/lines.h %D%/charset.c %D%/charset.h %D%/charset.def \
	%D%/package.c %D%/package.h %D%/xml.c %D%/xml.h \
	%D%/docx.c %D%/docx_style.c %D%/docx_style.h %D%/docx_relations.c %D%/docx_relations.h %D%/odt.c %D%/html.c %D%/text.c \
	%D%/rtf.c %D%/rtf_words.c %D%/rtf_words.def %D%/rtf_internal.h %D%/rtf_tokens.c %D%/rtf_tokens.h \
	%D%/rtf_flow.c %D%/rtf_flow.h %D%/rtf_fonts.c %D%/rtf_fonts.h \
	%D%/pdf.c %D%/pdf_words.c %D%/pdf_unseen.c %D%/pdf_internal.h \
	%D%/parse.c %D%/parse.h %D%/parse_text.c %D%/parse_text.h %D%/parse_model.c %D%/parse_model.h \
	%D%/parse_words.c %D%/parse_words.h %D%/parse_words.def %D%/parse_headings.def %D%/parse_networks.def \
	%D%/parse_dates.c %D%/parse_dates.h %D%/parse_tokens.c %D%/parse_tokens.h %D%/parse_place.c %D%/parse_place.h \
	%D%/parse_phone.c %D%/parse_phone.h %D%/parse_phone.def %D%/parse_url.c %D%/parse_url.h \
	%D%/parse_lines.c %D%/parse_lines.h %D%/parse_items.c %D%/parse_sections.c %D%/parse_contact.c %D%/parse_contact.h \
	%D%/parse_name.c %D%/parse_name.h %D%/parse_entries.c %D%/parse_entries.h %D%/parse_work.c %D%/parse_work.h \
	%D%/parse_education.c %D%/parse_education.h %D%/parse_skills.c %D%/parse_skills.h \
	%D%/parse_lists.c %D%/parse_lists.h %D%/parse_output.c %D%/parse_output.h \
	%D%/language.c %D%/language.h %D%/language.def \
	%D%/exif.c %D%/exif.h %D%/ocr.h %D%/scan.h %D%/pdf_scan.c \
	%D%/layout.c %D%/layout.h %D%/layout_cut.c %D%/layout_pieces.c %D%/layout_tags.c %D%/layout_internal.h
if WITH_OCR
libextract_a_SOURCES += %D%/ocr.c %D%/scan.c %D%/picture.c
else
libextract_a_SOURCES += %D%/ocr_none.c
endif
# Everything that libextract.a needs at link time; goes before CVPULSE_LIBS.
EXTRACT_LIBS = libextract.a libcvpulse.a $(UTF8PROC_LIBS) $(MAGIC_LIBS) $(POPPLER_LIBS) $(CAIRO_LIBS) $(ZIP_LIBS) $(XML_LIBS) \
	$(UCHARDET_LIBS) $(TESSERACT_LIBS) $(LEPT_LIBS) -lm

# libwire.a: what the worker and cvpulse-extract both need in order to talk.
noinst_LIBRARIES += libwire.a
libwire_a_SOURCES = %D%/wire.c %D%/wire.h

# libextractd.a: the process around the readers. Apart from them, so that a test can put its own in their place; and
# apart from libwire.a, since memory.c takes malloc's place in every program that it is linked to.
noinst_LIBRARIES += libextractd.a
libextractd_a_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/%D% $(SECCOMP_CFLAGS)
libextractd_a_SOURCES = \
	%D%/byhand.c %D%/byhand.h \
	%D%/child.c %D%/child.h \
	%D%/converter.c %D%/converter.h \
	%D%/landlock.c %D%/landlock.h \
	%D%/main.c \
	%D%/memory.c %D%/memory.h \
	%D%/reading.c %D%/reading.h \
	%D%/sandbox.c %D%/sandbox.h \
	%D%/server.c %D%/server.h \
	%D%/syscalls.c %D%/syscalls.h

pkglibexec_PROGRAMS += cvpulse-extract
cvpulse_extract_SOURCES =
cvpulse_extract_LDADD = libextractd.a libwire.a $(EXTRACT_LIBS) $(SECCOMP_LIBS)
