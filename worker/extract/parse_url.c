/* See parse_url.h. */
#include "parse_url.h"

#include "parse_text.h"

#define URL_BYTES_MAX 2000
#define PROFILES_MAX 24

/* RFC 3986 allows ASCII only, without spaces, quotes and the like. */
static bool is_clean(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || (unsigned char)s.p[i] >= 0x7F || strchr("\"<>\\^`{|}", s.p[i]))
			return false;
	return true;
}

static struct str without_scheme(struct str url)
{
	if (str_starts(url, STR("https://")))
		url = str_skip(url, 8);
	else if (str_starts(url, STR("http://")))
		url = str_skip(url, 7);
	if (url.n > 4 && str_eq_nocase(str_of(url.p, 4), STR("www.")))
		url = str_skip(url, 4);
	return url;
}

static bool has_scheme(struct str s)
{
	return str_starts(s, STR("http://")) || str_starts(s, STR("https://"));
}

bool url_is_clean(struct str url)
{
	return url.n <= URL_BYTES_MAX && has_scheme(url) && is_clean(url);
}

bool url_is_bare(struct str s)
{
	size_t host = 0, dot = 0, letters = 0;

	if (has_scheme(s))
		return true;
	if (s.n > 4 && str_eq_nocase(str_of(s.p, 4), STR("www.")))
		s = str_skip(s, 4);
	for (; host < s.n && s.p[host] != '/' && s.p[host] != '?'; host++) {
		char c = s.p[host];

		if (c == '.')
			dot = host;
		else if (c == '-' || text_is_digit((unsigned char)c))
			continue;
		else if (c < 'a' || c > 'z')
			return false;
		letters++;
	}
	if (dot < 2 || host - dot < 3 || host - dot > 16 || letters < 4)
		return false;
	for (size_t i = dot + 1; i < host; i++)
		if (s.p[i] < 'a' || s.p[i] > 'z')
			return false;
	return is_clean(s);
}

static struct str with_scheme(struct resume *r, struct str url)
{
	return has_scheme(url) ? url : arena_join(r->arena, STR("https://"), "", url);
}

static void add_profile(struct resume *r, const char *network, struct str user, struct str url)
{
	for (size_t i = 0; i < r->profiles.n; i++)
		if (str_eq(r->profiles.v[i].name, str_c(network)) && str_eq_nocase(r->profiles.v[i].value, user))
			return;
	if (r->profiles.n < PROFILES_MAX)
		pair_list_add(r->arena, &r->profiles, str_c(network), user, url);
}

static bool is_user_name(struct str s)
{
	return s.n >= 2 && s.n <= 80 && text_count_words(s) == 1 && is_clean(s) && !memchr(s.p, '@', s.n) && !memchr(s.p, '/', s.n) &&
		!memchr(s.p, ':', s.n) && !memchr(s.p, ',', s.n) && !memchr(s.p, '(', s.n);
}

/* The user's name in what follows the host: up to the next slash or query. */
static struct str user_in_path(struct str path)
{
	size_t n = 0;

	if (path.n && path.p[0] == '@')
		path = str_skip(path, 1);
	while (n < path.n && path.p[n] != '/' && path.p[n] != '?' && path.p[n] != '#')
		n++;
	return str_of(path.p, n);
}

/* Sites that show pictures or documents, not the person. */
static bool is_foreign(struct str address)
{
	static const char *const hosts[] = { "gravatar.com", "fonts.googleapis.com", "schema.org", "w3.org", "maps.google.com", "wa.me" };

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		if (str_starts(address, str_c(hosts[i])))
			return true;
	return false;
}

void url_take(struct str url, bool own_site, struct resume *r)
{
	struct str address, path;
	const struct network *network;

	if (url.n > URL_BYTES_MAX || !is_clean(url) || !url_is_bare(url))
		return;
	while (url.n && (url.p[url.n - 1] == ',' || url.p[url.n - 1] == '.' || url.p[url.n - 1] == ')' || url.p[url.n - 1] == ';'))
		url.n--;
	address = without_scheme(url);
	network = network_of_address(address, &path);
	if (network && is_user_name(user_in_path(path)))
		add_profile(r, network->name, user_in_path(path), with_scheme(r, url));
	else if (!network && own_site && !r->url.n && address.n > 3 && !is_foreign(address))
		r->url = with_scheme(r, url);
}

/* "jane (GitHub)", "GitHub: jane", "GitHub jane": without an address, so it is made from the network's. */
static void profile_from_words(struct str part, struct resume *r)
{
	struct str rest = part, left = text_strip(str_cut(&rest, rest.n && memchr(rest.p, ':', rest.n) ? ':' : ' '), ":("), user = text_strip(rest, ":()@");
	const struct network *network = network_of_word(left);
	struct str url;

	if (!network || text_count_letters(left) < 2) {
		network = network_of_word(text_strip(rest, "()"));
		user = left;
	}
	if (!network || !is_user_name(user) || network_of_word(user) || (user.n && url_is_bare(user)))
		return;
	url = arena_join(r->arena, STR("https://"), "", str_c(network->host));
	url = arena_join(r->arena, url, "/", arena_join(r->arena, str_c(network->path), "", user));
	add_profile(r, network->name, user, url);
}

void urls_from_text(struct str text, bool own_site, struct resume *r)
{
	struct str parts = text, words = text;

	while (words.n) {
		struct str word = text_strip(str_cut(&words, ' '), ",;|()<>[]*");

		if (word.n > 3 && !memchr(word.p, '@', word.n < 40 ? word.n : 40) && url_is_bare(word))
			url_take(word, own_site, r);
		else if (has_scheme(word))
			url_take(word, own_site, r);
	}
	while (parts.p) {
		struct str part = text_segment(&parts, false);

		if (text_count_words(part) == 2 && part.n < 100)
			profile_from_words(part, r);
	}
}
