"""Resumable uploads (tus 1.0.0): each answer of the specification, and what survives what. Most tests hold the queue
(`{cvq}:paused`), so that a CV stays where ingest put it."""
import base64
import functools
import hashlib
import socket
import threading

import pytest
import requests

from harness import BASE, SAMPLES, unix_get, wait_until

FILES = f"{BASE}/files"
STREAM = "application/offset+octet-stream"
CONTENT = b"Person Number 1\nperson1@example.org\n" * 1000


@pytest.fixture
def make_tus(make_ingest):
    return functools.partial(make_ingest, paused=True)


@pytest.fixture
def tus(make_tus):
    return make_tus()


def b64(text):
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


def metadata(**values):
    return ",".join(f"{k} {b64(v)}" for k, v in values.items())


def call(stack, method, path, data=None, user="anna", **headers):
    headers = {"Tus-Resumable": "1.0.0", **{k.replace("_", "-"): str(v) for k, v in headers.items()}}
    query = {"user_id": user} if path == FILES else {}
    return requests.request(method, stack.url + path, params=query, data=data, timeout=60, allow_redirects=False,
                            headers={k: v for k, v in headers.items() if v != "None"})


def create(stack, length=len(CONTENT), data=None, user="anna", **headers):
    headers.setdefault("Upload_Metadata", metadata(filename="cv.txt"))
    if data is not None:
        headers.setdefault("Content_Type", STREAM)
    return call(stack, "POST", FILES, data, user, Upload_Length=length, **headers)


def created(stack, *args, **kwargs):
    answer = create(stack, *args, **kwargs)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"].startswith(FILES + "/c")
    return answer.headers["Location"]


def patch(stack, path, offset, data, **headers):
    headers.setdefault("Content_Type", STREAM)
    return call(stack, "PATCH", path, data, Upload_Offset=offset, **headers)


def offset_of(stack, path):
    answer = call(stack, "HEAD", path)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "private, no-store"), answer.status_code
    return int(answer.headers["Upload-Offset"])


def problem(answer, status, code):
    assert (answer.status_code, answer.headers["Tus-Resumable"]) == (status, "1.0.0"), answer.text
    assert answer.json()["code"] == code
    return answer.json()["detail"]


def cv_of(stack, path, user="anna"):
    return stack.request("GET", f"/cvs/{path.rsplit('/', 1)[1]}", user)


def file_of(stack, path, user="anna"):
    return stack.request("GET", f"/cvs/{path.rsplit('/', 1)[1]}/file", user).content


def spooled(stack):
    return sorted(p.suffix for p in (stack.folder / "spool").glob("[0-9a-f][0-9a-f]/*"))


def half_sent(stack, path, offset, data, length, *headers):
    """A connection that has sent a part of what it announced."""
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect(str(stack.folder / "worker.sock"))
    lines = [f"PATCH {path} HTTP/1.1", "Host: localhost", "Tus-Resumable: 1.0.0", f"Content-Type: {STREAM}", f"Upload-Offset: {offset}",
             f"Content-Length: {length}", *headers]
    s.sendall("\r\n".join([*lines, "", ""]).encode() + data)
    return s


def part_size(stack, path):
    sizes = [p.stat().st_size for p in (stack.folder / "spool").glob(f"*/{path.rsplit('/', 1)[1]}.part")]
    return sizes[0] if sizes else None


def test_the_server_says_what_it_can(tus):
    answer = requests.options(tus.url + FILES, timeout=20)
    assert answer.status_code == 204 and answer.headers["Tus-Version"] == "1.0.0"
    assert set(answer.headers["Tus-Extension"].split(",")) == {"creation", "creation-with-upload", "termination", "checksum", "expiration"}
    assert answer.headers["Tus-Max-Size"] == "52428800" and answer.headers["Tus-Checksum-Algorithm"] == "sha1,sha256"


