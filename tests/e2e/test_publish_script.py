"""src/publish.lua in a real Redis: ids, order, one terminal a CV, progress that never goes back, honest batches."""
import json
import random
import re
import time
from pathlib import Path

import pytest
import redis

SCRIPT = Path(__file__).resolve().parents[2] / "src" / "publish.lua"
TERMINAL = {"completed", "failed", "cancelled"}


class Publisher:
    """Calls the script for one user, as any program would."""

    def __init__(self, client, prefix="user:42:"):
        self.client, self.prefix, self.user = client, prefix, prefix.split(":")[1].strip("{}")
        self.script = client.register_script(SCRIPT.read_text())

    def cv(self, cv, status, progress=0, attempt=1, batch="b", rest="", limits=()):
        args = [self.user, batch, cv, status, attempt, progress, rest, *limits]
        return self.script(keys=[self.prefix], args=args)

    def batch(self, what, number=0, batch="b"):
        return self.script(keys=[self.prefix], args=[self.user, batch, "", what, number])

    def frames(self):
        return [json.loads(fields["f"]) for _, fields in self.client.xrange(self.prefix + "history")]

    def cv_frames(self, cv):
        return [f for f in self.frames() if f.get("cv_id") == cv]

    def batch_frames(self, batch="b"):
        return [f for f in self.frames() if f["type"] == "batch_progress" and f["batch_id"] == batch]

    def last(self, batch="b"):
        return self.batch_frames(batch)[-1]


@pytest.fixture
def pub(server):
    server.flushall()
    return Publisher(server)


def id_pair(text):
    ms, seq = text.split("-")
    return int(ms), int(seq)


def check_chain(frames):
    """Ids grow, and each frame names the one before it."""
    before = "0-0"
    for frame in frames:
        assert frame["prev"] == before
        assert id_pair(frame["id"]) > id_pair(before)
        before = frame["id"]


def test_a_frame_begins_with_id_and_prev_and_keeps_the_rest_byte_for_byte(pub):
    rest = '"filename":"jané \\"x\\".pdf","pages":[],"score":0.10,"big":12345678901234567890,"o":{}'
    verdict, frame_id, progress = pub.cv("c1", "queued", 3, rest=rest)
    assert (verdict, progress) == ("ok", 3)
    entry_id, fields = pub.client.xrange("user:42:history")[0]
    assert entry_id == frame_id
    assert fields["f"].startswith('{"id":"%s","prev":"0-0","type":"cv_progress","ts":"' % frame_id)
    assert fields["f"].endswith("," + rest + "}")


def test_the_timestamp_is_the_time_of_the_id(pub):
    pub.cv("c1", "queued")
    frame = pub.frames()[0]
    ms = id_pair(frame["id"])[0]
    day = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1000))
    assert frame["ts"] == "%s.%03dZ" % (day, ms % 1000)


def test_history_and_channel_carry_the_same_frames_in_the_same_order(pub):
    listener = pub.client.pubsub()
    listener.subscribe("user:42:events")
    assert listener.get_message(timeout=5)["type"] == "subscribe"
    for status, progress in (("queued", 0), ("processing", 10), ("processing", 60), ("completed", 100)):
        pub.cv("c1", status, progress)
    history = [fields["f"] for _, fields in pub.client.xrange("user:42:history")]
    assert [listener.get_message(timeout=5)["data"] for _ in history] == history
    listener.close()


def test_a_lower_status_or_attempt_is_stale_and_leaves_no_trace(pub):
    pub.cv("c1", "processing", 20, attempt=2)
    before = pub.frames()
    assert pub.cv("c1", "queued", 20, attempt=2) == ["stale"]
    assert pub.cv("c1", "completed", 100, attempt=1) == ["stale"]
    assert pub.frames() == before


def test_a_second_terminal_is_a_duplicate(pub):
    pub.cv("c1", "processing", 20)
    assert pub.cv("c1", "failed", 20)[0] == "ok"
    for status in ("completed", "failed", "cancelled", "processing", "queued"):
        assert pub.cv("c1", status, 100) == ["duplicate"]
    assert [f["status"] for f in pub.cv_frames("c1")] == ["processing", "failed"]


