"""Each alert for real: what it watches for is done to real daemons, and a real Prometheus with the shipped rules fires. Only
durations and a few limits of the rules are shortened, for a test has seconds where an operator has minutes."""
import http.server
import json
import re
import shutil
import signal
import socket
import subprocess
import threading

import pytest
import requests

from harness import BASE, PATIENCE, ROOT, Process, free_port, wait_until
from services import Service

MONITORING = ROOT / "monitoring"
HOST = "cv.example.org"
SHORTER = {"> 300": "> 1", 'le="60"': 'le="0.5"', "{job=~\"cvpulse-.*\"} > 2e9": "{job=~\"cvpulse-.*\"} > 1e6", "< 2e9": "< 1e18"}
METRIC = re.compile(r"\b((?:cvpulse|process)_[a-z0-9_]+)(?:\{([^}]*)\})?")


def shortened():
    rules = re.sub(r"\[\d+m\]", f"[{10 * PATIENCE}s]", (MONITORING / "alerts.yml").read_text())
    rules = re.sub(r"for: \d+[ms]", "for: 0s", rules)
    for long, short in SHORTER.items():
        assert long in rules
        rules = rules.replace(long, short)
    return rules


class Prometheus(Process):
    def __init__(self, folder, targets):
        self.port = free_port()
        self.fired = set()
        scrapes = "".join(f"  - job_name: {job}\n    static_configs: [{{targets: ['127.0.0.1:{port}']}}]\n" for job, port in targets.items())
        (folder / "prometheus.yml").write_text("global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 500ms}\n"
                                               f"rule_files: [alerts.yml]\nscrape_configs:\n{scrapes}")
        (folder / "alerts.yml").write_text(shortened())
        super().__init__("prometheus", ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=tsdb", f"--web.listen-address=127.0.0.1:{self.port}"],
                         folder, self.ready)

    def ready(self):
        try:
            return self.get("/-/ready").ok
        except requests.ConnectionError:
            return False

    def get(self, path):
        return requests.get(f"http://127.0.0.1:{self.port}{path}", timeout=10)

    def firing(self):
        now = {a["labels"]["alertname"] for a in self.get("/api/v1/alerts").json()["data"]["alerts"] if a["state"] == "firing"}
        self.fired |= now
        return now

    def wait(self, *names):
        """Until each has fired, now or before: with windows this short some are over soon."""
        wait_until(lambda: set(names) <= self.fired | self.firing(), 40, lambda: f"{set(names) - self.fired} did not fire")


@pytest.fixture(scope="module")
def textfiles(tmp_path_factory):
    """What stands where node_exporter's textfile collector does: certificate.sh's words about a certificate of three days."""
    folder = tmp_path_factory.mktemp("certificate")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3", "-subj", f"/CN={HOST}",
                    "-keyout", "key", "-out", "cert"], cwd=folder, check=True, capture_output=True)
    port = free_port()
    site = subprocess.Popen(["openssl", "s_server", "-quiet", "-cert", "cert", "-key", "key", "-accept", f"127.0.0.1:{port}"], cwd=folder,
                            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def listens():
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0
    wait_until(listens)
    said = subprocess.run([MONITORING / "certificate.sh", HOST, f"127.0.0.1:{port}"], capture_output=True, text=True, check=True)
    site.kill()
    site.wait()
    (folder / "metrics").write_text(said.stdout)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Quiet", (http.server.SimpleHTTPRequestHandler,), {
        "__init__": lambda self, *a: http.server.SimpleHTTPRequestHandler.__init__(self, *a, directory=str(folder)), "log_message": lambda *_: None}))
    server.handle_error = lambda *_: None  # Prometheus hangs up when it has waited long enough
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    server.text = said.stdout
    yield server
    server.shutdown()
    server.server_close()