def test_an_upload_in_pieces_becomes_a_cv(tus):
    said = metadata(filename="Jané.txt", filetype="text/plain", batch_id="b1", other="x") + ",flag"
    answer = create(tus, Upload_Metadata=said)
    path = answer.headers["Location"]
    assert answer.status_code == 201 and answer.headers["X-Batch-Id"] == "b1" and "GMT" in answer.headers["Upload-Expires"]
    assert cv_of(tus, path).status_code == 404
    for start in (0, 10000, 20000):
        answer = patch(tus, path, start, CONTENT[start:start + 10000])
        assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, str(start + 10000)) and "Upload-Expires" in answer.headers
        assert offset_of(tus, path) == start + 10000
    head = call(tus, "HEAD", path)
    assert (head.headers["Upload-Length"], head.headers["Upload-Metadata"]) == (str(len(CONTENT)), said)
    assert patch(tus, path, 30000, CONTENT[30000:]).headers["Upload-Offset"] == str(len(CONTENT))
    cv = cv_of(tus, path).json()
    assert (cv["status"], cv["filename"], cv["batch_id"]) == ("queued", "Jané.txt", "b1")
    assert file_of(tus, path) == CONTENT and spooled(tus) == [".file", ".json"]
    assert offset_of(tus, path) == len(CONTENT), "a client that lost the last answer learns that it is done"


def test_the_first_bytes_may_come_with_the_creation(tus):
    path = created(tus, data=CONTENT[:5000])
    assert offset_of(tus, path) == 5000
    answer = create(tus, data=CONTENT)
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (201, str(len(CONTENT)))
    assert cv_of(tus, answer.headers["Location"]).json()["status"] == "queued"
    empty = created(tus, length=0)
    assert cv_of(tus, empty).json()["status"] == "queued", "an empty file is accepted, and fails later"


def test_an_upload_without_a_batch_makes_a_closed_one(make_tus):
    stack = make_tus(paused=False)
    content = SAMPLES[0].read_bytes()
    answer = create(stack, len(content), content, Upload_Metadata=metadata(filename=SAMPLES[0].name))
    batch = answer.headers["X-Batch-Id"]
    wait_until(lambda: stack.request("GET", f"/batches/{batch}", "anna").json().get("status") == "completed", 30)
    assert cv_of(stack, answer.headers["Location"]).json()["resume"]


def test_each_error_of_the_specification(tus):
    path = created(tus)
    answer = call(tus, "POST", FILES, Tus_Resumable="0.2.2", Upload_Length=1)
    problem(answer, 412, "tus_version")
    assert answer.headers["Tus-Version"] == "1.0.0"
    for method, where in (("POST", FILES), ("PATCH", path), ("DELETE", path)):
        problem(call(tus, method, where, Tus_Resumable=None, Upload_Offset=0), 412, "tus_version")
    problem(patch(tus, path, 0, b"x", Content_Type="text/plain"), 415, "unsupported_media_type")
    problem(patch(tus, path, 0, b"x", Content_Type=None), 415, "unsupported_media_type")
    problem(create(tus, 1, b"x", Content_Type="text/plain"), 415, "unsupported_media_type")
    problem(patch(tus, path, 5, b"x"), 409, "wrong_offset")
    for bad in ("x", "-1", "", "1e3", "99999999999999999999"):
        problem(patch(tus, path, bad, b"x"), 400, "bad_offset")
    for bad in ("x", "-1", "None", "1.5", "99999999999999999999"):
        problem(create(tus, bad), 400, "bad_length")
    problem(patch(tus, path, 0, CONTENT + b"x"), 413, "too_large")
    problem(create(tus, 2, b"xyz"), 413, "too_large")
    problem(create(tus, 52428801), 413, "too_large")
    problem(create(tus, None, Upload_Defer_Length=1), 400, "not_supported")
    problem(create(tus, Upload_Concat="partial"), 400, "not_supported")
    for bad in ("filename", "filename x", "filename a=b=", "a YQ==,a YQ==", ",", "x" * 4097):
        answer = create(tus, Upload_Metadata=bad)
        assert answer.status_code == 201 if bad == "filename" else problem(answer, 400, "bad_metadata")
    problem(create(tus, Upload_Metadata=metadata(batch_id="../x")), 400, "bad_id")
    problem(create(tus, Upload_Metadata=metadata(batch_id="x" * 200)), 400, "bad_id")
    problem(create(tus, Upload_Metadata=metadata(priority="10")), 422, "bad_field")
    problem(patch(tus, path, 0, b"x", Upload_Checksum="md5 xxxx"), 400, "bad_checksum")
    problem(patch(tus, path, 0, b"x", Upload_Checksum="sha1"), 400, "bad_checksum")
    problem(patch(tus, path, 0, b"x", Upload_Checksum=f"sha1 {b64(b'short')}"), 400, "bad_checksum")
    problem(patch(tus, path, 0, b"hello", Upload_Checksum=f"sha1 {b64(hashlib.sha1(b'other').digest())}"), 460, "checksum_mismatch")
    problem(patch(tus, f"{FILES}/unknown", 0, b"x"), 404, "not_found")
    problem(patch(tus, f"{FILES}/a%2Fb", 0, b"x"), 400, "bad_id")
    assert call(tus, "HEAD", f"{FILES}/unknown").status_code == 404
    problem(call(tus, "PUT", path), 405, "method_not_allowed")
    assert offset_of(tus, path) == 0


