"""Turns of fortune that seldom come together: each once stopped a stream, or could have stopped the daemon."""
import json
import os
import signal
import socket
import time

from followers import Publisher
from harness import BASE, unix_get, wait_until
from test_rfc6455 import TEXT, frame
from test_tokens import SECRET

ALONE = ("worker", "nginx")
NO_LIMITS = {"connect_rate_per_ip": 0, "max_connections_per_user": 0}


class Raw:
    """Bytes to and from the notifier's unix socket."""

    def __init__(self, stack):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(0.1)
        self.sock.connect(f"{stack.folder}/notifier.sock")
        self.heard = b""

    def get(self, path, *headers, then=b""):
        lines = [f"GET {BASE}{path} HTTP/1.1", "Host: localhost", *headers, "", ""]
        self.sock.sendall("\r\n".join(lines).encode() + then)
        return self

    def upgrade(self, path, then=b""):
        return self.get(path, "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
                        "Sec-WebSocket-Version: 13", then=then)

    def hear(self):
        try:
            while piece := self.sock.recv(1 << 20):
                self.heard += piece
        except (TimeoutError, ConnectionResetError):
            pass
        return self.heard

    def wait_for(self, text, timeout=10):
        wait_until(lambda: text in self.hear(), timeout, f"{text} did not come")
        return self


def alive(stack):
    return unix_get(stack.folder / "notifier.sock", "/health/live")[0] == 200


def test_a_stream_whose_reader_paused_goes_on_at_once(make_stack):
    stack = make_stack(without=ALONE, notifier={**NO_LIMITS, "outbox_max_bytes": 64 << 20})
    reader = Raw(stack).get("/events/42", "Accept: text/event-stream").wait_for(b": connected")
    wait_until(lambda: stack.db.pubsub_numsub("user:42:events")[0][1] == 1)
    for i in range(2000):
        stack.db.publish("user:42:events", json.dumps({"type": "note", "n": i, "text": "x" * 500}))
    time.sleep(0.5)  # the pause: all of them wait
    reader.wait_for(b'"n": 1999', 5)
    assert reader.heard.count(b"\nevent: note") == 2000


def test_an_event_with_ids_that_history_lacks_does_not_stop_the_stream(make_stack):
    stack = make_stack(without=ALONE)
    reader = Raw(stack).upgrade("/ws/42")
    wait_until(lambda: stack.db.pubsub_numsub("user:42:events")[0][1] == 1)
    reader.sock.sendall(frame(TEXT, b"ping"))
    reader.wait_for(b"pong")
    foreign = '{"id":"1763712000000-0","prev":"1763711999100-0","type":"cv_progress","cv_id":"c1","status":"processing","progress":45}'
    stack.db.publish("user:42:events", foreign)
    reader.wait_for(foreign.encode())
    Publisher(stack.db).cv("42", "c2", rest='"message":"after it"')
    reader.wait_for(b"after it")


def test_messages_that_come_with_the_upgrade_do_no_harm(make_stack):
    stack = make_stack(without=ALONE)
    for payloads in ([b"x"] * 100, [b"y" * 9000] * 2, [b"ping"] * 3):
        Raw(stack).upgrade("/ws/42", b"".join(frame(TEXT, p) for p in payloads)).hear()
    Raw(stack).upgrade("/ws/42", frame(3)).hear()
    assert stack.notifier.child.poll() is None
    assert alive(stack)


def test_more_reads_than_redis_takes_wait_their_turn(make_stack):
    stack = make_stack(without=ALONE, notifier=NO_LIMITS, redis={"pending_max": 100, "command_timeout_s": 60})
    first = Raw(stack).upgrade("/ws/42")
    first.sock.sendall(frame(TEXT, b"ping"))
    first.wait_for(b"pong")
    os.kill(stack.redis.child.pid, signal.SIGSTOP)
    try:
        readers = [Raw(stack).upgrade("/ws/42?after_id=0-0").wait_for(b"101 Switching") for _ in range(110)]
        time.sleep(0.5)
        assert alive(stack)
    finally:
        os.kill(stack.redis.child.pid, signal.SIGCONT)
    for reader in readers:
        reader.wait_for(b'"resumed"')


def test_a_client_that_leaves_while_its_ticket_is_redeemed_leaves_nothing_behind(make_stack, tmp_path):
    (tmp_path / "secret").write_text(SECRET)
    stack = make_stack(without=ALONE, notifier=NO_LIMITS, auth={"mode": "jwt", "jwt_secret_file": tmp_path / "secret"})
    for i in range(5):
        stack.db.set(f"cvpulse:ticket:t{i}", "42 0")
    os.kill(stack.redis.child.pid, signal.SIGSTOP)
    try:
        readers = [Raw(stack).get(f"/events/42?ticket=t{i}", "Accept: text/event-stream") for i in range(5)]
        assert alive(stack)
        for reader in readers:
            reader.sock.close()
        assert alive(stack)
    finally:
        os.kill(stack.redis.child.pid, signal.SIGCONT)
    wait_until(lambda: stack.db.keys("cvpulse:ticket:*") == [])
    for _ in range(10):
        stack.db.publish("user:42:events", "{}")
    wait_until(lambda: '"active_connections":0,' in unix_get(stack.folder / "notifier-admin.sock", "/api/stats")[1])
    assert '"active_users":0,' in unix_get(stack.folder / "notifier-admin.sock", "/api/stats")[1]
