"""An HTTP server that answers as it is told by the path, badly for the most part. It listens on 127.0.0.1 and, with the same
port, on 127.0.0.2, which stands for what must not be reached."""
import gzip
import socket
import threading
import time
import urllib.parse

import pytest

CV = b"Jane Doe\njane@example.org\n+44 20 7946 0000\n\nExperience\n2019 - 2021 Engineer, Example Ltd\n"


def answer(status, body=b"", *headers):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def forever(connection, head, piece, pause=0.0):
    connection.sendall(head)
    while True:
        connection.sendall(piece)
        time.sleep(pause)


class HostileServer:
    """Paths are the names of its methods; ?n= is how often they are asked for before they do well."""

    def __init__(self):
        self.inside = socket.create_server(("127.0.0.1", 0))
        self.port = self.inside.getsockname()[1]
        self.forbidden = socket.create_server(("127.0.0.2", self.port))
        self.seen, self.forbidden_seen = [], 0
        self.closed = False
        for target, listener in ((self._serve, self.inside), (self._count, self.forbidden)):
            threading.Thread(target=self._accept, args=(listener, target), daemon=True).start()

    def url(self, path, host="127.0.0.1"):
        return f"http://{host}:{self.port}/{path}"

    def close(self):
        self.closed = True
        self.inside.close()
        self.forbidden.close()

    def _accept(self, listener, target):
        while not self.closed:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=target, args=(connection,), daemon=True).start()

    def _count(self, connection):
        self.forbidden_seen += 1
        connection.close()

    def _serve(self, connection):
        with connection:
            try:
                head = b""
                while b"\r\n\r\n" not in head:
                    piece = connection.recv(4096)
                    if not piece:
                        return
                    head += piece
                target = urllib.parse.urlsplit(head.split()[1].decode())
                name = target.path.strip("/").split("/")[0]
                self.seen.append(target.path)
                getattr(self, name)(connection, urllib.parse.parse_qs(target.query))
            except OSError:
                pass  # the client had enough

    def good(self, connection, query):
        connection.sendall(answer("200 OK", CV))

    def flaky(self, connection, query):
        connection.sendall(answer("503 Busy") if self.seen.count("/flaky") < 2 else answer("200 OK", CV))

    def missing(self, connection, query):
        connection.sendall(answer("404 Not Found", b"no such file"))

    def broken(self, connection, query):
        connection.sendall(answer("500 Oh", b"secret stack trace"))

    def empty(self, connection, query):
        connection.sendall(answer("200 OK"))

    def to(self, connection, query):
        connection.sendall(answer("302 Found", b"", f"Location: {query['url'][0]}"))

    def loop(self, connection, query):
        connection.sendall(answer("302 Found", b"", "Location: /loop"))

    def nowhere(self, connection, query):
        connection.sendall(answer("302 Found"))

    def silent(self, connection, query):
        time.sleep(60)

    def slow(self, connection, query):
        forever(connection, b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x", 0.05)

    def slow_head(self, connection, query):
        forever(connection, b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n", 0.05)

    def endless_head(self, connection, query):
        forever(connection, b"HTTP/1.1 200 OK\r\n", b"X-A: " + b"b" * 60000 + b"\r\n")

    def endless(self, connection, query):
        forever(connection, b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536)

    def endless_chunks(self, connection, query):
        forever(connection, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"x" * 65536 + b"\r\n")

    def endless_error(self, connection, query):
        forever(connection, b"HTTP/1.1 503 Busy\r\n\r\n", b"x" * 65536)

    def huge(self, connection, query):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n" + CV)

    def short(self, connection, query):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + CV)

    def cut_chunks(self, connection, query):
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\nonly a part")

    def negative(self, connection, query):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n" + CV)

    def nonsense(self, connection, query):
        connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

    def bomb(self, connection, query):
        connection.sendall(answer("200 OK", gzip.compress(b"a" * 50_000_000), "Content-Encoding: gzip"))


@pytest.fixture(scope="module")
def hostile():
    server = HostileServer()
    yield server
    server.close()
