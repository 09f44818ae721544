# libworker.a: everything of cvpulse-worker but main(); the daemon and its unit tests link it.
noinst_LIBRARIES += libworker.a
libworker_a_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/%D% -I$(builddir)/%D% $(UV_CFLAGS) $(CJSON_CFLAGS) $(CRYPTO_CFLAGS) $(UTF8PROC_CFLAGS)
libworker_a_SOURCES = \
	%D%/filename.c %D%/filename.h \
	%D%/multipart.c %D%/multipart.h %D%/multipart_header.c %D%/multipart_header.h \
	%D%/spool.c %D%/spool.h %D%/spool_path.c %D%/spool_path.h %D%/spool_record.c %D%/spool_record.h \
	%D%/spool_upload.c %D%/spool_walk.c
# Everything that libworker.a needs at link time; goes before CVPULSE_LIBS.
WORKER_LIBS = libworker.a $(CJSON_LIBS) $(CRYPTO_LIBS) $(UTF8PROC_LIBS)
