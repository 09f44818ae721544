/* See rate.h. The table is a fixed array probed over a short distance: it cannot grow, whoever knocks. */
#include "rate.h"

#include <stdlib.h>
#include <string.h>

#define PROBES 8

struct slot {
	unsigned char key[16];
	bool used;
	struct bucket bucket;
};

struct rate_table {
	uint64_t seed;
	struct slot slots[RATE_TABLE_SLOTS];
};

bool bucket_take(struct bucket *b, int64_t per_s, int64_t burst, int64_t now_ms)
{
	int64_t gained = (now_ms - b->at_ms) * per_s; /* tokens a second are thousandths of a token a millisecond */

	if (per_s <= 0)
		return true;
	b->spent_milli = b->spent_milli > gained ? b->spent_milli - gained : 0;
	b->at_ms = now_ms;
	if (b->spent_milli + 1000 > burst * 1000)
		return false;
	b->spent_milli += 1000;
	return true;
}

struct rate_table *rate_table_new(uint64_t seed)
{
	struct rate_table *t = calloc(1, sizeof(*t));

	if (t)
		t->seed = seed;
	return t;
}

void rate_table_free(struct rate_table *t)
{
	free(t);
}

static void key_of(const struct ip *ip, unsigned char key[16])
{
	static const unsigned char v4_prefix[12] = { [10] = 0xFF, [11] = 0xFF };

	memcpy(key, ip->bytes, 16);
	if (memcmp(key, v4_prefix, sizeof(v4_prefix)) != 0)
		memset(key + 8, 0, 8);
}

static size_t hash_of(const struct rate_table *t, const unsigned char key[16])
{
	uint64_t h = 0xcbf29ce484222325u ^ t->seed;

	for (int i = 0; i < 16; i++)
		h = (h ^ key[i]) * 0x100000001b3u;
	return (size_t)(h ^ h >> 32);
}

/* The slot of this key: its own, a free one, or the one nearby that has spent least. */
static struct slot *slot_of(struct rate_table *t, const unsigned char key[16])
{
	size_t start = hash_of(t, key);
	struct slot *best = NULL;

	for (size_t i = 0; i < PROBES; i++) {
		struct slot *s = &t->slots[(start + i) % RATE_TABLE_SLOTS];

		if (s->used && memcmp(s->key, key, 16) == 0)
			return s;
		if (!best || (best->used && (!s->used || s->bucket.spent_milli < best->bucket.spent_milli)))
			best = s;
	}
	memcpy(best->key, key, 16);
	best->used = true;
	best->bucket = (struct bucket){ 0 };
	return best;
}

bool rate_table_take(struct rate_table *t, const struct ip *ip, int64_t per_s, int64_t burst, int64_t now_ms)
{
	unsigned char key[16];

	if (per_s <= 0 || ip->is_unix)
		return true;
	key_of(ip, key);
	return bucket_take(&slot_of(t, key)->bucket, per_s, burst, now_ms);
}

bool rate_table_take_name(struct rate_table *t, struct str name, int64_t per_s, int64_t burst, int64_t now_ms)
{
	uint64_t h[2] = { 0xcbf29ce484222325u ^ t->seed, 0x84222325cbf29ce4u + t->seed };
	unsigned char key[sizeof(h)];

	if (per_s <= 0)
		return true;
	for (size_t i = 0; i < name.n; i++) {
		h[0] = (h[0] ^ (unsigned char)name.p[i]) * 0x100000001b3u;
		h[1] = (h[1] ^ (unsigned char)name.p[i]) * 0x9e3779b97f4a7c15u;
	}
	memcpy(key, h, sizeof(key));
	return bucket_take(&slot_of(t, key)->bucket, per_s, burst, now_ms);
}
