# Benchmarks: not built by `make`; bench/run and bench/budget build and run them.
EXTRA_PROGRAMS += bench/limit bench/load bench/soak
bench_limit_SOURCES = %D%/limit.c
bench_limit_CPPFLAGS = $(AM_CPPFLAGS) $(CRYPTO_CFLAGS)
bench_limit_LDADD = libcvpulse.a $(CRYPTO_LIBS)
bench_load_SOURCES = %D%/load.c %D%/sockets.c %D%/sockets.h %D%/publisher.c %D%/publisher.h %D%/stats.c %D%/stats.h
bench_load_LDADD = libcvpulse.a
bench_soak_SOURCES = %D%/soak.c %D%/sockets.c %D%/sockets.h %D%/publisher.c %D%/publisher.h %D%/stats.c %D%/stats.h
bench_soak_LDADD = libcvpulse.a
CLEANFILES += bench/limit bench/load bench/soak
EXTRA_DIST += %D%/parse %D%/run %D%/budget %D%/budget.txt \
	%D%/measure/__init__.py %D%/measure/capacity.py %D%/measure/chart.py %D%/measure/document.py %D%/measure/pipeline.py %D%/measure/processes.py %D%/measure/publishing.py \
	%D%/measure/report.py %D%/measure/scenarios.py %D%/measure/servers.py %D%/measure/share.py %D%/measure/soak.py %D%/measure/tokens.py %D%/measure/upload.py \
	%D%/peers/fastapi_server.py %D%/peers/node.js %D%/peers/package.json %D%/peers/package-lock.json

# Every measurement; BENCH holds arguments: make bench BENCH="--only full --save".
.PHONY: bench
bench: all bench/limit bench/load bench/soak
	$(srcdir)/bench/run --built $(abs_builddir) $(BENCH)
