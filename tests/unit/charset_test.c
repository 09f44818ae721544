/* worker/extract/charset.c: bytes of any encoding to UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "charset.h"

static void expect(struct str in, const char *label, const char *out)
{
	struct buf text;

	buf_init(&text, 1 << 20);
	assert_int_equal(charset_to_utf8(in, str_c(label), &text), 0);
	buf_add(&text, "", 1);
	assert_string_equal(text.p, out);
	buf_free(&text);
}
#define EXPECT(in, label, out) expect(STR(in), label, out)

static void a_byte_order_mark_decides(void **state)
{
	EXPECT("\xEF\xBB\xBFr\xC3\xA9", "windows-1252", "r\u00E9");
	EXPECT("\xFF\xFEr\0\xE9\0", "", "r\u00E9");
	EXPECT("\xFE\xFF\0r\0\xE9", "", "r\u00E9");
}

static void utf16_without_a_mark_is_seen_by_its_zeros(void **state)
{
	EXPECT("J\0o\0h\0n\0 \0R\0o\0e\0", "", "John Roe");
}

static void valid_utf8_wins_over_a_wrong_label(void **state)
{
	EXPECT("caf\xC3\xA9", "iso-8859-1", "caf\u00E9");
}

static void a_label_is_followed(void **state)
{
	EXPECT("\xCF\xF0\xE8\xE2\xE5\xF2", "Windows-1251", "\u041F\u0440\u0438\u0432\u0435\u0442");
}

static void letters_of_old_systems_are_known(void **state)
{
	EXPECT("Exp\x8Erience \x88 l'\x8Et\x8E, r\x8Fgle, No\x91l", "", "Exp\u00E9rience \u00E0 l'\u00E9t\u00E9, r\u00E8gle, No\u00EBl");
	EXPECT("Gesch\x84" "ftsf\x81hrer, M\x81nchen, S\x94hne", "", "Gesch\u00E4ftsf\u00FChrer, M\u00FCnchen, S\u00F6hne");
	EXPECT("Gesch\xE4" "ftsf\xFChrer, M\xFCnchen \x96 S\xF6hne", "", "Gesch\u00E4ftsf\u00FChrer, M\u00FCnchen \u2013 S\u00F6hne");
}

static void utf7_is_not_spoken(void **state)
{
	EXPECT("+ADw-script+AD4-", "utf-7", "+ADw-script+AD4-");
}

static void broken_utf8_stays_utf8(void **state)
{
	EXPECT("Jos\xC3\xA9 Garc\xC3\xAD" "a \xFF Mu\xC3\xB1oz", "", "Jos\u00E9 Garc\u00EDa \uFFFD Mu\u00F1oz");
}

static void half_a_letter_at_the_end_is_replaced(void **state)
{
	EXPECT("\xFF\xFE" "a\0b", "", "a\uFFFD");
}

static void an_empty_file_is_empty(void **state)
{
	expect(str_of("", 0), "", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_byte_order_mark_decides),
		cmocka_unit_test(utf16_without_a_mark_is_seen_by_its_zeros),
		cmocka_unit_test(valid_utf8_wins_over_a_wrong_label),
		cmocka_unit_test(a_label_is_followed),
		cmocka_unit_test(letters_of_old_systems_are_known),
		cmocka_unit_test(utf7_is_not_spoken),
		cmocka_unit_test(broken_utf8_stays_utf8),
		cmocka_unit_test(half_a_letter_at_the_end_is_replaced),
		cmocka_unit_test(an_empty_file_is_empty),
	};
	charset_warm();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
