"""Readers that follow one user's events over each transport and come back after every cut, as a good client does: with the
last id they have. What they got is in `ids`, in order; a cut in the middle of a frame is a cut."""
import asyncio
import http.client
import json
import random
import socket
import threading
import time

import websockets

from harness import BASE, ROOT, path_id

SCRIPT = (ROOT / "src" / "publish.lua").read_text()


class Publisher:
    """Events with ids, through the script that everybody uses."""

    def __init__(self, db, history_length=100000):
        self.call = db.register_script(SCRIPT)
        self.history_length = history_length

    def cv(self, user, cv, status="processing", progress=0, batch="b1", attempt=1, rest=""):
        return self.call(keys=[f"user:{user}:"], args=[user, batch, cv, status, attempt, progress, rest, self.history_length, 86400])


def history(db, user):
    return [id for id, _ in db.xrange(f"user:{user}:history")]


def order(id):
    return tuple(map(int, id.split("-")))


class Follower:
    def __init__(self, stack, user):
        self.stack, self.user = stack, user
        self.ids, self.frames, self.controls = [], [], []
        self.last_id = "0-0"
        self.ending = False
        self.connections = 0
        self.thread = threading.Thread(target=self._follow, daemon=True)
        self.thread.start()

    def _follow(self):
        while not self.ending:
            self.connections += 1
            try:
                self.connect()
            except (OSError, EOFError, ValueError, http.client.HTTPException, websockets.WebSocketException, asyncio.TimeoutError):
                pass
            time.sleep(random.uniform(0, 0.05))

    def take(self, text):
        frame = json.loads(text)
        if text.startswith('{"id":"') and "prev" in frame:
            self.ids.append(frame["id"])
            self.frames.append(frame)
            self.last_id = frame["id"]
        else:
            self.controls.append(frame)
            if frame.get("type") == "snapshot" and not frame["more"]:
                self.last_id = frame["last_id"]

    def end(self):
        self.ending = True
        self.cut()
        self.thread.join(10)


class WebSocketFollower(Follower):
    socket = loop = None

    def connect(self):
        asyncio.run(self._read())

    async def _read(self):
        url = self.stack.ws_url(self.user, f"after_id={self.last_id}")
        self.loop = asyncio.get_running_loop()
        async with websockets.connect(url, ping_interval=None, max_size=None, compression=None, close_timeout=0.2, open_timeout=10) as self.socket:
            async for text in self.socket:
                self.take(text)

    def cut(self):
        socket_, loop = self.socket, self.loop
        if socket_ is not None and not loop.is_closed():
            try:
                loop.call_soon_threadsafe(socket_.transport.abort)
            except RuntimeError:
                pass  # the loop ended by itself meanwhile


class HttpFollower(Follower):
    connection = None

    def get(self, query, headers):
        self.connection = http.client.HTTPConnection("127.0.0.1", self.stack.port, timeout=40)
        self.connection.request("GET", f"{BASE}/events/{path_id(self.user)}{query}", headers=headers)
        answer = self.connection.getresponse()
        if answer.status != 200:
            raise http.client.HTTPException(f"{answer.status}")
        return answer

    def cut(self):
        sock = self.connection and self.connection.sock
        if sock:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class SseFollower(HttpFollower):
    def connect(self):
        answer = self.get("", {"Accept": "text/event-stream", "Last-Event-ID": self.last_id})
        data = []
        while not self.ending:
            line = answer.readline()
            if not line.endswith(b"\n"):
                raise EOFError
            line = line.rstrip(b"\r\n")
            if line.startswith(b"data:"):
                data.append(line[5:].removeprefix(b" "))
            elif not line and data:
                self.take(b"\n".join(data).decode())
                data = []


class PollFollower(HttpFollower):
    def connect(self):
        answer = self.get(f"?after_id={self.last_id}&wait=25", {"Accept": "application/json"})
        body = json.loads(answer.read())
        if "snapshot" in body:
            self.controls.append({"type": "resync" if body["resync"] else "snapshot", "snapshot": body["snapshot"]})
        for frame in body["events"]:
            if "prev" in frame:
                self.ids.append(frame["id"])
                self.frames.append(frame)
        self.last_id = body["last_id"]


FOLLOWERS = {"websocket": WebSocketFollower, "sse": SseFollower, "poll": PollFollower}
