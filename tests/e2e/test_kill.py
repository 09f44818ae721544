"""kill -9 of each daemon in the middle of 60 files: what was accepted comes to its end, each CV exactly once."""
import json

import pytest

from harness import Journey, Stream, ended, wait_until
from test_journey import text_cv

FILES = 60
LEASE_S = 2


@pytest.fixture
def busy(make_stack):
    """60 files accepted, some of them done, most not."""
    stack = make_stack(worker={"lease_s": LEASE_S, "slots": 1}, redis={"reconnect_max_s": 0.5})
    stack.stream = stack.ws("anna", "snapshot=1")
    stack.accepted = [cv["cv_id"] for cv in stack.submit("anna", [text_cv(n) for n in range(FILES)])["cvs"]]
    stack.stream.wait(lambda frames: len(ended(frames)) >= 5, 30)
    return stack


def wait_completed(stack):
    """Asks for one CV at a time: nginx answers 429 to whoever asks for 60 of them again and again without a pause."""
    for cv in stack.accepted:
        wait_until(lambda: stack.request("GET", f"/cvs/{cv}", "anna").json().get("status") == "completed", 90, f"{cv} does not end")


def history(stack):
    """The user's events as Redis kept them."""
    return [json.loads(fields["f"]) for _, fields in stack.db.xrange("user:anna:history")]


def assert_each_ended_once(stack, frames):
    journey = Journey(frames).check()
    assert set(journey.cvs) == set(stack.accepted)
    assert {f["status"] for f in journey.ends().values()} == {"completed"}
    last = journey.frames[-1]
    assert (last["type"], last["status"], last["progress"], last["completed"]) == ("batch_progress", "completed", 100, FILES)


def test_of_the_worker(busy):
    busy.worker.kill()
    assert len(ended(busy.stream.frames)) < FILES, "it was done already: this shows nothing"
    busy.worker.start()
    busy.stream.wait(lambda frames: len(ended(frames)) == FILES, 60)
    wait_completed(busy)
    busy.stream.wait(lambda frames: frames[-1].get("progress") == 100 and frames[-1]["type"] == "batch_progress", 30)
    assert_each_ended_once(busy, busy.stream.frames)


def test_of_the_notifier(busy):
    last = busy.stream.frames[-1]["id"]
    seen = [f for f in busy.stream.frames if "id" in f]
    busy.notifier.kill()
    assert busy.stream.closed.wait(10)
    busy.notifier.start()
    again = busy.ws("anna", f"after_id={last}")
    again.wait(lambda frames: len(ended(seen + frames)) == FILES, 60)
    again.wait(lambda frames: any(f.get("status") == "completed" and f["type"] == "batch_progress" for f in frames), 30)
    late = [f for f in busy.stream.frames if "id" in f][len(seen):]
    replayed = [f for f in again.frames if "id" in f]
    overlap = {f["id"] for f in late} & {f["id"] for f in replayed}
    assert_each_ended_once(busy, seen + [f for f in late if f["id"] not in overlap] + replayed)


def test_of_redis(busy):
    busy.redis.kill()
    assert len(ended(busy.stream.frames)) < FILES, "it was done already: this shows nothing"
    busy.redis.start()
    wait_completed(busy)
    busy.stream.wait(lambda frames: len(ended(frames)) == FILES, 30)
    ends = [f["cv_id"] for f in history(busy) if f["type"] == "cv_progress" and f["status"] == "completed"]
    assert sorted(ends) == sorted(busy.accepted)


def test_of_everything_at_once(busy):
    for process in (busy.worker, busy.notifier, busy.redis):
        process.kill()
    for process in (busy.redis, busy.notifier, busy.worker):
        process.start()
    wait_completed(busy)
    stream = Stream(busy.ws_url("anna", "snapshot=1"))
    busy.streams.append(stream)
    snapshot = stream.connected().wait(lambda frames: [f for f in frames if f["type"] == "snapshot"])[0]
    assert {cv["cv_id"] for cv in snapshot["cvs"]} == set(busy.accepted)
    assert {cv["status"] for cv in snapshot["cvs"]} == {"completed"}
    ends = [f["cv_id"] for f in history(busy) if f["type"] == "cv_progress" and f["status"] == "completed"]
    assert sorted(ends) == sorted(busy.accepted)
