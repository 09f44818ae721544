"""cvpulse-admin: each of the operator's procedures, on real daemons."""
import contextlib
import http.server
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest
import requests
from harness import BUILD, PATIENCE, ROOT, SAMPLES, Process, Stack, batch_over, free_port, unix_get, wait_until

USER = "42"


def admin(stack, *argv, **environment):
    """cvpulse-admin with the stack's configuration as a file."""
    file = stack.folder / "cvpulse.conf"
    if not file.exists():
        file.write_text("".join(f"[{section}]\n" + "".join(f"{k} = {v}\n" for k, v in keys.items()) for section, keys in stack.sections.items()))
    # A build with sanitizers says nothing of its own on a clean run.
    env = {**os.environ, "CVPULSE": str(BUILD / "cvpulse"), "CVPULSE_RESTORE_PORT": str(free_port()), **{k: str(v) for k, v in environment.items()}}
    return subprocess.run([ROOT / "scripts" / "cvpulse-admin", "-c", file, *map(str, argv)], capture_output=True, text=True, env=env, timeout=120, check=False)


# --- preflight ------------------------------------------------------------------------------------------------------


def test_preflight_names_what_is_wrong_with_a_machine(make_stack):
    port = free_port()
    stack = make_stack(without=("nginx",))
    stack.sections["worker"]["admin_listen"] = f"127.0.0.1:{port}"  # of a worker that is not there yet
    done = admin(stack, "preflight")
    assert done.returncode == 0 and done.stdout.endswith("0 faults\n") and f"127.0.0.1:{port} is free" in done.stdout, done.stdout + done.stderr
    stack.db.config_set("maxmemory-policy", "allkeys-lru")
    stack.db.config_set("appendonly", "no")
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        done = admin(stack, "preflight", CVPULSE_WORKER_SPOOL_DIR=stack.folder / "gone" / "spool")
    said = done.stdout
    assert done.returncode == 1 and said.endswith("4 faults\n"), said
    for word in ("allkeys-lru", "appendonly is off", "/gone is not there", f"another program has port {port}"):
        assert re.search(f"^fault .*{re.escape(word)}", said, re.M), (word, said)
    shutil.rmtree(stack.folder / "spool")
    stack.redis.kill()
    said = admin(stack, "preflight").stdout
    assert "fault    Redis does not answer" in said and re.search("^ok .*/spool is not there yet: the worker makes it", said, re.M), said
    backup = stack.folder / "backup"
    backup.mkdir()
    (backup / "SHA256SUMS").write_text(subprocess.run(["sha256sum", "/dev/null"], capture_output=True, text=True, check=True).stdout)
    assert "Redis does not answer: start it" in admin(stack, "restore", backup).stderr
    assert "genconfig" in admin(stack, "-c", stack.folder / "none.conf", "preflight").stdout
    (stack.folder / "cvpulse.conf").write_text("[redis]\nulr = x\n")
    assert "ulr" in admin(stack, "preflight").stdout


# --- back up and restore --------------------------------------------------------------------------------------------


def state_of(stack, batches):
    """All that a user is shown: the snapshot, batches, results, files."""
    stream = stack.ws(USER, "snapshot=1")
    parts = stream.wait(lambda frames: [f for f in frames if f.get("type") == "snapshot"] if any(f.get("type") == "snapshot" and not f["more"] for f in frames) else None)
    cvs = sorted((cv for part in parts for cv in part.get("cvs", [])), key=lambda cv: cv["cv_id"])
    stream.close()
    results = [stack.request("GET", f"/cvs/{cv['cv_id']}", USER).json() for cv in cvs]
    files = [stack.request("GET", f"/cvs/{cv['cv_id']}/file", USER).content for cv in cvs]
    shown = [stack.request("GET", f"/batches/{b}", USER).json() for b in batches]
    for batch in shown:
        batch["cvs"].sort(key=lambda cv: cv["cv_id"])
    return cvs, shown, results, files


