"""CVs kept in an S3-compatible store: workers with a spool each and one bucket, a store that is away or refuses, kills, erase."""
import json
import os
import subprocess
import time

import pytest

from harness import BASE, Journey, Process, settings, unix_get, wait_until
from hostile_server import CV as FETCHED, hostile  # noqa: F401
from s3_server import BUCKET, KEY_ID, REGION, SECRET, S3Server
from test_erase import found, rewritten
from test_ingest_http import FILE_PART
from test_kills import TUS, Connection, load_with_kills, newest_frames, not_over
from test_tus import STREAM, metadata
from workers import ask, other_worker, ready

HOUR = 3600


@pytest.fixture
def s3():
    server = S3Server()
    yield server
    server.close()


@pytest.fixture
def make_vault(make_stack, s3, tmp_path):
    """A stack whose worker keeps its CVs in `s3`."""
    def make(worker=None, secret=SECRET, fetch=None, redis=None, **keys):
        (tmp_path / "secret").write_text(secret + "\n")
        section = {"url": s3.url, "bucket": BUCKET, "region": REGION, "access_key_id": KEY_ID, "secret_key_file": tmp_path / "secret",
                   "probe_s": 0.1, "timeout_s": 2, **keys}
        return make_stack(without=("notifier",), s3=section, worker={"lease_s": 1, "sweep_s": 0.1, "retry_base_s": 0.05, **(worker or {})},
                          fetch=fetch, redis=redis or {})
    return make


def cv(marker="Jane"):
    return (f"{marker}.txt", f"{marker} Doe\n{marker}@example.org\n\nExperience\n2019 - 2021 Engineer, Example Ltd\n".encode())


def submit(stack, user, *markers, **fields):
    return [one["cv_id"] for one in stack.submit(user, [cv(marker) for marker in markers], **fields)["cvs"]]


def spooled(stack, spool="spool"):
    return [p.name for p in (stack.folder / spool).glob("*/*") if p.parent.name != "workers"]


def state(stack, user, cv_id):
    return stack.request("GET", f"/cvs/{cv_id}", user).json()


def wait_end(stack, user, cv_id, status="completed"):
    answer = wait_until(lambda: (s := state(stack, user, cv_id)).get("status") in ("completed", "failed", "cancelled") and s, 30,
                        lambda: f"it does not end: {state(stack, user, cv_id)}")
    assert answer["status"] == status, answer
    return answer


def frames(stack, user, cv_id):
    every = [json.loads(fields["f"]) for _, fields in stack.db.xrange(f"user:{user}:history")]
    return [f["status"] for f in every if f.get("cv_id") == cv_id and f["type"] == "cv_progress"]


def age(s3, seconds, ending=""):
    for key in s3.keys(ending):
        s3.objects[key] = (s3.objects[key][0], time.time() - seconds)


def test_cvs_are_kept_in_the_store_and_nowhere_else(make_vault, s3, hostile):
    stack = make_vault(fetch={"allow": "127.0.0.1", "ports": hostile.port})
    ids = submit(stack, "anna", "Quokka", "Numbat", "Bilby")
    for cv_id, marker in zip(ids, ("quokka", "numbat", "bilby")):
        assert wait_end(stack, "anna", cv_id)["resume"]["basics"]["email"].lower() == f"{marker}@example.org"
    assert len(s3.keys(".file")) == len(s3.keys(".json")) == len(s3.keys(".result")) == len(s3.keys(".cv")) == 3 == len(s3.keys()) / 4
    asked = set()
    s3.trouble = lambda *what: None if what in asked else asked.add(what) or 503  # busy the first time, for each object
    again, = submit(stack, "anna", "Quokka")
    s3.calm()
    assert wait_end(stack, "anna", again)["duplicate_of"] == ids[0]
    wait_until(lambda: not spooled(stack), 5, lambda: spooled(stack))
    answer = stack.request("GET", f"/cvs/{again}/file", "anna")
    assert answer.content == cv("Quokka")[1] and answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff" and "sandbox" in answer.headers["Content-Security-Policy"]
    known = stack.request("GET", f"/cvs/{again}", "anna")
    assert stack.request("GET", f"/cvs/{again}", "anna", headers={"If-None-Match": known.headers["ETag"]}).status_code == 304
    assert stack.request("GET", f"/cvs/{again}/file", "bert").status_code == 404
    job = stack.request("POST", "/jobs", json={"user_id": "anna", "url": hostile.url("flaky?Bilby"), "filename": "cv.txt"}).json()["cv_id"]
    assert wait_end(stack, "anna", job)["resume"] and stack.request("GET", f"/cvs/{job}/file", "anna").content == FETCHED
    assert not s3.holds("flaky"), "the address is kept until the file is there"
    empty = stack.submit("anna", [("empty.txt", b"")])["cvs"][0]["cv_id"]
    assert wait_end(stack, "anna", empty, "failed")["error"]["code"] == "empty_file"
    assert stack.request("POST", f"/cvs/{empty}/retry", "anna").status_code == 202
    wait_until(lambda: frames(stack, "anna", empty).count("failed") == 2, 20)
    stack.db.delete("user:anna:batch:" + state(stack, "anna", ids[1])["batch_id"] + ":cvs")
    s3.objects[f"cvpulse/cvs/{ids[1]}.result"] = (json.dumps({"basics": {"summary": "x" * 20480}}).encode(), time.time())
    assert wait_end(stack, "anna", ids[1])["resume"], "without Redis' word the store knows that it has ended"
    assert not s3.refused and not spooled(stack)


