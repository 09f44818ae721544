"""A Debian root with its own systemd (see boot), and this process in its network: what runs there is reached at 127.0.0.1."""
import ctypes
import os
import shutil
import signal
import subprocess
from pathlib import Path

import requests

from harness import BASE, Stream, path_id, wait_until

HERE = Path(__file__).resolve().parent
CLONE_NEWNET = 0x40000000
DAEMONS = ("cvpulse-notifier@1", "cvpulse-worker@1")
ENVIRONMENT = ["env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"]


class Box:
    def __init__(self, root):
        self.boot = subprocess.Popen([HERE / "boot", root], stdout=subprocess.PIPE, text=True)
        pid = self.boot.stdout.readline().strip()
        assert pid, "systemd did not start"
        self.pid = int(pid)
        self.root = Path(f"/proc/{pid}/root")
        with open(f"/proc/{pid}/ns/net", encoding="ascii") as network:
            assert ctypes.CDLL(None, use_errno=True).setns(network.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        self.url = "http://127.0.0.1"
        self.streams = []
        self.tokens = {}

    def begin(self, command):
        """A shell command in the root, under way."""
        return subprocess.Popen(["nsenter", "-t", str(self.pid), "-a", "--", *ENVIRONMENT, "sh", "-euc", command], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self, command, status=0):
        """What the command said; its exit status has to be `status` (None: any)."""
        child = self.begin(command)
        said = child.communicate(timeout=300)[0]
        assert status in (None, child.returncode), f"{command}: {child.returncode}\n{said}"
        return said.rstrip()

    def copy_in(self, files, folder):
        (self.root / folder).mkdir(parents=True, exist_ok=True)
        for file in files:
            shutil.copy(file, self.root / folder)

    def edit(self, path, *pairs):
        file = self.root / path
        text = file.read_text()
        for old, new in pairs:
            assert text.count(old) == 1, f"{path}: {old}"
            text = text.replace(old, new)
        file.write_text(text)

    def show(self, unit, field):
        return self.run(f"systemctl show --value -p {field} {unit}")

    def wait_state(self, unit, *states, timeout=30):
        wait_until(lambda: self.run(f"systemctl is-active {unit}", None) in states, timeout, lambda: self.run(f"systemctl status --no-pager -l {unit}", None))

    def open_site(self):
        """As README.Debian says. After a reload nginx' old processes may answer for a moment."""
        self.run("ln -s ../sites-available/cvpulse /etc/nginx/sites-enabled/; rm /etc/nginx/sites-enabled/default; systemctl start nginx; systemctl reload nginx")
        ready = f"{self.url}/health/ready"
        wait_until(lambda: all(requests.get(ready, timeout=10).ok for _ in range(10)), 30, "the site is not served")

    def headers(self, user):
        if user not in self.tokens:
            self.tokens[user] = self.run(f"cvpulse token {user}")
        return {"Authorization": f"Bearer {self.tokens[user]}"}

    def ws_url(self, user, query=""):
        return f"ws://127.0.0.1{BASE}/ws/{path_id(user)}{'?' + query if query else ''}"

    def ws(self, user, query=""):
        stream = Stream(self.ws_url(user, query), self.headers(user))
        self.streams.append(stream)
        return stream.connected().subscribed()

    def finish(self):
        for stream in self.streams:
            stream.close()
        self.boot.send_signal(signal.SIGTERM)
        self.boot.wait(30)
