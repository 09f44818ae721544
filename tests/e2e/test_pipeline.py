"""The worker's queue and pipeline with a made-up extractor (pipeline_host.c): deaths, silences and stops at any moment."""
import json
import random
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest
import redis

from harness import BUILD, SANITIZER, TERMINAL, Journey, settings, wait_until

FAST = {"lease_s": 1, "sweep_s": 0.1, "poll_s": 0.02, "retry_base_s": 0.05, "retry_max_s": 0.2, "batch_idle_s": 1, "drain_s": 1}


class Host:
    """One pipeline_host process; what it says is in `lines`."""

    def __init__(self, scene, sections, **worker):
        keys = {**FAST, "spool_dir": scene.folder / "spool", **worker}
        flags = settings(redis={"url": f"unix://{scene.folder}/redis.sock", "reconnect_max_s": 0.1}, worker=keys,
                         log={"format": "json"}, **sections)
        self.log = open(scene.folder / "host.log", "ab")
        self.child = subprocess.Popen([BUILD / "pipeline_host", "-c", "/dev/null", *map(str, flags)], text=True,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log)
        self.lines = []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self.child.stdout:
            self.lines.append(line.strip())

    def say(self, line):
        self.child.stdin.write(line + "\n")
        self.child.stdin.flush()

    def heard(self, start, timeout=10):
        return wait_until(lambda: next((x for x in list(self.lines) if x.startswith(start)), None), timeout, f"no {start}: {self.lines[-5:]}")

    def accept(self, cv, text="ok 0", user="u", batch="b", priority=4):
        self.say(f"accept {user} {batch} {cv} {priority} {text}")

    def kill(self):
        self.child.kill()
        self.child.wait()

    def stop(self):
        self.say("stop")
        self.heard("stopped")
        self.child.stdin.close()
        return self.child.wait(10)


class Scene:
    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="cvp-"))
        self.hosts = []
        self.db = redis.Redis(unix_socket_path=str(self.folder / "redis.sock"), decode_responses=True)
        self.start_redis()

    def start_redis(self):
        self.server = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", "redis.sock", "--dir", str(self.folder), "--save", "",
             "--appendonly", "yes", "--appendfsync", "everysec"], stdout=subprocess.DEVNULL)
        wait_until(self.answers)

    def answers(self):
        try:
            return self.db.ping()
        except redis.RedisError:
            return False

    def host(self, says="connected", processor=None, clamd=None, webhook=None, fetch=None, **worker):
        host = Host(self, {"processor": processor, "clamd": clamd, "webhook": webhook, "fetch": fetch}, **worker)
        self.hosts.append(host)
        host.heard(says)
        return host

    def frames(self, user="u"):
            return [json.loads(fields["f"]) for _, fields in self.db.xrange(f"user:{user}:history")]

    def journey(self, user="u"):
        journey = Journey(self.frames(user))
        journey.check()
        return journey

    def statuses(self, cv, user="u"):
        return [f["status"] for f in self.frames(user) if f.get("cv_id") == cv]

    def ended(self, user="u"):
        return {f["cv_id"]: f["status"] for f in self.frames(user) if f["type"] == "cv_progress" and f["status"] in TERMINAL}

    def last_batch(self, batch="b", user="u"):
        return [f for f in self.frames(user) if f["type"] == "batch_progress" and f["batch_id"] == batch][-1]

    def quiet(self):
        """No job is left anywhere."""
        return not self.db.keys("{cvq}:job:*") and not self.db.exists("{cvq}:leases", "{cvq}:waiting", "{cvq}:delayed")

    def log(self):
        return (self.folder / "host.log").read_text(errors="replace")

    def finish(self):
        for host in self.hosts:
            if host.child.poll() is None:
                host.kill()
            host.log.close()
        self.db.close()
        self.server.kill()
        self.server.wait()
        text = self.log() if self.hosts else ""
        shutil.rmtree(self.folder, ignore_errors=True)
        assert not SANITIZER.search(text), text[-4000:]


