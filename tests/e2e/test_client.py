"""web/client in a real browser, against the real notifier: whatever is in the way, what was missed is caught up with. The tests
share daemons and browser; each has a user of its own."""
import itertools
import json
import re
import time

import jwt
import pytest

from browser import browser, cdp  # noqa: F401
from client_page import IN_THE_WAY, PAGE, TIMES, Page, build
from followers import Publisher, history
from harness import Stack, unix_get, wait_until

pytestmark = pytest.mark.browser

SECRET = "0123456789abcdef0123456789abcdef"
AWAY_S = 20
numbers = itertools.count(1)


@pytest.fixture(scope="module", autouse=True)
def built():
    build()


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    """Where this file is, users called later-… get a WebSocket."""
    return tmp_path_factory.mktemp("gate") / "open"


def stack_of(gate, **sections):
    stack = Stack(without=("worker",), nginx_options=PAGE + IN_THE_WAY.replace("GATE", str(gate)), **sections).start()
    stack.publisher = Publisher(stack.db)
    return stack


@pytest.fixture(scope="module")
def site(gate):
    stack = stack_of(gate, notifier={"heartbeat_interval_s": 1})
    yield stack
    stack.finish()


@pytest.fixture(scope="module")
def guarded(gate, tmp_path_factory):
    """Takes tokens, and takes them at their word."""
    secret = tmp_path_factory.mktemp("auth") / "secret"
    secret.write_text(SECRET)
    stack = stack_of(gate, auth={"mode": "jwt", "jwt_secret_file": secret, "leeway_s": 0})
    yield stack
    stack.finish()


@pytest.fixture
def user():
    return f"user{next(numbers)}"


def news(stack, user, first, last):
    """CVs that begin and end."""
    for n in range(first, last):
        stack.publisher.cv(user, f"c{n}", "queued", 0)
        stack.publisher.cv(user, f"c{n}", "completed", 100)


def connections(stack):
    return json.loads(stack.admin("notifier", "/api/stats")[1])["active_connections"]


def token(user, life_s):
    return jwt.encode({"sub": user, "exp": int(time.time()) + life_s}, SECRET, "HS256")


# --- pages that are away for a while; what becomes of them is asked at the end of this file, when the while is over ---

def offline(browser, is_offline):
    cdp(browser, "Network.enable")
    cdp(browser, "Network.emulateNetworkConditions", offline=is_offline, latency=0, downloadThroughput=-1, uploadThroughput=-1)


@pytest.fixture(scope="module")
def away(guarded, browser):
    """Tabs with the times that everybody has: without network, frozen, and with tokens that soon expire. `since`: since when."""
    first = browser.current_window_handle
    tabs = {}

    def open_tab(name, life_s, **options):
        browser.switch_to.new_window("tab")
        user = f"away-{name}"
        tabs[name] = Page(browser, guarded, user, times={}, tokens=[token(user, life_s), token(user, 600)], **options).wait("live")

    open_tab("offline", 600)
    offline(browser, True)
    tabs["offline"].wait("offline")
    open_tab("frozen", 600)
    cdp(browser, "Page.setWebLifecycleState", state="frozen")
    wait_until(lambda: connections(guarded) == 0, 30)
    for transport in ("websocket", "sse"):
        open_tab(transport, 5, transports=[transport])
    tabs["since"] = time.time()
    browser.switch_to.window(first)
    yield tabs
    for handle in [page.handle for name, page in tabs.items() if name != "since"]:
        browser.switch_to.window(handle)
        browser.close()
    browser.switch_to.window(first)


def test_what_comes_while_a_page_is_away_does_not_reach_it(away, guarded, browser):
    for name in ("offline", "frozen"):
        news(guarded, f"away-{name}", 0, 5)
    away["offline"].front()
    assert away["offline"].js("[cvpulse.state.connection, events]") == ["offline", []]
    browser.switch_to.window(browser.window_handles[0])


# --- transports ---

def test_events_become_state(site, browser, user):
    page = Page(browser, site, user).wait("live", "websocket")
    news(site, user, 0, 3)
    page.has_all()
    page.wait_status({f"c{n}": "completed" for n in range(3)})
    assert page.js("cvpulse.state.batches.get('b1').completed") == 3
    assert page.js("cvpulse.state === cvpulse.state")
    assert page.js("states") == ["catching-up", "live"]


@pytest.mark.parametrize("kept_back, state", [("sse", "live"), ("poll", "polling")])
def test_what_takes_no_websocket_or_keeps_a_stream_back_is_got_round(site, browser, user, kept_back, state):
    page = Page(browser, site, f"{kept_back}-{user}").wait(state, kept_back)
    news(site, page.user, 0, 3)
    page.has_all()


def test_what_works_is_remembered_and_what_is_better_is_tried(site, browser, user, gate):
    user = f"later-{user}"
    Page(browser, site, user).wait("live", "sse")
    page = Page(browser, site, user, {**TIMES, "climbMs": 60000, "climbMaxMs": 60000}, remembers=True).wait("live", "sse")
    assert page.asked() == [("sse", False)]
    gate.touch()
    page = Page(browser, site, user, remembers=True).wait("live", "websocket")
    news(site, user, 0, 3)
    page.has_all()
    assert "reconnecting" not in page.js("states")


