/* What the parser finds, before it is written as JSON, and the memory it stands in: one arena per document. */
#ifndef EXTRACT_PARSE_MODEL_H
#define EXTRACT_PARSE_MODEL_H

#include "parse_dates.h"
#include "parse_words.h"
#include "str.h"

/* Memory that is freed as a whole. After a failed allocation `failed` stays set and the result is thrown away. */
struct arena {
	struct arena_chunk *chunks;
	size_t used, max;       /* bytes taken so far, and the bound */
	bool failed;
};

void arena_init(struct arena *a, size_t max_bytes);
void arena_free(struct arena *a);
void *arena_take(struct arena *a, size_t bytes);        /* zeroed; NULL when failed */
/* a + separator + b; one of them alone when the other is empty. */
struct str arena_join(struct arena *a, struct str left, const char *separator, struct str right);

struct str_list {
	struct str *v;
	size_t n, cap;
};
void str_list_add(struct arena *a, struct str_list *list, struct str s);       /* empty ones are left out */

/* One thing of a list: a job, a study, a certificate, a project … Which fields are used depends on the section. */
struct entry {
	struct str name;        /* employer, institution, organisation, title of the thing */
	struct str position;    /* job title, kind of degree */
	struct str area;        /* subject of a study; issuer, awarder, publisher */
	struct str location, url, score, summary;
	struct period when;
	bool has_when;
	struct str_list highlights, keywords;
};
struct entry_list {
	struct entry *v;
	size_t n, cap;
};
struct entry *entry_list_add(struct arena *a, struct entry_list *list);         /* zeroed; NULL when failed */

struct skill {
	struct str name, level;
	struct str_list keywords;
};
struct skill_list {
	struct skill *v;
	size_t n, cap;
};
struct skill *skill_list_add(struct arena *a, struct skill_list *list);

struct pair {
	struct str name, value; /* language and fluency; network and user name */
	struct str url;
};
struct pair_list {
	struct pair *v;
	size_t n, cap;
};
void pair_list_add(struct arena *a, struct pair_list *list, struct str name, struct str value, struct str url);

struct place {
	struct str address, postal_code, city, region;
	char country[3];        /* ISO 3166, or "" */
};

struct resume {
	struct arena *arena;
	struct str name, label, email, phone, url, summary;
	char phone_e164[20];    /* with the country's code, where that is known and `phone` lacks it */
	struct place place;
	struct pair_list profiles, languages;
	struct entry_list work, education, volunteer, projects, certificates, awards, publications, references;
	struct skill_list skills, interests;
	int language;           /* enum text_language, -1 unknown */
	float name_confidence;  /* 0..1 */
};

#endif
