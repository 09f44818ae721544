# tests/unit
if WITH_WORKER
check_PROGRAMS += document_test
document_test_SOURCES = %D%/document_test.c
document_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/worker/extract $(CMOCKA_CFLAGS)
document_test_LDADD = $(EXTRACT_LIBS) $(CMOCKA_LIBS)
endif
