/* See sign_in.h. */
#include "sign_in.h"

#include "clock.h"
#include "jwks.h"
#include "log.h"

static struct auth_judgement judge(struct call *call)
{
	struct auth_credentials credentials = auth_credentials_of(call->request);

	return auth_judge(call->worker->auth, &credentials, clock_wall_ms() / 1000);
}

static void finish(struct call *call, const struct auth_judgement *judgement)
{
	if (judgement->verdict == AUTH_ok) {
		call->who = judgement->who;
		call->signed_in(call);
		return;
	}
	auth_count_refusal(judgement);
	LOG(INFO, "auth_failed", LOG_TEXT("reason", auth_reason(judgement)));
	if (auth_verdict_status(judgement->verdict) == 401)
		call_header(call, "WWW-Authenticate", STR("Bearer"));
	call_problem(call, auth_verdict_status(judgement->verdict), auth_reason(judgement), auth_sentence(judgement));
}

static void on_keys(void *ctx, bool fetched)
{
	struct call *call = ctx;
	struct auth_judgement judgement = judge(call);

	call->waits_for_keys = false;
	call_hold(call);
	finish(call, &judgement);
	call_resume(call);
	call_release(call);
}

void sign_in(struct call *call, void (*then)(struct call *call))
{
	struct auth_judgement judgement = judge(call);
	struct jwks *jwks = call->worker->jwks;

	call->signed_in = then;
	if (!jwks || judgement.verdict != AUTH_token_refused || judgement.token != JWT_unknown_key) {
		finish(call, &judgement);
		return;
	}
	call_pause(call);
	call->waits_for_keys = true;
	jwks_refresh(jwks, on_keys, call);
}

void sign_in_forget(struct call *call)
{
	if (call->waits_for_keys)
		jwks_forget(call->worker->jwks, call);
	call->waits_for_keys = false;
}
