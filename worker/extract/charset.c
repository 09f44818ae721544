/* See charset.h. */
#include "charset.h"

#include <ctype.h>
#include <errno.h>
#include <iconv.h>
#include <uchardet/uchardet.h>

#define GUESS_BYTES (64u * 1024)
#define LABEL_BYTES_MAX 40

static const struct {
	const char *iconv_name, *labels;
} charsets[] = {
#define CHARSET(name, labels) { name, labels },
#include "charset.def"
#undef CHARSET
};
#define CHARSETS ((int)(sizeof(charsets) / sizeof(charsets[0])))
enum { CHARSET_UTF8, CHARSET_UTF16LE, CHARSET_UTF16BE, CHARSET_UTF32LE, CHARSET_UTF32BE, CHARSET_WINDOWS_1252 };

/* Opened once a process; 0: not yet, -1: this system has none. */
static iconv_t converters[CHARSETS];

static iconv_t converter(int charset)
{
	if (!converters[charset])
		converters[charset] = iconv_open("UTF-8", charsets[charset].iconv_name);
	return converters[charset];
}

void charset_warm(void)
{
	for (int i = 0; i < CHARSETS; i++)
		converter(i);
}

static int find_charset(struct str label)
{
	char key[LABEL_BYTES_MAX + 2];

	if (label.n == 0 || label.n > LABEL_BYTES_MAX || memchr(label.p, '|', label.n))
		return -1;
	for (size_t i = 0; i < label.n; i++)
		key[i] = (char)tolower((unsigned char)label.p[i]);
	key[label.n] = '|';
	key[label.n + 1] = '\0';
	for (int i = 0; i < CHARSETS; i++) {
		const char *at = strstr(charsets[i].labels, key);

		if (at && (at == charsets[i].labels || at[-1] == '|'))
			return i;
	}
	return -1;
}

static int from_byte_order_mark(struct str *in)
{
	static const struct {
		struct str mark;
		int charset;
	} marks[] = { /* longest first: UTF-32LE begins like UTF-16LE */
		{ { "\xFF\xFE\0\0", 4 }, CHARSET_UTF32LE }, { { "\0\0\xFE\xFF", 4 }, CHARSET_UTF32BE },
		{ { "\xEF\xBB\xBF", 3 }, CHARSET_UTF8 },    { { "\xFF\xFE", 2 }, CHARSET_UTF16LE },
		{ { "\xFE\xFF", 2 }, CHARSET_UTF16BE },
	};

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		if (!str_starts(*in, marks[i].mark))
			continue;
		*in = str_skip(*in, marks[i].mark.n);
		return marks[i].charset;
	}
	return -1;
}

/* UTF-16 without a mark: every other byte of western text is zero. */
static int from_zero_bytes(struct str in)
{
	size_t n = in.n < GUESS_BYTES ? in.n : GUESS_BYTES, zeros[2] = { 0, 0 };

	for (size_t i = 0; i < n; i++)
		zeros[i & 1] += in.p[i] == '\0';
	if (zeros[1] > n / 4 && zeros[0] <= n / 50)
		return CHARSET_UTF16LE;
	if (zeros[0] > n / 4 && zeros[1] <= n / 50)
		return CHARSET_UTF16BE;
	return -1;
}

/* Text that is UTF-8 but for a few broken bytes: other encodings hardly ever form valid sequences. */
static bool is_mostly_utf8(struct str in)
{
	size_t good = 0, bad = 0;

	while (in.n) {
		size_t len = 1;

		if ((unsigned char)in.p[0] >= 0x80) {
			for (len = 2; len <= 4 && len <= in.n && !utf8_valid(in.p, len); len++)
				;
			if (len > 4 || len > in.n)
				bad++, len = 1;
			else
				good++;
		}
		in = str_skip(in, len);
	}
	return bad == 0 || bad <= good / 2;
}

/* How the bytes above ASCII read in a charset: letters of western Europe count for it, other signs against it. */
static int count_likely(const int counts[256], int charset)
{
	static const char likely[] = "\u00E0\u00E1\u00E2\u00E3\u00E4\u00E5\u00E7\u00E8\u00E9\u00EA\u00EB\u00ED\u00EE\u00EF\u00F1\u00F3\u00F4\u00F5\u00F6\u00F8\u00FA\u00FB\u00FC"
		"\u00DF\u00C4\u00C5\u00C9\u00D6\u00D8\u00DC";
	int sum = 0;

	for (int c = 0x80; c < 256 && converter(charset) != (iconv_t)-1; c++) {
		char from[] = { (char)c }, to[8] = "", *in_p = from, *out_p = to;
		size_t left = 1, room = sizeof(to) - 1;

		if (!counts[c])
			continue;
		iconv(converter(charset), NULL, NULL, NULL, NULL);
		iconv(converter(charset), &in_p, &left, &out_p, &room);
		sum += to[0] && strstr(likely, to) ? counts[c] : -counts[c];
	}
	return sum;
}

