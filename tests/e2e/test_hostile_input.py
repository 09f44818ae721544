"""10,000 broken HTTP and WebSocket inputs against the running notifier and worker: they answer or close, and go on."""
import os
import random
import socket
import threading

import pytest

from harness import BASE, PATIENCE, unix_get
from test_rfc6455 import CLOSE, CONTINUATION, PING, TEXT, frame

UPGRADE = (f"GET {BASE}/ws/42 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n").encode()
MULTIPART = (b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\nJane Doe\r\n--b--\r\n')
SEEDS = {
    "notifier": [
        UPGRADE, UPGRADE + frame(TEXT, b"ping") + frame(PING, b"x") + frame(CLOSE, b"\x03\xE8"),
        UPGRADE + frame(TEXT, b"pi", fin=False) + frame(CONTINUATION, b"ng"),
        UPGRADE.replace(b"/ws/42", b"/ws/42?after_id=1763712000000-1&snapshot=1") + frame(TEXT, b'{"type":"auth","token":"a.b.c"}'),
        f"GET {BASE}/events/42?after_id=0-0&wait=0 HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\r\n".encode(),
        f"GET {BASE}/events/42 HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nLast-Event-ID: 1-1\r\n\r\n".encode(),
        f"POST {BASE}/tickets HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{{}}".encode(),
        b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /health/ready HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
    "worker": [
        f"POST {BASE}/cvs?user_id=42 HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: {len(MULTIPART)}\r\n\r\n".encode() + MULTIPART,
        f"POST {BASE}/batches HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{{\"total\":3}}".encode(),
        f"GET {BASE}/batches?cursor=0 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(),
        f"GET {BASE}/cvs/c1 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(),
        b"GET /health/comprehensive HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
}
WORDS = [b"\r\n", b"\n", b"\0", b"%", b"%00", b"%2F", b"Content-Length: -1\r\n", b"Content-Length: 28\r\nContent-Length: 0\r\n", b"Transfer-Encoding: chunked\r\n",
         b"Content-Length: 99999999999999999999\r\n", b"Expect: 100-continue\r\n", b"Connection: close\r\n", b"\xFF\xFE", b"HTTP/0.9", b"HTTP/1.0", b"A" * 5000, b": ",
         b"../" * 20, b"?", b"&", b"=", b"--b\r\n", b"--b--", b'filename="', b"filename*=UTF-8''%E2%82%AC", b"{", b"[", b'"']


def mutate(seed, rnd):
    data = bytearray(seed)
    for _ in range(rnd.randint(1, 6)):
        at = rnd.randrange(len(data) + 1)
        match rnd.randrange(6):
            case 0:
                data[at:at] = rnd.choice(WORDS)
            case 1:
                del data[at:at + rnd.randint(1, 40)]
            case 2:
                data[at:at + 1] = bytes([rnd.randrange(256)])
            case 3:
                data[at:at] = data[rnd.randrange(len(data) + 1):][:rnd.randint(1, 200)]
            case 4:
                del data[at:]
            case 5:
                data[at:at] = rnd.randbytes(rnd.randint(1, 30))
        if not data:
            data = bytearray(seed)
    return bytes(data)


def throw(path, seeds, count, seed, problems):
    rnd = random.Random(seed)
    for _ in range(count):
        data = mutate(rnd.choice(seeds), rnd)
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(0.02)
            try:
                s.connect(str(path))
                s.sendall(data)
                if rnd.random() < 0.5:
                    s.shutdown(socket.SHUT_WR)
                s.recv(65536)
            except (TimeoutError, BrokenPipeError, ConnectionResetError):
                pass
            except OSError as e:
                problems.append(repr(e))
                return


@pytest.mark.parametrize("daemon", SEEDS)
def test_broken_input_never_stops_a_daemon(make_stack, daemon):
    stack = make_stack(without=("nginx",), notifier={"connect_rate_per_ip": 0, "max_connections_per_user": 0})
    path, problems = stack.folder / f"{daemon}.sock", []
    process = getattr(stack, daemon)
    seed = int(os.environ.get("CVPULSE_SEED", random.randrange(2**32)))
    threads = [threading.Thread(target=throw, args=(path, SEEDS[daemon], 1250, seed + i, problems)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not process.ended(), f"seed {seed}: {process.output()[-3000:]}"
    assert not problems, f"seed {seed}: {problems[:3]}"
    assert unix_get(path, "/health/live")[0] == 200
    descriptors = len(os.listdir(f"/proc/{process.child.pid}/fd"))
    assert descriptors < 400 * PATIENCE, f"{descriptors} descriptors are open"
