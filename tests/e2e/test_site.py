"""The nginx site alone: who is asked, what is told to them, and nginx's own errors. Upstreams are small echo servers."""
import http.client
import http.server
import json
import re
import socket
import socketserver
import subprocess
import threading

import pytest
import requests

from harness import BASE, ROOT, free_port, wait_until


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers with who it is, the path and the headers that it got."""
    protocol_version = "HTTP/1.1"

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.dumps({"who": self.server.who, "path": self.path, "headers": dict(self.headers)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PATCH = do_HEAD = answer

    def log_message(self, *_):
        pass


class Upstream(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 128


@pytest.fixture
def site(make_stack):
    return make_stack(without=("redis", "notifier", "worker"))


@pytest.fixture
def echoes(site):
    servers = []
    for who in ("notifier", "worker"):
        server = Upstream(str(site.folder / f"{who}.sock"), Echo)
        server.who = who
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
    yield site
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("path, who", [
    (f"{BASE}/ws/42", "notifier"), (f"{BASE}/events/42", "notifier"), (f"{BASE}/tickets", "notifier"),
    ("/health", "notifier"), ("/health/ready", "notifier"),
    (f"{BASE}/cvs", "worker"), (f"{BASE}/cvs/c1", "worker"), (f"{BASE}/batches", "worker"), (f"{BASE}/files/1", "worker"),
    (f"{BASE}/jobs", "worker"), (f"{BASE}/users/42", "worker")])
def test_each_path_has_its_daemon(echoes, path, who):
    assert requests.get(echoes.url + path, timeout=5).json()["who"] == who


@pytest.mark.parametrize("path", ["/metrics", "/api/stats", "/health/live", "/health/comprehensive", "/queue", "/nowhere", "/../run"])
def test_what_is_not_for_everybody_is_not_there(echoes, path):
    assert requests.get(echoes.url + path, timeout=5).status_code == 404


def test_what_a_client_says_about_itself_is_cleared(echoes):
    lies = {"X-Real-IP": "9.9.9.9", "X-Forwarded-For": "9.9.9.9", "CF-Connecting-IP": "9.9.9.9", "X-User-Id": "root", "Forwarded": "for=9.9.9.9"}
    got = requests.get(f"{echoes.url}{BASE}/cvs", headers=lies, timeout=5).json()["headers"]
    assert got["X-Real-IP"] == "127.0.0.1"
    assert not set(got) & {"X-Forwarded-For", "CF-Connecting-IP", "X-User-Id", "Forwarded"}
    assert got["Host"] == f"127.0.0.1:{echoes.port}"


def test_an_upgrade_is_passed_on_and_a_plain_request_is_closed(echoes):
    upgrade = {"Connection": "keep-alive, Upgrade", "Upgrade": "websocket"}
    got = requests.get(f"{echoes.url}{BASE}/ws/42", headers=upgrade, timeout=5).json()["headers"]
    assert (got["Upgrade"], got["Connection"]) == ("websocket", "upgrade")
    got = requests.get(f"{echoes.url}{BASE}/ws/42", timeout=5).json()["headers"]
    assert "Upgrade" not in got and got["Connection"] == "close"


def test_ids_and_queries_arrive_as_they_were_sent(echoes):
    path = f"{BASE}/ws/a%40b%7C1?after_id=0-0&token=secret"
    assert requests.get(echoes.url + path, timeout=5).json()["path"] == path


def test_the_access_log_holds_no_query(echoes):
    requests.get(f"{echoes.url}{BASE}/ws/42?token=secret", headers={"Referer": "http://x/?token=secret"}, timeout=5)
    log = wait_until((echoes.folder / "access.log").read_text)
    assert f'GET "{BASE}/ws/42" 200' in log and "secret" not in log


def problem(answer):
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code
    return answer.status_code, answer.json()["code"]


def test_a_daemon_that_is_away_is_a_problem_with_retry_after(site):
    for path in (f"{BASE}/cvs", f"{BASE}/ws/42", f"{BASE}/tickets", "/health/ready"):
        answer = requests.get(site.url + path, timeout=5)
        assert problem(answer) == (502, "unavailable")
        assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("method", ["HEAD", "PATCH", "POST"])
def test_a_resumable_upload_sees_locked_while_the_worker_is_away(site, method):
    answer = requests.request(method, f"{site.url}{BASE}/files/1", timeout=5)
    assert answer.status_code == 423 and int(answer.headers["Retry-After"]) > 0


def test_a_body_over_the_limit_is_a_problem(site):
    # Its length is enough: none of it needs to be sent.
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=20)
    connection.putrequest("POST", f"{BASE}/cvs")
    connection.putheader("Content-Length", str((1 << 30) + 1))
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, json.load(answer)["code"]) == (413, "too_large")
    connection.close()


def test_a_flood_of_new_sockets_is_told_to_wait(site):
    """All in one write, as a slow client would be no flood."""
    request = f"GET {BASE}/ws/42 HTTP/1.1\r\nHost: x\r\n"
    with socket.create_connection(("127.0.0.1", site.port), timeout=20) as client:
        client.sendall(f"{request}\r\n".encode() * 299 + f"{request}Connection: close\r\n\r\n".encode())
        answers = b"".join(iter(lambda: client.recv(65536), b"")).decode().split("HTTP/1.1 ")[1:]
    refused = [answer for answer in answers if not answer.startswith("502")]
    assert len(answers) == 300 and 0 < len(refused) < 200
    head, body = refused[0].split("\r\n\r\n", 1)
    assert head.startswith("429") and "Retry-After:" in head and json.loads(body)["code"] == "rate_limited"


def test_the_page_comes_with_a_strict_policy(site):
    answer = requests.get(site.url, timeout=5)
    assert answer.status_code == 200 and "<title>cvpulse</title>" in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert not re.search(r"<style|<script(?![^>]* src=)| style=| on[a-z]+=", answer.text)
    assert requests.get(f"{site.url}/icon.svg", timeout=5).status_code == 200


def test_parts_of_the_page_are_kept_for_good_as_their_names_change_with_them(site):
    parts = re.findall(r'(?:src|href)="(/assets/[^"]+)"', requests.get(site.url, timeout=5).text)
    assert {part.rpartition(".")[2] for part in parts} == {"js", "css"}
    for part in parts:
        answer = requests.get(site.url + part, timeout=5)
        assert answer.status_code == 200 and "immutable" in answer.headers["Cache-Control"]
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert requests.get(f"{site.url}/assets/gone.js", timeout=5).status_code == 404


def test_https_as_in_the_example_and_http_is_sent_there(make_stack, tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "90", "-subj",
                    "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", tmp_path / "certificate.key", "-out", tmp_path / "certificate.pem"],
                   check=True, capture_output=True)
    https, http_port = free_port(), free_port()

    def here(name):
        text = (ROOT / "nginx" / name).read_text()
        for old, new in ((r"listen \[::\].*\n", ""), ("listen 443", f"listen 127.0.0.1:{https}"), ("listen 80", f"listen 127.0.0.1:{http_port}"),
                         ("/etc/nginx/cvpulse", str(tmp_path))):
            text = re.sub(old, new, text)
        return text
    stack = make_stack(without=("redis", "notifier", "worker"), nginx_options=here("tls.conf"), nginx_http=here("redirect.conf"))
    answer = requests.get(f"https://localhost:{https}/", verify=tmp_path / "certificate.pem", timeout=5)
    assert answer.status_code == 200 and "max-age=" in answer.headers["Strict-Transport-Security"]
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"https://localhost:{https}/", timeout=5)
    answer = requests.get(f"http://localhost:{http_port}/x?y=1", timeout=5, allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (301, "https://localhost/x?y=1")
    assert "Strict-Transport-Security" not in requests.get(stack.url, timeout=5).headers


def test_cloudflares_header_is_believed_from_cloudflares_addresses_only(echoes):
    asked = {"headers": {"CF-Connecting-IP": "203.0.113.9"}, "timeout": 5}
    assert requests.get(f"{echoes.url}{BASE}/cvs", **asked).json()["headers"]["X-Real-IP"] == "127.0.0.1"
    ips = echoes.folder / "nginx" / "cvpulse" / "cloudflare-ips.conf"
    ips.write_text(ips.read_text() + "set_real_ip_from 127.0.0.0/8;\n")
    echoes.nginx.restart()
    assert requests.get(f"{echoes.url}{BASE}/cvs", **asked).json()["headers"]["X-Real-IP"] == "203.0.113.9"
