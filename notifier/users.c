/* See users.h. A chained hash table that doubles; the hash is keyed, since user ids may come from outside. */
#include "notifier/users.h"

#include <stdlib.h>

#define BUCKETS_FIRST 256

struct users {
	struct user **buckets;
	size_t n_buckets, n;
	uint64_t seed;
};

struct users *users_new(uint64_t seed)
{
	struct users *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->buckets = calloc(BUCKETS_FIRST, sizeof(*t->buckets));
	if (!t->buckets) {
		free(t);
		return NULL;
	}
	t->n_buckets = BUCKETS_FIRST;
	t->seed = seed;
	return t;
}

static void free_user(struct user *u, void *ctx)
{
	users_remove(ctx, u);
}

void users_free(struct users *t)
{
	if (!t)
		return;
	users_each(t, free_user, t);
	free(t->buckets);
	free(t);
}

size_t users_count(const struct users *t)
{
	return t->n;
}

static uint32_t hash_of(const struct users *t, struct str id)
{
	uint64_t h = 0xcbf29ce484222325u ^ t->seed;

	for (size_t i = 0; i < id.n; i++)
		h = (h ^ (unsigned char)id.p[i]) * 0x100000001b3u;
	h ^= h >> 29;
	h *= 0xbf58476d1ce4e5b9u; /* the last bytes must reach the low bits too */
	return (uint32_t)(h >> 32);
}

static struct user **bucket_of(const struct users *t, uint32_t hash)
{
	return &t->buckets[hash & (t->n_buckets - 1)];
}

struct user *users_find(const struct users *t, struct str id)
{
	uint32_t hash = hash_of(t, id);
	struct user *u = *bucket_of(t, hash);

	while (u && (u->hash != hash || !str_eq(user_id(u), id)))
		u = u->chain;
	return u;
}

static void grow(struct users *t)
{
	size_t old_n = t->n_buckets;
	struct user **old = t->buckets, **grown = calloc(old_n * 2, sizeof(*grown));

	if (!grown)
		return; /* longer chains, nothing worse */
	t->buckets = grown;
	t->n_buckets = old_n * 2;
	for (size_t i = 0; i < old_n; i++) {
		for (struct user *u = old[i], *next; u; u = next) {
			next = u->chain;
			u->chain = *bucket_of(t, u->hash);
			*bucket_of(t, u->hash) = u;
		}
	}
	free(old);
}

struct user *users_add(struct users *t, struct str id)
{
	struct user *u = calloc(1, sizeof(*u) + id.n + 1), **bucket;

	if (!u)
		return NULL;
	if (t->n >= t->n_buckets / 2) /* a user of another name in the chain is one more line of cache to wait for */
		grow(t);
	memcpy(u->id, id.p, id.n);
	u->id_n = (unsigned char)id.n;
	u->hash = hash_of(t, id);
	bucket = bucket_of(t, u->hash);
	u->chain = *bucket;
	*bucket = u;
	t->n++;
	return u;
}

void users_remove(struct users *t, struct user *u)
{
	struct user **at = bucket_of(t, u->hash);

	while (*at != u)
		at = &(*at)->chain;
	*at = u->chain;
	t->n--;
	free(u);
}

void users_each(struct users *t, void (*fn)(struct user *u, void *ctx), void *ctx)
{
	for (size_t i = 0; i < t->n_buckets; i++) {
		for (struct user *u = t->buckets[i], *next; u; u = next) {
			next = u->chain;
			fn(u, ctx);
		}
	}
}
