"""Trouble under the way in: disks that are full or read-only, a Redis without memory, senders that hardly send, clocks that are
set. Each is answered by a clear status, nothing half-kept stays, and afterwards all goes on."""
import json
import os
import subprocess
import time

import pytest

from harness import PATIENCE, ROOT, Journey, unix_get, wait_until
from test_ingest_http import cv_of as cv_of_id
from test_ingest_http import FILE_PART, KIB, MULTIPART, post, problem, raw, spooled, text, wait_spooled, wait_status
from test_tus import created, file_of, half_sent, offset_of, part_size, patch
from test_tus import problem as tus_problem

pytestmark = pytest.mark.skipif(PATIENCE > 1, reason="the plain build shows it")


@pytest.fixture
def small_disk(tmp_path):
    """Mounts a small file system of its own for a stack's spool, and takes it away in the end."""
    mounts = []

    def mount(options):
        folder = tmp_path / f"disk{len(mounts)}"
        folder.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
        mounts.append(folder)
        return folder
    yield mount
    for folder in mounts:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture
def make_on(make_stack, small_disk):
    """A stack whose queue is held and whose spool lies on a disk with these options."""
    def make(options, **worker):
        disk = small_disk(options)
        stack = make_stack(without=("notifier",), worker={"spool_dir": disk / "spool", "min_free_bytes": 0, "ocr_slots": 0, **worker})
        (stack.folder / "spool").symlink_to(disk / "spool")
        stack.db.set("{cvq}:paused", 1)
        stack.disk = disk
        return stack
    return make


def storage(stack):
    status, body = unix_get(stack.folder / "worker.sock", "/health/storage")
    return status, json.loads(body)["services"]["storage"]["message"]


def fill(path):
    """To the last byte."""
    with pytest.raises(OSError), open(path, "ab", buffering=0) as f:
        while True:
            f.write(bytes(4 * KIB))


def test_a_full_disk_keeps_nothing_and_lets_uploads_go_on_once_there_is_space(make_on):
    stack = make_on("size=3m")
    content = os.urandom(1500 * KIB)
    path = created(stack, length=len(content), data=content[:1000])
    filler = stack.disk / "filler"
    filler.write_bytes(bytes(1500 * KIB))
    before = spooled(stack)
    problem(post(stack, [("a.txt", os.urandom(1700 * KIB))]), 507, "storage_full")
    assert spooled(stack) == before
    # The disk fills up in the middle of a body.
    end = b"\r\n--XX--\r\n"
    body = FILE_PART + os.urandom(1200 * KIB) + end
    s = raw(stack, MULTIPART.format(len(body)), body[:100 * KIB])
    wait_until(lambda: spooled(stack) != before, 10)
    fill(filler)
    s.sendall(body[100 * KIB:])
    assert b" 507 " in s.recv(4096).split(b"\r\n")[0]
    s.close()
    wait_until(lambda: spooled(stack) == before, 10, lambda: f"half-kept: {set(spooled(stack)) ^ set(before)}")
    fill(filler)
    tus_problem(patch(stack, path, 1000, content[1000:]), 507, "storage_full")
    filler.unlink()
    offset = offset_of(stack, path)
    assert patch(stack, path, offset, content[offset:]).status_code == 204
    assert file_of(stack, path) == content


def test_a_disk_without_inodes_is_full(make_on):
    stack = make_on("size=20m,nr_inodes=360")
    stack.submit("anna", [text(1)])
    assert storage(stack)[0] == 200
    fillers = []
    with pytest.raises(OSError):
        for n in range(1000):
            fillers.append(stack.disk / f"f{n}")
            fillers[-1].touch()
    before = spooled(stack)
    problem(post(stack, [text(2)]), 507, "storage_full")
    assert storage(stack)[0] == 503
    assert unix_get(stack.folder / "worker.sock", "/health/ready")[0] == 503
    assert spooled(stack) == before
    for filler in fillers[:-1]:
        filler.unlink()
    stack.submit("anna", [text(2)])


