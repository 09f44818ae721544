"""Tokens: every kind of good and bad one in every place where one can be, and who may then see whose events."""
import asyncio
import http.server
import json
import threading
import time

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from harness import BASE, Stream, wait_until

SECRET = "0123456789abcdef0123456789abcdef"
PAGE = "https://app.example.org"


def pem(key):
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


KEYS = {name: rsa.generate_private_key(65537, 2048) for name in ("file", "jwks", "rotated", "stranger")}
KEYS["ec"] = ec.generate_private_key(ec.SECP256R1())


def claims(**changes):
    now = int(time.time())
    return {k: v for k, v in {"sub": "42", "exp": now + 600, "aud": "cvpulse", "iss": "login", **changes}.items() if v is not None}


def token(key=SECRET, algorithm="HS256", headers=None, **changes):
    return jwt.encode(claims(**changes), key, algorithm, headers=headers)


def confused():
    """HS256 with the bytes of the public key file as the secret; made by hand, since the library refuses to."""
    import base64
    import hashlib
    import hmac

    def part(raw):
        return base64.urlsafe_b64encode(raw).rstrip(b"=")
    body = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(json.dumps(claims()).encode())
    return (body + b"." + part(hmac.new(pem(KEYS["file"]), body, hashlib.sha256).digest())).decode()


class Jwks:
    """A provider of keys that can change them and go away."""

    def __init__(self):
        self.names = ["jwks"]
        self.fetched = 0
        self.broken = False
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                provider.fetched += 1
                body = provider.document()
                self.send_response(500 if provider.broken else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/jwks"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def document(self):
        keys = []
        for name in self.names:
            key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEYS[name].public_key()))
            keys.append({**key, "kid": name, "use": "sig", "alg": "RS256"})
        return json.dumps({"keys": keys}).encode()


@pytest.fixture(scope="module")
def jwks():
    provider = Jwks()
    yield provider
    provider.server.shutdown()


@pytest.fixture(scope="module")
def stack(jwks, tmp_path_factory):
    from harness import Stack
    folder = tmp_path_factory.mktemp("keys")
    (folder / "secret").write_text(SECRET + "\n")
    (folder / "public.pem").write_bytes(pem(KEYS["file"]) + pem(KEYS["ec"]))
    stack = Stack(without=("worker",), notifier={"connect_rate_per_ip": 0}, auth={
        "mode": "jwt", "jwt_secret_file": folder / "secret", "jwt_public_key_file": folder / "public.pem", "jwks_url": jwks.url,
        "jwks_min_interval_s": 0.2, "audience": "cvpulse", "issuer": "login", "cookie_name": "session", "query_token": "yes", "leeway_s": 3,
        "allowed_origins": PAGE}).start()
    wait_until(lambda: jwks.fetched, 10)
    yield stack
    stack.finish()


GOOD = {
    "hs256": lambda: token(),
    "rs256 by file": lambda: token(KEYS["file"], "RS256"),
    "es256 by file": lambda: token(KEYS["ec"], "ES256"),
    "rs256 by jwks": lambda: token(KEYS["jwks"], "RS256", {"kid": "jwks"}),
    "aud is a list": lambda: token(aud=["x", "cvpulse"]),
    "just expired, inside the leeway": lambda: token(exp=int(time.time())),
    "service": lambda: token(sub="robot", scope="service"),
}
BAD = {  # what: (token, close code)
    "none at all": (lambda: "", 4401),
    "no token": (lambda: "nonsense", 4401),
    "expired": (lambda: token(exp=int(time.time()) - 100), 4401),
    "not yet valid": (lambda: token(nbf=int(time.time()) + 100), 4401),
    "without exp": (lambda: token(exp=None), 4401),
    "wrong audience": (lambda: token(aud="other"), 4401),
    "wrong issuer": (lambda: token(iss="other"), 4401),
    "alg none": (lambda: jwt.encode(claims(), None, "none"), 4401),
    "hs256 signed with the public key": (confused, 4401),
    "signed by a stranger": (lambda: token(KEYS["stranger"], "RS256"), 4401),
    "unknown kid": (lambda: token(KEYS["stranger"], "RS256", {"kid": "nobody"}), 4401),
    "hs384": (lambda: token(algorithm="HS384"), 4401),
    "somebody else's": (lambda: token(sub="43"), 4403),
}


