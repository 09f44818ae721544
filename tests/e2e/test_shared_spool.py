"""Two workers that share a spool directory and a Redis: each goes on with what the other took in."""
import json

import pytest

from harness import BASE, wait_until
from test_ingest_http import FILE_PART
from test_kills import TUS
from test_tus import STREAM, half_sent, metadata, part_size, spooled
from workers import ask, other_worker

CV = b"Jane Doe\njane@example.org\n\nExperience\n2019 - 2021 Engineer, Example Ltd\n"


@pytest.fixture
def pair(make_stack):
    """`worker` only takes in; `other` does both."""
    stack = make_stack(without=("notifier", "nginx"), worker={"roles": "ingest", "lease_s": 1, "ocr_slots": 0})
    stack.other = other_worker(stack, roles="ingest,process")
    return stack


def state_at(stack, name, cv_id):
    return json.loads(ask(stack, name, "GET", f"/cvs/{cv_id}")[1])


def test_what_one_takes_in_the_other_reads_shows_and_erases(pair):
    body = FILE_PART + CV + b"\r\n--XX--\r\n"
    answer, said = ask(pair, "worker", "POST", "/cvs", body, Content_Type="multipart/form-data; boundary=XX")
    assert answer.status == 202, said
    cv_id = json.loads(said)["cvs"][0]["cv_id"]
    wait_until(lambda: state_at(pair, "worker", cv_id)["status"] == "completed", 30, "the other does not read it")
    assert state_at(pair, "other", cv_id) == state_at(pair, "worker", cv_id)
    assert state_at(pair, "worker", cv_id)["resume"]["basics"]["email"] == "jane@example.org"
    assert ask(pair, "other", "GET", f"/cvs/{cv_id}/file")[1] == CV
    assert ask(pair, "other", "DELETE", f"/cvs/{cv_id}")[0].status == 204
    assert ask(pair, "worker", "GET", f"/cvs/{cv_id}")[0].status == 404
    assert spooled(pair) == []


def test_an_upload_goes_on_at_the_other_when_one_dies(pair):
    answer, _ = ask(pair, "worker", "POST", "/files", Upload_Length=len(CV), Upload_Metadata=metadata(filename="cv.txt"), **TUS)
    path = answer.headers["Location"]
    target = path.removeprefix(BASE)
    sending = half_sent(pair, path, 0, CV[:20], len(CV))
    wait_until(lambda: part_size(pair, path) == 20, 10)
    assert ask(pair, "other", "HEAD", target, **TUS)[0].status == 423, "one at a time"
    pair.worker.kill()
    sending.close()
    answer, _ = ask(pair, "other", "HEAD", target, **TUS)
    assert (answer.status, answer.headers["Upload-Offset"]) == (200, "20")
    answer, said = ask(pair, "other", "PATCH", target, CV[20:], Upload_Offset=20, Content_Type=STREAM, **TUS)
    assert answer.status == 204, said
    pair.worker.start()
    cv_id = path.rsplit("/", 1)[1]
    wait_until(lambda: state_at(pair, "worker", cv_id)["status"] == "completed", 30)
    assert ask(pair, "worker", "GET", f"/cvs/{cv_id}/file")[1] == CV
