"""kill -9 of the worker and of Redis at random moments while files come in by tus and by multipart. What was acknowledged ends by
exactly one terminal event; what was not is gone after the sweep, or, when only the answer was lost, is wholly there.

CVPULSE_KILLS says how often (a few by default), CVPULSE_KILLS_SEED makes the same choices again.
"""
import http.client
import json
import os
import random
import socket
import threading
import time

import pytest

from harness import BASE, PATIENCE, TERMINAL, Journey, wait_until
from test_tus import b64

KILLS = int(os.environ.get("CVPULSE_KILLS", "4"))
SEED = int(os.environ.get("CVPULSE_KILLS_SEED", random.randrange(1 << 32)))
SENDERS = 3
USER = "anna"
TUS = {"Tus-Resumable": "1.0.0"}

pytestmark = pytest.mark.skipif(PATIENCE > 1, reason="the plain build shows it")


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=20 * PATIENCE)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


class Sender(threading.Thread):
    """Sends files, each once, until told to stop. What became of each is in `fates`, by its name."""

    def __init__(self, number, stack):
        super().__init__(daemon=True)
        self.number, self.socket = number, stack.folder / "worker.sock"
        self.random = random.Random(SEED * 100 + number)
        self.acknowledged = {}          # name: the CV's id
        self.refused, self.cut, self.unanswered = set(), set(), set()
        self.stopped = threading.Event()
        self.failure = None

    def run(self):
        try:
            n = 0
            while not self.stopped.is_set():
                names = [f"{self.number}-{n}-{i}.txt" for i in range(self.random.choice((1, 1, 3)))]
                if n % 2:
                    self.multipart(names)
                else:
                    self.tus(names[0])
                n += 1
                self.stopped.wait(self.random.random() * 0.4)
        except Exception as e:  # the test judges it
            self.failure = e

    def content(self, name):
        lines = [f"Person {name}", "person@example.org", "", "Experience", "2019 - 2021 Engineer, Example Ltd", "", "Skills"]
        lines += [f"{name} {self.random.random()}" for _ in range(self.random.choice((0, 10, 10, 300, 3000)))]
        return "\n".join(lines).encode()

    def ask(self, method, target, headers, body=b""):
        """(status, headers, body); status 0: no answer came, None: not even the whole body went out."""
        connection = Connection(self.socket)
        sent = False
        try:
            connection.putrequest(method, target)
            for header, value in {**headers, "Content-Length": len(body)}.items():
                connection.putheader(header, str(value))
            connection.endheaders()
            for start in range(0, len(body), 65536):
                connection.send(body[start:start + 65536])
            sent = True
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        except (OSError, http.client.HTTPException):
            return (0 if sent else None), {}, b""
        finally:
            connection.close()

    def multipart(self, names):
        part = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{}\"\r\n\r\n"
        body = b"".join(part.format(name).encode() + self.content(name) + b"\r\n" for name in names) + b"--x--\r\n"
        status, _, answer = self.ask("POST", f"{BASE}/cvs?user_id={USER}", {"Content-Type": "multipart/form-data; boundary=x"}, body)
        if status == 202:
            accepted = json.loads(answer)
            self.acknowledged.update((cv["filename"], cv["cv_id"]) for cv in accepted["cvs"])
            self.refused.update(problem["filename"] for problem in accepted.get("problems", []))
        else:
            {None: self.cut, 0: self.unanswered}.get(status, self.refused).update(names)

    def tus(self, name):
        """Goes on where it was cut, as a client does; now and then it is given up in the middle."""
        body, offset, path = self.content(name), 0, None
        given_up = self.random.random() < 0.2
        whole = False
        for _ in range(40):
            if path is None:
                status, headers, _ = self.ask("POST", f"{BASE}/files?user_id={USER}", {
                    **TUS, "Upload-Length": len(body), "Upload-Metadata": "filename " + b64(name)})
                if status != 201:
                    break
                path = headers["Location"]
            elif offset is None:
                status, headers, _ = self.ask("HEAD", path, TUS)
                offset = int(headers["Upload-Offset"]) if status == 200 else None
                if status == 404:
                    break
            else:
                if given_up and offset > 0:
                    break
                piece = body[offset:offset + max(len(body) // 3, 1)]
                whole = offset + len(piece) == len(body)
                status, headers, _ = self.ask("PATCH", path, {**TUS, "Upload-Offset": offset, "Content-Type": "application/offset+octet-stream"}, piece)
                offset = int(headers["Upload-Offset"]) if status == 204 else None
            if offset == len(body):
                self.acknowledged[name] = path.rsplit("/", 1)[1]
                return
            if offset is None:
                time.sleep(0.1)
        (self.unanswered if whole else self.cut).add(name)


def kill_some(stack, chance):
    for victim in chance.choice(([stack.worker], [stack.redis], [stack.worker, stack.redis])):
        victim.kill()
        time.sleep(chance.random() * 0.1)
        victim.start(wait=False)
    stack.redis.wait_ready()
    stack.worker.wait_ready()


def spool(stack):
    """What lies there: (id, ending)."""
    return {tuple(p.name.split(".", 1)) for p in (stack.folder / "spool").glob("[0-9a-f][0-9a-f]/*")}


def youngest_age_s(stack):
    return time.time() - max(p.stat().st_mtime for p in (stack.folder / "spool").glob("[0-9a-f][0-9a-f]/*"))


def newest_frames(stack):
    return {cv: json.loads(frame) for key in stack.db.scan_iter(f"user:{USER}:batch:*:cvs") for cv, frame in stack.db.hgetall(key).items()}


def not_over(stack, acknowledged):
    """CVs without an end, jobs that the queue still has, batches that are open."""
    frames = newest_frames(stack)
    cvs = (set(acknowledged) | set(frames)) - {cv for cv, frame in frames.items() if frame["status"] in TERMINAL}
    jobs = [key for pattern in ("job:*", "live:*", "leases", "waiting", "delayed", "of:*", "dead") for key in stack.db.scan_iter("{cvq}:" + pattern)]
    batches = [b for b in stack.db.zrange(f"user:{USER}:batches", 0, -1) if stack.db.hget(f"user:{USER}:batch:{b}", "closed") != "1"]
    return [*cvs, *jobs, *batches]


def load_with_kills(stack):
    """The senders, each of which has come to its end."""
    chance = random.Random(SEED)
    senders = [Sender(n, stack) for n in range(SENDERS)]
    for sender in senders:
        sender.start()
    for _ in range(KILLS):
        time.sleep(chance.random() * 0.6)
        kill_some(stack, chance)
    for sender in senders:
        sender.stopped.set()
    for sender in senders:
        sender.join(60 * PATIENCE)
        assert not sender.is_alive() and sender.failure is None, sender.failure
    return senders


def test_what_was_acknowledged_survives_kill_9_at_any_moment(make_stack):
    print(f"CVPULSE_KILLS={KILLS} CVPULSE_KILLS_SEED={SEED}")
    stack = make_stack(without=("notifier", "nginx"), redis={"reconnect_max_s": 0.2, "history_length": 100000}, worker={
        "ocr_slots": 0, "lease_s": 1, "sweep_s": 0.2, "batch_idle_s": 1, "max_attempts": 100, "retry_base_s": 0.05, "retry_max_s": 0.2})
    senders = load_with_kills(stack)
    acknowledged = {name: cv for sender in senders for name, cv in sender.acknowledged.items()}
    unanswered = {name for sender in senders for name in sender.unanswered}
    print(f"{len(acknowledged)} acknowledged, {len(unanswered)} unanswered, {sum(len(s.refused) for s in senders)} refused, "
          f"{sum(len(s.cut) for s in senders)} cut")
    wait_until(lambda: not not_over(stack, acknowledged.values()), 60, lambda: f"not over: {not_over(stack, acknowledged.values())}")

    # The start sweeps what nobody goes on with.
    stack.worker.stop()
    stack.worker.argv += ["--set", "worker.upload_expire_s=1"]
    wait_until(lambda: youngest_age_s(stack) > 1.1)
    stack.worker.start()
    ends = Journey([json.loads(fields["f"]) for _, fields in stack.db.xrange(f"user:{USER}:history")]).check().ends()
    names = {frame["filename"]: cv for cv, frame in ends.items()}
    assert {name: names.get(name) for name in acknowledged} == acknowledged
    # Redis may have died between doing and saying so: what was refused then was heard of, and fails.
    others = {name: ends[cv]["status"] for name, cv in names.items() if name not in acknowledged}
    assert others == {name: "completed" if name in unanswered else "failed" for name in others}
    completed = {cv for cv, frame in ends.items() if frame["status"] == "completed"}
    assert set(acknowledged.values()) <= completed
    wanted = {(cv, ending) for cv in completed for ending in ("file", "json", "result")}
    wait_until(lambda: spool(stack) == wanted, 20, lambda: f"in the spool: {spool(stack) ^ wanted}")
