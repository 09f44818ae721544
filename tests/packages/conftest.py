"""Tests in a root with a real systemd: tests/packages/run makes what they need."""
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
MADE = Path(os.environ["CVPULSE_PACKAGES"])


@pytest.fixture(scope="module")
def box():
    """A bare system with Redis and nginx, and the packages in /debs and /newer."""
    from box import Box
    made = Box(MADE / "root")
    made.copy_in(MADE.glob("*.deb"), "debs")
    made.copy_in((MADE / "newer").glob("*.deb"), "newer")
    yield made
    made.finish()
