/*
 * See parse_work.h. Job titles and employers are told apart by their words (tables); where those say nothing, by the
 * order in which the other entries of the same section have them, because people keep to one order.
 */
#include "parse_work.h"

#include "parse_place.h"
#include "parse_text.h"

#define HEAD_LINES_MAX 3
#define PIECES_MAX 8
#define TITLE_WORDS_MAX 6
#define TITLE_WORDS_FEW 4
#define LIST_WORDS_MIN 3

/* A head that has been taken apart: place out, the rest as pieces. */
struct pieces {
	struct str v[PIECES_MAX];
	int score[PIECES_MAX];  /* above 0: like a job title; below: like an employer */
	size_t n;
	struct str location;
	bool sure_location;
};

static int score_of(struct str s)
{
	int titles = words_count(WORD_TITLE, s), orgs = words_count(WORD_ORG, s);
	struct str last = text_last_word(s);

	if (words_find(WORD_LEGAL, last) >= 0 && last.n < s.n)
		orgs += 3;
	if (titles && orgs && words_find(WORD_TITLE, text_last_word(s)) >= 0 && !words_any(WORD_LEGAL, s))
		titles++;
	return titles - orgs;
}

static bool is_place(struct str s)
{
	struct place p;

	return words_find(WORD_REMOTE, s) >= 0 || (place_parse(s, &p) == 2 && !p.address.n && words_count(WORD_ORG, s) == 0 &&
		words_count(WORD_TITLE, s) == 0);
}

/* A piece of one to three words that no table knows may be a town. */
static bool may_be_town(struct str s)
{
	return s.n > 0 && s.n <= 40 && text_count_words(s) <= 3 && !text_has_digit(s) && words_count(WORD_TITLE, s) == 0 && words_count(WORD_ORG, s) == 0 &&
		words_find(WORD_LEGAL, text_last_word(s)) < 0 && s.p[s.n - 1] != '.';
}

static size_t last_comma(struct str s)
{
	for (size_t i = s.n; i > 0; i--) {
		if (s.p[i - 1] == ',')
			return i - 1;
		if (i >= 3 && (memcmp(s.p + i - 3, "\xEF\xBC\x8C", 3) == 0))
			return i - 3;
	}
	return SIZE_MAX;
}

static void add_piece(struct pieces *p, struct str s)
{
	s = text_strip(s, ",;:()|");
	if (s.n && p->n < PIECES_MAX) {
		p->score[p->n] = score_of(s);
		p->v[p->n++] = s;
	}
}

static void set_location(struct pieces *p, struct str s, bool sure)
{
	if (p->location.n && (p->sure_location || !sure))
		return;
	p->location = text_strip(s, "(),");
	p->sure_location = sure;
}

/* "Acme College" + "Lagos, Nigeria" written without a gap: a small letter meets a capital before a sure place. */
static size_t glued_place(struct str s)
{
	for (size_t i = 3; i + 4 < s.n; i++)
		if (s.p[i] >= 'A' && s.p[i] <= 'Z' && s.p[i - 1] >= 'a' && s.p[i - 1] <= 'z' && s.p[i + 1] >= 'a' && s.p[i + 1] <= 'z' &&
		    memchr(s.p + i, ',', s.n - i) && is_place(str_skip(s, i)))
			return i;
	return s.n;
}

/* "Studio Mistral (Rennes)" */
static struct str without_town_behind(struct pieces *p, struct str s)
{
	const char *open = s.n ? memrchr(s.p, '(', s.n) : NULL;
	struct str town;

	if (!open || open == s.p || s.p[s.n - 1] != ')' || p->location.n)
		return s;
	town = text_strip(str_of(open, (size_t)(s.p + s.n - open)), "()");
	if (words_find(WORD_CITY, town) < 0 && !is_place(town))
		return s;
	set_location(p, town, true);
	return text_strip(str_of(s.p, (size_t)(open - s.p)), ",");
}

static void take_fragment(struct pieces *p, struct str s)
{
	size_t tail = glued_place(s);

	if (tail == s.n && is_place(s)) {
		set_location(p, s, true);
		return;
	}
	if (tail == s.n)
		tail = place_tail(s);
	if (tail < s.n) {
		set_location(p, text_strip(str_skip(s, tail), ","), true);
		s = str_of(s.p, tail);
	}
	add_piece(p, without_town_behind(p, s));
}

static void replace_piece(struct pieces *p, size_t i, struct str left, struct str right)
{
	struct pieces old = *p;

	p->n = 0;
	for (size_t k = 0; k < old.n; k++) {
		if (k == i) {
			add_piece(p, left);
			add_piece(p, right);
		} else {
			add_piece(p, old.v[k]);
		}
	}
}

