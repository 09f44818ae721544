"""cvpulse cloudflare against a server that answers as Cloudflare's API is documented to."""
import copy
import http.server
import json
import os
import subprocess
import threading

import pytest

from harness import ROOT
from test_cli import run

ZONE = "023e105f4ecef8ad9ca31a8372d0c353"
WANTED = json.loads((ROOT / "cloudflare" / "settings.json").read_text())
V4, V6 = [f"192.0.{n}.0/24" for n in range(15)], [f"2001:db8:{n}::/48" for n in range(7)]


class Api:
    """A zone's settings and rules; only who has the token may read them."""

    def __init__(self):
        self.settings = dict(WANTED["zone_settings"])
        self.phases = {}
        for rule in copy.deepcopy(WANTED["rules"]):
            self.phases.setdefault(rule.pop("phase"), []).append({**rule, "id": "r", "version": "1", "enabled": True})
        self.ips = {"ipv4_cidrs": V4, "ipv6_cidrs": V6, "etag": "38f79d050aa027e3be3865e495dcc9bc"}
        self.paths = []
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                api.paths.append(self.path)
                status, result = api.answer(self.path, self.headers.get("Authorization"))
                body = json.dumps({"success": status == 200, "errors": [], "messages": [], "result": result}).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/client/v4"

    def answer(self, path, authorization):
        if path == "/client/v4/ips":
            return 200, self.ips
        if authorization != "Bearer good":
            return 403, None
        prefix = f"/client/v4/zones/{ZONE}/"
        assert path.startswith(prefix)
        parts = path[len(prefix):].split("/")
        if parts[0] == "settings" and parts[1] in self.settings:
            return 200, {"id": parts[1], "value": self.settings[parts[1]], "editable": True}
        if parts[:2] == ["rulesets", "phases"] and parts[3] == "entrypoint" and parts[2] in self.phases:
            return 200, {"id": "x", "phase": parts[2], "rules": self.phases[parts[2]]}
        return 404, None


@pytest.fixture
def api():
    made = Api()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def check(api, tmp_path):
    def start(token="good"):
        (tmp_path / "token").write_text(f"{token}\n")
        done = run("cloudflare", "check", "--zone", ZONE, "--token-file", tmp_path / "token", "--api", api.url,
                   "--settings", ROOT / "cloudflare" / "settings.json")
        return done.returncode, done.stdout, done.stderr
    return start


def test_a_zone_as_wanted(check):
    status, out, _ = check()
    assert status == 0 and out.count("ok ") == len(WANTED["zone_settings"]) + len(WANTED["rules"]) and out.endswith("0 different, 0 not readable\n")


def test_every_setting_that_differs_is_named(api, check):
    for name in WANTED["zone_settings"]:
        before, api.settings[name] = api.settings[name], "another"
        status, out, _ = check()
        assert status == 1 and f'different  {name}: wanted "{before}", is "another"' in out
        api.settings[name] = before


def test_a_rule_that_is_missing_switched_off_or_weaker(api, check):
    for phase, rules in list(api.phases.items()):
        rules[0]["enabled"] = False
        assert check()[0] == 1
        rules[0]["enabled"] = True
        key = next(iter(rules[0]["action_parameters"]))
        before = rules[0]["action_parameters"].pop(key)
        assert check()[0] == 1
        rules[0]["action_parameters"][key] = before
        del api.phases[phase]
        status, out, _ = check()
        assert status == 1 and "is not set" in out
        api.phases[phase] = rules
    assert check()[0] == 0


def test_other_rules_and_parameters_of_the_zone_do_no_harm(api, check):
    for rules in api.phases.values():
        rules.insert(0, {"action": "set_config", "expression": "true", "action_parameters": {"mirage": False}})
        rules[1]["action_parameters"]["more"] = True
    assert check()[0] == 0


def test_a_token_that_may_not_read(check):
    status, _, err = check("bad")
    assert status == 1 and "HTTP 403" in err and "needs the permissions" in err and "bad" not in err


def test_the_list_of_addresses_is_one_that_nginx_takes(api, tmp_path):
    out = run("cloudflare", "ips", "--api", api.url).stdout
    (tmp_path / "ips.conf").write_text(out)
    (tmp_path / "nginx.conf").write_text(f"pid {tmp_path}/pid; events {{}} http {{ access_log off; server {{ listen unix:{tmp_path}/s; include ips.conf; }} }}")
    tried = subprocess.run(["/usr/sbin/nginx", "-t", "-e", "stderr", "-p", f"{tmp_path}/", "-c", "nginx.conf"], capture_output=True, text=True, check=False)
    assert tried.returncode == 0, tried.stderr
    assert [line.split()[1].rstrip(";") for line in out.splitlines() if line.startswith("set_real_ip_from")] == V4 + V6


def test_a_refresh_that_cannot_be_leaves_all_as_it_was(api, make_stack, tmp_path):
    stack = make_stack(without=("redis", "notifier", "worker"))
    file, new = stack.folder / "nginx" / "cvpulse" / "cloudflare-ips.conf", tmp_path / "new"
    before = file.read_text()

    def refresh(text=None, reload=" ".join([*stack.nginx.argv[:7], "-s", "reload"])):
        new.write_text(run("cloudflare", "ips", "--api", api.url).stdout if text is None else text)
        done = subprocess.run([ROOT / "nginx" / "cloudflare-ips", new, file], env={**os.environ, "CVPULSE_RELOAD": reload}, capture_output=True, check=False)
        assert [f.name for f in file.parent.glob("cloudflare-ips*")] == [file.name]
        return done.returncode
    assert refresh(reload="false") == 1 and file.read_text() == before
    assert refresh() == 0 and f"set_real_ip_from {V4[0]};" in file.read_text()
    after = file.read_text()
    assert refresh(reload="false") == 0, "nothing has changed: nothing is to be reloaded"
    for bad in ("", "# nothing\n", "set_real_ip_from 192.0.2.0/24; deny all;\n", "set_real_ip_from 192.0.2.0/24;\ninclude /etc/passwd;\n"):
        assert refresh(bad) == 1 and file.read_text() == after
    assert refresh("set_real_ip_from 192.0.2.0/99;\n") == 1 and file.read_text() == after, "nginx itself does not take it"


@pytest.mark.parametrize("ranges", [V4[:2], [], ["0.0.0.0/0; deny all"] + V4, ["no address"] + V4, [7] + V4, None])
def test_a_list_that_cannot_be_right_prints_nothing(api, ranges):
    api.ips["ipv4_cidrs"] = ranges
    done = run("cloudflare", "ips", "--api", api.url)
    assert (done.returncode, done.stdout) == (1, "") and "keep the file that you have" in done.stderr


def test_bad_calls_are_refused(tmp_path):
    for argv in ([], ["other"], ["check"], ["check", "--zone", "../..", "--token-file", "x"], ["check", "--zone", ZONE]):
        assert run("cloudflare", *argv).returncode == 2


def test_terraform_reads_the_same_file():
    text = (ROOT / "cloudflare" / "main.tf").read_text()
    assert 'jsondecode(file("${path.module}/settings.json"))' in text
    assert set(WANTED) == {"description", "zone_settings", "rules"} and all(
        set(rule) == {"phase", "description", "expression", "action", "action_parameters"} for rule in WANTED["rules"])
