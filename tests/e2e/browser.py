"""A headless Chromium for tests: the fixture `browser`, and what its driver can do beside the ordinary."""
import contextlib
import os
import signal
import subprocess
import tempfile

import pytest
import requests
from selenium import webdriver
from selenium.webdriver.remote.file_detector import UselessFileDetector

from harness import free_port, wait_until

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1000,900")


@pytest.fixture(scope="module")
def browser():
    with open_browser() as driver:
        yield driver


@contextlib.contextmanager
def open_browser():
    """Browser and driver meet at an address: left to themselves they would ask for localhost, which a bare system lacks."""
    debugger, port = free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="cvp-profile-", ignore_cleanup_errors=True) as profile:
        commands = (["/usr/bin/chromium", *FLAGS, f"--user-data-dir={profile}", f"--remote-debugging-port={debugger}"],
                    ["/usr/bin/chromedriver", f"--port={port}"])
        processes = [subprocess.Popen(c, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True) for c in commands]
        try:
            wait_until(lambda: answers(f"http://127.0.0.1:{debugger}/json/version") and answers(f"http://127.0.0.1:{port}/status"), 90)
            options = webdriver.ChromeOptions()
            options.debugger_address = f"127.0.0.1:{debugger}"
            options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
            driver = webdriver.Remote(f"http://127.0.0.1:{port}", options=options)
            driver.file_detector = UselessFileDetector()
            driver.set_script_timeout(30)
            yield driver
        finally:
            for process in processes:
                os.killpg(process.pid, signal.SIGTERM)
            for process in processes:
                process.wait(60)


def answers(url):
    try:
        return requests.get(url, timeout=5).ok
    except (requests.ConnectionError, requests.Timeout):
        return False


def cdp(browser, command, **parameters):
    """One command of the Chrome DevTools protocol, to the tab in front."""
    browser.command_executor._commands["cdp"] = ("POST", "/session/$sessionId/goog/cdp/execute")
    return browser.execute("cdp", {"cmd": command, "params": parameters})["value"]
