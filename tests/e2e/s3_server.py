"""A strict S3 server for tests: one bucket in memory, every request's Signature Version 4 worked out again from the request as
it came (path, query, headers, the bytes of its body) and refused as Amazon refuses it. It fails or stalls when a test says so."""
import hashlib
import hmac
import re
import ssl
import threading
import time
import urllib.parse
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

KEY_ID, SECRET, BUCKET, REGION = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "cvs", "eu-central-1"
MAX_SKEW_S = 900
AUTHORIZATION = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, ?"
                           r"SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})")


class Refused(Exception):
    def __init__(self, status, code):
        super().__init__(code)
        self.status, self.code = status, code


def quote(text, safe=""):
    return urllib.parse.quote(text, safe=safe + "-_.~")


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def canonical_query(query):
    pairs = urllib.parse.parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    return "&".join(sorted(f"{quote(name)}={quote(value)}" for name, value in pairs))


class S3Server:
    """`objects`: key to (bytes, seconds since 1970 of its last change). `seen`: (method, key) of what was let in. `trouble`, set by
    a test: f(method, key) gives None, a status to answer with, "cut" (the connection breaks) or "stall" (until `calm`)."""

    def __init__(self, certificate=None):
        self.objects, self.seen, self.refused = {}, [], []
        self.trouble = lambda method, key: None
        self.page, self.stalled = 1000, 0
        self.lock = threading.Lock()
        self.stopped = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                server.handle(self)
            do_GET = do_HEAD = do_PUT = do_DELETE = do_POST = handle_any

            def log_message(self, *_):
                pass

        class Httpd(ThreadingHTTPServer):
            def handle_error(self, *_):
                pass  # a client that was killed
        self.httpd = Httpd(("127.0.0.1", 0), Handler)
        self.httpd.daemon_threads = True
        self.port = self.httpd.server_address[1]
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.port}"
        if certificate:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(certificate)
            self.httpd.socket = tls.wrap_socket(self.httpd.socket, server_side=True)
        threading.Thread(target=self.httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self):
        self.stopped.set()
        self.httpd.shutdown()
        self.httpd.server_close()

    def keys(self, ending=""):
        return sorted(key for key in list(self.objects) if key.endswith(ending))

    def holds(self, marker):
        marker = marker.lower()
        return [key for key, (body, _) in list(self.objects.items()) if marker.encode() in body.lower() or marker in key.lower()]

    def calm(self):
        self.trouble = lambda method, key: None

    # One request.

    def handle(self, request):
        body = b""
        try:
            path, _, query = request.path.partition("?")
            key = urllib.parse.unquote(path).removeprefix(f"/{BUCKET}/")
            if self._troubled(request, key):
                return
            body = self._body(request)
            self._check_signature(request, path, query, body)
            if not path.startswith(f"/{BUCKET}"):
                raise Refused(404, "NoSuchBucket")
            with self.lock:
                self.seen.append((request.command, key))
                status, content = self._run(request.command, key if path.startswith(f"/{BUCKET}/") and path != f"/{BUCKET}/" else "", query, body)
            self._answer(request, status, content)
        except Refused as e:
            if e.code != "NoSuchKey":
                self.refused.append(e.code)
            self._answer(request, e.status, f'<?xml version="1.0"?><Error><Code>{e.code}</Code></Error>'.encode())
        except OSError:
            request.close_connection = True

    def _troubled(self, request, key):
        trouble = self.trouble(request.command, key)
        if trouble is None:
            return False
        if trouble == "stall":
            self.stalled += 1
            while not self.stopped.wait(0.02) and self.trouble(request.command, key) == "stall":
                pass
        request.close_connection = True
        if isinstance(trouble, int):
            self._body(request)
            self._answer(request, trouble, b"<Error><Code>SlowDown</Code></Error>")
        return True

    @staticmethod
    def _body(request):
        if "Transfer-Encoding" in request.headers:
            raise Refused(501, "NotImplemented")
        if request.command == "PUT" and "Content-Length" not in request.headers:
            raise Refused(411, "MissingContentLength")
        return request.rfile.read(int(request.headers.get("Content-Length", 0)))

    @staticmethod
    def _answer(request, status, content):
        request.send_response(status)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(content)

    def _check_signature(self, request, path, query, body):
        headers = {name.lower(): " ".join(value.split()) for name, value in request.headers.items()}
        match = AUTHORIZATION.fullmatch(headers.get("authorization", ""))
        if not match:
            raise Refused(403 if "authorization" not in headers else 400, "AccessDenied" if "authorization" not in headers else "AuthorizationHeaderMalformed")
        key_id, day, region, names, signature = match.groups()
        if key_id != KEY_ID:
            raise Refused(403, "InvalidAccessKeyId")
        if region != REGION:
            raise Refused(400, "AuthorizationHeaderMalformed")
        stamp, payload = headers.get("x-amz-date", ""), headers.get("x-amz-content-sha256", "")
        signed = names.split(";")
        must = {"host"} | {name for name in headers if name.startswith("x-amz-")}
        if signed != sorted(signed) or not must <= set(signed) <= set(headers) or not payload or not stamp.startswith(day):
            raise Refused(403, "AccessDenied")
        moment = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc).timestamp()
        if abs(moment - time.time()) > MAX_SKEW_S:
            raise Refused(403, "RequestTimeTooSkewed")
        canonical = "\n".join([request.command, quote(urllib.parse.unquote(path), "/"), canonical_query(query),
                               *(f"{name}:{headers[name]}" for name in signed), "", names, payload])
        scope = f"{day}/{region}/s3/aws4_request"
        key = mac(mac(mac(mac(f"AWS4{SECRET}".encode(), day), region), "s3"), "aws4_request")
        wanted = hmac.new(key, f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}".encode(), hashlib.sha256)
        if not hmac.compare_digest(wanted.hexdigest(), signature):
            raise Refused(403, "SignatureDoesNotMatch")
        if payload != hashlib.sha256(body).hexdigest():
            raise Refused(400, "XAmzContentSHA256Mismatch")

    def _run(self, method, key, query, body):
        if method == "GET" and not key:
            return 200, self._list(dict(urllib.parse.parse_qsl(query, keep_blank_values=True)))
        if not key:
            raise Refused(405, "MethodNotAllowed")
        if method == "PUT":
            self.objects[key] = (body, time.time())
            return 200, b""
        if method == "DELETE":
            self.objects.pop(key, None)
            return 204, b""
        if key not in self.objects:
            raise Refused(404, "NoSuchKey")
        return 200, self.objects[key][0]

    def _list(self, query):
        if query.get("list-type") != "2":
            raise Refused(400, "InvalidArgument")
        after = query.get("continuation-token") or query.get("start-after", "")
        after = after.removeprefix("token+/=")
        most = min(int(query.get("max-keys", 1000)), self.page)
        keys = sorted(key for key in self.objects if key.startswith(query.get("prefix", "")) and key > after)
        more = len(keys) > most
        rows = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>{datetime.fromtimestamp(self.objects[key][1], timezone.utc):%Y-%m-%dT%H:%M:%S.000Z}"
            f"</LastModified><ETag>&quot;x&quot;</ETag><Size>{len(self.objects[key][0])}</Size></Contents>" for key in keys[:most])
        token = f"<NextContinuationToken>token+/={escape(keys[most - 1])}</NextContinuationToken>" if more else ""
        return (f'<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>{BUCKET}</Name>'
                f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{rows}</ListBucketResult>").encode()