@pytest.fixture
def scene():
    scene = Scene()
    yield scene
    scene.finish()


def test_a_cv_goes_through_every_stage_to_its_result(scene):
    host = scene.host()
    host.accept("c1", "ok 40")
    wait_until(lambda: scene.ended())
    frames = [f for f in scene.frames() if f.get("cv_id") == "c1"]
    stages = list(dict.fromkeys(f["stage"] for f in frames))
    assert stages == ["received", "extract", "parse", "deliver"]
    assert frames[0]["status"] == "queued" and frames[-1]["status"] == "completed"
    assert frames[-1] | {"progress": 100, "filename": "cv.pdf",
                         "result_url": "/api/v1/cv-processing/cvs/c1"} == frames[-1]
    assert frames[-1]["result"]["name"] == "Jane"
    assert [p.read_text() for p in (scene.folder / "spool").glob("*/c1.result")] == ['{"basics":{"name":"Jane"}}']
    scene.journey()
    wait_until(scene.quiet)
    assert host.stop() == 0


def test_a_file_that_cannot_be_read_fails_at_once_with_its_code(scene):
    host = scene.host()
    host.accept("c1", "code encrypted 0")
    wait_until(lambda: scene.ended())
    frame = [f for f in scene.frames() if f.get("cv_id") == "c1"][-1]
    assert (frame["status"], frame["error"]["code"], frame["error"]["retryable"]) == ("failed", "encrypted", False)
    wait_until(scene.quiet)


def test_a_passing_failure_is_tried_again_and_ends_as_a_dead_letter(scene):
    host = scene.host(max_attempts=3)
    host.accept("c1", "code internal 0")
    wait_until(lambda: scene.ended())
    assert scene.statuses("c1").count("retrying") == 2
    assert scene.ended() == {"c1": "failed"}
    wait_until(lambda: scene.db.zrange("{cvq}:dead", 0, -1) == ["u/c1"])
    scene.journey()


def test_a_missing_file_ends_the_cv_all_the_same(scene):
    host = scene.host(max_attempts=2)
    scene.db.set("{cvq}:paused", 1)
    host.accept("c1")
    host.heard("accepted c1 ok")
    for part in (scene.folder / "spool").glob("*/c1.*"):
        part.unlink()
    scene.db.delete("{cvq}:paused")
    wait_until(lambda: scene.ended() == {"c1": "failed"})


def test_user_limits_and_queue_limits_are_answered_before_anybody_hears_of_the_cv(scene):
    host = scene.host(queue_max=2, max_pending_per_user=1)
    scene.db.set("{cvq}:paused", 1)
    host.accept("a1", user="a")
    assert host.heard("accepted a1") == "accepted a1 ok"
    host.accept("a2", user="a")
    assert host.heard("accepted a2") == "accepted a2 user_full"
    host.accept("b1", user="b")
    assert host.heard("accepted b1") == "accepted b1 ok"
    host.accept("c1", user="c")
    assert host.heard("accepted c1") == "accepted c1 full"
    assert not scene.db.exists("user:c:history")


def test_one_user_with_many_files_does_not_delay_another(scene):
    host = scene.host(slots=2)
    for n in range(100):
        host.accept(f"a{n}", "ok 20", user="a")
    host.heard("accepted a99")
    for n in range(3):
        host.accept(f"b{n}", "ok 20", user="b")
    wait_until(lambda: len(scene.ended("b")) == 3)
    assert len(scene.ended("a")) < 100


def test_a_scan_is_read_in_the_lane_of_ocr(scene):
    host = scene.host()
    host.accept("c1", "scan 40")
    wait_until(lambda: scene.ended() == {"c1": "completed"})
    frames = [f for f in scene.frames() if f.get("cv_id") == "c1"]
    stages = [f["stage"] for f in frames]
    assert stages.index("ocr") > stages.index("extract")
    assert [f["attempt"] for f in frames] == [1] * len(frames)
    wait_until(scene.quiet)
    scene.journey()


