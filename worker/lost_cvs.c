/* See lost_cvs.h. */
#include "lost_cvs.h"

#include <errno.h>
#include <stdlib.h>

#include "accept.h"
#include "clock.h"
#include "id.h"
#include "json_member.h"
#include "keys.h"
#include "log.h"
#include "spool.h"
#include "vault.h"
#include "webhook_note.h"

#define PAGE "100"                      /* CVs that are read at once */
#define QUIET_LEASES 2                  /* silent for so many lease times: worth a look */

struct search {
	const struct pipeline_parts *parts;
	char user[ID_MAX + 1], batch[ID_MAX + 1];
	char cursor[24];
	int calls;
	void (*done)(void *ctx);
	void *ctx;
};

/* A CV that has been silent for long. */
struct suspect {
	struct search *search;
	char cv[ID_MAX + 1];
	int attempt;
	struct spool_record record;
};

static int next_page(struct search *s);

/* A page, or a suspect, is through. */
static void call_done(struct search *s)
{
	if (--s->calls > 0)
		return;
	if (s->cursor[0] && strcmp(s->cursor, "0") != 0 && next_page(s) == 0)
		return;
	s->done(s->ctx);
	free(s);
}

static void suspect_done(struct suspect *suspect)
{
	call_done(suspect->search);
	free(suspect);
}

static void on_ended(void *ctx, const struct publish_answer *answer)
{
	suspect_done(ctx);
}

static void on_accepted(void *ctx, const struct accept_result *result)
{
	suspect_done(ctx);
}

static int accept_again(struct suspect *suspect, const struct spool_record *rec)
{
	const struct pipeline_parts *parts = suspect->search->parts;
	const struct queue_job job = job_of_record(rec);

	LOG(WARNING, "lost_cv_accepted_again", LOG_TEXT("cv", suspect->cv));
	return accept_cv(parts->queue, parts->publisher, &job, true, on_accepted, suspect);
}

static int end_as_lost(struct suspect *suspect)
{
	const struct search *s = suspect->search;
	const struct cv_frame frame = {
		.user = str_c(s->user), .batch = str_c(s->batch), .cv = str_c(suspect->cv), .attempt = suspect->attempt,
		.status = CV_failed, .stage = STAGE_received, .error = ERR_worker_lost,
		.message = str_c(error_sentence(ERR_worker_lost)),
	};

	LOG(WARNING, "lost_cv_ended", LOG_TEXT("cv", suspect->cv));
	webhook_note(s->parts->queue, s->parts->cfg, &(struct webhook_cv){ frame.user, frame.batch, frame.cv, frame.attempt });
	return publish_cv(s->parts->publisher, &frame, on_ended, suspect);
}

static void on_may_come_back(void *ctx, int rc)
{
	struct suspect *suspect = ctx;

	if (rc == 0)
		rc = accept_again(suspect, &suspect->record);
	else if (rc == -ENOENT)
		rc = end_as_lost(suspect);
	if (rc < 0)
		suspect_done(suspect);
}

static int look_for_erasure(struct suspect *suspect, const struct spool_record *rec)
{
	suspect->record = *rec;
	return vault_may_come_back(suspect->search->parts->vault, str_c(rec->user), str_c(rec->cv), on_may_come_back, suspect);
}

/* While a vault is away it is not known: another turn of the sweep will see. */
static void on_record(void *ctx, int rc, const struct spool_record *rec)
{
	struct suspect *suspect = ctx;
	const struct pipeline_parts *parts = suspect->search->parts;

	if (rc == 0 && strcmp(rec->user, suspect->search->user) == 0)
		rc = parts->vault ? look_for_erasure(suspect, rec) : accept_again(suspect, rec);
	else if (rc != -EREMOTEIO && rc != -EIO && rc != -ECANCELED)
		rc = end_as_lost(suspect);
	if (rc < 0)
		suspect_done(suspect);
}

static void read_record(struct suspect *suspect)
{
	const struct pipeline_parts *parts = suspect->search->parts;
	struct spool_record rec;
	int rc;

	if (!parts->vault) {
		on_record(suspect, spool_record_read(parts->spool, str_c(suspect->cv), &rec), &rec);
		return;
	}
	rc = vault_read_record(parts->vault, str_c(suspect->cv), on_record, suspect);
	if (rc < 0)
		suspect_done(suspect);
}

static void on_found(void *ctx, enum queue_answer answer)
{
	struct suspect *suspect = ctx;

	if (answer == QUEUE_gone)
		read_record(suspect);
	else
		suspect_done(suspect);
}

static bool is_quiet(struct str frame, int64_t before_ms, int *attempt)
{
	struct str id = json_member(frame, "id"), status = json_member(frame, "status");
	struct stream_id published;
	uint64_t number;
	int known;

	if (id.n < 2 || status.n < 2 || stream_id_parse(str_of(id.p + 1, id.n - 2), &published) < 0 ||
	    str_to_u64(json_member(frame, "attempt"), 1, INT32_MAX, &number) < 0)
		return false;
	known = cv_status_by_name(str_of(status.p + 1, status.n - 2));
	*attempt = (int)number;
	return known >= 0 && !cv_status_terminal((enum cv_status)known) && (int64_t)published.ms < before_ms;
}

static void look_at(struct search *s, struct str cv, struct str frame)
{
	int64_t before_ms = clock_wall_ms() - QUIET_LEASES * s->parts->cfg->worker_lease_ms;
	struct suspect *suspect;
	int attempt;

	if (cv.n > ID_MAX || !is_quiet(frame, before_ms, &attempt))
		return;
	suspect = calloc(1, sizeof(*suspect));
	if (!suspect)
		return;
	suspect->search = s;
	suspect->attempt = attempt;
	memcpy(suspect->cv, cv.p, cv.n);
	s->calls++;
	if (queue_find(s->parts->queue, str_c(s->user), cv, on_found, suspect) < 0)
		suspect_done(suspect);
}

static void on_page(void *ctx, const struct redisReply *reply)
{
	struct search *s = ctx;
	struct str cursor = reply_str(reply_at(reply, 0));
	const struct redisReply *page = reply_at(reply, 1);

	s->cursor[0] = '\0';
	if (cursor.n && cursor.n < sizeof(s->cursor)) {
		memcpy(s->cursor, cursor.p, cursor.n);
		s->cursor[cursor.n] = '\0';
	}
	for (size_t i = 0; i + 1 < reply_count(page); i += 2)
		look_at(s, reply_str(reply_at(page, i)), reply_str(reply_at(page, i + 1)));
	call_done(s);
}

static int next_page(struct search *s)
{
	char key[KEY_SIZE];
	int rc = REDIS_COMMAND(s->parts->redis, on_page, s, STR("HSCAN"),
		key_batch(key, s->parts->cfg->redis_key_form, str_c(s->user), str_c(s->batch), ":cvs"), str_c(s->cursor),
		STR("COUNT"), STR(PAGE));

	if (rc == 0)
		s->calls++;
	return rc;
}

int lost_cvs_find(const struct pipeline_parts *parts, struct str user, struct str batch, void (*done)(void *ctx), void *ctx)
{
	struct search *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return -ENOMEM;
	s->parts = parts;
	s->done = done;
	s->ctx = ctx;
	memcpy(s->user, user.p, user.n);
	memcpy(s->batch, batch.p, batch.n);
	s->cursor[0] = '0';
	rc = next_page(s);
	if (rc < 0)
		free(s);
	return rc;
}
