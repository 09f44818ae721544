# Unit tests, one program for each source file. A new one is two lines: its name, and its sources with whatever it tests that
# is in no library (headers by their path, "notifier/outbox.h"):
#   check_PROGRAMS += outbox_test
#   outbox_test_SOURCES = %D%/outbox_test.c notifier/outbox.c
# One that needs more libraries sets outbox_test_LDADD = … $(LDADD).
LDADD = $(CVPULSE_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += str_test
str_test_SOURCES = %D%/str_test.c %D%/test.h

check_PROGRAMS += id_test
id_test_SOURCES = %D%/id_test.c

check_PROGRAMS += json_member_test
json_member_test_SOURCES = %D%/json_member_test.c

check_PROGRAMS += config_test
config_test_SOURCES = %D%/config_test.c

check_PROGRAMS += backoff_test
backoff_test_SOURCES = %D%/backoff_test.c

check_PROGRAMS += webhook_test
webhook_test_SOURCES = %D%/webhook_test.c

check_PROGRAMS += wheel_test
wheel_test_SOURCES = %D%/wheel_test.c

check_PROGRAMS += keys_test
keys_test_SOURCES = %D%/keys_test.c

check_PROGRAMS += redis_address_test
redis_address_test_SOURCES = %D%/redis_address_test.c

check_PROGRAMS += redis_find_test
redis_find_test_SOURCES = %D%/redis_find_test.c

check_PROGRAMS += address_test
address_test_SOURCES = %D%/address_test.c

check_PROGRAMS += metrics_test
metrics_test_SOURCES = %D%/metrics_test.c

check_PROGRAMS += log_test
log_test_SOURCES = %D%/log_test.c

check_PROGRAMS += redis_test
redis_test_SOURCES = %D%/redis_test.c
check_PROGRAMS += frame_scan_test
frame_scan_test_SOURCES = %D%/frame_scan_test.c notifier/frame_scan.c notifier/frame_scan.h
frame_scan_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir) $(CJSON_CFLAGS)
EXTRA_DIST += schema/vectors/frames.json

if WITH_WORKER
check_PROGRAMS += document_test
document_test_SOURCES = %D%/document_test.c
document_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/worker/extract
document_test_LDADD = $(EXTRACT_LIBS) $(LDADD)
check_PROGRAMS += charset_test
charset_test_SOURCES = %D%/charset_test.c
charset_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/worker/extract
charset_test_LDADD = $(EXTRACT_LIBS) $(LDADD)
check_PROGRAMS += layout_test
layout_test_SOURCES = %D%/layout_test.c
layout_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/worker/extract
layout_test_LDADD = $(EXTRACT_LIBS) $(LDADD)
check_PROGRAMS += read_test
read_test_SOURCES = %D%/read_test.c
read_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/worker/extract $(ZIP_CFLAGS)
read_test_LDADD = $(EXTRACT_LIBS) $(LDADD)
check_PROGRAMS += parse_dates_test
parse_dates_test_SOURCES = %D%/parse_dates_test.c
parse_dates_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/worker/extract
parse_dates_test_LDADD = $(EXTRACT_LIBS) $(LDADD)
check_PROGRAMS += parse_fields_test
parse_fields_test_SOURCES = %D%/parse_fields_test.c
parse_fields_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/worker/extract
parse_fields_test_LDADD = $(EXTRACT_LIBS) $(LDADD)
check_PROGRAMS += parse_test
parse_test_SOURCES = %D%/parse_test.c
parse_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/worker/extract
parse_test_LDADD = $(EXTRACT_LIBS) $(LDADD)

check_PROGRAMS += language_test
language_test_SOURCES = %D%/language_test.c
language_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/worker/extract
language_test_LDADD = $(EXTRACT_LIBS) $(LDADD)

check_PROGRAMS += exif_test
exif_test_SOURCES = %D%/exif_test.c
exif_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/worker/extract
exif_test_LDADD = $(EXTRACT_LIBS) $(LDADD)

check_PROGRAMS += ocr_test
ocr_test_SOURCES = %D%/ocr_test.c
ocr_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/worker/extract
ocr_test_LDADD = $(EXTRACT_LIBS) $(LDADD)

check_PROGRAMS += rtf_test
rtf_test_SOURCES = %D%/rtf_test.c
rtf_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/worker/extract
rtf_test_LDADD = $(EXTRACT_LIBS) $(LDADD)

