"""The dashboard when things go wrong or become many: reloads, daemons killed, thousands of CVs, thousands of events."""
import json

import pytest

from browser import browser, cdp  # noqa: F401
from dashboard_page import choose, connection, find, page, rows, site, text, user, visit, wait_connection, wait_rows  # noqa: F401
from followers import Publisher
from harness import SAMPLES, wait_until
from test_client import show
from test_journey import text_cv

pytestmark = pytest.mark.browser


def cv_files(folder, count):
    paths = [folder / text_cv(n)[0] for n in range(count)]
    for n, path in enumerate(paths):
        path.write_bytes(text_cv(n)[1])
    return paths


def network(page, **conditions):
    cdp(page, "Network.enable")
    cdp(page, "Network.emulateNetworkConditions", **{"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1, **conditions})


def requests_of(site):
    return (site.folder / "access.log").read_text().splitlines()


def test_an_upload_goes_on_after_a_reload(site, user, page, tmp_path):
    big = tmp_path / "big.txt"
    big.write_bytes(text_cv(1)[1] + b"More of the same. " * 100000)
    network(page, uploadThroughput=100_000)
    known = len(requests_of(site))
    choose(page, [big])
    sent = "return Number(document.querySelector('[data-status=uploading] [role=progressbar]')?.ariaValueNow ?? 0)"
    wait_until(lambda: page.execute_script(sent) > 5, 60)
    page.refresh()
    network(page)
    wait_until(lambda: [r[1] for r in rows(page)] in (["completed"], ["failed"]), 60, lambda: f"rows: {rows(page)}")
    # One upload, begun once: the second visit went on with it.
    log = requests_of(site)[known:]
    posts = [line for line in log if ' POST "/api/v1/cv-processing/files"' in line]
    heads = [line for line in log if ' HEAD "/api/v1/cv-processing/files/' in line]
    assert len(posts) == 1 and heads
    page.refresh()
    wait_connection(page, "live")
    assert len(rows(page)) == 1 and page.find_elements("css selector", "[data-status=uploading]") == []


@pytest.mark.parametrize("daemon", ["notifier", "worker"])
def test_a_killed_daemon_costs_nothing(site, user, page, tmp_path, daemon):
    choose(page, cv_files(tmp_path, 40))
    wait_until(lambda: len(rows(page)) >= 5, 60)
    process = getattr(site, daemon)
    process.kill()
    process.start()
    wait_rows(page, 40, "completed")
    batch = find(page, "[data-batch-id]")
    answer = site.request("GET", f"/batches/{batch.get_attribute('data-batch-id')}", user)
    there = {cv["cv_id"]: (cv["status"], cv["progress"]) for cv in pages(site, user, answer.json())}
    assert {r[0]: (r[1], r[2]) for r in rows(page)} == there
    wait_until(lambda: find(page, "[data-batch-id]").get_attribute("data-status") == "completed", 60)
    bars = page.execute_script("return [...bars.values()]")
    assert all(values == sorted(values) for values in bars)


def pages(site, user, first):
    cvs, page = list(first["cvs"]), first
    while page["next_cursor"]:
        page = site.request("GET", f"/batches/{first['batch_id']}", user, params={"cursor": page["next_cursor"]}).json()
        cvs += page["cvs"]
    return cvs


@pytest.mark.parametrize(("way", "state"), [("sse", "live"), ("poll", "polling")])
def test_what_stands_in_the_way_of_a_socket_does_not_stop_the_page(site, user, browser, way, state):
    visit(browser, site, f"{way}-{user}", state)
    choose(browser, SAMPLES[:2])
    wait_rows(browser, 2, "completed")
    browser.execute_script("localStorage.clear()")


def test_what_happens_while_offline_is_caught_up_with(site, user, page):
    network(page, offline=True)
    try:
        wait_connection(page, "offline")
        site.submit(user, SAMPLES[:3])
        wait_until(lambda: batches_ended(site, user))
        assert rows(page) == []
    finally:
        network(page)
    wait_rows(page, 3, "completed")
    assert connection(page) == "live"


def batches_ended(site, user):
    batches = site.request("GET", "/batches", user).json()["batches"]
    return batches and all(b["status"] == "completed" for b in batches)


def test_a_laptop_that_slept_wakes_up_to_what_happened(site, user, page):
    cdp(page, "Page.setWebLifecycleState", state="frozen")
    wait_until(lambda: json.loads(site.admin("notifier", "/api/stats")[1])["active_connections"] == 0)
    site.submit(user, SAMPLES[:3])
    wait_until(lambda: batches_ended(site, user))
    cdp(page, "Page.setWebLifecycleState", state="active")
    show(page)
    wait_rows(page, 3, "completed")
    wait_connection(page, "live")


def test_five_tabs_have_one_connection_and_show_the_same(site, user, page):
    first = page.current_window_handle
    try:
        for _ in range(4):
            page.switch_to.new_window("tab")
            visit(page, site, user)
        assert json.loads(site.admin("notifier", "/api/stats")[1])["active_connections"] == 1
        site.submit(user, SAMPLES[:3])
        for handle in page.window_handles:
            page.switch_to.window(handle)
            wait_rows(page, 3, "completed")
    finally:
        for handle in page.window_handles:
            if handle != first:
                page.switch_to.window(handle)
                page.close()
        page.switch_to.window(first)


DRAWINGS = """
    window.frames = 0; window.drawings = 0;
    const tick = () => { frames++; requestAnimationFrame(tick); };
    requestAnimationFrame(tick);
    new MutationObserver(() => drawings++).observe(document.querySelector('.list'), { subtree: true, childList: true, attributes: true });"""


def flood(site, user, count, cvs):
    """So many events at once about so many CVs, each moving on."""
    pipe = site.db.pipeline(transaction=False)
    for n in range(count):
        percent = n // cvs
        pipe.publish(f"user:{user}:events", json.dumps({
            "type": "cv_progress", "batch_id": "b1", "cv_id": f"c{n % cvs}", "filename": f"cv-{n % cvs}.pdf", "status": "processing",
            "stage": "extract", "progress": percent, "attempt": 1, "message": f"Reading page {percent}"}))
    pipe.execute()


def test_events_that_come_together_are_drawn_together(site, user, page):
    """That a page does not stutter is measured by bench/page; here, what makes it so."""
    page.execute_script(DRAWINGS)
    flood(site, user, 6000, 300)
    wait_until(lambda: "19 %" in text(page, "[data-cv-id=c299] .percent") or page.execute_script("scrollTo(0, document.body.scrollHeight)"), 60)
    frames, drawings, nodes = page.execute_script("return [frames, drawings, document.querySelectorAll('*').length]")
    assert drawings <= frames + 3 and drawings < 3000
    assert len(rows(page)) < 100 and nodes < 3000


def test_five_thousand_cvs_are_a_short_document(site, user, page):
    publisher = Publisher(site.db)
    pipe = site.db.pipeline(transaction=False)
    for n in range(5000):
        publisher.call(keys=[f"user:{user}:"], args=[user, "b1", f"c{n}", "failed" if n % 100 == 0 else "completed", 1, 100,
                                                  f'"filename":"cv-{n}.pdf","error":{{"code":"corrupt","message":"It is damaged.","retryable":false}}', 1000, 86400],
                       client=pipe)
    pipe.execute()
    page.refresh()
    wait_until(lambda: "5,000" in text(page, "[data-filter=all]"), 60)
    assert len(rows(page)) < 100
    for _ in range(20):
        page.execute_script("scrollBy(0, document.body.scrollHeight / 20)")
    page.execute_script("scrollTo(0, document.body.scrollHeight)")
    wait_until(lambda: "cv-4999.pdf" in rows(page)[-1][3], 60)
    assert len(rows(page)) < 100
    page.execute_script("document.querySelector('[data-filter=failed]').click()")
    wait_until(lambda: {r[1] for r in rows(page)} == {"failed"} and len(rows(page)) == 50, 60)
