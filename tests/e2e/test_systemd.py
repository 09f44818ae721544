"""What systemd does for the notifier and hears from it: sockets handed over, sd_notify, the watchdog, a reload by SIGHUP."""
import contextlib
import os
import re
import signal
import socket
import threading
import time
from pathlib import Path

import jwt
import pytest
import requests

from harness import BASE, Process, Stack, Stream, free_port, wait_until

# As systemd: the socket stays open while the daemon ends and begins again.
KEEPER = """until [ -e stop ]; do
	sh -c 'LISTEN_PID=$$ exec "$@"' sh "$@"
done"""


class Activated(Stack):
    """A notifier whose socket is systemd's."""

    def __init__(self):
        self.public = free_port()
        super().__init__(without=("worker", "nginx"), notifier={"listen": "systemd", "drain_s": 0.5})

    def _notifier(self):
        argv = ["systemd-socket-activate", "-l", f"127.0.0.1:{self.public}", "--fdname=notifier", "sh", "-c", KEEPER, "keeper",
                *super()._notifier().argv]
        return Process("notifier", argv, self.folder, self.is_ready)

    def is_ready(self):
        with contextlib.suppress(requests.RequestException):
            return requests.get(f"http://127.0.0.1:{self.public}/health/ready", timeout=5).status_code == 200
        return False

    def pids(self):
        return [int(pid) for pid in re.findall(r'"event":"ready".*"pid":(\d+)', self.notifier.output())]

    def finish(self):
        (self.folder / "stop").touch()
        os.kill(self.pids()[-1], signal.SIGTERM)
        self.notifier.child.wait(10)
        super().finish()


@pytest.fixture
def activated():
    stack = Activated()
    yield stack.start()
    stack.finish()


def knock(port):
    """One connection, and one request on it; an error when nobody takes the connection. One that the stopping daemon had
    taken but not yet read from may end without an answer."""
    with socket.create_connection(("127.0.0.1", port), 20) as s, contextlib.suppress(ConnectionError):
        s.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return s.recv(65536).startswith(b"HTTP/1.1 200 ")
    return False


def test_a_socket_of_systemd_refuses_nobody_during_a_restart(activated):
    stream = Stream(f"ws://127.0.0.1:{activated.public}{BASE}/ws/42")
    activated.streams.append(stream)
    stream.connected().subscribed()
    answers, refused, ending = [], [], threading.Event()

    def visit():
        while not ending.is_set():
            try:
                answers.append(knock(activated.public))
            except OSError as e:
                refused.append(repr(e))
            time.sleep(0.005)
    threads = [threading.Thread(target=visit) for _ in range(4)]
    for thread in threads:
        thread.start()
    before = len(activated.pids())
    for restarts in (1, 2):
        os.kill(activated.pids()[-1], signal.SIGTERM)
        wait_until(lambda n=restarts: len(activated.pids()) == before + n, 10, "it does not come back")
    wait_until(activated.is_ready)
    ending.set()
    for thread in threads:
        thread.join()
    assert stream.close_code == 1012
    assert not refused, refused
    assert answers.count(True) > 10 and answers.count(False) <= 2 * len(threads)


class Manager:
    """The end of NOTIFY_SOCKET that systemd holds: what came is in `said`."""

    def __init__(self, folder):
        self.path = folder / "notify.sock"
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(str(self.path))
        self.said = []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        with contextlib.suppress(OSError):
            while True:
                self.said.append(self.sock.recv(4096).decode())

    def wait(self, *wanted):
        """Until these have come, in this order, among other things."""
        def came():
            rest = iter(list(self.said))
            return all(any(re.fullmatch(w, text) for text in rest) for w in wanted)
        wait_until(came, 10, lambda: f"{wanted} in {self.said[-5:]}")

    def count(self, text):
        return self.said.count(text)


@pytest.fixture
def managed():
    stack = Stack(without=("worker", "nginx"))
    manager = Manager(stack.folder)
    stack.notifier.environment.update(NOTIFY_SOCKET=str(manager.path), WATCHDOG_USEC="300000")
    yield stack.start(), manager
    stack.finish()
    manager.sock.close()


def test_systemd_is_told_of_ready_reloading_and_stopping(managed):
    stack, manager = managed
    manager.wait("READY=1", "WATCHDOG=1", "WATCHDOG=1")
    stack.notifier.child.send_signal(signal.SIGHUP)
    manager.wait("READY=1", r"RELOADING=1\nMONOTONIC_USEC=\d+", "READY=1", "WATCHDOG=1")
    assert stack.notifier.stop() == 0
    manager.wait("READY=1", "STOPPING=1")


def test_the_watchdog_is_fed_only_while_the_loop_turns(managed):
    stack, manager = managed
    manager.wait("WATCHDOG=1")
    stack.notifier.child.send_signal(signal.SIGSTOP)
    wait_until(lambda: Path(f"/proc/{stack.notifier.child.pid}/stat").read_text().split()[2] == "T", 5)
    fed = len(manager.said)
    time.sleep(0.6)  # nothing may come in this time, in which it would have been fed six times
    assert len(manager.said) <= fed + 1
    stack.notifier.child.send_signal(signal.SIGCONT)
    wait_until(lambda: len(manager.said) > fed + 2)


def test_the_watchdog_is_not_fed_while_probes_do_not_come_back(managed):
    stack, manager = managed
    manager.wait("WATCHDOG=1")
    stack.db.acl_setuser("default", enabled=True, commands=["-publish"])
    wait_until(lambda: "probe_lost" in stack.notifier.output(), 40)
    fed = manager.count("WATCHDOG=1")
    time.sleep(0.6)  # as above
    assert manager.count("WATCHDOG=1") <= fed + 1
    stack.db.acl_setuser("default", enabled=True, commands=["+publish"])
    wait_until(lambda: manager.count("WATCHDOG=1") > fed + 2, 20)


def test_a_reload_changes_limits_level_and_keys_and_drops_nobody(tmp_path):
    secret, conf = tmp_path / "secret", tmp_path / "cvpulse.conf"
    keys = ["0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"]

    def write(limit, level, key):
        secret.write_text(key)
        conf.write_text(f"[notifier]\nmax_connections_per_user = {limit}\n[log]\nlevel = {level}\n")

    def signed(key, user):
        return {"Authorization": "Bearer " + jwt.encode({"sub": user, "exp": int(time.time()) + 600}, key, "HS256")}
    write(20, "info", keys[0])
    stack = Stack(without=("worker",), auth={"mode": "jwt", "jwt_secret_file": secret})
    stack.notifier.argv[stack.notifier.argv.index("/dev/null")] = str(conf)
    try:
        stack.start()
        first, second = (stack.ws("42", headers=signed(keys[0], "42")) for _ in range(2))
        write(1, "debug", keys[1])
        stack.notifier.child.send_signal(signal.SIGHUP)
        wait_until(lambda: "config_reloaded" in stack.notifier.output())
        stack.db.publish("user:42:events", '{"type":"x"}')
        first.wait(lambda frames: {"type": "x"} in frames)
        assert not first.closed.is_set()
        wait_until(lambda: "frame_forwarded" in stack.notifier.output(), 5, "the level is not debug")
        old = Stream(stack.ws_url("42"), signed(keys[0], "42"))
        assert old.opened.wait(10) and old.failure.status_code == 401
        assert not first.closed.is_set() and not second.closed.is_set()
        stack.ws("42", headers=signed(keys[1], "42"))
        for stream in (first, second):
            assert stream.closed.wait(10) and stream.close_code == 4409
    finally:
        stack.finish()
