"""schema/: every document is valid, every reference resolves, and a real notifier meets the conformance vectors."""
import json
import uuid

import jsonschema
import pytest
import requests
import yaml

from followers import Publisher
from harness import BASE, ROOT, Stream, wait_until

SCHEMA = ROOT / "schema"


def vectors(name):
    return json.loads((SCHEMA / "vectors" / name).read_text())["vectors"]


@pytest.mark.parametrize("file", sorted(SCHEMA.glob("*.schema.json")), ids=lambda f: f.name)
def test_a_schema_is_valid(file):
    document = json.loads(file.read_text())
    jsonschema.validators.validator_for(document).check_schema(document)


def references(node):
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for item in node:
            yield from references(item)


@pytest.mark.parametrize("file", sorted([*SCHEMA.glob("*.yaml"), *SCHEMA.glob("*.schema.json")]), ids=lambda f: f.name)
def test_every_reference_resolves(file):
    document = yaml.safe_load(file.read_text())
    for reference in references(document):
        name, _, pointer = reference.partition("#")
        node = yaml.safe_load((file.parent / name).read_text()) if name else document
        for part in pointer.strip("/").split("/") if pointer.strip("/") else []:
            part = part.replace("~1", "/").replace("~0", "~")
            assert part in node, f"{file.name}: {reference} leads nowhere"
            node = node[part]


@pytest.fixture(scope="module")
def notifier():
    from harness import Stack
    stack = Stack(without=("worker",), notifier={"connect_rate_per_ip": 0}).start()
    yield stack
    stack.finish()


def matches(frame, expected):
    return all(frame.get(k) == v for k, v in expected.items())


@pytest.mark.parametrize("vector", vectors("websocket.json"), ids=lambda v: v["name"])
def test_conversation(notifier, vector):
    user = f"v{uuid.uuid4().hex[:8]}"
    publisher = Publisher(notifier.db)
    for step in vector.get("before", []):
        cv = step["publish_cv"]
        publisher.cv(user, cv["cv_id"], cv["status"], cv["progress"], cv["batch_id"])
    stream = Stream(notifier.ws_url(user, vector["query"]))
    notifier.streams.append(stream)
    stream.connected()
    taken = 0
    for step in vector["steps"]:
        if "send" in step:
            stream.send(step["send"])
        elif "publish" in step:
            notifier.db.publish(f"user:{user}:events", step["publish"])
        elif "publish_cv" in step:
            cv = step["publish_cv"]
            publisher.cv(user, cv["cv_id"], cv["status"], cv["progress"], cv["batch_id"])
        elif "expect_close" in step:
            assert stream.closed.wait(10)
            assert stream.close_code == step["expect_close"]
        else:
            wait_until(lambda: len(stream.texts) > taken, 10, f"nothing came for {step}")
            if "expect" in step:
                assert stream.texts[taken] == step["expect"]
            else:
                assert matches(stream.frames[taken], step["expect_json"]), f"{stream.texts[taken]} is not {step['expect_json']}"
            taken += 1
    assert len(stream.texts) == taken


EVENTS = json.loads((SCHEMA / "events.schema.json").read_text())


def test_published_frames_meet_the_schema(notifier):
    publisher = Publisher(notifier.db)
    stream = notifier.ws("schema", "snapshot=1")
    error = '"error":{"code":"corrupt","message":"The file is damaged.","retryable":false}'
    publisher.cv("schema", "c1", "queued", 0, rest='"filename":"jane.pdf","stage":"received"')
    publisher.cv("schema", "c1", "failed", 50, rest=error)
    publisher.cv("schema", "c2", "completed", 100, rest='"result_url":"/x","result":{"skills":1}')
    stream.wait(lambda frames: len([f for f in frames if "prev" in f]) >= 6)
    again = notifier.ws("schema", "snapshot=1")
    again.wait(lambda frames: any(f.get("type") == "snapshot" for f in frames))
    for frame in stream.frames + again.frames:
        jsonschema.validate(frame, EVENTS)


@pytest.mark.parametrize("vector", vectors("ids.json"), ids=lambda v: v["path"][:20])
def test_ids_in_paths(notifier, vector):
    answer = requests.get(f"{notifier.url}{BASE}/events/{vector['path']}", params={"wait": 0}, headers={"Accept": "application/json"}, timeout=10)
    assert (answer.status_code == 200) == vector["valid"], answer.text
    if not vector["valid"]:
        assert answer.status_code in (400, 404)


OPENAPI = yaml.safe_load((SCHEMA / "openapi-notifier.yaml").read_text())


def conforms(answer, path, method="get"):
    """The answer is one that the document promises."""
    promised = OPENAPI["paths"][path][method]["responses"][str(answer.status_code)]
    if "$ref" in promised:
        promised = OPENAPI["components"]["responses"][promised["$ref"].rpartition("/")[2]]
    schema = promised["content"][answer.headers["Content-Type"].partition(";")[0]]["schema"]
    jsonschema.validate(answer.json(), {**schema, "components": OPENAPI["components"]})
    return answer


def test_answers_are_as_the_openapi_document_says(notifier):
    Publisher(notifier.db).cv("open", "c1", "queued")

    def get(user, **query):
        return requests.get(f"{notifier.url}{BASE}/events/{user}", params=query, timeout=10)
    assert conforms(get("open"), "/events/{user_id}").json()["snapshot"]["cvs"]
    assert conforms(get("open", after_id="0-0"), "/events/{user_id}").json()["events"]
    assert conforms(get("open", after_id="7-7"), "/events/{user_id}").json()["resync"]
    assert conforms(get("a%20b"), "/events/{user_id}").status_code == 400
    assert conforms(get("open", wait="x"), "/events/{user_id}").status_code == 400
    assert conforms(requests.post(f"{notifier.url}{BASE}/tickets", timeout=10), "/tickets", "post").json()["expires_in"] == 30