def by_header(stack, text, user="42"):
    return Stream(stack.ws_url(user), {"Authorization": f"Bearer {text}", "Origin": PAGE})


def by_cookie(stack, text, user="42"):
    return Stream(stack.ws_url(user), {"Cookie": f"a=b; session={text}; c=d", "Origin": PAGE})


def by_query(stack, text, user="42"):
    return Stream(stack.ws_url(user, f"token={text}"), {"Origin": PAGE})


def by_message(stack, text, user="42"):
    stream = Stream(stack.ws_url(user, "auth=message"), {"Origin": PAGE}).connected()
    stream.send(json.dumps({"type": "auth", "token": text}))
    return stream


def by_ticket(stack, text, user="42"):
    """A ticket is asked for with the token; without a good token there is none, and a made-up one is no better."""
    answer = requests.post(f"{stack.url}{BASE}/tickets", headers={"Authorization": f"Bearer {text}"}, params={"user_id": user}, timeout=10)
    ticket = answer.json().get("ticket", "made-up")
    return Stream(stack.ws_url(user, f"ticket={ticket}"), {"Origin": PAGE})


PLACES = {f.__name__: f for f in (by_header, by_cookie, by_query, by_message, by_ticket)}


def judged(stack, stream):
    """The close code, the HTTP status of a refusal before the upgrade, or 0 when the stream works."""
    stack.streams.append(stream)
    assert stream.opened.wait(10)
    if not stream.closed.is_set():
        asyncio.run_coroutine_threadsafe(stream.socket.send("ping"), stream.loop)
    wait_until(lambda: stream.closed.is_set() or '{"type": "pong"}' in stream.texts, 10)
    if not stream.closed.is_set():
        return 0
    return getattr(stream.failure, "status_code", None) or stream.close_code


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", GOOD)
def test_a_good_token_is_taken(stack, kind, place):
    assert judged(stack, PLACES[place](stack, GOOD[kind]())) == 0


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", BAD)
def test_a_bad_token_is_refused(stack, kind, place):
    make, code = BAD[kind]
    if kind == "none at all" and place == "by_message":
        pytest.skip("a message without a token is no sign-in")
    assert judged(stack, PLACES[place](stack, make())) == code


@pytest.mark.parametrize("kind", BAD)
def test_without_an_origin_a_refusal_is_a_status(stack, kind):
    make, code = BAD[kind]
    # Whether a key is known may take a round trip, which comes after the upgrade.
    codes = (code, code - 4000) if kind == "unknown kid" else (code - 4000,)
    assert judged(stack, Stream(stack.ws_url("42"), {"Authorization": f"Bearer {make()}"})) in codes


@pytest.mark.parametrize("accept", ["text/event-stream", "application/json"])
@pytest.mark.parametrize("kind", BAD)
def test_http_transports_refuse_the_same(stack, kind, accept):
    make, code = BAD[kind]
    answer = requests.get(f"{stack.url}{BASE}/events/42", headers={"Authorization": f"Bearer {make()}", "Accept": accept}, timeout=10)
    assert answer.status_code == code - 4000
    assert answer.headers["Content-Type"] == "application/problem+json" and answer.json()["code"]


def test_a_cookie_from_another_site_is_refused(stack):
    for origin in ("https://evil.example.org", "null", "https://app.example.org.evil.org"):
        assert judged(stack, Stream(stack.ws_url("42"), {"Cookie": f"session={token()}", "Origin": origin})) == 4403
    assert judged(stack, Stream(stack.ws_url("42"), {"Cookie": f"session={token()}"})) == 403


