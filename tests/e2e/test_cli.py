"""The cvpulse command against a real Redis and a real worker."""
import http.server
import json
import os
import pty
import re
import select
import subprocess
import threading
import time

import pytest
from harness import BASE, BUILD, SAMPLES, SANITIZER, TERMINAL, Journey, settings, wait_until

FRAME = {"type": "cv_progress", "batch_id": "b1", "cv_id": "c1", "status": "processing", "progress": 40}


def frame(**fields):
    return json.dumps({**FRAME, **fields})


def run(*argv, text="", env=None):
    result = subprocess.run([BUILD / "cvpulse", *map(str, argv)], input=text, capture_output=True, text=True, timeout=60, check=False,
                            env={**os.environ, **(env or {})})
    assert not SANITIZER.search(result.stderr), result.stderr
    return result


class Command:
    """cvpulse with the addresses of one stack."""

    def __init__(self, stack):
        self.flags = settings(redis={"url": stack.sections["redis"]["url"]}, worker={"listen": stack.sections["worker"]["listen"]})

    def __call__(self, *argv, **kwargs):
        return run("-c", "/dev/null", *self.flags, *argv, **kwargs)

    def watch(self, *argv):
        return Watch([BUILD / "cvpulse", "-c", "/dev/null", *self.flags, "watch", *argv])


class Watch:
    """A watch that runs; `lines` is what it has printed so far."""

    def __init__(self, argv):
        self.child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lines, self.complaints = [], []
        self.readers = [threading.Thread(target=self._collect, args=pair, daemon=True)
                        for pair in ((self.child.stdout, self.lines), (self.child.stderr, self.complaints))]
        for reader in self.readers:
            reader.start()
        wait_until(lambda: any("waiting for events" in line for line in self.complaints))

    @staticmethod
    def _collect(stream, into):
        for line in stream:
            into.append(line.rstrip("\n"))

    def ends(self, timeout=10):
        """The exit status, once all that was printed has been read."""
        status = self.child.wait(timeout)
        for reader in self.readers:
            reader.join(timeout)
        return status

    def stop(self):
        self.child.kill()
        self.child.wait()


@pytest.fixture
def redis_only(make_stack):
    return make_stack(without=("notifier", "worker", "nginx"))


@pytest.fixture
def cvpulse(redis_only):
    return Command(redis_only)


@pytest.fixture
def watch(cvpulse):
    started = []

    def start(*argv):
        started.append(cvpulse.watch(*argv))
        return started[-1]
    yield start
    for one in started:
        one.stop()


# --- help and configuration

def test_help_names_every_command():
    listed = re.findall(r"^  (\w+) ", run("help").stdout, re.M)
    assert {"watch", "publish", "submit", "queue", "genconfig", "checkconfig"} <= set(listed)
    for name in listed:
        by_help, by_flag = run("help", name), run(name, "--help")
        assert by_help.returncode == 0 and by_help.stdout.startswith(f"usage: cvpulse {name}")
        assert (by_flag.returncode, by_flag.stdout) == (0, by_help.stdout)


def test_a_wrong_call_ends_with_2_and_says_what_is_possible():
    assert run().returncode == 2
    for argv in (["nosuch"], ["help", "nosuch"], ["watch"], ["watch", "a b"], ["watch", "a", "b"], ["watch", "--nosuch", "a"], ["publish"],
                 ["submit"], ["submit", "--user", "a/b", "x"], ["queue", "nosuch"], ["queue", "retry"], ["queue", "retry", "a"],
                 ["queue", "ls", "--limit", "x"], ["genconfig", "x"], ["checkconfig", "a", "b"], ["--nosuch"]):
        result = run(*argv)
        assert result.returncode == 2, argv
        assert "help" in result.stderr and not result.stdout, argv


@pytest.mark.configuration
def test_the_generated_configuration_is_good_as_it_is_and_with_every_line_switched_on(tmp_path):
    text = run("genconfig").stdout
    path = tmp_path / "cvpulse.conf"
    for content in (text, re.sub(r"^;", "", text, flags=re.M)):
        path.write_text(content)
        result = run("checkconfig", path)
        assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.configuration
