/*
 * The lines of one document and the memory they stand in. Every reader's text passes document_add_line(), so that what
 * the parser sees is clean, composed UTF-8 of bounded length whatever the format was.
 */
#include "document.h"

#include <errno.h>
#include <stdlib.h>
#include <utf8proc.h>

/* processing.md: 2 M characters of text. A line counts one more, so that lines are bounded too. */
#define TEXT_CHARS_MAX (2u * 1000 * 1000)
#define LINK_BYTES_MAX 2048
#define LINKS_MAX 10000
#define CHUNK_BYTES (64u * 1024)

struct doc_chunk {
	struct doc_chunk *next;
	size_t used, size;
	char bytes[];
};

void document_init(struct document *doc)
{
	*doc = (struct document){ .format = "" };
}

void document_free(struct document *doc)
{
	while (doc->arena) {
		struct doc_chunk *next = doc->arena->next;

		free(doc->arena);
		doc->arena = next;
	}
	free(doc->lines);
	free(doc->links);
	document_init(doc);
}

/* n bytes that live as long as the document; NULL without memory. */
static char *arena_take(struct document *doc, size_t n)
{
	struct doc_chunk *chunk = doc->arena;
	char *p;

	if (!chunk || chunk->size - chunk->used < n) {
		size_t size = n > CHUNK_BYTES ? n : CHUNK_BYTES;

		chunk = malloc(sizeof(*chunk) + size);
		if (!chunk)
			return NULL;
		*chunk = (struct doc_chunk){ .next = doc->arena, .size = size };
		doc->arena = chunk;
	}
	p = chunk->bytes + chunk->used;
	chunk->used += n;
	return p;
}

/* Forms that only fonts tell apart (ligatures, Arabic shapes, CJK radicals): fonts in PDF put them in place of letters. */
static bool is_presentation_form(utf8proc_int32_t c)
{
	return (c >= 0xFB00 && c <= 0xFDFF) || (c >= 0xFE70 && c <= 0xFEFC) || (c >= 0x2E80 && c <= 0x2FDF);
}

/* Zero width joiners mean something only between letters of the scripts from Arabic to Sinhala. */
static bool takes_joiners(utf8proc_int32_t c)
{
	return c >= 0x0600 && c <= 0x0DFF;
}

static bool is_space(utf8proc_int32_t c)
{
	switch (utf8proc_category(c)) {
	case UTF8PROC_CATEGORY_ZS:
	case UTF8PROC_CATEGORY_ZL:
	case UTF8PROC_CATEGORY_ZP:
		return true;
	case UTF8PROC_CATEGORY_CO: /* private use: the icons and bullets of symbol fonts */
		return true;
	default:
		return (c >= '\t' && c <= '\r') || c == 0x85;
	}
}

/* Control, bidi, zero width and other characters that show nothing. */
static bool is_invisible(utf8proc_int32_t c)
{
	switch (utf8proc_category(c)) {
	case UTF8PROC_CATEGORY_CC:
	case UTF8PROC_CATEGORY_CF:
	case UTF8PROC_CATEGORY_CS:
		return true;
	default:
		return c == 0x034F || c == 0x115F || c == 0x1160 || c == 0x3164 || c == 0xFFA0 ||
		       (c >= 0xFE00 && c <= 0xFE0F);
	}
}

struct cleaner {
	struct buf out;
	size_t chars, chars_max;
	utf8proc_int32_t last;  /* the last character kept; 0 at the start */
	bool space;             /* white space waits for a character after it */
	bool hyphen;            /* a soft hyphen waits likewise: at the end of a line it was drawn as a hyphen */
	bool composes;          /* something may change under NFC */
	bool full;              /* chars_max is reached */
};

static void cleaner_put(struct cleaner *cl, utf8proc_int32_t c)
{
	utf8proc_uint8_t bytes[4];

	if (cl->chars + 2 > cl->chars_max) {
		cl->full = true;
		return;
	}
	if (cl->space && cl->out.n) {
		buf_addz(&cl->out, " ");
		cl->chars++;
	}
	cl->space = cl->hyphen = false;
	buf_add(&cl->out, bytes, (size_t)utf8proc_encode_char(c, bytes));
	cl->chars++;
	cl->composes |= c >= 0x300;
	cl->last = c;
}

static void cleaner_put_compatible(struct cleaner *cl, utf8proc_int32_t c)
{
	utf8proc_int32_t parts[32];
	int boundclass = 0;
	utf8proc_ssize_t n = utf8proc_decompose_char(c, parts, 32, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT, &boundclass);

	for (utf8proc_ssize_t i = 0; i < n && n <= 32; i++)
		cleaner_put(cl, parts[i]);
}

