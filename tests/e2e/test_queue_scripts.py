"""worker/queue/*.lua in a real Redis: fairness, leases, retries, dead letters, limits, and that no job is ever lost."""
import random
import time
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "worker" / "queue"
LEASE_MS = 30000


class Queue:
    def __init__(self, client):
        self.client = client
        common = (FOLDER / "common.lua").read_text()
        self.scripts = {path.stem: client.register_script(common + path.read_text())
                        for path in FOLDER.glob("*.lua") if path.stem != "common"}
        self.tokens = 0

    def run(self, name, *args):
        return self.scripts[name](keys=["{cvq}:"], args=args)

    def push(self, cv, user="u", batch="b", lane="text", priority=4, attempt=1, hold=0, queue_max=0, user_max=0, idem=""):
        return self.run("push", user, batch, cv, lane, priority, attempt, hold, queue_max, user_max, idem, 60, 60000,
                        "filename", cv + ".pdf")

    def add(self, cv, **options):
        answer = self.push(cv, hold=60000, **options)
        if answer == ["ok"]:
            self.run("start", options.get("user", "u") + "/" + cv)
        return answer

    def lease(self, worker="w1", ms=LEASE_MS, lane="text"):
        self.tokens += 1
        return fields(self.run("lease", lane, worker, f"t{self.tokens}", ms))

    def reap(self, dead="", worker="reaper", limit=100, ms=LEASE_MS):
        self.tokens += 1
        return [fields(job) for job in self.run("reap", worker, f"t{self.tokens}", ms, limit, dead)]

    def stats(self):
        names = ("waiting", "running", "delayed", "dead", "wait_ms", "oldest_ms", "expired", "done", "paused", "draining")
        return dict(zip(names, self.run("stats")))

    def expire_leases(self):
        for job in self.client.zrange("{cvq}:leases", 0, -1):
            self.client.zadd("{cvq}:leases", {job: 1})

    def end_delays(self):
        for job in self.client.zrange("{cvq}:delayed", 0, -1):
            self.client.zadd("{cvq}:delayed", {job: 1})


def fields(flat):
    if not flat:
        return None
    return {"job": flat[0]} | dict(zip(flat[1::2], flat[2::2]))


@pytest.fixture
def queue(server):
    server.flushall()
    return Queue(server)


def test_a_job_comes_out_with_everything_that_went_in(queue):
    queue.add("c1", batch="b7", attempt=3)
    job = queue.lease()
    assert job["job"] == "u/c1"
    assert job | {"user": "u", "batch": "b7", "cv": "c1", "filename": "c1.pdf", "attempt": "3", "tries": "1",
                  "state": "leased", "worker": "w1"} == job
    assert queue.lease() is None


def test_users_take_turns(queue):
    for n in range(300):
        queue.add(f"a{n}", user="alice")
    for n in range(3):
        queue.add(f"b{n}", user="bob")
    served = [queue.lease()["user"] for _ in range(8)]
    assert served.count("bob") == 3
    assert queue.stats()["waiting"] == 295


def test_within_a_user_priority_goes_first_then_age(queue):
    for cv, priority in (("low", 1), ("old", 4), ("young", 4), ("urgent", 9)):
        queue.add(cv, priority=priority)
    assert [queue.lease()["cv"] for _ in range(4)] == ["urgent", "old", "young", "low"]


def test_lanes_do_not_mix(queue):
    queue.add("scan", lane="ocr")
    queue.add("text")
    assert queue.lease()["cv"] == "text"
    assert queue.lease() is None
    assert queue.lease(lane="ocr")["cv"] == "scan"


def test_a_held_job_is_not_seen_until_started_or_its_hold_is_over(queue):
    assert queue.push("c1", hold=60000) == ["ok"]
    assert queue.lease() is None
    assert queue.run("start", "u/c1") == "ok"
    assert queue.run("start", "u/c1") == "gone"
    assert queue.lease()["cv"] == "c1"
    queue.push("c2", hold=60000)
    queue.end_delays()
    assert queue.lease()["cv"] == "c2"


