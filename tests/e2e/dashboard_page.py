"""The dashboard in a real Chromium: the fixture `page`, and what tests ask of it. The tests of a file share daemons and browser;
each has a user of its own, so that it begins with an empty page."""
import itertools

import pytest
from selenium.webdriver.common.by import By

from browser import browser  # noqa: F401
from harness import BASE, Stack, wait_until

# Between the daemons and some users stands what stands between servers and people: what takes no WebSocket, what keeps a stream back.
IN_THE_WAY = f"""
    location ~ ^{BASE}/ws/(sse|poll)- {{ include cvpulse/api.conf; proxy_set_header Connection ''; proxy_pass http://cvpulse_notifier; }}
    location ~ ^{BASE}/events/poll- {{
        include cvpulse/api.conf; proxy_pass http://cvpulse_notifier;
        proxy_buffering on; proxy_buffers 8 64k; proxy_ignore_headers X-Accel-Buffering;
    }}
"""
numbers = itertools.count(1)


@pytest.fixture(scope="module")
def site():
    stack = Stack(nginx_options=IN_THE_WAY).start()
    yield stack
    stack.finish()


@pytest.fixture
def user():
    return f"user{next(numbers)}"


@pytest.fixture
def page(site, user, browser):
    """The user's page, live, with a record of every value that a bar ever had."""
    browser.get_log("browser")
    visit(browser, site, user)
    browser.execute_script("""
        window.bars = new Map();
        new MutationObserver((changes) => changes.forEach(({ target }) => {
            const key = target.closest('[data-cv-id]')?.dataset.cvId;
            if (key) bars.set(key, [...(bars.get(key) ?? []), Number(target.ariaValueNow)]);
        })).observe(document.body, { subtree: true, attributes: true, attributeFilter: ['aria-valuenow'] });""")
    yield browser
    # What the network said no to is the tests' own doing; a script that fails, or a policy that forbids, is not.
    said = [line["message"] for line in browser.get_log("browser") if line["level"] == "SEVERE" and line["source"] != "network"]
    browser.execute_script("localStorage.clear()")
    assert not said


def visit(browser, site, user, state="live"):
    browser.get(f"{site.url}/?user={user}")
    wait_connection(browser, state)


def connection(browser):
    return browser.execute_script("return document.querySelector('[role=status][data-connection]')?.dataset.connection")


def wait_connection(browser, state, timeout=60):
    wait_until(lambda: connection(browser) == state, timeout, lambda: f"{connection(browser)}, not {state}")


def rows(browser):
    """(cv id, status, percent, text) of every row."""
    return browser.execute_script("""
        return [...document.querySelectorAll('[data-cv-id]')].map((row) => [row.dataset.cvId, row.dataset.status,
            Number(row.querySelector('[role=progressbar]').ariaValueNow), row.textContent]);""")


def wait_rows(browser, count, status, timeout=60):
    wait_until(lambda: [r[1] for r in rows(browser)] == [status] * count, timeout, lambda: f"rows: {rows(browser)}")


def choose(browser, files):
    browser.find_element(By.CSS_SELECTOR, "input[type=file][multiple]").send_keys("\n".join(str(f) for f in files))


def find(browser, selector):
    return browser.find_element(By.CSS_SELECTOR, selector)


def text(browser, selector):
    """What is written there; nothing while it is not there."""
    return browser.execute_script("return document.querySelector(arguments[0])?.textContent ?? ''", selector)


def press(browser, selector):
    """A click that does not care what is in sight."""
    browser.execute_script("document.querySelector(arguments[0]).click()", selector)