def test_progress_is_raised_to_the_last_known_value_across_an_automatic_retry(pub):
    pub.cv("c1", "processing", 60)
    assert pub.cv("c1", "retrying", 0)[2] == 60
    assert pub.cv("c1", "processing", 5)[2] == 60
    assert pub.cv("c1", "processing", 5, attempt=2)[2] == 60
    assert pub.cv("c1", "failed", 0, attempt=2)[2] == 60


def test_completed_is_always_100_and_progress_stays_between_0_and_100(pub):
    assert pub.cv("c1", "processing", 250)[2] == 100
    assert pub.cv("c2", "processing", -5)[2] == 0
    assert pub.cv("c2", "processing", "33.9")[2] == 33
    assert pub.cv("c2", "completed", 40)[2] == 100


def test_a_persons_retry_reopens_the_cv_and_its_batch(pub):
    pub.batch("open", 2)
    for cv, end in (("c1", "completed"), ("c2", "failed")):
        pub.cv(cv, "queued")
        pub.cv(cv, "processing", 50)
        pub.cv(cv, end, 100)
    assert (pub.last()["status"], pub.last()["progress"]) == ("completed_with_errors", 100)
    assert pub.cv("c2", "queued", 0, attempt=2)[::2] == ["ok", 0]
    assert (pub.last()["status"], pub.last()["progress"], pub.last()["queued"]) == ("processing", 50, 1)
    pub.cv("c2", "processing", 50, attempt=2)
    pub.cv("c2", "completed", 100, attempt=2)
    assert (pub.last()["status"], pub.last()["progress"], pub.last()["failed"]) == ("completed", 100, 0)
    assert [f["status"] for f in pub.cv_frames("c2") if f["attempt"] == 2] == ["queued", "processing", "completed"]


def test_batch_progress_is_the_floor_of_the_mean_over_the_announced_total(pub):
    pub.batch("open", 3)
    assert pub.last()["status"] == "open"
    pub.cv("c1", "processing", 50)
    assert pub.last() | {"status": "processing", "total": 3, "processing": 1, "progress": 16} == pub.last()
    pub.cv("c2", "completed")
    assert pub.last()["progress"] == 50
    pub.cv("c3", "failed", 10)
    assert pub.last()["progress"] == 83


def test_a_batch_stays_at_99_until_it_is_closed(pub):
    pub.cv("c1", "completed")
    assert (pub.last()["progress"], pub.last()["status"]) == (99, "open")
    assert pub.batch("close")[0] == "ok"
    assert (pub.last()["progress"], pub.last()["status"]) == (100, "completed")
    assert pub.batch("close") == ["duplicate"]


def test_a_closed_batch_ends_with_its_last_cv_and_that_is_its_last_event(pub):
    pub.cv("c1", "completed")
    pub.cv("c2", "processing", 99)
    pub.batch("close")
    assert pub.last()["progress"] == 99
    pub.cv("c2", "completed")
    assert [f["type"] for f in pub.frames()][-2:] == ["cv_progress", "batch_progress"]
    assert (pub.last()["progress"], pub.last()["completed"]) == (100, 2)


def test_retrying_counts_as_queued(pub):
    pub.cv("c1", "processing", 10)
    pub.cv("c1", "retrying", 10)
    assert (pub.last()["queued"], pub.last()["processing"]) == (1, 0)


def test_a_new_cv_does_not_take_the_batch_back(pub):
    pub.cv("c1", "processing", 80)
    assert pub.last()["progress"] == 80
    pub.cv("c2", "queued")
    assert (pub.last()["progress"], pub.last()["total"]) == (80, 2)


def test_a_batch_frame_comes_only_when_a_status_or_the_whole_percent_moved(pub):
    pub.batch("open", 100)
    pub.cv("c1", "processing", 1)
    before = len(pub.batch_frames())
    pub.cv("c1", "processing", 60)
    assert len(pub.batch_frames()) == before
    pub.cv("c2", "processing", 50)
    assert pub.last()["progress"] == 1


def test_a_cancelled_batch_ends_when_its_cvs_do(pub):
    pub.cv("c1", "completed")
    pub.cv("c2", "queued")
    assert pub.batch("cancel")[0] == "ok"
    assert pub.last()["status"] == "processing"
    pub.cv("c2", "cancelled")
    assert (pub.last()["status"], pub.last()["cancelled"], pub.last()["progress"]) == ("cancelled", 1, 100)


def test_an_empty_batch_that_is_closed_is_over(pub):
    pub.batch("open")
    pub.batch("close")
    assert (pub.last()["status"], pub.last()["progress"], pub.last()["total"]) == ("completed", 100, 0)
    assert pub.batch("close", batch="other") == ["unknown"]


