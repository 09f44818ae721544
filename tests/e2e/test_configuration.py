"""What the programs say about a configuration, and what nginx says about ours."""
import os
import shutil
import socket
import subprocess

import pytest

from harness import BUILD, ROOT

pytestmark = pytest.mark.configuration


def cvpulse(*arguments, program="cvpulse", timeout=10, **kwargs):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CVPULSE_")}
    environment.update(kwargs.pop("environment", {}))
    return subprocess.run([BUILD / program, *map(str, arguments)], capture_output=True, text=True, timeout=timeout, check=False,
                          env=environment, **kwargs)


@pytest.fixture
def generated(tmp_path):
    made = cvpulse("genconfig")
    assert made.returncode == 0
    path = tmp_path / "cvpulse.conf"
    path.write_text(made.stdout)
    return path


def test_the_generated_file_is_good_as_it_is(generated):
    assert cvpulse("checkconfig", generated).returncode == 0


@pytest.mark.parametrize("program", ["cvpulse-notifier", "cvpulse-worker"])
def test_a_daemon_names_the_unknown_key_and_its_line(generated, program):
    lines = generated.read_text().replace("[notifier]", "[notifier]\nhartbeat_interval_s = 5", 1)
    generated.write_text(lines)
    line = next(i for i, text in enumerate(lines.splitlines(), 1) if "hartbeat" in text)
    said = cvpulse("-c", generated, program=program)
    assert said.returncode == 2
    assert "hartbeat_interval_s" in said.stderr and str(line) in said.stderr


@pytest.mark.parametrize("setting, named", [
    ("notifier.heartbeat_interval_s=60", "heartbeat_interval_s"),
    ("notifier.heartbeat_interval_s=soon", "heartbeat_interval_s"),
    ("auth.mode=maybe", "auth.mode"),
    ("redis.url=http://localhost", "redis.url"),
    ("notifier.listen=here", "notifier.listen"),
])
def test_a_wrong_value_is_named(setting, named):
    said = cvpulse("-c", "/dev/null", "--set", setting, "--check", program="cvpulse-notifier")
    assert said.returncode == 2 and named.rpartition(".")[2] in said.stderr


def test_no_tokens_on_a_public_address_is_refused():
    said = cvpulse("-c", "/dev/null", "--set", "auth.mode=none", "--set", "notifier.listen=0.0.0.0:7000", "--check",
                   program="cvpulse-notifier")
    assert said.returncode == 2 and "mode = none" in said.stderr


@pytest.mark.parametrize("daemon", ["notifier", "worker"])
def test_a_listener_that_is_taken_is_one_line_and_status_2(make_stack, daemon, tmp_path):
    stack = make_stack(without=("nginx",), **{daemon: {"admin_listen": f"unix:{tmp_path}/{daemon}-admin.sock"}})
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        said = cvpulse(*getattr(stack, daemon).argv[1:], "--set", f"{daemon}.listen={address}",
                       "--set", f"{daemon}.admin_listen=unix:{tmp_path}/other.sock", program=f"cvpulse-{daemon}")
    assert said.returncode in (1, 2)
    assert len([line for line in said.stderr.splitlines() if address in line]) == 1


def test_debians_nginx_takes_the_site_as_it_is_installed(tmp_path):
    prefix = tmp_path / "etc"
    (prefix / "conf.d").mkdir(parents=True)
    (prefix / "cvpulse").mkdir()
    shutil.copy("/etc/nginx/mime.types", prefix)
    shutil.copy(ROOT / "nginx" / "cvpulse.conf", prefix / "conf.d")
    for part in ("api", "page", "listen", "upstreams", "cloudflare-ips"):
        text = (ROOT / "nginx" / f"{part}.conf").read_text()
        (prefix / "cvpulse" / f"{part}.conf").write_text(text.replace("/var/log/nginx", str(tmp_path)))
    (prefix / "nginx.conf").write_text(f"""
        pid {tmp_path}/nginx.pid;
        events {{ }}
        http {{
            include mime.types;
            {" ".join(f"{kind}_temp_path {tmp_path}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))}
            include conf.d/*.conf;
        }}""")
    done = subprocess.run(["/usr/sbin/nginx", "-t", "-e", "stderr", "-p", f"{prefix}/", "-c", "nginx.conf"], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr
