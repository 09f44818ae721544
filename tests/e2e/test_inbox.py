"""{cvq}:inbox: what other programs hand over through Redis, in each language of docs/jobs.md."""
import re
import subprocess
import sys
import textwrap

import pytest

from harness import ROOT, wait_until
from hostile_server import hostile  # noqa: F401
from test_queue_scripts import Queue

INBOX, DEAD = "{cvq}:inbox", "{cvq}:inbox:dead"


@pytest.fixture
def make_inbox(make_stack, hostile):
    def make(**sections):
        worker = {"lease_s": 1, "sweep_s": 0.2, "retry_base_s": 0.05, **sections.pop("worker", {})}
        return make_stack(without=("notifier",), fetch={"allow": "127.0.0.1", "ports": hostile.port},
                          worker=worker, inbox={"poll_s": 0.02, **sections.pop("inbox", {})}, **sections)
    return make


def completed(stack, user):
    return [cv for batch in stack.db.zrange(f"user:{user}:batches", 0, -1)
            for cv, frame in stack.db.hgetall(f"user:{user}:batch:{batch}:cvs").items() if '"status":"completed"' in frame]


def empty(stack):
    """Nothing waits and nothing is under way."""
    return stack.db.xlen(INBOX) == 0 and all(group["pending"] == 0 for group in stack.db.xinfo_groups(INBOX))


def example(language):
    page = (ROOT / "docs" / "jobs.md").read_text()
    block = re.search(rf"### {language}\n\n((?:    .*\n|\n)+)", page).group(1)
    return textwrap.dedent(block)


def run_example(language, stack, hostile):
    code = example(language).replace("https://files.example.org/cv.pdf", hostile.url("good"))
    path = str(stack.folder / "redis.sock")
    if language == "redis-cli":
        argv = ["sh", "-c", code.replace("redis-cli", f"redis-cli -s {path}")]
    elif language == "Python":
        argv = [sys.executable, "-c", code.replace("redis.Redis()", f"redis.Redis(unix_socket_path={path!r})")]
    else:
        argv = ["node", "-e", code.replace("createClient()", f"createClient({{ socket: {{ path: {path!r} }} }})")]
    subprocess.run(argv, check=True, timeout=60, env={"PATH": "/usr/bin:/bin:/usr/local/bin", "NODE_PATH": "/usr/share/nodejs"})


def test_the_examples_of_the_guide_work(make_inbox, hostile):
    stack = make_inbox()
    for n, language in enumerate(("redis-cli", "Python", "Node"), 1):
        run_example(language, stack, hostile)
        wait_until(lambda: len(completed(stack, "42")) == n, 20, f"nothing came of the {language} example")
    assert stack.db.zrange("user:42:batches", 0, -1) == ["b1"]
    wait_until(lambda: empty(stack), 10)
    assert stack.db.exists(DEAD) == 0


def test_many_entries_each_make_one_cv(make_inbox, hostile):
    stack = make_inbox()
    with stack.db.pipeline() as pipe:
        for n in range(100):
            pipe.xadd(INBOX, {"user": "anna", "url": hostile.url("good"), "batch": "b", "filename": f"{n}.txt"})
        pipe.execute()
    wait_until(lambda: len(completed(stack, "anna")) == 100, 40)
    wait_until(lambda: empty(stack), 10)
    assert stack.db.hlen("user:anna:batch:b:cvs") == 100


@pytest.mark.parametrize("entry, reason", [
    ({"user": "a/b", "url": "http://x/"}, "user_id"), ({"url": "http://x/"}, "user_id"), ({"user": "anna"}, "url"),
    ({"user": "anna", "url": "x" * 3000}, "url"), ({"user": "anna", "url": "http://x/" + "\1" * 2000}, "url"), ({"user": "anna", "url": "http://x/", "batch": "../b"}, "batch_id"),
    ({"user": "anna", "url": "http://x/", "priority": "-1"}, "priority"), ({"x" * 3000: "y" * 100000}, "user_id")])
def test_what_cannot_be_understood_is_a_dead_letter(make_inbox, entry, reason):
    stack = make_inbox(inbox={"dead_max": 2})
    for _ in range(3):
        name = stack.db.xadd(INBOX, entry)
    wait_until(lambda: stack.db.exists(DEAD) and empty(stack), 10)
    letters = stack.db.xrange(DEAD)
    assert len(letters) == 2 and letters[-1][1]["entry"] == name and reason in letters[-1][1]["reason"]
    assert sum(len(k) + len(v) for k, v in letters[-1][1].items()) < 10000
    assert "xxx" not in stack.worker.output() and "a/b" not in stack.worker.output()


