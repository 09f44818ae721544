"""What an upload may be called, who is asked before it, and how much one person may send: the same by multipart and by tus."""
import base64
import functools
import http.server
import json
import re
import socket
import subprocess
import threading
import unicodedata
import urllib.parse

import pytest
import requests

from harness import BASE, BUILD, SAMPLES, wait_until

FILES = f"{BASE}/files"
STREAM = "application/offset+octet-stream"


@pytest.fixture
def make_uploads(make_ingest):
    return functools.partial(make_ingest, paused=True)


def b64(text):
    return base64.b64encode(text.encode()).decode()


def by_multipart(stack, name, content, user="anna"):
    """The name as it is, in the header of its part."""
    body = b'--XX\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n%s\r\n--XX--\r\n' % (name.encode(), content)
    return stack.request("POST", "/cvs", user, data=body, headers={"Content-Type": "multipart/form-data; boundary=XX"})


def by_browser(stack, name, content, user="anna"):
    """As pages send it (https://html.spec.whatwg.org/, multipart/form-data encoding algorithm)."""
    return by_multipart(stack, name.replace("\n", "%0A").replace("\r", "%0D").replace('"', "%22"), content, user)


def by_tus(stack, name, content, user="anna", length=None, **metadata):
    said = ",".join(f"{k} {b64(v)}" for k, v in {"filename": name, **metadata}.items())
    return requests.post(stack.url + FILES, params={"user_id": user}, data=content, timeout=60, headers={
        "Tus-Resumable": "1.0.0", "Upload-Length": str(length or len(content)), "Upload-Metadata": said, "Content-Type": STREAM})


def cv_ids(answer):
    """Of the accepted files."""
    if answer.status_code == 201:
        return [answer.headers["Location"].rsplit("/", 1)[1]]
    return [cv["cv_id"] for cv in answer.json()["cvs"]] if answer.status_code == 202 else []


def problem(answer, status, code):
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    return answer.json()["detail"]


def paths(stack):
    return {str(p.relative_to(stack.folder)) for p in stack.folder.rglob("*") if "nginx" not in p.parts}


