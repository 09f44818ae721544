"""The page at / in a real browser: what a person chooses moves to its end without a refresh."""
import re

import pytest
from selenium.webdriver.common.by import By

from browser import browser  # noqa: F401
from dashboard_page import choose, page, rows, site, user, visit, wait_connection, wait_rows  # noqa: F401
from harness import ROOT, SAMPLES, wait_until
from test_journey import text_cv

pytestmark = pytest.mark.browser


def test_chosen_files_move_to_their_end_without_a_refresh(page):
    choose(page, SAMPLES)
    wait_rows(page, len(SAMPLES), "completed")
    assert {r[2] for r in rows(page)} == {100}
    text = " ".join(r[3] for r in rows(page))
    assert all(f.name in text for f in SAMPLES)
    bars = page.execute_script("return [...bars.values()]")
    assert len(bars) == len(SAMPLES) and all(values == sorted(values) for values in bars)
    batch = page.find_element(By.CSS_SELECTOR, "[data-batch-id]")
    wait_until(lambda: batch.get_attribute("data-status") == "completed")
    assert batch.find_element(By.CSS_SELECTOR, ":scope > [role=progressbar]").get_attribute("aria-valuenow") == "100"
    assert page.find_elements(By.CSS_SELECTOR, ".uploads") == []


def test_what_another_program_sends_for_the_user_appears_too(site, user, page):
    site.submit(user, [text_cv(1)])
    wait_rows(page, 1, "completed")
    assert "cv-1.txt" in rows(page)[0][3]


def test_who_comes_later_sees_what_was_before(site, user, page):
    site.submit(user, SAMPLES[:3])
    wait_rows(page, 3, "completed")
    page.refresh()
    wait_rows(page, 3, "completed")


def test_a_failed_file_says_why_and_what_to_do(site, user, page):
    site.submit(user, [("empty.pdf", b"")])
    wait_rows(page, 1, "failed")
    assert re.search(r"empty.*choose", rows(page)[0][3], re.S)


def test_a_file_that_is_not_accepted_says_why(page, tmp_path):
    huge = tmp_path / "huge.pdf"
    with open(huge, "wb") as f:
        f.truncate(53 << 20)
    choose(page, [huge])
    row = wait_until(lambda: page.find_elements(By.CSS_SELECTOR, "[data-status=refused]"), 60)[0]
    assert "huge.pdf" in row.text and len(row.find_element(By.CSS_SELECTOR, ".note").text) > 10


def test_nothing_is_missed_while_the_notifier_is_away(site, user, page):
    site.notifier.kill()
    wait_connection(page, "reconnecting")
    site.submit(user, SAMPLES[:4])
    site.notifier.start()
    wait_connection(page, "live")
    wait_rows(page, 4, "completed")


def test_names_of_files_are_text_not_markup(site, user, page):
    site.submit(user, [("<img src=x onerror=alert(1)>.txt", text_cv(1)[1])])
    wait_rows(page, 1, "completed")
    assert page.find_elements(By.CSS_SELECTOR, ".cv img") == []


def test_the_user_of_the_address_is_the_one_shown(site, browser):
    site.submit("anna", [text_cv(1)])
    site.submit("berta", [text_cv(2)])
    visit(browser, site, "anna")
    wait_rows(browser, 1, "completed")
    assert "cv-1.txt" in rows(browser)[0][3]


def readme_block(language, containing):
    for block in re.findall(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(), re.S):
        if containing in block:
            return block
    raise AssertionError(f"README.md has no {language} block with {containing}")


def test_the_console_test_of_the_readme(site, browser):
    browser.get(site.url)
    browser.get_log("browser")
    browser.execute_script(f"const log = console.log; window.said = []; console.log = (x) => said.push(x);\n{readme_block('js', 'ping')}")
    wait_until(lambda: browser.execute_script("return said.length"))
    assert browser.execute_script("return said[0]") == '{"type": "pong"}'
    site.db.publish("user:42:events", '{"type":"cv_progress","progress":45}')
    wait_until(lambda: browser.execute_script("return said[1]") == '{"type":"cv_progress","progress":45}')
