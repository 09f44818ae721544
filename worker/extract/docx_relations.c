/* See docx_relations.h. */
#include "docx_relations.h"

#include <stdlib.h>

#include "xml.h"

#define RELATIONS_MAX 4000
#define URL_BYTES 2048

void relations_free(struct relations *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->all[i].target);
	free(r->all);
	*r = (struct relations){ 0 };
}

static bool kind_of_type(const char *type, enum relation_kind *kind)
{
	static const struct {
		const char *end;
		enum relation_kind kind;
	} kinds[] = {
		{ "/hyperlink", RELATION_HYPERLINK }, { "/header", RELATION_HEADER }, { "/footer", RELATION_FOOTER },
		{ "/styles", RELATION_STYLES }, { "/officeDocument", RELATION_DOCUMENT },
	};
	const char *end = strrchr(type, '/');

	for (size_t i = 0; end && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(end, kinds[i].end) != 0)
			continue;
		*kind = kinds[i].kind;
		return true;
	}
	return false;
}

static void add_relation(struct relations *r, struct xml *x)
{
	char type[256], target[URL_BYTES];
	struct relation relation;

	if (!xml_attribute(x, "Type", type, sizeof(type)) || !kind_of_type(type, &relation.kind) ||
	    !xml_attribute(x, "Target", target, sizeof(target)) || !xml_attribute(x, "Id", relation.id, sizeof(relation.id)))
		return;
	if (r->n == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 32;
		struct relation *more = r->n < RELATIONS_MAX ? reallocarray(r->all, cap, sizeof(*more)) : NULL;

		if (!more)
			return;
		r->all = more;
		r->cap = cap;
	}
	relation.target = strdup(target);
	if (relation.target)
		r->all[r->n++] = relation;
}

void relations_load(struct relations *r, struct package *p, const char *part)
{
	const char *slash = strrchr(part, '/'), *base = slash ? slash + 1 : part;
	struct buf name;
	struct xml *x = NULL;
	enum xml_event event;

	buf_init(&name, 2 * DOCX_PART_BYTES);
	buf_addf(&name, "%.*s_rels/%s.rels", (int)(base - part), part, base);
	buf_add(&name, "", 1);
	if (!name.failed)
		x = xml_open(p, name.p);
	while (x && (event = xml_next(x)) != XML_END)
		if (event == XML_START_ELEMENT && xml_is(x, "Relationship"))
			add_relation(r, x);
	xml_close(x);
	buf_free(&name);
}

const struct relation *relation_next(const struct relations *r, enum relation_kind kind, size_t *from)
{
	while (*from < r->n) {
		const struct relation *found = &r->all[(*from)++];

		if (found->kind == kind)
			return found;
	}
	return NULL;
}

const char *relation_url(const struct relations *r, const char *id)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->all[i].kind == RELATION_HYPERLINK && strcmp(r->all[i].id, id) == 0)
			return r->all[i].target;
	return "";
}

void relation_part(const char *beside, const char *target, char out[DOCX_PART_BYTES])
{
	const char *slash = strrchr(beside, '/');
	size_t folder = target[0] != '/' && slash ? (size_t)(slash + 1 - beside) : 0, n;

	target += target[0] == '/';
	n = strlen(target);
	if (folder + n >= DOCX_PART_BYTES)
		folder = n = 0;
	memcpy(out, beside, folder);
	memcpy(out + folder, target, n);
	out[folder + n] = '\0';
}
