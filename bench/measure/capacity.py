"""How much 10,000, 100,000 and 1,000,000 connections need, reckoned from what was measured. docs/performance.md explains it."""
import math

CONNECTIONS = (10_000, 100_000, 1_000_000)
UPLOADING = 0.05        # of the people who are connected, at a busy moment
CVS_A_MINUTE = 12       # that one of them has processed
EVENTS_A_CV = 7         # calls of the publish script; each makes a frame of the CV and mostly one of its batch
FRAMES_AN_EVENT = 2
BACK_WITHIN_S = 10      # after a host or a network was lost, all connections are back within that time
BUSY = 0.5              # of a core, or of Redis, at most


def number(value):
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def reckon(n, servers):
    """All for n connections; `servers` are the measured medians of cvpulse by scenario."""
    events = n * UPLOADING * CVS_A_MINUTE * EVENTS_A_CV / 60
    frames = events * FRAMES_AN_EVENT
    cores = frames * servers["steady"]["cpu_us_per_frame"] / 1e6 + n / 15000 * servers["heartbeat"]["cpu_percent"] / 100
    storm_s = n * servers["storm_resumed"]["cpu_us_per_connect"] / 1e6
    redis = events * servers["publish"]["script_us"] / 1e6
    return {"events/s": events, "frames/s": frames, "notifier: cores in use": cores, "notifier: memory, MiB": n * servers["resumed"]["kib_per_connection"] / 1024,
            "CPU for all to come back, s": storm_s, "notifier processes": math.ceil(max(cores / BUSY, storm_s / BACK_WITHIN_S)),
            "publishing: % of one Redis": redis * 100, "Redis servers": math.ceil(redis / BUSY)}


def lines(measured):
    names = ("steady", "heartbeat", "storm_resumed", "resumed", "publish")
    if any(name not in measured for name in names):
        return []
    servers = {name: measured[name]["servers"]["cvpulse"] for name in names}
    columns = [reckon(n, servers) for n in CONNECTIONS]
    rows = [f"| {what} | {' | '.join(number(c[what]) for c in columns)} |" for what in columns[0]]
    return ["## What so many connections need (reckoned from the above)", "",
            f"{UPLOADING:.0%} of them upload, {CVS_A_MINUTE} CVs a minute each, {EVENTS_A_CV} events a CV, {FRAMES_AN_EVENT} frames an event; all have tokens and resume;",
            f"no core and no Redis more than {BUSY:.0%} busy; after a loss of all connections they are back within {BACK_WITHIN_S} s.", "",
            f"| connections | {' | '.join(f'{n:,}' for n in CONNECTIONS)} |", "|---|---|---|---|", *rows, ""]
