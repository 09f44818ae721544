"""Webhooks: how each CV ended is told to an address of the operator's, signed, again and again until it was heard."""
import base64
import hashlib
import hmac
import json
import re
import subprocess
import textwrap
import threading
import time

import jsonschema
import pytest
import yaml

from harness import BUILD, ROOT, settings, wait_until
from hostile_server import hostile  # noqa: F401
from services import Service

KEY = bytes(range(24))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
JANE = b"Jane Doe\nClerk\njane@example.org\n\nExperience\nClerk, Acme Ltd, 2019 - 2021\n"
EVENTS = json.loads((ROOT / "schema" / "events.schema.json").read_text())
WEBHOOK = yaml.safe_load((ROOT / "schema" / "openapi.yaml").read_text())["components"]["schemas"]["webhook"]
QUICK = {"allow": "127.0.0.0/8", "poll_s": 0.05, "retry_base_s": 0.05}


@pytest.fixture
def service():
    services = []

    def make(answer=lambda number, body: (204, [])):
        services.append(Service(answer))
        return services[-1]
    yield make
    for each in services:
        each.close()


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret"
    path.write_text(SECRET + "\n")
    return path


@pytest.fixture
def start(make_ingest, secret):
    def make(service, paused=False, processor=None, **webhook):
        return make_ingest(paused, processor=processor, webhook={"url": service.url, "secret_file": secret, **QUICK, **webhook})
    return make


def upload(stack, content=JANE, name="jane.txt", user="u1", **fields):
    return stack.submit(user, [(name, content)], **fields)["cvs"][0]["cv_id"]


