"""Fixtures of the end-to-end tests; what they are made of is in harness.py."""
import sys
from pathlib import Path

import pytest

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


@pytest.fixture(scope="session")
def shared_samples():
    if not SHARED_SAMPLES.is_dir():
        pytest.skip("the shared samples are not here")
    return SHARED_SAMPLES
