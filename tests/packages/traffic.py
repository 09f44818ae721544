"""People who upload and watch, as good clients do: they come back, ask for the offset, and repeat what was not answered. What they
were refused is in `refused`."""
import base64
import contextlib
import threading
import time
import uuid

import requests
import websockets

from followers import WebSocketFollower
from harness import BASE

STREAM = "application/offset+octet-stream"
TRY_AGAIN = {423, 429, 503}


class Watcher(WebSocketFollower):
    """One user's WebSocket. An upgrade that is not answered with 101 counts, whatever it is answered with."""

    def __init__(self, box, user):
        self.refused = []
        self.headers = box.headers(user)
        super().__init__(box, user)

    async def _read(self):
        url = self.stack.ws_url(self.user, f"after_id={self.last_id}")
        try:
            async with websockets.connect(url, extra_headers=self.headers, ping_interval=None, compression=None, close_timeout=1, open_timeout=30) as self.socket:
                async for text in self.socket:
                    self.take(text)
        except websockets.ConnectionClosed:
            pass
        except (OSError, websockets.WebSocketException, TimeoutError) as e:
            self.refused.append(repr(e))

    def cut(self):
        with contextlib.suppress(AttributeError):  # it never was connected
            self.loop = self.socket.loop
            super().cut()


class Uploader:
    """Uploads one text CV after the other, in turn by multipart and by tus in small pieces. Each that the worker has confirmed is in
    `accepted`."""

    def __init__(self, box, user):
        self.box, self.user = box, user
        self.accepted, self.repeated, self.refused = [], 0, []
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        n = 0
        with requests.Session() as self.session:
            while not self.ending.wait(0.1):  # more than history_length events while nobody is connected would mean a resync
                n += 1
                content = f"Person Number {n}\n{self.user}.{n}@example.org\n\nExperience\n2015 - 2019 Engineer, Company {n}\n".encode() * 20
                self.accepted.append((self._by_tus if n % 2 else self._by_form)(f"cv-{n}.txt", content))

    def ask(self, method, path, wanted, **kwargs):
        """Until the answer is one of `wanted`: None when the connection broke."""
        headers = {**self.box.headers(self.user), **kwargs.pop("headers", {})}
        while True:
            try:
                answer = self.session.request(method, self.box.url + path, headers=headers, timeout=60, allow_redirects=False, **kwargs)
            except requests.ConnectionError:
                self.repeated += 1
                return None
            if answer.status_code in wanted:
                return answer
            self.repeated += 1
            if answer.status_code not in TRY_AGAIN:
                self.refused.append(f"{method}: {answer.status_code} {answer.text[:200]}")
            time.sleep(0.2)
            if method == "PATCH":
                return None  # what of it arrived is to be asked for

    def _by_form(self, name, content):
        key = uuid.uuid4().hex
        answer = None
        while answer is None:
            answer = self.ask("POST", f"{BASE}/cvs", {202}, files=[("file", (name, content))], headers={"Idempotency-Key": key})
        return answer.json()["cvs"][0]["cv_id"]

    def _by_tus(self, name, content):
        tus = {"Tus-Resumable": "1.0.0"}
        made = None
        while made is None:
            made = self.ask("POST", f"{BASE}/files", {201}, headers={**tus, "Upload-Length": str(len(content)),
                            "Upload-Metadata": "filename " + base64.b64encode(name.encode()).decode()})
        path, offset = made.headers["Location"], 0
        while offset < len(content):
            answer = self.ask("PATCH", path, {204, 409}, data=content[offset:offset + 500], headers={**tus, "Content-Type": STREAM, "Upload-Offset": str(offset)})
            if answer is None or answer.status_code == 409:
                answer = None
                while answer is None:
                    answer = self.ask("HEAD", path, {200}, headers=tus)
            offset = int(answer.headers["Upload-Offset"])
        return path.rpartition("/")[2]

    def end(self):
        self.ending.set()
        self.thread.join(120)
