"""Redis with Sentinels: the master dies amid many connections. Every event that the new master has arrives, in order; who has
seen an id that died with the old master is told to start anew (resync)."""
import asyncio
import json
import subprocess
import threading

import pytest
import redis
import websockets

from followers import Publisher, history, order
from harness import BUILD, PATIENCE, Process, Stack, free_port, settings, unix_get, wait_until

CLIENTS = 2000 // PATIENCE
USERS = 50
MASTER = "cvmaster"


class Server(Process):
    """A Redis on a TCP port, for Sentinel speaks in ports."""

    def __init__(self, folder, name, *options):
        self.port = free_port()
        self.db = redis.Redis(port=self.port, decode_responses=True, socket_timeout=10)
        (folder / name).mkdir()
        argv = ["redis-server", "--bind", "127.0.0.1", "--port", self.port, "--dir", f"./{name}", "--save", "", "--repl-diskless-sync-delay", "0",
                "--repl-backlog-size", "16mb", *options]
        super().__init__(name, argv, folder, self.answers_ping)

    def answers_ping(self):
        try:
            return self.db.ping()
        except redis.RedisError:
            return False


class Sentinel(Server):
    def __init__(self, folder, name, master):
        super().__init__(folder, name)
        (folder / f"{name}.conf").write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir ./{name}\nsentinel monitor {MASTER} 127.0.0.1 {master.port} 2\n"
            f"sentinel down-after-milliseconds {MASTER} {1000 * PATIENCE}\nsentinel failover-timeout {MASTER} {5000 * PATIENCE}\n")
        self.argv = ["redis-server", f"{name}.conf", "--sentinel"]


@pytest.fixture
def group():
    """A stack (without its own Redis) whose daemons ask three Sentinels for the master of two servers."""
    limits = {"connect_rate_per_ip": 0, "max_connections_per_user": 0, "drain_s": 0}
    stack = Stack(without=("redis", "nginx"), notifier=limits)
    stack.first, stack.second = Server(stack.folder, "first"), Server(stack.folder, "second")
    stack.second.argv += ["--replicaof", f"127.0.0.1 {stack.first.port}"]
    sentinels = [Sentinel(stack.folder, f"sentinel{i}", stack.first) for i in range(3)]
    stack.address = f"redis+sentinel://127.0.0.1:1,{','.join(f'localhost:{s.port}' for s in sentinels)}/{MASTER}"
    for process in (stack.notifier, stack.worker):
        process.argv = [f"redis.url={stack.address}" if a.startswith("redis.url=") else a for a in process.argv]
    stack.processes = [stack.first, stack.second, *sentinels, stack.notifier, stack.worker]
    try:
        for process in stack.processes[:-2]:
            process.start(wait=False)
        for process in stack.processes[:-2]:
            process.wait_ready()
        wait_until(lambda: stack.second.db.info("replication")["master_link_status"] == "up", 20)
        wait_until(lambda: all(s.db.sentinel_master(MASTER)["num-slaves"] == 1 and s.db.sentinel_master(MASTER)["num-other-sentinels"] == 2
                               for s in sentinels), 30, "the Sentinels do not know each other")
        for process in (stack.notifier, stack.worker):
            process.start(wait=False)
        for process in (stack.notifier, stack.worker):
            process.wait_ready()
        yield stack
    finally:
        stack.finish()


class Crowd:
    """Clients on one loop that stay connected; what each got is kept: ids of events, before and after a resync, and the id that the
    snapshot after it stands at."""

    def __init__(self, stack):
        self.path = str(stack.folder / "notifier.sock")
        self.ids = [[] for _ in range(CLIENTS)]
        self.before = [None] * CLIENTS
        self.snapshot = [None] * CLIENTS
        self.resyncs = [0] * CLIENTS
        self.open = 0
        self.broken = []
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        asyncio.set_event_loop(self.loop)
        gate = asyncio.Semaphore(100)
        self.loop.run_until_complete(asyncio.gather(*[self._client(i, gate) for i in range(CLIENTS)], return_exceptions=True))

    async def _client(self, i, gate):
        try:
            async with gate:
                ws = await websockets.unix_connect(self.path, f"ws://localhost/api/v1/cv-processing/ws/s{i % USERS}?after_id=0-0", ping_interval=None,
                                                   compression=None, open_timeout=60, close_timeout=1, max_size=None)
            self.open += 1
            async for text in ws:
                frame = json.loads(text)
                if "prev" in frame:
                    self.ids[i].append(frame["id"])
                elif frame["type"] == "resync":
                    self.resyncs[i] += 1
                    self.before[i], self.ids[i] = self.ids[i], []
                elif frame["type"] == "snapshot" and not frame["more"]:
                    self.snapshot[i] = frame["last_id"]
            self.broken.append(ws.close_code)
        except (OSError, websockets.WebSocketException, asyncio.TimeoutError) as e:
            self.broken.append(repr(e))

    def at(self, i):
        """Up to where this client knows all."""
        return max([*self.ids[i][-1:], *([self.snapshot[i]] if self.snapshot[i] else [])], key=order, default=None)

    def end(self):
        for task in asyncio.all_tasks(self.loop):
            self.loop.call_soon_threadsafe(task.cancel)
        self.thread.join(20)


