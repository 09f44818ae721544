"""What one event costs Redis: through the publish script, and with the plain commands that it replaces."""
import os
import statistics

import redis as redis_py

from .processes import ROOT, SERVER_CPU, pinned

USERS, BATCHES, CVS_A_BATCH = 50, 4, 12
STEPS = [("queued", 0), *(("processing", p) for p in (5, 25, 45, 65, 85)), ("completed", 100)]
REST = '"filename":"jane.pdf","stage":"extract","message":"Reading page 2 of 4"'
COLUMNS = [("script_us", "Redis µs for one publish through the script", ("<=", 45)), ("script_us_per_frame", "the same, µs for each frame that goes out (the CV's, and the batch's when it moved)", None),
           ("plain_us", "PUBLISH and XADD of one ready frame, µs", None), ("publish_us", "PUBLISH alone, µs", None), ("frames_per_call", "frames a call", None)]


def usec(db, command):
    stats = db.info("commandstats")[f"cmdstat_{command}"]
    return float(stats["usec"]), int(stats["calls"])


def by_script(db):
    sha = db.script_load((ROOT / "src" / "publish.lua").read_text())
    db.config_resetstat()
    for batch in range(BATCHES):
        for status, progress in STEPS:
            pipeline = db.pipeline(transaction=False)
            for user in range(USERS):
                for cv in range(CVS_A_BATCH):
                    pipeline.evalsha(sha, 1, f"user:p{user}:", f"p{user}", f"b{batch}", f"b{batch}c{cv}", status, 1, progress, REST)
            pipeline.execute()
    total, calls = usec(db, "evalsha")
    return total / calls, usec(db, "publish")[1] / calls


def plainly(db, frames):
    frame = db.xrevrange("user:p0:history", count=1)[0][1][b"f"]
    db.config_resetstat()
    for _ in range(frames // 1000):
        pipeline = db.pipeline(transaction=False)
        for n in range(1000):
            pipeline.publish(f"user:p{n % USERS}:events", frame)
            pipeline.xadd(f"user:p{n % USERS}:history", {"f": frame}, maxlen=1000, approximate=False)
        pipeline.execute()
    publish, xadd = (total / calls for total, calls in (usec(db, "publish"), usec(db, "xadd")))
    return publish, xadd


def measure_once(processes):
    server = processes.start_redis()
    channels = [f"user:p{user}:events" for user in range(USERS)]
    listener = processes.start(["redis-cli", "-s", processes.redis_socket, "SUBSCRIBE", *channels], SERVER_CPU)
    db = redis_py.Redis(unix_socket_path=str(processes.redis_socket))
    processes.wait_for(lambda: len(db.pubsub_channels()) == USERS, "the listener")
    script, frames = by_script(db)
    publish, xadd = plainly(db, 20000)
    processes.stop(listener)
    processes.stop(server)
    result = {"script_us": script, "script_us_per_frame": script / frames, "plain_us": publish + xadd, "publish_us": publish, "frames_per_call": frames}
    print(f"publish: {result}", flush=True)
    return result


def measure(processes, rounds):
    """Redis has a core of its own; who publishes and who listens share the other one."""
    cores = os.sched_getaffinity(0)
    pinned(SERVER_CPU)()
    try:
        runs = [measure_once(processes) for _ in range(rounds)]
    finally:
        os.sched_setaffinity(0, cores)
    return {key: statistics.median(r[key] for r in runs) for key in runs[0]}
