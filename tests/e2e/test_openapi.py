"""schema/openapi.yaml against the worker: the document is valid, and every status that it promises is produced once, with the
headers and the body that it promises; an answer that it does not promise fails too."""
import base64
import fcntl
import hashlib
import http.client
import os
import socket
import subprocess
import time

import jsonschema
import jwt
import requests
import yaml

from harness import BASE, ROOT, wait_until

OPENAPI = yaml.safe_load((ROOT / "schema" / "openapi.yaml").read_text())
STREAM = "application/offset+octet-stream"
SECRET = "0123456789abcdef0123456789abcdef"
METHODS = ("get", "head", "post", "patch", "delete", "options")
OPERATIONS = [(method, path) for path, item in OPENAPI["paths"].items() for method in item if method in METHODS]


def resolved(node):
    """What a reference stands for."""
    while "$ref" in node:
        target = OPENAPI
        for name in node["$ref"].removeprefix("#/").split("/"):
            target = target[name]
        node = target
    return node


class Recorder:
    """Sends requests, judges each answer by the document, and remembers which promises were kept."""

    def __init__(self, stack):
        self.stack, self.seen = stack, set()

    def __call__(self, method, path, *statuses, at="c-unknown", query=None, **kwargs):
        headers = {"Tus-Resumable": "1.0.0", **kwargs.pop("headers", {})} if "/files" in path else kwargs.pop("headers", {})
        answer = requests.request(method, self.stack.url + BASE + path.replace("{id}", at), params={"user_id": "anna", **(query or {})},
                                  headers=headers, timeout=60, allow_redirects=False, **kwargs)
        return self.judge(answer, method, path, *statuses)

    def unmeasured(self, method, path, at="c-unknown", **headers):
        """A body of unknown length, to the worker itself: nginx may measure it on the way."""
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(self.stack.folder / "worker.sock"))
        connection.request(method.upper(), f"{BASE}{path.replace('{id}', at)}?user_id=anna", iter([b"x"]), headers, encode_chunked=True)
        raw = connection.getresponse()
        answer = requests.Response()
        answer.status_code, answer.headers, answer._content = raw.status, raw.headers, raw.read()
        connection.close()
        return self.judge(answer, method, path, 411)

    def judge(self, answer, method, path, *statuses):
        name = f"{method} {path}: {answer.status_code} {answer.text[:300]}"
        assert not statuses or answer.status_code in statuses, name
        promised = OPENAPI["paths"][path][method]["responses"].get(str(answer.status_code))
        assert promised, f"not in the document: {name}"
        promised = resolved(promised)
        for header, what in promised.get("headers", {}).items():
            assert header in answer.headers or not what.get("required"), f"no {header}: {name}"
            if header in answer.headers:
                kind = resolved(what["schema"]).get("type")
                jsonschema.validate(int(answer.headers[header]) if kind == "integer" else answer.headers[header], resolved(what["schema"]))
        self.judge_body(answer, promised.get("content"), name)
        self.seen.add((method, path, answer.status_code))
        return answer

    @staticmethod
    def judge_body(answer, content, name):
        if content is None:
            assert answer.content == b"", name
            return
        assert answer.headers["Content-Type"] in content, name
        schema = content[answer.headers["Content-Type"]].get("schema")
        if schema:
            jsonschema.validate(answer.json(), {**schema, "components": OPENAPI["components"]}, jsonschema.Draft202012Validator)

    def missing(self):
        return sorted(f"{method} {path} {status}" for method, path in OPERATIONS
                      for status in OPENAPI["paths"][path][method]["responses"] if (method, path, int(status)) not in self.seen)