def check_signature(headers, body):
    """As a receiver does it that knows the specification and not our code."""
    content = headers["webhook-id"].encode() + b"." + headers["webhook-timestamp"].encode() + b"." + body
    mine = base64.b64encode(hmac.new(KEY, content, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == "v1," + mine
    assert abs(time.time() - int(headers["webhook-timestamp"])) < 60
    assert headers["Content-Type"] == "application/json"


def told(receiver):
    """What came, by CV; each signed well, with an id of its own."""
    events = {}
    for headers, body in receiver.requests:
        check_signature(headers, body)
        event = json.loads(body)
        jsonschema.validate(event, WEBHOOK)
        jsonschema.validate(event["data"], {**EVENTS, "$ref": "#/$defs/cv_progress"}, jsonschema.Draft202012Validator)
        assert headers["webhook-id"] == f"{event['data']['cv_id']}-{event['data']['attempt']}"
        events.setdefault(event["data"]["cv_id"], []).append(event)
    return events


def nothing_waits(stack):
    wait_until(lambda: set(stack.db.keys("{cvq}:hook*")) <= {"{cvq}:hooks:told"}, 30, lambda: str(stack.db.keys("{cvq}:hook*")))


def cvpulse(*arguments, stack=None, **sections):
    if stack:
        sections["redis"] = stack.sections["redis"]
    return subprocess.run([BUILD / "cvpulse", "-c", "/dev/null", *settings(**sections), *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, check=False)


def test_each_end_is_told_once_signed_and_as_the_browser_sees_it(start, service):
    receiver = service()
    stack = start(receiver)
    good = upload(stack, name="Jürgen geheim.txt")
    bad = upload(stack, b"\x7fELF" + bytes(100), "x.pdf")
    wait_until(lambda: set(told(receiver)) == {good, bad}, 60)
    same = upload(stack)
    stack.db.set("{cvq}:paused", 1)
    dropped = upload(stack, force="1", batch_id="later")
    assert stack.request("POST", "/batches/later/cancel", "u1").status_code == 200
    wait_until(lambda: len(told(receiver)) == 4, 60)
    nothing_waits(stack)
    events = told(receiver)
    assert [len(events[cv]) for cv in (good, bad, same, dropped)] == [1, 1, 1, 1]
    event = {cv: each[0] for cv, each in events.items()}
    assert [event[cv]["type"] for cv in (good, bad, same, dropped)] == ["cv.completed", "cv.failed", "cv.completed", "cv.cancelled"]
    frames = {f["cv_id"]: f for _, row in stack.db.xrange("user:u1:history") for f in [json.loads(row["f"])] if f["type"] == "cv_progress"}
    assert all(event[cv]["data"] == frames[cv] and event[cv]["timestamp"] == frames[cv]["ts"] for cv in event)
    assert event[good]["data"]["result"]["name"] == "Jane Doe" and event[good]["data"]["result_url"].endswith(f"/cvs/{good}")
    assert event[bad]["data"]["error"]["code"] == "type_mismatch" and event[same]["data"]["duplicate_of"] == good
    assert stack.request("POST", f"/cvs/{bad}/retry", "u1").status_code == 202
    stack.db.delete("{cvq}:paused")
    wait_until(lambda: len(told(receiver)[bad]) == 2, 60)
    assert [e["data"]["attempt"] for e in told(receiver)[bad]] == [1, 2]
    metrics = stack.admin("worker", "/metrics")[1]
    assert 'cvpulse_webhooks_total{result="delivered"} 5' in metrics
    log = stack.worker.output()
    assert SECRET not in log and SECRET[6:] not in log and "geheim" not in log


def test_what_is_not_heard_comes_again_under_the_same_id_and_a_redirect_is_not_followed(start, service):
    go_on, elsewhere = threading.Event(), service()
    answers = [(500, [b"x" * 2_000_000]), (302, []), (429, []), None, (200, [b"y" * 500_000])]

    def answer(number, body):
        if answers[number - 1] is None:
            go_on.wait(60)
            return 200, []
        return answers[number - 1]
    receiver = service(answer)
    receiver.headers = {"Location": elsewhere.url}
    stack = start(receiver, timeout_s=0.5)
    cv = upload(stack)
    wait_until(lambda: len(receiver.requests) == 5, 60)
    go_on.set()
    nothing_waits(stack)
    assert len(told(receiver)[cv]) == 5 and len({headers["webhook-id"] for headers, _ in receiver.requests}) == 1
    assert len({body for _, body in receiver.requests}) == 1 and not elsewhere.requests
    metrics = stack.admin("worker", "/metrics")[1]
    assert 'cvpulse_webhooks_total{result="failed"} 4' in metrics and 'cvpulse_webhooks_total{result="delivered"} 1' in metrics
    assert stack.worker.output().count('"webhooks_fail"') == 1 and '"webhooks_heard_again"' in stack.worker.output()


def test_a_dead_letter_is_shown_sent_again_by_hand_bounded_and_erased(start, service):
    status = [503]
    receiver = service(lambda number, body: (status[0], []))
    stack = start(receiver, give_up_s=0.001, dead_max=2)
    cvs = [upload(stack, force="1") for _ in range(3)]
    wait_until(lambda: len(told(receiver)) == 3 and stack.db.zcard("{cvq}:hooks") == 0, 60)
    assert stack.db.zcard("{cvq}:hooks:dead") == 2 and len(stack.db.keys("{cvq}:hook:*")) == 2
    assert stack.request("GET", f"/cvs/{cvs[0]}", "u1").json()["status"] == "completed"
    stats = json.loads(stack.admin("worker", "/api/stats")[1])
    assert (stats["webhooks_waiting"], stats["webhooks_dead"]) == (0, 2)
    shown = cvpulse("webhook", "ls", stack=stack)
    assert shown.returncode == 0 and "waiting: 0\n" in shown.stdout and "dead: 2\n" in shown.stdout and "503" in shown.stdout
    names = stack.db.zrange("{cvq}:hooks:dead", 0, -1)
    assert all(name in shown.stdout for name in names)
    status[0] = 410
    again = cvpulse("webhook", "retry", names[0], stack=stack)
    assert again.returncode == 0, again.stderr
    wait_until(lambda: stack.db.hget(f"{{cvq}}:hook:{names[0]}", "error") == "410", 60)
    status[0] = 200
    assert cvpulse("webhook", "retry", "all", stack=stack).stdout == "2 are sent again\n"
    nothing_waits(stack)
    assert cvpulse("webhook", "retry", names[0], stack=stack).returncode == 1
    status[0] = 503
    kept, erased = upload(stack, force="1"), upload(stack, force="1")
    wait_until(lambda: stack.db.zcard("{cvq}:hooks:dead") == 2, 60)
    assert stack.request("DELETE", f"/cvs/{erased}", "u1").status_code == 204
    wait_until(lambda: stack.db.zrange("{cvq}:hooks:dead", 0, -1) == [f"u1/{kept}"], 30)
    assert stack.request("DELETE", "/users/u1").status_code == 200
    assert not stack.db.keys("{cvq}:hook*")


def test_a_running_cv_that_is_cancelled_is_told_once(start, service):
    go_on, receiver = threading.Event(), service()

    def hold(number, body):
        go_on.wait(60)
        return 204, []
    processor = service(hold)
    stack = start(receiver, processor={"url": processor.url})
    cv = upload(stack, batch_id="b")
    wait_until(lambda: processor.requests, 30)  # from here on there is no progress
    assert stack.request("POST", "/batches/b/cancel", "u1").status_code == 200
    wait_until(lambda: '"end":"over"' in stack.worker.output() or '"end":"cancelled"' in stack.worker.output(), 30)
    wait_until(lambda: cv in told(receiver), 30)
    nothing_waits(stack)
    assert len(told(receiver)[cv]) == 1
    go_on.set()


def test_of_a_running_cv_that_is_erased_nothing_is_told_afterwards(start, service):
    go_on, receiver = threading.Event(), service()

    def hold(number, body):
        go_on.wait(60)
        return 204, []
    processor = service(hold)
    stack = start(receiver, processor={"url": processor.url}, poll_s=60)
    cv = upload(stack)
    wait_until(lambda: processor.requests, 30)  # from here on there is no progress
    assert stack.request("DELETE", f"/cvs/{cv}", "u1").status_code == 204
    wait_until(lambda: '"end":"over"' in stack.worker.output() or '"end":"cancelled"' in stack.worker.output(), 30)
    wait_until(lambda: not stack.db.zcard("{cvq}:leases"), 30)
    assert not stack.db.zcard("{cvq}:hooks") and not stack.db.keys("{cvq}:hook:*")
    go_on.set()


def test_a_slow_receiver_holds_nobody_else_up_and_one_is_left_alone_as_long_as_it_asks(make_ingest, service, secret, hostile):
    go_on, everybody, busy = threading.Event(), service(), service(lambda number, body: (503, []))

    def hold(number, body):
        go_on.wait(60)
        return 204, []
    slow, busy.headers = service(hold), {"Retry-After": "3600"}
    stack = make_ingest(webhook={"url": everybody.url, "secret_file": secret, **QUICK, "at_once": 2, "timeout_s": 60},
                        fetch={"allow": "127.0.0.0/8", "ports": hostile.port})

    def hand_over(receiver):
        return stack.request("POST", "/jobs", json={"user_id": "u1", "url": hostile.url("missing"), "webhook": receiver.url}).json()["cv_id"]
    cvs = {hand_over(slow) for _ in range(3)}
    wait_until(lambda: slow.requests and stack.db.zcard("{cvq}:hooks") == 3, 30)
    other = upload(stack)
    wait_until(lambda: other in told(everybody), 30)
    name = f"u1/{hand_over(busy)}"
    wait_until(lambda: stack.db.hget(f"{{cvq}}:hook:{name}", "error") == "503", 30)
    assert 3000 < stack.db.zscore("{cvq}:hooks", name) / 1000 - time.time() < 3700 and len(busy.requests) == 1
    assert len(slow.requests) == 1
    go_on.set()
    wait_until(lambda: set(told(slow)) == cvs and stack.db.zrange("{cvq}:hooks", 0, -1) == [name], 30)
    assert len(slow.requests) == 3


def test_a_worker_that_is_killed_loses_no_webhook(start, service):
    go_on = threading.Event()

    def answer(number, body):
        if number == 1:
            go_on.wait(60)
        return 200, []
    receiver = service(answer)
    stack = start(receiver, paused=True)
    cv = upload(stack)
    name = f"u1/{cv}"
    # As if a worker had died between writing it down and publishing the end.
    stack.db.hset(f"{{cvq}}:hook:{name}", mapping={"batch": stack.db.hget(f"{{cvq}}:job:{name}", "batch"), "attempt": 1, "tries": 0,
                                                  "made_ms": int(time.time() * 1000)})
    stack.db.zadd("{cvq}:hooks", {name: 0})
    wait_until(lambda: stack.db.zscore("{cvq}:hooks", name) > 0 and stack.db.hget(f"{{cvq}}:hook:{name}", "tries") == "0", 30)
    assert not receiver.requests
    stack.db.delete("{cvq}:paused")
    wait_until(lambda: receiver.requests, 60)
    assert stack.request("GET", f"/cvs/{cv}", "u1").json()["status"] == "completed"
    stack.worker.kill()
    go_on.set()
    stack.worker.start()
    stack.db.zadd("{cvq}:hooks", {name: 0}, xx=True)  # the dead worker's lease is over
    nothing_waits(stack)
    assert len(told(receiver)[cv]) == 2 and len({headers["webhook-id"] for headers, _ in receiver.requests}) == 1


def test_a_worker_that_stops_does_not_wait_for_a_receiver(start, service):
    go_on = threading.Event()

    def answer(number, body):
        go_on.wait(60)
        return 200, []
    receiver = service(answer)
    stack = start(receiver)
    upload(stack)
    wait_until(lambda: receiver.requests, 60)
    assert stack.worker.stop() == 0
    go_on.set()
    assert stack.db.zcard("{cvq}:hooks") == 1


def test_no_address_of_the_inside_is_told_and_no_more_wait_than_may(start, service):
    receiver = service()
    stack = start(receiver, allow="10.0.0.0/8", pending_max=1, retry_base_s=60)
    first = upload(stack)
    wait_until(lambda: stack.db.hget(f"{{cvq}}:hook:u1/{first}", "error") == "address_not_allowed", 60)
    second = upload(stack, force="1")
    wait_until(lambda: stack.request("GET", f"/cvs/{second}", "u1").json()["status"] == "completed", 60)
    assert stack.db.zrange("{cvq}:hooks", 0, -1) == [f"u1/{first}"] and not receiver.requests
    assert 'cvpulse_webhooks_total{result="dropped"} 1' in stack.admin("worker", "/metrics")[1]


def test_a_job_names_who_is_told_of_its_end(make_ingest, service, secret, hostile):
    everybody, mine = service(), service()
    stack = make_ingest(webhook={"url": everybody.url, "secret_file": secret, **QUICK}, fetch={"allow": "127.0.0.0/8", "ports": hostile.port})
    job = {"user_id": "u1", "url": hostile.url("missing"), "webhook": mine.url + "?token=geheim"}
    cv = stack.request("POST", "/jobs", json=job).json()["cv_id"]
    wait_until(lambda: cv in told(mine), 60)
    assert stack.request("POST", f"/cvs/{cv}/retry", "u1").status_code == 202
    wait_until(lambda: len(told(mine)[cv]) == 2, 60)
    assert [e["type"] for e in told(mine)[cv]] == ["cv.failed"] * 2 and [e["data"]["attempt"] for e in told(mine)[cv]] == [1, 2]
    stack.db.xadd("{cvq}:inbox", {"user": "u2", "url": hostile.url("good"), "webhook": mine.url})
    wait_until(lambda: len(told(mine)) == 2, 60)
    other = upload(stack)
    wait_until(lambda: set(told(everybody)) == {other}, 60)
    nothing_waits(stack)
    assert "geheim" not in stack.worker.output()
    for wrong in ("ftp://127.0.0.1/", "http://u:p@127.0.0.1/", "http://a b/", "x", "http://127.0.0.1/" + "x" * 2048, 5):
        answer = stack.request("POST", "/jobs", json={**job, "webhook": wrong})
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_field"), wrong


def test_without_a_secret_no_job_may_name_who_is_told(make_ingest, hostile):
    answer = make_ingest().request("POST", "/jobs", json={"user_id": "u1", "url": hostile.url("good"), "webhook": "http://example.org/"})
    assert answer.status_code == 422 and "secret_file" in answer.json()["detail"]


@pytest.mark.parametrize("text", ["hello", "whsec_", "whsec_c2hvcnQ=", ""])
def test_a_bad_secret_is_a_configuration_error_that_does_not_show_it(secret, text):
    secret.write_text(text)
    worker = subprocess.run([BUILD / "cvpulse-worker", "-c", "/dev/null", "--check", *settings(
        auth={"mode": "none"}, webhook={"url": "http://127.0.0.1:1/", "secret_file": secret})], capture_output=True, text=True, timeout=60, check=False)
    assert worker.returncode == 2 and "openssl rand -base64 24" in worker.stderr
    assert not text or text not in worker.stderr.replace("whsec_ and", "").replace("'whsec_", "").replace(str(secret), "")


def test_webhooks_without_a_secret_are_a_configuration_error():
    check = cvpulse("checkconfig", webhook={"url": "http://127.0.0.1:1/"})
    assert check.returncode == 2 and "[webhook] url needs [webhook] secret_file" in check.stderr + check.stdout


def test_the_command_sends_one_that_a_receiver_can_check(service, secret):
    receiver = service()
    sent = cvpulse("webhook", "test", receiver.url, "--secret-file", secret)
    assert sent.returncode == 0 and f"{receiver.url} took it after" in sent.stdout, sent.stderr
    headers, body = receiver.requests[0]
    check_signature(headers, body)
    assert json.loads(body)["type"] == "webhook.test" and "127.0.0.1" in sent.stdout and "webhook.allow" in sent.stdout
    configured = cvpulse("webhook", "test", webhook={"url": receiver.url, "secret_file": secret, "allow": "127.0.0.0/8"})
    assert configured.returncode == 0 and "webhook.allow" not in configured.stdout
    refusing = service(lambda number, body: (401, []))
    refused = cvpulse("webhook", "test", refusing.url, "--secret-file", secret)
    assert refused.returncode == 1 and "401" in refused.stderr and SECRET[6:] not in refused.stderr + sent.stdout
    refusing.close()
    gone = cvpulse("webhook", "test", refusing.url, "--secret-file", secret)
    assert gone.returncode == 1 and "no_connection" in gone.stderr


def example(language):
    page = (ROOT / "docs" / "webhooks.md").read_text()
    return textwrap.dedent(re.search(rf"### {language}\n\n((?:    .*\n|\n)+)", page).group(1))


def test_the_examples_of_the_guide_tell_ours_from_others(service, secret):
    receiver = service()
    other = base64.b64encode(bytes(24)).decode()
    secret.write_text(f"whsec_{other}\n{SECRET}\n")  # the secret is being changed
    assert cvpulse("webhook", "test", receiver.url, "--secret-file", secret).returncode == 0
    headers, body = receiver.requests[0]
    assert len(headers["webhook-signature"].split(" ")) == 2
    requests = [(headers, body.decode()), (headers, body.decode() + " "), ({**headers, "webhook-id": "x"}, body.decode()),
                ({**headers, "webhook-timestamp": str(int(time.time()) - 1000)}, body.decode()), ({**headers, "webhook-signature": "v1,"}, body.decode())]
    scope = {}
    exec(example("Python"), scope)
    assert [scope["verify"](SECRET, h, b.encode()) for h, b in requests] == [True, False, False, False, False]
    code = example("Node") + f"console.log(JSON.stringify({json.dumps(requests)}.map(([h, b]) => verify({json.dumps(SECRET)}, h, Buffer.from(b)))))"
    said = subprocess.run(["node", "-e", code], capture_output=True, text=True, timeout=60, check=True).stdout
    assert json.loads(said) == [True, False, False, False, False]


@pytest.mark.parametrize("arguments", [["test"], ["test", "http://127.0.0.1:1/"], ["test", "ftp://x/", "--secret-file", "/dev/null"], ["test", "a", "b"],
                                       ["nothing"], ["retry"], ["retry", "x"]])
def test_a_wrong_call_says_what_is_wrong(arguments):
    called = cvpulse("webhook", *arguments)
    assert called.returncode == 2 and called.stderr.startswith("cvpulse webhook: ")
