"""The systemd units as `make install` puts them: nothing for systemd to complain about, and hardened."""
import os
import shutil
import subprocess

import pytest

from harness import BUILD

UNITS = "usr/local/lib/systemd/system"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """An installation, with the system's own units beside it."""
    folder = tmp_path_factory.mktemp("root")
    subprocess.run(["make", "-C", BUILD, "-s", "install", f"DESTDIR={folder}"], check=True, capture_output=True)
    shutil.copytree("/lib/systemd/system", folder / "lib" / "systemd" / "system", symlinks=True)
    (folder / "bin").mkdir()
    for program in ("kill", "sh"):
        shutil.copy(f"/bin/{program}", folder / "bin")
    return folder


def verify(root, *units):
    done = subprocess.run(["systemd-analyze", f"--root={root}", "--recursive-errors=no", "verify", *units], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_systemd_has_nothing_to_say_about_the_units(root):
    # It ends with 0 on an unknown key: any word counts.
    units = [name.replace("@.", "@1.") for name in os.listdir(root / UNITS)]
    assert len(units) >= 7 and verify(root, *units) == ""


def test_that_would_notice_a_mistake(root):
    unit = root / UNITS / "cvpulse-notifier@.service"
    good = unit.read_text()
    try:
        for bad in (good.replace("WatchdogSec", "WatchdogSecs"), good.replace("ExecStart=", "ExecStart=@"), good.replace("Type=notify", "Type=tell")):
            assert bad != good
            unit.write_text(bad)
            assert verify(root, "cvpulse-notifier@1.service")
    finally:
        unit.write_text(good)


def test_exposure_is_low(root):
    for unit in (root / UNITS).glob("*.service"):
        done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=15", unit], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-300:]


def test_the_user_is_one_that_sysusers_makes(root):
    text = (root / "usr/local/lib/sysusers.d/cvpulse.conf").read_text()
    for unit in (root / UNITS).glob("*.service"):
        assert "User=cvpulse\n" in unit.read_text()
    assert "\nu cvpulse " in text
