/* See rtf_tokens.h. The grammar: "Rich Text Format Specification 1.9.1", Conventions of an RTF reader. */
#include "rtf_tokens.h"

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One byte of text that is not the file's own. */
static void give_byte(struct rtf_token *token, char byte)
{
	token->kind = RTF_TEXT;
	token->byte = byte;
	token->text = str_of(&token->byte, 1);
}

static void give_word(struct rtf_token *token, struct str name)
{
	token->kind = RTF_WORD;
	token->text = name;
}

static void read_number(struct str *rest, struct rtf_token *token)
{
	bool minus = rest->n > 1 && rest->p[0] == '-' && is_digit(rest->p[1]);
	int64_t number = 0;

	if (minus)
		*rest = str_skip(*rest, 1);
	token->has_number = rest->n && is_digit(rest->p[0]);
	while (rest->n && is_digit(rest->p[0])) {
		if (number <= INT32_MAX)
			number = number * 10 + (rest->p[0] - '0');
		*rest = str_skip(*rest, 1);
	}
	if (number > INT32_MAX)
		number = INT32_MAX;
	token->number = (int32_t)(minus ? -number : number);
}

static void read_word(struct str *rest, struct rtf_token *token)
{
	size_t n = 0;

	while (n < rest->n && is_letter(rest->p[n]))
		n++;
	give_word(token, str_of(rest->p, n));
	*rest = str_skip(*rest, n);
	read_number(rest, token);
	if (rest->n && rest->p[0] == ' ')
		*rest = str_skip(*rest, 1);
	if (str_eq(token->text, STR("bin")) && token->number > 0)
		*rest = str_skip(*rest, (size_t)token->number);
}

/* What follows a backslash. */
static void read_control(struct str *rest, struct rtf_token *token)
{
	char c = rest->p[0];

	if (is_letter(c)) {
		read_word(rest, token);
		return;
	}
	*rest = str_skip(*rest, 1);
	if (c == '\'' && rest->n >= 2 && hex_digit(rest->p[0]) >= 0 && hex_digit(rest->p[1]) >= 0) {
		give_byte(token, (char)(hex_digit(rest->p[0]) * 16 + hex_digit(rest->p[1])));
		*rest = str_skip(*rest, 2);
	} else if (c == '\\' || c == '{' || c == '}') {
		give_byte(token, c);
	} else if (c == '\n' || c == '\r') {
		give_word(token, STR("par"));
	} else if (c == '\t') {
		give_word(token, STR("tab"));
	} else {
		give_byte(token, c);
		token->kind = RTF_SYMBOL;
	}
}

static bool is_plain(char c)
{
	return c != '\\' && c != '{' && c != '}' && c != '\n' && c != '\r' && c != '\t' && c != '\0';
}

static size_t plain_bytes(struct str rest)
{
	size_t n = 0;

	while (n < rest.n && is_plain(rest.p[n]))
		n++;
	return n;
}

void rtf_next(struct str *rest, struct rtf_token *token)
{
	size_t n;
	char c;

	*token = (struct rtf_token){ .kind = RTF_END };
	while (rest->n && (rest->p[0] == '\n' || rest->p[0] == '\r' || rest->p[0] == '\0'))
		*rest = str_skip(*rest, 1);
	n = plain_bytes(*rest);
	if (n) {
		token->kind = RTF_TEXT;
		token->text = str_of(rest->p, n);
		*rest = str_skip(*rest, n);
		return;
	}
	if (rest->n == 0)
		return;
	c = rest->p[0];
	*rest = str_skip(*rest, 1);
	if (c == '{')
		token->kind = RTF_OPEN;
	else if (c == '}')
		token->kind = RTF_CLOSE;
	else if (c == '\t')
		give_word(token, STR("tab"));
	else if (rest->n)
		read_control(rest, token);
}
