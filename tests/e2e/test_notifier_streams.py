"""The three transports of the notifier one by one: heartbeats and zombies, SSE's format, polls, what is not forwarded, SIGHUP."""
import json
import signal
import socket
import subprocess
import time

import pytest
import requests

from followers import Publisher
from harness import BASE, Process, Stream, unix_get, wait_until
from test_rfc6455 import PING, PONG, TEXT, Wire, frame


@pytest.fixture
def stack(make_stack):
    return make_stack(without=("worker",), notifier={"connect_rate_per_ip": 0})


def test_a_heartbeat_comes_after_each_silent_interval_and_text_puts_it_off(make_stack):
    stack = make_stack(without=("worker",), notifier={"heartbeat_interval_s": 1})
    silent, talking = stack.ws("42"), stack.ws("42")
    until = time.monotonic() + 3.5
    while time.monotonic() < until:
        talking.send("still here")
        time.sleep(0.25)
    beats = [t for t, text in zip(silent.times, silent.texts) if text == '{"type": "heartbeat"}']
    assert len(beats) in (3, 4)
    assert all(0.9 < b - a < 1.4 for a, b in zip(beats, beats[1:]))
    assert not talking.of("heartbeat")


def test_a_silent_peer_is_pinged_and_one_that_does_not_answer_is_dropped(make_stack):
    stack = make_stack(without=("worker",), notifier={"heartbeat_interval_s": 1, "peer_timeout_s": 2.5})
    dead, alive = Wire(stack.folder / "notifier.sock"), Wire(stack.folder / "notifier.sock")
    began = time.monotonic()
    until = began + 5
    seen = set()
    alive.sock.settimeout(0.1)
    while time.monotonic() < until:
        try:
            opcode, payload = alive.receive()
            seen.add(opcode)
            if opcode == PING:
                alive.send(frame(PONG, payload))
        except TimeoutError:
            pass
    assert seen == {PING, TEXT}
    alive.sock.settimeout(5)
    alive.send(frame(TEXT, b"ping"))
    wait_until(lambda: alive.receive() == (TEXT, b'{"type": "pong"}'), 5)
    dead.sock.settimeout(1)
    assert dead.ended() == 0
    assert '"reason":"peer_silent"' in stack.notifier.output()


def test_what_is_no_event_is_dropped_and_counted_and_the_connection_lives(stack):
    stream = stack.ws("42")
    raw = stack.db.connection_pool.get_connection("PUBLISH")
    for bad in (b"not json", b"[1,2]", b'{"a":"\xff"}', b'{"a":1} ', b"{}{}", b'{"a":"' + b"x" * 65536 + b'"}'):
        raw.send_command("PUBLISH", "user:42:events", bad)
        raw.read_response()
    raw.disconnect()
    stack.db.publish("user:42:events", '{"type":"after"}')
    stream.wait(lambda frames: {"type": "after"} in frames)
    assert [t for t in stream.texts if "pong" not in t] == ['{"a":1} ', '{"type":"after"}']
    metrics = stack.admin("notifier", "/metrics")[1]
    for reason, n in (("not_json", 3), ("not_utf8", 1), ("too_large", 1)):
        assert f'cvpulse_events_dropped_total{{reason="{reason}"}} {n}' in metrics


def sse(stack, user, last_id=None, **parameters):
    headers = {"Accept": "text/event-stream", **({"Last-Event-ID": last_id} if last_id else {})}
    return requests.get(f"{stack.url}{BASE}/events/{user}", headers=headers, params=parameters, stream=True, timeout=20)


def events(answer):
    """Parsed as the HTML standard says: dicts of id, event, data."""
    event = {}
    for raw in answer.iter_lines(chunk_size=1):
        line = raw.decode()
        if not line:
            if "data" in event:
                yield event
            event = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            event[name] = event[name] + "\n" + value if name == "data" and "data" in event else value


