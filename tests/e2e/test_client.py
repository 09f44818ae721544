"""web/client in a real browser, against the real notifier: whatever is in the way, what was missed is caught up with."""
import time

import jwt
import pytest

from browser import browser, cdp  # noqa: F401
from client_page import BUFFERED, NO_UPGRADE, PAGE, TIMES, Page, build
from followers import Publisher, history
from harness import wait_until

pytestmark = pytest.mark.browser

SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module", autouse=True)
def built():
    build()


@pytest.fixture
def site(make_stack):
    def make(options="", **sections):
        stack = make_stack(without=("worker",), nginx_options=PAGE + options, **sections)
        stack.publisher = Publisher(stack.db)
        return stack
    return make


def news(stack, first, last, user="demo"):
    """CVs that begin and end; their ids of events."""
    for n in range(first, last):
        stack.publisher.cv(user, f"c{n}", "queued", 0)
        stack.publisher.cv(user, f"c{n}", "completed", 100)


def test_events_become_state(site, browser):
    stack = site()
    page = Page(browser, stack).wait("live", "websocket")
    news(stack, 0, 3)
    page.has_all(history(stack.db, "demo"))
    page.wait_status({f"c{n}": "completed" for n in range(3)})
    assert page.js("cvpulse.state.batches.get('b1').completed") == 3
    assert page.js("cvpulse.state === cvpulse.state")


def test_without_upgrade_events_come_by_sse(site, browser):
    stack = site(NO_UPGRADE)
    page = Page(browser, stack).wait("live", "sse")
    news(stack, 0, 3)
    page.has_all(history(stack.db, "demo"))


def test_behind_a_proxy_that_buffers_they_are_polled(site, browser):
    stack = site(NO_UPGRADE + BUFFERED)
    begun = time.monotonic()
    page = Page(browser, stack, times={"muteMs": 7000}).wait("polling", "poll", 20)
    assert time.monotonic() - begun < 20
    news(stack, 0, 3)
    page.has_all(history(stack.db, "demo"))


def test_what_works_is_remembered_and_what_is_better_is_tried(site, browser):
    stack = site(NO_UPGRADE)
    Page(browser, stack).wait("live", "sse")
    page = Page(browser, stack, times={"climbMs": 60000, "climbMaxMs": 60000}).wait("live", "sse")
    assert page.asked() == [("sse", False)]
    listen = stack.folder / "nginx" / "cvpulse" / "listen.conf"
    listen.write_text(listen.read_text().replace(NO_UPGRADE, ""))
    stack.nginx.child.send_signal(1)
    page = Page(browser, stack).wait("live", "websocket")
    news(stack, 0, 3)
    page.has_all(history(stack.db, "demo"))
    assert "reconnecting" not in page.js("states")


def test_a_notifier_that_is_killed_is_missed_and_found_again(site, browser):
    stack = site()
    page = Page(browser, stack).wait("live")
    stack.notifier.kill()
    page.wait("reconnecting")
    news(stack, 0, 5)
    stack.notifier.start()
    page.wait("live", "websocket")
    page.has_all(history(stack.db, "demo"))


def test_a_connection_that_died_silently_is_noticed(site, browser):
    stack = site()
    page = Page(browser, stack).wait("live")
    stack.notifier.child.send_signal(19)
    page.wait("reconnecting")
    stack.notifier.child.send_signal(18)
    news(stack, 0, 2)
    page.wait("live")
    page.has_all(history(stack.db, "demo"))


def offline(browser, is_offline):
    cdp(browser, "Network.enable")
    cdp(browser, "Network.emulateNetworkConditions", offline=is_offline, latency=0, downloadThroughput=-1, uploadThroughput=-1)


def test_what_came_while_offline_is_caught_up_with(site, browser):
    stack = site()
    page = Page(browser, stack).wait("live")
    offline(browser, True)
    try:
        page.wait("offline")
        news(stack, 0, 5)
        assert page.js("events") == []
    finally:
        offline(browser, False)
    page.wait("live", "websocket")
    page.has_all(history(stack.db, "demo"))


def window(browser, state):
    cdp(browser, "Browser.setWindowBounds", windowId=cdp(browser, "Browser.getWindowForTarget")["windowId"], bounds={"windowState": state})


def hide(browser):
    window(browser, "minimized")
    wait_until(lambda: browser.execute_script("return document.hidden"))


def show(browser):
    window(browser, "minimized")
    window(browser, "normal")
    wait_until(lambda: not browser.execute_script("return document.hidden"))


