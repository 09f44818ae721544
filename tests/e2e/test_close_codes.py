"""Every close code of src/close_codes.def, provoked in the real notifier and read by a client as a browser would read it; and
what the documentation says about them."""
import contextlib
import json
import re
import time

import jwt
import pytest
import websockets

from harness import ROOT, Stream, wait_until
from test_rfc6455 import Wire

SECRET = "0123456789abcdef0123456789abcdef"
TABLE = [int(code) for code in re.findall(r"^CLOSE_CODE\((\d+),", (ROOT / "src" / "close_codes.def").read_text(), re.M)]


def notifier(make_stack, **limits):
    return make_stack(without=("worker",), notifier=limits)


def with_tokens(make_stack, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    return make_stack(without=("worker",), auth={"mode": "jwt", "jwt_secret_file": secret})


def browser(stack, user="42", **headers):
    """A client with an Origin, as every browser has: it is upgraded even when it is refused."""
    stream = Stream(stack.ws_url(user), {"Origin": stack.url, **headers})
    stack.streams.append(stream)
    return stream.connected()


def bearer(sub):
    return "Bearer " + jwt.encode({"sub": sub, "exp": int(time.time()) + 600}, SECRET, "HS256")


def shutdown(make_stack, _):
    stack = notifier(make_stack, drain_s=0)
    stream = stack.ws("42")
    assert stack.notifier.stop() == 0
    return stream


def long_message(make_stack, _):
    stream = notifier(make_stack).ws("42")
    stream.send("x" * 501)
    return stream


def restart(make_stack, _):
    stack = notifier(make_stack, drain_s=1)
    stream = stack.ws("42")
    assert stack.notifier.stop() == 0
    return stream


def full_house(make_stack, _):
    stack = notifier(make_stack, max_connections=1)
    stack.ws("1")
    return browser(stack)


def impossible_user(make_stack, _):
    return browser(notifier(make_stack), "no spaces")


def no_token(make_stack, tmp_path):
    return browser(with_tokens(make_stack, tmp_path))


def another_users_token(make_stack, tmp_path):
    return browser(with_tokens(make_stack, tmp_path), Authorization=bearer("43"))


class Sleeper:
    """A client that reads nothing until it is closed, then reads what is left."""

    def __init__(self, stack):
        self.wire = Wire(stack.folder / "notifier.sock")
        self.closed = self
        self.close_code = None

    def wait(self, _):
        self.close_code = self.wire.ended()
        self.wire.sock.close()
        return True


def sleeping_reader(make_stack, _):
    stack = notifier(make_stack, outbox_max_bytes=65536)
    sleeper = Sleeper(stack)
    event = json.dumps({"type": "x", "text": "x" * 60000})

    def is_over_the_limit():
        stack.db.publish("user:rfc:events", event)
        return 'connections_closed_total{reason="slow"} 1' in stack.admin("notifier", "/metrics")[1]
    wait_until(is_over_the_limit, 10, "the outbox has no limit")
    return sleeper


def one_connection_too_many(make_stack, _):
    stack = notifier(make_stack, max_connections_per_user=1)
    oldest = stack.ws("42")
    stack.ws("42")
    return oldest


def sign_out(make_stack, _):
    stack = notifier(make_stack)
    stream, other = stack.ws("42"), stack.ws("43")
    stack.db.publish("cvpulse:control", '{"action":"disconnect","user":"42","code":4410}')
    assert stream.closed.wait(10)
    other.subscribed()
    return stream


def talker(make_stack, _):
    stream = notifier(make_stack, message_rate=5).ws("42")
    with contextlib.suppress(websockets.ConnectionClosed):
        for _ in range(50):
            stream.send("hello")
    return stream


PROVOKED = {1001: shutdown, 1009: long_message, 1012: restart, 1013: full_house, 4400: impossible_user, 4401: no_token,
            4403: another_users_token, 4408: sleeping_reader, 4409: one_connection_too_many, 4410: sign_out, 4429: talker}


@pytest.mark.parametrize("code", PROVOKED)
def test_the_code_reaches_the_client(make_stack, tmp_path, code):
    client = PROVOKED[code](make_stack, tmp_path)
    assert client.closed.wait(15)
    assert client.close_code == code


def test_no_code_of_the_table_is_left_out():
    assert sorted(PROVOKED) == sorted(TABLE)


RECONNECTS = {"NO": "no", "YES": "yes", "AFTER_DELAY": "yes, after the `retry_after_ms=<n>` of the close reason", "BACKOFF": "yes, with back-off",
              "NEW_TOKEN": "after getting a new token", "WHEN_VISIBLE": "when the page becomes visible"}


def documented(first_cell):
    text = (ROOT / "docs" / "close-codes.md").read_text()
    return [re.split(r" \| ", line.strip("| ")) for line in text.splitlines() if re.match(first_cell, line)]


def rows(table, *cells):
    return re.findall(r"^\w+\(" + r",\s*".join(cells) + r"\)$", (ROOT / "src" / table).read_text(), re.M)


def test_the_documentation_has_every_code():
    codes = rows("close_codes.def", r"(\d+)", r"\w+", r"(\w+)", r'"(.*)"')
    assert len(codes) == len(TABLE)
    assert documented(r"\| \d+ \|") == [[code, meaning, RECONNECTS[when]] for code, when, meaning in codes]


def test_the_documentation_has_every_reason():
    reasons = rows("close_reasons.def", r"(\w+)", r"(\d+)", r"(\w+)", r'"(.*)"')
    assert documented(r"\| `\w+` \|") == [[f"`{name}`", code if code != "0" else "none", by.lower(), meaning] for name, code, by, meaning in reasons]