def test_the_same_job_is_taken_once(queue):
    assert queue.add("c1") == ["ok"]
    assert queue.add("c1") == ["exists"]
    queue.lease()
    assert queue.add("c1") == ["exists"]
    assert queue.stats()["waiting"] == 0


def test_an_idempotency_key_gives_the_first_answer_again(queue):
    assert queue.add("c1", batch="b1", idem="k") == ["ok"]
    assert queue.add("c2", batch="b2", idem="k") == ["same", "u/c1", "b1"]
    assert queue.add("c3", user="other", idem="k") == ["ok"]


def test_a_full_queue_refuses_and_keeps_nothing(queue):
    for n in range(3):
        assert queue.add(f"c{n}", queue_max=3) == ["ok"]
    before = queue.client.dbsize()
    assert queue.add("c3", queue_max=3) == ["full"]
    assert queue.client.dbsize() == before
    queue.lease()
    assert queue.add("c3", queue_max=3) == ["ok"]


def test_a_users_limit_counts_running_jobs_and_ends_with_them(queue):
    assert queue.add("c1", user_max=1) == ["ok"]
    job = queue.lease()
    assert queue.add("c2", user_max=1) == ["user_full"]
    assert queue.add("c2", user="other", user_max=1) == ["ok"]
    assert queue.run("ack", "u/c1", job["token"]) == "ok"
    assert queue.add("c2", user_max=1) == ["ok"]


def test_ack_leaves_nothing_of_the_job(queue):
    queue.add("c1")
    job = queue.lease()
    assert queue.run("ack", "u/c1", job["token"]) == "ok"
    assert queue.run("ack", "u/c1", job["token"]) == "lost"
    kept = set(queue.client.keys("*"))
    assert {key for key in kept if "c1" in key or key.startswith("{cvq}:live")} == set()
    assert queue.stats() | {"done": 1, "running": 0} == queue.stats()


def test_a_retry_comes_back_when_its_delay_is_over_and_before_younger_jobs(queue):
    queue.add("c1")
    queue.add("c2")
    job = queue.lease()
    assert queue.run("retry", "u/c1", job["token"], 60000, "internal") == "ok"
    assert queue.stats()["delayed"] == 1
    queue.end_delays()
    again = queue.lease()
    assert (again["cv"], again["tries"], again["error"]) == ("c1", "2", "internal")


def test_a_released_job_counts_no_try_and_keeps_its_place(queue):
    queue.add("c1")
    queue.add("c2")
    job = queue.lease()
    assert queue.run("release", "u/c1", job["token"]) == "ok"
    again = queue.lease()
    assert (again["cv"], again["tries"]) == ("c1", "1")


def test_a_released_job_may_go_to_another_lane(queue):
    queue.add("c1")
    job = queue.lease()
    assert queue.run("release", "u/c1", job["token"], "ocr") == "ok"
    assert queue.lease() is None
    again = queue.lease(lane="ocr")
    assert (again["cv"], again["tries"], again["lane"]) == ("c1", "1", "ocr")
    assert queue.run("release", "u/c1", again["token"], "") == "ok"
    assert queue.lease(lane="ocr")["cv"] == "c1"


def test_a_lease_that_ran_out_goes_to_the_reaper_and_the_old_holder_is_told(queue):
    queue.add("c1")
    old = queue.lease()
    assert queue.reap() == []
    queue.expire_leases()
    taken = queue.reap()
    assert [(job["cv"], job["tries"], job["worker"]) for job in taken] == [("c1", "1", "reaper")]
    assert queue.reap() == []
    assert queue.run("renew", LEASE_MS, "-", "u/c1", old["token"]) == ["lost"]
    for call in (("ack",), ("retry", 0, "internal"), ("release",), ("bury", "internal", 10, 60)):
        assert queue.run(call[0], "u/c1", old["token"], *call[1:]) == "lost"
    assert queue.run("retry", "u/c1", taken[0]["token"], 0, "worker_lost") == "ok"
    assert queue.lease()["tries"] == "2"