def test_an_event_stream_has_ids_types_and_data(stack):
    with sse(stack, "42", after_id="0-0") as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert answer.headers["Cache-Control"] == "no-store, no-transform"
        coming = events(answer)
        assert next(coming)["event"] == "resumed"
        Publisher(stack.db).cv("42", "c1", "queued")
        cv, batch = next(coming), next(coming)
        assert cv["event"] == "cv_progress" and cv["id"] == json.loads(cv["data"])["id"]
        assert batch["event"] == "batch_progress"
        stack.db.publish("user:42:events", '{"type":"No Name",\n"a":1}')
        foreign = next(coming)
        assert "id" not in foreign and "event" not in foreign and foreign["data"] == '{"type":"No Name",\n"a":1}'
    with sse(stack, "42", last_id=cv["id"]) as answer:
        coming = events(answer)
        assert next(coming)["id"] == batch["id"]
        assert json.loads(next(coming)["data"]) == {"type": "resumed", "replayed": 1, "last_id": batch["id"]}


def test_an_event_stream_ends_with_a_time_to_come_back(make_stack):
    stack = make_stack(without=("worker",), notifier={"drain_s": 1})
    with sse(stack, "42", after_id="0-0") as answer:
        lines = answer.iter_lines(chunk_size=1)
        wait_until(lambda: b"resumed" in next(lines), 5)
        stack.notifier.child.send_signal(signal.SIGTERM)
        rest = [line.decode() for line in lines]
    assert any(line.startswith("retry: ") and 0 < int(line[7:]) <= 2000 for line in rest)
    assert any('"code":1012' in line for line in rest)


def poll(stack, user="42", **parameters):
    return requests.get(f"{stack.url}{BASE}/events/{user}", params=parameters, timeout=40)


def test_a_poll_without_an_id_gets_the_state(stack):
    Publisher(stack.db).cv("42", "c1", "queued")
    answer = poll(stack).json()
    assert [f["cv_id"] for f in answer["snapshot"]["cvs"]] == ["c1"]
    assert answer["events"] == [] and answer["resync"] is False
    assert poll(stack, after_id=answer["last_id"]).json() == {"events": [], "last_id": answer["last_id"], "resync": False}


def test_a_poll_gets_what_it_has_missed_piece_by_piece(stack):
    publisher = Publisher(stack.db)
    for i in range(5):
        publisher.cv("42", f"c{i}", "queued")
    got, last = [], "0-0"
    while True:
        answer = poll(stack, after_id=last, limit=3).json()
        if not answer["events"]:
            break
        assert len(answer["events"]) <= 3
        got += [f["id"] for f in answer["events"]]
        last = answer["last_id"]
        assert last == got[-1]
    assert got == [id for id, _ in stack.db.xrange("user:42:history")]


def test_an_id_that_history_does_not_have_gets_the_state_and_says_so(stack):
    Publisher(stack.db).cv("42", "c1", "queued")
    for bad in ("abc", "99-0"):
        answer = poll(stack, after_id=bad).json()
        assert answer["resync"] is True and answer["snapshot"]["cvs"]


def test_a_long_poll_is_answered_by_the_first_event(stack):
    last = poll(stack).json()["last_id"]
    import threading
    timer = threading.Timer(0.5, Publisher(stack.db).cv, ("42", "c1", "queued"))
    timer.start()
    began = time.monotonic()
    answer = poll(stack, after_id=last, wait=20).json()
    assert 0.4 < time.monotonic() - began < 5
    assert answer["events"][0]["cv_id"] == "c1" and answer["last_id"] != last


def test_a_long_poll_of_nothing_ends_in_time(stack):
    began = time.monotonic()
    assert poll(stack, after_id="0-0", wait="1.5").json()["events"] == []
    assert 1.4 < time.monotonic() - began < 3


@pytest.mark.parametrize("parameters", [{"wait": "26"}, {"wait": "x"}, {"limit": "0"}, {"limit": "1001"}])
def test_a_malformed_poll_is_refused(stack, parameters):
    answer = poll(stack, after_id="0-0", **parameters)
    assert answer.status_code == 400 and answer.headers["Content-Type"] == "application/problem+json"