def test_an_idle_batch_is_closed_only_after_its_time_and_with_nothing_running(pub):
    pub.cv("c1", "processing", 10)
    assert pub.batch("idle", 0) == ["active"]
    pub.cv("c1", "completed")
    verdict, wait_ms = pub.batch("idle", 60000)
    assert verdict == "wait" and 0 < wait_ms <= 60000
    assert pub.batch("idle", 0)[0] == "ok"
    assert pub.last()["status"] == "completed"
    assert pub.batch("idle", 0) == ["duplicate"]


def test_a_late_cv_opens_an_ended_batch_again(pub):
    pub.batch("open", 1)
    pub.cv("c1", "completed")
    pub.cv("c2", "queued")
    assert (pub.last()["status"], pub.last()["total"], pub.last()["progress"]) == ("processing", 2, 50)
    pub.cv("c2", "completed")
    assert (pub.last()["status"], pub.last()["progress"]) == ("completed", 100)


def test_eta_appears_only_when_enough_cvs_of_a_known_number_have_ended(pub):
    pub.batch("open", 10)
    for n in range(3):
        pub.cv(f"c{n}", "processing", 1)
        assert "eta_ms" not in pub.last()
        pub.cv(f"c{n}", "completed")
    pub.cv("c3", "processing", 1)
    assert pub.last()["eta_ms"] >= 0
    for n in range(4):
        pub.cv(f"d{n}", "processing", 1, batch="open-ended")
        pub.cv(f"d{n}", "completed", batch="open-ended")
    assert all("eta_ms" not in f for f in pub.batch_frames("open-ended"))


def test_frames_of_before_an_erasure_are_dropped(pub):
    pub.client.set("user:42:erased", "1")
    assert pub.cv("old", "processing", 10) == ["erased"]
    assert pub.cv("old", "completed", 100) == ["erased"]
    assert pub.cv("new", "queued")[0] == "ok"
    assert pub.cv("new", "processing", 10)[0] == "ok"
    assert {f.get("cv_id") for f in pub.frames()} == {"new", None}


def test_an_id_is_never_used_twice_when_the_clock_stands_behind_history(pub):
    future = int(time.time() * 1000) + 3600_000
    pub.client.xadd("user:42:history", {"f": "{}"}, id=f"{future}-7")
    _, frame_id, _ = pub.cv("c1", "queued")
    assert frame_id == f"{future}-8"
    assert pub.frames()[1]["prev"] == f"{future}-7"


def test_an_id_is_never_used_twice_when_the_newest_entries_were_deleted(pub):
    future = int(time.time() * 1000) + 3600_000
    pub.client.xadd("user:42:history", {"f": "{}"}, id=f"{future}-7")
    pub.client.xdel("user:42:history", f"{future}-7")
    verdict, frame_id, _ = pub.cv("c1", "queued")
    assert (verdict, frame_id) == ("ok", f"{future}-8")
    check_chain(pub.frames())


def test_history_is_trimmed_and_expires(pub):
    for n in range(30):
        pub.cv("c1", "processing", n, limits=(10, 60, 120))
    assert pub.client.xlen("user:42:history") == 10
    assert 55 <= pub.client.ttl("user:42:history") <= 60
    for key in ("user:42:batches", "user:42:batch:b", "user:42:batch:b:cvs"):
        assert 115 <= pub.client.ttl(key) <= 120


def test_the_state_for_snapshots_is_the_newest_frame_of_each_cv_and_batch(pub):
    pub.cv("c1", "queued")
    pub.cv("c1", "processing", 30)
    pub.cv("c2", "queued")
    state = {cv: json.loads(frame) for cv, frame in pub.client.hgetall("user:42:batch:b:cvs").items()}
    assert state == {cv: pub.cv_frames(cv)[-1] for cv in ("c1", "c2")}
    assert json.loads(pub.client.hget("user:42:batch:b", "frame")) == pub.last()
    assert pub.client.zrange("user:42:batches", 0, -1) == ["b"]


def test_batches_past_their_retention_leave_the_list(pub):
    pub.client.zadd("user:42:batches", {"ancient": 1})
    pub.cv("c1", "queued")
    assert pub.client.zrange("user:42:batches", 0, -1) == ["b"]