@contextlib.contextmanager
def stranger(folder):
    """The port of a Redis that is none of ours."""
    port = free_port()
    child = subprocess.Popen(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""], stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: subprocess.run(["redis-cli", "-p", str(port), "set", "their", "key"], capture_output=True, check=False).stdout == b"OK\n")
        yield port
    finally:
        child.kill()
        child.wait()


def test_after_backup_wipe_and_restore_the_same_is_served(make_stack, tmp_path):
    stack = make_stack()
    stream = stack.ws(USER)
    batch = stack.submit(USER, [*SAMPLES[:2], ("notes.txt", b"Jane Doe\njane@example.org\nClerk\n")], total=3)["batch_id"]
    stream.wait(lambda frames: batch_over(frames, batch), 40)
    stack.db.set("{cvq}:paused", "1")
    waiting = stack.submit("later", [("later.txt", b"John Roe\njohn@example.org\nNurse\n")])["cvs"][0]["cv_id"]
    before = state_of(stack, [batch])
    assert len(before[0]) == 3 and {cv["status"] for cv in before[0]} == {"completed"}

    backups = [admin(stack, "backup", "--keep", "1", tmp_path / "backups").stdout.strip()]
    assert (os.stat(backups[0]).st_mode & 0o77) == 0
    assert admin(stack, "restore", backups[0]).stderr.startswith("cvpulse-admin: a notifier runs")
    stack.notifier.stop()
    assert "a worker runs" in admin(stack, "restore", "--replace", backups[0]).stderr
    stack.worker.stop()
    assert "is not empty" in admin(stack, "restore", backups[0]).stderr
    # Another Redis has the port of the copy: nothing is taken from it, and nothing is changed.
    scratch = stack.folder / "scratch"
    scratch.mkdir()
    held = stack.db.dbsize(), sorted(os.listdir(stack.folder)), sorted(os.listdir(stack.folder / "spool"))
    with stranger(tmp_path) as port:
        done = admin(stack, "restore", "--replace", backups[0], CVPULSE_RESTORE_PORT=port, TMPDIR=scratch)
    assert done.returncode == 1 and f"port {port} is taken" in done.stderr and "restored" not in done.stdout, done.stderr
    assert (stack.db.dbsize(), sorted(os.listdir(stack.folder)), sorted(os.listdir(stack.folder / "spool"))) == held
    assert not os.listdir(scratch)
    stack.db.flushall()
    shutil.rmtree(stack.folder / "spool")

    done = admin(stack, "restore", backups[0])
    assert done.returncode == 0, done.stderr
    for daemon in (stack.notifier, stack.worker):
        daemon.start()
    assert state_of(stack, [batch]) == before
    # What waited waits again, and is read. And Redis' own file has all of it: it may crash now.
    stack.db.delete("{cvq}:paused")
    wait_until(lambda: stack.request("GET", f"/cvs/{waiting}", "later").json()["status"] == "completed", 20)
    wait_until(lambda: stack.db.info("persistence")["aof_rewrite_in_progress"] == 0 and stack.db.info("persistence")["aof_enabled"] == 1, 20)
    time_of_write = stack.db.time()
    wait_until(lambda: stack.db.info("persistence")["aof_last_write_status"] == "ok" and stack.db.time()[0] > time_of_write[0] + 1, 10)
    stack.redis.kill()
    stack.redis.start()
    wait_until(lambda: unix_get(stack.folder / "notifier.sock", "/health/ready")[0] == 200, 20)
    wait_until(lambda: unix_get(stack.folder / "worker.sock", "/health/ready")[0] == 200, 20)
    assert state_of(stack, [batch]) == before

    # Another back-up drives the old one out; a damaged one is refused.
    backups.append(admin(stack, "backup", "--keep", "1", tmp_path / "backups").stdout.strip())
    assert [str(p) for p in (tmp_path / "backups").iterdir()] == [backups[1]]
    with open(f"{backups[1]}/redis.rdb", "ab") as f:
        f.write(b"x")
    assert "damaged" in admin(stack, "restore", "--replace", backups[1]).stderr


