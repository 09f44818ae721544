"""What is measured with bench/load: the connections, the events, and what performance must be reached."""
import json
import statistics
import typing

import redis as redis_py

from .processes import LOAD_CPU, free_port, run_pinned
from .servers import PEER_SERVERS, Cvpulse, Limit, started
from .share import Share
from .tokens import write_tokens

HISTORY_ID = "1763712000000-"
CONNECTIONS, RATES = (100, 1000, 5000, 15000), (500, 5000, 20000, 50000)


class Column(typing.NamedTuple):
    key: str
    heading: str
    # ("x", 1.25): at most so many times the limit's; ("<=", 3), ("<", 3), (">=", 3): the number itself; None: not judged
    target: tuple = None


class Scenario(typing.NamedTuple):
    title: str
    arguments: list
    columns: list
    servers: dict = {"limit": Limit(), "cvpulse": Cvpulse()}
    peers: bool = False
    arguments_of: dict = {}     # of a server that cannot carry the load of the others
    seconds: int = 0            # 0: as --seconds says
    prepare: typing.Callable = None


FRAME = Column("cpu_us_per_frame", "CPU µs a frame", ("x", 1.25))
CPU_OF_OTHERS = [Column("redis_us_per_frame", "beside it Redis, CPU µs a frame"), Column("load_us_per_frame", "and the load generator, CPU µs a frame")]


def fill_history(processes):
    """Five events for every user: the connection resumes behind the third."""
    pipeline = redis_py.Redis(unix_socket_path=str(processes.redis_socket)).pipeline(transaction=False)
    for user in range(10000):
        for n in range(5):
            prev = f"{HISTORY_ID}{n}" if n else "0-0"
            frame = f'{{"id":"{HISTORY_ID}{n + 1}","prev":"{prev}","type":"cv_progress","cv_id":"c1","batch_id":"b1","status":"processing","progress":{n}}}'
            pipeline.xadd(f"user:u{user}:history", {"f": frame}, id=f"{HISTORY_ID}{n + 1}")
    pipeline.execute()


LOST = Column("frames_lost", "frames lost", ("<=", 0))
WITH_TOKENS = Cvpulse(**{"auth.mode": "jwt", "auth.jwt_secret_file": "secret"})

