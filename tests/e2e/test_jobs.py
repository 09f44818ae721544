"""POST /jobs: files that the worker fetches from addresses that others name. The other side is hostile (hostile_server.py)."""
import itertools
import json
import os
import subprocess

import pytest

from harness import BUILD, Stack, wait_until
from hostile_server import CV, hostile  # noqa: F401

MIB = 1024 * 1024
users = (f"user-{n}" for n in itertools.count())


def fetch_stack(hostile, **sections):
    fetch = {"allow": "127.0.0.1/32", "ports": f"80,{hostile.port}", "timeout_s": 1, "redirects_max": 3, **sections.pop("fetch", {})}
    worker = {"max_file_bytes": MIB, "max_attempts": 2, "retry_base_s": 0.05, **sections.pop("worker", {})}
    return Stack(without=("notifier",), fetch=fetch, worker=worker, **sections)


@pytest.fixture(scope="module")
def jobs(hostile):
    stack = fetch_stack(hostile).start()
    yield stack
    stack.finish()


def post(stack, **job):
    return stack.request("POST", "/jobs", json=job)


def take(stack, url, **more):
    """A job that is accepted: (user, cv_id, batch_id)."""
    user = more.pop("user_id", None) or next(users)
    answer = post(stack, user_id=user, url=url, **more)
    assert answer.status_code == 202, answer.text
    return user, answer.json()["cv_id"], answer.json()["batch_id"]


def end_of(stack, user, cv):
    def terminal():
        state = stack.request("GET", f"/cvs/{cv}", user).json()
        return state.get("status") in ("completed", "failed", "cancelled") and state
    return wait_until(terminal, 30, "the CV does not end")


def fetched(stack, url, **more):
    user, cv, _ = take(stack, url, **more)
    return end_of(stack, user, cv)


def code(state):
    return state["error"]["code"] if state["status"] == "failed" else state["status"]


def history(stack, user):
    return [json.loads(fields["f"]) for _, fields in stack.db.xrange(f"user:{user}:history")]


def spooled(stack, ending):
    return [p for p in (stack.folder / "spool").glob("[0-9a-f][0-9a-f]/*") if p.name.endswith(ending)]


def test_a_file_is_fetched_and_read(jobs, hostile):
    user, cv, batch = take(jobs, hostile.url("good/Jane%20Doe.txt"))
    state = end_of(jobs, user, cv)
    assert (state["status"], state["filename"], state["resume"]["basics"]["email"]) == ("completed", "Jane Doe.txt", "jane@example.org")
    assert jobs.request("GET", f"/cvs/{cv}/file", user).content == CV
    wait_until(lambda: jobs.request("GET", f"/batches/{batch}", user).json()["status"] == "completed", 10)
    statuses = [f["status"] for f in history(jobs, user) if f["type"] == "cv_progress"]
    assert statuses[0] == "queued" and statuses[-1] == "completed" and statuses.count("completed") == 1
    record = json.loads(next(p for p in spooled(jobs, ".json") if p.name == f"{cv}.json").read_text())
    assert "url" not in record and record["bytes"] == len(CV), "an address may hold a secret: it goes when it has served"


def test_batch_name_and_priority_may_be_given(jobs, hostile):
    user, cv, batch = take(jobs, hostile.url("good"), batch_id="b1", filename="../a/b.txt", priority=9)
    assert batch == "b1" and end_of(jobs, user, cv)["filename"] == "b.txt"
    assert jobs.request("GET", "/batches/b1", user).json()["status"] == "open"


def test_an_idempotency_key_makes_one_cv_only(jobs, hostile):
    user = next(users)
    first = take(jobs, hostile.url("good"), user_id=user, idempotency_key="k 1")
    end_of(jobs, *first[:2])
    assert take(jobs, hostile.url("good"), user_id=user, idempotency_key="k 1") == first
    assert take(jobs, hostile.url("good"), user_id=user, idempotency_key="k 2")[1] != first[1]
    other = take(jobs, hostile.url("good"), idempotency_key="k 1")
    assert other[1] != first[1], "keys of two users have nothing to do with each other"


@pytest.mark.parametrize("wrong", [
    {"url": ""}, {"url": "x" * 2049}, {"user_id": "a/b"}, {"user_id": None}, {"batch_id": "../x"}, {"priority": 10}, {"priority": "1"},
    {"webhooks": "http://example.org"}, {"url": 5}, {"idempotency_key": "k" * 256}])