def test_a_dead_workers_leases_are_taken_over_before_they_run_out(queue):
    for n in range(4):
        queue.add(f"c{n}")
        queue.lease("dead" if n % 2 else "alive")
    assert [job["cv"] for job in queue.reap(dead="dead", limit=1)] == ["c1"]
    assert [job["cv"] for job in queue.reap(dead="dead")] == ["c3"]
    assert queue.reap(dead="dead") == []


def test_renewing_keeps_the_lease_and_tells_of_a_cancel(queue):
    queue.add("c1")
    queue.add("c2")
    one, two = queue.lease(), queue.lease()
    queue.expire_leases()
    assert queue.run("renew", LEASE_MS, "--", one["job"], one["token"], two["job"], "wrong") == ["ok", "lost"]
    assert [job["cv"] for job in queue.reap()] == ["c2"]
    assert queue.run("drop", "u/c1") == "running"
    assert queue.run("renew", LEASE_MS, "-", one["job"], one["token"]) == ["cancel"]


def test_a_dead_letter_is_kept_with_its_reason_and_frees_the_users_place(queue):
    queue.add("c1", user_max=1)
    job = queue.lease()
    assert queue.run("bury", "u/c1", job["token"], "worker_lost", 10, 3600) == "ok"
    count, letter = queue.run("list", "dead", 0, 10)
    assert count == 1
    assert fields([letter[0], *letter[2:]])["error"] == "worker_lost"
    assert queue.add("c2", user_max=1) == ["ok"]
    assert 3500 <= queue.client.ttl("{cvq}:job:u/c1") <= 3600


def test_a_dead_letter_comes_back_only_as_a_new_attempt(queue):
    queue.add("c1")
    queue.run("bury", "u/c1", queue.lease()["token"], "worker_lost", 10, 3600)
    assert queue.add("c1", attempt=1) == ["exists"]
    assert queue.add("c1", attempt=2) == ["ok"]
    assert queue.stats()["dead"] == 0
    job = queue.lease()
    assert (job["tries"], job["attempt"], job["error"]) == ("1", "2", "")
    assert queue.client.ttl("{cvq}:job:u/c1") == -1


def test_a_later_attempt_takes_the_place_of_one_that_is_just_ending(queue):
    queue.add("c1")
    old = queue.lease()
    assert queue.add("c1", attempt=2) == ["ok"]
    assert queue.run("ack", "u/c1", old["token"]) == "lost"
    stats = queue.stats()
    assert (stats["waiting"], stats["running"]) == (1, 0)
    assert queue.lease()["attempt"] == "2"


def test_dead_letters_are_bounded(queue):
    for n in range(5):
        queue.add(f"c{n}")
        queue.run("bury", f"u/c{n}", queue.lease()["token"], "internal", 3, 3600)
    assert queue.stats()["dead"] == 3
    assert len(queue.client.keys("{cvq}:job:*")) == 3


@pytest.mark.parametrize("state", ["waiting", "delayed", "dead"])
def test_dropping_a_job_that_does_not_run_leaves_nothing(queue, state):
    queue.add("c1")
    if state != "waiting":
        token = queue.lease()["token"]
        queue.run(*{"delayed": ("retry", "u/c1", token, 9999, "internal"),
                    "dead": ("bury", "u/c1", token, "internal", 10, 60)}[state])
    assert queue.run("drop", "u/c1") == "ok"
    assert queue.run("drop", "u/c1") == "gone"
    assert queue.lease() is None
    assert [queue.stats()[name] for name in ("waiting", "running", "delayed", "dead")] == [0, 0, 0, 0]


def test_paused_gives_no_leases_and_draining_takes_no_jobs(queue):
    queue.add("c1")
    queue.client.set("{cvq}:paused", 1)
    assert queue.lease() is None
    queue.client.delete("{cvq}:paused")
    queue.client.set("{cvq}:draining", 1)
    assert queue.add("c2", queue_max=10) == ["draining"]
    assert queue.add("accepted-before") == ["ok"]
    assert queue.lease()["cv"] == "c1"