def test_what_one_takes_in_another_with_its_own_spool_reads_shows_and_erases(make_vault, s3):
    stack = make_vault(worker={"roles": "ingest"})
    other_worker(stack, spool_dir=stack.folder / "other", roles="ingest,process")
    body = cv()[1]
    answer, said = ask(stack, "worker", "POST", "/cvs", FILE_PART + body + b"\r\n--XX--\r\n", Content_Type="multipart/form-data; boundary=XX")
    assert answer.status == 202, said
    cv_id = json.loads(said)["cvs"][0]["cv_id"]
    for name in ("worker", "other"):
        wait_until(lambda: json.loads(ask(stack, name, "GET", f"/cvs/{cv_id}")[1])["status"] == "completed", 30)
        assert ask(stack, name, "GET", f"/cvs/{cv_id}/file")[1] == body
    answer, _ = ask(stack, "worker", "POST", "/files", Upload_Length=len(body), Upload_Metadata=metadata(filename="tus.txt", force="1"), Idempotency_Key="k", **TUS)
    target = answer.headers["Location"].removeprefix(BASE)
    assert ask(stack, "worker", "PATCH", target, body, Upload_Offset=0, Content_Type=STREAM, **TUS)[0].status == 204
    answer, _ = ask(stack, "worker", "POST", "/files", b"half", Upload_Length=9, Upload_Metadata=metadata(filename="half.txt"), Content_Type=STREAM, **TUS)
    assert len(spooled(stack)) == 2
    for name in ("worker", "other"):
        answer, _ = ask(stack, name, "HEAD", target, **TUS)
        assert (answer.status, answer.headers["Upload-Offset"]) == (200, str(len(body))), "an answer that was lost can be asked for anywhere"
    answer, _ = ask(stack, "other", "POST", "/files", Upload_Length=len(body), Upload_Metadata=metadata(filename="tus.txt"), Idempotency_Key="k", **TUS)
    assert (answer.status, answer.headers["Location"]) == (201, f"{BASE}{target}")
    tus_id = target.rpartition("/")[2]
    wait_until(lambda: json.loads(ask(stack, "other", "GET", f"/cvs/{tus_id}")[1])["status"] == "completed", 30)
    assert ask(stack, "other", "DELETE", f"/cvs/{cv_id}")[0].status == ask(stack, "worker", "DELETE", f"/cvs/{tus_id}")[0].status == 204
    assert ask(stack, "worker", "GET", f"/cvs/{cv_id}")[0].status == ask(stack, "other", "HEAD", target, **TUS)[0].status == 404
    assert ask(stack, "other", "DELETE", "/users/anna")[0].status == 200
    wait_until(lambda: not spooled(stack), 10, "an unfinished upload in the spool of a worker that only takes in is not erased")
    assert not [key for key in s3.keys() if "/cvs/" in key or "/users/" in key] and not spooled(stack, "other") and not s3.refused


