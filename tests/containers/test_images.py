"""The images, started as compose.yaml says: its environments, health checks, secret and volume, with buildah for an engine."""
import json
import signal
import subprocess

import pytest
import yaml

from harness import ROOT, wait_until

MADE = ROOT / "build-containers"
COMPOSE = yaml.safe_load((ROOT / "containers/compose.yaml").read_text())
SERVICES = COMPOSE["services"]
USER = 10001  # of the images; compose.yaml tells people to give it their secret
CV = "Ada Lovelace\nada@example.org\n+44 20 7946 0018\n\nExperience\n\nAnalyst, Analytical Engines Ltd\n2019 - 2024\n\nEducation\n\nMathematics, University of London, 2015\n"


def buildah(*arguments, **options):
    return subprocess.run(command(*arguments), capture_output=True, text=True, check=True, **options).stdout.strip()


def command(*arguments):
    return ["buildah", "--root", MADE / "storage", "--runroot", MADE / "run", *arguments]


class Engine:
    """What compose does: a container of each service, with all of its settings."""

    def __init__(self, folder):
        self.folder, self.processes, self.containers = folder, [], {}
        self.hosts = [f"--add-host={name}:127.0.0.1" for name in SERVICES]
        (folder / "jwt_secret").write_text("5" * 64)
        (folder / "jwt_secret").chmod(0o600)
        (folder / "spool").mkdir(mode=0o700)
        (folder / "cvs").mkdir()
        (folder / "cvs/ada.txt").write_text(CV)
        for path in ("jwt_secret", "spool"):
            subprocess.run(["chown", str(USER), folder / path], check=True)

    def container(self, name, image):
        if name not in self.containers:
            self.containers[name] = buildah("from", "--pull-never", *self.hosts, f"localhost/{image}")
        return self.containers[name]

    def run(self, name, image, environment, *arguments):
        volumes = [f"{self.folder}/jwt_secret:/run/secrets/jwt_secret:ro", f"{self.folder}/spool:/var/lib/cvpulse/spool", f"{self.folder}/cvs:/cvs:ro"]
        return command("run", *[f"--volume={v}" for v in volumes], *[f"--env={k}={v}" for k, v in environment.items()],
                       self.container(name, image), "--", *arguments)

    def start(self, name):
        service = SERVICES[name]
        if service["image"].startswith("cvpulse"):
            image = json.loads(buildah("inspect", "--type", "image", f"localhost/{service['image']}"))
            argv = self.run(name, service["image"], service.get("environment", {}), *image["OCIv1"]["config"]["Entrypoint"])
        else:
            argv = [*service["command"], "--dir", str(self.folder)]
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes.append(subprocess.Popen(argv, stdout=log, stderr=log))

    def is_healthy(self, name):
        service = SERVICES[name]
        test = service["healthcheck"]["test"][1:]
        if service["image"].startswith("cvpulse"):
            test = self.run(name, service["image"], {}, *test)
        return subprocess.run(test, capture_output=True, check=False).returncode == 0

    def cvpulse(self, *arguments, **environment):
        done = subprocess.run(self.run("command", "cvpulse-command", {**SERVICES["worker1"]["environment"], **environment}, "/usr/bin/cvpulse", *arguments),
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr + "".join(p.read_text() for p in self.folder.glob("*.log"))
        return done.stdout

    def stop(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        ended = [process.wait(60) for process in reversed(self.processes)]
        for container in self.containers.values():
            buildah("rm", container)
        return ended


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compose")
    for parent in [folder, *folder.parents][:4]:
        parent.chmod(0o755)
    made = Engine(folder)
    for name in ("redis", "notifier1", "notifier2", "worker1", "worker2", "site"):
        made.start(name)
    yield made
    made.stop()


@pytest.mark.parametrize("name", list(SERVICES))
def test_each_service_becomes_healthy(engine, name):
    try:
        wait_until(lambda: engine.is_healthy(name), 60)
    except AssertionError:
        pytest.fail((engine.folder / f"{name}.log").read_text())


def test_a_cv_goes_from_the_command_through_the_site_to_its_end(engine):
    token = engine.cvpulse("token", "42").strip()
    shown = engine.cvpulse("submit", "--url", "http://site", "--wait", "/cvs/ada.txt", CVPULSE_TOKEN=token)
    assert "completed" in shown