# --- new versions ---------------------------------------------------------------------------------------------------


def green_of(stack):
    """A second notifier and worker beside those of the stack, on the same Redis."""
    made = []
    for blue in (stack.notifier, stack.worker):
        argv = [a.replace(f"/{blue.name}.sock", f"/green-{blue.name}.sock").replace(f"/{blue.name}-admin.sock", f"/green-{blue.name}-admin.sock") for a in blue.argv]
        ready = stack.folder / f"green-{blue.name}.sock"
        made.append(Process(f"green-{blue.name}", argv, stack.folder, lambda ready=ready: unix_get(ready, "/health/ready")[0] == 200))
    return made


def test_a_switch_to_green_and_back_moves_requests_and_refuses_none(make_stack):
    stack = make_stack()
    site = stack.folder / "nginx" / "cvpulse"
    blue = (site / "upstreams.conf").read_text()
    (site / "upstreams.conf").rename(site / "upstreams-blue.conf")
    (site / "upstreams.conf").symlink_to("upstreams-blue.conf")
    (site / "upstreams-green.conf").write_text(blue.replace("/notifier.sock", "/green-notifier.sock").replace("/worker.sock", "/green-worker.sock"))
    (site / "upstreams-broken.conf").write_text("upstream cvpulse_notifier {")
    options = "" if os.getuid() else "-g 'user root root;'"
    (stack.folder / "nginx-command").write_text(f"#!/bin/sh\nexec /usr/sbin/nginx -e stderr -p {stack.folder}/nginx/ -c nginx.conf {options} \"$@\"\n")
    (stack.folder / "nginx-command").chmod(0o755)
    environment = {"CVPULSE_SITE": site, "CVPULSE_NGINX": stack.folder / "nginx-command", "CVPULSE_READY": f"{stack.url}/health/ready"}

    def switch(to):
        return admin(stack, "switch", to, **environment)
    # Green is not there: nothing changes.
    done = switch("green")
    assert done.returncode == 1 and f"({stack.url}/health/ready answered 502)" in done.stderr and os.readlink(site / "upstreams.conf") == "upstreams-blue.conf", done.stderr
    assert switch("broken").returncode == 1 and switch("--back").returncode == 1
    wait_until(lambda: requests.get(f"{stack.url}/health/ready", timeout=10).status_code == 200)
    green = green_of(stack)
    stack.processes += green
    for process in green:
        process.start()
    old = stack.ws(USER)
    done = switch("green")
    assert done.returncode == 0, done.stderr
    # Who was connected stays so, until blue stops; who comes now comes to green.
    assert not old.closed.is_set()
    new = stack.ws("new")
    assert json.loads(unix_get(stack.folder / "green-notifier-admin.sock", "/api/stats")[1])["active_connections"] == 1
    assert json.loads(stack.admin("notifier", "/api/stats")[1])["active_connections"] == 1
    assert stack.notifier.stop() == 0
    assert old.closed.wait(10) and old.close_code == 1012
    assert not new.closed.is_set() and stack.ws(USER)
    stack.notifier.start()
    assert switch("--back").returncode == 0 and os.readlink(site / "upstreams.conf") == "upstreams-blue.conf"
    # nginx's configuration says which worker takes uploads.
    stack.ws("blue")
    assert json.loads(stack.admin("notifier", "/api/stats")[1])["active_connections"] >= 1


class Awakes(http.server.BaseHTTPRequestHandler):
    """What nginx says while an old worker of it still passes requests to a dead set."""
    statuses = iter(())

    def do_GET(self):
        self.send_response(next(self.statuses, 200))
        self.end_headers()

    def log_message(self, *_):
        pass