/* "Engineer at Acme", "Monteur bij Van Dam": where the joining word stands; SIZE_MAX: nowhere. "at" is also used for
 * other things, so that a job title must stand before it. */
static size_t joint_at(struct str s, size_t *skip)
{
	static const char *const joints[] = { " @ ", " bei ", " chez ", " presso ", " bij ", " w firmie ", " na empresa ", " at " };
	size_t n = sizeof(joints) / sizeof(joints[0]);

	for (size_t k = 0; k < n; k++) {
		size_t at = text_find(s, str_c(joints[k]));
		struct str left = str_of(s.p, at == SIZE_MAX ? 0 : at);

		if (at != SIZE_MAX && (words_any(WORD_TITLE, left) || (k + 1 < n && text_count_words(left) <= TITLE_WORDS_MAX))) {
			*skip = strlen(joints[k]);
			return at;
		}
	}
	return SIZE_MAX;
}

/* Where a piece that holds both the title and the employer is best cut: the comma with a title on one side and an
 * employer on the other. SIZE_MAX: nowhere. *skip: bytes of the mark. */
static size_t best_cut(struct str s, size_t *skip)
{
	size_t best = SIZE_MAX;
	int best_score = -100;

	for (size_t i = 0; i < s.n; i++) {
		size_t mark = s.p[i] == ',' ? 1 : i + 3 <= s.n && memcmp(s.p + i, "\xEF\xBC\x8C", 3) == 0 ? 3 : 0;
		struct str left, right;
		int score;

		if (!mark)
			continue;
		left = text_strip(str_of(s.p, i), ",");
		right = text_strip(str_skip(s, i + mark), ",");
		if (!left.n || !right.n || words_find(WORD_LEGAL, right) >= 0)
			continue;
		score = score_of(left) - score_of(right);
		score = score < 0 ? -score : score;
		if (score >= best_score) {      /* of equals the last: "Nurse, Intensive Care, General Hospital" */
			best = i;
			best_score = score;
			*skip = mark;
		}
	}
	return best;
}

/* The town after the employer: "Harrow Textiles plc, Manchester". */
static void cut_town(struct pieces *p, size_t i)
{
	size_t comma = last_comma(p->v[i]);
	struct str town;

	if (comma == SIZE_MAX || p->location.n)
		return;
	town = text_strip(str_skip(p->v[i], comma), ",");
	if (!may_be_town(town) || words_find(WORD_LEGAL, town) >= 0)
		return;
	set_location(p, town, false);
	p->v[i] = text_strip(str_of(p->v[i].p, comma), ",");
}


static void cut_joined(struct pieces *p)
{
	for (size_t i = 0; i < p->n; i++) {
		size_t skip = 0, cut = joint_at(p->v[i], &skip);

		if (cut != SIZE_MAX) {
			replace_piece(p, i, str_of(p->v[i].p, cut), str_skip(p->v[i], cut + skip));
			return;
		}
	}
}

/* Whether the cut has a title on one side and an employer on the other. */
static bool cuts_clearly(struct str s, size_t cut, size_t skip)
{
	int left = score_of(str_of(s.p, cut)), right = score_of(str_skip(s, cut + skip));

	return (left > 0 && right < 0) || (left < 0 && right > 0);
}

/* A piece behind title and employer that is neither: a town, or the first line of what was done. */
static bool may_follow(const struct pieces *p, size_t k, bool clear)
{
	return (may_be_town(p->v[k]) && !p->location.n) || (p->score[k] == 0 && (clear || text_length_words(p->v[k]) > TITLE_WORDS_FEW));
}

/* Title and employer in one piece with a comma, and at most a town or a line of text beside it. */
static void cut_combined(struct pieces *p)
{
	size_t skip = 1, cut;

	if (p->n < 1 || p->n > 2)
		return;
	cut = best_cut(p->v[0], &skip);
	if (cut == SIZE_MAX || (p->n == 2 && !may_follow(p, 1, cuts_clearly(p->v[0], cut, skip))))
		return;
	if (p->n == 2 && !p->location.n && may_be_town(p->v[1]))
		set_location(p, p->v[1], false);
	p->n = 1;
	replace_piece(p, 0, str_of(p->v[0].p, cut), str_skip(p->v[0], cut + skip));
}

static void pieces_of(const struct raw_entry *raw, struct pieces *p)
{
	*p = (struct pieces){ .n = 0 };
	for (size_t i = 0; i < raw->n_head; i++)
		take_fragment(p, raw->head[i].text);
	cut_joined(p);
	cut_combined(p);
}