def test_a_store_that_is_away_refuses_uploads_and_keeps_nothing(make_vault, s3):
    stack = make_vault(timeout_s=1, attempts_max=1)
    cv_id, = submit(stack, "anna", "Quokka")
    wait_end(stack, "anna", cv_id)
    kept, history = s3.keys(), stack.db.xlen("user:anna:history")
    for how in (503, "cut", "stall"):
        wait_until(lambda: ready(stack), 10, "it is there again")
        s3.trouble = lambda method, key: how if method != "GET" else None  # a probe still gets through: the body is taken
        answer = stack.request("POST", "/cvs", "anna", files=[("file", cv("Numbat"))])
        assert (answer.status_code, answer.json()["code"]) == (503, "storage_unavailable") and answer.headers["Retry-After"], how
        s3.trouble = lambda method, key: how
        wait_until(lambda: not ready(stack), 10, "it says that it is ready")
        assert stack.request("POST", "/cvs", "anna", files=[("file", cv("Numbat"))]).json()["code"] == "storage_unavailable"
        assert stack.request("GET", f"/cvs/{cv_id}", "anna").json()["code"] == "storage_unavailable"
        wait_until(lambda: "S3" in unix_get(stack.folder / "worker.sock", "/health/storage")[1], 10, "health does not say why")
        s3.calm()
    wait_until(lambda: ready(stack), 10)
    wait_until(lambda: not spooled(stack), 5, lambda: spooled(stack))
    assert s3.keys() == kept and stack.db.xlen("user:anna:history") == history and not stack.db.keys("{cvq}:job:*")
    wait_end(stack, "anna", submit(stack, "anna", "Numbat")[0])


def test_jobs_wait_for_the_store_and_are_not_given_up(make_vault, s3):
    stack = make_vault(worker={"max_attempts": 1}, attempts_max=1)
    s3.trouble = lambda method, key: 503 if method == "GET" and key.endswith(".file") else None
    read, = submit(stack, "anna", "Quokka")
    wait_until(lambda: frames(stack, "anna", read).count("retrying") > 3, 20)
    s3.calm()
    wait_end(stack, "anna", read)
    s3.trouble = lambda method, key: 500 if method == "PUT" and key.endswith(".result") else None
    stored, = submit(stack, "anna", "Numbat")
    wait_until(lambda: frames(stack, "anna", stored).count("retrying") > 2, 20)
    s3.calm()
    wait_end(stack, "anna", stored)
    for cv_id in (read, stored):
        assert frames(stack, "anna", cv_id).count("completed") == 1 and "failed" not in frames(stack, "anna", cv_id)
    stack.db.set("{cvq}:paused", 1)
    waiting, = submit(stack, "anna", "Bilby")
    s3.trouble = lambda method, key: "stall"
    wait_until(lambda: not ready(stack), 10)
    stack.db.delete("{cvq}:paused")
    wait_until(lambda: "s3_unavailable" in stack.worker.output(), 5)
    assert frames(stack, "anna", waiting) == ["queued"], "nobody takes it from the queue meanwhile"
    s3.calm()
    wait_end(stack, "anna", waiting)


def test_one_object_that_cannot_be_had_is_not_a_store_that_is_away(make_vault, s3):
    stack = make_vault(worker={"max_attempts": 2})
    stack.db.set("{cvq}:paused", 1)
    ill, well = submit(stack, "anna", "Quokka", "Numbat")
    s3.trouble = lambda method, key: {f"cvpulse/cvs/{ill}.file": 403, f"cvpulse/cvs/{ill}.result": "cut"}.get(key) if method == "GET" else None
    stack.db.delete("{cvq}:paused")
    wait_end(stack, "anna", well)
    assert wait_end(stack, "anna", ill, "failed")["error"]["code"] == "internal"
    assert frames(stack, "anna", ill).count("retrying") == 1 and ready(stack)
    assert stack.request("GET", f"/cvs/{ill}/file", "anna").status_code == 500 and ready(stack)
    assert "s3_refused" in stack.worker.output() and '"s3_unavailable"' not in stack.worker.output()
    s3.calm()
    assert stack.request("POST", f"/cvs/{ill}/retry", "anna").status_code == 202
    wait_end(stack, "anna", ill)