def test_a_bad_address_ends_by_an_event(make_inbox, hostile):
    stack = make_inbox()
    stack.db.xadd(INBOX, {"user": "anna", "url": "file:///etc/passwd", "batch": "b"})
    frame = wait_until(lambda: [f for f in stack.db.hvals("user:anna:batch:b:cvs") if '"status":"failed"' in f], 10)[0]
    assert '"code":"fetch_blocked"' in frame
    wait_until(lambda: empty(stack), 10)


def test_what_a_dead_worker_began_is_taken_over_and_makes_one_cv(make_inbox, hostile):
    stack = make_inbox()
    stack.db.xadd(INBOX, {"user": "anna", "url": hostile.url("good"), "batch": "b"})
    wait_until(lambda: len(completed(stack, "anna")) == 1, 10)
    stack.worker.stop()
    name = stack.db.xadd(INBOX, {"user": "anna", "url": hostile.url("good"), "batch": "b"})
    stack.db.xreadgroup("workers", "worker", {INBOX: ">"})  # taken, and never ended
    assert stack.db.xpending(INBOX, "workers")["pending"] == 1
    stack.worker.start()
    wait_until(lambda: empty(stack), 10)
    wait_until(lambda: len(completed(stack, "anna")) == 2, 10)
    # It died after the job was made and before the entry was ended: the same entry once more.
    stack.db.xadd(INBOX, {"user": "anna", "url": hostile.url("good"), "batch": "b", "idempotency_key": f"inbox:{name}"})
    wait_until(lambda: empty(stack), 10)
    assert stack.db.hlen("user:anna:batch:b:cvs") == 2


def test_a_full_queue_leaves_entries_where_they_are(make_inbox, hostile):
    stack = make_inbox(worker={"queue_max": 1, "lease_s": 1})
    stack.db.set("{cvq}:paused", 1)
    for n in range(3):
        stack.db.xadd(INBOX, {"user": "anna", "url": hostile.url("good"), "batch": "b"})
    wait_until(lambda: stack.db.exists("user:anna:batch:b:cvs"), 10)
    wait_until(lambda: stack.db.xlen(INBOX) == 2, 10)
    assert stack.db.exists(DEAD) == 0
    stack.db.delete("{cvq}:paused")
    wait_until(lambda: len(completed(stack, "anna")) == 3, 30, "what waited was not taken later")
    assert stack.db.exists(DEAD) == 0


def test_a_poison_entry_is_given_up(server):
    server.flushall()
    queue = Queue(server)
    name = server.xadd(INBOX, {"user": "anna", "url": "http://x/"})
    for n in range(3):
        entries = queue.run("inbox_take", 10, 0, 3, 10)
        assert [entry[0] for entry in entries] == [name], f"delivery {n + 1}"
    assert queue.run("inbox_take", 10, 0, 3, 10) == []
    assert server.xlen(INBOX) == 0 and server.xpending(INBOX, "workers")["pending"] == 0
    assert server.xrange(DEAD)[0][1] == {"entry": name, "reason": "taken too often", "user": "anna", "url": "http://x/"}


def test_an_entry_that_is_put_off_does_not_become_poison(server):
    server.flushall()
    queue = Queue(server)
    name = server.xadd(INBOX, {"user": "anna", "url": "http://x/"})
    for _ in range(10):
        assert len(queue.run("inbox_take", 10, 0, 3, 10)) == 1
        server.execute_command("XCLAIM", INBOX, "workers", "worker", 0, name, "IDLE", 0, "RETRYCOUNT", 0, "JUSTID")
    assert server.exists(DEAD) == 0


def test_only_so_many_are_taken_at_once(server):
    server.flushall()
    queue = Queue(server)
    for _ in range(5):
        server.xadd(INBOX, {"user": "anna", "url": "http://x/"})
    assert len(queue.run("inbox_take", 2, 60000, 3, 10)) == 2
    assert len(queue.run("inbox_take", 9, 60000, 3, 10)) == 3
    assert queue.run("inbox_take", 9, 60000, 3, 10) == []
