# cvpulse-notifier: events from Redis to browsers
sbin_PROGRAMS += cvpulse-notifier
cvpulse_notifier_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir) $(UV_CFLAGS) $(HIREDIS_CFLAGS)
cvpulse_notifier_SOURCES = \
	%D%/close_reason.c %D%/close_reason.h \
	%D%/conn.c %D%/conn.h %D%/keepalive.c \
	%D%/control.c \
	%D%/drain.c \
	%D%/entry.c %D%/routes.h \
	%D%/events.h %D%/events_route.c %D%/poll.c %D%/sse.c \
	%D%/frame.c %D%/frame.h \
	%D%/frame_scan.c %D%/frame_scan.h \
	%D%/health.c \
	%D%/history.c \
	%D%/main.c %D%/notifier.h \
	%D%/message.c %D%/message.h \
	%D%/messages.c %D%/messages.h \
	%D%/outbox.c %D%/outbox.h \
	%D%/probe.c \
	%D%/resume.c %D%/resume.h %D%/resume_internal.h %D%/resume_snapshot.c \
	%D%/routes.c \
	%D%/sign_in.c %D%/sign_in.h \
	%D%/snapshot.c %D%/snapshot.h \
	%D%/subscriber.c %D%/subscriber.h %D%/subscriber_internal.h %D%/subscriber_read.c %D%/subscriber_socket.c \
	%D%/user_internal.h %D%/user_stream.c %D%/user_subscription.c \
	%D%/users.c %D%/users.h \
	%D%/websocket_route.c
cvpulse_notifier_LDADD = $(CVPULSE_LIBS)
