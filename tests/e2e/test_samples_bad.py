"""Every file of the shared bad samples ends, inside the sandbox, with one of the outcomes that it may have."""
import json
import subprocess

import pytest

from harness import BUILD, PATIENCE


CPU_S = 6 * PATIENCE  # what the worst of them run into; less than the default, so that a busy machine gets there, too


def outcome(path):
    command = [BUILD / "cvpulse-extract", f"--cpu-s={CPU_S}", path]
    done = subprocess.run(command, capture_output=True, timeout=180 * PATIENCE)
    answer = json.loads(done.stdout.decode("utf-8").splitlines()[-1])
    if answer["type"] == "result":
        return "completed"
    return answer["code"]


def cases():
    from conftest import SHARED_SAMPLES
    listing = SHARED_SAMPLES / "bad" / "expected.json"
    return json.loads(listing.read_text()) if listing.exists() else []


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["file"] if isinstance(case, dict) else "none")
def test_a_bad_file_ends_as_it_may(case, shared_samples):
    code = outcome(shared_samples / "bad" / case["file"])
    assert "any" in case["outcomes"] or code in case["outcomes"]
