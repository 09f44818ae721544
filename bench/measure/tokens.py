"""Bearer tokens for the users of the load generator."""
import base64
import hashlib
import hmac
import json
import time

SECRET = hashlib.sha256(b"only for measurements").hexdigest()


def encode(part):
    return base64.urlsafe_b64encode(part).rstrip(b"=")


def write_tokens(folder, users):
    """`secret` and `tokens` (a line for each of u0, u1, …) in the folder; once."""
    if (folder / "tokens").exists():
        return
    head, exp = encode(b'{"alg":"HS256","typ":"JWT"}'), int(time.time()) + 86400
    with open(folder / "tokens", "wb") as f:
        for n in range(users):
            body = head + b"." + encode(json.dumps({"sub": f"u{n}", "exp": exp}).encode())
            f.write(body + b"." + encode(hmac.digest(SECRET.encode(), body, "sha256")) + b"\n")
    (folder / "secret").write_text(SECRET)