def test_a_frozen_page_wakes_up_complete(site, browser):
    stack = site()
    page = Page(browser, stack).wait("live")
    cdp(browser, "Page.setWebLifecycleState", state="frozen")
    wait_until(lambda: '"active_connections":0' in stack.admin("notifier", "/api/stats")[1].replace(" ", ""))
    news(stack, 0, 5)
    cdp(browser, "Page.setWebLifecycleState", state="active")
    show(browser)
    page.wait("live")
    page.has_all(history(stack.db, "demo"))


def test_the_back_button_finds_the_page_as_it_was_and_up_to_date(site, browser):
    stack = site()
    page = Page(browser, stack).wait("live")
    news(stack, 0, 1)
    page.has_all(history(stack.db, "demo"))
    browser.get(f"{stack.url}/client/package.json")
    news(stack, 1, 3)
    browser.back()
    assert browser.execute_script("return typeof window.cvpulse") == "object", "the page was not kept"
    page.has_all(history(stack.db, "demo"))
    page.wait("live")


def token(life_s):
    return jwt.encode({"sub": "demo", "exp": int(time.time()) + life_s}, SECRET, "HS256")


@pytest.fixture
def guarded(site, tmp_path):
    (tmp_path / "secret").write_text(SECRET)

    def make(options="", **auth):
        return site(options, auth={"mode": "jwt", "jwt_secret_file": tmp_path / "secret", **auth})
    return make


@pytest.mark.parametrize("transport", ["websocket", "sse"])
def test_an_expiring_token_is_renewed_without_a_break(guarded, browser, transport):
    stack = guarded()
    page = Page(browser, stack, transports=[transport], tokens=[token(30), token(600)]).wait("live")
    wait_until(lambda: page.js("renewals") == [False, True])
    news(stack, 0, 2)
    page.has_all(history(stack.db, "demo"))
    assert page.js("states") == ["catching-up", "live"]


@pytest.mark.parametrize("transport", ["websocket", "sse", "poll"])
def test_a_token_that_is_refused_is_replaced(guarded, browser, transport):
    stack = guarded()
    page = Page(browser, stack, transports=[transport], tokens=[token(-600), token(600)])
    page.wait("polling" if transport == "poll" else "live")
    assert page.js("renewals") == [False, True]


def test_without_a_good_token_one_is_signed_out(guarded, browser):
    stack = guarded()
    page = Page(browser, stack, tokens=[token(-600), token(-600), token(600)]).wait("signed-out")
    assert page.js("cvpulse.state.problem.code") == 4401
    page.js("cvpulse.reconnect()")
    page.wait("live")


def test_a_user_who_signs_out_elsewhere_is_signed_out(site, browser):
    stack = site()
    page = Page(browser, stack).wait("live")
    stack.db.publish("cvpulse:control", '{"action":"disconnect","user":"demo","code":4410}')
    page.wait("signed-out")
    assert page.js("cvpulse.state.problem.code") == 4410


@pytest.fixture
def tabs(browser):
    """Opens a tab in front; all but the first are closed at the end."""
    first = browser.current_window_handle

    def open_tab(*args, **kwargs):
        browser.switch_to.new_window("tab")
        return Page(browser, *args, **kwargs)
    yield open_tab
    for handle in browser.window_handles:
        if handle != first:
            browser.switch_to.window(handle)
            browser.close()
    browser.switch_to.window(first)


def test_a_hidden_page_does_not_poll_and_a_shown_one_does_at_once(site, browser):
    stack = site()
    page = Page(browser, stack, transports=["poll"]).wait("polling")
    hide(browser)
    before = wait_until(lambda: page.js("asked.every((a) => a.ended) && asked.length"))
    news(stack, 0, 3)
    time.sleep(3 * TIMES["pollMs"] / 1000)
    assert len(page.asked()) == before and page.js("events") == []
    show(browser)
    page.has_all(history(stack.db, "demo"))
    assert not any(hidden for _, hidden in page.asked())


def test_a_hidden_page_keeps_its_socket(site, browser):
    stack = site()
    page = Page(browser, stack).wait("live")
    hide(browser)
    news(stack, 0, 3)
    page.has_all(history(stack.db, "demo"))
    show(browser)
    assert page.asked() == [("websocket", False)]


def test_five_tabs_have_one_connection(site, browser, tabs):
    stack = site()
    pages = [Page(browser, stack).wait("live")]
    pages += [tabs(stack).wait("live") for _ in range(4)]
    news(stack, 0, 3)
    for page in pages:
        page.front().has_all(history(stack.db, "demo"))
    assert sum(len(page.front().asked()) for page in pages) == 1