static void cleaner_add(struct cleaner *cl, utf8proc_int32_t c, utf8proc_int32_t next)
{
	if (c > ' ' && c < 0x7F)
		cleaner_put(cl, c);
	else if (c == 0xAD)
		cl->hyphen = cl->out.n > 0 && !cl->space;
	else if (is_space(c))
		cl->space = true;
	else if (c == 0x2010 && cl->last == '-' && !cl->space)
		return; /* Word for Mac writes both into PDF */
	else if ((c == 0x200C || c == 0x200D) && takes_joiners(cl->last) && takes_joiners(next))
		cleaner_put(cl, c);
	else if (is_presentation_form(c))
		cleaner_put_compatible(cl, c);
	else if (!is_invisible(c))
		cleaner_put(cl, c);
}

static void cleaner_run(struct cleaner *cl, const utf8proc_uint8_t *p, size_t n)
{
	utf8proc_int32_t c = -1, next;
	utf8proc_ssize_t len;

	for (; n && !cl->full; p += len, n -= (size_t)len, c = next) {
		len = utf8proc_iterate(p, (utf8proc_ssize_t)n, &next);
		if (len <= 0)
			len = 1, next = 0xFFFD;
		if (c >= 0)
			cleaner_add(cl, c, next);
	}
	if (c >= 0 && !cl->full)
		cleaner_add(cl, c, 0);
	if (cl->hyphen && !cl->space && !cl->full)
		cleaner_put(cl, '-');
}

/* The cleaned text, composed (NFC), as memory of the document. *chars: its length in characters. */
static const char *clean(struct document *doc, const char *text, size_t n, size_t chars_max, size_t *chars, bool *full)
{
	struct cleaner cl = { .chars_max = chars_max };
	utf8proc_uint8_t *composed = NULL;
	char *kept = NULL;

	buf_init(&cl.out, TEXT_CHARS_MAX * 4 + 1);
	cleaner_run(&cl, (const utf8proc_uint8_t *)text, n);
	buf_add(&cl.out, "", 1);
	*chars = cl.chars;
	*full = cl.full;
	if (cl.out.failed || cl.chars == 0)
		goto out;
	if (cl.composes)
		composed = utf8proc_NFC((const utf8proc_uint8_t *)cl.out.p);
	text = composed ? (const char *)composed : cl.out.p;
	n = strlen(text) + 1;
	kept = arena_take(doc, n);
	if (kept)
		memcpy(kept, text, n);
out:
	free(composed);
	buf_free(&cl.out);
	return kept;
}

/* Room for one more element; the array moves. */
static bool grow(void *array, size_t n, size_t *cap, size_t size)
{
	void **p = array, *moved;
	size_t more = *cap ? *cap * 2 : 64;

	if (n < *cap)
		return true;
	moved = reallocarray(*p, more, size);
	if (!moved)
		return false;
	*p = moved;
	*cap = more;
	return true;
}

struct doc_line *document_add_line(struct document *doc, const char *text, size_t n)
{
	size_t chars;
	bool full;
	const char *kept;

	if (n == 0)
		return NULL;
	kept = clean(doc, text, n, TEXT_CHARS_MAX - doc->text_chars, &chars, &full);
	if (full)
		doc->warnings |= DOC_TRUNCATED;
	if (!kept || !grow(&doc->lines, doc->n_lines, &doc->cap_lines, sizeof(*doc->lines)))
		return NULL;
	doc->text_chars += chars + 1;
	doc->lines[doc->n_lines] = (struct doc_line){ .text = kept };
	return &doc->lines[doc->n_lines++];
}

int document_add_link(struct document *doc, const char *url, const char *text, int line)
{
	struct doc_link link = { .text = "", .line = line };
	size_t chars;
	bool full;

	if (doc->n_links >= LINKS_MAX || strlen(url) > LINK_BYTES_MAX)
		return -E2BIG;
	link.url = clean(doc, url, strlen(url), LINK_BYTES_MAX, &chars, &full);
	if (!link.url)
		return -EINVAL;
	if (*text)
		link.text = clean(doc, text, strnlen(text, LINK_BYTES_MAX), LINK_BYTES_MAX, &chars, &full);
	if (!link.text)
		link.text = "";
	if (!grow(&doc->links, doc->n_links, &doc->cap_links, sizeof(*doc->links)))
		return -ENOMEM;
	doc->links[doc->n_links++] = link;
	return 0;
}
