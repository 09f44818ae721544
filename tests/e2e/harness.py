"""Real daemons for end-to-end tests: Redis, notifier, worker and nginx with the shipped site, in a directory of their own.

    def test_something(make_stack):
        stack = make_stack(notifier={"heartbeat_interval_s": 1})
        stream = stack.ws("42")
        ...
        wait_until(lambda: stack.worker.ended(), 5)

The programs are taken from $CVPULSE_BUILD (default: build/). Sockets are unix sockets, nginx has a free TCP port, so any
number of stacks run side by side.
"""
import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse
from pathlib import Path

import redis
import requests
import websockets

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("CVPULSE_BUILD", ROOT / "build")).resolve()
BASE = "/api/v1/cv-processing"
SAMPLES = sorted(p for p in (ROOT / "docs" / "samples").iterdir() if p.suffix != ".md")
TERMINAL = {"completed", "failed", "cancelled"}
BATCH_TERMINAL = {"completed", "completed_with_errors", "cancelled"}
SANITIZER = re.compile(r"AddressSanitizer|LeakSanitizer|runtime error:")
# A sanitized program starts and works several times slower.
PATIENCE = 3 if "asan" in BUILD.name else 1


def wait_until(condition, timeout=10, what=None):
    """The first true value of condition(); fails with `what` when none came in time."""
    deadline = time.monotonic() + timeout * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(what() if callable(what) else what or "this did not become true in time")
        time.sleep(0.02)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def path_id(name):
    return urllib.parse.quote(name, safe="")


