# libextract.a: what reads and parses one document; cvpulse-extract and its unit tests link it.
noinst_LIBRARIES += libextract.a
libextract_a_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/%D% $(UTF8PROC_CFLAGS) $(MAGIC_CFLAGS) $(POPPLER_CFLAGS) \
	$(ZIP_CFLAGS) $(XML_CFLAGS) $(UCHARDET_CFLAGS)
libextract_a_SOURCES = \
	%D%/document.c %D%/document.h %D%/warnings.def \
	%D%/read.c %D%/read.h %D%/formats.h %D%/detect.c %D%/detect.h \
	%D%/lines.c %D%/lines.h %D%/charset.c %D%/charset.h %D%/charset.def \
	%D%/package.c %D%/package.h %D%/xml.c %D%/xml.h \
	%D%/docx.c %D%/docx_style.c %D%/docx_style.h %D%/odt.c %D%/html.c %D%/text.c %D%/pdf.c
# Everything that libextract.a needs at link time; goes before CVPULSE_LIBS.
EXTRACT_LIBS = libextract.a libcvpulse.a $(UTF8PROC_LIBS) $(MAGIC_LIBS) $(POPPLER_LIBS) $(ZIP_LIBS) $(XML_LIBS) \
	$(UCHARDET_LIBS) -lm
