"""100 uploads at the same time into the worker, by multipart and by tus, against nginx's own `dav` PUT into the same disk."""
import base64
import hashlib
import os
import pathlib
import selectors
import socket
import statistics
import time

from .processes import answers, free_port, is_ready

PARALLEL, BYTES = 100, 5_000_000
COLUMNS = [("mb_per_s", "MB/s", None), ("percent", "% of nginx", (">=", 70)), ("failed", "uploads that failed", ("<=", 0)), ("cpu_ms", "CPU ms an upload", None),
           ("peak_rss_mib", "memory at the highest, MiB", ("<", 100))]
NGINX_CONF = """
daemon off; master_process off; error_log stderr; pid {folder}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
    access_log off; client_max_body_size 100m; client_body_temp_path {folder}/dav/temp;
    proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{port} backlog=1024; root {folder}/dav; location / {{ dav_methods PUT; }} }}
}}
"""
BEFORE = b'--xx\r\nContent-Disposition: form-data; name="file"; filename="%d.txt"\r\n\r\n'
AFTER = b"\r\n--xx--\r\n"
BASE = "/api/v1/cv-processing"


def head(line, length, *lines):
    return "\r\n".join([f"{line} HTTP/1.1", "Host: localhost", f"Content-Length: {length}", "Connection: close", *lines, "", ""]).encode()


def put(n):
    return head(f"PUT /{n}.txt", BYTES), b""


def multipart(n):
    before = BEFORE % n
    return head(f"POST {BASE}/cvs?force=1", len(before) + BYTES + len(AFTER), "Content-Type: multipart/form-data; boundary=xx") + before, AFTER


def tus(n):
    return head(f"POST {BASE}/files", BYTES, "Tus-Resumable: 1.0.0", f"Upload-Length: {BYTES}", "Content-Type: application/offset+octet-stream",
                f"Upload-Metadata: force MQ==,filename {base64.b64encode(b'%d.txt' % n).decode()}"), b""


class Upload:
    """One request; its bytes come from a file without passing through this program."""

    def __init__(self, port, request, file):
        self.head, self.tail = request
        self.file, self.sent, self.answer = file, 0, b""
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setblocking(False)

    def write(self):
        """Whether there is more to write."""
        if self.head:
            self.head = self.head[self.socket.send(self.head):]
        elif self.sent < BYTES:
            self.sent += os.sendfile(self.socket.fileno(), self.file, self.sent, BYTES - self.sent)
        else:
            self.tail = self.tail[self.socket.send(self.tail):]
        return self.head or self.sent < BYTES or self.tail

    def read(self):
        """Whether the answer is not over."""
        piece = self.socket.recv(65536)
        self.answer += piece
        return piece


def turn(selector, upload, events):
    """Whether the upload goes on."""
    try:
        if events & selectors.EVENT_WRITE and not upload.write():
            selector.modify(upload.socket, selectors.EVENT_READ, upload)
        return not events & selectors.EVENT_READ or upload.read()
    except BlockingIOError:
        return True
    except OSError:
        return False


def burst(child, port, request, file):
    """MB a second from the first byte to the last answer, what it cost the server, and how many were not taken."""
    began, cpu_before = time.monotonic(), cpu_ms(child.pid)
    selector = selectors.DefaultSelector()
    uploads = [Upload(port, request(n), file) for n in range(PARALLEL)]
    for upload in uploads:
        selector.register(upload.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, upload)
    while selector.get_map():
        for key, events in selector.select(60):
            if not turn(selector, key.data, events):
                selector.unregister(key.data.socket)
                key.data.socket.close()
    seconds = time.monotonic() - began
    failed = [u for u in uploads if not u.answer.startswith(b"HTTP/1.1 2")]
    return {"mb_per_s": PARALLEL * BYTES / seconds / 1e6, "cpu_ms": (cpu_ms(child.pid) - cpu_before) / PARALLEL, "failed": len(failed)}


def cpu_ms(pid):
    """Of all its threads, in user space and in the kernel."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def peak_rss_mib(pid):
    for line in open(f"/proc/{pid}/status", encoding="ascii"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0


def start_nginx(processes):
    port, conf = free_port(), processes.folder / "nginx.conf"
    (processes.folder / "dav" / "temp").mkdir(parents=True)
    user = "user root root;\n" if os.getuid() == 0 else ""
    conf.write_text(user + NGINX_CONF.format(folder=processes.folder, port=port))
    child = processes.start(["/usr/sbin/nginx", "-e", "stderr", "-c", conf, "-p", processes.folder])
    processes.wait_for(lambda: answers(port), "nginx")
    return child, port


def start_worker(processes):
    port = free_port()
    redis = processes.start_redis("--appendonly", "yes", "--dir", str(processes.folder))
    keys = {"redis.url": f"unix://{processes.redis_socket}", "auth.mode": "none", "worker.listen": [f"127.0.0.1:{port}", f"unix:{processes.folder}/worker.sock"],
            "worker.admin_listen": f"unix:{processes.folder}/worker-admin.sock", "worker.spool_dir": f"{processes.folder}/spool", "worker.roles": "ingest"}
    (processes.folder / "spool").mkdir()
    flags = [f for key, value in keys.items() for f in ("--set", f"{key}={','.join(value) if isinstance(value, list) else value}")]
    child = processes.start([processes.build / "cvpulse-worker", "-c", "/dev/null", *flags])
    processes.wait_for(lambda: is_ready(processes.folder / "worker.sock"), "cvpulse-worker")
    return child, redis, port


def empty(processes):
    """What was uploaded goes, and the disk has nothing left to do."""
    for pattern in ("dav/*.txt", "spool/*/c*"):
        for path in processes.folder.glob(pattern):
            path.unlink()
    os.sync()


def write_file(folder):
    """Bytes that no file system can leave out."""
    path = pathlib.Path(folder) / "upload"
    block = hashlib.shake_256(b"cvpulse").digest(BYTES)
    path.write_bytes(block)
    return os.open(path, os.O_RDONLY)


def measure(processes, rounds):
    file = write_file(processes.folder)
    nginx, nginx_port = start_nginx(processes)
    worker, redis, port = start_worker(processes)
    servers = {"nginx dav PUT": (nginx, nginx_port, put), "cvpulse": (worker, port, multipart), "cvpulse, tus": (worker, port, tus)}
    runs = {name: [] for name in servers}
    for n in range(rounds):
        for name, (child, at, request) in servers.items():
            runs[name].append(burst(child, at, request, file))
            empty(processes)
            print(f"upload {n + 1}/{rounds} {name}: {runs[name][-1]}", flush=True)
    os.close(file)
    result = {}
    for name, (child, _, _) in servers.items():
        result[name] = {"mb_per_s": statistics.median(r["mb_per_s"] for r in runs[name]), "cpu_ms": statistics.median(r["cpu_ms"] for r in runs[name]), "failed": sum(r["failed"] for r in runs[name]),
                        "peak_rss_mib": peak_rss_mib(child.pid)}
        result[name]["percent"] = 100 * result[name]["mb_per_s"] / result["nginx dav PUT"]["mb_per_s"]
    for child in (worker, redis, nginx):
        processes.stop(child)
    return result
