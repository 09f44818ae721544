"""Why a connection of the notifier ends: its close code (test_close_codes.py has the whole table), its reason in the log, and the
graceful stop."""
import contextlib
import json
import re
import resource
import signal
import socket
import time

import pytest
import requests
import websockets

from harness import BASE, Process, Stack, Stream, unix_get, wait_until
from test_rfc6455 import TEXT, frame

SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def notifier(make_stack):
    def make(auth=None, redis=None, **keys):
        return make_stack(without=("worker",), notifier={"connect_rate_per_ip": 0, **keys}, auth=auth or {}, redis=redis or {})
    return make


def page(stack):
    return {"Origin": stack.url}


def closes(stream, code, timeout=10):
    wait_until(lambda: stream.closed.is_set(), timeout, "it stays open")
    assert stream.close_code == code, stream.failure
    return stream


def log(stack, event):
    return [json.loads(line) for line in stack.notifier.output().splitlines() if f'"event":"{event}"' in line]


def why(stack, reason):
    return wait_until(lambda: [line for line in log(stack, "ws_closed") if line["reason"] == reason], 10, f"no {reason} in the log")


def open_stream(stack, user, query="", headers=None):
    stream = Stream(stack.ws_url(user, query), headers)
    stack.streams.append(stream)
    return stream


def test_too_long_a_message(notifier):
    stack = notifier()
    stream = stack.ws("42")
    stream.send("x" * 500)
    stream.send("é" * 500)
    stream.subscribed()
    stream.send("x" * 501)
    closes(stream, 1009)
    assert why(stack, "too_long")[0]["code"] == 1009


def test_a_flood_of_messages(notifier):
    stack = notifier(message_rate=5)
    stream = stack.ws("42")
    with contextlib.suppress(websockets.ConnectionClosed):
        for _ in range(20):
            stream.send("hello")
    closes(stream, 4429)
    why(stack, "flood")


def test_the_oldest_connection_is_replaced(notifier):
    stack = notifier(max_connections_per_user=2)
    streams = [stack.ws("42") for _ in range(3)]
    closes(streams[0], 4409)
    stack.db.publish("user:42:events", '{"type":"x"}')
    for stream in streams[1:]:
        stream.wait(lambda frames: {"type": "x"} in frames)
    assert stack.ws("43")


def test_one_connection_too_many(notifier):
    stack = notifier(max_connections=1)
    stack.ws("42")
    closes(open_stream(stack, "43", headers=page(stack)), 1013)
    answer = requests.get(f"{stack.url}{BASE}/events/43", timeout=10)
    assert answer.status_code == 503 and answer.headers["Retry-After"]


def test_no_more_descriptors_than_the_connections_need(make_stack):
    """libwebsockets looks through a table of that length whenever a connection has ended."""
    stack = make_stack(without=("worker",), notifier={"max_connections": 100}, http={"max_connections": 50})
    soft, hard = resource.prlimit(stack.notifier.child.pid, resource.RLIMIT_NOFILE)
    assert soft == min(hard, 100 + 50 + 1024)
    assert stack.ws("42")


