"""The worker's HTTP side: what is accepted, what is refused, what stays behind. Most tests hold the queue (`{cvq}:paused`), so
that a CV stays where ingest put it."""
import hashlib
import json
import os
import re
import socket
import stat
import subprocess
import time

import jsonschema
import pytest
import yaml

from harness import BASE, PATIENCE, ROOT, SAMPLES, unix_get, wait_until

KIB, MIB = 1024, 1024 * 1024


@pytest.fixture
def ingest(make_ingest):
    return make_ingest()


def text(n=1):
    return (f"cv-{n}.txt", f"Person Number {n}\nperson{n}@example.org\n".encode())


def spooled(stack):
    return sorted((stack.folder / "spool").glob("[0-9a-f][0-9a-f]/*"))


def wait_spooled(stack, n):
    """What was refused leaves the disk behind the answer's back."""
    wait_until(lambda: len(spooled(stack)) == n, 10, "the spool does not hold what it should")


def post(stack, files, user="anna", **fields):
    return stack.request("POST", "/cvs", user, files=[("file", f) for f in files], data=fields)


def cv_of(stack, user, cv_id):
    return stack.request("GET", f"/cvs/{cv_id}", user).json()


def wait_status(stack, user, cv_id, *statuses):
    return wait_until(lambda: (cv := cv_of(stack, user, cv_id))["status"] in statuses and cv, 30, f"no {statuses}")


def problem(answer, status, code):
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json"), answer.text
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.json()["code"] == code and answer.json()["status"] == status
    return answer.json()["detail"]


def raw(stack, head, body=b"", user="anna"):
    """A connection that has sent this; the caller goes on."""
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect(str(stack.folder / "worker.sock"))
    s.sendall(f"POST {BASE}/cvs?user_id={user} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n\r\n".encode() + body)
    return s


MULTIPART = "Content-Type: multipart/form-data; boundary=XX\r\nContent-Length: {}"
FILE_PART = b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'


def test_an_accepted_file_is_in_the_spool_and_comes_back(make_ingest):
    stack = make_ingest(paused=True)
    name, content = text()
    answer = stack.submit("anna", [(name, content)])
    assert set(answer) == {"batch_id", "cvs"} and [set(cv) for cv in answer["cvs"]] == [{"cv_id", "filename"}]
    cv_id = answer["cvs"][0]["cv_id"]
    files = spooled(stack)
    assert [p.name for p in files] == [f"{cv_id}.file", f"{cv_id}.json"]
    for p in files:
        assert stat.S_IMODE(p.stat().st_mode) == 0o600 and stat.S_IMODE(p.parent.stat().st_mode) == 0o700
    record = json.loads(files[1].read_text())
    assert (record["user_id"], record["batch_id"], record["sha256"]) == ("anna", answer["batch_id"], hashlib.sha256(content).hexdigest())
    cv = cv_of(stack, "anna", cv_id)
    assert (cv["status"], cv["stage"], cv["progress"], cv["attempt"], cv["filename"]) == ("queued", "received", 0, 1, name)
    assert "resume" not in cv
    got = stack.request("GET", f"/cvs/{cv_id}/file", "anna")
    assert got.content == content
    assert got.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert got.headers["X-Content-Type-Options"] == "nosniff" and got.headers["Content-Security-Policy"].startswith("sandbox")
    assert got.headers["Cache-Control"] == "private, no-store"


def test_a_file_of_another_user_is_not_there(make_ingest):
    stack = make_ingest(paused=True)
    answer = stack.submit("anna", [text()])
    cv_id = answer["cvs"][0]["cv_id"]
    for method, path in [("GET", f"/cvs/{cv_id}"), ("GET", f"/cvs/{cv_id}/file"), ("POST", f"/cvs/{cv_id}/retry"),
                         ("DELETE", f"/cvs/{cv_id}"), ("GET", f"/batches/{answer['batch_id']}"),
                         ("POST", f"/batches/{answer['batch_id']}/close"), ("POST", f"/batches/{answer['batch_id']}/cancel")]:
        problem(stack.request(method, path, "eve"), 404, "not_found")
    wait_spooled(stack, 2)
    assert cv_of(stack, "anna", cv_id)["status"] == "queued"


