/* Reading replies without hiredis' header. See redis.h. */
#include <hiredis/hiredis.h>

#include "redis.h"

enum reply_kind reply_kind(const redisReply *reply)
{
	if (!reply)
		return REPLY_LOST;
	switch (reply->type) {
	case REDIS_REPLY_STRING: return REPLY_STRING;
	case REDIS_REPLY_INTEGER: return REPLY_INTEGER;
	case REDIS_REPLY_ARRAY: return REPLY_ARRAY;
	case REDIS_REPLY_STATUS: return REPLY_STATUS;
	case REDIS_REPLY_ERROR: return REPLY_ERROR;
	default: return REPLY_NIL;
	}
}

struct str reply_str(const redisReply *reply)
{
	enum reply_kind kind = reply_kind(reply);

	if (kind == REPLY_STRING || kind == REPLY_STATUS || kind == REPLY_ERROR)
		return str_of(reply->str, (size_t)reply->len);
	return STR("");
}

int64_t reply_int(const redisReply *reply, int64_t otherwise)
{
	uint64_t v;

	if (reply_kind(reply) == REPLY_INTEGER)
		return reply->integer;
	return str_to_u64(reply_str(reply), 0, INT64_MAX, &v) == 0 ? (int64_t)v : otherwise;
}

size_t reply_count(const redisReply *reply)
{
	return reply_kind(reply) == REPLY_ARRAY ? reply->elements : 0;
}

const redisReply *reply_at(const redisReply *reply, size_t i)
{
	return i < reply_count(reply) ? reply->element[i] : NULL;
}
