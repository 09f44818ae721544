"""The dashboard when things go wrong or become many: reloads, daemons killed, thousands of CVs, thousands of events."""
import json

import pytest

from browser import browser, cdp  # noqa: F401
from dashboard_page import choose, find, page, rows, text, wait_connection, wait_rows  # noqa: F401
from followers import Publisher
from harness import wait_until
from test_journey import text_cv

pytestmark = pytest.mark.browser


def cv_files(folder, count):
    paths = [folder / text_cv(n)[0] for n in range(count)]
    for n, path in enumerate(paths):
        path.write_bytes(text_cv(n)[1])
    return paths


def test_an_upload_goes_on_after_a_reload(stack, page, tmp_path):
    big = tmp_path / "big.txt"
    big.write_bytes(text_cv(1)[1] + b"More of the same. " * 100000)
    cdp(page, "Network.enable")
    cdp(page, "Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=400_000)
    choose(page, [big])
    sent = "return Number(document.querySelector('[data-status=uploading] [role=progressbar]')?.ariaValueNow ?? 0)"
    wait_until(lambda: page.execute_script(sent) > 5, 20)
    page.refresh()
    cdp(page, "Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=-1)
    wait_until(lambda: [r[1] for r in rows(page)] in (["completed"], ["failed"]), 30, lambda: f"rows: {rows(page)}")
    # One upload, begun once: the second visit went on with it.
    log = (stack.folder / "access.log").read_text().splitlines()
    posts = [line for line in log if ' POST "/api/v1/cv-processing/files"' in line]
    heads = [line for line in log if ' HEAD "/api/v1/cv-processing/files/' in line]
    assert len(posts) == 1 and heads
    page.refresh()
    wait_connection(page, "live")
    assert len(rows(page)) == 1 and page.find_elements("css selector", "[data-status=uploading]") == []


@pytest.mark.parametrize("daemon", ["notifier", "worker"])
def test_a_killed_daemon_costs_nothing(stack, page, tmp_path, daemon):
    choose(page, cv_files(tmp_path, 40))
    wait_until(lambda: len(rows(page)) >= 5, 20)
    process = getattr(stack, daemon)
    process.kill()
    process.start()
    wait_rows(page, 40, "completed", 60)
    batch = find(page, "[data-batch-id]")
    answer = stack.request("GET", f"/batches/{batch.get_attribute('data-batch-id')}")
    there = {cv["cv_id"]: (cv["status"], cv["progress"]) for cv in pages(stack, answer.json())}
    assert {r[0]: (r[1], r[2]) for r in rows(page)} == there
    wait_until(lambda: find(page, "[data-batch-id]").get_attribute("data-status") == "completed", 30)
    bars = page.execute_script("return [...bars.values()]")
    assert all(values == sorted(values) for values in bars)


def pages(stack, first):
    cvs, page = list(first["cvs"]), first
    while page["next_cursor"]:
        page = stack.request("GET", f"/batches/{first['batch_id']}", params={"cursor": page["next_cursor"]}).json()
        cvs += page["cvs"]
    return cvs


DRAWINGS = """
    window.frames = 0; window.drawings = 0;
    const tick = () => { frames++; requestAnimationFrame(tick); };
    requestAnimationFrame(tick);
    new MutationObserver(() => drawings++).observe(document.querySelector('.list'), { subtree: true, childList: true, attributes: true });"""


def flood(stack, count, cvs):
    """So many events at once about so many CVs, each moving on."""
    pipe = stack.db.pipeline(transaction=False)
    for n in range(count):
        percent = n // cvs
        pipe.publish("user:demo:events", json.dumps({
            "type": "cv_progress", "batch_id": "b1", "cv_id": f"c{n % cvs}", "filename": f"cv-{n % cvs}.pdf", "status": "processing",
            "stage": "extract", "progress": percent, "attempt": 1, "message": f"Reading page {percent}"}))
    pipe.execute()


def test_events_that_come_together_are_drawn_together(stack, page):
    """That a page does not stutter is measured by bench/page; here, what makes it so."""
    page.execute_script(DRAWINGS)
    flood(stack, 6000, 300)
    wait_until(lambda: "19 %" in text(page, "[data-cv-id=c299] .percent") or page.execute_script("scrollTo(0, document.body.scrollHeight)"), 20)
    frames, drawings, nodes = page.execute_script("return [frames, drawings, document.querySelectorAll('*').length]")
    assert drawings <= frames + 3 and drawings < 3000
    assert len(rows(page)) < 100 and nodes < 3000


def test_five_thousand_cvs_are_a_short_document(stack, page):
    publisher = Publisher(stack.db)
    pipe = stack.db.pipeline(transaction=False)
    for n in range(5000):
        publisher.call(keys=["user:demo:"], args=["demo", "b1", f"c{n}", "failed" if n % 100 == 0 else "completed", 1, 100,
                                                  f'"filename":"cv-{n}.pdf","error":{{"code":"corrupt","message":"It is damaged.","retryable":false}}', 1000, 86400],
                       client=pipe)
    pipe.execute()
    page.refresh()
    wait_until(lambda: "5,000" in text(page, "[data-filter=all]"), 30)
    assert len(rows(page)) < 100
    for _ in range(20):
        page.execute_script("scrollBy(0, document.body.scrollHeight / 20)")
    page.execute_script("scrollTo(0, document.body.scrollHeight)")
    wait_until(lambda: "cv-4999.pdf" in rows(page)[-1][3], 10)
    assert len(rows(page)) < 100
    page.execute_script("document.querySelector('[data-filter=failed]').click()")
    wait_until(lambda: {r[1] for r in rows(page)} == {"failed"} and len(rows(page)) == 50, 10)
