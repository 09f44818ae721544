"""Fixtures of the end-to-end tests; what they are made of is in harness.py."""
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis

sys.path.insert(0, str(Path(__file__).parent))

from harness import ROOT, Stack  # noqa: E402

SHARED_SAMPLES = ROOT.parent / "shared" / "samples"


@pytest.fixture
def make_stack():
    """Starts stacks; at the end of the test all are stopped and must have stopped cleanly."""
    stacks = []

    def make(**options):
        stack = Stack(**options)
        stacks.append(stack)
        return stack.start()
    yield make
    for stack in stacks:
        stack.finish()


@pytest.fixture
def stack(make_stack):
    return make_stack()


@pytest.fixture
def make_ingest(make_stack):
    """Redis, worker and nginx; the notifier is not needed. paused: the queue is held."""
    def make(paused=False, **sections):
        stack = make_stack(without=("notifier",), **sections)
        if paused:
            stack.db.set("{cvq}:paused", 1)
        return stack
    return make


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A client of a Redis that is there for the scripts of one test file."""
    folder = tmp_path_factory.mktemp("redis")
    path = str(folder / "redis.sock")
    process = subprocess.Popen(
        ["redis-server", "--port", "0", "--unixsocket", path, "--dir", str(folder), "--save", "", "--appendonly", "no"],
        stdout=subprocess.DEVNULL)
    client = redis.Redis(unix_socket_path=path, decode_responses=True)
    deadline = time.monotonic() + 10
    while True:
        try:
            client.ping()
            break
        except redis.ConnectionError:
            assert time.monotonic() < deadline, "Redis does not answer"
            time.sleep(0.01)
    yield client
    client.close()
    process.terminate()
    process.wait(10)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def shared_samples():
    if not SHARED_SAMPLES.is_dir():
        pytest.skip("the shared samples are not here")
    return SHARED_SAMPLES
