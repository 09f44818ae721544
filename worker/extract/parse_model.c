/* See parse_model.h. */
#include "parse_model.h"

#include <stdlib.h>

#define CHUNK_BYTES (16u * 1024)
#define LIST_MAX 2000           /* more than any CV has; the rest is left out */

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, size;
	_Alignas(16) char bytes[];
};

void arena_init(struct arena *a, size_t max_bytes)
{
	*a = (struct arena){ .max = max_bytes };
}

void arena_free(struct arena *a)
{
	while (a->chunks) {
		struct arena_chunk *next = a->chunks->next;

		free(a->chunks);
		a->chunks = next;
	}
}

void *arena_take(struct arena *a, size_t bytes)
{
	struct arena_chunk *chunk = a->chunks;
	void *p;

	if (a->failed || bytes > a->max - a->used) {
		a->failed = true;
		return NULL;
	}
	bytes = (bytes + 15) & ~(size_t)15;
	if (!chunk || chunk->size - chunk->used < bytes) {
		size_t size = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;

		chunk = calloc(1, sizeof(*chunk) + size);
		if (!chunk) {
			a->failed = true;
			return NULL;
		}
		chunk->size = size;
		chunk->next = a->chunks;
		a->chunks = chunk;
	}
	p = chunk->bytes + chunk->used;
	chunk->used += bytes;
	a->used += bytes > a->max - a->used ? a->max - a->used : bytes;
	return p;
}

struct str arena_join(struct arena *a, struct str left, const char *separator, struct str right)
{
	size_t gap = strlen(separator);
	char *p;

	if (left.n == 0 || right.n == 0)
		return left.n ? left : right;
	p = arena_take(a, left.n + gap + right.n);
	if (!p)
		return left;
	memcpy(p, left.p, left.n);
	memcpy(p + left.n, separator, gap);
	memcpy(p + left.n + gap, right.p, right.n);
	return str_of(p, left.n + gap + right.n);
}

/* Room for one more element of a list; the new element, zeroed. */
static void *grow(struct arena *a, void **v, size_t *n, size_t *cap, size_t size)
{
	if (*n >= LIST_MAX)
		return NULL;
	if (*n == *cap) {
		size_t more = *cap ? *cap * 2 : 8;
		char *p = arena_take(a, more * size);

		if (!p)
			return NULL;
		if (*n)
			memcpy(p, *v, *n * size);
		*v = p;
		*cap = more;
	}
	return (char *)*v + size * (*n)++;
}

#define GROW(a, list) grow(a, (void **)&(list)->v, &(list)->n, &(list)->cap, sizeof(*(list)->v))

void str_list_add(struct arena *a, struct str_list *list, struct str s)
{
	struct str *slot = s.n ? GROW(a, list) : NULL;

	if (slot)
		*slot = s;
}

struct entry *entry_list_add(struct arena *a, struct entry_list *list)
{
	return GROW(a, list);
}

struct skill *skill_list_add(struct arena *a, struct skill_list *list)
{
	return GROW(a, list);
}

void pair_list_add(struct arena *a, struct pair_list *list, struct str name, struct str value, struct str url)
{
	struct pair *slot = GROW(a, list);

	if (slot)
		*slot = (struct pair){ name, value, url };
}