def test_the_documents_are_valid():
    subprocess.run([ROOT / "build-aux" / "npm.sh", "tests/js", "dist/uppy.js"], check=True)
    documents = sorted((ROOT / "schema").glob("openapi*.yaml"))
    result = subprocess.run(["node", ROOT / "tests" / "js" / "validate.mjs", *documents], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0 and result.stdout.count(" valid\n") == len(documents) >= 2, result.stdout + result.stderr


def digest(data):
    return f"sha1 {base64.b64encode(hashlib.sha1(data).digest()).decode()}"


def begin_upload(call, length=10, **headers):
    answer = call("post", "/files", 201, headers={"Upload-Length": str(length), **headers})
    return answer.headers["Location"].rsplit("/", 1)[1]


def part_of(stack, upload):
    return next((stack.folder / "spool").glob(f"*/{upload}.part"))


def send(call, upload, data, *statuses, offset=0, **headers):
    return call("patch", "/files/{id}", *statuses, at=upload, data=data,
                headers={"Upload-Offset": str(offset), "Content-Type": STREAM, **headers})


def creations(call, stack):
    """POST /files, OPTIONS."""
    for path in ("/files", "/files/{id}"):
        call("options", path, 204)
    body = {"Content-Type": STREAM, "Upload-Length": "10"}
    call("post", "/files", 400, headers={"Upload-Length": "x"})
    call.unmeasured("post", "/files", **body)
    call("post", "/files", 412, headers={"Upload-Length": "10", "Tus-Resumable": "0.1"})
    call("post", "/files", 413, headers={"Upload-Length": str(10 ** 12)})
    call("post", "/files", 415, headers={**body, "Content-Type": "text/plain"}, data=b"x")
    call("post", "/files", 422, headers={**body, "Upload-Metadata": f"priority {base64.b64encode(b'x').decode()}"})
    call("post", "/files", 460, headers={**body, "Upload-Checksum": digest(b"other")}, data=b"x")
    upload = begin_upload(call, **{"Idempotency-Key": "held"})
    with open(part_of(stack, upload), "rb") as part:
        fcntl.flock(part, fcntl.LOCK_EX)
        call("post", "/files", 423, headers={"Upload-Length": "10", "Idempotency-Key": "held"})


def uploads(call, stack):
    """HEAD, PATCH and DELETE of one upload."""
    upload = begin_upload(call)
    call("head", "/files/{id}", 200, at=upload)
    for method in ("head", "patch", "delete"):
        headers = {"Upload-Offset": "0", "Content-Type": STREAM}
        call(method, "/files/{id}", 404, headers=headers)
        call(method, "/files/{id}", 412, at=upload, headers={**headers, "Tus-Resumable": "0.1"})
        with open(part_of(stack, upload), "rb") as part:
            fcntl.flock(part, fcntl.LOCK_EX)
            call(method, "/files/{id}", 423, at=upload, headers=headers)
    call.unmeasured("patch", "/files/{id}", upload, **{"Content-Type": STREAM, "Upload-Offset": "0"})
    send(call, upload, b"x" * 11, 413)
    send(call, upload, b"x", 415, **{"Content-Type": "text/plain"})
    send(call, upload, b"x", 409, offset=1)
    send(call, upload, b"x", 460, **{"Upload-Checksum": digest(b"other")})
    send(call, upload, b"x" * 9, 204)
    call("delete", "/files/{id}", 204, at=begin_upload(call))
    late = begin_upload(call)
    os.utime(part_of(stack, late), (1, 1))
    call("head", "/files/{id}", 410, at=late)
    send(call, late, b"x", 410)
    return upload


def one_file(name="a.txt", content=b"Anna Doe\n"):
    return {"files": [("file", (name, content))]}


def documents(call, stack):
    """POST /cvs and what is asked about a CV; the id of one that has ended."""
    accepted = call("post", "/cvs", 202, files=[("file", ("big.txt", b"x" * 2001)), ("file", ("a.txt", b"Anna Doe\n"))]).json()
    assert accepted["problems"] and accepted["cvs"]
    call("post", "/cvs", 400, **one_file(), query={"batch_id": "a/b"})
    stack.db.set("user:anna:once:upload:k1", "-")
    call("post", "/cvs", 409, **one_file(), headers={"Idempotency-Key": "k1"})
    call.unmeasured("post", "/cvs", **{"Content-Type": "multipart/form-data; boundary=x"})
    call("post", "/cvs", 413, **one_file(content=b"x" * 2001))
    call("post", "/cvs", 415, data=b"x", headers={"Content-Type": "text/plain"})
    call("post", "/cvs", 422, files=[("other", ("a.txt", b"x"))])
    cv = accepted["cvs"][0]["cv_id"]
    tag = call("get", "/cvs/{id}", 200, at=cv).headers["ETag"]
    call("get", "/cvs/{id}", 304, at=cv, headers={"If-None-Match": tag})
    call("get", "/cvs/{id}/file", 200, at=cv)
    call("post", "/cvs/{id}/retry", 409, at=cv)
    call("post", "/batches/{id}/cancel", 200, at=accepted["batch_id"])
    call("get", "/cvs/{id}", 200, at=cv)
    call("post", "/cvs/{id}/retry", 202, at=cv)
    call("delete", "/cvs/{id}", 204, at=cv)
    for method, path in (("get", "/cvs/{id}"), ("delete", "/cvs/{id}"), ("get", "/cvs/{id}/file"), ("post", "/cvs/{id}/retry")):
        call(method, path, 404, at=cv)
    return call("post", "/cvs", 202, **one_file()).json()["cvs"][0]["cv_id"]


def batches(call, _stack):
    batch = call("post", "/batches", 201, json={"total": 2}).json()["batch_id"]
    call("get", "/batches", 200)
    call("get", "/batches", 400, query={"cursor": "x"})
    call("get", "/batches/{id}", 200, at=batch)
    call("post", "/batches/{id}/close", 200, at=batch)
    call("post", "/batches", 409, json={"batch_id": batch})
    call("post", "/batches", 400, json={"batch_id": "a/b"})
    call("post", "/batches", 413, data=b"x" * 20000)
    call("post", "/batches", 422, json={"total": -1})
    for method, path in (("get", "/batches/{id}"), ("post", "/batches/{id}/close"), ("post", "/batches/{id}/cancel")):
        call(method, path, 404)


def services(call, _stack):
    """What other programs ask for."""
    job = {"user_id": "ben", "url": "http://files.example.org/cv.pdf"}
    call("post", "/jobs", 202, json=job)
    call("post", "/jobs", 413, data=b"x" * 20000)
    call("post", "/jobs", 422, json={**job, "url": "ftp://files.example.org/cv.pdf"})
    call("delete", "/users/{id}", 200, at="ben")


def each(call, status, operations=OPERATIONS, **kwargs):
    """One status for all of these; a body where there must be one."""
    for method, path in operations:
        call(method, path, status, **kwargs)


def reload(stack, config, text):
    count = stack.worker.output().count("config_reloaded")
    config.write_text(text)
    stack.worker.child.send_signal(1)
    wait_until(lambda: stack.worker.output().count("config_reloaded") > count, 10)


def limits(call, stack, config, upload):
    """Limits that a reload sets: space, then requests in a second."""
    reload(stack, config, f"[worker]\nmax_file_bytes = 2000\nmin_free_bytes = {2 ** 40}\n")
    call("post", "/files", 507, headers={"Upload-Length": "10"})
    send(call, upload, b"x", 507, offset=9)
    call("post", "/cvs", 507, **one_file())
    call("post", "/jobs", 507, json={"user_id": "ben", "url": "http://files.example.org/cv.pdf"})
    reload(stack, config, "[worker]\nmax_file_bytes = 2000\nrequest_rate_per_user = 1\nrequest_burst_per_user = 1\n")
    guarded = [(m, p) for m, p in OPERATIONS if m != "options"]
    wait_until(lambda: requests.get(f"{stack.url}{BASE}/batches?user_id=anna", timeout=20).status_code == 429)
    for method, path in guarded:
        deadline = time.monotonic() + 10
        while call(method, path, query={"user_id": "anna"}).status_code != 429:
            assert time.monotonic() < deadline
    reload(stack, config, "[worker]\nmax_file_bytes = 2000\n")


def without_redis(call, stack, cv, upload):
    stack.redis.kill()
    wait_until(lambda: requests.get(f"{stack.url}{BASE}/batches", timeout=20).status_code == 503)
    call("post", "/files", 503, headers={"Upload-Length": "10"})
    send(call, upload, b"x", 503, offset=9)
    call("head", "/files/{id}", 503, at=upload)
    call("delete", "/files/{id}", 503, at=cv)
    call("post", "/cvs", 503, **one_file())
    call("post", "/jobs", 503, json={"user_id": "ben", "url": "http://files.example.org/cv.pdf"})
    call("post", "/batches", 503)
    each(call, 503, [("get", "/cvs/{id}"), ("delete", "/cvs/{id}"), ("post", "/cvs/{id}/retry")], at=cv)
    each(call, 503, [("get", "/batches"), ("get", "/batches/{id}"), ("post", "/batches/{id}/close"), ("post", "/batches/{id}/cancel"),
                     ("delete", "/users/{id}")])


def strangers(call, stack, tmp_path):
    """Who may not: a name that is not this machine's; then, with tokens, nobody and somebody without the scope."""
    guarded = [(m, p) for m, p in OPERATIONS if m != "options"]
    each(call, 403, guarded, headers={"Host": "evil.example"})
    each(call, 400, [(m, p) for m, p in guarded if "{id}" in p], at="a%2Fb")
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    stack.worker.argv += ["--set", "auth.mode=jwt", "--set", f"auth.jwt_secret_file={secret}"]
    stack.worker.restart()
    each(call, 401, guarded)
    token = jwt.encode({"sub": "anna", "exp": int(time.time()) + 600}, SECRET, "HS256")
    each(call, 403, [("post", "/jobs"), ("delete", "/users/{id}")], headers={"Authorization": f"Bearer {token}"})


def test_every_promised_status_is_produced(make_stack, tmp_path):
    stack = make_stack(without=("notifier",), worker={"sweep_s": 3600})
    stack.db.set("{cvq}:paused", 1)
    config = tmp_path / "cvpulse.conf"
    config.write_text("[worker]\nmax_file_bytes = 2000\n")
    stack.worker.argv[2] = str(config)
    stack.worker.restart()
    call = Recorder(stack)
    creations(call, stack)
    upload = uploads(call, stack)
    cv = documents(call, stack)
    batches(call, stack)
    services(call, stack)
    limits(call, stack, config, upload)
    without_redis(call, stack, cv, upload)
    stack.redis.start()
    strangers(call, stack, tmp_path)
    assert not call.missing(), f"promised, and never seen: {call.missing()}"