class Process:
    """One program that a test starts, kills and starts again. Its output is in `log`."""

    def __init__(self, name, argv, folder, answers, environment=None):
        self.name, self.argv, self.folder, self.answers = name, [str(a) for a in argv], folder, answers
        self.environment = {**os.environ, **(environment or {})}
        self.log = folder / f"{name}.log"
        self.child = None
        self.killed = False

    def start(self, wait=True):
        for stale in self.folder.glob(f"{self.name}*.sock"):
            stale.unlink()
        self.killed = False
        with open(self.log, "ab") as out:
            self.child = subprocess.Popen(self.argv, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                          env=self.environment, start_new_session=True)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, timeout=20):
        def ready():
            assert not self.ended(), f"{self.name} ended with {self.child.returncode}: {self.output()[-2000:]}"
            return self.answers()
        wait_until(ready, timeout, f"{self.name} does not get ready")

    def ended(self):
        return self.child.poll() is not None

    def output(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def kill(self):
        """kill -9 of the program alone; what children it has must notice by themselves."""
        self.killed = True
        self.child.kill()
        self.child.wait()

    def stop(self, timeout=15):
        """SIGTERM; the exit status."""
        if not self.ended():
            self.child.send_signal(signal.SIGTERM)
        return self.child.wait(timeout * PATIENCE)

    def restart(self):
        self.stop()
        self.start()

    def finish(self):
        """The end of a test: a clean stop, no sanitizer complaint, no child left."""
        if self.child is None:
            return
        status = self.stop()
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        complaint = SANITIZER.search(self.output())
        assert not complaint, f"{self.name}: {self.output()[complaint.start():][:4000]}"
        assert self.killed or status == 0, f"{self.name} ended with {status}: {self.output()[-2000:]}"


def unix_get(path, target):
    """GET over a unix socket: (status, body text), or (0, '') when nobody answers."""
    result = subprocess.run(["curl", "-s", "-m", "5", "-w", "\n%{http_code}", "--unix-socket", str(path), f"http://localhost{target}"],
                            capture_output=True, text=True, check=False)
    body, _, status = result.stdout.rpartition("\n")
    return (int(status or 0), body)


class Stream:
    """A WebSocket in a thread: what came is in `texts` (as sent) and `frames` (parsed), in order."""

    def __init__(self, url, headers=None):
        self.url, self.headers = url, headers or {}
        self.texts, self.frames, self.times = [], [], []
        self.close_code = None
        self.failure = None
        self.opened = threading.Event()
        self.closed = threading.Event()
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_until_complete(self._read())
        except Exception as e:  # what went wrong is the test's to judge
            self.failure = e
        finally:
            self.opened.set()
            self.closed.set()

    async def _read(self):
        async with websockets.connect(self.url, extra_headers=self.headers, ping_interval=None, max_size=None, compression=None,
                                      close_timeout=1) as self.socket:
            self.opened.set()
            try:
                async for text in self.socket:
                    self.times.append(time.monotonic())
                    self.texts.append(text)
                    self.frames.append(json.loads(text))
            except websockets.ConnectionClosed:
                pass  # the code says how; whether that is right is the test's to judge
            finally:
                self.close_code = self.socket.close_code

    def connected(self, timeout=10):
        assert self.opened.wait(timeout * PATIENCE) and self.failure is None, f"no WebSocket: {self.failure!r}"
        return self

    def send(self, text):
        sent = asyncio.run_coroutine_threadsafe(self.socket.send(text), self.loop)
        while not sent.done():
            if self.closed.wait(0.005):
                return  # it ended meanwhile, and its loop with it
        sent.result()

    def subscribed(self):
        """A pong promises that every later event comes."""
        before = self.texts.count('{"type": "pong"}')
        self.send("ping")
        wait_until(lambda: self.texts.count('{"type": "pong"}') > before, 10, "no pong came")
        return self

    def of(self, type_, **fields):
        return [f for f in list(self.frames) if f.get("type") == type_ and all(f.get(k) == v for k, v in fields.items())]

    def wait(self, condition, timeout=10, what=None):
        """Until condition(frames) is true."""
        return wait_until(lambda: condition(list(self.frames)), timeout, what or f"it did not come; the last: {self.texts[-3:]}")

    def close(self):
        if not self.closed.is_set() and hasattr(self, "socket"):
            asyncio.run_coroutine_threadsafe(self.socket.close(), self.loop)
        self.closed.wait(5)


def settings(**sections):
    flags = []
    for section, keys in sections.items():
        for key, value in (keys or {}).items():
            flags += ["--set", f"{section}.{key}={value}"]
    return flags


class Stack:
    """Redis, notifier, worker and nginx together; `without` leaves some out. Sections give further configuration keys."""

    def __init__(self, without=(), nginx_options="", nginx_http="", **sections):
        self.folder = Path(tempfile.mkdtemp(prefix="cvp-"))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.streams = []
        self.processes = []
        for daemon in ("notifier", "worker"):
            keys = {"listen": f"unix:{self.folder}/{daemon}.sock", "admin_listen": f"unix:{self.folder}/{daemon}-admin.sock", "drain_s": 1}
            sections[daemon] = {**keys, **sections.get(daemon, {})}
        sections["redis"] = {"url": f"unix://{self.folder}/redis.sock", **sections.get("redis", {})}
        sections["auth"] = {"mode": "none", **sections.get("auth", {})}
        sections["worker"] = {"spool_dir": f"{self.folder}/spool", "extract_program": BUILD / "cvpulse-extract",
                              **sections["worker"]}
        self.sections = sections
        self.nginx_options, self.nginx_http = nginx_options, nginx_http
        for name in ("redis", "notifier", "worker", "nginx"):
            process = getattr(self, f"_{name}")()
            setattr(self, name, process)
            if name not in without:
                self.processes.append(process)
        self.db = redis.Redis(unix_socket_path=str(self.folder / "redis.sock"), decode_responses=True)

    def start(self):
        for process in self.processes:
            process.start(wait=process is self.redis)
        for process in self.processes:
            process.wait_ready()
        return self

    def _redis(self):
        argv = ["redis-server", "--port", "0", "--unixsocket", "redis.sock", "--dir", ".", "--save", "", "--appendonly", "yes",
                "--appendfsync", "everysec", "--maxmemory-policy", "noeviction"]

        def answers():
            try:
                return self.db.ping()
            except redis.RedisError:
                return False
        return Process("redis", argv, self.folder, answers)

    def _daemon(self, name):
        argv = [BUILD / f"cvpulse-{name}", "-c", "/dev/null", *settings(**self.sections)]
        return Process(name, argv, self.folder, lambda: unix_get(self.folder / f"{name}.sock", "/health/ready")[0] == 200)

    def _notifier(self):
        return self._daemon("notifier")

    def _worker(self):
        return self._daemon("worker")

    def _nginx(self):
        prefix = self.folder / "nginx"
        (prefix / "cvpulse").mkdir(parents=True)
        (prefix / "temp").mkdir()
        (prefix / "page").symlink_to(ROOT / "web" / "dashboard" / "dist")
        for part in (ROOT / "nginx").glob("*.conf"):
            shutil.copy(part, prefix / "cvpulse")
        (prefix / "cvpulse" / "nginx.conf").rename(prefix / "nginx.conf")
        (prefix / "cvpulse" / "listen.conf").write_text(
            f"listen 127.0.0.1:{self.port};\nroot page;\naccess_log ../access.log cvpulse;\n{self.nginx_options}\n")
        (prefix / "cvpulse" / "upstreams.conf").write_text("".join(
            f"upstream cvpulse_{d} {{ server unix:{self.folder}/{d}.sock max_fails=0; keepalive 16; }}\n" for d in ("notifier", "worker")) + self.nginx_http)
        argv = ["/usr/sbin/nginx", "-e", "stderr", "-p", f"{prefix}/", "-c", "nginx.conf"]
        if os.getuid() == 0:
            argv += ["-g", "user root root;"]

        def answers():
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", self.port)) == 0
        return Process("nginx", argv, self.folder, answers)

    # What a client does.

    def ws_url(self, user, query=""):
        return f"ws://127.0.0.1:{self.port}{BASE}/ws/{path_id(user)}{'?' + query if query else ''}"

    def ws(self, user, query="", headers=None):
        """An open WebSocket whose user is subscribed."""
        stream = Stream(self.ws_url(user, query), headers)
        self.streams.append(stream)
        return stream.connected().subscribed()

    def request(self, method, path, user="demo", **kwargs):
        parameters = {"user_id": user, **kwargs.pop("params", {})}
        return requests.request(method, f"{self.url}{BASE}{path}", params=parameters, timeout=60, **kwargs)

    def submit(self, user, files, **fields):
        """One multipart upload; files are paths or (name, bytes). The parsed answer."""
        parts = [("file", (f.name, f.read_bytes()) if isinstance(f, Path) else f) for f in files]
        answer = self.request("POST", "/cvs", user, files=parts, data=fields)
        assert answer.status_code == 202, f"{answer.status_code} {answer.text}"
        return answer.json()

    def admin(self, name, target):
        return unix_get(self.folder / f"{name}-admin.sock", target)

    def finish(self):
        for stream in self.streams:
            stream.close()
        self.db.close()
        problems = []
        for process in reversed(self.processes):
            try:
                process.finish()
            except (AssertionError, subprocess.TimeoutExpired) as e:
                problems.append(str(e))
        shutil.rmtree(self.folder, ignore_errors=True)
        assert not problems, "\n".join(problems)


class Edge(Stack):
    """An nginx in front of a stack that cuts what is silent for `cut_s`: a small Cloudflare."""

    def __init__(self, origin, cut_s):
        super().__init__(without=("redis", "notifier", "worker"))
        listen = self.folder / "nginx" / "cvpulse" / "listen.conf"
        listen.write_text(listen.read_text() + f"""
            location {BASE} {{
                proxy_http_version 1.1;
                proxy_set_header Host $http_host;
                proxy_set_header Upgrade $http_upgrade;
                proxy_set_header Connection $http_connection;
                proxy_buffering off;
                proxy_read_timeout {cut_s * 1000:.0f}ms;
                proxy_send_timeout {cut_s * 1000:.0f}ms;
                proxy_pass {origin.url};
            }}""")
        cvpulse = self.folder / "nginx" / "cvpulse" / "cvpulse.conf"
        cvpulse.write_text(re.sub(f"location = {BASE}|location {BASE}", r"location /behind", cvpulse.read_text()))
        self.start()


class Journey:
    """Judges the events of one user's CVs: ids grow, progress never goes back, one terminal each and nothing after it."""

    def __init__(self, frames):
        self.frames = [f for f in frames if f.get("type") in ("cv_progress", "batch_progress")]
        self.cvs, self.batches = {}, {}
        for frame in self.frames:
            if frame["type"] == "cv_progress":
                self.cvs.setdefault(frame["cv_id"], []).append(frame)
            else:
                self.batches.setdefault(frame["batch_id"], []).append(frame)

    def check(self):
        ids = [tuple(map(int, f["id"].split("-"))) for f in self.frames]
        assert ids == sorted(set(ids)), "ids do not grow strictly"
        for before, after in zip(self.frames, self.frames[1:]):
            assert after["prev"] == before["id"], "a frame's prev is not the id before it"
        for frames in [*self.cvs.values(), *self.batches.values()]:
            progress = [f["progress"] for f in frames]
            assert progress == sorted(progress), f"progress goes back: {progress}"
        for frames in self.cvs.values():
            ends = [i for i, f in enumerate(frames) if f["status"] in TERMINAL]
            assert ends == [len(frames) - 1], f"not exactly one terminal at the end: {[f['status'] for f in frames]}"
        return self

    def ends(self):
        return {cv: frames[-1] for cv, frames in self.cvs.items()}


def ended(frames):
    """The ids of CVs that have ended."""
    return {f["cv_id"] for f in frames if f.get("type") == "cv_progress" and f["status"] in TERMINAL}


def batch_over(frames, batch_id):
    return any(f.get("type") == "batch_progress" and f["batch_id"] == batch_id and f["status"] in BATCH_TERMINAL for f in frames)
