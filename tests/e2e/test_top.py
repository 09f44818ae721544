"""cvpulse top, and the manual pages: what the operator reads."""
import os
import re
import subprocess

import pytest
from harness import BUILD, ROOT, settings, wait_until
from test_cli import run


def test_top_shows_connections_queue_and_the_last_failures(make_stack):
    stack = make_stack(without=("nginx",), worker={"max_attempts": 1}, processor={"url": "http://127.0.0.1:1/"})
    flags = settings(**{name: stack.sections[name] for name in ("redis", "notifier", "worker")})

    def top(*argv):
        return run("-c", "/dev/null", *flags, "top", "--once", *argv)
    out = top().stdout
    assert "closed    none" in out and "connections 0   users 0" in out and "waiting 0   running 0" in out and out.endswith("  none\n")
    stack.db.set("{cvq}:paused", "1")
    subprocess.run(["curl", "-fs", "--unix-socket", stack.folder / "worker.sock", "-F", "file=@-;filename=a.txt", "http://localhost/api/v1/cv-processing/cvs?user_id=42"],
                   input=b"Jane Doe\njane@example.org\nClerk\n", stdout=subprocess.DEVNULL, check=True)
    assert "waiting 1" in top().stdout and "PAUSED" in top().stdout
    stack.db.delete("{cvq}:paused")
    wait_until(lambda: re.search(r"given up 1 .*\n(.*\n)*  20\S+Z  42/\S+  processor_failed\n", top().stdout), 20, lambda: top().stdout)
    # One that is away is one line; nobody there is a failure.
    stack.notifier.stop()
    out = top()
    assert out.returncode == 0 and "notifier  does not answer" in out.stdout and "given up 1" in out.stdout
    stack.worker.stop()
    assert top().returncode == 1


def test_bad_calls_of_top_are_refused():
    for argv in (["word"], ["--interval", "soon"], ["--interval", "0"]):
        assert run("-c", "/dev/null", "top", *argv).returncode == 2


@pytest.mark.parametrize("page, words", [
    ("cvpulse.1", ["watch", "doctor", "top", "checkconfig"]), ("cvpulse.conf.5", None), ("cvpulse-notifier.8", ["SIGHUP", "\\-\\-set"]),
    ("cvpulse-worker.8", ["SIGTERM"]), ("cvpulse-admin.8", ["preflight", "restore", "rollback"])])
def test_a_manual_page_says_what_the_program_says(page, words):
    made = subprocess.run([ROOT / "build-aux" / "man.sh", page, "1.0"], cwd=BUILD, capture_output=True, text=True, check=True,
                          env={**os.environ, "ADMIN": str(ROOT / "scripts" / "cvpulse-admin"), "LC_ALL": "C.UTF-8"}).stdout
    if words is None:
        words = [key.replace("-", "\\-") for key in re.findall(r"^;(\w+) =", run("genconfig").stdout, re.M)]
        assert len(words) > 100
    assert made.startswith(".TH ") and not [w for w in words if w not in made]
    # Each line that begins with a dot is a request that man(7) knows.
    assert {line.split()[0] for line in made.splitlines() if line.startswith((".", "'"))} <= {".TH", ".SH", ".SS", ".TP", ".PP", ".B", ".BR", ".br", ".nf", ".fi"}