def test_a_read_only_spool_is_said_and_kept_whole(make_on):
    stack = make_on("size=20m", roles="ingest")  # a worker that processes has a file open there, and the kernel minds
    content = os.urandom(50 * KIB)
    path = created(stack, length=len(content), data=content[:1000])
    remounted = ["mount", "-o", "remount,ro", stack.disk]
    wait_until(lambda: subprocess.run(remounted, capture_output=True, check=False).returncode == 0, 10, "somebody still writes there")
    before = spooled(stack)
    answer = post(stack, [text(1)])
    problem(answer, 503, "storage_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    tus_problem(patch(stack, path, 1000, content[1000:]), 503, "storage_unavailable")
    assert storage(stack) == (503, "Read-only file system")
    assert stack.worker.ended() is False and spooled(stack) == before
    result = subprocess.run(stack.worker.argv, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 2 and "worker.spool_dir" in result.stderr and "Read-only" in result.stderr
    subprocess.run(["mount", "-o", "remount,rw", stack.disk], check=True)
    assert patch(stack, path, offset_of(stack, path), content[1000:]).status_code == 204
    assert file_of(stack, path) == content
    stack.submit("anna", [text(1)])


def test_a_redis_without_memory_refuses_and_keeps_nothing(make_stack):
    stack = make_stack(without=("notifier",), worker={"ocr_slots": 0})
    stack.db.set("{cvq}:paused", 1)
    stack.db.config_set("maxmemory", 1)
    problem(post(stack, [text(1)]), 503, "unavailable")
    wait_spooled(stack, 0)
    stack.db.config_set("maxmemory", 0)
    answer = stack.submit("anna", [text(1)])
    assert [cv["filename"] for cv in answer["cvs"]] == ["cv-1.txt"]
    assert len(stack.db.keys("{cvq}:job:*")) == 1, "the refused one is not there"


def test_a_body_that_hardly_comes_is_answered(make_stack):
    stack = make_stack(without=("notifier",), worker={"ocr_slots": 0}, http={"body_timeout_s": 3, "body_min_bytes": 1000})
    stack.db.set("{cvq}:paused", 1)
    path = created(stack)
    silent = raw(stack, MULTIPART.format(10000), FILE_PART + b"x" * 5000)
    drip = raw(stack, MULTIPART.format(10000), FILE_PART)
    resumable = half_sent(stack, path, 0, b"y" * 2000, 10000)
    slow = raw(stack, MULTIPART.format(len(FILE_PART) + 4000 + 10), FILE_PART)
    started = time.monotonic()
    drip.settimeout(0.05)
    slow_sent, answer = 0, b""
    while not answer:
        assert time.monotonic() - started < 20 * PATIENCE, "it may drip for ever"
        try:
            drip.sendall(b"z")
            answer = drip.recv(4096)
        except TimeoutError:
            pass
        if slow_sent < 4000:  # little, but enough
            slow.sendall(b"w" * 200)
            slow_sent += 200
    assert b" 408 " in answer.split(b"\r\n")[0] and b'"code":"body_timeout"' in answer
    for s in (silent, resumable):
        assert b" 408 " in s.recv(4096).split(b"\r\n")[0]
    while slow_sent < 4000:
        slow.sendall(b"w" * 200)
        slow_sent += 200
        time.sleep(0.05)
    slow.sendall(b"\r\n--XX--\r\n")
    assert b" 202 " in slow.recv(4096).split(b"\r\n")[0]
    assert part_size(stack, path) == 2000, "what came of a resumable upload stays"
    for s in (silent, drip, resumable, slow):
        s.close()
    wait_spooled(stack, 4)


@pytest.fixture(scope="module")
def clock(tmp_path_factory):
    """A library that shifts a daemon's wall clock."""
    library = tmp_path_factory.mktemp("clock") / "clock_shift.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, ROOT / "tests" / "e2e" / "clock_shift.c", "-ldl"], check=True)
    return library


def test_clocks_that_jump_lose_nothing(make_stack, clock):
    stack = make_stack(without=("notifier",), worker={"sweep_s": 0.1, "retention_days": 1, "lease_s": 2, "ocr_slots": 0})
    shift = stack.folder / "shift"
    shift.write_text("0")
    for process in (stack.worker, stack.redis):
        process.stop()
        process.environment |= {"LD_PRELOAD": str(clock), "CLOCK_SHIFT": str(shift)}
    stack.redis.start()
    stack.worker.start()
    ids = []
    for n, days in enumerate((0, 40, -40, 0)):
        shift.write_text(str(days * 86400))
        if n:
            jumps = stack.worker.output().count("clock_jumped")
            wait_until(lambda: stack.worker.output().count("clock_jumped") > jumps - (n > 1), 20, "it did not see the jump")
        ids.append(stack.submit("anna", [text(n)])["cvs"][0]["cv_id"])
        wait_status(stack, "anna", ids[-1], "completed", "failed")
    Journey([json.loads(fields["f"]) for _, fields in stack.db.xrange("user:anna:history")]).check()
    for cv_id in ids:
        assert cv_of_id(stack, "anna", cv_id)["status"] == "completed", "the sweep took what was not old"