/* uchardet does not know the western charsets of old Macintosh and DOS programs and takes them for others of one byte. */
static int without_mistake(struct str in, int guessed)
{
	static const char *const names[] = { "macintosh", "ibm850" };
	int counts[256] = { 0 }, all = 0, best = guessed, most;
	size_t n = in.n < GUESS_BYTES ? in.n : GUESS_BYTES;

	for (size_t i = 0; i < n; i++) {
		counts[(unsigned char)in.p[i]] += (unsigned char)in.p[i] >= 0x80;
		all += (unsigned char)in.p[i] >= 0x80;
	}
	most = count_likely(counts, guessed);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int charset = find_charset(str_c(names[i])), likely = count_likely(counts, charset);

		if (likely * 2 > all && likely > most)
			best = charset, most = likely;
	}
	return best;
}

static bool is_of_one_byte(int charset)
{
	return strncmp(charsets[charset].iconv_name, "WINDOWS-", 8) == 0 || strncmp(charsets[charset].iconv_name, "ISO-8859-", 9) == 0;
}

static int guess(struct str in)
{
	uchardet_t detector = uchardet_new();
	int charset = -1;

	if (uchardet_handle_data(detector, in.p, in.n < GUESS_BYTES ? in.n : GUESS_BYTES) == 0) {
		uchardet_data_end(detector);
		charset = find_charset(str_c(uchardet_get_charset(detector)));
	}
	uchardet_delete(detector);
	if (charset < 0)
		charset = CHARSET_WINDOWS_1252;
	return is_of_one_byte(charset) ? without_mistake(in, charset) : charset;
}

static int convert(iconv_t cd, struct str in, struct buf *out)
{
	char *from = (char *)(uintptr_t)in.p, *to;
	size_t left = in.n, room;

	iconv(cd, NULL, NULL, NULL, NULL);
	while (left) {
		size_t rc;

		if (!buf_reserve(out, left + left / 2 + 16))
			return -ENOMEM;
		to = out->p + out->n;
		room = out->cap - out->n;
		rc = iconv(cd, &from, &left, &to, &room);
		out->n = (size_t)(to - out->p);
		if (rc != (size_t)-1 || errno == E2BIG)
			continue;
		buf_addz(out, "\uFFFD");
		if (errno == EINVAL) /* half a letter at the end */
			break;
		from++;
		left--;
	}
	return out->failed ? -ENOMEM : 0;
}

static int add_utf8(struct str in, struct buf *out)
{
	while (in.n) {
		size_t good = 0, len;

		while (good < in.n) {
			for (len = 1; len <= 4 && good + len <= in.n && !utf8_valid(in.p + good, len); len++)
				;
			if (len > 4 || good + len > in.n)
				break;
			good += len;
		}
		buf_add(out, in.p, good);
		in = str_skip(in, good);
		if (in.n)
			buf_addz(out, "\uFFFD");
		in = str_skip(in, 1);
	}
	return out->failed ? -ENOMEM : 0;
}

int charset_from(struct str in, struct str label, struct buf *out)
{
	int charset = find_charset(label);

	if (charset < 0)
		charset = CHARSET_WINDOWS_1252;
	if (charset == CHARSET_UTF8 || converter(charset) == (iconv_t)-1)
		return add_utf8(in, out);
	return convert(converter(charset), in, out);
}

int charset_to_utf8(struct str in, struct str label, struct buf *out)
{
	int charset = from_byte_order_mark(&in);

	if (charset < 0)
		charset = from_zero_bytes(in);
	if (charset < 0 && utf8_valid(in.p, in.n))
		charset = CHARSET_UTF8;
	if (charset < 0)
		charset = find_charset(label);
	if (charset < 0)
		charset = is_mostly_utf8(in) ? CHARSET_UTF8 : guess(in);
	if (charset == CHARSET_UTF8 || converter(charset) == (iconv_t)-1)
		return add_utf8(in, out);
	return convert(converter(charset), in, out);
}
