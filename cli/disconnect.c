/* cvpulse disconnect USER [CODE]: tells every notifier to close a user's connections (channel cvpulse:control). */
#include <inttypes.h>
#include <stdio.h>

#include "id.h"
#include "keys.h"
#include "session.h"

#define DEFAULT_CODE 4410

extern const struct command command_disconnect;

struct call {
	struct session session;
	bool done, failed;
};

static void on_published(void *ctx, const struct redisReply *reply)
{
	struct call *call = ctx;

	call->done = true;
	call->failed = reply_int(reply, 0) == 0;
	if (reply_kind(reply) != REPLY_INTEGER)
		complain(&command_disconnect, "Redis did not take the message");
	else if (call->failed)
		complain(&command_disconnect, "no notifier listens on this Redis, so nobody was disconnected");
	else
		printf("told %" PRId64 " notifier%s\n", reply_int(reply, 0), reply_int(reply, 0) == 1 ? "" : "s");
}

static const char *code_name(uint64_t code)
{
	switch (code) {
#define CLOSE_CODE(number, name, reconnects, sentence) case number: return #name;
#include "close_codes.def"
#undef CLOSE_CODE
	default:
		return NULL;
	}
}

static int disconnect_run(struct cli *cli, int argc, char **argv)
{
	struct call call = { 0 };
	uint64_t code = DEFAULT_CODE;
	char message[ID_MAX + 64];
	int n, rc;

	if (argc < 2 || argc > 3)
		return usage_error(&command_disconnect, "it takes a user and at most one close code");
	if (!id_valid(str_c(argv[1])))
		return usage_error(&command_disconnect, "\"%s\" is no user id: 1 to 128 characters of A-Za-z0-9._@|+~=-", argv[1]);
	if (argc == 3 && (str_to_u64(str_c(argv[2]), 1000, 4999, &code) < 0 || !code_name(code)))
		return usage_error(&command_disconnect, "\"%s\" is no close code of cvpulse; 4410 says signed out, 1012 come again", argv[2]);
	if (session_open(&call.session, &command_disconnect, &cli->cfg) < 0)
		return EXIT_FAILED;
	n = snprintf(message, sizeof(message), "{\"action\":\"disconnect\",\"user\":\"%s\",\"code\":%" PRIu64 "}", argv[1], code);
	rc = SESSION_ASK(&call.session, on_published, &call, STR("PUBLISH"), STR(KEY_CONTROL), str_of(message, (size_t)n));
	if (rc == 0)
		session_wait(&call.session, &call.done);
	session_close(&call.session);
	return rc < 0 || call.failed ? EXIT_FAILED : EXIT_GOOD;
}

const struct command command_disconnect = {
	.name = "disconnect",
	.synopsis = "disconnect USER [CODE]",
	.summary = "Close every connection of a user on all notifiers",
	.details = "\nCODE is the close code that the clients get: 4410 (signed out, they stay away) unless another is given.\n\n"
		   "  cvpulse disconnect 42\n",
	.run = disconnect_run,
};
