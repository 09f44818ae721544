"""The curl transcripts of docs/uploads.md: each command is run, in order, and says what stands there (… is anything)."""
import fcntl
import os
import re
import subprocess

from harness import BASE, ROOT

TRANSCRIPTS = re.findall(r"```console\n\$ (.*?)\n(.*?)```", (ROOT / "docs" / "uploads.md").read_text(), re.S)


class Situations:
    """What has to be so before a command answers with this status; undone behind it."""

    def __init__(self, stack):
        self.stack, self.held = stack, None

    def part(self):
        return next((self.stack.folder / "spool").glob("*/*.part"))

    def before(self, status):
        if status == "423":
            self.held = open(self.part(), "rb")
            fcntl.flock(self.held, fcntl.LOCK_EX)
        elif status == "410":
            os.utime(self.part(), (1, 1))
        elif status == "429":
            self.stack.db.zadd("user:demo:uploads", {"another": 2 ** 52})

    def after(self):
        if self.held:
            self.held.close()
            self.held = None


def as_pattern(line):
    return ".*".join(re.escape(part) for part in line.split("…")) + "$"


def test_the_transcripts_are_true(make_stack):
    stack = make_stack(without=("notifier",), worker={"max_uploads_per_user": 2, "sweep_s": 3600})
    stack.db.set("{cvq}:paused", 1)
    situations = Situations(stack)
    environment = {**os.environ, "CVPULSE": stack.url + BASE}
    assert len(TRANSCRIPTS) > 15
    for command, expected in TRANSCRIPTS:
        status = re.match(r"HTTP/1.1 (\d+)", expected)
        situations.before(status and status[1])
        said = subprocess.run(["sh", "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=30, check=True).stdout
        situations.after()
        lines = said.splitlines()
        for line in expected.splitlines():
            assert any(re.match(as_pattern(line), given) for given in lines), f"{command}\n{line} is not in\n{said}"
        if "201 Created" in expected:
            environment["UPLOAD"] = stack.url + re.search(r"^Location: (\S+)", said, re.M | re.I)[1]
