# cvpulse, the operator's command: one file a subcommand.
bin_PROGRAMS += cvpulse
cvpulse_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS) $(CURL_CFLAGS) $(CJSON_CFLAGS) -DPKGDATADIR='"$(pkgdatadir)"'
cvpulse_SOURCES = \
	%D%/checkconfig.c \
	%D%/cloudflare.c \
	%D%/cli.h %D%/main.c \
	%D%/disconnect.c \
	%D%/doctor.c %D%/doctor_http.c %D%/doctor_socket.c %D%/doctor.h \
	%D%/genconfig.c \
	%D%/help.c \
	%D%/live.c %D%/live.h \
	%D%/probe.c %D%/probe_socket.c %D%/probe.h \
	%D%/publish.c \
	%D%/queue.c \
	%D%/request.c %D%/request.h \
	%D%/session.c %D%/session.h \
	%D%/sse.c %D%/sse.h \
	%D%/submit.c %D%/submit_wait.c %D%/submit.h \
	%D%/target.c %D%/target.h \
	%D%/token.c \
	%D%/top.c \
	%D%/view.c %D%/view.h \
	%D%/watch.c \
	%D%/webhook.c
cvpulse_LDADD = $(CVPULSE_LIBS) $(CURL_LIBS) $(CJSON_LIBS)