def test_a_wrong_job_is_refused_at_once(jobs, hostile, wrong):
    answer = post(jobs, **{"user_id": "anna", "url": hostile.url("good"), **wrong})
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_field"), answer.text


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"null"])
def test_what_is_no_object_is_refused(jobs, body):
    assert jobs.request("POST", "/jobs", data=body).status_code == 422


@pytest.mark.parametrize("url", [
    "file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1:{port}/x", "dict://127.0.0.1:{port}/x", "/etc/passwd", "good",
    "http://user:pw@127.0.0.1:{port}/good", "http://user@127.0.0.1:{port}/good", "http://127.0.0.1:{port}@127.0.0.2:{port}/good",
    "http://127.0.0.1:22/", "http://127.0.0.1:6379/", "https://127.0.0.1/good", "http://",
    "http://2130706433:{port}/good", "http://0177.0.0.1:{port}/good", "http://0x7f.0.0.1:{port}/good", "http://0x7f000001:{port}/good",
    "http://127.1:{port}/good", "http://127.0.1:{port}/good", "http://127.0.0.1:{port}/a b", "http://127.0.0.1:{port}\\@x/good",
    "http://127.0.0.1:{port}/good\r\nX: y", "http://exämple.org/"])
def test_an_address_that_says_enough_is_refused_at_once(jobs, hostile, url):
    answer = post(jobs, user_id="anna", url=url.format(port=hostile.port))
    assert (answer.status_code, answer.json()["code"]) == (422, "fetch_blocked"), answer.text


@pytest.mark.parametrize("host", [
    "127.0.0.2", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "0.0.0.0", "[::]", "10.0.0.1",
    "169.254.169.254", "[fe80::1]", "[fd00::1]", "[2002:7f00:1::]"])
def test_what_is_not_public_is_not_connected_to(jobs, hostile, host):
    before = hostile.forbidden_seen
    state = fetched(jobs, hostile.url("good", host))
    assert code(state) == "fetch_blocked" and state["attempt"] == 1, state
    assert hostile.forbidden_seen == before


def test_a_name_is_judged_by_its_addresses(make_stack, hostile):
    stack = make_stack(without=("notifier",), fetch={"ports": hostile.port})
    seen = len(hostile.seen)
    assert code(fetched(stack, hostile.url("good", "localhost"))) == "fetch_blocked"
    assert len(hostile.seen) == seen


@pytest.mark.parametrize("target", [
    "http://127.0.0.2:{port}/good", "http://[::1]:{port}/good", "http://2130706434:{port}/good", "file:///etc/passwd",
    "http://user:pw@127.0.0.1:{port}/good", "http://127.0.0.1:22/", "gopher://127.0.0.1:{port}/", "//127.0.0.2:{port}/good"])
def test_a_redirect_is_judged_like_the_first_address(jobs, hostile, target):
    before = hostile.forbidden_seen
    assert code(fetched(jobs, hostile.url("to?url=" + target.format(port=hostile.port)))) == "fetch_blocked"
    assert hostile.forbidden_seen == before


def test_a_redirect_to_a_good_place_is_followed(jobs, hostile):
    assert fetched(jobs, hostile.url("to?url=/good"))["status"] == "completed"
    assert fetched(jobs, hostile.url("to?url=" + hostile.url("good")))["status"] == "completed"


@pytest.mark.parametrize("path", ["loop", "nowhere", "missing"])
def test_what_would_end_alike_is_not_tried_again(jobs, hostile, path):
    before = hostile.seen.count(f"/{path}")
    state = fetched(jobs, hostile.url(path))
    assert code(state) == "fetch_failed"
    assert hostile.seen.count(f"/{path}") - before == (4 if path == "loop" else 1)


def test_what_may_end_otherwise_is_tried_again(jobs, hostile):
    assert fetched(jobs, hostile.url("flaky"))["status"] == "completed"


@pytest.mark.parametrize("path", ["silent", "slow", "slow_head", "endless_error", "short", "cut_chunks", "negative", "nonsense", "broken"])
def test_a_bad_server_ends_by_an_event(jobs, hostile, path):
    before = hostile.seen.count(f"/{path}")
    state = fetched(jobs, hostile.url(path))
    assert code(state) == "fetch_failed" and "secret" not in json.dumps(state)
    assert hostile.seen.count(f"/{path}") - before == 2, "tried as often as max_attempts says"


@pytest.mark.parametrize("path", ["endless", "endless_chunks", "huge"])
def test_what_is_too_large_is_cut(jobs, hostile, path):
    assert code(fetched(jobs, hostile.url(path))) == "too_large"


