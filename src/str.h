/*
 * Borrowed text as a slice, and growing text as a bounded buffer. A slice never owns; a buffer owns and has a maximum.
 */
#ifndef CVPULSE_STR_H
#define CVPULSE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *p;
	size_t n;
};

#define STR(literal) ((struct str){ (literal), sizeof(literal) - 1 })
#define STR_FMT "%.*s"
#define STR_ARG(s) (int)(s).n, (s).p

static inline struct str str_of(const void *p, size_t n) { return (struct str){ p, n }; }
static inline struct str str_c(const char *s) { return (struct str){ s, s ? strlen(s) : 0 }; }
static inline bool str_eq(struct str a, struct str b) { return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0); }
static inline bool str_starts(struct str s, struct str prefix) { return s.n >= prefix.n && memcmp(s.p, prefix.p, prefix.n) == 0; }
static inline struct str str_skip(struct str s, size_t n) { return n < s.n ? str_of(s.p + n, s.n - n) : str_of(NULL, 0); }

bool str_eq_nocase(struct str a, struct str b);         /* ASCII only */
struct str str_trim(struct str s);                      /* spaces and tabs off both ends */
/* Cuts *rest at the first separator: returns what stands before it, *rest becomes what follows ({NULL,0} at the end). */
struct str str_cut(struct str *rest, char separator);

/* The one way in for integers from outside: plain decimal digits only, min..max, else -EINVAL or -ERANGE. */
int str_to_u64(struct str s, uint64_t min, uint64_t max, uint64_t *out);
/* Decimal seconds ("1.5") to milliseconds; at most three decimals count. -EINVAL, -ERANGE. */
int str_to_ms(struct str s, int64_t max_ms, int64_t *out_ms);

/* Length of the valid sequence at p (n > 0 bytes are there): 1..4, or 0. Ranges: RFC 3629, section 4. */
size_t utf8_sequence(const char *p, size_t n);
bool utf8_valid(const char *p, size_t n);               /* RFC 3629: no overlong forms, no surrogates */

/* Percent-decodes into out (cap bytes, NUL added). Returns the length or -EINVAL (bad escape, NUL byte, too long).
 * plus_is_space: the rule of query strings (application/x-www-form-urlencoded). */
int url_decode(struct str in, bool plus_is_space, char *out, size_t cap);
/* The value of a key in a query string, decoded into out; -ENOENT when the key is absent, -EINVAL when malformed. */
int query_get(struct str query, const char *key, char *out, size_t cap);

/* A growing byte buffer. Once an append fails (max reached, no memory) `failed` stays true and later appends do
 * nothing, so a caller checks once at the end. */
struct buf {
	char *p;
	size_t n, cap, max;
	bool failed;
};

void buf_init(struct buf *b, size_t max_bytes);
void buf_free(struct buf *b);
void buf_clear(struct buf *b);                          /* keeps the memory */
bool buf_reserve(struct buf *b, size_t more);
void buf_add(struct buf *b, const void *p, size_t n);
void buf_adds(struct buf *b, struct str s);
void buf_addz(struct buf *b, const char *s);
void buf_addf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Adds s as a JSON string with its quotes. Control characters are escaped, invalid UTF-8 becomes U+FFFD. */
void buf_add_json(struct buf *b, struct str s);
static inline struct str buf_str(const struct buf *b) { return str_of(b->p, b->n); }

#endif