def test_listing_pages_through_waiting_jobs_in_order_of_age(queue):
    for n in range(5):
        queue.add(f"c{n}")
        queue.client.zadd("{cvq}:waiting", {f"u/c{n}": 1000 + n})
    count, *page = queue.run("list", "waiting", 2, 2)
    assert count == 5
    assert [row[:2] for row in page] == [["u/c2", "1002"], ["u/c3", "1003"]]


def test_stats_tell_waiting_time_and_leases_that_ran_out(queue):
    queue.add("c1")
    queue.add("c2")
    old = int(time.time() * 1000) - 5000
    queue.client.zadd("{cvq}:waiting", {"u/c1": old, "u/c2": old})
    queue.lease()
    queue.expire_leases()
    stats = queue.stats()
    assert stats["wait_ms"] >= 5000 and stats["oldest_ms"] >= 5000
    assert (stats["expired"], stats["running"], stats["waiting"]) == (1, 1, 1)


def test_a_job_that_stalls_counts_until_it_moves_or_ends(queue):
    queue.add("c1")
    queue.add("c2")
    one, two = queue.lease(), queue.lease()
    pairs = (one["job"], one["token"], two["job"], two["token"])
    assert queue.run("renew", LEASE_MS, "-s", *pairs) == ["ok", "ok"]
    assert queue.stats()["expired"] == 1
    queue.run("renew", LEASE_MS, "ss", *pairs)
    assert queue.stats()["expired"] == 2
    queue.run("renew", LEASE_MS, "-s", *pairs)
    assert queue.stats()["expired"] == 1
    queue.run("ack", two["job"], two["token"])
    assert queue.stats()["expired"] == 0


def test_a_batch_is_due_once_per_interval(queue):
    queue.add("c1", batch="b1")
    queue.add("c2", batch="b1")
    assert queue.run("idle", 60000, 10) == []
    queue.client.zadd("{cvq}:batches", {"u/b1": 1})
    assert queue.run("idle", 60000, 10) == ["u/b1"]
    assert queue.run("idle", 60000, 10) == []


@pytest.mark.parametrize("end", [("ack",), ("bury", "timeout", 10, 60)])
def test_a_batch_that_was_forgotten_before_its_job_began_is_looked_at_when_it_ends(queue, end):
    queue.push("c1", batch="b1", hold=1)  # and whoever did died before the first event
    queue.client.zrem("{cvq}:batches", "u/b1")
    queue.end_delays()
    job = queue.lease()
    assert queue.run("idle", 60000, 10) == []
    assert queue.run(end[0], job["job"], job["token"], *end[1:]) == "ok"
    assert queue.run("idle", 60000, 10) == ["u/b1"]


def test_a_batch_that_an_upload_is_on_its_way_to_is_put_off(queue):
    queue.add("c1", batch="b1")
    for upload_ends, due in ((int(time.time() * 1000) + 60000, []), (1, ["u/b1"])):
        queue.client.zadd("{cvq}:uploads", {"u/b1": upload_ends})
        queue.client.zadd("{cvq}:batches", {"u/b1": 1})
        assert queue.run("idle", 60000, 10) == due


