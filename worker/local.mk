# libworker.a: everything of cvpulse-worker but main(); the daemon and its unit tests link it.
noinst_LIBRARIES += libworker.a
libworker_a_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/%D% -I$(builddir)/%D% $(UV_CFLAGS) $(CJSON_CFLAGS) $(CRYPTO_CFLAGS) $(UTF8PROC_CFLAGS)
libworker_a_SOURCES = \
	%D%/api.c %D%/api.h %D%/cors.c %D%/cors.h %D%/routes.c %D%/sign_in.c %D%/sign_in.h %D%/router.c %D%/router.h %D%/worker.h %D%/calls.h \
	%D%/batches.c %D%/batch_cancel.c %D%/batch_list.c %D%/cvs.c %D%/cv_call.c %D%/cv_call.h %D%/cv_again.c %D%/cv_erase.c %D%/cv_forget.c %D%/cv_forget.h %D%/health.c %D%/queue_page.c %D%/stats.c \
	%D%/filename.c %D%/filename.h \
	%D%/fetch.c %D%/fetch.h \
	%D%/inbox.c %D%/inbox.h %D%/queue_inbox.c %D%/queue_erase.c \
	%D%/history.c %D%/history.h %D%/user_erase.c %D%/user_keys.c %D%/user_keys.h \
	%D%/handover.c %D%/handover.h %D%/jobs.c \
	%D%/hash_index.c %D%/hash_index.h \
	%D%/intake.c %D%/intake.h %D%/intake_body.c %D%/intake_place.c %D%/place.c %D%/place.h %D%/problem.c %D%/problem.h %D%/receive.c %D%/receive.h \
	%D%/multipart.c %D%/multipart.h %D%/multipart_header.c %D%/multipart_header.h \
	%D%/spool.c %D%/spool.h %D%/spool_path.c %D%/spool_path.h %D%/spool_record.c %D%/spool_record.h \
	%D%/digest.c %D%/digest.h %D%/spool_part.c %D%/spool_part.h %D%/spool_part_record.c %D%/tus_head.c %D%/tus_head.h \
	%D%/admit.c %D%/admit.h %D%/once.c %D%/once.h %D%/open_uploads.c %D%/open_uploads.h %D%/quota.c %D%/quota.h \
	%D%/tus.c %D%/tus.h %D%/tus_op.c %D%/tus_op.h %D%/tus_body.c %D%/tus_create.c %D%/tus_place.c \
	%D%/s3.c %D%/s3.h %D%/s3_list.c \
	%D%/vault.c %D%/vault.h %D%/vault_internal.h %D%/vault_file.c %D%/vault_left.c %D%/vault_list.c %D%/vault_op.c %D%/vault_sweep.c %D%/vault_user.c \
	%D%/spool_jobs.c %D%/spool_jobs.h %D%/spool_upload.c %D%/spool_walk.c
libworker_a_SOURCES += \
	%D%/accept.c %D%/accept.h \
	%D%/clamd.c %D%/clamd.h %D%/hook.c %D%/hook.h %D%/job_hook.c %D%/job_scan.c %D%/pace.c %D%/pace.h \
	%D%/job.c %D%/job.h %D%/job_state.h %D%/job_work.c %D%/job_fetch.c %D%/job_vault.c %D%/job_ends.def \
	%D%/lost_cvs.c %D%/lost_cvs.h \
	%D%/mates.c %D%/mates.h \
	%D%/pipeline.c %D%/pipeline.h \
	%D%/queue.c %D%/queue.h %D%/queue_call.h %D%/queue_hooks.c %D%/queue_lease.c %D%/queue_stats.c \
	%D%/queue_scripts.c %D%/queue_scripts.h \
	%D%/recovery.c %D%/recovery.h \
	%D%/sweep.c %D%/sweep.h \
	%D%/webhooks.c %D%/webhook_note.c %D%/webhook_note.h %D%/webhooks.h
queue_lua = ack bury common drop erase hook_add hook_drop hook_end hook_take idle inbox_end inbox_erase inbox_take lease list push reap release renew retry start stats
%D%/libworker_a-queue_scripts.$(OBJEXT): $(queue_lua:%=%D%/queue/%.lua.h)
%D%/libworker_a-history.$(OBJEXT): %D%/strip.lua.h
CLEANFILES += %D%/strip.lua.h
EXTRA_DIST += %D%/strip.lua
CLEANFILES += $(queue_lua:%=%D%/queue/%.lua.h)
EXTRA_DIST += $(queue_lua:%=%D%/queue/%.lua)
# Everything that libworker.a needs at link time; goes before CVPULSE_LIBS.
WORKER_LIBS = libworker.a $(CJSON_LIBS) $(CRYPTO_LIBS) $(UTF8PROC_LIBS)

# libextractor.a: the worker's side of cvpulse-extract; apart, so that its test has no need of the rest of the worker.
noinst_LIBRARIES += libextractor.a
libextractor_a_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/%D% $(UV_CFLAGS) $(CJSON_CFLAGS)
libextractor_a_SOURCES = \
	%D%/extractor.c %D%/extractor.h \
	%D%/extractor_attempt.c %D%/extractor_attempt.h \
	%D%/extractor_job.c %D%/extractor_job.h \
	%D%/extractor_link.c %D%/extractor_link.h

sbin_PROGRAMS += cvpulse-worker
cvpulse_worker_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/%D% $(UV_CFLAGS)
cvpulse_worker_SOURCES = %D%/main.c
cvpulse_worker_LDADD = $(WORKER_LIBS) libextractor.a libwire.a $(CJSON_LIBS) $(CVPULSE_LIBS)