def test_a_body_of_unknown_length_is_refused(tus):
    path = created(tus)
    s = socket.socket(socket.AF_UNIX)
    s.connect(str(tus.folder / "worker.sock"))
    s.sendall(f"PATCH {path} HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".encode())
    assert b" 411 " in s.recv(4096).split(b"\r\n")[0]
    s.close()


def test_what_a_checksum_proves_counts_and_nothing_else(tus):
    path = created(tus)
    for algorithm in ("sha1", "sha256"):
        start = offset_of(tus, path)
        piece = CONTENT[start:start + 10000]
        answer = patch(tus, path, start, piece, Upload_Checksum=f"{algorithm} {b64(hashlib.new(algorithm, piece).digest())}")
        assert answer.headers["Upload-Offset"] == str(start + 10000)
    wrong = patch(tus, path, 20000, b"x" * 10000, Upload_Checksum=f"sha1 {b64(hashlib.sha1(b'y').digest())}")
    assert problem(wrong, 460, "checksum_mismatch") and offset_of(tus, path) == 20000
    good = f"Upload-Checksum: sha1 {b64(hashlib.sha1(CONTENT[20000:]).digest())}"
    s = half_sent(tus, path, 20000, CONTENT[20000:30000], len(CONTENT) - 20000, good)
    wait_until(lambda: part_size(tus, path) == 30000)
    s.close()
    assert offset_of(tus, path) == 20000, "half of a piece cannot be verified"
    s = half_sent(tus, path, 20000, CONTENT[20000:30000], len(CONTENT) - 20000, good)
    wait_until(lambda: part_size(tus, path) == 30000)
    tus.worker.kill()
    s.close()
    tus.worker.start()
    assert offset_of(tus, path) == 20000, "nor after a crash"
    assert patch(tus, path, 20000, CONTENT[20000:25000]).status_code == 204, "and it goes on without checksums"
    tus.worker.kill()
    tus.worker.start()
    assert offset_of(tus, path) == 25000
    assert patch(tus, path, 25000, CONTENT[25000:]).status_code == 204
    assert file_of(tus, path) == CONTENT


def test_bytes_survive_a_cut_connection_and_kill_9(tus):
    path = created(tus)
    s = half_sent(tus, path, 0, CONTENT[:10000], len(CONTENT))
    wait_until(lambda: part_size(tus, path) == 10000)
    s.close()
    assert offset_of(tus, path) == 10000
    s = half_sent(tus, path, 10000, CONTENT[10000:20000], len(CONTENT) - 10000)
    wait_until(lambda: part_size(tus, path) == 20000)
    tus.worker.kill()
    s.close()
    tus.worker.start()
    assert offset_of(tus, path) == 20000
    assert patch(tus, path, 20000, CONTENT[20000:]).status_code == 204
    assert file_of(tus, path) == CONTENT


def test_a_later_request_takes_an_upload_from_a_dead_connection(tus):
    path = created(tus)
    s = half_sent(tus, path, 0, CONTENT[:10000], len(CONTENT))
    wait_until(lambda: part_size(tus, path) == 10000)
    assert offset_of(tus, path) == 10000, "the connection that nobody uses any more does not keep it"
    assert s.recv(100) == b""
    s.close()
    assert patch(tus, path, 10000, CONTENT[10000:]).status_code == 204
    assert file_of(tus, path) == CONTENT


