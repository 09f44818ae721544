"""The dashboard of a site with tokens: one that ends while the page is open, and nobody signed in."""
import http.server
import json
import threading
import time

import jwt
import pytest

from browser import browser  # noqa: F401
from dashboard_page import choose, connection, wait_connection, wait_rows
from harness import SAMPLES, wait_until

pytestmark = pytest.mark.browser

SECRET = "0123456789abcdef0123456789abcdef"


class Tokens(http.server.ThreadingHTTPServer):
    """A site's own service that hands out tokens: one for each life in `lives`, the last again and again; none: nobody is signed in."""

    def __init__(self, *lives):
        super().__init__(("127.0.0.1", 0), Handler)
        self.lives, self.expired = list(lives), []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def token(self):
        expires = int(time.time()) + (self.lives.pop(0) if len(self.lives) > 1 else self.lives[0])
        self.expired.append(expires)
        return jwt.encode({"sub": "anna", "exp": expires}, SECRET, "HS256")


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.server.lives else 403)
        self.end_headers()
        if self.server.lives:
            self.wfile.write(json.dumps({"token": self.server.token()}).encode())

    def log_message(self, *args):
        pass


@pytest.fixture
def site_with(make_stack, tmp_path):
    (tmp_path / "secret").write_text(SECRET)
    services = []

    def make(*lives):
        tokens = Tokens(*lives)
        services.append(tokens)
        page = '<meta name="cvpulse-token-url" content="/session/token"></head>'
        stack = make_stack(auth={"mode": "jwt", "jwt_secret_file": tmp_path / "secret", "leeway_s": 0}, nginx_options=f"""
            sub_filter '</head>' '{page}';
            location = /session/token {{ proxy_pass http://127.0.0.1:{tokens.server_address[1]}; }}""")
        return stack, tokens
    yield make
    for service in services:
        service.shutdown()
        service.server_close()


def test_a_token_that_ends_is_renewed_without_a_visible_break(site_with, browser):
    stack, tokens = site_with(8, 600)
    browser.get(stack.url)
    wait_connection(browser, "live")
    browser.execute_script("""
        window.states = [];
        new MutationObserver((changes) => changes.forEach(({ target }) => states.push(target.dataset.connection)))
            .observe(document.querySelector('[data-connection]'), { attributes: true, attributeFilter: ['data-connection'] });""")
    wait_until(lambda: time.time() > tokens.expired[0] + 0.5, 60)
    choose(browser, SAMPLES[:2])
    wait_rows(browser, 2, "completed")
    assert connection(browser) == "live" and browser.execute_script("return states") == []
    assert len(tokens.expired) == 2


def test_without_a_token_the_page_says_so(site_with, browser):
    stack, tokens = site_with()
    browser.get(stack.url)
    wait_connection(browser, "signed-out")
    tokens.lives.append(600)
    browser.find_element("css selector", "header .quiet").click()
    wait_connection(browser, "live")