def test_a_ticket_works_once(stack):
    answer = requests.post(f"{stack.url}{BASE}/tickets", headers={"Authorization": f"Bearer {token()}"}, timeout=10)
    assert answer.status_code in (200, 201) and answer.json()["expires_in"] == 30
    assert answer.headers["Cache-Control"] == "private, no-store"
    ticket = answer.json()["ticket"]
    assert judged(stack, Stream(stack.ws_url("42", f"ticket={ticket}"), {"Origin": PAGE})) == 0
    assert judged(stack, Stream(stack.ws_url("42", f"ticket={ticket}"), {"Origin": PAGE})) == 4401
    other = requests.post(f"{stack.url}{BASE}/tickets", headers={"Authorization": f"Bearer {token()}"}, timeout=10).json()["ticket"]
    assert judged(stack, Stream(stack.ws_url("43", f"ticket={other}"), {"Origin": PAGE})) in (4401, 4403)


def test_a_token_is_renewed_in_place_and_its_end_closes(stack):
    stream = by_message(stack, token(exp=int(time.time()) + 1))
    assert judged(stack, stream) == 0
    assert stream.wait(lambda frames: any(f.get("type") == "token_expiring" for f in frames), 5)
    stream.send(json.dumps({"type": "auth", "token": token(exp=int(time.time()) + 4)}))
    time.sleep(4.8)
    assert not stream.closed.is_set()
    assert stream.closed.wait(10) and stream.close_code == 4401


@pytest.mark.parametrize("renewal,code", [("bad", 4401), ("other", 4403)])
def test_a_bad_renewal_closes(stack, renewal, code):
    stream = by_message(stack, token())
    assert judged(stack, stream) == 0
    stream.send(json.dumps({"type": "auth", "token": "x" if renewal == "bad" else token(sub="43")}))
    assert stream.closed.wait(10) and stream.close_code == code


def test_no_sign_in_within_the_time_closes(stack):
    stream = Stream(stack.ws_url("42", "auth=message"), {"Origin": PAGE}).connected()
    stack.db.publish("user:42:events", '{"type":"secret"}')
    assert stream.closed.wait(10) and stream.close_code == 4401
    assert stream.texts == []


def test_rotated_keys_are_found_and_a_broken_provider_changes_nothing(stack, jwks):
    jwks.names = ["jwks", "rotated"]
    time.sleep(0.3)
    new = token(KEYS["rotated"], "RS256", {"kid": "rotated"})
    assert judged(stack, by_header(stack, new)) == 0
    jwks.broken = True
    time.sleep(0.3)
    assert judged(stack, by_header(stack, token(KEYS["stranger"], "RS256", {"kid": "nobody"}))) == 4401
    assert judged(stack, by_header(stack, new)) == 0
    jwks.broken = False


def test_forged_key_names_do_not_hammer_the_provider(stack, jwks):
    before, began = jwks.fetched, time.monotonic()
    streams = [by_header(stack, token(KEYS["stranger"], "RS256", {"kid": f"forged{i}"})) for i in range(40)]
    assert all(judged(stack, s) == 4401 for s in streams)
    assert jwks.fetched - before <= (time.monotonic() - began) / 0.2 + 2


def test_a_service_reads_for_any_user(stack):
    stream = by_header(stack, token(sub="robot", scope="service"), "7")
    assert judged(stack, stream) == 0
    stack.db.publish("user:7:events", '{"type":"x"}')
    stream.wait(lambda frames: {"type": "x"} in frames)


def test_no_token_reaches_a_log(stack):
    secret = token(sub="42", jti="marker")
    for place in PLACES.values():
        judged(stack, place(stack, secret))
    text = stack.notifier.output() + stack.nginx.output() + (stack.folder / "access.log").read_text()
    assert secret not in text and secret.split(".")[2] not in text
