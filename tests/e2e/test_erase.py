"""Forgetting: after DELETE /cvs/{id} or DELETE /users/{id} no byte of a CV stays in spool, Redis or logs. Markers stand in
the content, the name and the address of each file, and everything below the stack's folder is searched for them."""
import json
import subprocess

import jsonschema
import pytest
from redis import ResponseError

from harness import BUILD, ROOT, wait_until
from hostile_server import hostile  # noqa: F401

EVENTS = json.loads((ROOT / "schema" / "events.schema.json").read_text())


@pytest.fixture
def make_erasable(make_stack, hostile):
    def make(**worker):
        return make_stack(without=("notifier",), worker={"retry_base_s": 0.05, "max_attempts": 1, "lease_s": 1, "sweep_s": 0.2, **worker},
                          fetch={"allow": "127.0.0.1", "ports": hostile.port, "timeout_s": 1}, inbox={"poll_s": 0.02})
    return make


def cv(marker):
    """A CV that reads well; its marker is in its name, in its text and in what is found there."""
    text = f"{marker} Doe\n{marker}@example.org\n\nExperience\n2019 - 2021 Engineer {marker}, Example Ltd\n\nSkills\n{marker}, Python\n"
    return (f"{marker}.txt", text.encode())


def rewritten(stack):
    """Redis' files hold what it knows now, and nothing older."""
    def rewrite():
        try:
            return stack.db.bgrewriteaof()
        except ResponseError:
            return False  # one is under way
    wait_until(rewrite, 20)
    wait_until(lambda: not stack.db.info("persistence")["aof_rewrite_in_progress"], 20)
    stack.db.save()


def found(stack, marker):
    """The files below the stack's folder that hold the marker, in whatever case."""
    result = subprocess.run(["grep", "-rliaF", "--exclude=*.sock", marker, "."], cwd=stack.folder, capture_output=True, text=True, check=False)
    names = subprocess.run(["find", ".", "-iname", f"*{marker}*"], cwd=stack.folder, capture_output=True, text=True, check=True)
    return sorted(set(result.stdout.split() + names.stdout.split()))


def wait_end(stack, user, cv_id):
    def state():
        answer = stack.request("GET", f"/cvs/{cv_id}", user).json()
        return answer.get("status") in ("completed", "failed", "cancelled") and answer
    return wait_until(state, 30, "the CV does not end")


def submit(stack, user, marker, **fields):
    return stack.submit(user, [cv(marker)], **fields)["cvs"][0]["cv_id"]


def history(stack, user):
    return [(name, json.loads(fields["f"])) for name, fields in stack.db.xrange(f"user:{user}:history")]


def gone(stack, *markers):
    rewritten(stack)
    for marker in markers:
        wait_until(lambda: not found(stack, marker), 10, lambda: f"{marker} stays in {found(stack, marker)}")


def test_the_search_finds_a_marker_everywhere(make_erasable):
    stack = make_erasable()
    cv_id = submit(stack, "anna", "Quokkamarker")
    assert wait_end(stack, "anna", cv_id)["status"] == "completed"
    rewritten(stack)
    places = found(stack, "Quokkamarker")
    assert any(p.endswith(".file") for p in places) and any(p.endswith(".json") for p in places) and any(p.endswith(".result") for p in places)
    assert any("appendonlydir" in p for p in places) and "./dump.rdb" in places
    assert not any(p.endswith(".log") for p in places), "a log names no file and no content"


def test_an_erased_cv_leaves_nothing_and_the_others_stay(make_erasable):
    stack = make_erasable()
    ids = {marker: submit(stack, "anna", marker, batch_id="b") for marker in ("Quokkamarker", "Numbatmarker")}
    for cv_id in ids.values():
        assert wait_end(stack, "anna", cv_id)["status"] == "completed"
    before = history(stack, "anna")
    newest = stack.db.xinfo_stream("user:anna:history")["last-generated-id"]
    assert stack.request("DELETE", f"/cvs/{ids['Quokkamarker']}", "anna").status_code == 204
    after = history(stack, "anna")
    assert [(n, f["id"], f["prev"], f["type"]) for n, f in after] == [(n, f["id"], f["prev"], f["type"]) for n, f in before]
    for (_, was), (_, now) in zip(before, after):
        assert was == now or was["cv_id"] == ids["Quokkamarker"]
        jsonschema.validate(now, EVENTS)
    assert [f["status"] for _, f in after] == [f["status"] for _, f in before]
    assert stack.db.xinfo_stream("user:anna:history")["last-generated-id"] == newest
    assert stack.db.ttl("user:anna:history") > 0
    gone(stack, "Quokkamarker")
    assert found(stack, "Numbatmarker")
    assert stack.request("GET", f"/cvs/{ids['Quokkamarker']}", "anna").status_code == 404
    assert wait_end(stack, "anna", ids["Numbatmarker"])["resume"]
    third = submit(stack, "anna", "Bilbymarker", batch_id="b")
    wait_end(stack, "anna", third)
    names = [f["id"] for _, f in history(stack, "anna")]
    assert [f["prev"] for _, f in history(stack, "anna")][1:] == names[:-1], "ids and their order go on"