def test_scans_do_not_delay_other_cvs(scene):
    host = scene.host(slots=1, ocr_slots=1)
    for n in range(4):
        host.accept(f"scan{n}", "scan 600000")
    wait_until(lambda: scene.db.zcard("{cvq}:of:ocr:u") == 3)
    host.accept("text", "ok 10")
    wait_until(lambda: scene.ended() == {"text": "completed"})


def test_without_slots_for_ocr_scans_wait_for_another_worker(scene):
    first = scene.host(ocr_slots=0)
    first.accept("c1", "scan 10")
    wait_until(lambda: scene.db.zcard("{cvq}:of:ocr:u") == 1)
    scene.host()
    wait_until(lambda: scene.ended() == {"c1": "completed"})


def test_a_dropped_job_that_runs_ends_as_cancelled(scene):
    host = scene.host()
    host.accept("c1", "hang")
    wait_until(lambda: "processing" in scene.statuses("c1"))
    host.say("drop u c1")
    assert host.heard("dropped c1") == "dropped c1 running"
    wait_until(lambda: scene.ended() == {"c1": "cancelled"})
    wait_until(scene.quiet)


def test_a_running_cv_that_is_cancelled_stops_within_two_seconds_however_long_its_lease(scene):
    host = scene.host(lease_s=30)
    host.accept("c1", "hang")
    wait_until(lambda: "processing" in scene.statuses("c1"))
    began = time.monotonic()
    host.say("drop u c1")
    wait_until(scene.quiet)
    assert time.monotonic() - began < 2
    assert scene.ended() == {"c1": "cancelled"}


def test_a_cv_without_progress_counts_as_stalled(scene):
    host = scene.host(stalled_s=0.3)
    host.accept("c1", "hang")
    host.accept("c2", "ok 400")
    wait_until(lambda: scene.db.zrange("{cvq}:stalled", 0, -1) == ["u/c1"])
    host.say("drop u c1")
    wait_until(scene.quiet)
    assert not scene.db.exists("{cvq}:stalled")


def test_a_cv_that_was_ended_by_somebody_else_is_left_alone(scene):
    script = scene.db.register_script((Path(__file__).parents[2] / "src" / "publish.lua").read_text())
    host = scene.host()
    scene.db.set("{cvq}:paused", 1)
    host.accept("c1", "ok 0")
    host.heard("accepted c1 ok")
    script(keys=["user:u:"], args=["u", "b", "c1", "cancelled", 1, 0])
    scene.db.delete("{cvq}:paused")
    wait_until(scene.quiet)
    assert scene.statuses("c1") == ["queued", "cancelled"]


def test_a_stop_waits_for_what_runs_and_gives_back_the_rest(scene):
    host = scene.host(slots=2)
    host.accept("c1", "ok 300")
    host.accept("c2", "hang")
    wait_until(lambda: "processing" in scene.statuses("c1") and "processing" in scene.statuses("c2"))
    assert host.stop() == 0
    assert scene.ended() == {"c1": "completed"}
    assert scene.db.hget("{cvq}:job:u/c2", "state") == "waiting"
    assert scene.db.hget("{cvq}:job:u/c2", "tries") == "0"


def test_a_worker_that_dies_with_a_job_in_hand_is_replaced(scene):
    first = scene.host()
    first.accept("c1", "ok 500")
    wait_until(lambda: "processing" in scene.statuses("c1"))
    first.kill()
    scene.host()
    wait_until(lambda: scene.ended() == {"c1": "completed"})
    assert "retrying" in scene.statuses("c1")
    scene.journey()


