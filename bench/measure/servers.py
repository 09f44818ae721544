"""The servers that are held against each other. Each takes the same connections, and the same events from Redis."""
import shutil
import subprocess
import sys

from .processes import ROOT, SERVER_CPU, answers

PEERS = ROOT / "bench" / "peers"
NCHAN_MODULE = "/usr/lib/nginx/modules/ngx_nchan_module.so"

NGINX_CONF = """
load_module {module};
daemon off; master_process off; worker_rlimit_nofile 65536; error_log stderr; pid {folder}/nginx.pid;
events {{ worker_connections 32768; }}
http {{
    access_log off; keepalive_requests 1000000000; nchan_shared_memory_size 512M;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location ~ ^/publish/(\\w+)$ {{ nchan_publisher; nchan_channel_id $1; nchan_message_buffer_length 1; nchan_message_timeout 5s; }}
        location ~ ^/api/v1/cv-processing/ws/(\\w+)$ {{ nchan_subscriber websocket; nchan_channel_id $1; nchan_subscriber_first_message newest; }}
    }}
}}
"""


class Limit:
    """bench/limit: nothing but forwarding."""

    def start(self, processes, port):
        return [processes.start([processes.build / "bench" / "limit", port, processes.redis_socket], SERVER_CPU)]


class Cvpulse:
    """The notifier with every feature on. Only what protects against one address with 10,000 connections is opened."""

    def __init__(self, count=1, wrapper=(), **keys):
        self.count, self.wrapper, self.keys = count, wrapper, keys

    def start(self, processes, port):
        children = []
        for n in range(self.count):
            keys = {"redis.url": f"unix://{processes.redis_socket}", "auth.mode": "none", "notifier.listen": f"127.0.0.1:{port}",
                    "notifier.admin_listen": f"unix:{processes.folder}/admin{n}.sock", "notifier.connect_rate_per_ip": 0,
                    "notifier.max_connections_per_user": 0, "notifier.drain_s": 0, **self.keys}
            flags = [f for key, value in keys.items() for f in ("--set", f"{key}={value}")]
            children.append(processes.start([*self.wrapper, processes.build / "cvpulse-notifier", "-c", "/dev/null", *flags], SERVER_CPU))
        return children


class Node:
    """ws and ioredis, installed as the lock file says, outside the repository. Loses some frames now and then."""
    load_flags = ["--lossy"]

    def start(self, processes, port):
        if not (processes.folder / "node_modules").exists():
            for name in ("package.json", "package-lock.json", "node.js"):
                shutil.copy(PEERS / name, processes.folder)
            done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=processes.folder, capture_output=True, text=True, check=False)
            if done.returncode:
                sys.exit(f"bench: npm ci: {done.stderr[-500:]}")
        return [processes.start(["node", processes.folder / "node.js", port, processes.redis_socket], SERVER_CPU)]


class Fastapi:
    load_flags = ["--lossy"]

    def start(self, processes, port):
        return [processes.start(["/usr/bin/python3", "-B", PEERS / "fastapi_server.py", port, processes.redis_socket], SERVER_CPU)]


class Nchan:
    """Takes events by HTTP and answers no ping: it stands for the fastest there is without a Redis behind it."""
    load_flags = ["--silent", "--post", "--lossy"]

    def start(self, processes, port):
        conf = processes.folder / "nginx.conf"
        conf.write_text(NGINX_CONF.format(module=NCHAN_MODULE, folder=processes.folder, port=port))
        return [processes.start(["/usr/sbin/nginx", "-c", conf, "-p", processes.folder], SERVER_CPU)]


PEER_SERVERS = {"node": Node, "nchan": Nchan, "fastapi": Fastapi}


def started(processes, server, port):
    children = server.start(processes, port)
    processes.wait_for(lambda: answers(port), "the server")
    return children
