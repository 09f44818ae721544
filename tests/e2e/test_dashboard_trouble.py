"""The dashboard when things go wrong or become many: reloads, daemons killed, thousands of CVs, thousands of events."""
import json
import os
import threading
import time

import pytest

from browser import browser, cdp  # noqa: F401
from dashboard_page import choose, find, page, rows, text, wait_connection, wait_rows  # noqa: F401
from followers import Publisher
from harness import wait_until
from test_journey import text_cv

pytestmark = pytest.mark.browser

# How long the flood of events lasts; a whole one takes 10 s.
FLOOD_S = float(os.environ.get("CVPULSE_FLOOD_S", "3"))


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


class Flood(threading.Thread):
    """Publishes so many events a second about so many CVs, each moving on."""

    def __init__(self, db, rate, seconds, cvs):
        super().__init__(daemon=True)
        self.db, self.rate, self.seconds, self.cvs, self.sent = db, rate, seconds, cvs, 0

    def run(self):
        begin = time.monotonic()
        step = self.rate // 50
        while time.monotonic() - begin < self.seconds:
            pipe = self.db.pipeline(transaction=False)
            for n in range(self.sent, self.sent + step):
                cv, percent = n % self.cvs, min(99, n // self.cvs)
                pipe.publish("user:demo:events", json.dumps({
                    "type": "cv_progress", "batch_id": "b1", "cv_id": f"c{cv}", "filename": f"cv-{cv}.pdf", "status": "processing",
                    "stage": "extract", "progress": percent, "attempt": 1, "message": f"Reading page {percent}"}))
            pipe.execute()
            self.sent += step
            time.sleep(max(0, begin + self.sent / self.rate - time.monotonic()))


WATCH = """
    window.frames = []; window.tasks = [];
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map((e) => e.duration))).observe({ type: 'longtask' });
    let last = performance.now();
    const tick = (now) => { frames.push(now - last); last = now; requestAnimationFrame(tick); };
    requestAnimationFrame(tick);"""


def heap(page):
    cdp(page, "HeapProfiler.collectGarbage")
    return next(m["value"] for m in cdp(page, "Performance.getMetrics")["metrics"] if m["name"] == "JSHeapUsedSize")


def test_two_thousand_events_a_second_do_not_make_it_stutter(stack, page):
    cdp(page, "Performance.enable")
    first = Flood(stack.db, 2000, 0.5, 500)
    first.run()
    wait_until(lambda: page.execute_script("return document.querySelectorAll('[data-cv-id]').length") > 5, 10)
    before = heap(page)
    page.execute_script(WATCH)
    flood = Flood(stack.db, 2000, FLOOD_S, 500)
    flood.run()
    frames, tasks = page.execute_script("return [frames, tasks]")
    assert flood.sent >= 1800 * FLOOD_S
    assert sorted(frames)[len(frames) // 2] < 20, f"median frame {sorted(frames)[len(frames) // 2]}"
    assert max(tasks, default=0) < 200, f"long tasks: {tasks}"
    assert heap(page) < before + 4_000_000
    # All of it arrived.
    percent = str(min(99, (flood.sent - 1) // 500))
    wait_until(lambda: percent in page.execute_script("return document.querySelector('[data-cv-id=c0] .percent').textContent"), 10)


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
    page.execute_script("window.frames = []; " + WATCH)
    for _ in range(20):
        page.execute_script("scrollBy(0, document.body.scrollHeight / 20)")
    page.execute_script("scrollTo(0, document.body.scrollHeight)")
    wait_until(lambda: "cv-4999.pdf" in rows(page)[-1][3], 10)
    assert len(rows(page)) < 100
    assert max(page.execute_script("return tasks"), default=0) < 200
    page.execute_script("document.querySelector('[data-filter=failed]').click()")
    wait_until(lambda: {r[1] for r in rows(page)} == {"failed"} and len(rows(page)) == 50, 10)
