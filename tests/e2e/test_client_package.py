"""web/client as others get it: its own tests, its types, the packed package in an empty project (Node and Chromium), the examples."""
import json
import re
import shutil
import subprocess

import pytest

from browser import browser  # noqa: F401
from client_page import CLIENT, PAGE, build
from followers import Publisher
from harness import ROOT, wait_until
from test_close_codes import rows

pytestmark = pytest.mark.browser


def npm(*argv, folder=CLIENT):
    return subprocess.run(argv, cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module", autouse=True)
def built():
    build()


def test_its_own_tests_pass():
    subprocess.run(["npm", "test", "--silent"], cwd=CLIENT, check=True)


def test_the_examples_have_the_right_types():
    npm("npx", "--no-install", "tsc", "-p", "tsconfig.examples.json")


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
    packed = npm("npm", "pack", "--ignore-scripts", "--silent", "--pack-destination", folder).strip()
    (folder / "package.json").write_text('{"name": "empty", "private": true}')
    npm("npm", "install", "--offline", "--silent", "--no-audit", f"./{packed}", folder=folder)
    shutil.copytree(CLIENT / "node_modules" / "ws", folder / "node_modules" / "ws")
    return folder


@pytest.fixture
def site(make_stack, project):
    stack = make_stack(without=("worker",), nginx_options=PAGE + f"location /modules/ {{ alias {project}/node_modules/; }}")
    Publisher(stack.db).cv("demo", "c1", "processing", 40, rest='"filename":"jane.pdf"')
    return stack


IN_NODE = """
import { connect, ReconnectingWebSocket } from 'cvpulse-client%s';
import WebSocket from 'ws';
const base = process.argv[2];
const cvpulse = connect({ baseUrl: `http://${base}`, userId: 'demo', WebSocket });
cvpulse.on('cv', (cv) => {
    console.log(cv.cv_id, cv.status, cvpulse.state.transport);
    cvpulse.close();
});
const socket = new ReconnectingWebSocket({ url: `ws://${base}/ws/demo?snapshot=1`, WebSocket, onMessage({ type }) { console.log(type); socket.close(); } });
"""


@pytest.mark.parametrize("entry", ["", "/single"])
def test_it_works_in_node_and_lets_the_program_end(site, project, entry):
    (project / "main.mjs").write_text(IN_NODE % entry)
    said = subprocess.run(["node", "main.mjs", f"127.0.0.1:{site.port}/api/v1/cv-processing"], cwd=project, check=True, capture_output=True, text=True,
                          timeout=8).stdout
    assert sorted(said.splitlines()) == ["c1 processing websocket", "snapshot"]


@pytest.mark.parametrize("file", ["index.js", "cvpulse-client.min.js"])
def test_the_packed_modules_work_in_a_browser(site, browser, file):
    browser.get(f"{site.url}/blank")
    got = browser.execute_async_script(f"""
        const done = arguments[arguments.length - 1];
        import('/modules/cvpulse-client/dist/{file}').then(({{ connect }}) => {{
            const cvpulse = connect({{ userId: 'demo' }});
            cvpulse.on('cv', (cv) => {{ cvpulse.close(); done(cv.filename); }});
        }}, (e) => done(String(e)));""")
    assert got == "jane.pdf"


def shown(browser):
    return browser.execute_script("return [...document.querySelectorAll('[data-cv-id]')].map((e) => [e.dataset.cvId, e.dataset.status, e.textContent])")


def follows(site, browser):
    wait_until(lambda: shown(browser) and shown(browser)[0][:2] == ["c1", "processing"])
    Publisher(site.db).cv("demo", "c1", "completed", 100, rest='"filename":"jane.pdf"')
    wait_until(lambda: shown(browser)[0][:2] == ["c1", "completed"])
    assert len(shown(browser)) == 1 and "jane.pdf" in shown(browser)[0][2]


def test_the_plain_example_follows(site, browser):
    browser.get(f"{site.url}/client/examples/plain.html")
    follows(site, browser)


def test_the_react_example_follows(site, browser, project):
    npm("npx", "--no-install", "esbuild", "examples/react/app.tsx", "--bundle", "--jsx=automatic", "--alias:cvpulse-client=./dist/index.js",
        f"--outfile={project}/node_modules/app.js")
    (project / "node_modules" / "react.html").write_text('<!doctype html><div id="root"></div><script src="app.js"></script>')
    browser.get(f"{site.url}/modules/react.html")
    follows(site, browser)
    site.notifier.kill()
    wait_until(lambda: browser.execute_script("return document.querySelector('main').dataset.connection") == "reconnecting")
    site.notifier.start()
    wait_until(lambda: browser.execute_script("return document.querySelector('main').dataset.connection") == "live", 30)