def test_what_does_not_fit_the_spools_disk_is_not_got(make_vault, s3):
    stack = make_vault(worker={"max_attempts": 1})
    cv_id, = submit(stack, "anna", "Quokka")
    wait_end(stack, "anna", cv_id)
    stack.db.set("{cvq}:paused", 1)
    waiting, = submit(stack, "anna", "Numbat")
    stack.worker.argv += settings(worker={"min_free_bytes": 2 ** 40})
    stack.worker.answers = lambda: unix_get(stack.folder / "worker.sock", "/health/redis")[0] == 200
    stack.worker.restart()
    stack.db.delete("{cvq}:paused")
    s3.seen.clear()
    wait_until(lambda: stack.request("GET", f"/cvs/{cv_id}/file", "anna").json()["code"] == "storage_full", 10)
    answer = stack.request("HEAD", f"/cvs/{cv_id}/file", "anna")
    assert (answer.status_code, int(answer.headers["Content-Length"])) == (200, len(cv("Quokka")[1])) and "Content-Disposition" in answer.headers
    assert not [key for method, key in s3.seen if method == "GET" and key.endswith(".file")] and frames(stack, "anna", waiting) == ["queued"]
    stack.worker.argv += settings(worker={"min_free_bytes": 0})
    stack.worker.restart()
    wait_end(stack, "anna", waiting)
    assert "retrying" not in frames(stack, "anna", waiting)


def killed_at(stack, s3, methods, part, *request):
    """The worker dies while the store has not answered such a request of it."""
    s3.stalled = 0
    s3.trouble = lambda method, key: "stall" if method in methods and part in key else None
    connection = Connection(stack.folder / "worker.sock")
    method, target, *more = request
    connection.request(method, f"{BASE}{target}?user_id=anna", *more)
    wait_until(lambda: s3.stalled, 10)
    stack.worker.kill()
    s3.calm()
    connection.close()


def test_a_kill_in_the_middle_of_keeping_leaves_a_cv_that_ends_once_or_nothing(make_vault, s3):
    stack = make_vault(timeout_s=20, worker={"upload_expire_s": HOUR})
    upload = "POST", "/cvs", FILE_PART + cv()[1] + b"\r\n--XX--\r\n", {"Content-Type": "multipart/form-data; boundary=XX"}
    for part in (".file", ".json"):
        killed_at(stack, s3, {"PUT"}, part, *upload)
        age(s3, 2 * HOUR)
        stack.worker.start()
        wait_until(lambda: not [key for key in s3.keys() if "/cvs/" in key], 20, s3.keys)
    killed_at(stack, s3, {"HEAD"}, "gone/", *upload)
    age(s3, 2 * HOUR)
    stack.worker.start()
    cv_id = s3.keys(".json")[0].rpartition("/")[2].removesuffix(".json")
    wait_end(stack, "anna", cv_id)
    assert frames(stack, "anna", cv_id).count("completed") == 1


def test_an_upload_that_was_kept_before_a_kill_is_not_taken_back(make_vault, s3):
    stack = make_vault(timeout_s=20, attempts_max=1)
    body, upload = cv()[1], {"Content-Type": STREAM, **{name.replace("_", "-"): value for name, value in TUS.items()}}
    answer, _ = ask(stack, "worker", "POST", "/files", Upload_Length=len(body), Upload_Metadata=metadata(filename="cv.txt"), **TUS)
    target = answer.headers["Location"].removeprefix(BASE)
    killed_at(stack, s3, {"HEAD"}, "gone/", "PATCH", target, body, {"Upload-Offset": "0", **upload})
    record, = s3.keys(".json")
    stack.worker.start()
    for method, part in (("HEAD", ".json"), ("HEAD", "gone/")):
        s3.trouble = lambda m, key: 503 if m == method and part in key else None
        assert ask(stack, "worker", "HEAD", target, **TUS)[0].status == 503 and record in s3.keys()
        s3.calm()
        wait_until(lambda: ready(stack), 10)
    assert ask(stack, "worker", "HEAD", target, **TUS)[0].status == 200
    cv_id = target.rpartition("/")[2]
    wait_end(stack, "anna", cv_id)
    assert frames(stack, "anna", cv_id).count("completed") == 1 and not spooled(stack)