check_PROGRAMS += wire_test
wire_test_SOURCES = %D%/wire_test.c
wire_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/worker/extract
wire_test_LDADD = libwire.a $(LDADD)

check_PROGRAMS += sandbox_test
sandbox_test_SOURCES = %D%/sandbox_test.c
sandbox_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/worker/extract
sandbox_test_LDADD = libextractd.a libwire.a $(SECCOMP_LIBS) $(LDADD)

check_PROGRAMS += converter_test
converter_test_SOURCES = %D%/converter_test.c
converter_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/worker/extract
converter_test_LDADD = libextractd.a libwire.a $(SECCOMP_LIBS) $(LDADD)

# The process side of cvpulse-extract around a reader that attacks it.
EXTRA_PROGRAMS += evil-extract
CLEANFILES += evil-extract
evil_extract_SOURCES = %D%/evil_reader.c
evil_extract_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/worker/extract
evil_extract_LDADD = libextractd.a libwire.a libcvpulse.a $(SECCOMP_LIBS)

check_PROGRAMS += extractor_test
extractor_test_SOURCES = %D%/extractor_test.c
extractor_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/worker -DEVIL_PROGRAM='"$(abs_top_builddir)/evil-extract"'
extractor_test_LDADD = libextractor.a libwire.a $(CJSON_LIBS) $(LDADD)
EXTRA_extractor_test_DEPENDENCIES = evil-extract
endif

check_PROGRAMS += jwt_test
jwt_test_SOURCES = %D%/jwt_test.c
jwt_test_CPPFLAGS = $(AM_CPPFLAGS) $(CJOSE_CFLAGS) $(CRYPTO_CFLAGS)

if WITH_WORKER
check_PROGRAMS += filename_test multipart_test receive_test spool_test
receive_test_SOURCES = %D%/receive_test.c
receive_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/worker $(UV_CFLAGS)
receive_test_LDADD = $(WORKER_LIBS) $(LDADD)
check_PROGRAMS += tus_head_test spool_part_test
tus_head_test_SOURCES = %D%/tus_head_test.c
tus_head_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/worker
tus_head_test_LDADD = $(WORKER_LIBS) $(LDADD)
spool_part_test_SOURCES = %D%/spool_part_test.c
spool_part_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/worker
spool_part_test_LDADD = $(WORKER_LIBS) $(LDADD)
filename_test_SOURCES = %D%/filename_test.c
filename_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/worker
filename_test_LDADD = $(WORKER_LIBS) $(LDADD)
multipart_test_SOURCES = %D%/multipart_test.c
multipart_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/worker
multipart_test_LDADD = $(WORKER_LIBS) $(LDADD)
spool_test_SOURCES = %D%/spool_test.c
spool_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/worker
spool_test_LDADD = $(WORKER_LIBS) $(LDADD)
check_PROGRAMS += s3_list_test
s3_list_test_SOURCES = %D%/s3_list_test.c
s3_list_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/worker $(UV_CFLAGS)
s3_list_test_LDADD = $(WORKER_LIBS) $(LDADD)
endif
check_PROGRAMS += server_test
server_test_SOURCES = %D%/server_test.c

check_PROGRAMS += auth_test
auth_test_SOURCES = %D%/auth_test.c

check_PROGRAMS += cidr_test
cidr_test_SOURCES = %D%/cidr_test.c

# The pipeline for tests/e2e/test_pipeline.py: no test by itself.
if WITH_WORKER
noinst_PROGRAMS += pipeline_host
pipeline_host_SOURCES = tests/e2e/pipeline_host.c
pipeline_host_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/worker
pipeline_host_LDADD = $(WORKER_LIBS) $(CVPULSE_LIBS)
endif

check_PROGRAMS += outbox_test users_test rate_test snapshot_test message_test
message_test_SOURCES = %D%/message_test.c notifier/message.c notifier/frame_scan.c
message_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
outbox_test_SOURCES = %D%/outbox_test.c notifier/outbox.c notifier/frame.c notifier/frame_scan.c
outbox_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
users_test_SOURCES = %D%/users_test.c notifier/users.c
users_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
rate_test_SOURCES = %D%/rate_test.c
snapshot_test_SOURCES = %D%/snapshot_test.c notifier/snapshot.c notifier/frame_scan.c
snapshot_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)

check_PROGRAMS += close_reason_test
close_reason_test_SOURCES = %D%/close_reason_test.c notifier/close_reason.c
close_reason_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)

check_PROGRAMS += net_guard_test
net_guard_test_SOURCES = %D%/net_guard_test.c