def test_checkconfig_misses_the_files_that_are_named(tmp_path):
    path = tmp_path / "c.conf"
    path.write_text(f"[auth]\njwt_secret_file = {tmp_path}/nosuch\njwt_public_key_file = %d/key\n[s3]\nca_file = {path}\n")
    result = run("checkconfig", path)
    assert (result.returncode, result.stderr) == (2, f"[auth] jwt_secret_file: {tmp_path}/nosuch: No such file or directory\n")


def test_checkconfig_names_line_key_and_what_is_allowed(tmp_path):
    path = tmp_path / "bad.conf"
    path.write_text("[redis]\nulr = x\n[log]\nlevel = loud\nnonsense\n[notifier]\nlisten = 7000\n")
    result = run("checkconfig", path)
    assert result.returncode == 2
    assert result.stderr.splitlines() == [
        f"{path}:2: unknown key [redis] ulr",
        f'{path}:4: [log] level = "loud" is not allowed; it takes one of debug|info|warning|error',
        f"{path}:5: this is neither a [section] nor key = value",
        '[notifier] listen: "7000": it must be host:port, [v6]:port, unix:/path or systemd']
    assert run("-c", path, "--check").stderr == result.stderr
    assert run("checkconfig", tmp_path / "nosuch").returncode == 2


@pytest.mark.configuration
def test_a_command_does_not_run_with_a_bad_configuration(tmp_path):
    result = run("--set", "redis.url=nonsense", "queue")
    assert result.returncode == 2
    assert "[redis] url: it must begin with" in result.stderr


def test_common_flags_may_stand_behind_the_command_too(cvpulse):
    flags = cvpulse.flags
    assert run("queue", *flags, "ls", "dead").stdout == "dead: 0\n"


# --- publish

def test_publish_prints_the_id_or_why_there_is_none(cvpulse, redis_only):
    done = frame(status="completed", progress=100)
    result = cvpulse("publish", "42", text="\n".join([frame(), "", frame(status="queued"), done, done]))
    assert (result.returncode, result.stderr) == (0, "")
    first, stale, last, duplicate = result.stdout.split()
    assert (stale, duplicate) == ("stale", "duplicate")
    assert [i for i, _ in redis_only.db.xrange("user:42:history")][::2] == [first, last]


def test_publish_passes_unknown_members_on_byte_for_byte(cvpulse, redis_only):
    extra = '"big":12345678901234567890.10,"empty":[],"o":{"a" : "\\u00e9\\n"},"n\\u0041me":null'
    assert cvpulse("publish", "42", frame()[:-1] + "," + extra + "}").returncode == 0
    kept = redis_only.db.xrange("user:42:history")[0][1]["f"]
    assert '"big":12345678901234567890.10,"empty":[],"o":{"a" : "\\u00e9\\n"}' in kept
    assert kept.count('"progress"') == 1


def test_publish_says_which_line_is_wrong_and_goes_on(cvpulse):
    bad = ["x", "[]", '{"type":"cv_progress"}', frame(type="note"), frame(cv_id="a b"), frame(status="nearly"), frame(progress=101),
           frame(progress="40"), frame(attempt=-1), frame() + "x", frame(message="x" * 70000)]
    result = cvpulse("publish", "42", "-", text="\n".join([*bad, frame()]))
    assert result.returncode == 1
    assert [int(n) for n in re.findall(r"^cvpulse publish: line (\d+): ", result.stderr, re.M)] == list(range(1, len(bad) + 1))
    assert len(result.stdout.split()) == 1


def test_redis_away_is_one_clear_answer(tmp_path):
    result = run("-c", "/dev/null", "--set", f"redis.url=unix://{tmp_path}/nosuch", "publish", "42", frame())
    assert result.returncode == 1
    assert "Redis does not answer at unix://" in result.stderr and "[redis] url" in result.stderr


def test_a_wrong_password_is_told_and_never_shown(redis_only):
    redis_only.db.config_set("requirepass", "right")
    result = run("-c", "/dev/null", "--set", f"redis.url={redis_only.sections['redis']['url']}", "queue")
    redis_only.db.execute_command("AUTH", "right")
    redis_only.db.config_set("requirepass", "")
    assert result.returncode == 1
    assert "NOAUTH" in result.stderr and "right" not in result.stderr