def test_a_kill_in_the_middle_of_erasing_leaves_nothing(make_vault, s3):
    stack = make_vault(timeout_s=20)
    for method, part in (("PUT", "gone/"), ("DELETE", ".json"), ("DELETE", ".result"), ("DELETE", ".file"), ("DELETE", "users/")):
        cv_id, = submit(stack, "anna", "Quokkamarker")
        wait_end(stack, "anna", cv_id)
        killed_at(stack, s3, {method}, part, "DELETE", f"/cvs/{cv_id}")
        stack.worker.start()
        if method == "PUT":
            assert stack.request("DELETE", f"/cvs/{cv_id}", "anna").status_code == 204, "it had not begun"
        wait_until(lambda: not s3.holds("Quokkamarker") and not s3.keys(".cv"), 10, s3.keys)
        assert stack.request("GET", f"/cvs/{cv_id}", "anna").status_code == 404


def test_what_redis_lost_is_taken_up_again_once(make_vault, s3):
    s3.page = 4
    stack = make_vault()
    stack.db.set("{cvq}:paused", 1)
    ids = submit(stack, "anna", "Quokka", "Numbat", "Bilby", "Dingo")
    stack.worker.stop()
    stack.db.flushall()
    age(s3, 60)
    stack.worker.start()
    for cv_id in ids:
        wait_end(stack, "anna", cv_id)
        assert frames(stack, "anna", cv_id).count("completed") == 1
    assert '"recovered"' in stack.worker.output() and not spooled(stack)


def test_an_erased_cv_and_an_erased_user_leave_nothing_whatever_the_store_does(make_vault, s3):
    stack = make_vault(attempts_max=1, worker={"upload_expire_s": 3600})
    gone, kept = submit(stack, "anna", "Quokkamarker", "Numbatmarker")
    wait_end(stack, "anna", kept), wait_end(stack, "anna", gone)
    s3.trouble = lambda method, key: 500 if method == "DELETE" and key.endswith(".file") else None
    answer = stack.request("DELETE", f"/cvs/{gone}", "anna")
    assert (answer.status_code, answer.json()["code"]) == (503, "storage_unavailable")
    stack.worker.kill()
    s3.calm()
    stack.worker.start()
    wait_until(lambda: not s3.holds("Quokkamarker"), 10, "the sweep does not go on with it")
    rewritten(stack)
    assert not found(stack, "Quokkamarker"), "Redis was not told to forget it"
    assert stack.request("DELETE", f"/cvs/{gone}", "anna").status_code == 404
    assert stack.request("GET", f"/cvs/{kept}/file", "anna").content == cv("Numbatmarker")[1]
    other, = submit(stack, "bert", "Bilbymarker")
    wait_end(stack, "bert", other)
    stack.db.set("{cvq}:paused", 1)
    submit(stack, "anna", "Dingomarker")
    other_worker(stack, spool_dir=stack.folder / "other")
    answer, _ = ask(stack, "other", "POST", "/files", b"Potoromarker", Upload_Length=50, Upload_Metadata=metadata(filename="Potoromarker.txt"),
                    Content_Type=STREAM, **TUS)
    assert answer.status == 201 and spooled(stack, "other")
    answer = stack.request("DELETE", "/users/anna", "admin")
    assert (answer.status_code, answer.json()["files"]) == (200, 2), answer.text
    rewritten(stack)
    for marker in ("Numbatmarker", "Dingomarker", "Potoromarker"):
        wait_until(lambda: not found(stack, marker) and not s3.holds(marker), 10, lambda: f"{found(stack, marker)} {s3.holds(marker)}")
    assert s3.holds("Bilbymarker") and not found(stack, "anna@") and not s3.holds("anna")


def test_nobody_brings_an_erased_cv_back(make_vault, s3):
    """Its reader dies after it wrote the result, before it looked whether it may; its record comes back from a writer likewise."""
    stack = make_vault(timeout_s=20, worker={"upload_expire_s": 1})
    cv_id, = submit(stack, "anna", "Quokkamarker")
    wait_end(stack, "anna", cv_id)
    before = dict(s3.objects)
    assert stack.request("DELETE", f"/cvs/{cv_id}", "anna").status_code == 204
    stack.worker.stop()
    stack.db.flushall()
    s3.objects.update({key: value for key, value in before.items()})
    age(s3, 60, ".json")
    stack.worker.start()
    wait_until(lambda: not s3.holds("Quokkamarker"), 20, s3.keys)
    assert not frames(stack, "anna", cv_id)
    wait_until(lambda: not [key for key in s3.keys() if "/users/" not in key], 20, s3.keys)


