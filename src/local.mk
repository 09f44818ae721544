# libcvpulse.a: what the programs share.
noinst_LIBRARIES += libcvpulse.a
libcvpulse_a_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS) $(HIREDIS_CFLAGS) $(INIH_CFLAGS) $(SYSTEMD_CFLAGS)
libcvpulse_a_SOURCES = \
	%D%/str.c %D%/str.h \
	%D%/errors.c %D%/errors.h %D%/error_codes.def
# Everything that libcvpulse.a needs at link time.
CVPULSE_LIBS = libcvpulse.a $(UV_LIBS) $(HIREDIS_LIBS) $(INIH_LIBS) $(SYSTEMD_LIBS)
