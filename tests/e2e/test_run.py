"""./run as a person uses it: what it prints, what it starts, and that nothing is left of it."""
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
import redis
import requests

from harness import BUILD, ROOT, SAMPLES, Stream, free_port, wait_until

DAEMONS = ("redis", "notifier", "worker", "nginx")


class Run:
    """One ./run with a data directory and a port of its own."""

    def __init__(self, *arguments, data=None, port=None, environment=None):
        self.data = data or Path(tempfile.mkdtemp(prefix="cvp-run-"))
        self.port = port or free_port()
        self.environment = {**os.environ, "CVPULSE_DATA": str(self.data), "CVPULSE_PORT": str(self.port), "CVPULSE_BUILD": str(BUILD),
                            **(environment or {})}
        self.out = self.data.parent / f"{self.data.name}.out"
        with open(self.out, "w") as out:
            self.child = subprocess.Popen([ROOT / "run", *arguments], env=self.environment, stdin=subprocess.DEVNULL, stdout=out,
                                          stderr=subprocess.STDOUT, cwd="/")
        self.url = f"http://127.0.0.1:{self.port}"

    def output(self):
        return self.out.read_text()

    def ready(self):
        line = f"cvpulse is ready: {self.url}"

        def there():
            assert self.child.poll() is None, self.output()
            return line in self.output().splitlines()
        wait_until(there, 30, "it did not become ready")
        return self

    def command(self, *arguments):
        return subprocess.run([ROOT / "run", *arguments], env=self.environment, capture_output=True, text=True, timeout=30, check=False)

    def pid(self, daemon):
        return int((self.data / f"{daemon}.pid").read_text())

    def processes(self):
        """Every process that works in the data directory, as all that ./run starts do."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and os.readlink(entry / "cwd") == str(self.data):
                    found.append((entry / "cmdline").read_text().replace("\0", " "))
            except OSError:
                pass
        return found

    def assert_nothing_left(self):
        assert self.processes() == []
        assert list(self.data.glob("*.sock")) + list(self.data.glob("*.pid")) == []
        with socket.socket() as s:
            assert s.connect_ex(("127.0.0.1", self.port)) != 0

    def finish(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGINT)
            self.child.wait(20)
        shutil.rmtree(self.data, ignore_errors=True)
        self.out.unlink(missing_ok=True)


@pytest.fixture
def run():
    runs = []

    def start(*arguments, **options):
        runs.append(Run(*arguments, **options))
        return runs[-1]
    yield start
    for one in runs:
        one.finish()


def test_sigint_stops_everything_even_with_clients_connected(run):
    it = run().ready()
    streams = [Stream(f"ws://127.0.0.1:{it.port}/api/v1/cv-processing/ws/{n}").connected() for n in range(5)]
    began = time.monotonic()
    it.child.send_signal(signal.SIGINT)
    assert it.child.wait(15) == 0
    assert time.monotonic() - began < 15
    it.assert_nothing_left()
    for stream in streams:
        assert stream.closed.wait(5)
        assert stream.close_code == 1012


def test_what_it_promises_about_redis(run):
    it = run().ready()
    with redis.Redis(unix_socket_path=str(it.data / "redis.sock"), decode_responses=True) as db:
        settings = {k: db.config_get(k)[k] for k in ("appendonly", "appendfsync", "maxmemory-policy", "port")}
    assert settings == {"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction", "port": "0"}
    assert (it.data / "spool").is_dir()
    assert {p.name for p in it.data.glob("*.log")} >= {f"{d}.log" for d in DAEMONS}


@pytest.mark.parametrize("daemon", DAEMONS)
def test_a_daemon_that_is_killed_is_back_within_five_seconds(run, daemon):
    it = run().ready()
    before = it.pid(daemon)
    os.kill(before, signal.SIGKILL)
    began = time.monotonic()
    wait_until(lambda: it.pid(daemon) != before and Path(f"/proc/{it.pid(daemon)}").exists(), 5)
    assert time.monotonic() - began < 5
    assert f"{daemon} died (status 137), starting it again" in it.output()

    def healthy():
        try:
            return requests.get(f"{it.url}/health/ready", timeout=5).status_code == 200
        except requests.ConnectionError:
            return False
    wait_until(healthy, 15)


def test_a_killed_run_leaves_nothing_in_the_way_of_the_next(run):
    first = run().ready()
    first.child.kill()
    first.child.wait()
    second = run(data=first.data, port=first.port).ready()
    assert requests.get(f"{second.url}/health/ready", timeout=5).status_code == 200
    time.sleep(1)  # the killed shell's own "sleep 1" may be there that long
    second.child.send_signal(signal.SIGINT)
    assert second.child.wait(15) == 0
    second.assert_nothing_left()


def test_stale_files_of_a_machine_that_lost_power_are_cleared(run):
    data = Path(tempfile.mkdtemp(prefix="cvp-run-"))
    for name in ("redis", "notifier", "worker"):
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(str(data / f"{name}.sock"))
        (data / f"{name}.pid").write_text(f"{os.getpid()}\n")
    run(data=data).ready()


def test_a_port_in_use_is_one_clear_line(run):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        it = run(port=taken.getsockname()[1])
        assert it.child.wait(15) == 1
        assert re.fullmatch(r"cvpulse: port \d+ is in use; .*\n", it.output())


def test_a_missing_tool_is_one_clear_line(run):
    with tempfile.TemporaryDirectory() as tools:
        for folder in ("/usr/bin", "/bin", "/usr/sbin"):
            for tool in Path(folder).iterdir():
                if tool.name not in ("setpriv", "dpkg-query") and not (Path(tools) / tool.name).exists():
                    (Path(tools) / tool.name).symlink_to(tool)
        it = run(environment={"PATH": tools})
        assert it.child.wait(15) == 1
        assert it.output() == "cvpulse: the program setpriv is missing\n"


def test_two_runs_live_side_by_side(run):
    one, two = run().ready(), run().ready()
    stream = Stream(f"ws://127.0.0.1:{one.port}/api/v1/cv-processing/ws/42").connected().subscribed()
    for it, frame in ((two, '{"type":"two"}'), (one, '{"type":"one"}')):
        with redis.Redis(unix_socket_path=str(it.data / "redis.sock")) as db:
            db.publish("user:42:events", frame)
    stream.wait(lambda frames: {"type": "one"} in frames)
    assert {"type": "two"} not in stream.frames
    stream.close()


def test_a_data_directory_with_a_long_name_and_odd_letters(run):
    top = Path(tempfile.mkdtemp(prefix="cvp-run-"))
    data = top / ("long " * 20 + "ünd odd; $name #1")
    run(data=data).ready()
    shutil.rmtree(top, ignore_errors=True)


def test_a_second_run_in_the_same_place_says_where_the_first_is(run):
    it = run().ready()
    second = it.command()
    assert second.returncode == 1 and it.url in second.stderr and second.stderr.count("\n") == 1
    assert it.child.poll() is None


def test_stop_status_and_logs_from_another_terminal(run):
    it = run().ready()
    status = it.command("status")
    assert status.returncode == 0 and it.url in status.stdout
    assert all(re.search(rf"^{daemon}: running, pid {it.pid(daemon)}$", status.stdout, re.M) for daemon in DAEMONS)
    assert "redis.log" in it.command("logs").stdout
    assert it.command("stop").returncode == 0
    assert it.child.wait(1) == 0
    it.assert_nothing_left()
    assert it.command("status").returncode == 3
    assert it.command("stop").returncode == 0


def test_a_shell_that_ignores_sigint_for_us_does_not_matter():
    data, port = tempfile.mkdtemp(prefix="cvp-run-"), free_port()
    environment = {**os.environ, "CVPULSE_DATA": data, "CVPULSE_PORT": str(port), "CVPULSE_BUILD": str(BUILD)}
    script = f'"{ROOT}/run" >{data}.out 2>&1 & echo $!'
    pid = int(subprocess.run(["sh", "-c", script], env=environment, capture_output=True, text=True, check=True).stdout)
    out = Path(f"{data}.out")
    wait_until(lambda: "cvpulse is ready" in out.read_text(), 30)
    os.kill(pid, signal.SIGINT)
    wait_until(lambda: not Path(f"/proc/{pid}").exists() or "State:\tZ" in Path(f"/proc/{pid}/status").read_text(), 15)
    assert not list(Path(data).glob("*.sock"))
    shutil.rmtree(data)
    out.unlink()


def test_the_demo_moves_at_once(run):
    it = run("--demo").ready()
    stream = Stream(f"ws://127.0.0.1:{it.port}/api/v1/cv-processing/ws/demo?snapshot=1").connected()
    names = set()

    def all_seen(frames):
        for frame in frames:
            for cv in frame["cvs"] if frame["type"] == "snapshot" else [frame]:
                if cv.get("status") == "completed" and "filename" in cv:
                    names.add(cv["filename"])
        return names == {f.name for f in SAMPLES}
    stream.wait(all_seen, 40)
    stream.close()


def test_the_demo_ends_with_the_run(run):
    it = run("--demo").ready()
    it.child.send_signal(signal.SIGINT)
    assert it.child.wait(15) == 0
    it.assert_nothing_left()


def test_help_names_every_command_and_an_unknown_one_is_refused():
    text = subprocess.run([ROOT / "run", "--help"], capture_output=True, text=True, check=True).stdout
    assert all(f"./run {c}" in text for c in ("[--demo]", "stop", "status", "logs"))
    assert subprocess.run([ROOT / "run", "restrat"], capture_output=True, check=False).returncode == 2
