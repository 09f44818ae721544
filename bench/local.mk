# Benchmarks: not built by `make`; bench/run builds and runs them.
EXTRA_PROGRAMS += bench/limit bench/load
bench_limit_SOURCES = %D%/limit.c
bench_limit_CPPFLAGS = $(AM_CPPFLAGS) $(CRYPTO_CFLAGS)
bench_limit_LDADD = libcvpulse.a $(CRYPTO_LIBS)
bench_load_SOURCES = %D%/load.c %D%/load.h %D%/load_sockets.c %D%/stats.c %D%/stats.h
bench_load_LDADD = libcvpulse.a
CLEANFILES += bench/limit bench/load
EXTRA_DIST += %D%/parse %D%/run