def test_many_at_once_about_one_upload_leave_it_whole(tus):
    path = created(tus)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(patch(tus, path, 0, CONTENT).status_code)) for _ in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    wait_until(lambda: offset_of(tus, path) == len(CONTENT) or patch(tus, path, offset_of(tus, path), CONTENT[offset_of(tus, path):]))
    assert file_of(tus, path) == CONTENT and set(answers) <= {204, 409, 502, 423}, answers


def test_it_is_not_complete_before_it_is_accepted(make_tus):
    stack = make_tus(worker={"queue_max": 1})
    created(stack, data=CONTENT)
    path = created(stack)
    answer = patch(stack, path, 0, CONTENT + b"", user="anna")
    assert problem(answer, 503, "queue_full") and "Retry-After" in answer.headers
    assert call(stack, "HEAD", path).status_code == 503
    assert cv_of(stack, path).status_code == 404 and spooled(stack) == [".file", ".json", ".part", ".tus"]
    stack.db.delete("{cvq}:paused")
    wait_until(lambda: call(stack, "HEAD", path).status_code == 200, 20)
    assert offset_of(stack, path) == len(CONTENT)
    wait_until(lambda: cv_of(stack, path).json()["status"] in ("completed", "failed"), 20)
    assert spooled(stack).count(".part") == 0


def test_without_redis_an_upload_goes_on_and_is_not_accepted(tus):
    path = created(tus)
    tus.redis.kill()
    wait_until(lambda: unix_get(tus.folder / "worker.sock", "/health/ready")[0] == 503, 10)
    problem(create(tus), 503, "unavailable")
    assert patch(tus, path, 0, CONTENT[:100]).status_code == 204
    problem(patch(tus, path, 100, CONTENT[100:]), 503, "unavailable")
    tus.redis.start()
    wait_until(lambda: call(tus, "HEAD", path).status_code == 200, 15)
    assert offset_of(tus, path) == len(CONTENT) and cv_of(tus, path).json()["status"] == "queued"


def test_a_terminated_upload_is_gone(tus):
    path = created(tus, data=CONTENT[:100])
    assert call(tus, "DELETE", path).status_code == 204
    assert call(tus, "HEAD", path).status_code == 404 and spooled(tus) == []
    problem(call(tus, "DELETE", path), 404, "not_found")
    done = created(tus, data=CONTENT)
    assert call(tus, "DELETE", done).status_code == 204, "a finished one too, with its CV"
    assert cv_of(tus, done).status_code == 404 and call(tus, "HEAD", done).status_code == 404 and spooled(tus) == []


def test_an_upload_that_nobody_could_ask_for_is_not_kept(make_tus):
    stack = make_tus(worker={"queue_max": 1})
    wrong = f"sha1 {b64(hashlib.sha1(b'other').digest())}"
    problem(create(stack, data=CONTENT[:10], Upload_Checksum=wrong), 460, "checksum_mismatch")
    created(stack, data=CONTENT)
    problem(create(stack, data=CONTENT), 503, "queue_full")
    wait_until(lambda: spooled(stack) == [".file", ".json"] and not stack.db.exists("user:anna:uploads"))
    lines = [f"POST {FILES}?user_id=anna HTTP/1.1", "Host: localhost", "Tus-Resumable: 1.0.0", "Upload-Length: 1000", f"Content-Type: {STREAM}",
             "Content-Length: 1000"]
    s = socket.socket(socket.AF_UNIX)
    s.connect(str(stack.folder / "worker.sock"))
    s.sendall("\r\n".join([*lines, "", ""]).encode() + b"x" * 100)
    wait_until(lambda: ".part" in spooled(stack))
    s.close()
    wait_until(lambda: spooled(stack) == [".file", ".json"])
    problem(create(stack, data=CONTENT, Idempotency_Key="k1"), 503, "queue_full")
    assert spooled(stack).count(".part") == 1, "with a key the upload is found again"
    stack.db.delete("{cvq}:paused")
    wait_until(lambda: create(stack, Idempotency_Key="k1").status_code == 201)