def test_a_client_that_speaks_while_it_is_refused_still_learns_why(notifier):
    """The server waits for the closing handshake: closing at once, with its words unread, would reset the connection."""
    stack = notifier(max_connections=1)
    stack.ws("42")
    for _ in range(50):
        wire = socket.socket(socket.AF_UNIX)
        wire.settimeout(10)
        wire.connect(str(stack.folder / "notifier.sock"))
        wire.sendall(f"GET {BASE}/ws/43 HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        answer = wire.recv(4096)
        wire.sendall(frame(TEXT, b"ping"))
        while b"\x88" not in answer:
            answer += wire.recv(4096)
        assert int.from_bytes(answer.split(b"\x88", 1)[1][1:3], "big") == 1013
        wire.close()


def test_a_malformed_user(notifier):
    stack = notifier()
    closes(open_stream(stack, "a b", headers=page(stack)), 4400)
    refused = open_stream(stack, "a b")
    wait_until(lambda: refused.failure, 10)
    assert "400" in str(refused.failure)


def test_a_missing_token_and_another_users_stream(notifier, tmp_path):
    import jwt
    (tmp_path / "secret").write_text(SECRET)
    stack = notifier(auth={"mode": "jwt", "jwt_secret_file": tmp_path / "secret"})
    closes(open_stream(stack, "42", headers=page(stack)), 4401)
    token = jwt.encode({"sub": "7", "exp": int(time.time()) + 60}, SECRET, "HS256")
    closes(open_stream(stack, "42", headers={**page(stack), "Authorization": f"Bearer {token}"}), 4403)
    assert {line["reason"] for line in log(stack, "auth_failed")} == {"missing", "other_user"}
    assert "cvpulse_auth_failures_total{reason=\"other_user\"} 1" in stack.admin("notifier", "/metrics")[1]


def test_a_token_that_ends_is_announced_and_ends_the_connection(notifier, tmp_path):
    import jwt
    (tmp_path / "secret").write_text(SECRET)
    stack = notifier(auth={"mode": "jwt", "jwt_secret_file": tmp_path / "secret", "leeway_s": 0})
    token = jwt.encode({"sub": "42", "exp": int(time.time()) + 3}, SECRET, "HS256")
    stream = open_stream(stack, "42", "after_id=0-0", {"Authorization": f"Bearer {token}"})
    stream.connected().wait(lambda frames: any(f["type"] == "token_expiring" for f in frames))
    closes(stream, 4401)
    why(stack, "token_expired")


def test_a_reader_that_takes_nothing_and_has_too_much_waiting(notifier):
    stack = notifier(outbox_max_bytes=4096)
    stream = stack.ws("42")
    stream.loop.call_soon_threadsafe(stream.socket.transport.pause_reading)

    def slow():
        pipe = stack.db.pipeline(transaction=False)
        for i in range(500):
            pipe.publish("user:42:events", json.dumps({"type": "note", "i": i, "pad": "x" * 20000}))
        pipe.execute()
        return stack.admin("notifier", "/api/stats")[1].count('"slow":1')
    wait_until(slow, 20, "it is never too slow")
    stream.loop.call_soon_threadsafe(stream.socket.transport.resume_reading)
    closes(stream, 4408, 20)


@pytest.mark.parametrize("code,given", [(4410, ',"code":4410'), (4410, ""), (4403, ',"code":4403')])
def test_an_operator_disconnects_a_user(notifier, code, given):
    stack = notifier()
    stream, other = stack.ws("42"), stack.ws("43")
    stack.db.publish("cvpulse:control", "nonsense")
    stack.db.publish("cvpulse:control", f'{{"action":"disconnect","user":"42"{given}}}')
    closes(stream, code)
    other.subscribed()
    assert not other.of("disconnect")


def test_a_stop_spreads_the_returns(notifier):
    stack = notifier(drain_s=2)
    streams = [stack.ws(f"u{i}") for i in range(20)]
    began = time.monotonic()
    stack.notifier.child.send_signal(signal.SIGTERM)
    wait_until(lambda: stack.admin("notifier", "/health/ready")[0] == 503, 5, "it still says that it is ready")
    ends = []
    for stream in streams:
        closes(stream, 1012)
        ends.append(int(re.search(r"retry_after_ms=(\d+)", stream.socket.close_reason)[1]))
    assert 1.5 < time.monotonic() - began < 6
    assert len(set(ends)) > 10 and all(0 < ms <= 4000 for ms in ends)
    assert stack.notifier.child.wait(10) == 0


def test_a_stop_without_a_drain_says_going_away(notifier):
    stack = notifier(drain_s=0)
    stream = stack.ws("42")
    assert stack.notifier.stop() == 0
    closes(stream, 1001)


def test_a_second_signal_ends_it_now(notifier):
    stack = notifier(drain_s=60)
    stack.ws("42")
    stack.notifier.child.send_signal(signal.SIGTERM)
    wait_until(lambda: log(stack, "draining"), 5)
    stack.notifier.child.send_signal(signal.SIGTERM)
    assert stack.notifier.child.wait(5) == 1
    stack.notifier.killed = True


def test_a_client_that_goes_and_one_that_is_lost_are_told_apart(notifier):
    stack = notifier()
    stack.ws("42").close()
    assert why(stack, "peer_closed")[0]["peer_code"] == 1000
    stream = stack.ws("43")
    stream.loop.call_soon_threadsafe(stream.socket.transport.abort)
    line = why(stack, "peer_lost")[0]
    assert {"age_ms", "idle_ms", "frames", "transport", "cloudflare"} <= set(line) and "hint" not in line


@pytest.mark.parametrize("cf_ray", [False, True])
def test_the_log_and_the_metrics_tell_how_a_connection_ended(notifier, cf_ray):
    stack = notifier(message_rate=5)
    stream = open_stream(stack, "42", headers={"CF-Ray": "8f0-AMS"} if cf_ray else {}).connected().subscribed()
    with contextlib.suppress(websockets.ConnectionClosed, TimeoutError):
        for _ in range(20):
            stream.send("hello")
    closes(stream, 4429)
    line = why(stack, "flood")[0]
    assert (line["closed_by"], line["code"], line["transport"], line["cloudflare"]) == ("server", 4429, "websocket", int(cf_ray))
    assert line["frames"] == 1 and 0 <= line["idle_ms"] <= line["age_ms"]
    stack.ws("43").close()
    assert why(stack, "peer_closed")[0]["closed_by"] == "client"
    stream = stack.ws("44")
    stream.loop.call_soon_threadsafe(stream.socket.transport.abort)
    assert why(stack, "peer_lost")[0]["closed_by"] == "network"
    counted = dict(re.findall(r'^cvpulse_connections_closed_total\{reason="(\w+)"\} (\d+)', stack.admin("notifier", "/metrics")[1], re.M))
    assert {reason: int(n) for reason, n in counted.items() if n != "0"} == {"flood": 1, "peer_closed": 1, "peer_lost": 1}
