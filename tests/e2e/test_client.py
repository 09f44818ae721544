"""web/client in a real browser, against the real notifier: whatever is in the way, what was missed is caught up with."""
import json
import re
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
    page = Page(browser, stack).wait("polling", "poll")
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
    stack = guarded(leeway_s=0)
    expires = time.time() + 3
    page = Page(browser, stack, transports=[transport], tokens=[token(3), token(600)]).wait("live")
    wait_until(lambda: page.js("renewals") == [False, True])
    wait_until(lambda: time.time() > expires + 0.5)
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


def connections(stack):
    return json.loads(stack.admin("notifier", "/api/stats")[1])["active_connections"]


def test_another_tab_goes_on_when_the_one_that_leads_is_closed(site, browser, tabs):
    stack = site()
    follower = Page(browser, stack, "other").wait("live")
    leader = tabs(stack).wait("live")
    follower.front()
    follower = Page(browser, stack).wait("live")
    news(stack, 0, 1)
    follower.has_all(history(stack.db, "demo"))
    assert follower.asked() == []
    leader.front()
    browser.close()
    follower.front()
    news(stack, 1, 3)
    follower.has_all(history(stack.db, "demo"))
    assert [kind for kind, _ in follower.asked()] == ["websocket"]
    assert connections(stack) == 1


def test_the_tab_in_front_takes_over_from_a_hidden_one_that_may_not_poll(site, browser, tabs):
    stack = site()
    hidden = Page(browser, stack, transports=["poll"]).wait("polling")
    shown = tabs(stack, transports=["poll"]).wait("polling")
    wait_until(lambda: shown.asked())
    news(stack, 0, 2)
    shown.has_all(history(stack.db, "demo"))
    hidden.front().has_all(history(stack.db, "demo"))


def test_the_tab_in_front_takes_over_from_one_that_hangs(site, browser, tabs):
    stack = site()
    Page(browser, stack).wait("live")
    browser.execute_script("BroadcastChannel.prototype.postMessage = () => {};")
    page = tabs(stack).wait("live")
    assert page.asked() == [("websocket", False)]


def test_tabs_of_two_users_do_not_mix(site, browser, tabs):
    stack = site()
    one = Page(browser, stack, "one").wait("live")
    two = tabs(stack, "two").wait("live")
    news(stack, 0, 1, "one")
    news(stack, 1, 2, "two")
    two.has_all(history(stack.db, "two"))
    one.front().has_all(history(stack.db, "one"))


@pytest.mark.parametrize("forbidden", ["navigator.locks.request = () => Promise.reject(new Error('forbidden'))", "delete window.BroadcastChannel"])
def test_where_tabs_cannot_share_each_has_its_own(site, browser, forbidden):
    stack = site()
    page = Page(browser, stack, before=forbidden).wait("live", "websocket")
    news(stack, 0, 1)
    page.has_all(history(stack.db, "demo"))


# --- the drop-in class ---

DROP_IN = """
    const done = arguments[arguments.length - 1];
    window.got = []; window.calls = [];
    import('/client/dist/cvpulse-client.min.js').then(({ ReconnectingWebSocket }) => {
        window.socket = new ReconnectingWebSocket({
            url: '/api/v1/cv-processing/ws/demo', reconnectInterval: 50, heartbeatInterval: 200, ...arguments[0],
            onMessage: (message) => got.push(message), onConnect: () => calls.push('connect'), onDisconnect: ({ code, willReconnect }) => calls.push([code, willReconnect]),
        });
        done(null);
    }, (e) => done(String(e)));
"""


@pytest.fixture
def drop_in(site, browser):
    def make(stack, **options):
        browser.get(f"{stack.url}/blank")
        assert browser.execute_async_script(DROP_IN, options) is None
        wait_until(lambda: said("calls") == ["connect"])
        return said

    def said(expression):
        return browser.execute_script(f"return {expression}")
    return make


def test_the_drop_in_class_gets_what_a_plain_socket_gets_and_what_it_missed(site, drop_in):
    stack = site(notifier={"heartbeat_interval_s": 1})
    said = drop_in(stack)
    wait_until(lambda: said("socket.state") == "live")
    stack.db.publish("user:demo:events", '{"type":"cv_progress","cv_id":"c0","progress":45}')
    news(stack, 1, 2)
    wait_until(lambda: len(said("got")) == 5)
    stack.notifier.kill()
    wait_until(lambda: said("socket.state") == "reconnecting")
    news(stack, 2, 3)
    stack.notifier.start()
    wait_until(lambda: said("socket.state") == "live")
    got = said("got")
    assert got[0] == {"type": "cv_progress", "cv_id": "c0", "progress": 45}
    assert [m["id"] for m in got if "prev" in m] == history(stack.db, "demo")
    assert {m["type"] for m in got} == {"cv_progress", "batch_progress", "resumed"}
    assert said("calls") == ["connect", [1006, True], "connect"]


def test_the_drop_in_class_pings_and_keeps_the_pongs_to_itself(site, drop_in):
    stack = site()
    said = drop_in(stack)
    pings = re.compile(r"^cvpulse_client_messages_total (\d+)$", re.M)
    wait_until(lambda: int(pings.search(stack.admin("notifier", "/metrics")[1])[1]) >= 3)
    assert said("got") == []


def test_the_drop_in_class_gives_up_when_told_so(site, drop_in):
    stack = site()
    said = drop_in(stack)
    stack.db.publish("cvpulse:control", '{"action":"disconnect","user":"demo","code":4410}')
    wait_until(lambda: said("calls") == ["connect", [4410, False]])
    assert said("socket.state") == "signed-out"


def test_the_drop_in_class_can_be_closed(site, drop_in):
    stack = site()
    said = drop_in(stack)
    said("socket.close()")
    wait_until(lambda: connections(stack) == 0)
    news(stack, 0, 1)
    assert said("[socket.state, socket.send('x'), got]") == ["offline", False, []]
