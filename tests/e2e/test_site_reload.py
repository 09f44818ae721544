"""The site with several daemons behind it, and behind a proxy that cuts as Cloudflare does: nginx is reloaded while people connect,
listen and upload, and none of them is refused or misses anything."""
import random
import re
import signal
import threading

import pytest
import requests

from followers import FOLLOWERS, Publisher, history
from harness import BASE, BUILD, Edge, Process, Stack, ended, unix_get, wait_until

USERS = [f"r{n}" for n in range(6)]
CUT_S = 2.5


def second_of(stack, name):
    """One more notifier or worker of this stack, on a socket of its own."""
    first = getattr(stack, name)
    argv = [arg.replace(f"{name}.sock", f"{name}2.sock").replace(f"{name}-admin.sock", f"{name}2-admin.sock") for arg in first.argv]
    process = Process(f"{name}2", argv, stack.folder, lambda: unix_get(stack.folder / f"{name}2.sock", "/health/ready")[0] == 200)
    stack.processes.insert(stack.processes.index(first) + 1, process)


@pytest.fixture
def edge():
    origin = Stack(notifier={"heartbeat_interval_s": 1, "connect_rate_per_ip": 0})
    for name in ("notifier", "worker"):
        second_of(origin, name)
    site = origin.folder / "nginx"
    upstreams = site / "cvpulse" / "upstreams.conf"
    upstreams.write_text(re.sub(r"server (unix:\S+?)(\d?)\.sock max_fails=0;", r"server \1.sock max_fails=0; server \g<1>2.sock max_fails=0;", upstreams.read_text()))
    # WebSockets of the nginx before the reload are cut after this time: by default never, which would show less.
    (site / "nginx.conf").write_text("worker_shutdown_timeout 700ms;\n" + (site / "nginx.conf").read_text())
    origin.start()
    front = Edge(origin, CUT_S)
    front.origin = origin
    yield front
    front.finish()
    origin.finish()


class Visitors:
    """They ask for the health, and upload, without end."""

    def __init__(self, edge):
        self.edge, self.answers, self.accepted = edge, [], []
        self.ending = threading.Event()
        self.threads = [threading.Thread(target=f, daemon=True) for f in (self._ask, self._upload)]
        for thread in self.threads:
            thread.start()

    def _ask(self):
        while not self.ending.is_set():
            self.answers.append(requests.get(f"{self.edge.origin.url}/health/ready", timeout=20).status_code)

    def _upload(self):
        n = 0
        while not self.ending.is_set():
            n += 1
            content = f"Person Number {n}\nperson{n}@example.org\nExperience\n2015 - 2019 Engineer\n".encode() * 50
            answer = requests.post(f"{self.edge.url}{BASE}/cvs", params={"user_id": "uploader"}, files=[("file", (f"cv{n}.txt", content))], timeout=20)
            self.answers.append(answer.status_code)
            if answer.status_code == 202:
                self.accepted.append(answer.json()["cvs"][0]["cv_id"])
            self.ending.wait(0.2)

    def end(self):
        self.ending.set()
        for thread in self.threads:
            thread.join(20)


@pytest.mark.skipif("asan" in BUILD.name, reason="it is about nginx, which is the same there")
def test_reloads_during_traffic_refuse_and_lose_nothing(edge):
    db = edge.origin.db
    followers = [FOLLOWERS[kind](edge, user) for user in USERS for kind in FOLLOWERS]
    uploader = FOLLOWERS["websocket"](edge, "uploader")
    visitors, publisher, sent, ending = Visitors(edge), Publisher(db), [0], threading.Event()

    def publish():
        while not ending.wait(0.02):
            sent[0] += 1
            publisher.cv(random.choice(USERS), f"c{sent[0]}")
    thread = threading.Thread(target=publish)
    thread.start()
    for _ in range(3):
        before, uploads, connections = sent[0], len(visitors.accepted), sum(f.connections for f in followers)
        edge.origin.nginx.child.send_signal(signal.SIGHUP)
        wait_until(lambda b=before, u=uploads, c=connections: sent[0] > b + 40 and len(visitors.accepted) > u + 2 and
                   sum(f.connections for f in followers) > c + len(USERS), 20, "nobody was cut by the reload")
    ending.set()
    thread.join()
    visitors.end()
    wait_until(lambda: set(visitors.accepted) <= ended(uploader.frames), 30, "an upload that was accepted has not ended")
    kept = {user: history(db, user) for user in USERS}
    wait_until(lambda: all(not kept[f.user] or f.ids and f.ids[-1] == kept[f.user][-1] for f in followers), 20, "someone did not get the last event")
    for follower in [*followers, uploader]:
        follower.end()
    assert set(visitors.answers) == {200, 202}
    for follower in followers:
        assert follower.ids == kept[follower.user], f"{follower.user}: {len(follower.ids)} of {len(kept[follower.user])}"
