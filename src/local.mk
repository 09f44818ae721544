# libcvpulse.a: what the programs share.
noinst_LIBRARIES += libcvpulse.a
libcvpulse_a_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS) $(HIREDIS_CFLAGS) $(INIH_CFLAGS) $(SYSTEMD_CFLAGS) $(CRYPTO_CFLAGS) $(CJOSE_CFLAGS) $(CJSON_CFLAGS) $(CURL_CFLAGS) $(LWS_CFLAGS)
libcvpulse_a_SOURCES = \
	%D%/address.c %D%/address.h \
	%D%/backoff.c %D%/backoff.h \
	%D%/clock.c %D%/clock.h \
	%D%/close_codes.def %D%/close_reasons.def \
	%D%/cv_states.c %D%/cv_states.h %D%/cv_states.def \
	%D%/config.c %D%/config.h %D%/config.def %D%/config_args.c %D%/config_check.c \
	%D%/config_file.c %D%/config_generate.c %D%/config_table.c %D%/config_table.h \
	%D%/daemon.c %D%/daemon.h \
	%D%/errors.c %D%/errors.h %D%/error_codes.def \
	%D%/http.c %D%/http.h \
	%D%/http_client.c %D%/http_client_url.c %D%/http_client.h \
	%D%/id.c %D%/id.h \
	%D%/jwks.c %D%/jwks.h \
	%D%/job_steps.def \
	%D%/json_member.c %D%/json_member.h \
	%D%/jwt.c %D%/jwt.h %D%/jwt_keys.c %D%/jwt_keys.h %D%/jwt_results.def \
	%D%/keys.c %D%/keys.h \
	%D%/log.c %D%/log.h \
	%D%/metrics.c %D%/metrics_process.c %D%/metrics.h %D%/metrics.def \
	%D%/net_guard.c %D%/net_guard.h \
	%D%/publish.c %D%/publish.h \
	%D%/rate.c %D%/rate.h \
	%D%/auth.c %D%/auth.h %D%/auth_verdicts.def \
	%D%/redis.c %D%/redis.h %D%/redis_address.c %D%/redis_command.c %D%/redis_find.c %D%/redis_find.h %D%/redis_internal.h %D%/redis_loop.c %D%/redis_loop.h %D%/redis_reply.c %D%/redis_script.c %D%/redis_watch.c %D%/redis_watch.h \
	%D%/cidr.c %D%/cidr.h \
	%D%/http_head.c %D%/http_head.h \
	%D%/schema.c %D%/schema.h \
	%D%/sentinel_answer.c %D%/sentinel_answer.h %D%/server.c %D%/server.h %D%/server_http.c %D%/server_read.c %D%/server_reply.c %D%/server_internal.h \
	%D%/websocket.c %D%/websocket.h %D%/websocket_internal.h \
	%D%/str.c %D%/str.h \
	%D%/webhook.c %D%/webhook.h \
	%D%/wheel.c %D%/wheel.h

%D%/libcvpulse_a-publish.$(OBJEXT): %D%/publish.lua.h
CLEANFILES += %D%/publish.lua.h
EXTRA_DIST += %D%/publish.lua

# Everything that libcvpulse.a needs at link time.
CVPULSE_LIBS = libcvpulse.a $(LWS_LIBS) $(UV_LIBS) $(HIREDIS_LIBS) $(INIH_LIBS) $(SYSTEMD_LIBS) $(CJOSE_LIBS) $(CJSON_LIBS) $(CURL_LIBS) $(CRYPTO_LIBS)
