"""cvpulse doctor against a real deployment, and against one with each fault that it must name."""
import http.server
import json
import signal
import subprocess
import threading
import time

import pytest
import requests

from harness import free_port, wait_until
from test_cli import run
from test_tokens import SECRET

USER = "42"


def examine(url, *options, env=None):
    """(exit status, {check: (verdict, what, remedy)})."""
    done = run("-c", "/dev/null", "doctor", "--json", "--user", USER, "--idle", "0.3", *options, url, env=env)
    report = json.loads(done.stdout)
    assert report["healthy"] == (done.returncode == 0)
    return done.returncode, {c["check"]: (c["verdict"], c["what"], c.get("remedy", "")) for c in report["checks"]}


def change_site(stack, *pairs):
    """Replaces texts in the site's configuration and starts nginx again."""
    site = stack.folder / "nginx" / "cvpulse" / "cvpulse.conf"
    text = site.read_text()
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    site.write_text(text)
    stack.nginx.restart()


@pytest.fixture
def signed(make_stack, tmp_path):
    """With tokens; the options that give the right one."""
    (tmp_path / "secret").write_text(SECRET)
    stack = make_stack(auth={"mode": "jwt", "jwt_secret_file": tmp_path / "secret"}, notifier={"heartbeat_interval_s": 1})
    made = run("-c", "/dev/null", "--set", f"auth.jwt_secret_file={tmp_path}/secret", "--set", "auth.mode=jwt", "token", USER)
    (tmp_path / "token").write_text(made.stdout)
    stack.token_options = ("--token-file", tmp_path / "token")
    return stack


def test_a_sound_deployment_is_green(signed):
    status, checks = examine(signed.url, *signed.token_options, "--publish", "--idle", "2.5",
                             "--set", f"redis.url={signed.sections['redis']['url']}")
    assert status == 0, checks
    assert {name: verdict for name, (verdict, _, _) in checks.items()} == {
        "connection": "ok", "tls": "note", "cloudflare": "note", "clock": "ok", "health": "ok", "websocket": "ok", "token": "ok",
        "ping": "ok", "event": "ok", "bad token": "ok", "silence": "ok", "sse": "ok", "poll": "ok", "uploads": checks["uploads"][0]}
    assert "2 heartbeats" in checks["silence"][1] and "4401" in checks["bad token"][1]


def test_lines_for_people_end_with_the_count_of_faults(stack):
    done = run("-c", "/dev/null", "doctor", "--quick", stack.url)
    assert done.returncode == 0 and done.stdout.endswith("\n0 faults, 0 warnings\n")
    assert "ok       ping         pong after" in done.stdout and "silence" not in done.stdout


@pytest.mark.parametrize("old, new, words", [
    ("proxy_set_header Upgrade $http_upgrade;", "", "the Upgrade header is missing"),
    ("proxy_set_header Connection $cvpulse_connection;", "proxy_set_header Connection close;", "the Connection header does not name upgrade"),
], ids=["no Upgrade", "Connection: close"])
def test_a_proxy_that_loses_the_upgrade(stack, old, new, words):
    change_site(stack, (old, new))
    status, checks = examine(stack.url)
    verdict, what, remedy = checks["websocket"]
    assert (status, verdict) == (1, "fault") and words in what and "proxy_set_header Upgrade" in remedy
    assert "sse" not in checks


def test_a_proxy_that_cuts_silence(stack):
    change_site(stack, ("proxy_read_timeout 7200s;", "proxy_read_timeout 1s;"))
    status, checks = examine(stack.url, "--idle", "5")
    verdict, what, remedy = checks["silence"]
    assert (status, verdict) == (1, "fault") and "without a close code after 1." in what and "proxy_read_timeout" in remedy


def test_a_proxy_that_buffers(stack):
    change_site(stack, ("proxy_buffering off;", "proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;"))
    status, checks = examine(stack.url)
    assert status == 1 and checks["websocket"][0] == "ok"
    verdict, what, remedy = checks["sse"]
    assert verdict == "fault" and "a proxy holds it back" in what and "proxy_buffering off" in remedy


def test_a_wrong_and_a_missing_token(signed, tmp_path):
    (tmp_path / "wrong").write_text("no.such.token")
    for options, words in ((("--token-file", tmp_path / "wrong"), "make a new token"), ((), "give a token")):
        status, checks = examine(signed.url, *options)
        verdict, what, remedy = checks["token"]
        assert (status, verdict) == (1, "fault") and "4401" in what and words in remedy