# --- trouble ---

def test_a_notifier_that_is_killed_is_missed_and_found_again(site, browser, user):
    page = Page(browser, site, user).wait("live")
    site.notifier.kill()
    page.wait("reconnecting")
    news(site, user, 0, 5)
    site.notifier.start()
    page.wait("live", "websocket")
    page.has_all()


def test_a_connection_that_died_silently_is_noticed(site, browser, user):
    page = Page(browser, site, user).wait("live")
    site.notifier.child.send_signal(19)
    try:
        page.wait("reconnecting")
    finally:
        site.notifier.child.send_signal(18)
    news(site, user, 0, 2)
    page.wait("live")
    page.has_all()


def test_the_back_button_finds_the_page_as_it_was_and_up_to_date(site, browser, user):
    page = Page(browser, site, user).wait("live")
    news(site, user, 0, 1)
    page.has_all()
    browser.get(f"{site.url}/client/package.json")
    news(site, user, 1, 3)
    browser.back()
    assert browser.execute_script("return typeof window.cvpulse") == "object", "the page was not kept"
    page.has_all()
    page.wait("live")


# --- tokens ---

@pytest.mark.parametrize("transport, state", [("websocket", "live"), ("sse", "live"), ("poll", "polling")])
def test_a_token_that_is_refused_is_replaced(guarded, browser, user, transport, state):
    page = Page(browser, guarded, user, transports=[transport], tokens=[token(user, -600), token(user, 600)]).wait(state)
    assert page.js("renewals") == [False, True]


def test_without_a_good_token_one_is_signed_out(guarded, browser, user):
    page = Page(browser, guarded, user, tokens=[token(user, -600), token(user, -600), token(user, 600)]).wait("signed-out")
    assert page.js("cvpulse.state.problem.code") == 4401
    page.js("cvpulse.reconnect()")
    page.wait("live")


def test_a_user_who_signs_out_elsewhere_is_signed_out(site, browser, user):
    page = Page(browser, site, user).wait("live")
    sign_out(site, user)
    page.wait("signed-out")
    assert page.js("cvpulse.state.problem.code") == 4410


def sign_out(stack, user):
    stack.db.publish("cvpulse:control", json.dumps({"action": "disconnect", "user": user, "code": 4410}))


# --- hidden pages, many tabs ---

def window(browser, state):
    cdp(browser, "Browser.setWindowBounds", windowId=cdp(browser, "Browser.getWindowForTarget")["windowId"], bounds={"windowState": state})


def hide(browser):
    window(browser, "minimized")
    wait_until(lambda: browser.execute_script("return document.hidden"))


def show(browser):
    window(browser, "minimized")
    window(browser, "normal")
    wait_until(lambda: not browser.execute_script("return document.hidden"))


@pytest.fixture
def tabs(browser, site, user):
    """Opens a tab of the user in front; at the end all that were opened are closed."""
    first = browser.current_window_handle
    pages = []

    def open_tab(user=user, **options):
        browser.switch_to.new_window("tab")
        pages.append(Page(browser, site, user, **options))
        return pages[-1]
    yield open_tab
    for page in pages:
        if page.handle in browser.window_handles:
            browser.switch_to.window(page.handle)
            browser.close()
    browser.switch_to.window(first)


def test_a_hidden_page_does_not_poll_and_a_shown_one_does_at_once(site, browser, user):
    page = Page(browser, site, user, transports=["poll"]).wait("polling")
    hide(browser)
    before = wait_until(lambda: page.js("asked.every((a) => a.ended) && asked.length"))
    news(site, user, 0, 3)
    # Some times the longest that a page in front would wait.
    time.sleep(3 * TIMES["pollMs"] / 1000)
    assert len(page.asked()) == before and page.js("events") == []
    show(browser)
    page.has_all()
    assert not any(hidden for _, hidden in page.asked())


def test_a_hidden_page_keeps_its_socket(site, browser, user):
    page = Page(browser, site, user).wait("live")
    hide(browser)
    news(site, user, 0, 3)
    page.has_all()
    show(browser)
    assert page.asked() == [("websocket", False)]


def test_five_tabs_have_one_connection_and_another_goes_on_when_its_tab_is_closed(site, browser, user, tabs):
    browser.get(f"{site.url}/blank")
    wait_until(lambda: connections(site) == 0)
    leader, *followers = [tabs().wait("live") for _ in range(5)]
    assert connections(site) == 1
    stranger = tabs(f"{user}-two").wait("live")
    news(site, user, 0, 3)
    news(site, stranger.user, 3, 4)
    stranger.has_all()
    for page in followers:
        page.front().has_all()
        assert page.asked() == []
    leader.front().has_all()
    browser.close()
    news(site, user, 4, 5)
    for page in followers:
        page.front().has_all()
    assert sum(len(page.front().asked()) for page in followers) == 1
    assert connections(site) == 2


