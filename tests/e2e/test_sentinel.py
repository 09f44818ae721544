"""Redis with Sentinels: the master dies, hangs or hands over amid many connections, publishing and uploads. Every event that the new
master has arrives, in order; who has seen an id that it lacks is told to start anew (resync); what was accepted ends."""
import asyncio
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time

import pytest
import redis
import redis.sentinel
import websockets

from followers import Publisher, history, order
from harness import BASE, BUILD, PATIENCE, ROOT, TERMINAL, Process, Stack, free_port, settings, unix_get, wait_until
from test_ingest_http import FILE_PART
from test_kills import Connection

MASTER = "cvmaster"
PASSWORD, SENTINELS_PASSWORD = "of-redis-8f2c1d", "of-sentinel-47ab90"
NAMES = ("notifier", "notifier2", "worker", "worker2")


class Server(Process):
    """A Redis on a TCP port, for Sentinel speaks in ports."""
    password = PASSWORD

    def __init__(self, folder, name):
        self.port = free_port()
        self.db = redis.Redis(port=self.port, password=self.password, decode_responses=True, socket_timeout=10)
        (folder / name).mkdir()
        argv = ["redis-server", "--bind", "127.0.0.1", "--port", self.port, "--dir", f"./{name}", "--save", "", "--repl-diskless-sync-delay", "0",
                "--repl-backlog-size", "16mb", "--appendonly", "yes", "--requirepass", PASSWORD, "--masterauth", PASSWORD]
        super().__init__(name, argv, folder, self.answers_ping)

    def answers_ping(self):
        try:
            return self.db.ping()
        except redis.RedisError:
            return False

    def role(self):
        try:
            return self.db.info("replication")
        except redis.RedisError:
            return {"role": "away"}

    def follows(self, master):
        role = self.role()
        return role["role"] == "slave" and role["master_port"] == master.port and role["master_link_status"] == "up"


class Sentinel(Server):
    password = SENTINELS_PASSWORD

    def __init__(self, folder, name, master):
        super().__init__(folder, name)
        (folder / f"{name}.conf").write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir ./{name}\nrequirepass {SENTINELS_PASSWORD}\nsentinel monitor {MASTER} 127.0.0.1 {master.port} 2\n"
            f"sentinel auth-pass {MASTER} {PASSWORD}\nsentinel down-after-milliseconds {MASTER} {5000 * PATIENCE}\n"
            f"sentinel failover-timeout {MASTER} {3000 * PATIENCE}\n")
        self.argv = ["redis-server", f"{name}.conf", "--sentinel"]

    def knows(self):
        master = self.db.sentinel_master(MASTER)
        return master["num-slaves"] == 1 and master["num-other-sentinels"] == 2


class Outdated(threading.Thread):
    """A Sentinel that is cut off from the others: it names for ever whom it named at first. What else it says is nonsense."""
    NONSENSE = (b"*1\r\n$1\r\nx\r\n", b"*3\r\n:1\r\n:2\r\n:3\r\n", b"*0\r\n", b"*-1\r\n", b"$-1\r\n", b"-ERR no\r\n+x\r\n", b"*3\r\n*1\r\n:1\r\n*0\r\n$-1\r\n",
                b"*2147483647\r\n*9\r\n", b"*3\r\n$7\r\nmessage\r\n$1\r\nx\r\n$5000\r\n" + b"x" * 5000 + b"\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n",
                b"*3\r\n$7\r\nmessage\r\n$14\r\n+switch-master\r\n$8\r\ncvmaster\r\n")

    def __init__(self, master):
        super().__init__(daemon=True)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.named = b"*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%d\r\n" % (len(str(master.port)), master.port)
        self.asked = self.subscribed = 0

    def run(self):
        while True:
            try:
                peer = self.server.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        with peer, contextlib.suppress(OSError):
            for line in peer.makefile("rb"):
                word = line.strip().upper()
                if word == b"AUTH":
                    peer.sendall(b"+OK\r\n")
                elif word == b"PING":
                    peer.sendall(b"+PONG\r\n")
                elif word == b"SUBSCRIBE":
                    peer.sendall(b"*3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n" + self.NONSENSE[self.subscribed % len(self.NONSENSE)])
                    self.subscribed += 1
                    time.sleep(0.02 * PATIENCE)
                    return
                elif word == b"GET-MASTER-ADDR-BY-NAME":
                    self.asked += 1
                    peer.sendall(self.named)