def test_a_cv_that_waits_or_failed_leaves_nothing(make_erasable):
    stack = make_erasable()
    failed = stack.submit("anna", [("Wombatmarker.pdf", b"Wombatmarker is no PDF")])["cvs"][0]["cv_id"]
    assert wait_end(stack, "anna", failed)["status"] == "failed"
    stack.db.set("{cvq}:paused", 1)
    waiting = submit(stack, "anna", "Dingomarker")
    for cv_id in (failed, waiting):
        assert stack.request("DELETE", f"/cvs/{cv_id}", "anna").status_code == 204
    gone(stack, "Wombatmarker", "Dingomarker")
    for _, frame in history(stack, "anna"):
        jsonschema.validate(frame, EVENTS)


def test_a_cv_that_is_being_read_leaves_nothing(make_erasable):
    """Its worker stores a result, or does not, in the very moment."""
    stack = make_erasable(slots=2)
    markers = [f"Marker{n}x" for n in range(20)]
    accepted = [submit(stack, "anna", marker, batch_id="b") for marker in markers]
    for cv_id in accepted:
        assert stack.request("DELETE", f"/cvs/{cv_id}", "anna").status_code == 204
    wait_until(lambda: not stack.db.keys("{cvq}:job:*"), 20, "jobs stay in the queue")
    gone(stack, *markers)
    assert not [p for p in (stack.folder / "spool").glob("*/*") if p.parent.name != "workers"]


def test_an_erased_user_leaves_nothing_and_others_stay(make_erasable, hostile):
    stack = make_erasable()
    other = submit(stack, "bert", "Numbatmarker")
    done = submit(stack, "anna", "Quokkamarker", batch_id="b1")
    assert wait_end(stack, "anna", done)["status"] == wait_end(stack, "bert", other)["status"] == "completed"
    submit(stack, "anna", "Quokkamarker", batch_id="b1")  # a duplicate
    job = {"user_id": "anna", "url": hostile.url("silent?Koalamarker"), "filename": "Koalamarker.txt", "idempotency_key": "Koalamarker"}
    fetched = stack.request("POST", "/jobs", json=job).json()["cv_id"]
    assert wait_end(stack, "anna", fetched)["status"] == "failed"  # a dead letter
    stack.db.set("{cvq}:paused", 1)
    submit(stack, "anna", "Dingomarker")
    stack.db.xadd("{cvq}:inbox", {"user": "anna", "url": "x" * 3000, "filename": "Potoromarker"})
    wait_until(lambda: stack.db.xlen("{cvq}:inbox:dead"), 10)
    stack.worker.stop()
    stack.db.xadd("{cvq}:inbox", {"user": "anna", "url": "http://Emumarker/"})
    kept = stack.db.xadd("{cvq}:inbox", {"user": "annabel", "url": "http://127.0.0.2/"})
    stack.db.set("{cvq}:draining", 1)
    stack.worker.start()

    answer = stack.request("DELETE", "/users/anna", "bert")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["user_id"], told["files"]) == ("anna", 4) and told["jobs"] == 2 and told["inbox_entries"] == 2 and told["keys"] > 3, told
    gone(stack, "Quokkamarker", "Koalamarker", "Dingomarker", "Potoromarker", "Emumarker")
    assert [k for k in stack.db.keys("*anna*")] == ["user:anna:erased"] and 0 < stack.db.ttl("user:anna:erased") <= 62
    assert stack.db.zrange("{cvq}:dead", 0, -1) == [] and stack.db.smembers("{cvq}:live:anna") == set()
    assert [name for name, _ in stack.db.xrange("{cvq}:inbox")] == [kept]
    assert found(stack, "Numbatmarker") and wait_end(stack, "bert", other)["resume"]
    again = stack.request("DELETE", "/users/anna", "bert").json()
    assert (again["files"], again["jobs"], again["keys"]) == (0, 0, 0)


def test_an_erased_user_may_come_back(make_erasable):
    stack = make_erasable()
    wait_end(stack, "anna", submit(stack, "anna", "Quokkamarker"))
    assert stack.request("DELETE", "/users/anna", "bert").status_code == 200
    again = submit(stack, "anna", "Quokkamarker")
    assert wait_end(stack, "anna", again)["status"] == "completed"
    assert not any(f.get("duplicate_of") for _, f in history(stack, "anna")), "what was erased is not known any more"


def test_a_user_with_running_jobs_leaves_nothing(make_erasable):
    stack = make_erasable(slots=2)
    markers = [f"Marker{n}x" for n in range(20)]
    stack.submit("anna", [cv(marker) for marker in markers])
    assert stack.request("DELETE", "/users/anna", "bert").status_code == 200
    # Whoever had a job hears at its next renewal that it is lost.
    wait_until(lambda: json.loads(stack.admin("worker", "/api/stats")[1])["running"] == 0, 20)
    gone(stack, *markers)
    assert stack.db.keys("*anna*") == ["user:anna:erased"]
    assert not [p for p in (stack.folder / "spool").glob("*/*") if p.parent.name != "workers"]


def test_only_a_service_may_erase_people(make_stack, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("s" * 40)
    stack = make_stack(without=("notifier",), auth={"mode": "jwt", "jwt_secret_file": secret})

    def status(*flags):
        argv = [BUILD / "cvpulse", "-c", "/dev/null", "--set", f"auth.jwt_secret_file={secret}", "token", *flags, "anna"]
        token = subprocess.run([str(a) for a in argv], capture_output=True, text=True, check=True).stdout.strip()
        return stack.request("DELETE", "/users/anna", headers={"Authorization": f"Bearer {token}"}).status_code
    assert status() == 403
    assert status("--scope", "service") == 200
