"""From an upload to its last event, through every daemon."""
import json

import jsonschema
import pytest
import requests

from harness import ROOT, SAMPLES, Journey, batch_over, ended, wait_until

SCHEMA = json.loads((ROOT / "schema" / "resume.schema.json").read_text())
# Who is in which sample; the rest is judged by the benchmark of the parser.
PEOPLE = {"nurse-hart": "amelia.hart@example.com", "accountant-boateng": "kwame.boateng@example.co.uk",
          "teacher-okafor": "c.okafor@example.org", "chef-moreau": "eloise.moreau@exemple.fr"}


def text_cv(n):
    """A small CV, different for each n: the same bytes twice would be a duplicate."""
    return (f"cv-{n}.txt", f"Person Number {n}\nperson{n}@example.org\n\nEXPERIENCE\nClerk, Office {n}, 2019 - 2021\n".encode())


def test_twelve_mixed_files_in_one_upload(stack):
    stream = stack.ws("anna")
    files = SAMPLES[:12]
    assert {f.suffix for f in files} == {".pdf", ".docx", ".odt", ".html", ".txt"}
    answer = stack.submit("anna", files)
    assert [cv["filename"] for cv in answer["cvs"]] == [f.name for f in files]
    stream.wait(lambda frames: batch_over(frames, answer["batch_id"]), 60)
    journey = Journey(stream.frames).check()
    ids = {cv["cv_id"] for cv in answer["cvs"]}
    assert set(journey.cvs) == ids and set(journey.batches) == {answer["batch_id"]}
    for frames in journey.cvs.values():
        assert (frames[0]["status"], frames[0]["stage"]) == ("queued", "received")
    assert {f["status"] for f in journey.ends().values()} == {"completed"}
    last = journey.frames[-1]
    counts = {k: last[k] for k in ("type", "status", "progress", "total", "queued", "processing", "completed", "failed", "cancelled")}
    assert counts == {"type": "batch_progress", "status": "completed", "progress": 100, "total": 12, "queued": 0, "processing": 0,
                      "completed": 12, "failed": 0, "cancelled": 0}


def test_a_result_is_a_valid_json_resume_and_names_the_person(stack):
    stream = stack.ws("anna")
    answer = stack.submit("anna", SAMPLES)
    stream.wait(lambda frames: len(ended(frames)) == len(SAMPLES), 60)
    for cv in answer["cvs"]:
        result = stack.request("GET", f"/cvs/{cv['cv_id']}", "anna").json()
        assert (result["status"], result["progress"], result["filename"]) == ("completed", 100, cv["filename"])
        jsonschema.validate(result["resume"], SCHEMA, format_checker=jsonschema.FormatChecker())
        email = next((e for who, e in PEOPLE.items() if cv["filename"].startswith(who)), None)
        assert email is None or result["resume"]["basics"]["email"] == email, cv["filename"]


def test_a_result_is_there_before_the_browser_hears_of_it(stack):
    stream = stack.ws("anna")
    answer = stack.submit("anna", [text_cv(1)])
    end = stream.wait(lambda frames: [f for f in frames if f.get("status") == "completed" and f["type"] == "cv_progress"], 30)[0]
    got = requests.get(stack.url + end["result_url"], params={"user_id": "anna"}, timeout=5)
    assert got.status_code == 200 and got.json()["cv_id"] == answer["cvs"][0]["cv_id"]


def test_the_newest_state_is_there_for_who_comes_later(stack):
    answer = stack.submit("anna", SAMPLES[:3])
    live = stack.ws("anna", "snapshot=1")
    wait_until(lambda: stack.request("GET", f"/batches/{answer['batch_id']}", "anna").json()["progress"] == 100, 30)
    late = stack.ws("anna", "snapshot=1")
    snapshot = late.wait(lambda frames: [f for f in frames if f["type"] == "snapshot"])[0]
    assert {cv["cv_id"]: cv["status"] for cv in snapshot["cvs"]} == {cv["cv_id"]: "completed" for cv in answer["cvs"]}
    assert [b["progress"] for b in snapshot["batches"]] == [100]
    live.wait(lambda frames: any(f.get("progress") == 100 and f["type"] == "batch_progress" for f in frames) or
              any(f["type"] == "snapshot" and f["batches"][0]["progress"] == 100 for f in frames))


