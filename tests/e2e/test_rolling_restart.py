"""Two notifiers behind nginx are restarted one after the other under many connections: nobody is refused, everybody comes
back spread over the drain, nothing is lost."""
import asyncio
import json
import random
import re
import threading
import time

import websockets

from followers import Publisher, history
from harness import PATIENCE, Process, Stack, unix_get, wait_until

CLIENTS = 2000 // PATIENCE
USERS = 100
DRAIN_S = 6


class Crowd:
    """Many clients on one loop; each resumes by after_id and obeys retry_after_ms."""

    def __init__(self, stack):
        self.stack = stack
        self.got = [[] for _ in range(CLIENTS)]
        self.open = 0
        self.refused = []
        self.delays, self.returns = [], []
        self.ending = False
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(asyncio.gather(*[self._client(i) for i in range(CLIENTS)]))

    async def _client(self, i):
        await asyncio.sleep(random.uniform(0, 4 * PATIENCE))
        while not self.ending:
            last = self.got[i][-1] if self.got[i] else "0-0"
            try:
                async with websockets.connect(self.stack.ws_url(f"r{i % USERS}", f"after_id={last}"), ping_interval=None, compression=None,
                                              open_timeout=20 * PATIENCE, close_timeout=1, max_size=None) as ws:
                    self.open += 1
                    try:
                        async for text in ws:
                            frame = json.loads(text)
                            if "prev" in frame:
                                self.got[i].append(frame["id"])
                    finally:
                        self.open -= 1
                    reason = re.search(r"retry_after_ms=(\d+)", ws.close_reason or "")
            except websockets.ConnectionClosed as e:
                reason = re.search(r"retry_after_ms=(\d+)", e.reason)
            except (OSError, websockets.WebSocketException, asyncio.TimeoutError) as e:
                self.refused.append(repr(e))
                reason = None
            if self.ending:
                return
            delay = int(reason[1]) / 1000 if reason else 0.5
            self.delays.append(delay)
            await asyncio.sleep(delay)
            self.returns.append(time.monotonic())

    def end(self):
        self.ending = True
        for task in asyncio.all_tasks(self.loop):
            self.loop.call_soon_threadsafe(task.cancel)
        self.thread.join(20)


def test_a_rolling_restart_refuses_and_loses_nothing():
    limits = {"connect_rate_per_ip": 0, "max_connections_per_user": 0, "drain_s": DRAIN_S}
    first = Stack(without=("worker",), notifier=limits)
    second = Process("second", [a.replace("notifier.sock", "second.sock").replace("notifier-admin", "second-admin") for a in first.notifier.argv],
                     first.folder, lambda: unix_get(first.folder / "second.sock", "/health/ready")[0] == 200)
    first.processes.insert(1, second)
    conf = first.folder / "nginx" / "cvpulse" / "upstreams.conf"
    conf.write_text(conf.read_text().replace("notifier.sock max", f"notifier.sock max_fails=0; server unix:{first.folder}/second.sock max"))
    site = first.folder / "nginx" / "nginx.conf"
    site.write_text(re.sub(r"worker_connections\s+\d+", "worker_connections 20000", site.read_text()))
    for part in (first.folder / "nginx").rglob("*.conf"):
        part.write_text(re.sub(r"^\s*limit_(req|conn) .*$", "", part.read_text(), flags=re.M))
    try:
        first.start()
        crowd = Crowd(first)
        wait_until(lambda: crowd.open == CLIENTS, 60, f"only {crowd.open} connections")
        assert not crowd.refused, crowd.refused[:3]
        ending = threading.Event()

        def publish():
            publisher, n = Publisher(first.db), 0
            while not ending.is_set():
                publisher.cv(f"r{n % USERS}", f"c{n // USERS}", "queued")
                n += 1
                time.sleep(0.01)
        thread = threading.Thread(target=publish)
        thread.start()
        began = time.monotonic()
        for process in (first.notifier, second):
            process.stop(DRAIN_S + 15)
            process.start()
        wait_until(lambda: crowd.open == CLIENTS, 60, lambda: f"only {crowd.open} came back; {len(crowd.refused)} were refused: {crowd.refused[-3:]}")
        ending.set()
        thread.join()
        kept = {f"r{u}": history(first.db, f"r{u}") for u in range(USERS)}
        wait_until(lambda: all(ids and ids[-1] == kept[f"r{i % USERS}"][-1] for i, ids in enumerate(crowd.got)), 30, "some client did not get the last event")
        crowd.end()
        assert not crowd.refused, f"{len(crowd.refused)} refused: {crowd.refused[:3]}"
        for i, ids in enumerate(crowd.got):
            assert ids == kept[f"r{i % USERS}"], f"client {i} has {len(ids)} of {len(kept[f'r{i % USERS}'])}"
        # Spread: no second of the time brings back a large part of all at once.
        seconds = [int(t - began) for t in crowd.returns]
        assert max(seconds.count(s) for s in set(seconds)) < CLIENTS / 2
    finally:
        first.finish()