def test_files_past_their_time_go(make_vault, s3):
    stack = make_vault(worker={"retention_days": 1})
    old, young = submit(stack, "anna", "Quokkamarker", "Numbatmarker")
    wait_end(stack, "anna", old), wait_end(stack, "anna", young)
    key = f"cvpulse/cvs/{old}.json"
    record = json.loads(s3.objects[key][0])
    record["created_ms"] -= 25 * HOUR * 1000
    age(s3, 25 * HOUR, f"{old}.file")
    s3.objects[key] = (json.dumps(record).encode(), time.time())  # as if it had been read again since
    wait_until(lambda: not s3.holds("Quokkamarker") and not s3.holds(old), 20, s3.keys)
    assert state(stack, "anna", young)["resume"]


@pytest.mark.parametrize("keys,code", [({"secret": "wrong"}, "SignatureDoesNotMatch"), ({"bucket": "other"}, "NoSuchBucket")])
def test_a_wrong_key_or_bucket_is_said_and_the_worker_is_not_ready(make_vault, s3, monkeypatch, keys, code):
    monkeypatch.setattr(Process, "wait_ready", lambda self, timeout=20: None)
    stack = make_vault(**keys)
    wait_until(lambda: code in stack.worker.output(), 10, lambda: stack.worker.output())
    assert not ready(stack) and code in unix_get(stack.folder / "worker.sock", "/health/storage")[1]
    assert stack.worker.output().count('"s3_unavailable"') == 1 and SECRET not in stack.worker.output()


def test_the_stores_certificate_must_be_trusted(make_stack, tmp_path, monkeypatch):
    subject = ["-subj", "/CN=store", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "1", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    subprocess.run(["openssl", "req", "-x509", "-keyout", "key.pem", "-out", "cert.pem", *subject], cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "both.pem").write_text((tmp_path / "key.pem").read_text() + (tmp_path / "cert.pem").read_text())
    (tmp_path / "secret").write_text(SECRET)
    server = S3Server(tmp_path / "both.pem")
    section = {"url": server.url, "bucket": BUCKET, "region": REGION, "access_key_id": KEY_ID, "secret_key_file": tmp_path / "secret"}
    stack = make_stack(without=("notifier", "nginx"), s3={**section, "ca_file": tmp_path / "cert.pem"})
    monkeypatch.setattr(Process, "wait_ready", lambda self, timeout=20: None)
    stack.worker.stop()
    stack.worker.argv += settings(s3={"ca_file": ""})
    stack.worker.start()
    wait_until(lambda: "certificate is not trusted" in stack.worker.output(), 10, stack.worker.output)
    assert not ready(stack) and server.seen
    server.close()


@pytest.mark.skipif("CVPULSE_KILLS" not in os.environ, reason="CVPULSE_KILLS says how often; it takes a minute")
def test_what_was_acknowledged_survives_kill_9_at_any_moment(make_vault, s3):
    stack = make_vault(redis={"history_length": 100000, "reconnect_max_s": 0.2}, worker={"ocr_slots": 0, "batch_idle_s": 15, "max_attempts": 100, "retry_max_s": 0.2})
    senders = load_with_kills(stack)
    acknowledged = {name: cv_id for sender in senders for name, cv_id in sender.acknowledged.items()}
    wait_until(lambda: not not_over(stack, acknowledged.values()), 90, lambda: f"not over: {not_over(stack, acknowledged.values())}")

    def completed():
        return {cv_id for cv_id, frame in newest_frames(stack).items() if frame["status"] == "completed"}

    def kept(ending):
        return {key.rpartition("/")[2].removesuffix(ending) for key in s3.keys(ending)}
    wait_until(lambda: kept(".json") == kept(".result") == completed(), 60, "what is kept is not what ended")
    ends = Journey([json.loads(fields["f"]) for _, fields in stack.db.xrange("user:anna:history")]).check().ends()
    assert {name: cv_id for cv_id, name in ((cv_id, frame["filename"]) for cv_id, frame in ends.items()) if name in acknowledged} == acknowledged
    assert all(ends[cv_id]["status"] == "completed" for cv_id in acknowledged.values())