def test_a_switch_waits_for_ten_good_answers_in_a_row(tmp_path):
    for name in ("blue", "green"):
        (tmp_path / f"upstreams-{name}.conf").write_text("")
    (tmp_path / "upstreams.conf").symlink_to("upstreams-blue.conf")
    Awakes.statuses = iter((502, 200, 200, 502))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Awakes) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = subprocess.run([ROOT / "scripts" / "cvpulse-admin", "switch", "green"], capture_output=True, text=True, check=False,
                              env={**os.environ, "CVPULSE_SITE": str(tmp_path), "CVPULSE_NGINX": "true", "CVPULSE_READY": f"http://127.0.0.1:{server.server_port}/"})
        server.shutdown()
    assert done.returncode == 0 and os.readlink(tmp_path / "upstreams.conf") == "upstreams-green.conf", done.stderr


SYSTEMCTL = """#!/bin/sh
# Restarts a program of the test as systemd does a unit of Type=notify: returns once it is ready.
set -eu
case $1 in
list-units) cat units; exit 0 ;;
is-active) exit 0 ;;
restart) ;;
*) exit 2 ;;
esac
echo "$2" >>restarted
name=${2%%@*}
name=${name#cvpulse-}
kill -TERM "$(cat $name.pid)"
tail --pid="$(cat $name.pid)" -f /dev/null
[ ! -e broken ] || exit 1
setsid sh "$name.command" >>$name.again.log 2>&1 &
echo $! >$name.pid
until curl -fs -o /dev/null --unix-socket $name.sock http://localhost/health/ready; do sleep 0.05; done
"""