def test_another_users_cv_is_not_found(stack):
    answer = stack.submit("anna", [text_cv(1)])
    cv = answer["cvs"][0]["cv_id"]
    assert stack.request("GET", f"/cvs/{cv}", "anna").status_code == 200
    assert stack.request("GET", f"/cvs/{cv}", "ben").status_code == 404
    assert stack.request("GET", f"/batches/{answer['batch_id']}", "ben").status_code == 404


def test_many_files_of_one_user_do_not_delay_anothers_few(make_stack):
    stack = make_stack(worker={"slots": 2})
    a, b = stack.ws("a"), stack.ws("b")
    batch = None
    for start in range(0, 300, 50):
        batch = stack.submit("a", [text_cv(n) for n in range(start, start + 50)])["batch_id"]
    few = stack.submit("b", [text_cv(n) for n in range(3)])
    b.wait(lambda frames: len(ended(frames)) == 3, 10)
    done_before = len(ended(a.frames))
    b.wait(lambda frames: batch_over(frames, few["batch_id"]))
    a.wait(lambda frames: len(ended(frames)) == 300 and batch_over(frames, batch), 120)
    assert done_before < 300, "A was done already: this showed nothing"
    Journey(a.frames).check()
    Journey(b.frames).check()


@pytest.mark.parametrize("name, content, codes", [
    ("empty.pdf", b"", {"empty_file"}),
    ("header.pdf", b"%PDF-1.7\n", {"corrupt"}),
    ("noise.docx", bytes(range(7, 256)) * 9, {"unsupported_type", "type_mismatch"}),
    ("program.pdf", b"\x7fELF\x02\x01\x01" + b"\0" * 200, {"unsupported_type", "type_mismatch"}),
    ("half.docx", (ROOT / "docs" / "samples" / "analyst-sharma-plain.docx").read_bytes()[:9000], {"corrupt"}),
    ("blank.txt", b" \n\n \n", {"no_text"}),
])
def test_a_bad_file_ends_with_a_sentence(stack, name, content, codes):
    stream = stack.ws("anna")
    answer = stack.submit("anna", [(name, content)])
    stream.wait(lambda frames: batch_over(frames, answer["batch_id"]), 30)
    end = Journey(stream.frames).check().ends()[answer["cvs"][0]["cv_id"]]
    assert end["status"] == "failed" and end["error"]["code"] in codes and len(end["error"]["message"]) > 10
    assert stream.frames[-1]["status"] == "completed_with_errors"


@pytest.mark.parametrize("name, stage", [
    ("chef-moreau-scan.pdf", "ocr"), ("accountant-boateng-scan.png", "ocr"), ("chef-moreau-plain.doc", "extract"),
    ("chef-moreau-plain.rtf", "extract")])
def test_other_formats_become_resumes(stack, shared_samples, name, stage):
    stream = stack.ws("ocr")
    answer = stack.submit("ocr", [shared_samples / "cv" / name])
    stream.wait(lambda frames: batch_over(frames, answer["batch_id"]), 60)
    frames = Journey(stream.frames).check().cvs[answer["cvs"][0]["cv_id"]]
    assert frames[-1]["status"] == "completed"
    assert [s for s in dict.fromkeys(f["stage"] for f in frames) if s in ("extract", "ocr")][-1] == stage
    resume = stack.request("GET", f"/cvs/{frames[-1]['cv_id']}", "ocr").json()["resume"]
    jsonschema.validate(resume, SCHEMA, format_checker=jsonschema.FormatChecker())
    assert resume["basics"]["email"] == next(e for who, e in PEOPLE.items() if name.startswith(who))


def test_every_bad_file_ends_as_it_may(make_stack, shared_samples):
    stack = make_stack(worker={"slots": 2, "max_attempts": 2})
    stream = stack.ws("anna")
    expected = json.loads((shared_samples / "bad" / "expected.json").read_text())
    names, count = {}, 0
    for case in expected:
        answer = stack.submit("anna", [shared_samples / "bad" / case["file"]])
        names[answer["cvs"][0]["cv_id"]] = case
        count += 1
    stream.wait(lambda frames: len(ended(frames)) == count, 400)
    wrong = []
    for cv, end in Journey(stream.frames).check().ends().items():
        case = names[cv]
        outcome = "completed" if end["status"] == "completed" else end["error"]["code"]
        allowed = set(case["outcomes"])
        if "any" not in allowed and outcome not in allowed:
            wrong.append(f"{case['file']}: {outcome}, not {sorted(allowed)}")
    assert not wrong, "\n".join(wrong)
    assert stack.worker.child.poll() is None and stack.notifier.child.poll() is None