def break_connections(stack, n):
    """Ends WebSockets as a pulled cable's router does: no close frame."""
    for _ in range(n):
        with socket.create_connection(("127.0.0.1", stack.port)) as s:
            s.sendall(f"GET {BASE}/ws/dropped HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
            assert s.recv(100).startswith(b"HTTP/1.1 101")


def known_names(*pages):
    """Each metric of the pages, with the values of its labels."""
    known = {}
    for line in "\n".join(pages).splitlines():
        found = METRIC.match(line)
        if found:
            known.setdefault(found[1], set()).update(re.findall(r'"([^"]*)"', found[2] or ""))
    return known


def strange_names(text, known):
    """Metrics that nothing shows, and values of labels that a metric never has."""
    strange = set()
    for name, labels in METRIC.findall(text):
        if name not in known:
            strange.add(name)
        for key, value in re.findall(r'(\w+)=~?"([^"]*)"', labels):
            if key not in ("job", "host", "instance"):
                strange |= {f"{name} {key}={v}" for v in value.split("|") if v not in known.get(name, ())}
    return strange


@pytest.fixture
def slow_processor():
    """Takes its time for each CV until it is told to hurry; what is called fail.txt ends as a dead letter."""
    hurry = threading.Event()

    def answer(_, body):
        hurry.wait(40)
        return (500 if json.loads(body)["filename"] == "fail.txt" else 204), []
    service = Service(answer)
    service.hurry = hurry.set
    yield service
    hurry.set()
    service.close()


@pytest.mark.skipif(not shutil.which("prometheus"), reason="Prometheus is not installed")
def test_each_alert_fires_when_what_it_watches_for_happens(make_stack, slow_processor, textfiles, tmp_path):
    (tmp_path / "secret").write_text("whsec_" + "A" * 32)
    admin = {daemon: free_port() for daemon in ("notifier", "worker")}
    stack = make_stack(notifier={"admin_listen": f"127.0.0.1:{admin['notifier']}"}, redis={"command_timeout_s": 30}, processor={"url": slow_processor.url},
                       webhook={"url": "http://127.0.0.1:9/", "secret_file": tmp_path / "secret", "give_up_s": 0.001},
                       worker={"admin_listen": f"127.0.0.1:{admin['worker']}", "slots": 1, "stalled_s": 0.5, "max_attempts": 1})
    metrics = [requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text for port in admin.values()]
    known = known_names(*metrics, textfiles.text)
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    expressions = [t["expr"] for p in dashboard["panels"] for t in p.get("targets", [])]
    assert len(expressions) > 40
    assert not strange_names("\n".join(expressions) + (MONITORING / "alerts.yml").read_text() + (MONITORING / "alerts_test.yml").read_text(), known)

    prometheus = Prometheus(stack.folder, {"cvpulse-notifier": admin["notifier"], "cvpulse-worker": admin["worker"], "node": textfiles.server_port})
    stack.processes.append(prometheus)
    prometheus.start()
    prometheus.wait("CvpulseCertificate", "CvpulseMemory", "CvpulseSpoolFull")
    assert not prometheus.fired & {"CvpulseSlow", "CvpulseStalled", "CvpulseDeadLetters", "CvpulseWebhooksDead", "CvpulseAuthFailures", "CvpulseConnectionsDropped", "CvpulseEventsLost"}
    # The dashboard's expressions are ones that this Prometheus understands.
    for expression in expressions:
        answer = requests.get(f"http://127.0.0.1:{prometheus.port}/api/v1/query", params={"query": expression}, timeout=10).json()
        assert answer["status"] == "success", (expression, answer)

    stack.submit("42", [("fail.txt", b"Jane Doe\njane@example.org\nClerk\n"),
                        ("b.txt", b"John Roe\njohn@example.org\nNurse\n"), ("c.txt", b"Jim Poe\njim@example.org\nCook\n")])
    stream = stack.ws("gap")
    stack.db.publish("user:gap:events", '{"id":"1700000000000-1","prev":"1700000000000-0","type":"cv_progress","cv_id":"c1","status":"queued","progress":0}')
    break_connections(stack, 30)
    for path in ["events/42", "batches"] * 30 * PATIENCE:
        assert requests.get(f"{stack.url}{BASE}/{path}", headers={"Host": "evil.example.org"}, timeout=10).status_code in (403, 429)  # 429: enough for nginx
    prometheus.wait("CvpulseConnectionsDropped", "CvpulseAuthFailures", "CvpulseEventsLost", "CvpulseStalled", "CvpulseQueueOld")
    slow_processor.hurry()
    prometheus.wait("CvpulseDeadLetters", "CvpulseSlow", "CvpulseWebhooksDead")
    stream.close()

    stack.redis.child.send_signal(signal.SIGSTOP)
    prometheus.wait("CvpulseProbeFailing")
    stack.redis.child.send_signal(signal.SIGCONT)
    stack.redis.kill()
    for _ in range(20):
        assert requests.get(f"{stack.url}{BASE}/batches", params={"user_id": "42"}, timeout=10).status_code == 503
    prometheus.wait("CvpulseRedisDown", "CvpulseErrors")
    stack.notifier.kill()
    prometheus.wait("CvpulseDown")