def test_a_token_of_another_user(signed):
    status, checks = examine(signed.url, *signed.token_options, "--user", "43")
    assert (status, checks["token"][0]) == (1, "fault") and "4403" in checks["token"][1] and "--user" in checks["token"][2]


def test_a_token_names_the_user_whose_stream_is_opened(signed):
    done = run("-c", "/dev/null", "doctor", "--json", "--quick", *signed.token_options, signed.url)
    assert {c["check"]: c["verdict"] for c in json.loads(done.stdout)["checks"]}["token"] == "ok"


def test_redis_away(stack):
    stack.redis.kill()
    status, checks = examine(stack.url, "--publish", "--set", f"redis.url={stack.sections['redis']['url']}")
    assert status == 1 and checks["health"][0] == "fault" and "the notifier is not ready" in checks["health"][1]
    assert checks["event"][0] == "fault"
    stack.redis.start()


def test_a_redis_that_hangs(stack):
    stack.redis.child.send_signal(signal.SIGSTOP)
    wait_until(lambda: requests.get(f"{stack.url}/health/ready", timeout=5).status_code == 503, 40)
    verdict, what, _ = examine(stack.url)[1]["health"]
    stack.redis.child.send_signal(signal.SIGCONT)
    assert verdict == "fault" and "not ready" in what


def test_another_redis_than_the_notifiers(stack, make_stack):
    other = make_stack(without=("notifier", "worker", "nginx"))
    status, checks = examine(stack.url, "--publish", "--set", f"redis.url={other.sections['redis']['url']}")
    assert status == 1 and checks["event"][0] == "fault" and "the notifier uses another one" in checks["event"][1]


def test_daemons_that_do_not_run(stack):
    stack.notifier.stop()
    stack.worker.stop()
    status, checks = examine(stack.url)
    assert status == 1
    for check in ("health", "websocket", "uploads"):
        assert checks[check][0] == "fault" and "systemctl start cvpulse.target" in checks[check][2]


def test_nobody_there_and_no_such_name():
    status, checks = examine(f"http://127.0.0.1:{free_port()}")
    assert status == 1 and checks["connection"][0] == "fault" and len(checks) == 1
    status, checks = examine("http://no-such-host.invalid")
    assert status == 1 and checks["name"][0] == "fault" and len(checks) == 1


class Late(http.server.BaseHTTPRequestHandler):
    """A server whose clock is ten minutes fast."""

    def do_GET(self):
        self.send_error(404)

    do_OPTIONS = do_GET

    def date_time_string(self, timestamp=None):
        return super().date_time_string((timestamp or time.time()) + 600)

    def log_message(self, *_):
        pass


def test_a_clock_that_is_off_and_what_is_no_cvpulse():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Late)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    status, checks = examine(f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()
    assert status == 1 and checks["clock"][0] == "fault" and "differ by 600 s" in checks["clock"][1].replace("599", "600").replace("601", "600")
    assert checks["health"][0] == "warning" and checks["websocket"][0] == "fault"


@pytest.fixture
def encrypted(make_stack, tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "5", "-subj",
                    "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", tmp_path / "key", "-out", tmp_path / "certificate"],
                   check=True, capture_output=True)
    port = free_port()
    stack = make_stack(nginx_options=f"listen 127.0.0.1:{port} ssl http2;\nssl_certificate {tmp_path}/certificate;\nssl_certificate_key {tmp_path}/key;")
    stack.https = f"https://localhost:{port}"
    return stack


def test_a_certificate_that_nobody_trusts(encrypted):
    status, checks = examine(encrypted.https)
    assert status == 1 and checks["tls"][0] == "fault" and len(checks) == 1


def test_a_certificate_that_ends_soon_and_the_rest_over_tls(encrypted, tmp_path):
    status, checks = examine(encrypted.https, "--cacert", tmp_path / "certificate")
    assert status == 0, checks
    assert checks["tls"][0] == "warning" and " days" in checks["tls"][1]
    assert checks["ping"][0] == checks["sse"][0] == checks["poll"][0] == "ok"


def test_an_address_without_tls_that_others_can_reach():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Late)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    status, checks = examine(f"http://cv.test:{server.server_port}", env={"http_proxy": f"http://127.0.0.1:{server.server_port}"})
    server.shutdown()
    server.server_close()
    assert status == 1 and checks["tls"][0] == "fault" and "readable on the way" in checks["tls"][1]


def test_bad_calls_are_refused():
    for argv in ([], ["a", "b"], ["unix:/x"], ["ftp://x"], ["--idle", "soon", "http://localhost"], ["--user", "a/b", "http://localhost"]):
        assert run("-c", "/dev/null", "doctor", *argv).returncode == 2
