"""Processes on cores of their own, in a folder that goes away with them."""
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVER_CPU, LOAD_CPU = 0, 1


def pinned(cpu):
    return lambda: os.sched_setaffinity(0, {cpu} if cpu < os.cpu_count() else range(os.cpu_count()))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def is_ready(unix_socket):
    with socket.socket(socket.AF_UNIX) as s:
        if s.connect_ex(str(unix_socket)):
            return False
        s.sendall(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return s.recv(64).startswith(b"HTTP/1.1 200")


def rss_kib(pid):
    for line in open(f"/proc/{pid}/status", encoding="ascii"):
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


class Processes:
    """Everything that was started; finish() ends it, and nothing else. Programs stand in `build`."""

    def __init__(self, build):
        self.build = pathlib.Path(build).resolve()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="cvpulse-bench-"))
        self.redis_socket = self.folder / "redis.sock"
        self.children = []

    def wait_for(self, condition, what, timeout=30):
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                sys.exit(f"bench: {what} did not start{self.last_words()}")
            time.sleep(0.02)

    def last_words(self):
        texts = [f.read_text(errors="replace")[-500:] for f in sorted(self.folder.glob("*.log"))]
        return ": " + "\n".join(texts) if any(texts) else ""

    def start(self, argv, cpu=None, **more):
        log = open(self.folder / f"{pathlib.Path(argv[0]).name}.log", "ab")
        child = subprocess.Popen([str(a) for a in argv], cwd=self.folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                 preexec_fn=pinned(cpu) if cpu is not None else None, **more)
        self.children.append(child)
        return child

    def stop(self, child):
        self.children.remove(child)
        child.terminate()
        try:
            child.wait(30)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def start_redis(self, *more):
        child = self.start(["redis-server", "--port", "0", "--unixsocket", self.redis_socket, "--save", "", *more], LOAD_CPU)
        self.wait_for(self.redis_socket.exists, "redis-server")
        return child

    def finish(self):
        for child in reversed(list(self.children)):
            self.stop(child)
        shutil.rmtree(self.folder, ignore_errors=True)


def run_pinned(argv, cpu, timeout=None):
    """Runs it to its end and gives what it printed."""
    result = subprocess.run([str(a) for a in argv], capture_output=True, text=True, preexec_fn=pinned(cpu), check=False, timeout=timeout)
    if result.returncode:
        sys.exit(f"bench: {' '.join(str(a) for a in argv)}: {result.stderr.strip()}")
    return result.stdout