def test_a_person_may_have_so_many_unfinished_uploads(make_tus):
    stack = make_tus(worker={"max_uploads_per_user": 2})
    first, second = created(stack, data=CONTENT[:10]), created(stack)
    answer = create(stack)
    assert problem(answer, 429, "too_many_uploads") and "Retry-After" in answer.headers
    assert create(stack, user="ben").status_code == 201
    assert patch(stack, first, 10, CONTENT[10:]).status_code == 204
    assert call(stack, "DELETE", second).status_code == 204
    wait_until(lambda: stack.db.zcard("user:anna:uploads") == 0)
    for _ in range(2):
        created(stack)
    problem(create(stack), 429, "too_many_uploads")


def test_where_only_post_gets_through(tus):
    path = created(tus)
    assert call(tus, "POST", path, CONTENT[:10], Upload_Offset=0, Content_Type=STREAM, X_HTTP_Method_Override="PATCH").status_code == 204
    assert call(tus, "POST", path, X_HTTP_Method_Override="HEAD").headers["Upload-Offset"] == "10"
    assert call(tus, "POST", path, X_HTTP_Method_Override="DELETE").status_code == 204
    assert call(tus, "HEAD", path).status_code == 404
    problem(call(tus, "POST", FILES, X_HTTP_Method_Override="MOVE"), 405, "method_not_allowed")


def test_an_upload_expires(make_tus):
    stack = make_tus(worker={"upload_expire_s": 1})
    path = created(stack, data=CONTENT[:10])
    wait_until(lambda: call(stack, "HEAD", path).status_code == 410, 10)
    problem(patch(stack, path, 10, CONTENT[10:]), 410, "expired")
    assert call(stack, "DELETE", path).status_code == 204


def test_the_same_key_makes_one_upload(tus):
    first = create(tus, data=CONTENT[:10], Idempotency_Key="k1")
    again = create(tus, Idempotency_Key="k1")
    assert again.headers["Location"] == first.headers["Location"] and again.headers["Upload-Offset"] == "10"
    assert create(tus, Idempotency_Key="k1", user="ben").headers["Location"] != first.headers["Location"]
    assert create(tus, Idempotency_Key="k2").headers["Location"] != first.headers["Location"]
    assert patch(tus, first.headers["Location"], 10, CONTENT[10:]).status_code == 204
    done = create(tus, Idempotency_Key="k1")
    assert (done.status_code, done.headers["Location"], done.headers["Upload-Offset"]) == (201, first.headers["Location"], str(len(CONTENT)))
    problem(create(tus, Idempotency_Key="a b"), 400, "bad_idempotency_key")


def test_a_page_of_an_allowed_origin_may_upload(make_tus):
    stack = make_tus(auth={"allowed_origins": "https://app.example.org"})
    origin = {"Origin": "https://app.example.org"}
    ask = requests.options(stack.url + FILES, timeout=20, headers={
        **origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "tus-resumable,upload-length,upload-metadata"})
    assert (ask.status_code, ask.headers["Access-Control-Allow-Origin"]) == (204, "https://app.example.org")
    allowed = {h.strip().lower() for h in ask.headers["Access-Control-Allow-Headers"].split(",")}
    assert {"tus-resumable", "upload-length", "upload-metadata", "upload-offset", "content-type", "authorization"} <= allowed
    assert {"PATCH", "HEAD", "DELETE"} <= {m.strip() for m in ask.headers["Access-Control-Allow-Methods"].split(",")}
    answer = create(stack, Origin="https://app.example.org")
    assert answer.status_code == 201 and answer.headers["Access-Control-Allow-Origin"] == "https://app.example.org"
    assert {"Location", "Upload-Offset"} <= {h.strip() for h in answer.headers["Access-Control-Expose-Headers"].split(",")}
    assert "Origin" in answer.headers["Vary"]
    ask = requests.options(stack.url + FILES, timeout=20, headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"})
    assert "Access-Control-Allow-Origin" not in ask.headers
    problem(create(stack, Origin="https://evil.example"), 403, "origin_refused")