@pytest.mark.parametrize("seed", range(20))
def test_workers_that_die_at_any_moment_lose_no_job_and_end_none_twice(queue, seed):
    rng = random.Random(seed)
    names = [(user, f"{user}{n}") for user, many in (("a", 40), ("b", 3), ("c", 10)) for n in range(many)]
    rng.shuffle(names)
    held, ended, dead, asleep = [], [], [], []
    while len(ended) + len(dead) < 53:
        if names and rng.random() < 0.4:
            user, cv = names.pop()
            assert queue.add(cv, user=user, priority=rng.randint(0, 9)) == ["ok"]
        step = rng.random()
        if step < 0.4:
            job = queue.lease(rng.choice(["w1", "w2"]))
            if job:
                held.append(job)
        elif step < 0.5:
            queue.expire_leases()
            for job in queue.reap():
                if int(job["tries"]) >= 3:
                    assert queue.run("bury", job["job"], job["token"], "worker_lost", 100, 60) == "ok"
                    dead.append(job["job"])
                else:
                    assert queue.run("retry", job["job"], job["token"], 1000, "worker_lost") == "ok"
            asleep, held = asleep + held, []
            queue.end_delays()
        elif step < 0.55 and asleep:
            job = asleep.pop(rng.randrange(len(asleep)))
            assert queue.run("ack", job["job"], job["token"]) == "lost"
        elif held:
            job = held.pop(rng.randrange(len(held)))
            if step < 0.65:
                assert queue.run("retry", job["job"], job["token"], 0, "internal") == "ok"
            elif step < 0.7:
                assert queue.run("release", job["job"], job["token"]) == "ok"
            else:
                assert queue.run("ack", job["job"], job["token"]) == "ok"
                ended.append(job["job"])
        waiting = queue.client.zrange("{cvq}:waiting", 0, -1)
        turn = queue.client.zrange("{cvq}:turn:text", 0, -1)
        assert sorted(turn) == sorted({job.split("/")[0] for job in waiting})
    assert len(set(ended) | set(dead)) == len(ended) + len(dead) == 53
    assert [queue.stats()[name] for name in ("waiting", "running", "delayed", "dead")] == [0, 0, 0, len(dead)]
    assert not queue.client.keys("{cvq}:live:*") and not queue.client.keys("{cvq}:of:*")


@pytest.mark.parametrize("seed", range(5))
def test_in_any_order_of_arrival_no_user_waits_for_more_than_one_job_of_each_other(queue, seed):
    rng = random.Random(seed)
    backlog = {user: 0 for user in "abcde"}
    since_served = {}
    for step in range(400):
        user = rng.choice("aaaaaaabcde")
        if rng.random() < 0.6:
            queue.add(f"{user}{step}", user=user)
            backlog[user] += 1
            since_served.setdefault(user, 0)
        else:
            job = queue.lease()
            if not job:
                continue
            served = job["user"]
            backlog[served] -= 1
            for other in list(since_served):
                since_served[other] += 1
                assert since_served[other] <= len(backlog)
            del since_served[served]
            if backlog[served]:
                since_served[served] = 0


def hook(queue, how, cv="c", attempt=1):
    return queue.run("hook_end", f"u/{cv}", attempt, how, 0, "503", 10)


def add_hook(queue, cv="c", attempt=1):
    return queue.run("hook_add", "u", cv, "b", attempt, 10, 1)


@pytest.mark.parametrize("first, second", [("dead", "told"), ("told", "dead"), ("told", "later"), ("told", "told")])
def test_a_webhook_that_two_workers_sent_is_told_and_leaves_nothing(queue, first, second):
    assert add_hook(queue) == "ok"
    assert [len(queue.run("hook_take", 10, 0)) for worker in range(2)] == [1, 1]  # the first one's lease runs out at once
    assert hook(queue, first) == "ok"
    assert hook(queue, second) == ("ok" if first == "dead" else "gone")
    assert queue.client.keys("{cvq}:hook*") == ["{cvq}:hooks:told"] and queue.client.pttl("{cvq}:hooks:told") > 0
    assert add_hook(queue) == "exists" and add_hook(queue, attempt=2) == "ok"


@pytest.mark.parametrize("late", ["over", "later", "wait", "dead"])
def test_a_webhook_that_was_given_up_stays_so_whatever_a_late_worker_says(queue, late):
    add_hook(queue)
    assert hook(queue, "dead") == "ok" and hook(queue, late) == "gone"
    assert queue.client.zrange("{cvq}:hooks:dead", 0, -1) == ["u/c"] and queue.client.exists("{cvq}:hook:u/c")


def test_of_an_erased_cv_no_webhook_comes_back(queue):
    add_hook(queue)
    assert queue.run("hook_drop", "u", "c") == "ok"
    assert add_hook(queue) == "exists" and add_hook(queue, attempt=2) == "exists" and add_hook(queue, cv="d") == "ok"
    queue.run("erase", "u", 100)
    assert not queue.client.keys("{cvq}:hook*")
