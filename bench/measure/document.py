"""The figures of docs/performance.md: each block between <!-- NAME --> and <!-- end --> is written anew from what was measured."""
import re

from . import capacity, report

# What the first table shows besides everything that has a target.
MORE = {("full", "frames_per_s"), ("steady", "p99_us"), ("storm_resumed", "storm_s"), ("storm_resumed", "cpu_us_per_connect"), ("pipeline", "p50_ms")}


def one_process(measured):
    lines = ["| | | cvpulse | limit | target |", "|---|---|---|---|---|"]
    for name in report.NAMES:
        servers = measured.get(name, {"servers": {}})["servers"]
        if "cvpulse" not in servers:
            continue
        mine, limit, title = servers["cvpulse"], servers.get("limit"), report.title_of(name)
        for key, heading, target in report.columns_of(name):
            if target or (name, key) in MORE:
                beside = report.number(limit[key]) if limit else ""
                lines.append(f"| {title} | {heading} | {report.number(mine[key])} | {beside} | {report.verdict(target, mine[key], limit and limit[key])} |")
                title = ""
    return lines


def tables(*names):
    def lines(measured):
        out = []
        for name in names:
            if name in measured:
                out += ["", f"{report.title_of(name)}:", "", *report.table(name, measured[name]["servers"])]
        return out[1:]
    return lines


BLOCKS = {"one process": one_process, "growth": tables("connections", "events"), "several processes": tables("scale"),
          "capacity": lambda measured: capacity.lines(measured)[2:-1]}


def filled(text, measured):
    for name, lines in BLOCKS.items():
        block = "\n".join([f"<!-- {name} -->", "", *lines(measured), "", "<!-- end -->"])
        text = re.sub(f"<!-- {name} -->.*?<!-- end -->", lambda _, block=block: block, text, flags=re.DOTALL)
    return text
