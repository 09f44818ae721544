"""Nothing is missed, nothing comes twice, everything in order: whatever is cut between Redis and the reader."""
import contextlib
import json
import os
import random
import signal
import threading
import time

import pytest
import redis

from followers import FOLLOWERS, Publisher, history, order
from harness import BATCH_TERMINAL, PATIENCE, TERMINAL, wait_until

NO_LIMITS = {"connect_rate_per_ip": 0, "max_connections_per_user": 0}


def publish_until(enough, db, users, per_s, errors_allowed=False):
    """Events of several users in turn: CVs that move on and end."""
    publisher = Publisher(db)
    published = 0
    began = time.monotonic()
    while not enough.is_set():
        user = users[published % len(users)]
        step = published // len(users)
        cv, progress = f"c{step // 12}", step % 12 * 10
        try:
            publisher.cv(user, cv, "completed" if progress == 110 else "processing", min(progress, 99))
        except redis.RedisError:
            if not errors_allowed:
                raise
            time.sleep(0.05)
        published += 1
        ahead = published / per_s - (time.monotonic() - began)
        if ahead > 0:
            time.sleep(ahead)


@contextlib.contextmanager
def published(db, users, per_s, **how):
    """Events come as long as this lasts."""
    enough = threading.Event()
    publisher = threading.Thread(target=publish_until, args=(enough, db, users, per_s), kwargs=how)
    publisher.start()
    try:
        yield
    finally:
        enough.set()
        publisher.join()


def settled(db, followers):
    """Every follower has got the last event of its user."""
    return all(f.last_id == (history(db, f.user) or ["0-0"])[-1] for f in followers)


def replaced(db, follower):
    """Ids that a slow reader need not get: progress, not an end, of which a newer form came."""
    newest = {}
    for frame in follower.frames:
        newest[(frame["type"], frame.get("cv_id", frame["batch_id"]))] = order(frame["id"])
    progress = set()
    for id, fields in db.xrange(f"user:{follower.user}:history"):
        frame = json.loads(fields["f"])
        newer = newest.get((frame["type"], frame.get("cv_id", frame["batch_id"])), (0, 0)) > order(id)
        if newer and frame["status"] not in TERMINAL | BATCH_TERMINAL:
            progress.add(id)
    return progress


def judge(db, followers, exact=True):
    for f in followers:
        ids = [order(i) for i in f.ids]
        assert ids == sorted(set(ids)), f"user {f.user}: ids do not grow strictly"
        assert not [c for c in f.controls if c.get("type") == "resync"], f"user {f.user} was told to resync"
        kept = history(db, f.user)
        if exact:
            assert f.ids == kept, f"user {f.user}: {len(f.ids)} events came of {len(kept)}"
        else:
            missing = set(kept) - set(f.ids) - replaced(db, f)
            assert not missing, f"user {f.user}: {len(missing)} of {len(kept)} events did not come: {sorted(missing, key=order)[:3]}"


@pytest.mark.parametrize("transport", FOLLOWERS)
def test_random_disconnects_lose_nothing(make_stack, transport):
    stack = make_stack(without=("worker",), notifier=NO_LIMITS, redis={"history_length": 100000})
    users = [f"u{i}" for i in range(20)]
    followers = [FOLLOWERS[transport](stack, u) for u in users]
    with published(stack.db, users, 500 / PATIENCE):
        for _ in range(200):
            random.choice(followers).cut()
            time.sleep(0.03)
    wait_until(lambda: settled(stack.db, followers), 30, "some reader did not get the last event")
    for f in followers:
        f.end()
    judge(stack.db, followers)


def redis_killed(stack):
    time.sleep(1.2)  # a second is what appendfsync everysec may lose; the events of before are safe then
    stack.redis.kill()
    stack.redis.start()


def subscriptions_killed(stack):
    for _ in range(5):
        stack.db.client_kill_filter(_type="pubsub")
        time.sleep(0.3)


def redis_stopped(stack):
    os.kill(stack.redis.child.pid, signal.SIGSTOP)
    time.sleep(20)
    os.kill(stack.redis.child.pid, signal.SIGCONT)


