"""The tus clients that people use, as they are, from npm (tests/js): tus-js-client in Node, over good and bad networks, and Uppy in
Chromium, in a page of another origin."""
import json
import os
import socket
import subprocess
import threading

import pytest

from browser import browser  # noqa: F401 (a fixture)
from harness import BASE, PATIENCE, ROOT, wait_until

MIB = 1024 * 1024
JS = ROOT / "tests" / "js"


@pytest.fixture(scope="module")
def clients():
    subprocess.run([ROOT / "build-aux" / "npm.sh", "tests/js", "dist/uppy.js"], check=True)
    return JS


@pytest.fixture
def stack(make_stack):
    stack = make_stack(without=("notifier",), worker={"max_file_bytes": 300 * MIB})
    stack.db.set("{cvq}:paused", 1)
    return stack


class CuttingProxy:
    """Passes bytes on to a port, and breaks off each of the first `cuts` connections after so many of them."""

    def __init__(self, port, cuts, after):
        self.port, self.cuts_left, self.after, self.cut = port, cuts, after, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.port))
            threading.Thread(target=self._pass, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, False), daemon=True).start()

    def _pass(self, source, sink, upwards):
        passed = 0
        try:
            while piece := source.recv(256 * 1024):
                sink.sendall(piece)
                passed += len(piece)
                if upwards and passed >= self.after and self.cuts_left > 0:
                    self.cuts_left -= 1
                    self.cut += 1
                    break
        except OSError:
            pass  # the other direction has broken off
        for s in (source, sink):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it is closed already
        if upwards:
            source.close()
            sink.close()

    def close(self):
        self.listener.close()


def write_file(stack, name, size):
    path = stack.folder / name
    with open(path, "wb") as out:
        block = os.urandom(MIB)
        for start in range(0, size, MIB):
            out.write(block[:min(MIB, size - start)])
    return path


def upload(clients, endpoint, path, **options):
    result = subprocess.run(["node", clients / "upload.mjs", endpoint, path, json.dumps(options)], capture_output=True, text=True,
                            timeout=120 * PATIENCE, check=False)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def check_stored(stack, answer, path):
    cv_id = answer["url"].rsplit("/", 1)[1]
    cv = stack.request("GET", f"/cvs/{cv_id}", "anna").json()
    assert (cv["status"], cv["filename"]) == ("queued", path.name)
    stored = [p for p in (stack.folder / "spool").glob(f"*/{cv_id}.file")]
    assert subprocess.run(["cmp", stored[0], path], check=False).returncode == 0
    assert not list((stack.folder / "spool").glob("*/*.part"))


def test_a_client_uploads_as_it_is(stack, clients):
    path = write_file(stack, "cv.txt", 3 * MIB)
    check_stored(stack, upload(clients, f"{stack.url}{BASE}/files?user_id=anna", path, chunkSize=MIB), path)


def test_a_client_may_send_the_first_bytes_at_once(stack, clients):
    path = write_file(stack, "cv.txt", 3 * MIB)
    check_stored(stack, upload(clients, f"{stack.url}{BASE}/files?user_id=anna", path, uploadDataDuringCreation=True), path)


def test_a_client_that_may_only_post_overrides_the_method(stack, clients):
    path = write_file(stack, "cv.txt", 3 * MIB)
    check_stored(stack, upload(clients, f"{stack.url}{BASE}/files?user_id=anna", path, overridePatchMethod=True), path)


def test_a_client_hears_why_a_file_is_refused(stack, clients):
    path = stack.folder / "big.txt"
    path.touch()
    os.truncate(path, 300 * MIB + 1)
    answer = upload(clients, f"{stack.url}{BASE}/files?user_id=anna", path)
    assert answer["status"] == 413 and "too_large" in answer["error"]


def test_200_mb_arrive_over_a_connection_that_is_cut_20_times(stack, clients):
    path = write_file(stack, "long.txt", 200 * MIB)
    proxy = CuttingProxy(stack.port, cuts=20, after=9 * MIB)
    answer = upload(clients, f"http://127.0.0.1:{proxy.address}{BASE}/files?user_id=anna", path)
    assert "url" in answer and proxy.cut == 20, (answer, proxy.cut)
    check_stored(stack, answer, path)
    proxy.close()


def test_an_upload_goes_on_while_the_worker_is_killed_and_started_again(stack, clients):
    path = write_file(stack, "long.txt", 100 * MIB)
    answers = []
    thread = threading.Thread(target=lambda: answers.append(upload(
        clients, f"{stack.url}{BASE}/files?user_id=anna", path, retryDelays=[0] + [200] * 100)))
    thread.start()

    def received():
        return sum(p.stat().st_size for p in (stack.folder / "spool").glob("*/*.part"))
    for n in range(1, 4):
        wait_until(lambda: received() > n * 4 * MIB or answers, 30)
        stack.worker.kill()
        stack.worker.start()
    thread.join()
    check_stored(stack, answers[0], path)


PAGE = f"""
    location = /blank {{ default_type text/html; return 200 '<!doctype html><title>blank</title><body>'; }}
    location /js/ {{ alias {JS}/dist/; }}
"""
UPLOAD = """
    const [endpoint, bytes, done] = arguments, script = document.createElement('script');
    script.src = '/js/uppy.js';
    script.onload = () => uploadByUppy(endpoint, 'cv.txt', bytes).then(done, (e) => done({ error: String(e) }));
    script.onerror = () => done({ error: 'no script' });
    document.body.append(script);
"""


@pytest.mark.browser
def test_uppy_uploads_from_a_page_of_another_origin(make_stack, clients, browser):
    stack = make_stack(without=("notifier",), nginx_options=PAGE)
    stack.db.set("{cvq}:paused", 1)
    page, endpoint = f"http://localhost:{stack.port}", f"{stack.url}{BASE}/files?user_id=anna"
    browser.get(f"{page}/blank")
    assert "error" in browser.execute_async_script(UPLOAD, endpoint, 1000)
    stack.worker.argv += ["--set", f"auth.allowed_origins={page}"]
    stack.worker.restart()
    answer = browser.execute_async_script(UPLOAD, endpoint, 3 * MIB)
    cv_id = answer["url"].rsplit("/", 1)[1]
    assert stack.request("GET", f"/cvs/{cv_id}/file", "anna").content == b"x" * 3 * MIB
