/* See parse_words.h. */
#include "parse_words.h"

#include <errno.h>
#include <stdlib.h>

#include "parse_text.h"

#define PHRASE_BYTES 96         /* longer phrases are in no table */
#define PHRASE_WORDS 6
#define ENDING_CHARS_MAX 40     /* how much of a word's end is tried against compound endings */
#define ENDING 0x80             /* added to the kind of an entry that matches the end of a word */

struct entry {
	char *folded;           /* in `texts` */
	unsigned n : 24, kind : 8;
	int value;
};

static const struct {
	unsigned kind;
	int value;
	const char *forms;
} tables[] = {
#define HEADING(section, language, forms) { WORD_HEADING, TEXT_##language * SECTION_KINDS + SECTION_##section, forms },
#define HEADING_WORD(section, forms) { WORD_HEADING_WORD, SECTION_##section, forms },
#include "parse_headings.def"
#undef HEADING
#undef HEADING_WORD
#define WORDS(kind, value, forms) { WORD_##kind, value, forms },
#include "parse_words.def"
#undef WORDS
};

static const struct network networks[] = {
#define NETWORK(name, host, path, forms) { name, host, path },
#include "parse_networks.def"
#undef NETWORK
};

static const char *const network_forms[] = {
#define NETWORK(name, host, path, forms) name "|" host "|" forms,
#include "parse_networks.def"
};

/* Built once, then only read: open addressing, never more than half full. */
static struct {
	struct entry *slots;
	size_t mask;
	char *texts;
	size_t n_texts;
} hash;

static size_t hash_of(unsigned kind, struct str s)
{
	size_t h = 14695981039346656037u ^ kind;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 1099511628211u;
	return h ^ (h >> 29);
}

static struct entry *hash_slot(unsigned kind, struct str s)
{
	size_t at = hash_of(kind, s) & hash.mask;

	while (hash.slots[at].folded && !(hash.slots[at].kind == kind && str_eq(str_of(hash.slots[at].folded, hash.slots[at].n), s)))
		at = (at + 1) & hash.mask;
	return &hash.slots[at];
}

static void hash_add(unsigned kind, int value, struct str form)
{
	char *folded = hash.texts + hash.n_texts;
	struct entry *slot;
	size_t n;

	if (form.n > 1 && form.p[0] == '-')
		kind |= ENDING, form = str_skip(form, 1);
	n = text_fold(form, folded, PHRASE_BYTES);
	slot = hash_slot(kind, str_of(folded, n));
	if (n == 0 || slot->folded)
		return;
	*slot = (struct entry){ .folded = folded, .n = (unsigned)n & 0xFFFFFF, .kind = kind & 0xFF, .value = value };
	hash.n_texts += n;
}

static void hash_add_forms(unsigned kind, int value, const char *forms)
{
	struct str rest = str_c(forms);

	while (rest.n) {
		struct str form = str_cut(&rest, '|');

		hash_add(kind, value, form);
		if (form.n > 1 && form.p[0] == '-') /* the ending is a word of its own, too */
			hash_add(kind, value, str_skip(form, 1));
	}
}

static void count_forms(const char *forms, size_t *n, size_t *bytes)
{
	for (; *forms; forms++) {
		*n += *forms == '|';
		(*bytes) += 3;  /* folding may turn one byte into more */
	}
	*n += 1;
}

int words_prepare(void)
{
	size_t n = 0, bytes = PHRASE_BYTES, size = 1024;

	if (hash.slots)
		return 0;
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		count_forms(tables[i].forms, &n, &bytes);
	for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++)
		count_forms(network_forms[i], &n, &bytes);
	while (size < n * 4)
		size *= 2;
	hash.slots = calloc(size, sizeof(*hash.slots));
	hash.texts = malloc(bytes * 2);
	if (!hash.slots || !hash.texts) {
		free(hash.slots);
		free(hash.texts);
		hash.slots = NULL;
		return -ENOMEM;
	}
	hash.mask = size - 1;
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		hash_add_forms(tables[i].kind, tables[i].value, tables[i].forms);
	for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++)
		hash_add_forms(WORD_NETWORK, (int)i, network_forms[i]);
	return 0;
}