/* +1: the title comes first in this entry, -1: the employer, 0: it cannot be told. */
static int order_of(const struct pieces *p)
{
	if (p->n < 2 || p->score[0] == p->score[1])
		return 0;
	return p->score[0] > p->score[1] ? 1 : -1;
}

static size_t pick_title(const struct pieces *p, int order)
{
	size_t best = 0;

	for (size_t i = 1; i < p->n; i++)
		if (p->score[i] > p->score[best])
			best = i;
	if (p->n > 1 && p->score[best] <= 0 && p->score[0] == p->score[1])
		return order >= 0 ? 0 : 1;
	/* Equal titles at both places: the usual order decides. */
	if (p->n > 1 && best == 0 && p->score[0] == p->score[1] && order < 0)
		return 1;
	return best;
}

static size_t pick_employer(const struct pieces *p, size_t title)
{
	size_t best = SIZE_MAX;

	for (size_t i = 0; i < p->n; i++)
		if (i != title && (best == SIZE_MAX || p->score[i] < p->score[best]))
			best = i;
	return best;
}

static void name_fields(struct pieces *p, int order, struct entry *e)
{
	size_t title, employer;

	if (p->n == 0)
		return;
	if (p->n == 1) {
		if (p->score[0] > 0) {
			e->position = p->v[0];
			return;
		}
		cut_town(p, 0);
		e->name = p->v[0];
		return;
	}
	title = pick_title(p, order);
	employer = pick_employer(p, title);
	cut_town(p, employer);
	e->position = p->v[title];
	e->name = p->v[employer];
	for (size_t i = 0; i < p->n && !p->location.n; i++)
		if (i != title && i != employer && may_be_town(p->v[i]))
			set_location(p, p->v[i], false);
}

static bool has_title(const struct pieces *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->score[i] > 0)
			return true;
	return false;
}

static bool shares(struct str whole, struct str part)
{
	return part.n && part.p >= whole.p && part.p < whole.p + whole.n;
}

/* A long head may end below the time: a first line of the body that is a job title, where the head has none. */
static void take_late_title(struct raw_entry *raw, struct pieces *p)
{
	const struct line *l = raw->body.n ? raw->body.v[0] : NULL;

	if (!l || has_title(p) || l->bullet || text_count_words(l->text) > TITLE_WORDS_MAX || score_of(l->text) <= 0)
		return;
	add_piece(p, l->text);
	raw->body.v++;
	raw->body.n--;
}

/* The first line of a list without marks, which was taken for the end of the head: it is neither title, employer nor
 * place, so that it goes back to the body. */
static void give_back_line(struct raw_entry *raw, const struct entry *e)
{
	const struct fragment *last = raw->n_head > 1 ? &raw->head[raw->n_head - 1] : NULL;
	struct period when;

	if (!last || last->line == raw->head[raw->n_head - 2].line || last->line == raw->first || last->line != raw->body.v[-1])
		return;
	if (!raw->has_when || period_find(last->line->text, &when) || text_length_words(last->text) < LIST_WORDS_MIN)
		return;
	if (shares(last->text, e->name) || shares(last->text, e->position) || shares(last->text, e->location))
		return;
	raw->body.v--;
	raw->body.n++;
}

/* A title alone under the entries of an employer is another post there. */
static void take_employer_above(size_t n_head, struct entry_list *list)
{
	struct entry *e = &list->v[list->n - 1], *above = list->n > 1 ? e - 1 : NULL;

	if (!above || e->name.n || !e->position.n || n_head != 1)
		return;
	e->name = above->name;
	if (!e->location.n)
		e->location = above->location;
}

void work_parse(const struct document *doc, struct arena *a, struct span lines, struct entry_list *out)
{
	struct raw_list raw = { NULL, 0, 0 };
	struct pieces *all;
	int order = 0;

	entries_split(a, lines, HEAD_LINES_MAX, &raw);
	all = arena_take(a, (raw.n ? raw.n : 1) * sizeof(*all));
	for (size_t i = 0; all && i < raw.n; i++) {
		pieces_of(&raw.v[i], &all[i]);
		take_late_title(&raw.v[i], &all[i]);
		order += order_of(&all[i]);
	}
	for (size_t i = 0; all && i < raw.n; i++) {
		struct entry *e = all[i].n || raw.v[i].body.n ? entry_list_add(a, out) : NULL;

		if (!e)
			continue;
		name_fields(&all[i], order, e);
		e->location = all[i].location;
		give_back_line(&raw.v[i], e);
		take_employer_above(raw.v[i].n_head, out);
		when_take(&raw.v[i], false, e);
		e->url = entry_link(doc, &raw.v[i]);
		body_take(a, raw.v[i].body, e);
	}
}
