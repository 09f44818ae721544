"""web/client as others get it: its own tests, its types, the packed package in an empty project (Node and Chromium), the examples."""
import itertools
import json
import re
import shutil
import subprocess

import pytest

from browser import browser  # noqa: F401
from client_page import CLIENT, PAGE, build
from followers import Publisher
from harness import ROOT, Stack, wait_until
from test_close_codes import rows

pytestmark = pytest.mark.browser
numbers = itertools.count(1)


def run(*argv, folder=CLIENT, **options):
    return subprocess.run([str(a) for a in argv], cwd=folder, check=True, capture_output=True, text=True, **options).stdout


@pytest.fixture(scope="module", autouse=True)
def built():
    build()


def test_its_own_tests_pass():
    run("npm", "test", "--silent")


def test_the_examples_have_the_right_types():
    run("node_modules/.bin/tsc", "-p", "tsconfig.examples.json")


def test_the_table_of_close_codes_is_the_servers():
    table = re.findall(r"^\t(\d+): '(\w+)',$", (CLIENT / "src" / "closing.ts").read_text(), re.M)
    assert table == [(code, when.lower()) for code, when in rows("close_codes.def", r"(\d+)", r"\w+", r"(\w+)", r'".*"')]


def test_the_lock_file_names_no_registry():
    assert "://" not in (CLIENT / "package-lock.json").read_text()


def test_it_has_no_dependency_and_the_version_of_the_rest():
    package = json.loads((CLIENT / "package.json").read_text())
    assert "dependencies" not in package
    assert f"AC_INIT([cvpulse], [{package['version']}]" in (ROOT / "configure.ac").read_text()


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """An empty project with nothing in it but the packed package, and ws."""
    folder = tmp_path_factory.mktemp("project")
    packed = run("npm", "pack", "--ignore-scripts", "--silent", "--pack-destination", folder).strip()
    (folder / "package.json").write_text('{"name": "empty", "private": true}')
    run("npm", "install", "--offline", "--silent", "--no-audit", f"./{packed}", folder=folder)
    shutil.copytree(CLIENT / "node_modules" / "ws", folder / "node_modules" / "ws")
    return folder


@pytest.fixture(scope="module")
def site(project):
    stack = Stack(without=("worker",), nginx_options=PAGE + f"location /project/ {{ alias {project}/; }}").start()
    stack.publisher = Publisher(stack.db)
    yield stack
    stack.finish()


@pytest.fixture
def user(site):
    """Has one CV, which is being read."""
    user = f"user{next(numbers)}"
    site.publisher.cv(user, "c1", "processing", 40, rest='"filename":"jane.pdf"')
    return user


IN_NODE = """
import WebSocket from 'ws';
const [base, userId] = process.argv.slice(2);
for (const entry of ['cvpulse-client', 'cvpulse-client/single']) {
    const { connect, ReconnectingWebSocket } = await import(entry);
    const cvpulse = connect({ baseUrl: `http://${base}`, userId, WebSocket });
    cvpulse.on('cv', (cv) => {
        console.log(cv.cv_id, cv.status, cvpulse.state.transport);
        cvpulse.close();
    });
    const socket = new ReconnectingWebSocket({
        url: `ws://${base}/ws/${userId}?snapshot=1`, WebSocket, onMessage({ type }) { console.log(type); socket.close(); },
    });
}
"""


def test_it_works_in_node_and_lets_the_program_end(site, user, project):
    (project / "main.mjs").write_text(IN_NODE)
    said = run("node", "main.mjs", f"127.0.0.1:{site.port}/api/v1/cv-processing", user, folder=project, timeout=60)
    assert sorted(said.splitlines()) == ["c1 processing websocket", "c1 processing websocket", "snapshot", "snapshot"]


def test_the_packed_modules_work_in_a_browser(site, user, browser):
    browser.get(f"{site.url}/blank")
    got = browser.execute_async_script("""
        const [userId, done] = arguments;
        import('/project/node_modules/cvpulse-client/dist/index.js').then(({ connect }) => {
            const cvpulse = connect({ userId });
            cvpulse.on('cv', (cv) => { cvpulse.close(); done(cv.filename); });
        }, (e) => done(String(e)));""", user)
    assert got == "jane.pdf"


def test_the_start_of_the_readme_follows(site, user, project, browser):
    page, = re.findall(r"```html\n(.*?)```", (CLIENT / "README.md").read_text(), re.S)
    shutil.copy(CLIENT / "dist" / "cvpulse-client.min.js", project)
    (project / "start.html").write_text(page.replace("'42'", f"'{user}'"))
    browser.get(f"{site.url}/project/start.html")
    text = lambda: browser.execute_script("return document.body.innerText")  # noqa: E731
    wait_until(lambda: "jane.pdf: processing, 40 %" in text(), what=text)
    site.publisher.cv(user, "c1", "completed", 100, rest='"filename":"jane.pdf"')
    wait_until(lambda: "jane.pdf: completed, 100 %" in text(), what=text)


def shown(browser):
    return browser.execute_script("return [...document.querySelectorAll('[data-cv-id]')].map((e) => [e.dataset.cvId, e.dataset.status, e.textContent])")


def follows(site, browser, user):
    wait_until(lambda: shown(browser) and shown(browser)[0][:2] == ["c1", "processing"])
    site.publisher.cv(user, "c1", "completed", 100, rest='"filename":"jane.pdf"')
    wait_until(lambda: shown(browser)[0][:2] == ["c1", "completed"])
    assert len(shown(browser)) == 1 and "jane.pdf" in shown(browser)[0][2]


def test_the_plain_example_follows(site, user, browser):
    browser.get(f"{site.url}/client/examples/plain.html?user={user}")
    follows(site, browser, user)


def test_the_react_example_follows(site, user, browser, project):
    run("node_modules/.bin/esbuild", "examples/react/app.tsx", "--bundle", "--jsx=automatic", "--alias:cvpulse-client=./dist/index.js",
        f"--outfile={project}/app.js")
    (project / "react.html").write_text('<!doctype html><div id="root"></div><script src="app.js"></script>')
    browser.get(f"{site.url}/project/react.html?user={user}")
    follows(site, browser, user)
    connection = lambda: browser.execute_script("return document.querySelector('main').dataset.connection")  # noqa: E731
    site.notifier.kill()
    wait_until(lambda: connection() == "reconnecting")
    site.notifier.start()
    wait_until(lambda: connection() == "live", 30)