def published(publisher, user):
    try:
        return publisher.cv(user, "later", "queued")
    except redis.ConnectionError:
        return None  # cut by a Sentinel; what was published already is no second time, the script sees to that


def took_over(group):
    """The Sentinels would find out by themselves; asked, they need not wait until they are sure. They cut the new master's clients."""
    try:
        if group.second.db.info("replication")["role"] == "master":
            return True
        group.processes[2].db.execute_command("SENTINEL", "FAILOVER", MASTER)
    except (redis.ResponseError, redis.ConnectionError):
        pass  # they are at it, or do not know enough yet
    return False


def test_a_failover_loses_nothing_that_the_new_master_has(group):
    crowd = Crowd(group)
    wait_until(lambda: crowd.open == CLIENTS or crowd.broken, 60, lambda: f"{crowd.open} connected")
    assert not crowd.broken
    before = Publisher(group.first.db)
    for n in range(3):
        for u in range(USERS):
            before.cv(f"s{u}", f"c{n}", "queued")
    group.first.db.wait(1, 10000)
    # From here on nothing reaches the replica: these ids will die with the master.
    group.first.db.acl_setuser("default", commands=["-psync"])
    group.first.db.execute_command("CLIENT", "KILL", "TYPE", "replica")
    doomed = {}
    for u in range(0, USERS, 2):
        before.cv(f"s{u}", "doomed", "queued")
        doomed[u] = history(group.first.db, f"s{u}")[-1]
    wait_until(lambda: all(crowd.ids[i][-1:] == [doomed[i % USERS]] for i in range(CLIENTS) if i % USERS in doomed), 30, "the last events did not arrive")
    group.first.kill()

    wait_until(lambda: took_over(group), 60, lambda: "nobody became master: " + group.processes[2].output()[-2000:])
    after = Publisher(group.second.db)
    for u in range(USERS):
        wait_until(lambda u=u: published(after, f"s{u}"))
    kept = {u: history(group.second.db, f"s{u}") for u in range(USERS)}
    assert all(doomed[u] not in kept[u] and order(kept[u][-1]) > order(doomed[u]) for u in doomed)
    wait_until(lambda: all(crowd.at(i) == kept[i % USERS][-1] for i in range(CLIENTS)), 60,
               lambda: f"{sum(crowd.at(i) != kept[i % USERS][-1] for i in range(CLIENTS))} did not get what came after")
    assert not crowd.broken, crowd.broken[:3]
    for i in range(CLIENTS):
        u = i % USERS
        if u not in doomed:
            assert (crowd.ids[i], crowd.resyncs[i]) == (kept[u], 0), i
            continue
        assert (crowd.before[i][-1], crowd.resyncs[i]) == (doomed[u], 1), i
        assert crowd.ids[i] == [id for id in kept[u] if order(id) > order(crowd.snapshot[i])], i
    crowd.end()
    # The worker works for the new master too, and the command finds it.
    wait_until(lambda: unix_get(group.folder / "worker.sock", "/health/ready")[0] == 200, 20)
    done = subprocess.run([BUILD / "cvpulse", "-c", "/dev/null", *settings(redis={"url": group.address}), "queue"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_without_any_sentinel_the_reason_is_said():
    done = subprocess.run([BUILD / "cvpulse", "-c", "/dev/null", *settings(redis={"url": "redis+sentinel://127.0.0.1:1,127.0.0.1:2/db", "connect_timeout_s": 1}),
                           "queue"], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "Sentinel 127.0.0.1: connection refused" in done.stderr and "master db" in done.stderr