SCENARIOS = {
    "full": Scenario("1,000 connections, as many frames as go through", ["frames", "--connections", "1000"],
                     [Column("frames_per_s", "frames/s"), FRAME, *CPU_OF_OTHERS, Column("p50_us", "p50 µs"), Column("p99_us", "p99 µs"), LOST], peers=True),
    "steady": Scenario("10,000 connections, 5,000 events/s (FastAPI: 500)", ["frames", "--connections", "10000", "--rate", "5000"],
                       [Column("cpu_us_per_frame", "CPU µs a frame", ("x", 1.3)), Column("p50_us", "p50 µs", ("x", 1.3)), Column("p99_us", "p99 µs"), LOST],
                       peers=True, arguments_of={"fastapi": ["frames", "--connections", "10000", "--rate", "500"]}),
    "fanout": Scenario("20 events/s, each to 1,000 connections of one user", ["frames", "--connections", "1000", "--rate", "20", "--fanout"],
                       [Column("cpu_us_per_frame", "CPU µs a frame", ("x", 1.2)), Column("p50_us", "p50 µs"), Column("p99_us", "p99 µs"), LOST], peers=True),
    "idle": Scenario("10,000 idle connections", ["idle", "--connections", "10000"],
                     [Column("kib_per_connection", "KiB a connection", ("<=", 2.5)), Column("connects_per_s", "connects/s, 100 handshakes at a time", (">=", 10000)),
                      Column("cpu_percent", "% of a core while idle")], peers=True),
    "resumed": Scenario("10,000 idle connections with a token each, resumed behind an event",
                        ["idle", "--connections", "10000", "--tokens", "tokens", "--query", f"?after_id={HISTORY_ID}3"],
                        [Column("kib_per_connection", "KiB a connection", ("<=", 4)), Column("connects_per_s", "connects/s, 100 handshakes at a time")],
                        servers={"cvpulse": WITH_TOKENS}, prepare=fill_history),
    "storm": Scenario("10,000 connections cut, and back at once", ["storm", "--connections", "10000"],
                      [Column("storm_s", "s until all are back", ("x", 3)), Column("storm_connects_per_s", "connects/s"),
                       Column("cpu_us_per_connect", "CPU µs a connection, going and coming", ("<=", 150))]),
    "storm_resumed": Scenario("The same with tokens and resume", ["storm", "--connections", "10000", "--tokens", "tokens", "--query", f"?after_id={HISTORY_ID}3"],
                              [Column("storm_s", "s until all are back"), Column("storm_connects_per_s", "connects/s"),
                               Column("cpu_us_per_connect", "CPU µs a connection, going and coming")], servers={"cvpulse": WITH_TOKENS}, prepare=fill_history),
    "heartbeat": Scenario("15,000 connections that only need their heartbeats (a heartbeat and a PING each in 30 s)", ["idle", "--connections", "15000"],
                          [Column("cpu_percent", "% of a core", ("<", 3)), Column("kib_per_connection", "KiB a connection")],
                          servers={"cvpulse": Cvpulse()}, seconds=31),
    "scale": Scenario("1,000 connections at full rate, each process with 15 % of a core", ["frames", "--connections", "1000"],
                      [Column("frames_per_s", "frames/s"), Column("cpu_us_per_frame", "CPU µs a frame"), *CPU_OF_OTHERS],
                      servers={f"{n} process{'es' if n > 1 else ''}": Share(Cvpulse(count=n), percent=15) for n in (1, 2, 4)}),
    # How cost grows: the same events on more connections, and more events on the same connections.
    "connections": Scenario("5,000 events/s on more and more connections", ["frames", "--rate", "5000"],
                            [Column("cpu_us_per_frame", "CPU µs a frame"), Column("p50_us", "p50 µs"), Column("p99_us", "p99 µs")],
                            servers={f"{n:,}": Cvpulse() for n in CONNECTIONS},
                            arguments_of={f"{n:,}": ["frames", "--rate", "5000", "--connections", str(n)] for n in CONNECTIONS}),
    "events": Scenario("10,000 connections with more and more events a second", ["frames", "--connections", "10000"],
                       [Column("cpu_us_per_frame", "CPU µs a frame"), Column("p50_us", "p50 µs"), Column("p99_us", "p99 µs")],
                       servers={f"{n:,}/s": Cvpulse() for n in RATES},
                       arguments_of={f"{n:,}/s": ["frames", "--connections", "10000", "--rate", str(n)] for n in RATES}),
}


def load(processes, arguments, server, seconds, prepare=None):
    write_tokens(processes.folder, users=15000)
    redis, port = processes.start_redis(), free_port()
    if prepare:
        prepare(processes)
    children = started(processes, server, port)
    pids = [a for child in children for a in ("--pid", child.pid)]
    source = [] if "--post" in getattr(server, "load_flags", []) else ["--redis", processes.redis_socket]
    arguments = [processes.folder / a if a == "tokens" else a for a in arguments]
    try:
        output = run_pinned([processes.build / "bench" / "load", *arguments, *getattr(server, "load_flags", []), "--seconds", seconds, "--port", port, *source,
                             "--redis-pid", redis.pid, *pids], LOAD_CPU)
    finally:
        for child in [*children, redis]:
            processes.stop(child)
    return json.loads(output)


def compare(processes, name, rounds, seconds, peers):
    """Medians of every column for every server; the servers take turns in each round."""
    scenario = SCENARIOS[name]
    servers = dict(scenario.servers)
    if scenario.peers:
        servers.update((peer, PEER_SERVERS[peer]()) for peer in peers)
    runs = {server: [] for server in servers}
    for n in range(rounds):
        for server, how in servers.items():
            arguments = scenario.arguments_of.get(server, scenario.arguments)
            runs[server].append(load(processes, arguments, how, scenario.seconds or seconds, scenario.prepare))
            print(f"{name} {n + 1}/{rounds} {server}: {runs[server][-1]}", flush=True)
    return {server: {c.key: statistics.median(r[c.key] for r in results) for c in scenario.columns} for server, results in runs.items()}