# --- watch

def test_watch_prints_frames_as_they_were_published(cvpulse, watch, redis_only):
    seen = watch("42")
    assert cvpulse("publish", "42", frame()).returncode == 0
    redis_only.db.publish("user:42:events", '{"any" :\n"thing"}')
    redis_only.db.publish("user:43:events", '{"not":"ours"}')
    wait_until(lambda: len(seen.lines) == 3)
    assert seen.lines[:2] == [f["f"] for _, f in redis_only.db.xrange("user:42:history")]
    assert seen.lines[2] == '{"any" : "thing"}'


def test_watch_ends_after_count_events(cvpulse, watch):
    seen = watch("--count", "2", "42")
    cvpulse("publish", "42", frame())
    assert seen.ends() == 0
    assert len(seen.lines) == 2


def test_watch_comes_back_after_redis_was_killed(cvpulse, watch, redis_only):
    seen = watch("42")
    redis_only.redis.kill()
    redis_only.redis.start()
    wait_until(lambda: any("connected to Redis again" in line for line in seen.complaints))
    wait_until(lambda: redis_only.db.publish("user:42:events", "{}"))
    wait_until(lambda: seen.lines)


def test_watch_ends_when_nobody_reads(cvpulse, redis_only):
    child = subprocess.Popen([BUILD / "cvpulse", "-c", "/dev/null", *cvpulse.flags, "watch", "42"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    wait_until(lambda: redis_only.db.pubsub_numsub("user:42:events")[0][1])
    child.stdout.close()
    redis_only.db.publish("user:42:events", "{}")
    assert child.wait(10) == 1


def on_a_terminal(argv, until, during):
    """What a command shows on a terminal; during() runs once something has been shown."""
    try:
        master, slave = pty.openpty()
    except OSError:
        pytest.skip("this system has no pseudo-terminals")
    child = subprocess.Popen([str(a) for a in argv], stdout=slave, stderr=slave, stdin=subprocess.DEVNULL)
    os.close(slave)
    shown, deadline = b"", time.monotonic() + 20
    while until not in shown and time.monotonic() < deadline:
        if select.select([master], [], [], 0.1)[0]:
            shown += os.read(master, 65536)
        if during and b"waiting for events" in shown:
            during()
            during = None
    child.kill()
    child.wait()
    os.close(master)
    return shown.decode()


def test_on_a_terminal_a_cv_has_one_line_that_moves(cvpulse):
    def publish():
        cvpulse("publish", "42", frame(filename="jane.pdf"))
        cvpulse("publish", "42", frame(filename="jane\x1b[2J.pdf", status="completed", progress=100))
    shown = on_a_terminal([BUILD / "cvpulse", "-c", "/dev/null", *cvpulse.flags, "watch", "42"], b"completed", publish)
    assert "processing [########............]  40%  jane.pdf" in shown
    assert "\x1b[2J" not in shown and "jane?[2J.pdf" in shown
    assert "\x1b[2A\x1b[J" in shown


# --- queue

def test_queue_shows_what_is_in_every_state_and_the_switches(cvpulse, redis_only):
    db, now = redis_only.db, int(time.time() * 1000)
    for i, state in enumerate(("waiting", "leases", "delayed", "dead")):
        db.zadd(f"{{cvq}}:{state}", {f"42/c{i}": now - 65000})
        db.hset(f"{{cvq}}:job:42/c{i}", mapping={"batch": "b7", "tries": i, "error": "timeout" if i else ""})
    shown = cvpulse("queue").stdout
    assert re.findall(r"^(\w+): (\d+)$", shown, re.M) == [("waiting", "1"), ("running", "1"), ("retrying", "1"), ("dead", "1")]
    waited = int(re.search(r"42/c0  waits for (\d+) s  batch b7, tries 0\n", shown)[1])
    given_up = int(re.search(r"42/c3  given up (\d+) s  batch b7, tries 3, error timeout\n", shown)[1])
    assert 65 <= waited <= given_up < 130
    assert cvpulse("queue", "ls", "dead", "--limit", "0").stdout == "dead: 1\n"
    assert cvpulse("queue", "pause").stdout == "paused\n"
    assert cvpulse("queue", "drain").stdout == "draining\n"
    assert re.match(r"PAUSED: .*\nDRAINING: ", cvpulse("queue").stdout)
    assert cvpulse("queue", "resume").returncode == 0
    assert re.sub(r"\d+ s ", "", cvpulse("queue").stdout) == re.sub(r"\d+ s ", "", shown)
    assert cvpulse("queue", "ls", "nosuch").returncode == 2


# --- submit

@pytest.fixture
def worker(make_stack):
    return make_stack(without=("notifier", "nginx"))


def test_submit_waits_until_every_cv_is_completed(worker):
    files = SAMPLES[:4]
    result = Command(worker)("submit", "--user", "42", "--wait", *files)
    assert (result.returncode, result.stderr) == (0, "")
    made = [line.split(maxsplit=2) for line in result.stdout.splitlines()[:4]]
    assert [name for _, _, name in made] == [str(f) for f in files]
    assert len({batch for batch, _, _ in made}) == 1
    assert len(re.findall(r" completed  \[#{20}\] 100%", result.stdout)) == 4
    journey = Journey([json.loads(f["f"]) for _, f in worker.db.xrange("user:42:history")]).check()
    assert {cv for _, cv, _ in made} == set(journey.ends())
    assert journey.frames[-1]["type"] == "batch_progress" and journey.frames[-1]["status"] == "completed"


def test_submit_says_why_a_cv_was_not_completed(worker, tmp_path):
    (tmp_path / "empty.pdf").write_bytes(b"")
    result = Command(worker)("submit", "--user", "42", "--wait", tmp_path / "empty.pdf", SAMPLES[0])
    assert result.returncode == 1
    assert "empty.pdf  The file is empty." in result.stdout
    assert "1 of 2 CVs were not completed" in result.stderr


def test_submit_adds_to_a_batch_and_makes_a_duplicate_only_by_force(worker):
    cvpulse = Command(worker)
    for extra in ([], [], ["--force"]):
        assert cvpulse("submit", "--user", "42", "--batch", "mine", "--wait", *extra, SAMPLES[0]).returncode == 0
    frames = [json.loads(f["f"]) for _, f in worker.db.xrange("user:42:history")]
    ends = [f for f in frames if f["type"] == "cv_progress" and f["status"] in TERMINAL]
    assert [bool(f.get("duplicate_of")) for f in ends] == [False, True, False]
    assert {f["batch_id"] for f in frames} == {"mine"}


def test_submit_takes_the_others_when_one_is_too_large(make_stack, tmp_path):
    worker = make_stack(without=("notifier", "nginx"), worker={"max_file_bytes": 100000})
    (tmp_path / "large.txt").write_bytes(b"x" * 3000000)
    small = tmp_path / "small.txt"
    small.write_text("Jane Doe\njane@example.org\n\nExperience\nBaker, 2019 - 2021\n")
    result = Command(worker)("submit", "--user", "42", "--wait", tmp_path / "large.txt", small)
    assert result.returncode == 1
    assert "large.txt: HTTP 413" in result.stderr and "1 of 2 files were not taken" in result.stderr
    assert " completed " in result.stdout

    def last_status():
        return [json.loads(f["f"]).get("status") for _, f in worker.db.xrange("user:42:history")][-1]
    wait_until(lambda: last_status() == "completed")  # the batch does not wait for the refused file


def test_submit_without_a_file_or_a_worker_says_so(cvpulse, tmp_path):
    missing = cvpulse("submit", tmp_path / "nosuch.pdf")
    assert missing.returncode == 1 and "nosuch.pdf: No such file or directory" in missing.stderr
    assert "no regular file" in cvpulse("submit", tmp_path).stderr
    away = cvpulse("submit", SAMPLES[0])
    assert away.returncode == 1 and f"{SAMPLES[0]}: " in away.stderr
    assert "must be http://" in cvpulse("submit", "--url", "ftp://x", SAMPLES[0]).stderr


def test_a_cv_can_be_tried_again_and_dropped(worker):
    cvpulse = Command(worker)
    _, cv, _ = cvpulse("submit", "--user", "42", "--wait", SAMPLES[0]).stdout.splitlines()[0].split(maxsplit=2)
    assert cvpulse("queue", "retry", f"42/{cv}").stdout == "tried again\n"

    def attempts_ended():
        frames = [json.loads(f["f"]) for _, f in worker.db.xrange("user:42:history")]
        return [f["attempt"] for f in frames if f["type"] == "cv_progress" and f["status"] in TERMINAL]
    wait_until(lambda: attempts_ended() == [1, 2])
    assert cvpulse("queue", "drop", f"42/{cv}").stdout == "dropped\n"
    gone = cvpulse("queue", "retry", f"42/{cv}")
    assert gone.returncode == 1 and "HTTP 404" in gone.stderr


# --- watch over HTTP

class EventStream(http.server.BaseHTTPRequestHandler):
    """Ends after the first events; whoever comes back with the last id gets one more."""

    def do_GET(self):
        self.server.seen.append((self.path, self.headers["Accept"], self.headers["Authorization"], self.headers["Last-Event-ID"]))
        if "nobody" in self.path:
            self.send_error(403)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        first = ': hello\r\n\r\nid: 1-0\r\nevent: x\r\ndata: {"a":\r\ndata: 1}\r\n\r\ndata:{"b":2}\rid:2-0\r\r'
        again = 'id: 3-0\ndata: {"c":3}\n\n'
        for byte in (again if self.headers["Last-Event-ID"] else first).encode():
            self.wfile.write(bytes([byte]))

    def log_message(self, *_):
        pass


@pytest.fixture
def event_stream():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), EventStream)
    server.seen = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_watch_follows_server_sent_events_and_comes_back_after_the_last_one(event_stream, tmp_path):
    (tmp_path / "token").write_text("secret\n")
    result = run("watch", "--url", f"http://127.0.0.1:{event_stream.server_port}/", "--token-file", tmp_path / "token", "--count", "3", "a+b@c")
    assert (result.returncode, result.stdout.splitlines()) == (0, ['{"a": 1}', '{"b":2}', '{"c":3}'])
    path = f"{BASE}/events/a%2Bb%40c"
    assert event_stream.seen == [(path, "text/event-stream", "Bearer secret", last) for last in (None, "2-0")]