def test_the_tab_in_front_takes_over_from_a_hidden_one_that_may_not_poll(site, browser, user, tabs):
    hidden, shown = [tabs(transports=["poll"]).wait("polling") for _ in range(2)]
    wait_until(shown.asked)
    news(site, user, 0, 2)
    shown.has_all()
    hidden.front().has_all()


def test_the_tab_in_front_takes_over_from_one_that_hangs(browser, tabs):
    tabs().wait("live")
    browser.execute_script("BroadcastChannel.prototype.postMessage = () => {};")
    assert tabs().wait("live").asked() == [("websocket", False)]


@pytest.mark.parametrize("forbidden", ["navigator.locks.request = () => Promise.reject(new Error('forbidden'))", "delete window.BroadcastChannel"])
def test_where_tabs_cannot_share_each_has_its_own(site, browser, user, forbidden):
    page = Page(browser, site, user, before=forbidden).wait("live", "websocket")
    news(site, user, 0, 1)
    page.has_all()


# --- the drop-in class ---

DROP_IN = """
    const done = arguments[arguments.length - 1];
    window.got = []; window.calls = [];
    import('/client/dist/cvpulse-client.min.js').then(({ ReconnectingWebSocket }) => {
        window.socket = new ReconnectingWebSocket({
            url: `/api/v1/cv-processing/ws/${arguments[0]}`, reconnectInterval: 50, heartbeatInterval: 200,
            onMessage: (message) => got.push(message), onConnect: () => calls.push('connect'), onDisconnect: ({ code, willReconnect }) => calls.push([code, willReconnect]),
        });
        done(null);
    }, (e) => done(String(e)));
"""


@pytest.fixture
def said(site, browser, user):
    """What an expression says in a page with an open ReconnectingWebSocket of the user."""
    browser.get(f"{site.url}/blank")
    assert browser.execute_async_script(DROP_IN, user) is None
    wait_until(lambda: browser.execute_script("return calls.length"))
    return lambda expression: browser.execute_script(f"return {expression}")


def test_the_drop_in_class_gets_what_a_plain_socket_gets_and_what_it_missed(site, user, said):
    wait_until(lambda: said("socket.state") == "live")
    site.db.publish(f"user:{user}:events", '{"type":"cv_progress","cv_id":"c0","progress":45}')
    news(site, user, 1, 2)
    wait_until(lambda: len(said("got")) == 5)
    site.notifier.kill()
    wait_until(lambda: said("socket.state") == "reconnecting")
    news(site, user, 2, 3)
    site.notifier.start()
    wait_until(lambda: said("socket.state") == "live")
    got = said("got")
    assert got[0] == {"type": "cv_progress", "cv_id": "c0", "progress": 45}
    assert [m["id"] for m in got if "prev" in m] == history(site.db, user)
    assert {m["type"] for m in got} == {"cv_progress", "batch_progress", "resumed"}
    assert said("calls") == ["connect", [1006, True], "connect"]


def pings(stack):
    return int(re.search(r"^cvpulse_client_messages_total (\d+)$", unix_get(stack.folder / "notifier-admin.sock", "/metrics")[1], re.M)[1])


def test_the_drop_in_class_pings_keeps_the_pongs_to_itself_and_can_be_closed(site, user, said):
    before = pings(site)
    wait_until(lambda: pings(site) >= before + 3)
    assert said("got") == []
    said("socket.close()")
    wait_until(lambda: connections(site) == 0)
    news(site, user, 0, 1)
    assert said("[socket.state, socket.send('x'), got, calls]") == ["offline", False, [], ["connect", [1000, False]]]


def test_the_drop_in_class_says_when_the_network_goes_and_when_it_comes_back(browser, said):
    offline(browser, True)
    try:
        wait_until(lambda: said("calls") == ["connect", [1000, True]])
        assert said("socket.state") == "offline"
    finally:
        offline(browser, False)
    wait_until(lambda: said("calls") == ["connect", [1000, True], "connect"])


def test_the_drop_in_class_gives_up_when_told_so(site, user, said):
    sign_out(site, user)
    wait_until(lambda: said("calls") == ["connect", [4410, False]])
    assert said("socket.state") == "signed-out"


# --- back after a while ---

@pytest.fixture
def back(away, browser):
    """The page of that name, in front, when it has been away long enough."""
    first = browser.current_window_handle
    wait_until(lambda: time.time() > away["since"] + AWAY_S, AWAY_S + 5)
    yield lambda name: away[name].front()
    browser.switch_to.window(first)


@pytest.mark.parametrize("transport", ["websocket", "sse"])
def test_a_token_that_expired_was_renewed_without_a_break(back, guarded, transport):
    page = back(transport)
    news(guarded, page.user, 0, 2)
    page.has_all()
    assert page.js("[states, renewals]") == [["catching-up", "live"], [False, True]]


def test_after_20_s_without_network_everything_is_there(back, browser):
    page = back("offline")
    assert page.js("events") == []
    offline(browser, False)
    page.wait("live", "websocket", 60).has_all()


def test_a_laptop_that_slept_20_s_wakes_up_to_everything(back, browser):
    page = back("frozen")
    cdp(browser, "Page.setWebLifecycleState", state="active")
    page.wait("live", "websocket", 60).has_all()
