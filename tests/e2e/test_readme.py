"""The README's commands and snippets, as they stand there."""
import os
import re
import subprocess

import pytest

from harness import ROOT

README = (ROOT / "README.md").read_text()


def block(language, containing):
    found = [b for b in re.findall(rf"```{language}\n(.*?)```", README, re.S) if containing in b]
    assert len(found) == 1, f"{language} blocks with {containing}: {len(found)}"
    return found[0]


@pytest.fixture
def at_home(stack, tmp_path):
    """A directory that looks like the project's with ./run going."""
    (tmp_path / ".cvpulse").symlink_to(stack.folder)
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    return tmp_path


def run(argv, folder, **kwargs):
    return subprocess.run(argv, cwd=folder, check=True, timeout=30, capture_output=True, text=True, **kwargs).stdout


def test_publish_from_redis_cli(stack, at_home):
    stream = stack.ws("42")
    run(["sh", "-c", block("sh", "PUBLISH")], at_home)
    stream.wait(lambda frames: {"type": "cv_progress", "cv_id": "c1", "progress": 45} in frames)


@pytest.mark.parametrize("argv, language, cv", [(["/usr/bin/python3", "-c"], "python", "c1"), (["/usr/bin/node", "-e"], "javascript", "c2")])
def test_publish_from_ones_own_worker(stack, at_home, argv, language, cv):
    stream = stack.ws("42")
    run([*argv, block(language, "progress(")], at_home, env={**os.environ, "NODE_PATH": "/usr/share/nodejs"})
    stream.wait(lambda frames: [f["progress"] for f in frames if f.get("cv_id") == cv] == [45, 100])


def test_the_api_in_four_lines(stack, at_home):
    upload, cv, batch, health = block("sh", "curl").replace("http://127.0.0.1:8080", stack.url).splitlines()
    accepted = run(["sh", "-c", upload], at_home)
    ids = dict(re.findall(r'"(cv_id|batch_id)":\s*"([^"]+)"', accepted))
    assert '"progress"' in run(["sh", "-c", cv.replace("CV_ID", ids["cv_id"])], at_home)
    assert '"total"' in run(["sh", "-c", batch.replace("BATCH_ID", ids["batch_id"])], at_home)
    assert "ready" in health and run(["sh", "-c", health], at_home)