def test_rolling_restarts_one_daemon_after_the_other_and_stops_at_one_that_does_not_come_back(make_stack):
    stack = make_stack(without=("nginx",))
    tools = stack.folder / "tools"
    tools.mkdir()
    (tools / "systemctl").write_text(SYSTEMCTL)
    (tools / "systemctl").chmod(0o755)
    for process in (stack.notifier, stack.worker):
        (stack.folder / f"{process.name}.pid").write_text(str(process.child.pid))
        (stack.folder / f"{process.name}.command").write_text("exec " + " ".join(f"'{a}'" for a in process.argv))
        process.killed = True
    (stack.folder / "units").write_text("cvpulse-notifier@1.service loaded active running x\ncvpulse-worker@1.service loaded active running x\n")
    before = stack.notifier.child.pid
    # The tail of an old one ends when its parent has waited for it.
    done = subprocess.Popen([ROOT / "scripts" / "cvpulse-admin", "roll"], cwd=stack.folder, stdout=subprocess.PIPE, text=True,
                            env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"})
    try:
        for process in (stack.worker, stack.notifier):
            process.child.wait(30 * PATIENCE)
        assert done.wait(30 * PATIENCE) == 0
        assert (stack.folder / "restarted").read_text() == "cvpulse-worker@1.service\ncvpulse-notifier@1.service\n"
        assert unix_get(stack.folder / "notifier.sock", "/health/ready")[0] == 200 and int((stack.folder / "notifier.pid").read_text()) != before
    finally:
        for process in (stack.worker, stack.notifier):
            os.kill(int((stack.folder / f"{process.name}.pid").read_text()), signal.SIGTERM)
    done = subprocess.run([ROOT / "scripts" / "cvpulse-admin", "roll", "gone@1", "never@1"], cwd=stack.folder, capture_output=True, text=True, check=False,
                          env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"})
    assert done.returncode == 1 and "gone@1 did not come back" in done.stderr and "never@1" not in (stack.folder / "restarted").read_text()


# --- other machines -------------------------------------------------------------------------------------------------


@pytest.fixture
def machines(tmp_path):
    """Two machines: one sshd with two ports, each with a home of its own."""
    if not os.path.exists("/usr/sbin/sshd"):
        pytest.skip("sshd is not installed")
    ports = {name: free_port() for name in ("one", "two")}
    if os.getuid() == 0:
        os.makedirs("/run/sshd", exist_ok=True)
    for key in ("host", "me"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / key], check=True)
    shutil.copy(tmp_path / "me.pub", tmp_path / "authorized")
    (tmp_path / "sshd.conf").write_text(
        "".join(f"Port {p}\n" for p in ports.values()) + f"ListenAddress 127.0.0.1\nHostKey {tmp_path}/host\nAuthorizedKeysFile {tmp_path}/authorized\n"
        "StrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin yes\nSubsystem sftp /usr/lib/openssh/sftp-server\n"
        + "".join(f"Match LocalPort {port}\nForceCommand cd {tmp_path}/{name} && exec sh -c \"$SSH_ORIGINAL_COMMAND\"\n" for name, port in ports.items()))
    (tmp_path / "ssh.conf").write_text(
        f"Host *\nHostName 127.0.0.1\nIdentityFile {tmp_path}/me\nIdentitiesOnly yes\nUserKnownHostsFile {tmp_path}/known\nStrictHostKeyChecking accept-new\n"
        "BatchMode yes\nLogLevel ERROR\nGSSAPIAuthentication no\n"
        f"ControlMaster auto\nControlPath {tmp_path}/%n.ctl\nControlPersist 60\n" + "".join(f"Match originalhost {name}\nPort {port}\n" for name, port in ports.items()))
    for name in ports:
        (tmp_path / name).mkdir()
    with open(tmp_path / "sshd.log", "wb") as log:
        server = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", tmp_path / "sshd.conf"], stderr=log)

    def listens():
        assert server.poll() is None, (tmp_path / "sshd.log").read_text()
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", ports["two"])) == 0
    try:
        wait_until(listens)
        yield tmp_path
    finally:
        for name in ports:
            subprocess.run(["ssh", "-F", tmp_path / "ssh.conf", "-O", "exit", name], capture_output=True, check=False)
        server.terminate()
        server.wait(10)


def test_packages_reach_one_machine_after_the_other_and_go_back(machines):
    (machines / "hosts").write_text("# ours\none\ntwo  # the second\n")
    environment = {**os.environ, "SSH": f"ssh -F {machines}/ssh.conf", "SCP": f"scp -F {machines}/ssh.conf",
                   "CVPULSE_INSTALL": "! grep -q broken *.deb && cat *.deb >>../../installed"}

    def run(*argv):
        return subprocess.run([ROOT / "scripts" / "cvpulse-admin", *map(str, argv)], cwd=machines, env=environment, capture_output=True, text=True,
                              timeout=60, check=False)

    def installed(name):
        return (machines / name / "installed").read_text().split()

    def deploy(version):
        (machines / "cvpulse.deb").write_text(f"{version}\n")
        return run("deploy", machines / "hosts", machines / "cvpulse.deb")
    done = deploy("v1")
    assert done.returncode == 0, done.stderr + (machines / "sshd.log").read_text()
    assert "one: there is nothing to go back to" in run("rollback", machines / "hosts").stderr
    (machines / "unreachable").write_text("nowhere\n")
    assert "nowhere: no way in" in run("rollback", machines / "unreachable").stderr
    assert deploy("v2").returncode == 0
    assert installed("one") == installed("two") == ["v1", "v2"]
    assert run("rollback", machines / "hosts").returncode == 0
    assert installed("one") == installed("two") == ["v1", "v2", "v1"]
    done = deploy("broken")
    assert done.returncode == 1 and "one: the installation failed" in done.stderr and "== two" not in done.stdout
    (machines / "hosts").write_text("one\n")
    assert run("rollback", machines / "hosts").returncode == 0 and installed("one")[-1] == "v1"


def test_wrong_calls_are_refused_with_status_2():
    calls = [[], ["other"], ["-x"], ["backup"], ["restore", "/nowhere"], ["deploy", "/nowhere"], ["rollback"]]
    calls += [["backup", "--keep", *rest] for rest in ([], ["0", "/nowhere"], ["x", "/nowhere"], ["-1", "/nowhere"], ["9" * 20, "/nowhere"])]
    for argv in calls:
        done = subprocess.run([ROOT / "scripts" / "cvpulse-admin", *argv], capture_output=True, text=True, check=False, env={**os.environ, "CVPULSE": "false"})
        assert done.returncode == 2 and "--help" in done.stderr + "--help" * (argv == []), (argv, done.stderr)
