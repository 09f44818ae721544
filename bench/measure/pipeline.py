"""The worker's whole way: CVs a second from the first upload to the last terminal event, and how long one takes alone."""
import json
import statistics
import subprocess

from .processes import ROOT, is_ready, rss_kib

SAMPLES = [p for p in sorted((ROOT / "docs" / "samples").iterdir()) if p.suffix != ".md"]
CVS = 300
COLUMNS = [("cvs_per_s", f"CVs/s, {CVS} files at once", (">=", 50)), ("p50_ms", "from `queued` to `completed`, nothing else waiting: p50 ms", None),
           ("p95_ms", "the same, p95 ms", ("<", 150)), ("grown_kib", "memory of the worker, grown over all of it, KiB", None)]


def span_ms(frames):
    """From the first event to the last: their ids begin with the time in ms."""
    times = [int(f["id"].split("-")[0]) for f in frames]
    return max(times) - min(times) or 1


def measure(processes, rounds):
    """CVs a second from the first upload to the last terminal event, and how long one takes when nothing else waits."""
    redis = processes.start_redis("--appendonly", "yes", "--dir", str(processes.folder))
    keys = {"redis.url": f"unix://{processes.redis_socket}", "auth.mode": "none", "worker.listen": f"unix:{processes.folder}/worker.sock",
            "worker.admin_listen": f"unix:{processes.folder}/worker-admin.sock", "worker.spool_dir": f"{processes.folder}/spool",
            "worker.extract_program": processes.build / "cvpulse-extract", "redis.history_length": 100000}
    (processes.folder / "spool").mkdir()
    flags = [f for key, value in keys.items() for f in ("--set", f"{key}={value}")]
    worker = processes.start([processes.build / "cvpulse-worker", "-c", "/dev/null", *flags])
    processes.wait_for(lambda: is_ready(processes.folder / "worker.sock"), "cvpulse-worker")

    def submit(*files):
        argv = [processes.build / "cvpulse", "-c", "/dev/null", *flags, "submit", "--user", "bench", "--force", "--wait", *files]
        subprocess.run([str(a) for a in argv], stdout=subprocess.DEVNULL, check=True)

    def events():
        entries = subprocess.run(["redis-cli", "-s", processes.redis_socket, "--json", "XRANGE", "user:bench:history", "-", "+"],
                                 capture_output=True, text=True, check=True)
        return [json.loads(fields[1]) for _, fields in json.loads(entries.stdout)]
    submit(*SAMPLES[:2])
    rss_before = rss_kib(worker.pid)
    once, many = [], []
    for sample in SAMPLES * 2:
        seen = len(events())
        submit(sample)
        once.append(span_ms([e for e in events()[seen:] if e["type"] == "cv_progress"]))
    for _ in range(rounds):
        seen = len(events())
        submit(*(SAMPLES * (CVS // len(SAMPLES) + 1))[:CVS])
        many.append(CVS * 1000 / span_ms(events()[seen:]))
        print(f"pipeline: {many[-1]:.1f} CVs/s", flush=True)
    result = {"cvs_per_s": statistics.median(many), "p50_ms": statistics.median(once), "p95_ms": sorted(once)[int(len(once) * 0.95)],
              "grown_kib": rss_kib(worker.pid) - rss_before, "cvs": CVS * rounds + len(once)}
    processes.stop(worker)
    processes.stop(redis)
    return result