def test_the_jobs_of_a_dead_worker_are_taken_over_long_before_their_leases_run_out(scene):
    first = scene.host(lease_s=3600)
    first.accept("c1", "ok 500")
    wait_until(lambda: "processing" in scene.statuses("c1"))
    scene.host(lease_s=3600)
    first.kill()
    wait_until(lambda: scene.ended() == {"c1": "completed"})
    assert len(list((scene.folder / "spool" / "workers").iterdir())) == 1


def test_a_job_that_kills_every_worker_ends_as_worker_lost(scene):
    for _ in range(2):
        host = scene.host(max_attempts=2)
        if not scene.hosts[1:]:
            host.accept("c1", "hang")
        wait_until(lambda: scene.db.hget("{cvq}:job:u/c1", "state") == "leased"
                   and scene.db.hget("{cvq}:job:u/c1", "tries") == str(len(scene.hosts)))
        host.kill()
    scene.host(max_attempts=2)
    wait_until(lambda: scene.ended() == {"c1": "failed"})
    assert scene.frames()[-2]["error"]["code"] == "worker_lost"
    wait_until(lambda: scene.db.zrange("{cvq}:dead", 0, -1) == ["u/c1"])


def test_two_workers_that_die_at_any_moment_lose_no_cv_and_end_none_twice(scene):
    rng = random.Random(7)
    hosts = [scene.host(max_attempts=50), scene.host(max_attempts=50)]
    accepted = []
    for n in range(60):
        host = rng.choice(hosts)
        host.accept(f"c{n}", f"ok {rng.randint(0, 60)}")
        if n % 12 == 11:
            host.heard(f"accepted c{n} ok")
            dying = rng.randrange(2)
            hosts[dying].kill()
            hosts[dying] = scene.host(max_attempts=50)
    accepted = {line.split()[1] for host in scene.hosts for line in host.lines if line.startswith("accepted") and line.endswith("ok")}
    wait_until(lambda: accepted <= set(scene.ended()), 30)
    wait_until(scene.quiet, 30)
    journey = scene.journey()
    assert {frames[-1]["status"] for frames in journey.cvs.values()} == {"completed"}


def test_redis_killed_in_the_middle_loses_nothing_accepted(scene):
    host = scene.host(max_attempts=50)
    for n in range(40):
        host.accept(f"c{n}", "ok 30")
        if n % 10 == 9:
            host.heard(f"accepted c{n}")
            scene.server.kill()
            scene.server.wait()
            scene.start_redis()
            count = host.lines.count("connected")
            wait_until(lambda: host.lines.count("connected") > count or scene.db.info("clients")["connected_clients"] > 1)
    host.heard("accepted c39")
    accepted = {line.split()[1] for line in host.lines if line.startswith("accepted") and line.endswith("ok")}
    wait_until(lambda: accepted <= set(scene.ended()), 30, lambda: scene.log()[-2000:])
    scene.journey()
    assert host.stop() == 0


def test_a_result_that_was_ready_while_redis_was_away_is_announced_afterwards(scene):
    host = scene.host()
    host.accept("c1", "ok 400")
    wait_until(lambda: "processing" in scene.statuses("c1"))
    scene.server.kill()
    scene.server.wait()
    wait_until(lambda: list((scene.folder / "spool").glob("*/c1.result")))
    scene.start_redis()
    wait_until(lambda: scene.ended() == {"c1": "completed"})
    wait_until(scene.quiet)
    scene.journey()


def test_what_the_spool_holds_and_redis_never_heard_of_is_accepted_at_the_start(scene):
    first = scene.host()
    first.say("spool u b c1 4 ok 0")
    first.heard("spooled c1")
    first.kill()
    record = next((scene.folder / "spool").glob("*/c1.json"))
    older(record)
    scene.host()
    wait_until(lambda: scene.ended() == {"c1": "completed"})
    assert scene.statuses("c1")[0] == "queued"