def test_an_accept_of_anything_gets_json(stack):
    assert requests.get(f"{stack.url}{BASE}/events/42", headers={"Accept": "*/*"}, timeout=10).headers["Content-Type"] == "application/json"


def test_a_trimmed_history_is_told_with_a_snapshot(make_stack):
    stack = make_stack(without=("worker",))
    publisher = Publisher(stack.db, history_length=10)
    first = publisher.cv("42", "c0", "queued")[1]
    for i in range(1, 20):
        publisher.cv("42", f"c{i}", "queued")
    stream = Stream(stack.ws_url("42", f"after_id={first}"))
    stack.streams.append(stream)
    stream.connected().wait(lambda frames: len(frames) >= 2)
    assert stream.frames[0] == {"type": "resync", "reason": "trimmed"}
    assert stream.frames[1]["type"] == "snapshot" and len(stream.frames[1]["cvs"]) == 20
    stream.subscribed()
    publisher.cv("42", "c0", "processing")
    stream.wait(lambda frames: any(f.get("status") == "processing" and f["type"] == "cv_progress" for f in frames[2:]))


def test_a_large_snapshot_comes_in_pieces(make_stack):
    stack = make_stack(without=("worker",))
    pipe = stack.db.pipeline(transaction=False)
    publisher = Publisher(pipe)
    stack.db.script_load(publisher.call.script)
    for i in range(700):
        publisher.cv("42", f"c{i}", "queued")
    pipe.execute()
    stream = Stream(stack.ws_url("42", "snapshot=1"))
    stack.streams.append(stream)
    stream.connected().wait(lambda frames: any(f.get("more") is False for f in frames))
    pieces = stream.of("snapshot")
    assert all(len(p["cvs"]) <= 256 for p in pieces) and all(p["more"] for p in pieces[:-1])
    assert {f["cv_id"] for p in pieces for f in p["cvs"]} == {f"c{i}" for i in range(700)}
    assert len(poll(stack).json()["snapshot"]["cvs"]) == 700


def test_new_connections_of_one_address_are_limited(make_stack):
    stack = make_stack(without=("worker",), notifier={"connect_rate_per_ip": 1, "connect_burst_per_ip": 5})
    answers = [poll(stack) for _ in range(8)]
    assert [a.status_code for a in answers[:5]] == [200] * 5
    late = next(a for a in answers if a.status_code == 429)
    assert late.headers["Retry-After"] and late.json()["code"] == "rate_limited"


def test_a_page_of_an_allowed_origin_may_read_and_another_may_not(make_stack):
    stack = make_stack(without=("worker",), auth={"allowed_origins": "https://app.example"})
    url = f"{stack.url}{BASE}/events/42"
    good = requests.get(url, headers={"Origin": "https://app.example"}, timeout=10)
    assert good.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert "Access-Control-Allow-Origin" not in requests.get(url, headers={"Origin": "https://evil.example"}, timeout=10).headers
    preflight = requests.options(url, headers={"Origin": "https://app.example", "Access-Control-Request-Method": "GET"}, timeout=10)
    assert preflight.status_code == 204 and "Last-Event-ID" in preflight.headers["Access-Control-Allow-Headers"]


def test_sighup_takes_new_settings_over_and_drops_nobody(make_stack, tmp_path):
    stack = make_stack(without=("worker", "notifier"))
    conf = tmp_path / "cvpulse.conf"
    conf.write_text("[notifier]\nheartbeat_interval_s = 30\n")
    stack.notifier = Process("notifier", [a if a != "/dev/null" else conf for a in stack.notifier.argv], stack.folder, stack.notifier.answers)
    stack.processes.append(stack.notifier)
    stack.notifier.start()
    stream = stack.ws("42")
    conf.write_text("[notifier]\nheartbeat_interval_s = 1\nlisten = 127.0.0.1:1\n")
    stack.notifier.child.send_signal(signal.SIGHUP)
    wait_until(lambda: "config_reloaded" in stack.notifier.output(), 5)
    stream.subscribed()
    assert stack.ws("42").wait(lambda frames: {"type": "heartbeat"} in frames, 5)
    conf.write_text("[notifier]\nheartbeat_interval_s = soon\n")
    stack.notifier.child.send_signal(signal.SIGHUP)
    wait_until(lambda: "config_invalid" in stack.notifier.output(), 5)
    stream.subscribed()