def test_an_endless_head_is_cut(jobs, hostile):
    assert code(fetched(jobs, hostile.url("endless_head"))) == "fetch_failed"


def test_an_empty_answer_is_an_empty_file(jobs, hostile):
    assert code(fetched(jobs, hostile.url("empty"))) == "empty_file"


def test_what_is_packed_without_being_asked_stays_packed(jobs, hostile):
    user, cv, _ = take(jobs, hostile.url("bomb"))
    end_of(jobs, user, cv)
    assert len(jobs.request("GET", f"/cvs/{cv}/file", user).content) < MIB


def test_nothing_half_fetched_stays(jobs):
    wait_until(lambda: not spooled(jobs, ".tmp"), 10, "temporary files stay")
    cvs = {p.name.split(".")[0] for p in spooled(jobs, ".json")}
    assert {p.name.split(".")[0] for p in spooled(jobs, ".file")} <= cvs


def test_a_person_may_try_again(make_stack, hostile):
    stack = make_stack(without=("notifier",), fetch={"allow": "127.0.0.1", "ports": hostile.port}, worker={"max_attempts": 1})
    user, cv, _ = take(stack, hostile.url("broken"))
    assert code(end_of(stack, user, cv)) == "fetch_failed"
    hostile.broken, old = hostile.good, hostile.broken
    try:
        assert stack.request("POST", f"/cvs/{cv}/retry", user).status_code == 202
        wait_until(lambda: stack.request("GET", f"/cvs/{cv}", user).json()["status"] == "completed", 20)
    finally:
        hostile.broken = old


def test_a_worker_killed_while_it_fetches_loses_nothing(make_stack, hostile):
    stack = make_stack(without=("notifier",), fetch={"allow": "127.0.0.1", "ports": hostile.port, "timeout_s": 60},
                       worker={"lease_s": 1, "sweep_s": 0.2, "retry_base_s": 0.05})
    user, cv, _ = take(stack, hostile.url("silent"))
    wait_until(lambda: "/silent" in hostile.seen[-1:], 10)
    stack.worker.kill()
    hostile.silent, old = hostile.good, hostile.silent
    try:
        stack.worker.start()
        assert end_of(stack, user, cv)["status"] == "completed"
    finally:
        hostile.silent = old


def test_only_a_service_may_hand_over(make_stack, hostile, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("s" * 40)
    stack = make_stack(without=("notifier",), auth={"mode": "jwt", "jwt_secret_file": secret}, fetch={"allow": "127.0.0.1", "ports": hostile.port})

    def token(*flags):
        argv = [BUILD / "cvpulse", "-c", "/dev/null", "--set", f"auth.jwt_secret_file={secret}", "token", *flags, "anna"]
        return subprocess.run([str(a) for a in argv], capture_output=True, text=True, check=True).stdout.strip()

    def status(*flags):
        return stack.request("POST", "/jobs", json={"user_id": "eve", "url": hostile.url("good")},
                             headers={"Authorization": f"Bearer {token(*flags)}"}).status_code
    assert status() == 403
    assert status("--scope", "service") == 202


REBIND = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>

/* The first answer for rebind.test is the allowed address, every later one is another. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
	static int asked;
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = dlsym(RTLD_NEXT, "getaddrinfo");

	if (node && strcmp(node, "rebind.test") == 0)
		node = asked++ ? "127.0.0.2" : "127.0.0.1";
	return real(node, service, hints, out);
}
"""


@pytest.mark.skipif("asan" in BUILD.name, reason="a preloaded library goes before the sanitizer's")
def test_a_name_that_moves_elsewhere_is_judged_anew(hostile, tmp_path):
    (tmp_path / "rebind.c").write_text(REBIND)
    library = tmp_path / "rebind.so"
    subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-o", library, tmp_path / "rebind.c", "-ldl"], check=True)
    stack = fetch_stack(hostile, worker={"retry_base_s": 0.05})
    stack.worker.environment["LD_PRELOAD"] = str(library)
    stack.start()
    try:
        before, seen = hostile.forbidden_seen, hostile.seen.count("/good")
        assert fetched(stack, hostile.url("good", "rebind.test"))["status"] == "completed"
        assert code(fetched(stack, hostile.url("good", "rebind.test"))) == "fetch_blocked"
        assert (hostile.seen.count("/good"), hostile.forbidden_seen) == (seen + 1, before)
    finally:
        stack.finish()
