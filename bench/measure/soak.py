"""Hours in small: many connections, some of which come and go, events to all. Nothing may be lost, and memory must stay."""
import json
import subprocess
import sys
import time

import redis as redis_py

from .processes import LOAD_CPU, ROOT, free_port, pinned
from .servers import Cvpulse, started

CONNECTIONS, CHURN = 10000, 100
FLAT = 1.03         # how much more memory the last quarter may use than the second one
COLUMNS = [("minutes", "minutes", None), ("frames", "frames delivered", None), ("reconnects", "connections cut, and back with `after_id`", None),
           ("lost", "frames lost, doubled or out of order", ("<=", 0)), ("rss_early_mib", "memory (RSS, MiB): most in the second quarter", None),
           ("rss_late_mib", "most in the last quarter", None), ("growth", "growth between the two", ("<=", FLAT)), ("cpu_percent", "% of a core", None)]


def follow(child):
    """The reports of bench/soak, as they come; shown once a minute."""
    reports = []
    for line in child.stdout:
        reports.append(json.loads(line))
        if len(reports) % 6 == 1:
            print(f"soak: {line.strip()}", flush=True)
    if child.wait():
        sys.exit("bench: the soak broke off")
    return reports


def users_behind(db, last_ids):
    """How many users did not get the last event that stands in their history."""
    behind = 0
    for start in range(0, len(last_ids), 1000):
        pipeline = db.pipeline(transaction=False)
        for n in range(start, min(start + 1000, len(last_ids))):
            pipeline.xrevrange(f"user:u{n}:history", count=1)
        for n, entries in enumerate(pipeline.execute(), start):
            newest = entries[0][0].decode() if entries else "0-0"
            behind += newest != last_ids[n]
    return behind


def judge(reports, behind, seconds):
    quarter = len(reports) // 4
    early = max(r["rss_kib"] for r in reports[quarter:2 * quarter + 1])
    late = max(r["rss_kib"] for r in reports[-quarter - 1:])
    last = reports[-1]
    return {"minutes": seconds / 60, "frames": last["frames"], "reconnects": last["reconnects"], "lost": last["broken"] + last["resyncs"] + behind,
            "rss_early_mib": early / 1024, "rss_late_mib": late / 1024, "growth": late / early,
            "cpu_percent": 100 * (last["cpu_s"] - reports[0]["cpu_s"]) / max(1, last["s"] - reports[0]["s"])}


def measure(processes, seconds, rate):
    processes.start_redis()
    port = free_port()
    (server,) = started(processes, Cvpulse(), port)
    db = redis_py.Redis(unix_socket_path=str(processes.redis_socket))
    sha = db.script_load((ROOT / "src" / "publish.lua").read_text())
    last = processes.folder / "last-ids"
    argv = [processes.build / "bench" / "soak", "--port", port, "--redis", processes.redis_socket, "--pid", server.pid, "--sha", sha, "--connections", CONNECTIONS,
            "--churn", CHURN, "--rate", rate, "--seconds", seconds, "--last", last]
    began = time.time()
    with subprocess.Popen([str(a) for a in argv], stdout=subprocess.PIPE, text=True, preexec_fn=pinned(LOAD_CPU)) as child:
        processes.children.append(child)
        reports = follow(child)
        processes.children.remove(child)
    result = judge(reports, users_behind(db, last.read_text().split()), seconds)
    print(f"soak: {result}, after {time.time() - began:.0f} s", flush=True)
    return result