def output_buffer_tiny(stack):
    stack.db.config_set("client-output-buffer-limit", "pubsub 4096 2048 1")
    pipe = stack.db.pipeline(transaction=False)
    publisher = Publisher(pipe)
    stack.db.script_load(publisher.call.script)
    for i in range(3000):
        publisher.cv("u0", f"big{i}", "queued", 0, rest=f'"message":"{"x" * 600}"')
    pipe.execute()
    stack.db.config_set("client-output-buffer-limit", "pubsub 33554432 8388608 60")


@pytest.mark.parametrize("trouble", [redis_killed, subscriptions_killed, redis_stopped, output_buffer_tiny], ids=lambda t: t.__name__)
def test_no_event_is_lost_when_redis_has_trouble(make_stack, trouble):
    stack = make_stack(without=("worker",), notifier=NO_LIMITS, redis={"history_length": 100000})
    users = [f"u{i}" for i in range(6)]
    followers = [cls(stack, u) for cls, u in zip([*FOLLOWERS.values()] * 2, users)]
    with published(stack.db, users, 200 / PATIENCE, errors_allowed=True):
        time.sleep(1)
        trouble(stack)
        time.sleep(3)
    wait_until(lambda: settled(stack.db, followers), 40, "some reader did not get the last event")
    for f in followers:
        f.end()
    judge(stack.db, followers, exact=False)


def rss_kib(process):
    with open(f"/proc/{process.child.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def test_a_reader_that_does_not_read_costs_bounded_memory(make_stack):
    """50,000 progress events for a reader that sleeps; afterwards it has every terminal, and the newest progress of the rest."""
    stack = make_stack(without=("worker",), notifier={**NO_LIMITS, "outbox_max_bytes": 262144}, redis={"history_length": 1000})
    follower = FOLLOWERS["websocket"](stack, "slow")
    wait_until(lambda: any(c.get("type") == "resumed" for c in follower.controls), 10)
    before = rss_kib(stack.notifier)
    hold = threading.Event()
    follower.loop.call_soon_threadsafe(hold.wait)
    pipe = stack.db.pipeline(transaction=False)
    publisher = Publisher(pipe, 1000)
    stack.db.script_load(publisher.call.script)
    for i in range(50000):
        publisher.cv("slow", f"c{i % 100}", "processing", i // 600, rest=f'"message":"{"y" * 200}"')
        if i % 2500 == 2499:
            pipe.execute()
    for i in range(60):
        publisher.cv("slow", f"c{i}", "completed", 100)
    pipe.execute()
    assert rss_kib(stack.notifier) - before < 16 * 1024 * PATIENCE
    hold.set()

    def seen():
        newest = {}
        for c in follower.controls:
            snapshot = c if c.get("type") == "snapshot" else {}
            newest.update({f["cv_id"]: f for f in snapshot.get("cvs", [])})
        for f in list(follower.frames):
            if f["type"] == "cv_progress" and order(f["id"]) > order(newest.get(f["cv_id"], {"id": "0-0"})["id"]):
                newest[f["cv_id"]] = f
        return newest

    def complete():
        newest = seen()
        return all(newest.get(f"c{i}", {}).get("status") == "completed" for i in range(60)) and \
            all(newest.get(f"c{i}", {}).get("progress") == 49999 // 600 for i in range(60, 100))
    wait_until(complete, 30, "terminals or the newest progress did not come")
    follower.end()
    ids = [order(i) for i in follower.ids]
    assert ids == sorted(set(ids))


def test_another_users_events_never_come(make_stack):
    stack = make_stack(without=("worker",), notifier=NO_LIMITS)
    users = ["a", "a.b", "a@b", "A", "aa", "user", "a|b"]
    followers = [cls(stack, u) for cls, u in zip([*FOLLOWERS.values()] * 3, users)]
    with published(stack.db, users, 200):
        time.sleep(2)
    wait_until(lambda: settled(stack.db, followers), 20)
    for f in followers:
        f.end()
        assert {frame["user_id"] for frame in f.frames} == {f.user}


def test_an_event_that_redis_sends_in_pieces_arrives_whole(make_stack):
    stack = make_stack(without=("worker",))
    stream = stack.ws("42")
    events = ['{"type":"x","text":"%s"}' % (str(i % 10) * n) for i, n in enumerate((100, 16000, 20000, 40000, 60000, 65000, 60000, 10))]
    for event in events:
        assert stack.db.publish("user:42:events", event) == 1
    stream.wait(lambda frames: len(frames) == 1 + len(events), 5, lambda: f"{len(stream.texts) - 1} of {len(events)} came")
    assert stream.texts[1:] == events