def test_the_admin_pages_are_on_the_admin_listener_only(stack):
    assert stack.admin("notifier", "/metrics")[0] == 200
    stats = json.loads(stack.admin("notifier", "/api/stats")[1])
    assert {"active_connections", "active_users", "total_connections", "frame_rate", "closed", "uptime_s"} <= set(stats)
    for target in ("/metrics", "/api/stats"):
        assert unix_get(stack.folder / "notifier.sock", target)[0] == 404


def test_health_speaks_as_documented(stack):
    stack.ws("42")
    health = json.loads(stack.admin("notifier", "/health/comprehensive")[1])
    assert health["status"] == health["overall_status"] == "healthy"
    services = health["services"]
    assert set(services) == {"redis", "rate_limiter", "websocket"}
    assert services["websocket"]["stats"] == {"active_connections": 1, "rooms": {"user": 1}, "total_rooms": 1}
    stack.redis.kill()
    wait_until(lambda: stack.admin("notifier", "/health/ready")[0] == 503, 5)
    assert stack.admin("notifier", "/health/redis")[0] == 503
    assert json.loads(stack.admin("notifier", "/health/comprehensive")[1])["status"] == "unhealthy"
    assert stack.admin("notifier", "/health/live")[0] == 200
    stack.redis.start()


def test_connections_are_accepted_while_redis_is_away(stack):
    stack.redis.kill()
    wait_until(lambda: stack.admin("notifier", "/health/ready")[0] == 503, 5)
    stream = Stream(stack.ws_url("42", "after_id=0-0"))
    stack.streams.append(stream)
    stream.connected().send("ping")
    began = time.monotonic()
    stream.wait(lambda frames: {"type": "pong"} in frames, 3)
    assert time.monotonic() - began < 2
    stack.redis.start()
    stream.wait(lambda frames: any(f["type"] == "resumed" for f in frames), 10)
    Publisher(stack.db).cv("42", "c1", "queued")
    stream.wait(lambda frames: any(f.get("cv_id") == "c1" for f in frames))


def test_inherited_sockets_refuse_nobody_during_a_restart(make_stack):
    """listen = systemd: the socket lives on while the daemon is away, so a connection attempt only waits."""
    stack = make_stack(without=("worker", "notifier", "nginx"))
    sockets = []
    for name in ("notifier", "notifier-admin"):
        sockets.append(socket.socket(socket.AF_UNIX))
        sockets[-1].bind(str(stack.folder / f"{name}.sock"))
        sockets[-1].listen(100)
    given = " ".join(f"{3 + i}<&{s.fileno()}" for i, s in enumerate(sockets))
    flags = ["notifier.listen=systemd", "notifier.admin_listen=systemd"]
    argv = [*stack.notifier.argv, *[x for flag in flags for x in ("--set", flag)]]
    script = f'exec {given}; LISTEN_FDS=2 LISTEN_FDNAMES=notifier:notifier-admin LISTEN_PID=$$ exec "$@"'
    log = open(stack.folder / "inherited.log", "ab")

    def start():
        return subprocess.Popen(["bash", "-c", script, "bash", *argv], pass_fds=[s.fileno() for s in sockets], stdout=log, stderr=log)
    child = start()
    try:
        wait_until(lambda: unix_get(stack.folder / "notifier.sock", "/health/ready")[0] == 200, 10)
        assert unix_get(stack.folder / "notifier-admin.sock", "/metrics")[0] == 200
        child.kill()
        child.wait()
        early = socket.socket(socket.AF_UNIX)
        early.settimeout(10)
        early.connect(str(stack.folder / "notifier.sock"))
        early.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        child = start()
        assert early.recv(4096).startswith(b"HTTP/1.1 200")
        child.terminate()
        assert child.wait(10) == 0
        assert (stack.folder / "notifier.sock").exists()
    finally:
        child.kill()
        for s in sockets:
            s.close()