static int find(unsigned kind, struct str folded)
{
	const struct entry *slot = hash_slot(kind, folded);

	return slot->folded ? slot->value : -1;
}

int words_find(enum word_kind kind, struct str phrase)
{
	char folded[PHRASE_BYTES];

	if (phrase.n > PHRASE_BYTES)
		return -1;
	return find(kind, text_folded(phrase, folded, sizeof(folded)));
}

/* Where the word that begins at `at` ends: a phrase may end here. A bracket that the word opens belongs to it. */
static size_t word_end(struct str s, size_t at)
{
	bool open = false;

	while (at < s.n && s.p[at] == ' ')
		at++;
	while (at < s.n && !memchr(" ,;:|", s.p[at], 5) && (s.p[at] != ')' || open)) {
		open |= s.p[at] == '(';
		at++;
	}
	return at;
}

int words_find_prefix(enum word_kind kind, struct str s, size_t *used)
{
	size_t end = 0;
	int best = -1;

	for (int words = 0; words < PHRASE_WORDS && end < s.n && end < PHRASE_BYTES; words++) {
		size_t next = word_end(s, end);
		int value;

		if (next == end)
			break;
		end = next;
		value = words_find(kind, str_of(s.p, end));
		if (value >= 0)
			best = value, *used = end;
	}
	return best;
}

static bool ends_like(unsigned kind, struct str word)
{
	size_t from = word.n > ENDING_CHARS_MAX ? word.n - ENDING_CHARS_MAX : 1;

	for (size_t i = from; i < word.n; i++)
		if (((unsigned char)word.p[i] & 0xC0) != 0x80 && find(kind | ENDING, str_skip(word, i)) >= 0)
			return true;
	return false;
}

static bool is_word_byte(char c)
{
	return ((unsigned char)c & 0x80) || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '\'';
}

int words_count(enum word_kind kind, struct str s)
{
	char folded[512];
	struct str rest = text_folded(s, folded, sizeof(folded)), before = { NULL, 0 };
	int count = 0;

	while (rest.n) {
		size_t n = 0;
		struct str word;

		while (n < rest.n && is_word_byte(rest.p[n]))
			n++;
		if (n == 0) {
			rest = str_skip(rest, 1);
			continue;
		}
		word = str_of(rest.p, n);
		/* Two neighbouring words may be one entry: "vice president". */
		if (find(kind, word) >= 0 || ends_like(kind, word) ||
		    (before.p && find(kind, str_of(before.p, (size_t)(word.p + n - before.p))) >= 0))
			count++;
		before = word;
		rest = str_skip(rest, n);
	}
	return count;
}

/* "de.linkedin.com/in/x" for the host "linkedin.com" gives "in/x"; NULL when the address is elsewhere. */
static struct str path_on_host(struct str address, struct str host)
{
	struct str path = address, at = str_cut(&path, '/');

	if (!path.p || path.n == 0 || at.n < host.n || !str_eq_nocase(str_skip(at, at.n - host.n), host) ||
	    (at.n > host.n && at.p[at.n - host.n - 1] != '.'))
		return str_of(NULL, 0);
	return path;
}

const struct network *network_of_address(struct str address, struct str *path)
{
	const struct network *found = NULL;
	size_t best = 0;

	for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++) {
		struct str prefix = str_c(networks[i].path), rest = path_on_host(address, str_c(networks[i].host));

		if (!rest.p)
			continue;
		if (!found || (prefix.n > best && str_starts(rest, prefix))) {
			found = &networks[i];
			best = str_starts(rest, prefix) ? prefix.n : 0;
			*path = str_skip(rest, best);
		}
	}
	return found;
}

const struct network *network_of_word(struct str word)
{
	int i = words_find(WORD_NETWORK, word);

	return i >= 0 ? &networks[i] : NULL;
}

bool words_is_country_code(struct str code)
{
	if (code.n != 2)
		return false;
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		if (tables[i].kind == WORD_COUNTRY && tables[i].value == code.p[0] * 256 + code.p[1])
			return true;
	return false;
}