class Group(Stack):
    """Two notifiers and two workers that ask three Sentinels (one that is outdated before them, and one that is not there) for the
    master of two servers."""

    def __init__(self):
        limits = {"connect_rate_per_ip": 0, "max_connections_per_user": 0, "drain_s": 0}
        super().__init__(without=("redis", "notifier", "worker", "nginx"), notifier=limits, worker={"ocr_slots": 0, "lease_s": 5})
        self.first, self.second = Server(self.folder, "first"), Server(self.folder, "second")
        self.second.argv += ["--replicaof", f"127.0.0.1 {self.first.port}"]
        self.sentinels = [Sentinel(self.folder, f"sentinel{i}", self.first) for i in range(3)]
        for name, text in (("password", PASSWORD), ("sentinels-password", SENTINELS_PASSWORD)):
            (self.folder / name).write_text(text + "\n")
        self.outdated = Outdated(self.first)
        self.outdated.start()
        self.sentinels_url = f"127.0.0.1:1,{','.join(f'localhost:{s.port}' for s in self.sentinels)}/{MASTER}"
        self.sections["redis"] = {"url": f"redis+sentinel://127.0.0.1:{self.outdated.port},{self.sentinels_url}",
                                  "password_file": self.folder / "password", "sentinel_password_file": self.folder / "sentinels-password",
                                  "history_length": 100000}
        self.sections["notifier"] = {**self.sections["notifier"], **limits}
        self.daemons = [self.member(name) for name in NAMES]
        self.processes = [self.first, self.second, *self.sentinels, *self.daemons]

    def member(self, name):
        program = name.rstrip("2")
        own = settings(**{program: {"listen": f"unix:{self.folder}/{name}.sock", "admin_listen": f"unix:{self.folder}/{name}-admin.sock"}})
        return Process(name, [BUILD / f"cvpulse-{program}", "-c", "/dev/null", *settings(**self.sections), *own], self.folder,
                       lambda: unix_get(self.folder / f"{name}.sock", "/health/ready")[0] == 200)

    def start(self):
        self._start(self.first, self.second)
        wait_until(lambda: self.second.follows(self.first), 30, "the replica does not follow")
        self._start(*self.sentinels)  # not sooner: they look for replicas at once, then every 10 s
        wait_until(lambda: all(s.knows() for s in self.sentinels), 30, "the Sentinels do not find each other")
        self._start(*self.daemons)
        return self

    @staticmethod
    def _start(*processes):
        for process in processes:
            process.start(wait=False)
        for process in processes:
            process.wait_ready()

    def wait_ready(self):
        for process in self.daemons:
            process.wait_ready()

    def names(self, server):
        """Whether every Sentinel names this one."""
        return all(s.db.sentinel_get_master_addr_by_name(MASTER) == ("127.0.0.1", server.port) for s in self.sentinels)

    def fail_over(self):
        """One Sentinel is asked to; it may be at it already, or not yet know enough."""
        try:
            self.sentinels[0].db.execute_command("SENTINEL", "FAILOVER", MASTER)
            return True
        except redis.RedisError:
            return False

    def has_taken_over(self, server):
        """Asked, the Sentinels need not wait until they are sure, and a crowded machine is no reason for a fail-over."""
        return server.role()["role"] == "master" or (self.fail_over() and False)


@pytest.fixture
def group():
    stack = Group()
    try:
        yield stack.start()
        for process in stack.daemons:
            assert PASSWORD not in process.output() and SENTINELS_PASSWORD not in process.output()
    finally:
        stack.finish()
        stack.outdated.server.close()


