"""What somebody sees who pastes a few lines into a browser's console, or types PUBLISH into redis-cli."""
import subprocess
import time

import pytest
import requests

from harness import Edge, Stream, wait_until


def test_the_first_message_is_the_pong_and_nothing_comes_before_it(stack):
    stream = Stream(stack.ws_url("42"))
    stack.streams.append(stream)
    stream.connected().send("ping")
    wait_until(lambda: stream.texts)
    assert stream.texts == ['{"type": "pong"}']


def test_a_plain_publish_from_redis_cli_arrives_byte_for_byte(stack):
    stream = stack.ws("42")
    frame = '{"type":"cv_progress",  "cv_id":"x", "text":"Żółć 漢字 \\u0000", "n":1.50}'
    done = subprocess.run(["redis-cli", "-s", stack.folder / "redis.sock", "PUBLISH", "user:42:events", frame],
                          capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"
    wait_until(lambda: frame in stream.texts)


def test_another_user_sees_nothing_of_it(stack):
    mine, other = stack.ws("42"), stack.ws("43")
    stack.db.publish("user:42:events", '{"type":"hello"}')
    mine.wait(lambda frames: {"type": "hello"} in frames)
    other.subscribed()
    assert {f["type"] for f in other.frames} == {"pong"}


def test_health_is_told_through_the_site(stack):
    answer = requests.get(f"{stack.url}/health", timeout=5)
    assert answer.status_code == 200 and answer.json()["status"] == "healthy"
    assert requests.get(f"{stack.url}/health/ready", timeout=5).status_code == 200


def test_readiness_fails_while_redis_is_away_and_comes_back(stack):
    stack.redis.kill()
    wait_until(lambda: requests.get(f"{stack.url}/health/ready", timeout=5).status_code == 503)
    stack.redis.start()
    wait_until(lambda: requests.get(f"{stack.url}/health/ready", timeout=5).status_code == 200, 20)


CUT_S = 2.5
HEARTBEAT_S = 1


@pytest.fixture
def edge_of(make_stack):
    edges = []

    def make(**options):
        edges.append(Edge(make_stack(**options), CUT_S))
        return edges[-1]
    yield make
    for edge in edges:
        edge.finish()


def test_a_silent_plain_connection_outlives_a_cutting_proxy_tenfold(edge_of):
    edge = edge_of(notifier={"heartbeat_interval_s": HEARTBEAT_S})
    stream = Stream(edge.ws_url("42"))
    edge.streams.append(stream)
    stream.connected()
    wait_until(lambda: stream.closed.is_set() or (stream.times and stream.times[-1] - stream.times[0] > 10 * CUT_S), 15 * CUT_S)
    assert not stream.closed.is_set() and set(stream.texts) == {'{"type": "heartbeat"}'}
    gaps = [b - a for a, b in zip(stream.times, stream.times[1:])]
    assert max(gaps) < CUT_S and len(gaps) >= 10 * CUT_S / HEARTBEAT_S * 0.8


def test_without_heartbeats_that_proxy_does_cut(edge_of):
    edge = edge_of(notifier={"heartbeat_interval_s": 30})
    stream = Stream(edge.ws_url("42"))
    edge.streams.append(stream)
    began = time.monotonic()
    stream.connected()
    assert stream.closed.wait(4 * CUT_S)
    assert stream.close_code == 1006 and time.monotonic() - began > CUT_S * 0.9
