"""The dashboard as people use it: by keyboard, with a screen reader, in their language, and what its buttons do."""
import csv
import json
import re

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from browser import browser, cdp  # noqa: F401
from dashboard_page import choose, find, page, press, rows, site, text, user, wait_connection, wait_rows  # noqa: F401
from followers import Publisher
from harness import ROOT, SAMPLES, wait_until
from test_journey import text_cv

pytestmark = pytest.mark.browser

AXE = ROOT / "web" / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"
NAMES = {f.name: f for f in SAMPLES}
PDF = NAMES["chef-moreau-classic.pdf"]


def findings(browser, *rules):
    """What axe finds that is serious or worse; by these rules only, or by all."""
    browser.execute_script(AXE.read_text())
    result = browser.execute_async_script("""
        const [rules, done] = arguments;
        const options = { resultTypes: ['violations'], iframes: false, ...(rules.length && { runOnly: rules }) };
        axe.run(options).then((r) => done(r.violations), (e) => done([{ impact: 'critical', id: String(e), nodes: [] }]));""", rules)
    return [(v["impact"], v["id"], [n["html"][:200] for n in v["nodes"][:3]]) for v in result if v["impact"] in ("serious", "critical")]


def colours(browser, scheme):
    cdp(browser, "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme},
                                                         {"name": "prefers-reduced-motion", "value": "reduce"}])


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: npm ci in web/dashboard")
def test_axe_finds_nothing_serious(site, user, page):
    site.submit(user, [PDF, ("empty.pdf", b""), text_cv(1)])
    wait_until(lambda: len(rows(page)) == 3 and all(r[1] in ("completed", "failed") for r in rows(page)), 60)
    # Dark differs in its colours only.
    for scheme, rules in (("light", ()), ("dark", ("color-contrast",))):
        colours(page, scheme)
        assert findings(page, *rules) == []
        press(page, "[data-status=completed] button.name")
        wait_until(lambda: page.find_elements("css selector", "dialog .resume h4"), 60)
        assert findings(page, *rules) == []
        press(page, "dialog .only-icon")
    cdp(page, "Emulation.setEmulatedMedia", features=[])


def key(page, name):
    ActionChains(page).send_keys(name).perform()


def tab_to(page, there):
    for _ in range(20):
        if page.execute_script(there):
            return
        key(page, Keys.TAB)
    raise AssertionError("Tab does not get there")


def test_files_are_uploaded_by_keyboard_alone(page):
    active = "return document.activeElement.matches('input[type=file]')"
    tab_to(page, active)
    assert page.execute_script(active + " && getComputedStyle(document.querySelector('.drop')).outlineStyle === 'solid'")
    cdp(page, "Page.setInterceptFileChooserDialog", enabled=True)
    page.execute_script("window.asked = 0; document.activeElement.addEventListener('click', () => asked++)")
    key(page, Keys.SPACE)
    wait_until(lambda: page.execute_script("return asked") == 1)
    cdp(page, "Page.setInterceptFileChooserDialog", enabled=False)
    choose(page, [PDF])
    wait_rows(page, 1, "completed")
    tab_to(page, "return document.activeElement.matches('button.name')")
    key(page, Keys.ENTER)
    wait_until(lambda: "Brasserie du Vieux Quai" in text(page, "dialog .resume"), 60)
    key(page, Keys.ESCAPE)
    wait_until(lambda: not page.find_elements("css selector", "dialog"))
    assert page.execute_script("return document.activeElement.matches('button.name')")


def test_a_screen_reader_hears_a_summary_not_each_event(site, user, page):
    page.execute_script("""
        window.heard = [];
        const region = document.querySelector('[aria-live=polite]');
        new MutationObserver(() => region.textContent && heard.push([region.textContent, performance.now()]))
            .observe(region, { childList: true, characterData: true, subtree: true });""")
    choose(page, SAMPLES[:6])
    heard = "return heard.map(([text]) => text)"
    wait_until(lambda: "All 6 CVs are done." in page.execute_script(heard), 60)
    first, *summaries = page.execute_script(heard)
    assert first == "6 files chosen, the upload begins." and len(set(summaries)) == len(summaries)
    times = page.execute_script("return heard.slice(1).map(([, at]) => at)")
    assert all(after - before > 4000 for before, after in zip(times, times[1:]))


def test_the_result_stands_beside_the_original(site, user, page):
    site.submit(user, [PDF])
    wait_rows(page, 1, "completed")
    assert "Éloïse Moreau-Lefèvre" in rows(page)[0][3]
    press(page, "button.name")
    wait_until(lambda: "Brasserie du Vieux Quai" in text(page, "dialog .resume"), 60)
    wait_until(lambda: page.find_elements("css selector", "dialog iframe[src^='blob:']"), 60)
    steps = page.execute_script("return [...document.querySelectorAll('.timeline li')].map((li) => li.dataset.state)")
    assert steps[-1] == "completed" and set(steps[:-1]) == {"past"}
    # Its address is this CV's; "back" closes it.
    assert page.current_url.endswith(f"#cv={rows(page)[0][0]}")
    page.back()
    wait_until(lambda: not page.find_elements("css selector", "dialog"))


def test_markup_in_an_original_does_nothing(site, user, page):
    evil = b"<title>Eve</title><h1>Eve Evil</h1><script>top.document.title='x'</script><img src=x onerror=\"top.document.title='x'\">"
    site.submit(user, [("eve.html", evil + text_cv(1)[1])])
    wait_until(lambda: rows(page) and rows(page)[0][1] in ("completed", "failed"), 60)
    press(page, "button.name")
    frame = wait_until(lambda: page.find_elements("css selector", "dialog iframe[src^='blob:']"), 60)[0]
    assert frame.get_attribute("sandbox") == ""
    page.switch_to.frame(frame)
    wait_until(lambda: page.find_elements("css selector", "h1"))
    page.switch_to.default_content()
    assert "x" != page.title
    page.get_log("browser")  # the policy says what it forbade, as it should


