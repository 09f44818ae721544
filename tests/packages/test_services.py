"""What the units do under a real systemd: restarts and reloads under load, crashes, hangs, a bad configuration, several processes,
secrets, HTTPS, Cloudflare's addresses."""
import collections
import http.server
import json
import re
import socket
import subprocess
import threading
import time

import pytest
import requests

from box import DAEMONS
from harness import wait_until

PORTS = {"cvpulse-notifier@1": 7000, "cvpulse-worker@1": 7001}


@pytest.fixture(scope="module", autouse=True)
def installed(box):
    box.run("apt-get install -q -y --no-install-recommends /debs/*.deb; systemctl start redis-server cvpulse.target")
    for unit in DAEMONS:
        box.wait_state(unit, "active")
    box.open_site()


def drop_in(box, unit, text):
    folder = box.root / "etc/systemd/system" / f"{unit}.d"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "test.conf").write_text(text)
    box.run("systemctl daemon-reload")


def starts(box, unit):
    return box.run(f"journalctl --no-pager -o cat -u {unit}").count('"event":"ready"')


class Knocking:
    """One connection after the other, with one request each. What nobody took is in `refused`; `unanswered` were taken by a daemon
    that then ended."""

    def __init__(self, port):
        self.port, self.answered, self.unanswered, self.refused, self.longest_s = port, 0, 0, [], 0
        self.ending = threading.Event()
        self.threads = [threading.Thread(target=self._knock, daemon=True) for _ in range(4)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        for thread in self.threads:
            thread.join(60)

    def _knock(self):
        while not self.ending.is_set():
            began = time.monotonic()
            try:
                connection = socket.create_connection(("127.0.0.1", self.port), 60)
            except OSError as e:
                self.refused.append(repr(e))
                self.ending.wait(0.05)
                continue
            with connection:
                try:
                    connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    good = connection.recv(65536).startswith(b"HTTP/1.1 200 ")
                except OSError:
                    good = False
            self.answered += good
            self.unanswered += not good
            self.longest_s = max(self.longest_s, time.monotonic() - began)
            time.sleep(0.002)


@pytest.mark.parametrize("unit", DAEMONS)
def test_restarts_under_load_refuse_no_connection(box, unit):
    with Knocking(PORTS[unit]) as load:
        wait_until(lambda: load.answered > 20)
        before = starts(box, unit)
        box.run(f"systemctl restart {unit}; systemctl restart {unit}")
        box.run(f"systemctl kill -s KILL {unit}")
        wait_until(lambda: starts(box, unit) >= before + 3, 30)
        answered = load.answered
        wait_until(lambda: load.answered > answered + 20, 30)
    print(f"{unit}: {load.answered} answered, {load.unanswered} cut, {len(load.refused)} refused, longest {load.longest_s:.2f} s")
    assert not load.refused and load.unanswered <= 4 * 3


def test_reloads_under_load_drop_nobody(box):
    streams = [box.ws(f"u{i}") for i in range(10)]
    with Knocking(80) as site, Knocking(7000) as notifier, Knocking(7001) as worker:
        pids = [box.show(unit, "MainPID") for unit in DAEMONS]
        for _ in range(3):
            box.run("systemctl reload 'cvpulse-*@*.service' nginx")
        assert pids == [box.show(unit, "MainPID") for unit in DAEMONS]
    assert not site.refused + notifier.refused + worker.refused and not notifier.unanswered + worker.unanswered
    for stream in streams:
        stream.subscribed()


@pytest.mark.parametrize("unit", DAEMONS)
def test_a_bad_configuration_is_tried_a_few_times_then_connections_are_refused(box, unit):
    conf = box.root / "etc/cvpulse/cvpulse.conf"
    good = conf.read_text()
    conf.write_text(good + "\n[no_such_section]\nkey = 1\n")
    since = box.run("date '+%F %T'")
    with Knocking(PORTS[unit]) as load:
        box.run(f"systemctl restart {unit}", None)
        wait_until(lambda: load.refused, 30, "connections still wait")
        refused = len(load.refused)
        wait_until(lambda: len(load.refused) > refused + 20)
    tried = box.run(f"journalctl --no-pager -o cat -u {unit} --since '{since}'").count("no_such_section")
    assert 1 <= tried <= 12, tried
    assert box.run(f"systemctl is-active {unit}", 3) == "failed" and box.show(unit, "ExecMainStatus") == "2"
    conf.write_text(good)
    box.run(f"systemctl restart {unit}")
    assert requests.get(f"http://127.0.0.1:{PORTS[unit]}/health/live", timeout=10).status_code == 200


@pytest.mark.parametrize("unit", DAEMONS)
def test_a_daemon_that_hangs_is_replaced(box, unit):
    template = unit.replace("@1", "@")
    drop_in(box, f"{template}.service", "[Service]\nWatchdogSec=1\n")
    box.run(f"systemctl restart {unit}")
    before = box.show(unit, "MainPID")
    box.run(f"kill -STOP {before}")
    wait_until(lambda: box.show(unit, "MainPID") not in ("0", before), 30, "it is not replaced")
    box.wait_state(unit, "active")
    assert "watchdog" in box.run(f"journalctl --no-pager -o cat -u {unit}").lower()
    drop_in(box, f"{template}.service", "")


def test_several_processes_share_the_work(box):
    box.run("systemctl start cvpulse-notifier@2 cvpulse-worker@2")
    streams = [box.ws(f"s{i}") for i in range(40)]
    open_at = [requests.get(f"http://127.0.0.1:70{n}0/api/stats", timeout=5).json()["active_connections"] for n in (1, 2)]
    assert min(open_at) > 0 and sum(open_at) >= len(streams), open_at
    assert all(requests.get(f"http://127.0.0.1:70{n}1/metrics", timeout=5).status_code == 200 for n in (1, 2))
    box.run("systemctl stop cvpulse-notifier@2.socket cvpulse-worker@2.socket cvpulse-notifier@2 cvpulse-worker@2")
    closed = collections.Counter(s.close_code for s in streams if s.closed.is_set())
    assert closed == {1012: open_at[1]}, closed


def test_the_password_of_redis_is_a_credential(box):
    (box.root / "etc/cvpulse/redis_password").write_text("correct horse\n")
    (box.root / "etc/cvpulse/redis_password").chmod(0o600)
    box.run("redis-cli config set requirepass 'correct horse'; systemctl restart cvpulse-notifier@1")
    wait_until(lambda: requests.get("http://127.0.0.1:7010/health/ready", timeout=5).status_code == 503)
    for daemon in ("notifier", "worker"):
        drop_in(box, f"cvpulse-{daemon}@.service", "[Service]\nLoadCredential=redis_password:/etc/cvpulse/redis_password\n"
                "Environment=CVPULSE_REDIS_PASSWORD_FILE=%d/redis_password\n")
    box.edit("etc/cvpulse/cvpulse.conf", ("url = redis://127.0.0.1:6379/0", "url = redis://127.0.0.1:6379/0\npassword_file = /etc/cvpulse/redis_password"))
    box.run("systemctl restart cvpulse.target")
    for port in (7010, 7011):
        wait_until(lambda p=port: requests.get(f"http://127.0.0.1:{p}/health/ready", timeout=5).status_code == 200, 20)
    assert "correct horse" not in box.run("journalctl --no-pager -o cat -u 'cvpulse*'; cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' '\\n'")


def test_https_with_a_certificate_and_a_redirect(box, tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "90", "-subj",
                    "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", tmp_path / "certificate.key", "-out", tmp_path / "certificate.pem"],
                   check=True, capture_output=True)
    box.copy_in(tmp_path.iterdir(), "etc/nginx/cvpulse")
    box.edit("etc/nginx/cvpulse/listen.conf", ("\nlisten 80 default_server;\nlisten [::]:80 default_server;", "\ninclude cvpulse/tls.conf;"))
    box.run("ln -s ../cvpulse/redirect.conf /etc/nginx/sites-enabled/cvpulse-redirect; nginx -t; systemctl reload nginx")
    answer = wait_until(lambda: next((a for a in [requests.get("http://localhost/x?y=1", timeout=5, allow_redirects=False)] if a.status_code == 301), None))
    assert answer.headers["Location"] == "https://localhost/x?y=1"
    assert requests.get("https://localhost/", verify=tmp_path / "certificate.pem", timeout=5).headers["Strict-Transport-Security"]
    said = box.run("cvpulse token doctor >/root/token; cvpulse doctor --quick --token-file /root/token --cacert /etc/nginx/cvpulse/certificate.pem https://localhost")
    assert "\n0 faults, 0 warnings" in said, said