def test_jobs_that_redis_forgot_are_made_again(scene):
    host = scene.host()
    scene.db.set("{cvq}:paused", 1)
    host.accept("c1")
    host.heard("accepted c1 ok")
    host.kill()
    for key in scene.db.keys("{cvq}:*"):
        scene.db.delete(key)
    older(next((scene.folder / "spool").glob("*/c1.json")))
    scene.host()
    wait_until(lambda: scene.ended() == {"c1": "completed"})


def test_a_cv_whose_every_trace_redis_lost_gets_its_end_again(scene):
    host = scene.host()
    host.accept("c1")
    wait_until(lambda: scene.ended() == {"c1": "completed"})
    wait_until(scene.quiet)
    host.kill()
    scene.db.flushall()
    older(next((scene.folder / "spool").glob("*/c1.json")))
    scene.host()
    wait_until(lambda: scene.ended() == {"c1": "completed"})


def test_a_cv_that_ended_long_ago_is_left_alone(scene):
    host = scene.host()
    for cv in ("c1", "c2"):
        host.accept(cv)
    wait_until(lambda: len(scene.ended()) == 2)
    host.kill()
    scene.db.flushall()
    older(next((scene.folder / "spool").glob("*/c1.json")), 86400 + 60)
    older(next((scene.folder / "spool").glob("*/c2.json")))
    scene.host()
    wait_until(lambda: scene.ended() == {"c2": "completed"})
    wait_until(lambda: '"event":"recovered"' in scene.log())
    assert set(scene.ended()) == {"c2"}


def test_a_cv_without_job_and_file_ends_as_worker_lost_while_its_batch_is_active(scene):
    host = scene.host(lease_s=1)
    scene.db.set("{cvq}:paused", 1)
    host.accept("c1")
    host.heard("accepted c1 ok")
    for part in (scene.folder / "spool").glob("*/c1.*"):
        part.unlink()
    host.say("drop u c1")
    host.heard("dropped c1 ok")
    scene.db.zadd("{cvq}:batches", {"u/b": 1})
    wait_until(lambda: scene.ended() == {"c1": "failed"}, 20)
    assert [f for f in scene.frames() if f.get("cv_id")][-1]["error"]["code"] == "worker_lost"


def test_a_user_whose_keys_are_broken_holds_up_nobody_else(scene):
    host = scene.host(slots=1)
    scene.db.set("{cvq}:paused", 1)
    host.accept("c1", user="broken")
    host.heard("accepted c1 ok")
    scene.db.set("user:broken:history", "no stream")
    host.accept("c2", user="broken")
    assert host.heard("accepted c2") == "accepted c2 unavailable"
    host.accept("c3")
    scene.db.delete("{cvq}:paused")
    wait_until(lambda: scene.ended() == {"c3": "completed"})
    wait_until(scene.quiet)
    assert "publish_refused" in scene.log()


def test_an_empty_redis_is_marked_and_one_of_a_newer_version_is_refused(scene):
    scene.host()
    assert scene.db.get("cvpulse:schema") == "1"
    scene.host()
    scene.db.set("cvpulse:schema", "2")
    scene.host(says="refused")
    assert "schema_too_new" in scene.log()
    assert scene.db.get("cvpulse:schema") == "2"


def test_an_idle_batch_is_closed_by_the_sweep(scene):
    host = scene.host()
    host.accept("c1")
    wait_until(lambda: scene.ended())
    assert scene.last_batch()["status"] == "open"
    scene.db.zadd("{cvq}:batches", {"u/b": 1})
    wait_until(lambda: scene.last_batch()["status"] == "completed")
    assert scene.last_batch()["progress"] == 100
    wait_until(lambda: not scene.db.exists("{cvq}:batches"))


def older(record, by_s=60):
    """Makes a spool record as old as one of a crash some time ago."""
    fields = json.loads(record.read_text())
    fields["created_ms"] -= by_s * 1000
    record.write_text(json.dumps(fields))
