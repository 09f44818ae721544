"""What happens to a CV around its reading: the operator's own processor, early look, timings, times to wait."""
import json
import threading

import pytest

from harness import wait_until
from services import Service
from test_pipeline import Scene


@pytest.fixture
def scene():
    scene = Scene()
    yield scene
    scene.finish()


@pytest.fixture
def service():
    services = []

    def make(answer):
        services.append(Service(answer))
        return services[-1]
    yield make
    for each in services:
        each.close()


def host(scene, service, **processor):
    return scene.host(processor={"url": service.url, **processor})


def cv_frames(scene, cv="c1"):
    return [f for f in scene.frames() if f.get("cv_id") == cv]


def result(scene, cv="c1"):
    return json.loads(next((scene.folder / "spool").glob(f"*/{cv}.result")).read_text())


def line(**fields):
    return json.dumps(fields).encode() + b"\n"


def test_a_processor_gets_text_and_resume_and_its_answer_replaces_ours(scene, service):
    go_on = threading.Event()

    def answer(_, body):
        def chunks():
            yield line(progress=10, message="Starting") + line(progress=20, message="Thinking")  # Redis cannot have answered between
            go_on.wait(10)
            yield line(progress=80)
            yield b'{"basics": {"name": "Jane Doe",\n "label": "Clerk"}, "x-score": 7}\n'
        return 200, chunks()
    processor = service(answer)
    (scene.folder / "token").write_text("s3cret\n")
    host(scene, processor, token_file=scene.folder / "token").accept("c1")
    wait_until(lambda: any(f.get("message") == "Thinking" for f in cv_frames(scene)))
    assert not scene.ended(), "progress did not come while the processor was at work"
    go_on.set()
    wait_until(lambda: scene.ended() == {"c1": "completed"})
    assert result(scene) == {"basics": {"name": "Jane Doe", "label": "Clerk"}, "x-score": 7}
    headers, body = processor.requests[0]
    assert headers["Authorization"] == "Bearer s3cret"
    assert json.loads(body) == {"user_id": "u", "batch_id": "b", "cv_id": "c1", "attempt": 1, "filename": "cv.pdf", "text": "Jane\nClerk",
                                "resume": {"basics": {"name": "Jane"}}}
    progress = [(f["stage"], f["progress"]) for f in cv_frames(scene) if f.get("message") == "Thinking"]
    assert progress == [("parse", 59)]
    scene.journey()
    assert cv_frames(scene)[-1]["result"]["timings"]["processor_ms"] >= 0


def test_a_processor_may_leave_our_result_as_it_is(scene, service):
    host(scene, service(lambda *_: (204, []))).accept("c1")
    wait_until(lambda: scene.ended() == {"c1": "completed"})
    assert result(scene) == {"basics": {"name": "Jane"}}


def test_a_processor_may_name_its_result(scene, service):
    host(scene, service(lambda *_: (200, [line(resume={"basics": {"name": "J"}}, progress=100)]))).accept("c1")
    wait_until(lambda: scene.ended() == {"c1": "completed"})
    assert result(scene) == {"basics": {"name": "J"}}


@pytest.mark.parametrize("status, chunks", [(500, []), (200, []), (200, [b"[1]"]), (200, [b"{\"a\":"]), (200, [b"\xff\xfe\n{}"]),
                                            (302, []), (200, [line(progress=100)]), (200, [b'{"progress": 100}'])])
def test_a_processor_that_fails_is_asked_again_and_then_the_cv_ends_as_processor_failed(scene, service, status, chunks):
    processor = service(lambda *_: (status, chunks))
    host(scene, processor).accept("c1")
    wait_until(lambda: scene.ended() == {"c1": "failed"})
    assert len(processor.requests) == 3
    assert scene.statuses("c1").count("retrying") == 2
    assert cv_frames(scene)[-1]["error"]["code"] == "processor_failed"
    wait_until(lambda: scene.db.zcard("{cvq}:dead") == 1)


def test_a_processor_that_came_back_ends_the_retries(scene, service):
    host(scene, service(lambda n, _: (503, []) if n < 3 else (200, [b"{}"]))).accept("c1")
    wait_until(lambda: scene.ended() == {"c1": "completed"})
    assert result(scene) == {}


def test_a_processor_without_end_is_stopped_by_its_time_and_its_size(scene, service):
    over = threading.Event()

    def answer(n, _):
        def endless():
            while not over.wait(0.001 if n == 1 else 0):
                yield line(progress=1, message="x" * 500) if n == 1 else b'{"a":"' + b"x" * 60000
        return 200, endless()
    running = host(scene, service(answer), timeout_s=0.3, answer_max_bytes=100000)
    running.accept("c1")
    wait_until(lambda: scene.ended() == {"c1": "failed"}, 20)
    over.set()
    scene.journey()
    assert running.stop() == 0


def test_a_cv_that_waits_for_its_processor_can_be_cancelled(scene, service):
    over = threading.Event()
    running = host(scene, service(lambda *_: (200, [over.wait(20) and b"{}"])))
    running.accept("c1")
    wait_until(lambda: any(f["stage"] == "parse" for f in cv_frames(scene)))
    running.say("drop u c1")
    wait_until(lambda: scene.ended() == {"c1": "cancelled"}, 5)
    assert running.stop() == 0
    over.set()


def test_who_it_is_and_where_the_time_went_stands_in_the_events(scene):
    scene.host().accept("c1", "ok 200")
    wait_until(lambda: scene.ended() == {"c1": "completed"})
    early = [f["early"] for f in cv_frames(scene) if f["status"] == "processing" and "early" in f]
    assert early and all(e == {"name": "Jane", "has_email": True} for e in early)
    timings = cv_frames(scene)[-1]["result"]["timings"]
    assert timings["extract_ms"] >= 100 and set(timings) <= {"queue_ms", "extract_ms", "parse_ms", "deliver_ms"}


def test_a_time_to_wait_is_said_only_when_enough_cvs_have_ended(scene):
    running = scene.host(slots=1)
    for n in range(5):
        running.accept(f"c{n}", "ok 200")
    wait_until(lambda: len(scene.ended()) == 5)
    assert not any("eta_ms" in f for n in range(5) for f in cv_frames(scene, f"c{n}"))
    running.accept("c9", "ok 200")
    wait_until(lambda: "c9" in scene.ended())
    etas = [f["eta_ms"] for f in cv_frames(scene, "c9") if "eta_ms" in f]
    assert etas and etas == sorted(etas, reverse=True) and 50 <= etas[0] <= 2000
    assert "eta_ms" not in cv_frames(scene, "c9")[-1]