class CloudflareApi(http.server.BaseHTTPRequestHandler):
    ranges = [f"192.0.{n}.0/24" for n in range(15)]

    def do_GET(self):
        body = json.dumps({"success": True, "result": {"ipv4_cidrs": self.ranges, "ipv6_cidrs": [f"2001:db8:{n}::/48" for n in range(7)]}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_cloudflares_addresses_are_fetched_by_a_unit_that_can_do_little_else(box):
    api = http.server.ThreadingHTTPServer(("127.0.0.1", 0), CloudflareApi)
    threading.Thread(target=api.serve_forever, args=(0.01,), daemon=True).start()
    unit, file = "cvpulse-cloudflare-ips", box.root / "etc/nginx/cvpulse/cloudflare-ips.conf"
    fetch, install = re.findall("^ExecStart=(.*)$", (box.root / f"lib/systemd/system/{unit}.service").read_text(), re.M)
    fetch = fetch.replace("cloudflare ips", f"cloudflare ips --api http://127.0.0.1:{api.server_port}/client/v4")
    drop_in(box, f"{unit}.service", f"[Service]\nExecStart=\nExecStart={fetch}\nExecStart={install}\n")
    workers = box.run("pgrep -f 'nginx: worker' | sort").split()
    box.run(f"systemctl start {unit}")
    fetched = file.read_text()
    assert re.findall(r"set_real_ip_from (\S+);", fetched)[:15] == CloudflareApi.ranges
    wait_until(lambda: not set(box.run("pgrep -f 'nginx: worker process$' | sort").split()) & set(workers), what="nginx was not reloaded")
    box.edit("etc/nginx/cvpulse/upstreams.conf", ("keepalive 32;\n}\nupstream cvpulse_worker", "no_such_word;\n}\nupstream cvpulse_worker"))
    CloudflareApi.ranges = CloudflareApi.ranges[1:]
    box.run(f"systemctl start {unit}", 1)
    assert file.read_text() == fetched and not list(file.parent.glob("cloudflare-ips.conf.*"))
    api.shutdown()