def test_watch_does_not_ask_again_when_it_is_not_allowed(event_stream):
    result = run("watch", "--url", f"http://127.0.0.1:{event_stream.server_port}", "nobody")
    assert result.returncode == 1
    assert "HTTP 403" in result.stderr and len(event_stream.seen) == 1


def test_watch_sees_through_nginx_what_a_browser_sees(make_stack):
    stack = make_stack()
    seen = Watch([BUILD / "cvpulse", "-c", "/dev/null", "watch", "--url", stack.url, "--json", "demo"])
    wait_until(lambda: stack.db.pubsub_numsub("user:demo:events")[0][1], what="the notifier does not subscribe")
    assert Command(stack)("publish", "demo", frame()).returncode == 0
    wait_until(lambda: any('"cv_id":"c1"' in line for line in seen.lines))
    seen.stop()


def test_a_token_of_the_command_is_taken_and_disconnect_ends_its_connections(make_stack, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("0123456789abcdef0123456789abcdef\n")
    auth = {"mode": "jwt", "jwt_secret_file": secret, "audience": "cvpulse, other", "issuer": "login"}
    stack = make_stack(without=("worker",), auth=auth)
    flags = ["-c", "/dev/null", *settings(auth=auth, redis={"url": stack.sections["redis"]["url"]})]
    token = run(*flags, "token", "--expires", "60", "42").stdout.strip()
    stream = stack.ws("42", headers={"Authorization": f"Bearer {token}"})
    done = run(*flags, "disconnect", "42")
    assert (done.returncode, done.stdout) == (0, "told 1 notifier\n")
    assert stream.closed.wait(10) and stream.close_code == 4410


def test_a_token_needs_a_secret_and_a_disconnect_a_known_code(cvpulse):
    assert "jwt_secret_file" in cvpulse("token", "42").stderr
    assert cvpulse("token", "a b").returncode == 2
    assert cvpulse("token", "--expires", "x", "42").returncode == 2
    assert cvpulse("disconnect", "42", "4999").returncode == 2
    assert cvpulse("disconnect", "42").returncode == 1  # nobody listens