def check_harmless(name):
    assert 0 < len(name.encode()) <= 255 and unicodedata.is_normalized("NFC", name), name
    assert not re.search(r"[/\\]", name) and name.strip(" ."), name
    assert not [c for c in name if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Cs")], name


def check_download(stack, cv, name):
    got = stack.request("GET", f"/cvs/{cv}/file", "anna")
    assert got.content == b"hello" and got.headers["X-Content-Type-Options"] == "nosniff" and "X-Injected" not in got.headers
    assert got.headers["Content-Security-Policy"].startswith("sandbox") and got.headers["Content-Type"] == "application/octet-stream"
    said = re.fullmatch(r'attachment; filename="((?:[ -!#-\[\]-~]|\\.)*)"(?:; filename\*=UTF-8\'\'([A-Za-z0-9!#$&+.^_`|~%-]+))?',
                        got.headers["Content-Disposition"])
    assert said, got.headers["Content-Disposition"]
    assert (urllib.parse.unquote(said[2]) if said[2] else re.sub(r"\\(.)", r"\1", said[1])) == name


@pytest.mark.parametrize("send", [by_multipart, by_browser, by_tus])
def test_a_hostile_name_has_no_effect(make_uploads, shared_samples, send):
    stack = make_uploads()
    names = [entry["name"] for entry in json.loads((shared_samples / "bad" / "upload-names.json").read_text())]
    before, accepted = paths(stack), []
    for name in names:
        answer = send(stack, name, b"hello")
        assert answer.status_code in (201, 202, 400, 422), (name, answer.text)
        assert "X-Injected" not in answer.headers
        accepted += cv_ids(answer)
    assert len(accepted) >= len(names) - (0 if send is by_tus else 4), "a name is no reason to refuse a file"
    frames = [json.loads(fields["f"]) for _, fields in stack.db.xrange("user:anna:history")]
    said = {f["cv_id"]: f["filename"] for f in frames if f["type"] == "cv_progress"}
    for cv in accepted:
        name = stack.request("GET", f"/cvs/{cv}", "anna").json()["filename"]
        check_harmless(name)
        assert said[cv] == name
        check_download(stack, cv, name)
    assert "cv.pdf" in said.values() and "CV.PDF" in said.values(), "what can be kept of a name is kept"
    for path in paths(stack) - before:
        assert re.fullmatch(r"spool/[0-9a-f]{2}/c[a-z0-9]+\.(file|json)", path), path
    logs = stack.worker.output() + (stack.folder / "access.log").read_text()
    for name in [n for n in {*names, *said.values()} if len(n) > 8]:
        assert name not in logs, "a log has a file's name"


class Gatekeeper:
    """Somebody's program that is asked by worker.pre_create_url."""

    def __init__(self):
        self.answer, self.asked = (204, b""), []
        keeper = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                keeper.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(keeper.answer[0])
                self.send_header("Content-Length", str(len(keeper.answer[1])))
                self.end_headers()
                self.wfile.write(keeper.answer[1])

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/may-they"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def keeper():
    keeper = Gatekeeper()
    yield keeper
    keeper.close()


def test_somebody_is_asked_before_an_upload(make_uploads, keeper):
    stack = make_uploads(worker={"pre_create_url": keeper.url, "pre_create_timeout_s": 1})
    assert by_tus(stack, "a.txt", b"hello", batch_id="b1", filetype="text/plain", length=9).status_code == 201
    assert keeper.asked == [{"user_id": "anna", "batch_id": "b1", "filename": "a.txt", "filetype": "text/plain", "bytes": 9}]
    answer = by_multipart(stack, "a.txt", b"hello")
    assert answer.status_code == 202 and keeper.asked[1]["user_id"] == "anna" and keeper.asked[1]["bytes"] > 5
    spool = paths(stack)
    for body, reason in ((b'{"detail":"Your plan has no uploads."}', "Your plan has no uploads."), (b'{"message":"No."}', "No."),
                         (b"<html>", "this upload is not wanted here"), (b'{"detail":7}', "this upload is not wanted here"),
                         (b'{"detail":"' + b"x" * 600 + b'"}', "this upload is not wanted here")):
        keeper.answer = (422, body)
        for send in (by_tus, by_multipart):
            assert problem(send(stack, "a.txt", b"hello"), 403, "upload_refused") == reason
    for answer in ((500, b""), (302, b"")):
        keeper.answer = answer
        assert problem(by_tus(stack, "a.txt", b"hello"), 503, "unavailable")
    keeper.close()
    refused = by_multipart(stack, "a.txt", b"hello" * 1000000)
    assert problem(refused, 503, "unavailable") and int(refused.headers["Retry-After"]) > 0
    assert paths(stack) == spool, "nothing of a refused upload is kept"
    assert "pre_create_failed" in stack.worker.output() and "may-they" not in stack.worker.output()


def test_what_is_over_the_quota_does_not_fail_the_rest(make_uploads):
    stack = make_uploads(worker={"max_bytes_per_day": 100000, "max_file_bytes": 90000})
    files = [("file", (f"{i}.txt", str(i).encode() * 30000)) for i in range(2)] + [("file", ("big.txt", b"x" * 90001))]
    first = stack.request("POST", "/cvs", "ben", files=files)
    assert problem(first, 429, "daily_quota"), "the whole is over it before its first byte"
    mixed = stack.request("POST", "/cvs", "anna", files=[("file", ("a.txt", b"a" * 60000))])
    assert mixed.status_code == 202
    left = stack.request("POST", "/cvs", "anna", files=[("file", (f"{i}.txt", str(i).encode() * 12000)) for i in range(3)])
    assert left.status_code == 202 and len(left.json()["cvs"]) == 3
    over = by_tus(stack, "b.txt", b"b" * 5000)
    assert problem(over, 429, "daily_quota") and 0 < int(over.headers["Retry-After"]) <= 86400
    assert by_tus(stack, "b.txt", b"b" * 3000).status_code == 201
    assert by_tus(stack, "b.txt", b"b" * 5000, user="carl").status_code == 201, "each person has a quota of their own"
    assert int(stack.db.get(stack.db.keys("user:anna:bytes:*")[0])) == 99000


def test_uploads_that_meet_at_the_quota_share_it(make_uploads):
    """Each of them would still fit when it begins."""
    stack = make_uploads(worker={"max_bytes_per_day": 100000})
    begun = [by_tus(stack, f"{i}.txt", b"x", length=40000).headers["Location"] for i in range(4)]

    def finish(path):
        return requests.patch(stack.url + path, data=b"y" * 39999, timeout=60, headers={
            "Tus-Resumable": "1.0.0", "Upload-Offset": "1", "Content-Type": STREAM})
    answers = [finish(path) for path in begun]
    assert [a.status_code for a in answers] == [204, 204, 429, 429]
    assert problem(answers[2], 429, "daily_quota")
    stack.db.delete(*stack.db.keys("user:anna:bytes:*"))
    for path in begun[2:]:
        wait_until(lambda: requests.head(stack.url + path, headers={"Tus-Resumable": "1.0.0"}, timeout=60).status_code == 200)
    assert len(stack.db.keys("{cvq}:job:*")) == 4, "the next day it is accepted as it is"


def test_a_running_cv_of_a_cancelled_batch_stops_and_may_be_tried_again(make_stack):
    """A processor that never answers keeps the CV running."""
    listener = socket.create_server(("127.0.0.1", 0))
    stack = make_stack(without=("notifier",), worker={"slots": 1},
                       processor={"url": f"http://127.0.0.1:{listener.getsockname()[1]}/"})
    accepted = stack.submit("anna", [SAMPLES[0], SAMPLES[1]])
    cvs = [cv["cv_id"] for cv in accepted["cvs"]]

    def states():
        return sorted(stack.request("GET", f"/cvs/{cv}", "anna").json()["status"] for cv in cvs)

    def running():
        return json.loads(stack.admin("worker", "/api/stats")[1])["running"]
    wait_until(lambda: states() == ["processing", "queued"], 20)
    connection = listener.accept()[0]
    assert stack.request("POST", f"/batches/{accepted['batch_id']}/cancel", "anna").json()["cancelled"] == 2
    wait_until(lambda: running() == 0, 10, "it goes on until its lease ends")
    assert states() == ["cancelled", "cancelled"]
    connection.close()
    assert stack.request("POST", f"/cvs/{cvs[0]}/retry", "anna").json()["attempt"] == 2
    wait_until(lambda: states() == ["cancelled", "processing"], 20)
    assert stack.request("POST", f"/batches/{accepted['batch_id']}/cancel", "anna").json()["cancelled"] == 2
    wait_until(lambda: running() == 0)
    listener.close()


def test_a_drained_queue_refuses_what_is_new_and_ends_what_it_has_by_priority(make_uploads):
    stack = make_uploads(worker={"slots": 1})
    flags = ["-c", "/dev/null", "--set", f"redis.url={stack.sections['redis']['url']}"]
    text = b"Jane Doe\njane@example.org\nClerk\n%d"
    names = [stack.submit("anna", [(f"{n}.txt", text % n)], priority=str(n))["cvs"][0]["cv_id"] for n in (3, 9, 0)]
    subprocess.run([BUILD / "cvpulse", *flags, "queue", "drain"], check=True, timeout=60)
    for send in (by_multipart, by_tus):
        assert problem(send(stack, "4.txt", text % 4), 503, "draining") and int(send(stack, "4.txt", text % 4).headers["Retry-After"]) > 0
    assert stack.request("POST", "/jobs", json={"user_id": "anna", "url": "http://example.org/x"}).json()["code"] == "draining"
    stack.db.delete("{cvq}:paused")

    def ended():
        frames = [json.loads(row["f"]) for _, row in stack.db.xrange("user:anna:history")]
        return [f["cv_id"] for f in frames if f.get("cv_id") and f["status"] == "completed"]
    wait_until(lambda: len(ended()) == 3, 30)
    assert ended() == [names[1], names[0], names[2]]
    assert json.loads(stack.admin("worker", "/api/stats")[1])["draining"] is True
    subprocess.run([BUILD / "cvpulse", *flags, "queue", "resume"], check=True, timeout=60)
    assert by_multipart(stack, "4.txt", text % 4).status_code == 202
