/* notifier/frame_scan.c, against the vectors of schema/vectors/frames.json and at its limits. */
#include "test.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "notifier/frame_scan.h"

static char *read_vectors(void)
{
	const char *directory = getenv("srcdir");
	char path[4096];
	struct buf text;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/schema/vectors/frames.json", directory ? directory : ".");
	f = fopen(path, "re");
	assert_non_null(f);
	buf_init(&text, 1 << 20);
	do {
		assert_true(buf_reserve(&text, 4096));
		n = fread(text.p + text.n, 1, 4095, f);
		text.n += n;
	} while (n);
	fclose(f);
	text.p[text.n] = '\0';
	return text.p;
}

/* frame: text, or frame_hex: bytes that JSON cannot carry */
static struct str frame_of(const cJSON *vector, char *room)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(vector, "frame"));
	const char *hex = cJSON_GetStringValue(cJSON_GetObjectItem(vector, "frame_hex"));
	size_t n = 0;

	if (text)
		return str_c(text);
	for (; hex[2 * n]; n++) {
		unsigned byte;

		assert_int_equal(sscanf(hex + 2 * n, "%2x", &byte), 1);
		room[n] = (char)byte;
	}
	return str_of(room, n);
}

static void check_text(const cJSON *expect, const char *field, struct str got)
{
	const char *wanted = cJSON_GetStringValue(cJSON_GetObjectItem(expect, field));

	if (wanted && !str_eq(got, str_c(wanted)))
		fail_msg("%s is \"" STR_FMT "\", not \"%s\"", field, STR_ARG(got), wanted);
}

static void check_id(const cJSON *expect, const char *field, struct stream_id got)
{
	char text[STREAM_ID_SIZE];

	stream_id_format(got, text);
	check_text(expect, field, str_c(text));
}

static void every_vector_is_met(void **state)
{
	char *text = read_vectors();
	cJSON *root = cJSON_Parse(text), *vector;

	assert_non_null(root);
	cJSON_ArrayForEach(vector, cJSON_GetObjectItem(root, "vectors")) {
		const cJSON *expect = cJSON_GetObjectItem(vector, "expect");
		bool accepted = cJSON_IsTrue(cJSON_GetObjectItem(expect, "accepted"));
		struct frame_info f;
		char room[256];
		int rc = frame_scan(frame_of(vector, room), &f);

		if ((rc == 0) != accepted)
			fail_msg("%s: frame_scan gives %d", cJSON_GetStringValue(cJSON_GetObjectItem(vector, "name")), rc);
		if (!accepted)
			continue;
		assert_int_equal(f.ours, cJSON_IsTrue(cJSON_GetObjectItem(expect, "ours")));
		check_id(expect, "id", f.id);
		check_id(expect, "prev", f.prev);
		check_text(expect, "type", f.type);
		check_text(expect, "cv_id", f.cv_id);
		check_text(expect, "batch_id", f.batch_id);
		check_text(expect, "status", f.status);
	}
	cJSON_Delete(root);
	free(text);
}

static int scan_nested(int depth)
{
	struct frame_info f;
	struct buf text;
	int rc;

	buf_init(&text, 4096);
	for (int i = 1; i < depth; i++)
		buf_addz(&text, i % 2 ? "{\"a\":" : "[");
	buf_addz(&text, depth % 2 ? "{}" : "[]");
	for (int i = depth - 1; i >= 1; i--)
		buf_addz(&text, i % 2 ? "}" : "]");
	rc = frame_scan(buf_str(&text), &f);
	buf_free(&text);
	return rc;
}

static void nesting_is_bounded(void **state)
{
	assert_int_equal(scan_nested(FRAME_DEPTH_MAX), 0);
	assert_int_equal(scan_nested(FRAME_DEPTH_MAX + 1), -EINVAL);
}

static void invalid_utf8_is_told_apart(void **state)
{
	struct frame_info f;

	assert_int_equal(frame_scan(STR("{\"a\":\"\xFF\"}"), &f), -EILSEQ);
}

static void every_beginning_of_a_frame_is_refused(void **state)
{
	struct str whole = STR("{\"id\":\"1-1\",\"prev\":\"0-0\",\"type\":\"x\",\"a\":[1.5e3,{\"b\":\"\\u00e9\xC3\xA9\"},true,null]}");
	struct frame_info f;

	for (size_t n = 0; n < whole.n; n++) {
		char *copy = malloc(n + 1); /* on the heap, so that a read past the end is seen */

		memcpy(copy, whole.p, n);
		assert_int_not_equal(frame_scan(str_of(copy, n), &f), 0);
		free(copy);
	}
	assert_int_equal(frame_scan(whole, &f), 0);
}

static void the_last_of_two_members_counts(void **state)
{
	struct frame_info f;

	assert_int_equal(frame_scan(STR("{\"type\":\"a\",\"type\":\"b\",\"cv_id\":\"c\",\"cv_id\":7}"), &f), 0);
	assert_str_equal(f.type, "b");
	assert_int_equal(f.cv_id.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_vector_is_met),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(invalid_utf8_is_told_apart),
		cmocka_unit_test(every_beginning_of_a_frame_is_refused),
		cmocka_unit_test(the_last_of_two_members_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