def test_an_early_name_stands_in_the_row_and_in_the_search(site, user, page):
    publisher = Publisher(site.db)
    publisher.cv(user, "c1", "processing", 30, rest='"filename":"long.pdf","stage":"extract","early":{"name":"Ada Early","has_email":true}')
    publisher.cv(user, "c2", "processing", 30, rest='"filename":5,"stage":{"x":1},"message":["a"],"early":"Ada"')
    publisher.cv(user, "c1", "processing", 40, rest='"filename":"long.pdf","stage":"parse","message":"Finding facts"')
    wait_until(lambda: "Ada Early · Finding facts" in " ".join(r[3] for r in rows(page)))
    find(page, "input[type=search]").send_keys("ada e")
    wait_until(lambda: [r[0] for r in rows(page)] == ["c1"])
    # An address that nobody made hurts nobody.
    page.execute_script("location.hash = '#cv=%E0%A4%A'")
    page.refresh()
    wait_until(lambda: len(rows(page)) == 2)


def test_what_is_shown_can_be_chosen(site, user, page):
    site.submit(user, [text_cv(1), text_cv(2), ("empty.pdf", b"")])
    wait_until(lambda: sorted(r[1] for r in rows(page)) == ["completed", "completed", "failed"], 60)
    press(page, "[data-filter=failed]")
    wait_until(lambda: [r[1] for r in rows(page)] == ["failed"])
    press(page, "[data-filter=all]")
    find(page, "input[type=search]").send_keys("CV-2")
    wait_until(lambda: len(rows(page)) == 1 and "cv-2.txt" in rows(page)[0][3])


def test_a_failed_cv_can_be_tried_again_and_erased(site, user, page):
    answer = site.submit(user, [("empty.pdf", b"")])
    cv_id = answer["cvs"][0]["cv_id"]
    wait_rows(page, 1, "failed")
    press(page, ".row-actions button")
    wait_until(lambda: site.request("GET", f"/cvs/{cv_id}", user).json()["attempt"] == 2)
    wait_rows(page, 1, "failed")
    press(page, "button.name")
    page.execute_script("window.confirm = () => true")
    press(page, "dialog .danger")
    wait_until(lambda: rows(page) == [])
    assert site.request("GET", f"/cvs/{cv_id}", user).status_code == 404


def test_a_batch_can_be_cancelled(make_stack, browser):
    stack = make_stack(without=("worker",))
    stack.worker.argv += ["--set", "worker.roles=ingest"]
    stack.worker.start()
    stack.processes.append(stack.worker)
    browser.get(stack.url)
    wait_connection(browser, "live")
    stack.submit("demo", [text_cv(n) for n in range(3)])
    wait_rows(browser, 3, "queued")
    press(browser, ".batch-actions button")
    wait_rows(browser, 3, "cancelled")


def test_results_are_downloaded(site, user, page, tmp_path):
    cdp(page, "Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    formula = ("=cmd.txt", text_cv(2)[1])
    site.submit(user, [PDF, formula, ("empty.pdf", b"")])
    wait_until(lambda: len(rows(page)) == 3 and all(r[1] in ("completed", "failed") for r in rows(page)), 60)
    for kind in ("JSON", "CSV"):
        press(page, f".batch-actions [aria-label$={kind}]")
        wait_until(lambda: list(tmp_path.glob(f"*.{kind.lower()}")), 60)
        wait_until(lambda: page.find_elements("css selector", ".batch-actions [aria-label$=CSV]"), 60)
    cvs = json.loads(next(tmp_path.glob("*.json")).read_text())
    assert {cv["filename"] for cv in cvs} == {PDF.name, "=cmd.txt", "empty.pdf"}
    assert next(cv for cv in cvs if cv["filename"] == PDF.name)["resume"]["basics"]["name"] == "Éloïse Moreau-Lefèvre"
    with open(next(tmp_path.glob("*.csv")), encoding="utf-8-sig", newline="") as f:
        table = {line["file"]: line for line in csv.DictReader(f)}
    assert table[PDF.name]["email"] and table["empty.pdf"]["error"] and "'=cmd.txt" in table
    assert not any(value.startswith(("=", "+", "-", "@")) for line in table.values() for value in line.values())


def test_it_speaks_german_and_remembers_it(site, user, page):
    site.submit(user, [("empty.pdf", b"")])
    wait_rows(page, 1, "failed")
    page.execute_script("""
        const choice = document.querySelector('.choices select');
        choice.value = 'de'; choice.dispatchEvent(new Event('change', { bubbles: true }));""")
    wait_until(lambda: "Die Datei ist leer" in rows(page)[0][3])
    page.refresh()
    wait_rows(page, 1, "failed")
    assert "Die Datei ist leer" in rows(page)[0][3] and page.execute_script("return document.documentElement.lang") == "de"


def test_every_error_has_a_german_sentence():
    codes = re.findall(r"^ERROR_CODE\((\w+)", (ROOT / "src" / "error_codes.def").read_text(), re.M)
    german = (ROOT / "web" / "dashboard" / "src" / "words" / "de.ts").read_text()
    said = re.findall(r"^\t\t(\w+):", german[german.index("errors: {"):], re.M)
    assert said == codes
