"""The scan stage with a real clamd, whose database is one signature of our own making; and with a clamd that misbehaves."""
import getpass
import shutil
import socket
import subprocess
import threading

import pytest

from harness import wait_until
from test_pipeline import Scene

CLAMD = shutil.which("clamd") or "/usr/sbin/clamd"
# The test file of the anti-virus industry (eicar.org), in two halves, so that no scanner stops at this source.
EICAR = "X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


@pytest.fixture
def scene():
    scene = Scene()
    yield scene
    scene.finish()


class Clamd:
    def __init__(self, folder, **options):
        (folder / "database").mkdir()
        (folder / "database" / "eicar.ndb").write_text(f"Eicar-Test:0:0:{EICAR.encode().hex()}\n")
        settings = {"LocalSocket": folder / "clamd.sock", "DatabaseDirectory": folder / "database", "Foreground": "yes",
                    "TemporaryDirectory": folder, "User": getpass.getuser(), **options}
        (folder / "clamd.conf").write_text("".join(f"{k} {v}\n" for k, v in settings.items()))
        self.folder = folder
        self.address = f"unix:{folder}/clamd.sock"
        self.log = open(folder / "clamd.log", "ab")
        self.start()

    def start(self):
        self.child = subprocess.Popen([CLAMD, "-c", self.folder / "clamd.conf"], stdout=self.log, stderr=self.log)
        wait_until(self.answers, 20, lambda: (self.folder / "clamd.log").read_text()[-1000:])

    def answers(self):
        with socket.socket(socket.AF_UNIX) as s:
            if s.connect_ex(str(self.folder / "clamd.sock")) != 0:
                return False
            s.sendall(b"zPING\0")
            return s.recv(10) == b"PONG\0"

    def stop(self):
        self.child.terminate()
        self.child.wait(10)

    def finish(self):
        if self.child.poll() is None:
            self.stop()
        self.log.close()


@pytest.fixture
def clamd(scene):
    if not shutil.which(CLAMD):
        pytest.skip("clamav-daemon is not installed")
    daemon = Clamd(scene.folder)
    yield daemon
    daemon.finish()


def error(scene, cv):
    return [f for f in scene.frames() if f.get("cv_id") == cv][-1]["error"]["code"]


def stages(scene, cv):
    return list(dict.fromkeys(f["stage"] for f in scene.frames() if f.get("cv_id") == cv))


def test_every_file_is_shown_to_clamd_and_a_virus_goes_no_further(scene, clamd):
    host = scene.host(clamd={"address": clamd.address})
    host.accept("virus", EICAR)
    host.accept("clean", "ok 0")
    host.accept("scan", "scan 0")
    wait_until(lambda: scene.ended() == {"virus": "failed", "clean": "completed", "scan": "completed"})
    assert error(scene, "virus") == "infected"
    assert stages(scene, "virus") == ["received", "scan"]
    assert stages(scene, "clean") == ["received", "scan", "extract", "parse", "deliver"]
    assert stages(scene, "scan")[:2] == ["received", "scan"] and "ocr" in stages(scene, "scan")
    assert '"signature":"Eicar-Test.UNOFFICIAL"' in scene.log()
    scene.journey()
    assert host.stop() == 0


def test_without_clamd_no_file_is_read_until_it_is_back(scene, clamd):
    clamd.stop()
    host = scene.host(clamd={"address": clamd.address}, max_attempts=100)
    host.accept("c1", "ok 0")
    wait_until(lambda: scene.statuses("c1").count("retrying") >= 2)
    assert "extract" not in stages(scene, "c1")
    clamd.start()
    wait_until(lambda: scene.ended() == {"c1": "completed"})
    scene.journey()


def test_a_cv_that_clamd_never_answers_for_ends_as_a_dead_letter(scene):
    host = scene.host(clamd={"address": f"unix:{scene.folder}/nobody.sock"})
    host.accept("c1")
    wait_until(lambda: scene.ended() == {"c1": "failed"})
    assert error(scene, "c1") == "internal"
    wait_until(lambda: scene.db.zcard("{cvq}:dead") == 1)
    assert host.stop() == 0


@pytest.mark.parametrize("answer, code", [
    (b"INSTREAM size limit exceeded. ERROR\0", "too_large"), (b"stream: Can't allocate memory ERROR\0", "internal"), (b"nonsense", "internal"),
    (b"", "internal"), (b"x" * 5000, "internal"), (None, "internal")],
    ids=["limit", "error", "nonsense", "nothing", "endless", "silence"])
def test_what_else_clamd_may_say_is_no_clean_bill(scene, answer, code):
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        def serve():
            while True:
                try:
                    peer, _ = server.accept()
                except OSError:
                    return
                try:
                    with peer:
                        peer.recv(10)
                        if answer is None:
                            over.wait(10)
                        elif answer:
                            peer.sendall(answer)
                except OSError:
                    pass  # it hung up on us
        threading.Thread(target=serve, daemon=True).start()
        host = scene.host(clamd={"address": "127.0.0.1:%d" % server.getsockname()[1], "timeout_s": 0.2})
        host.accept("c1")
        wait_until(lambda: scene.ended() == {"c1": "failed"})
        assert error(scene, "c1") == code
        assert host.stop() == 0
        over.set()
        server.shutdown(socket.SHUT_RDWR)


def test_a_cv_that_waits_for_clamd_can_be_cancelled(scene):
    with socket.create_server(("127.0.0.1", 0)) as server:
        host = scene.host(clamd={"address": "127.0.0.1:%d" % server.getsockname()[1]})
        host.accept("c1")
        wait_until(lambda: "processing" in scene.statuses("c1"))
        host.say("drop u c1")
        wait_until(lambda: scene.ended() == {"c1": "cancelled"})
        assert host.stop() == 0