class Crowd:
    """Clients on one loop that stay connected, half of them at each notifier, and two each by polls and by server-sent events.
    What each got is kept: the ids of events, those before the last resync apart, and the id that the snapshot after it stands at."""

    def __init__(self, stack, n, users):
        self.paths = [str(stack.folder / f"{name}.sock") for name in NAMES[:2]]
        self.n, self.users = n + 4, users
        self.ids, self.before = [[] for _ in range(self.n)], [[] for _ in range(self.n)]
        self.snapshot = ["0-0"] * self.n
        self.resyncs = [0] * self.n
        self.open = 0
        self.broken = []
        self.ended = threading.Event()
        self.others = [threading.Thread(target=self._follow, args=(n + k, way), daemon=True) for k, way in enumerate(2 * (self._poll, self._stream))]
        for thread in self.others:
            thread.start()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        wait_until(lambda: self.open == n or self.broken, 60, lambda: f"{self.open} connected")

    def user(self, i):
        return f"s{i // 2 % self.users}"

    def _run(self):
        asyncio.set_event_loop(self.loop)
        gate = asyncio.Semaphore(100)
        self.tasks = [self.loop.create_task(self._client(i, gate)) for i in range(self.n - len(self.others))]
        self.loop.run_until_complete(asyncio.gather(*self.tasks, return_exceptions=True))
        rest = asyncio.all_tasks(self.loop)  # of the connections
        for task in rest:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*rest, return_exceptions=True))
        self.loop.close()

    async def _client(self, i, gate):
        try:
            async with gate:
                ws = await websockets.unix_connect(self.paths[i % 2], f"ws://localhost{BASE}/ws/{self.user(i)}?after_id=0-0", ping_interval=None,
                                                   compression=None, open_timeout=60, close_timeout=0.1, max_size=None)
            self.open += 1
            async for text in ws:
                self._take(i, json.loads(text))
            self.broken.append(ws.close_code)
        except (OSError, websockets.WebSocketException, asyncio.TimeoutError) as e:
            self.broken.append(repr(e))

    def _follow(self, i, way):
        while not self.ended.is_set():
            connection = Connection(self.paths[i // 2 % 2])
            try:
                way(i, connection)
            except (OSError, ValueError, http.client.HTTPException):
                self.ended.wait(0.1)
            except AssertionError as e:
                self.broken.append(str(e))
                return
            finally:
                connection.close()

    def _poll(self, i, connection):
        while not self.ended.is_set():
            connection.request("GET", f"{BASE}/events/{self.user(i)}?after_id={self.at(i)}&wait=2")
            response = connection.getresponse()
            answer = json.loads(response.read())
            if response.status == 503:
                self.ended.wait(0.1)
                continue
            if answer["resync"]:
                self._take(i, {"type": "resync"})
                self._take(i, answer["snapshot"])
            for frame in answer["events"]:
                self._take(i, frame)
            assert answer["last_id"] == self.at(i), (answer, self.at(i))

    def _stream(self, i, connection):
        connection.request("GET", f"{BASE}/events/{self.user(i)}", headers={"Accept": "text/event-stream", "Last-Event-ID": self.at(i)})
        for line in connection.getresponse():
            if line.startswith(b"data:"):
                self._take(i, json.loads(line[5:]))
            if self.ended.is_set():
                return

    def _take(self, i, frame):
        if "prev" in frame:
            self.ids[i].append(frame["id"])
        elif frame["type"] == "resync":
            self.resyncs[i] += 1
            self.before[i] += self.ids[i]
            self.ids[i] = []
        elif frame["type"] == "snapshot" and not frame["more"]:
            self.snapshot[i] = frame["last_id"]

    def at(self, i):
        """Up to where this client knows all."""
        return max(self.snapshot[i], *self.ids[i][-1:], key=order) if self.ids[i] else self.snapshot[i]

    def at_end(self, kept):
        return sum(self.at(i) != kept[self.user(i)][-1] for i in range(self.n)) == 0

    def judge(self, kept, fail_overs):
        """kept: what the master has, by user. Who resumed from the beginning must have all of it, or a snapshot and all after it."""
        assert not self.broken, self.broken[:3]
        for i in range(self.n):
            all_kept, seen = kept[self.user(i)], self.before[i] + self.ids[i]
            assert self.ids[i] == [id for id in all_kept if order(id) > order(self.snapshot[i])], (i, self.resyncs[i])
            lost = set(seen) - set(all_kept)
            assert (1 if lost else 0) <= self.resyncs[i] <= (fail_overs if lost else 0), (i, self.resyncs[i], sorted(lost))

    def end(self):
        self.ended.set()
        self.loop.call_soon_threadsafe(lambda: [task.cancel() for task in self.tasks])
        self.thread.join(30)


class Load:
    """Somebody who publishes all the time, to the master that the Sentinels name when a connection of his begins, and somebody who
    uploads all the time, to one worker and the other."""

    def __init__(self, stack, users):
        self.stack, self.users = stack, [f"s{u}" for u in range(users)]
        self.accepted = []
        self.refused = 0
        self.rounds = 0
        self.ended = threading.Event()
        self.failure = None
        self.threads = [threading.Thread(target=self._guard, args=(run,), daemon=True) for run in (self._publish, self._upload)]
        for thread in self.threads:
            thread.start()

    def _guard(self, run):
        try:
            run()
        except Exception as e:  # the test judges it
            self.failure = e

    def _publish(self):
        sentinel = redis.sentinel.Sentinel([("127.0.0.1", s.port) for s in self.stack.sentinels], sentinel_kwargs={"password": SENTINELS_PASSWORD},
                                           password=PASSWORD, decode_responses=True, socket_timeout=2)
        publisher = Publisher(sentinel.master_for(MASTER))
        n = 0
        while not self.ended.is_set():
            for user in self.users:
                n += 1
                try:
                    publisher.cv(user, f"c{n}", "queued", batch=f"b{n}")
                except redis.RedisError:
                    time.sleep(0.05)
                self.ended.wait(0.02 * PATIENCE)
            self.rounds += 1

    def next_round(self):
        """What was asked for before this is in effect after it."""
        before = self.rounds
        wait_until(lambda: self.rounds >= before + 2 or self.failure, 30)

    def _upload(self):
        n = 0
        while not self.ended.wait(0.2 * PATIENCE):
            n += 1
            body = FILE_PART + f"Person Number {n}\nperson{n}@example.org\n".encode() + b"\r\n--XX--\r\n"
            connection = Connection(self.stack.folder / f"{NAMES[2 + n % 2]}.sock")
            try:
                connection.request("POST", f"{BASE}/cvs?user_id=s0", body, {"Content-Type": "multipart/form-data; boundary=XX"})
                answer = connection.getresponse()
                self.refused += answer.status == 503
                if answer.status == 202:
                    said = json.loads(answer.read())
                    self.accepted += [(said["batch_id"], cv["cv_id"]) for cv in said["cvs"]]
            except (OSError, http.client.HTTPException):
                pass  # no answer is no promise
            finally:
                connection.close()

    def end(self):
        self.ended.set()
        for thread in self.threads:
            thread.join(30)
        assert self.failure is None, self.failure

    def unfinished(self, db):
        """The new master must know of them, too: what died with the old one is taken up again from the spool."""
        frames = {cv_id: db.hget(f"user:s0:batch:{batch_id}:cvs", cv_id) for batch_id, cv_id in self.accepted}
        return [cv_id for cv_id, frame in frames.items() if frame is None or json.loads(frame)["status"] not in TERMINAL]


def settle(crowd, load, master, users, fail_overs):
    """All that was accepted has ended, everybody has got everything that the master has."""
    load.end()
    wait_until(lambda: not load.unfinished(master.db), 60, lambda: f"{len(load.unfinished(master.db))} of {len(load.accepted)} do not end")
    kept = {f"s{u}": history(master.db, f"s{u}") for u in range(users)}
    wait_until(lambda: crowd.at_end(kept) or crowd.broken, 30, "not all did get what came after")
    crowd.judge(kept, fail_overs)


def test_a_master_that_dies_takes_nothing_that_the_new_one_has(group):
    users = 50
    crowd = Crowd(group, 2000 // PATIENCE, users)
    assert not crowd.broken
    load = Load(group, users)
    load.next_round()
    load.users = load.users[::2]  # the others will lose nothing
    load.next_round()
    group.first.db.wait(1, 10000)
    # From here on nothing reaches the replica: these ids, and what is accepted now, will die with the master.
    group.first.db.acl_setuser("default", commands=["-psync"])
    group.first.db.execute_command("CLIENT", "KILL", "TYPE", "replica")
    accepted = len(load.accepted)
    wait_until(lambda: len(load.accepted) >= accepted + 2 or load.failure, 20, "nothing is accepted")
    load.next_round()
    doomed = {user: history(group.first.db, user)[-1] for user in load.users}
    wait_until(lambda: all(order(crowd.at(i)) >= order(doomed.get(crowd.user(i), "0-0")) for i in range(crowd.n)), 30, "the last events did not arrive")
    group.first.kill()
    wait_until(lambda: group.has_taken_over(group.second), 60, lambda: "nobody became master: " + group.sentinels[0].output()[-2000:])
    load.next_round()
    group.wait_ready()
    settle(crowd, load, group.second, users, 1)
    resynced = {crowd.user(i) for i in range(crowd.n) if crowd.resyncs[i]}
    assert resynced == set(load.users)
    crowd.end()


def asked(group, program, *argv):
    environment = {**os.environ, "CVPULSE": str(BUILD / "cvpulse"), "CVPULSE_WORKER_SPOOL_DIR": f"{group.folder}/spool",
                   **{f"CVPULSE_REDIS_{key.upper()}": str(value) for key, value in group.sections["redis"].items()},
                   "CVPULSE_REDIS_URL": f"redis+sentinel://{group.sentinels_url}"}
    return subprocess.run([program, "-c", "/dev/null", *argv], capture_output=True, text=True, env=environment, timeout=60, check=False)


def subscribers(server):
    """Daemons whose both connections are here: notifiers by their channel."""
    return server.db.pubsub_numsub("cvpulse:control")[0][1]


def test_a_master_that_hands_over_or_hangs_is_left(group, tmp_path):
    users = 10
    crowd = Crowd(group, 100, users)
    load = Load(group, users)
    load.next_round()
    # The old master does not know for seconds that it has been replaced; nobody may go on writing there.
    wait_until(lambda: group.has_taken_over(group.second) and group.names(group.second), 30)
    wait_until(lambda: subscribers(group.second) == 2, 5, "the notifiers are not there")
    group.wait_ready()
    wait_until(lambda: group.first.follows(group.second), 40, "the old master does not become a replica")
    done = asked(group, ROOT / "scripts" / "cvpulse-admin", "backup", tmp_path)
    assert done.returncode == 0 and os.path.getsize(f"{done.stdout.strip()}/redis.rdb") > 1000, done.stderr
    said = asked(group, ROOT / "scripts" / "cvpulse-admin", "preflight").stdout
    assert f"ok       Sentinels of {MASTER}: OK 3 usable" in said and "Sentinel at 127.0.0.1 port 1 does not answer" in said, said
    assert "ok       Redis answers" in said and "no replica" not in said, said
    # A master that hangs ends no connection.
    os.kill(group.second.child.pid, signal.SIGSTOP)
    try:
        wait_until(lambda: group.has_taken_over(group.first) and group.names(group.first), 60)
        wait_until(lambda: subscribers(group.first) == 2, 10, "the notifiers are not there")
        group.wait_ready()
        done = asked(group, BUILD / "cvpulse", "queue")
        assert done.returncode == 0, done.stderr
    finally:
        os.kill(group.second.child.pid, signal.SIGCONT)
    # A master that may not write without replicas refuses, and nothing is lost by that.
    wait_until(lambda: group.second.follows(group.first), 40, "who hung does not become a replica")
    group.first.db.config_set("min-replicas-to-write", 2)
    refused = load.refused
    wait_until(lambda: load.refused >= refused + 2 or load.failure, 20, "nothing is refused")
    group.first.db.config_set("min-replicas-to-write", 0)
    load.next_round()
    settle(crowd, load, group.first, users, 2)
    assert group.outdated.asked and group.outdated.subscribed > len(Outdated.NONSENSE)
    crowd.end()


def test_without_any_sentinel_the_reason_is_said():
    done = subprocess.run([BUILD / "cvpulse", "-c", "/dev/null", *settings(redis={"url": "redis+sentinel://127.0.0.1:1,127.0.0.1:2/db", "connect_timeout_s": 0.3}),
                           "queue"], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "connection refused" in done.stderr and "Sentinel 127.0.0.1 port" in done.stderr and "db, the master" in done.stderr, done.stderr