def test_with_hash_tags_every_key_has_the_same_slot_and_nothing_else_is_touched(server):
    server.flushall()
    pub = Publisher(server, "user:{42}:")
    pub.cv("c1", "completed")
    assert pub.frames()[0]["user_id"] == "42"
    assert all(key.startswith("user:{42}:") for key in server.keys("*"))


@pytest.mark.parametrize("arguments", [
    ("42", "b", "c", "sleeping", 1, 0), ("42", "b", "c", "queued", "x", 0), ("42", "b", "c", "queued", 0, 0),
    ("42", "b", "c", "queued", 1, "x"), ("42", 'b"', "c", "queued", 1, 0), ("42", "b", "c/d", "queued", 1, 0),
    ("42", "b", "c" * 129, "queued", 1, 0), ("4 2", "b", "c", "queued", 1, 0), ("42", "b", "", "dance", 1, 0),
    ("42", "", "c", "queued", 1, 0), ("42", "b", "c", "queued", 1, 0, '"m":"' + "x" * 70000 + '"'),
    ("42", "b\n", "", "open", 1, 0),
])
def test_a_malformed_call_is_an_error_and_writes_nothing(server, arguments):
    server.flushall()
    if arguments[3] == "dance":
        Publisher(server).batch("open")
    before = {key: server.dump(key) for key in server.keys("*")}
    with pytest.raises(redis.ResponseError, match="cvpulse"):
        server.register_script(SCRIPT.read_text())(keys=["user:42:"], args=list(arguments))
    assert {key: server.dump(key) for key in server.keys("*")} == before


def random_calls(rng):
    """Two workers that both believe they own each CV, automatic and personal retries, in any order."""
    cvs = [f"c{n}" for n in range(rng.randint(1, 6))]
    for _ in range(rng.randint(20, 150)):
        status = rng.choice(["queued", "processing", "processing", "processing", "retrying", "completed", "failed",
                             "cancelled"])
        attempt = rng.choice([1, 1, 1, 1, 1, 1, 1, 2, 2, 3])
        yield rng.choice(cvs), status, rng.randint(0, 100), attempt


@pytest.mark.parametrize("seed", range(30))
def test_any_interleaving_keeps_the_promises(pub, seed):
    rng = random.Random(seed)
    total = rng.choice([0, 0, 3, 8])
    if total:
        pub.batch("open", total)
    for call in random_calls(rng):
        pub.cv(call[0], call[1], call[2], call[3], limits=(100000,))
        if rng.random() < 0.02:
            pub.batch("close")
    frames = pub.frames()
    check_chain(frames)
    state = {}
    batch_percent, may_restart = 0, False
    for frame in frames:
        if frame["type"] == "cv_progress":
            before = state.get(frame["cv_id"])
            if before and before["attempt"] == frame["attempt"]:
                assert before["status"] not in TERMINAL, "a frame after the terminal"
            if before:
                assert frame["attempt"] >= before["attempt"]
                if before["status"] not in TERMINAL:
                    assert frame["progress"] >= before["progress"]
            # A retry, or a CV that comes after the batch ended, starts the batch over.
            may_restart = bool(before and before["status"] in TERMINAL) or (not before and batch_percent == 100)
            state[frame["cv_id"]] = frame
            continue
        count = {name: sum(f["status"] == name for f in state.values())
                 for name in ("queued", "processing", "retrying", "completed", "failed", "cancelled")}
        assert frame["queued"] == count["queued"] + count["retrying"]
        for name in ("processing", "completed", "failed", "cancelled"):
            assert frame[name] == count[name]
        assert frame["total"] >= len(state)
        over = frame["status"] in ("completed", "completed_with_errors", "cancelled")
        assert (frame["progress"] == 100) == over
        assert not over or all(f["status"] in TERMINAL for f in state.values())
        if not may_restart:
            assert frame["progress"] >= batch_percent
            if not over:
                done = sum(100 if f["status"] in TERMINAL else f["progress"] for f in state.values())
                exact = min(99, done // frame["total"]) if frame["total"] else 0
                assert frame["progress"] == max(batch_percent, exact)
        batch_percent, may_restart = frame["progress"], False


def test_the_script_documents_every_answer():
    text = SCRIPT.read_text()
    head, body = text.split("local RANK", 1)
    answers = set(re.findall(r"return \{ '(\w+)'", body))
    assert answers == set(re.findall(r'\{ "(\w+)"', head))
