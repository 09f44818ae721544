"""The containers' files, without an engine to build them: every library of the programs is in its image, and compose has two of each."""
import re
import subprocess

import pytest
import yaml

from harness import BUILD, ROOT

pytestmark = pytest.mark.configuration
CONTAINERS = ROOT / "containers"
LIBRARIES = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
STAGES = {m[1]: m[0] for m in re.finditer(r"^FROM .* AS (\w+)\n(?:(?!^FROM ).*\n)*", (CONTAINERS / "Containerfile").read_text(), re.M)}


def packages(*stages):
    text = "".join(STAGES[s] for s in stages).replace("\\\n", " ")
    return {word for listed in re.findall(r"--no-install-recommends ([^&]*)", text) for word in listed.split()}


@pytest.mark.parametrize("program, stages", [("cvpulse", ["base"]), ("cvpulse-notifier", ["base"]), ("cvpulse-worker", ["base", "worker"]),
                                             ("cvpulse-extract", ["base", "worker"])])
def test_the_libraries_of_a_program_are_in_its_image(program, stages):
    dynamic = subprocess.run(["readelf", "-d", BUILD / program], capture_output=True, text=True, check=True).stdout
    needed = re.findall(r"NEEDED.*\[(lib.*?)\]", dynamic)
    paths = [p for name in needed for p in re.findall(rf"{re.escape(name)} .*=> (?:/usr)?(/\S+)", LIBRARIES)]
    lines = subprocess.run(["dpkg", "-S", *paths, *[f"/usr{p}" for p in paths]], capture_output=True, text=True, check=False).stdout.splitlines()
    by_library = {name: {line.split(":")[0] for line in lines if f"/{name}" in line} for name in needed}
    have = packages(*stages) | {"libc6"}
    assert not {name: found for name, found in by_library.items() if found and not found & have}


def test_compose_has_two_of_each_daemon_and_looks_after_all():
    compose = yaml.safe_load((CONTAINERS / "compose.yaml").read_text())
    services = compose["services"]
    assert {"redis", "notifier1", "notifier2", "worker1", "worker2", "site"} == set(services)
    assert all(s["healthcheck"]["test"] and s["restart"] == "always" for s in services.values())
    targets = {s["build"]["target"] for s in services.values() if "build" in s}
    assert targets <= set(STAGES)
    upstreams = re.findall(r"server (\w+):(\d+)", (CONTAINERS / "upstreams.conf").read_text())
    assert {name for name, _ in upstreams} == {name for name in services if name[-1].isdigit()}
    for name, port in upstreams:
        assert f":{port}" in STAGES[services[name]["build"]["target"]]


def test_each_thing_that_an_image_copies_is_there():
    for _, paths in re.findall(r"^COPY (?!--from)()(.*)$", "".join(STAGES.values()), re.M):
        assert all((ROOT / path).exists() for path in paths.split()[:-1]), paths
