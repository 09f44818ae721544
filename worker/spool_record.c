/* The record of a CV in the spool: a small JSON object, written with a buffer, read with cJSON. See spool.h. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "spool_path.h"
#include "spool_record.h"


static void add_text(struct buf *out, const char *key, const char *value)
{
	buf_addf(out, ",\"%s\":", key);
	buf_add_json(out, str_c(value));
}

void spool_record_format(const struct spool_record *rec, struct buf *out)
{
	buf_addz(out, "{\"version\":1");
	add_text(out, "user_id", rec->user);
	add_text(out, "batch_id", rec->batch);
	add_text(out, "cv_id", rec->cv);
	add_text(out, "filename", rec->filename);
	add_text(out, "sha256", rec->sha256);
	if (*rec->duplicate_of)
		add_text(out, "duplicate_of", rec->duplicate_of);
	if (*rec->once)
		add_text(out, "once", rec->once);
	if (*rec->url)
		add_text(out, "url", rec->url);
	if (*rec->webhook)
		add_text(out, "webhook", rec->webhook);
	buf_addf(out, ",\"bytes\":%lld,\"created_ms\":%lld,\"priority\":%d,\"attempt\":%d}\n", (long long)rec->bytes,
		 (long long)rec->created_ms, rec->priority, rec->attempt);
}

static bool get_text(const cJSON *json, const char *key, char *out, size_t cap)
{
	const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, key));

	if (!value || strlen(value) >= cap)
		return false;
	memcpy(out, value, strlen(value) + 1);
	return true;
}

static bool get_number(const cJSON *json, const char *key, int64_t max, int64_t *out)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);

	if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble <= (double)max))
		return false;
	*out = (int64_t)item->valuedouble;
	return true;
}

static bool read_fields(const cJSON *json, struct spool_record *rec)
{
	int64_t priority, attempt;

	if (!get_text(json, "user_id", rec->user, sizeof(rec->user)) || !get_text(json, "batch_id", rec->batch, sizeof(rec->batch)) ||
	    !get_text(json, "cv_id", rec->cv, sizeof(rec->cv)) || !get_text(json, "filename", rec->filename, sizeof(rec->filename)) ||
	    !get_text(json, "sha256", rec->sha256, sizeof(rec->sha256)))
		return false;
	if (!get_text(json, "duplicate_of", rec->duplicate_of, sizeof(rec->duplicate_of)))
		rec->duplicate_of[0] = '\0';
	if (!get_text(json, "once", rec->once, sizeof(rec->once)))
		rec->once[0] = '\0';
	if (!get_text(json, "url", rec->url, sizeof(rec->url)))
		rec->url[0] = '\0';
	if (!get_text(json, "webhook", rec->webhook, sizeof(rec->webhook)))
		rec->webhook[0] = '\0';
	if (!get_number(json, "bytes", INT64_MAX / 2, &rec->bytes) || !get_number(json, "created_ms", INT64_MAX / 2, &rec->created_ms) ||
	    !get_number(json, "priority", 9, &priority) || !get_number(json, "attempt", INT32_MAX, &attempt))
		return false;
	rec->priority = (int)priority;
	rec->attempt = (int)attempt;
	return id_valid(str_c(rec->user)) && id_valid(str_c(rec->batch)) && id_valid(str_c(rec->cv));
}

int spool_record_parse(struct str text, struct spool_record *out)
{
	cJSON *json = cJSON_ParseWithLength(text.p, text.n);
	bool good = cJSON_IsObject(json) && read_fields(json, out);

	cJSON_Delete(json);
	return good ? 0 : -EBADMSG;
}

int spool_record_read(struct spool *sp, struct str cv, struct spool_record *out)
{
	struct buf text;
	int rc;

	buf_init(&text, SPOOL_RECORD_MAX_BYTES);
	rc = spool_read_file(sp, cv, ".json", &text);
	if (rc == 0)
		rc = spool_record_parse(buf_str(&text), out);
	if (rc == 0 && !str_eq(str_c(out->cv), cv))
		rc = -EBADMSG;
	buf_free(&text);
	return rc;
}

bool spool_has_record(struct spool *sp, struct str cv)
{
	char path[SPOOL_PATH_SIZE];

	return spool_path(cv, ".json", path) == 0 && faccessat(sp->dir_fd, path, F_OK, 0) == 0;
}

int spool_record_replace(struct spool *sp, const struct spool_record *rec)
{
	char path[SPOOL_PATH_SIZE];
	struct buf text;
	int rc = spool_path(str_c(rec->cv), ".json", path);

	if (rc < 0)
		return rc;
	buf_init(&text, SPOOL_RECORD_MAX_BYTES);
	spool_record_format(rec, &text);
	rc = text.failed ? -EMSGSIZE : spool_write_temporary(sp, path, buf_str(&text));
	buf_free(&text);
	if (rc == 0)
		rc = spool_rename_over(sp, path);
	return rc < 0 ? rc : spool_sync_shard(sp, spool_shard(str_c(rec->cv)));
}

int spool_record_write(struct spool *sp, const struct spool_record *rec)
{
	struct buf text;
	int rc = -EMSGSIZE;

	buf_init(&text, SPOOL_RECORD_MAX_BYTES);
	spool_record_format(rec, &text);
	if (!text.failed)
		rc = spool_replace(sp, str_c(rec->cv), ".json", buf_str(&text));
	buf_free(&text);
	return rc;
}