def test_what_is_wrong_with_an_upload_is_named(ingest):
    assert '"file"' in problem(ingest.request("POST", "/cvs", files=[("other", text())]), 422, "missing_field")
    assert '"file"' in problem(ingest.request("POST", "/cvs", files=[("note", (None, "x"))]), 422, "missing_field")
    assert "batch_id" in problem(post(ingest, [text()], batch_id="../x"), 400, "bad_id")
    assert "batch_id" in problem(post(ingest, [text()], batch_id="x" * 129), 400, "bad_id")
    assert "batch_id" in problem(ingest.request("POST", "/cvs", files=[("file", text())], params={"batch_id": "a/b"}), 400, "bad_id")
    assert "priority" in problem(post(ingest, [text()], priority="10"), 422, "bad_field")
    problem(ingest.request("POST", "/cvs", "a/b", files=[("file", text())]), 400, "bad_user_id")
    problem(ingest.request("POST", "/cvs", data=b"%PDF-1.4", headers={"Content-Type": "application/pdf"}), 415, "unsupported_media_type")
    problem(ingest.request("POST", "/cvs", data=b"x", headers={"Content-Type": "multipart/form-data"}), 400, "malformed_body")
    problem(ingest.request("POST", "/cvs", data=b"no delimiter", headers={"Content-Type": "multipart/form-data; boundary=XX"}),
            400, "malformed_body")
    problem(ingest.request("GET", "/cvs/a%2Fb"), 400, "bad_id")
    problem(ingest.request("GET", "/cvs/unknown"), 404, "not_found")
    problem(ingest.request("GET", "/nothing"), 404, "not_found")
    answer = ingest.request("DELETE", "/cvs")
    problem(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == "POST"
    wait_spooled(ingest, 0)


def test_a_chunked_body_is_refused(ingest):
    s = raw(ingest, "Content-Type: multipart/form-data; boundary=XX\r\nTransfer-Encoding: chunked", b"0\r\n\r\n")
    assert b" 411 " in s.recv(4096).split(b"\r\n")[0]
    s.close()


def test_size_is_refused_alone_and_listed_in_company(make_ingest):
    stack = make_ingest(paused=True, worker={"max_file_bytes": 100 * KIB, "max_upload_bytes": 2 * MIB})
    big = ("big.txt", b"x" * (100 * KIB + 1))
    problem(post(stack, [big]), 413, "too_large")
    wait_spooled(stack, 0)
    answer = post(stack, [text(1), big, text(2)])
    assert answer.status_code == 202
    assert [cv["filename"] for cv in answer.json()["cvs"]] == ["cv-1.txt", "cv-2.txt"]
    assert [(p["filename"], p["code"]) for p in answer.json()["problems"]] == [("big.txt", "too_large")]
    wait_spooled(stack, 4)
    assert stack.request("GET", f"/batches/{answer.json()['batch_id']}", "anna").json()["total"] == 2
    assert post(stack, [("edge.txt", b"x" * 100 * KIB)]).status_code == 202
    problem(post(stack, [("huge.txt", b"x" * 3 * MIB)]), 413, "too_large")


def test_the_answer_to_a_refused_body_reaches_a_client_that_is_still_sending(make_ingest):
    stack = make_ingest(worker={"max_upload_bytes": MIB})
    problem(stack.request("POST", "/cvs", "anna", files=[("file", ("huge.txt", b"x" * 20 * MIB))]), 413, "too_large")


def test_too_many_files_are_refused(make_ingest):
    stack = make_ingest(worker={"max_files_per_upload": 3})
    problem(post(stack, [text(i) for i in range(4)]), 413, "too_many_files")
    wait_spooled(stack, 0)


def test_an_empty_file_is_accepted_and_fails(ingest):
    answer = ingest.submit("anna", [("empty.pdf", b"")])
    cv = wait_status(ingest, "anna", answer["cvs"][0]["cv_id"], "failed")
    assert cv["error"]["code"] == "empty_file"


def test_file_names_are_made_harmless(make_ingest):
    stack = make_ingest(paused=True)
    names = {"../../etc/passwd.txt": "passwd.txt", "C:\\cv.txt": "cv.txt", "Ju\u0308rgen.txt": "Jürgen.txt", "a\u202etxt.exe": "atxt.exe"}
    body = b"".join(f'--XX\r\nContent-Disposition: form-data; name="file"; filename="{n}"\r\n\r\n{i}\r\n'.encode()
                    for i, n in enumerate(names)) + b"--XX--\r\n"
    answer = stack.request("POST", "/cvs", "anna", data=body, headers={"Content-Type": "multipart/form-data; boundary=XX"})
    assert [cv["filename"] for cv in answer.json()["cvs"]] == list(names.values())
    cv_id = answer.json()["cvs"][2]["cv_id"]
    assert "filename*=UTF-8''J%C3%BCrgen.txt" in stack.request("GET", f"/cvs/{cv_id}/file", "anna").headers["Content-Disposition"]


def test_the_same_key_gets_the_same_answer(make_ingest):
    stack = make_ingest(paused=True, worker={"max_file_bytes": 1000})

    def send(*files, user="anna", key="k1"):
        return stack.request("POST", "/cvs", user, files=[("file", f) for f in files], headers={"Idempotency-Key": key})
    first = send(text(1), ("big.txt", b"x" * 1001))
    assert (first.status_code, len(first.json()["cvs"]), len(first.json()["problems"])) == (202, 1, 1)
    again = send(text(1), ("big.txt", b"x" * 1001))
    assert (again.status_code, again.json()) == (202, first.json())
    wait_spooled(stack, 2)
    assert len(stack.db.keys("{cvq}:job:*")) == 1
    cv_id = first.json()["cvs"][0]["cv_id"]
    assert stack.db.keys("user:anna:once:*") and stack.request("DELETE", f"/cvs/{cv_id}", "anna").status_code == 204
    assert stack.db.keys("user:anna:once:*") == [], "an erased CV's name does not stay in an answer"
    assert send(text(1), user="ben").json()["batch_id"] != first.json()["batch_id"], "keys are each user's own"
    assert send(text(1), key="k2").json()["batch_id"] != first.json()["batch_id"]
    problem(send(text(1), key="a b"), 400, "bad_idempotency_key")
    problem(send(("big.txt", b"x" * 1001), key="k3"), 413, "too_large")
    assert send(text(3), key="k3").status_code == 202, "what was refused may be corrected"


def test_of_two_uploads_with_one_key_one_counts(make_ingest):
    stack = make_ingest(paused=True)
    body = FILE_PART + b"hello\r\n--XX--\r\n"
    head = "Idempotency-Key: k1\r\n" + MULTIPART.format(len(body))
    slow, quick = raw(stack, head, body[:-5]), raw(stack, head, body)
    answer = quick.recv(65536).split(b"\r\n\r\n", 1)
    assert b" 202 " in answer[0]
    slow.sendall(body[-5:])
    assert slow.recv(65536).split(b"\r\n\r\n", 1)[1] == answer[1]
    wait_spooled(stack, 2)
    stack.db.set("user:anna:once:upload:k2", "-")
    late = raw(stack, head.replace("k1", "k2"), body)
    assert b" 409 " in late.recv(65536).split(b"\r\n")[0], "the first one is still being placed"
    wait_spooled(stack, 2)
    for s in (slow, quick, late):
        s.close()


def test_a_client_that_goes_away_leaves_nothing(make_ingest):
    stack = make_ingest(paused=True)
    body = FILE_PART + b"x" * 300 * KIB
    s = raw(stack, MULTIPART.format(len(body) + 100), body)
    wait_until(lambda: spooled(stack), 10, "nothing is being written")
    s.close()
    wait_spooled(stack, 0)
    assert stack.db.keys("{cvq}:job:*") == []


def test_a_slow_upload_across_many_pieces_is_whole(make_ingest):
    stack = make_ingest(paused=True)
    content = os.urandom(700)
    body = FILE_PART + content + b"\r\n--XX\r\nContent-Disposition: form-data; name=batch_id\r\n\r\nmine\r\n--XX--\r\n"
    s = raw(stack, MULTIPART.format(len(body)))
    for i in range(0, len(body), 50):
        s.sendall(body[i:i + 50])
    answer = s.recv(65536)
    assert b" 202 " in answer.split(b"\r\n")[0]
    cv = json.loads(answer.split(b"\r\n\r\n", 1)[1])
    assert cv["batch_id"] == "mine"
    assert stack.request("GET", f"/cvs/{cv['cvs'][0]['cv_id']}/file", "anna").content == content
    s.close()


def test_memory_stays_flat_whatever_is_uploaded(make_ingest):
    stack = make_ingest(paused=True, worker={"max_file_bytes": 500 * MIB})
    if PATIENCE > 1:
        pytest.skip("a sanitized program keeps what it frees")

    def peak_kib():
        return int(re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{stack.worker.child.pid}/status").read())[1])
    stack.submit("anna", [text()])
    before = peak_kib()
    size = 150 * MIB
    end = b"\r\n--XX--\r\n"
    s = raw(stack, MULTIPART.format(len(FILE_PART) + size + len(end)), FILE_PART)
    s.settimeout(60)
    block = os.urandom(MIB)
    for _ in range(size // MIB):
        s.sendall(block)
    s.sendall(end)
    assert b" 202 " in s.recv(4096).split(b"\r\n")[0]
    s.close()
    assert peak_kib() - before < 8 * KIB, "an upload is kept in memory"


def test_a_batch_grows_until_it_is_closed(ingest):
    opened = ingest.request("POST", "/batches", "anna")
    assert opened.status_code == 201
    batch = opened.json()["batch_id"]
    assert opened.json()["status"] == "open"
    for i in range(2):
        answer = ingest.submit("anna", [text(i)], batch_id=batch)
        wait_status(ingest, "anna", answer["cvs"][0]["cv_id"], "completed", "failed")
    state = ingest.request("GET", f"/batches/{batch}", "anna").json()
    assert (state["status"], state["total"], state["completed"] + state["failed"], len(state["cvs"])) == ("open", 2, 2, 2)
    closed = ingest.request("POST", f"/batches/{batch}/close", "anna")
    assert closed.status_code == 200 and closed.json()["progress"] == 100
    assert ingest.request("POST", f"/batches/{batch}/close", "anna").status_code == 200
    problem(ingest.request("POST", "/batches/unknown/close", "anna"), 404, "not_found")


def test_a_batch_with_a_total_closes_itself(ingest):
    batch = ingest.request("POST", "/batches", "anna", json={"total": 2, "batch_id": "two"}).json()
    assert (batch["batch_id"], batch["total"]) == ("two", 2)
    ingest.submit("anna", [text(1), text(2)], batch_id="two")
    wait_until(lambda: ingest.request("GET", "/batches/two", "anna").json()["progress"] == 100, 30)
    problem(ingest.request("POST", "/batches", "anna", json={"total": -1}), 422, "bad_field")
    problem(ingest.request("POST", "/batches", "anna", data="[1"), 422, "bad_field")
    problem(ingest.request("POST", "/batches", "anna", json={"batch_id": "a/b"}), 400, "bad_id")


def test_batches_and_their_cvs_come_in_pages(make_ingest):
    stack = make_ingest(paused=True)
    ids = []
    for i in range(5):
        ids.append(stack.submit("anna", [text(i)], batch_id=f"b{i}")["batch_id"])
    seen, cursor = [], "0"
    while cursor is not None:
        page = stack.request("GET", "/batches", "anna", params={"cursor": cursor, "limit": 2}).json()
        assert len(page["batches"]) <= 2
        seen += [b["batch_id"] for b in page["batches"]]
        cursor = page["next_cursor"]
    assert seen == ids[::-1]
    first = stack.request("GET", "/batches", "anna", params={"limit": 2}).json()
    stack.db.zadd("user:anna:batches", {"b3": 2 ** 52})
    rest = stack.request("GET", "/batches", "anna", params={"cursor": first["next_cursor"]}).json()
    assert [b["batch_id"] for b in rest["batches"]] == ["b2", "b1", "b0"], "one that changes meanwhile moves no other"
    stack.db.zadd("user:anna:batches", {f"b{i}": 1000 for i in range(5)})
    first = stack.request("GET", "/batches", "anna", params={"limit": 2}).json()
    rest = stack.request("GET", "/batches", "anna", params={"cursor": first["next_cursor"]}).json()
    assert [b["batch_id"] for b in first["batches"] + rest["batches"]] == ids[::-1], "nor do equal times"
    assert rest["next_cursor"] is None
    stack.submit("anna", [text(i) for i in range(100, 350)], batch_id="many")
    cvs, cursor, pages = {}, "0", 0
    while cursor is not None:
        page = stack.request("GET", "/batches/many", "anna", params={"cursor": cursor}).json()
        cvs.update({cv["cv_id"]: cv for cv in page["cvs"]})
        cursor, pages = page["next_cursor"], pages + 1
    assert len(cvs) == 250 and pages > 1
    assert {cv["status"] for cv in cvs.values()} == {"queued"}
    for cursor in ("x", "1", "-b", "1-", "0-b", "1-a/b", "99999999999999999999-b", "1-" + "b" * 200):
        problem(stack.request("GET", "/batches", "anna", params={"cursor": cursor}), 400, "bad_request")
    problem(stack.request("GET", "/batches", "anna", params={"limit": "0"}), 400, "bad_request")


def test_cancelling_a_batch_ends_each_of_its_cvs(make_ingest):
    stack = make_ingest(paused=True)
    answer = stack.submit("anna", [text(i) for i in range(130)])
    cancelled = stack.request("POST", f"/batches/{answer['batch_id']}/cancel", "anna").json()
    assert (cancelled["status"], cancelled["cancelled"], cancelled["progress"]) == ("cancelled", 130, 100)
    cv = cv_of(stack, "anna", answer["cvs"][0]["cv_id"])
    assert (cv["status"], cv["error"]["code"], cv["filename"]) == ("cancelled", "cancelled", "cv-0.txt")
    assert stack.db.keys("{cvq}:job:*") == []
    stack.db.delete("{cvq}:paused")
    assert stack.request("POST", f"/batches/{answer['batch_id']}/cancel", "anna").json()["cancelled"] == 130


def test_the_same_file_again_is_answered_at_once(make_ingest):
    stack = make_ingest()
    sample = SAMPLES[0]
    first = stack.submit("anna", [sample])["cvs"][0]["cv_id"]
    done = wait_status(stack, "anna", first, "completed")
    stack.db.set("{cvq}:paused", 1)
    again = stack.submit("anna", [sample])
    cv = cv_of(stack, "anna", again["cvs"][0]["cv_id"])
    assert (cv["status"], cv["duplicate_of"], cv["resume"]) == ("completed", first, done["resume"])
    assert stack.request("GET", f"/batches/{again['batch_id']}", "anna").json()["status"] == "completed"
    stack.submit("anna", [sample], batch_id="open", close="0")
    wait_until(lambda: stack.db.zscore("{cvq}:batches", "anna/open"), 5, "nobody would close a batch of copies only")
    assert stack.request("DELETE", f"/cvs/{first}", "anna").status_code == 204
    assert cv_of(stack, "anna", cv["cv_id"])["resume"] == done["resume"], "a copy lives on without its original"
    forced = stack.submit("anna", [sample], force="1")["cvs"][0]["cv_id"]
    assert cv_of(stack, "anna", forced)["status"] == "queued"
    other = stack.submit("ben", [sample])["cvs"][0]["cv_id"]
    assert cv_of(stack, "ben", other)["status"] == "queued"


def test_a_state_that_did_not_change_is_not_sent_again(make_ingest):
    stack = make_ingest(paused=True)
    path = f"/cvs/{stack.submit('anna', [text()])['cvs'][0]['cv_id']}"
    first = stack.request("GET", path, "anna")
    tag = first.headers["ETag"]
    assert re.fullmatch(r'"\d+-\d+"', tag)
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        same = stack.request("GET", path, "anna", headers={"If-None-Match": known})
        assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", tag)
    assert stack.request("GET", path, "anna", headers={"If-None-Match": '"other"'}).status_code == 200
    stack.db.delete("{cvq}:paused")
    wait_until(lambda: stack.request("GET", path, "anna", headers={"If-None-Match": tag}).status_code == 200, 20)
    done = wait_status(stack, "anna", path[5:], "completed", "failed")
    wait_until(lambda: (tag := stack.request("GET", path, "anna").headers["ETag"]) and
               stack.request("GET", path, "anna", headers={"If-None-Match": tag}).status_code == 304)
    assert stack.request("GET", path, "anna").json() == done
    stack.db.flushall()
    late = stack.request("GET", path, "anna")
    assert stack.request("GET", path, "anna", headers={"If-None-Match": late.headers["ETag"]}).status_code == 304


def test_a_duplicate_of_what_failed_is_read_again(ingest):
    for _ in range(2):
        cv_id = ingest.submit("anna", [("empty.pdf", b"")])["cvs"][0]["cv_id"]
        assert "duplicate_of" not in wait_status(ingest, "anna", cv_id, "failed")


def test_a_duplicate_by_another_kind_of_name_is_judged_anew(ingest):
    bytes_ = text()[1]
    first = ingest.submit("anna", [("cv.txt", bytes_)])["cvs"][0]["cv_id"]
    wait_status(ingest, "anna", first, "completed")
    other = ingest.submit("anna", [("cv.pdf", bytes_)])["cvs"][0]["cv_id"]
    assert wait_status(ingest, "anna", other, "failed")["error"]["code"] == "type_mismatch"
    third = ingest.submit("anna", [("cv.pdf", bytes_)])["cvs"][0]["cv_id"]
    assert wait_status(ingest, "anna", third, "failed")["error"]["code"] == "type_mismatch"


def test_a_person_may_try_again_what_has_ended(make_ingest):
    stack = make_ingest()
    answer = stack.submit("anna", [("empty.pdf", b""), text()])
    cv_id = answer["cvs"][0]["cv_id"]
    wait_status(stack, "anna", cv_id, "failed")
    stack.db.set("{cvq}:paused", 1)
    again = stack.request("POST", f"/cvs/{cv_id}/retry", "anna")
    assert (again.status_code, again.json()["attempt"]) == (202, 2)
    assert cv_of(stack, "anna", cv_id)["status"] == "queued"
    problem(stack.request("POST", f"/cvs/{cv_id}/retry", "anna"), 409, "conflict")
    stack.db.delete("{cvq}:paused")
    cv = wait_status(stack, "anna", cv_id, "failed")
    assert cv["attempt"] == 2
    wait_until(lambda: stack.request("GET", f"/batches/{answer['batch_id']}", "anna").json()["progress"] == 100)


def test_a_deleted_cv_is_gone(make_ingest):
    stack = make_ingest(paused=True)
    answer = stack.submit("anna", [text(1), text(2)])
    waiting = answer["cvs"][0]["cv_id"]
    assert stack.request("DELETE", f"/cvs/{waiting}", "anna").status_code == 204
    problem(stack.request("GET", f"/cvs/{waiting}", "anna"), 404, "not_found")
    problem(stack.request("DELETE", f"/cvs/{waiting}", "anna"), 404, "not_found")
    wait_spooled(stack, 2)
    assert stack.db.keys(f"*{waiting}*") == [] and waiting not in stack.db.hgetall(f"user:anna:batch:{answer['batch_id']}:cvs")
    stack.db.delete("{cvq}:paused")
    wait_status(stack, "anna", answer["cvs"][1]["cv_id"], "completed", "failed")
    wait_until(lambda: stack.request("GET", f"/batches/{answer['batch_id']}", "anna").json()["progress"] == 100)


def test_without_redis_nothing_is_kept(ingest):
    ingest.redis.kill()
    wait_until(lambda: unix_get(ingest.folder / "worker.sock", "/health/ready")[0] == 503, 10)
    answer = post(ingest, [text()])
    problem(answer, 503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    problem(ingest.request("GET", "/batches"), 503, "unavailable")
    wait_spooled(ingest, 0)
    status, body = unix_get(ingest.folder / "worker.sock", "/health/comprehensive")
    assert status == 503 and json.loads(body)["services"]["redis"]["status"] == "unhealthy"
    assert unix_get(ingest.folder / "worker.sock", "/health/live")[0] == 200
    ingest.redis.start()
    wait_until(lambda: unix_get(ingest.folder / "worker.sock", "/health/ready")[0] == 200, 15, "it does not come back")
    ingest.submit("anna", [text()])


def test_redis_lost_in_the_middle_of_an_upload_keeps_nothing(make_ingest):
    stack = make_ingest(paused=True)
    body = FILE_PART + b"x" * KIB + b"\r\n--XX--\r\n"
    s = raw(stack, MULTIPART.format(len(body)), body[:-10])
    wait_until(lambda: spooled(stack), 10)
    stack.redis.kill()
    s.sendall(body[-10:])
    assert b" 503 " in s.recv(4096).split(b"\r\n")[0]
    s.close()
    wait_spooled(stack, 0)
    stack.redis.start()


def test_a_full_queue_refuses_and_keeps_nothing(make_ingest):
    stack = make_ingest(paused=True, worker={"queue_max": 3, "max_pending_per_user": 2})
    assert len(stack.submit("anna", [text(1), text(2)])["cvs"]) == 2
    problem(post(stack, [text(3)]), 429, "too_many_pending")
    mixed = post(stack, [text(4), text(5)], user="ben")
    assert mixed.status_code == 202 and len(mixed.json()["cvs"]) == 1
    assert [p["code"] for p in mixed.json()["problems"]] == ["queue_full"]
    answer = post(stack, [text(6)], user="carl")
    problem(answer, 503, "queue_full")
    assert "Retry-After" in answer.headers
    wait_spooled(stack, 6)
    assert stack.request("GET", "/batches", "carl").json()["batches"] == []


def test_without_space_uploads_are_refused(make_ingest):
    stack = make_ingest(worker={"min_free_bytes": 0})
    assert post(stack, [text()]).status_code == 202
    stack.worker.argv += ["--set", f"worker.min_free_bytes={2 ** 40}"]
    stack.worker.answers = lambda: unix_get(stack.folder / "worker.sock", "/health/redis")[0] == 200
    stack.worker.restart()
    problem(post(stack, [text(2)]), 507, "storage_full")
    assert unix_get(stack.folder / "worker.sock", "/health/ready")[0] == 503
    status, body = unix_get(stack.folder / "worker.sock", "/health/db")
    assert status == 503 and json.loads(body)["services"]["storage"]["status"] == "unhealthy"


def test_health_names_each_part(ingest):
    def all_healthy():
        return unix_get(ingest.folder / "worker.sock", "/health/comprehensive")[0] == 200
    wait_until(all_healthy, 20, "some part stays unhealthy")
    health = json.loads(unix_get(ingest.folder / "worker.sock", "/health/comprehensive")[1])
    assert (health["status"], health["overall_status"]) == ("healthy", "healthy")
    assert set(health["services"]) == {"redis", "storage", "queue", "extractor", "rate_limiter"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", health["timestamp"])
    for path in ("/health", "/health/live", "/health/ready", "/health/redis", "/health/storage", "/health/db"):
        assert unix_get(ingest.folder / "worker.sock", path)[0] == 200
        assert ingest.admin("worker", path)[0] == 200


def test_numbers_are_for_the_admin_listener_only(make_ingest):
    stack = make_ingest(paused=True)
    stack.submit("anna", [text(1), text(2)])
    for path in ("/metrics", "/api/stats", "/queue"):
        assert stack.admin("worker", path)[0] == 200
        assert unix_get(stack.folder / "worker.sock", path)[0] == 404
    stats = json.loads(stack.admin("worker", "/api/stats")[1])
    assert {"queued", "running", "retrying", "dead", "average_wait_ms", "files_per_hour", "stalled"} <= set(stats)
    assert (stats["queued"], stats["paused"]) == (2, True)
    assert 'cvpulse_queue_jobs{state="waiting"} 2' in stack.admin("worker", "/metrics")[1]


def admin_post(stack, path, *headers):
    result = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-X", "POST", "--unix-socket",
                             str(stack.folder / "worker-admin.sock"), *[x for h in headers for x in ("-H", h)], f"http://localhost{path}"],
                            capture_output=True, text=True, timeout=20, check=False)
    return int(result.stdout)


def test_an_operator_looks_at_the_queue_and_moves_it(make_ingest):
    stack = make_ingest()
    assert admin_post(stack, "/queue/pause", "Origin: http://elsewhere.example") == 403
    assert admin_post(stack, "/queue/pause") == 204
    waiting = stack.submit("anna", [text(1), text(2)])["cvs"]
    page = stack.admin("worker", "/queue")[1]
    assert "Waiting: 2" in page and waiting[0]["cv_id"] in page and "cv-1.txt" not in page and "<script" not in page
    assert f'<form method="post" action="/queue/cvs/{waiting[0]["cv_id"]}/drop"><button>' in page
    form = "Content-Type: application/x-www-form-urlencoded"
    assert admin_post(stack, "/queue/pause", form) == 303
    assert admin_post(stack, "/queue/cvs/unknown/retry", form) == 404
    assert admin_post(stack, f"/queue/cvs/{waiting[0]['cv_id']}/drop") == 204
    assert cv_of(stack, "anna", waiting[0]["cv_id"])["status"] == "cancelled"
    assert "Waiting: 1" in stack.admin("worker", "/queue")[1]
    assert admin_post(stack, f"/queue/cvs/{waiting[0]['cv_id']}/retry") == 202
    assert admin_post(stack, "/queue/resume") == 204
    for cv in waiting:
        wait_status(stack, "anna", cv["cv_id"], "completed", "failed")
    assert admin_post(stack, "/queue/cvs/unknown/retry") == 404


OPENAPI = yaml.safe_load((ROOT / "schema" / "openapi.yaml").read_text())


def test_the_openapi_document_has_every_route():
    routes = re.findall(r"HTTP_(\w+),\s+ROUTE_\w+,\s+API_BASE \"([^\"]+)\"", (ROOT / "worker" / "routes.c").read_text())
    described = {(method.upper(), path) for path, item in OPENAPI["paths"].items() for method in item if method != "parameters"}
    assert {(m, p) for m, p in routes} == described


def conforms(answer, path, method="get"):
    """The answer is one that the document promises for this call."""
    content = OPENAPI["paths"][path][method]["responses"][str(answer.status_code)].get("content", {})
    schema = content["application/json"]["schema"] if content else None
    if schema:
        jsonschema.validate(answer.json(), {**schema, "components": OPENAPI["components"]})
    return answer


def test_answers_are_as_the_openapi_document_says(make_ingest):
    stack = make_ingest(worker={"max_file_bytes": 1000})
    answer = conforms(post(stack, [text(), ("empty.txt", b""), ("big.txt", b"x" * 1001)]), "/cvs", "post").json()
    for cv in answer["cvs"]:
        wait_status(stack, "anna", cv["cv_id"], "completed", "failed")
        conforms(stack.request("GET", f"/cvs/{cv['cv_id']}", "anna"), "/cvs/{id}")
    conforms(stack.request("POST", f"/cvs/{answer['cvs'][1]['cv_id']}/retry", "anna"), "/cvs/{id}/retry", "post")
    conforms(stack.request("GET", "/batches", "anna"), "/batches")
    conforms(stack.request("POST", "/batches", "anna"), "/batches", "post")
    for action in ("close", "cancel"):
        conforms(stack.request("POST", f"/batches/{answer['batch_id']}/{action}", "anna"), f"/batches/{{id}}/{action}", "post")
    conforms(stack.request("GET", f"/batches/{answer['batch_id']}", "anna"), "/batches/{id}")
    conforms(stack.request("DELETE", f"/cvs/{answer['cvs'][0]['cv_id']}", "anna"), "/cvs/{id}", "delete")


def test_a_stop_lets_an_upload_end(make_ingest):
    stack = make_ingest(paused=True, worker={"drain_s": 10})
    body = FILE_PART + b"hello\r\n--XX--\r\n"
    s = raw(stack, MULTIPART.format(len(body)), body[:-5])
    wait_until(lambda: spooled(stack), 10)
    stack.worker.child.terminate()
    wait_until(lambda: '"stopping"' in stack.worker.output() or "stopping" in stack.worker.output(), 5)
    s.sendall(body[-5:])
    assert b" 202 " in s.recv(4096).split(b"\r\n")[0]
    s.close()
    assert stack.worker.child.wait(10) == 0
    wait_spooled(stack, 2)


def test_a_stop_does_not_wait_for_ever_for_a_sender(make_ingest):
    stack = make_ingest(paused=True, worker={"drain_s": 0.5})
    s = raw(stack, MULTIPART.format(1000), FILE_PART)
    wait_until(lambda: stack.db.client_list(), 5)
    started = time.monotonic()
    assert stack.worker.stop() == 0
    assert time.monotonic() - started < 5 * PATIENCE
    wait_spooled(stack, 0)
    s.close()


def start_with(stack, *flags):
    return subprocess.run([*stack.worker.argv, *flags], capture_output=True, text=True, timeout=20, check=False)


def test_what_keeps_it_from_starting_is_one_clear_line(make_ingest):
    stack = make_ingest()
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    port = taken.getsockname()[1]
    elsewhere = ("--set", f"worker.admin_listen=unix:{stack.folder}/other.sock", "--set", f"worker.listen=unix:{stack.folder}/another.sock")
    for flags, named in [((*elsewhere, "--set", f"worker.listen=127.0.0.1:{port}"), str(port)),
                         ((*elsewhere, "--set", "worker.spool_dir=/proc/nowhere"), "spool_dir"),
                         (("--set", "worker.listen=0.0.0.0:7001"), "worker.listen"),
                         (("--set", "worker.slots=many"), "slots"),
                         (("--set", "worker.nonsense=1"), "nonsense")]:
        result = start_with(stack, *flags)
        assert result.returncode == 2, (flags, result)
        lines = [line for line in result.stderr.splitlines() if line]
        assert len(lines) == 1 and named in lines[0], result.stderr
    taken.close()


def test_it_waits_for_a_redis_that_is_not_there_yet(make_ingest):
    stack = make_ingest()
    stack.worker.stop()
    stack.redis.kill()
    stack.worker.start(wait=False)
    wait_until(lambda: unix_get(stack.folder / "worker.sock", "/health/live")[0] == 200, 10)
    assert unix_get(stack.folder / "worker.sock", "/health/ready")[0] == 503
    stack.redis.start()
    wait_until(lambda: unix_get(stack.folder / "worker.sock", "/health/ready")[0] == 200, 15)


def test_a_new_limit_is_taken_over_by_sighup(make_ingest):
    stack = make_ingest(paused=True)
    config = stack.folder / "cvpulse.conf"
    config.write_text("[worker]\nmax_file_bytes = 1000000\n")
    stack.worker.argv[2] = str(config)
    stack.worker.restart()
    assert post(stack, [("a.txt", b"x" * 2000)]).status_code == 202
    config.write_text("[worker]\nmax_file_bytes = 1000\n")
    stack.worker.child.send_signal(1)
    wait_until(lambda: "config_reloaded" in stack.worker.output(), 5)
    problem(post(stack, [("b.txt", b"y" * 2000)]), 413, "too_large")


def test_what_no_record_stands_for_is_swept(make_ingest):
    stack = make_ingest(paused=True, worker={"sweep_s": 0.1})
    stack.submit("anna", [text()])
    orphans = [stack.folder / "spool" / f"{shard:02x}" / "corphan.file.tmp" for shard in range(256)]
    for orphan in orphans:
        orphan.write_bytes(b"left over")
        os.utime(orphan, (1, 1))
    wait_until(lambda: not all(o.exists() for o in orphans), 20, "no orphan goes")
    assert len([p for p in spooled(stack) if p not in orphans]) == 2
