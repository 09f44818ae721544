/* The record of an upload that is not a CV yet: that of a CV (spool_record.c) with some members more. See spool_part.h. */
#include <cjson/cJSON.h>
#include <errno.h>

#include "spool_part.h"
#include "spool_record.h"

void part_record_format(const struct part_record *rec, struct buf *out)
{
	spool_record_format(&rec->cv, out);
	if (out->failed)
		return;
	while (out->n && out->p[out->n - 1] != '}')
		out->n--;
	out->n--; /* open at its end again */
	buf_addf(out, ",\"length\":%lld,\"held\":%lld,\"force\":%s,\"own_batch\":%s,\"metadata\":", (long long)rec->length,
		 (long long)rec->held, rec->force ? "true" : "false", rec->own_batch ? "true" : "false");
	buf_add_json(out, str_c(rec->metadata));
	buf_addz(out, "}\n");
}

static bool get_number(const cJSON *json, const char *key, int64_t min, int64_t *out)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);

	if (!cJSON_IsNumber(item) || !(item->valuedouble >= (double)min && item->valuedouble <= 1e15))
		return false;
	*out = (int64_t)item->valuedouble;
	return true;
}

static bool read_more(const cJSON *json, struct part_record *rec)
{
	const char *metadata = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "metadata"));

	if (!metadata || strlen(metadata) > TUS_METADATA_MAX || !get_number(json, "length", 0, &rec->length) ||
	    !get_number(json, "held", -1, &rec->held))
		return false;
	memcpy(rec->metadata, metadata, strlen(metadata) + 1);
	rec->force = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "force"));
	rec->own_batch = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "own_batch"));
	return true;
}

int part_record_parse(struct str text, struct part_record *out)
{
	int rc = spool_record_parse(text, &out->cv);
	cJSON *json = rc == 0 ? cJSON_ParseWithLength(text.p, text.n) : NULL;

	if (rc == 0 && !read_more(json, out))
		rc = -EBADMSG;
	cJSON_Delete(json);
	return rc;
}
