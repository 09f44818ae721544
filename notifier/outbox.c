/* See outbox.h. A list in order, and a hash table over the waiting replaceable frames by what they are about. */
#include "notifier/outbox.h"

#include <errno.h>
#include <stdlib.h>

#define BUCKETS_FIRST 16
#define ITEM_OVERHEAD_BYTES 128         /* item, copy and allocator; so that tiny frames count too */

struct item {
	struct frame_copy *copy;
	struct item *next, *prev;
	struct item *chain;             /* next in its bucket */
	size_t charged;                 /* bytes that count against the bound */
	uint32_t hash;
	bool indexed;
};

struct outbox {
	struct item list;               /* head; list.next is the oldest */
	struct item **buckets;
	size_t n_buckets, n_indexed;
	size_t bytes, replaced;
};

struct outbox *outbox_new(void)
{
	struct outbox *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->buckets = calloc(BUCKETS_FIRST, sizeof(*o->buckets));
	if (!o->buckets) {
		free(o);
		return NULL;
	}
	o->n_buckets = BUCKETS_FIRST;
	o->list.next = o->list.prev = &o->list;
	return o;
}

void outbox_free(struct outbox *o)
{
	if (!o)
		return;
	while (!outbox_is_empty(o))
		outbox_pop(o);
	free(o->buckets);
	free(o);
}

/* FNV-1a over type and subject. */
static uint32_t hash_of(const struct frame_info *info)
{
	struct str parts[2] = { info->type, frame_subject(info) };
	uint32_t h = 0x811c9dc5u;

	for (int k = 0; k < 2; k++)
		for (size_t i = 0; i < parts[k].n; i++)
			h = (h ^ (unsigned char)parts[k].p[i]) * 0x01000193u;
	return h;
}

static bool same_subject(const struct frame_info *a, const struct frame_info *b)
{
	return str_eq(a->type, b->type) && str_eq(frame_subject(a), frame_subject(b));
}

static struct item **bucket_of(struct outbox *o, uint32_t hash)
{
	return &o->buckets[hash & (o->n_buckets - 1)];
}

static void index_add(struct outbox *o, struct item *it)
{
	struct item **bucket = bucket_of(o, it->hash);

	it->chain = *bucket;
	*bucket = it;
	it->indexed = true;
	o->n_indexed++;
}

static void index_remove(struct outbox *o, struct item *it)
{
	struct item **at = bucket_of(o, it->hash);

	while (*at != it)
		at = &(*at)->chain;
	*at = it->chain;
	it->indexed = false;
	o->n_indexed--;
}

/* Keeps chains short. Without memory they just get longer: the index is a help, not a need. */
static void index_grow(struct outbox *o)
{
	size_t n = o->n_buckets * 2, old_n = o->n_buckets;
	struct item **grown = calloc(n, sizeof(*grown)), **old = o->buckets;

	if (!grown)
		return;
	o->buckets = grown;
	o->n_buckets = n;
	for (size_t i = 0; i < old_n; i++) {
		for (struct item *it = old[i], *next; it; it = next) {
			next = it->chain;
			it->chain = *bucket_of(o, it->hash);
			*bucket_of(o, it->hash) = it;
		}
	}
	free(old);
}

static void item_remove(struct outbox *o, struct item *it)
{
	if (it->indexed)
		index_remove(o, it);
	it->prev->next = it->next;
	it->next->prev = it->prev;
	o->bytes -= it->charged;
	frame_release(it->copy);
	free(it);
}

static struct item *find_waiting(struct outbox *o, const struct frame_info *info, uint32_t hash)
{
	for (struct item *it = *bucket_of(o, hash); it; it = it->chain)
		if (it->hash == hash && same_subject(&it->copy->frame.info, info))
			return it;
	return NULL;
}

static int append(struct outbox *o, struct frame_copy *copy, uint32_t hash, bool replaceable, size_t charged)
{
	struct item *it = malloc(sizeof(*it));

	if (!it) {
		frame_release(copy);
		return -ENOMEM;
	}
	*it = (struct item){ .copy = copy, .next = &o->list, .prev = o->list.prev, .charged = charged, .hash = hash };
	it->prev->next = it->next->prev = it;
	o->bytes += charged;
	if (replaceable) {
		if (o->n_indexed >= o->n_buckets)
			index_grow(o);
		index_add(o, it);
	}
	return 0;
}

int outbox_push(struct outbox *o, struct frame_copy *copy, size_t max_bytes)
{
	const struct frame_info *info = &copy->frame.info;
	uint32_t hash = frame_subject(info).n ? hash_of(info) : 0;
	size_t charged = copy->frame.n + ITEM_OVERHEAD_BYTES;
	struct item *older = hash ? find_waiting(o, info, hash) : NULL;

	if (older) {
		item_remove(o, older);
		o->replaced++;
	}
	if (o->bytes + charged > max_bytes) {
		frame_release(copy);
		return -ENOSPC;
	}
	return append(o, copy, hash, frame_is_replaceable(info), charged);
}

int outbox_push_replay(struct outbox *o, struct frame_copy *copy)
{
	return append(o, copy, 0, false, 0);
}

struct frame *outbox_first(struct outbox *o)
{
	return outbox_is_empty(o) ? NULL : &o->list.next->copy->frame;
}

void outbox_pop(struct outbox *o)
{
	item_remove(o, o->list.next);
}

bool outbox_is_empty(const struct outbox *o)
{
	return !o || o->list.next == &o->list;
}

size_t outbox_bytes(const struct outbox *o)
{
	return o ? o->bytes : 0;
}

size_t outbox_replaced(const struct outbox *o)
{
	return o ? o->replaced : 0;
}
