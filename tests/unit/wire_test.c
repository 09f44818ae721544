/* worker/extract/wire.c: messages with descriptors, and frames that arrive in any pieces. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test.h"
#include "wire.h"

static void a_request_brings_its_descriptors(void **state)
{
	struct wire_message sent = { .kind = WIRE_RUN, .job = 7 }, got;
	int sockets[2], pipe_fds[2], fds[WIRE_FDS];
	char byte = 0;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets), 0);
	assert_int_equal(pipe(pipe_fds), 0);
	wire_text(sent.text, STR("jane.pdf"));
	assert_int_equal(wire_send(sockets[0], &sent, pipe_fds), 0);
	assert_int_equal(wire_receive(sockets[1], &got, fds), 1);
	assert_int_equal(got.job, 7);
	assert_string_equal(got.text, "jane.pdf");
	assert_int_equal(write(fds[WIRE_FD_PIPE], "x", 1), 1);
	assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
	assert_int_equal(byte, 'x');
	assert_true(fcntl(fds[WIRE_FD_FILE], F_GETFD) & FD_CLOEXEC);
	for (int i = 0; i < 2; i++)
		close(sockets[i]), close(pipe_fds[i]), close(fds[i]);
}

static void a_request_without_descriptors_is_refused(void **state)
{
	const struct wire_message sent = { .kind = WIRE_RUN };
	struct wire_message got;
	int sockets[2], fds[WIRE_FDS];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets), 0);
	assert_int_equal(wire_send(sockets[0], &sent, NULL), 0);
	assert_int_equal(wire_receive(sockets[1], &got, fds), -EPROTO);
	close(sockets[0]);
	assert_int_equal(wire_receive(sockets[1], &got, fds), 0);
	close(sockets[1]);
}

static void descriptors_of_a_refused_message_are_closed(void **state)
{
	const struct wire_message sent = { .kind = WIRE_KILL };
	struct wire_message got;
	int sockets[2], pipe_fds[2], fds[WIRE_FDS];
	char byte;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets), 0);
	assert_int_equal(pipe(pipe_fds), 0);
	assert_int_equal(wire_send(sockets[0], &sent, pipe_fds), 0);
	assert_int_equal(wire_receive(sockets[1], &got, fds), -EPROTO);
	close(pipe_fds[1]);
	assert_int_equal(read(pipe_fds[0], &byte, 1), 0); /* no writer is left */
	close(pipe_fds[0]), close(sockets[0]), close(sockets[1]);
}

static void a_long_name_keeps_its_ending(void **state)
{
	char name[2 * WIRE_TEXT_MAX], out[WIRE_TEXT_MAX];

	memset(name, 'a', sizeof(name));
	memcpy(name + sizeof(name) - 4, ".pdf", 4);
	wire_text(out, str_of(name, sizeof(name)));
	assert_int_equal(strlen(out), WIRE_TEXT_MAX - 1);
	assert_string_equal(out + WIRE_TEXT_MAX - 5, ".pdf");
}

static void frames_survive_any_splitting(void **state)
{
	static const char bytes[] = "\0\0\0\x03one\0\0\0\0\0\0\0\x05three";
	static const char *const expected[] = { "one", "", "three" };

	for (size_t step = 1; step < sizeof(bytes); step++) {
		struct frame_reader reader;
		size_t n = 0;

		frame_reader_init(&reader, 100);
		for (size_t at = 0; at < sizeof(bytes) - 1; at += step) {
			size_t left = sizeof(bytes) - 1 - at;
			struct str json;

			assert_int_equal(frame_feed(&reader, bytes + at, left < step ? left : step), 0);
			while (frame_next(&reader, &json) > 0)
				assert_true(str_eq(json, str_c(expected[n++])));
		}
		assert_int_equal(n, 3);
		frame_reader_free(&reader);
	}
}

static void output_beyond_the_cap_is_refused(void **state)
{
	struct frame_reader reader;
	struct str json;

	frame_reader_init(&reader, 16);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(frame_feed(&reader, "\0\0\0\x04true", 8), 0);
		assert_int_equal(frame_next(&reader, &json), 1);
	}
	assert_int_equal(frame_feed(&reader, "\0", 1), -EMSGSIZE); /* read frames count too */
	frame_reader_free(&reader);
}

static void a_frame_longer_than_the_cap_is_refused_by_its_head(void **state)
{
	struct frame_reader reader;
	struct str json;

	frame_reader_init(&reader, 16);
	assert_int_equal(frame_feed(&reader, "\xff\xff\xff\xff", 4), 0);
	assert_int_equal(frame_next(&reader, &json), -EMSGSIZE);
	frame_reader_free(&reader);
}

static void written_frames_are_read_back(void **state)
{
	struct frame_reader reader;
	struct str json;
	char bytes[64];
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(frame_write(fds[1], STR("{\"a\":1}")), 0);
	frame_reader_init(&reader, sizeof(bytes));
	assert_int_equal(frame_feed(&reader, bytes, (size_t)read(fds[0], bytes, sizeof(bytes))), 0);
	assert_int_equal(frame_next(&reader, &json), 1);
	assert_true(str_eq(json, STR("{\"a\":1}")));
	assert_int_equal(frame_next(&reader, &json), 0);
	frame_reader_free(&reader);
	close(fds[0]), close(fds[1]);
}

static void a_wait_status_stands_for_a_code(void **state)
{
	assert_int_equal(wire_outcome(0), ERR_NONE);
	assert_int_equal(wire_outcome(1 << 8), ERR_parser_crashed);
	assert_int_equal(wire_outcome(SIGXCPU), ERR_timeout);
	assert_int_equal(wire_outcome(SIGSEGV), ERR_parser_crashed);
	assert_int_equal(wire_outcome(SIGSYS), ERR_parser_crashed);
	assert_int_equal(wire_outcome(WIRE_NOT_STARTED), ERR_internal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_brings_its_descriptors),
		cmocka_unit_test(a_request_without_descriptors_is_refused),
		cmocka_unit_test(descriptors_of_a_refused_message_are_closed),
		cmocka_unit_test(a_long_name_keeps_its_ending),
		cmocka_unit_test(frames_survive_any_splitting),
		cmocka_unit_test(output_beyond_the_cap_is_refused),
		cmocka_unit_test(a_frame_longer_than_the_cap_is_refused_by_its_head),
		cmocka_unit_test(written_frames_are_read_back),
		cmocka_unit_test(a_wait_status_stands_for_a_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
